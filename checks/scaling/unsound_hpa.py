"""A HorizontalPodAutoscaler cannot scale, or does not scale well.

What it checks: In production minReplicas is 2 or more; maxReplicas is above it. A utilization metric, the CPU that
is implied where none is stated included, finds the request in every container that it concerns. No other
autoscaler has the same target, and the target does not state replicas of its own. Scaling down has a behavior,
which is for information. A maximum below the minimum is refused by the API server, and reported by SCH-003.

Why it matters: Utilization is a share of the request: with one container without it the autoscaler does nothing
at all. Two autoscalers undo what the other did, and so does every deployment with replicas of its own.

How to fix: State requests, one autoscaler for each workload, minReplicas: 2, and no replicas in the workload.

When it is fine: One replica outside production.
"""

from collections.abc import Iterator

from conformant.domain.limits import missing
from conformant.domain.scaling import Scaling, rival, target_of, workload_of
from conformant.leaf import Item, aspects, check
from conformant.model import REMOVE, Cure, Finding, Path, Severity, dig
from conformant.platform import Platform
from conformant.views.scaling import HorizontalScaler, Metric
from conformant.views.workload import MAIN, Workload

TARGET = Path(("spec", "scaleTargetRef"))
MAXIMUM = Path(("spec", "maxReplicas"))
DOWN = Path(("spec", "behavior", "scaleDown"))
REPLICAS = Path(("spec", "replicas"))


@check(
    id="SCL-006",
    severity=Severity.MEDIUM,
    requirement="autoscaling",
    controls=["nist-800-53r5/SC-5", "soc2/A1.1", "iso-27001-2022/A.8.6"],
    kinds=["HorizontalPodAutoscaler"],
)
def unsound_hpa(scaler: HorizontalScaler, platform: Platform) -> Iterator[Item]:
    yield from aspects([_range(scaler, platform), _behavior(scaler), _rivals(scaler, platform)])
    workload = workload_of(scaler.resource, platform)
    if workload is not None:
        yield from aspects([_requests(scaler, workload, platform), _replicas(scaler, workload)])


def _range(scaler: HorizontalScaler, platform: Platform) -> Iterator[Finding]:
    least, most = scaler.minimum, scaler.maximum
    if most is not None and most == least:
        message = f"it never scales: minReplicas and maxReplicas are both {most}"
        yield Finding(message, MAXIMUM, cure=Cure("raise maxReplicas", ((MAXIMUM, most * 2 or 2),)))
    if least < 2 and platform.profile.environment == "prod":
        cure = Cure("minReplicas: 2", ((scaler.minimum_path, 2),) if most is not None and most >= 2 else ())
        yield Finding(f"it goes down to {least}: every drain and crash is an outage", scaler.minimum_path, cure=cure)


def _behavior(scaler: HorizontalScaler) -> Iterator[Finding]:
    if scaler.get(*DOWN) is None and scaler.resource.version != "v1":
        message = "no behavior for scaling down: after five minutes it may remove all but the minimum at once"
        yield Finding(message, DOWN, Severity.INFO, Cure("a scaleDown policy of some pods a minute", grade="none"))


def _rivals(scaler: HorizontalScaler, platform: Platform) -> Iterator[Finding]:
    target = target_of(scaler.resource, platform)
    rivals = platform.derived(Scaling).horizontal.at(target) if target is not None else []
    other = rival(scaler, rivals)
    if other is not None:
        message = f"{other.kind} {other.name} scales the same workload: each undoes what the other did"
        yield Finding(message, TARGET, Severity.HIGH, Cure("keep one of them", grade="none"))


def _requests(scaler: HorizontalScaler, workload: Workload, platform: Platform) -> Iterator[Finding]:
    for metric in scaler.resource_metrics:
        if metric.relative:
            yield from _without_request(metric, workload, platform)


def _without_request(metric: Metric, workload: Workload, platform: Platform) -> Iterator[Finding]:
    containers = workload.containers(MAIN)
    if metric.container:
        containers = [each for each in workload.all_containers if each.name == metric.container]
        if not containers and metric.container != "istio-proxy":
            message = f"{workload.name} has no container {metric.container!r}: the autoscaler does nothing"
            yield Finding(message, metric.path, Severity.HIGH, Cure("name one that it has", grade="none"))
    absent = [each.name for each in containers if missing(each, (("requests", metric.name),), platform)]
    if absent:
        names = ", ".join(map(repr, absent))
        message = f"container {names} of {workload.name} has no requests.{metric.name}: the autoscaler does nothing"
        yield Finding(message, metric.path, Severity.HIGH, Cure("state the request in the workload", grade="none"))


def _replicas(scaler: HorizontalScaler, workload: Workload) -> Iterator[Finding]:
    replicas = dig(workload.raw, *REPLICAS)
    if isinstance(replicas, int) and not isinstance(replicas, bool) and replicas > 0:
        message = f"every deployment sets {workload.name} back to {replicas} replicas, against {scaler.name}"
        advice = "remove replicas; for one that runs, give the field up first (kubectl apply edit-last-applied)"
        cure = Cure(advice, ((REPLICAS, REMOVE),))
        yield Finding(message, REPLICAS, Severity.LOW, cure, at=workload.resource)
