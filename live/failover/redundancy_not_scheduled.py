"""A workload has no redundancy where it runs.

What it checks: For every Deployment and StatefulSet of a tenant, by their status: at least two replicas are ready,
no pod is pending, and the pods are spread over at least two nodes and two zones, evenly. For every
PodDisruptionBudget: it counts pods, has the healthy ones it asks for, and allows a disruption; no pod is under two
of them. For every HorizontalPodAutoscaler: it can scale, and is not pinned at its maximum. A status that its
controller has not brought up to date is undecided, and so is the spread over zones where nodes name none.

Why it matters: Replicas that all stand on one node or in one zone end together. A budget that allows nothing
blocks every drain until somebody deletes it in a hurry.

How to fix: Raise replicas; add a topology spread constraint over ``topology.kubernetes.io/zone``; set
``maxUnavailable: 1`` instead of a minimum that equals the replicas; give the autoscaler metrics and room.

When it is fine: Workloads that may be down: waive them, and say who decided it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from math import ceil
from typing import Any

from conformant.cluster import Running
from conformant.domain.pods import ZONE, alive, node, ready
from conformant.leaf import Item, Seen, aspects, probe, saw
from conformant.model import Finding, Judged, NotApplicable, Path, Resource, Severity, Undecided, dig, mapping, sequence
from conformant.views.selector import selects

WORKLOADS = ("apps/Deployment", "apps/StatefulSet")
BUDGET, SCALER = "policy/PodDisruptionBudget", "autoscaling/HorizontalPodAutoscaler"


@probe(
    id="LIVE-FO-007",
    severity=Severity.HIGH,
    requirement="redundancy",
    controls=["nist-800-53r5/CP-10", "iso-27001-2022/A.8.14"],
    needs=[f"list {kind}" for kind in (*WORKLOADS, "/Pod", "/Node", BUDGET, SCALER)],
)
def redundancy_not_scheduled(running: Running) -> Iterator[Seen]:
    yield from aspects([_workloads(running), _budgets(running), _scalers(running)])


# workloads


def _workloads(running: Running) -> Iterator[Seen]:
    pods: dict[str, list[Resource]] = defaultdict(list)
    for pod in running.objects("/Pod"):
        if alive(pod):
            pods[pod.namespace].append(pod)
    zones = {one.name: str(dig(one.raw, "metadata", "labels", ZONE) or "") for one in running.objects("/Node")}
    for kind in WORKLOADS:
        for workload in _tenants(running, kind):
            own = [pod for pod in pods[workload.namespace] if _selected(workload, pod)]
            yield Judged(workload, aspects([_replicas(workload, own), _spread(own, zones)]))


def _tenants(running: Running, kind: str) -> Iterator[Resource]:
    for resource in running.objects(kind):
        if not running.profile.is_platform_namespace(resource.namespace) and dig(resource.raw, "spec", "replicas") != 0:
            yield resource


def _selected(holder: Resource, pod: Resource) -> bool:
    selector = dig(holder.raw, "spec", "selector")
    return selects(selector, mapping(pod.raw, "metadata", "labels"))


def _replicas(workload: Resource, pods: list[Resource]) -> Iterator[Item]:
    _current(workload)
    count = _count(workload.raw, "readyReplicas")
    if count < 2:
        yield Finding(
            f"{count} of its replicas {'is' if count == 1 else 'are'} ready", Path(("status", "readyReplicas"))
        )
    pending = sorted(pod.name for pod in pods if dig(pod.raw, "status", "phase") == "Pending")
    if pending:
        yield Finding(f"{len(pending)} of its pods wait for a place: {', '.join(pending[:3])}", Path(("status",)))


def _current(resource: Resource) -> None:
    """Raises Undecided where the status is not that of the object as it is now."""
    observed, generation = (
        dig(resource.raw, "status", "observedGeneration"),
        dig(resource.raw, "metadata", "generation"),
    )
    if generation is not None and observed != generation:
        raise Undecided("its controller has not brought its status up to date")


def _count(raw: Any, *path: str) -> int:
    """A number of a status; what is absent there is zero."""
    value = dig(raw, "status", *path)
    return value if isinstance(value, int) else 0


def _spread(pods: list[Resource], zones: dict[str, str]) -> Iterator[Item]:
    running = [pod for pod in pods if ready(pod) and node(pod)]
    if len(running) < 2:
        return
    nodes = Counter(node(pod) for pod in running)
    if len(nodes) == 1:
        yield Finding(f"all {len(running)} ready pods are on node {next(iter(nodes))}", Path(("spec", "template")))
    if not any(zones.get(name) for name in zones):
        yield Undecided("the nodes name no zone")
        return
    by_zone = Counter(zones.get(node(pod), "") for pod in running)
    most = max(by_zone.values())
    if len(by_zone) == 1:
        yield Finding(f"all {len(running)} ready pods are in zone {next(iter(by_zone))}", Path(("spec", "template")))
    elif most > ceil(len(running) / len(by_zone)) + 1:
        yield Finding(f"{most} of {len(running)} ready pods are in one zone", Path(("spec", "template")))
    else:
        yield saw(f"{len(running)} ready pods on {len(nodes)} nodes in {len(by_zone)} zones")


# budgets


def _budgets(running: Running) -> Iterator[Seen]:
    pods = [pod for pod in running.objects("/Pod") if alive(pod)]
    budgets = list(running.objects(BUDGET))
    for budget in budgets:
        if not running.profile.is_platform_namespace(budget.namespace):
            yield Judged(budget, _budget(budget, pods, budgets))


def _budget(budget: Resource, pods: list[Resource], budgets: list[Resource]) -> Iterator[Item]:
    own = [pod for pod in pods if pod.namespace == budget.namespace and _selected(budget, pod)]
    if not own:
        yield NotApplicable("no running pod is under it")
        return
    for other in budgets:
        if other is not budget and other.namespace == budget.namespace and any(_selected(other, pod) for pod in own):
            yield Finding(f"pods are under {other.address} too: every eviction fails", Path(("spec", "selector")))
    _current(budget)
    expected, healthy, wanted = (
        _count(budget.raw, key) for key in ("expectedPods", "currentHealthy", "desiredHealthy")
    )
    if not expected:
        yield Finding(
            f"it counts none of its {len(own)} pods, so every eviction is refused", Path(("status", "expectedPods"))
        )
    elif healthy < wanted:
        yield Finding(f"{healthy} pods are healthy, {wanted} are asked for", Path(("status", "currentHealthy")))
    elif not _count(budget.raw, "disruptionsAllowed"):
        yield Finding("it allows no disruption, so no node can be drained", Path(("status", "disruptionsAllowed")))
    else:
        yield saw(f"{healthy} of {expected} pods healthy, {_count(budget.raw, 'disruptionsAllowed')} may be disrupted")


# autoscalers


def _scalers(running: Running) -> Iterator[Seen]:
    for scaler in running.objects(SCALER):
        if not running.profile.is_platform_namespace(scaler.namespace):
            yield Judged(scaler, _scaler(scaler))


def _scaler(scaler: Resource) -> Iterator[Item]:
    index, active = next(
        ((index, entry) for index, entry in enumerate(sequence(scaler.raw, "status", "conditions"))
         if isinstance(entry, dict) and entry.get("type") == "ScalingActive"),
        (0, None),
    )  # fmt: skip
    if active is None:
        yield Undecided("its controller has not reported on it")
        return
    if active.get("status") != "True":
        yield Finding(f"it cannot scale: {active.get('reason')}", Path(("status", "conditions", index, "status")))
    most = dig(scaler.raw, "spec", "maxReplicas")
    if isinstance(most, int) and _count(scaler.raw, "currentReplicas") >= most:
        yield Finding(f"it is at its maximum of {most}", Path(("status", "currentReplicas")), Severity.MEDIUM)
