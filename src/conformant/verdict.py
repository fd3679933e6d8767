"""What a report comes to: verdict, exit code, counts, and what stood in the way.

Everything here is derived from a `Report` alone, for the command line, the terminal and the exporters.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from conformant.model import Finding, Report, Result, Severity, Status
from conformant.text import counted

VERIFIED, FINDINGS, USAGE, UNDECIDED = 0, 1, 2, 3
WORDS = {VERIFIED: "pass", FINDINGS: "fail", UNDECIDED: "undecided"}
UNREAD = ("unreadable", "partial")
"""What coverage says of a file that could not be read, or not to its end."""
INPUT_CHECK = "SCH-001"
"""The check whose findings on an unreadable file say "could not read", not "is wrong"."""

Pair = tuple[Result, Finding]


class Tally(Struct):
    """Results by status and open findings by severity, worst first, zeros included. `failing`
    open findings fail the run."""

    results: dict[str, int]
    findings: dict[str, int]
    failing: int

    @property
    def open(self) -> int:
        return sum(self.findings.values())


class Rule(Struct, frozen=True):
    """What a report knows of a check or probe, whether it ran here or only left results."""

    id: str
    slug: str
    title: str
    doc: str
    severity: Severity
    area: str
    requirement: str = ""
    controls: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


def exit_code(report: Report, counts: Tally | None = None) -> int:
    """0 verified, 1 findings at or above `fail_on`, 3 could not decide. `counts` saves counting again."""
    if (counts or tally(report)).failing:
        return FINDINGS
    return VERIFIED if next(obstacles(report), None) is None else UNDECIDED


def verdict(report: Report, counts: Tally | None = None) -> str:
    """``pass``, ``fail`` or ``undecided``."""
    return WORDS[exit_code(report, counts)]


def tally(report: Report) -> Tally:
    """The counts of a report; passing results count although a report rarely keeps them."""
    results = dict.fromkeys((str(status) for status in Status), 0)
    by_severity = [0] * len(Severity)
    unreadable = unreadable_files(report)
    unread = 0
    for result in report.results:
        results[result.status] += 1
        if result.status is not Status.FAIL:
            continue
        for finding in result.findings:
            level = result.severity if finding.severity is None else finding.severity
            by_severity[level] += 1
            if unreadable and level >= report.fail_on and concerns_reading(result, finding, unreadable):
                unread += 1
    results[Status.PASS] = sum(report.passed.values())
    found = {str(level): by_severity[level] for level in reversed(Severity)}
    return Tally(results, found, sum(by_severity[report.fail_on :]) - unread)


def severity(result: Result, finding: Finding) -> Severity:
    """The finding's own severity, else that of its check."""
    return result.severity if finding.severity is None else finding.severity


def statement(finding: Finding) -> str:
    """The message, with the detour that its place tells of, such as a rendered template."""
    note = finding.place.note if finding.place is not None else ""
    return f"{finding.message} ({note})" if note else finding.message


def unreadable_files(report: Report) -> frozenset[str]:
    """The input files that could not be read."""
    return frozenset(entry.file for entry in report.coverage.files if entry.status in UNREAD)


def concerns_reading(result: Result, finding: Finding, unreadable: frozenset[str]) -> bool:
    """Whether a finding only says that a file is unreadable: no verdict on the platform."""
    return result.check == INPUT_CHECK and finding.place is not None and finding.place.file in unreadable


def obstacles(report: Report) -> Iterator[str]:
    """Why the run could not decide, one sentence each; nothing if it could. Findings go first:
    a run that has some fails whatever stands here."""
    yield from gaps(report)
    for result in report.of(Status.ERROR):
        yield f"{result.check} failed on {result.resource.address}: {result.reason}"
    undecided = sum(1 for _ in report.of(Status.UNKNOWN)) if report.strict else 0
    if undecided:
        yield f"{counted(undecided, 'undecided result')}, and the run is strict"


def gaps(report: Report) -> Iterator[str]:
    """What the run could not look at although it should have."""
    if not report.coverage.resources:
        yield "nothing was evaluated: no resource was found"
    elif not report.passed and not report.results:
        yield "nothing was evaluated: no check applies to what was found"
    for entry in report.coverage.files:
        if entry.status in UNREAD:
            yield f"{entry.place or entry.file} is unreadable: {entry.reason or 'no reason was given'}"


def findings(report: Report, *statuses: Status) -> list[Pair]:
    """Every finding with its result, in report order; the open ones unless `statuses` are given."""
    chosen = statuses or (Status.FAIL,)
    return [(result, finding) for result in report.of(*chosen) for finding in result.findings]


def worst(pairs: Sequence[Pair], limit: int) -> list[Pair]:
    """The `limit` most severe of `pairs`, open before waived, in their own order."""
    if len(pairs) <= limit:
        return list(pairs)

    def rank(index: int) -> tuple[bool, int, int]:
        result, finding = pairs[index]
        return result.status is Status.WAIVED, -severity(result, finding), index

    return [pairs[index] for index in sorted(sorted(range(len(pairs)), key=rank)[:limit])]


def rules(report: Report) -> dict[str, Rule]:
    """The checks and probes of a report by id, sorted: those that ran and those that only left results."""
    found: dict[str, Rule] = {}
    for id, leaf in report.checks.items():
        found[id] = Rule(
            id, leaf.slug, leaf.title or leaf.slug, leaf.doc, leaf.severity, leaf.area, leaf.requirement,
            tuple(leaf.controls), tuple(leaf.tags), tuple(leaf.aliases),
        )  # fmt: skip
    for result in report.results:
        if result.check not in found:
            slug = result.requirement or result.check.lower()
            found[result.check] = Rule(result.check, slug, slug, "", result.severity, slug, result.requirement)
    return dict(sorted(found.items()))


def declared(report: Report) -> list[str]:
    """The requirements that static checks confirm and that no probe of this run touched, sorted."""
    confirmed: set[str] = set()
    doubted = {result.requirement for result in report.of(Status.FAIL, Status.UNKNOWN, Status.ERROR, Status.WAIVED)}
    for id, leaf in report.checks.items():
        if id.startswith("LIVE-"):
            doubted.add(leaf.requirement)
        elif report.passed.get(id):
            confirmed.add(leaf.requirement)
    return sorted(confirmed - doubted - {""})
