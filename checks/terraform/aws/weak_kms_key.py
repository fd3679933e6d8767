"""A KMS key is not rotated, soon gone once deleted, or usable by anybody.

What it checks: A symmetric key made by KMS has `enable_key_rotation = true`, with a period of at most 365 days. A
deleted key (imported and replica keys too) can be restored for 14 days or more, and no key is disabled. No key
policy, inline or in an `aws_kms_key_policy`, allows anything to everyone, unless a condition names the account or
the organisation (high): `kms:ViaService` alone does not. A key whose data is copied to another region, where no key
is named for the copy, is a multi-region one (low).

Why it matters: Without rotation one leaked data key opens all data ever written. When the last days of a deleted key
are over, everything that it encrypted is gone for good. A policy open to everyone makes encryption an ornament.

How to fix: `enable_key_rotation = true`, `deletion_window_in_days = 30`, and a policy that names the account's root
and the roles that use the key.

When it is fine: Asymmetric, HMAC and imported keys and those of a custom key store cannot rotate: they are not
asked to. A short deletion window suits keys of throw-away environments.
"""

from collections.abc import Iterator

from msgspec import Struct

from conformant.domain.public_policies import public_statements
from conformant.domain.terraform_arguments import is_given, number
from conformant.domain.terraform_links import TerraformIndex
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, dig
from conformant.platform import Platform
from conformant.views.terraform import TerraformResource


class KeyPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """`longest_rotation_days` is the longest period of rotation, `shortest_deletion_days` the shortest time in which
    a deletion can be taken back."""

    longest_rotation_days: int = 365
    shortest_deletion_days: int = 14


ROTATION = Path(("enable_key_rotation",))
PERIOD = Path(("rotation_period_in_days",))
WINDOW = Path(("deletion_window_in_days",))
DEFAULT_SSE = ("rule", "apply_server_side_encryption_by_default")
SSE_TYPE = "aws_s3_bucket_server_side_encryption_configuration"


@check(
    id="TF-AWS-011",
    severity=Severity.MEDIUM,
    controls=[
        "nist-800-53r5/SC-12", "cis-aws-3.0/3.6", "iso-27001-2022/A.8.24", "pci-dss-4.0/3.7", "ckv/CKV_AWS_7",
        "ckv/CKV_AWS_33", "ckv/CKV_AWS_227",
    ],
    kinds=[
        "aws_kms_key", "aws_kms_external_key", "aws_kms_replica_key", "aws_kms_replica_external_key",
        "aws_kms_key_policy",
    ],
)  # fmt: skip
def weak_kms_key(key: TerraformResource, platform: Platform, settings: KeyPolicy = KeyPolicy()) -> Iterator[Item]:
    if key.kind == "aws_kms_key_policy":
        yield from _open_policy(key)
        return
    parts = [_deletion(key, settings), _disabled(key), _open_policy(key)]
    if key.kind == "aws_kms_key":
        parts = [_rotation(key, settings), *parts, _single_region(key, platform)]
    yield from aspects(parts)


def _rotation(key: TerraformResource, settings: KeyPolicy) -> Iterator[Item]:
    if key.get("customer_master_key_spec") not in (None, "", "SYMMETRIC_DEFAULT"):
        return
    if key.get("key_usage") not in (None, "", "ENCRYPT_DECRYPT") or is_given(key, "custom_key_store_id"):
        return
    if not key.true(*ROTATION, default=False):
        state = "off" if key.has(*ROTATION) else "not set, which means off"
        cure = Cure("enable_key_rotation = true: old data stays readable", ((ROTATION, True),), "safe")
        yield Finding(f"rotation of the key is {state}", ROTATION, cure=cure)
        return
    days = number(key, *PERIOD)
    if days is not None and days > settings.longest_rotation_days:
        cure = Cure("rotate at least once a year", ((PERIOD, settings.longest_rotation_days),), "safe")
        yield Finding(f"the key is rotated only every {days:.0f} days", PERIOD, cure=cure)


