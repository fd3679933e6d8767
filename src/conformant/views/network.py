"""NetworkPolicies, as the API defines them: absent and empty things mean different things."""

from typing import Any, ClassVar

from msgspec import Struct

from conformant.model import Path, Undecided, Unknown, dig, mapping, sequence
from conformant.views.base import Object
from conformant.views.selector import is_empty, selects

INGRESS, EGRESS = "Ingress", "Egress"
_FIELDS = {INGRESS: ("ingress", "from"), EGRESS: ("egress", "to")}


class Port(Struct, frozen=True):
    """One entry of a rule's ports. `port` None stands for all ports of the protocol."""

    path: Path
    protocol: str
    port: int | str | None
    end: int | None = None

    def admits(self, protocol: str, number: int) -> bool:
        """Whether a numeric port passes; a named port passes nothing here."""
        if self.protocol != protocol:
            return False
        if self.port is None:
            return True
        return isinstance(self.port, int) and self.port <= number <= (self.end or self.port)


class Peer(Struct, frozen=True):
    """One entry of ``from`` or ``to``: pods by labels, or an address block."""

    path: Path
    raw: dict[Any, Any]

    @property
    def block(self) -> dict[Any, Any] | None:
        return mapping(self.raw, "ipBlock") if "ipBlock" in self.raw else None

    @property
    def namespaces(self) -> Any:
        """The namespace selector; None means the policy's own namespace."""
        return self.raw.get("namespaceSelector")

    @property
    def pods(self) -> Any:
        """The pod selector; None means all pods of the namespaces."""
        return self.raw.get("podSelector")


class Rule(Struct, frozen=True):
    """One ingress or egress rule. Without peers it admits everybody, without ports every port."""

    path: Path
    direction: str
    peers: tuple[Peer, ...]
    ports: tuple[Port, ...]

    @property
    def peers_path(self) -> Path:
        return self.path / _FIELDS[self.direction][1]

    def admits_port(self, protocol: str, number: int) -> bool:
        return not self.ports or any(port.admits(protocol, number) for port in self.ports)


class NetworkPolicy(Object):
    """``networking.k8s.io`` NetworkPolicy."""

    __slots__ = ("_directions", "_rules")
    kinds: ClassVar[frozenset[str] | None] = frozenset({"networking.k8s.io/NetworkPolicy", "extensions/NetworkPolicy"})

    _rules: "dict[str, tuple[Rule, ...]]"
    _directions: tuple[str, ...]

    @property
    def pod_selector(self) -> dict[Any, Any]:
        """The subjects; absent and null mean all pods, as empty does."""
        return self.map("spec", "podSelector")

    @property
    def selects_all(self) -> bool:
        return is_empty(self.pod_selector)

    def selects(self, labels: dict[Any, Any]) -> bool:
        """Whether pods of the policy's namespace with these labels are its subjects."""
        return selects(self.pod_selector, labels)

    @property
    def directions(self) -> tuple[str, ...]:
        """The directions that the policy isolates, with the API's defaults."""
        try:
            return self._directions
        except AttributeError:
            self._directions = self._isolated()
            return self._directions

    def _isolated(self) -> tuple[str, ...]:
        stated = tuple(name for name in self.list("spec", "policyTypes") if name in (INGRESS, EGRESS))
        if stated:
            return stated
        return (INGRESS, EGRESS) if self.list("spec", "egress") else (INGRESS,)

    def isolates(self, direction: str) -> bool:
        return direction in self.directions

    def rules(self, direction: str) -> tuple[Rule, ...]:
        """The rules of one direction; none in a direction that the policy does not isolate."""
        try:
            known = self._rules
        except AttributeError:
            known = self._rules = {}
        if direction not in known:
            known[direction] = tuple(self._read(direction)) if self.isolates(direction) else ()
        return known[direction]

    def _read(self, direction: str) -> "list[Rule]":
        field, peers = _FIELDS[direction]
        rules: list[Rule] = []
        for index, raw in enumerate(self.list("spec", field)):
            path = Path(("spec", field, index))
            rules.append(Rule(path, direction, _peers(raw, path / peers, peers), _ports(raw, path / "ports")))
        return rules


