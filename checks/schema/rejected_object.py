"""The API server would refuse the object.

What it checks: The object has every field that its schema requires, with values of the right type, form and
range, and keeps the rules that the server's own code and the common operators' definitions add: a selector
that matches the template, limits not below requests, one handler for each probe, unique names, valid
policies, labels that are text. Of the rules that definitions write in CEL those of Strimzi, Kong, Istio
and the Redis operator that matter most are judged, the others are not: only a server-side dry run
(kubectl apply --dry-run=server) says the last word. Objects of a custom kind without a definition at hand
(--crds) are never passed: SCH-004 is undecided of them.

Why it matters: What is refused is not there. Often that is a policy or a budget, and nobody misses it
before it is needed.

How to fix: Mend the field that is named. A Deployment's selector cannot be changed later: an object that
exists already must be made anew.

When it is fine: Never for what is meant to be applied as it stands.
"""

from collections.abc import Iterator
from typing import Any

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, Undecided, mapping
from conformant.schema import Problem, Schemas
from conformant.views.base import Object

SELECTOR = Path(("spec", "selector"))
LABELS = Path(("spec", "template", "metadata", "labels"))
NAMING = ("app.kubernetes.io/name", "app")
REPLICATED = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"})


@check(
    id="SCH-003",
    severity=Severity.HIGH,
    aliases=["DEL-003"],
    controls=["nist-800-53r5/CM-6", "soc2/CC8.1", "iso-27001-2022/A.8.9"],
)
def rejected_object(thing: Object, schemas: Schemas) -> Iterator[Item]:
    resource = thing.resource
    for found in schemas.rejections(resource.group, resource.version, resource.kind, resource.raw):
        yield finding(found, thing) if isinstance(found, Problem) else found
    if not schemas.knows(resource.group, resource.version, resource.kind):
        yield NotApplicable("no schema of its kind at hand: what is judged without one holds, see SCH-002 and SCH-004")


def finding(problem: Problem, thing: Object) -> Finding:
    """A problem as a finding; what older servers still take is a lesser one."""
    level = Severity.LOW if problem.kind == "tolerated" else None
    text = f"{problem.path}: {problem.message}" if problem.path else problem.message
    missing = problem.path == SELECTOR and problem.kind == "required" and thing.kind in REPLICATED
    return Finding(text, problem.path, level, selector(thing) if missing else None)


def selector(thing: Object) -> Cure | None:
    """A selector by the template's labels, or by the name where the template has none."""
    try:
        labels = mapping(thing.raw, *LABELS)
        named = {key: labels[key] for key in NAMING if isinstance(labels.get(key), str)}
    except Undecided:
        return None
    if not named and thing.name == "?":
        return None
    chosen = named or {"app": thing.name}
    patches: list[tuple[Path, Any]] = [(SELECTOR, {"matchLabels": chosen})]
    if not named:
        patches.append((LABELS, {**labels, **chosen}))
    return Cure("select the template's own labels", tuple(patches))
