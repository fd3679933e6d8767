"""Pictures of who reaches whom: SVG to pin on a wall, and DOT for Graphviz."""

from collections.abc import Iterator
from html import escape

from conformant.reach.picture import OUTSIDE, Card, Line, Picture, lines
from conformant.text import one_line, shortened

WIDTH, GAP, MARGIN = 232, 120, 28
TITLE, ROW, PIN, BETWEEN = 40, 15, 19, 30
LANE_HEAD, LANE_FOOT, HEADER, LEGEND = 40, 20, 92, 58
COLORS = ("#2563a8", "#1b7f5c", "#9a4f96", "#b25a16", "#4d5b9e", "#8a6d00", "#2f7f8f", "#a03d55", "#5d7a2b", "#6b5b4d")
OUTER, WIDE, INK, PALE, PAPER = "#5a6270", "#c62f2f", "#1d2530", "#6a7482", "#ffffff"
SHOWN_NAMES, LONGEST = 4, 29


def svg(picture: Picture) -> Iterator[str]:
    """The picture as SVG."""
    drawing = _Drawing(picture)
    yield from drawing.pieces()


class _Drawing:
    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.columns = 1 + max((card.column for card in picture.cards), default=0)
        named = [lane for lane in picture.lanes if lane != OUTSIDE]
        self.color = {lane: COLORS[number % len(COLORS)] for number, lane in enumerate(named)} | {OUTSIDE: OUTER}
        self.tops: dict[str, tuple[float, float]] = {}
        self.lines = list(lines(picture))
        self.gaps = self._gaps()
        self._arrange()
        self.senders = self._ranks()
        self.passed: dict[tuple[int, float], list[int]] = {}

    # where everything stands

    def _gaps(self) -> list[float]:
        """The room on the right of each column: more where more lines begin."""
        found = [0] * self.columns
        for card in {id(line.source): line.source for line in self.lines}.values():
            found[card.column] += 1
        return [GAP + min(9 * count, 110) for count in found]

    def _arrange(self) -> None:
        x = [MARGIN + 54.0]
        for gap in self.gaps:
            x.append(x[-1] + WIDTH + gap)
        top = float(HEADER)
        for lane in self.picture.lanes:
            ends = [top + LANE_HEAD] * self.columns
            for card in self._sorted(lane):
                card.x, card.y = x[card.column], ends[card.column]
                names = min(len(card.names), SHOWN_NAMES + 1)
                card.height = TITLE + ROW * (names - 1) + PIN * (len(card.pins) + bool(card.itself))
                for number, pin in enumerate(card.pins):
                    pin.y = card.y + TITLE + ROW * (names - 1) + PIN * number + 3
                ends[card.column] += card.height + BETWEEN
            bottom = max(ends) - BETWEEN + LANE_FOOT + 8
            self.tops[lane] = top, bottom
            top = bottom + 12
        self.height = top + LEGEND
        self.width = x[-1] - self.gaps[-1] + MARGIN + 64

    def _sorted(self, lane: str) -> list[Card]:
        """The cards of a lane from top to bottom: those next to each other that lines come to from the same side."""
        order = {id(card): number for number, card in enumerate(self.picture.cards)}
        own = [card for card in self.picture.cards if card.lane == lane]

        def weight(card: Card) -> tuple[float, str]:
            near = [order[id(line.source)] for line in self.lines if line.destination is card]
            return sum(near) / len(near) if near else 0.0, card.names[0]

        return sorted(own, key=weight)

    def _ranks(self) -> dict[int, int]:
        """A number for each sender, so that their lines run side by side."""
        senders = {id(line.source): line.source for line in self.lines}
        ordered = sorted(senders.values(), key=lambda card: (card.column, card.y))
        return {id(card): number for number, card in enumerate(ordered)}

    # drawing

    def pieces(self) -> Iterator[str]:
        size = f'width="{self.width:.0f}" height="{self.height:.0f}" viewBox="0 0 {self.width:.0f} {self.height:.0f}"'
        yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" '
        yield "font-family=\"Inter, 'Helvetica Neue', 'Segoe UI', Arial, 'DejaVu Sans', sans-serif\">\n"
        yield f"<title>Who reaches whom</title>\n<rect width='100%' height='100%' fill='{PAPER}'/>\n"
        yield from self._header()
        for lane in self.picture.lanes:
            yield from self._lane(lane)
        yield '<g fill="none" stroke-linecap="round">\n'
        for line in sorted(self.lines, key=lambda line: (line.pin.wide, self.senders[id(line.source)])):
            yield self._line(line)
        yield "</g>\n"
        for card in self.picture.cards:
            yield from self._card(card)
        yield from self._legend()
        yield "</svg>\n"

    def _header(self) -> Iterator[str]:
        namespaces = len(self.picture.lanes) - (OUTSIDE in self.picture.lanes)
        says = f"{self.picture.connected} of {self.picture.pairs} pairs connected, {namespaces} namespaces. "
        says += "Lines go from the right of a card to the ports that they reach; cards that connect alike are one."
        yield _text(MARGIN, 44, "Who reaches whom", 26, weight=700)
        yield _text(MARGIN, 70, says, 13, PALE)

    def _lane(self, lane: str) -> Iterator[str]:
        top, bottom = self.tops[lane]
        color = self.color[lane]
        wide = self.width - 2 * MARGIN
        yield f'<rect x="{MARGIN}" y="{top:.0f}" width="{wide:.0f}" height="{bottom - top:.0f}" rx="12" '
        yield f'fill="{color}" fill-opacity="0.06" stroke="{color}" stroke-opacity="0.35"/>\n'
        name = "Outside the cluster" if lane == OUTSIDE else one_line(lane)
        yield _text(MARGIN + 16, top + 25, name, 15, color, weight=700)

    def _card(self, card: Card) -> Iterator[str]:
        color = self.color[card.lane]
        yield f'<g><rect x="{card.x:.1f}" y="{card.y:.1f}" width="{WIDTH}" height="{card.height:.1f}" rx="8" '
        yield f'fill="{PAPER}" stroke="{color}" stroke-width="1.4"/>\n'
        at = f'x="{card.x:.1f}" y="{card.y:.1f}"'
        yield f'<rect {at} width="5" height="{card.height:.1f}" rx="2.5" fill="{color}"/>\n'
        y = card.y + 18
        for name in card.names[:SHOWN_NAMES]:
            yield _text(card.x + 15, y, shortened(one_line(name), LONGEST), 13, weight=600, hover=name)
            y += ROW
        more = len(card.names) - SHOWN_NAMES
        if more > 0:
            yield _text(card.x + 15, y, f"and {more} more", 12, PALE, hover="\n".join(card.names))
            y += ROW
        yield _text(card.x + 15, y - 2, card.kind, 10, PALE)
        for pin in card.pins:
            yield from self._pin(card, pin.y, pin.text, WIDE if pin.wide else INK, dashed=pin.doubtful)
        if card.itself:
            yield from self._pin(card, card.y + card.height - PIN - 1, f"each other: {card.itself}", PALE)
        yield "</g>\n"

    def _pin(self, card: Card, y: float, says: str, color: str, *, dashed: bool = False) -> Iterator[str]:
        short = shortened(says, 32)
        if color != PALE:
            fill = PAPER if dashed else color
            yield f'<path d="M{card.x - 1:.1f} {y + 2:.1f} l9 5.5 l-9 5.5 z" fill="{fill}" stroke="{color}"/>'
        yield _text(card.x + 15, y + 11.5, short, 11.5, color, weight=500 if color == INK else 700, hover=says)

    def _line(self, line: Line) -> str:
        color = self._color(line.source)
        dash = ' stroke-dasharray="2 5"' if line.pin.doubtful else ""
        strength = "2.4" if line.pin.wide else "1.6"
        says = f"{', '.join(line.source.names)} → {', '.join(line.destination.names)}: {line.pin.text}"
        way = self._way(line)
        return (
            f'<path d="{way}" stroke="{PAPER}" stroke-width="4.2" stroke-opacity="0.8"/>'
            f'<path d="{way}" stroke="{color}" stroke-width="{strength}" stroke-opacity="0.85"{dash}>'
            f"<title>{escape(one_line(says))}</title></path>\n"
        )

    def _color(self, card: Card) -> str:
        """A sender's colour: its lane's; its own where there is but one lane."""
        if len(self.color) > 2 or card.lane == OUTSIDE:
            return self.color[card.lane]
        return COLORS[self.senders[id(card)] % len(COLORS)]

    def _way(self, line: Line) -> str:
        source, destination = line.source, line.destination
        x, y = source.x + WIDTH, source.sends
        goal_x, goal_y = destination.x - 1, line.pin.y + 7.5
        path = f"M{x:.1f} {y:.1f}"
        if destination.column > source.column:
            for column in range(source.column + 1, destination.column):
                left = self._left(column)
                share = (left - x) / max(goal_x - x, 1)
                at = self._free(column, y + (goal_y - y) * share, source)
                path += _curve(x, y, left - 12, at) + f" L{left + WIDTH + 12:.1f} {at:.1f}"
                x, y = left + WIDTH + 12, at
            return path + _curve(x, y, goal_x, goal_y)
        for column in range(source.column, destination.column - 1, -1):
            left = self._left(column)
            at = self._free(column, goal_y if column == destination.column else y, source)
            right = left + WIDTH + 8
            path += _turn(x, y, right, at, 34) if column == source.column else _curve(x, y, right, at)
            path += f" L{left - 8:.1f} {at:.1f}"
            x, y = left - 8, at
        return path + _turn(x, y, goal_x, goal_y, -34)

    def _left(self, column: int) -> float:
        return MARGIN + 54 + sum(WIDTH + gap for gap in self.gaps[:column])

    def _free(self, column: int, wanted: float, source: Card) -> float:
        """The height nearest to the wanted one at which a column has no card; lines of one sender run together."""
        own = sorted((card for card in self.picture.cards if card.column == column), key=lambda card: card.y)
        bounds = (y for card in own for y in (card.y, card.y + card.height))
        edges = [float(HEADER + 14), *bounds, self.height - LEGEND - 14]
        rooms = [(low, high) for low, high in zip(edges[::2], edges[1::2], strict=True) if high - low >= 12]
        low, high = min(rooms, key=lambda room: max(room[0] - wanted, wanted - room[1], 0.0))
        users = self.passed.setdefault((column, low), [])
        rank = self.senders[id(source)]
        if rank not in users:
            users.append(rank)
        step = min(6.0, (high - low - 10) / max(len(users), 5))
        if low + 6 < wanted < high - 6:
            return wanted
        shift = step * users.index(rank)
        return low + 6 + shift if wanted <= low + 6 else high - 6 - shift

    def _legend(self) -> Iterator[str]:
        y = self.height - LEGEND / 2
        x = float(MARGIN)
        for mark, says in (
            (f'<path d="M0 -5 l9 5 l-9 5 z" fill="{INK}"/>', "ports that are reached (TCP unless said)"),
            (f'<path d="M0 -5 l9 5 l-9 5 z" fill="{WIDE}"/>', "all ports"),
            (f'<path d="M0 0 h26" stroke="{INK}" stroke-dasharray="2 5"/>', "not known whether it passes"),
        ):
            yield f'<g transform="translate({x:.0f} {y:.0f})">{mark}</g>'
            shift = 34 if "h26" in mark else 16
            yield _text(x + shift, y + 4.5, says, 12, PALE)
            x += shift + 6.6 * len(says) + 30


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    bend = max(abs(to_x - x) * 0.5, 24) * (1 if to_x >= x else -1)
    return f" C{x + bend:.1f} {y:.1f} {to_x - bend:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"


