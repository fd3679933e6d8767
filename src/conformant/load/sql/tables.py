"""CREATE TABLE and ALTER TABLE: columns, constraints, row security, inheritance."""

import re
from typing import Any

from conformant.load.sql.catalog import Catalog, Entry, Name, Table, View, mark
from conformant.load.sql.expressions import (
    columns,
    default_text,
    group_after,
    items,
    leftmost,
    option,
    strings,
    text_after,
    truth,
    type_name,
)
from conformant.load.sql.grammar import Node, Statement
from conformant.load.sql.inheritance import settle
from conformant.load.sql.privileges import apply_defaults
from conformant.load.sql.source import Mark

_ACTIONS = {"r": "restrict", "c": "cascade", "n": "set null", "d": "set default"}
_NO_ACTION = {
    key: re.compile(rb"\bon\s+" + key.encode() + rb"\s+no\s+action\b", re.IGNORECASE) for key in ("delete", "update")
}
_SERIAL = ("smallserial", "serial", "bigserial")


def create_table(catalog: Catalog, statement: Statement) -> None:
    node = statement.node.get("base", statement.node)
    relation = node["relation"]
    if relation.get("relpersistence") == "t":
        return
    table = _new(catalog, statement, relation, bool(node.get("if_not_exists")))
    if table is None:
        return
    table.facts["foreign"] = statement.kind == "CreateForeignTableStmt"
    table.facts["unlogged"] = relation.get("relpersistence") == "u"
    parents = [
        catalog.resolve(p.get("schemaname", ""), p["relname"]) for p in map(_range, items(node.get("inhRelations")))
    ]
    if "partbound" in node:
        table.set("partition_of", parents[0], table.mark)
    elif parents:
        table.facts["inherits"] = parents
    if "partspec" in node:
        table.facts["partition_by"] = node["partspec"].get("strategy", "").removeprefix("PARTITION_STRATEGY_").lower()
    if "ofTypename" in node:
        table.facts["columns_known"] = False
    for element in node.get("tableElts", []):
        ((kind, body),) = element.items()
        if kind == "ColumnDef":
            add_column(catalog, table, statement, body)
        elif kind == "Constraint":
            _add_constraint(catalog, table, statement, body)
        elif kind == "TableLikeClause":
            _like(catalog, table, statement, body)
    for body in items(node.get("constraints")):
        _add_constraint(catalog, table, statement, body["Constraint"])


def create_table_as(catalog: Catalog, statement: Statement, relation: Node, if_not_exists: bool) -> None:
    """A table made from a query: its columns are not known."""
    if relation.get("relpersistence") != "t":
        table = _new(catalog, statement, relation, if_not_exists)
        if table is not None:
            table.facts["columns_known"] = False


def _new(catalog: Catalog, statement: Statement, relation: Node, if_not_exists: bool) -> Table | None:
    key = catalog.created(relation)
    if key in catalog.relations:
        if not if_not_exists:
            catalog.unmodelled(
                "conflict", statement, f"{'.'.join(key)} exists already; its first definition counts",
                ["table"], ".".join(key),
            )  # fmt: skip
        return None
    table = Table(schema=key[0], name=key[1], mark=mark(statement))
    table.facts = {
        "owner": catalog.role, "if_not_exists": if_not_exists, "columns_known": True,
        "cleared": key in catalog.cleared,
    }  # fmt: skip
    catalog.relations[key] = table
    catalog.schema(key[0], table.mark)
    apply_defaults(catalog, table, "tables")
    return table


def _range(node: Node) -> Node:
    return dict(node.get("RangeVar", node))


def _like(catalog: Catalog, table: Table, statement: Statement, node: Node) -> None:
    """LIKE: columns and NOT NULL always, the rest by its options (a bit each)."""
    original = catalog.table(node["relation"])
    if original is None:
        table.facts["columns_known"] = False
        return
    options = node.get("options", 0)
    at = mark(statement, node["relation"].get("location", -1))
    for entry in original.columns:
        raw = {**entry.raw, "comment": entry.raw["comment"] if options & 1 else None}
        if not options & 8 and not entry.raw.get("identity"):
            raw["default"] = None
        table.columns.append(Entry(raw, at))
    for entry in original.constraints:
        kind = entry.raw["kind"]
        if (kind == "check" and options & 4) or (kind in ("primary", "unique") and options & 64):
            table.constraints.append(Entry({**entry.raw}, at))
    if options & 64:
        table.indexes.extend(Entry({**entry.raw}, at) for entry in original.indexes)


