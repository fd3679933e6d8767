"""Functions, procedures and DO blocks."""

import re
from collections.abc import Iterator
from typing import Any

from conformant.load.sql.catalog import Catalog, Entry, Routine, mark
from conformant.load.sql.expressions import constant, items, nodes, option, strings, type_name
from conformant.load.sql.grammar import Fault, Node, Refused, Statement, parse_part, plpgsql
from conformant.load.sql.privileges import apply_defaults, named_routines
from conformant.load.sql.scanner import tokens
from conformant.load.sql.source import Mark, Source
from conformant.regex import lazy

_TOPICS = {
    "rls": r"ROW\s+LEVEL\s+SECURITY|\bPOLICY\b",
    "grant": r"\bGRANT\b|\bREVOKE\b|DEFAULT\s+PRIVILEGES",
    "role": r"\b(?:CREATE|ALTER|DROP)\s+(?:ROLE|USER|GROUP)\b",
    "owner": r"\bOWNER\s+TO\b|\bOWNED\s+BY\b|\bAUTHORIZATION\b",
    "table": r"\b(?:CREATE|DROP|FOREIGN|UNLOGGED)\s+TABLE\b|\bCOLUMN\b|\bCONSTRAINT\b|\bADD\b|\bRENAME\b",
    "index": r"\b(?:CREATE|UNIQUE|DROP)\s+INDEX\b",
    "trigger": r"\bTRIGGER\b",
    "view": r"\bVIEW\b",
    "function": r"\b(?:CREATE|ALTER|DROP|REPLACE)\s+(?:FUNCTION|PROCEDURE)\b",
    "schema": r"\b(?:CREATE|ALTER|DROP)\s+SCHEMA\b",
    "comment": r"\bCOMMENT\s+ON\b",
    "extension": r"\bEXTENSION\b",
}
TOPICS = tuple(_TOPICS)
"""What unmodelled statements can be about."""
_PATTERNS = {topic: re.compile(pattern, re.IGNORECASE) for topic, pattern in _TOPICS.items()}


def topics(body: str) -> list[str]:
    """What a text that is not followed may change: of `TOPICS`."""
    return [topic for topic, pattern in _PATTERNS.items() if pattern.search(body)]


def create_routine(catalog: Catalog, statement: Statement) -> None:
    node = statement.node
    names = strings(node["funcname"])
    schema = names[-2] if len(names) > 1 else catalog.creation_schema
    arguments = _arguments(node)
    routine = Routine(schema=schema, name=names[-1], mark=mark(statement), arguments=arguments)
    routine.facts = {
        "owner": catalog.role, "procedure": bool(node.get("is_procedure")), "language": "sql",
        "security_definer": False, "settings": {}, "returns": type_name(node.get("returnType", {})) or None,
    }  # fmt: skip
    old = next((found for found in catalog.routine([schema, names[-1]], arguments)), None)
    if old is None:
        routine.grants = [Entry(_to_public(), routine.mark)]
        apply_defaults(catalog, routine, "functions")
    else:
        routine.facts["owner"], routine.grants, routine.revokes = old.facts["owner"], old.grants, old.revokes
        catalog.drop_routines([old])
    catalog.add_routine(routine)
    catalog.schema(schema, routine.mark)
    _options(routine, statement, node.get("options", []))
    if routine.body and topics(routine.body):
        routine.effects = effects(statement, routine.body)


def _to_public() -> dict[str, Any]:
    return {"privileges": ["execute"], "roles": ["PUBLIC"], "grant_option": False, "implicit": True}


def _arguments(node: Node) -> list[str]:
    parameters = (item["FunctionParameter"] for item in node.get("parameters", []))
    return [
        type_name(parameter["argType"])
        for parameter in parameters
        if parameter.get("mode") not in ("FUNC_PARAM_OUT", "FUNC_PARAM_TABLE")
    ]


def alter_routine(catalog: Catalog, statement: Statement) -> None:
    for routine in named_routines(catalog, {"ObjectWithArgs": statement.node["func"]}):
        _options(routine, statement, statement.node.get("actions", []))


