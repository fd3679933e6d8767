"""A redundant workload has no PodDisruptionBudget.

What it checks: A Deployment or StatefulSet with two replicas or more, by its autoscaler's minimum where it
has one, is selected by a PodDisruptionBudget of its namespace. Operators bring their own for their pods.

Why it matters: Without a budget a node drain may evict all replicas at once, as cluster upgrades do.

How to fix: A PodDisruptionBudget with maxUnavailable: 1.

When it is fine: Workloads that nobody misses for a minute.
"""

from collections.abc import Iterator

from conformant.domain.budgets import Budgets
from conformant.domain.scaling import Scaling
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity
from conformant.platform import Platform
from conformant.views.workload import Workload

CURE = Cure("a PodDisruptionBudget with maxUnavailable: 1 that selects its pods")


@check(
    id="WRK-016",
    severity=Severity.MEDIUM,
    requirement="redundancy",
    controls=["nist-800-53r5/SC-5(2)", "soc2/A1.2", "iso-27001-2022/A.8.14"],
    kinds=["Deployment", "StatefulSet"],
)
def no_disruption_budget(workload: Workload, platform: Platform) -> Iterator[Item]:
    replicas = platform.derived(Scaling).least(workload)
    if replicas < 2:
        yield NotApplicable("not redundant")
    elif not platform.derived(Budgets).selecting(workload.namespace, workload.labels):
        message = f"{replicas} replicas, and no PodDisruptionBudget: a drain may take them all at once"
        yield Finding(message, Path(("spec", "replicas")), cure=CURE)