def add_column(catalog: Catalog, table: Table, statement: Statement, node: Node) -> None:
    """A column with its constraints, which become constraints of the table."""
    kind = type_name(node.get("typeName", {}))
    serial = kind in _SERIAL
    raw: dict[str, Any] = {
        "name": node["colname"], "type": kind, "nullable": not serial, "default": None, "comment": None,
        "generated": None, "identity": False,
    }  # fmt: skip
    if serial:
        raw["default"] = "nextval"
    entry = Entry(raw, mark(statement, node.get("location")))
    if "location" in node.get("typeName", {}):
        entry.parts["type"] = mark(statement, node["typeName"]["location"])
    table.columns.append(entry)
    for item in node.get("constraints", []):
        constraint = item["Constraint"]
        at = mark(statement, constraint.get("location"))
        match constraint["contype"]:
            case "CONSTR_NOTNULL":
                raw["nullable"], entry.parts["nullable"] = False, at
            case "CONSTR_NULL":
                entry.parts["nullable"] = at
            case "CONSTR_DEFAULT":
                raw["default"] = default_text(statement.source, at.offset, statement.end)
                entry.parts["default"] = at
            case "CONSTR_IDENTITY":
                raw.update(identity=True, nullable=False)
            case "CONSTR_GENERATED":
                raw["generated"] = group_after(statement.source, (b"AS",), at.offset, statement.end)
            case _:
                _add_constraint(catalog, table, statement, constraint, [node["colname"]])


def _add_constraint(
    catalog: Catalog, table: Table, statement: Statement, node: Node, own: list[str] | None = None
) -> None:
    at = mark(statement, node.get("location"))
    raw: dict[str, Any] = {"name": node.get("conname", "")}
    match node["contype"]:
        case "CONSTR_PRIMARY" | "CONSTR_UNIQUE" as kind:
            names = strings(node.get("keys")) or own or _index_columns(table, node.get("indexname", ""))
            raw |= {"kind": "primary" if kind == "CONSTR_PRIMARY" else "unique", "columns": names}
            suffix = "pkey" if kind == "CONSTR_PRIMARY" else "_".join([*names, "key"])
        case "CONSTR_FOREIGN":
            names = strings(node.get("fk_attrs")) or own or []
            raw |= {"kind": "foreign", "columns": names, "references": _reference(catalog, statement, node)}
            suffix = "_".join([*names, "fkey"])
        case "CONSTR_CHECK":
            names = columns(node.get("raw_expr"))
            text = group_after(statement.source, (b"CHECK",), at.offset, statement.end)
            raw |= {"kind": "check", "columns": names, "expression": text}
            suffix = "_".join([*(own or names[:1]), "check"])
        case "CONSTR_NOTNULL":
            for name in strings(node.get("keys")):
                _set_nullable(table, name, False, at)
            return
        case _:
            return
    raw["name"] = raw["name"] or f"{table.name}_{suffix}"
    if any(entry.raw["name"] == raw["name"] for entry in table.constraints):
        return
    if raw["kind"] == "primary":
        for name in raw["columns"]:
            _set_nullable(table, name, False, at)
    table.constraints.append(Entry(raw, at))


def _index_columns(table: Table, index: str) -> list[str]:
    found = next((entry for entry in table.indexes if entry.raw["name"] == index), None)
    return [name for name in found.raw["columns"] if name] if found else []


def _reference(catalog: Catalog, statement: Statement, node: Node) -> dict[str, Any]:
    target: Name = catalog.resolve(node["pktable"].get("schemaname", ""), node["pktable"]["relname"])
    start = node.get("location", statement.start)
    reference: dict[str, Any] = {"schema": target[0], "table": target[1], "columns": strings(node.get("pk_attrs"))}
    for key, field in (("delete", "fk_del_action"), ("update", "fk_upd_action")):
        action = _ACTIONS.get(node.get(field, "a"))
        if action is None and _NO_ACTION[key].search(statement.source.data, start, statement.end):
            stated = text_after(statement.source, start, statement.end).encode()
            action = "no action" if _NO_ACTION[key].search(stated) else None
        reference[f"on_{key}"] = action
    return reference


def _set_nullable(table: Table, name: str, nullable: bool, at: Mark) -> None:
    column = table.column(name)
    if column is not None:
        column.raw["nullable"], column.parts["nullable"] = nullable, at


