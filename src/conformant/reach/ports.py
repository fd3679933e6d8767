"""Sets of ports of all protocols at once, as disjoint intervals: unions, intersections, differences."""

from collections.abc import Iterable, Iterator

Span = tuple[int, int]

TCP, UDP, SCTP = "TCP", "UDP", "SCTP"
PROTOCOLS = (TCP, UDP, SCTP)
LOWEST, HIGHEST = 1, 65535
_WIDTH = 1 << 16
_BASE = {protocol: number * _WIDTH for number, protocol in enumerate(PROTOCOLS)}


class Ports:
    """An immutable set of (protocol, port). All protocols lie on one line of numbers, 65536 apart."""

    __slots__ = ("_hash", "spans")

    def __init__(self, spans: tuple[Span, ...] = ()) -> None:
        """`spans` are sorted, disjoint and not adjacent; take `of`, `NONE` or `ALL` instead."""
        self.spans = spans
        self._hash = hash(spans)

    @staticmethod
    def of(protocol: str, first: int = LOWEST, last: int | None = None) -> "Ports":
        """One port, a range, or (`last` HIGHEST) all ports of a protocol; none where that is empty."""
        base = _BASE.get(protocol)
        low, high = max(first, LOWEST), min(first if last is None else last, HIGHEST)
        return NONE if base is None or low > high else Ports(((base + low, base + high),))

    @staticmethod
    def union(sets: Iterable["Ports"]) -> "Ports":
        """All ports of all `sets`."""
        known: Ports | None = None
        for ports in sets:
            known = ports if known is None else known | ports
        return NONE if known is None else known

    def __or__(self, other: "Ports") -> "Ports":
        if self is other or not other.spans:
            return self
        if not self.spans:
            return other
        return Ports(tuple(_merged(sorted(self.spans + other.spans))))

    def __and__(self, other: "Ports") -> "Ports":
        if self is other or self is ALL:
            return other
        if other is ALL:
            return self
        return Ports(tuple(_common(self.spans, other.spans)))

    def __sub__(self, other: "Ports") -> "Ports":
        if not self.spans or not other.spans:
            return self
        return Ports(tuple(_remaining(self.spans, other.spans)))

    def __bool__(self) -> bool:
        return bool(self.spans)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ports) and self.spans == other.spans

    def __hash__(self) -> int:
        return self._hash

    def __le__(self, other: "Ports") -> bool:
        return not (self - other).spans

    def has(self, protocol: str, number: int) -> bool:
        """Whether one port is in the set."""
        at = _BASE[protocol] + number
        return any(low <= at <= high for low, high in self.spans)

    def ranges(self, protocol: str) -> list[Span]:
        """The ports of one protocol, as (first, last)."""
        base = _BASE[protocol]
        return [(low - base, high - base) for low, high in self.spans if low // _WIDTH * _WIDTH == base]

    def text(self, protocol: str) -> str:
        """The ports of one protocol: ``80,8000-8100``, ``all``, or empty."""
        ranges = self.ranges(protocol)
        if ranges == [(LOWEST, HIGHEST)]:
            return "all"
        return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)

    def by_protocol(self) -> Iterator[tuple[str, str]]:
        """(protocol, ports as text) of the protocols that have some."""
        for protocol in PROTOCOLS:
            text = self.text(protocol)
            if text:
                yield protocol, text

    def __str__(self) -> str:
        if self == ALL:
            return "all ports"
        return ", ".join(f"{protocol} {text}" for protocol, text in self.by_protocol()) or "no port"

    __repr__ = __str__


def _merged(spans: list[Span]) -> Iterator[Span]:
    low, high = spans[0]
    for start, end in spans[1:]:
        if start > high + 1:
            yield low, high
            low, high = start, end
        elif end > high:
            high = end
    yield low, high


def _common(one: tuple[Span, ...], other: tuple[Span, ...]) -> Iterator[Span]:
    left, right = 0, 0
    while left < len(one) and right < len(other):
        low, high = max(one[left][0], other[right][0]), min(one[left][1], other[right][1])
        if low <= high:
            yield low, high
        if one[left][1] < other[right][1]:
            left += 1
        else:
            right += 1


def _remaining(spans: tuple[Span, ...], without: tuple[Span, ...]) -> Iterator[Span]:
    for low, high in spans:
        for start, end in without:
            if end < low or start > high:
                continue
            if start > low:
                yield low, start - 1
            low = end + 1
        if low <= high:
            yield low, high


NONE = Ports()
ALL = Ports(tuple((base + LOWEST, base + HIGHEST) for base in _BASE.values()))
EVERY = {protocol: Ports.of(protocol, LOWEST, HIGHEST) for protocol in PROTOCOLS}
"""All ports of each protocol."""
