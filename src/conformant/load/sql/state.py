"""The final state of a catalogue as resources with places."""

import re
from collections.abc import Iterable
from typing import Any

from conformant.load.sql.catalog import Catalog, Database, Entry, Name, Role, Routine, Table, Thing, View
from conformant.load.sql.inheritance import all_columns, all_constraints, all_indexes
from conformant.load.sql.source import Mark, SqlLocator
from conformant.model import Resource, Step

Marks = dict[tuple[Step, ...], Mark]


def resources(catalog: Catalog, source: str) -> list[Resource]:
    """The Database first; the others have it as `parent`, and it has them as `meta`, by kind, schema
    and name."""
    database = _database(catalog, source)
    made: list[Resource] = []
    made.extend(_thing(schema, "Schema", _grants(schema), database, source) for schema in catalog.schemas.values())
    made.extend(_role(role, database, source) for role in catalog.roles.values())
    for relation in catalog.relations.values():
        if isinstance(relation, Table):
            made.append(_table(catalog, relation, database, source))
        else:
            made.append(_view(relation, database, source))
    made.extend(_routine(routine, database, source) for routine in catalog.routines())
    database.meta = {(resource.kind, resource.namespace, resource.name): resource for resource in made}
    return [database, *made]


def _thing(
    thing: Thing, kind: str, raw: dict[str, Any], parent: Resource | None, source: str,
    marks: Marks | None = None,
) -> Resource:  # fmt: skip
    """A resource of an object: its facts beside `raw`, its grants placed."""
    places: Marks = {(key,): mark for key, mark in thing.marks.items()}
    for key, entries in (("grants", thing.grants), ("revokes", thing.revokes)):
        if key in raw:
            _placed(places, key, entries)
    places.update(marks or {})
    facts = {"owner": None, "comment": None} | thing.facts
    return Resource(
        family="sql", group="", version="", kind=kind, namespace=thing.schema, name=thing.name,
        raw={"schema": thing.schema, "name": thing.name, **facts, **raw},
        locator=SqlLocator(thing.mark, places), source=source, parent=parent,
    )  # fmt: skip


