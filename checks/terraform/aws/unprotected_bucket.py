"""An S3 bucket is open to the public, or lacks what protects the objects in it.

What it checks: The bucket, with the resources that refer to it. All four settings of its public access block (or
of the account's) are true, which is judged on the block; a bucket without one is a lower finding. Neither an ACL
nor a grant opens it to everyone (critical). Versions are kept, the bucket policy denies requests without TLS, a
bucket that is tagged confidential is encrypted with KMS, and one that holds backups has Object Lock (medium).
Encryption and access logging are declared (low). Buckets that receive logs need no versions and no logs of their
own. A resource whose bucket is not known here is judged alone. Policies that are open to everyone are TF-AWS-026.

Why it matters: Public buckets are found within hours. Without versions and Object Lock, whoever holds a key to the
bucket can also delete the last backup.

How to fix: One `aws_s3_bucket_public_access_block`, `aws_s3_bucket_versioning`, `aws_s3_bucket_policy` with a Deny on
`aws:SecureTransport = false`, and `aws_s3_bucket_logging` for each bucket.

When it is fine: A public website or download bucket, though CloudFront with origin access control serves that too.
Scratch buckets need no versions.
"""

from collections.abc import Iterator

from msgspec import Struct

from conformant.domain.buckets import BACKUP_WORDS, Bucket, Buckets
from conformant.domain.policy_documents import denies_plaintext
from conformant.domain.terraform_links import certain
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, Undecided, dig
from conformant.platform import Platform
from conformant.views.terraform import TerraformResource


class BucketClasses(Struct, frozen=True, forbid_unknown_fields=True):
    """`backup_words` in a name or purpose tell a bucket of backups; a tag of `class_tags` with one of
    `confidential` tells confidential content. All in lower case."""

    backup_words: tuple[str, ...] = BACKUP_WORDS
    class_tags: tuple[str, ...] = (
        "classification", "dataclassification", "data_classification", "data-classification", "sensitivity",
        "confidentiality",
    )  # fmt: skip
    confidential: tuple[str, ...] = ("confidential", "restricted", "secret", "sensitive", "pii", "phi", "high")


BLOCK = "aws_s3_bucket_public_access_block"
ACCOUNT_BLOCK = "aws_s3_account_public_access_block"
FLAGS = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
PUBLIC_ACLS = ("public-read", "public-read-write", "authenticated-read")
PUBLIC_GROUPS = ("/groups/global/AllUsers", "/groups/global/AuthenticatedUsers")
ACTIONS = ("s3:GetObject", "s3:PutObject")
DEFAULT_SSE = ("rule", "apply_server_side_encryption_by_default")


@check(
    id="TF-AWS-009",
    severity=Severity.HIGH,
    controls=[
        "nist-800-53r5/AC-3", "nist-800-53r5/SC-28(1)", "nist-800-53r5/SC-8", "cis-aws-3.0/2.1.1",
        "cis-aws-3.0/2.1.4", "iso-27001-2022/A.8.3", "ckv/CKV2_AWS_6", "ckv/CKV_AWS_18", "ckv/CKV_AWS_20",
        "ckv/CKV_AWS_21", "ckv/CKV_AWS_53", "ckv/CKV_AWS_54", "ckv/CKV_AWS_55", "ckv/CKV_AWS_56", "ckv/CKV_AWS_57",
        "ckv/CKV_AWS_145",
    ],
    kinds=[
        "aws_s3_bucket", "aws_s3_bucket_public_access_block", "aws_s3_account_public_access_block",
        "aws_s3_bucket_acl", "aws_s3_bucket_versioning", "aws_s3_bucket_policy",
    ],
)  # fmt: skip
def unprotected_bucket(
    resource: TerraformResource, platform: Platform, settings: BucketClasses = BucketClasses()
) -> Iterator[Item]:
    buckets = platform.derived(Buckets)
    if resource.kind == "aws_s3_bucket":
        bucket = buckets.bucket(resource)
        yield from aspects([
            _public_access(bucket, buckets), _acl(bucket), _versions(bucket), _transport(bucket),
            _encryption(bucket, settings), _lock(bucket, settings), _logs(bucket),
        ])  # fmt: skip
        return
    if resource.kind in (BLOCK, ACCOUNT_BLOCK):
        yield from aspects(_flag(resource, flag, buckets) for flag in FLAGS)
        return
    owner = buckets.owner(resource)
    if owner is not None:
        yield NotApplicable(f"judged with {owner.address}")
    else:
        yield from _alone(resource)


