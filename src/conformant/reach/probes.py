"""The probe plan: the fewest connections to try on the running cluster that tell whether policies are enforced.

Each kind of decision (the same rules on both sides) is tried once, on a port that something listens on where there
is one. A denial proves something only beside two successes: the same source reaches something, and the same
destination is reached by somebody. Both are named with it, and added to the plan where it lacks them.
"""

from collections.abc import Iterator

from msgspec import Struct

from conformant.reach.classes import numbers
from conformant.reach.engine import Reachability
from conformant.reach.ports import ALL, PROTOCOLS, TCP, Ports
from conformant.views.network import EGRESS, INGRESS


class Probe(Struct, frozen=True, omit_defaults=True):
    """One connection to try. `controls` are the ids of the probes that must succeed for a denial to count;
    `unproven` says why there is none."""

    id: int
    source: str
    destination: str
    protocol: str
    port: int
    expected: str
    controls: tuple[int, ...] = ()
    unproven: str = ""


ALLOWED, DENIED = "allowed", "denied"


class _Plan:
    def __init__(self, reach: Reachability) -> None:
        self.reach = reach
        self.classes = reach.classes
        self.number = len(self.classes.members)
        self.probes: dict[tuple[int, int, str, int], str] = {}
        self._opens_from: dict[int, tuple[int, int, str, int] | None] = {}
        self._opens_to: dict[int, tuple[int, int, str, int] | None] = {}

    def kinds(self) -> Iterator[tuple[int, int]]:
        """One (source, destination) for each kind of decision between pods."""
        seen: set[tuple[int, int]] = set()
        hosts = self.classes.hosts
        ingress = [(side, part) for side in self.reach.sides(INGRESS) for part in side.parts]
        for sender in self.reach.sides(EGRESS):
            for going in sender.parts:
                for receiver, coming in ingress:
                    sources = sender.members & coming.others & self.classes.pods & ~hosts
                    destinations = receiver.members & going.others & self.classes.pods & ~hosts
                    if not sources or not destinations:
                        continue
                    key = id(going), id(coming)
                    pair = self._pair(sources, destinations) if key not in seen else None
                    if pair is not None:
                        seen.add(key)
                        yield pair

    def _pair(self, sources: int, destinations: int) -> tuple[int, int] | None:
        """Two classes, different ones if possible; None where it could only be a pod and itself."""
        for one in numbers(sources):
            for other in numbers(destinations):
                if one != other:
                    return one, other
        alone = (one for one in numbers(sources & destinations) if not self._lonely(one))
        found = next(alone, None)
        return None if found is None else (found, found)

    def _lonely(self, number: int) -> bool:
        members = self.classes.members[number]
        return len(members) == 1 and members[0].single

    def names(self, source: int, destination: int) -> tuple[str, str]:
        """Two ends of these classes, different ones if there are two."""
        others = self.classes.members[destination]
        other = others[1] if source == destination and len(others) > 1 else others[0]
        return self.classes.name(source), other.address

    def ports(self, source: int, destination: int) -> Iterator[tuple[str, int, str]]:
        """(protocol, port, expected): for each protocol one port that passes and one that does not."""
        passing = self.reach.ports(source, destination)
        egress, ingress = self.reach.between(source, destination)
        closed = ALL - (egress.possible & ingress.possible)
        listening = self._listening(destination)
        for expected, ports in ((ALLOWED, passing), (DENIED, closed)):
            for protocol in PROTOCOLS:
                chosen = _one(ports, listening, protocol)
                if chosen is not None and (protocol == TCP or _one(listening, listening, protocol) is not None):
                    yield protocol, chosen, expected

    def _listening(self, number: int) -> Ports:
        declared = self.classes.first[number].ports or ()
        return Ports.union(Ports.of(protocol, port) for _, protocol, port in declared if protocol in PROTOCOLS)

    def opening(self, number: int, *, sending: bool) -> tuple[int, int, str, int] | None:
        """A connection that succeeds from a class (or to it), preferably one that is in the plan."""
        known = self._opens_from if sending else self._opens_to
        if number not in known:
            known[number] = next(
                (key for key, expected in self.probes.items()
                 if expected == ALLOWED and key[0 if sending else 1] == number), None,
            ) or self._found(number, sending)  # fmt: skip
        return known[number]

    def _found(self, number: int, sending: bool) -> tuple[int, int, str, int] | None:
        for other in range(self.number):
            source, destination = (number, other) if sending else (other, number)
            if source == destination and self._lonely(source):
                continue
            listening = self._listening(destination)
            ports = self.reach.ports(source, destination) & listening
            chosen = _one(ports, listening, TCP) if ports else None
            if chosen is not None:
                return source, destination, TCP, chosen
        return None


def _one(ports: Ports, preferred: Ports, protocol: str) -> int | None:
    """A port of the set, one that something listens on if there is any."""
    for candidates in (ports & preferred, ports):
        ranges = candidates.ranges(protocol)
        if ranges:
            return ranges[0][0]
    return None


def plan(reach: Reachability) -> list[Probe]:
    """The plan for the pods of a platform."""
    made = _Plan(reach)
    for source, destination in made.kinds():
        for protocol, port, expected in made.ports(source, destination):
            made.probes.setdefault((source, destination, protocol, port), expected)
    controls = {
        key: (made.opening(key[0], sending=True), made.opening(key[1], sending=False))
        for key, expected in list(made.probes.items())
        if expected == DENIED
    }
    for pair in controls.values():
        for key in pair:
            if key is not None:
                made.probes.setdefault(key, ALLOWED)
    ids = {key: number for number, key in enumerate(made.probes, 1)}
    return [_probe(made, key, expected, ids, controls.get(key, (None, None))) for key, expected in made.probes.items()]


def _probe(
    made: _Plan, key: tuple[int, int, str, int], expected: str, ids: dict[tuple[int, int, str, int], int],
    controls: tuple[tuple[int, int, str, int] | None, ...],
) -> Probe:  # fmt: skip
    source, destination, protocol, port = key
    found = tuple(dict.fromkeys(ids[each] for each in controls if each is not None))
    missing = []
    if expected == DENIED and controls[0] is None:
        missing.append("the source reaches nothing that listens")
    if expected == DENIED and controls[1] is None:
        missing.append("nobody reaches a port that the destination listens on")
    one, other = made.names(source, destination)
    return Probe(ids[key], one, other, protocol, port, expected, found, "; ".join(missing))
