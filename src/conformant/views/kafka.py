"""Strimzi's objects: Kafka and its listeners."""

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


def _old(name: str, raw: dict[Any, Any]) -> tuple[int, bool]:
    port, tls = _OLD_LISTENERS[name]
    return port, tls if name != "external" else dig(raw, "tls") is not False