def _alone(resource: TerraformResource) -> Iterator[Item]:
    if resource.kind == "aws_s3_bucket_acl":
        yield from _public_acl(resource)
    elif resource.kind == "aws_s3_bucket_versioning":
        if not _keeps_versions(resource):
            yield _no_versions(resource)
    elif not _denies(resource):
        yield _no_denial(resource)


def _public_access(bucket: Bucket, buckets: Buckets) -> Iterator[Item]:
    blocks = bucket.settings(BLOCK)
    if blocks:
        yield from _doubted(bucket, blocks)
    elif not all(_blocks_account(bucket.view, flag, buckets) for flag in FLAGS):
        yield _absent(bucket, "public access block", Severity.MEDIUM, BLOCK)


def _blocks_account(resource: TerraformResource, flag: str, buckets: Buckets) -> bool:
    accounts = buckets.index.of_type(ACCOUNT_BLOCK)
    return any(each.true(flag, default=False) for each in accounts if each.meta.root == resource.meta.root)


def _flag(block: TerraformResource, flag: str, buckets: Buckets) -> Iterator[Item]:
    if block.true(flag, default=False) or _blocks_account(block, flag, buckets):
        return
    path = Path((flag,))
    state = "false" if block.has(flag) else "not set, which means false"
    cure = Cure("set all four settings to true", patches=((path, True),))
    yield Finding(f"{flag} is {state}", path, cure=cure)


def _acl(bucket: Bucket) -> Iterator[Item]:
    for holder in (bucket.view, *bucket.settings("aws_s3_bucket_acl")):
        yield from aspects([_public_acl(holder)])


def _public_acl(holder: TerraformResource) -> Iterator[Item]:
    cure = Cure("make it private and serve through CloudFront with origin access control", grade="none")
    if holder.get("acl") in PUBLIC_ACLS:
        message = f"ACL {holder.get('acl')} opens the bucket to everyone"
        yield Finding(message, Path(("acl",)), Severity.CRITICAL, cure, at=holder.resource)
    grants = [(path / "uri", grant) for path, grant in holder.blocks("grant")]
    granted = holder.blocks("access_control_policy", "grant", "grantee")
    for path, grantee in (*grants, *((path / "uri", grantee) for path, grantee in granted)):
        if str(dig(grantee, "uri")).endswith(PUBLIC_GROUPS):
            yield Finding("a grant opens the bucket to everyone", path, Severity.CRITICAL, cure, at=holder.resource)


def _versions(bucket: Bucket) -> Iterator[Item]:
    if bucket.receives_logs or bucket.view.true("object_lock_enabled", default=False):
        return
    declared = bucket.settings("aws_s3_bucket_versioning")
    inline = bucket.view.blocks("versioning")
    if declared:
        for each in declared:
            if not _keeps_versions(each):
                yield _no_versions(each)
        yield from _doubted(bucket, declared)
    elif not inline:
        yield _absent(bucket, "versioning", Severity.MEDIUM, "aws_s3_bucket_versioning")
    for path, block in inline if not declared else ():
        if dig(block, "enabled") not in (True, "true"):
            yield Finding(
                "versioning is off: what is overwritten or deleted is gone", path / "enabled", Severity.MEDIUM
            )


def _keeps_versions(setting: TerraformResource) -> bool:
    return bool(setting.get("versioning_configuration", 0, "status") == "Enabled")


def _no_versions(setting: TerraformResource) -> Finding:
    path = Path(("versioning_configuration", 0, "status"))
    cure = Cure("enable versioning", patches=((path, "Enabled"),))
    message = f"{setting.address} does not enable versioning: what is overwritten or deleted is gone"
    return Finding(message, path, Severity.MEDIUM, cure, at=setting.resource)


