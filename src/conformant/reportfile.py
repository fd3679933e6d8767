"""Reports as files: reads what the JSON exporter wrote, and puts several reports together."""

from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path as FilePath
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from conformant.keeping import NOWHERE
from conformant.model import (
    REMOVE,
    Coverage,
    Cure,
    Evidence,
    FileCoverage,
    Finding,
    Path,
    Place,
    Report,
    Resource,
    Result,
    Run,
    Severity,
    Status,
    Waiver,
)
from conformant.verdict import Rule


class ReportError(Exception):
    """A file that is no report; the message names it and says why."""

    exit_code = 2


class StatedPath(Path):
    """A path read back from a report, where it is one text."""

    __slots__ = ()

    def __str__(self) -> str:
        return str(self[0]) if self else ""


class _Patch(Struct):
    path: str
    value: Any = None
    removed: bool = False


class _Cure(Struct):
    advice: str
    grade: str = "review"
    patches: list[_Patch] = []


class _Finding(Struct):
    message: str
    severity: str
    fingerprint: str
    path: str = ""
    place: Place | None = None
    cure: _Cure | None = None
    at: str = ""


class _Resource(Struct):
    address: str
    family: str = "kubernetes"
    kind: str = ""
    namespace: str = ""
    name: str = ""
    source: str = ""
    platform: str = ""


class _Waiver(Struct):
    reason: str
    owner: str
    expires: date
    origin: Place | None = None


class _Result(Struct):
    id: str
    status: Status
    severity: str
    resource: _Resource
    requirement: str = ""
    findings: list[_Finding] = []
    waiver: _Waiver | None = None
    reason: str = ""
    place: Place | None = None
    evidence: list[Evidence] = []


class _Check(Struct):
    slug: str
    title: str
    severity: str
    area: str = ""
    requirement: str = ""
    controls: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class _Document(Struct):
    schema: int
    results: list[_Result]
    passed: dict[str, int]
    checks: dict[str, _Check]
    coverage: Coverage
    fail_on: str = "low"
    strict: bool = False
    inputs: list[str] = []
    versions: dict[str, str] = {}
    run: Run | UnsetType | None = UNSET


_DECODER = msgspec.json.Decoder(_Document)


def read(file: FilePath) -> Report:
    """The report in a JSON file. Raises ReportError."""
    try:
        return parse(file.read_bytes(), str(file))
    except OSError as error:
        raise ReportError(f"{file}: {(error.strerror or str(error)).lower()}") from None


def parse(data: bytes, name: str = "report") -> Report:
    """The report of a JSON text; `name` stands in errors. Raises ReportError."""
    try:
        document = _DECODER.decode(data)
        if document.schema != 1:
            raise ReportError(f"{name}: a report of schema {document.schema}, of which this version knows nothing")
        return _report(document)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ReportError(f"{name}: not a report: {error}") from None
    except KeyError as error:
        raise ReportError(f"{name}: not a report: no severity {error}") from None


def _report(document: _Document) -> Report:
    resources: dict[tuple[str, ...], Resource] = {}

    def resource(stated: _Resource) -> Resource:
        key = (stated.platform, stated.address, stated.source)
        found = resources.get(key)
        if found is None:
            found = resources[key] = Resource(
                family=stated.family, group="", version="", kind=stated.kind, namespace=stated.namespace,
                name=stated.name, raw={}, locator=NOWHERE, source=stated.source, address=stated.address,
            )  # fmt: skip
            found.platform = stated.platform
        return found

    return Report(
        results=[_result(one, resource(one.resource), resource) for one in document.results],
        passed=document.passed, coverage=document.coverage, versions=document.versions,
        checks={id: _rule(id, one) for id, one in document.checks.items()},
        inputs=document.inputs, fail_on=Severity[document.fail_on.upper()], strict=document.strict,
        run=document.run if isinstance(document.run, Run) else None,
    )  # fmt: skip


def _result(stated: _Result, resource: Resource, other: Any) -> Result:
    waiver = stated.waiver
    return Result(
        stated.id, stated.status, Severity[stated.severity.upper()], resource, stated.requirement,
        [_finding(one, other) for one in stated.findings], stated.reason, stated.place,
        Waiver(stated.id, waiver.reason, waiver.owner, waiver.expires, origin=waiver.origin) if waiver else None,
        tuple(stated.evidence),
    )  # fmt: skip