def _placed(places: Marks, key: str, entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """The raw values of entries; their places are added under `key`."""
    raws = []
    for index, entry in enumerate(entries):
        raws.append(entry.raw)
        places[key, index] = entry.mark
        for part, mark in entry.parts.items():
            places[key, index, part] = mark
    return raws


def _grants(thing: Thing) -> dict[str, Any]:
    return {
        "grants": [entry.raw for entry in thing.grants],
        "revokes": [entry.raw for entry in thing.revokes],
    }


def _role(role: Role, database: Resource, source: str) -> Resource:
    unknown = dict.fromkeys(
        ("login", "superuser", "bypassrls", "createrole", "createdb", "replication", "inherit", "valid_until")
    )
    raw = {"has_password_literal": False, "password_hash": "", "member_of": [], "declared": False}
    return _thing(role, "Role", {**unknown, **raw, **role.facts}, database, source)


def _view(view: View, database: Resource, source: str) -> Resource:
    raw = {"tables": [{"schema": schema, "name": name} for schema, name in view.reads], **_grants(view)}
    return _thing(view, "View", raw, database, source)


def _routine(routine: Routine, database: Resource, source: str) -> Resource:
    marks: Marks = {}
    path = routine.facts["settings"].get("search_path")
    if "settings" in routine.marks:
        marks["search_path",] = routine.marks["settings"]
    raw = {
        "arguments": routine.arguments, "search_path": path, **_grants(routine),
        "execute_public": any("PUBLIC" in entry.raw["roles"] for entry in routine.grants),
        "dynamic": _placed(marks, "dynamic", routine.dynamic), "name": routine.name,
    }  # fmt: skip
    made = _thing(routine, "Function", raw, database, source, marks)
    made.name = f"{routine.name}({','.join(routine.arguments)})"
    made.address = f"Function/{routine.schema}/{made.name}"
    return made


# tables


def _table(catalog: Catalog, table: Table, database: Resource, source: str) -> Resource:
    marks: Marks = {}
    columns = [Entry({**entry.raw}, entry.mark, {**entry.parts}) for entry in all_columns(catalog, table)]
    constraints = all_constraints(catalog, table)
    indexes = all_indexes(catalog, table)
    primary: list[str] = next((entry.raw["columns"] for entry in constraints if entry.raw["kind"] == "primary"), [])
    unique = [entry for entry in constraints if entry.raw["kind"] == "unique"]
    foreign = [_completed(catalog, entry) for entry in constraints if entry.raw["kind"] == "foreign"]
    checks = [entry for entry in constraints if entry.raw["kind"] == "check"]
    _spread(columns, primary, unique, foreign, indexes)
    for key, own in (("rls_enabled", "enabled"), ("rls_forced", "forced")):
        if key in table.marks:
            marks["rls", own] = table.marks[key]
    facts = {key: value for key, value in table.facts.items() if not key.startswith("rls_")}
    raw = {
        **facts,
        "columns": _placed(marks, "columns", columns),
        "primary_key": primary,
        "unique": [entry.raw["columns"] for entry in unique],
        "foreign_keys": _placed(marks, "foreign_keys", foreign),
        "checks": _placed(marks, "checks", checks),
        "indexes": _placed(marks, "indexes", indexes),
        "rls": {
            "enabled": table.facts.get("rls_enabled", False), "forced": table.facts.get("rls_forced", False)
        },
        "policies": _placed(marks, "policies", table.policies),
        "triggers": _placed(marks, "triggers", table.triggers),
        "partition_of": _named(table.facts.get("partition_of")),
        "partition_by": table.facts.get("partition_by"),
        "inherits": [_named(name) for name in table.facts.get("inherits", [])],
        "foreign": table.facts.get("foreign", False),
        **_grants(table),
    }  # fmt: skip
    for index, entry in enumerate(unique):
        marks["unique", index] = entry.mark
    for entry in constraints:
        if entry.raw["kind"] == "primary":
            marks["primary_key",] = entry.mark
    made = _thing(table, "Table", raw, database, source, marks)
    for key in ("rls_enabled", "rls_forced"):
        made.raw.pop(key, None)
    return made


def _named(name: Name | None) -> dict[str, str] | None:
    return {"schema": name[0], "name": name[1]} if name else None


def _completed(catalog: Catalog, entry: Entry) -> Entry:
    """A foreign key; one that names no columns refers to the primary key."""
    reference = entry.raw["references"]
    target = catalog.relations.get((reference["schema"], reference["table"]))
    if isinstance(target, Table) and not reference["columns"]:
        keys = (other.raw["columns"] for other in target.constraints if other.raw["kind"] == "primary")
        reference = {**reference, "columns": next(keys, [])}
    return Entry({**entry.raw, "references": reference}, entry.mark)


def _spread(
    columns: list[Entry], primary: list[str], unique: list[Entry], foreign: list[Entry], indexes: list[Entry]
) -> None:
    """Tell every column which constraints are its own."""
    alone = {entry.raw["columns"][0] for entry in unique if len(entry.raw["columns"]) == 1}
    alone |= {
        entry.raw["columns"][0]
        for entry in indexes
        if entry.raw["unique"] and len(entry.raw["columns"]) == 1 and not entry.raw["where"]
    }
    references = {entry.raw["columns"][0]: entry for entry in foreign if len(entry.raw["columns"]) == 1}
    for column in columns:
        name = column.raw["name"]
        column.raw["primary_key"] = name in primary
        column.raw["unique"] = name in alone or primary == [name]
        reference = references.get(name)
        column.raw["references"] = reference.raw["references"] if reference else None
        if reference:
            column.parts["references"] = reference.mark


# the database


_PUBLIC_DEFAULT = ("connect", "temporary")


def _database(catalog: Catalog, source: str) -> Resource:
    database: Database = catalog.database
    database.name = database.name or "main"
    marks: Marks = {}
    taken = {name for entry in database.revokes if "PUBLIC" in entry.raw["roles"] for name in entry.raw["privileges"]}
    given = {name for entry in database.grants if "PUBLIC" in entry.raw["roles"] for name in entry.raw["privileges"]}
    tables = list(catalog.tables())
    for entry in database.unmodelled:
        body = entry.raw.pop("body")
        place = entry.mark.source.place(entry.mark.offset)
        words = set(re.findall(r"\w+", body)) if entry.raw["topics"] else set()
        entry.raw.update(
            file=place.file, line=place.line,
            tables=[f"{table.schema}.{table.name}" for table in tables if table.name in words],
        )  # fmt: skip
    for key in database.settings:
        marks["settings", key] = database.marks.pop(f"settings.{key}")
    raw = {
        "declared": False, **database.facts, **_grants(database),
        "public_privileges": sorted((set(_PUBLIC_DEFAULT) - taken) | given),
        "default_privileges": _placed(marks, "default_privileges", database.defaults),
        "other_grants": _placed(marks, "other_grants", database.elsewhere),
        "jobs": _placed(marks, "jobs", database.jobs),
        "extensions": [entry.raw["name"] for entry in database.extensions],
        "settings": dict(database.settings), "statements": catalog.statements,
        "unmodelled": _placed(marks, "unmodelled", database.unmodelled),
    }  # fmt: skip
    return _thing(database, "Database", raw, None, source, marks)
