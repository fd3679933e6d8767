"""Autoscalers: VerticalPodAutoscaler."""

from typing import Any, ClassVar

from conformant.views.base import Object


class VerticalPodAutoscaler(Object):
    """``autoscaling.k8s.io`` VerticalPodAutoscaler."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"autoscaling.k8s.io/VerticalPodAutoscaler"})

    @property
    def mode(self) -> Any:
        """The update mode as written; None where absent. A boolean is YAML's unquoted Off."""
        return self.get("spec", "updatePolicy", "updateMode")
