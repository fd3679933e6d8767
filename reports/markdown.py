"""Markdown, for the step summary of a CI job or a comment.

The verdict, the counts, then the findings, worst first: at most `rows`, and never more than
`size` bytes in all (GitHub takes 1 MiB); what was left out is said. Names and messages of the input are
escaped: they make no markup, no links, no mentions.
"""

import re
from collections.abc import Iterator

from conformant.leaf import exporter
from conformant.model import Report, Severity, Status
from conformant.summary import Line, cure_mark, folded, has_general_checks, undecided, unseen
from conformant.text import counted, one_line, shortened, some
from conformant.verdict import declared, exit_code, findings, obstacles, rules, severity, tally, worst

TITLES = {0: "✅ Verified", 1: "❌ Findings", 3: "⚠️ Could not decide"}
MESSAGE = 600
ENTRIES = 100

_MARKUP = re.compile(r"[\\`*_\[\]|~$]|^[-+=#]|(?<=\d)[.)](?!\S)")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_LINKS = re.compile(r"(?i)(?<=@)(?=\w)|(?<=:)(?=//)|(?<=www)(?=\.)|(?<=#)(?=\d)|(?<=GH)(?=-\d)")
"""Where a renderer would see a mention, an address, an issue: a space of no width breaks it up."""


@exporter(name="markdown", suffix=".md", media_type="text/markdown")
def markdown(report: Report, *, rows: int = 200, size: int = 1_000_000) -> Iterator[str]:
    head, tail, known = list(_head(report)), list(_tail(report)), rules(report)
    found = sorted(worst(findings(report), rows), key=lambda pair: -severity(*pair))
    shown = 0
    left = size - sum(len(part.encode()) for part in (*head, *tail)) - 500
    table: list[str] = []
    for line in folded(found):
        row = _row(line, known[line.result.check].slug)
        left -= len(row.encode())
        if left < 0:
            break
        table.append(row)
        shown += line.count
    yield from head
    if table:
        yield "\n### Findings\n\n| severity | check | resource | place | finding |\n|---|---|---|---|---|\n"
        yield from table
    total = tally(report).open
    if shown < total:
        yield f"\n{counted(total - shown, 'more finding')} not shown; the JSON report has all of them.\n"
    yield from tail


def _head(report: Report) -> Iterator[str]:
    counts, coverage = tally(report), report.coverage
    yield f"## {TITLES[exit_code(report, counts)]}\n"
    stops = [_text(obstacle) for obstacle in obstacles(report)]
    if stops:
        yield "\n"
        yield from _list(stops)
    yield f"\n{_text(some(report.inputs, 10)) or 'Input'}: {counted(coverage.resources, 'resource')} "
    yield f"in {counted(len(coverage.files), 'file')}; the run fails from severity {report.fail_on} on.\n"
    levels = [str(level) for level in reversed(Severity)]
    shown = [*levels, "passed", "undecided", "broken checks", "waived"]
    numbers = [counts.findings[level] for level in levels] + [
        counts.results[status] for status in (Status.PASS, Status.UNKNOWN, Status.ERROR, Status.WAIVED)
    ]
    yield f"\n| {' | '.join(shown)} |\n|{'---:|' * len(shown)}\n| {' | '.join(map(str, numbers))} |\n"


def _row(line: Line, slug: str) -> str:
    result, finding = line.result, line.finding
    cure = f"{finding.cure.advice} {cure_mark(finding.cure)}".rstrip() if finding.cure and finding.cure.advice else ""
    return (
        f"| {severity(result, finding)} | {_code(result.check)} {_text(slug)} "
        f"| {_code(line.heading)} | {_code(str(finding.place or result.place or '-'))} "
        f"| {_text(line.text)}{f'<br>Cure: {_text(cure)}' if cure else ''} |\n"
    )


def _tail(report: Report) -> Iterator[str]:
    questions, undefined = undecided(report)
    entries = [
        f"{_code(one.results[0].check)} on {_code(one.subject)}: {_text(one.reason)}"
        + (f" ({_code(str(one.results[0].place))})" if one.results[0].place else "")
        for one in questions
    ]
    yield from _section("Undecided", [*entries, *([_text(undefined)] if undefined else [])])
    kinds = [
        f"no check of its own for {_code(kind)} ({counted(count, 'resource')})"
        for kind, count in zip(unseen(report), report.coverage.unseen_kinds.values(), strict=True)
    ]
    files = [
        f"{entry.status}: {_code(str(entry.place or entry.file))} {_text(entry.reason)}"
        for entry in report.coverage.files
        if entry.status in ("unreadable", "template")
    ]
    general = has_general_checks(report)
    yield from _section("Not looked at", files if general else [*files, *kinds])
    yield from _section("Only general checks looked at", kinds if general else [])
    confirmed = declared(report)
    if confirmed:
        yield f"\n### Declared, not verified live\n\n{', '.join(_code(name) for name in confirmed[:ENTRIES])}\n"


def _section(title: str, entries: list[str]) -> Iterator[str]:
    if entries:
        yield f"\n### {title}\n\n"
        yield from _list(entries)


def _list(entries: list[str]) -> Iterator[str]:
    yield from (f"- {entry}\n" for entry in entries[:ENTRIES])
    if len(entries) > ENTRIES:
        yield f"- … and {len(entries) - ENTRIES} more\n"


def _text(text: str) -> str:
    """Text of the input as text: one line, no markup, no links."""
    line = shortened(one_line(text).strip(), MESSAGE)
    return _MARKUP.sub(r"\\\g<0>", _LINKS.sub("\u200b", line)).translate(_ENTITIES)


def _code(text: str) -> str:
    """Text of the input as a code span that stands in a table cell too."""
    line = shortened(one_line(text), MESSAGE).replace("|", "\\|")
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if line[:1] in ("`", " ") or line[-1:] in ("`", " ") else ""
    return f"{fence}{pad}{line}{pad}{fence}" if line else "-"
