"""Pods that no policy tells apart, as one class; sets of classes are the bits of an integer.

What is not known (a label's value, a selector) makes two sets of one: those that match surely, and those that may.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from conformant.model import Undecided, Unknown, dig, mapping, sequence
from conformant.reach.blocks import Block, Network, Range, ranges
from conformant.reach.endpoints import Endpoint
from conformant.reach.policies import Everybody, Nodes, Outside, Peer, Pods, Policies
from conformant.reach.ports import NONE, Ports

Match = tuple[int, int]
"""(surely, possibly), the second holding the first."""

NOBODY: Match = (0, 0)


def numbers(bits: int) -> Iterator[int]:
    """The classes in a set."""
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low


def both(one: Match, other: Match) -> Match:
    return one[0] & other[0], one[1] & other[1]


class Labelled:
    """Things with labels, numbered, and which of them a LabelSelector admits."""

    def __init__(self, labels: Sequence[Mapping[Any, Any] | None]) -> None:
        """None stands for labels that are not known."""
        self.all = (1 << len(labels)) - 1
        self._wild = 0
        self._pairs: dict[tuple[Any, Any], int] = {}
        self._keys: dict[Any, int] = {}
        self._unknown: dict[Any, int] = {}
        self._cache: dict[str, Match] = {}
        for number, own in enumerate(labels):
            bit = 1 << number
            if own is None:
                self._wild |= bit
                continue
            for key, value in own.items():
                self._keys[key] = self._keys.get(key, 0) | bit
                if value.__class__ is Unknown:
                    self._unknown[key] = self._unknown.get(key, 0) | bit
                elif value.__hash__ is not None:
                    self._pairs[key, value] = self._pairs.get((key, value), 0) | bit

    def admitted(self, selector: Any) -> Match:
        """What a selector admits; None admits everything here."""
        if selector is None:
            return self.all, self.all
        name = repr(selector)
        found = self._cache.get(name)
        if found is None:
            found = self._cache[name] = self._select(selector)
        return found

    def _select(self, selector: Any) -> Match:
        if selector.__class__ is not dict:
            return 0, self.all
        found: Match = (self.all, self.all)
        try:
            for key, value in mapping(selector, "matchLabels").items():
                found = both(found, self._having(key, (value,)))
            for term in sequence(selector, "matchExpressions"):
                found = both(found, self._term(mapping(term)))
        except Undecided:
            return 0, self.all
        return found

    def _having(self, key: Any, values: Iterable[Any]) -> Match:
        surely = 0
        for value in values:
            if value.__class__ is Unknown:
                raise Undecided(value.reason)
            if value.__hash__ is not None:
                surely |= self._pairs.get((key, value), 0)
        return surely, surely | self._unknown.get(key, 0) | self._wild

    def _term(self, term: dict[Any, Any]) -> Match:
        key = dig(term, "key")
        if not isinstance(key, str):
            return NOBODY
        match dig(term, "operator"):
            case "In":
                return self._having(key, sequence(term, "values"))
            case "NotIn":
                surely, possibly = self._having(key, sequence(term, "values"))
                return self.all & ~possibly, self.all & ~surely
            case "Exists":
                present = self._keys.get(key, 0)
                return present, present | self._wild
            case "DoesNotExist":
                absent = self.all & ~self._keys.get(key, 0)
                return absent & ~self._wild, absent
        return NOBODY


class Classes:
    """The classes of a platform's pods, followed by those of outside addresses."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        namespaces: Mapping[str, Mapping[Any, Any] | None],
        policies: Policies,
        extra: Iterable[Network] = (),
        marks: Mapping[str, Any] | None = None,
    ) -> None:
        """`namespaces` are the labels of each; `extra` networks become classes of their own; `marks`, by
        address, keep endpoints apart that differ in something else."""
        self.endpoints = endpoints
        self.policies = policies
        self.outside: list[Range] = ranges(policies.blocks, extra)
        self._whole = sum(1 << number for number, block in enumerate(policies.blocks) if block.whole)
        self._names = sorted({each.namespace for each in endpoints} | set(namespaces))
        self._tokens = self._namespace_tokens(namespaces)
        self.members: list[list[Endpoint]] = []
        self.of: dict[str, int] = {}
        self._group(marks or {})
        self.first = [members[0] for members in self.members]
        self.pods = (1 << len(self.members)) - 1
        self.every = (1 << (len(self.members) + len(self.outside))) - 1
        self.outsiders = self.every & ~self.pods
        self.hosts = sum(1 << number for number, one in enumerate(self.first) if one.host_network)
        self.selectable = self.pods & ~self.hosts
        keys = policies.keys
        self._labelled = Labelled([
            None if one.labels is None else {key: value for key, value in one.labels.items() if key in keys}
            for one in self.first
        ])  # fmt: skip
        self._namespaces = Labelled([namespaces.get(name, {}) for name in self._names])
        self._within: dict[str, int] = {}
        for number, members in enumerate(self.members):
            for namespace in {one.namespace for one in members}:
                self._within[namespace] = self._within.get(namespace, 0) | 1 << number
        self._spread: dict[int, int] = {}
        self._blocks: dict[int, int] = {}
        self._resolved: dict[tuple[int, tuple[tuple[str, str], ...]], tuple[Ports, bool]] = {}

    def _namespace_tokens(self, namespaces: Mapping[str, Mapping[Any, Any] | None]) -> dict[str, Any]:
        """What tells namespaces apart: their names where policies stand in them, else the labels that count."""
        keys = self.policies.namespace_keys
        fixed = {
            peer.namespace for policy in self.policies.all for peer in (policy.subject, *policy.peers)
            if isinstance(peer, Pods)
        }  # fmt: skip
        tokens: dict[str, Any] = {}
        for name in self._names:
            labels = namespaces.get(name, {})
            if name in fixed or labels is None:
                tokens[name] = name
            else:
                tokens[name] = _token(labels, keys)
        return tokens

    def _group(self, marks: Mapping[str, Any]) -> None:
        keys, names = self.policies.keys, self.policies.port_names
        known: dict[Any, int] = {}
        for one in self.endpoints:
            token = (
                self._tokens[one.namespace], None if one.labels is None else _token(one.labels, keys),
                _ports_token(one, names) if names else None, one.host_network, self.held(one), marks.get(one.address),
            )  # fmt: skip
            number = known.setdefault(token, len(known))
            if number == len(self.members):
                self.members.append([])
            self.members[number].append(one)
            self.of[one.address] = number

    def held(self, one: Endpoint) -> int:
        """The blocks that hold a pod. Where its address is not known, only whole address families do:
        a narrower block stands for what is outside the cluster."""
        if not one.addresses:
            return self._whole
        return sum(
            1 << number
            for number, block in enumerate(self.policies.blocks)
            if any(block.holds(address) for address in one.addresses)
        )

    def range(self, number: int) -> Range:
        """The outside range of a class."""
        return self.outside[number - len(self.members)]

    def is_outside(self, number: int) -> bool:
        return number >= len(self.members)

    def name(self, number: int) -> str:
        """A class in words."""
        if self.is_outside(number):
            addresses = self.range(number).addresses
            return addresses[0] if len(addresses) == 1 else f"{addresses[0]} and {len(addresses) - 1} more"
        return self.first[number].address

    # peers

    def matching(self, peer: Peer) -> Match:
        """The classes that a peer or a subject names."""
        if isinstance(peer, Everybody):
            return self.every, self.every
        if isinstance(peer, Outside):
            held = self._holding(peer.block)
            return held, held
        if isinstance(peer, Pods):
            return self._pods(peer)
        if isinstance(peer, Nodes):
            return self.hosts if peer.every else 0, self.hosts
        return 0, self.every

    def _pods(self, peer: Pods) -> Match:
        if peer.namespace is not None:
            within = self._within.get(peer.namespace, 0)
            scope: Match = (within, within)
        else:
            surely, possibly = self._namespaces.admitted(peer.namespaces)
            scope = self._members(surely), self._members(possibly)
        found = both(scope, self._labelled.admitted(peer.pods))
        return found[0] & self.selectable, found[1] & self.selectable

    def _members(self, namespaces: int) -> int:
        """The pod classes of some namespaces."""
        if namespaces == self._namespaces.all:
            return self.pods
        found = self._spread.get(namespaces)
        if found is None:
            found = 0
            for number in numbers(namespaces):
                found |= self._within.get(self._names[number], 0)
            self._spread[namespaces] = found
        return found

    def _holding(self, block: int) -> int:
        found = self._blocks.get(block)
        if found is None:
            found = sum(1 << n for n, one in enumerate(self.first) if self.held(one) >> block & 1)
            base = len(self.members)
            found |= sum(1 << base + n for n, each in enumerate(self.outside) if each.inside >> block & 1)
            self._blocks[block] = found
        return found

    # named ports

    def resolved(self, number: int, named: tuple[tuple[str, str], ...]) -> tuple[Ports, bool]:
        """What named ports stand for at a class, and whether that is known."""
        if self.is_outside(number):
            return NONE, True
        found = self._resolved.get((number, named))
        if found is None:
            one = self.first[number]
            ports = Ports.union(Ports.of(kind, port) for kind, name in named for port in one.numbers(kind, name))
            found = self._resolved[number, named] = ports, one.ports is not None
        return found

    def blocks_of(self, number: int) -> list[Block]:
        """The blocks that hold a class of outside addresses."""
        inside = self.range(number).inside
        return [block for n, block in enumerate(self.policies.blocks) if inside >> n & 1]


_UNKNOWN = "\0unknown"


def _token(labels: Mapping[Any, Any], keys: frozenset[Any]) -> Any:
    """The labels with these keys, to be compared."""
    found = [item for item in labels.items() if item[0] in keys]
    for index, (key, value) in enumerate(found):
        if value.__class__ is not str:
            found[index] = key, _UNKNOWN if value.__class__ is Unknown else repr(value)
    found.sort()
    return tuple(found)


def _ports_token(one: Endpoint, names: frozenset[str]) -> Any:
    if one.ports is None:
        return _UNKNOWN
    return tuple(sorted({port for port in one.ports if port[0] in names}))
