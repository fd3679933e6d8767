"""Velero on a platform: its servers and locations, what a backup saves of volumes, which pods a hook meets."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

from conformant.domain.declared import Declared
from conformant.domain.made import primaries
from conformant.domain.stores import Volume, known, known_containers, known_list
from conformant.model import Resource, Undecided, Unknown, dig, mapping, sequence
from conformant.platform import POD_CREATING, Platform
from conformant.views.image import parse_image
from conformant.views.velero import (
    CLAIMS,
    OPTED_IN,
    OPTED_OUT,
    VOLUMES,
    BackupSpec,
    Filter,
    HookGroup,
    Schedule,
    StorageLocation,
    is_pattern,
)
from conformant.views.workload import Container, Workload

Item = TypeVar("Item")
Key = TypeVar("Key")
_UNANNOTATED = Volume("", "", {})
_POD_NAME = "statefulset.kubernetes.io/pod-name"
_DELIVERY = (
    "helm.toolkit.fluxcd.io/HelmRelease", "kustomize.toolkit.fluxcd.io/Kustomization", "argoproj.io/Application",
    "argoproj.io/ApplicationSet", "helm.cattle.io/HelmChart",
)  # fmt: skip
_OPERATOR_LABELS = (
    "cnpg.io/", "strimzi.io/", "app.kubernetes.io/", "operator.prometheus.io/", "app", "role", "application",
    "cluster-name", "spilo-role", "redis_setup_type", "postgresql", "prometheus", "alertmanager", "statefulset",
)  # fmt: skip


class Velero:
    """Velero's part of one run: ``platform.derived(Velero)``."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.schedules = platform.of(Schedule)
        self.locations = platform.of(StorageLocation)
        self._flags: dict[str, list[str]] = {}
        for workload in platform.workloads:
            for container in known_containers(workload):
                if is_server(container):
                    self._flags.setdefault(workload.namespace, []).extend(_words(container))

    @cached_property
    def namespaces(self) -> frozenset[str]:
        """Where Velero runs: the namespaces of its servers, else of its locations."""
        found = self._flags or {location.namespace for location in self.locations}
        return frozenset(found)

    @cached_property
    def _located(self) -> dict[str, list[StorageLocation]]:
        return _grouped(self.locations, lambda location: location.namespace)

    def location(self, namespace: str, name: str) -> StorageLocation | None:
        """The storage location of this name; the default one where the name is empty."""
        here = self._located.get(namespace, [])
        if name:
            return next((location for location in here if location.name == name), None)
        chosen = next((location for location in here if location.is_default), None)
        return chosen or next((location for location in here if location.name == "default"), None)

    @cached_property
    def writers(self) -> dict[tuple[str, str, str], list[StorageLocation]]:
        """The locations that may be written to, by bucket, prefix and URL."""
        writing = [location for location in self.locations if not location.is_read_only]
        return _grouped(writing, lambda location: location.place)

    @cached_property
    def _named(self) -> tuple[dict[str, list[Schedule]], list[Schedule]]:
        """The schedules that name a namespace, and those that do not name all of theirs."""
        by_name: dict[str, list[Schedule]] = {}
        others = []
        for schedule in self.schedules:
            try:
                words = schedule.template.named_namespaces
            except Undecided:
                words = []
            if not words or any(is_pattern(word) for word in words):
                others.append(schedule)
            else:
                for word in words:
                    by_name.setdefault(word, []).append(schedule)
        return by_name, others

    def candidates(self, namespace: str) -> list[Schedule]:
        """The schedules that may take a namespace."""
        by_name, others = self._named
        return [*by_name.get(namespace, ()), *others]

    def copies_files(self, spec: BackupSpec, namespace: str) -> bool:
        """Whether the files of all volumes of pods are copied to the storage location."""
        return self._switch(spec, namespace, "defaultVolumesToFsBackup", "--default-volumes-to-fs-backup")

    def moves_snapshots(self, spec: BackupSpec, namespace: str) -> bool:
        """Whether snapshots are copied to the storage location."""
        return self._switch(spec, namespace, "snapshotMoveData", "--default-snapshot-move-data")

    def saves(self, schedule: Schedule, volumes: Sequence[Volume]) -> bool:
        """Whether a Schedule's backups hold the data of some volumes; none given: of those that an
        operator makes. Raises Undecided where a resource policy chooses."""
        spec = schedule.template
        if spec.shutting_out(CLAIMS) or spec.shutting_out(VOLUMES):
            return False
        if dig(spec.raw, "resourcePolicy"):
            raise Undecided(f"the resource policy of Schedule {schedule.name} chooses which volumes are saved")
        all_files = self.copies_files(spec, schedule.namespace)
        snapshots = dig(spec.raw, "snapshotVolumes") is not False
        return all(snapshots or file_copied(volume, all_files) for volume in volumes or (_UNANNOTATED,))

    def _switch(self, spec: BackupSpec, namespace: str, key: str, flag: str) -> bool:
        stated = dig(spec.raw, key)
        if stated is None:
            return any(word in (flag, f"{flag}=true") for word in self._flags.get(namespace, ()))
        return stated is True


