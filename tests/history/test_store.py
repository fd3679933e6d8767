"""The history: what was committed is there, whoever writes beside or dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conformant.model import Report, Severity
from conformant.store import History, StoreError
from conformant.verdict import tally

Make = Callable[..., Report]
NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
WRITER = """
import sys
from datetime import UTC, datetime
from conformant.model import Coverage, Report
from conformant.store import History
history = History(sys.argv[1])
print("open", flush=True)
for number in range(int(sys.argv[2])):
    history.add(Report([], {"A": number}, Coverage()), at=datetime.now(UTC), platform=sys.argv[3])
    print(number, flush=True)
"""


def test_a_kept_report_comes_back_whole(url: str, make: Make) -> None:
    report = make("1", "2", unknown=("3",))
    id = History(url).add(report, at=NOW, kind="audit", platform="prod")
    again = History(url)
    [run] = again.runs()
    assert (run.id, run.kind, run.platform, run.verdict, run.findings, run.undecided) == (
        id, "audit", "prod", "fail", 2, 1
    )  # fmt: skip
    back = again.report(run)
    assert tally(back) == tally(report)
    assert [str(result.findings[0].path) for result in back.results[:2]] == ["spec", "spec"]
    assert back.run is not None
    assert back.run.at == "2026-11-23T02:00:00.000000+00:00"


def test_runs_are_found_by_name(url: str, make: Make) -> None:
    history = History(url)
    ids = [history.add(make(str(day)), at=NOW + timedelta(days=day), platform="prod") for day in range(3)]
    assert history.find("latest").id == ids[2]
    assert history.find("latest~2").id == ids[0]
    assert history.find(ids[1][:20]).id == ids[1]
    for name, why in (("latest~3", "holds 3"), ("2026", "several"), ("nothing", "lists them")):
        with pytest.raises(StoreError, match=why):
            history.find(name)
    with pytest.raises(StoreError, match="no run of test"):
        history.find("latest", "test")


def test_the_newest_run_of_a_platform_outlives_pruning(url: str, make: Make) -> None:
    history = History(url)
    for day in (1, 50, 90):
        history.add(make("1"), at=NOW - timedelta(days=day), platform="prod")
    history.add(make("1"), at=NOW - timedelta(days=300), platform="old")
    assert history.prune(days=30, now=NOW) == 2
    assert [(run.platform, run.findings) for run in history.runs()] == [("old", 1), ("prod", 1)]
    assert {seen.run for seen in history.seen()} == {run.id for run in history.runs()}


def test_several_processes_write_at_once(url: str) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, url, "12", f"p{one}"], stdout=subprocess.PIPE)
        for one in range(3)
    ]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    for writer in writers:
        assert writer.stdout is not None
        writer.stdout.close()
    history = History(url)
    assert [len(history.runs(f"p{one}")) for one in range(3)] == [12, 12, 12]


def test_a_killed_writer_loses_nothing_that_was_committed(url: str) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, url, "100000", "p"], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    told = 0
    for line in writer.stdout:
        told = int(line) + 1 if line.strip().isdigit() else 0
        if told == 20:
            break
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait(30)
    writer.stdout.close()
    history = History(url)
    kept = history.runs()
    assert len(kept) >= 20
    assert [history.report(run).passed for run in kept] == [{"A": number} for number in range(len(kept))]
    history.add(Report([], {}, history.report(kept[0]).coverage), at=datetime.now(UTC))
    assert len(history.runs()) == len(kept) + 1


def test_a_full_disk_is_said_and_harms_nothing(tmp_path: Path, make: Make) -> None:
    url = f"sqlite:///{tmp_path / 'history.db'}"
    history = History(url)
    history.add(make("1"), at=NOW)
    with history._engine.connect() as connection:  # the limit is that of the file, as on a full disk
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    history._sql.event.listen(
        history._engine, "connect", lambda one, _: one.execute(f"PRAGMA max_page_count={pages + 1}")
    )
    history._engine.dispose()
    big = make(*(f"{number:032d}" for number in range(3000)))
    with pytest.raises(StoreError, match=r"full.*what was kept before is unharmed"):
        history.add(big, at=NOW + timedelta(hours=1))
    [run] = History(url).runs()
    assert History(url).report(run).results[0].findings[0].fingerprint == "1"


@pytest.mark.parametrize(
    ("url", "why"),
    [("nonsense", "cannot be opened"), ("sqlite:////proc/none/h.db", "cannot be opened"),
     ("postgresql+psycopg://u:s3cretpw@127.0.0.1:1/x", "cannot be opened")],
)  # fmt: skip
def test_a_history_that_cannot_be_opened_is_one_clear_line(url: str, why: str) -> None:
    if url.startswith("postgresql"):
        pytest.importorskip("psycopg", reason="no PostgreSQL driver at hand (psycopg)")
    with pytest.raises(StoreError, match=why) as caught:
        History(url)
    assert "\n" not in str(caught.value)
    assert "s3cretpw" not in str(caught.value)


def test_a_run_of_many_findings_is_kept_quickly_enough_to_wait_for(tmp_path: Path, make: Make) -> None:
    report = make(*(f"{number:x}" for number in range(20_000)), severity=Severity.LOW)
    started = time.process_time()
    history = History(f"sqlite:///{tmp_path / 'history.db'}")
    history.add(report, at=NOW)
    spent = time.process_time() - started
    assert len(history.seen()) == 20_000, f"{spent:.1f} s"
