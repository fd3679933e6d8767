"""SARIF against the schema of OASIS and the rules of GitHub."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sarif_kit.validate import validation_errors  # type: ignore[import-untyped]  # ships no types

from conformant.model import FileCoverage, Finding, Place, Report, Result, Severity, Status

Export = Callable[..., str]


def run_of(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text)
    assert validation_errors(document) == []
    run: dict[str, Any] = document["runs"][0]
    return run


def test_rules(sample: Report, export: Export) -> None:
    rules = run_of(export("sarif", sample))["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == sorted(sample.checks)
    kafka = rules[0]
    assert kafka["name"] == "PlaintextListener"
    assert kafka["shortDescription"]["text"] == "Something about plaintext-listener."
    assert kafka["fullDescription"]["text"] == "The `field` is set."
    assert "**What it checks:** The `field` is set." in kafka["help"]["markdown"]
    assert kafka["defaultConfiguration"]["level"] == "error"
    assert kafka["properties"]["security-severity"] == "9.5"
    assert kafka["properties"]["tags"] == ["security", "kafka", "transport", "nist-800-53r5/SC-8"]


def test_results(sample: Report, export: Export) -> None:
    run = run_of(export("sarif", sample))
    first, second, waived = run["results"]
    assert (first["ruleId"], first["level"], second["level"]) == ("KAF-001", "error", "warning")
    assert run["tool"]["driver"]["rules"][first["ruleIndex"]]["id"] == "KAF-001"
    assert first["message"]["text"] == "listener 'plain' has tls: false\nCure: set tls: true"
    [location] = first["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "deploy/kafka.yaml", "uriBaseId": "SRCROOT"},
        "region": {"startLine": 12, "startColumn": 9},
    }
    assert location["logicalLocations"][0]["fullyQualifiedName"] == "Kafka/shop/events"
    assert first["partialFingerprints"] == {"conformant/v1": "f1"}
    assert first["suppressions"] == []
    [suppression] = waived["suppressions"]
    assert (suppression["kind"], suppression["status"]) == ("inSource", "accepted")
    assert suppression["justification"] == "the agent needs it (team, until 2027-01-31)"


def test_what_could_not_be_done_is_notified(sample: Report, export: Export) -> None:
    bad = FileCoverage("bad.yaml", "unreadable", 0, "tab", Place("bad.yaml", 4, 1))
    coverage = replace(sample.coverage, files=[*sample.coverage.files, bad])
    [invocation] = run_of(export("sarif", replace(sample, coverage=coverage)))["invocations"]
    assert invocation["executionSuccessful"] is False
    assert [notice["level"] for notice in invocation["toolExecutionNotifications"]] == [
        "error", "error", "warning", "note", "note",
    ]  # fmt: skip
    texts = [notice["message"]["text"] for notice in invocation["toolExecutionNotifications"]]
    assert texts[0] == "unreadable: tab"
    assert texts[1] == "WRK-008 failed on Deployment/shop/web: the check raised KeyError (x.py:3)"
    assert texts[2].startswith("TF-001 is undecided on aws_s3_bucket.logs: ")
    clean = replace(sample, results=list(sample.of(Status.FAIL, Status.WAIVED)))
    assert run_of(export("sarif", clean))["invocations"][0]["executionSuccessful"] is True


@pytest.mark.parametrize(
    ("file", "location"),
    [
        ("a b/ü#1.yaml", {"uri": "a%20b/%C3%BC%231.yaml", "uriBaseId": "SRCROOT"}),
        ("c:d.yaml", {"uri": "c%3Ad.yaml", "uriBaseId": "SRCROOT"}),
        ("/srv/a?b", {"uri": "file:///srv/a%3Fb"}),
    ],
)
def test_files_are_uris(file: str, location: dict[str, str], sample: Report, export: Export) -> None:
    finding = replace(sample.results[0].findings[0], place=Place(file))
    run = run_of(export("sarif", replace(sample, results=[replace(sample.results[0], findings=[finding])])))
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"] == location


def test_the_worst_stay_when_results_are_cut(sample: Report, export: Export) -> None:
    levels = [Severity.LOW, Severity.CRITICAL, Severity.INFO, Severity.HIGH]
    found = [Finding(str(level), severity=level, place=Place("a")) for level in levels]
    result = Result("KAF-001", Status.FAIL, Severity.HIGH, sample.results[0].resource, "", found)
    run = run_of(export("sarif", replace(sample, results=[result]), limit=2))
    assert [one["message"]["text"] for one in run["results"]] == ["critical", "high"]
    first = run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
    assert first == "2 of 4 findings left out, the least severe; limit: 2"


def test_a_message_makes_no_link(sample: Report, export: Export) -> None:
    finding = replace(sample.results[0].findings[0], message="[click](https://evil.example)", cure=None)
    run = run_of(export("sarif", replace(sample, results=[replace(sample.results[0], findings=[finding])])))
    assert run["results"][0]["message"]["text"] == r"\[click\](https://evil.example)"


@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_any_report_is_valid(data: st.DataObject, reports: st.SearchStrategy[Report], export: Export) -> None:
    report = data.draw(reports)
    run = run_of(export("sarif", report))
    found = [
        finding for result in report.of(Status.FAIL, Status.WAIVED) for finding in result.findings if finding.place
    ]
    assert len(run["results"]) == len(found)
    for written, finding in zip(run["results"], found, strict=True):
        uri = written["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        name = finding.place.file.encode("utf-8", "backslashreplace").decode() if finding.place else ""
        assert unquote(uri).removeprefix("file://") == name
