"""JUnit XML as CI systems read it."""

from collections.abc import Callable
from xml.etree.ElementTree import Element, fromstring

from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import JUnitXml
from msgspec.structs import replace

from conformant.model import FileCoverage, Place, Report, Severity, Status
from conformant.text import one_line, visible

Export = Callable[..., str]


def cases(text: str) -> dict[str, Element]:
    """The test cases by name; checks the totals on the way."""
    root = fromstring(text)
    for suite in (root, *root.findall("testsuite")):
        inside = list(suite.iter("testcase"))
        assert suite.get("tests") == str(len(inside))
        for total, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert suite.get(total) == str(sum(case.find(tag) is not None for case in inside))
    found = {str(case.get("name")): case for case in root.iter("testcase")}
    assert len(found) == len(list(root.iter("testcase")))
    return found


def outcome(case: Element) -> tuple[str, str | None, str | None]:
    told = [child for child in case if child.tag != "properties"]
    assert len(told) <= 1
    return (told[0].tag, told[0].get("type"), told[0].get("message")) if told else ("", None, None)


def test_cases(sample: Report, export: Export) -> None:
    found = cases(export("junit", sample))
    assert {name: outcome(case) for name, case in found.items()} == {
        "KAF-001 plaintext-listener Kafka/shop/events": (
            "failure", "critical", "listener 'plain' has tls: false",
        ),
        "TF-001 open-bucket aws_s3_bucket.logs": (
            "skipped", "undecided", "undecided: encrypted is var.encrypt, which has no value",
        ),
        "WRK-006 privileged-container Deployment/shop/web": (
            "skipped", "waived", "waived until 2027-01-31 by team: the agent needs it",
        ),
        "WRK-007 host-path Deployment/shop/web": ("skipped", "not_applicable", "not applicable: no pods"),
        "WRK-008 odd-thing Deployment/shop/web": ("error", "error", "the check raised KeyError (x.py:3)"),
        "NET-001 no-default-deny": ("", None, None),
        "WRK-006 privileged-container": ("", None, None),
    }  # fmt: skip
    kafka = found["KAF-001 plaintext-listener Kafka/shop/events"]
    assert (kafka.get("classname"), kafka.get("file"), kafka.get("line")) == (
        "kafka.plaintext-listener", "deploy/kafka.yaml", "12",
    )  # fmt: skip
    assert (kafka.findtext("failure") or "").splitlines() == [
        "deploy/kafka.yaml:12:9: critical: listener 'plain' has tls: false",
        "  cure: set tls: true",
        "deploy/kafka.yaml:14:9: medium: no replicas",
        "  cure: add some",
    ]
    assert {one.get("name"): one.get("value") for one in kafka.iter("property")} == {
        "id": "KAF-001", "severity": "critical", "requirement": "transport", "controls": "nist-800-53r5/SC-8",
    }  # fmt: skip


def test_a_parser_of_others_reads_it(sample: Report, export: Export) -> None:
    parsed = JUnitXml.fromstring(export("junit", sample).encode())
    assert (parsed.tests, parsed.failures, parsed.errors, parsed.skipped) == (7, 1, 1, 3)
    assert [suite.name for suite in parsed] == ["kafka", "network", "terraform", "workloads"]


def test_findings_below_the_threshold_do_not_fail(sample: Report, export: Export) -> None:
    small = replace(sample.results[0], findings=sample.results[0].findings[1:])
    [case, *_] = cases(export("junit", replace(sample, results=[small], fail_on=Severity.HIGH))).values()
    assert outcome(case) == ("skipped", "medium", "below high: no replicas")


def test_several_failures_are_counted(sample: Report, export: Export) -> None:
    result = replace(sample.results[0], findings=[sample.results[0].findings[0]] * 3)
    [case, *_] = cases(export("junit", replace(sample, results=[result]))).values()
    assert outcome(case)[2] == "listener 'plain' has tls: false (and 2 more)"


def test_a_waived_and_an_open_finding_are_one_case(sample: Report, export: Export) -> None:
    first, second = sample.results[0].findings
    waived = replace(sample.results[0], status=Status.WAIVED, findings=[first], waiver=sample.results[1].waiver)
    still = replace(sample.results[0], findings=[second])
    [case, *_] = cases(export("junit", replace(sample, results=[waived, still], passed={}))).values()
    assert outcome(case) == ("failure", "medium", "no replicas")
    assert "waived until 2027-01-31" in (case.findtext("failure") or "")


def test_kept_passes_are_cases_of_their_own(sample: Report, export: Export) -> None:
    kept = replace(sample.results[1], status=Status.PASS, findings=[], waiver=None)
    found = cases(export("junit", replace(sample, results=[kept], passed={"WRK-006": 1})))
    assert list(found) == ["WRK-006 privileged-container Deployment/shop/web"]


def test_what_could_not_be_decided_is_an_error(sample: Report, export: Export) -> None:
    coverage = replace(
        sample.coverage, files=[FileCoverage("bad.yaml", "unreadable", 0, "tab", Place("bad.yaml", 4, 1))]
    )
    found = cases(export("junit", replace(sample, coverage=coverage, strict=True)))
    assert outcome(found["bad.yaml:4:1 is unreadable: tab"])[0] == "error"
    assert outcome(found["TF-001 open-bucket aws_s3_bucket.logs"])[:2] == ("error", "undecided")


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_any_report_is_well_formed(data: st.DataObject, reports: st.SearchStrategy[Report], export: Export) -> None:
    report = data.draw(reports)
    found = cases(export("junit", report)).values()
    told = "\n".join("".join(case.itertext()) for case in found)
    for result in report.of(Status.FAIL):
        for finding in result.findings:
            assert visible(finding.message) in told
    allowed = {"testcase", "properties", "property", "failure", "error", "skipped"}
    assert {element.tag for case in found for element in case.iter()} <= allowed
    assert all(case.get("file") == one_line(case.get("file") or "") for case in found if case.get("file"))
