"""Reading names, types and expressions in syntax trees and in the text they come from."""

from collections.abc import Iterable, Iterator
from typing import Any

from conformant.load.sql.grammar import Node
from conformant.load.sql.scanner import tokens
from conformant.load.sql.source import Source

_TYPES = {
    "int2": "smallint", "int4": "integer", "int8": "bigint", "int": "integer", "bool": "boolean",
    "float4": "real", "float8": "double precision", "bpchar": "char", "decimal": "numeric",
    "serial4": "serial", "serial8": "bigserial", "serial2": "smallserial",
}  # fmt: skip


def nodes(tree: Any) -> Iterator[tuple[str, Node]]:
    """All typed nodes below `tree`, in no particular order."""
    pending = [tree]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            for key, value in item.items():
                if isinstance(value, dict):
                    if key[0].isupper():
                        yield key, value
                    pending.append(value)
                elif isinstance(value, list):
                    pending.extend(value)
        elif isinstance(item, list):
            pending.extend(item)


def items(node: Any) -> list[Any]:
    """The elements of a List node, whether wrapped or plain."""
    if isinstance(node, dict):
        node = node.get("List", {}).get("items", [])
    return node if isinstance(node, list) else []


def string(node: Node) -> str:
    """The text of a String node."""
    return str(node.get("String", {}).get("sval", ""))


def strings(node: Any) -> list[str]:
    return [string(item) for item in items(node)]


def option(node: Node) -> tuple[str, Any]:
    """Name and value of a DefElem; the value is a bool, a number, a text or a node."""
    element = node.get("DefElem", {})
    argument = element.get("arg")
    if not isinstance(argument, dict):
        return element.get("defname", ""), argument
    ((kind, value),) = argument.items()
    plain = {"Boolean": "boolval", "Integer": "ival", "String": "sval", "Float": "fval"}.get(kind)
    if plain is None:
        return element["defname"], argument
    return element["defname"], value.get(plain, {"boolval": False, "ival": 0}.get(plain, ""))


def truth(value: Any) -> bool:
    """An option's value as a switch; an option without a value is on."""
    if isinstance(value, str):
        return value.lower() in ("true", "on", "yes", "1")
    return value is None or value == 1


def constant(node: Any) -> str | bool | None:
    """The value of a literal, casts left aside; None for anything else. Numbers come as text."""
    while isinstance(node, dict) and "TypeCast" in node:
        node = node["TypeCast"].get("arg")
    value = node.get("A_Const", {}) if isinstance(node, dict) else {}
    if "sval" in value:
        return str(value["sval"].get("sval", ""))
    if "boolval" in value:
        return bool(value["boolval"].get("boolval", False))
    if "ival" in value:
        return str(value["ival"].get("ival", 0))
    return str(value["fval"].get("fval", "0")) if "fval" in value else None


def type_name(node: Node) -> str:
    """A type as people write it: ``varchar(255)``, ``timestamptz``, ``tabular.state[]``."""
    names = [name for name in strings(node.get("names")) if name != "pg_catalog"]
    name = ".".join([*names[:-1], _TYPES.get(names[-1], names[-1])]) if names else ""
    modifiers = [value for value in map(constant, node.get("typmods", [])) if isinstance(value, str)]
    if modifiers and name != "interval" and not (name == "char" and modifiers == ["1"]):
        name += f"({','.join(modifiers)})"
    return ("setof " if node.get("setof") else "") + name + "[]" * len(node.get("arrayBounds", []))


def columns(tree: Any) -> list[str]:
    """The columns that an expression mentions, sorted, without their tables."""
    return mentions(tree)[0]


def mentions(tree: Any) -> tuple[list[str], list[str], list[dict[str, Any]]]:
    """The columns of an expression, without their tables; the functions that it calls, as written
    (``auth.uid``); and its ``current_setting`` calls: name (None if computed) and missing_ok."""
    found: set[str] = set()
    calls: set[str] = set()
    settings: dict[tuple[str, bool], dict[str, Any]] = {}
    for kind, node in nodes(tree):
        if kind == "ColumnRef" and "String" in node["fields"][-1]:
            found.add(string(node["fields"][-1]))
        elif kind == "FuncCall":
            names = strings(node["funcname"])
            calls.add(".".join(names))
            if names[-1] == "current_setting":
                arguments = [constant(argument) for argument in node.get("args", [])]
                name = arguments[0] if arguments and isinstance(arguments[0], str) else None
                tolerant = len(arguments) > 1 and arguments[1] in (True, "true", "t")
                settings[str(name), tolerant] = {"name": name, "missing_ok": tolerant}
    return sorted(found), sorted(calls), [settings[key] for key in sorted(settings)]


def relations(query: Any) -> list[tuple[str, str]]:
    """The (schema or "", name) of the relations that a query reads, without its WITH queries."""
    own = {node["ctename"] for kind, node in nodes(query) if kind == "CommonTableExpr"}
    found = {
        (str(node.get("schemaname", "")), str(node["relname"]))
        for kind, node in nodes(query)
        if kind == "RangeVar" and (node.get("schemaname") or node["relname"] not in own)
    }
    return sorted(found)


def leftmost(tree: Any) -> int:
    """The smallest location in an expression, or -1."""
    found = [node["location"] for _, node in nodes(tree) if node.get("location", -1) >= 0]
    return min(found, default=-1)


_AFTER_DEFAULT = frozenset(
    (b"NOT", b"NULL", b"PRIMARY", b"UNIQUE", b"REFERENCES", b"CHECK", b"CONSTRAINT", b"GENERATED",
     b"DEFERRABLE", b"INITIALLY", b"NO")
)  # fmt: skip


def text_after(source: Source, start: int, end: int, *, stop: Iterable[bytes] = ()) -> str:
    """The text from `start` to the next comma, closing parenthesis or semicolon outside
    parentheses, or to a word of `stop` that is not the first."""
    stops = frozenset(stop)
    depth, first, last = 0, -1, start
    for token in tokens(source.data, start, end):
        if token.kind == "comment":
            continue
        mark = source.data[token.start : token.end] if token.kind in ("mark", "word") else b""
        if depth == 0 and first >= 0 and (mark in (b",", b")", b";") or mark.upper() in stops):
            break
        depth += {b"(": 1, b")": -1}.get(mark, 0)
        first, last = (token.start if first < 0 else first), token.end
    return source.slice(first, last) if first >= 0 else ""


def default_text(source: Source, start: int, end: int) -> str:
    """The expression after the word DEFAULT at `start`."""
    return text_after(source, start + len("DEFAULT"), end, stop=_AFTER_DEFAULT)


def group_after(source: Source, words: tuple[bytes, ...], start: int, end: int) -> str | None:
    """What stands in the parentheses that follow `words` outside other parentheses; None if absent."""
    seen: list[bytes] = []
    depth, inner = 0, -1
    for token in tokens(source.data, start, end):
        text = source.data[token.start : token.end].upper()
        if token.kind == "mark" and text == b"(":
            if depth == 0 and tuple(seen[-len(words) :]) == words:
                inner = token.end
            depth += 1
        elif token.kind == "mark" and text == b")":
            depth -= 1
            if depth == 0 and inner >= 0:
                return source.slice(inner, token.start).strip()
        elif depth == 0 and token.kind != "comment":
            seen.append(text)
    return None
