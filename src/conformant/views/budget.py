"""PodDisruptionBudgets."""

from typing import Any, ClassVar

from conformant.views.base import Object


class PodDisruptionBudget(Object):
    """``policy`` PodDisruptionBudget."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"policy/PodDisruptionBudget"})

    @property
    def selector(self) -> Any:
        """The selector; None where it selects nothing, as an empty one of v1beta1 does."""
        selector = self.get("spec", "selector")
        return None if selector == {} and self.resource.version == "v1beta1" else selector

    @property
    def min_available(self) -> Any:
        return self.get("spec", "minAvailable")

    @property
    def max_unavailable(self) -> Any:
        return self.get("spec", "maxUnavailable")
