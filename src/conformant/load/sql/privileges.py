"""Roles, GRANT, REVOKE and default privileges."""

from collections.abc import Iterator, Sequence
from typing import Any

from conformant.load.sql.catalog import Catalog, Entry, Role, Routine, Table, Thing, mark
from conformant.load.sql.expressions import items, option, string, strings, type_name
from conformant.load.sql.grammar import Node, Statement
from conformant.load.sql.source import Mark
from conformant.views.secret_names import Shape, shape

Privilege = tuple[str, tuple[str, ...]]
"""A privilege and the columns that it is limited to, none for all."""

ALL = {
    "OBJECT_TABLE": ("delete", "insert", "references", "select", "trigger", "truncate", "update"),
    "OBJECT_SCHEMA": ("create", "usage"),
    "OBJECT_DATABASE": ("connect", "create", "temporary"),
    "OBJECT_FUNCTION": ("execute",),
    "OBJECT_PROCEDURE": ("execute",),
    "OBJECT_ROUTINE": ("execute",),
    "OBJECT_SEQUENCE": ("select", "update", "usage"),
}
_PLURALS = {
    "OBJECT_TABLE": "tables", "OBJECT_FUNCTION": "functions", "OBJECT_ROUTINE": "functions",
    "OBJECT_PROCEDURE": "functions", "OBJECT_SEQUENCE": "sequences", "OBJECT_SCHEMA": "schemas",
    "OBJECT_TYPE": "types",
}  # fmt: skip
_ATTRIBUTES = {
    "canlogin": "login", "superuser": "superuser", "bypassrls": "bypassrls", "createrole": "createrole",
    "createdb": "createdb", "isreplication": "replication", "inherit": "inherit",
}  # fmt: skip


def grant(catalog: Catalog, statement: Statement) -> None:
    """GRANT and REVOKE on objects."""
    node = statement.node
    privileges = _privileges(node)
    roles = [catalog.role_name(item["RoleSpec"]) for item in node.get("grantees", [])]
    at = mark(statement)
    things = list(_things(catalog, node, at))
    for thing in things:
        if node.get("is_grant"):
            add(thing.grants, privileges, roles, at, bool(node.get("grant_option")))
        else:
            remove(thing.grants, privileges, roles, only_option=bool(node.get("grant_option")))
            thing.revokes.extend(_entries(privileges, roles, at))
    if not things:
        for name in _targets(node):
            raw = {"object": name[0], "schema": name[1], "name": name[2]}
            for entry in _entries(privileges, roles, at):
                entry.raw.update(raw, granted=bool(node.get("is_grant")))
                catalog.database.elsewhere.append(entry)


def _privileges(node: Node) -> list[Privilege]:
    """Each privilege with the columns that it is limited to; ALL is spelled out."""
    found: list[Privilege] = []
    whole = ALL.get(node["objtype"], ("all",))
    for item in node.get("privileges", [{"AccessPriv": {}}]):
        name = item["AccessPriv"].get("priv_name", "")
        limited = tuple(strings(item["AccessPriv"].get("cols")))
        names = (("temporary" if name == "temp" else name),) if name else whole
        found.extend((privilege, limited) for privilege in names)
    return found


def _entries(privileges: Sequence[Privilege], roles: list[str], at: Mark, option: bool = False) -> Iterator[Entry]:
    for role in roles:
        for limited in sorted({columns for _, columns in privileges}):
            names = sorted({name for name, columns in privileges if columns == limited})
            raw: dict[str, Any] = {"privileges": names, "roles": [role], "grant_option": option}
            if limited:
                raw["columns"] = list(limited)
            yield Entry(raw, at)


def add(
    grants: list[Entry], privileges: Sequence[Privilege], roles: list[str], at: Mark,
    option: bool = False,
) -> None:  # fmt: skip
    """Add what is not granted yet, one entry for each role and set of columns."""
    for entry in _entries(privileges, roles, at, option):
        held = {
            name
            for other in grants
            if other.raw["roles"] == entry.raw["roles"]
            and other.raw.get("columns") in (None, entry.raw.get("columns"))
            and (other.raw["grant_option"] or not option)
            for name in other.raw["privileges"]
        }
        entry.raw["privileges"] = [name for name in entry.raw["privileges"] if name not in held]
        if entry.raw["privileges"]:
            grants.append(entry)


