"""Who scales which workload, and how few pods that leaves."""

from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from conformant.domain.references import ReferenceHolder, references
from conformant.model import Resource, Undecided
from conformant.platform import Platform
from conformant.views.base import Object
from conformant.views.scaling import HorizontalScaler, VerticalPodAutoscaler
from conformant.views.workload import Workload

Target = tuple[str, str, str]
"""Namespace, ``group/Kind`` and name of what is scaled."""
Rival = TypeVar("Rival", bound=Object)
Scaler = TypeVar("Scaler", HorizontalScaler, VerticalPodAutoscaler)


class Targeted(Generic[Scaler]):
    """Autoscalers by their target."""

    def __init__(self, scalers: Iterable[Scaler], platform: Platform) -> None:
        self._of: dict[Target, list[Scaler]] = {}
        self._doubt: dict[str, Undecided] = {}
        for scaler in scalers:
            try:
                target = target_of(scaler.resource, platform)
            except Undecided as undecided:
                self._doubt.setdefault(scaler.namespace, undecided)
                continue
            if target is not None:
                self._of.setdefault(target, []).append(scaler)

    def of(self, workload: Workload) -> list[Scaler]:
        """The autoscalers of a workload. Raises Undecided where none is known, and the target of one in its
        namespace is not."""
        resource = workload.resource
        group = "apps" if resource.group == "extensions" else resource.group
        return self.at((resource.namespace, f"{group}/{resource.kind}", resource.name))

    def at(self, target: Target) -> list[Scaler]:
        """The autoscalers of a target."""
        found = self._of.get(target, [])
        if not found and target[0] in self._doubt:
            raise Undecided(self._doubt[target[0]].reason)
        return found


class Scaling:
    """The autoscalers of a platform. Use with `Platform.derived`."""

    def __init__(self, platform: Platform) -> None:
        self.horizontal: Targeted[HorizontalScaler] = Targeted(platform.of(HorizontalScaler), platform)
        self.vertical: Targeted[VerticalPodAutoscaler] = Targeted(platform.of(VerticalPodAutoscaler), platform)

    def least(self, workload: Workload) -> int:
        """The fewest replicas that a workload has by what is declared: those of its autoscaler, which does
        nothing at 0, else its own."""
        if workload.get("spec", "replicas") == 0:
            return 0
        scalers = self.horizontal.of(workload)
        return scalers[0].minimum if scalers else workload.replicas


def target_of(scaler: Resource, platform: Platform) -> Target | None:
    """What an autoscaler scales; None where it names nothing. Raises Undecided where the name is not known."""
    for edge in references(platform.view(scaler, ReferenceHolder), platform):
        for reference in edge:
            return reference.namespace, reference.keys[0], reference.name
    return None


def rival(one: Rival, all_of_them: Sequence[Rival]) -> Rival | None:
    """The first of those that share a target, unless `one` is that, or is the same object rendered again by
    another overlay."""
    first = all_of_them[0] if all_of_them else None
    return first if first is not None and (first.kind, first.name) != (one.kind, one.name) else None


def workload_of(scaler: Resource, platform: Platform) -> Workload | None:
    """The workload that an autoscaler scales, where it is declared."""
    target = target_of(scaler, platform)
    if target is None or target[1] not in (Workload.kinds or ()):
        return None
    namespace, key, name = target
    resource = platform.find(key, namespace, name)
    return platform.view(resource, Workload) if resource is not None else None
