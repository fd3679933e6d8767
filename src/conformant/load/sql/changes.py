"""DROP, RENAME, SET SCHEMA and OWNER TO."""

from collections.abc import Iterable

from conformant.load.sql.catalog import Catalog, Entry, Name, Table, Thing, View, mark
from conformant.load.sql.expressions import string, strings
from conformant.load.sql.grammar import Node, Statement
from conformant.load.sql.privileges import forget_role, holders, named_routines, rename_role

_RELATIONS = ("OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_FOREIGN_TABLE")
_ROUTINES = ("OBJECT_FUNCTION", "OBJECT_PROCEDURE", "OBJECT_ROUTINE")


def drop(catalog: Catalog, statement: Statement) -> None:
    kind = statement.node["removeType"]
    for item in statement.node.get("objects", []):
        names = strings(item)
        if kind in _RELATIONS:
            relation = catalog.relation_named(names)
            if relation is not None:
                drop_relation(catalog, relation)
            elif statement.node.get("missing_ok"):
                catalog.cleared.add(catalog.resolve(names[-2] if len(names) > 1 else "", names[-1]))
        elif kind in _ROUTINES:
            catalog.drop_routines(named_routines(catalog, item))
        elif kind == "OBJECT_SCHEMA":
            drop_schema(catalog, string(item))
        elif kind in ("OBJECT_POLICY", "OBJECT_TRIGGER"):
            table = catalog.relation_named(names[:-1])
            if isinstance(table, Table) and kind == "OBJECT_POLICY":
                table.policies = _without(table.policies, names[-1])
            elif isinstance(table, Table):
                table.triggers = _without(table.triggers, names[-1])
        elif kind == "OBJECT_INDEX":
            for table in catalog.tables():
                if len(names) == 1 or table.schema == names[-2]:
                    table.indexes = _without(table.indexes, names[-1])
        elif kind == "OBJECT_EXTENSION":
            database = catalog.database
            database.extensions = _without(database.extensions, string(item))


def _without(entries: Iterable[Entry], name: str) -> list[Entry]:
    return [entry for entry in entries if entry.raw["name"] != name]


def drop_relation(catalog: Catalog, relation: Thing) -> None:
    """Take a relation away with what depends on it: foreign keys, partitions and other children, views."""
    catalog.relations.pop(relation.key, None)
    for other in list(catalog.relations.values()):
        if isinstance(other, View):
            if relation.key in other.reads:
                drop_relation(catalog, other)
            continue
        other.constraints = [entry for entry in other.constraints if _target(entry) != relation.key]
        if relation.key in (other.facts.get("partition_of"), *other.facts.get("inherits", ())):
            drop_relation(catalog, other)


def _target(entry: Entry) -> Name | None:
    reference = entry.raw.get("references")
    return (reference["schema"], reference["table"]) if reference else None


def drop_schema(catalog: Catalog, name: str) -> None:
    for relation in [found for found in catalog.relations.values() if found.schema == name]:
        drop_relation(catalog, relation)
    catalog.drop_routines(routine for routine in catalog.routines() if routine.schema == name)
    catalog.schemas.pop(name, None)


def drop_roles(catalog: Catalog, statement: Statement) -> None:
    for item in statement.node["roles"]:
        forget_role(catalog, catalog.role_name(item["RoleSpec"]))


def drop_owned(catalog: Catalog, statement: Statement) -> None:
    roles = [catalog.role_name(item["RoleSpec"]) for item in statement.node["roles"]]
    for thing in list(holders(catalog)):
        thing.grants = [entry for entry in thing.grants if entry.raw["roles"][0] not in roles]
    for relation in [found for found in catalog.relations.values() if found.facts.get("owner") in roles]:
        drop_relation(catalog, relation)
    catalog.drop_routines(found for found in catalog.routines() if found.facts.get("owner") in roles)


def reassign_owned(catalog: Catalog, statement: Statement) -> None:
    roles = [catalog.role_name(item["RoleSpec"]) for item in statement.node["roles"]]
    for thing in holders(catalog):
        if thing.facts.get("owner") in roles:
            thing.set("owner", catalog.role_name(statement.node["newrole"]), mark(statement))


