from typing import Any

import pytest

from conformant.load.sql import SqlText, load
from conformant.model import Resource


def database(*texts: str) -> dict[str, Resource]:
    """Resources of one database by address; the texts are files 1.sql, 2.sql …"""
    files = [SqlText(f"{number}.sql", text) for number, text in enumerate(texts, 1)]
    resources, _ = load(files)
    return {resource.address: resource for resource in resources}


def table(*texts: str, name: str = "Table/public/t") -> Any:
    return database(*texts)[name].raw


def column(raw: Any, name: str) -> Any:
    return next(column for column in raw["columns"] if column["name"] == name)


def line(resource: Resource, *path: str | int) -> tuple[str, int, int]:
    place = resource.locator.place(path)
    return place.file, place.line, place.column


def test_a_table_as_written() -> None:
    raw = table(
        """CREATE TABLE t (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            tenant_id uuid NOT NULL REFERENCES tenants(id) ON DELETE CASCADE,
            email varchar(255) UNIQUE NOT NULL,
            amount numeric(10, 2) DEFAULT 0 CHECK (amount >= 0),
            tags text[],
            at timestamp without time zone DEFAULT now() NOT NULL,
            seen timestamptz(3),
            total integer GENERATED ALWAYS AS (1 + 1) STORED,
            UNIQUE (tenant_id, email)
        );"""
    )
    assert [(c["name"], c["type"], c["nullable"], c["default"]) for c in raw["columns"]] == [
        ("id", "uuid", False, "gen_random_uuid()"),
        ("tenant_id", "uuid", False, None),
        ("email", "varchar(255)", False, None),
        ("amount", "numeric(10,2)", True, "0"),
        ("tags", "text[]", True, None),
        ("at", "timestamp", False, "now()"),
        ("seen", "timestamptz(3)", True, None),
        ("total", "integer", True, None),
    ]
    assert raw["primary_key"] == ["id"]
    assert raw["unique"] == [["email"], ["tenant_id", "email"]]
    assert column(raw, "id")["primary_key"]
    assert column(raw, "email")["unique"]
    assert not column(raw, "tenant_id")["unique"]
    assert column(raw, "total")["generated"] == "1 + 1"
    assert raw["checks"][0]["expression"] == "amount >= 0"
    assert column(raw, "tenant_id")["references"] == {
        "schema": "public", "table": "tenants", "columns": ["id"], "on_delete": "cascade", "on_update": None
    }  # fmt: skip


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("", None),
        ("ON DELETE NO ACTION", "no action"),
        ("ON DELETE RESTRICT", "restrict"),
        ("ON DELETE SET NULL", "set null"),
        ("ON UPDATE NO ACTION", None),
    ],
)
def test_on_delete_tells_a_decision_from_the_default(action: str, expected: str | None) -> None:
    raw = table(f"CREATE TABLE t (a int REFERENCES p {action}, b int REFERENCES p ON DELETE NO ACTION)")
    assert column(raw, "a")["references"]["on_delete"] == expected


def test_a_reference_without_columns_means_the_primary_key() -> None:
    raw = table("CREATE TABLE p (x int, y int PRIMARY KEY); CREATE TABLE t (a int REFERENCES p)")
    assert column(raw, "a")["references"]["columns"] == ["y"]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("ALTER TABLE t ADD COLUMN c text NOT NULL", {"a": False, "b": True, "c": False}),
        ("ALTER TABLE t ADD COLUMN IF NOT EXISTS b int NOT NULL", {"a": False, "b": True}),
        ("ALTER TABLE t DROP COLUMN a", {"b": True}),
        ("ALTER TABLE t ALTER b SET NOT NULL", {"a": False, "b": False}),
        ("ALTER TABLE t ALTER a DROP NOT NULL", {"a": True, "b": True}),
        ("ALTER TABLE t ADD PRIMARY KEY (b)", {"a": False, "b": False}),
        ("ALTER TABLE t RENAME COLUMN b TO c", {"a": False, "c": True}),
        ("ALTER TABLE IF EXISTS missing ADD COLUMN x int", {"a": False, "b": True}),
    ],
)
def test_alter_columns(statement: str, expected: dict[str, bool]) -> None:
    raw = table("CREATE TABLE t (a int NOT NULL, b int);", statement)
    assert {c["name"]: c["nullable"] for c in raw["columns"]} == expected


