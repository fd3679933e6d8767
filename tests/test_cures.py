"""What holds for every cure with patches: applied, they take the finding away, and twice is as once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import convert

from conformant.content import content
from conformant.evaluate import evaluate
from conformant.leaf import Check, load_folder
from conformant.load import Loaded, Options, load
from conformant.model import Cure, Finding, Resource, Result, dig
from conformant.platform import Platform
from conformant.profile import Profile
from conformant.run import schemas
from conformant.testing import TODAY, directives, mended

CHECKS: list[Check] = load_folder(str(content("checks")), Check)
CASES = [
    (check, fixture)
    for check in CHECKS
    for fixture in sorted((content("fixtures") / check.area_path / Path(check.file).stem).glob("fail*"))
]


@pytest.mark.parametrize(("check", "fixture"), CASES, ids=[f"{check.id}-{fixture.stem}" for check, fixture in CASES])
def test_patches_mend(check: Check, fixture: Path) -> None:
    stated = directives(fixture)
    profile = convert(stated.get("profile", {}), Profile)
    settings = {check.id: stated["settings"]} if "settings" in stated else {}
    loaded = load([str(fixture)], profile, Options())

    def judged(resources: Sequence[Resource]) -> list[Result]:
        platform = Platform(resources, profile, schemas(profile, loaded))
        return evaluate([check], platform, today=TODAY, settings=settings).results

    for result in judged(loaded.resources):
        for finding in result.findings:
            holder = finding.at or result.resource
            if finding.cure is None or not finding.cure.patches or _misshapen(holder.raw, finding.cure):
                continue
            once = mended(holder.raw, [finding])
            assert repr(mended(once, [finding])) == repr(once), "the patches do something else the second time"
            left = judged(_with(loaded, holder, once))
            assert _mark(result, finding) not in [_mark(other, found) for other in left for found in other.findings]


def _misshapen(raw: object, cure: Cure) -> bool:
    """Whether a patch leads through a value of a wrong type, which the API server refuses anyway."""
    for path, _ in cure.patches:
        value: Any = raw
        for step in path:
            if value.__class__ is not (list if isinstance(step, int) else dict):
                return value is not None
            value = dig(value, step)
    return False


def _with(loaded: Loaded, holder: Resource, raw: object) -> list[Resource]:
    """The resources, `holder` with other values."""
    other = Resource(
        family=holder.family, group=holder.group, version=holder.version, kind=holder.kind,
        namespace=holder.namespace, name=holder.name, raw=raw, locator=holder.locator, source=holder.source,
        address=holder.address, parent=holder.parent, meta=holder.meta,
    )  # fmt: skip
    if isinstance(raw, dict) and holder.family == "kubernetes":
        other.group, _, other.version = str(raw.get("apiVersion", "")).rpartition("/")
    replaced = [other if resource is holder else resource for resource in loaded.resources]
    assert other in replaced, f"the patches are for {holder.address}, which no file declares"
    return replaced


def _mark(result: Result, finding: Finding) -> tuple[str, str, str, str]:
    holder = finding.at or result.resource
    return result.resource.address, holder.address, str(finding.path), finding.message
