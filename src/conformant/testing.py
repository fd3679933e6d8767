"""For testing checks, the built-in ones and yours: run one over a fixture and compare places.

A fixture is a file, or a folder for inputs of several files. Its name starts with the verdict
that the check must give: ``pass``, ``fail``, ``unknown`` or ``na``. In a ``fail`` fixture a
comment marks each line that a finding must point to: ``# expect: WRK-006``, with a severity if
that matters (``# expect: WRK-012 medium``), several separated by commas. Formats without
comments have a sibling ``expect.toml``: ``"fail.json" = [{line = 3, id = "SCH-001"}]``.
A line ``# profile: {…}`` or ``# settings: {…}`` (JSON) sets the profile or the check's settings.
"""

import json
import re
import tomllib
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

from msgspec import Struct, convert

from conformant.evaluate import evaluate
from conformant.leaf import Check
from conformant.load import Options, load
from conformant.model import REMOVE, Finding, Result, Status
from conformant.model import Path as Route
from conformant.platform import Platform
from conformant.profile import Profile
from conformant.regex import lazy
from conformant.run import schemas

TODAY = date(2026, 11, 22)
"""The day on which fixtures are judged."""

_EXPECT = lazy(r"(?:#|--|//|<!--)\s*expect:\s*([^\n]*?)\s*(?:-->)?\s*$", re.MULTILINE)
_MARK = lazy(r"([A-Z]+(?:-[A-Z]+)*-\d+[a-z]?)(?:\s+(info|low|medium|high|critical))?")
_DIRECTIVE = lazy(r"(?:#|--|//|<!--)\s*(profile|settings|values):\s*(.+?)\s*(?:-->)?\s*$", re.MULTILINE)

Mark = tuple[str, int, str]
"""File (relative to the fixture), line, and severity (empty: any)."""


class Outcome(Struct):
    """What a check said of a fixture, and what the fixture's marks expect of it."""

    expected: list[Mark]
    found: list[Mark]
    results: list[Result]

    @property
    def statuses(self) -> set[Status]:
        return {result.status for result in self.results}

    @property
    def missing(self) -> list[Mark]:
        """Expected places without a finding."""
        return _difference(self.expected, self.found)

    @property
    def surplus(self) -> list[Mark]:
        """Findings that no mark expects."""
        return _difference(self.found, self.expected)


def _difference(left: list[Mark], right: list[Mark]) -> list[Mark]:
    rest = list(right)
    lone: list[Mark] = []
    for mark in left:
        twin = next((other for other in rest if _same(mark, other)), None)
        if twin is None:
            lone.append(mark)
        else:
            rest.remove(twin)
    return lone


def _same(one: Mark, other: Mark) -> bool:
    return one[:2] == other[:2] and ("" in (one[2], other[2]) or one[2] == other[2])


def expectations(fixture: Path, check: str) -> list[Mark]:
    """The marks for one check id in a fixture file or folder."""
    files = sorted(path for path in fixture.rglob("*") if path.is_file()) if fixture.is_dir() else [fixture]
    marks: list[Mark] = []
    for file in files:
        name = str(file.relative_to(fixture)) if fixture.is_dir() else file.name
        text = file.read_bytes().decode("utf-8", "replace")
        for number, line in enumerate(text.splitlines(), 1):
            for comment in _EXPECT.finditer(line):
                marks.extend((name, number, mark[2] or "") for mark in _MARK.finditer(comment[1]) if mark[1] == check)
        marks.extend(_sibling(file, name, check))
    return marks


def _sibling(file: Path, name: str, check: str) -> list[Mark]:
    listing = file.parent / "expect.toml"
    if not listing.is_file() or file == listing:
        return []
    entries = tomllib.loads(listing.read_text(encoding="utf-8")).get(file.name, [])
    return [(name, entry["line"], entry.get("severity", "")) for entry in entries if entry["id"] == check]


def directives(fixture: Path) -> dict[str, Any]:
    """The ``profile``, ``settings`` and ``values`` that a fixture states, from JSON."""
    files = sorted(path for path in fixture.rglob("*") if path.is_file()) if fixture.is_dir() else [fixture]
    found: dict[str, Any] = {}
    for file in files:
        for match in _DIRECTIVE.finditer(file.read_bytes().decode("utf-8", "replace")):
            found[match[1]] = json.loads(match[2])
    return found


def run(check: Check, fixture: Path, *, profile: Profile | None = None) -> Outcome:
    """Run one check alone over a fixture."""
    stated = directives(fixture)
    chosen = profile or convert(stated.get("profile", {}), Profile)
    results = judge([check], fixture, chosen, {check.id: stated["settings"]} if "settings" in stated else {})
    base = str(fixture)
    found: list[Mark] = []
    for result in results:
        for finding in result.findings:
            if finding.place is not None:
                name = finding.place.file.removeprefix(base).lstrip("/") or fixture.name
                found.append((name, finding.place.line, str(finding.severity)))
    return Outcome(expectations(fixture, check.id), found, results)


def judge(checks: "list[Check]", path: Path, profile: Profile, settings: dict[str, Any] | None = None) -> list[Result]:
    """All results, passes included, of some checks over a path. Raises ConfigurationError."""
    loaded = load([str(path)], profile, Options())
    platform = Platform(loaded.resources, profile, schemas(profile, loaded))
    return evaluate(checks, platform, today=TODAY, settings=settings, keep_passes=True).results


def mended(raw: Any, findings: "list[Finding]") -> Any:
    """A copy of `raw` with the patches of all findings applied."""
    copy = deepcopy(raw)
    for finding in findings:
        for path, value in finding.cure.patches if finding.cure else ():
            _set(copy, path, value)
    return copy


def _set(raw: Any, path: Route, value: Any) -> None:
    *way, last = path
    for index, step in enumerate(way):
        if isinstance(raw, dict) and raw.get(step) is None:
            raw[step] = [] if isinstance(path[index + 1], int) else {}
        raw = raw[step]
    if value is REMOVE:
        if isinstance(raw, dict):
            raw.pop(last, None)
        elif isinstance(last, int) and last < len(raw):
            del raw[last]
    elif isinstance(raw, list) and last == len(raw):
        raw.append(deepcopy(value))
    else:
        raw[last] = deepcopy(value)
