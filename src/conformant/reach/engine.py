"""Who reaches whom: the ports that policies of all tiers let through, for classes of pods and all ports at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from msgspec import Struct

from conformant.platform import Platform
from conformant.reach.blocks import Network
from conformant.reach.classes import Classes, numbers
from conformant.reach.endpoints import Endpoint, endpoints
from conformant.reach.policies import ADMIN, ALLOW, BASELINE, NAMESPACED, PASS, Policies, Policy, Rule
from conformant.reach.ports import ALL, NONE, Ports
from conformant.views.network import EGRESS, INGRESS


class Piece(Struct, frozen=True, eq=False):
    """A rule with its ports resolved, and the classes that it names surely and possibly. `sure` says whether
    its policy surely selects the subject and the rule is known; `possible` are the ports it may mean."""

    rule: Rule
    surely: int
    possibly: int
    ports: Ports
    possible: Ports
    sure: bool


Matched = tuple[tuple[Piece, bool], ...]
"""The pieces that name a class, each with whether it surely does."""


class Part(Struct, frozen=True, eq=False):
    """The other ends that one side treats alike: `ports` pass surely, `possible` ones pass or may."""

    others: int
    matched: Matched
    ports: Ports
    possible: Ports


class Side(Struct, eq=False):
    """The classes under the same policies in one direction, and what these do with each other end."""

    direction: str
    selecting: tuple[tuple[Policy, bool], ...]
    parts: list[Part]
    members: int = 0

    @property
    def isolated(self) -> bool:
        """Whether a NetworkPolicy surely selects them."""
        return any(sure for policy, sure in self.selecting if policy.tier == NAMESPACED)

    def part(self, other: int) -> Part:
        """The part that holds a class."""
        bit = 1 << other
        return next(part for part in self.parts if part.others & bit)


class Rectangle(Struct, frozen=True, eq=False):
    """Sources that reach destinations on the same ports, for the same causes."""

    sources: int
    destinations: int
    ports: Ports
    possible: Ports
    egress: Part
    ingress: Part


class Reachability:
    """Answers of the policies of one platform."""

    def __init__(
        self,
        ends: Sequence[Endpoint],
        namespaces: Mapping[str, Mapping[Any, Any] | None],
        policies: Policies,
        extra: Iterable[Network] = (),
        marks: Mapping[str, Any] | None = None,
    ) -> None:
        """`extra` networks are told apart although no policy names them; `marks` see `Classes`."""
        self.classes = Classes(ends, namespaces, policies, extra, marks)
        self.policies = policies
        self.endpoints = ends
        self.by_address: dict[str, Endpoint] = {one.address: one for one in ends}
        self._sides = {direction: self._build(direction) for direction in (INGRESS, EGRESS)}
        self._of: dict[str, dict[int, Side]] = {
            direction: {number: side for side in sides for number in numbers(side.members)}
            for direction, sides in self._sides.items()
        }

    @classmethod
    def of(cls, platform: Platform, extra: Iterable[Network] = (), more: Sequence[Endpoint] = ()) -> "Reachability":
        """The reachability of a platform; `more` are endpoints that it does not declare."""
        policies = platform.derived(Policies)
        ends = [*endpoints(platform, policies.keys), *more]
        names = {one.namespace for one in ends} | set(platform.namespaces)
        labels = {name: platform.namespace_labels(name) for name in names}
        return cls(ends, labels, policies, extra)

    @cached_property
    def by_namespace(self) -> dict[str, list[Endpoint]]:
        """The endpoints of each namespace."""
        found: dict[str, list[Endpoint]] = {}
        for one in self.endpoints:
            found.setdefault(one.namespace, []).append(one)
        return found

    @cached_property
    def by_network(self) -> dict[str, int]:
        """The classes of outside networks, by their text."""
        first = len(self.classes.members)
        ranges = enumerate(self.classes.outside)
        return {address: first + number for number, each in ranges for address in each.addresses}

    # building

    def _build(self, direction: str) -> list[Side]:
        """The classes, grouped by the policies that select them, each group with its parts."""
        selecting: dict[int, list[tuple[Policy, bool]]] = {}
        for policy in self.policies.all:
            if direction not in policy.rules:
                continue
            surely, possibly = self.classes.matching(policy.subject)
            if policy.doubt:
                surely = 0
            for number in numbers(possibly & self.classes.selectable):
                selecting.setdefault(number, []).append((policy, bool(surely >> number & 1)))
        sides: dict[Any, Side] = {}
        pieces = _Pieces(self.classes, direction)
        for number in numbers(self.classes.every):
            own = tuple(selecting.get(number, ()))
            named = direction == INGRESS and any(rule.named for policy, _ in own for rule in policy.rules[direction])
            key = own, number if named else None
            side = sides.get(key)
            if side is None:
                side = sides[key] = Side(direction, own, _parts(pieces, own, direction, number, self.classes.every))
            side.members |= 1 << number
        return list(sides.values())

    # answers

    def sides(self, direction: str) -> list[Side]:
        """All groups of classes in one direction."""
        return self._sides[direction]

    def side(self, direction: str, number: int) -> Side:
        """What policies make of one direction of a class."""
        return self._of[direction][number]

    def between(self, source: int, destination: int) -> tuple[Part, Part]:
        """(egress of the source, ingress of the destination) for two classes."""
        return (
            self._of[EGRESS][source].part(destination),
            self._of[INGRESS][destination].part(source),
        )

    def ports(self, source: int, destination: int) -> Ports:
        """The ports on which pods of one class surely reach others of another (or the same) class."""
        egress, ingress = self.between(source, destination)
        return egress.ports & ingress.ports

    def allows(self, source: str, destination: str, protocol: str, port: int) -> bool:
        """Whether policies let one endpoint connect to another one's port; a pod always reaches itself."""
        one, other = self.by_address[source], self.by_address[destination]
        if one is other and one.single:
            return True
        return self.ports(self.classes.of[source], self.classes.of[destination]).has(protocol, port)

    def matrix(self) -> Iterator[Rectangle]:
        """Everything that passes or may pass, as rectangles of classes; what is in none is denied."""
        outside = self.classes.outsiders
        receivers = [(side.members, [part for part in side.parts if part.possible]) for side in self._sides[INGRESS]]
        for sender in self._sides[EGRESS]:
            sources = sender.members
            for egress in sender.parts:
                if not egress.possible:
                    continue
                reached, ports, possible = egress.others, egress.ports, egress.possible
                for members, parts in receivers:
                    destinations = members & reached
                    if not destinations:
                        continue
                    for ingress in parts:
                        senders = ingress.others & sources
                        if not senders:
                            continue
                        most = possible & ingress.possible
                        if most.spans and not (senders & ~outside == 0 and destinations & ~outside == 0):
                            yield Rectangle(senders, destinations, ports & ingress.ports, most, egress, ingress)


