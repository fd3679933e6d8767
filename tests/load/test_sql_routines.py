from typing import Any

import pytest

from conformant.load.sql import SqlText, load


def read(*texts: str) -> Any:
    resources, _ = load([SqlText(f"{number}.sql", text) for number, text in enumerate(texts, 1)])
    return {resource.address: resource for resource in resources}


def unmodelled(*texts: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read(*texts)["Database/-/main"].raw["unmodelled"]
    return found


def test_security_definer_and_search_path() -> None:
    found = read(
        "CREATE FUNCTION s.f(a uuid, b text DEFAULT '') RETURNS void LANGUAGE plpgsql SECURITY DEFINER\n"
        "SET search_path = s, pg_temp AS $$ BEGIN NULL; END $$;"
        "CREATE PROCEDURE p() LANGUAGE plpython3u AS 'pass'; ALTER FUNCTION s.f OWNER TO own;"
        "CREATE FUNCTION g() RETURNS int SECURITY DEFINER BEGIN ATOMIC SELECT 1; SELECT 2; END;"
        "ALTER FUNCTION g() SECURITY INVOKER SET search_path = '';"
    )
    raw = found["Function/s/f(uuid,text)"].raw
    assert (raw["security_definer"], raw["search_path"], raw["language"], raw["owner"]) == (
        True, "s, pg_temp", "plpgsql", "own"
    )  # fmt: skip
    assert found["Function/public/p()"].raw["procedure"]
    assert found["Function/public/p()"].raw["language"] == "plpython3u"
    raw = found["Function/public/g()"].raw
    assert (raw["security_definer"], raw["search_path"], raw["language"]) == (False, "", "sql")


def test_replacing_a_function_keeps_owner_and_grants() -> None:
    raw = read(
        "CREATE FUNCTION f() RETURNS int SECURITY DEFINER RETURN 1; REVOKE EXECUTE ON FUNCTION f FROM PUBLIC;"
        "ALTER FUNCTION f() OWNER TO own; CREATE OR REPLACE FUNCTION f() RETURNS int RETURN 2;"
    )["Function/public/f()"].raw
    assert (raw["security_definer"], raw["owner"], raw["execute_public"]) == (False, "own", False)


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("EXECUTE 'SELECT 1'", "constant"),
        ("EXECUTE 'SELECT ' || '1'", "constant"),
        ("EXECUTE q", "variable"),
        ("EXECUTE 'SELECT * FROM ' || name", "concatenation"),
        ("EXECUTE 'SELECT * FROM ' || quote_ident(name) || ' WHERE x = ' || quote_literal(lower(x))", "quoted"),
        ("EXECUTE 'SELECT * FROM ' || quote_ident(name) || suffix", "concatenation"),
        ("EXECUTE format('SELECT * FROM %I WHERE a = %L', name, a || b) INTO x USING y", "format"),
        ("EXECUTE format('SELECT * FROM %s', name)", "format_s"),
        ("EXECUTE format('SELECT * FROM %1$s', name)", "format_s"),
        ("EXECUTE format($q$SELECT * FROM %-10s$q$, name)", "format_s"),
        ("EXECUTE format('SELECT ' || name || ' %I', x)", "concatenation"),
        ("EXECUTE 'SELECT $1' USING a || b", "constant"),
    ],
)
def test_dynamic_sql(statement: str, kind: str) -> None:
    text = (
        "CREATE FUNCTION f(name text) RETURNS void LANGUAGE plpgsql AS $body$\nBEGIN\n"
        "  -- EXECUTE 'no';\n  PERFORM 'EXECUTE no';\n"
        f"  {statement};\nEND $body$;"
    )
    found = read(text)["Function/public/f(text)"]
    assert [entry["kind"] for entry in found.raw["dynamic"]] == [kind]
    place = found.locator.place(("dynamic", 0))
    assert (place.line, place.column) == (5, 3)


GUARDED_ROLE = """DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'app') THEN
    CREATE ROLE app LOGIN BYPASSRLS;
  END IF;
  CREATE TABLE t (a int);
  RAISE NOTICE 'done';
EXCEPTION WHEN duplicate_object THEN NULL;
END $$;
CREATE POLICY p ON t USING (true);
"""


def test_plain_do_blocks_are_followed_with_places() -> None:
    found = read(GUARDED_ROLE)
    role = found["Role/-/app"]
    assert (role.raw["login"], role.raw["bypassrls"]) == (True, True)
    assert (role.locator.place(()).line, role.locator.place(()).column) == (4, 5)
    assert role.locator.place(("bypassrls",)).column == 27
    assert len(found["Table/public/t"].raw["policies"]) == 1
    assert found["Database/-/main"].raw["unmodelled"] == []


def test_what_exists_already_is_not_created_again_by_a_guarded_block() -> None:
    found = read("CREATE ROLE app NOLOGIN;", GUARDED_ROLE, GUARDED_ROLE.partition("CREATE POLICY")[0])
    assert not found["Role/-/app"].raw["login"]


@pytest.mark.parametrize(
    ("body", "topics", "tables"),
    [
        ("EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', x);", ["rls"], []),
        (
            "FOREACH x IN ARRAY ARRAY['t'] LOOP EXECUTE format('CREATE POLICY p ON %I', x); END LOOP;",
            ["rls"],
            ["public.t"],
        ),
        ("IF now() > '2020-01-01' THEN GRANT SELECT ON t TO app; END IF;", ["grant"], ["public.t"]),
        ("IF EXISTS (SELECT FROM pg_class) THEN DROP INDEX i; ELSE CREATE ROLE r; END IF;", ["role", "index"], []),
        ("FOR x IN SELECT 1 LOOP UPDATE t SET a = 2; END LOOP;", [], []),
        ("x := 'GRANT ALL ON t TO app'; EXECUTE x;", ["grant"], ["public.t"]),
    ],
)
def test_other_do_blocks_say_what_they_may_change(body: str, topics: list[str], tables: list[str]) -> None:
    text = f"CREATE TABLE t (a int);\nCREATE TABLE u (a int);\nDO $$ DECLARE x text; BEGIN {body} END $$;"
    (entry,) = unmodelled(text)
    assert (entry["kind"], entry["topics"], entry["tables"]) == ("do", topics, tables)
    assert (entry["file"], entry["line"], entry["text_start"]) == ("1.sql", 3, "DO")


def test_calls_of_functions_that_change_the_schema() -> None:
    make = (
        "CREATE FUNCTION protect(t text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN"
        " EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t); END $$;"
        "CREATE FUNCTION harmless() RETURNS int LANGUAGE sql AS 'SELECT 1';"
    )
    assert unmodelled(make) == []
    (entry,) = unmodelled(make, "CREATE TABLE t (a int); SELECT harmless(); SELECT protect('t');")
    assert (entry["kind"], entry["topics"]) == ("call", ["rls"])