def _transport(bucket: Bucket) -> Iterator[Item]:
    declared = bucket.settings("aws_s3_bucket_policy")
    holders = [*declared, *([bucket.view] if bucket.view.has("policy") else [])]
    if not holders:
        yield _absent(bucket, "policy that denies requests without TLS", Severity.MEDIUM, "aws_s3_bucket_policy")
    elif not any(map(_denies, holders)):
        yield _no_denial(holders[0])
    else:
        yield from _doubted(bucket, declared)


def _denies(holder: TerraformResource) -> bool:
    document = holder.policy_document("policy")
    return document is not None and denies_plaintext(document, ACTIONS)


def _no_denial(holder: TerraformResource) -> Finding:
    message = "the bucket policy does not deny reading and writing without TLS to everyone"
    cure = Cure('add a Deny to "*" for s3:* where aws:SecureTransport is false', grade="none")
    return Finding(message, Path(("policy",)), Severity.MEDIUM, cure, at=holder.resource)


def _encryption(bucket: Bucket, settings: BucketClasses) -> Iterator[Item]:
    inline = bucket.view.blocks("server_side_encryption_configuration", *DEFAULT_SSE)
    declared = bucket.settings("aws_s3_bucket_server_side_encryption_configuration")
    rules = [(bucket.view, path, rule) for path, rule in inline]
    rules += [(each, path, rule) for each in declared for path, rule in each.blocks(*DEFAULT_SSE)]
    if not rules:
        kind = "aws_s3_bucket_server_side_encryption_configuration"
        yield _absent(bucket, "encryption (S3 encrypts with a key of its own)", Severity.LOW, kind)
        return
    if bucket.is_tagged(settings.class_tags, settings.confidential):
        for holder, path, rule in rules:
            if dig(rule, "sse_algorithm") not in ("aws:kms", "aws:kms:dsse"):
                message = "a confidential bucket is not encrypted with a KMS key"
                cure = Cure('set sse_algorithm = "aws:kms" and a kms_master_key_id', grade="none")
                yield Finding(message, path / "sse_algorithm", Severity.MEDIUM, cure, at=holder.resource)
    yield from _doubted(bucket, declared)


def _lock(bucket: Bucket, settings: BucketClasses) -> Iterator[Item]:
    if not bucket.keeps_backups(settings.backup_words):
        return
    declared = bucket.settings("aws_s3_bucket_object_lock_configuration")
    if bucket.view.true("object_lock_enabled", default=False) or bucket.view.has("object_lock_configuration"):
        return
    if declared:
        yield from _doubted(bucket, declared)
    else:
        what = "Object Lock: whoever can write backups can delete them"
        yield _absent(bucket, what, Severity.MEDIUM, "aws_s3_bucket_object_lock_configuration")


def _logs(bucket: Bucket) -> Iterator[Item]:
    if bucket.receives_logs or bucket.view.has("logging"):
        return
    declared = bucket.settings("aws_s3_bucket_logging")
    if declared:
        yield from _doubted(bucket, declared)
    else:
        yield _absent(bucket, "access logging", Severity.LOW, "aws_s3_bucket_logging")


def _absent(bucket: Bucket, what: str, severity: Severity, kind: str) -> Item:
    """That a bucket has no resource of a kind, unless a module that was not read may have it."""
    if bucket.hidden_in:
        return Undecided(f"{bucket.hidden_in}, which is given the bucket, was not read: it may declare {kind}")
    path = Path((kind.removeprefix("aws_s3_bucket_"),))
    return Finding(f"the bucket declares no {what}", path, severity, Cure(f"declare {kind} for it", grade="none"))


def _doubted(bucket: Bucket, declared: list[TerraformResource]) -> Iterator[Item]:
    """That what is declared for a bucket may not exist after all."""
    if declared and not certain(declared, bucket.view):
        yield Undecided(f"{declared[0].address} may not exist: {declared[0].doubt}")
