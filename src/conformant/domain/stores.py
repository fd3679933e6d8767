"""Which stores a platform has: whatever holds data that would be missed."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from conformant.domain.buckets import Buckets
from conformant.domain.terraform_links import TerraformIndex
from conformant.model import Resource, Undecided, Unknown, dig
from conformant.platform import Platform
from conformant.views.dumps import FILES, MONGODB, MYSQL, POSTGRESQL, REDIS
from conformant.views.redis import Redis
from conformant.views.terraform import TerraformResource
from conformant.views.workload import MAIN, Container, Workload

KAFKA, SEARCH, BUCKET = "kafka", "search", "bucket"

_OPERATED = {
    "postgresql.cnpg.io/Cluster": POSTGRESQL, "acid.zalan.do/postgresql": POSTGRESQL, "kafka.strimzi.io/Kafka": KAFKA,
}  # fmt: skip
_ENGINES = {
    "postgres": POSTGRESQL, "spilo": POSTGRESQL, "postgis": POSTGRESQL, "timescale": POSTGRESQL, "pgvector": POSTGRESQL,
    "mysql": MYSQL, "mariadb": MYSQL, "percona": MYSQL, "mongo": MONGODB, "elasticsearch": SEARCH, "opensearch": SEARCH,
    "redis": REDIS, "valkey": REDIS, "kafka": KAFKA,
}  # fmt: skip
_TERRAFORM = {
    "aws_db_instance": "database", "aws_rds_cluster": "database", "aws_dynamodb_table": "table",
    "aws_efs_file_system": "file system", "aws_s3_bucket": BUCKET,
}  # fmt: skip
_REPLICA_OF = {"aws_db_instance": "replicate_source_db", "aws_rds_cluster": "replication_source_identifier"}


class Volume(Struct, frozen=True):
    """A persistent volume of a store: its name in the pod, the name of its claim (of a StatefulSet
    what all its claims start with), the claim's labels, the pod's labels and annotations: mappings,
    or the unknown in their place."""

    name: str
    claim: str
    labels: Any
    pod_labels: Any = {}
    annotations: Any = {}


class Store(Struct, frozen=True):
    """Something that holds data. `engine` says what kind of store it is; `volumes` are those that
    are declared: an operator makes others."""

    resource: Resource
    engine: str
    volumes: tuple[Volume, ...] = ()


def stores(platform: Platform) -> list[Store]:
    """All stores of a platform, in input order: databases, brokers and caches of operators, claims
    and StatefulSets with claims, managed databases, tables, file systems and buckets."""
    found = [*_operated(platform), *_claims(platform), *_stateful_sets(platform), *_managed(platform)]
    order = platform.order
    return sorted(found, key=lambda store: order[id(store.resource)])


def engine_of(workload: Workload) -> str:
    """Which store the images of a workload are; ``files`` where they are none that is known."""
    for container in known_containers(workload):
        image = known(container.raw, "image") if container.role == MAIN else None
        base = str(image).partition("@")[0].rpartition("/")[2] if image else ""
        if "exporter" not in base:
            for word, engine in _ENGINES.items():
                if word in base:
                    return engine
    return FILES


def known(value: Any, *steps: str) -> Any:
    """What `dig` finds, None also where that is not known."""
    try:
        return dig(value, *steps)
    except Undecided:
        return None


def known_list(value: Any, *steps: str) -> list[Any]:
    """The list at `steps`, an empty one also where that is not known."""
    found = known(value, *steps)
    return found if isinstance(found, list) else []


def _as_written(value: Any, *steps: str) -> Any:
    """The mapping at `steps`, or the unknown on the way to it; an empty one where there is none."""
    for step in steps:
        if value.__class__ is Unknown:
            return value
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, dict | Unknown) else {}


def known_containers(workload: Workload) -> list[Container]:
    """The containers of a workload; none where they are not known."""
    try:
        return workload.all_containers
    except Undecided:
        return []


def _operated(platform: Platform) -> Iterator[Store]:
    for key, engine in _OPERATED.items():
        yield from (Store(resource, engine) for resource in platform.kind(key))
    for redis in platform.of(Redis):
        if not redis.sentinel and _may_persist(redis):
            yield Store(redis.resource, REDIS)


def _may_persist(redis: Redis) -> bool:
    try:
        return redis.persistent
    except Undecided:
        return True


def _claims(platform: Platform) -> Iterator[Store]:
    claims = platform.kind("/PersistentVolumeClaim")
    users = _users(platform) if claims else {}
    for claim in claims:
        pods = users.get((claim.namespace, claim.name), [])
        labels = _as_written(claim.raw, "metadata", "labels")
        volumes = [Volume(name, claim.name, labels, *_of_pods(workload)) for workload, name in pods]
        engines = [engine for workload, _ in pods for engine in [engine_of(workload)] if engine != FILES]
        yield Store(claim, engines[0] if engines else FILES, tuple(volumes) or (Volume("", claim.name, labels),))


def _of_pods(workload: Workload) -> tuple[Any, Any]:
    """Labels and annotations of the pods."""
    template = workload.template
    return _as_written(template, "metadata", "labels"), _as_written(template, "metadata", "annotations")


def _users(platform: Platform) -> dict[tuple[str, str], list[tuple[Workload, str]]]:
    """Which workloads mount the claim (namespace, name), and the name of the volume in each."""
    found: dict[tuple[str, str], list[tuple[Workload, str]]] = {}
    for workload in platform.workloads:
        if "volumes" in workload.pod:
            for volume in known_list(workload.pod, "volumes"):
                claim = known(volume, "persistentVolumeClaim", "claimName")
                if isinstance(claim, str):
                    found.setdefault((workload.namespace, claim), []).append((workload, str(known(volume, "name"))))
    return found


def _stateful_sets(platform: Platform) -> Iterator[Store]:
    for resource in platform.kind("apps/StatefulSet"):
        templates = known_list(resource.raw, "spec", "volumeClaimTemplates")
        if not templates:
            continue
        workload = platform.view(resource, Workload)
        chosen = known(resource.raw, "spec", "selector", "matchLabels")
        volumes = []
        for template in templates:
            name = str(known(template, "metadata", "name"))
            own = known(template, "metadata", "labels")
            labels = {**(chosen if isinstance(chosen, dict) else {}), **(own if isinstance(own, dict) else {})}
            claim = f"{name}-{resource.name}-"
            volumes.append(Volume(name, claim, labels, *_of_pods(workload)))
        yield Store(resource, engine_of(workload), tuple(volumes))


def _managed(platform: Platform) -> Iterator[Store]:
    for type, engine in _TERRAFORM.items():
        if platform.kind(f"/{type}", "terraform"):
            for resource in platform.derived(TerraformIndex).of_type(type):
                if _holds_originals(resource, platform):
                    yield Store(resource.resource, engine)


def _holds_originals(resource: TerraformResource, platform: Platform) -> bool:
    """Whether the data is nowhere else: no replica, no log, no copy or backup of something."""
    if resource.type in _REPLICA_OF:
        return not resource.has(_REPLICA_OF[resource.type])
    if resource.type != "aws_s3_bucket":
        return True
    bucket = platform.derived(Buckets).bucket(resource)
    if bucket.receives_logs or bucket.keeps_backups():
        return False
    index = platform.derived(TerraformIndex)
    return not index.settings(resource, "aws_s3_bucket_replication_configuration", "rule.destination.bucket")
