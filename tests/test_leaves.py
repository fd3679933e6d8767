"""What holds for every check: it is complete, and it judges its fixtures to the line."""

import re
from pathlib import Path

import pytest

from conformant.content import content
from conformant.leaf import Check, headers, load, load_folder
from conformant.model import Status
from conformant.testing import run

CHECKS: list[Check] = load_folder(str(content("checks")), Check)
FIXTURES = content("fixtures")


def folder(check: Check) -> Path:
    return FIXTURES / check.area_path / Path(check.file).stem


def cases() -> list[tuple[Check, Path]]:
    return [
        (check, fixture)
        for check in CHECKS
        for fixture in sorted(folder(check).glob("*"))
        if fixture.name != "expect.toml"
    ]


CASES = cases()
IDS = [f"{check.id}-{fixture.stem}" for check, fixture in CASES]


@pytest.mark.parametrize(("check", "fixture"), CASES, ids=IDS)
def test_fixture(check: Check, fixture: Path) -> None:
    outcome = run(check, fixture)
    errors = [result.reason for result in outcome.results if result.status is Status.ERROR]
    assert not errors, errors
    assert (outcome.missing, outcome.surplus) == ([], [])
    verdict = re.match(r"[a-z]+", fixture.name)
    match verdict and verdict[0]:
        case "pass":
            assert outcome.statuses <= {Status.PASS, Status.NOT_APPLICABLE}
            assert Status.PASS in outcome.statuses
            assert not outcome.found
        case "fail":
            assert outcome.expected
        case "unknown":
            assert Status.UNKNOWN in outcome.statuses
            assert not outcome.found
        case "na":
            assert outcome.statuses <= {Status.NOT_APPLICABLE}
        case _:
            pytest.fail(f"{fixture}: a fixture's name starts with pass, fail, unknown or na")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_check_is_complete(check: Check) -> None:
    names = {re.match(r"[a-z]+", path.name)[0] for path in folder(check).glob("*")}  # type: ignore[index]  # a folder of leaves always matches
    assert {"pass", "fail"} <= names, f"{check.id} needs a pass and a fail fixture in {folder(check)}"
    assert Path(check.file).stem == check.function.__name__
    for section in ("What it checks:", "Why it matters:", "How to fix:", "When it is fine:"):
        assert section in check.doc, f"{check.id}: {section} is missing in its docstring"
    for control in check.controls:
        assert re.fullmatch(r"[a-z0-9.-]+/\S+", control), control


def test_ids_and_slugs_are_unique() -> None:
    for names in (
        [check.id for check in CHECKS] + [alias for check in CHECKS for alias in check.aliases],
        [check.slug for check in CHECKS],
    ):
        assert len(names) == len(set(names))


def test_headers_tell_what_the_leaf_says() -> None:
    for header in headers(str(content("checks"))):
        check = load(header.file, Check)
        assert (header.id, header.view, header.kinds) == (check.id, check.view.__name__, check.kinds)