def change_owner(catalog: Catalog, statement: Statement) -> None:
    node, at = statement.node, mark(statement)
    owner = catalog.role_name(node["newowner"])
    match node["objectType"]:
        case "OBJECT_SCHEMA":
            catalog.schema(string(node["object"]), at).set("owner", owner, at)
        case "OBJECT_DATABASE":
            catalog.database.set("owner", owner, at)
        case "OBJECT_FUNCTION" | "OBJECT_PROCEDURE" | "OBJECT_ROUTINE":
            for routine in named_routines(catalog, node["object"]):
                routine.set("owner", owner, at)


def set_schema(catalog: Catalog, statement: Statement) -> None:
    node, schema = statement.node, statement.node["newschema"]
    if node["objectType"] in _RELATIONS:
        relation = catalog.relation(node["relation"])
        if relation is not None:
            _move(catalog, relation, (schema, relation.name))
            catalog.schema(schema, mark(statement))
    elif node["objectType"] in _ROUTINES:
        for routine in named_routines(catalog, node["object"]):
            routine.schema = schema


def rename(catalog: Catalog, statement: Statement) -> None:
    node = statement.node
    kind, new = node["renameType"], node["newname"]
    if kind == "OBJECT_ROLE":
        rename_role(catalog, node["subname"], new)
    elif kind == "OBJECT_SCHEMA":
        _rename_schema(catalog, node["subname"], new)
    elif kind == "OBJECT_DATABASE":
        catalog.database.name = new
    elif kind in _ROUTINES:
        for routine in named_routines(catalog, node["object"]):
            catalog.drop_routines([routine])
            routine.name = new
            catalog.add_routine(routine)
    elif kind == "OBJECT_INDEX":
        for table in catalog.tables():
            _rename_entry(table.indexes, node["relation"]["relname"], new)
    elif "relation" in node:
        relation = catalog.relation(node["relation"])
        if relation is not None and kind in _RELATIONS:
            _move(catalog, relation, (relation.schema, new))
        elif isinstance(relation, Table):
            _rename_part(catalog, relation, node, new)


def _rename_part(catalog: Catalog, table: Table, node: Node, new: str) -> None:
    match node["renameType"]:
        case "OBJECT_COLUMN":
            _rename_column(catalog, table, node["subname"], new)
        case "OBJECT_POLICY":
            _rename_entry(table.policies, node["subname"], new)
        case "OBJECT_TRIGGER":
            _rename_entry(table.triggers, node["subname"], new)
        case "OBJECT_TABCONSTRAINT":
            _rename_entry(table.constraints, node["subname"], new)


def _rename_entry(entries: Iterable[Entry], old: str, new: str) -> None:
    for entry in entries:
        if entry.raw["name"] == old:
            entry.raw["name"] = new


def _rename_column(catalog: Catalog, table: Table, old: str, new: str) -> None:
    _rename_entry(table.columns, old, new)
    for entry in (*table.constraints, *table.indexes, *table.policies):
        entry.raw["columns"] = [new if name == old else name for name in entry.raw["columns"]]
    for other in catalog.tables():
        for entry in other.constraints:
            if _target(entry) == table.key:
                names = entry.raw["references"]["columns"]
                entry.raw["references"]["columns"] = [new if name == old else name for name in names]


def _move(catalog: Catalog, relation: Table | View, key: Name) -> None:
    """Give a relation a new name, also wherever others refer to it."""
    old = relation.key
    del catalog.relations[old]
    relation.schema, relation.name = key
    catalog.relations[key] = relation
    for other in catalog.relations.values():
        if isinstance(other, View):
            other.reads = [key if name == old else name for name in other.reads]
            continue
        for entry in other.constraints:
            if _target(entry) == old:
                entry.raw["references"].update(schema=key[0], table=key[1])
        if other.facts.get("partition_of") == old:
            other.facts["partition_of"] = key
        other.facts["inherits"] = [key if name == old else name for name in other.facts.get("inherits", [])]


def _rename_schema(catalog: Catalog, old: str, new: str) -> None:
    for relation in [found for found in catalog.relations.values() if found.schema == old]:
        _move(catalog, relation, (new, relation.name))
    for routine in catalog.routines():
        routine.schema = new if routine.schema == old else routine.schema
    schema = catalog.schemas.pop(old, None)
    if schema is not None:
        schema.name = new
        catalog.schemas[new] = schema
