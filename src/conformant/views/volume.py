"""What brings volumes: pod templates and PersistentVolumes."""

from typing import Any, ClassVar

from conformant.model import Path, Resource, sequence
from conformant.views.base import View
from conformant.views.workload import Workload


class VolumeHolder(View):
    """A workload with its pod's volumes, or a PersistentVolume, which is one itself."""

    __slots__ = ("workload",)
    kinds: ClassVar[frozenset[str] | None] = (Workload.kinds or frozenset()) | {"/PersistentVolume"}

    def __init__(self, resource: Resource) -> None:
        super().__init__(resource)
        self.workload = None if resource.kind == "PersistentVolume" else Workload(resource)

    @property
    def volumes(self) -> "list[tuple[Path, dict[Any, Any]]]":
        """(path, volume); of a PersistentVolume its spec, whose keys are volume types too."""
        if self.workload is None:
            return [(Path(("spec",)), self.map("spec"))]
        declared = self.workload.pod.get("volumes")
        if declared is None:
            return []
        path = self.workload.pod_path / "volumes"
        return [(path / index, volume) for index, volume in enumerate(sequence(declared)) if isinstance(volume, dict)]

    def writable(self, volume: Any) -> bool:
        """Whether some container mounts the volume of this name without ``readOnly``; a
        PersistentVolume counts as writable unless it says otherwise itself."""
        if self.workload is None:
            return self.get("spec", "hostPath", "readOnly") is not True
        return any(
            mount.get("name") == volume and mount.get("readOnly") is not True
            for container in self.workload.all_containers
            for mount in sequence(container.raw.get("volumeMounts"))
            if isinstance(mount, dict)
        )
