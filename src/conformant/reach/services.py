"""Services as destinations: which pods stand behind them, and what their ports become there."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from conformant.model import Resource, Undecided, dig, mapping, sequence
from conformant.platform import Platform
from conformant.reach.endpoints import Endpoint
from conformant.reach.ports import ALL, NONE, PROTOCOLS, Ports
from conformant.views.selector import equals


class ServicePort(Struct, frozen=True):
    """One port of a Service; `target` is a number or a name at the pods."""

    protocol: str
    number: int
    target: int | str
    name: str = ""


class Service(Struct, frozen=True):
    """A Service with the endpoints that its selector admits."""

    resource: Resource
    ports: tuple[ServicePort, ...]
    backends: tuple[Endpoint, ...]
    headless: bool
    kind: str
    reason: str = ""

    @property
    def address(self) -> str:
        return self.resource.address

    @property
    def public(self) -> bool:
        """Whether it is meant to be reached from outside the cluster."""
        return self.kind in ("LoadBalancer", "NodePort") or bool(sequence(self.resource.raw, "spec", "externalIPs"))

    def targets(self, port: ServicePort, backend: Endpoint) -> Ports:
        """The pod ports that a Service port leads to at a backend."""
        if isinstance(port.target, int):
            return Ports.of(port.protocol, port.target)
        return Ports.union(Ports.of(port.protocol, number) for number in backend.numbers(port.protocol, port.target))

    def offered(self, backend: Endpoint, open_ports: Ports) -> Ports:
        """The Service's ports that work with a backend whose `open_ports` can be reached; a headless
        Service leads to the pods themselves."""
        if self.headless:
            return open_ports
        found = NONE
        for port in self.ports:
            targets = self.targets(port, backend)
            if targets and targets <= open_ports:
                found |= Ports.of(port.protocol, port.number)
        return found

    @property
    def listening(self) -> Ports:
        """All ports of the Service."""
        if self.headless:
            return ALL
        return Ports.union(Ports.of(port.protocol, port.number) for port in self.ports)


def services(platform: Platform, ends: Sequence[Endpoint]) -> list[Service]:
    """The Services that lead to pods by their selector, or nowhere at all."""
    by_namespace: dict[str, list[Endpoint]] = {}
    for one in ends:
        by_namespace.setdefault(one.namespace, []).append(one)
    return [_service(each, by_namespace.get(each.namespace, [])) for each in platform.kind("/Service")]


def _service(resource: Resource, candidates: Sequence[Endpoint]) -> Service:
    try:
        spec = mapping(resource.raw, "spec")
        selector = mapping(spec, "selector")
        backends = tuple(one for one in candidates if selector and _admits(selector, one.labels))
        kind = str(dig(spec, "type") or "ClusterIP")
        headless = dig(spec, "clusterIP") == "None"
        return Service(resource, _ports(spec), backends, headless, kind, _reason(kind, selector, backends))
    except Undecided as undecided:
        return Service(resource, (), (), False, "", undecided.reason)


def _reason(kind: str, selector: Mapping[Any, Any], backends: Sequence[Endpoint]) -> str:
    if kind == "ExternalName":
        return "it is another name for something outside the cluster"
    if not selector:
        return "it has no selector: its endpoints are not declared here"
    return "" if backends else "its selector admits no pod"


def _admits(selector: Mapping[Any, Any], labels: Mapping[Any, Any] | None) -> bool:
    if labels is None:
        raise Undecided("the labels of pods in its namespace are not known")
    return equals(selector, labels)


def _ports(spec: dict[Any, Any]) -> tuple[ServicePort, ...]:
    found: list[ServicePort] = []
    for entry in sequence(spec, "ports"):
        number, target = dig(entry, "port"), dig(entry, "targetPort")
        protocol = str(dig(entry, "protocol") or "TCP")
        if isinstance(number, int) and protocol in PROTOCOLS:
            goal = target if isinstance(target, int | str) and target else number
            found.append(ServicePort(protocol, number, goal, str(dig(entry, "name") or "")))
    return tuple(found)
