"""The history of runs: every report that was kept, in SQLite or PostgreSQL.

One transaction for each run: what was committed is there, whatever becomes of a writer. Several
processes may write at once.
"""

import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from conformant.content import content
from conformant.leaf import Exporter, load
from conformant.model import Report, Run, Severity, Status
from conformant.reportfile import parse
from conformant.verdict import tally, verdict

if TYPE_CHECKING:
    from sqlalchemy import Engine, Table

LAYOUT = 1
PATIENCE = 30
"""Seconds to wait for another writer."""


class StoreError(Exception):
    """The history cannot be read or written; the message says why and what stays as it was."""

    exit_code = 2


class Kept(Struct, frozen=True):
    """One run of the history, without its results."""

    id: str
    at: str
    kind: str
    platform: str
    verdict: str
    findings: int
    failing: int
    undecided: int
    passed: int


class Seen(Struct, frozen=True):
    """A finding (or an undecided result) as one run saw it. `status`: ``fail``, ``waived``, ``unknown`` or
    ``error``; `key` is the finding's fingerprint, or check and address of an undecided result."""

    run: str
    key: str
    status: str
    check: str
    severity: str
    resource: str


def default_url() -> str:
    """The history of this user: ``$XDG_STATE_HOME/conformant/history.db``, else below ``~/.local/state``."""
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return f"sqlite:///{Path(base).absolute() / 'conformant' / 'history.db'}"


class History:
    """The kept runs behind a database URL. Raises StoreError, at opening and at every use."""

    def __init__(self, url: str = "") -> None:
        self.url = url or default_url()
        try:
            import sqlalchemy
        except ImportError:
            raise StoreError("the history needs SQLAlchemy: pip install 'conformant[history]'") from None
        self._sql = sqlalchemy
        with self._told("opened"):
            self._engine = self._open()
            self._runs, self._seen = _tables(sqlalchemy.MetaData())
            self._create()

    def _create(self) -> None:
        """Make the tables where they are missing; another process may be making them at the same time."""
        for left in (2, 1, 0):
            try:
                self._runs.metadata.create_all(self._engine)
                return
            except self._sql.exc.DBAPIError:
                if not left:
                    raise

    def _open(self) -> "Engine":
        address = self._sql.make_url(self.url)
        arguments: dict[str, Any] = {}
        if address.get_backend_name() == "sqlite":
            arguments = {"timeout": PATIENCE}
            if address.database and address.database != ":memory:":
                Path(address.database).parent.mkdir(parents=True, exist_ok=True)
        engine = self._sql.create_engine(address, connect_args=arguments)
        if address.get_backend_name() == "sqlite":
            self._sql.event.listen(engine, "connect", _durable)
            self._sql.event.listen(engine, "begin", _exclusive)
        return engine

    @contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        """Turns the errors of database and file system into one clear line."""
        try:
            yield
        except (self._sql.exc.SQLAlchemyError, OSError, ImportError) as error:
            reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
            shown = self._shown()
            raise StoreError(f"history {shown} cannot be {doing}: {reason}; what was kept before is unharmed") from None

    def _shown(self) -> str:
        """The URL without its password."""
        try:
            return self._sql.make_url(self.url).render_as_string(hide_password=True)
        except self._sql.exc.ArgumentError:
            return "URL"

    # writing

    def add(self, report: Report, *, at: datetime, kind: str = "check", platform: str = "") -> str:
        """Keep a report; returns the id of the run. All of it is kept, or nothing."""
        stamp = at.astimezone(UTC)
        id = f"{stamp:%Y%m%dT%H%M%S.%fZ}-{token_hex(2)}"
        run = Run(stamp.isoformat(timespec="microseconds"), kind, platform, id=id)
        counts = tally(report)
        row = {
            "id": id, "at": run.at, "kind": kind, "platform": platform, "verdict": verdict(report, counts),
            "findings": counts.open, "failing": counts.failing, "undecided": counts.results[Status.UNKNOWN],
            "passed": counts.results[Status.PASS], "layout": LAYOUT, "document": _document(report, run),
        }  # fmt: skip
        seen = [{**one, "run": id} for one in observations(report)]
        with self._told("written"), self._engine.begin() as connection:
            connection.execute(self._runs.insert(), row)
            if seen:
                connection.execute(self._seen.insert(), seen)
        return id

    def prune(self, *, days: int, now: datetime) -> int:
        """Forget runs older than this many days, but never the newest of a platform; returns how many."""
        oldest = (now.astimezone(UTC) - timedelta(days=days)).isoformat(timespec="microseconds")
        runs, seen = self._runs, self._seen
        with self._told("pruned"), self._engine.begin() as connection:
            newest = self._sql.select(self._sql.func.max(runs.c.at)).group_by(runs.c.platform, runs.c.kind)
            old = connection.execute(
                self._sql.select(runs.c.id).where(runs.c.at < oldest, runs.c.at.not_in(newest))
            ).scalars()
            ids = list(old)
            for start in range(0, len(ids), 500):
                part = ids[start : start + 500]
                connection.execute(seen.delete().where(seen.c.run.in_(part)))
                connection.execute(runs.delete().where(runs.c.id.in_(part)))
        return len(ids)

    # reading

    def runs(self, platform: str | None = None) -> list[Kept]:
        """The kept runs, oldest first."""
        runs = self._runs
        columns = [runs.c[name] for name in Kept.__struct_fields__]
        wanted = self._sql.select(*columns).order_by(runs.c.at, runs.c.id)
        if platform is not None:
            wanted = wanted.where(runs.c.platform == platform)
        with self._told("read"), self._engine.connect() as connection:
            return [Kept(*row) for row in connection.execute(wanted)]

    def find(self, name: str, platform: str | None = None) -> Kept:
        """The run that `name` means: an id or its beginning, ``latest``, or ``latest~2`` for the second before."""
        runs = self.runs(platform)
        if not runs:
            raise StoreError(f"the history {self._shown()} holds no run{f' of {platform}' if platform else ''}")
        head, _, back = name.partition("~")
        if head == "latest" and (back.isdigit() or not back):
            steps = int(back or 0)
            if steps >= len(runs):
                raise StoreError(f"no run {name}: the history holds {len(runs)}")
            return runs[-1 - steps]
        found = [run for run in runs if run.id.startswith(name)]
        if len(found) != 1:
            why = "several runs begin so" if found else "conformant report runs lists them"
            raise StoreError(f"no run {name!r} in the history: {why}")
        return found[0]

    def report(self, run: Kept) -> Report:
        """The report of a kept run."""
        wanted = self._sql.select(self._runs.c.document).where(self._runs.c.id == run.id)
        with self._told("read"), self._engine.connect() as connection:
            data = connection.execute(wanted).scalar_one()
        return parse(zlib.decompress(data), f"run {run.id}")

    def seen(self, platform: str | None = None) -> list[Seen]:
        """Every finding and undecided result of every run, oldest run first."""
        runs, seen = self._runs, self._seen
        wanted = (
            self._sql.select(*(seen.c[name] for name in Seen.__struct_fields__))
            .join(runs, runs.c.id == seen.c.run)
            .order_by(runs.c.at, runs.c.id, seen.c.key)
        )
        if platform is not None:
            wanted = wanted.where(runs.c.platform == platform)
        with self._told("read"), self._engine.connect() as connection:
            return [Seen(*row) for row in connection.execute(wanted)]

    def close(self) -> None:
        self._engine.dispose()


