"""JUnit XML, for the test view of a CI system.

A test suite per area. One test case for each check and resource with something to say: a finding
is a failure, or skipped where it is below ``fail_on``; waived, undecided (unless the run is strict)
and not applicable are skipped; a check that broke, or an undecided one in a strict run, is an
error. Passes are one test case per check, or per resource if the run kept them. What kept the run
from deciding is an error in the suite ``coverage``.
"""

from collections.abc import Iterable, Iterator
from html import escape

from msgspec import Struct

from conformant.leaf import exporter
from conformant.model import Place, Report, Result, Status
from conformant.text import one_line, visible
from conformant.verdict import Rule, gaps, rules, severity, statement

COUNTED = {"failure": "failures", "error": "errors", "skipped": "skipped"}


class Case(Struct):
    """One test case; `outcome` is the element that tells it from a pass, or empty."""

    name: str
    classname: str
    outcome: str = ""
    kind: str = ""
    message: str = ""
    text: str = ""
    place: Place | None = None
    properties: tuple[tuple[str, str], ...] = ()


@exporter(name="junit", suffix=".xml", media_type="application/xml")
def junit(report: Report) -> Iterator[str]:
    suites = _suites(report)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    yield f'<testsuites name="conformant"{_totals([case for cases in suites.values() for case in cases])}>\n'
    for area, cases in sorted(suites.items()):
        yield f'  <testsuite name="{_attribute(area)}"{_totals(cases)}>\n'
        for case in cases:
            yield from _element(case)
        yield "  </testsuite>\n"
    yield "</testsuites>\n"


def _suites(report: Report) -> dict[str, list[Case]]:
    """The test cases by area. Names are unique and, where addresses are, the same in every run."""
    known = rules(report)
    suites: dict[str, list[Case]] = {}
    kept: set[str] = set()
    for group in _by_check_and_resource(report.results):
        rule = known[group[0].check]
        suites.setdefault(rule.area, []).append(_case(rule, group, report))
        if group[0].status is Status.PASS:
            kept.add(rule.id)
    for id, count in sorted(report.passed.items()):
        if count and id not in kept and id in known:
            rule = known[id]
            properties = (*_properties(rule), ("passed", str(count)))
            case = Case(f"{id} {rule.slug}", f"{rule.area}.{rule.slug}", properties=properties)
            suites.setdefault(rule.area, []).append(case)
    gaping = [Case(gap, "coverage", "error", "undecided", gap) for gap in gaps(report)]
    if gaping:
        suites.setdefault("coverage", []).extend(gaping)
    names: dict[str, int] = {}
    for case in (case for cases in suites.values() for case in cases):
        name = case.name = one_line(case.name)
        while case.name in names:
            names[name] += 1
            case.name = f"{name} #{names[name]}"
        names[case.name] = 1
    return suites


def _by_check_and_resource(results: Iterable[Result]) -> Iterable[list[Result]]:
    """What one check said of one resource: waivers split it into several results."""
    groups: dict[tuple[str, int], list[Result]] = {}
    for result in results:
        groups.setdefault((result.check, id(result.resource)), []).append(result)
    return groups.values()


def _case(rule: Rule, group: list[Result], report: Report) -> Case:
    """The worst of a group decides: an error of the check, a failing finding, a reason to skip."""
    result = group[0]
    case = Case(f"{rule.id} {rule.slug} {result.resource.address}", f"{rule.area}.{rule.slug}")
    case.properties = _properties(rule)
    case.place = next((one.place for one in group if one.place is not None), None)
    texts: list[str] = []
    ranks: list[tuple[int, str, str, str]] = []
    for one in group:
        ranks.extend(_outcomes(one, report))
        texts.extend(_lines(one))
    if not ranks:
        return case
    ranks.sort(key=lambda rank: rank[0])
    _, case.outcome, case.kind, case.message = ranks[0]
    others = sum(1 for rank in ranks if rank[:3] == ranks[0][:3]) - 1
    if others:
        case.message += f" (and {others} more)"
    case.text = "\n".join(texts)
    return case


def _outcomes(result: Result, report: Report) -> Iterator[tuple[int, str, str, str]]:
    """Rank, element, type and message of everything that a result says; a pass says nothing."""
    match result.status:
        case Status.FAIL:
            for finding in result.findings:
                level = severity(result, finding)
                if level >= report.fail_on:
                    yield 1, "failure", str(level), finding.message
                else:
                    yield 2, "skipped", str(level), f"below {report.fail_on}: {finding.message}"
        case Status.ERROR:
            yield 0, "error", "error", result.reason
        case Status.UNKNOWN if report.strict:
            yield 0, "error", "undecided", result.reason
        case Status.UNKNOWN:
            yield 3, "skipped", "undecided", f"undecided: {result.reason}"
        case Status.WAIVED:
            yield 4, "skipped", "waived", _accepted(result)
        case Status.NOT_APPLICABLE:
            yield 5, "skipped", "not_applicable", f"not applicable: {result.reason}"


def _accepted(result: Result) -> str:
    waiver = result.waiver
    if waiver is None:
        return "waived"
    owner = f" by {waiver.owner}" if waiver.owner else ""
    return f"waived until {waiver.expires}{owner}: {waiver.reason}"


def _lines(result: Result) -> Iterator[str]:
    """The body of a test case, a line per finding with its place, and its cure."""
    for finding in result.findings:
        place = finding.place or result.place or "-"
        accepted = f" ({_accepted(result)})" if result.status is Status.WAIVED else ""
        yield f"{place}: {severity(result, finding)}: {statement(finding)}{accepted}"
        if finding.cure is not None and finding.cure.advice:
            yield f"  cure: {finding.cure.advice}"
    if result.reason:
        yield f"{result.place or '-'}: {result.reason}"


def _properties(rule: Rule) -> tuple[tuple[str, str], ...]:
    stated = (
        ("id", rule.id), ("severity", str(rule.severity)), ("requirement", rule.requirement),
        ("controls", " ".join(rule.controls)),
    )  # fmt: skip
    return tuple((name, value) for name, value in stated if value)


def _element(case: Case) -> Iterator[str]:
    place = f' file="{_attribute(case.place.file)}" line="{case.place.line}"' if case.place else ""
    yield f'    <testcase classname="{_attribute(case.classname)}" name="{_attribute(case.name)}"{place}>\n'
    if case.properties:
        yield "      <properties>\n"
        for name, value in case.properties:
            yield f'        <property name="{name}" value="{_attribute(value)}"/>\n'
        yield "      </properties>\n"
    if case.outcome:
        yield (
            f'      <{case.outcome} type="{_attribute(case.kind)}" message="{_attribute(case.message)}">'
            f"{escape(visible(case.text), quote=False)}</{case.outcome}>\n"
        )
    yield "    </testcase>\n"


def _totals(cases: list[Case]) -> str:
    counts = dict.fromkeys(COUNTED, 0)
    for case in cases:
        if case.outcome:
            counts[case.outcome] += 1
    return f' tests="{len(cases)}"' + "".join(f' {COUNTED[key]}="{count}"' for key, count in counts.items())


def _attribute(text: str) -> str:
    return escape(one_line(text))
