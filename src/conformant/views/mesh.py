"""Istio's objects: PeerAuthentication, DestinationRule, AuthorizationPolicy and their like."""

from collections.abc import Iterator
from typing import Any, ClassVar

from msgspec import Struct

from conformant.model import Path, dig, mapping, sequence
from conformant.views.base import Object
from conformant.views.selector import equals
from conformant.views.workload import Workload


class PeerAuthentication(Object):
    """``security.istio.io`` PeerAuthentication: who must speak mTLS to the pods it selects."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"security.istio.io/PeerAuthentication"})

    @property
    def selector(self) -> dict[Any, Any]:
        """The labels that select pods; empty for a policy of the namespace or the mesh."""
        return self.map("spec", "selector", "matchLabels")

    def selects(self, labels: dict[Any, Any]) -> bool:
        return equals(self.selector, labels)

    @property
    def mode(self) -> str:
        """STRICT, PERMISSIVE, DISABLE or UNSET (also where absent)."""
        mode = self.get("spec", "mtls", "mode")
        return mode if isinstance(mode, str) else "UNSET"

    @property
    def mode_path(self) -> Path:
        return Path(("spec", "mtls", "mode"))

    @property
    def port_modes(self) -> dict[int, str]:
        """The modes of single container ports; UNSET where a port has none."""
        modes: dict[int, str] = {}
        for port, setting in self.map("spec", "portLevelMtls").items():
            if str(port).isdigit():
                modes[int(port)] = str(dig(mapping(setting), "mode") or "UNSET")
        return modes


class TrafficPolicy(Struct, frozen=True):
    """One traffic policy of a DestinationRule. `subset` is the subset that it is for, `port` the port;
    `outer` the policy that a port's settings stand in, of which they inherit nothing."""

    path: Path
    raw: dict[Any, Any]
    subset: str = ""
    port: Any = None
    outer: "TrafficPolicy | None" = None


class DestinationRule(Object):
    """``networking.istio.io`` DestinationRule: how clients talk to a host."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"networking.istio.io/DestinationRule"})

    @property
    def host(self) -> str:
        host = self.get("spec", "host")
        return host if isinstance(host, str) else ""

    @property
    def export_to(self) -> "list[str]":
        """The namespaces that see the rule: names, ``.`` or ``*``; empty means all."""
        if self.map("spec", "workloadSelector"):
            return ["."]
        return [name for name in self.list("spec", "exportTo") if isinstance(name, str)]

    def policies(self) -> Iterator[TrafficPolicy]:
        """Every traffic policy: the rule's own and those of its subsets, each followed by its ports'."""
        yield from _with_ports(TrafficPolicy(Path(("spec", "trafficPolicy")), self.map("spec", "trafficPolicy")))
        for index, subset in enumerate(self.list("spec", "subsets")):
            path = Path(("spec", "subsets", index, "trafficPolicy"))
            name = str(dig(mapping(subset), "name") or "")
            yield from _with_ports(TrafficPolicy(path, mapping(mapping(subset), "trafficPolicy"), name))


def _with_ports(policy: TrafficPolicy) -> Iterator[TrafficPolicy]:
    if policy.raw:
        yield policy
    for index, level in enumerate(sequence(policy.raw, "portLevelSettings")):
        path = policy.path / "portLevelSettings" / index
        yield TrafficPolicy(path, mapping(level), policy.subset, dig(level, "port", "number"), policy)


class AccessRule(Struct, frozen=True):
    """One rule of an AuthorizationPolicy: sources, operations and conditions, with their paths."""

    path: Path
    raw: dict[Any, Any]
    sources: tuple[tuple[Path, dict[Any, Any]], ...]
    operations: tuple[tuple[Path, dict[Any, Any]], ...]
    conditions: tuple[tuple[Path, dict[Any, Any]], ...]

    @property
    def open(self) -> bool:
        """Whether the rule asks nobody who they are: it has neither sources nor conditions."""
        return not self.sources and not self.conditions


class AuthorizationPolicy(Object):
    """``security.istio.io`` AuthorizationPolicy: who may do what to the pods that it selects."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"security.istio.io/AuthorizationPolicy"})

    @property
    def action(self) -> str:
        return str(self.get("spec", "action") or "ALLOW")

    @property
    def selector(self) -> dict[Any, Any]:
        """The labels that select pods; empty for a policy of the namespace or the mesh."""
        return self.map("spec", "selector", "matchLabels")

    @property
    def targets(self) -> "list[dict[Any, Any]]":
        """What the policy is attached to instead of pods: Gateways, Services and their like."""
        named = [target for target in self.list("spec", "targetRefs") if isinstance(target, dict)]
        single = self.map("spec", "targetRef")
        return [*named, single] if single else named

    @property
    def dry_run(self) -> bool:
        """Whether the policy is only tried, and decides nothing."""
        return str(self.annotations.get("istio.io/dry-run")).lower() == "true"

    @property
    def rules(self) -> "list[AccessRule]":
        return [_access(Path(("spec", "rules", index)), raw) for index, raw in enumerate(self.list("spec", "rules"))]


