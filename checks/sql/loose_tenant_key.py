"""The column that tells tenants apart is loose.

What it checks: The tenant key of a table, else its user key, is NOT NULL, refers to the table that owns it,
with a stated decision on what happens when that row goes, and leads an index (primary key and UNIQUE count).
A table with a user key has a tenant key too where the database knows tenants, but for what is the user's in
all of them: sessions, identities, preferences. A column that is its table's whole primary key owns the identity
itself; columns of a parent table are judged there.

Why it matters: Rows without a tenant belong to nobody and to everybody: policies hide them or show them to
all. Without the tenant's own column, row security needs a join on each read, and without an index a scan.

How to fix: NOT NULL, REFERENCES … ON DELETE …, and CREATE INDEX CONCURRENTLY that begins with the key.

When it is fine: The key of a user kept by another system cannot refer to a table here: that is low.
"""

from collections.abc import Iterator

from msgspec import Struct

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Severity
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.views.sql import Database, Table
from conformant.views.sql_parts import Column

TENANTS = lazy(r"(?:tenant|org|organi[sz]ation)s?(?:_?id)?")
OF_THE_USER_ALONE = lazy(
    r"(?i)(?:.*_)?(?:sessions?|accounts?|identities|identity|logins?|devices?|preferences?|passwords?|mfa\w*|otps?)"
    r"|.*(?:reset|verification|confirmation)s?_?tokens?|refresh_?tokens?"
)
CURE = Cure("NOT NULL, REFERENCES … ON DELETE …, CREATE INDEX CONCURRENTLY on the key", grade="none")


@check(
    id="SQL-004",
    severity=Severity.MEDIUM,
    requirement="tenant-key",
    controls=["nist-800-53r5/SI-10", "iso-27001-2022/A.8.28"],
)
def loose_tenant_key(table: Table, platform: Platform) -> Iterator[Item]:
    keys = [column for column in table.key_columns if not column.inherited]
    if not keys or table.is_foreign:
        yield NotApplicable("no key of a tenant or user in it")
        return
    tenancy = platform.derived(_tenancies)[id(table.database.resource)]
    doubt = table.undecided("table", "index")
    for column in keys:
        faults = list(_faults(table, column, tenancy))
        if not faults:
            continue
        if doubt is not None:
            yield doubt
            return
        severity = max(fault for fault, _ in faults)
        message = f"{table.qualified}.{column.name} {'; '.join(text for _, text in faults)}"
        yield Finding(message, column.path, severity, CURE)


class Tenancy(Struct, frozen=True):
    """Which identities have a table of their own here (``user``), and whether there are tenants."""

    owned: frozenset[str]
    tenants: bool


def _tenancies(platform: Platform) -> dict[int, Tenancy]:
    return {id(database.resource): _tenancy(database) for database in platform.of(Database)}


def _tenancy(database: Database) -> Tenancy:
    owned: set[str] = set()
    tenants = False
    for table in database.tables:
        owned.add(_stem(table.name))
        owned.update(_stem(column.name) for column in table.key_columns if _owns(table, column))
        named = (table.name, *(column.name for column in table.tenant_columns))
        tenants = tenants or any(TENANTS.fullmatch(name) for name in named)
    return Tenancy(frozenset(owned), tenants)


def _stem(name: str) -> str:
    """``organization`` of organization_id, organisations and orgs."""
    stem = name.lower().removesuffix("id").removesuffix("_").replace("organisation", "organization")
    stem = stem.removesuffix("s")
    return "organization" if stem == "org" else stem


def _owns(table: Table, column: Column) -> bool:
    """The key is the table's whole primary key and comes from nowhere else."""
    return table.primary_key == [column.name] and column.references is None


def _faults(table: Table, column: Column, tenancy: Tenancy) -> Iterator[tuple[Severity, str]]:
    if column.nullable:
        yield Severity.MEDIUM, "may be null"
    yield from _reference(table, column, tenancy)
    if not table.is_indexed(column.name):
        yield Severity.MEDIUM, "leads no index"
    alone = not table.tenant_columns and not _owns(table, column) and table.columns_known
    if tenancy.tenants and alone and OF_THE_USER_ALONE.fullmatch(table.name) is None:
        yield Severity.MEDIUM, "stands alone: rows name their user, not their tenant"


def _reference(table: Table, column: Column, tenancy: Tenancy) -> Iterator[tuple[Severity, str]]:
    if _owns(table, column):
        return
    stated = [key.raw["references"] for key in table.foreign_keys if column.name in key.raw["columns"]]
    if not stated:
        known = _stem(column.name) in tenancy.owned
        yield (Severity.MEDIUM, "has no foreign key") if known else (
            Severity.LOW, f"refers to nothing: no table of {_stem(column.name)}s is here"
        )  # fmt: skip
    elif all(reference["on_delete"] is None for reference in stated):
        yield Severity.INFO, "does not say what happens ON DELETE"
