"""The picture of a platform: who reaches whom as cards in lanes, one lane for each namespace.

What nothing tells apart becomes one card; columns follow the flow from left to right.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from conformant.reach.answers import Connection, End
from conformant.reach.ports import ALL, Ports

OUTSIDE = "outside"


class Pin(Struct, eq=False):
    """The ports on which a card is reached, and from which cards."""

    text: str
    wide: bool
    sources: "list[Card]"
    doubtful: bool = False
    y: float = 0.0


class Card(Struct, eq=False):
    """Ends that connect alike. `itself` are the ports on which they reach each other."""

    lane: str
    names: list[str]
    kind: str
    pins: list[Pin] = []
    itself: str = ""
    column: int = 0
    x: float = 0.0
    y: float = 0.0
    height: float = 0.0

    @property
    def sends(self) -> float:
        """Where lines begin."""
        return self.y + 20


class Picture(Struct):
    """Cards in lanes, with what was left out."""

    cards: list[Card]
    lanes: list[str]
    pairs: int
    connected: int


class Line(Struct, frozen=True):
    source: Card
    destination: Card
    pin: Pin


def lines(picture: Picture) -> Iterator[Line]:
    return (Line(source, card, pin) for card in picture.cards for pin in card.pins for source in pin.sources)


def picture(connections: Iterable[Connection]) -> Picture:
    """The picture of some connections. A pod's connection to itself is left out."""
    ends: dict[str, tuple[str, str]] = {}
    links: dict[tuple[str, str], tuple[Ports, bool]] = {}
    pairs = connected = 0
    for each in connections:
        source, destination = (_end(end, way) for end, way in ((each.source, "from"), (each.destination, "to")))
        ends.setdefault(source, _place(each.source))
        ends.setdefault(destination, _place(each.destination))
        pairs += 1
        if not each.possible or (source == destination and each.source.pod is not None and each.source.pod.single):
            continue
        connected += bool(each.open)
        links[source, destination] = each.possible, not each.open
    groups = _alike(ends, links)
    cards = _cards(groups, ends, links)
    _columns(cards)
    return Picture(cards, _lanes(cards), pairs, connected)


def _end(end: End, way: str) -> str:
    """Outside blocks are two ends: where connections come from, and where they go to."""
    return end.name if end.pod is not None or end.service is not None else f"{way} {end.name}"


def _place(end: End) -> tuple[str, str]:
    """(lane, kind) of an end."""
    if end.pod is not None:
        return end.pod.namespace, end.pod.kind
    if end.service is not None:
        return end.service.resource.namespace, "Service"
    return OUTSIDE, "CIDR"


Links = dict[tuple[str, str], tuple[Ports, bool]]


def _alike(ends: dict[str, tuple[str, str]], links: Links) -> list[list[str]]:
    """The ends in groups that connect alike to everybody else, and among themselves."""
    out: dict[str, dict[str, tuple[Ports, bool]]] = {name: {} for name in ends}
    into: dict[str, dict[str, tuple[Ports, bool]]] = {name: {} for name in ends}
    for (source, destination), link in links.items():
        out[source][destination] = into[destination][source] = link
    buckets: dict[object, list[list[str]]] = {}
    for name, (lane, kind) in ends.items():
        if not out[name] and not into[name] and lane == OUTSIDE:
            continue
        way = name.partition(" ")[0] if kind == "CIDR" else ""
        profile = lane, way, _profile(out[name]), _profile(into[name])
        for group in buckets.setdefault(profile, []):
            if _twins(name, group[0], out) and _twins(name, group[0], into):
                group.append(name)
                break
        else:
            buckets[profile].append([name])
    return [group for groups in buckets.values() for group in groups]


def _profile(links: dict[str, tuple[Ports, bool]]) -> object:
    return len(links), frozenset(links.values())


def _twins(one: str, other: str, links: dict[str, dict[str, tuple[Ports, bool]]]) -> bool:
    first, second = links[one], links[other]
    others = (first.keys() | second.keys()) - {one, other}
    if any(first.get(name) != second.get(name) for name in others):
        return False
    return first.get(other) == second.get(one) and first.get(one) == second.get(other)


