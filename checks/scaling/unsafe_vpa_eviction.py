"""A VerticalPodAutoscaler evicts pods that cannot be spared, or can never evict at all.

What it checks: An autoscaler that evicts (Recreate, Auto, InPlaceOrRecreate, or no mode) has a target whose
several pods a PodDisruptionBudget protects; does not evict the only pod (minReplicas 1); is not on a StatefulSet
that keeps data; and has a target with as many replicas as it needs to act (updatePolicy.minReplicas, 2 by
default).

Why it matters: Every new recommendation restarts pods, at any time of the day. Without a budget nothing keeps a
minimum of them up; a database that is restarted for its size loses its connections and its caches.

How to fix: A PodDisruptionBudget, two replicas or more, and updateMode "Off" or Initial for data stores.

When it is fine: Workloads that nobody misses for a minute.
"""

from collections.abc import Iterator

from conformant.domain.budgets import Budgets
from conformant.domain.scaling import Scaling, workload_of
from conformant.domain.stores import engine_of
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, Undecided
from conformant.platform import Platform
from conformant.views.dumps import FILES
from conformant.views.scaling import VerticalPodAutoscaler
from conformant.views.workload import Workload

POLICY = Path(("spec", "updatePolicy"))
MODE, LEAST = POLICY / "updateMode", POLICY / "minReplicas"
BY_DEFAULT = 2


@check(
    id="SCL-005",
    severity=Severity.MEDIUM,
    requirement="redundancy",
    controls=["nist-800-53r5/SC-5(2)", "soc2/A1.2", "iso-27001-2022/A.8.14"],
)
def unsafe_vpa_eviction(vpa: VerticalPodAutoscaler, platform: Platform) -> Iterator[Item]:
    if not vpa.evicts:
        yield NotApplicable("it evicts nothing")
        return
    workload = workload_of(vpa.resource, platform)
    if workload is None:
        yield Undecided("its target is not declared here")
        return
    yield from aspects([_store(workload)])
    if workload.scaled:
        yield from aspects([_replicas(vpa, workload, platform)])


def _store(workload: Workload) -> Iterator[Finding]:
    if workload.kind == "StatefulSet" and (
        workload.list("spec", "volumeClaimTemplates") or engine_of(workload) != FILES
    ):
        cure = Cure('updateMode "Off" or Initial', ((MODE, "Initial"),))
        yield Finding(f"it restarts {workload.name}, which keeps data, whenever its size changes", MODE, cure=cure)


def _replicas(vpa: VerticalPodAutoscaler, workload: Workload, platform: Platform) -> Iterator[Finding]:
    replicas = platform.derived(Scaling).least(workload)
    stated = vpa.whole(*LEAST)
    needed = BY_DEFAULT if stated is None else stated
    if 0 < replicas < needed:
        message = f"it never acts: {workload.name} has {replicas} of the {needed} replicas that it needs to evict one"
        yield Finding(message, LEAST, Severity.LOW, Cure("more replicas, or updateMode Initial", grade="none"))
    elif replicas == 1:
        message = f"minReplicas {needed} lets it evict the only pod of {workload.name}"
        cure = Cure("two replicas, and minReplicas: 2", ((LEAST, BY_DEFAULT),))
        yield Finding(message, LEAST, Severity.HIGH, cure)
    elif replicas >= 2 and not platform.derived(Budgets).selecting(workload.namespace, workload.labels):
        message = f"it evicts pods of {workload.name}, which no PodDisruptionBudget protects"
        yield Finding(message, MODE, cure=Cure("a PodDisruptionBudget with maxUnavailable: 1", grade="none"))