def _finding(stated: _Finding, resource: Any) -> Finding:
    cure = _cure(stated.cure) if stated.cure else None
    at = resource(_addressed(stated.at)) if stated.at else None
    path = StatedPath((stated.path,)) if stated.path else Path()
    return Finding(
        stated.message, path, Severity[stated.severity.upper()], cure, at, stated.place, stated.fingerprint
    )  # fmt: skip


def _addressed(address: str) -> _Resource:
    """What the address alone tells of a resource."""
    kind, _, rest = address.partition("/")
    namespace, _, name = rest.partition("/")
    return _Resource(address, kind=kind, namespace="" if namespace == "-" else namespace, name=name)


def _cure(stated: _Cure) -> Cure:
    patches = tuple((StatedPath((one.path,)), REMOVE if one.removed else one.value) for one in stated.patches)
    return Cure(stated.advice, patches, stated.grade)


def _rule(id: str, stated: _Check) -> Rule:
    return Rule(
        id, stated.slug, stated.title, "", Severity[stated.severity.upper()], stated.area, stated.requirement,
        stated.controls, stated.tags, stated.aliases,
    )  # fmt: skip


# putting together


def merged(reports: Sequence[tuple[str, Report]]) -> Report:
    """One report of several, each with the name of its file.

    Reports of one platform (shards of a run) are joined: a result that two of them have is there once.
    Those of several platforms (clusters, regions) stay apart: each resource then says whose it is.
    """
    names = [_platform(name, report) for name, report in reports]
    stated = {report.run.platform for _, report in reports if report.run is not None and report.run.platform}
    fleet = len(set(names)) > 1 and bool(stated)
    results: dict[tuple[object, ...], Result] = {}
    passed: dict[str, int] = {}
    files: dict[tuple[str, str], FileCoverage] = {}
    coverage = Coverage(files=[], unseen_kinds={}, idle_checks=[])
    whole = Report([], passed, coverage, checks={}, inputs=[], fail_on=min(one.fail_on for _, one in reports))
    for name, (_, report) in zip(names, reports, strict=True):
        for result in report.results:
            if fleet and not result.resource.platform:
                result.resource.platform = name
            marks = tuple(finding.fingerprint for finding in result.findings)
            results.setdefault(
                (result.resource.platform, result.check, result.resource.address, str(result.status), marks), result
            )
        for check, count in report.passed.items():
            passed[check] = passed.get(check, 0) + count
        for entry in report.coverage.files:
            shown = f"{name}: {entry.file}" if fleet else entry.file
            files.setdefault((shown, entry.status), msgspec.structs.replace(entry, file=shown))
        coverage.resources += report.coverage.resources
        _add(coverage.unseen_kinds, report.coverage.unseen_kinds)
        whole.checks.update(report.checks)
        whole.versions.update(report.versions)
        whole.inputs.extend(one for one in report.inputs if one not in whole.inputs)
        whole.strict = whole.strict or report.strict
        whole.seconds += report.seconds
    whole.results = list(results.values())
    coverage.files = list(files.values())
    idle = [set(report.coverage.idle_checks) for _, report in reports]
    coverage.idle_checks = sorted(set.intersection(*idle) - {result.check for result in whole.results})
    whole.run = _run_of(reports, names, fleet)
    return whole


def _platform(name: str, report: Report) -> str:
    return (report.run.platform if report.run is not None else "") or FilePath(name).stem


def _run_of(reports: Iterable[tuple[str, Report]], names: Sequence[str], fleet: bool) -> Run | None:
    runs = [report.run for _, report in reports if report.run is not None]
    if not runs:
        return None
    kinds = {run.kind for run in runs}
    platforms = tuple(dict.fromkeys(names)) if fleet else ()
    return Run(
        at=max(run.at for run in runs), kind=kinds.pop() if len(kinds) == 1 else "mixed",
        platform=runs[0].platform if not fleet else "", platforms=platforms,
    )  # fmt: skip


def _add(counts: dict[str, int], more: dict[str, int]) -> None:
    for key, count in more.items():
        counts[key] = counts.get(key, 0) + count
