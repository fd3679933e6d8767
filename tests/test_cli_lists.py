"""The commands that tell of the checks and of the program: checks, explain, completion, version."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from conformant import __version__
from conformant.cli import main
from conformant.config import Settings
from conformant.run import all_checks, all_probes

CHECKS = all_checks(Settings())
OWN = '''\
"""Says nothing."""

from collections.abc import Iterator

from conformant.leaf import check
from conformant.model import Finding, Severity
from conformant.views.workload import Workload


@check(id="ORG-001", severity=Severity.HIGH)
def modest(workload: Workload) -> Iterator[Finding]:
    yield from ()
'''

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line in this process: exit code, output, errors."""

    def call(*arguments: str) -> tuple[int, str, str]:
        try:
            code = main(arguments)
        except SystemExit as stop:  # argparse's way
            code = int(stop.code or 0)
        return code, *capsys.readouterr()

    return call


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_version(run: Run, flag: str) -> None:
    assert run(flag) == (0, f"conformant {__version__}\n", "")


def test_checks_as_json(tmp_path: Path, run: Run) -> None:
    (tmp_path / "modest.py").write_text(OWN)
    code, output, _ = run("checks", "--format", "json", "--checks", str(tmp_path))
    entries = {entry["id"]: entry for entry in json.loads(output)}
    assert code == 0
    assert set(entries) == {*(check.id for check in CHECKS), *(probe.id for probe in all_probes()), "ORG-001"}
    for entry in entries.values():
        assert list(entry) == [
            "id", "aliases", "slug", "kind", "title", "severity", "requirement", "controls", "applies_to", "tags",
        ]  # fmt: skip
        assert entry["kind"] == ("probe" if entry["id"].startswith("LIVE-") else "check")
    assert entries["WRK-006"]["slug"] == "privileged-container"
    assert entries["WRK-006"]["severity"] == "critical"
    assert "apps/Deployment" in entries["WRK-006"]["applies_to"]
    assert "workloads" in entries["WRK-006"]["tags"]
    assert entries["ORG-001"]["title"] == "Says nothing"


@pytest.mark.parametrize("style", ["table", "markdown"])
def test_checks_as_text(run: Run, style: str) -> None:
    code, output, _ = run("checks", "--format", style)
    assert code == 0
    for check in CHECKS:
        [line] = [line for line in output.splitlines() if re.search(rf"\b{check.id}\b", line)]
        assert check.slug in line
        assert str(check.severity) in line


@pytest.mark.parametrize("name", ["WRK-012", "DEL-010", "mutable-image"])
def test_explain(run: Run, name: str) -> None:
    code, output, errors = run("explain", name)
    assert (code, errors) == (0, "")
    assert output.startswith("WRK-012 mutable-image (high): ")
    for part in ("also known as DEL-010", "What it checks:", "How to fix:", "Controls: ", "conformant: waive WRK-012"):
        assert part in output


def test_explain_shows_settings(run: Run) -> None:
    assert "Setting most_days (number): 90\n" in run("explain", "TF-AWS-018")[1]


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion(run: Run, shell: str) -> None:
    code, output, _ = run("completion", shell)
    assert code == 0
    for word in ("conformant", "check", "explain", "fail-on"):
        assert word in output


def test_help_names_exit_codes_and_commands(run: Run) -> None:
    code, output, _ = run("--help")
    assert code == 0
    for word in ("Exit codes", "check ", "checks ", "explain ", "completion "):
        assert word in output
