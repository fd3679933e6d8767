"""What hangs on tables: policies, indexes, triggers; and views."""

from typing import Any

from conformant.load.sql.catalog import Catalog, Entry, Table, View, mark
from conformant.load.sql.expressions import (
    group_after,
    items,
    mentions,
    option,
    relations,
    string,
    strings,
    text_after,
    truth,
)
from conformant.load.sql.grammar import Node, Statement
from conformant.load.sql.privileges import apply_defaults

_TIMING = {2: "before", 64: "instead of"}
_EVENTS = {4: "insert", 8: "delete", 16: "update", 32: "truncate"}


def create_policy(catalog: Catalog, statement: Statement) -> None:
    node = statement.node
    table = catalog.table(node["table"])
    if table is None:
        catalog.unmodelled("missing", statement, f"{node['table']['relname']} is not created in these files", [])
        return
    raw: dict[str, Any] = {
        "name": node["policy_name"], "command": node.get("cmd_name", "all"),
        "permissive": bool(node.get("permissive")), "roles": _roles(catalog, node) or ["PUBLIC"],
        "using": None, "with_check": None,
    }  # fmt: skip
    if any(entry.raw["name"] == raw["name"] for entry in table.policies):
        return
    entry = Entry(raw, mark(statement))
    table.policies.append(entry)
    _predicates(statement, entry, node.get("qual"), node.get("with_check"))


def alter_policy(catalog: Catalog, statement: Statement) -> None:
    node = statement.node
    table = catalog.table(node["table"])
    policies = table.policies if table else []
    for entry in policies:
        if entry.raw["name"] == node["policy_name"]:
            if "roles" in node:
                entry.raw["roles"], entry.parts["roles"] = _roles(catalog, node), mark(statement)
            _predicates(statement, entry, node.get("qual"), node.get("with_check"))


def _roles(catalog: Catalog, node: Node) -> list[str]:
    return [catalog.role_name(item["RoleSpec"]) for item in node.get("roles", [])]


def _predicates(statement: Statement, entry: Entry, using: Any, check: Any) -> None:
    """Text of the predicates, and what both mention together."""
    for key, tree, words in (("using", using, (b"USING",)), ("with_check", check, (b"WITH", b"CHECK"))):
        if tree is not None:
            entry.trees[key] = tree
            entry.raw[key] = group_after(statement.source, words, statement.start, statement.end)
            entry.parts[key] = mark(statement)
    columns, functions, settings = mentions(list(entry.trees.values()))
    entry.raw.update(columns=columns, settings=settings, functions=functions)


def create_index(catalog: Catalog, statement: Statement) -> None:
    node = statement.node
    table = catalog.table(node["relation"])
    if table is None:
        return
    names = [item["IndexElem"].get("name") for item in node.get("indexParams", [])]
    carried = [item["IndexElem"].get("name") for item in node.get("indexIncludingParams", [])]
    name = node.get("idxname") or "_".join([table.name, *(c or "expr" for c in (*names, *carried)), "idx"])
    if any(name == entry.raw["name"] for entry in table.indexes):
        return
    condition = None
    if "whereClause" in node:
        text = statement.source.data[statement.start : statement.end].upper()
        condition = text_after(statement.source, statement.start + text.rindex(b"WHERE") + 5, statement.end)
    raw = {
        "name": name, "columns": names, "unique": bool(node.get("unique")), "where": condition,
        "method": node.get("accessMethod", "btree"), "if_not_exists": bool(node.get("if_not_exists")),
    }  # fmt: skip
    table.indexes.append(Entry(raw, mark(statement)))


def create_trigger(catalog: Catalog, statement: Statement) -> None:
    node = statement.node
    table = catalog.table(node["relation"])
    if table is None:
        return
    table.triggers = [entry for entry in table.triggers if entry.raw["name"] != node["trigname"]]
    events = node.get("events", 0)
    raw = {
        "name": node["trigname"], "timing": _TIMING.get(node.get("timing", 0), "after"),
        "events": [name for bit, name in _EVENTS.items() if events & bit],
        "function": ".".join(strings(node.get("funcname"))),
    }  # fmt: skip
    table.triggers.append(Entry(raw, mark(statement)))


def create_view(catalog: Catalog, statement: Statement) -> None:
    node = statement.node
    if node["view"].get("relpersistence") == "t":
        return
    options = dict(map(option, node.get("options", [])))
    invoker = "security_invoker" in options and truth(options["security_invoker"])
    _view(catalog, statement, node["view"], node["query"], {"materialized": False, "security_invoker": invoker})


def create_materialized(catalog: Catalog, statement: Statement) -> None:
    relation = statement.node["into"]["rel"]
    facts = {"materialized": True, "security_invoker": False}
    if statement.node.get("if_not_exists") and catalog.created(relation) in catalog.relations:
        return
    _view(catalog, statement, relation, statement.node["query"], facts)


def _view(catalog: Catalog, statement: Statement, relation: Node, query: Node, facts: dict[str, Any]) -> None:
    key = catalog.created(relation)
    reads = [catalog.resolve(*name) for name in relations(query)]
    old = catalog.relations.get(key)
    view = View(schema=key[0], name=key[1], mark=mark(statement), reads=reads)
    view.facts = {"owner": catalog.role, **facts}
    if isinstance(old, View):
        view.facts["owner"], view.grants = old.facts["owner"], old.grants
        view.facts["comment"] = old.facts.get("comment")
    elif isinstance(old, Table):
        catalog.unmodelled("conflict", statement, f"{'.'.join(key)} is a table already", ["table"], ".".join(key))
        return
    else:
        apply_defaults(catalog, view, "tables")
    catalog.relations[key] = view
    catalog.schema(key[0], view.mark)


def comment(catalog: Catalog, statement: Statement) -> None:
    node = statement.node
    text, at = node.get("comment"), mark(statement)
    names = [string(item) for item in items(node.get("object"))]
    match node["objtype"]:
        case "OBJECT_COLUMN":
            relation = catalog.relation_named(names[:-1])
            column = relation.column(names[-1]) if isinstance(relation, Table) else None
            if column is not None:
                column.raw["comment"], column.parts["comment"] = text, at
        case "OBJECT_TABLE" | "OBJECT_VIEW" | "OBJECT_MATVIEW" | "OBJECT_FOREIGN_TABLE":
            relation = catalog.relation_named(names)
            if relation is not None:
                relation.set("comment", text, at)
        case "OBJECT_SCHEMA":
            catalog.schema(string(node["object"]), at).set("comment", text, at)
        case "OBJECT_ROLE":
            catalog.role_named(string(node["object"]), at).set("comment", text, at)
        case "OBJECT_DATABASE":
            catalog.database.set("comment", text, at)
