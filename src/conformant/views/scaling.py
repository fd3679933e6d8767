"""What changes the number and size of pods: HorizontalPodAutoscaler, KEDA's ScaledObject, VerticalPodAutoscaler."""

from collections.abc import Iterator
from typing import Any, ClassVar

from msgspec import Struct

from conformant.model import Path, dig, mapping
from conformant.views.base import Object

CPU, MEMORY = "cpu", "memory"


class Metric(Struct, frozen=True):
    """CPU or memory as what an autoscaler goes by: of one container, or of the whole pod where
    `container` is empty; `relative` to what is requested."""

    path: Path
    name: str
    container: str
    relative: bool


class HorizontalScaler(Object):
    """HorizontalPodAutoscaler, or KEDA's ScaledObject, which makes one."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"autoscaling/HorizontalPodAutoscaler", "keda.sh/ScaledObject"})

    @property
    def of_keda(self) -> bool:
        return self.kind == "ScaledObject"

    @property
    def minimum_path(self) -> Path:
        return Path(("spec", "minReplicaCount" if self.of_keda else "minReplicas"))

    @property
    def minimum(self) -> int:
        """The least replicas: by default 1, of KEDA's 0."""
        value = self.whole(*self.minimum_path)
        return (0 if self.of_keda else 1) if value is None else value

    @property
    def maximum(self) -> int | None:
        """The most replicas; None where it is absent."""
        return self.whole("spec", "maxReplicaCount" if self.of_keda else "maxReplicas")

    @property
    def resource_metrics(self) -> Iterator[Metric]:
        """The metrics on CPU and memory, the one that is implied where none is stated included."""
        if self.of_keda:
            yield from self._triggers()
            return
        spec = Path(("spec",))
        if self.get("spec", "targetCPUUtilizationPercentage") is not None:
            yield Metric(spec / "targetCPUUtilizationPercentage", CPU, "", True)
            return
        metrics = self.list("spec", "metrics")
        if not metrics:
            yield Metric(spec / "metrics", CPU, "", True)
        for index, metric in enumerate(metrics):
            for kind, field in (("Resource", "resource"), ("ContainerResource", "containerResource")):
                source = mapping(metric, field)
                if dig(metric, "type") == kind and source:
                    path = spec / "metrics" / index / field
                    yield Metric(path, str(dig(source, "name")), str(dig(source, "container") or ""), _relative(source))

    def _triggers(self) -> Iterator[Metric]:
        for index, trigger in enumerate(self.list("spec", "triggers")):
            name = dig(trigger, "type")
            if name in (CPU, MEMORY):
                kind = dig(trigger, "metricType") or dig(trigger, "metadata", "type") or "Utilization"
                container = str(dig(trigger, "metadata", "containerName") or "")
                yield Metric(Path(("spec", "triggers", index)), name, container, kind == "Utilization")


def _relative(source: dict[Any, Any]) -> bool:
    """Whether a metric's target is a share of the request, by the field of v2 or that of v2beta1."""
    kind = dig(source, "target", "type")
    return kind == "Utilization" if kind else dig(source, "targetAverageUtilization") is not None


class ContainerPolicy(Struct, frozen=True):
    """What a VerticalPodAutoscaler does with one container, or with all others (``*``)."""

    raw: dict[Any, Any]
    path: Path

    @property
    def container(self) -> str:
        return str(dig(self.raw, "containerName") or "")

    @property
    def off(self) -> bool:
        return bool(dig(self.raw, "mode") == "Off")

    @property
    def resources(self) -> list[str]:
        """The controlled resources: by default CPU and memory."""
        found = dig(self.raw, "controlledResources")
        return [str(name) for name in found] if isinstance(found, list) else [CPU, MEMORY]

    @property
    def requests_only(self) -> bool:
        return bool(dig(self.raw, "controlledValues") == "RequestsOnly")


class VerticalPodAutoscaler(Object):
    """``autoscaling.k8s.io`` VerticalPodAutoscaler."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"autoscaling.k8s.io/VerticalPodAutoscaler"})

    @property
    def mode(self) -> Any:
        """The update mode as written; None where absent. A boolean is YAML's unquoted Off."""
        return self.get("spec", "updatePolicy", "updateMode")

    @property
    def advises(self) -> bool:
        """Whether it only recommends."""
        return self.mode in ("Off", False)

    @property
    def evicts(self) -> bool:
        """Whether it may evict pods; by default it does."""
        return self.mode in ("Recreate", "Auto", "InPlaceOrRecreate", None)

    @property
    def policies(self) -> list[ContainerPolicy]:
        at = Path(("spec", "resourcePolicy", "containerPolicies"))
        return [ContainerPolicy(raw, at / index) for index, raw in enumerate(self.list(*at)) if isinstance(raw, dict)]

    def policy(self, container: str) -> ContainerPolicy | None:
        """The policy for a container: its own, else the one for all others; None where there is none."""
        policies = self.policies
        for name in (container, "*"):
            for policy in policies:
                if policy.container == name:
                    return policy
        return None

    def controls(self, container: str) -> list[str]:
        """The resources of a container that it sets."""
        policy = self.policy(container)
        if policy is None:
            return [CPU, MEMORY]
        return [] if policy.off else policy.resources
