"""Which cloud a platform runs on, by what it declares."""

from collections.abc import Iterator
from typing import Any

from conformant.model import Undecided, dig, mapping
from conformant.platform import Platform
from conformant.views.terraform import TerraformResource

_TERRAFORM = (("aws_", "aws"), ("azurerm_", "azure"), ("google_", "gcp"))
_ANNOTATIONS = (
    ("eks.amazonaws.com/", "aws"), ("service.beta.kubernetes.io/aws-", "aws"), ("alb.ingress.kubernetes.io/", "aws"),
    ("azure.workload.identity/", "azure"), ("service.beta.kubernetes.io/azure-", "azure"),
    ("iam.gke.io/", "gcp"), ("cloud.google.com/", "gcp"), ("networking.gke.io/", "gcp"),
)  # fmt: skip
_PROVISIONERS = (
    ("amazonaws.com", "aws"),
    ("ebs.csi.aws", "aws"),
    ("efs.csi.aws", "aws"),
    ("azure", "azure"),
    ("gke.io", "gcp"),
)


def clouds(platform: Platform) -> frozenset[str]:
    """``aws``, ``azure``, ``gcp``: what the profile says, else what the platform shows. Use with `Platform.derived`."""
    stated = platform.profile.cloud
    if stated != "auto":
        return frozenset() if stated == "none" else frozenset({stated})
    return frozenset(_evidence(platform))


def _evidence(platform: Platform) -> Iterator[str]:
    for each in platform.of(TerraformResource):
        yield from (cloud for prefix, cloud in _TERRAFORM if str(each.kind).startswith(prefix))
    for key in ("/ServiceAccount", "/Service", "networking.k8s.io/Ingress"):
        for resource in platform.kind(key):
            for name in _annotations(resource.raw):
                yield from (cloud for mark, cloud in _ANNOTATIONS if str(name).startswith(mark))
    for resource in platform.kind("storage.k8s.io/StorageClass"):
        provisioner = str(resource.raw.get("provisioner"))
        yield from (cloud for mark, cloud in _PROVISIONERS if mark in provisioner)


def _annotations(raw: Any) -> dict[Any, Any]:
    try:
        return mapping(dig(raw, "metadata", "annotations"))
    except Undecided:
        return {}
