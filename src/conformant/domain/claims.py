"""Which volumes only one node, or one pod, can mount at a time."""

from msgspec import Struct

from conformant.model import Path, dig, sequence
from conformant.platform import Platform
from conformant.views.workload import Workload

EXCLUSIVE = frozenset({"ReadWriteOnce", "ReadWriteOncePod"})


class ExclusiveVolume(Struct, frozen=True):
    """A volume of a pod whose claim is only ReadWriteOnce or ReadWriteOncePod."""

    claim: str
    modes: tuple[str, ...]
    path: Path


def exclusive_volume(workload: Workload, platform: Platform) -> ExclusiveVolume | None:
    """The first volume of a workload whose declared claim allows one node or pod at a time."""
    if workload.pod.get("volumes") is None:
        return None
    for index, volume in enumerate(sequence(workload.pod, "volumes")):
        name = dig(volume, "persistentVolumeClaim", "claimName")
        claim = platform.find("/PersistentVolumeClaim", workload.namespace, name) if isinstance(name, str) else None
        stated = sequence(claim.raw, "spec", "accessModes") if claim is not None else []
        modes = tuple(mode for mode in stated if isinstance(mode, str))
        if modes and EXCLUSIVE.issuperset(modes):
            path = Path((*workload.pod_path, "volumes", index, "persistentVolumeClaim"))
            return ExclusiveVolume(str(name), modes, path)
    return None