def _turn(x: float, y: float, to_x: float, to_y: float, out: float) -> str:
    """A half circle, to the right or (negative) to the left."""
    return f" C{x + out:.1f} {y:.1f} {to_x + out:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"


def _text(x: float, y: float, says: str, size: float, color: str = INK, *, weight: int = 400, hover: str = "") -> str:
    title = f"<title>{escape(one_line(hover))}</title>" if hover and hover != says else ""
    bold = f' font-weight="{weight}"' if weight != 400 else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{color}"{bold}>{title}{escape(says)}</text>\n'


def dot(picture: Picture) -> Iterator[str]:
    """The picture for Graphviz."""
    yield "digraph reach {\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=Helvetica];\n"
    yield "  edge [fontname=Helvetica, fontsize=10];\n"
    numbers = {id(card): number for number, card in enumerate(picture.cards)}
    for index, lane in enumerate(picture.lanes):
        yield f"  subgraph cluster_{index} {{\n    label={_quoted(lane)};\n"
        for card in picture.cards:
            if card.lane == lane:
                names = [*card.names, *([f"each other: {card.itself}"] if card.itself else [])]
                yield f"    n{numbers[id(card)]} [label={_quoted(*names)}];\n"
        yield "  }\n"
    for line in lines(picture):
        style = ", style=dashed" if line.pin.doubtful else ""
        ends = f"n{numbers[id(line.source)]} -> n{numbers[id(line.destination)]}"
        yield f"  {ends} [label={_quoted(line.pin.text)}{style}];\n"
    yield "}\n"


def _quoted(*rows: str) -> str:
    escaped = (one_line(row).replace("\\", "\\\\").replace('"', '\\"') for row in rows)
    return '"' + "\\n".join(escaped) + '"'
