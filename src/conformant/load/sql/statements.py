"""What each statement does to the catalogue."""

import re
from collections.abc import Callable
from typing import Any

from conformant.load.sql import changes, parts, privileges, routines, tables
from conformant.load.sql.catalog import Catalog, Entry, mark
from conformant.load.sql.expressions import constant, leftmost, nodes, option, strings
from conformant.load.sql.grammar import Fault, Node, Statement, opening_words
from conformant.load.sql.source import Mark

Handler = Callable[[Catalog, Statement], None]


def apply(catalog: Catalog, statement: Statement) -> None:
    """Follow one statement. Kinds that cannot change what resources show (data, types, sequences,
    transactions, maintenance) have no handler and are passed over."""
    catalog.statements += 1
    handler = _HANDLERS.get(statement.kind)
    if handler is not None:
        handler(catalog, statement)


def apply_fault(catalog: Catalog, fault: Fault) -> None:
    """Remember what could not be followed, or follow the psql commands that matter."""
    catalog.statements += fault.kind in ("syntax", "template")
    statement = Statement("", {}, fault.source, fault.start, fault.end)
    text = fault.source.slice(fault.start, fault.end)
    if fault.kind == "psql":
        _psql(catalog, statement, text.split())
    elif fault.kind == "data":
        statement.end = statement.start
        catalog.unmodelled("data", statement, fault.reason, [])
    else:
        raw = {
            "kind": fault.kind, "reason": fault.reason, "topics": routines.topics(text), "tables": [], "body": text,
            "text_start": opening_words(fault.source, fault.start, fault.end),
        }  # fmt: skip
        catalog.database.unmodelled.append(Entry(raw, Mark(fault.source, fault.at)))


_HARMLESS = frozenset(
    ("\\echo", "\\qecho", "\\warn", "\\timing", "\\pset", "\\x", "\\t", "\\a", "\\set", "\\unset",
     "\\restrict", "\\unrestrict", "\\encoding", "\\conninfo", "\\prompt", "\\o", "\\g", "\\gx", "\\gset",
     "\\d", "\\dt", "\\dn", "\\du", "\\l", "\\copy", "\\password", "\\h", "\\?", "\\errverbose", "\\p", "\\r")
)  # fmt: skip


def _psql(catalog: Catalog, statement: Statement, words: list[str]) -> None:
    command = words[0].rstrip(";")
    if command in ("\\c", "\\connect"):
        name = _database_name(words[1:])
        if not name or not catalog.relations:
            catalog.database.name = name or catalog.database.name
            catalog.new_session()
        elif name != catalog.database.name:
            catalog.unmodelled("psql", statement, "it goes on in another database", list(routines.TOPICS))
    elif command not in _HARMLESS:
        catalog.unmodelled("psql", statement, f"{command} is followed by psql only", list(routines.TOPICS))


def _database_name(words: list[str]) -> str:
    """The database that \\connect names, by itself or in a URL or connection string."""
    text = " ".join(words).strip(" \"';")
    stated = re.search(r"://[^/]*/([^?]*)|\bdbname\s*=\s*'?([^\s']+)", text)
    if stated or "://" in text or "=" in text:
        return (stated[1] or stated[2]) if stated else ""
    return text.split()[0].strip("\"'") if text and not text.startswith("-") else ""


def _create_schema(catalog: Catalog, statement: Statement) -> None:
    node, at = statement.node, mark(statement)
    owner = catalog.role_name(node["authrole"]) if "authrole" in node else catalog.role
    name = node.get("schemaname") or owner or "public"
    schema = catalog.schema(name, at)
    if not schema.facts["declared"]:
        schema.facts.update(declared=True, if_not_exists=bool(node.get("if_not_exists")), owner=owner)
        schema.mark = at
        privileges.apply_defaults(catalog, schema, "schemas")
    outer = catalog.search_path
    catalog.search_path = [name, *outer]
    for element in node.get("schemaElts", []):
        ((kind, body),) = element.items()
        start = min((at for at in (leftmost(element), _named(body)) if at >= 0), default=statement.start)
        apply(catalog, Statement(kind, body, statement.source, start, statement.end))
    catalog.search_path = outer


def _named(body: Node) -> int:
    return int((body.get("relation") or body.get("view") or {}).get("location", -1))


def _set(catalog: Catalog, statement: Statement) -> None:
    node = statement.node
    name = node.get("name", "")
    if name == "search_path":
        if node["kind"] == "VAR_SET_VALUE":
            _search_path(catalog, [str(constant(argument)) for argument in node.get("args", [])])
        else:
            catalog.search_path = ["public"]
    elif name in ("role", "session_authorization"):
        value = constant(node["args"][0]) if node.get("args") else None
        catalog.role = str(value) if value is not None and value != "none" else None


def _search_path(catalog: Catalog, names: list[str]) -> None:
    catalog.search_path = [name for name in names if name and name not in ("$user", "pg_catalog", "pg_temp")]


_SCHEDULING = frozenset({"schedule", "schedule_in_database", "add_retention_policy", "create_parent"})
"""Functions of pg_cron, TimescaleDB and pg_partman after which rows are deleted in time."""


