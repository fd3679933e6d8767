"""Leaf files, the built-in ones and a user's: what they may look like, and what is said of broken ones."""

from datetime import date
from pathlib import Path

import pytest

from conformant.config import ConfigurationError, Settings
from conformant.content import content
from conformant.leaf import Check, Exporter, LeafError, headers, load, load_folder
from conformant.model import Status
from conformant.run import all_checks, check, selected
from conformant.views.workload import Workload

TODAY = date(2026, 11, 22)
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec: {containers: []}\n"
LEAF = '''\
"""A pod has no owner.

What it checks: The label owner.
"""

from collections.abc import Iterator

from msgspec import Struct

from conformant.leaf import check
from conformant.model import Finding, Severity
from conformant.views.workload import Workload


class Labels(Struct, frozen=True):
    """`owner` is the label."""

    owner: str = "owner"


@check(id="ORG-001", severity=Severity.LOW, aliases=["OLD-1"])
def no_owner(workload: Workload, settings: Labels = Labels()) -> Iterator[Finding]:
    if settings.owner not in workload.map("metadata", "labels"):
        yield Finding(f"no {settings.owner}")
'''


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with an input; checks of one's own go to ``policies``."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "pod.yaml").write_text(POD)
    return tmp_path


def write(place: Path, text: str = LEAF, name: str = "no_owner.py") -> Path:
    file = place / "policies" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def messages(place: Path, **settings: object) -> list[str]:
    """What ORG-001 says of the pod."""
    chosen = Settings(checks=(str(place / "policies"),), select=("ORG-001",), **settings)  # type: ignore[arg-type]  # keywords of Settings
    report = check([str(place / "pod.yaml")], chosen, today=TODAY)
    return [finding.message for result in report.of(Status.FAIL) for finding in result.findings]


def test_a_leaf_is_a_value(place: Path) -> None:
    leaf: Check = load(str(write(place)), Check)
    assert (leaf.id, leaf.slug, leaf.title, leaf.area) == ("ORG-001", "no-owner", "A pod has no owner", "policies")
    assert (leaf.view, leaf.local) == (Workload, True)
    assert [leaf.answers_to(name) for name in ("ORG-001", "OLD-1", "no-owner", "no_owner")] == [True, True, True, False]
    [header] = headers(str(place / "policies"))
    assert (header.id, header.view_type(), header.kinds) == ("ORG-001", Workload, None)


@pytest.mark.parametrize(
    "text",
    [
        LEAF,
        LEAF.replace('"ORG-001"', "'ORG-001'"),
        LEAF.replace('"""A pod', 'r"""A pod'),
        LEAF.replace("from collections", "from __future__ import annotations\n\nfrom collections"),
        LEAF.replace("@check(id=", "@check(\n    id=").replace('"OLD-1"])', '"OLD-1"],\n)'),
        LEAF + "\n\ndef helper(workload: str) -> str:\n    return workload\n",
        LEAF.replace("\n", "\r\n"),
    ],
    ids=["plain", "quotes", "raw", "future", "lines", "helper", "crlf"],
)  # fmt: skip
def test_ways_to_write_a_check(place: Path, text: str) -> None:
    write(place, text)
    assert messages(place) == ["no owner"]


@pytest.mark.parametrize("name", ["_shared.py", "conftest.py", "test_no_owner.py", "notes.txt", "__init__.py"])
def test_other_files_are_no_leaves(place: Path, name: str) -> None:
    write(place)
    write(place, "raise RuntimeError\n", name)
    assert messages(place) == ["no owner"]


