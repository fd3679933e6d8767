"""Results as plain records that msgpack can hold, and back: what the caches write."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from conformant.model import REMOVE, Cure, Finding, Place, Resource, Result, Severity, Status, Waiver
from conformant.model import Path as Route
from conformant.platform import Nowhere


class _Place(msgspec.Struct, array_like=True):
    file: str
    line: int
    column: int
    end_line: int
    note: str


class _Cure(msgspec.Struct, array_like=True):
    advice: str
    grade: str
    patches: list[tuple[list[str | int], bool, Any]]


class _Finding(msgspec.Struct, array_like=True):
    message: str
    path: list[str | int]
    severity: int
    place: _Place | None
    fingerprint: str
    cure: _Cure | None
    at: int | None


class KeptResult(msgspec.Struct, array_like=True):
    check: str
    status: str
    severity: int
    resource: int
    requirement: str
    findings: list[_Finding]
    reason: str
    place: _Place | None
    waiver: Waiver | None


# there


def keep(result: Result, number: Callable[[Resource], int]) -> KeptResult:
    """A result as a record; `number` gives the number under which a resource is kept."""
    return KeptResult(
        result.check, str(result.status), int(result.severity), number(result.resource), result.requirement,
        [_finding(finding, number) for finding in result.findings], result.reason, _place(result.place), result.waiver,
    )  # fmt: skip


def _finding(finding: Finding, number: Callable[[Resource], int]) -> _Finding:
    severity = finding.severity or Severity.INFO
    return _Finding(
        finding.message, list(finding.path), int(severity), _place(finding.place), finding.fingerprint,
        _cure(finding.cure), None if finding.at is None else number(finding.at),
    )  # fmt: skip


def _cure(cure: Cure | None) -> _Cure | None:
    if cure is None:
        return None
    patches = [(list(path), value is REMOVE, None if value is REMOVE else value) for path, value in cure.patches]
    return _Cure(cure.advice, cure.grade, patches)


def _place(place: Place | None) -> _Place | None:
    return None if place is None else _Place(place.file, place.line, place.column, place.end_line, place.note)


# and back


def restore(kept: KeptResult, resources: Sequence[Resource]) -> Result:
    """The result that was kept; `resources` are those of the numbers."""
    return Result(
        kept.check, Status(kept.status), Severity(kept.severity), resources[kept.resource], kept.requirement,
        [_found(finding, resources) for finding in kept.findings], kept.reason, _placed(kept.place), kept.waiver,
    )  # fmt: skip


def _found(kept: _Finding, resources: Sequence[Resource]) -> Finding:
    cure = None
    if kept.cure is not None:
        patches = tuple((Route(path), REMOVE if gone else value) for path, gone, value in kept.cure.patches)
        cure = Cure(kept.cure.advice, patches, kept.cure.grade)
    place = _placed(kept.place)
    at = None if kept.at is None else resources[kept.at]
    return Finding(kept.message, Route(kept.path), Severity(kept.severity), cure, at, place, kept.fingerprint)


def _placed(kept: _Place | None) -> Place | None:
    return None if kept is None else Place(kept.file, kept.line, kept.column, kept.end_line, kept.note)


NOWHERE = Nowhere()