def _cards(groups: list[list[str]], ends: dict[str, tuple[str, str]], links: Links) -> list[Card]:
    cards = [Card(ends[group[0]][0], sorted(map(_short, group)), _kinds(ends, group)) for group in groups]
    for card, group in zip(cards, groups, strict=True):
        itself = next((links[pair] for one in group for other in group if (pair := (one, other)) in links), None)
        card.itself = _text(itself[0]) if itself else ""
        pins: dict[tuple[str, bool], Pin] = {}
        for other, sources in zip(cards, groups, strict=True):
            link = links.get((sources[0], group[0]))
            if other is card or link is None:
                continue
            text = _text(link[0])
            pin = pins.setdefault((text, link[1]), Pin(text, link[0] == ALL or text.startswith("all"), [], link[1]))
            pin.sources.append(other)
        card.pins = sorted(pins.values(), key=lambda pin: (not pin.wide, pin.text))
    return [card for card in cards if card.pins or card.itself or card.lane != OUTSIDE or _sends(card, cards)]


def _kinds(ends: dict[str, tuple[str, str]], group: list[str]) -> str:
    return ", ".join(sorted({ends[name][1] for name in group}))


def _sends(card: Card, cards: Sequence[Card]) -> bool:
    return any(card in pin.sources for other in cards for pin in other.pins)


def _short(name: str) -> str:
    """What stands on a card: the name within its namespace."""
    return name.partition(" ")[2] if " " in name else name.split("/", 2)[-1]


def _text(ports: Ports) -> str:
    if ports == ALL:
        return "all ports"
    parts = [text if protocol == "TCP" else f"{protocol} {text}" for protocol, text in ports.by_protocol()]
    return ", ".join(each.replace(",", ", ") for each in parts)


def _columns(cards: list[Card]) -> None:
    """Columns by the longest way from the left; lines that would close a circle do not count."""
    receivers: dict[int, list[Card]] = {id(card): [] for card in cards}
    for card in cards:
        for source in {id(source): source for pin in card.pins for source in pin.sources}.values():
            receivers[id(source)].append(card)
    order = _order(cards, receivers)
    place = {id(card): index for index, card in enumerate(order)}
    for card in order:
        for other in receivers[id(card)]:
            if place[id(other)] > place[id(card)]:
                other.column = max(other.column, card.column + 1)
    last = max((card.column for card in cards), default=0)
    for card in cards:
        if card.lane == OUTSIDE and card.pins:
            card.column = last
        elif not card.pins and receivers[id(card)] and card.lane != OUTSIDE:
            card.column = max(card.column, min(other.column for other in receivers[id(card)]) - 1, 0)


def _order(cards: list[Card], receivers: dict[int, list[Card]]) -> list[Card]:
    """The cards in an order with few lines backwards: whoever sends more than it receives goes first."""
    left = {id(card): card for card in cards}
    incoming: dict[int, set[int]] = {id(card): {id(s) for pin in card.pins for s in pin.sources} for card in cards}
    outgoing: dict[int, set[int]] = {id(card): {id(other) for other in receivers[id(card)]} for card in cards}
    head: list[Card] = []
    tail: list[Card] = []
    while left:
        sinks = [key for key in left if not outgoing[key]]
        sources = [key for key in left if not incoming[key]]
        if sources:
            key, target = sources[0], head
        elif sinks:
            key, target = sinks[0], tail
        else:
            key, target = max(left, key=lambda one: len(outgoing[one]) - len(incoming[one])), head
        target.append(left.pop(key))
        for other in left:
            incoming[other].discard(key)
            outgoing[other].discard(key)
    return head + tail[::-1]


def _lanes(cards: Sequence[Card]) -> list[str]:
    """The lanes, those that stand further left on average first; outside on top."""
    columns: dict[str, list[int]] = {}
    for card in cards:
        columns.setdefault(card.lane, []).append(card.column)
    return sorted(columns, key=lambda lane: (lane != OUTSIDE, sum(columns[lane]) / len(columns[lane]), lane))
