"""What connection strings and pg_hba.conf say."""

import pytest

from conformant.domain.postgresql import connections, entrance, open_entrances, server_version, weak_settings
from conformant.model import Severity, Undecided
from conformant.platform import Platform
from conformant.profile import Profile

URLS: list[tuple[str, tuple[str, ...], str | None]] = [
    ("postgres://u:p@db:5432/x?sslmode=require", ("db",), "require"),
    ("postgresql+psycopg2://u@db/x", ("db",), None),
    ("jdbc:postgresql://db.data:5432,other:5433/x?user=u&ssl=true", ("db.data", "other"), "verify-full"),
    ("r2dbc:postgresql://db/x?sslMode=VERIFY_FULL", ("db",), "VERIFY_FULL"),
    ("postgresql://u@[::1]:5432/x", ("::1",), None),
    ("postgresql:///x?host=/var/run/postgresql", ("/var/run/postgresql",), None),
    ("postgresql://${USER}:${PASSWORD}@${HOST}:5432/x?sslmode=${MODE}", ("${HOST}:5432",), "${MODE}"),
    ("host=db port=5432 dbname=x user=u sslmode='verify-full'", ("db",), "verify-full"),
    ("dbname=x user=u", ("",), None),
    ("Host=db;Port=5432;Database=x;Username=u;SSL Mode=VerifyFull", ("db",), "verify-full"),
    ("pgsql:host=db;dbname=x;sslmode=require", ("db",), "require"),
]


@pytest.mark.parametrize(("text", "hosts", "mode"), URLS, ids=[text for text, _, _ in URLS])
def test_connection_strings(text: str, hosts: tuple[str, ...], mode: str | None) -> None:
    [found] = connections(f'url: "{text}"')
    assert (found.hosts, found.sslmode) == (hosts, mode)


@pytest.mark.parametrize(
    "text",
    ["mysql://db/x", "postgres", "name=x; host", "https://postgres.example/", "Server=db,1433;Database=x;User Id=u"],
)
def test_what_is_no_connection_string(text: str) -> None:
    assert list(connections(text)) == []


@pytest.mark.parametrize(
    ("mode", "severity"),
    [("disable", Severity.CRITICAL), ("prefer", Severity.CRITICAL), ("verify-ca", Severity.LOW), ("verify-full", None)],
)
def test_sslmodes(mode: str, severity: Severity | None) -> None:
    [found] = connections(f"postgres://db/x?sslmode={mode}")
    fault = found.fault()
    assert (fault and fault[0]) == severity


def test_a_placeholder_is_undecided() -> None:
    [found] = connections("postgres://db/x?sslmode=$(MODE)")
    with pytest.raises(Undecided):
        found.fault()


@pytest.mark.parametrize(
    ("line", "address", "method"),
    [
        ("host all all 10.0.0.0/8 md5", "10.0.0.0/8", "md5"),
        ("host all all 127.0.0.1 255.255.255.255 trust", "127.0.0.1/32", "trust"),
        ('hostssl "my db" all all cert clientcert=verify-full', "all", "cert"),
        ("local all all peer map=x", "", "peer"),
        ("HOST all all 0.0.0.0 0.0.0.0 trust # everybody", "0.0.0.0/0", "trust"),
    ],
)
def test_rules(line: str, address: str, method: str) -> None:
    found = entrance(line)
    assert found is not None
    assert (found.address, found.method) == (address, method)


@pytest.mark.parametrize(
    "line", ["", "# host all all all trust", "host", "host all all", "include x.conf", "local all all"]
)
def test_what_is_no_rule(line: str) -> None:
    assert entrance(line) is None


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["hostnossl all all all reject", "host all all 10.0.0.0/8 scram-sha-256"], []),
        (["hostnossl all all 0.0.0.0/0 reject", "host all all 10.0.0.0/8 scram-sha-256"], []),
        (["hostnossl all all 0.0.0.0/0 reject", "host all all fd00::/8 scram-sha-256"], [1]),
        (["hostnossl all all 0.0.0.0/0 reject", "host all all all scram-sha-256"], [1]),
        (["hostnossl x all all reject", "host all all all scram-sha-256"], [1]),
        (["host all all all scram-sha-256", "hostnossl all all all reject"], [0]),
        (["host all all all reject"], []),
        (["hostgssenc all all all gss", "hostssl all all all ldap ldapserver=x"], []),
        (["host all all localhost trust", "host all all samehost md5", None, 5], []),
    ],
)
def test_the_first_rule_that_fits_decides(lines: list[str], found: list[int]) -> None:
    assert [index for index, _, _ in open_entrances(lines)] == found


def test_settings_as_yaml_and_as_text() -> None:
    assert [name for name, _, _ in weak_settings({"ssl": False, "password_encryption": "md5"})] == [
        "ssl", "password_encryption",
    ]  # fmt: skip
    assert [name for name, _, _ in weak_settings({"ssl": "'off'"})] == ["ssl"]
    assert list(weak_settings({"ssl": "on", "password_encryption": "scram-sha-256"})) == []


@pytest.mark.parametrize(("stated", "major"), [("14.11", 14), ("17", 17), ("pg16", 16), ("latest", None)])
def test_the_version_that_the_profile_states(stated: str, major: int | None) -> None:
    assert server_version(Platform([], Profile(versions={"postgresql": stated}))) == major