def _peers(raw: Any, path: Path, field: str) -> tuple[Peer, ...]:
    return tuple(
        Peer(path / index, peer) for index, peer in enumerate(sequence(mapping(raw), field)) if isinstance(peer, dict)
    )


def _ports(raw: Any, path: Path) -> tuple[Port, ...]:
    found: list[Port] = []
    for index, entry in enumerate(sequence(mapping(raw), "ports")):
        stated = mapping(entry)
        if any(value.__class__ is Unknown for value in stated.values()):
            raise Undecided(f"{path / index} is not known")
        protocol, port, end = dig(stated, "protocol") or "TCP", dig(stated, "port"), dig(stated, "endPort")
        number = port if isinstance(port, int | str) and not isinstance(port, bool) else None
        found.append(Port(path / index, str(protocol), number, end if isinstance(end, int) else None))
    return tuple(found)


class AdminPolicy(Object):
    """``policy.networking.k8s.io`` ClusterNetworkPolicy, AdminNetworkPolicy and its baseline twin."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({
        "policy.networking.k8s.io/ClusterNetworkPolicy", "policy.networking.k8s.io/AdminNetworkPolicy",
        "policy.networking.k8s.io/BaselineAdminNetworkPolicy",
    })  # fmt: skip

    @property
    def baseline(self) -> bool:
        return self.kind == "BaselineAdminNetworkPolicy" or self.get("spec", "tier") == "Baseline"

    def covers(self, labels: Any) -> bool:
        """Whether all pods of a namespace with these labels are subjects."""
        subject = self.map("spec", "subject")
        if "namespaces" in subject:
            return selects(subject["namespaces"] or {}, labels)
        pods = mapping(subject, "pods")
        return bool(pods) and is_empty(pods.get("podSelector")) and selects(pods.get("namespaceSelector") or {}, labels)

    def denies_all(self, direction: str) -> bool:
        """Whether a rule of this direction denies everything, on all ports."""
        field, peers = _FIELDS[direction]
        for rule in self.list("spec", field):
            if dig(rule, "action") != "Deny" or dig(rule, "ports") or dig(rule, "protocols"):
                continue
            named = sequence(mapping(rule), peers)
            if any(_everybody(peer) for peer in named):
                return True
        return False


def _everybody(peer: Any) -> bool:
    raw = mapping(peer)
    if "namespaces" in raw:
        return is_empty(raw["namespaces"])
    pods = mapping(raw, "pods")
    if pods:
        return is_empty(pods.get("podSelector")) and is_empty(pods.get("namespaceSelector"))
    return any(block in ("0.0.0.0/0", "::/0") for block in sequence(raw, "networks"))


class PeerHolder(Object):
    """What lists NetworkPolicy peers: a NetworkPolicy, or a Strimzi Kafka with its listeners."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = (NetworkPolicy.kinds or frozenset()) | {"kafka.strimzi.io/Kafka"}

    @property
    def namespace_selectors(self) -> "list[tuple[Path, Any]]":
        """(path, namespaceSelector) of every peer that has one."""
        found: list[tuple[Path, Any]] = []
        for path, peers in self._peer_lists():
            for index, peer in enumerate(peers):
                if isinstance(peer, dict) and peer.get("namespaceSelector") is not None:
                    found.append((path / index / "namespaceSelector", peer["namespaceSelector"]))
        return found

    def _peer_lists(self) -> "list[tuple[Path, list[Any]]]":
        if self.kind == "Kafka":
            listeners = self.list("spec", "kafka", "listeners")
            path = Path(("spec", "kafka", "listeners"))
            return [
                (path / index / "networkPolicyPeers", sequence(mapping(listener), "networkPolicyPeers"))
                for index, listener in enumerate(listeners)
            ]
        return [
            (Path(("spec", field, index, peers)), sequence(mapping(rule), peers))
            for field, peers in _FIELDS.values()
            for index, rule in enumerate(self.list("spec", field))
        ]
