"""A PodDisruptionBudget blocks every eviction, protects nothing, or breaks evictions.

What it checks: A budget states minAvailable or maxUnavailable and leaves room for one eviction: not
maxUnavailable 0, and minAvailable, percentages rounded up, below the replicas that the autoscaler or the workload
keeps. Its selector is there, and is not empty where the namespace has several workloads. No other budget selects
the same pods. Pods without a scalable controller take only a whole minAvailable. Crash-looping pods do not block
drains (unhealthyPodEvictionPolicy: AlwaysAllow), which is the lesser fault. Selectors that match nothing are a
matter of SCH-005.

Why it matters: A budget that never allows an eviction stops every drain and every upgrade of nodes; two for one
pod make each eviction fail; one that matches nothing leaves its workload to the drain.

How to fix: maxUnavailable: 1, one budget for each workload.

When it is fine: Never; to hold a drain for a person, cordon the node.
"""

from collections.abc import Iterator
from typing import Any

from conformant.domain.budgets import Budgets
from conformant.domain.scaling import Scaling, rival
from conformant.leaf import Item, aspects, check
from conformant.model import REMOVE, Cure, Finding, Path, Severity, Undecided, dig, mapping
from conformant.platform import Platform
from conformant.profile import Profile
from conformant.views.budget import PodDisruptionBudget
from conformant.views.quantity import scaled
from conformant.views.selector import is_empty
from conformant.views.workload import Workload

SPEC = Path(("spec",))
MOST, LEAST = SPEC / "maxUnavailable", SPEC / "minAvailable"
SELECTOR = SPEC / "selector"
UNHEALTHY = SPEC / "unhealthyPodEvictionPolicy"
ONE = Cure("maxUnavailable: 1", ((MOST, 1), (LEAST, REMOVE)))
HOOK = "helm.sh/hook"


@check(
    id="WRK-026",
    severity=Severity.MEDIUM,
    requirement="redundancy",
    controls=["nist-800-53r5/SC-5(2)", "soc2/A1.2", "iso-27001-2022/A.8.14"],
)
def ineffective_disruption_budget(budget: PodDisruptionBudget, platform: Platform, profile: Profile) -> Iterator[Item]:
    yield from aspects(
        [
            _room(budget, platform),
            _selector(budget, platform),
            _rivals(budget, platform),
            _uncontrolled(budget, platform),
            _unhealthy(budget, profile),
        ]
    )


def _room(budget: PodDisruptionBudget, platform: Platform) -> Iterator[Item]:
    least, most = budget.min_available, budget.max_unavailable
    if least is None and most is None:
        cure = Cure("maxUnavailable: 1", ((MOST, 1),))
        yield Finding("neither minAvailable nor maxUnavailable is stated: it protects nothing", SPEC, cure=cure)
    elif most is not None:
        if scaled(most, 100, round_up=True) == 0:
            yield Finding(f"maxUnavailable {most} allows no eviction: drains wait for ever", MOST, cure=ONE)
    elif isinstance(least, str) and (scaled(least, 100, round_up=True) or 0) >= 100:
        yield Finding(f"minAvailable {least} allows no eviction: drains wait for ever", LEAST, cure=ONE)
    else:
        yield from _kept(budget, least, platform)


def _kept(budget: PodDisruptionBudget, least: Any, platform: Platform) -> Iterator[Item]:
    selected = platform.derived(Budgets).protected(budget, platform)
    if not selected and budget.selector is not None:
        yield Undecided("none of the pods that it selects is declared here: how many there are is not known")
        return
    if any(workload.kind == "DaemonSet" for workload in selected):
        yield Undecided("a DaemonSet has as many pods as there are nodes")
        return
    replicas = _replicas(selected, platform)
    kept = scaled(least, replicas, round_up=True)
    if kept is None or replicas == 0 or kept < replicas:
        return
    message = f"minAvailable {least} of {replicas} allows no eviction: drains wait for ever"
    if replicas == 1:
        yield Finding(message, LEAST, cure=Cure("two replicas, and maxUnavailable: 1", ONE.patches))
    else:
        yield Finding(message, LEAST, cure=ONE)


def _replicas(selected: list[Workload], platform: Platform) -> int:
    """The pods that there are together; of what several overlays render, the most."""
    scaling, found = platform.derived(Scaling), dict[tuple[str, str], int]()
    for each in selected:
        key, replicas = (each.kind, each.name), 1 if each.kind == "Pod" else scaling.least(each)
        found[key] = max(replicas, found.get(key, 0))
    return sum(found.values())


def _selector(budget: PodDisruptionBudget, platform: Platform) -> Iterator[Finding]:
    if budget.selector is None:
        cure = Cure("select the workload's pods", grade="none")
        yield Finding("it has no selector: it matches no pod", SELECTOR, cure=cure)
        return
    namespace = platform.namespaces.get(budget.namespace)
    members = namespace.workloads if namespace is not None else []
    workloads = {(workload.kind, workload.name) for workload in members if not workload.batch}
    if is_empty(budget.selector) and len(workloads) >= 2:
        message = f"it selects all pods of the namespace, those of {len(workloads)} workloads, as if they were one"
        yield Finding(message, SELECTOR, cure=Cure("one budget for each workload", grade="none"))


def _rivals(budget: PodDisruptionBudget, platform: Platform) -> Iterator[Finding]:
    """Budgets before this one that select the same pods."""
    budgets = platform.derived(Budgets)
    for workload in budgets.protected(budget, platform):
        other = rival(budget, budgets.selecting(workload.namespace, workload.labels))
        if other is not None:
            message = f"{other.name} selects pods of {workload.name} too: with two budgets every eviction fails"
            yield Finding(message, SELECTOR, cure=Cure("keep one of them", grade="none"))
            return


def _uncontrolled(budget: PodDisruptionBudget, platform: Platform) -> Iterator[Finding]:
    """Pods without a scalable controller, for which nothing but a whole minAvailable can be computed."""
    if budget.max_unavailable is None and not isinstance(budget.min_available, str):
        return
    for workload in platform.derived(Budgets).protected(budget, platform):
        if workload.kind == "DaemonSet" or (workload.kind == "Pod" and not _transient(workload)):
            what = "is a bare pod" if workload.kind == "Pod" else "is a DaemonSet"
            path = LEAST if budget.max_unavailable is None else MOST
            message = (
                f"{workload.name} {what}, which cannot be scaled: with a share or maxUnavailable nothing is evicted"
            )
            yield Finding(message, path, cure=Cure("a whole number as minAvailable", grade="none"))
            return


def _transient(workload: Workload) -> bool:
    """Whether a Pod is a hook of Helm, or has a controller that is not part of the input."""
    metadata = mapping(workload.raw, "metadata")
    return HOOK in mapping(metadata, "annotations") or bool(dig(metadata, "ownerReferences"))


def _unhealthy(budget: PodDisruptionBudget, profile: Profile) -> Iterator[Finding]:
    stated = budget.get(*UNHEALTHY)
    if stated != "AlwaysAllow" and profile.at_least("kubernetes", "1.27") is not False:
        cure = Cure("unhealthyPodEvictionPolicy: AlwaysAllow", ((UNHEALTHY, "AlwaysAllow"),))
        yield Finding("a pod that crashes again and again blocks drains", UNHEALTHY, Severity.LOW, cure)