class _Pieces:
    """The pieces of rules, made once for each."""

    def __init__(self, classes: Classes, direction: str) -> None:
        self._classes = classes
        self._direction = direction
        self._peers: dict[int, tuple[int, int]] = {}
        self._known: dict[tuple[int, bool], list[Piece]] = {}

    def of(self, rule: Rule, sure: bool, number: int) -> list[Piece]:
        """The pieces of a rule for subjects of a class; several where named ports differ by destination."""
        if rule.named and self._direction == INGRESS:
            return [self._piece(rule, sure, number, *self._match(rule))]
        key = id(rule), sure
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = list(self._split(rule, sure))
        return found

    def _split(self, rule: Rule, sure: bool) -> Iterator[Piece]:
        surely, possibly = self._match(rule)
        if not rule.named:
            yield Piece(rule, surely, possibly, rule.ports, rule.ports, sure and not rule.doubt)
            return
        alike: dict[Any, int] = {}
        for number in numbers(possibly):
            resolved = self._classes.resolved(number, rule.named)
            alike[resolved] = alike.get(resolved, 0) | 1 << number
        for bits in alike.values():
            first = next(numbers(bits))
            yield self._piece(rule, sure, first, surely & bits, possibly & bits)

    def _piece(self, rule: Rule, sure: bool, number: int, surely: int, possibly: int) -> Piece:
        named, known = self._classes.resolved(number, rule.named)
        ports = rule.ports | named
        return Piece(rule, surely, possibly, ports, ports if known else ALL, sure and not rule.doubt)

    def _match(self, rule: Rule) -> tuple[int, int]:
        found = self._peers.get(id(rule))
        if found is None:
            surely = possibly = 0
            for peer in rule.peers:
                match = self._classes.matching(peer)
                surely |= match[0]
                possibly |= match[1]
            found = self._peers[id(rule)] = surely, possibly
        return found


