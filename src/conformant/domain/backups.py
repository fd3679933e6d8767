"""What backs each store of a platform up: ``platform.derived(Backups)``."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from conformant.domain.aws_backup import BackupPlans
from conformant.domain.dump_jobs import is_claim, jobs
from conformant.domain.stores import Store, stores
from conformant.domain.terraform_links import TerraformIndex
from conformant.domain.velero import Velero
from conformant.model import Resource, Undecided, dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.selector import selects
from conformant.views.terraform import TerraformResource
from conformant.views.velero import Schedule

_SERVICES = {"aws_dynamodb_table": "arn:aws:dynamodb:", "aws_s3_bucket": "arn:aws:s3:"}
_SCHEDULED_BACKUP = "postgresql.cnpg.io/ScheduledBackup"
_SNAPSHOT_SCHEDULE, _REPLICATION_SOURCE = "snapscheduler.backube/SnapshotSchedule", "volsync.backube/ReplicationSource"
_K8UP = ("k8up.io/Schedule", "backup.appuio.ch/Schedule")
_SCHEDULING = (_SCHEDULED_BACKUP, _SNAPSHOT_SCHEDULE, _REPLICATION_SOURCE, *_K8UP)
_WAL_SETTINGS = frozenset({
    "wal_s3_bucket", "wal_gs_bucket", "wal_az_storage_account", "walg_s3_prefix", "wale_s3_prefix", "walg_gs_prefix",
    "walg_az_prefix",
})  # fmt: skip


class Backup(Struct, frozen=True):
    """One way in which a store is backed up, and the resource that says so."""

    how: str
    resource: Resource


class Backed(Struct, frozen=True):
    """A store with what certainly backs it up. `doubts` tell why there may be more."""

    store: Store
    backups: tuple[Backup, ...] = ()
    doubts: tuple[str, ...] = ()


class Backups:
    """All stores of one run with their backups, in input order."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._velero = platform.derived(Velero)
        found = stores(platform)
        self._jobs = jobs(platform, found)
        self._objects: dict[tuple[str, str], list[Resource]] = {}
        for kind in _SCHEDULING:
            for resource in platform.kind(kind):
                self._objects.setdefault((kind, resource.namespace), []).append(resource)
        self.all = [self._backed(store) for store in found]
        self._by_resource = {id(backed.store.resource): backed for backed in self.all}
        self.in_namespace: dict[str, list[Store]] = {}
        for store in found:
            if store.resource.family == "kubernetes":
                self.in_namespace.setdefault(store.resource.namespace, []).append(store)

    def of(self, resource: Resource) -> Backed | None:
        """The backups of a resource; None where it is no store."""
        return self._by_resource.get(id(resource))

    def _backed(self, store: Store) -> Backed:
        found: list[Backup] = []
        doubts: list[str] = []
        if store.resource.family == "kubernetes":
            ways = [self._operator(store), self._snapshots(store), self._dumps(store)]
            candidates = self._velero.candidates(store.resource.namespace)
            ways += [self._schedule(schedule, store) for schedule in candidates]
        else:
            declared = self._platform.view(store.resource, TerraformResource)
            ways = [self._service(declared), self._plan(declared)]
        for way in ways:
            try:
                found.extend(way)
            except Undecided as undecided:
                doubts.append(undecided.reason)
        return Backed(store, tuple(found), tuple(dict.fromkeys(doubts)))

    # operators

    def _operator(self, store: Store) -> Iterator[Backup]:
        resource = store.resource
        if resource.group == "postgresql.cnpg.io" and _archives(resource.raw):
            for backup in self._in(resource.namespace, _SCHEDULED_BACKUP):
                named = dig(backup.raw, "spec", "cluster", "name") == resource.name
                if named and dig(backup.raw, "spec", "suspend") is not True:
                    yield Backup(f"ScheduledBackup {backup.name}", backup)
        elif resource.group == "acid.zalan.do":
            yield from self._zalando(resource)

    def _zalando(self, resource: Resource) -> Iterator[Backup]:
        if dig(resource.raw, "spec", "enableLogicalBackup") is True:
            yield Backup("logical backups", resource)
        names = [dig(entry, "name") for entry in sequence(resource.raw, "spec", "env")]
        if any(isinstance(name, str) and name.lower() in _WAL_SETTINGS for name in names):
            yield Backup("a WAL archive of its own", resource)
        operators = self._platform.kind("acid.zalan.do/OperatorConfiguration")
        maps = self._platform.kind("/ConfigMap")
        settings = [(each, mapping(each.raw, "configuration", "aws_or_gcp")) for each in operators]
        settings += [(each, mapping(each.raw, "data")) for each in maps]
        for holder, values in settings:
            if any(isinstance(key, str) and key.lower() in _WAL_SETTINGS and values[key] for key in values):
                yield Backup(f"the operator's WAL archive ({holder.address})", holder)
        if not operators and not any("cluster_name_label" in values for _, values in settings):
            raise Undecided("the configuration of the Postgres operator, which may set up a WAL archive, is not here")

    # Velero

    def _schedule(self, schedule: Schedule, store: Store) -> Iterator[Backup]:
        if not schedule.paused and self.covers(schedule, store) and self._velero.saves(schedule, store.volumes):
            yield Backup(f"Velero Schedule {schedule.namespace}/{schedule.name}", schedule.resource)

    def covers(self, schedule: Schedule, store: Store) -> bool:
        """Whether the objects of a store, its volumes apart, are in a Schedule's backups."""
        spec = schedule.template
        if not spec.includes_namespace(store.resource.namespace):
            return False
        if not spec.selects_by_label:
            return True
        if not store.volumes:
            if spec.admits(mapping(store.resource.raw, "metadata", "labels")):
                return True
            raise Undecided(f"Schedule {schedule.name} selects by labels that the operator sets")
        return any(spec.admits(volume.labels) or spec.admits(volume.pod_labels) for volume in store.volumes)

    # snapshots and dumps

    def _snapshots(self, store: Store) -> Iterator[Backup]:
        namespace = store.resource.namespace
        for each in self._in(namespace, _SNAPSHOT_SCHEDULE):
            selector = dig(each.raw, "spec", "claimSelector")
            chosen = not selector or any(selects(selector, volume.labels) for volume in store.volumes)
            if chosen and dig(each.raw, "spec", "disabled") is not True:
                yield Backup(f"SnapshotSchedule {each.name}", each)
        for each in self._in(namespace, _REPLICATION_SOURCE):
            claim = str(dig(each.raw, "spec", "sourcePVC"))
            timed = dig(each.raw, "spec", "trigger", "schedule") and dig(each.raw, "spec", "paused") is not True
            if timed and any(is_claim(claim, volume.claim) for volume in store.volumes):
                yield Backup(f"ReplicationSource {each.name}", each)
        for kind in _K8UP:
            for each in self._in(namespace, kind):
                if dig(each.raw, "spec", "backup", "schedule"):
                    yield Backup(f"K8up Schedule {each.name}", each)

    def _in(self, namespace: str, kind: str) -> list[Resource]:
        return self._objects.get((kind, namespace), [])

    def _dumps(self, store: Store) -> Iterator[Backup]:
        for job in self._jobs:
            if job.copies(store):
                yield Backup(f"CronJob {job.workload.namespace}/{job.workload.name}", job.workload.resource)

    # managed stores

    def _service(self, store: TerraformResource) -> Iterator[Backup]:
        """What the service that keeps the store does itself."""
        index = self._platform.derived(TerraformIndex)
        match store.type:
            case "aws_db_instance" if store.get("backup_retention_period") not in (None, 0, "0"):
                yield Backup("automated backups", store.resource)
            case "aws_rds_cluster" if store.get("backup_retention_period") not in (0, "0"):
                yield Backup("automated backups", store.resource)
            case "aws_dynamodb_table":
                for path, _ in store.blocks("point_in_time_recovery"):
                    if store.true(*path, "enabled", default=False):
                        yield Backup("point-in-time recovery", store.resource)
            case "aws_efs_file_system":
                for policy in index.settings(store, "aws_efs_backup_policy", "file_system_id"):
                    if any(dig(block, "status") == "ENABLED" for _, block in policy.blocks("backup_policy")):
                        yield Backup("its backup policy", policy.resource)
            case "aws_s3_bucket":
                copier = replication(store, self._platform)
                if copier is not None:
                    yield Backup("replication", copier)

    def _plan(self, store: TerraformResource) -> Iterator[Backup]:
        if self._is_selected(store):
            yield Backup("AWS Backup", store.resource)

    def _is_selected(self, store: TerraformResource) -> bool:
        """Whether a selection of AWS Backup lists the store. Raises Undecided where a pattern or a tag may."""
        index = self._platform.derived(TerraformIndex)
        service = _SERVICES.get(store.type)
        if service is None:
            return self._platform.derived(BackupPlans).covers(store)
        for selection in index.of_type("aws_backup_selection"):
            if any(each.resource is store.resource for each in index.targets(selection, "resources")):
                return True
            patterns = selection.list("resources") if selection.has("resources") else ["*"]
            if any(isinstance(each, str) and each.startswith(("*", "arn:*", service)) for each in patterns):
                raise Undecided(f"whether {selection.address} covers it, by a pattern or by tags, is not known")
        return False


