"""The objects of a cluster as the static checks see them: as they would stand in a repository."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from conformant.cluster.discovery import Served
from conformant.cluster.reader import InCluster, Reader
from conformant.load import Loaded, Loader, Options
from conformant.load.manifests import Parsed
from conformant.model import Resource, Undecided, mapping, sequence

ROLE = Path(__file__).parent.parent / "cluster" / "rbac.yaml"
"""The rights that an audit asks for, as manifests."""
SET_BY_SERVER = frozenset({
    "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
    "deletionGracePeriodSeconds", "selfLink", "managedFields",
})  # fmt: skip
_TRANSIENT = frozenset({
    "/Event", "events.k8s.io/Event", "/Endpoints", "/Node", "/PersistentVolume", "discovery.k8s.io/EndpointSlice",
    "velero.io/Backup", "velero.io/Restore", "velero.io/PodVolumeBackup", "velero.io/DataUpload",
    "postgresql.cnpg.io/Backup", "snapshot.storage.k8s.io/VolumeSnapshot",
    "snapshot.storage.k8s.io/VolumeSnapshotContent",
})  # fmt: skip
"""What nobody declares in a repository."""
_BOOTSTRAP = "kubernetes.io/bootstrapping"
_OWN_NAMES = frozenset({"kube-root-ca.crt", "istio-ca-root-cert"})


def rules() -> list[dict[Any, Any]]:
    """The rules of the role that reads, as the manifest has them."""
    from conformant.load import load
    from conformant.profile import Profile

    roles = [one for one in load([str(ROLE)], Profile()).resources if one.kind == "ClusterRole"]
    return [rule for role in roles for rule in sequence(role.raw, "rules") if isinstance(rule, dict)]


def readable(served: Iterable[Served]) -> list[Served]:
    """The kinds among those served that the role may list, in the order of their names."""
    granted = {
        (group, resource)
        for rule in rules() if "list" in sequence(rule, "verbs")
        for group in sequence(rule, "apiGroups") for resource in sequence(rule, "resources")
    }  # fmt: skip
    found = [one for one in served if (one.group, one.plural) in granted and "list" in one.verbs]
    return sorted(found, key=lambda one: one.key)


def declared(reader: Reader, kinds: Iterable[Served]) -> Iterator[Resource]:
    """The objects of these kinds that somebody declared. What could not be listed is in the coverage."""
    for served in kinds:
        if served.key in _TRANSIENT:
            continue
        try:
            found = reader.objects(served.key)
        except Undecided:
            continue  # the reader has noted the refusal in its coverage
        yield from (resource for resource in found if not made(resource))


def made(resource: Resource) -> bool:
    """Whether a controller or the server made the object: what made it is judged instead."""
    metadata = mapping(resource.raw, "metadata")
    owners = sequence(metadata, "ownerReferences")
    if any(isinstance(owner, dict) and owner.get("controller") is True for owner in owners):
        return True
    if _BOOTSTRAP in mapping(metadata, "labels"):
        return True
    return resource.kind == "ConfigMap" and resource.name in _OWN_NAMES


def as_declared(raw: dict[Any, Any]) -> dict[Any, Any]:
    """An object without what the server set."""
    metadata = {name: value for name, value in mapping(raw, "metadata").items() if name not in SET_BY_SERVER}
    return {name: value for name, value in raw.items() if name != "status"} | {"metadata": metadata}


def loaded(reader: Reader, kinds: Iterable[Served], options: Options) -> Loaded:
    """The declared objects of a cluster, through the loader that reads files."""
    objects = [
        Parsed(as_declared(resource.raw), InCluster(resource.locator.place(()).file), "cluster", "", None)
        for resource in declared(reader, kinds)
    ]
    return Loader(reader.profile, options).load_objects(objects)
