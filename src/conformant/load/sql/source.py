"""The text of one SQL file and the places in it. Offsets count bytes of UTF-8, as the parser's do."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from msgspec import Struct

from conformant.load.sql.scanner import tokens
from conformant.model import Place, Step


class SqlText(Struct, frozen=True):
    """SQL to read: all of a file, or a block that begins on `first_line` of it with every line
    indented by `indent` columns that `text` no longer has."""

    file: str
    text: str
    first_line: int = 1
    indent: int = 0


class Source:
    """One text, encoded as the parser wants it."""

    def __init__(self, text: SqlText) -> None:
        self.file = text.file
        self.first_line = text.first_line
        self.indent = text.indent
        self.data = text.text.encode("utf-8", "replace")

    @cached_property
    def _starts(self) -> list[int]:
        starts = [0]
        found = self.data.find(b"\n")
        while found >= 0:
            starts.append(found + 1)
            found = self.data.find(b"\n", found + 1)
        return starts

    @cached_property
    def _comments(self) -> dict[int, tuple[str, bool]]:
        """By line, counted from 0: the last comment that begins there, and whether it has the
        line for itself."""
        found: dict[int, tuple[str, bool]] = {}
        for token in tokens(self.data):
            if token.kind == "comment":
                line = bisect_right(self._starts, token.start) - 1
                alone = not self.data[self._starts[line] : token.start].strip()
                found[line] = (self.slice(token.start, token.end).rstrip(), alone)
        return found

    def slice(self, start: int, end: int) -> str:
        return self.data[start:end].decode("utf-8", "replace")

    def place(self, offset: int) -> Place:
        line = bisect_right(self._starts, offset) - 1
        column = len(self.slice(self._starts[line], offset)) + 1 + self.indent
        return Place(self.file, self.first_line + line, column)

    def comments(self, offset: int) -> list[tuple[int, str]]:
        """The comment on the line of `offset` and those on comment lines directly above, top down."""
        line = bisect_right(self._starts, offset) - 1
        found = [(line, self._comments[line][0])] if line in self._comments else []
        above = line - 1
        while above in self._comments and self._comments[above][1]:
            found.insert(0, (above, self._comments[above][0]))
            above -= 1
        return [(self.first_line + number, text) for number, text in found]


class Mark(Struct, frozen=True, eq=False):
    """A position in a source."""

    source: Source
    offset: int


class SqlLocator:
    """Finds places of a SQL resource: `marks` holds those of the paths that have one of their own."""

    def __init__(self, root: Mark, marks: Mapping[tuple[Step, ...], Mark]) -> None:
        self.root = root
        self.marks = marks

    def _mark(self, path: Sequence[Step]) -> Mark:
        steps = tuple(path)
        while steps:
            if steps in self.marks:
                return self.marks[steps]
            steps = steps[:-1]
        return self.root

    def place(self, path: Sequence[Step]) -> Place:
        mark = self._mark(path)
        return mark.source.place(mark.offset)

    def comments(self, path: Sequence[Step]) -> Iterable[tuple[int, str]]:
        mark = self._mark(path)
        return mark.source.comments(mark.offset)