def test_folders_hold_folders(place: Path) -> None:
    write(place, name="labels/no_owner.py")
    write(place, LEAF.replace("ORG-001", "ORG-002").replace("OLD-1", "OLD-2"), name="labels/deep/er.py")
    found = load_folder(str(place / "policies"), Check)
    assert [(each.id, each.area) for each in found] == [("ORG-002", "deep"), ("ORG-001", "labels")]
    assert messages(place) == ["no owner"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no @check(id=…) function in it"),
        ("def f(x: int) -> None: ...\n", "no @check(id=…) function in it"),
        (LEAF.replace("-> Iterator[Finding]:", "->"), ":22: "),
        (LEAF.replace("Severity.LOW", "Severity.LOWER"), ":21: AttributeError: "),
        (LEAF.replace("Severity.LOW", "'low'"), "severity='low': expected a Severity, such as Severity.HIGH"),
        (LEAF.replace("severity=Severity.LOW, ", ""), ":21: TypeError: "),
        (LEAF.replace("workload: Workload", "workload: dict"), "no_owner: the first parameter's annotation is no view"),
        (LEAF.replace("workload: Workload,", "workload: Workload, other,"), "every parameter needs an annotation"),
        (LEAF.replace("views.workload import", "views.workloads import"), ":12: ModuleNotFoundError: "),
        (LEAF + LEAF.partition("\n\n\n")[2].replace("no_owner", "other"), "2 leaves of type Check"),
        (LEAF.replace("ORG-001", "WRK-006"), "the id WRK-006 is that of "),
    ],
)  # fmt: skip
def test_a_broken_leaf_names_file_and_line(place: Path, text: str, says: str) -> None:
    file = write(place, text)
    settings = Settings(checks=(str(place / "policies"),))
    for call in (lambda: check([str(place / "pod.yaml")], settings), lambda: all_checks(settings)):
        with pytest.raises(LeafError) as caught:
            call()
        assert str(file) in str(caught.value)
        assert says in str(caught.value)


def test_a_leaf_that_is_no_text(place: Path) -> None:
    write(place).write_bytes(b"@check(id=\xff")
    with pytest.raises(LeafError, match=r"no_owner\.py: not UTF-8"):
        headers(str(place / "policies"))


def test_one_id_twice(place: Path) -> None:
    write(place)
    write(place, name="other/no_owner.py")
    with pytest.raises(LeafError, match=r"other/no_owner\.py|policies/no_owner\.py"):
        messages(place)


def test_a_missing_folder(place: Path) -> None:
    with pytest.raises(ConfigurationError, match="no folder of checks: gone"):
        check([str(place / "pod.yaml")], Settings(checks=("gone",)))


@pytest.mark.parametrize("name", ["ORG-001", "no-owner", "OLD-1"])
def test_settings(place: Path, name: str) -> None:
    write(place)
    assert messages(place, settings={name: {"owner": "team"}}) == ["no team"]
    for wrong, says in (({"ownr": "team"}, "no setting `ownr`; there are owner"), ({"owner": 5}, "Expected `str`")):
        with pytest.raises(ConfigurationError, match=says):
            messages(place, settings={name: wrong})


@pytest.mark.parametrize("name", ["ORG-999", "WRK-006"])
def test_settings_of_a_check_without_any(place: Path, name: str) -> None:
    write(place)
    with pytest.raises(ConfigurationError, match=name):
        messages(place, settings={name: {"owner": "team"}})


def test_a_view_of_ones_own(place: Path) -> None:
    own = "from typing import ClassVar\n\nfrom conformant.views.base import Object\n\n\nclass Pod(Object):\n"
    own += '    kinds: ClassVar[frozenset[str] | None] = frozenset({"/Pod"})\n\n\nclass Labels'
    text = LEAF.replace("workload: Workload", "workload: Pod").replace("class Labels", own, 1)
    write(place, text)
    assert messages(place) == ["no owner"]


def test_selection(place: Path) -> None:
    leaf: Check = load(str(write(place)), Check)
    for settings, runs in (
        (Settings(), True),
        (Settings(select=("policies",)), True),
        (Settings(select=("WRK-006", "OLD-1")), True),
        (Settings(select=("WRK-006",)), False),
        (Settings(skip=("low",)), False),
        (Settings(select=("ORG-001",), skip=("policies",)), False),
    ):
        assert selected(leaf, settings) is runs


def test_every_exporter_loads() -> None:
    exporters: list[Exporter] = load_folder(str(content("reports")), Exporter)
    assert {each.name for each in exporters} >= {"json", "junit", "markdown", "sarif"}
    for each in exporters:
        assert Path(each.file).stem == each.name
        assert each.suffix.startswith(".")
        assert each.title
