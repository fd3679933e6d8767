"""What backs each store of a platform up: ``platform.derived(Backups)``."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from conformant.aws_backup import BackupPlans
from conformant.model import Resource, Undecided, dig, mapping, sequence
from conformant.platform import Platform
from conformant.stores import Store, known, stores
from conformant.terraform_links import TerraformIndex
from conformant.velero import Velero
from conformant.views.dumps import FILES, find_dump, simple_commands
from conformant.views.selector import selects
from conformant.views.terraform import TerraformResource
from conformant.views.velero import Schedule
from conformant.views.workload import Container, Workload

_SERVICES = {"aws_dynamodb_table": "arn:aws:dynamodb:", "aws_s3_bucket": "arn:aws:s3:"}
_ARCHIVERS = frozenset({"restic", "kopia", "borg", "rclone", "rsync", "duplicity"})
_IMAGE_WORDS = {"postgresql": ("postgres", "pg"), "mysql": ("mysql", "mariadb"), "mongodb": ("mongo",)}
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
    """All stores of one run with their backups, in input order. `schedules` are Velero's that run."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._velero = platform.derived(Velero)
        self._jobs = [job for job in platform.workloads if job.kind == "CronJob" and _runs(job)]
        self._stores = stores(platform)
        self.all = [self._backed(store) for store in self._stores]
        self._by_resource = {id(backed.store.resource): backed for backed in self.all}

    def of(self, resource: Resource) -> Backed | None:
        """The backups of a resource; None where it is no store."""
        return self._by_resource.get(id(resource))

    def _backed(self, store: Store) -> Backed:
        found: list[Backup] = []
        doubts: list[str] = []
        if store.resource.family == "kubernetes":
            ways = [self._operator(store), self._snapshots(store), self._dumps(store)]
            ways += [self._schedule(schedule, store) for schedule in self._velero.schedules]
        else:
            ways = [self._cloud(self._platform.view(store.resource, TerraformResource))]
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
            for backup in self._platform.kind("postgresql.cnpg.io/ScheduledBackup"):
                named = dig(backup.raw, "spec", "cluster", "name") == resource.name
                if named and backup.namespace == resource.namespace and dig(backup.raw, "spec", "suspend") is not True:
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
        for each in self._in(namespace, "snapscheduler.backube/SnapshotSchedule"):
            selector = dig(each.raw, "spec", "claimSelector")
            chosen = not selector or any(selects(selector, volume.labels) for volume in store.volumes)
            if chosen and dig(each.raw, "spec", "disabled") is not True:
                yield Backup(f"SnapshotSchedule {each.name}", each)
        for each in self._in(namespace, "volsync.backube/ReplicationSource"):
            claim = str(dig(each.raw, "spec", "sourcePVC"))
            timed = dig(each.raw, "spec", "trigger", "schedule") and dig(each.raw, "spec", "paused") is not True
            if timed and any(_is_claim(claim, volume.claim) for volume in store.volumes):
                yield Backup(f"ReplicationSource {each.name}", each)
        for kind in ("k8up.io/Schedule", "backup.appuio.ch/Schedule"):
            for each in self._in(namespace, kind):
                if dig(each.raw, "spec", "backup", "schedule"):
                    yield Backup(f"K8up Schedule {each.name}", each)

    def _in(self, namespace: str, kind: str) -> Iterator[Resource]:
        return (resource for resource in self._platform.kind(kind) if resource.namespace == namespace)

    def _dumps(self, store: Store) -> Iterator[Backup]:
        for job in self._jobs:
            if any(self._copies(job, container, store) for container in job.all_containers):
                yield Backup(f"CronJob {job.namespace}/{job.name}", job.resource)

    def _copies(self, job: Workload, container: Container, store: Store) -> bool:
        """Whether a container of a CronJob copies the data of a store elsewhere."""
        argv = [str(word) for key in ("command", "args") for word in known(container.raw, key) or ()]
        if _mounts(job, store) and any(each.name in _ARCHIVERS or find_dump(argv) for each in simple_commands(argv)):
            return True
        dump = find_dump(argv)
        engine = dump.engine if dump else _engine_of_image(container, store.engine)
        if engine != store.engine or engine == FILES:
            return False
        text = " ".join([*argv, *(str(known(entry, "value")) for _, entry in container.env)])
        if _names(text, store, job):
            return True
        rivals = [other for other in self._stores if other.engine == engine and other is not store]
        return job.namespace == store.resource.namespace and not any(_names(text, rival, job) for rival in rivals)

    # managed stores

    def _cloud(self, store: TerraformResource) -> Iterator[Backup]:
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
        if self._is_selected(store, index):
            yield Backup("AWS Backup", store.resource)

    def _is_selected(self, store: TerraformResource, index: TerraformIndex) -> bool:
        """Whether a selection of AWS Backup lists the store. Raises Undecided where a pattern or a tag may."""
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


def _runs(job: Workload) -> bool:
    return known(job.raw, "spec", "suspend") is not True


def _archives(cluster: Any) -> bool:
    """Whether a CloudNativePG cluster has a place for its backups."""
    if dig(cluster, "spec", "backup", "barmanObjectStore") or dig(cluster, "spec", "backup", "volumeSnapshot"):
        return True
    return any(dig(plugin, "enabled") is not False for plugin in sequence(cluster, "spec", "plugins"))


def _is_claim(claim: str, stated: str) -> bool:
    """A StatefulSet's claims end in a number."""
    return claim == stated or (stated.endswith("-") and claim.removeprefix(stated).isdigit())


def _mounts(job: Workload, store: Store) -> bool:
    if job.namespace != store.resource.namespace:
        return False
    claims = [str(known(volume, "persistentVolumeClaim", "claimName")) for volume in known(job.pod, "volumes") or ()]
    return any(_is_claim(claim, volume.claim) for claim in claims for volume in store.volumes)


def _engine_of_image(container: Container, engine: str) -> str:
    """`engine` where the image is a tool for its backups."""
    base = str(known(container.raw, "image") or "").partition("@")[0].rpartition("/")[2]
    if "backup" not in base and "dump" not in base:
        return ""
    return engine if any(word in base for word in _IMAGE_WORDS.get(engine, ())) else ""


def _names(text: str, store: Store, job: Workload) -> bool:
    """Whether a host in the text is the store's: its name, in another namespace with that one's."""
    name, namespace = store.resource.name, store.resource.namespace
    return name in text and (job.namespace == namespace or f".{namespace}" in text)
