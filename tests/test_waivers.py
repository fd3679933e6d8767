"""Waivers: in force, expired, malformed, unused; baselines."""

from datetime import date
from pathlib import Path

import pytest

from conformant.config import Settings, StatedWaiver
from conformant.model import Status
from conformant.run import check
from conformant.waivers import Inline, Malformed, in_comments, parse_terms

TODAY = date(2026, 11, 22)
POD = """apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: shop
{annotations}spec:
  containers:
  - name: main
    image: registry.example/web:1
    securityContext:
{comment}      privileged: true
"""


def findings(
    tmp_path: Path, *, annotations: str = "", comment: str = "", **settings: object
) -> list[tuple[str, Status]]:
    (tmp_path / "pod.yaml").write_text(POD.format(annotations=annotations, comment=comment))
    chosen = Settings(select=("WRK-006", "WRK-023", "WVR-001"), **settings)  # type: ignore[arg-type]  # keywords of Settings
    report = check([str(tmp_path)], chosen, today=TODAY)
    return [(result.check, result.status) for result in report.results]


def test_terms() -> None:
    assert parse_terms("until 2027-01-31 owner team: it must") == (date(2027, 1, 31), "team", "it must")
    assert parse_terms("until 2027-01-31: it must: really") == (date(2027, 1, 31), "", "it must: really")
    for text in ("", "until tomorrow: x", "until 2027-01-31", "2027-01-31: x", "until 2027-01-31:  "):
        with pytest.raises(Malformed):
            parse_terms(text)


def test_without_a_waiver_it_fails(tmp_path: Path) -> None:
    assert findings(tmp_path) == [("WRK-006", Status.FAIL)]


@pytest.mark.parametrize("name", ["WRK-006", "privileged-container"])
def test_a_comment_waives_the_line_below(tmp_path: Path, name: str) -> None:
    comment = f"      # conformant: waive {name} until 2027-01-31 owner team: the agent needs it\n      # why not\n"
    assert findings(tmp_path, comment=comment) == [("WRK-006", Status.WAIVED)]


def test_an_expired_comment_waives_nothing_and_is_reported(tmp_path: Path) -> None:
    comment = "      # conformant: waive WRK-006 until 2026-11-21 owner team: it did\n"
    assert findings(tmp_path, comment=comment) == [("WRK-006", Status.FAIL), ("WVR-001", Status.FAIL)]


def test_a_waiver_is_in_force_on_its_last_day(tmp_path: Path) -> None:
    comment = "      # conformant: waive WRK-006 until 2026-11-22 owner team: it does\n"
    assert findings(tmp_path, comment=comment) == [("WRK-006", Status.WAIVED)]


def test_a_malformed_comment_is_reported(tmp_path: Path) -> None:
    comment = "      # conformant: waive WRK-006 because\n"
    assert findings(tmp_path, comment=comment) == [("WRK-006", Status.FAIL), ("WVR-001", Status.FAIL)]


def test_an_unused_comment_is_reported(tmp_path: Path) -> None:
    comment = "      # conformant: waive WRK-023 until 2027-01-31 owner team: elsewhere\n"
    assert findings(tmp_path, comment=comment) == [("WRK-006", Status.FAIL), ("WVR-001", Status.FAIL)]


def test_an_annotation_waives_the_object(tmp_path: Path) -> None:
    annotations = '  annotations:\n    waive.conformant.dev/WRK-006: "until 2027-01-31 owner team: it must"\n'
    assert findings(tmp_path, annotations=annotations) == [("WRK-006", Status.WAIVED)]


@pytest.mark.parametrize("value", ["until 2026-01-01: it did", "because", ""])
def test_a_bad_annotation_waives_nothing_and_is_reported(tmp_path: Path, value: str) -> None:
    annotations = f'  annotations:\n    waive.conformant.dev/WRK-006: "{value}"\n'
    assert findings(tmp_path, annotations=annotations) == [("WRK-006", Status.FAIL), ("WVR-001", Status.FAIL)]


def test_an_unused_annotation_is_reported(tmp_path: Path) -> None:
    annotations = '  annotations:\n    waive.conformant.dev/WRK-023: "until 2027-01-31: elsewhere"\n'
    assert findings(tmp_path, annotations=annotations) == [("WRK-006", Status.FAIL), ("WVR-001", Status.FAIL)]


@pytest.mark.parametrize(("pattern", "status"), [("Pod/shop/*", Status.WAIVED), ("Pod/other/*", Status.FAIL)])
def test_a_configured_waiver_covers_its_pattern(tmp_path: Path, pattern: str, status: Status) -> None:
    waiver = StatedWaiver("WRK-006", "it must", "team", date(2027, 1, 31), pattern)
    found = dict(findings(tmp_path, waivers=(waiver,)))
    assert found["WRK-006"] is status
    assert ("WVR-001" in found) == (status is Status.FAIL)


def test_comments_above_a_resource_cover_all_of_it(tmp_path: Path) -> None:
    text = "# conformant: waive WRK-006 until 2027-01-31 owner team: all of it\n" + POD.format(
        annotations="", comment=""
    )
    (tmp_path / "pod.yaml").write_text(text)
    report = check([str(tmp_path)], Settings(select=("WRK-006",)), today=TODAY)
    assert [result.status for result in report.results] == [Status.WAIVED]


def test_comments_of_other_languages() -> None:
    (sql,) = in_comments("a.sql", "-- conformant: waive SQL-003 until 2027-01-31 owner x: y\nCREATE TABLE t ();\n")
    assert isinstance(sql, Inline)
    assert (sql.check, sql.line) == ("SQL-003", 2)


def test_a_baseline_accepts_what_it_lists(tmp_path: Path) -> None:
    from conformant import baseline

    file = tmp_path / "pod.yaml"
    file.write_text(POD.format(annotations="", comment=""))
    settings = Settings(select=("WRK-006",))
    report = check([str(file)], settings, today=TODAY)
    assert baseline.write(tmp_path / "baseline.json", report) == 1
    accepting = Settings(select=("WRK-006",), baseline=str(tmp_path / "baseline.json"))
    file.write_text("# moved\n\n" + file.read_text())
    again = check([str(file)], accepting, today=TODAY)
    assert [result.status for result in again.results] == [Status.WAIVED]