def _select(catalog: Catalog, statement: Statement) -> None:
    if "intoClause" in statement.node:
        relation = statement.node["intoClause"]["rel"]
        tables.create_table_as(catalog, statement, relation, False)
    for kind, node in nodes(statement.node):
        if kind == "FuncCall" and strings(node["funcname"])[-1] == "set_config":
            arguments = [constant(argument) for argument in node.get("args", [])]
            if arguments[:1] == ["search_path"] and isinstance(arguments[1], str):
                _search_path(catalog, [name.strip(' "') for name in arguments[1].split(",")])
        elif kind == "FuncCall" and strings(node["funcname"])[-1] in _SCHEDULING:
            texts = [text for text in map(constant, node.get("args", [])) if isinstance(text, str)]
            raw = {"function": strings(node["funcname"])[-1], "arguments": texts}
            catalog.database.jobs.append(Entry(raw, mark(statement)))
    routines.called(catalog, statement)


def _create_table_as(catalog: Catalog, statement: Statement) -> None:
    node = statement.node
    if node.get("objtype") == "OBJECT_MATVIEW":
        parts.create_materialized(catalog, statement)
    else:
        tables.create_table_as(catalog, statement, node["into"]["rel"], bool(node.get("if_not_exists")))


def _do(catalog: Catalog, statement: Statement) -> None:
    for inner in routines.do_block(catalog, statement):
        apply(catalog, inner)


def _extension(catalog: Catalog, statement: Statement) -> None:
    name = statement.node["extname"]
    if all(entry.raw["name"] != name for entry in catalog.database.extensions):
        catalog.database.extensions.append(Entry({"name": name}, mark(statement)))


def _create_database(catalog: Catalog, statement: Statement) -> None:
    database = catalog.database
    database.name = database.name or statement.node["dbname"]
    owner = dict(map(option, statement.node.get("options", []))).get("owner")
    if database.name == statement.node["dbname"]:
        database.set("owner", owner, mark(statement))
        database.facts["declared"] = True


def _system_setting(catalog: Catalog, statement: Statement) -> None:
    """ALTER SYSTEM and ALTER DATABASE … SET."""
    node: dict[str, Any] = statement.node["setstmt"]
    if "dbname" in statement.node:
        catalog.database.name = catalog.database.name or statement.node["dbname"]
    if node["kind"] == "VAR_SET_VALUE":
        catalog.database.settings[node["name"]] = routines.setting_value(node)
        catalog.database.marks[f"settings.{node['name']}"] = mark(statement)


def _transaction(catalog: Catalog, statement: Statement) -> None:
    if statement.node.get("kind") in ("TRANS_STMT_ROLLBACK", "TRANS_STMT_ROLLBACK_TO"):
        catalog.unmodelled("rollback", statement, "a rollback undoes statements before it", list(routines.TOPICS))


def _event_trigger(catalog: Catalog, statement: Statement) -> None:
    for routine in catalog.routine(strings(statement.node["funcname"]), None):
        if routine.effects:
            reason = f"an event trigger runs {routine.schema}.{routine.name} for later statements"
            catalog.unmodelled("event trigger", statement, reason, routine.effects, routine.body)


def _import(catalog: Catalog, statement: Statement) -> None:
    catalog.unmodelled("import", statement, "it creates tables after those of a foreign server", [])


def _rule(catalog: Catalog, statement: Statement) -> None:
    relation = catalog.table(statement.node["relation"])
    if relation is not None:
        relation.facts["rules"] = [*relation.facts.get("rules", []), statement.node["rulename"]]


_HANDLERS: dict[str, Handler] = {
    "CreateStmt": tables.create_table,
    "CreateForeignTableStmt": tables.create_table,
    "CreateTableAsStmt": _create_table_as,
    "AlterTableStmt": tables.alter_table,
    "CreateSchemaStmt": _create_schema,
    "CreatePolicyStmt": parts.create_policy,
    "AlterPolicyStmt": parts.alter_policy,
    "IndexStmt": parts.create_index,
    "CreateTrigStmt": parts.create_trigger,
    "ViewStmt": parts.create_view,
    "CommentStmt": parts.comment,
    "RuleStmt": _rule,
    "GrantStmt": privileges.grant,
    "GrantRoleStmt": privileges.grant_role,
    "AlterDefaultPrivilegesStmt": privileges.alter_defaults,
    "CreateRoleStmt": privileges.create_role,
    "AlterRoleStmt": privileges.alter_role,
    "AlterRoleSetStmt": privileges.alter_role,
    "DropRoleStmt": changes.drop_roles,
    "DropOwnedStmt": changes.drop_owned,
    "ReassignOwnedStmt": changes.reassign_owned,
    "DropStmt": changes.drop,
    "RenameStmt": changes.rename,
    "AlterObjectSchemaStmt": changes.set_schema,
    "AlterOwnerStmt": changes.change_owner,
    "CreateFunctionStmt": routines.create_routine,
    "AlterFunctionStmt": routines.alter_routine,
    "DoStmt": _do,
    "CallStmt": routines.called,
    "SelectStmt": _select,
    "VariableSetStmt": _set,
    "CreateExtensionStmt": _extension,
    "CreatedbStmt": _create_database,
    "AlterDatabaseSetStmt": _system_setting,
    "AlterSystemStmt": _system_setting,
    "TransactionStmt": _transaction,
    "CreateEventTrigStmt": _event_trigger,
    "ImportForeignSchemaStmt": _import,
}
