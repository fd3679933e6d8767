"""A store has no backup.

What it checks: Everything that holds data (clusters of CloudNativePG, Zalando's operator, Strimzi and the
Redis operator; StatefulSets with claims; PersistentVolumeClaims; RDS, DynamoDB, EFS and S3) has one thing at
least that backs it up: its operator's scheduled backups, a Velero Schedule that runs and takes its namespace
with its volumes, a schedule of snapshots (SnapshotSchedule, ReplicationSource, K8up), a CronJob that dumps
it, the provider's automated backups, a selection of AWS Backup, for a bucket its replication. Replicas and
buckets of logs, backups and copies need none. A bucket that only keeps older versions is a lesser finding:
they go with the bucket.

Why it matters: Replicas repeat a DROP TABLE within milliseconds. What is in no backup is gone after a wrong
command, a broken release, a stolen credential or a lost region.

How to fix: Schedule backups by the operator (ScheduledBackup for CloudNativePG), or take the namespace and
its volumes into a Velero Schedule; list cloud stores in an aws_backup_selection.

When it is fine: A cache that refills itself, or data that can be made again: waive it, with an owner.
"""

from collections.abc import Iterator

from conformant.domain.backups import Backups, is_versioned
from conformant.domain.stores import BUCKET, KAFKA, Store
from conformant.leaf import Item, check
from conformant.model import ROOT, Cure, Finding, NotApplicable, Path, Severity, Undecided
from conformant.platform import Platform
from conformant.views.dumps import FILES, POSTGRESQL, REDIS
from conformant.views.literals import Anything
from conformant.views.terraform import TerraformResource

SPEC = Path(("spec",))
VELERO = "a Velero Schedule that includes namespace {0} and its volumes"
ADVICE = {
    POSTGRESQL: "scheduled backups of the operator or a dump job, or " + VELERO,
    KAFKA: VELERO + "; topics that can be filled again may be waived",
    REDIS: VELERO + "; a cache that refills itself may be waived",
    FILES: VELERO + ", or a schedule of snapshots",
    BUCKET: "list the bucket in an aws_backup_selection, or replicate it",
}


@check(
    id="DR-001",
    severity=Severity.CRITICAL,
    requirement="backup-exists",
    controls=["nist-800-53r5/CP-9", "iso-27001-2022/A.8.13", "soc2/A1.2"],
    kinds=[
        "Cluster", "postgresql", "Kafka", "Redis", "RedisCluster", "RedisReplication", "StatefulSet",
        "PersistentVolumeClaim", "aws_db_instance", "aws_rds_cluster", "aws_dynamodb_table", "aws_efs_file_system",
        "aws_s3_bucket",
    ],
)  # fmt: skip
def store_without_backup(anything: Anything, platform: Platform) -> Iterator[Item]:
    backed = platform.derived(Backups).of(anything.resource)
    if backed is None:
        yield NotApplicable("no store, or none that holds anything first")
    elif backed.backups:
        return
    elif backed.doubts:
        for doubt in backed.doubts:
            yield Undecided(doubt)
    else:
        yield _finding(backed.store, platform)


def _finding(store: Store, platform: Platform) -> Finding:
    resource = store.resource
    in_cluster = resource.family == "kubernetes"
    advice = ADVICE.get(store.engine, VELERO if in_cluster else "list it in an aws_backup_selection")
    cure = Cure(advice.format(resource.namespace), grade="none")
    if store.engine == BUCKET and is_versioned(platform.view(resource, TerraformResource), platform):
        message = "only older versions in the same bucket: no backup and no copy elsewhere"
        return Finding(message, ROOT, Severity.MEDIUM, cure)
    what = "data" if store.engine in (FILES, BUCKET) else f"{store.engine} data"
    return Finding(f"nothing backs the {what} of {resource.name} up", SPEC if in_cluster else ROOT, cure=cure)
