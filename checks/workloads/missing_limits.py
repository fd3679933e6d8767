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

from conformant.domain.limits import Key, missing
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Severity
from conformant.platform import Platform
from conformant.views.workload import EPHEMERAL, INIT, Container, Workload

NEEDED: tuple[Key, ...] = (("requests", "cpu"), ("requests", "memory"), ("limits", "memory"), ("limits", "cpu"))
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
            yield from aspects([_judge(container, platform, needed)])


def _judge(container: Container, platform: Platform, needed: tuple[Key, ...]) -> Iterator[Finding]:
    init = container.role == INIT
    absent = missing(container, (("limits", "memory"),) if init else needed, platform)
    if absent:
        names = ", ".join(".".join(key) for key in absent)
        message = f"{'init container' if init else 'container'} {container.name!r} has no {names}"
        yield Finding(message, container.path / "resources", Severity.MEDIUM if init else None, CURE)