def test_alter_default_and_type() -> None:
    raw = table(
        "CREATE TABLE t (a timestamp DEFAULT now(), b int DEFAULT 1);"
        "ALTER TABLE t ALTER a TYPE timestamptz USING a AT TIME ZONE 'UTC', ALTER b DROP DEFAULT;"
        "ALTER TABLE t ALTER COLUMN a SET DEFAULT (now() + '1 day'::interval), ALTER b SET DEFAULT 5;"
    )
    assert [(c["type"], c["default"]) for c in raw["columns"]] == [
        ("timestamptz", "(now() + '1 day'::interval)"),
        ("integer", "5"),
    ]


def test_constraints_come_and_go_by_their_default_names() -> None:
    raw = table(
        "CREATE TABLE t (a int PRIMARY KEY, b int UNIQUE REFERENCES p(x), CONSTRAINT u UNIQUE (a, b));"
        "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t DROP CONSTRAINT t_b_key;"
        "ALTER TABLE t DROP CONSTRAINT t_b_fkey, ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.p(y);"
    )
    assert (raw["primary_key"], raw["unique"]) == ([], [["a", "b"]])
    assert [(key["name"], key["references"]["schema"]) for key in raw["foreign_keys"]] == [("f", "s")]


def test_dropping_a_column_takes_what_uses_it() -> None:
    found = database(
        "CREATE TABLE t (a int PRIMARY KEY, b int UNIQUE); CREATE INDEX i ON t (b);"
        "CREATE TABLE u (x int REFERENCES t(a), y int REFERENCES t(b));"
        "ALTER TABLE t DROP COLUMN b CASCADE;"
    )
    assert found["Table/public/t"].raw["unique"] == found["Table/public/t"].raw["indexes"] == []
    assert [key["columns"] for key in found["Table/public/u"].raw["foreign_keys"]] == [["x"]]


def test_a_table_renamed_and_moved_is_followed_by_references_and_views() -> None:
    found = database(
        "CREATE SCHEMA s; CREATE TABLE t (a int PRIMARY KEY); CREATE TABLE u (x int REFERENCES t);"
        "CREATE VIEW v AS SELECT * FROM t; ALTER TABLE t RENAME TO n; ALTER TABLE n SET SCHEMA s;"
        "ALTER SCHEMA s RENAME TO z;"
    )
    assert "Table/z/n" in found
    assert "Schema/-/z" in found
    assert column(found["Table/public/u"].raw, "x")["references"] == {
        "schema": "z", "table": "n", "columns": ["a"], "on_delete": None, "on_update": None
    }  # fmt: skip
    assert found["View/public/v"].raw["tables"] == [{"schema": "z", "name": "n"}]


def test_drops() -> None:
    found = database(
        "CREATE SCHEMA s; CREATE TABLE s.t (a int); CREATE TABLE a (x int); CREATE TABLE b (y int);"
        "CREATE VIEW v AS SELECT * FROM b; CREATE ROLE r; CREATE FUNCTION f(int) RETURNS int RETURN 1;"
        "DROP SCHEMA s CASCADE; DROP TABLE IF EXISTS a, b, c CASCADE; DROP ROLE r; DROP FUNCTION f(integer);"
    )
    assert sorted(found) == ["Database/-/main", "Schema/-/public"]


def test_row_security_and_policies_in_their_final_state() -> None:
    raw = table(
        "CREATE TABLE t (tenant_id uuid); ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;",
        "CREATE POLICY p ON t AS RESTRICTIVE FOR UPDATE TO app, current_user"
        " USING (tenant_id = current_setting('app.tenant', true)::uuid) WITH CHECK (owner = app.me());"
        "CREATE POLICY gone ON t USING (true); DROP POLICY gone ON t;"
        "ALTER POLICY p ON t USING (tenant_id = current_setting('app.t')::uuid); ALTER POLICY p ON t RENAME TO q;",
    )
    assert raw["rls"] == {"enabled": True, "forced": True}
    assert raw["policies"] == [
        {
            "name": "q", "command": "update", "permissive": False, "roles": ["app", "CURRENT_USER"],
            "using": "tenant_id = current_setting('app.t')::uuid", "with_check": "owner = app.me()",
            "columns": ["owner", "tenant_id"], "functions": ["app.me", "current_setting"],
            "settings": [{"name": "app.t", "missing_ok": False}],
        }
    ]  # fmt: skip
    off = "ALTER TABLE t NO FORCE ROW LEVEL SECURITY; ALTER TABLE t DISABLE ROW LEVEL SECURITY;"
    raw = table("CREATE TABLE t (a int); ALTER TABLE t FORCE ROW LEVEL SECURITY;", off)
    assert raw["rls"] == {"enabled": False, "forced": False}


