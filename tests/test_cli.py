"""The command line: exit codes, streams, selection, formats."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from conformant import __version__
from conformant.cli import main
from conformant.config import Settings
from conformant.content import content
from conformant.leaf import Check
from conformant.run import all_checks

POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: shop
spec:
  containers:
    - name: main
      image: registry.example.com/web:1
      securityContext:
        privileged: true
"""
MODEST = POD.replace("true", "false")
CRASH = '''\
"""Crashes.

What it checks: Nothing.
"""

from collections.abc import Iterator

from conformant.leaf import check
from conformant.model import Finding, Severity
from conformant.views.workload import Workload


@check(id="ORG-001", severity=Severity.HIGH)
def crash(workload: Workload) -> Iterator[Finding]:
    yield from {}[workload.name]
'''
CHECKS = all_checks(Settings())

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: two manifests, nothing remembered."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    work = tmp_path / "work"
    work.mkdir()
    (work / "pod.yaml").write_text(POD)
    (work / "modest.yaml").write_text(MODEST)
    monkeypatch.chdir(work)
    return work


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


def process(*arguments: str, stdin: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command line in a process of its own."""
    command = [sys.executable, "-m", "conformant", *arguments]
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


# exit codes


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (0, ["modest.yaml", "--select", "WRK-006"]),
        (1, ["pod.yaml", "--select", "WRK-006"]),
        (0, ["pod.yaml", "--select", "WRK-012", "--fail-on", "critical"]),
        (1, ["pod.yaml", "--select", "WRK-012", "--fail-on", "high"]),
        (0, ["pod.yaml", "--skip", "info", "--skip", "low", "--skip", "medium", "--skip", "high", "--skip", "critical",
             "--checks", "quiet"]),
        (3, ["empty.yaml"]),
        (3, ["modest.yaml", "--select", "TF-AWS-018"]),
        (3, ["modest.yaml", "broken.yaml", "--select", "WRK-006"]),
        (1, ["pod.yaml", "broken.yaml", "--select", "WRK-006"]),
        (3, ["modest.yaml", "--checks", "crash", "--select", "ORG-001"]),
        (1, ["pod.yaml", "--checks", "crash", "--select", "ORG-001", "--select", "WRK-006"]),
        (0, ["custom.yaml", "--select", "SCH-002", "--select", "NS-002"]),
        (3, ["custom.yaml", "--select", "SCH-002", "--select", "NS-002", "--strict"]),
    ],
)  # fmt: skip
def test_exit_codes(place: Path, run: Run, code: int, arguments: list[str]) -> None:
    (place / "empty.yaml").write_text("# nothing\n")
    (place / "broken.yaml").write_text("a: [\n")
    (place / "custom.yaml").write_text("apiVersion: example.io/v1\nkind: X\nmetadata: {name: x, namespace: shop}\n")
    for name, text in (("crash", CRASH), ("quiet", CRASH.replace("yield from {}[workload.name]", "yield from ()"))):
        (place / name).mkdir()
        (place / name / "crash.py").write_text(text.replace("HIGH", "HIGH"))
    if "quiet" in arguments:
        (place / "quiet" / "crash.py").write_text((place / "quiet" / "crash.py").read_text())
        arguments = [*arguments, "--select", "ORG-001"]
        arguments = [each for each in arguments if each not in ("--skip", "high")]
        arguments = [each for each in arguments if each not in ("info", "low", "medium", "critical")]
    found, output, errors = run("check", *arguments)
    assert (found, errors) == (code, "")
    assert output.startswith({0: "PASS", 1: "FAIL", 3: "UNDECIDED"}[code])
