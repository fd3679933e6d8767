"""SQL text to syntax trees, by PostgreSQL's own parser.

Trees are the parser's JSON: each node a dict of one key, its type; fields with zero values absent.
"""

import re
from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from msgspec.json import decode

from conformant.load.sql.scanner import Piece, split, tokens
from conformant.load.sql.source import Source
from conformant.regex import lazy

Node = dict[str, Any]


class Statement(Struct, eq=False):
    """One statement: `kind` is the type of `node`; `start` and `end` enclose its text."""

    kind: str
    node: Node
    source: Source
    start: int
    end: int


class Fault(Struct, eq=False):
    """Text that could not be read as PostgreSQL, or that only psql understands: `kind` is
    ``syntax``, ``template``, ``psql`` or ``data``, `at` the offset to point to."""

    kind: str
    reason: str
    source: Source
    start: int
    end: int
    at: int


class Refused(Exception):
    """The parser's complaint, at a character of the text."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


def _trees(text: str) -> list[Node]:
    from pglast.parser import ParseError, parse_sql_json

    try:
        return list(decode(parse_sql_json(text))["stmts"])
    except ParseError as error:
        offset = error.args[1] if len(error.args) > 1 else None
        raise Refused(str(error.args[0]), max(offset or 0, 0)) from None


def plpgsql(statement: "Statement") -> list[Node]:
    """The syntax trees of the PL/pgSQL in a DO block or CREATE FUNCTION. Raises Refused."""
    from pglast.parser import ParseError, parse_plpgsql_json

    try:
        return list(decode(parse_plpgsql_json(statement.source.slice(statement.start, statement.end))))
    except ParseError as error:
        raise Refused(str(error.args[0]), 0) from None


def parse(source: Source) -> list[Statement | Fault]:
    """The statements of a text in order. Statements that the parser refuses become faults and do
    not touch the others."""
    if b"\0" in source.data:
        at = source.data.index(b"\0")
        return [Fault("syntax", "a NUL byte, which SQL text cannot hold", source, at, len(source.data), at)]
    whole = parse_part(source, 0, len(source.data))
    if not isinstance(whole, Fault):
        return [*whole]
    found: list[Statement | Fault] = []
    for piece in split(source.data):
        if piece.kind == "statement":
            parsed = parse_part(source, piece.start, piece.end)
            found.extend([parsed] if isinstance(parsed, Fault) else parsed)
        else:
            found.append(_special(source, piece))
    return found


def _special(source: Source, piece: Piece) -> Fault:
    if piece.kind == "data":
        return Fault("data", "rows of a COPY", source, piece.start, piece.end, piece.start)
    command = source.slice(piece.start, piece.end).split(maxsplit=1)[0]
    return Fault("psql", f"psql command {command}", source, piece.start, piece.end, piece.start)


def parse_part(source: Source, start: int, end: int) -> list[Statement] | Fault:
    """The statements between two offsets, or what is wrong with them."""
    text = source.slice(start, end)
    try:
        trees = _trees(text)
    except Refused as refusal:
        at = start + len(text[: refusal.offset].encode())
        return _fault(source, start, end, at, refusal.message)
    statements = []
    for tree in trees:
        begin = start + tree.get("stmt_location", 0)
        length = tree.get("stmt_len", 0)
        finish = begin + length if length else end
        first = next((token for token in tokens(source.data, begin, finish) if token.kind != "comment"), None)
        ((kind, node),) = tree["stmt"].items()
        if start:
            _shift(node, start)
        statements.append(Statement(kind, node, source, first.start if first else begin, finish))
    return statements


def _shift(node: Any, offset: int) -> None:
    """Move the locations of a tree parsed from a part of the text."""
    pending = [node]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if isinstance(item.get("location"), int) and item["location"] >= 0:
                item["location"] += offset
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)


_PLACEHOLDER = lazy(rb"\{\{|\$\{|<%|%\(\w+\)s|\{%")
_SECRET = lazy(rb"password|identified|secret|token", re.IGNORECASE)
_VARIABLE = lazy(rb"(?<![:\w]):['\"]?[A-Za-z_]\w*")


def _fault(source: Source, start: int, end: int, at: int, message: str) -> Fault:
    text = source.data[start:end]
    if _PLACEHOLDER.search(text):
        return Fault("template", "a template placeholder that was not filled in", source, start, end, at)
    if _VARIABLE.search(text) and message.endswith('near ":"'):
        return Fault("template", "a psql variable, whose value is not known", source, start, end, at)
    return Fault("syntax", _told(source, start, end, at, message), source, start, end, at)


def _told(source: Source, start: int, end: int, at: int, message: str) -> str:
    """The parser's message without the text it stumbled on, where that may be a secret."""
    offending = next(tokens(source.data, at, end), None)
    literal = offending is not None and offending.kind in ("string", "name")
    if literal or _SECRET.search(source.data, start, end):
        return message.partition(" at or near ")[0]
    return message


_DIALECTS = (
    ("MySQL", rb"`\w+`|\bAUTO_INCREMENT\b|\bENGINE\s*=\s*\w+|^\s*DELIMITER\s|\bINT(?:EGER)?(?:\(\d+\))?\s+UNSIGNED\b"),
    ("SQL Server", rb"^\s*GO\s*$|\[dbo\]|\bIDENTITY\s*\(\s*\d+\s*,|\bNVARCHAR\s*\(\s*MAX|\[\w+\]\s*\[\w+\]"),
    ("SQLite", rb"\bAUTOINCREMENT\b|^\s*PRAGMA\s"),
    ("ksqlDB", rb"\bCREATE\s+(?:OR\s+REPLACE\s+)?(?:SINK\s+|SOURCE\s+)?(?:STREAM|CONNECTOR)\b|\bKAFKA_TOPIC\b"),
    ("Oracle", rb"\bVARCHAR2\b|\bNUMBER\s*\(\d+(?:,\s*\d+)?\)"),
)


def dialect(faults: Iterable[Fault]) -> str:
    """The name of another database that statements, refused by the parser, look written for; or ""."""
    for fault in faults:
        text = bytearray(fault.source.data[fault.start : fault.end])
        for token in tokens(bytes(text)):
            if token.kind in ("comment", "string"):
                text[token.start : token.end] = b" " * (token.end - token.start)
        for name, pattern in _DIALECTS:
            if re.search(pattern, text, re.IGNORECASE | re.MULTILINE):
                return name
    return ""


_VERBS = frozenset({
    "ALTER", "CALL", "COMMENT", "COPY", "CREATE", "DELETE", "DO", "DROP", "GRANT", "IMPORT", "INSERT",
    "REASSIGN", "RESET", "REVOKE", "ROLLBACK", "SECURITY", "SELECT", "SET", "TRUNCATE", "UPDATE", "WITH",
})  # fmt: skip


def opening_words(source: Source, start: int, end: int) -> str:
    """The first words of a statement, up to five, none of its literals and nothing of a password;
    empty for a text that begins like no statement."""
    words: list[str] = []
    for token in tokens(source.data, start, end):
        if token.kind == "comment":
            continue
        word = source.slice(token.start, token.end)
        if token.kind == "meta" and not words:
            return word.split()[0]
        known = words or word.upper() in _VERBS
        if token.kind != "word" or len(words) == 5 or not known or words[-1:] in (["PASSWORD"], ["BY"]):
            break
        words.append(word.upper() if word.upper() in ("PASSWORD", "BY") else word)
    return " ".join(words)
