"""Backups go to no known place, to one that is lost with the cluster, or over an open line.

What it checks: The storage location of a Velero Schedule or Backup, the default one where none is named, is
declared and may be written to. A BackupStorageLocation on AWS has its bucket in another region than the
cluster's (or the bucket is replicated), encrypts with a key of its own, talks https with verified
certificates, needs no static profile, and no other cluster writes to the same place: a recovery cluster
reads it ReadOnly. Whether the bucket is versioned and locked is judged where Terraform declares it.

The region of the cluster is taken from the label topology.kubernetes.io/region of the location, from the
settings, or from the only region with an EKS cluster in Terraform.

Why it matters: A backup in the failed region, or one that the stolen credentials of the cluster can change,
does not help when it is needed.

How to fix: A bucket in another region, with Object Lock and a KMS key, and accessMode: ReadOnly in the
recovery cluster.

When it is fine: Locations that are set up elsewhere, for example by velero install: waive the finding with a
pointer to where.
"""

from collections.abc import Iterator
from urllib.parse import urlsplit

from msgspec import Struct

from conformant.domain.backups import replication
from conformant.domain.terraform_links import TerraformIndex
from conformant.domain.velero import Velero, delivered
from conformant.leaf import Item, aspects, check
from conformant.model import REMOVE, Cure, Finding, Path, Severity, Undecided, dig
from conformant.platform import Platform
from conformant.views.terraform import TerraformResource
from conformant.views.velero import BackupObject, StorageLocation, backup_spec


class Home(Struct, frozen=True, forbid_unknown_fields=True):
    """`cluster_region` is the region of the cluster, where neither a label nor Terraform tells it."""

    cluster_region: str = ""


REGION = "topology.kubernetes.io/region"
CONFIG = Path(("spec", "config"))
STORE = Path(("spec", "objectStorage"))
KEYS = ("kmsKeyId", "serverSideEncryption", "customerKeyEncryptionFile", "customerKeyEncryptionSecret")


@check(
    id="DR-004",
    severity=Severity.HIGH,
    requirement="backup-region",
    controls=[
        "nist-800-53r5/CP-9(8)", "nist-800-53r5/CP-6", "iso-27001-2022/A.8.13", "iso-27001-2022/A.8.24",
    ],
)  # fmt: skip
def weak_backup_location(item: BackupObject, platform: Platform, settings: Home = Home()) -> Iterator[Item]:
    if item.kind != "BackupStorageLocation":
        yield from _resolved(item, platform)
        return
    location = platform.view(item.resource, StorageLocation)
    yield from aspects(
        [
            _apart(location, platform, settings),
            _encrypted(location, platform),
            _line(location),
            _credential(location),
            _alone(location, platform),
            _locked(location, platform),
        ]
    )


def _resolved(item: BackupObject, platform: Platform) -> Iterator[Item]:
    spec = backup_spec(item.resource)
    path = spec.path / "storageLocation"
    velero = platform.derived(Velero)
    location = velero.location(item.namespace, spec.location)
    name = f"BackupStorageLocation {spec.location!r}" if spec.location else "default BackupStorageLocation"
    if location is not None:
        if location.is_read_only:
            message = f"{name} is ReadOnly: Velero refuses to back up to it"
            yield Finding(message, path, cure=Cure("a location with accessMode: ReadWrite", grade="none"))
    elif velero.locations and delivered(platform) is None:
        yield Finding(f"there is no {name} in {item.namespace}", path, cure=Cure("name one that is", grade="none"))
    else:
        message = f"the {name} is not declared here: where backups go, and how safe they are, cannot be seen"
        yield Finding(message, path, Severity.MEDIUM, Cure("declare the location beside the schedule", grade="none"))


# a location


def _apart(location: StorageLocation, platform: Platform, settings: Home) -> Iterator[Item]:
    """Whether the bucket survives the loss of the cluster and its region."""
    host = _host(location)
    if host.endswith((".svc", ".svc.cluster.local")) or (host and "." not in host):
        message = f"the object store {host} is in the cluster itself: it is lost with what it backs up"
        yield Finding(message, CONFIG / "s3Url", cure=Cure("a bucket outside, in another region", grade="none"))
        return
    bucket = _bucket(location, platform)
    region = location.config("region") or (bucket.region if bucket is not None else None)
    homes = _homes(location, platform, settings)
    if not location.is_aws or host or not region or not homes:
        raise Undecided(f"whether bucket {location.bucket!r} is in another region than the cluster is not known")
    if region not in homes:
        return
    if len(homes) > 1:
        raise Undecided(f"{region} has a cluster, but whether this is its location is not known")
    if bucket is None:
        message = f"the backups stay in the region of the cluster, {region}; nothing here replicates their bucket"
    elif replication(bucket, platform) is None:
        message = f"the backups stay in the region of the cluster, {region}, and their bucket is not replicated"
    else:
        return
    level = Severity.MEDIUM if bucket is None else None
    path = CONFIG / "region" if location.config("region") else STORE / "bucket"
    yield Finding(message, path, level, Cure("a bucket in another region, or its replication", grade="none"))


