"""Answers for single ends: which ports pass, and why and why not, by policies and by the mesh."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network

from msgspec import Struct
from msgspec.structs import replace

from conformant.platform import Platform
from conformant.reach.because import ALLOWS, DEFAULT, DENIES, Cause, Decision, decisions, doubts
from conformant.reach.blocks import Network
from conformant.reach.classes import numbers
from conformant.reach.endpoints import Endpoint
from conformant.reach.engine import Reachability
from conformant.reach.mesh import FREE, Mesh, Passage
from conformant.reach.ports import ALL, NONE, Ports
from conformant.reach.queries import Target, chosen
from conformant.reach.services import Service, services
from conformant.views.network import EGRESS, INGRESS

LOOPBACK = Cause("", ALLOWS, "a pod always reaches itself")
NODE = Cause("", DEFAULT, "the destination is on the host's network: NetworkPolicies do not select it")
FROM_NODE = Cause(
    "ingress", DENIES,
    "the source is on the host's network: policies see its node's address, never its labels; a pod on the same "
    "node is always reached",
)  # fmt: skip


class End(Struct, frozen=True):
    """One end of a connection: pods, an address block outside, or a Service."""

    name: str
    number: int = -1
    pod: Endpoint | None = None
    service: Service | None = None


class Connection(Struct, frozen=True):
    """What passes from one end to another. `asked` are the ports that the question was about; `open` pass,
    `possible` pass or may; `some` of the open ones take only certain requests."""

    source: End
    destination: End
    asked: Ports
    open: Ports
    possible: Ports
    allowing: tuple[Decision, ...] = ()
    denying: tuple[Cause, ...] = ()
    doubts: tuple[str, ...] = ()
    some: Ports = NONE

    @property
    def undecided(self) -> Ports:
        return self.possible - self.open

    def because(self, protocol: str) -> list[Cause]:
        """Why the open ports of a protocol are open."""
        return list(dict.fromkeys(each.cause for each in self.allowing if (each.ports & self.open).ranges(protocol)))


class Answers:
    """Questions to one platform."""

    def __init__(self, platform: Platform, extra: Iterable[Network] = ()) -> None:
        """`extra` networks can be asked about by themselves."""
        self.platform = platform
        self.reach = Reachability.of(platform, extra)
        self.mesh = Mesh(platform)
        self._causes: dict[tuple[int, int], tuple[tuple[Decision, ...], tuple[Decision, ...], tuple[str, ...]]] = {}

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        return self.reach.endpoints

    @cached_property
    def services(self) -> list[Service]:
        return services(self.platform, self.endpoints)

    @cached_property
    def pods(self) -> list[End]:
        return [End(one.address, self.reach.classes.of[one.address], one) for one in self.endpoints]

    @cached_property
    def world(self) -> list[End]:
        """All outside address blocks."""
        classes = self.reach.classes
        first = len(classes.members)
        return [
            End(address, first + number) for number, each in enumerate(classes.outside) for address in each.addresses
        ]

    def ends(self, wanted: Target | None) -> list[End]:
        """The ends that a target names: pods first of all, Services where no pod goes by the name."""
        if wanted is None:
            return [*self.pods, *self.world]
        if wanted.block is not None:
            return self._within(wanted.block)
        if wanted.outside:
            return self.world
        known = {one.address for one in chosen(wanted, self.endpoints)}
        if known:
            return [end for end in self.pods if end.name in known]
        return [
            End(service.address, service=service)
            for service in self.services
            if wanted.admits(Endpoint(service.address, service.resource.namespace, service.resource.name, None))
        ]

    def _within(self, block: Network) -> list[End]:
        """The outside blocks in one that was made known as an extra network."""
        return [end for end in self.world if _overlaps(ip_network(end.name), block)]

    def connections(self, source: Target | None = None, destination: Target | None = None) -> Iterator[Connection]:
        """All connections that a question is about, allowed or not; nothing between two outside ends."""
        sources, destinations = self.ends(source), self.ends(destination)
        for one in sources:
            if one.service is not None:
                continue
            for other in destinations:
                if one.pod is None and other.pod is None and other.service is None:
                    continue
                yield self.connection(one, other, destination)

    def between_classes(self) -> Iterator[Connection]:
        """What passes or may pass between classes: pods that policies tell apart, and outside ranges. A class
        goes by the name of its first member."""
        ends = [
            End(members[0].address, number, members[0]) for number, members in enumerate(self.reach.classes.members)
        ]
        ends += [End(self.reach.classes.name(number), number) for number in numbers(self.reach.classes.outsiders)]
        for each in self.reach.matrix():
            for source in numbers(each.sources):
                for destination in numbers(each.destinations):
                    if source < len(self.reach.classes.members) or destination < len(self.reach.classes.members):
                        yield self._among(ends[source], ends[destination])

    def _among(self, one: End, other: End) -> Connection:
        """A connection between two members of classes; within a class it is not that of a pod to itself."""
        return self.connection(
            one, End(other.name, other.number, replace(other.pod)) if one is other and other.pod else other
        )

    def connection(self, one: End, other: End, asked: Target | None = None) -> Connection:
        """What passes from one end to another."""
        if other.service is not None:
            return self._to_service(one, other, other.service, asked)
        ports = ALL if asked is None else asked.at(other.pod)
        if one.pod is not None and one.pod is other.pod and one.pod.single:
            decided = (Decision(ALL, ALLOWS, LOOPBACK),)
            return Connection(one, other, ports, ports, ports, decided)
        egress, ingress = self.reach.between(one.number, other.number)
        passage = self._passage(one, other)
        open_ports = egress.ports & ingress.ports & passage.ports & ports
        possible = egress.possible & ingress.possible & ports
        if not passage.doubt:
            possible &= passage.ports
        allowing, denying, doubtful = self._reasons(one.number, other.number)
        return Connection(
            one, other, ports, open_ports, possible, (*allowing, *_by_mesh(passage)),
            tuple(self._denying(one, other, denying, passage, ports - possible)),
            (*doubtful, *((passage.doubt,) if passage.doubt else ()), *_unknown(one, other)) if possible - open_ports
            else (), passage.some & open_ports,
        )  # fmt: skip

    def _passage(self, one: End, other: End) -> Passage:
        return self.mesh.passage(one.pod, other.pod) if other.pod is not None else FREE

    def _denying(
        self, one: End, other: End, denying: tuple[Decision, ...], passage: Passage, closed: Ports
    ) -> Iterator[Cause]:
        if not closed:
            return
        found = dict.fromkeys(each.cause for each in denying if each.ports & closed)
        yield from found
        if one.pod is not None and one.pod.host_network and any(cause.direction == "ingress" for cause in found):
            yield FROM_NODE
        if closed & (ALL - passage.ports):
            yield from (cause for cause in passage.causes if cause.effect == DENIES)

    def _reasons(self, one: int, other: int) -> tuple[tuple[Decision, ...], tuple[Decision, ...], tuple[str, ...]]:
        """(what allows, what denies, doubts) between two classes."""
        known = self._causes.get((one, other))
        if known is None:
            ways = (EGRESS, one, other), (INGRESS, other, one)
            sides = [
                (self.reach.side(direction, number), end)
                for direction, number, end in ways
                if not self.reach.classes.is_outside(number)
            ]
            parts = [(side, side.part(end)) for side, end in sides]
            found = [each for side, part in parts for each in decisions(side, part)]
            uncertain = [text for side, part in parts if part.ports != part.possible for text in doubts(side, part)]
            known = self._causes[one, other] = (
                tuple(each for each in found if each.effect != DENIES),
                tuple(each for each in found if each.effect == DENIES),
                tuple(dict.fromkeys(uncertain)),
            )
        return known

    def _to_service(self, one: End, other: End, service: Service, asked: Target | None) -> Connection:
        """A Service is open on a port where all its backends are; where only some are, it is not decided."""
        ports = service.listening & _asked_of_service(service, asked)
        if not service.backends:
            cause = Cause("", DENIES, f"{service.address}: {service.reason}")
            unknown = bool(service.reason) and not service.ports
            return Connection(one, other, ports, NONE, ports if unknown else NONE, (), (cause,), (service.reason,))
        every: list[tuple[Endpoint, Connection]] = []
        least, most = ports, NONE
        for backend in service.backends:
            found = self.connection(one, End(backend.address, self.reach.classes.of[backend.address], backend))
            every.append((backend, found))
            least &= service.offered(backend, found.open)
            most |= service.offered(backend, found.possible)
        most &= ports
        notes = [
            f"{backend.address} lets less through than others: a connection through the Service may fail"
            for backend, found in every
            if service.offered(backend, found.open) & ports != most
        ]
        denying = dict.fromkeys(cause for _, found in every for cause in found.denying) if ports - most else {}
        if not ports:
            denying = {Cause("", DENIES, f"{service.address} has no such port"): None}
        allowing = tuple(_through(service, every, least))
        return Connection(one, other, ports, least, most, allowing, tuple(denying), tuple(notes))


def _overlaps(one: Network, other: Network) -> bool:
    if isinstance(one, IPv4Network):
        return isinstance(other, IPv4Network) and one.overlaps(other)
    return isinstance(other, IPv6Network) and one.overlaps(other)


def _asked_of_service(service: Service, asked: Target | None) -> Ports:
    if asked is None or (asked.ports is None and not asked.port_name):
        return ALL
    if asked.ports is not None:
        return asked.ports
    return Ports.union(
        Ports.of(port.protocol, port.number)
        for port in service.ports
        if port.name == asked.port_name and port.protocol in asked.protocols
    )


def _through(service: Service, every: Sequence[tuple[Endpoint, Connection]], ports: Ports) -> Iterator[Decision]:
    """What lets connections through a Service pass, for the Service's own ports."""
    for backend, found in every:
        for port in service.ports:
            own = Ports.of(port.protocol, port.number) & ports
            if not own:
                continue
            targets = service.targets(port, backend)
            says = f"{service.address} port {port.number} leads to {targets} of {backend.address}"
            yield Decision(own, ALLOWS, Cause("", ALLOWS, says))
            for each in found.allowing:
                if each.ports & targets:
                    yield Decision(own, each.effect, each.cause)
        if service.headless:
            yield from found.allowing


def _by_mesh(passage: Passage) -> Iterator[Decision]:
    for cause in passage.causes:
        if cause.effect == ALLOWS:
            yield Decision(passage.ports, ALLOWS, cause)


def _unknown(one: End, other: End) -> Iterator[str]:
    for end in (one, other):
        if end.pod is not None and end.pod.unknown:
            yield f"the labels of {end.name} are not known: {end.pod.unknown}"