def _grouped(items: "Iterable[Item]", key: "Callable[[Item], Key]") -> "dict[Key, list[Item]]":
    found: dict[Key, list[Item]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found


def file_copied(volume: Volume, all_files: bool) -> bool:
    """Whether the files of a volume are copied; `all_files`: unless its pod opts out."""
    stated = volume.annotations.get(OPTED_OUT if all_files else OPTED_IN)
    listed = isinstance(stated, str) and volume.name in (name.strip() for name in stated.split(","))
    return listed is not all_files


def is_server(container: Container) -> bool:
    """Whether a container runs Velero's server."""
    words = _words(container)
    if "server" not in words:
        return False
    image = str(known(container.raw, "image") or "")
    return any(word.rpartition("/")[2] == "velero" for word in words) or parse_image(image).base == "velero"


def _words(container: Container) -> list[str]:
    """Command and arguments, as far as they are known."""
    words = (*known_list(container.raw, "command"), *known_list(container.raw, "args"))
    return [word for word in words if isinstance(word, str)]


def selected(group: HookGroup, spec: Filter, platform: Platform) -> list[Workload] | None:
    """The workloads whose pods a group of hooks meets; None where certainly no pod does.

    Raises Undecided where pods that are not declared here may be meant.
    """
    meant = group.taken(platform.namespaces)
    namespaces = [name for name in meant if spec.includes_namespace(name)]
    met = [
        workload
        for name in namespaces
        for workload in platform.namespaces[name].workloads
        if group.admits(_pod_labels(workload, group)) and spec.admits(_pod_labels(workload, group))
    ]
    copies = (labels for name in namespaces for labels in primaries(platform, name))
    if met or any(group.admits(labels) and spec.admits(labels) for labels in copies):
        return met
    if meant and not namespaces:
        return None
    doubt = _doubt(group, platform, namespaces)
    if doubt:
        raise Undecided(doubt)
    return None


def _pod_labels(workload: Workload, group: HookGroup) -> Mapping[Any, Any]:
    wanted = mapping(group.raw, "labelSelector", "matchLabels").get(_POD_NAME)
    if workload.kind == "StatefulSet" and isinstance(wanted, str) and wanted.rpartition("-")[0] == workload.name:
        return {**workload.labels, _POD_NAME: wanted}
    return workload.labels


def _doubt(group: HookGroup, platform: Platform, namespaces: list[str]) -> str:
    """Why some pod may be met after all; empty where none can be."""
    if platform.profile.closed_world:
        return ""
    if not platform.workloads:
        return "no workload is declared here: which pods the hook meets is not known"
    if not namespaces:
        return "the namespaces of the hook are not part of the input"
    deliverer = delivered(platform)
    if deliverer is not None:
        return f"no pod declared here is met; {deliverer.address} may bring some"
    for maker in _makers(platform, namespaces):
        if f"{maker.group}/{maker.kind}" not in POD_CREATING or _may_carry(maker, group):
            return f"no pod declared here is met; those of {maker.address} may be"
    return ""


def delivered(platform: Platform) -> Resource | None:
    """What brings objects from charts or other repositories; None where nothing does."""
    return next((resource for key in _DELIVERY for resource in platform.kind(key)), None)


def _makers(platform: Platform, namespaces: list[str]) -> Iterator[Resource]:
    declared = platform.derived(Declared)
    return (maker for name in namespaces for maker in declared.makers(name))


def _may_carry(maker: Resource, group: HookGroup) -> bool:
    """Whether the pods of a custom resource may have the labels that are asked for: those that its operator sets,
    and those that the resource states."""
    asked = mapping(group.raw, "labelSelector", "matchLabels").items()
    keys = [dig(each, "key") for each in sequence(group.raw, "labelSelector", "matchExpressions")]
    return all(_set_by_operator(key) or _states(maker.raw, key, value) for key, value in asked) and all(
        _set_by_operator(key) for key in keys
    )


def _set_by_operator(key: Any) -> bool:
    return isinstance(key, str) and any(
        key.startswith(known) if known.endswith("/") else key == known for known in _OPERATOR_LABELS
    )


def _states(raw: Any, key: str, value: Any) -> bool:
    stack = [raw]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            if key in one and one[key].__class__ is not Unknown and one[key] == value:
                return True
            stack.extend(one.values())
        elif isinstance(one, list):
            stack.extend(one)
    return False