def alter_table(catalog: Catalog, statement: Statement) -> None:
    node = statement.node
    if node.get("objtype") == "OBJECT_INDEX" or node.get("objtype") == "OBJECT_SEQUENCE":
        return
    relation = catalog.relation(node["relation"])
    if relation is None:
        if not node.get("missing_ok"):
            name = ".".join(catalog.resolve(node["relation"].get("schemaname", ""), node["relation"]["relname"]))
            catalog.unmodelled("missing", statement, f"{name} is not created in these files", [])
        return
    for item in node.get("cmds", []):
        command = item["AlterTableCmd"]
        if isinstance(relation, View):
            _alter_view(catalog, relation, statement, command)
        else:
            _alter(catalog, relation, statement, command)


def _alter_view(catalog: Catalog, view: View, statement: Statement, command: Node) -> None:
    match command["subtype"]:
        case "AT_ChangeOwner":
            view.set("owner", catalog.role_name(command["newowner"]), mark(statement))
        case "AT_SetRelOptions" | "AT_ResetRelOptions" as kind:
            for name, value in map(option, items(command.get("def"))):
                if name == "security_invoker":
                    view.set(name, kind == "AT_SetRelOptions" and truth(value), mark(statement))


def _alter(catalog: Catalog, table: Table, statement: Statement, command: Node) -> None:
    name = command.get("name", "")
    definition = command.get("def", {})
    match command["subtype"]:
        case "AT_AddColumn":
            column = definition["ColumnDef"]
            if table.column(column["colname"]) is None:
                add_column(catalog, table, statement, column)
        case "AT_DropColumn":
            drop_column(catalog, table, name)
        case "AT_ColumnDefault":
            _change(table, statement, name, "default", _expression(statement, definition))
        case "AT_SetNotNull":
            _set_nullable(table, name, False, mark(statement))
        case "AT_DropNotNull":
            _set_nullable(table, name, True, mark(statement))
        case "AT_AlterColumnType":
            _change(table, statement, name, "type", type_name(definition["ColumnDef"]["typeName"]))
        case "AT_AddIdentity":
            _change(table, statement, name, "identity", True)
        case "AT_DropIdentity":
            _change(table, statement, name, "identity", False)
        case "AT_AddConstraint":
            _add_constraint(catalog, table, statement, definition["Constraint"])
        case "AT_DropConstraint":
            table.constraints = [entry for entry in table.constraints if entry.raw["name"] != name]
        case "AT_ChangeOwner":
            table.set("owner", catalog.role_name(command["newowner"]), mark(statement))
        case "AT_EnableRowSecurity" | "AT_DisableRowSecurity" as kind:
            table.set("rls_enabled", kind == "AT_EnableRowSecurity", mark(statement))
        case "AT_ForceRowSecurity" | "AT_NoForceRowSecurity" as kind:
            table.set("rls_forced", kind == "AT_ForceRowSecurity", mark(statement))
        case "AT_AttachPartition" | "AT_DetachPartition" as kind:
            child = catalog.table(definition["PartitionCmd"]["name"])
            if child is not None and kind == "AT_AttachPartition":
                child.set("partition_of", table.key, mark(statement))
            elif child is not None:
                settle(catalog, child)
                child.set("partition_of", None, mark(statement))
        case "AT_AddInherit" | "AT_DropInherit" as kind:
            relation = definition["RangeVar"]
            parent = catalog.resolve(relation.get("schemaname", ""), relation["relname"])
            if kind == "AT_DropInherit":
                settle(catalog, table)
            others = [other for other in table.facts.get("inherits", []) if other != parent]
            table.facts["inherits"] = [*others, parent] if kind == "AT_AddInherit" else others


def _expression(statement: Statement, node: Node) -> str | None:
    start = leftmost(node) if node else -1
    if start < 0:
        return None
    keyword = statement.source.data.upper().rfind(b"DEFAULT", statement.start, start)
    return default_text(statement.source, max(keyword, statement.start), statement.end)


def _change(table: Table, statement: Statement, name: str, key: str, value: Any) -> None:
    column = table.column(name)
    if column is not None:
        column.raw[key], column.parts[key] = value, mark(statement)


def drop_column(catalog: Catalog, table: Table, name: str) -> None:
    """Take a column away, with the constraints and indexes that use it, here and elsewhere."""
    table.columns = [entry for entry in table.columns if entry.raw["name"] != name]
    table.constraints = [entry for entry in table.constraints if name not in entry.raw["columns"]]
    table.indexes = [entry for entry in table.indexes if name not in entry.raw["columns"]]
    for other in catalog.tables():
        other.constraints = [entry for entry in other.constraints if not _refers(entry, table.key, name)]


def _refers(entry: Entry, key: Name, column: str) -> bool:
    reference = entry.raw.get("references")
    return reference is not None and (reference["schema"], reference["table"]) == key and column in reference["columns"]
