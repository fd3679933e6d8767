from typing import Any

import pytest

from conformant.load.sql import SqlText, load
from conformant.platform import Platform
from conformant.profile import Profile
from conformant.views.sql import Database, Function, Role, Schema, SqlView, Table

DDL = """
CREATE SCHEMA app; CREATE SCHEMA empty;
CREATE ROLE owner NOLOGIN; CREATE ROLE readers; CREATE ROLE web LOGIN BYPASSRLS IN ROLE readers;
CREATE TABLE app.orders (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES app.tenants,
  user_id uuid,
  note text,
  UNIQUE (user_id, note)
);
CREATE TABLE app.tenants (id uuid PRIMARY KEY);
CREATE INDEX ON app.orders (tenant_id) WHERE note IS NULL;
ALTER TABLE app.orders OWNER TO owner;
ALTER TABLE app.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON app.orders USING (tenant_id = current_setting('app.tenant')::uuid) WITH CHECK ((true));
CREATE VIEW app.v AS SELECT * FROM app.orders;
CREATE VIEW app.w AS SELECT * FROM app.v;
GRANT SELECT, INSERT ON app.orders TO readers; GRANT UPDATE (note) ON app.orders TO readers;
CREATE FUNCTION app.f() RETURNS int SECURITY DEFINER RETURN 1;
CREATE EXTENSION pgcrypto; ALTER SYSTEM SET ssl = off;
"""


@pytest.fixture(scope="module")
def platform() -> Platform:
    resources, _ = load([SqlText("a.sql", DDL)])
    return Platform(resources, Profile())


def test_platform_hands_out_every_view(platform: Platform) -> None:
    found = {
        view.__name__: [each.name for each in platform.of(view)] for view in (Table, Schema, Role, SqlView, Function)
    }
    assert found == {
        "Table": ["orders", "tenants"],
        "Schema": ["app", "empty"],
        "Role": ["owner", "readers", "web"],
        "SqlView": ["v", "w"],
        "Function": ["f"],
    }


def test_table(platform: Platform) -> None:
    orders, tenants = platform.of(Table)
    assert (orders.schema, orders.qualified, orders.owner) == ("app", "app.orders", "owner")
    assert [column.name for column in orders.tenant_columns] == ["tenant_id"]
    assert [column.name for column in orders.user_columns] == ["user_id"]
    assert [column.path for column in orders.key_columns] == [("columns", 1)]
    assert [orders.is_indexed(name) for name in ("id", "tenant_id", "user_id", "note")] == [True, False, True, False]
    assert (orders.rls_enabled, orders.rls_forced) == (True, False)
    assert orders.privileges_of("readers") == {"select", "insert", "update"}
    assert orders.column("tenant_id").references["table"] == "tenants"  # type: ignore[union-attr,index]  # None fails the test
    assert (tenants.is_tenant_entity, orders.is_tenant_entity) == (True, False)
    assert tenants.owner is None


def test_policy(platform: Platform) -> None:
    (policy,) = platform.of(Table)[0].policies
    assert (policy.path, policy.columns, policy.roles) == (("policies", 0), ["tenant_id"], ["PUBLIC"])
    assert (policy.shows_everything, policy.accepts_everything) == (False, True)
    assert policy.settings == [{"name": "app.tenant", "missing_ok": False}]


def test_views_reach_tables_through_other_views(platform: Platform) -> None:
    assert [[table.name for table in view.tables] for view in platform.of(SqlView)] == [["orders"], ["orders"]]


def test_database(platform: Platform) -> None:
    (database,) = platform.of(Database)
    assert database.roles_behind("web") == {"web", "readers"}
    assert [schema.is_empty for schema in database.schemas] == [False, True]
    assert database.table("app", "orders").database.name == "main"  # type: ignore[union-attr]  # None fails the test
    assert database.role("web").attributes == ["bypassrls"]  # type: ignore[union-attr]  # None fails the test
    assert (database.role("nobody"), database.table("app", "v")) == (None, None)
    assert (database.extensions, database.settings) == (["pgcrypto"], {"ssl": "off"})
    assert database.resource.locator.place(("settings", "ssl")).line == 20


def test_doubt_reaches_the_tables_that_a_statement_mentions() -> None:
    resources, _ = load(
        [
            SqlText("a.sql", "CREATE TABLE t (a int); CREATE TABLE u (a int);"),
            SqlText(
                "b.sql", "\nDO $$ BEGIN IF random() > 0 THEN ALTER TABLE t FORCE ROW LEVEL SECURITY; END IF; END $$;"
            ),
        ]
    )
    by_name: dict[str, Any] = {resource.name: resource for resource in resources}
    t, u = Table(by_name["t"]), Table(by_name["u"])
    doubt = t.undecided("rls", "owner")
    assert doubt is not None
    assert doubt.reason == "b.sql:2: DO …: a DO block decides while it runs"
    assert t.undecided("grant") is None
    assert u.undecided("rls") is None
    assert Schema(by_name["public"]).undecided("rls") is not None


@pytest.mark.parametrize(
    ("text", "constant"),
    [
        ("true", True),
        ("((TRUE))", True),
        ("1 = 1", True),
        ("'t'::boolean", True),
        ("false", False),
        ("truely", False),
        ("true AND a > 1", False),
    ],
)
def test_predicates_that_let_everything_through(text: str, constant: bool) -> None:
    ddl = f"CREATE TABLE t (a int, truely bool); CREATE POLICY p ON t USING ({text});"
    (policy,) = Table(load([SqlText("a.sql", ddl)])[0][-1]).policies
    assert (policy.shows_everything, policy.accepts_everything) == (constant, constant)
