"""A container has no CPU or memory requests or limits.

What it checks: Main and sidecar containers state requests.cpu, requests.memory, limits.memory and, unless
the profile says otherwise, limits.cpu; none of them zero. A limit stands for its request, since the API
server copies it; resources of the whole pod cover containers without their own; a LimitRange with
defaults in the namespace fills in too. Init containers need a memory limit. A VerticalPodAutoscaler is
no substitute: it changes what is there.

Why it matters: Without requests the scheduler packs blindly; without a memory limit one leak takes its
whole node down.

How to fix: Measure, then write requests and limits.

When it is fine: CPU limits that you leave out on purpose: set the profile's `require_cpu_limit` to false.
"""

from collections.abc import Iterator
from typing import Any

from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Resource, Severity, dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.quantity import parse_quantity
from conformant.views.workload import EPHEMERAL, INIT, Container, Workload

NEEDED = (("requests", "cpu"), ("requests", "memory"), ("limits", "memory"), ("limits", "cpu"))
CURE = Cure("state requests and limits from what the program uses", grade="review")


@check(
    id="WRK-001",
    severity=Severity.HIGH,
    controls=[
        "nist-800-53r5/SC-5", "nist-800-53r5/SC-6", "nsa-hardening-1.2/network-separation", "soc2/A1.1",
        "iso-27001-2022/A.8.6",
    ],
)  # fmt: skip
def missing_limits(workload: Workload, platform: Platform) -> Iterator[Item]:
    needed = NEEDED if platform.profile.require_cpu_limit else NEEDED[:3]
    for container in workload.all_containers:
        if container.role != EPHEMERAL:
            yield from aspects([_judge(container, workload, platform, needed)])


def _judge(
    container: Container, workload: Workload, platform: Platform, needed: tuple[tuple[str, str], ...]
) -> Iterator[Finding]:
    resources = mapping(container.raw.get("resources"))
    init = container.role == INIT
    wanted = (("limits", "memory"),) if init else needed
    missing = [key for key in wanted if not _stated(resources, *key)]
    if not missing:
        return
    pod = workload.pod.get("resources")
    if pod is not None:
        missing = [key for key in missing if not _stated(mapping(pod), *key)]
    if missing:
        defaults = platform.derived(_defaults).get(workload.namespace, frozenset())
        missing = [key for key in missing if key not in defaults]
    if missing:
        names = ", ".join(".".join(key) for key in missing)
        message = f"{'init container' if init else 'container'} {container.name!r} has no {names}"
        yield Finding(message, container.path / "resources", Severity.MEDIUM if init else None, CURE)


def _stated(resources: dict[Any, Any], section: str, name: str) -> bool:
    """Whether a quantity above zero is there; a request may be implied by its limit."""
    value = dig(resources, section, name)
    if value is None and section == "requests":
        value = dig(resources, "limits", name)
    if value is None or value == "":
        return False
    quantity = parse_quantity(value)
    return quantity is None or quantity > 0


def _defaults(platform: Platform) -> dict[str, frozenset[tuple[str, str]]]:
    """What the LimitRanges of each namespace fill in for containers."""
    found: dict[str, set[tuple[str, str]]] = {}
    for limits in platform.kind("/LimitRange"):
        found.setdefault(limits.namespace, set()).update(_filled(limits))
    return {namespace: frozenset(keys) for namespace, keys in found.items()}


def _filled(limits: Resource) -> Iterator[tuple[str, str]]:
    for entry in sequence(limits.raw, "spec", "limits"):
        if dig(entry, "type") != "Container":
            continue
        for name in ("cpu", "memory"):
            if dig(entry, "default", name):
                yield "limits", name
            if dig(entry, "defaultRequest", name) or dig(entry, "default", name):
                yield "requests", name
