"""A volume reaches into the node's file system, or is of a type outside the core ones.

What it checks: No volume of a pod, and no PersistentVolume, is a ``hostPath``. A path that equals,
lies under or contains a sensitive folder of the node (/etc, /proc, /sys, /dev, /root, /boot, /run,
the data of kubelet, container runtime and etcd) weighs more, and so does one that some container
mounts writable; a runtime's socket weighs most. Types other than configMap, csi, downwardAPI,
emptyDir, ephemeral, image, persistentVolumeClaim, projected and secret are reported as low.

Why it matters: Whoever writes to the node's file system, or speaks to its container runtime, owns
the node. A ``subPath`` does not narrow what the volume exposes.

How to fix: Use a PersistentVolumeClaim, a CSI driver or an emptyDir; mount /var/log read-only where
logs are shipped.

When it is fine: Node agents that must read the node. Waive them by name.
"""

from collections.abc import Iterator
from posixpath import normpath

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, Path, Severity, Undecided, dig
from conformant.views.volume import VolumeHolder

SENSITIVE = (
    "/etc", "/proc", "/sys", "/dev", "/root", "/boot", "/run", "/var/run", "/var/lib/kubelet",
    "/var/lib/docker", "/var/lib/containerd", "/var/lib/etcd", "/home/kubernetes",
)  # fmt: skip
SOCKETS = ("docker.sock", "containerd.sock", "crio.sock")
CORE = frozenset({
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim",
    "projected", "secret",
})  # fmt: skip
OTHER = frozenset({
    "nfs", "iscsi", "gitRepo", "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "fc",
    "flexVolume", "flocker", "gcePersistentDisk", "glusterfs", "photonPersistentDisk", "portworxVolume",
    "quobyte", "rbd", "scaleIO", "storageos", "vsphereVolume",
})  # fmt: skip

CURE = Cure("use a PersistentVolumeClaim, a CSI volume or an emptyDir; mount read-only what must be read", grade="none")
CORE_TYPE = Cure("use a PersistentVolumeClaim or a CSI volume", grade="none")


@check(
    id="WRK-024",
    severity=Severity.CRITICAL,
    requirement="pod-isolation",
    controls=[
        "nist-800-53r5/AC-6", "nist-800-53r5/CM-7", "nist-800-53r5/SC-39", "cis-k8s-1.12/5.2.12",
        "nsa-hardening-1.2/pod-security", "soc2/CC6.1", "iso-27001-2022/A.8.9", "pci-dss-4.0/2.2.1",
    ],
)  # fmt: skip
def host_path_volume(holder: VolumeHolder) -> Iterator[Item]:
    worst: tuple[Severity, Path, str] | None = None
    listed: list[str] = []
    for path, volume in holder.volumes:
        if "hostPath" in volume and volume["hostPath"] is not None:
            try:
                severity, text = _host_path(holder, volume)
            except Undecided as undecided:
                yield undecided
                continue
            listed.append(text)
            if worst is None or severity > worst[0]:
                worst = severity, path / "hostPath", text
        elif holder.workload is not None and not CORE & volume.keys():
            for kind in OTHER & volume.keys():
                message = f"volume {volume.get('name')!r} is of type {kind}, outside the core types"
                yield Finding(message, path / kind, Severity.LOW, CORE_TYPE)
    if worst is not None:
        severity, path, _ = worst
        yield Finding(f"the node's file system is mounted: {', '.join(listed)}", path, severity, CURE)


def _host_path(holder: VolumeHolder, volume: dict[str, object]) -> tuple[Severity, str]:
    stated = dig(volume, "hostPath", "path")
    path = normpath(stated) if isinstance(stated, str) and stated else "/"
    path = "/" + path.lstrip("/")
    socket = path.endswith(SOCKETS)
    sensitive = socket or any(
        path == root or path.startswith(root + "/") or root.startswith(path.rstrip("/") + "/") for root in SENSITIVE
    )
    writable = holder.writable(volume.get("name"))
    text = f"{path}{' (writable)' if writable else ''}"
    if sensitive and (writable or socket):
        return Severity.CRITICAL, text
    return (Severity.HIGH if sensitive or writable else Severity.MEDIUM), text
