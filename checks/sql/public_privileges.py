"""Everybody who may log in has privileges in the database.

What it checks: CONNECT and TEMPORARY on the database are revoked from PUBLIC, which has them by default;
before PostgreSQL 15, as the profile or the platform's own servers tell the version, so is CREATE on schema
public; nothing is granted to PUBLIC; and where there are functions, ALTER DEFAULT PRIVILEGES takes EXECUTE
from PUBLIC before they are made: one that names a schema takes nothing, since the default is global.

Why it matters: PUBLIC is every role, also the one of another service or of a forgotten test. What it may do
nobody needs to be granted, so no review of grants shows it.

How to fix: REVOKE ALL ON DATABASE … FROM PUBLIC; ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM
PUBLIC; and grants to the roles that need them.

When it is fine: A server with one database and one role. New schemas grant PUBLIC nothing.
"""

from collections.abc import Iterator
from typing import Any

from conformant.domain.postgresql import server_version
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity
from conformant.platform import Platform
from conformant.views.sql import Database, SqlObject

DATABASE = Cure("REVOKE ALL ON DATABASE … FROM PUBLIC", grade="none")
SCHEMA = Cure("REVOKE CREATE ON SCHEMA public FROM PUBLIC", grade="none")
FUNCTIONS = Cure("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC", grade="none")
GRANT = Cure("grant it to the roles that need it", grade="none")


@check(
    id="SQL-002",
    severity=Severity.MEDIUM,
    requirement="store-isolation",
    controls=[
        "nist-800-53r5/AC-6", "nist-800-53r5/CM-7", "soc2/CC6.3", "iso-27001-2022/A.8.2", "pci-dss-4.0/7.3.3",
    ],
)  # fmt: skip
def public_privileges(database: Database, platform: Platform) -> Iterator[Item]:
    if not database.defines:
        yield NotApplicable("nothing is created here")
        return
    yield from _on_database(database)
    yield from _on_public_schema(database, platform)
    yield from _granted(database)
    yield from _functions(database)


def _on_database(database: Database) -> Iterator[Item]:
    left = [name.upper() for name in database.public_privileges if name in ("connect", "temporary")]
    if not left:
        return
    doubt = database.undecided("grant")
    if doubt is not None:
        yield doubt
        return
    yield Finding(f"PUBLIC has {' and '.join(left)} on the database: nothing revokes it", Path(), cure=DATABASE)


def _on_public_schema(database: Database, platform: Platform) -> Iterator[Item]:
    version = platform.derived(server_version)
    if version is None or version >= 15:
        return
    schema = database.schema_named("public")
    revokes = schema.revokes if schema else []
    if any("PUBLIC" in revoke.roles and "create" in revoke.privileges for revoke in revokes):
        return
    doubt = database.undecided("grant")
    if doubt is not None:
        yield doubt
        return
    message = f"PUBLIC may create objects in schema public, the default of PostgreSQL {version}"
    yield Finding(message, Path(("public_privileges",)), cure=SCHEMA)


def _granted(database: Database) -> Iterator[Finding]:
    things: list[SqlObject] = [
        database, *database.schemas, *database.tables, *database.views, *database.functions,
    ]  # fmt: skip
    for thing in things:
        for grant in thing.grants:
            if "PUBLIC" not in grant.roles or grant.raw.get("implicit") or _restated(thing, grant.privileges):
                continue
            what = f"{thing.kind.lower()} {thing.qualified}"
            message = f"{', '.join(grant.privileges).upper()} on {what} is granted to PUBLIC"
            yield Finding(message, grant.path, cure=GRANT, at=thing.resource)
    for part in database.default_privileges:
        if part.raw["granted"] and "PUBLIC" in part.raw["roles"]:
            privileges = ", ".join(part.raw["privileges"]).upper()
            yield Finding(f"{privileges} on later {part.raw['objects']} is granted to PUBLIC", part.path, cure=GRANT)
    for index, raw in enumerate(database.raw["other_grants"]):
        if raw["granted"] and "PUBLIC" in raw["roles"]:
            what = f"{raw['object']} {raw['schema']}{'.' if raw['schema'] else ''}{raw['name']}"
            message = f"{', '.join(raw['privileges']).upper()} on {what} is granted to PUBLIC"
            yield Finding(message, Path(("other_grants", index)), cure=GRANT)


def _restated(thing: SqlObject, privileges: list[str]) -> bool:
    """What PUBLIC has of schema public anyway, as dumps state it."""
    return thing.kind == "Schema" and thing.name == "public" and privileges == ["usage"]


def _functions(database: Database) -> Iterator[Item]:
    open_ones = [
        function for function in database.functions
        if any("PUBLIC" in grant.roles and grant.raw.get("implicit") for grant in function.grants)
    ]  # fmt: skip
    if not open_ones:
        return
    doubt = database.undecided("grant")
    if doubt is not None:
        yield doubt
        return
    names = ", ".join(function.qualified for function in open_ones[:3]) + (" …" if len(open_ones) > 3 else "")
    if any(_takes_execute(part.raw) for part in database.default_privileges):
        message = f"PUBLIC may execute {names}: default privileges bind what their creator makes after them"
    else:
        message = f"PUBLIC may execute {names}: no default privileges take EXECUTE from it"
    yield Finding(message, Path(), cure=FUNCTIONS, at=open_ones[0].resource)


def _takes_execute(raw: dict[str, Any]) -> bool:
    stated = not raw["granted"] and raw["schema"] is None and raw["objects"] == "functions"
    return stated and "PUBLIC" in raw["roles"] and "execute" in raw["privileges"]