def _options(routine: Routine, statement: Statement, options: list[Node]) -> None:
    for item in options:
        name, value = option(item)
        at = mark(statement, item["DefElem"].get("location"))
        if name == "language":
            routine.set("language", str(value).lower(), at)
        elif name == "security":
            routine.set("security_definer", bool(value), at)
        elif name == "set":
            _setting(routine, value["VariableSetStmt"], at)
        elif name == "as":
            routine.body = strings(value)[0] if len(items(value)) == 1 else ""
            start = statement.source.data.find(routine.body.encode(), at.offset)
            routine.dynamic = list(_dynamic(routine.body, statement.source, start, at))


def _setting(routine: Routine, node: Node, at: Mark) -> None:
    settings = {**routine.facts["settings"]}
    if node["kind"] == "VAR_RESET_ALL":
        settings.clear()
    elif node["kind"] in ("VAR_SET_DEFAULT", "VAR_RESET"):
        settings.pop(node["name"], None)
    else:
        settings[node["name"]] = setting_value(node)
    routine.facts["settings"] = settings
    routine.marks["settings"] = at


def setting_value(node: Node) -> str:
    """The value of a SET as text: ``pg_catalog, public``."""
    if node["kind"] == "VAR_SET_CURRENT":
        return "FROM CURRENT"
    values = [constant(argument) for argument in node.get("args", [])]
    return ", ".join("" if value is None else str(value) for value in values)


_EXECUTE = lazy(rb"(?<![\w.])EXECUTE\s+(?!FUNCTION\b|PROCEDURE\b|ON\b)", re.IGNORECASE)
_QUOTED_CALL = lazy(rb"\bquote_(?:ident|literal|nullable)\s*\([^()]*(?:\([^()]*\)[^()]*)*\)", re.I)
_SAFE_WORDS = lazy(rb"'(?:[^']|'')*'|\$\w*\$.*?\$\w*\$|\|\||[\s()]", re.S)


def _dynamic(body: str, source: Source, start: int, at: Mark) -> Iterator[Entry]:
    """The EXECUTE statements of a PL/pgSQL body, and how each builds its text: ``constant``,
    ``format`` (%I, %L and arguments only), ``format_s`` (with %s), ``concatenation`` (of what no
    quote_ident or quote_literal protects), ``quoted`` or ``variable``."""
    data = body.encode()
    blank = bytearray(data)
    for token in tokens(data):
        if token.kind in ("comment", "string"):
            blank[token.start : token.end] = b" " * (token.end - token.start)
    for found in _EXECUTE.finditer(bytes(blank)):
        stop = bytes(blank).find(b";", found.end())
        text = data[found.end() : stop if stop >= 0 else len(data)]
        place = Mark(source, start + found.start()) if start >= 0 else at
        yield Entry({"kind": _built(text)}, place)


def _built(text: bytes) -> str:
    text = re.split(rb"\b(?:INTO|USING)\b", text, maxsplit=1, flags=re.IGNORECASE)[0]
    rest = _SAFE_WORDS.sub(b"", _QUOTED_CALL.sub(b"", text))
    if re.match(rb"\s*format\s*\(", text, re.IGNORECASE):
        template = _argument(text, text.index(b"(") + 1)
        if b"||" in template:
            return "concatenation"
        return "format_s" if re.search(rb"%(?:\d+\$)?-?\d*s", template) else "format"
    if not rest:
        return "quoted" if _QUOTED_CALL.search(text) else "constant"
    return "concatenation" if b"||" in text else "variable"


def _argument(text: bytes, start: int) -> bytes:
    """The argument that begins at `start`."""
    comma = next((t.start for t in tokens(text, start) if text[t.start : t.end] == b","), len(text))
    return text[start:comma]