def test_policy_text_keeps_parentheses_and_strings() -> None:
    raw = table(
        "CREATE TABLE t (a text); CREATE POLICY p ON t USING ((a = ')') AND (a IN (SELECT x FROM u /* ( */)))"
        " WITH CHECK (true)"
    )
    assert raw["policies"][0]["using"] == "(a = ')') AND (a IN (SELECT x FROM u /* ( */))"
    assert raw["policies"][0]["with_check"] == "true"


def test_search_path_and_schema_elements() -> None:
    found = database(
        "CREATE SCHEMA s CREATE TABLE e (a int) CREATE VIEW v AS SELECT a FROM e;"
        "SET search_path TO s, public; CREATE TABLE t (a int REFERENCES e);"
        "SELECT pg_catalog.set_config('search_path', '', false); CREATE TABLE public.q (a int);"
        "RESET search_path; CREATE TABLE r (a int);",
        "CREATE TABLE fresh_session (a int);",
    )
    tables = sorted(address for address in found if address.startswith("Table/"))
    assert tables == [
        "Table/public/fresh_session", "Table/public/q", "Table/public/r", "Table/s/e", "Table/s/t"
    ]  # fmt: skip
    assert column(found["Table/s/t"].raw, "a")["references"]["schema"] == "s"
    assert found["View/s/v"].raw["tables"] == [{"schema": "s", "name": "e"}]


def test_quoted_names_keep_their_case_and_plain_ones_fold() -> None:
    found = database('CREATE TABLE "Öl".Tab (ID int, "Id" int); COMMENT ON COLUMN "Öl".tab."Id" IS \'c\';')
    raw = found["Table/Öl/tab"].raw
    assert [(c["name"], c["comment"]) for c in raw["columns"]] == [("id", None), ("Id", "c")]
    assert not found["Schema/-/Öl"].raw["declared"]


def test_partitions_share_columns_keys_and_indexes_but_not_row_security() -> None:
    found = database(
        "CREATE TABLE t (a int, b date NOT NULL, PRIMARY KEY (a, b)) PARTITION BY RANGE (b);"
        "CREATE TABLE t1 PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');"
        "CREATE TABLE t2 (a int, b date); ALTER TABLE t ATTACH PARTITION t2 DEFAULT;"
        "CREATE INDEX i ON t (b); ALTER TABLE t ADD c int; ALTER TABLE t ENABLE ROW LEVEL SECURITY;"
        "CREATE TABLE child (d int) INHERITS (t2);"
    )
    raw = found["Table/public/t1"].raw
    assert raw["partition_of"] == {"schema": "public", "name": "t"}
    assert [c["name"] for c in raw["columns"]] == ["a", "b", "c"]
    assert all(c["inherited"] for c in raw["columns"])
    assert raw["primary_key"] == ["a", "b"]
    assert [index["name"] for index in raw["indexes"]] == ["i"]
    assert not raw["rls"]["enabled"]
    assert found["Table/public/t2"].raw["partition_of"] == {"schema": "public", "name": "t"}
    assert found["Table/public/t"].raw["partition_by"] == "range"
    assert [c["name"] for c in found["Table/public/child"].raw["columns"]] == ["a", "b", "c", "d"]


def test_a_detached_partition_keeps_what_it_had() -> None:
    found = database(
        "CREATE TABLE t (a int PRIMARY KEY, b int) PARTITION BY LIST (a); CREATE INDEX i ON t (b);"
        "CREATE TABLE p PARTITION OF t DEFAULT; CREATE TABLE q PARTITION OF t FOR VALUES IN (1);"
        "ALTER TABLE t DETACH PARTITION p; ALTER TABLE t ADD c int; DROP TABLE t CASCADE;"
    )
    raw = found["Table/public/p"].raw
    assert [(c["name"], c["nullable"], c.get("inherited")) for c in raw["columns"]] == [
        ("a", False, None),
        ("b", True, None),
    ]
    assert (raw["primary_key"], [index["name"] for index in raw["indexes"]]) == (["a"], ["i"])
    assert raw["partition_of"] is None
    assert "Table/public/q" not in found


def test_indexes() -> None:
    raw = table(
        "CREATE TABLE t (a int, b text, c int);"
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS x ON t (a); CREATE INDEX ON t (c, lower(b)) WHERE a > (1);"
        "CREATE INDEX y ON t (b); DROP INDEX CONCURRENTLY y;"
    )
    assert [(i["name"], i["columns"], i["unique"], i["where"]) for i in raw["indexes"]] == [
        ("x", ["a"], True, None),
        ("t_c_expr_idx", ["c", None], False, "a > (1)"),
    ]
    assert column(raw, "a")["unique"]