def _parts(
    pieces: _Pieces, selecting: tuple[tuple[Policy, bool], ...], direction: str, number: int, every: int
) -> list[Part]:
    """All other ends, split by the pieces that name them, and what passes for each."""
    split: dict[Matched, int] = {(): every}
    for policy, sure in selecting:
        for rule in policy.rules[direction]:
            for piece in pieces.of(rule, sure, number):
                if piece.possibly:
                    split = _refined(split, piece)
    isolated = [sure for policy, sure in selecting if policy.tier == NAMESPACED]
    found: list[Part] = []
    for matched, others in split.items():
        ports = _least(matched, bool(isolated))
        exact = all(sure and piece.sure and piece.ports is piece.possible for piece, sure in matched)
        known = exact and all(isolated) and all(sure for _, sure in selecting)
        found.append(Part(others, matched, ports, ports if known else _most(matched, any(isolated), bool(isolated))))
    return found


def _refined(split: dict[Matched, int], piece: Piece) -> dict[Matched, int]:
    found: dict[Matched, int] = {}
    surely, maybe = piece.surely, piece.possibly & ~piece.surely
    for matched, others in split.items():
        if hit := others & surely:
            found[(*matched, (piece, True))] = hit
        if maybe and (hit := others & maybe):
            found[(*matched, (piece, False))] = hit
        if rest := others & ~piece.possibly:
            found[matched] = rest
    return found


def _least(matched: Matched, isolated: bool) -> Ports:
    """What surely passes: doubtful allow rules do not count, doubtful others do."""
    allowed, left = _tier(matched, ADMIN, ALL, least=True)
    if isolated:
        rules = Ports.union(
            piece.ports for piece, sure in matched if piece.rule.policy.tier == NAMESPACED and sure and piece.sure
        )
        return allowed | (left & rules)
    further, rest = _tier(matched, BASELINE, left, least=True)
    return allowed | further | rest


def _most(matched: Matched, surely: bool, possibly: bool) -> Ports:
    """What may pass."""
    allowed, left = _tier(matched, ADMIN, ALL, least=False)
    if possibly:
        rules = Ports.union(piece.possible for piece, _ in matched if piece.rule.policy.tier == NAMESPACED)
        allowed |= left & rules
    if surely:
        return allowed
    further, rest = _tier(matched, BASELINE, left, least=False)
    return allowed | further | rest


def _tier(matched: Matched, tier: int, ports: Ports, *, least: bool) -> tuple[Ports, Ports]:
    """(allowed, left to the next tier) of an ordered tier: the first rule that names a port decides."""
    allowed, passed, open_ports = NONE, NONE, ports
    for piece, certain in matched:
        rule = piece.rule
        if rule.policy.tier != tier:
            continue
        sure = certain and piece.sure and piece.ports is piece.possible
        hit = open_ports & piece.possible
        if not hit:
            continue
        if rule.action == ALLOW and (sure or not least):
            allowed |= hit
        elif rule.action == PASS and (sure or not least):
            passed |= hit
        if sure or (least and (rule.action != ALLOW or bool(rule.doubt))):
            open_ports -= hit
    return allowed, open_ports | passed
