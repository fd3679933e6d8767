"""A horizontal and a vertical autoscaler go by the same resource of the same workload.

What it checks: No HorizontalPodAutoscaler (or ScaledObject of KEDA) scales by CPU or memory a workload of which a
VerticalPodAutoscaler, unless it only recommends, controls that resource. A metric of one container concerns that
container only. Without metrics a HorizontalPodAutoscaler goes by CPU.

Why it matters: The one adds pods when they use much of what they request; the other raises the request, so that
they use little of it. Together they swing, or end with the wrong number of pods of the wrong size.

How to fix: Scale by a metric of the load, such as requests per second, or take the resource out of the vertical
autoscaler's controlledResources.

When it is fine: Never on the same resource.
"""

from collections.abc import Iterator

from conformant.domain.scaling import Scaling, target_of, workload_of
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity
from conformant.platform import Platform
from conformant.views.scaling import HorizontalScaler, Metric, VerticalPodAutoscaler
from conformant.views.workload import MAIN

TARGET = Path(("spec", "targetRef"))


@check(
    id="SCL-004",
    severity=Severity.HIGH,
    requirement="autoscaling",
    controls=["nist-800-53r5/SC-5", "soc2/A1.1", "iso-27001-2022/A.8.6"],
)
def rival_autoscalers(vpa: VerticalPodAutoscaler, platform: Platform) -> Iterator[Item]:
    target = target_of(vpa.resource, platform)
    rivals = platform.derived(Scaling).horizontal.at(target) if target is not None else []
    if vpa.advises or not rivals:
        yield NotApplicable("it only recommends, or nothing else scales its target")
        return
    workload = workload_of(vpa.resource, platform)
    names = [container.name for container in workload.containers(MAIN)] if workload is not None else []
    for rival in rivals:
        yield from aspects([_judge(vpa, rival, names)])


def _judge(vpa: VerticalPodAutoscaler, rival: HorizontalScaler, containers: list[str]) -> Iterator[Finding]:
    shared = sorted({metric.name for metric in rival.resource_metrics if _sets(vpa, metric, containers)})
    if shared:
        what = " and ".join(shared)
        message = (
            f"{rival.kind} {rival.name} scales by {what}, which this autoscaler sets: they work against each other"
        )
        advice = f"scale by another metric, or take {what} out of controlledResources"
        yield Finding(message, TARGET, cure=Cure(advice, grade="none"))


def _sets(vpa: VerticalPodAutoscaler, metric: Metric, containers: list[str]) -> bool:
    """Whether the vertical autoscaler sets what a metric goes by, of some container that it concerns."""
    concerned = [metric.container] if metric.container else containers or ["*"]
    return any(metric.name in vpa.controls(name) for name in concerned)
