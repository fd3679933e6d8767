"""Which PodDisruptionBudgets hold for which pods."""

from collections.abc import Mapping
from typing import Any

from conformant.domain.made import copies
from conformant.model import Undecided, Unknown, mapping
from conformant.platform import Platform
from conformant.views.budget import PodDisruptionBudget
from conformant.views.selector import SelectorIndex, is_empty, selects
from conformant.views.workload import Workload


class Budgets:
    """The PodDisruptionBudgets of each namespace. Use with `Platform.derived`."""

    def __init__(self, platform: Platform) -> None:
        known: dict[str, list[PodDisruptionBudget]] = {}
        self._doubtful: dict[str, list[PodDisruptionBudget]] = {}
        for budget in platform.of(PodDisruptionBudget):
            group = known if _is_known(budget) else self._doubtful
            group.setdefault(budget.namespace, []).append(budget)
        self._told: dict[tuple[str, str], list[PodDisruptionBudget]] = {}
        self._index = {
            namespace: SelectorIndex((budget.selector, budget) for budget in budgets)
            for namespace, budgets in known.items()
        }

    def any(self, namespace: str) -> bool:
        """Whether a namespace has budgets."""
        return namespace in self._index or namespace in self._doubtful

    def selecting(self, namespace: str, labels: Mapping[Any, Any]) -> list[PodDisruptionBudget]:
        """The budgets that hold for pods with these labels, in input order. Raises Undecided where none does as
        far as is known, and one is not known."""
        key = (namespace, repr(labels))
        found = self._told.get(key)
        if found is None:
            index = self._index.get(namespace)
            found = index.admitting(labels) if index is not None else []
            if not found:
                found = [budget for budget in self._doubtful.get(namespace, ()) if selects(budget.selector, labels)]
            self._told[key] = found
        return found

    def protected(self, budget: PodDisruptionBudget, platform: Platform) -> list[Workload]:
        """The workloads that a budget holds for, by their own pods or by those that Flagger copies. Raises
        Undecided where that of one in its namespace is not known."""
        protected, doubts = platform.derived(_protected)
        if budget.namespace in doubts:
            raise Undecided(doubts[budget.namespace])
        return protected.get(id(budget), [])


def _protected(platform: Platform) -> tuple[dict[int, list[Workload]], dict[str, str]]:
    """The long-running workloads that each budget selects, by ``id(budget)``, and why a namespace is in doubt."""
    budgets = platform.derived(Budgets)
    copied = {
        id(resource): labels
        for namespace in {budget.namespace for budget in platform.of(PodDisruptionBudget)}
        for resource, labels in copies(platform, namespace)
    }
    found: dict[int, list[Workload]] = {}
    doubts: dict[str, str] = {}
    for workload in platform.workloads:
        if not budgets.any(workload.namespace):
            continue
        try:
            if workload.batch:
                continue
            holding = budgets.selecting(workload.namespace, workload.labels)
            labels = copied.get(id(workload.resource))
            holding = [*holding, *(budgets.selecting(workload.namespace, labels) if labels else ())]
            for budget in {id(each): each for each in holding}.values():
                found.setdefault(id(budget), []).append(workload)
        except Undecided as undecided:
            doubts.setdefault(workload.namespace, undecided.reason)
    return found, doubts


def _is_known(budget: PodDisruptionBudget) -> bool:
    """Whether the selector can be filed: neither it nor its first label is unknown."""
    try:
        first = next(iter(mapping(budget.selector, "matchLabels").values()), None)
        is_empty(budget.selector)
    except Undecided:
        return False
    return first.__class__ is not Unknown
