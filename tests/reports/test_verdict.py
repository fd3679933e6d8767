"""Verdict, exit code and counts of a report."""

import pytest
from msgspec.structs import replace

from conformant.model import (
    Coverage,
    FileCoverage,
    Finding,
    Place,
    Report,
    Resource,
    Result,
    Severity,
    Status,
)
from conformant.verdict import declared, exit_code, findings, obstacles, rules, statement, tally, verdict, worst
from conformant.waivers import Fixed

THING = Resource(
    family="kubernetes", group="", version="v1", kind="Pod", namespace="a", name="b", raw={},
    locator=Fixed(Place("a.yaml")), source="file",
)  # fmt: skip


def result(status: Status, severity: Severity = Severity.MEDIUM, check: str = "X-001", file: str = "a.yaml") -> Result:
    found = [Finding("wrong", severity=severity, place=Place(file))]
    judged = status in (Status.FAIL, Status.WAIVED)
    return Result(check, status, severity, THING, "r", found if judged else [], "because")


def report(*results: Result, files: tuple[FileCoverage, ...] = (), resources: int = 1) -> Report:
    return Report(list(results), {"X-001": 2}, Coverage(list(files), resources))


UNREADABLE = FileCoverage("bad.yaml", "unreadable", 0, "tab", Place("bad.yaml", 4, 1))
CASES = {
    "all passes": (report(), 0),
    "a finding": (report(result(Status.FAIL)), 1),
    "a waived finding": (report(result(Status.WAIVED)), 0),
    "an undecided result": (report(result(Status.UNKNOWN)), 0),
    "an undecided result, strict": (replace(report(result(Status.UNKNOWN)), strict=True), 3),
    "a finding and an undecided result, strict": (
        replace(report(result(Status.FAIL), result(Status.UNKNOWN)), strict=True), 1,
    ),
    "below the threshold": (replace(report(result(Status.FAIL)), fail_on=Severity.HIGH), 0),
    "at the threshold": (replace(report(result(Status.FAIL)), fail_on=Severity.MEDIUM), 1),
    "a broken check": (report(result(Status.ERROR)), 3),
    "a broken check and a finding": (report(result(Status.ERROR), result(Status.FAIL)), 1),
    "no resource": (report(resources=0), 3),
    "no check applies": (replace(report(), passed={}), 3),
    "an unreadable file": (report(files=(UNREADABLE,)), 3),
    "an unreadable file, reported": (
        report(result(Status.FAIL, check="SCH-001", file="bad.yaml"), files=(UNREADABLE,)), 3,
    ),
    "a duplicate key in a readable file": (report(result(Status.FAIL, check="SCH-001"), files=(UNREADABLE,)), 1),
    "another check on an unreadable file": (report(result(Status.FAIL, file="bad.yaml"), files=(UNREADABLE,)), 1),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_exit_code(name: str) -> None:
    given, code = CASES[name]
    assert exit_code(given) == code
    assert verdict(given) == {0: "pass", 1: "fail", 3: "undecided"}[code]
    assert code != 3 or list(obstacles(given))


def test_obstacles_say_what_and_where() -> None:
    given = replace(report(result(Status.ERROR), result(Status.UNKNOWN), files=(UNREADABLE,), resources=0), strict=True)
    assert list(obstacles(given)) == [
        "nothing was evaluated: no resource was found",
        "bad.yaml:4:1 is unreadable: tab",
        "X-001 failed on Pod/a/b: because",
        "1 undecided result, and the run is strict",
    ]


def test_tally(sample: Report) -> None:
    counts = tally(sample)
    assert counts.findings == {"critical": 1, "high": 0, "medium": 1, "low": 0, "info": 0}
    assert counts.results == {"pass": 11, "fail": 1, "waived": 1, "not_applicable": 1, "error": 1, "unknown": 1}
    assert (counts.open, counts.failing) == (2, 2)


def test_worst_keeps_the_order_and_cuts_waived_first() -> None:
    levels = [Severity.LOW, Severity.HIGH, Severity.LOW, Severity.CRITICAL]
    pairs = findings(
        report(result(Status.WAIVED, Severity.CRITICAL), *(result(Status.FAIL, level) for level in levels)),
        Status.FAIL, Status.WAIVED,
    )  # fmt: skip
    assert worst(pairs, 3) == [pairs[1], pairs[2], pairs[4]]
    assert worst(pairs, 9) == pairs


def test_declared_leaves_out_what_a_result_doubts_and_what_a_probe_saw(sample: Report) -> None:
    assert declared(sample) == ["default-deny"]
    probe = replace(sample.checks["NET-001"], id="LIVE-NP-003")
    assert declared(replace(sample, checks={**sample.checks, "LIVE-NP-003": probe})) == []


def test_a_statement_tells_of_a_detour() -> None:
    assert statement(Finding("wrong", place=Place("a", note="line 3 rendered"))) == "wrong (line 3 rendered)"
    assert statement(Finding("wrong")) == "wrong"


def test_rules_know_results_without_a_check() -> None:
    [rule] = rules(report(result(Status.FAIL, check="WVR-001"))).values()
    assert (rule.id, rule.slug, rule.area, rule.severity) == ("WVR-001", "r", "r", Severity.MEDIUM)
