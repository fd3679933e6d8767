from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformant.load.sql import SqlText, ddl_sets, load
from conformant.load.sql.scanner import split, tokens


def read(text: str, first_line: int = 1) -> tuple[dict[str, Any], Any]:
    resources, (coverage,) = load([SqlText("a.sql", text, first_line)])
    return {resource.address: resource for resource in resources}, coverage


def test_a_bad_statement_does_not_lose_the_others() -> None:
    found, coverage = read(
        "CREATE TABLE ä (a int);\nCREATE TABLE b (é int, select);\nCREATE TABLE c ((a int;\n  CREATE TABLE d (a int);",
        5,
    )
    assert [address for address in found if address.startswith("Table/")] == ["Table/public/ä", "Table/public/d"]
    assert found["Table/public/d"].locator.place(()).line == 8
    assert found["Table/public/d"].locator.place(("columns", 0)).column == 19
    assert (coverage.status, coverage.resources) == ("partial", 4)
    assert coverage.reason == 'syntax error at or near "select" (and 1 more statements)'
    assert (coverage.place.line, coverage.place.column) == (6, 24)
    entries = found["Database/-/main"].raw["unmodelled"]
    assert [(entry["kind"], entry["topics"], entry["line"]) for entry in entries] == [
        ("syntax", ["table"], 6),
        ("syntax", ["table"], 7),
    ]


@pytest.mark.parametrize(
    ("text", "status", "reason"),
    [
        ("SELECT 1;", "read", ""),
        ("", "skipped", "no statement in it"),
        ("-- nothing\n/* at /* all */ */ ;", "skipped", "no statement in it"),
        ("CREATE TABEL t;", "unreadable", 'syntax error at or near "TABEL"'),
        ("SELECT 'x\0y'", "unreadable", "a NUL byte, which SQL text cannot hold"),
        ("CREATE TABLE {{ schema }}.t (a int);", "template", "a template placeholder that was not filled in"),
        ("GRANT SELECT ON t TO ${role}; SELECT 1;", "partial", "a template placeholder that was not filled in"),
        ("GRANT SELECT ON t TO :app;", "template", "a psql variable, whose value is not known"),
        ("CREATE TABLE `t` (`a` INT) ENGINE=InnoDB;", "skipped", "written for MySQL: only PostgreSQL is read"),
        ("CREATE TABLE t (a INT AUTO_INCREMENT);", "skipped", "written for MySQL: only PostgreSQL is read"),
        ("CREATE TABLE [dbo].[t] ([a] INT)\nGO\n", "skipped", "written for SQL Server: only PostgreSQL is read"),
        ("PRAGMA foreign_keys = ON;", "skipped", "written for SQLite: only PostgreSQL is read"),
        ("COMMENT ON TABLE t IS 'has `x` and AUTO_INCREMENT'", "read", ""),
    ],
)  # fmt: skip
def test_coverage(text: str, status: str, reason: str) -> None:
    found, coverage = read(text)
    assert (coverage.status, coverage.reason) == (status, reason)
    assert (coverage.place is None) == (status in ("read", "skipped"))
    assert coverage.resources == len(found)


def test_psql_scripts() -> None:
    found, coverage = read(
        "\\set ON_ERROR_STOP on\n\\echo it's\nCREATE DATABASE app;\n\\c app\nCREATE TABLE t (a text);\n"
        "COPY t (a) FROM stdin WITH (FORMAT text);\nCREATE TABLE no (a int);\nit's; ok\n\\.\n\n"
        "SELECT 'DROP TABLE t' \\gexec\n\\i other.sql\nCREATE TABLE u (a int);\n"
    )
    assert coverage.status == "read"
    assert [address for address in found if address.startswith("Table/")] == ["Table/public/t", "Table/public/u"]
    assert found["Table/public/u"].locator.place(()).line == 13
    entries = found["Database/-/app"].raw["unmodelled"]
    assert [(e["kind"], e["text_start"], e["line"], bool(e["topics"])) for e in entries] == [
        ("data", "", 7, False),
        ("psql", "\\gexec", 11, True),
        ("psql", "\\i", 12, True),
    ]


@pytest.mark.parametrize(
    ("text", "kind", "topics"),
    [
        ("CREATE TABLE t (a int); CREATE TABLE t (b int)", "conflict", ["table"]),
        ("ALTER TABLE elsewhere ENABLE ROW LEVEL SECURITY", "missing", []),
        ("BEGIN; CREATE TABLE t (a int); ROLLBACK", "rollback", ["rls"]),
    ],
)
def test_what_cannot_be_followed(text: str, kind: str, topics: list[str]) -> None:
    found, _ = read(text)
    (entry,) = found["Database/-/main"].raw["unmodelled"]
    assert entry["kind"] == kind
    assert entry["topics"][: len(topics)] == topics


