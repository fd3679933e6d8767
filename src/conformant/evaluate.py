"""Checks x platform x waivers -> results. Pure: no I/O, no clock, no environment."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from conformant.leaf import Check, Item, Leaf
from conformant.model import (
    ROOT,
    Configuration,
    Finding,
    NotApplicable,
    Path,
    Resource,
    Result,
    Severity,
    Status,
    Undecided,
    fingerprint,
)
from conformant.platform import Platform
from conformant.waivers import Waivers


class Memory(Protocol):
    """Knows what local checks said of resources of unchanged files."""

    def known(self, resource: Resource) -> Mapping[str, list[Result]] | None:
        """By check id: no result where the check does not apply. A check that is not named passed."""

    def note(self, resource: Resource, check: str, results: list[Result]) -> None:
        """Take note of what a local check said other than that the resource passes."""


class Verdicts(Struct):
    """What `evaluate` found: results that are not a pass (all of them with `keep_passes`), and
    the number of passes by check id. `idle` checks saw no resource of theirs."""

    results: list[Result]
    passed: dict[str, int]
    idle: list[str]


def evaluate(
    checks: Sequence[Check], platform: Platform, *, today: date, waivers: Waivers | None = None,
    settings: Configuration | None = None, keep_passes: bool = False, memory: Memory | None = None,
) -> Verdicts:  # fmt: skip
    """Run every check over every resource that its view admits.

    A check that raises gives an `error` result on that resource and the run goes on; one that
    touches an `Unknown` gives `unknown`, unless it found a fault. Results come in the order of
    the resources in the input, then of the check ids. What `memory` knows is not judged again.
    """
    results: list[Result] = []
    passed: dict[str, int] = {}
    idle: list[str] = []
    for check in checks:
        judge = check.bind(platform, today, settings or {})
        kinds = check.kinds
        seen = passes = 0
        notes = memory if check.local else None
        for view in platform.of(check.view):
            resource: Resource = view.resource
            if kinds is not None and resource.kind not in kinds:
                continue
            seen += 1
            known = None if notes is None else notes.known(resource)
            if known is not None:
                told = known.get(check.id)
                if told is not None:
                    results.extend(told)
                else:
                    passes += 1
                    if keep_passes:
                        results.append(passing(check, resource))
                continue
            items: list[Item] = []
            reason, broken = "", False
            try:
                items.extend(judge(view))
            except Undecided as undecided:
                items.append(undecided)
            except Exception as error:  # noqa: BLE001 -- whatever a leaf raises is this result's error
                reason, broken = crash(error), True
            if not keep_passes and not broken and len(items) == 1 and items[0].__class__ is NotApplicable:
                if notes is not None:
                    notes.note(resource, check.id, [])
            elif items or broken:
                verdicts = list(judged(check, resource, items, reason, broken, keep_passes))
                if notes is not None:
                    notes.note(resource, check.id, verdicts)
                results.extend(verdicts)
            else:
                passes += 1
                if keep_passes:
                    results.append(passing(check, resource))
        if seen:
            passed[check.id] = passes
        else:
            idle.append(check.id)
    order = platform.order
    results.sort(key=lambda r: (order.get(id(r.resource), -1), r.resource.address, r.check))
    if waivers is not None:
        results = waive(results, {check.id: check for check in checks}, waivers, today)
    return Verdicts(results, passed, idle)


def passing(check: Leaf, resource: Resource) -> Result:
    return Result(check.id, Status.PASS, check.severity, resource, check.requirement)


def crash(error: Exception) -> str:
    """What and where, without the message: that could quote a value of the input."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    file = trace.tb_frame.f_code.co_filename.replace("\\", "/").rpartition("/")[2]
    return f"the check raised {type(error).__name__} ({file}:{trace.tb_lineno})"


def judged(
    check: Leaf, resource: Resource, items: Iterable[Item], reason: str, broken: bool, keep: bool
) -> Iterable[Result]:
    """The result of one check on one resource that said something; with `keep`, also that it
    does not apply."""
    found: list[Finding] = []
    undecided: list[str] = []
    inapplicable = ""
    counts: dict[Path, int] = {}
    for item in items:
        if isinstance(item, Finding):
            nth = counts[item.path] = counts.get(item.path, -1) + 1
            found.append(_complete(check, resource, item, nth))
        elif isinstance(item, Undecided):
            undecided.append(item.reason)
        elif isinstance(item, NotApplicable):
            inapplicable = item.reason or "nothing to judge"
    base = Result(check.id, Status.FAIL, check.severity, resource, check.requirement)
    if found:
        base.findings = found
        base.severity = max(finding.severity or Severity.INFO for finding in found)
        base.place = found[0].place
        yield base
        if not broken:
            return
        base = Result(check.id, Status.ERROR, check.severity, resource, check.requirement)
    if broken:
        base.status, base.reason = Status.ERROR, reason
    elif undecided:
        base.status, base.reason = Status.UNKNOWN, "; ".join(dict.fromkeys(undecided))
    else:
        base.status, base.reason = Status.NOT_APPLICABLE, inapplicable
        if keep:
            yield base
        return
    base.place = resource.locator.place(ROOT)
    yield base


def _complete(check: Leaf, resource: Resource, finding: Finding, nth: int) -> Finding:
    holder = finding.at or resource
    return replace(
        finding,
        severity=check.severity if finding.severity is None else finding.severity,
        place=holder.locator.place(finding.path),
        fingerprint=fingerprint(check.id, resource, finding.path, nth, holder),
    )


def waive(results: Iterable[Result], checks: Mapping[str, Leaf], waivers: Waivers, today: date) -> list[Result]:
    """Split off what a waiver or the baseline covers into `waived` results."""
    kept: list[Result] = []
    for result in results:
        if result.status is not Status.FAIL:
            kept.append(result)
            continue
        open_findings: list[Finding] = []
        for finding in result.findings:
            waiver = waivers.covering(checks[result.check], result.resource, finding, today)
            if waiver is None:
                open_findings.append(finding)
            else:
                accepted = replace(result, status=Status.WAIVED, findings=[finding], waiver=waiver)
                accepted.place = finding.place
                kept.append(accepted)
        if open_findings:
            worst = max(finding.severity or Severity.INFO for finding in open_findings)
            place = open_findings[0].place
            kept.append(replace(result, findings=open_findings, severity=worst, place=place))
    return kept
