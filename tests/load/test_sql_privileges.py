from typing import Any

import pytest

from conformant.load.sql import SqlText, load

SETUP = "CREATE SCHEMA s; CREATE ROLE app LOGIN; CREATE TABLE s.t (a int, b int); CREATE VIEW s.v AS SELECT a FROM s.t;"


def raws(*texts: str) -> dict[str, Any]:
    resources, _ = load([SqlText(f"{number}.sql", text) for number, text in enumerate(texts, 1)])
    return {resource.address: resource.raw for resource in resources}


def held(raw: Any) -> list[tuple[str, str, str]]:
    """(role, privileges, columns), as short texts."""
    return [
        (grant["roles"][0], ",".join(grant["privileges"]), ",".join(grant.get("columns", [])))
        for grant in raw["grants"]
    ]


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ("GRANT SELECT, INSERT ON s.t TO app, PUBLIC", [("app", "insert,select", ""), ("PUBLIC", "insert,select", "")]),
        ("GRANT SELECT ON s.t TO app; GRANT SELECT ON TABLE s.t TO app", [("app", "select", "")]),
        ("GRANT SELECT (a), UPDATE (a, b) ON s.t TO app", [("app", "select", "a"), ("app", "update", "a,b")]),
        ("GRANT SELECT (a) ON s.t TO app; REVOKE SELECT ON s.t FROM app", []),
        (
            "GRANT ALL ON s.t TO app; REVOKE DELETE, TRUNCATE ON s.t FROM app",
            [("app", "insert,references,select,trigger,update", "")],
        ),
        ("GRANT ALL ON s.t TO app; REVOKE ALL ON ALL TABLES IN SCHEMA s FROM app", []),
        ("GRANT SELECT ON ALL TABLES IN SCHEMA s TO app", [("app", "select", "")]),
        ("GRANT SELECT ON s.t TO app WITH GRANT OPTION; REVOKE GRANT OPTION FOR SELECT ON s.t FROM app",
         [("app", "select", "")]),
        ("GRANT SELECT ON s.t TO app; ALTER ROLE app RENAME TO web", [("web", "select", "")]),
        ("GRANT SELECT ON s.t TO app; DROP OWNED BY app", []),
    ],
)  # fmt: skip
def test_table_grants(statements: str, expected: list[tuple[str, str, str]]) -> None:
    assert held(raws(SETUP, statements)["Table/s/t"]) == expected


def test_schema_grants_and_owner() -> None:
    found = raws(
        SETUP
        + "GRANT USAGE ON SCHEMA s TO app; ALTER SCHEMA s OWNER TO own; REVOKE CREATE ON SCHEMA public FROM PUBLIC;"
        "CREATE SCHEMA x AUTHORIZATION joe; CREATE SCHEMA AUTHORIZATION ann;"
    )
    assert (found["Schema/-/s"]["owner"], held(found["Schema/-/s"])) == ("own", [("app", "usage", "")])
    assert found["Schema/-/x"]["owner"] == "joe"
    assert found["Schema/-/ann"]["owner"] == "ann"
    assert found["Schema/-/public"]["revokes"] == [
        {"privileges": ["create"], "roles": ["PUBLIC"], "grant_option": False}
    ]
    assert not found["Schema/-/public"]["declared"]


def test_what_a_new_object_gets_by_default_privileges() -> None:
    defaults = (
        "CREATE SCHEMA s; ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO app;"
        "ALTER DEFAULT PRIVILEGES FOR ROLE other GRANT ALL ON TABLES TO app;"
    )
    found = raws(defaults, "CREATE TABLE s.t (a int); CREATE TABLE u (a int); CREATE VIEW s.v AS SELECT 1;")
    assert held(found["Table/s/t"]) == held(found["View/s/v"]) == [("app", "select", "")]
    assert held(found["Table/public/u"]) == []
    entries = found["Database/-/main"]["default_privileges"]
    assert [(e["creator"], e["schema"], e["objects"], e["granted"]) for e in entries] == [
        (None, "s", "tables", True),
        ("other", None, "tables", True),
    ]


DEFAULTS = "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC"


@pytest.mark.parametrize(
    ("before", "after", "public"),
    [
        ("", "", True),
        ("", "REVOKE EXECUTE ON FUNCTION f(int) FROM PUBLIC", False),
        ("", "REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC", False),
        (DEFAULTS + ";", "", False),
        (DEFAULTS + ";", "GRANT EXECUTE ON FUNCTION f TO PUBLIC", True),
        # the built-in default stands for all schemas: revoking it in one changes nothing
        ("ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;", "", True),
        ("", DEFAULTS, True),
        ("", "REVOKE EXECUTE ON FUNCTION f(text) FROM PUBLIC", True),
    ],
)  # fmt: skip
def test_who_may_execute(before: str, after: str, public: bool) -> None:
    found = raws(before + "CREATE FUNCTION f(a int, OUT b int) LANGUAGE sql AS 'select 1';" + after)
    assert found["Function/public/f(integer)"]["execute_public"] is public