def test_down_parts_and_files_are_left_out() -> None:
    found, _ = read("-- +goose Up\nCREATE TABLE t (a int);\n-- +goose Down\nDROP TABLE t;\n")
    assert "Table/public/t" in found
    sets, undoing = ddl_sets(
        ["m/V10__x.sql", "m/V2__x.sql", "m/R__views.sql", "m/U2__x.sql", "n/1_a.down.sql", "n/1_a.up.sql",
         "p/migrations/2_b/migration.sql", "p/migrations/10_c/migration.sql", "q/1/up.sql", "q/1/down.sql"]
    )  # fmt: skip
    assert sets == [
        ["m/V2__x.sql", "m/V10__x.sql", "m/R__views.sql"],
        ["n/1_a.up.sql"],
        ["p/migrations/2_b/migration.sql", "p/migrations/10_c/migration.sql"],
        ["q/1/up.sql"],
    ]
    assert undoing == ["m/U2__x.sql", "n/1_a.down.sql", "q/1/down.sql"]


def test_nothing_to_load() -> None:
    assert load([]) == ([], [])


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("a;b", ["a", "b"]),
        ("a';'b;c", ["a';'b", "c"]),
        ("E'\\';' ; b", ["E'\\';' ", "b"]),
        ("$x$ ; $y$ $x$;b", ["$x$ ; $y$ $x$", "b"]),
        ('"a;""b";c', ['"a;""b"', "c"]),
        ("a -- ;\n;/* ; /* ; */ */ b", ["a -- ;\n", "b"]),
        ("CREATE RULE r AS ON INSERT TO t DO (a; b); c", ["CREATE RULE r AS ON INSERT TO t DO (a; b)", "c"]),
        (
            "CREATE FUNCTION f() BEGIN ATOMIC SELECT CASE WHEN a THEN b END; c; END; d",
            ["CREATE FUNCTION f() BEGIN ATOMIC SELECT CASE WHEN a THEN b END; c; END", "d"],
        ),
        ("BEGIN; a; END; b", ["BEGIN", "a", "END", "b"]),
    ],
)
def test_splitting(text: str, pieces: list[str]) -> None:
    data = text.encode()
    assert [data[piece.start : piece.end].decode() for piece in split(data)] == pieces


SQL = st.lists(
    st.sampled_from(
        ["CREATE TABLE t (a int)", ";", "'", '"', "$$", "/*", "*/", "--", "\n", "\\", "\\i x\n", "COPY t FROM stdin;\n",
         "é", "(", ")", "BEGIN ATOMIC", "END", "DO $$ BEGIN x; END $$", "{{ a }}", "ALTER TABLE t ADD b int", "\r", " "]
    )
).map("".join)  # fmt: skip


@given(st.one_of(SQL, st.text()))
def test_any_text_is_read_and_placed_inside_itself(text: str) -> None:
    resources, (coverage,) = load([SqlText("a.sql", text)])
    lines = text.count("\n") + 1
    places = [resource.locator.place(("columns", 0)) for resource in resources]
    assert all(1 <= place.line <= lines for place in [*places, *([coverage.place] if coverage.place else [])])


@given(SQL)
def test_tokens_are_ordered_and_never_overlap(text: str) -> None:
    data = text.encode()
    ends = 0
    for token in tokens(data):
        assert ends <= token.start < token.end <= len(data)
        ends = token.end
    ends = 0
    for piece in split(data):
        if piece.kind == "statement":
            assert ends <= piece.start < piece.end <= len(data)
            ends = piece.end


INDEPENDENT = [
    "GRANT SELECT ON t TO a;",
    "CREATE INDEX i ON t (x);",
    "ALTER TABLE t ENABLE ROW LEVEL SECURITY;",
    "CREATE POLICY p ON t USING (x > 0);",
    "COMMENT ON TABLE t IS 'c';",
]


@given(st.permutations(INDEPENDENT))
def test_independent_statements_commute(statements: list[str]) -> None:
    def raw(order: list[str]) -> Any:
        return load([SqlText("a.sql", "CREATE TABLE t (x int);" + "".join(order))])[0][-1].raw

    assert raw(statements) == raw(sorted(statements))


@pytest.mark.parametrize(
    "file",
    ["migrations/0001_users.mysql.up.sql", "schema.sqlite3.sql", "clickhouse/migrations/0001_events.up.sql"],
)
def test_what_its_name_says_to_be_for_another_database_is_left_out(file: str) -> None:
    resources, files = load([SqlText(file, "CREATE TABLE t (a int);"), SqlText("0002.sql", "CREATE TABLE u (a int);")])
    assert [resource.address for resource in resources if resource.kind == "Table"] == ["Table/public/u"]
    assert resources[0].locator.place(()).file == "0002.sql"
    assert [entry.status for entry in files] == ["skipped", "read"]
