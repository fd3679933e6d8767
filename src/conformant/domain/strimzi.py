"""What Strimzi makes of a Kafka and its node pools: how many brokers, and which pods."""

from collections.abc import Iterator
from itertools import takewhile
from pathlib import PurePath
from typing import Any, TypeVar

from msgspec import Struct

from conformant.domain.stores import known
from conformant.model import Path, Undecided, dig, mapping
from conformant.platform import Platform
from conformant.views.base import Object
from conformant.views.kafka import ClusterMember, Kafka, KafkaNodePool, KafkaNodes, KafkaTopic, KafkaUser, whole

KAFKA = Path(("spec", "kafka"))
Key = tuple[str, str]
"""Namespace and name."""
Member = TypeVar("Member", bound=ClusterMember)
OPERATORS = (("topicOperator", "the topic operator"), ("userOperator", "the user operator"))


class Clusters:
    """Which pools, users and topics belong to which Kafka. Use with `Platform.derived`."""

    def __init__(self, platform: Platform) -> None:
        self._kafkas: dict[Key, list[Kafka]] = {}
        self._homes: dict[int, tuple[str, ...]] = {}
        self._nearest: dict[int, int] = {}
        for kafka in platform.of(Kafka):
            for namespace in _namespaces(kafka):
                self._kafkas.setdefault((namespace, kafka.name), []).append(kafka)
        self._pools = _by_cluster(platform.of(KafkaNodePool))
        self._users = _by_cluster(platform.of(KafkaUser))
        self._topics = _by_cluster(platform.of(KafkaTopic))

    def of(self, member: ClusterMember) -> Kafka | None:
        """The Kafka that a pool, user or topic belongs to, if declared; of several overlays' the nearest by file."""
        found = self._kafkas.get((member.namespace, member.cluster), [])
        if len(found) < 2:
            return found[0] if found else None
        return max(found, key=lambda kafka: self._shared(kafka, member))

    def pools(self, kafka: Kafka) -> list[KafkaNodePool]:
        return self._members(kafka, self._pools)

    def users(self, kafka: Kafka) -> list[KafkaUser]:
        return self._members(kafka, self._users)

    def topics(self, kafka: Kafka) -> list[KafkaTopic]:
        return self._members(kafka, self._topics)

    def _members(self, kafka: Kafka, known: dict[Key, list[Member]]) -> list[Member]:
        """What belongs to a Kafka; what several overlays render alike once."""
        found: dict[Key, Member] = {}
        for namespace in _namespaces(kafka):
            rivals = self._kafkas.get((namespace, kafka.name), [])
            for member in known.get((namespace, kafka.name), ()):
                if len(rivals) < 2 or self._shared(kafka, member) == self._most(rivals, member):
                    found.setdefault((namespace, member.name), member)
        return list(found.values())

    def _most(self, rivals: list[Kafka], member: ClusterMember) -> int:
        """The most parts that the member's path shares with one of these."""
        key = id(member.resource)
        if key not in self._nearest:
            self._nearest[key] = max(self._shared(each, member) for each in rivals)
        return self._nearest[key]

    def _shared(self, kafka: Kafka, member: ClusterMember) -> int:
        """How many parts of their files' paths two objects share."""
        pairs = zip(self._home(kafka), self._home(member), strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    def _home(self, thing: Object) -> tuple[str, ...]:
        key = id(thing.resource)
        if key not in self._homes:
            self._homes[key] = PurePath(thing.resource.locator.place(()).file).parts
        return self._homes[key]

    def inline(self, kafka: Kafka) -> bool:
        """Whether the Kafka itself declares its nodes, as before node pools."""
        if kafka.resource.version == "v1" or self.pools(kafka) or _pooled(kafka):
            return False
        stated = kafka.map(*KAFKA)
        return has_zookeeper(kafka) or any(stated.get(key) for key in ("replicas", "storage"))

    def brokers(self, kafka: Kafka) -> int | None:
        """How many brokers there are; None where the input does not say."""
        pools = self.pools(kafka)
        if pools:
            return sum(pool.replicas for pool in pools if "broker" in pool.roles)
        return whole(kafka.get(*KAFKA, "replicas")) if self.inline(kafka) else None


def has_zookeeper(kafka: Kafka) -> bool:
    """Whether ZooKeeper's pods are made: KRaft ignores what is left of their declaration."""
    return bool(kafka.get("spec", "zookeeper")) and dig(kafka.annotations, "strimzi.io/kraft") != "enabled"


def _namespaces(kafka: Kafka) -> tuple[str, ...]:
    """Where users and topics of a Kafka may stand: beside it, or where its operators are told to watch."""
    watched = (known(kafka.raw, "spec", "entityOperator", key, "watchedNamespace") for key, _ in OPERATORS)
    return tuple(dict.fromkeys((kafka.namespace, *(name for name in watched if isinstance(name, str) and name))))


def _by_cluster(members: list[Member]) -> dict[Key, list[Member]]:
    found: dict[Key, list[Member]] = {}
    for member in members:
        try:
            found.setdefault((member.namespace, member.cluster), []).append(member)
        except Undecided:
            continue  # whose it is is not known; checks on the member itself say so
    return found


def _pooled(kafka: Kafka) -> bool:
    return any(kafka.annotations.get(f"strimzi.io/{name}") == "enabled" for name in ("node-pools", "kraft"))


class Pods(Struct, frozen=True):
    """One set of Strimzi's pods: where its settings stand, and the templates of pod and container.

    `nodes` counts Kafka's own nodes, of which `brokers` says that some are brokers; it is 0 for operators."""

    label: str
    path: Path
    raw: dict[Any, Any]
    pod: dict[Any, Any]
    container: dict[Any, Any]
    container_path: Path
    nodes: int = 0
    brokers: bool = False


def pods(holder: KafkaNodes, platform: Platform) -> list[Pods]:
    """All sets of pods that a Kafka, or a KafkaNodePool, stands for."""
    clusters = platform.derived(Clusters)
    if holder.kind == "KafkaNodePool":
        return [_of_pool(platform.view(holder.resource, KafkaNodePool), clusters)]
    return list(_of_kafka(platform.view(holder.resource, Kafka), clusters))


def _of_pool(pool: KafkaNodePool, clusters: Clusters) -> Pods:
    """A pool's templates count, what they leave out is the Kafka's."""
    kafka, spec = clusters.of(pool), pool.map("spec")
    own, general = mapping(spec, "template"), kafka.map(*KAFKA, "template") if kafka else {}
    raw = dict(spec)
    if kafka is not None and pool.resource.version != "v1" and not raw.get("resources"):
        raw["resources"] = kafka.get(*KAFKA, "resources")
    return Pods(
        f"node pool {pool.name}", Path(("spec",)), raw, mapping(own, "pod") or mapping(general, "pod"),
        mapping(own, "kafkaContainer") or mapping(general, "kafkaContainer"),
        Path(("spec", "template", "kafkaContainer")), pool.replicas, "broker" in pool.roles,
    )  # fmt: skip


def _of_kafka(kafka: Kafka, clusters: Clusters) -> Iterator[Pods]:
    if clusters.inline(kafka):
        yield _part(kafka, "Kafka", KAFKA, "kafkaContainer", whole(kafka.get(*KAFKA, "replicas")) or 0)
    spec = Path(("spec",))
    if has_zookeeper(kafka):
        yield _part(kafka, "ZooKeeper", spec / "zookeeper", "zookeeperContainer")
    for key, label in OPERATORS:
        if kafka.get("spec", "entityOperator", key) is not None:
            base = spec / "entityOperator"
            yield _part(kafka, label, base / key, f"{key}Container", template=base / "template")
    if kafka.get("spec", "cruiseControl") is not None:
        yield _part(kafka, "Cruise Control", spec / "cruiseControl", "cruiseControlContainer")
    if kafka.get("spec", "kafkaExporter") is not None:
        yield _part(kafka, "the Kafka exporter", spec / "kafkaExporter", "container")


def _part(
    kafka: Kafka, label: str, path: Path, container: str, nodes: int = 0, template: Path | None = None
) -> Pods:  # fmt: skip
    where = template or path / "template"
    return Pods(
        label, path, kafka.map(*path), kafka.map(*where, "pod"), kafka.map(*where, container), where / container,
        nodes, nodes > 0,
    )  # fmt: skip


def operator_environment(platform: Platform) -> dict[str, str] | None:
    """The environment of Strimzi's cluster operator; None where the input does not hold it. Use with
    `Platform.derived`."""
    for workload in platform.workloads:
        for container in workload.all_containers:
            if not str(dig(container.raw, "name")).startswith("strimzi-cluster-operator"):
                continue
            return {str(dig(entry, "name")): str(dig(entry, "value")) for _, entry in container.env}
    return None
