"""Policies of all tiers in one form: subjects, and per direction an ordered list of rules with an action."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, TypeVar

from msgspec import Struct

from conformant.model import Path, Resource, Undecided, Unknown, dig, mapping, sequence
from conformant.platform import Platform
from conformant.reach.blocks import Block, network
from conformant.reach.ports import ALL, EVERY, HIGHEST, NONE, Ports
from conformant.views.network import EGRESS, INGRESS, AdminPolicy, NetworkPolicy

ALLOW, DENY, PASS = "allow", "deny", "pass"
ADMIN, NAMESPACED, BASELINE = 0, 1, 2
"""The tiers, in their order."""

DIRECTIONS = (INGRESS, EGRESS)
_FIELD = {INGRESS: ("ingress", "from"), EGRESS: ("egress", "to")}
_ACTIONS = {"Allow": ALLOW, "Accept": ALLOW, "Deny": DENY, "Pass": PASS}


class Pods(Struct, frozen=True):
    """Pods by labels. `namespace` fixes one; else `namespaces` is a LabelSelector, None for all of them.
    `pods` None stands for all pods."""

    namespace: str | None = None
    namespaces: Any = None
    pods: Any = None


class Outside(Struct, frozen=True):
    """Addresses, by the number of their block."""

    block: int


class Nodes(Struct, frozen=True):
    """The cluster's nodes; which of them is not known unless the selector is empty."""

    every: bool


class Unsure(Struct, frozen=True):
    """A peer that cannot be read here: it may be anybody."""

    reason: str


class Everybody(Struct, frozen=True):
    """No restriction."""


Peer = Pods | Outside | Nodes | Unsure | Everybody


class Rule(Struct, frozen=True, eq=False):
    """One rule. `named` are its named ports, to be resolved at each destination; `doubt` says what of it is
    not known: such a rule may or may not do what it says, for any port."""

    policy: "Policy"
    path: Path
    action: str
    peers: tuple[Peer, ...]
    ports: Ports
    named: tuple[tuple[str, str], ...] = ()
    doubt: str = ""

    @property
    def address(self) -> str:
        return self.policy.address


class Policy:
    """One policy object. `subject` are the pods that it speaks of; `rules` by direction, which are the
    directions that it isolates (namespaced tier) or decides."""

    __slots__ = ("address", "doubt", "priority", "resource", "rules", "subject", "tier")

    def __init__(self, resource: Resource, tier: int, priority: float, subject: Peer) -> None:
        self.resource = resource
        self.address = resource.address
        self.tier = tier
        self.priority = priority
        self.subject = subject
        self.rules: dict[str, tuple[Rule, ...]] = {}
        self.doubt = subject.reason if isinstance(subject, Unsure) else ""

    @property
    def peers(self) -> "Iterator[Peer]":
        return (peer for rules in self.rules.values() for rule in rules for peer in rule.peers)

    def __repr__(self) -> str:
        return f"<Policy {self.address}>"


