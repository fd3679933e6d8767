"""``conformant fix``: what it changes, what it leaves, and that twice is as once."""

import os
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from conformant.config import Settings
from conformant.content import content
from conformant.fixes import fix, write

TODAY = date(2026, 11, 23)
SAFE, ALL = ("safe",), ("safe", "review")


@pytest.fixture
def weak(tmp_path: Path) -> Path:
    return Path(shutil.copytree(content("fixtures") / "platforms" / "weak", tmp_path / "weak"))


def contents(place: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in sorted(place.rglob("*")) if file.is_file()}


def test_safe_cures_alone_are_applied_without_asking(weak: Path) -> None:
    before = contents(weak)
    done = fix([str(weak)], Settings(), grades=SAFE, today=TODAY)
    assert "SCL-001" in {result.check for result, _ in done.applied}
    assert all(finding.cure is not None and finding.cure.grade == "safe" for _, finding in done.applied)
    assert done.refused == []
    assert contents(weak) == before, "nothing is written before it is asked for"
    write(done)
    changed = {name for name, data in contents(weak).items() if data != before[name]}
    assert changed == set(done.texts)


def test_cures_to_review_take_their_findings_away_and_twice_is_as_once(weak: Path) -> None:
    done = fix([str(weak)], Settings(), grades=ALL, today=TODAY)
    assert len(done.applied) > 15
    write(done)
    again = fix([str(weak)], Settings(), grades=ALL, today=TODAY)
    assert (again.applied, again.texts) == ([], {})
    assert {finding.fingerprint for _, finding, _ in again.refused} <= {
        finding.fingerprint for _, finding, _ in done.refused
    }


def test_everything_outside_the_patch_stays_byte_for_byte(weak: Path) -> None:
    done = fix([str(weak)], Settings(), grades=ALL, today=TODAY)
    for line in done.diff().splitlines():
        if line.startswith("-") and not line.startswith("---"):
            assert not line.lstrip("- ").startswith("#"), f"a comment of its own was lost: {line}"
    assert done.diff().count("\n@@") >= len(done.texts)


def test_terraform_and_embedded_configs_are_offered(weak: Path) -> None:
    done = fix([str(weak)], Settings(), grades=ALL, today=TODAY)
    offered = {result.resource.family for result, _ in done.offered}
    assert {"terraform", "config"} <= offered
    assert not any(file.endswith(".tf") for file in done.texts)


def test_a_cure_that_would_bring_another_finding_is_not_applied(tmp_path: Path) -> None:
    check = '''
"""Every Pod has a note.

What it checks: It is there.

Why it matters: It does.

How to fix: Add it.

When it is fine: Never.
"""
from collections.abc import Iterator
from conformant.leaf import check
from conformant.model import Cure, Finding, Path, Severity
from conformant.views.base import Object

@check(id="ORG-00ID", severity=Severity.LOW, kinds=["Pod"])
def SLUG(pod: Object) -> Iterator[Finding]:
    if (pod.get("metadata", "labels", "note") == "x") is not WANTED:
        path = Path(("metadata", "labels", "note"))
        yield Finding("odd note", path, cure=Cure("turn it", ((path, VALUE),), "safe"))
'''
    (tmp_path / "own").mkdir()
    for number, (slug, wanted, value) in enumerate((("no_note", "True", "'x'"), ("a_note", "False", "'y'"))):
        text = check.replace("00ID", f"00{number}").replace("SLUG", slug)
        (tmp_path / "own" / f"{slug}.py").write_text(text.replace("WANTED", wanted).replace("VALUE", value))
    (tmp_path / "pod.yaml").write_text("apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  namespace: b\n")
    settings = Settings(checks=(str(tmp_path / "own"),), select=("ORG-000", "ORG-001"))
    done = fix([str(tmp_path / "pod.yaml")], settings, grades=SAFE, today=TODAY)
    assert (done.applied, done.texts) == ([], {})
    assert [why for _, _, why in done.refused] == ["it would bring other findings (ORG-001)"]


def test_the_command_shows_a_diff_or_writes(weak: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "conformant", "fix", "weak", *words]
        surroundings = {**os.environ, "XDG_CACHE_HOME": str(weak.parent / "cache")}
        return subprocess.run(
            command, cwd=weak.parent, env=surroundings, capture_output=True, text=True, check=False, timeout=120
        )

    before = contents(weak)
    shown = run("--diff")
    assert shown.returncode == 0
    assert shown.stdout.startswith("--- a/weak/")
    assert "would be fixed" in shown.stderr
    assert contents(weak) == before
    done = run()
    assert done.returncode == 0
    assert " fixed in " in done.stdout
    assert contents(weak) != before
    assert shutil.which("patch") is None or _patches(weak, before, shown.stdout)


def _patches(weak: Path, before: dict[str, bytes], diff: str) -> bool:
    """Whether the diff, applied by another program to the old files, gives the new ones."""
    after = contents(weak)
    for name, data in before.items():
        Path(name).write_bytes(data)
    subprocess.run(["patch", "-p1", "-s"], cwd=weak.parent, input=diff, text=True, check=True)
    return contents(weak) == after
