"""A volume or file system is not encrypted, or a file system lacks backups or TLS.

What it checks: An `aws_ebs_volume` has `encrypted = true`, or encryption by default is on in its region; nothing
turns that default off. An `aws_efs_file_system` is encrypted, is backed up by an `aws_efs_backup_policy` or an AWS
Backup selection, has a policy that denies mounts without TLS, and, if it serves recovery, is replicated to another
region (medium). A volume made from a snapshot takes over the snapshot's encryption, which is not seen here.

Why it matters: An unencrypted volume can be read from every snapshot of it that leaks. A file system keeps files that
nothing else can rebuild, and NFS without TLS sends them in clear.

How to fix: `encrypted = true` with a key of your own, `aws_ebs_encryption_by_default` in every region, an
`aws_efs_backup_policy` with status ENABLED, and an `aws_efs_file_system_policy` that denies
`aws:SecureTransport = false`. Encryption cannot be switched on later: the volume is made anew from an encrypted copy.

When it is fine: Scratch space needs no backup. Disks of instances and launch templates are other checks' business.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import partial

from msgspec import Struct

from conformant.domain.aws_backup import BackupPlans
from conformant.domain.aws_regions import in_other_region
from conformant.domain.certainty import any_holds
from conformant.domain.policy_documents import acts, conditions, everyone, statements
from conformant.domain.terraform_links import TerraformIndex, certain
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Path, Severity, Undecided
from conformant.platform import Platform
from conformant.views.terraform import TerraformResource


class RecoveryStores(Struct, frozen=True, forbid_unknown_fields=True):
    """`replicated` are shell patterns of the names, tokens and Name tags of file systems that recovery needs: they
    have to be replicated to another region."""

    replicated: tuple[str, ...] = ("*backup*", "*archive*", "*recovery*")


DEFAULT = "aws_ebs_encryption_by_default"
BACKUP = "aws_efs_backup_policy"
REPLICATION = "aws_efs_replication_configuration"
POLICY = "aws_efs_file_system_policy"
ENCRYPTED = Path(("encrypted",))
RECREATE = Cure("encrypted = true; what exists is copied to a new, encrypted one", grade="none")


@check(
    id="TF-AWS-012",
    severity=Severity.HIGH,
    controls=[
        "nist-800-53r5/SC-28(1)", "cis-aws-3.0/2.2.1", "cis-aws-3.0/2.4.1", "ckv/CKV_AWS_3", "ckv/CKV_AWS_106",
        "ckv/CKV_AWS_42",
    ],
    kinds=["aws_ebs_volume", "aws_ebs_encryption_by_default", "aws_efs_file_system"],
)  # fmt: skip
def unprotected_volume(
    store: TerraformResource, platform: Platform, settings: RecoveryStores = RecoveryStores()
) -> Iterator[Item]:
    index = platform.derived(TerraformIndex)
    if store.kind == "aws_ebs_volume":
        yield from _volume(store, index)
    elif store.kind == DEFAULT:
        if not store.true("enabled", default=True):
            path = Path(("enabled",))
            cure = Cure("encrypt new volumes by default", ((path, True),))
            yield Finding("new volumes of the region are not encrypted by default", path, cure=cure)
    else:
        yield from aspects([
            _file_system(store), _backed_up(store, platform), _replicated(store, index, settings),
            _transport(store, index),
        ])  # fmt: skip


def _volume(volume: TerraformResource, index: TerraformIndex) -> Iterator[Item]:
    if not volume.true(*ENCRYPTED, default=False):
        if any_holds(partial(_applies, default, volume) for default in index.of_type(DEFAULT)):
            return
        if not volume.has(*ENCRYPTED) and volume.has("snapshot_id"):
            yield Undecided("the volume is encrypted if its snapshot is, which is not known here")
            return
        state = "not encrypted" if volume.has(*ENCRYPTED) else "not encrypted: encrypted is not set"
        message = f"the volume is {state}, and the region does not encrypt by default"
        yield Finding(message, ENCRYPTED, cure=RECREATE)


def _applies(default: TerraformResource, volume: TerraformResource) -> bool:
    """Whether a default encrypts `volume`."""
    if not default.true("enabled", default=True) or in_other_region(default, volume):
        return False
    if not certain([default], volume):
        raise Undecided(f"{default.address} may not exist: {default.doubt}")
    return True


def _file_system(system: TerraformResource) -> Iterator[Item]:
    if not system.true(*ENCRYPTED, default=False):
        state = "not encrypted" if system.has(*ENCRYPTED) else "not encrypted: encrypted is not set"
        yield Finding(f"the file system is {state}", ENCRYPTED, cure=RECREATE)


def _backed_up(system: TerraformResource, platform: Platform) -> Iterator[Item]:
    index, plans = platform.derived(TerraformIndex), platform.derived(BackupPlans)
    policies = index.settings(system, BACKUP, "file_system_id")
    tests = [*(partial(_enabled, policy) for policy in policies), partial(plans.covers, system)]
    if any_holds(tests):
        if policies and not certain(policies, system) and not plans.covers(system):
            yield Undecided(f"{policies[0].address} may not exist: {policies[0].doubt}")
        return
    if policies:
        path = Path(("backup_policy", 0, "status"))
        cure = Cure("set status to ENABLED", ((path, "ENABLED"),))
        message = f"{policies[0].address} turns backups of the file system off"
        yield Finding(message, path, Severity.MEDIUM, cure, at=policies[0].resource)
    else:
        yield _absent(system, index, BACKUP, "the file system is not backed up")


def _enabled(policy: TerraformResource) -> bool:
    return any(block.get("status") == "ENABLED" for _, block in policy.blocks("backup_policy"))


def _replicated(system: TerraformResource, index: TerraformIndex, settings: RecoveryStores) -> Iterator[Item]:
    copies = index.settings(system, REPLICATION, "source_file_system_id")
    targets = [(copy, path, block) for copy in copies for path, block in copy.blocks("destination")]
    for copy, path, block in targets:
        region = block.get("region")
        if (region is None and block.get("availability_zone_name")) or (region is not None and region == system.region):
            message = "the copy of the file system stays in its region"
            cure = Cure("name another region as the destination", grade="none")
            yield Finding(message, path / "region", Severity.MEDIUM, cure, at=copy.resource)
    if not targets and _is_for_recovery(system, settings):
        yield _absent(system, index, REPLICATION, "the file system, which recovery needs, exists in one region only")


def _is_for_recovery(system: TerraformResource, settings: RecoveryStores) -> bool:
    tags = system.raw.get("tags")
    names = [system.name, system.raw.get("creation_token"), tags.get("Name") if tags.__class__ is dict else None]
    known = [name.lower() for name in names if name.__class__ is str]
    return any(fnmatchcase(name, pattern) for name in known for pattern in settings.replicated)


def _transport(system: TerraformResource, index: TerraformIndex) -> Iterator[Item]:
    policies = index.settings(system, POLICY, "file_system_id")
    if not policies:
        yield _absent(system, index, POLICY, "no policy denies mounting the file system without TLS")
    elif not any_holds(partial(_denies_plaintext, policy) for policy in policies):
        message = "the policy of the file system does not deny mounts without TLS to everyone"
        cure = Cure('add a Deny to "*" where aws:SecureTransport is false', grade="none")
        yield Finding(message, Path(("policy",)), Severity.MEDIUM, cure, at=policies[0].resource)
    elif not certain(policies, system):
        yield Undecided(f"{policies[0].address} may not exist: {policies[0].doubt}")


def _denies_plaintext(policy: TerraformResource) -> bool:
    document = policy.policy_document("policy")
    return document is not None and any(
        everyone(statement)
        and acts(statement, "elasticfilesystem:ClientMount")
        and [(test, key, [str(each).lower() for each in given]) for test, key, given in conditions(statement)]
        in ([("Bool", "aws:securetransport", ["false"])], [("BoolIfExists", "aws:securetransport", ["false"])])
        for statement in statements(document, "Deny")
    )


def _absent(system: TerraformResource, index: TerraformIndex, kind: str, message: str) -> Item:
    hidden = index.passed_to(system, "efs", "backup", "file")
    if hidden is not None:
        return Undecided(f"{hidden.address}, which is given the file system, was not read: it may declare {kind}")
    return Finding(message, Path((kind,)), Severity.MEDIUM, Cure(f"declare {kind} for it", grade="none"))
