"""Markdown through a renderer: what the input says stays text."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from msgspec.structs import replace

from conformant.model import Finding, Place, Report, Resource, Severity, Status
from conformant.text import one_line
from conformant.waivers import Fixed

Export = Callable[..., str]
TAGS = {"h2", "h3", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "code", "br"}


def html(text: str) -> str:
    rendered = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)
    return str(rendered)


def cells(page: str) -> list[list[str]]:
    """The texts of the body rows of the last table."""
    body = page.rpartition("<tbody>")[2].partition("</tbody>")[0]
    return [
        [
            unescape(re.sub(r"<.*?>", "", cell)).replace("\u200b", "")
            for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)
        ]
        for row in body.split("</tr>")[:-1]
    ]


def with_findings(report: Report, *found: Finding) -> Report:
    return replace(report, results=[replace(report.results[0], findings=list(found))])


def test_page(sample: Report, export: Export) -> None:
    text = export("markdown", sample)
    page = html(text)
    assert page.startswith("<h2>❌ Findings</h2>")
    assert "<td>1</td>" in page or '<td style="text-align:right">1</td>' in page
    assert cells(page) == [
        [
            "critical", "KAF-001 plaintext-listener", "Kafka shop/events", "deploy/kafka.yaml:12:9",
            "listener 'plain' has tls: falseCure: set tls: true (safe patch)",
        ],
        [
            "medium", "KAF-001 plaintext-listener", "Kafka shop/events", "deploy/kafka.yaml:14:9",
            "no replicasCure: add some",
        ],
    ]  # fmt: skip
    for title in ("Undecided", "Not looked at", "Declared, not verified live"):
        assert f"<h3>{title}</h3>" in page
    assert "<code>Gateway.example.io</code> (2 resources)" in page


def test_verdict_without_findings(sample: Report, export: Export) -> None:
    clean = replace(sample, results=[])
    assert export("markdown", clean).startswith("## ✅ Verified\n")
    nothing = replace(clean, coverage=replace(sample.coverage, resources=0))
    text = export("markdown", nothing)
    assert text.startswith("## ⚠️ Could not decide\n")
    assert "nothing was evaluated: no resource was found" in text


def test_the_worst_rows_stay(sample: Report, export: Export) -> None:
    levels = [Severity.LOW, Severity.CRITICAL, Severity.INFO, Severity.HIGH]
    found = [Finding(f"is {level}", severity=level, place=Place("a")) for level in levels]
    text = export("markdown", with_findings(sample, *found), rows=2)
    assert [row[4] for row in cells(html(text))] == ["is critical", "is high"]
    assert "2 more findings not shown" in text


@pytest.mark.parametrize("size", [3_000, 20_000, 1_000_000])
def test_size_is_kept(size: int, sample: Report, export: Export) -> None:
    found = [Finding("💥" * 400, severity=Severity.LOW, place=Place("a", line)) for line in range(1, 2_000)]
    text = export("markdown", with_findings(sample, *found), rows=10_000, size=size)
    assert len(text.encode()) <= size
    assert "more findings not shown" in text


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_a_hostile_row_is_text(data: st.DataObject, texts: st.SearchStrategy[str], export: Export) -> None:
    message, name, file = data.draw(texts), data.draw(texts.filter(bool)), data.draw(texts)
    thing = Resource(
        family="kubernetes", group="", version="", kind="K", namespace="n", name=name, raw={},
        locator=Fixed(Place("a")), source="file",
    )  # fmt: skip
    report = data.draw(st.just(_one(thing, Finding(message, severity=Severity.LOW, place=Place(file)))))
    page = html(export("markdown", report))
    assert set(re.findall(r"<(\w+)", page)) <= TAGS
    [row] = cells(page)
    assert row[2].strip() == one_line(f"K n/{name}").strip()
    assert row[3].strip() == one_line(f"{file}:1:1").strip()
    assert row[4] == one_line(message).strip()


def _one(thing: Resource, finding: Finding) -> Report:
    from conformant.model import Coverage, Result

    result = Result("X-001", Status.FAIL, Severity.LOW, thing, "", [finding])
    return Report([result], {}, Coverage(resources=1))


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_any_report_makes_no_markup_of_its_own(
    data: st.DataObject, reports: st.SearchStrategy[Report], export: Export
) -> None:
    page = html(export("markdown", data.draw(reports)))
    assert set(re.findall(r"<(\w+)", page)) <= TAGS
    prose = unescape(re.sub(r"<.*?>", "", re.sub(r"<code>.*?</code>", "", page)))
    assert not re.search(r"(?i)@\w|https?://|www\.|#\d|GH-\d", prose)
