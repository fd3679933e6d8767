"""Strimzi's objects: Kafka and its listeners, pools of nodes, users and topics."""

from typing import Any, ClassVar

from conformant.model import Path, dig, mapping
from conformant.views.base import Object

_OLD_LISTENERS = {"plain": (9092, False), "tls": (9093, True), "external": (9094, True)}


class Listener:
    """One listener of a broker."""

    __slots__ = ("name", "path", "port", "raw", "tls")

    def __init__(self, raw: dict[Any, Any], path: Path, name: str, port: Any, tls: bool) -> None:
        self.raw = raw
        self.path = path
        self.name = name
        self.port = port
        self.tls = tls

    @property
    def type(self) -> str:
        """``internal``, ``cluster-ip``, or the way out of the cluster: ``loadbalancer``, ``nodeport`` …"""
        return str(dig(self.raw, "type") or "internal")

    @property
    def authentication(self) -> dict[Any, Any]:
        return mapping(self.raw, "authentication")

    def __str__(self) -> str:
        return f"listener {self.name!r} on port {self.port}"


class Kafka(Object):
    """``kafka.strimzi.io`` Kafka: a cluster of brokers."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"kafka.strimzi.io/Kafka"})

    @property
    def listeners(self) -> "list[Listener]":
        """The listeners: a list, or the map that Strimzi had before 0.22."""
        base = Path(("spec", "kafka", "listeners"))
        declared = self.get(*base)
        if isinstance(declared, dict):
            return [
                Listener(mapping(raw), base / name, name, *_old(name, mapping(raw)))
                for name, raw in declared.items()
                if name in _OLD_LISTENERS
            ]
        return [
            Listener(raw, base / index, str(dig(raw, "name") or index), dig(raw, "port"), dig(raw, "tls") is True)
            for index, raw in enumerate(self.list(*base))
            if isinstance(raw, dict)
        ]

    @property
    def config(self) -> dict[Any, Any]:
        """``spec.kafka.config``: broker settings, numbers possibly as text."""
        return self.map("spec", "kafka", "config")

    @property
    def bootstrap_hosts(self) -> frozenset[str]:
        """The Service names under which clients find the brokers, without namespace."""
        names = {f"{self.name}-kafka-bootstrap", f"{self.name}-kafka-brokers"}
        names |= {f"{self.name}-kafka-{listener.name}-bootstrap" for listener in self.listeners}
        return frozenset(names)


class ClusterMember(Object):
    """What belongs to a Kafka by its label ``strimzi.io/cluster``."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset()

    @property
    def cluster(self) -> str:
        """The name of the Kafka; empty where the label is missing."""
        return str(dig(self.labels, "strimzi.io/cluster") or "")


class KafkaNodePool(ClusterMember):
    """``kafka.strimzi.io`` KafkaNodePool: nodes of one Kafka, brokers, controllers or both."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"kafka.strimzi.io/KafkaNodePool"})

    @property
    def roles(self) -> "list[Any]":
        return self.list("spec", "roles")

    @property
    def replicas(self) -> int:
        return whole(self.get("spec", "replicas")) or 0


class KafkaUser(ClusterMember):
    """``kafka.strimzi.io`` KafkaUser."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"kafka.strimzi.io/KafkaUser"})


class KafkaTopic(ClusterMember):
    """``kafka.strimzi.io`` KafkaTopic."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"kafka.strimzi.io/KafkaTopic"})

    @property
    def topic(self) -> str:
        """The topic's name in Kafka."""
        return str(self.get("spec", "topicName") or self.name)


class KafkaClient(ClusterMember):
    """A KafkaUser or a KafkaTopic."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"kafka.strimzi.io/KafkaUser", "kafka.strimzi.io/KafkaTopic"})


class KafkaNodes(ClusterMember):
    """What makes Kafka's pods: a Kafka or a KafkaNodePool."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"kafka.strimzi.io/Kafka", "kafka.strimzi.io/KafkaNodePool"})


def whole(value: Any) -> int | None:
    """A number that Kafka's settings may write as text; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    return int(text) if text.removeprefix("-").isdecimal() and len(text) < 20 else None


def _old(name: str, raw: dict[Any, Any]) -> tuple[int, bool]:
    port, tls = _OLD_LISTENERS[name]
    return port, tls if name != "external" else dig(raw, "tls") is not False
