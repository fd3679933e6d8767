"""What the API server refuses beyond schemas: its own code, admission, and CEL rules of custom kinds."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from conformant.model import Undecided
from conformant.profile import version_tuple
from conformant.schema.problem import Problem
from conformant.schema.rules.custom import CUSTOM_RULES
from conformant.schema.rules.kind import Rule
from conformant.schema.rules.metadata import metadata_rules
from conformant.schema.rules.networking import NETWORK_RULES
from conformant.schema.rules.objects import OBJECT_RULES
from conformant.schema.rules.pods import pod_rules
from conformant.schema.rules.workloads import WORKLOAD_RULES, pod_template

_RULES: dict[str, tuple[Rule, ...]] = {**NETWORK_RULES, **OBJECT_RULES, **WORKLOAD_RULES, **CUSTOM_RULES}
_NEWEST = (1 << 16,)


def rejected(group: str, version: str, kind: str, raw: Any, profile_kubernetes: str) -> Iterator[Problem | Undecided]:
    """The faults of `raw` that no schema expresses. `profile_kubernetes` is the target version,
    empty for the newest known.

    A value that is not known makes its rule undecided: that is yielded, and the others go on.
    """
    kubernetes = _target(profile_kubernetes)
    if raw.__class__ is not dict:
        return
    for rule in (metadata_rules, *_RULES.get(f"{group}/{kind}", ())):
        try:
            yield from rule(raw, kubernetes)
        except Undecided as undecided:
            yield undecided
    try:
        template = pod_template(group, kind, raw)
    except Undecided as undecided:
        yield undecided
        return
    if template is not None:
        yield from pod_rules(template, kubernetes)


@cache
def _target(version: str) -> tuple[int, ...]:
    return version_tuple(version) or _NEWEST
