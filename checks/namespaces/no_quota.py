"""A tenant namespace has no quota, or no defaults for containers.

What it checks: Every namespace with workloads, but ``default`` and those of the platform's operators, has a
ResourceQuota of requests.cpu, requests.memory, limits.memory and pods, above zero and without scopes that leave
ordinary pods out; and a LimitRange that gives containers a default and a default request of CPU and memory, as
the API server completes them. There is one finding for each namespace.

Why it matters: Without a quota one tenant, or one loop that creates pods, takes the cluster from all others;
without defaults, pods that state nothing are refused, or run without bounds.

How to fix: A ResourceQuota and a LimitRange in each namespace.

When it is fine: Clusters of one tenant, whose node pools are the bound.
"""

from collections.abc import Iterator
from typing import Any

from conformant.domain.limits import filled
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Resource, Severity, dig, mapping, sequence
from conformant.platform import Namespace
from conformant.views.quantity import parse_quantity

HARD = Path(("spec", "hard"))
NEEDED = (
    ("requests.cpu", ("requests.cpu", "cpu")), ("requests.memory", ("requests.memory", "memory")),
    ("limits.memory", ("limits.memory",)), ("pods", ("pods", "count/pods")),
)  # fmt: skip
DEFAULTS = (("requests", "cpu"), ("requests", "memory"), ("limits", "memory"))
ORDINARY = frozenset({"NotTerminating", "NotBestEffort"})


@check(
    id="NS-003",
    severity=Severity.MEDIUM,
    requirement="resource-limits",
    controls=[
        "nist-800-53r5/SC-5", "nist-800-53r5/SC-6", "nsa-hardening-1.2/network-separation", "soc2/A1.1",
        "iso-27001-2022/A.8.6",
    ],
)  # fmt: skip
def no_quota(namespace: Namespace) -> Iterator[Item]:
    if not namespace.tenant or namespace.name == "default":
        yield NotApplicable("no tenant namespace of its own")
        return
    quotas, ranges = namespace.of("/ResourceQuota"), namespace.of("/LimitRange")
    absent = [*_not_bounded(quotas), *_not_filled(ranges)]
    if absent:
        message = f"namespace {namespace.name} has no {', no '.join(absent)}"
        cure = Cure("a ResourceQuota of requests, limits and pods, and a LimitRange with defaults", grade="none")
        if quotas:
            yield Finding(message, HARD, cure=cure, at=quotas[0])
        else:
            yield Finding(message, Path(("metadata", "name")), cure=cure)


def _not_bounded(quotas: list[Resource]) -> Iterator[str]:
    """What no quota for ordinary pods bounds, one word for all where there is no quota."""
    if not quotas:
        yield "ResourceQuota"
        return
    hard = [mapping(quota.raw, *HARD) for quota in quotas if _ordinary(quota)]
    for name, keys in NEEDED:
        if not any(_positive(bounds.get(key)) for bounds in hard for key in keys):
            yield f"quota of {name}"


def _ordinary(quota: Resource) -> bool:
    """Whether a quota counts pods that run for long and request something, whatever their priority."""
    scopes = set(map(str, sequence(quota.raw, "spec", "scopes")))
    scopes |= {str(dig(term, "scopeName")) for term in sequence(quota.raw, "spec", "scopeSelector", "matchExpressions")}
    return scopes <= ORDINARY


def _positive(value: Any) -> bool:
    quantity = parse_quantity(value)
    return quantity is not None and quantity > 0


def _not_filled(ranges: list[Resource]) -> Iterator[str]:
    """What no LimitRange gives to containers that state nothing."""
    if not ranges:
        yield "LimitRange"
        return
    given = {
        key
        for limits in ranges
        for entry in sequence(limits.raw, "spec", "limits")
        if dig(entry, "type") == "Container"
        for key in filled(entry)
    }
    for section, name in DEFAULTS:
        if (section, name) not in given:
            yield f"{'default request' if section == 'requests' else 'default limit'} of {name} in a LimitRange"
