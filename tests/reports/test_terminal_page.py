"""The page that people read in a terminal."""

import re
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from conformant.model import Coverage, FileCoverage, Finding, Place, Report, Severity, Status
from conformant.terminal import render
from conformant.text import one_line

PAGE = """\
FAIL  2 findings (1 critical, 1 medium) · 11 passed · 1 undecided · 1 waived · 1 broken check
deploy/ infra/: 3 resources in 3 files, 0.3 s

Kafka shop/events
  deploy/kafka.yaml:12:9  critical  KAF-001 plaintext-listener  listener 'plain' has tls: false
                                                                cure: set tls: true (safe patch)
  deploy/kafka.yaml:14:9  medium    KAF-001 plaintext-listener  no replicas
                                                                cure: add some

Undecided: TF-001 aws_s3_bucket.logs: encrypted is var.encrypt, which has no value (infra/s3.tf:31:3)
Broken checks: WRK-008 Deployment shop/web: the check raised KeyError (x.py:3)
Not looked at: 1 kind without a check (Gateway.example.io); 1 file with templates not rendered \
(deploy/chart/x.yaml: not rendered at 3:1)
Declared, not verified live: default-deny (conformant audit)
explain a check: conformant explain KAF-001
accept one, by a comment there: # conformant: waive KAF-001 until YYYY-MM-DD owner NAME: REASON
"""


def page(report: Report, *, color: bool = False, width: int = 120, verbose: bool = False) -> str:
    text = "".join(render(report, color=color, width=width, verbose=verbose))
    text.encode()
    return text


def test_page(sample: Report) -> None:
    assert page(sample) == PAGE


def test_color_adds_nothing_but_color(sample: Report) -> None:
    colored = page(sample, color=True)
    assert colored.startswith("\x1b[1;31mFAIL\x1b[0m  2 findings")
    assert re.sub(r"\x1b\[[\d;]*m", "", colored) == PAGE


def test_a_wide_page_has_one_headline_and_a_narrow_one_breaks_messages(sample: Report) -> None:
    first = page(sample, width=200).splitlines()[0]
    assert len(first) == 200
    assert first.endswith("3 resources in 3 files, 0.3 s")
    narrow = page(sample, width=80)
    assert "  deploy/kafka.yaml:12:9  critical  KAF-001 plaintext-listener\n      listener 'plain'" in narrow


def test_long_messages_hang_below_their_column(sample: Report) -> None:
    finding = Finding("word " * 40, severity=Severity.LOW, place=Place("a.yaml"))
    lines = page(_with(sample, finding)).splitlines()
    start = next(line for line in lines if line.startswith("  a.yaml")).index("word")
    body = [line for line in lines if "word" in line]
    assert len(body) > 2
    assert all(len(line) <= 120 for line in body)
    assert all(line.index("word") == start for line in body)


@pytest.mark.parametrize(
    ("changes", "first", "told"),
    [
        ({"results": [], "passed": {"A": 1}}, "PASS  no findings · 1 passed", ""),
        ({"results": [], "coverage": Coverage()}, "UNDECIDED  no findings", "no resource was found"),
        (
            {"results": [], "coverage": Coverage([FileCoverage("a", "unreadable", 0, "tab", Place("a", 4, 1))], 1)},
            "UNDECIDED  no findings", "Could not decide: a:4:1 is unreadable: tab\n",
        ),
        ({"fail_on": Severity.HIGH}, "FAIL  2 findings (1 critical, 1 medium) · 1 at or above high", ""),
    ],
)  # fmt: skip
def test_verdict_comes_first(changes: dict[str, object], first: str, told: str, sample: Report) -> None:
    text = page(replace(sample, **changes))
    assert text.startswith(first)
    assert told in text


def test_findings_below_the_threshold_pass(sample: Report) -> None:
    small = replace(sample, results=[replace(sample.results[0], findings=sample.results[0].findings[1:])])
    assert page(replace(small, fail_on=Severity.HIGH)).startswith(
        "PASS  1 finding (1 medium) · 0 at or above high · 11 passed"
    )


def test_many_findings_are_capped_to_the_worst_and_fast(sample: Report) -> None:
    levels = [Severity.LOW] * 20_000 + [Severity.CRITICAL]
    found = [Finding(f"no {line}", severity=level, place=Place("a", line)) for line, level in enumerate(levels, 1)]
    report = _with(sample, *found)
    begun = perf_counter()
    text = page(report)
    assert perf_counter() - begun < 1
    assert "no 20001" in text
    assert "\n19801 more findings, none worse than those shown." in text
    assert "more findings" not in page(report, verbose=True)


def test_waived_are_listed_on_demand(sample: Report) -> None:
    assert "Waived" not in page(sample)
    line = "Waived: WRK-006 Deployment shop/web: the agent needs it (team, until 2027-01-31)\n"
    assert line in page(sample, verbose=True)


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_nothing_of_the_input_steers_the_terminal(data: st.DataObject, reports: st.SearchStrategy[Report]) -> None:
    report = data.draw(reports)
    text = page(report, width=data.draw(st.integers(10, 200)), verbose=True)
    assert not any((ord(char) < 32 and char != "\n") or 127 <= ord(char) < 160 for char in text)
    squeezed = "".join(text.split())
    for result in report.of(Status.FAIL):
        for finding in result.findings:
            assert "".join(one_line(finding.message).split()) in squeezed


def _with(report: Report, *found: Finding) -> Report:
    return replace(report, results=[replace(report.results[0], findings=list(found))])
