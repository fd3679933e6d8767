"""Which PodDisruptionBudgets hold for which pods."""

from collections.abc import Mapping
from typing import Any

from conformant.model import Undecided, Unknown, mapping
from conformant.platform import Platform
from conformant.views.budget import PodDisruptionBudget
from conformant.views.selector import SelectorIndex, is_empty, selects


class Budgets:
    """The PodDisruptionBudgets of each namespace. Use with `Platform.derived`."""

    def __init__(self, platform: Platform) -> None:
        known: dict[str, list[PodDisruptionBudget]] = {}
        self._doubtful: dict[str, list[PodDisruptionBudget]] = {}
        for budget in platform.of(PodDisruptionBudget):
            group = known if _is_known(budget) else self._doubtful
            group.setdefault(budget.namespace, []).append(budget)
        self._index = {
            namespace: SelectorIndex((budget.selector, budget) for budget in budgets)
            for namespace, budgets in known.items()
        }

    def selecting(self, namespace: str, labels: Mapping[Any, Any]) -> list[PodDisruptionBudget]:
        """The budgets that hold for pods with these labels, in input order. Raises Undecided where none does as
        far as is known, and one is not known."""
        index = self._index.get(namespace)
        found = index.admitting(labels) if index is not None else []
        if not found:
            found = [budget for budget in self._doubtful.get(namespace, ()) if selects(budget.selector, labels)]
        return found


def _is_known(budget: PodDisruptionBudget) -> bool:
    """Whether the selector can be filed: neither it nor its first label is unknown."""
    try:
        first = next(iter(mapping(budget.selector, "matchLabels").values()), None)
        is_empty(budget.selector)
    except Undecided:
        return False
    return first.__class__ is not Unknown
