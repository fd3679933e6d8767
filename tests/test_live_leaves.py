"""What holds for every probe: it is complete, and it judges its fixtures to the line."""

import re
from pathlib import Path

import pytest

from conformant.docs import fixtures
from conformant.leaf import DRILL, PROBE, Probe
from conformant.live_testing import run
from conformant.model import Status
from conformant.run import all_probes

PROBES: list[Probe] = all_probes()
CASES = [(probe, fixture) for probe in PROBES for fixture in sorted(fixtures(probe).glob("*.yaml"))]
IDS = [f"{probe.id}-{fixture.stem}" for probe, fixture in CASES]


@pytest.mark.parametrize(("probe", "fixture"), CASES, ids=IDS)
def test_fixture(probe: Probe, fixture: Path) -> None:
    outcome = run(probe, fixture)
    errors = [result.reason for result in outcome.results if result.status is Status.ERROR]
    assert not errors, errors
    assert (outcome.missing, outcome.surplus) == ([], [])
    verdict = re.match(r"[a-z]+", fixture.name)
    match verdict and verdict[0]:
        case "pass":
            assert outcome.statuses <= {Status.PASS, Status.NOT_APPLICABLE}
            assert Status.PASS in outcome.statuses
        case "fail":
            assert Status.FAIL in outcome.statuses
            assert outcome.expected or fixture.read_text().startswith("# about the cluster"), "mark the places"
        case "unknown":
            assert Status.UNKNOWN in outcome.statuses
            assert not outcome.found
        case "na":
            assert outcome.statuses <= {Status.NOT_APPLICABLE}
        case _:
            pytest.fail(f"{fixture}: a fixture's name starts with pass, fail, unknown or na")


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.id)
def test_probe_is_complete(probe: Probe) -> None:
    names = {re.match(r"[a-z]+", path.name)[0] for path in fixtures(probe).glob("*.yaml")}  # type: ignore[index]  # a folder of leaves always matches
    assert {"pass", "fail", "unknown"} <= names, f"{probe.id} needs pass, fail and unknown in {fixtures(probe)}"
    assert Path(probe.file).stem == probe.function.__name__
    assert re.fullmatch(r"LIVE-[A-Z]+-\d{3}", probe.id)
    assert probe.requirement, f"{probe.id}: a probe is joined with checks on its requirement"
    assert probe.needs or probe.kind in (PROBE, DRILL) or "aws" in probe.tags, f"{probe.id}: what does it need?"
    for section in ("What it checks:", "Why it matters:", "How to fix:", "When it is fine:"):
        assert section in probe.doc, f"{probe.id}: {section} is missing in its docstring"
    for control in probe.controls:
        assert re.fullmatch(r"[a-z0-9.-]+/\S+", control), control


def test_ids_and_slugs_are_unique() -> None:
    for names in (
        [probe.id for probe in PROBES] + [alias for probe in PROBES for alias in probe.aliases],
        [probe.slug for probe in PROBES],
    ):
        assert len(names) == len(set(names))