def do_block(catalog: Catalog, statement: Statement) -> list[Statement]:
    """The statements of a DO block, if all of them are plain and at most guarded by a look into
    the catalogue ("IF NOT EXISTS … pg_roles"); else none, and the block is remembered as unmodelled."""
    options = dict(map(option, statement.node.get("args", [])))
    body = str(options.get("as", ""))
    if str(options.get("language", "plpgsql")).lower() == "plpgsql":
        found = _plain(statement)
        if found is not None:
            return found
    about = effects(statement, body)
    catalog.unmodelled("do", statement, "a DO block decides while it runs", about, body)
    return []


def effects(statement: Statement, body: str) -> list[str]:
    """What a DO block or routine may change: by the SQL that it runs, or by all of its text where
    that SQL is not written in it."""
    try:
        trees = plpgsql(statement)
    except Refused:
        return topics(body)
    queries = []
    for kind, node in nodes(trees):
        query = node.get(_RUNNING.get(kind, ""), {}).get("PLpgSQL_expr", {}).get("query", "")
        if kind == "PLpgSQL_stmt_dynexecute" and "'" not in query and "$" not in query:
            return topics(body)
        queries.append(query)
    return topics("\n".join(queries))


_RUNNING = {
    "PLpgSQL_stmt_execsql": "sqlstmt",
    "PLpgSQL_stmt_dynexecute": "query",
    "PLpgSQL_stmt_perform": "expr",
    "PLpgSQL_stmt_call": "expr",
}


def _plain(statement: Statement) -> list[Statement] | None:
    source = statement.source
    try:
        trees = plpgsql(statement)
    except Refused:
        return None
    found: list[Statement] = []
    position = statement.start
    for query in _queries(trees[0]["PLpgSQL_function"]["action"]) if trees else ():
        if query is None:
            return None
        text = query.encode()
        start = source.data.find(text, position, statement.end)
        parts = parse_part(source, start, start + len(text)) if start >= 0 else None
        if parts is None or isinstance(parts, Fault):
            return None
        found.extend(parts)
        position = start + len(text)
    return found


_CATALOGUE = lazy(r"\bexists\b.*\b(?:pg_|information_schema)|\bto_reg", re.IGNORECASE | re.DOTALL)


def _queries(node: Node) -> Iterator[str | None]:
    """The SQL of a PL/pgSQL tree, None in place of what cannot be told without running it."""
    ((kind, body),) = node.items()
    match kind:
        case "PLpgSQL_stmt_block":
            for inner in body.get("body", []):
                yield from _queries(inner)
            for handler in body.get("exceptions", {}).get("PLpgSQL_exception_block", {}).get("exc_list", []):
                for inner in handler["PLpgSQL_exception"].get("action", []):
                    yield from _queries(inner)
        case "PLpgSQL_stmt_if":
            guard = body["cond"]["PLpgSQL_expr"]["query"]
            if body.get("else_body") or body.get("elsif_list") or not _CATALOGUE.search(guard):
                yield None
                return
            for inner in body.get("then_body", []):
                yield from _queries(inner)
        case "PLpgSQL_stmt_execsql":
            yield None if body.get("into") else body["sqlstmt"]["PLpgSQL_expr"]["query"]
        case "PLpgSQL_stmt_dynexecute":
            query = body["query"]["PLpgSQL_expr"]["query"].strip()
            plain = re.fullmatch(r"'([^']*)'", query) or re.fullmatch(r"(?s)(\$\w*\$)(.*)\1", query)
            yield plain[plain.lastindex or 0] if plain else None
        case "PLpgSQL_stmt_raise" | "PLpgSQL_stmt_return" | "PLpgSQL_stmt_null" | "PLpgSQL_stmt_assert":
            return
        case _:
            yield None


def called(catalog: Catalog, statement: Statement) -> None:
    """A query or CALL that runs a routine of these files which itself changes the schema."""
    for kind, node in nodes(statement.node):
        if kind == "FuncCall":
            for routine in catalog.routine(strings(node["funcname"]), None):
                if routine.effects:
                    reason = f"it calls {routine.schema}.{routine.name}, which changes the schema"
                    catalog.unmodelled("call", statement, reason, routine.effects, routine.body)
