"""Which command lines dump data, and where to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformant.views.dumps import Dump, find_dump

BASH = ["/bin/bash", "-c"]


@pytest.mark.parametrize(
    ("argv", "tool", "target"),
    [
        ([*BASH, "pg_dump -U $USER $DB > /backup/dump.sql"], "pg_dump", "/backup/dump.sql"),
        ([*BASH, 'PGPASSWORD="$P" pg_dumpall -h localhost >/backup/all.sql'], "pg_dumpall", "/backup/all.sql"),
        (["bash", "-euo", "pipefail", "-c", "pg_dump db | gzip > /b/db.gz"], "pg_dump", "/b/db.gz"),
        (["/bin/sh", "-ec", "cd /tmp && timeout 5m mysqldump --all-databases > a.sql 2>&1"], "mysqldump", "a.sql"),
        (["sh", "-c", "mysqldump x 2>/dev/null > a.sql"], "mysqldump", "a.sql"),
        (["pg_dump", "-Fc", "-f", "/backup/db.dump", "app"], "pg_dump", "/backup/db.dump"),
        (["mysqldump", "--result-file=/backup/db.sql", "app"], "mysqldump", "/backup/db.sql"),
        (["sh", "-c", "mongodump --archive=/backup/m.gz --gzip"], "mongodump", "/backup/m.gz"),
        (["mongodump", "--uri", "mongodb://localhost", "--out", "/backup"], "mongodump", "/backup"),
        (["redis-cli", "-a", "x", "BGSAVE"], "redis-cli", ""),
        (["sh", "-c", "redis-cli --rdb /backup/dump.rdb"], "redis-cli", "/backup/dump.rdb"),
        (["etcdctl", "snapshot", "save", "/backup/etcd.db"], "etcdctl", "/backup/etcd.db"),
        (["tar", "czf", "/backup/www.tgz", "/var/www"], "tar", "/backup/www.tgz"),
        (["sh", "-c", "tar --create --file=/backup/www.tar /var/www"], "tar", "/backup/www.tar"),
        (["su", "-", "postgres", "-c", "pg_dump app > /backup/app.sql"], "pg_dump", "/backup/app.sql"),
        (["gosu", "postgres", "pg_dump", "-f", "/backup/a", "app"], "pg_dump", "/backup/a"),
        (["sh", "-c", "if true; then pg_dump app > /a.sql; fi"], "pg_dump", "/a.sql"),
        (["sh", "-c", "pg_dump app \\\n  --no-owner \\\n  > /a.sql"], "pg_dump", "/a.sql"),
        (["kubectl", "exec", "db-0", "--", "pg_dump", "-f", "/a.sql"], "pg_dump", "/a.sql"),
        (["bash", "-c", "sh -c 'pg_dump app > /a.sql'"], "pg_dump", "/a.sql"),
        (["bash", "-c", 'pg_dump app > "/backup/app-$(date +%F).sql"'], "pg_dump", "/backup/app-$(date +%F).sql"),
        (["bash", "-c", "pg_dump app > /backup/app-$(date +%F).sql"], "pg_dump", "/backup/app-$"),
        (["bash", "-c", "FILE=$(mktemp); SIZE=$(pg_dump app > /a.sql)"], "pg_dump", "/a.sql"),
    ],
)  # fmt: skip
def test_dumps(argv: list[str], tool: str, target: str) -> None:
    dump = find_dump(argv)
    assert dump is not None
    assert (dump.tool, dump.target) == (tool, target)


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["/sbin/fsfreeze", "--unfreeze", "/var/lib/postgresql"],
        [*BASH, "rm -f /backup/pg_dump.sql"],
        [*BASH, "echo pg_dump is done; ls -l /backup"],
        [*BASH, "psql -c 'SELECT pg_backup_stop()'"],
        ["tar", "xzf", "/backup/www.tgz"],
        ["etcdctl", "snapshot", "status", "/backup/etcd.db"],
        ["redis-cli", "config", "get", "save-interval"],
        ["pg_dump", "--version"],
        ["/bin/bash"],
        ["sudo"],
    ],
)
def test_what_dumps_nothing(argv: list[str]) -> None:
    assert find_dump(argv) is None


@pytest.mark.parametrize(
    ("script", "guarded", "encrypted"),
    [
        ("pg_dump a > /b/a.sql", False, False),
        ("pg_dump a > /b/a.tmp && mv /b/a.tmp /b/a.sql", True, False),
        ("set -euo pipefail; pg_dump a | gzip > /b/a.gz", True, False),
        ("pg_dump a | gpg --encrypt -r ops > /b/a.gpg", False, True),
        ("pg_dump a | openssl enc -aes-256-cbc -out /b/a.enc", False, True),
        ("pg_dump a > /b/a.sql; openssl dgst -sha256 /b/a.sql", False, False),
        ("pg_dump a | aws s3 cp --sse aws:kms - s3://b/a.sql", False, True),
    ],
)
def test_care_taken(script: str, guarded: bool, encrypted: bool) -> None:
    dump = find_dump(["bash", "-c", script])
    assert dump is not None
    assert (dump.guarded, dump.encrypted) == (guarded, encrypted)


def test_the_target_is_of_the_pipeline_of_the_dump() -> None:
    dump = find_dump(["sh", "-c", "date > /tmp/started; pg_dump -f /b/a.sql app; date > /tmp/done"])
    assert dump == Dump("pg_dump", "postgresql", "/b/a.sql")


@given(st.lists(st.text(alphabet="abcf-> |;&$()'\"\\\n=/", max_size=12), max_size=5))
def test_any_argument_vector_is_read(argv: list[str]) -> None:
    assert find_dump(argv) is None or argv
    assert find_dump(["sh", "-c", *argv]) is None or argv
