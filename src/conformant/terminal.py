"""A report as people read it in a terminal: the verdict first, then findings by resource."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from conformant.model import Place, Report, Severity, Status, Waiver
from conformant.summary import Line, cure_mark, folded, grouped, has_general_checks, heading, undecided, unseen
from conformant.text import counted, one_line, shortened, some
from conformant.verdict import declared, exit_code, findings, obstacles, rules, severity, tally, worst

SHOWN, LISTED = 200, 20
"""Findings, and entries of each other list, without `verbose`."""
MESSAGE = 1000
ROOM = 40
"""Columns that a message needs beside its place; with less it stands on a line of its own."""

_WORDS = {0: ("PASS", "1;32"), 1: ("FAIL", "1;31"), 3: ("UNDECIDED", "1;33")}
_COLORS = {
    Severity.CRITICAL: "1;31", Severity.HIGH: "31", Severity.MEDIUM: "33", Severity.LOW: "36",
    Severity.INFO: "2",
}  # fmt: skip


def render(report: Report, *, color: bool, width: int, verbose: bool = False) -> Iterator[str]:
    """The lines of a report, each with its line break.

    `width` is in columns; with `verbose` nothing is left out or cut short. Control characters of the
    input are written out, so that no file can steer the terminal.
    """
    return _Page(report, color, max(width, 40), verbose).lines()


class _Page:
    def __init__(self, report: Report, color: bool, width: int, verbose: bool) -> None:
        self.report = report
        self.color = color
        self.width = width
        self.verbose = verbose
        self.rules = rules(report)
        self.tally = tally(report)
        self.code = exit_code(report, self.tally)

    def lines(self) -> Iterator[str]:
        yield from self.headline()
        if self.code == 3:
            yield from self.section("Could not decide", [one_line(text) for text in obstacles(self.report)])
        yield from self.findings()
        notes = [*self.undecided(), *self.unseen(), *self.waived(), *self.unverified(), *self.hints()]
        if notes:
            yield "\n"
            yield from notes

    # the verdict

    def headline(self) -> Iterator[str]:
        word, style = _WORDS[self.code]
        left, right = f"{word}  {self.counts()}", self.scope()
        gap = self.width - len(left) - len(right)
        left = self.paint(word, style) + left[len(word) :]
        yield f"{left}{' ' * gap}{right}\n" if gap >= 3 else f"{left}\n{right}\n"

    def counts(self) -> str:
        results, found = self.tally.results, self.tally.findings
        levels = ", ".join(f"{count} {level}" for level, count in found.items() if count)
        text = f"{counted(self.tally.open, 'finding')} ({levels})" if levels else "no findings"
        parts = [text, f"{results[Status.PASS]} passed"]
        if 0 < self.tally.failing < self.tally.open or (self.tally.open and self.code == 0):
            parts.insert(1, f"{self.tally.failing} at or above {self.report.fail_on}")
        for status, name in ((Status.UNKNOWN, "undecided"), (Status.WAIVED, "waived")):
            if results[status]:
                parts.append(f"{results[status]} {name}")
        if results[Status.ERROR]:
            parts.append(counted(results[Status.ERROR], "broken check"))
        return " · ".join(parts)

    def scope(self) -> str:
        coverage = self.report.coverage
        inputs = one_line(" ".join(self.report.inputs))
        read = sum(1 for entry in coverage.files if entry.status in ("read", "rendered"))
        size = f"{counted(coverage.resources, 'resource')} in {counted(read, 'file')}"
        where = f"{shortened(inputs, 60)}: " if inputs else ""
        return f"{where}{size}, {self.report.seconds:.1f} s"

    # the findings

    def findings(self) -> Iterator[str]:
        every = findings(self.report)
        shown = every if self.verbose else worst(every, SHOWN)
        rows = {id(finding): self.cells(result.check, finding.place or result.place) for result, finding in shown}
        place_width = min(max((len(place) for place, _ in rows.values()), default=0), 60)
        name_width = min(max((len(name) for _, name in rows.values()), default=0), 48)
        for title, lines in grouped(folded(shown)):
            yield f"\n{self.paint(one_line(title), '1')}\n"
            for line in lines:
                yield from self.finding(line, *rows[id(line.finding)], place_width, name_width)
        if len(shown) < len(every):
            more = counted(len(every) - len(shown), "more finding")
            yield f"\n{more}, none worse than those shown. All of them: --verbose, or --format json\n"

    def cells(self, check: str, place: object) -> tuple[str, str]:
        return one_line(str(place or "-")), one_line(f"{check} {self.rules[check].slug}")

    def finding(self, line: Line, place: str, name: str, place_width: int, name_width: int) -> Iterator[str]:
        text, cure = line.text, line.finding.cure
        level = severity(line.result, line.finding)
        start = f"  {place:<{place_width}}  "
        colored = self.paint(f"{level!s:<8}", _COLORS[level])
        head = f"{start}{colored}  {name:<{name_width}}  "
        column = len(start) + 8 + 2 + max(len(name), name_width) + 2
        message = self.wrapped(text, column)
        if column + ROOM > self.width:
            column, message = 6, self.wrapped(text, 6)
            yield f"{head.rstrip()}\n"
            yield f"{' ' * column}{message[0]}\n"
        else:
            yield f"{head}{message[0]}\n"
        for more in message[1:]:
            yield f"{' ' * column}{more}\n"
        if cure is not None and cure.advice:
            for part in self.wrapped(f"cure: {cure.advice} {cure_mark(cure)}".rstrip(), column):
                yield f"{' ' * column}{self.paint(part, '2')}\n"

    def wrapped(self, text: str, column: int) -> list[str]:
        """`text` broken at the page's edge; long words (paths, digests) stay whole."""
        line = one_line(text) if self.verbose else shortened(one_line(text), MESSAGE)
        if column + len(line) <= self.width:
            return [line]
        room = max(self.width - column, ROOM)
        return wrap(line, room, break_long_words=False, break_on_hyphens=False) or [""]

    # what else there is to say

    def undecided(self) -> Iterator[str]:
        open_questions, undefined = undecided(self.report)
        entries = [
            f"{one.results[0].check} {one.subject}: {one.reason}{_in(one.results[0].place)}" for one in open_questions
        ]
        yield from self.section("Undecided", [*entries, *([undefined] if undefined else [])])
        broken = [
            f"{result.check} {heading(result.resource)}: {result.reason}{_in(result.place)}"
            for result in self.report.of(Status.ERROR)
        ]
        yield from self.section("Broken checks", broken)

    def unseen(self) -> Iterator[str]:
        kinds = list(unseen(self.report))
        parts: list[str] = []
        if kinds and has_general_checks(self.report):
            whose = "its" if len(kinds) == 1 else "their"
            text = f"{counted(len(kinds), 'kind')} without a check of {whose} own ({self.some(kinds)})"
            yield from self.note("Only general checks looked at", text)
        elif kinds:
            parts.append(f"{counted(len(kinds), 'kind')} without a check ({self.some(kinds)})")
        for status, what in (("unreadable", "unreadable"), ("template", "with templates not rendered")):
            entries = [
                f"{entry.file}: {entry.reason}{_at(entry.place)}"
                for entry in self.report.coverage.files
                if entry.status == status
            ]
            if entries:
                parts.append(f"{counted(len(entries), 'file')} {what} ({self.some(entries, '; ')})")
        if parts:
            yield from self.note("Not looked at", "; ".join(parts))

    def waived(self) -> Iterator[str]:
        if self.verbose:
            entries = [
                f"{result.check} {heading(result.resource)}: {_accepted(result.waiver)}"
                for result in self.report.of(Status.WAIVED)
            ]
            yield from self.section("Waived", entries)

    def unverified(self) -> Iterator[str]:
        confirmed = declared(self.report)
        if confirmed:
            yield from self.note("Declared, not verified live", f"{self.some(confirmed)} (conformant audit)")

    def hints(self) -> Iterator[str]:
        first = next((result.check for result in self.report.of(Status.FAIL)), "")
        if first:
            first = one_line(first)
            yield f"{self.paint('explain a check:', '2')} conformant explain {first}\n"
            terms = "until YYYY-MM-DD owner NAME: REASON"
            yield f"{self.paint('accept one, by a comment there:', '2')} # conformant: waive {first} {terms}\n"

    # the page

    def section(self, title: str, entries: Sequence[str]) -> Iterator[str]:
        """A titled list, on the title's line if there is one entry."""
        entries = [self.line(entry) for entry in entries]
        if len(entries) == 1:
            yield f"{self.paint(f'{title}:', '1')} {entries[0]}\n"
        elif entries:
            shown = entries if self.verbose else entries[:LISTED]
            yield f"{self.paint(f'{title}:', '1')}\n"
            yield from (f"  {entry}\n" for entry in shown)
            if len(shown) < len(entries):
                yield f"  … and {len(entries) - len(shown)} more\n"

    def note(self, title: str, text: str) -> Iterator[str]:
        yield f"{self.paint(f'{title}:', '1')} {self.line(text)}\n"

    def line(self, text: str) -> str:
        return one_line(text) if self.verbose else shortened(one_line(text), MESSAGE)

    def some(self, names: Sequence[str], separator: str = ", ") -> str:
        return some(names, len(names) if self.verbose else 5, separator)

    def paint(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.color else text


def _at(place: Place | None) -> str:
    return f" at {place.line}:{place.column}" if place else ""


def _in(place: Place | None) -> str:
    return f" ({place})" if place else ""


def _accepted(waiver: Waiver | None) -> str:
    if waiver is None:
        return "accepted"
    return f"{waiver.reason} ({waiver.owner or 'no owner'}, until {waiver.expires})"
