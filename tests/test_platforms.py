"""Whole platforms: nothing is found in `hardened`; `weak` is its twin with one fault for each check.

A mark ``# expect: ID severity`` stands on the line of `weak` to which the finding must point.
"""

from collections import Counter
from pathlib import Path

from conformant.content import content
from conformant.leaf import Check, load_folder
from conformant.model import Result, Status
from conformant.profile import Profile
from conformant.testing import expectations, judge

CHECKS: list[Check] = load_folder(str(content("checks")), Check)
PLATFORMS = content("fixtures") / "platforms"
HARDENED = PLATFORMS / "hardened"
WEAK = PLATFORMS / "weak"

Place = tuple[str, int, str, str]
"""File, line, id of the check and severity."""

SILENT = {
    "GW-001": "judges KongIngress, which no current Kong has",
    "SEC-009": "judges Secret manifests, of which a hardened platform has none",
}
"""Checks that pass nothing in `hardened`, and why."""

WITHOUT_DEFINITION = {"SCH-002", "SCH-004"}
"""Checks that stay undecided of custom kinds: their definitions (--crds) are no part of the platform."""


def findings(results: list[Result], platform: Path) -> list[Place]:
    """One for each finding that has a place; the others have none to compare, and are given the line 0."""
    found: list[Place] = []
    for result in results:
        for finding in result.findings:
            place = finding.place
            file = str(Path(place.file).relative_to(platform)) if place else result.resource.address
            found.append((file, place.line if place else 0, result.check, str(finding.severity)))
    return found


def complaints(results: list[Result]) -> list[str]:
    """Errors, and what is undecided for another reason than a definition that is not at hand."""
    return [
        f"{result.check} {result.resource.address}: {result.reason}"
        for result in results
        if result.status is Status.ERROR
        or (result.status is Status.UNKNOWN and not (result.check in WITHOUT_DEFINITION and "--crds" in result.reason))
    ]


def test_nothing_is_found_in_the_hardened_platform() -> None:
    results = judge(CHECKS, HARDENED, Profile())
    assert findings(results, HARDENED) == []
    assert complaints(results) == []
    passing = {result.check for result in results if result.status is Status.PASS}
    assert {check.id for check in CHECKS} - passing == set(SILENT)


def test_every_check_finds_its_own_fault_in_the_weak_platform_and_no_other() -> None:
    results = judge(CHECKS, WEAK, Profile())
    marks = [
        (file, line, check.id, severity) for check in CHECKS for file, line, severity in expectations(WEAK, check.id)
    ]
    found = set(findings(results, WEAK))
    assert (sorted(found.difference(marks)), sorted(set(marks) - found)) == ([], [])
    assert complaints(results) == []
    assert Counter(check for _, _, check, _ in marks) == dict.fromkeys((check.id for check in CHECKS), 1)


def test_weak_is_the_twin_of_hardened() -> None:
    hardened = {path.relative_to(HARDENED): path for path in HARDENED.rglob("*") if path.is_file()}
    weak = {path.relative_to(WEAK): path for path in WEAK.rglob("*") if path.is_file()}
    assert weak.keys() == hardened.keys()
    for name, path in weak.items():
        text, original = path.read_text(encoding="utf-8"), hardened[name].read_text(encoding="utf-8")
        if text != original:
            sign, title = original.partition("\n")[0].split(" ", 1)
            assert text.partition("\n")[0] == f"{sign} Weak twin: {title}", name
