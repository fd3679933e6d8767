"""Reports read back from files, and put together."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from conformant.config import Settings
from conformant.content import content
from conformant.leaf import Exporter, load
from conformant.model import Report, Run
from conformant.reportfile import ReportError, merged, parse, read
from conformant.run import check

Make = Callable[..., Report]


def text(report: Report, name: str = "json") -> str:
    leaf: Exporter = load(str(content("reports") / f"{name}.py"), Exporter)
    report.seconds = 0.0
    return "".join(leaf.function(report))


@pytest.fixture(scope="module")
def weak() -> Report:
    return check([str(content("fixtures") / "platforms" / "weak")], Settings())


def test_a_report_read_back_is_exported_the_same(weak: Report) -> None:
    back = parse(text(weak).encode())
    assert text(back) == text(weak)
    assert len(back.results) > 50


def test_people_read_the_same_of_a_report_read_back(weak: Report) -> None:
    back = parse(text(weak).encode())
    back.checks = weak.checks  # what the checks say of themselves is not in the file
    assert text(back, "markdown") == text(weak, "markdown")
    assert "GW-006" in text(back, "markdown")


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"", "not a report"), (b"[]", "not a report"), (b'{"schema": 2}', "not a report"),
     (b'{"schema": 7, "results": [], "passed": {}, "checks": {}, "coverage": {}}', "schema 7"),
     (b'{"schema": 1, "results": [], "passed": {}, "checks": {}, "coverage": {}, "fail_on": "odd"}', "no severity")],
)  # fmt: skip
def test_what_is_no_report_is_named(data: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_bytes(data)
    with pytest.raises(ReportError, match=f"r.json.*{why}"):
        read(tmp_path / "r.json")


def test_shards_are_joined(make: Make) -> None:
    whole = merged([("a.json", make("1", "2")), ("b.json", make("2", "3"))])
    assert sorted(result.findings[0].fingerprint for result in whole.results) == ["1", "2", "3"]
    assert whole.passed == {"CHK-1": 4}
    assert whole.run is None


def test_clusters_stay_apart(make: Make) -> None:
    reports = []
    for name in ("east", "west"):
        report = make("1")
        report.run = Run("2026-11-23T02:00:00+00:00", "audit", name)
        reports.append((f"{name}.json", report))
    whole = merged(reports)
    assert [result.resource.platform for result in whole.results] == ["east", "west"]
    assert [entry.file for entry in whole.coverage.files] == ["east: web.yaml", "west: web.yaml"]
    assert whole.run is not None
    assert whole.run.platforms == ("east", "west")
    again = parse(text(whole).encode())
    assert text(again) == text(whole)


def test_merging_one_report_changes_nothing_but_order(weak: Report) -> None:
    whole = merged([("weak.json", parse(text(weak).encode()))])
    before, after = msgspec.json.decode(text(weak)), msgspec.json.decode(text(whole))
    assert len(after["results"]) == len(before["results"])
    assert after["summary"] == before["summary"]
