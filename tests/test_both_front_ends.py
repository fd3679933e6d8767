"""The command line and pytest are two faces of one run: each check gets the same verdict from both."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree.ElementTree import parse

import pytest

from conformant.config import Settings
from conformant.content import content
from conformant.run import all_checks

PLATFORMS = content("fixtures") / "platforms"
CHECKS = content("checks")


def failing(folder: Path) -> None:
    """Everything that some check's fixture says is wrong, as one platform."""
    for number, source in enumerate(sorted(content("fixtures").rglob("fail*"))):
        if PLATFORMS not in source.parents and source.suffix in (".yaml", ".sql", ".tf", ".avsc", ".md", ".json"):
            (folder / str(number)).mkdir()
            shutil.copy(source, folder / str(number))
    (folder / "waived.yaml").write_text(
        "# conformant: waive NS-002 until 2020-01-01 owner team: once\n"
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: waived}\n"
    )


@pytest.fixture(params=["hardened", "weak", "failing"])
def platform(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param != "failing":
        return PLATFORMS / str(request.param)
    failing(tmp_path)
    return tmp_path


def process(*arguments: object) -> str:
    line = [sys.executable, "-m", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False, env={**os.environ}).stdout


def by_command_line(platform: Path) -> dict[str, str]:
    """The verdict of each check: ``failed``, ``skipped`` (undecided, nothing to judge) or ``passed``."""
    report = json.loads(process("conformant", "check", platform, "--no-cache", "--format", "json"))
    verdicts = dict.fromkeys((check.id for check in all_checks(Settings())), "skipped")
    verdicts |= dict.fromkeys(set(report["checks"]) - set(report["coverage"]["idle_checks"]), "passed")
    statuses = {(result["id"], result["status"]) for result in report["results"]}
    verdicts |= {id: "skipped" for id, status in statuses if status == "unknown"}
    return verdicts | {id: "failed" for id, status in statuses if status in ("fail", "error")}


def by_pytest(platform: Path, report: Path) -> dict[str, str]:
    flags = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    process("pytest", CHECKS, *flags, "--conformant", platform, "--junitxml", report)
    verdicts: dict[str, str] = {}
    for case in parse(report).iter("testcase"):
        outcome = {"failure": "failed", "skipped": "skipped"}
        [id] = [each.get("value") for each in case.iter("property") if each.get("name") == "id"] or ["input"]
        verdicts[str(id)] = next((outcome[child.tag] for child in case if child.tag in outcome), "passed")
    return verdicts


def test_the_same_verdicts(platform: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    expected = by_command_line(platform)
    found = by_pytest(platform, tmp_path_factory.mktemp("report") / "report.xml")
    found.pop("input", None)
    assert found == expected
    assert len(found) >= len(all_checks(Settings()))
    assert ("failed" in found.values()) is (platform.name != "hardened")