def test_like_copies_what_its_options_say() -> None:
    made = "CREATE TABLE o (a int NOT NULL DEFAULT 1 CHECK (a > 0), PRIMARY KEY (a));"
    assert table(made, "CREATE TABLE t (LIKE o)")["primary_key"] == []
    raw = table(made, "CREATE TABLE t (LIKE o INCLUDING ALL, b int)")
    assert (raw["primary_key"], raw["columns"][0]["default"], len(raw["checks"])) == (["a"], "1", 1)
    assert not table("CREATE TABLE t (LIKE elsewhere)")["columns_known"]


@pytest.mark.parametrize("made", ["CREATE TABLE t AS SELECT 1 AS a", "SELECT 1 AS a INTO t"])
def test_tables_from_queries_have_unknown_columns(made: str) -> None:
    assert not table(made)["columns_known"]


def test_temporary_tables_are_none() -> None:
    assert list(database("CREATE TEMP TABLE t (a int)")) == ["Database/-/main"]


def test_triggers() -> None:
    raw = table(
        "CREATE TABLE t (a int); CREATE TRIGGER g BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION s.f();"
        "CREATE TRIGGER h AFTER DELETE ON t EXECUTE FUNCTION f(); DROP TRIGGER h ON t;"
    )
    assert raw["triggers"] == [{"name": "g", "timing": "before", "events": ["insert", "update"], "function": "s.f"}]


def test_views() -> None:
    found = database(
        "CREATE TABLE t (a int);"
        "CREATE VIEW v WITH (security_invoker) AS WITH w AS (SELECT * FROM t) SELECT * FROM w JOIN s.u USING (a);"
        "CREATE VIEW i AS SELECT 1; ALTER VIEW i SET (security_invoker = on); ALTER VIEW v RESET (security_invoker);"
        "CREATE MATERIALIZED VIEW m AS SELECT * FROM v;"
    )
    assert found["View/public/v"].raw["tables"] == [{"schema": "public", "name": "t"}, {"schema": "s", "name": "u"}]
    flags = {name: found[f"View/public/{name}"].raw for name in "vim"}
    assert [flags[name]["security_invoker"] for name in "vim"] == [False, True, False]
    assert [flags[name]["materialized"] for name in "vim"] == [False, False, True]


def test_places_count_characters_of_the_file() -> None:
    text = (
        "-- Überschrift: ä ö ü\r\n"
        "CREATE TABLE t (\r\n"
        "    größe int, id uuid NOT NULL -- the key\r\n"
        ");\r\n"
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY;\r\n"
        "-- why\r\n"
        "-- it is so\r\n"
        "CREATE POLICY p ON t USING (größe > 0);\r\n"
        "ALTER TABLE t ALTER größe SET NOT NULL;\r\n"
    )
    (_, _, found), _ = load([SqlText("docs/a.md", text, 40)])
    assert line(found) == ("docs/a.md", 41, 1)
    assert line(found, "columns", 1) == ("docs/a.md", 42, 16)
    assert line(found, "columns", 1, "type") == ("docs/a.md", 42, 19)
    assert line(found, "columns", 1, "nullable") == ("docs/a.md", 42, 24)
    assert line(found, "columns", 0, "nullable") == ("docs/a.md", 48, 1)
    assert line(found, "columns", 0, "comment") == ("docs/a.md", 42, 5)
    assert line(found, "rls", "enabled") == ("docs/a.md", 44, 1)
    assert line(found, "rls", "forced") == line(found)
    assert line(found, "policies", 0, "using") == ("docs/a.md", 47, 1)
    assert list(found.locator.comments(("policies", 0))) == [(45, "-- why"), (46, "-- it is so")]
    assert list(found.locator.comments(("columns", 1))) == [(42, "-- the key")]
    assert list(found.locator.comments(())) == [(40, "-- Überschrift: ä ö ü")]


def test_places_across_files_and_indented_blocks() -> None:
    resources, _ = load(
        [
            SqlText("1.sql", "CREATE TABLE t (a int);"),
            SqlText("2.sql", "\nALTER TABLE t ADD b int;\nCREATE TABLE u (a int);", 10, 4),
        ]
    )
    by_name = {resource.name: resource for resource in resources if resource.kind == "Table"}
    assert line(by_name["t"], "columns", 1) == ("2.sql", 11, 23)
    assert line(by_name["u"]) == ("2.sql", 12, 5)
