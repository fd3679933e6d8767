"""A schema is not kept apart from others by roles of its own.

What it checks: Every schema of a service (all but ``public`` and those of extensions) has an owner that is
stated (CREATE SCHEMA … AUTHORIZATION, ALTER SCHEMA … OWNER TO) and is that of no other schema; a role is
granted USAGE on it; the owner is not the application's own role (one that logs in while nobody else may write);
and no role that belongs to another schema, by owning it, by its name or by what it may write, has privileges
here, be it through a group. Schemas that are declared as shared may be read. All of it is judged after the last
statement of the migrations.

Why it matters: Schemas divide names, roles divide rights. Without roles a fault in one service reads and
changes the data of all others; an application that owns its tables passes their row security by.

How to fix: One NOLOGIN owner and one LOGIN role for each schema: CREATE SCHEMA a AUTHORIZATION a_owner;
GRANT USAGE ON SCHEMA a TO a_app; and what a_app needs of its tables.

When it is fine: A database that one program has for itself.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from msgspec import Struct

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Resource, Severity, Undecided
from conformant.platform import Platform
from conformant.views.sql import Database, Schema, SqlObject

READ = frozenset({"usage", "select", "references", "execute"})
WRITE = frozenset({"insert", "update", "delete", "truncate", "create"})
NOT_SERVICES = ("public", "extensions", "topology", "tiger", "tiger_data", "cron", "partman", "pg_*", "_*")
ROLES = Cure("a NOLOGIN owner and a LOGIN role for this schema alone; GRANT USAGE to the latter", grade="none")
APART = Cure("revoke it, and let the other service ask through an interface or a shared schema", grade="none")


class Schemas(Struct, frozen=True, forbid_unknown_fields=True):
    """`shared`: schemas that the roles of other schemas may read."""

    shared: tuple[str, ...] = ("shared", "common", "reference")


class Held(Struct, frozen=True):
    """Privileges that a role holds on a schema or on what is in it, and where they are granted."""

    role: str
    privileges: frozenset[str]
    resource: Resource
    path: Path


@check(
    id="SQL-001",
    severity=Severity.HIGH,
    requirement="store-isolation",
    controls=[
        "nist-800-53r5/AC-3", "nist-800-53r5/AC-6", "soc2/CC6.1", "soc2/CC6.3", "iso-27001-2022/A.8.3",
        "iso-27001-2022/A.5.15", "pci-dss-4.0/7.2.1", "pci-dss-4.0/7.2.5",
    ],
)  # fmt: skip
def schema_without_own_role(schema: Schema, platform: Platform, settings: Schemas = Schemas()) -> Iterator[Item]:
    if not _of_service(schema):
        yield NotApplicable("no schema of a service")
        return
    isolation = platform.derived(_isolations)[id(schema.database.resource)]
    yield from _missing(schema)
    yield from _owner(schema, isolation)
    yield from _strangers(schema, isolation, schema.name in settings.shared)


def _of_service(schema: Schema) -> bool:
    return not any(fnmatchcase(schema.name, pattern) for pattern in NOT_SERVICES)


class Isolation:
    """Who owns the schemas of one database, who holds what there, and which schema a role belongs to."""

    def __init__(self, database: Database) -> None:
        schemas = [schema for schema in database.schemas if _of_service(schema)]
        self.owned: dict[str, list[str]] = {}
        self.held: dict[str, list[Held]] = {schema.name: [] for schema in schemas}
        self.members: dict[str, list[str]] = {}
        for schema in schemas:
            if schema.owner is not None:
                self.owned.setdefault(schema.owner, []).append(schema.name)
            self.held[schema.name].extend(_held(schema))
        for relation in (*database.tables, *database.views):
            if relation.schema in self.held:
                self.held[relation.schema].extend(_held(relation))
        for role in database.roles:
            for group in database.roles_behind(role.name) - {role.name}:
                self.members.setdefault(group, []).append(role.name)

    def writers(self, schema: Schema) -> set[str]:
        """The roles that may write in a schema, now or in tables that are made later."""
        now = {held.role for held in self.held[schema.name] if held.privileges & WRITE}
        later = (part.raw for part in schema.database.default_privileges)
        return now.union(
            role
            for raw in later
            if raw["granted"] and raw["schema"] in (None, schema.name) and WRITE.intersection(raw["privileges"])
            for role in raw["roles"]
        )

    def home(self, role: str) -> str | None:
        """The schema that a role belongs to: it owns it, is named after it, or may write there."""
        if role in self.owned:
            return self.owned[role][0]
        named = [name for name in self.held if f"_{name}_" in f"_{role}_"]
        if named:
            return max(named, key=len)
        users = [(name, held) for name, entries in self.held.items() for held in entries if held.role == role]
        writes = [name for name, held in users if held.privileges & WRITE]
        reads = any("select" in held.privileges for _, held in users)
        return next(iter(writes), None if reads or not users else users[0][0])


def _held(thing: SqlObject) -> Iterator[Held]:
    for grant in thing.grants:
        for role in grant.roles:
            if role != "PUBLIC":
                yield Held(role, frozenset(grant.privileges), thing.resource, grant.path)


def _isolations(platform: Platform) -> dict[int, Isolation]:
    return {id(database.resource): Isolation(database) for database in platform.of(Database)}


def _missing(schema: Schema) -> Iterator[Item]:
    """Nobody is said to own the schema, or to use it."""
    absent: list[tuple[str, Undecided | None]] = []
    if schema.owner is None:
        doubt = schema.undecided("owner", "schema")
        if doubt is None and not schema.declared:
            doubt = Undecided(f"schema {schema.name} is created elsewhere: its owner is not known here")
        absent.append(("has no owner of its own", doubt))
    if not any("usage" in grant.privileges for grant in schema.grants if grant.roles != [schema.owner]):
        absent.append(("no role is granted USAGE on it", schema.undecided("grant", "role")))
    yield from (doubt for _, doubt in absent if doubt is not None)
    faults = [fault for fault, doubt in absent if doubt is None]
    if faults:
        path = Path() if schema.owner is None else Path(("owner",))
        yield Finding(f"schema {schema.name}: {', and '.join(faults)}", path, cure=ROLES)


def _owner(schema: Schema, isolation: Isolation) -> Iterator[Item]:
    owner = schema.owner
    if owner is not None:
        others = isolation.owned[owner]
        if others[0] != schema.name:
            message = f"schema {schema.name} has the owner of schema {others[0]}: {owner}"
            yield Finding(message, Path(("owner",)), cure=ROLES)
    things: list[SqlObject] = [schema, *schema.tables]
    for thing in things:
        role = schema.database.role(thing.owner) if thing.owner else None
        if role is not None and role.login and not isolation.writers(schema) - {role.name}:
            message = f"{role.name}, the role of the application, owns {thing.kind.lower()} {thing.qualified}"
            yield Finding(message, Path(("owner",)), cure=ROLES, at=thing.resource)
            return


def _strangers(schema: Schema, isolation: Isolation, shared: bool) -> Iterator[Item]:
    """Privileges of roles that belong to other schemas, one finding for each role."""
    own = Held(schema.owner, frozenset({"all"}), schema.resource, Path(("owner",))) if schema.owner else None
    told: set[str] = set()
    for held in [*([own] if own else []), *isolation.held[schema.name]]:
        if shared and held.privileges <= READ:
            continue
        roles = (
            isolation.members.get(held.role, []) if held is own else [held.role, *isolation.members.get(held.role, [])]
        )
        for role in roles:
            home = isolation.home(role)
            if home is None or home == schema.name or role in told:
                continue
            told.add(role)
            means = "" if role == held.role else f" as a member of {held.role}"
            message = f"{role}, of schema {home}, has {_words(held.privileges)} in schema {schema.name}{means}"
            yield Finding(message, held.path, cure=APART, at=held.resource)


def _words(privileges: frozenset[str]) -> str:
    return "all rights" if privileges == {"all"} else ", ".join(sorted(privileges)).upper()
