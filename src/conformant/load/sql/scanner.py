"""PostgreSQL's lexical rules, as far as telling statements, comments and literals apart needs them.

The parser does the real work. This scanner splits a text that it refuses, leaves out what only
psql understands, finds comments, and cuts the text of expressions out of statements.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from conformant.regex import lazy

_TOKEN = lazy(
    rb"""(?P<comment>--[^\n]*)
    | (?P<block>/\*)
    | (?P<string>[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z) | '[^']*(?:''[^']*)*(?:'|\Z))
    | (?P<name>"[^"]*(?:""[^"]*)*(?:"|\Z))
    | (?P<dollar>\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$)
    | (?P<word>[A-Za-z_\x80-\xff][A-Za-z0-9_$\x80-\xff]*)
    | (?P<meta>\\[^\n]*)
    | (?P<mark>[;(),])
    | (?P<other>[^\s])""",
    re.X | re.S,
)
_COMMENT_EDGE = lazy(rb"/\*|\*/")
_COPY_END = lazy(rb"^\\\.\r?$", re.M)
_SENDING = (b"\\g", b"\\crosstabview", b"\\watch")


class Token(NamedTuple):
    """`kind` is comment, string (quoted or dollar-quoted), name (a quoted identifier), word,
    meta (a psql command, to the end of its line), mark (``; ( ) ,``) or other."""

    kind: str
    start: int
    end: int


class Piece(NamedTuple):
    """A statement, a psql ``meta`` command, or the rows (``data``) of a COPY."""

    kind: str
    start: int
    end: int


def tokens(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Token]:
    """The tokens from `start`; an unterminated literal or comment reaches to the end."""
    stop = len(data) if end is None else end
    found = _TOKEN.search(data, start, stop)
    while found is not None:
        kind, position = found.lastgroup or "", found.end()
        if kind == "block":
            kind, position = "comment", _block_end(data, position, stop)
        elif kind == "dollar":
            closing = data.find(found[0], position, stop)
            kind, position = "string", stop if closing < 0 else closing + len(found[0])
        yield Token(kind, found.start(), position)
        found = _TOKEN.search(data, position, stop)


def _block_end(data: bytes, position: int, stop: int) -> int:
    depth = 1
    while depth:
        edge = _COMMENT_EDGE.search(data, position, stop)
        if edge is None:
            return stop
        depth += 1 if edge[0] == b"/*" else -1
        position = edge.end()
    return position


def split(data: bytes) -> Iterator[Piece]:
    """The statements of a text, without their semicolons, and what psql handles by itself.

    A semicolon ends a statement unless it stands in the parentheses of a CREATE RULE or in a
    routine's BEGIN ATOMIC … END; so an unbalanced parenthesis spoils one statement only.
    """
    position = 0
    while position < len(data):
        statement = _Statement()
        for token in tokens(data, position):
            if token.kind == "comment":
                continue
            if token.kind == "meta":
                if statement.begun and data.startswith(_SENDING, token.start):
                    yield Piece("statement", statement.start, token.start)
                    statement = _Statement()
                yield Piece("meta", token.start, token.end)
                continue
            if data[token.start] == 0x3B and token.kind == "mark" and not statement.open:
                if statement.begun:
                    yield Piece("statement", statement.start, token.start)
                position = token.end
                break
            statement.add(token, data)
        else:
            if statement.begun:
                yield Piece("statement", statement.start, len(data))
            return
        if statement.copies_rows:
            ending = _COPY_END.search(data, position)
            if ending:
                yield Piece("data", data.find(b"\n", position) + 1, ending.start())
                position = ending.end()


class _Statement:
    """What has been seen of the statement being read."""

    def __init__(self) -> None:
        self.start = 0
        self.begun = False
        self.words: list[bytes] = []
        self.depth = 0
        self.atomic = 0
        self.last = b""
        self.copies_rows = False
        """Rows follow, up to a line of ``\\."""

    def add(self, token: Token, data: bytes) -> None:
        if not self.begun:
            self.begun, self.start = True, token.start
        text = data[token.start : token.end].upper()
        if token.kind == "word":
            if self.atomic:
                self.atomic += {b"CASE": 1, b"END": -1}.get(text, 0)
            elif text == b"ATOMIC" and self.last == b"BEGIN" and self.words[:1] == [b"CREATE"]:
                self.atomic = 1
            if len(self.words) < 4:
                self.words.append(text)
            if text == b"STDIN" and self.last == b"FROM" and self.words[0] == b"COPY":
                self.copies_rows = True
        elif token.kind == "mark":
            self.depth += {b"(": 1, b")": -1}.get(text, 0)
        self.last = text

    @property
    def open(self) -> bool:
        return self.atomic > 0 or (self.depth > 0 and self.words[:1] == [b"CREATE"] and b"RULE" in self.words)
