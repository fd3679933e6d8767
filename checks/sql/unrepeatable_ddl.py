"""The DDL is incomplete, or says not whether it may run again.

What it checks: Each schema that is created has something in it. There is a sign of versioned migrations:
numbered files, or a table such as schema_migrations. Where there is none, a file that creates some things IF
NOT EXISTS creates no others without it, unless it drops them before. gen_random_uuid() needs pgcrypto before
PostgreSQL 13, as the profile or the platform's own servers tell the version.

Why it matters: A script that half succeeds the second time leaves a database that nobody has described.
What was applied where is then known only to who did it.

How to fix: Versioned migrations (V001__….sql, and the table of what was applied), each run once.

When it is fine: A first draft in a document; an extension's script.
"""

from collections.abc import Iterator

from conformant.domain.postgresql import server_version
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.views.sql import Database, Schema, Table

LOG = lazy(
    r"(?i)_*(?:schema_?(?:migrations?|versions?|history)|flyway_schema_history|alembic_version|goose_db_version|migrations?"
    r"|migration_(?:log|history|versions?)|(?:prisma|sqlx|knex|sequelize|typeorm|diesel_schema|atlas_schema)_?_?(?:migrations|meta|revisions)"
    r"|pgmigrations|django_migrations|databasechangelog(?:lock)?|ef_?migrations_?history|changelog|gorp_migrations)"
)
NUMBERED = lazy(
    r"(?i)(?:^|[/\\])(?:[VRUB]?\d+(?:[._]\d+)*_|R__|\d{3,}(?=[-_.])|\d{8,})[^/\\]*(?:[/\\](?:up|migration|down))?\.sql$"
)
RANDOM = lazy(r"(?i)\bgen_random_uuid\s*\(")
MARKER = Cure("versioned migrations: numbered files, and a table of those applied", grade="none")
EITHER = Cure("IF NOT EXISTS throughout, or versioned migrations that run once", grade="none")
CRYPTO = Cure("CREATE EXTENSION IF NOT EXISTS pgcrypto, or PostgreSQL 13 and later", grade="none")
FILL = Cure("create its objects here, or leave the schema out until there are some", grade="none")

Created = Schema | Table


@check(
    id="SQL-010",
    severity=Severity.LOW,
    requirement="migrations",
    controls=["nist-800-53r5/CM-3", "soc2/CC8.1", "iso-27001-2022/A.8.32"],
)
def unrepeatable_ddl(database: Database, platform: Platform) -> Iterator[Item]:
    if not database.defines:
        yield NotApplicable("nothing is created here")
        return
    yield from _empty_schemas(database)
    if not _versioned(database):
        doubt = database.undecided("table")
        yield doubt or Finding("no sign of versioned migrations: which DDL was applied is not told", cure=MARKER)
        yield from _mixed(database)
    yield from _uuids(database, platform)


def _empty_schemas(database: Database) -> Iterator[Item]:
    for schema in database.schemas:
        if schema.declared and schema.is_empty and not _of_extension(schema.name):
            doubt = schema.undecided("table", "view", "function", "schema", "extension")
            message = f"schema {schema.name} is created, and nothing in it"
            yield doubt or Finding(message, Path(), cure=FILL, at=schema.resource)


def _of_extension(name: str) -> bool:
    return name in ("public", "extensions", "topology", "tiger", "cron", "partman") or name.startswith("pg_")


def _versioned(database: Database) -> bool:
    if any(LOG.fullmatch(table.name) for table in database.tables):
        return True
    files = {resource.locator.place(()).file for resource in (database.resource, *database.members)}
    return any(NUMBERED.search(file) for file in files)


def _mixed(database: Database) -> Iterator[Finding]:
    """One finding for each file that creates some things IF NOT EXISTS and others without."""
    created: list[Created] = [schema for schema in database.schemas if schema.declared]
    created += database.tables
    by_file: dict[str, list[Created]] = {}
    for thing in created:
        by_file.setdefault(thing.resource.locator.place(()).file, []).append(thing)
    for things in by_file.values():
        bare = [thing for thing in things if not thing.repeatable]
        if bare and any(thing.raw.get("if_not_exists") for thing in things):
            more = f" and {len(bare) - 1} more" if len(bare) > 1 else ""
            message = f"{bare[0].qualified}{more} created without IF NOT EXISTS, other things here with it"
            yield Finding(message, Path(), cure=EITHER, at=bare[0].resource)


def _uuids(database: Database, platform: Platform) -> Iterator[Finding]:
    version = platform.derived(server_version)
    if version is None or version >= 13 or "pgcrypto" in database.extensions:
        return
    for table in database.tables:
        for column in table.columns:
            if column.default and RANDOM.search(column.default):
                message = f"gen_random_uuid() needs the extension pgcrypto on PostgreSQL {version}"
                yield Finding(message, column.path / "default", cure=CRYPTO, at=table.resource)
                return