def _deletion(key: TerraformResource, settings: KeyPolicy) -> Iterator[Item]:
    days = number(key, *WINDOW)
    if days is not None and days < settings.shortest_deletion_days:
        cure = Cure("leave time to notice: 30 days", ((WINDOW, 30),))
        yield Finding(f"a deleted key is gone for good after {days:.0f} days", WINDOW, cure=cure)


def _disabled(key: TerraformResource) -> Iterator[Item]:
    name = "is_enabled" if key.kind == "aws_kms_key" else "enabled"
    if not key.true(name, default=True):
        path = Path((name,))
        cure = Cure("enable the key, or remove it with what it encrypts", ((path, True),))
        yield Finding("the key is disabled: what it encrypts cannot be read", path, cure=cure)


def _open_policy(holder: TerraformResource) -> Iterator[Item]:
    document = holder.policy_document("policy")
    if document is None:
        if holder.kind == "aws_kms_key_policy":
            yield NotApplicable("no policy document to read")
        return
    for position, statement in public_statements(document):
        name = dig(statement, "Sid") or f"number {position + 1}"
        message = f"statement {name} of the key policy lets everyone use the key, of any account"
        cure = Cure("name the principals, or add a condition on kms:CallerAccount or aws:PrincipalOrgID", grade="none")
        yield Finding(message, Path(("policy",)), Severity.HIGH, cure)


def _single_region(key: TerraformResource, platform: Platform) -> Iterator[Item]:
    stores = platform.derived(_replicated_stores).get(id(key.resource))
    if stores and not key.true("multi_region", default=False):
        path = Path(("multi_region",))
        cure = Cure("make it a multi-region key with a replica there, or name a key for the copy", grade="none")
        message = f"{stores[0].address} is copied to another region, where this single-region key does not exist"
        yield Finding(message, path, Severity.LOW, cure)


def _replicated_stores(platform: Platform) -> dict[int, list[TerraformResource]]:
    """The stores that are copied to another region without naming a key there, by their key's identity."""
    index = platform.derived(TerraformIndex)
    found: dict[int, list[TerraformResource]] = {}
    for store, paths in _copied(index):
        keys = {id(key.resource): key for path in paths for key in index.targets(store, *path)}
        for key in keys.values():
            found.setdefault(id(key.resource), []).append(store)
    return found


def _copied(index: TerraformIndex) -> Iterator[tuple[TerraformResource, list[Path]]]:
    """Such stores with the paths of the arguments that name their key."""
    for secret in index.of_type("aws_secretsmanager_secret"):
        if _names_no_key(secret, ("replica",), "kms_key_id"):
            yield secret, [Path(("kms_key_id",))]
    for table in index.of_type("aws_dynamodb_table"):
        if _names_no_key(table, ("replica",), "kms_key_arn"):
            yield table, [Path(("server_side_encryption", 0, "kms_key_arn"))]
    for system in index.of_type("aws_efs_file_system"):
        copies = index.settings(system, "aws_efs_replication_configuration", "source_file_system_id")
        if any(_names_no_key(copy, ("destination",), "kms_key_id") for copy in copies):
            yield system, [Path(("kms_key_id",))]
    for encryption in index.of_type(SSE_TYPE):
        bucket = index.owner(encryption, "aws_s3_bucket", "bucket")
        copies = index.settings(bucket, "aws_s3_bucket_replication_configuration", "bucket") if bucket else []
        if any(_bucket_copy_names_no_key(copy) for copy in copies):
            rules = [path for path, _ in _known(encryption, *DEFAULT_SSE)]
            yield encryption, [path / "kms_master_key_id" for path in rules]


def _names_no_key(store: TerraformResource, way: tuple[str, ...], argument: str) -> bool:
    return any(block.get(argument) is None for _, block in _known(store, *way))


def _bucket_copy_names_no_key(copy: TerraformResource) -> bool:
    return any("encryption_configuration" not in block for _, block in _known(copy, "rule", "destination"))


def _known(store: TerraformResource, *names: str) -> "list[tuple[Path, dict[str, object]]]":
    return [(path, block) for path, block in store.blocks(*names) if block.__class__ is dict]