class Policies:
    """All policies of a platform, and the address blocks that they name. Use with `Platform.derived`."""

    def __init__(self, platform: Platform) -> None:
        self.blocks: list[Block] = []
        self._numbers: dict[Block, int] = {}
        self.all: list[Policy] = [self._namespaced(_rendered(policy)) for policy in platform.of(NetworkPolicy)]
        self.all += [self._administrative(_rendered(policy)) for policy in platform.of(AdminPolicy)]
        self.all.sort(key=lambda policy: (policy.tier, policy.priority))

    @cached_property
    def _pods(self) -> list[Pods]:
        """All selections of pods, subjects and peers."""
        peers = (peer for policy in self.all for peer in (policy.subject, *policy.peers))
        return [peer for peer in peers if isinstance(peer, Pods)]

    @cached_property
    def keys(self) -> frozenset[Any]:
        """The pod label keys that decide something."""
        return frozenset(key for each in self._pods for key in selector_keys(each.pods))

    @cached_property
    def namespace_keys(self) -> frozenset[Any]:
        """The namespace label keys that decide something."""
        return frozenset(key for each in self._pods for key in selector_keys(each.namespaces))

    @cached_property
    def port_names(self) -> frozenset[str]:
        """The named ports that rules speak of."""
        rules = (rule for policy in self.all for some in policy.rules.values() for rule in some)
        return frozenset(name for rule in rules for _, name in rule.named)

    # NetworkPolicy

    def _namespaced(self, view: NetworkPolicy) -> Policy:
        subject: Peer
        try:
            subject = Pods(str(view.namespace), pods=view.pod_selector)
        except Undecided as undecided:
            known = view.namespace.__class__ is str
            subject = Pods(view.namespace, pods=UNKNOWN_SELECTOR) if known else Unsure(undecided.reason)
        policy = Policy(view.resource, NAMESPACED, 0, subject)
        try:
            directions = view.directions
        except Undecided as undecided:
            directions, policy.doubt = DIRECTIONS, undecided.reason
        for direction in directions:
            policy.rules[direction] = tuple(self._rules(policy, view, direction))
        return policy

    def _rules(self, policy: Policy, view: NetworkPolicy, direction: str) -> Iterator[Rule]:
        field, peers = _FIELD[direction]
        try:
            declared = view.list("spec", field)
        except Undecided as undecided:
            yield _doubtful(policy, Path(("spec", field)), undecided)
            return
        for index, raw in enumerate(declared):
            path = Path(("spec", field, index))
            try:
                rule = mapping(raw)
                ports, named = _ports(rule)
                yield Rule(policy, path, ALLOW, self._peers(rule, peers, view.namespace), ports, named)
            except Undecided as undecided:
                yield _doubtful(policy, path, undecided)

    def _peers(self, rule: dict[Any, Any], field: str, namespace: str) -> tuple[Peer, ...]:
        declared = sequence(rule, field)
        if not declared:
            return (Everybody(),)
        return tuple(peer for raw in declared for peer in self._peer(mapping(raw), namespace))

    def _peer(self, raw: dict[Any, Any], namespace: str) -> Iterator[Peer]:
        try:
            block, namespaces, pods = (dig(raw, key) for key in ("ipBlock", "namespaceSelector", "podSelector"))
            if block is not None:
                yield from self._outside(dig(block, "cidr"), sequence(block, "except"))
            elif namespaces is not None:
                yield Pods(None, namespaces, pods)
            elif pods is not None:
                yield Pods(namespace, pods=pods)
        except Undecided as undecided:
            yield Unsure(undecided.reason)

    def _outside(self, cidr: Any, excepted: list[Any]) -> Iterator[Outside]:
        """A block; nothing where the API server would not take it."""
        stated = network(cidr)
        if stated is None:
            return
        block = Block(stated, tuple(each for each in map(network, excepted) if each is not None))
        if block not in self._numbers:
            self._numbers[block] = len(self.blocks)
            self.blocks.append(block)
        yield Outside(self._numbers[block])

    # administrators' policies

    def _administrative(self, view: AdminPolicy) -> Policy:
        tier, priority, doubt = ADMIN, 0.0, ""
        try:
            tier = BASELINE if view.baseline else ADMIN
            stated = view.get("spec", "priority")
            priority = float(stated) if isinstance(stated, int) else 0.0
        except Undecided as undecided:
            doubt = undecided.reason
        policy = Policy(view.resource, tier, priority, self._subject(view))
        policy.doubt = policy.doubt or doubt
        for direction, (field, peers) in _FIELD.items():
            policy.rules[direction] = tuple(self._admin_rules(policy, view, field, peers, doubt))
        return policy

    def _subject(self, view: AdminPolicy) -> Peer:
        try:
            found = list(self._named(view.map("spec", "subject")))
        except Undecided as undecided:
            return Unsure(undecided.reason)
        return found[0] if found else Pods("", pods=NOTHING)

    def _named(self, raw: dict[Any, Any]) -> Iterator[Peer]:
        """Pods by ``namespaces`` or ``pods``, in the form of today and in that of the first versions."""
        if "namespaces" in raw:
            yield self._namespaces(dig(raw, "namespaces"), {})
        elif "pods" in raw:
            pods = mapping(raw, "pods")
            if "namespaces" in pods:
                yield self._namespaces(dig(pods, "namespaces"), dig(pods, "podSelector"))
            else:
                yield Pods(None, dig(pods, "namespaceSelector"), dig(pods, "podSelector"))

    def _namespaces(self, raw: Any, pods: Any) -> Peer:
        stated = mapping(raw)
        if "sameLabels" in stated or "notSameLabels" in stated:
            return Unsure("peers by sameLabels are not read")
        return Pods(None, dig(stated, "namespaceSelector") if "namespaceSelector" in stated else stated, pods)

    def _admin_rules(self, policy: Policy, view: AdminPolicy, field: str, peers: str, doubt: str) -> Iterator[Rule]:
        try:
            declared = view.list("spec", field)
        except Undecided as undecided:
            yield _doubtful(policy, Path(("spec", field)), undecided)
            return
        for index, raw in enumerate(declared):
            path = Path(("spec", field, index))
            try:
                rule = mapping(raw)
                action = _ACTIONS.get(str(dig(rule, "action")))
                if action is None:
                    continue
                named = tuple(peer for each in sequence(rule, peers) for peer in self._admin_peer(mapping(each)))
                numbers, names = _admin_ports(rule)
                yield Rule(policy, path, action, named, numbers, names, doubt)
            except Undecided as undecided:
                yield _doubtful(policy, path, undecided)

    def _admin_peer(self, raw: dict[Any, Any]) -> Iterator[Peer]:
        try:
            if "networks" in raw:
                for cidr in sequence(raw, "networks"):
                    yield from self._outside(cidr, [])
            elif "nodes" in raw:
                selector = mapping(raw, "nodes")
                yield Nodes(not selector.get("matchLabels") and not selector.get("matchExpressions"))
            elif "domainNames" in raw:
                yield Unsure("which addresses a domain name has is not known")
            else:
                yield from self._named(raw)
        except Undecided as undecided:
            yield Unsure(undecided.reason)


