"""A redundant workload has no PodDisruptionBudget.

What it checks: A Deployment or StatefulSet with two replicas or more, by its autoscaler's minimum where it
has one, is selected by a PodDisruptionBudget of its namespace. Operators bring their own for their pods.

Why it matters: Without a budget a node drain may evict all replicas at once, as cluster upgrades do.

How to fix: A PodDisruptionBudget with maxUnavailable: 1.

When it is fine: Workloads that nobody misses for a minute.
"""

from collections.abc import Iterator

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, dig
from conformant.platform import Platform
from conformant.views.selector import selects
from conformant.views.workload import Workload

SCALERS = (
    ("autoscaling/HorizontalPodAutoscaler", "minReplicas"),
    ("keda.sh/ScaledObject", "minReplicaCount"),
)
CURE = Cure("a PodDisruptionBudget with maxUnavailable: 1 that selects its pods")


@check(
    id="WRK-016",
    severity=Severity.MEDIUM,
    requirement="redundancy",
    controls=["nist-800-53r5/SC-5(2)", "soc2/A1.2", "iso-27001-2022/A.8.14"],
    kinds=["Deployment", "StatefulSet"],
)
def no_disruption_budget(workload: Workload, platform: Platform) -> Iterator[Item]:
    replicas = _replicas(workload, platform)
    if replicas < 2:
        yield NotApplicable("not redundant")
        return
    labels = workload.labels
    for budget in platform.derived(_budgets).get(workload.namespace, ()):
        if selects(budget, labels):
            return
    message = f"{replicas} replicas, and no PodDisruptionBudget: a drain may take them all at once"
    yield Finding(message, Path(("spec", "replicas")), cure=CURE)


def _replicas(workload: Workload, platform: Platform) -> int:
    minimum = platform.derived(_minimums).get((workload.namespace, workload.kind, workload.name))
    return workload.replicas if minimum is None else minimum


def _budgets(platform: Platform) -> dict[str, list[object]]:
    """The selectors of the PodDisruptionBudgets, by namespace."""
    found: dict[str, list[object]] = {}
    for budget in platform.kind("policy/PodDisruptionBudget"):
        selector = dig(budget.raw, "spec", "selector")
        if selector == {} and budget.version == "v1beta1":
            continue
        found.setdefault(budget.namespace, []).append(selector)
    return found


def _minimums(platform: Platform) -> dict[tuple[str, str, str], int]:
    """The least replicas that an autoscaler keeps, by (namespace, kind, name) of its target."""
    found: dict[tuple[str, str, str], int] = {}
    for kind, least in (
        ("autoscaling/HorizontalPodAutoscaler", "minReplicas"),
        ("keda.sh/ScaledObject", "minReplicaCount"),
    ):
        for scaler in platform.kind(kind):
            target = dig(scaler.raw, "spec", "scaleTargetRef", "kind") or "Deployment"
            name = dig(scaler.raw, "spec", "scaleTargetRef", "name")
            minimum = dig(scaler.raw, "spec", least)
            default = 1 if least == "minReplicas" else 0
            found[scaler.namespace, str(target), str(name)] = minimum if isinstance(minimum, int) else default
    return found