def remove(
    grants: list[Entry], privileges: Sequence[Privilege], roles: list[str],
    *, only_option: bool = False,
) -> None:  # fmt: skip
    """Take privileges back, or only the right to pass them on. Taking one back from the whole
    table takes it from its columns too."""
    for entry in list(grants):
        if entry.raw["roles"][0] not in roles:
            continue
        own = set(entry.raw.get("columns", ()))
        taken = {name for name, limited in privileges if not limited or (own and own <= set(limited))}
        if only_option:
            entry.raw["grant_option"] = entry.raw["grant_option"] and not taken
            continue
        entry.raw["privileges"] = [name for name in entry.raw["privileges"] if name not in taken]
        if not entry.raw["privileges"]:
            grants.remove(entry)


def _things(catalog: Catalog, node: Node, at: Mark) -> Iterator[Thing]:
    kind, everything = node["objtype"], node["targtype"] == "ACL_TARGET_ALL_IN_SCHEMA"
    for item in node.get("objects", []):
        if kind == "OBJECT_TABLE" and everything:
            yield from (found for found in catalog.relations.values() if found.schema == string(item))
        elif kind == "OBJECT_TABLE":
            found = catalog.relation(item["RangeVar"])
            if found is not None:
                yield found
        elif kind in ("OBJECT_FUNCTION", "OBJECT_PROCEDURE", "OBJECT_ROUTINE"):
            if everything:
                yield from (found for found in catalog.routines() if found.schema == string(item))
            else:
                yield from named_routines(catalog, item)
        elif kind == "OBJECT_SCHEMA":
            yield catalog.schema(string(item), at)
        elif kind == "OBJECT_DATABASE":
            catalog.database.name = catalog.database.name or string(item)
            if catalog.database.name == string(item):
                yield catalog.database


def named_routines(catalog: Catalog, item: Node) -> list[Routine]:
    """The routines that an ObjectWithArgs names."""
    target = item["ObjectWithArgs"]
    arguments = None
    if not target.get("args_unspecified"):
        arguments = [type_name(argument["TypeName"]) for argument in target.get("objargs", []) if argument]
    return catalog.routine(strings(target["objname"]), arguments)


def _targets(node: Node) -> Iterator[tuple[str, str, str]]:
    """(kind, schema, name) of what a grant names."""
    kind = node["objtype"].removeprefix("OBJECT_").lower()
    everything = node["targtype"] == "ACL_TARGET_ALL_IN_SCHEMA"
    for item in node.get("objects", []):
        if "RangeVar" in item:
            yield kind, item["RangeVar"].get("schemaname", ""), item["RangeVar"]["relname"]
        elif everything:
            yield kind, string(item), "*"
        else:
            names = strings(item.get("ObjectWithArgs", {}).get("objname") or item) or [string(item)]
            yield kind, ".".join(names[:-1]), names[-1]


def alter_defaults(catalog: Catalog, statement: Statement) -> None:
    """ALTER DEFAULT PRIVILEGES: kept as facts, and applied to what is created later."""
    options = dict(map(option, statement.node.get("options", [])))
    action = statement.node["action"]
    named = [catalog.role_name(item["RoleSpec"]) for item in items(options.get("roles"))]
    roles: list[str | None] = [*named] or [catalog.role]
    schemas: list[str | None] = [*strings(options.get("schemas"))] or [None]
    grantees = [catalog.role_name(item["RoleSpec"]) for item in action.get("grantees", [])]
    for role in roles:
        for schema in schemas:
            for entry in _entries(_privileges(action), grantees, mark(statement)):
                entry.raw.update(
                    creator=role, schema=schema, objects=_PLURALS.get(action["objtype"], "objects"),
                    granted=bool(action.get("is_grant")),
                )  # fmt: skip
                catalog.database.defaults.append(entry)


def apply_defaults(catalog: Catalog, thing: Thing, objects: str) -> None:
    """Give a new object the privileges that earlier default privileges promise. Those stated for
    all schemas come before those for one, which can only add to them."""
    entries = [
        entry
        for entry in catalog.database.defaults
        if entry.raw["objects"] == objects
        and entry.raw["creator"] == catalog.role
        and entry.raw["schema"] in (None, thing.schema)
    ]
    for schema in (None, thing.schema):
        scoped: list[Entry] = []
        for entry in (entry for entry in entries if entry.raw["schema"] == schema):
            privileges: list[Privilege] = [(name, ()) for name in entry.raw["privileges"]]
            if entry.raw["granted"]:
                add(scoped, privileges, entry.raw["roles"], entry.mark)
            elif schema is None:
                remove(thing.grants, privileges, entry.raw["roles"])
                remove(scoped, privileges, entry.raw["roles"])
            else:
                remove(scoped, privileges, entry.raw["roles"])
        for entry in scoped:
            add(thing.grants, [(name, ()) for name in entry.raw["privileges"]], entry.raw["roles"], entry.mark)


