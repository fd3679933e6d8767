"""An RDS or Aurora database would not survive a mistake, a zone or a region.

What it checks: Automated backups are kept for 7 days (instances keep none by default: critical; clusters one day). The
database cannot be deleted by accident, and its deletion leaves a final snapshot (medium). It runs in two zones: an
instance by `multi_az`, a cluster by two instances that are not all bound to one zone, or as a Multi-AZ cluster
(medium). A copy of the data leaves the region: by a global database, replicated automated backups, a replica or an
AWS Backup copy in another region (medium). Tags go to the snapshots, logs to CloudWatch, and minor versions are
applied (low). Read replicas are judged on what is their own only.

Why it matters: Backups that do not exist cannot be made after the fact. A wrong `terraform destroy`, a lost zone or a
lost region is the end of a database that has its only copy there.

How to fix: `backup_retention_period = 7` or more, `deletion_protection = true`, `multi_az = true`, and
`aws_db_instance_automated_backups_replication` or `aws_rds_global_cluster`.

When it is fine: Databases that can be rebuilt from elsewhere, such as test data and caches. Waive those by name.
"""

from collections.abc import Iterator
from functools import partial

from msgspec import Struct

from conformant.domain.aws_backup import BackupPlans
from conformant.domain.aws_regions import in_other_region
from conformant.domain.certainty import any_holds
from conformant.domain.rds import is_cluster, is_replica
from conformant.domain.terraform_arguments import is_given, number
from conformant.domain.terraform_links import TerraformIndex, certain
from conformant.leaf import Item, aspects, check
from conformant.model import ROOT, Cure, Finding, Path, Severity, Undecided, Unknown
from conformant.platform import Platform
from conformant.views.terraform import TerraformResource


class BackupPolicy(Struct, frozen=True, forbid_unknown_fields=True):
    """`fewest_days` is how long automated backups are kept at least."""

    fewest_days: int = 7


RETENTION = Path(("backup_retention_period",))
FINAL = Path(("skip_final_snapshot",))
MULTI_AZ = Path(("multi_az",))
MEMBER = "aws_rds_cluster_instance"
AUTOMATED = "aws_db_instance_automated_backups_replication"


@check(
    id="TF-AWS-014",
    severity=Severity.HIGH,
    requirement="backup-exists",
    controls=[
        "nist-800-53r5/CP-9", "nist-800-53r5/CP-6", "nist-800-53r5/CP-10", "cis-aws-3.0/2.3.2",
        "iso-27001-2022/A.8.13", "iso-27001-2022/A.8.14", "soc2/A1.2", "ckv/CKV_AWS_133", "ckv/CKV_AWS_139",
        "ckv/CKV_AWS_157", "ckv/CKV_AWS_293",
    ],
    kinds=["aws_db_instance", "aws_rds_cluster", "aws_rds_cluster_instance"],
)  # fmt: skip
def unrecoverable_database(
    database: TerraformResource, platform: Platform, settings: BackupPolicy = BackupPolicy()
) -> Iterator[Item]:
    parts = [_minor_versions(database)]
    if database.kind != MEMBER:
        parts.append(_logs(database))
        if is_cluster(database):
            parts.append(_zones_of_cluster(database, platform.derived(TerraformIndex)))
        if is_cluster(database) or not is_replica(database):
            parts += [
                _retention(database, settings), _protection(database), _final_snapshot(database),
                _tags(database), _other_region(database, platform),
            ]  # fmt: skip
            if not is_cluster(database):
                parts.append(_zones_of_instance(database))
    yield from aspects(parts)


def _retention(database: TerraformResource, settings: BackupPolicy) -> Iterator[Item]:
    stated = number(database, *RETENTION)
    days = (1 if is_cluster(database) else 0) if stated is None else stated
    if days >= settings.fewest_days:
        return
    cure = Cure(f"keep backups for {settings.fewest_days} days", ((RETENTION, settings.fewest_days),))
    suffix = ", the default" if stated is None else ""
    if days == 0 and not is_cluster(database):
        yield Finding(f"automated backups are off (retention 0{suffix})", RETENTION, Severity.CRITICAL, cure)
    else:
        message = f"backups are kept for {days:.0f} day(s){suffix}, not for {settings.fewest_days}"
        yield Finding(message, RETENTION, cure=cure)


def _protection(database: TerraformResource) -> Iterator[Item]:
    path = Path(("deletion_protection",))
    if not database.true(*path, default=False):
        cure = Cure("deletion_protection = true", ((path, True),))
        yield Finding("the database can be deleted without further ado", path, Severity.MEDIUM, cure)


def _final_snapshot(database: TerraformResource) -> Iterator[Item]:
    if database.true(*FINAL, default=False):
        cure = Cure("skip_final_snapshot = false, with a final_snapshot_identifier", ((FINAL, False),))
        yield Finding("deletion leaves no final snapshot", FINAL, Severity.MEDIUM, cure)
    elif not database.has("final_snapshot_identifier"):
        cure = Cure("name the final snapshot", grade="none")
        message = "the final snapshot has no name: destroying the database fails"
        yield Finding(message, Path(("final_snapshot_identifier",)), Severity.LOW, cure)


