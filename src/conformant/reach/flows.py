"""Connections that a platform says it needs: scraping, load tests, stores and services in the environment, routes."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from conformant.model import Path, Resource, Undecided, dig, mapping, sequence
from conformant.platform import Platform
from conformant.reach.endpoints import Endpoint
from conformant.reach.known import named_service, reachability
from conformant.reach.ports import TCP, Ports
from conformant.reach.services import Service, services
from conformant.regex import lazy
from conformant.views.flagger import Canary
from conformant.views.workload import Workload

SCRAPERS = frozenset({"prometheus", "prometheus-agent", "vmagent", "otel-collector", "opentelemetry-collector"})
GATEWAYS = frozenset({"kong", "kong-gateway", "ingress-nginx", "traefik", "api-gateway"})
MERGED = 15020
"""Where a sidecar shows its application's metrics beside its own."""

_DEFAULTS = {
    "http": 80, "https": 443, "postgres": 5432, "postgresql": 5432, "redis": 6379, "rediss": 6379, "mysql": 3306,
    "mongodb": 27017, "amqp": 5672, "amqps": 5671, "nats": 4222, "grpc": 443,
}  # fmt: skip
_ADDRESS = lazy(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?:[^@/\s,;'\"]*@)?(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::(?P<port>\d{1,5}))?"
    r"(?=[/,;?\s'\"]|\Z)"
)


class Flow(Struct, frozen=True):
    """Something that must be able to connect. One of `destinations` must be reachable from each of `sources`."""

    path: Path
    sources: tuple[Endpoint, ...]
    destinations: tuple[tuple[Endpoint, Ports], ...]
    what: str


class Flows:
    """The flows of a platform by the resource that declares them. Use with `Platform.derived`."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.reach = platform.derived(reachability)
        self.services = {
            (each.resource.namespace, each.resource.name): each for each in services(platform, self.reach.endpoints)
        }
        self.by_owner: dict[tuple[str, str], list[Endpoint]] = {}
        for one in self.reach.endpoints:
            for owner in one.owners:
                self.by_owner.setdefault((one.namespace, owner.rpartition("/")[2]), []).append(one)
        self.by_workload: dict[int, list[Endpoint]] = {}
        for one in self.reach.endpoints:
            if one.workload is not None:
                self.by_workload.setdefault(id(one.workload), []).append(one)
        self.canaries = dict(self._canaries())
        self.by_name = {(one.namespace, one.name): one for one in self.reach.endpoints}
        self.scrapers = tuple(one for one in self.reach.endpoints if _is(one, SCRAPERS))
        self.gateways = tuple(one for one in self.reach.endpoints if _is(one, GATEWAYS))

    def of(self, resource: Resource) -> Iterator[Flow]:
        """The flows that one resource declares. Raises Undecided."""
        key = f"{resource.group}/{resource.kind}"
        if key in (Workload.kinds or ()):
            workload = self.platform.view(resource, Workload)
            yield from self._scraped(workload)
            yield from self._environment(workload)
        elif key == "flagger.app/Canary":
            yield from self._load(self.platform.view(resource, Canary))
        else:
            yield from self._routed(resource)

    # what pods declare

    def _own(self, workload: Workload) -> list[Endpoint]:
        """The pods of a workload, and those that Flagger makes of it."""
        return self.by_workload.get(id(workload), [])

    def _scraped(self, workload: Workload) -> Iterator[Flow]:
        annotations = workload.annotations
        port = annotations.get("prometheus.io/port")
        if annotations.get("prometheus.io/scrape") != "true" or not str(port).isdecimal() or not self.scrapers:
            return
        path = workload.template_path / "metadata" / "annotations" / "prometheus.io/port"
        ports = Ports.of(TCP, int(str(port))) | Ports.of(TCP, MERGED)
        for one in self._own(workload):
            yield Flow(path, self.scrapers, ((one, ports),), f"scraping port {port}")

    def _environment(self, workload: Workload) -> Iterator[Flow]:
        own = tuple(self._own(workload))
        for container in workload.all_containers:
            for index, entry in container.env:
                value = entry.get("value")
                if own and isinstance(value, str) and ":" in value:
                    yield from self._named(value, workload.namespace, own, container.path / "env" / index / "value")

    def _named(self, text: str, namespace: str, sources: tuple[Endpoint, ...], path: Path) -> Iterator[Flow]:
        """The flows to every address in a text that is a Service of the platform."""
        for found in _ADDRESS.finditer(text):
            port = int(found["port"]) if found["port"] else _DEFAULTS.get((found["scheme"] or "").partition("+")[0])
            service = named_service(found["host"], namespace)
            if port is None or service is None:
                continue
            destinations = tuple(self.behind(*service, port))
            if destinations:
                yield Flow(path, sources, destinations, f"{found['host']}:{port}")

    def behind(self, namespace: str, name: str, port: int) -> Iterator[tuple[Endpoint, Ports]]:
        """The pods behind a Service that is declared, or made by an operator, with their ports."""
        declared = self.services.get((namespace, name))
        canary = self.by_name.get((namespace, self.canaries.get((namespace, name), "")))
        if canary is not None:
            yield (
                canary,
                self._at(declared or self.services.get((namespace, name.removesuffix("-canary"))), canary, port),
            )
            return
        if declared is not None:
            if not declared.kind:
                raise Undecided(declared.reason)
            for backend in declared.backends:
                yield backend, self._at(declared, backend, port)
            return
        for one in self._operated(namespace, name):
            yield one, Ports.of(TCP, port)

    def _at(self, service: Service | None, backend: Endpoint, port: int) -> Ports:
        """What a Service's port becomes at a pod."""
        if service is None or service.headless:
            return Ports.of(TCP, port)
        return Ports.union(
            service.targets(each, backend) for each in service.ports if each.number == port and each.protocol == TCP
        )

    def _canaries(self) -> Iterator[tuple[tuple[str, str], str]]:
        """What Flagger routes the names of its own to: ``-canary`` to the target, the others to the primary."""
        for canary in self.platform.of(Canary):
            target = canary.target[1]
            service = str(canary.get("spec", "service", "name") or target)
            yield (canary.namespace, f"{service}-canary"), target
            for name in (service, f"{service}-primary"):
                yield (canary.namespace, name), f"{target}-primary"

    def _operated(self, namespace: str, name: str) -> Iterator[Endpoint]:
        for suffix, part in _MADE:
            if not name.endswith(suffix):
                continue
            for one in self.by_owner.get((namespace, name.removesuffix(suffix) if suffix else name), ()):
                if part(one):
                    yield one

    # load tests and routes

    def _load(self, canary: Canary) -> Iterator[Flow]:
        """From the load tester, which each webhook names, to the addresses in its command."""
        for index, webhook in enumerate(canary.webhooks):
            tester = _ADDRESS.match(str(dig(webhook, "url") or ""))
            service = named_service(tester["host"], canary.namespace) if tester else None
            command = dig(webhook, "metadata", "cmd")
            if service is None or not isinstance(command, str):
                continue
            declared = self.services.get(service)
            sources = declared.backends if declared else tuple(filter(None, [self.by_name.get(service)]))
            path = Path(("spec", "analysis", "webhooks", index, "metadata", "cmd"))
            if sources:
                yield from self._named(command, canary.namespace, tuple(sources), path)

    def _routed(self, route: Resource) -> Iterator[Flow]:
        """From the gateway's pods to the backends of an Ingress or an HTTPRoute."""
        if not self.gateways:
            return
        for path, namespace, name, port in _backends(route):
            service = self.services.get((namespace, name))
            number = port
            if service is not None and isinstance(port, str):
                number = next((each.number for each in service.ports if each.name == port), None)
            if isinstance(number, int):
                destinations = tuple(self.behind(namespace, name, number))
                if destinations:
                    yield Flow(path, self.gateways, destinations, f"the route to {name}:{port}")


def _is(one: Endpoint, names: frozenset[str]) -> bool:
    labels = one.labels or {}
    return any(
        _text(labels.get(key)) in names for key in ("app.kubernetes.io/name", "app", "app.kubernetes.io/component")
    )


def _text(value: Any) -> str:
    return value if value.__class__ is str else ""


def _named_part(*names: str) -> Any:
    return lambda one: any(one.name.endswith(name) for name in names)


def _broker(one: Endpoint) -> bool:
    return (one.labels or {}).get("strimzi.io/broker-role") == "true"


_MADE: Sequence[tuple[str, Any]] = (
    ("-kafka-bootstrap", _broker), ("-kafka-brokers", _broker), ("-leader", _named_part("-leader")),
    ("-follower", _named_part("-follower")), ("-rw", lambda one: one.kind == "Cluster"),
    ("-ro", lambda one: one.kind == "Cluster"), ("-r", lambda one: one.kind == "Cluster"),
    ("-collector", lambda one: one.kind != "Cluster"), ("-query", _named_part("-query")),
    ("", lambda one: one.kind in ("StatefulSet", "Deployment")),
)  # fmt: skip
"""(what the name of an operator's Service ends in, which of the custom resource's pods are behind it)."""


def _backends(route: Resource) -> Iterator[tuple[Path, str, str, Any]]:
    """(path, namespace, name, port) of what a route leads to."""
    spec = mapping(route.raw, "spec")
    for index, raw in enumerate(sequence(spec, "rules")):
        rule = mapping(raw)
        for number, way in enumerate(sequence(rule, "http", "paths")):
            service = mapping(mapping(way), "backend", "service")
            path = Path(("spec", "rules", index, "http", "paths", number, "backend", "service", "name"))
            yield (
                path,
                route.namespace,
                str(dig(service, "name")),
                dig(service, "port", "number") or dig(service, "port", "name"),
            )
        for number, reference in enumerate(sequence(rule, "backendRefs")):
            path = Path(("spec", "rules", index, "backendRefs", number, "name"))
            namespace = str(dig(reference, "namespace") or route.namespace)
            yield path, namespace, str(dig(reference, "name")), dig(reference, "port")


def blocked(flow: Flow, platform: Platform) -> Iterator[tuple[Endpoint, str]]:
    """(source, why) of those that reach no destination; what is not known raises Undecided."""
    reach = platform.derived(reachability)
    for source in flow.sources:
        if source.host_network:
            continue
        closed: list[str] = []
        doubt = ""
        for destination, ports in flow.destinations:
            if source.address == destination.address or not ports:
                break
            egress, ingress = reach.between(reach.classes.of[source.address], reach.classes.of[destination.address])
            if egress.ports & ingress.ports & ports:
                break
            if egress.possible & ingress.possible & ports:
                doubt = f"whether {source.address} reaches {destination.address} is not known"
            else:
                closed.append("its own egress" if not egress.possible & ports else f"the ingress of {destination.name}")
        else:
            if doubt:
                raise Undecided(doubt)
            if closed:
                yield source, " and ".join(dict.fromkeys(closed))