def observations(report: Report) -> list[dict[str, str]]:
    """What `Seen` holds of one report, each key once."""
    found: dict[str, dict[str, str]] = {}
    for result in report.results:
        if result.status in (Status.FAIL, Status.WAIVED):
            marks = [(one.fingerprint, result.severity if one.severity is None else one.severity)
                     for one in result.findings]  # fmt: skip
        elif result.status in (Status.UNKNOWN, Status.ERROR):
            marks = [(f"{result.check} {result.resource.address}", result.severity)]
        else:
            continue
        for key, severity in marks:
            key = f"{result.resource.platform} {key}" if result.resource.platform else key
            found.setdefault(key, {
                "key": key, "status": str(result.status), "check": result.check,
                "severity": str(Severity(severity)), "resource": result.resource.address,
            })  # fmt: skip
    return list(found.values())


def _document(report: Report, run: Run) -> bytes:
    leaf: Exporter = load(str(content("reports") / "json.py"), Exporter)
    text = "".join(leaf.function(replace(report, run=run)))
    return zlib.compress(text.encode(), 6)


def _tables(metadata: Any) -> "Sequence[Table]":
    from sqlalchemy import Column, Integer, LargeBinary, Table, Text

    runs = Table(
        "conformant_runs", metadata,
        Column("id", Text, primary_key=True), Column("at", Text, nullable=False, index=True),
        Column("kind", Text, nullable=False), Column("platform", Text, nullable=False, index=True),
        Column("verdict", Text, nullable=False), Column("findings", Integer, nullable=False),
        Column("failing", Integer, nullable=False), Column("undecided", Integer, nullable=False),
        Column("passed", Integer, nullable=False), Column("layout", Integer, nullable=False),
        Column("document", LargeBinary, nullable=False),
    )  # fmt: skip
    seen = Table(
        "conformant_seen", metadata,
        Column("run", Text, primary_key=True), Column("key", Text, primary_key=True),
        Column("status", Text, nullable=False), Column("check", Text, nullable=False),
        Column("severity", Text, nullable=False), Column("resource", Text, nullable=False),
    )  # fmt: skip
    return runs, seen


def _durable(connection: Any, _: Any) -> None:
    """SQLite: readers and one writer at once, and a commit that survives a power cut."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _exclusive(connection: Any) -> None:
    """SQLite: wait for the other writer at the beginning, not with a half-done transaction."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