def _tags(database: TerraformResource) -> Iterator[Item]:
    path = Path(("copy_tags_to_snapshot",))
    if not database.true(*path, default=False):
        cure = Cure("copy_tags_to_snapshot = true", ((path, True),))
        yield Finding("snapshots do not carry the database's tags", path, Severity.LOW, cure)


def _logs(database: TerraformResource) -> Iterator[Item]:
    path = Path(("enabled_cloudwatch_logs_exports",))
    if not database.list(*path):
        cure = Cure("export the engine's logs to CloudWatch", grade="none")
        yield Finding("no logs of the engine are exported", path, Severity.LOW, cure)


def _minor_versions(database: TerraformResource) -> Iterator[Item]:
    path = Path(("auto_minor_version_upgrade",))
    if not database.true(*path, default=True):
        cure = Cure("auto_minor_version_upgrade = true", ((path, True),))
        yield Finding("security fixes of the engine are not applied by themselves", path, Severity.LOW, cure)


def _zones_of_instance(database: TerraformResource) -> Iterator[Item]:
    if not database.true(*MULTI_AZ, default=False):
        cure = Cure("multi_az = true", ((MULTI_AZ, True),))
        yield Finding("the database runs in one zone only", MULTI_AZ, Severity.MEDIUM, cure)


def _zones_of_cluster(cluster: TerraformResource, index: TerraformIndex) -> Iterator[Item]:
    if is_given(cluster, "db_cluster_instance_class") or cluster.get("engine_mode") == "serverless":
        return
    members = index.settings(cluster, MEMBER, "cluster_identifier")
    sure = certain(members, cluster)
    cure = Cure(f"declare two {MEMBER} in different zones", grade="none")
    if len(sure) > 1:
        zone = _only_zone(sure)
        if zone:
            message = f"all instances of the cluster are in zone {zone}"
            path = Path(("availability_zone",))
            yield Finding(message, path, Severity.MEDIUM, cure, at=sure[-1].resource)
        return
    hidden = index.passed_to(cluster, "rds", "aurora", "database", "db")
    if len(sure) < len(members):
        yield Undecided(f"the number of the cluster's instances is not known: {members[0].doubt or members[-1].doubt}")
    elif hidden is not None:
        yield Undecided(f"{hidden.address}, which is given the cluster, was not read: it may declare instances of it")
    else:
        count = f"only {members[0].address}" if members else "no instance"
        message = f"{count} serves the cluster: nothing takes over when its zone fails"
        yield Finding(message, ROOT, Severity.MEDIUM, cure)


def _only_zone(members: list[TerraformResource]) -> str:
    """The zone that all members are bound to; empty when they are free or differ. Raises Undecided."""
    zones = [member.raw.get("availability_zone") for member in members]
    known = {zone for zone in zones if isinstance(zone, str)}
    if len(known) > 1 or None in [None if zone is None else 0 for zone in zones]:
        return ""
    for zone in zones:
        if isinstance(zone, Unknown):
            raise Undecided(zone.reason)
    return known.pop() if known else ""


def _other_region(database: TerraformResource, platform: Platform) -> Iterator[Item]:
    index, plans = platform.derived(TerraformIndex), platform.derived(BackupPlans)
    copies = index.settings(database, AUTOMATED, "source_db_instance_arn")
    tests = [partial(_elsewhere, copy, database) for copy in copies]
    if is_cluster(database):
        if database.has("global_cluster_identifier"):
            return
        if index.settings(database, "aws_rds_global_cluster", "source_db_cluster_identifier"):
            return
        replicas = index.settings(database, "aws_rds_cluster", "replication_source_identifier")
    else:
        replicas = index.settings(database, "aws_db_instance", "replicate_source_db")
    tests += [partial(in_other_region, replica, database) for replica in replicas]
    if not any_holds([*tests, partial(plans.copies_abroad, database)]):
        hidden = index.passed_to(database, "backup", "replica", "rds", "aurora", "database", "db")
        if hidden is not None:
            yield Undecided(f"{hidden.address}, which is given the database, was not read: it may copy its data")
            return
        home = database.region or "its region"
        cure = Cure(f"{AUTOMATED}, aws_rds_global_cluster, or a copy_action of AWS Backup", grade="none")
        yield Finding(f"no backup or replica of the database leaves {home}", ROOT, Severity.MEDIUM, cure)


def _elsewhere(copy: TerraformResource, database: TerraformResource) -> bool:
    """Whether automated backups are replicated abroad: AWS refuses to do so within a region, so that a provider
    of its own is enough where the regions are not known."""
    return copy.provider != database.provider or in_other_region(copy, database)
