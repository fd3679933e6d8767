"""Rows of one tenant can be read or written by another.

What it checks: Every table with a tenant or user key (tenant_id, org_id, account_id, customer_id, user_id …),
and the table of the tenants themselves, has row security enabled, and forced where its owner is the
application; has policies; each of them names the key, in what it reads and in what it writes. No login
role bypasses row security, no view reads such a table with its owner's rights, and no materialised view
copies it. All of it is judged after the last statement of the migrations.

Why it matters: One forgotten WHERE clause shows a customer the data of all others. With row security the
database refuses, whatever the program asks.

How to fix: ALTER TABLE … ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY, and CREATE POLICY … USING
(tenant_id = current_setting('app.tenant_id', true)::uuid).

When it is fine: Databases of one tenant each; tables that hold nothing of a tenant's.
"""

from collections.abc import Iterator

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity
from conformant.platform import Platform
from conformant.views.sql import Database, Role, RowAccess, SqlView, Table
from conformant.views.sql_parts import Policy

ENABLE = Cure("ALTER TABLE … ENABLE and FORCE ROW LEVEL SECURITY, and a policy on the key", grade="none")
FORCE = Cure("ALTER TABLE … FORCE ROW LEVEL SECURITY", grade="none")
INVOKER = Cure("create the view WITH (security_invoker = true)", grade="none")
WRITES = ("all", "insert", "update")
RLS = Path(("rls", "enabled"))


@check(
    id="SQL-003",
    severity=Severity.CRITICAL,
    requirement="store-isolation",
    controls=[
        "nist-800-53r5/AC-3", "nist-800-53r5/AC-4", "nist-800-53r5/SC-4", "soc2/CC6.1", "iso-27001-2022/A.8.3",
        "iso-27001-2022/A.5.34", "pci-dss-4.0/7.2.6",
    ],
)  # fmt: skip
def rows_of_other_tenants(access: RowAccess, platform: Platform) -> Iterator[Item]:
    if access.kind == "Role":
        yield from _role(platform.view(access.resource, Role), access.database)
    elif access.kind == "View":
        yield from _view(platform.view(access.resource, SqlView))
    else:
        yield from _table(platform.view(access.resource, Table))


def _keys(table: Table) -> list[str]:
    """The columns that tell tenants apart; of the tenants' own table its primary key."""
    keys = [column.name for column in table.key_columns]
    return keys or (table.primary_key if table.is_tenant_entity else [])


def _concerned(table: Table) -> bool:
    return bool(_keys(table)) and not table.is_foreign


def _table(table: Table) -> Iterator[Item]:
    keys = _keys(table)
    if not _concerned(table) or _reached_through_parent(table):
        yield NotApplicable("no rows of several tenants, or only reached through its parent")
        return
    doubt = table.undecided("rls", "owner")
    if not table.rls_enabled:
        if doubt is not None:
            yield doubt
            return
        message = f"row security is not enabled on {table.qualified} (key {', '.join(keys)})"
        yield Finding(message, RLS, cure=ENABLE)
        return
    yield from _force(table)
    permissive = [policy for policy in table.policies if policy.permissive]
    if not permissive:
        if doubt is not None:
            yield doubt
        else:
            message = f"row security is enabled on {table.qualified}, but no policy lets anybody in"
            yield Finding(message, RLS, Severity.MEDIUM)
    for policy in permissive:
        yield from _policy(policy, keys)


def _reached_through_parent(table: Table) -> bool:
    """A partition below a protected table, on which nothing is granted directly."""
    above = table.partition_of
    if above is None or table.grants:
        return False
    parent = table.database.table(above["schema"], above["name"])
    return parent is not None and parent.rls_enabled


def _force(table: Table) -> Iterator[Item]:
    if table.rls_forced:
        return
    owner = table.owner
    if owner is None:
        doubt = table.undecided("owner")
        if doubt is not None:
            yield doubt
            return
        message = (
            f"row security of {table.qualified} is not forced, and its owner, whom it does not bind, is not stated"
        )
        yield Finding(message, RLS, Severity.MEDIUM, FORCE)
        return
    role = table.database.role(owner)
    if role is None or role.login is not False:
        message = f"row security of {table.qualified} does not bind its owner {owner} (no FORCE)"
        yield Finding(message, RLS, cure=FORCE)


def _policy(policy: Policy, keys: list[str]) -> Iterator[Finding]:
    name, using, written = policy.name, policy.using, policy.with_check
    if policy.shows_everything:
        yield Finding(f"policy {name} admits every row: USING ({using})", policy.path)
        return
    if not set(keys) & set(policy.columns):
        yield Finding(f"policy {name} does not name the key ({', '.join(keys)})", policy.path)
        return
    if policy.command in WRITES and policy.accepts_everything:
        yield Finding(f"policy {name} lets rows of any tenant be written: WITH CHECK ({written})", policy.path)
    for setting in policy.settings:
        if not setting["missing_ok"]:
            known = setting["name"] or "the setting"
            message = f"policy {name} fails where {known} is not set: pass true as current_setting's second argument"
            yield Finding(message, policy.path, Severity.INFO)


def _view(view: SqlView) -> Iterator[Item]:
    tables = [table for table in view.tables if _concerned(table)]
    if not tables:
        yield NotApplicable("reads no rows of several tenants")
        return
    names = ", ".join(table.qualified for table in tables)
    if view.materialized:
        message = f"materialised view {view.qualified} copies rows of {names} past their row security"
        yield Finding(message, Path(), Severity.MEDIUM)
    elif not view.security_invoker:
        message = f"view {view.qualified} reads {names} with its owner's rights, past their row security"
        yield Finding(message, Path(), Severity.MEDIUM, INVOKER)


def _role(role: Role, database: Database) -> Iterator[Item]:
    if role.login is False or not any(_concerned(table) for table in database.tables):
        yield NotApplicable("no login role, or no rows of several tenants")
        return
    for attribute in ("superuser", "bypassrls"):
        if attribute in role.attributes:
            yield Finding(f"role {role.name} logs in and is not bound by row security ({attribute})", Path())
