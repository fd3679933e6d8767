"""Which routes claim the same traffic, and which of them catch all of it."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from conformant.domain.mesh_hosts import Pods, Sidecars, fqdn
from conformant.model import Path, dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.base import Object
from conformant.views.mesh import IstioGateway, Routing, Sidecar, VirtualService, server_hosts
from conformant.views.selector import equals


def matches_of(rule: dict[Any, Any]) -> list[dict[Any, Any]]:
    """The alternatives of a rule, without their names, which decide nothing."""
    return [
        {key: value for key, value in match.items() if key != "name"}
        for match in sequence(rule, "match") if isinstance(match, dict)
    ]  # fmt: skip


def catches_all(rule: dict[Any, Any], protocol: str) -> bool:
    """Whether a rule matches everything: it has no match, or one of nothing but the prefix ``/``."""
    if protocol == "tls":
        return False
    if not sequence(rule, "match"):
        return True
    return any(not match or match == {"uri": {"prefix": "/"}} for match in matches_of(rule))


def same(one: Object, other: Object) -> bool:
    """Whether two manifests are of one object: the one applied last replaces the other."""
    return (one.kind, one.namespace, one.name) == (other.kind, other.namespace, other.name)


class Claim(Struct, frozen=True):
    """What a route of the edge claims: traffic for a host and path, by whom it is taken in."""

    host: str
    path: str
    kind: str
    taker: str
    more: str = ""


_CANARY = "nginx.ingress.kubernetes.io/canary"


def claims(thing: Routing) -> Iterator[tuple[Path, Claim]]:
    """The claims of an Ingress or an HTTPRoute, but for a canary's, which are another's on purpose."""
    annotations = mapping(thing.raw, "metadata", "annotations")
    if dig(annotations, _CANARY) == "true" or "acme.cert-manager.io/http01-solver" in thing.labels:
        return
    if thing.kind == "HTTPRoute":
        yield from _of_route(thing)
        return
    taker = str(thing.get("spec", "ingressClassName") or dig(annotations, "kubernetes.io/ingress.class") or "")
    for number, rule in enumerate(thing.list("spec", "rules")):
        for index, entry in enumerate(sequence(rule, "http", "paths")):
            where = Path(("spec", "rules", number, "http", "paths", index))
            stated = str(dig(entry, "path") or "/")
            yield where, Claim(str(dig(rule, "host") or ""), stated, str(dig(entry, "pathType")), taker)


def _of_route(thing: Routing) -> Iterator[tuple[Path, Claim]]:
    parents = [
        f"{dig(parent, 'namespace') or thing.namespace}/{dig(parent, 'name')}/{dig(parent, 'sectionName') or ''}"
        f"/{dig(parent, 'port') or ''}"
        for parent in thing.list("spec", "parentRefs") if dig(parent, "kind") in (None, "Gateway")
    ]  # fmt: skip
    hosts = [host for host in thing.list("spec", "hostnames") if isinstance(host, str)] or [""]
    for number, rule in enumerate(thing.list("spec", "rules")):
        where = Path(("spec", "rules", number))
        stated = sequence(mapping(rule), "matches")
        for index, match in enumerate(stated or [{}]):
            path = where / "matches" / index if stated else where
            more = repr([dig(match, key) for key in ("headers", "queryParams", "method")])
            value, kind = dig(match, "path", "value") or "/", dig(match, "path", "type") or "PathPrefix"
            for host in hosts:
                for parent in parents:
                    yield path, Claim(host, str(value), str(kind), parent, more)


class Competing:
    """What claims the same traffic or the same pods; of two, the later one is told of the earlier.
    Use with `Platform.derived`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._routes: dict[str, list[VirtualService]] = {}
        for service in platform.of(VirtualService):
            for host in service.hosts if "mesh" in service.gateways else ():
                self._routes.setdefault(fqdn(host, service.namespace), []).append(service)
        self._servers: dict[tuple[str, str], list[tuple[str, IstioGateway]]] = {}
        for gateway in platform.of(IstioGateway):
            for _, server in gateway.servers:
                for namespace, host in server_hosts(server):
                    self._servers.setdefault(_slot(server, host), []).append((namespace, gateway))
        self._claims: dict[Claim, list[Routing]] = {}
        for thing in platform.of(Routing):
            if thing.kind in ("Ingress", "HTTPRoute"):
                for _, claim in claims(thing):
                    self._claims.setdefault(claim, []).append(thing)

    def rival(self, service: VirtualService, host: str) -> VirtualService | None:
        """An earlier VirtualService for the same host in the mesh that some namespace sees beside this one."""
        if "mesh" not in service.gateways:
            return None
        for other in self._routes.get(host, ()):
            if other is service:
                return None
            if not same(service, other) and _same_protocol(service, other) and _seen_together(service, other):
                return other
        return None

    def other_gateway(
        self, gateway: IstioGateway, server: dict[Any, Any], namespace: str, host: str
    ) -> IstioGateway | None:
        """An earlier Gateway that serves a host on the same port with the same pods."""
        for where, other in self._servers.get(_slot(server, host), ()):
            if other is gateway:
                return None
            apart = "*" not in (where, namespace) and _place(where, other) != _place(namespace, gateway)
            if not apart and not same(gateway, other) and self._one_pod(gateway, other):
                return other
        return None

    def _one_pod(self, one: IstioGateway, other: IstioGateway) -> bool:
        """Whether two gateways are served by the same pods: by equal selectors, or by a pod that both select."""
        ours, theirs = one.selector, other.selector
        if not ours or not theirs or ours == theirs:
            return bool(ours) and ours == theirs
        joined = {**ours, **theirs}
        clash = any(ours.get(key, value) != value for key, value in theirs.items())
        return not clash and bool(self._platform.derived(Pods).anywhere(joined))

    def other_sidecar(self, sidecar: Sidecar) -> Sidecar | None:
        """An earlier Sidecar of the namespace for the same pods."""
        for other in self._platform.derived(Sidecars).by_namespace.get(sidecar.namespace, ()):
            if other is sidecar:
                return None
            alike = bool(other.selector) == bool(sidecar.selector) and not same(sidecar, other)
            if alike and self._share(sidecar, other):
                return other
        return None

    def _share(self, one: Sidecar, other: Sidecar) -> bool:
        if one.selector == other.selector:
            return True
        pods = self._platform.derived(Pods).selected(one.namespace, one.selector)
        return any(equals(other.selector, each.labels) for each in pods)

    def other_filter(self, thing: Routing) -> Routing | None:
        """Another EnvoyFilter without a priority for the same pods."""
        root = self._platform.profile.mesh.root_namespace
        for resource in self._platform.kind("networking.istio.io/EnvoyFilter"):
            other = self._platform.view(resource, Routing)
            near = thing.namespace == other.namespace or root in (thing.namespace, other.namespace)
            if near and not same(thing, other) and not other.get("spec", "priority") and self._same_pods(thing, other):
                return other
        return None

    def _same_pods(self, one: Routing, other: Routing) -> bool:
        ours, theirs = (each.map("spec", "workloadSelector", "labels") for each in (one, other))
        if not ours or not theirs or ours == theirs:
            return True
        return any(equals(theirs, each.labels) for each in self._platform.derived(Pods).anywhere(ours))

    def other_claim(self, thing: Routing, claim: Claim) -> Routing | None:
        """An earlier route with the same claim."""
        first = self._claims.get(claim, [thing])[0]
        return first if not same(first, thing) else None


def _slot(server: dict[Any, Any], host: str) -> tuple[str, str]:
    return f"{dig(server, 'port', 'number')} {dig(server, 'bind') or ''}", host


def _place(namespace: str, gateway: IstioGateway) -> str:
    return gateway.namespace if namespace == "." else namespace


def _same_protocol(one: VirtualService, other: VirtualService) -> bool:
    return any(one.rules(protocol) and other.rules(protocol) for protocol in ("http", "tcp", "tls"))


def _seen_together(one: VirtualService, other: VirtualService) -> bool:
    """Whether a namespace sees both."""
    sets = [
        {each.namespace if name == "." else name for name in each.export_to} or {"*"} for each in (one, other)
    ]  # fmt: skip
    return "*" in sets[0] or "*" in sets[1] or bool(sets[0] & sets[1])