def is_versioned(bucket: TerraformResource, platform: Platform) -> bool:
    """Whether overwritten and deleted objects of a bucket stay as older versions."""
    if any(dig(block, "enabled") is True for _, block in bucket.blocks("versioning")):
        return True
    settings = platform.derived(TerraformIndex).settings(bucket, "aws_s3_bucket_versioning", "bucket")
    return any(
        dig(block, "status") == "Enabled" for each in settings for _, block in each.blocks("versioning_configuration")
    )


def replication(bucket: TerraformResource, platform: Platform) -> Resource | None:
    """What copies new objects of a bucket to another one; None where nothing does."""
    inline = [(bucket, rule) for _, rule in bucket.blocks("replication_configuration", "rules")]
    settings = platform.derived(TerraformIndex).settings(bucket, "aws_s3_bucket_replication_configuration", "bucket")
    rules = [*inline, *((each, rule) for each in settings for _, rule in each.blocks("rule"))]
    return next((holder.resource for holder, rule in rules if dig(rule, "status") == "Enabled"), None)


def _archives(cluster: Any) -> bool:
    """Whether a CloudNativePG cluster has a place for its backups."""
    if dig(cluster, "spec", "backup", "barmanObjectStore") or dig(cluster, "spec", "backup", "volumeSnapshot"):
        return True
    return any(dig(plugin, "enabled") is not False for plugin in sequence(cluster, "spec", "plugins"))
