"""An object has a field that its kind does not know.

What it checks: Every field of an object is one of its schema, that of Kubernetes or of the kind's own
CustomResourceDefinition (--crds). Free-form maps (labels, ConfigMap data, a KongPlugin's config, a Kafka
broker's config …) take any key. Fields that a check of their own looks at are left to it: those of a
KongIngress to GW-001 and GW-002, redisConfig to RED-001. Of a custom kind without a definition at hand the
first object is undecided, in the name of all others.

Why it matters: A plain request drops the field silently: the limit, the security setting or the TLS block
that was written is not in force. kubectl and server-side apply refuse the object instead.

How to fix: Use the name that is suggested, or move the field to where it belongs.

When it is fine: A definition older than the field: give the one that the cluster has.
"""

import re
from collections.abc import Iterator
from typing import Any

from conformant.leaf import Item, check
from conformant.model import REMOVE, Cure, Finding, Path, Severity
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.schema import Problem
from conformant.schema.constraints import holds_unknown
from conformant.schema.unjudged import without_schema
from conformant.views.base import Object
from conformant.views.literals import texts

PROTECTIVE = lazy(
    "secur|privileg|capabilit|runas|readonly|seccomp|tls|auth|password|secret|encrypt|networkpolic"
    "|resource|limit|request|memory|cpu|quota|peer|allow|deny",
    re.IGNORECASE,
)
SPEAKING = frozenset({"env", "value", "data", "stringData", "args", "command", "config", "password", "token"})


@check(
    id="SCH-004",
    severity=Severity.HIGH,
    controls=["nist-800-53r5/CM-6", "nist-800-53r5/SI-10", "iso-27001-2022/A.8.9"],
)
def unknown_field(thing: Object, platform: Platform) -> Iterator[Item]:
    resource, schemas = thing.resource, platform.schemas
    for problem in schemas.unknown_fields(resource.group, resource.version, resource.kind, resource.raw):
        if not owned(thing, problem.path):
            level = Severity.HIGH if protective(problem) else Severity.MEDIUM
            yield Finding(message(problem), problem.path, level, cure(thing, problem))
    unjudged = without_schema(resource, platform)
    if unjudged is not None:
        yield unjudged


def owned(thing: Object, path: Path) -> bool:
    """Whether a check of its own judges this place."""
    if thing.resource.group == "configuration.konghq.com":
        return thing.kind == "KongIngress" and path[0] in ("route", "proxy", "upstream")
    return thing.resource.group == "redis.redis.opstreelabs.in" and "redisConfig" in path


def protective(problem: Problem) -> bool:
    """Whether the field, or the block it stands in, was to protect or to limit something."""
    names = [step for step in problem.path[-2:] if isinstance(step, str)]
    return any(PROTECTIVE.search(name) for name in (*names, problem.suggestion))


def message(problem: Problem) -> str:
    parent = str(Path(problem.path[:-1]))
    where = f"{parent} has no field {problem.path[-1]!r}" if parent else f"there is no field {problem.path[-1]!r}"
    meant = f" ({problem.suggestion!r} is meant?)" if problem.suggestion else ""
    return f"{where}{meant}: a plain request drops it silently, kubectl and server-side apply refuse the object"


def cure(thing: Object, problem: Problem) -> Cure:
    """The renaming, as a patch where the right name is free and no secret could be in the value."""
    if not problem.suggestion:
        return Cure("move it to where it belongs, or remove it", grade="none")
    advice = f"rename it to {problem.suggestion}"
    parent: Any = thing.raw
    for step in problem.path[:-1]:
        parent = parent[step]
    value, renamed = parent[problem.path[-1]], Path((*problem.path[:-1], problem.suggestion))
    if problem.suggestion in parent or thing.kind == "Secret" or not quotable(value, renamed):
        return Cure(advice, grade="none")
    return Cure(advice, ((problem.path, REMOVE), (renamed, value)))


def quotable(value: Any, path: Path) -> bool:
    """Whether a patch may carry the value: it is known, and holds no text where secrets are written."""
    return not holds_unknown(value) and all(SPEAKING.isdisjoint((*path, *way)) for way, _ in texts(value))
