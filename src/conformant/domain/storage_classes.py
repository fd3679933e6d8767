"""Which StorageClasses encrypt the volumes that they make."""

from collections.abc import Iterator
from typing import Any

from conformant.domain.stores import known
from conformant.leaf import Item
from conformant.model import Cure, Finding, Path, Resource, Severity, Undecided, dig, mapping
from conformant.platform import Platform

ALWAYS = frozenset({
    "pd.csi.storage.gke.io", "kubernetes.io/gce-pd", "filestore.csi.storage.gke.io", "disk.csi.azure.com",
    "kubernetes.io/azure-disk", "file.csi.azure.com", "kubernetes.io/azure-file",
})  # fmt: skip
"""Provisioners of clouds that encrypt every disk."""

BY_PARAMETER = frozenset({
    "ebs.csi.aws.com", "kubernetes.io/aws-ebs", "driver.longhorn.io", "rook-ceph.rbd.csi.ceph.com",
    "rbd.csi.ceph.com", "topolvm.io",
})  # fmt: skip
"""Provisioners that encrypt what a parameter asks them to."""

EBS = ("ebs.csi.aws.com", "kubernetes.io/aws-ebs")
ACCOUNT_WIDE = "aws_ebs_encryption_by_default"
"""What Terraform sets to encrypt all volumes of an account, whatever the class says."""

PARAMETERS = ("encrypted", "secure", "csi.storage.k8s.io/encrypted")
DEFAULTS = (
    "storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class",
)  # fmt: skip
CURE = Cure("name a StorageClass whose volumes are encrypted", grade="none")


class StorageClasses:
    """The StorageClasses of a platform. Use with `Platform.derived`."""

    def __init__(self, platform: Platform) -> None:
        self._known: dict[str, Resource] = {}
        self.default = ""
        self._all_of_ebs = any(_is_on(each) for each in platform.kind(f"/{ACCOUNT_WIDE}", "terraform"))
        for resource in platform.kind("storage.k8s.io/StorageClass"):
            self._known.setdefault(resource.name, resource)
            annotations = mapping(resource.raw, "metadata", "annotations")
            if any(str(dig(annotations, key)).lower() == "true" for key in DEFAULTS):
                self.default = resource.name

    def encrypts(self, name: str) -> bool:
        """Whether volumes of the class are encrypted. Raises Undecided where nothing here tells."""
        found = self._known.get(name)
        if found is None:
            raise Undecided(f"StorageClass {name} is not in the input: whether it encrypts is not known")
        provisioner, parameters = str(dig(found.raw, "provisioner")), mapping(found.raw, "parameters")
        if any(str(dig(parameters, key)).lower() == "true" for key in PARAMETERS):
            return True
        if provisioner in ALWAYS:
            return True
        if provisioner in EBS and self._all_of_ebs:
            return True
        if provisioner in BY_PARAMETER:
            return False
        raise Undecided(f"whether {provisioner}, of StorageClass {name}, encrypts is not known")


def _is_on(setting: Resource) -> bool:
    return known(setting.raw, "enabled") is not False


def unencrypted(path: Path, name: Any, severity: Severity, platform: Platform) -> Iterator[Item]:
    """The finding on a volume claim whose StorageClass is not named, or does not encrypt."""
    classes = platform.derived(StorageClasses)
    chosen = name if isinstance(name, str) and name else classes.default
    if not chosen:
        message = "no StorageClass is named: whether the data is encrypted depends on the cluster's default"
        yield Finding(message, path, Severity.MEDIUM, CURE)
    elif not classes.encrypts(chosen):
        yield Finding(f"the volumes of StorageClass {chosen} are not encrypted", path, severity, CURE)
