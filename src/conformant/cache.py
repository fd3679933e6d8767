"""Remembers the report of a run whose inputs, checks, settings and day are all the same.

One file for each place and set of paths, below the user's cache folder. Whatever is wrong with it
costs time, never a verdict: a cache that cannot be read or written is as good as none.
"""

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from conformant import __version__
from conformant.config import Settings
from conformant.content import content
from conformant.leaf import Check
from conformant.load.files import Input
from conformant.model import (
    REMOVE,
    Coverage,
    Cure,
    FileCoverage,
    Finding,
    Place,
    Report,
    Resource,
    Result,
    Severity,
    Status,
    Waiver,
)
from conformant.model import Path as Route
from conformant.platform import Nowhere

LAYOUT = 3


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


class _Result(msgspec.Struct, array_like=True):
    check: str
    status: str
    severity: int
    resource: int
    requirement: str
    findings: list[_Finding]
    reason: str
    place: _Place | None
    waiver: Waiver | None


class _Kept(msgspec.Struct, array_like=True):
    key: bytes
    resources: list[tuple[str, ...]]
    results: list[_Result]
    passed: dict[str, int]
    coverage: Coverage
    checks: list[str]


def folder() -> Path:
    """Where the caches are: ``$XDG_CACHE_HOME/conformant``, else ``~/.cache/conformant``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(base or os.path.expanduser("~/.cache")) / "conformant"


class Cache:
    """The remembered report of one set of paths in one working directory."""

    def __init__(self, paths: Sequence[str]) -> None:
        mark = blake2b("\0".join((os.getcwd(), *paths)).encode("utf-8", "surrogateescape"), digest_size=12)
        self.file = folder() / f"{mark.hexdigest()}.report"

    def get(self, key: bytes, checks: "Callable[[Collection[str]], Iterable[Check]]") -> Report | None:
        """The report kept under this key, if any; `checks` gives the checks of these ids, for their
        metadata."""
        try:
            kept = msgspec.msgpack.decode(self.file.read_bytes(), type=_Kept)
        except (OSError, msgspec.DecodeError):
            return None
        return _report(kept, checks(frozenset(kept.checks))) if kept.key == key else None

    def put(self, key: bytes, report: Report) -> None:
        """Keep a report. Says nothing when it cannot: the next run is slower, that is all."""
        try:
            data = msgspec.msgpack.encode(_kept(key, report))
            self.file.parent.mkdir(parents=True, exist_ok=True)
            new = self.file.with_suffix(f".{os.getpid()}")
            new.write_bytes(data)
            new.replace(self.file)
        except (OSError, TypeError, OverflowError):
            return


def key(
    file: Path | None,
    inputs: Sequence[Input],
    faults: Sequence[FileCoverage],
    settings: Settings,
    today: date,
    keep_passes: bool,
) -> bytes | None:
    """What a report depends on, in 32 bytes; None where that cannot be told from the inputs alone.

    `file` is the configuration file.
    """
    if any(found.kind in ("chart", "kustomization") for found in inputs):
        return None
    if any(found.kind == "terraform" and b"module" in (found.data or b"") for found in inputs):
        return None  # modules are read from wherever they are
    mark = blake2b(digest_size=32)
    mark.update(msgspec.json.encode((LAYOUT, __version__, settings, today, keep_passes, [*faults])))
    for name in [*_sources(settings), *_companions(inputs), *([str(file)] if file else [])]:
        mark.update(name.encode())
        try:
            mark.update(blake2b(Path(name).read_bytes(), digest_size=16).digest())
        except OSError:
            return None
    for found in inputs:
        mark.update(b"\0" + found.path.encode("utf-8", "surrogateescape") + b"\0" + found.kind.encode())
        mark.update(blake2b(found.data or b"", digest_size=16).digest())
    return mark.digest()


def _sources(settings: Settings) -> list[str]:
    """Every file beside the inputs that decides on a report: checks, values, variables, CRDs, baseline."""
    files = [str(file) for root in (content("checks"), *map(Path, settings.checks)) for file in root.rglob("*.py")]
    files += [*settings.values, *settings.variable_files, *([settings.baseline] if settings.baseline else [])]
    for name in settings.crds:
        path = Path(name)
        files += [str(file) for file in path.rglob("*") if file.is_file()] if path.is_dir() else [name]
    package = Path(__file__).parent
    if package.parent.name == "src":  # a checkout: the machine itself may change between runs
        files += [str(file) for file in package.rglob("*.py")]
    return sorted(files)


def _companions(inputs: Sequence[Input]) -> list[str]:
    """The files beside Terraform's that are read with them: lock files, backend settings, Terragrunt's."""
    folders = {os.path.dirname(found.path) or "." for found in inputs if found.kind == "terraform"}
    entries = [entry for folder in folders if os.path.isdir(folder) for entry in os.scandir(folder)]
    return sorted(entry.path for entry in entries if entry.name.endswith((".hcl", ".tfbackend")) and entry.is_file())


def _kept(mark: bytes, report: Report) -> _Kept:
    numbers: dict[int, int] = {}
    resources: list[tuple[str, ...]] = []

    def number(resource: Resource) -> int:
        found = numbers.get(id(resource))
        if found is None:
            found = numbers[id(resource)] = len(resources)
            resources.append((
                resource.family, resource.address, resource.kind, resource.namespace, resource.name, resource.source
            ))  # fmt: skip
        return found

    results = [
        _Result(
            result.check, str(result.status), int(result.severity), number(result.resource), result.requirement,
            [_finding(finding, number) for finding in result.findings], result.reason, _place(result.place),
            result.waiver,
        )
        for result in report.results
    ]  # fmt: skip
    return _Kept(mark, resources, results, report.passed, report.coverage, sorted(report.checks))


def _finding(finding: Finding, number: "Callable[[Resource], int]") -> _Finding:
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


def _report(kept: _Kept, checks: "Iterable[Check]") -> Report:
    """The report as it was, its resources without their values: all that outputs need."""
    resources = [
        Resource(
            family=family, group="", version="", kind=kind, namespace=namespace, name=name, raw={}, locator=NOWHERE,
            source=source, address=address,
        )
        for family, address, kind, namespace, name, source in kept.resources
    ]  # fmt: skip
    results = [
        Result(
            one.check, Status(one.status), Severity(one.severity), resources[one.resource], one.requirement,
            [_found(finding, resources) for finding in one.findings], one.reason, _placed(one.place), one.waiver,
        )
        for one in kept.results
    ]  # fmt: skip
    return Report(results, kept.passed, kept.coverage, checks={check.id: check for check in checks})


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