def _access(path: Path, raw: Any) -> AccessRule:
    rule = mapping(raw)
    return AccessRule(
        path, rule, _entries(rule, path, "from", "source"), _entries(rule, path, "to", "operation"),
        tuple((path / "when" / index, mapping(entry)) for index, entry in enumerate(sequence(rule, "when"))),
    )  # fmt: skip


def _entries(rule: dict[Any, Any], path: Path, field: str, inner: str) -> tuple[tuple[Path, dict[Any, Any]], ...]:
    return tuple(
        (path / field / index / inner, mapping(mapping(entry), inner))
        for index, entry in enumerate(sequence(rule, field))
    )


class MeshObject(Object):
    """An object of Istio's whose fields have changed over the years."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({
        "networking.istio.io/DestinationRule", "networking.istio.io/VirtualService", "networking.istio.io/Gateway",
        "networking.istio.io/Sidecar", "security.istio.io/AuthorizationPolicy",
        "security.istio.io/RequestAuthentication", "telemetry.istio.io/Telemetry", "extensions.istio.io/WasmPlugin",
    })  # fmt: skip


class VirtualService(Object):
    """``networking.istio.io`` VirtualService: where requests for its hosts go."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"networking.istio.io/VirtualService"})

    @property
    def hosts(self) -> "list[str]":
        return [host for host in self.list("spec", "hosts") if isinstance(host, str)]

    @property
    def gateways(self) -> "list[str]":
        """The gateways that the routes are bound to; ``mesh`` stands for all sidecars, the default."""
        return [name for name in self.list("spec", "gateways") if isinstance(name, str)] or ["mesh"]

    @property
    def export_to(self) -> "list[str]":
        """The namespaces that see it: names, ``.`` or ``*``; empty means all."""
        return [name for name in self.list("spec", "exportTo") if isinstance(name, str)]

    def rules(self, protocol: str) -> "list[tuple[Path, dict[Any, Any]]]":
        """(path, rule) of the routes for ``http``, ``tcp`` or ``tls``."""
        return [(Path(("spec", protocol, n)), mapping(rule)) for n, rule in enumerate(self.list("spec", protocol))]


class Sidecar(Object):
    """``networking.istio.io`` Sidecar: what the proxies of a namespace see of the mesh."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"networking.istio.io/Sidecar"})

    @property
    def selector(self) -> dict[Any, Any]:
        """The labels that select pods; empty for the default of a namespace."""
        return self.map("spec", "workloadSelector", "labels")

    @property
    def hosts(self) -> "list[str]":
        """The hosts of all egress listeners, as ``namespace/host``; empty where none is stated."""
        return [
            host for listener in self.list("spec", "egress") for host in sequence(mapping(listener), "hosts")
            if isinstance(host, str)
        ]  # fmt: skip

    @property
    def registry_only(self) -> bool:
        """Whether hosts that the mesh does not know are refused; a policy without a mode does that too."""
        policy = self.get("spec", "outboundTrafficPolicy")
        return isinstance(policy, dict) and dig(policy, "mode") in (None, "REGISTRY_ONLY")


class IstioGateway(Object):
    """``networking.istio.io`` Gateway: what the proxies at the edge of the mesh listen to."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"networking.istio.io/Gateway"})

    @property
    def selector(self) -> dict[Any, Any]:
        return self.map("spec", "selector")

    @property
    def servers(self) -> "list[tuple[Path, dict[Any, Any]]]":
        """(path, server)."""
        return [
            (Path(("spec", "servers", n)), mapping(server)) for n, server in enumerate(self.list("spec", "servers"))
        ]


class Routing(Object):
    """What says where traffic goes: VirtualServices, gateways, proxies' settings, Ingresses, HTTPRoutes."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({
        "networking.istio.io/VirtualService", "networking.istio.io/Gateway", "networking.istio.io/Sidecar",
        "networking.istio.io/EnvoyFilter", "networking.k8s.io/Ingress", "gateway.networking.k8s.io/HTTPRoute",
    })  # fmt: skip


class AmbientObject(Object):
    """What ambient reads: policies, and what names a waypoint."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = (Workload.kinds or frozenset()) | {
        "security.istio.io/AuthorizationPolicy", "security.istio.io/RequestAuthentication",
        "security.istio.io/PeerAuthentication", "/Namespace", "/Service",
    }  # fmt: skip


class EdgeGateway(Object):
    """What listens at the edge: Istio's Gateway, or that of the Gateway API."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset(
        {"networking.istio.io/Gateway", "gateway.networking.k8s.io/Gateway"}
    )


def server_hosts(server: dict[Any, Any]) -> list[tuple[str, str]]:
    """(namespace, host) of a gateway's server; the namespace is ``*`` where none is stated."""
    found: list[tuple[str, str]] = []
    for host in sequence(server, "hosts"):
        if isinstance(host, str):
            namespace, slash, name = host.rpartition("/")
            found.append((namespace if slash else "*", name))
    return found
