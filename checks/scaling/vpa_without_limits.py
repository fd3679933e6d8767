"""A VerticalPodAutoscaler sizes containers that have no limits to scale.

What it checks: Every container of the target that the autoscaler sizes states what it controls: limits of CPU and
memory (of CPU unless the profile says otherwise), or requests alone where it sets requests alone. What the pod or
a LimitRange gives counts.

Why it matters: A VerticalPodAutoscaler scales an existing limit in proportion to the request; where there is
none, it never sets one. The container stays without a bound, whatever the autoscaler's maximum says.

How to fix: State requests and limits in the workload; the autoscaler changes them from there.

When it is fine: CPU limits that you leave out on purpose: set the profile's `require_cpu_limit` to false.
"""

from collections.abc import Iterator

from conformant.domain.limits import Key, missing
from conformant.domain.scaling import workload_of
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, Undecided
from conformant.platform import Platform
from conformant.views.scaling import CPU, MEMORY, VerticalPodAutoscaler
from conformant.views.workload import MAIN, Container

TARGET = Path(("spec", "targetRef", "name"))


@check(
    id="SCL-003",
    severity=Severity.MEDIUM,
    requirement="autoscaling",
    controls=["nist-800-53r5/SC-6", "soc2/A1.1", "iso-27001-2022/A.8.6"],
)
def vpa_without_limits(vpa: VerticalPodAutoscaler, platform: Platform) -> Iterator[Item]:
    if vpa.advises:
        yield NotApplicable("it only recommends")
        return
    workload = workload_of(vpa.resource, platform)
    if workload is None:
        yield Undecided("its target is not declared here")
        return
    for container in workload.containers(MAIN):
        yield from aspects([_judge(vpa, container, platform)])


def _judge(vpa: VerticalPodAutoscaler, container: Container, platform: Platform) -> Iterator[Finding]:
    policy = vpa.policy(container.name)
    section = "requests" if policy is not None and policy.requests_only else "limits"
    wanted: list[Key] = [
        (section, name)
        for name in vpa.controls(container.name)
        if name in (CPU, MEMORY) and (section == "requests" or name == MEMORY or platform.profile.require_cpu_limit)
    ]
    absent = missing(container, tuple(wanted), platform)
    if absent:
        names = " and ".join(".".join(key) for key in absent)
        message = f"container {container.name!r} of {container.workload.name} has no {names}: none is ever set"
        yield Finding(message, TARGET, cure=Cure("state requests and limits in the workload", grade="none"))