def create_role(catalog: Catalog, statement: Statement) -> None:
    name = statement.node["role"]
    if name in catalog.roles and catalog.roles[name].facts["declared"]:
        return
    role = Role(schema="", name=name, mark=mark(statement))
    role.facts = dict.fromkeys(_ATTRIBUTES.values(), False) | {
        "declared": True, "inherit": True, "login": statement.node["stmt_type"] == "ROLESTMT_USER",
        "has_password_literal": False, "password_hash": "", "member_of": [], "valid_until": None,
    }  # fmt: skip
    catalog.roles[name] = role
    _role_options(catalog, role, statement)


def alter_role(catalog: Catalog, statement: Statement) -> None:
    name = catalog.role_name(statement.node["role"])
    role = catalog.role_named(name, mark(statement))
    if "setstmt" not in statement.node:
        options = dict(map(option, statement.node.get("options", [])))
        if "rolemembers" in options:
            members = [catalog.role_name(item["RoleSpec"]) for item in items(options["rolemembers"])]
            _membership(catalog, statement, [name], members, statement.node.get("action", 1) == 1)
            return
        _role_options(catalog, role, statement)


def _role_options(catalog: Catalog, role: Role, statement: Statement) -> None:
    for item in statement.node.get("options", []):
        key, value = option(item)
        at = mark(statement, item["DefElem"].get("location"))
        if key in _ATTRIBUTES:
            role.set(_ATTRIBUTES[key], bool(value), at)
        elif key == "password":
            literal = isinstance(value, str) and shape("password", value) is Shape.LITERAL
            role.set("has_password_literal", literal, at)
            role.facts["password_hash"] = _hash(value) if isinstance(value, str) else ""
        elif key == "validUntil":
            role.set("valid_until", value, at)
        elif key == "addroleto":
            groups = [catalog.role_name(spec["RoleSpec"]) for spec in items(value)]
            _membership(catalog, statement, groups, [role.name], True)
        elif key in ("rolemembers", "adminmembers"):
            members = [catalog.role_name(spec["RoleSpec"]) for spec in items(value)]
            _membership(catalog, statement, [role.name], members, True)


def _hash(password: str) -> str:
    """``scram-sha-256`` or ``md5`` for a password that is given as its verifier, else ""."""
    if password.startswith("SCRAM-SHA-256$"):
        return "scram-sha-256"
    return "md5" if password.startswith("md5") and len(password) == 35 else ""


def grant_role(catalog: Catalog, statement: Statement) -> None:
    node = statement.node
    groups = [item["AccessPriv"].get("priv_name", "") for item in node.get("granted_roles", [])]
    members = [catalog.role_name(item["RoleSpec"]) for item in node.get("grantee_roles", [])]
    if node.get("opt") and not node.get("is_grant"):
        return
    _membership(catalog, statement, groups, members, bool(node.get("is_grant")))


def _membership(catalog: Catalog, statement: Statement, groups: list[str], members: list[str], joined: bool) -> None:
    for member in members:
        role = catalog.role_named(member, mark(statement))
        held = [name for name in role.facts.get("member_of", []) if name not in groups]
        role.set("member_of", held + groups if joined else held, mark(statement))


def forget_role(catalog: Catalog, name: str) -> None:
    catalog.roles.pop(name, None)
    for role in catalog.roles.values():
        if name in role.facts.get("member_of", ()):
            role.facts["member_of"] = [other for other in role.facts["member_of"] if other != name]


def holders(catalog: Catalog) -> Iterator[Thing]:
    """Everything that has an owner and grants."""
    yield from catalog.relations.values()
    yield from catalog.routines()
    yield from catalog.schemas.values()
    yield catalog.database


def rename_role(catalog: Catalog, old: str, new: str) -> None:
    """Follow a role's new name wherever the old one stands."""
    role = catalog.roles.pop(old, None)
    if role is not None:
        role.name = new
        catalog.roles[new] = role
    for other in catalog.roles.values():
        if old in other.facts.get("member_of", ()):
            other.facts["member_of"] = [new if name == old else name for name in other.facts["member_of"]]
    for thing in holders(catalog):
        if thing.facts.get("owner") == old:
            thing.facts["owner"] = new
        for entry in (*thing.grants, *thing.revokes):
            entry.raw["roles"] = [new if name == old else name for name in entry.raw["roles"]]
        if isinstance(thing, Table):
            for policy in thing.policies:
                policy.raw["roles"] = [new if name == old else name for name in policy.raw["roles"]]