@pytest.mark.parametrize(
    ("statements", "left"),
    [
        ("", ["connect", "temporary"]),
        ("REVOKE ALL ON DATABASE d FROM PUBLIC", []),
        ("REVOKE TEMP ON DATABASE d FROM PUBLIC", ["connect"]),
        ("REVOKE ALL ON DATABASE d FROM app", ["connect", "temporary"]),
        ("REVOKE ALL ON DATABASE d FROM PUBLIC; GRANT CONNECT ON DATABASE d TO PUBLIC", ["connect"]),
    ],
)
def test_public_privileges_on_the_database(statements: str, left: list[str]) -> None:
    assert raws("CREATE DATABASE d OWNER o;" + statements)["Database/-/d"]["public_privileges"] == left


@pytest.mark.parametrize(
    ("statements", "facts"),
    [
        ("CREATE ROLE r", {"login": False, "superuser": False, "inherit": True, "has_password_literal": False}),
        ("CREATE USER r", {"login": True}),
        ("CREATE ROLE r LOGIN SUPERUSER CREATEROLE BYPASSRLS REPLICATION",
         {"login": True, "superuser": True, "createrole": True, "bypassrls": True, "replication": True}),
        ("CREATE ROLE r SUPERUSER; ALTER ROLE r NOSUPERUSER LOGIN", {"login": True, "superuser": False}),
        ("CREATE ROLE r PASSWORD 'hunter2'", {"has_password_literal": True, "password_hash": ""}),
        ("CREATE ROLE r PASSWORD 'SCRAM-SHA-256$4096:x$y:z'",
         {"has_password_literal": True, "password_hash": "scram-sha-256"}),
        ("CREATE ROLE r PASSWORD 'hunter2'; ALTER USER r PASSWORD NULL", {"has_password_literal": False}),
        ("CREATE ROLE r IN ROLE a, b; REVOKE a FROM r; GRANT c TO r WITH ADMIN OPTION", {"member_of": ["b", "c"]}),
        ("GRANT c TO r", {"declared": False, "login": None, "member_of": ["c"]}),
        ("ALTER ROLE r BYPASSRLS", {"declared": False, "superuser": None, "bypassrls": True}),
        ("CREATE ROLE r; CREATE ROLE a ROLE r; DROP ROLE a", {"member_of": []}),
    ],
)  # fmt: skip
def test_roles(statements: str, facts: dict[str, Any]) -> None:
    raw = raws(statements)["Role/-/r"]
    assert {key: raw[key] for key in facts} == facts


@pytest.mark.parametrize(
    "text",
    [
        "CREATE ROLE r PASSWORD 'hunter2'",
        "ALTER ROLE r PASSWORD 'hunter2'",
        "CREATE USER r IDENTIFIED BY 'hunter2'",
        "CREATE ROLE r PASSWORD hunter2",
        "CREATE ROLE r PASSWORD 'hunter2",
        "DO $$ BEGIN EXECUTE format('CREATE ROLE %I PASSWORD %L', 'r', 'hunter2'); END $$",
        "DO $$ BEGIN CREATE ROLE r PASSWORD 'hunter2'; END $$",
        "\\c postgres://u:hunter2@host:5432/app\nSELECT 1;",
        '\\connect "dbname=app password=hunter2"\nSELECT 1;',
        "CREATE TABLE t (a int);\nCOPY t FROM stdin;\nhunter2 is my password\n\\.\n",
        "CREATE SUBSCRIPTION s CONNECTION 'password=hunter2' PUBLICATION p",
    ],
)
def test_secrets_are_never_kept(text: str) -> None:
    resources, coverage = load([SqlText("a.sql", text)])
    assert resources
    assert "hunter2" not in repr([resource.raw for resource in resources]) + repr(coverage)


def test_owners_come_from_set_role_and_reassigning() -> None:
    found = raws(
        "SET ROLE a; CREATE TABLE t (x int); CREATE SCHEMA s; RESET ROLE; CREATE TABLE u (x int);"
        "CREATE TABLE w (x int); ALTER TABLE w OWNER TO a; REASSIGN OWNED BY a TO b;"
    )
    owners = {
        name: found[name]["owner"] for name in ("Table/public/t", "Table/public/u", "Table/public/w", "Schema/-/s")
    }
    assert owners == {"Table/public/t": "b", "Table/public/u": None, "Table/public/w": "b", "Schema/-/s": "b"}


def test_grants_on_what_is_not_created_here_are_kept() -> None:
    entries = raws("GRANT SELECT ON other.t TO app; GRANT USAGE ON SEQUENCE q TO app;")["Database/-/main"][
        "other_grants"
    ]
    assert [(e["object"], e["schema"], e["name"], e["roles"]) for e in entries] == [
        ("table", "other", "t", ["app"]),
        ("sequence", "", "q", ["app"]),
    ]


def test_grants_have_places() -> None:
    resources, _ = load(
        [SqlText("a.sql", "CREATE TABLE t (a int);\nGRANT SELECT ON t TO x;\n  GRANT INSERT ON t TO x;")]
    )
    found = resources[-1]
    assert [found.locator.place(("grants", n)).line for n in (0, 1)] == [2, 3]
    assert found.locator.place(("grants", 1)).column == 3