def _host(location: StorageLocation) -> str:
    """The host of a store of one's own; empty where it is the provider's."""
    url = location.config("s3Url")
    try:
        host = urlsplit(url if "//" in url else f"//{url}").hostname or ""
    except ValueError:
        raise Undecided(f"s3Url {url!r} is no URL") from None
    return "" if host.endswith(".amazonaws.com") else host


def _homes(location: StorageLocation, platform: Platform, settings: Home) -> frozenset[str]:
    """The regions of which one is the cluster's."""
    stated = location.labels.get(REGION) or settings.cluster_region
    if isinstance(stated, str) and stated:
        return frozenset({stated})
    clusters = platform.derived(TerraformIndex).of_type("aws_eks_cluster")
    if any(cluster.region is None for cluster in clusters):
        raise Undecided("the region of a cluster is not known")
    return frozenset(cluster.region for cluster in clusters if cluster.region)


def _bucket(location: StorageLocation, platform: Platform) -> TerraformResource | None:
    return platform.derived(_buckets).get(location.bucket)


def _buckets(platform: Platform) -> dict[str, TerraformResource]:
    """The buckets whose names are known."""
    buckets = platform.derived(TerraformIndex).of_type("aws_s3_bucket")
    named = ((bucket.raw.get("bucket"), bucket) for bucket in buckets)
    return {name: bucket for name, bucket in named if name.__class__ is str}


def _encrypted(location: StorageLocation, platform: Platform) -> Iterator[Item]:
    if not location.is_aws or any(location.config(key) for key in KEYS):
        return
    bucket = _bucket(location, platform)
    if bucket is not None and _has_key(bucket, platform):
        return
    message = "no key is named: the store encrypts with a key of its own"
    yield Finding(message, CONFIG / "kmsKeyId", Severity.MEDIUM, Cure("config.kmsKeyId", grade="none"))


def _has_key(bucket: TerraformResource, platform: Platform) -> bool:
    settings = platform.derived(TerraformIndex).settings(
        bucket, "aws_s3_bucket_server_side_encryption_configuration", "bucket"
    )
    return any(
        str(dig(default, "sse_algorithm")).startswith("aws:kms")
        for each in settings
        for _, default in each.blocks("rule", "apply_server_side_encryption_by_default")
    )


def _line(location: StorageLocation) -> Iterator[Item]:
    if location.config("s3Url").lower().startswith("http://"):
        yield Finding(
            "backups go over an unencrypted connection", CONFIG / "s3Url", cure=Cure("https://", grade="none")
        )
    if location.config("insecureSkipTLSVerify") == "true":
        path = CONFIG / "insecureSkipTLSVerify"
        cure = Cure("leave it out, and name the CA in objectStorage.caCertRef", ((path, REMOVE),))
        yield Finding("the certificate of the object store is not verified", path, cure=cure)
    if location.get(*STORE, "caCert") is not None:
        message = "caCert is deprecated: caCertRef names a Secret instead"
        yield Finding(message, STORE / "caCert", Severity.LOW, Cure("caCertRef: {name, key}", grade="none"))


def _credential(location: StorageLocation) -> Iterator[Item]:
    if location.config("profile") and not location.get("spec", "credential"):
        message = "a profile of the shared credentials file: static keys, where the pod could have a role"
        cure = Cure("a role for Velero's ServiceAccount, or spec.credential", grade="none")
        yield Finding(message, CONFIG / "profile", Severity.MEDIUM, cure)


def _alone(location: StorageLocation, platform: Platform) -> Iterator[Item]:
    """Whether a location that is declared before writes to the same place."""
    if location.is_read_only or not location.bucket:
        return
    for other in platform.derived(Velero).writers[location.place]:
        if other is location:
            return
        if _elsewhere(other, location):
            path = Path(("spec", "accessMode"))
            message = f"{other.name} writes to the same place: the cluster that recovers from it should only read it"
            yield Finding(message, path, cure=Cure("accessMode: ReadOnly", ((path, "ReadOnly"),)))
            return


def _elsewhere(one: StorageLocation, other: StorageLocation) -> bool:
    """Whether these are certainly two: one object may be read twice."""
    names = (one.namespace, one.name), (other.namespace, other.name)
    return names[0] != names[1] or one.labels.get(REGION) != other.labels.get(REGION)


def _locked(location: StorageLocation, platform: Platform) -> Iterator[Item]:
    if location.bucket and _bucket(location, platform) is None:
        yield Undecided(f"whether bucket {location.bucket!r} is versioned and locked is not declared here")