NOTHING: dict[Any, Any] = {"matchExpressions": [{"operator": "Nothing"}]}
"""A selector that selects nothing."""

UNKNOWN_SELECTOR = "unknown"
"""Stands for a selector that is not known."""


Viewed = TypeVar("Viewed", NetworkPolicy, AdminPolicy)


def _rendered(view: Viewed) -> Viewed:
    """The policy with every template in it for what it is: something not known."""
    excerpt = view.resource.meta
    if excerpt is not None and hasattr(excerpt, "holds") and not excerpt.holds(("{{",)):
        return view
    raw = without_templates(view.raw)
    if raw is view.raw:
        return view
    other = type(view)(view.resource)
    other.raw = raw
    return other


def without_templates(value: Any) -> Any:
    """`value` itself, or a copy in which texts such as ``{{ .App }}`` are Unknown."""
    if value.__class__ is str:
        return Unknown(f"{value} was not rendered") if "{{" in value else value
    if value.__class__ is dict:
        found = {key: without_templates(each) for key, each in value.items()}
        return found if any(found[key] is not each for key, each in value.items()) else value
    if value.__class__ is list:
        items = [without_templates(each) for each in value]
        return items if any(one is not other for one, other in zip(items, value, strict=True)) else value
    return value


def _doubtful(policy: Policy, path: Path, undecided: Undecided) -> Rule:
    return Rule(policy, path, ALLOW, (Everybody(),), ALL, doubt=undecided.reason)


def _ports(rule: dict[Any, Any]) -> tuple[Ports, tuple[tuple[str, str], ...]]:
    """The numeric ports of a NetworkPolicy rule, and the named ones as (protocol, name)."""
    declared = sequence(rule, "ports")
    if not declared:
        return ALL, ()
    numbers: list[Ports] = []
    named: list[tuple[str, str]] = []
    for entry in declared:
        protocol, port, end = str(dig(entry, "protocol") or "TCP"), dig(entry, "port"), dig(entry, "endPort")
        if port is None:
            numbers.append(EVERY.get(protocol, NONE))
        elif isinstance(port, str):
            named.append((protocol, port))
        elif isinstance(port, int) and not isinstance(port, bool):
            numbers.append(Ports.of(protocol, port, end if isinstance(end, int) else None))
    return Ports.union(numbers), tuple(named)


def _admin_ports(rule: dict[Any, Any]) -> tuple[Ports, tuple[tuple[str, str], ...]]:
    """The same of an administrator's rule: ``protocols``, or ``ports`` as the older kinds have them."""
    protocols, ports = sequence(rule, "protocols"), sequence(rule, "ports")
    if not protocols and not ports:
        return ALL, ()
    numbers: list[Ports] = []
    named: list[tuple[str, str]] = []
    for entry in protocols:
        name = dig(entry, "destinationNamedPort")
        if isinstance(name, str):
            named += [(protocol, name) for protocol in EVERY]
        for key, protocol in (("tcp", "TCP"), ("udp", "UDP"), ("sctp", "SCTP")):
            if key in mapping(entry):
                numbers.append(_destination(protocol, mapping(entry, key, "destinationPort")))
    for entry in ports:
        single, span, name = (dig(entry, key) for key in ("portNumber", "portRange", "namedPort"))
        if isinstance(name, str):
            named += [(protocol, name) for protocol in EVERY]
        if single is not None:
            numbers.append(_span(dig(single, "protocol"), dig(single, "port"), None))
        if span is not None:
            numbers.append(_span(dig(span, "protocol"), dig(span, "start"), dig(span, "end")))
    return Ports.union(numbers), tuple(named)


def _destination(protocol: str, port: dict[Any, Any]) -> Ports:
    if not port:
        return EVERY[protocol]
    number = dig(port, "number")
    if number is not None:
        return _span(protocol, number, None)
    return _span(protocol, dig(port, "range", "start"), dig(port, "range", "end"))


def _span(protocol: Any, first: Any, last: Any) -> Ports:
    if not isinstance(first, int):
        return NONE
    return Ports.of(str(protocol or "TCP"), first, min(last, HIGHEST) if isinstance(last, int) else None)


def selector_keys(selector: Any) -> set[Any]:
    """The label keys that a selector asks for."""
    if not isinstance(selector, dict):
        return set()
    try:
        stated = [dig(term, "key") for term in sequence(selector, "matchExpressions")]
        return {key for key in stated if isinstance(key, str)} | set(mapping(selector, "matchLabels"))
    except Undecided:
        return set()
