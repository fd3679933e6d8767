"""The pytest front end: items, selection, failure texts, properties, and silence without its switch."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree.ElementTree import Element, parse

import pytest

from conformant.content import content

CHECKS = content("checks")
POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: shop
spec:
  hostPID: true
  containers:
    - name: main
      image: registry.example.com/web:1
      securityContext:
        privileged: true
"""
OWN = '''\
"""A pod has no owner.

What it checks: The label owner.
"""

from collections.abc import Iterator

from conformant.leaf import check
from conformant.model import Finding, Severity
from conformant.views.workload import Workload


@check(id="ORG-001", severity=Severity.LOW, requirement="ownership", controls=["house-rules/7"])
def no_owner(workload: Workload) -> Iterator[Finding]:
    if "owner" not in workload.map("metadata", "labels"):
        yield Finding("the label owner is missing", workload.path("metadata", "labels"))
'''
TEST = "def test_arithmetic() -> None:\n    assert 1 + 1 == 2\n"

Run = Callable[..., tuple[int, str]]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: inputs, a folder of one's own checks, an ordinary test."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "no_owner.py").write_text(OWN)
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "pod.yaml").write_text(POD)
    (tmp_path / "test_arithmetic.py").write_text(TEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: object) -> tuple[int, str]:
    """pytest in a process of its own: exit code and output."""
    line = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", *map(str, arguments)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=environment)
    return done.returncode, done.stdout + done.stderr


def cases(report: Path) -> dict[str, Element]:
    return {str(case.get("name")): case for case in parse(report).iter("testcase")}


def test_one_item_for_each_check(place: Path) -> None:
    code, output = run(CHECKS / "workloads", "--conformant", "deploy", "--collect-only", "-q")
    files = [file for file in (CHECKS / "workloads").glob("*.py") if not file.name.startswith("_")]
    assert code == 0
    assert output.count("::WRK-") == len(files)


def test_failures_list_findings_with_their_places() -> None:
    code, output = run(CHECKS / "workloads", "--conformant", "deploy", "-k", "WRK-006 or shared-host-namespace")
    assert code == 1
    assert "2 failed" in output
    assert "\ndeploy/pod.yaml:12:9: critical: Pod/shop/web: container 'main' is privileged\n" in output
    assert "\ndeploy/pod.yaml:7:3: " in output
    assert "Traceback" not in output
    assert ".py:" not in output.partition("short test summary")[0]


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("critical", ["WRK-006"]),
        ("workloads and not high", ["WRK-006"]),
        ("pod-isolation", ["WRK-006"]),
        ("cis-k8s-1.12", ["WRK-006"]),
        ("cis-k8s-1.12/5.2.2", ["WRK-006"]),
        ("high", ["WRK-012"]),
    ],
)
def test_markers_select(expression: str, wanted: list[str]) -> None:
    files = [CHECKS / "workloads" / f"{name}.py" for name in ("mutable_image", "privileged_container")]
    code, output = run(*files, "--strict-markers", "--conformant", "deploy", "-m", expression, "--collect-only", "-q")
    assert (code, re.findall(r"::(WRK-\d+)-", output)) == (0, wanted)


def test_properties_in_junit_xml(place: Path) -> None:
    run(CHECKS / "workloads" / "privileged_container.py", "--conformant", "deploy", "--junitxml", "report.xml")
    [case] = cases(place / "report.xml").values()
    properties = {each.get("name"): each.get("value") for each in case.iter("property")}
    assert (properties["id"], properties["severity"]) == ("WRK-006", "critical")
    assert properties["requirement"] == "pod-isolation"
    assert "cis-k8s-1.12/5.2.2" in str(properties["controls"]).split()
    failure = case.find("failure")
    assert failure is not None
    assert "deploy/pod.yaml:12:9" in str(failure.text)


def test_the_same_with_xdist(place: Path) -> None:
    folder = CHECKS / "workloads"
    verdicts = []
    for flags in ([], ["-n", "2"]):
        code, _ = run(folder, "--conformant", "deploy", "--junitxml", "report.xml", *flags)
        found = {name: [child.tag for child in case] for name, case in cases(place / "report.xml").items()}
        verdicts.append((code, found))
    assert verdicts[0] == verdicts[1]
    assert "failure" in verdicts[0][1]["WRK-006-privileged-container"]


def test_checks_of_ones_own() -> None:
    code, output = run("policies", "--conformant", "deploy")
    assert code == 1
    assert "deploy/pod.yaml:3:1: low: Pod/shop/web: the label owner is missing" in output
    assert run("policies", "--conformant", "deploy", "--conformant-fail-on", "medium")[0] == 0


def test_ordinary_tests_run_beside() -> None:
    code, output = run(".", "--conformant", "deploy")
    assert code == 1
    assert "1 failed, 1 passed" in output


def test_inert_without_the_switch(place: Path) -> None:
    code, output = run(CHECKS)
    assert (code, "no tests ran" in output) == (5, True)
    assert run(CHECKS / "workloads" / "privileged_container.py")[0] == 5
    code, output = run(".")
    assert (code, "1 passed" in output) == (0, True)
    line = (
        "import sys, pytest; pytest.main(['-q']); print(sorted(n for n in sys.modules if n.startswith('conformant')))"
    )
    done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "['conformant', 'conformant.pytest_plugin']"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--conformant", "gone"], "gone: no such file or folder"),
        (["--conformant", "deploy", "--conformant-fail-on", "urgent"], "'urgent' is not a severity"),
        (["--conformant", "deploy", "--conformant-today", "soon"], "'soon' is not a date"),
        (["--conformant", "deploy", "--conformant-config", "gone.toml"], "gone.toml: "),
        (["--conformant", "deploy", "--conformant-baseline", "pytest.ini"], "pytest.ini: not a baseline"),
        (["--conformant", "deploy", "--conformant-var", "x"], "expected NAME=VALUE"),
        (["--conformant", "deploy", "--conformant-kubernetes", "newest"], "'newest'"),
    ],
)
def test_a_wrong_use_is_an_error_of_one_line(arguments: list[str], says: str) -> None:
    code, output = run("policies", *arguments)
    assert code == 4
    [line] = [line for line in output.splitlines() if line.startswith("ERROR: ")]
    assert says in line
    assert "Traceback" not in output


def test_a_broken_check_is_one_line(place: Path) -> None:
    (place / "policies" / "broken.py").write_text(OWN.replace("Iterator[Finding]:", "Iterator[Finding]"))
    code, output = run("policies", "--conformant", "deploy")
    assert code == 2
    assert "broken.py:14: expected ':'" in output
    assert "Traceback" not in output


def test_a_crash_fails_its_item_alone(place: Path) -> None:
    crash = OWN.replace("ORG-001", "ORG-002").replace("no_owner", "crash").replace("if ", "if {}['x'] or ")
    (place / "policies" / "crash.py").write_text(crash)
    code, output = run("policies", "--conformant", "deploy", "-rA")
    assert code == 1
    assert "deploy/pod.yaml:1:1: error: Pod/shop/web: the check raised KeyError (crash.py:15)" in output
    assert "the label owner is missing" in output


@pytest.mark.parametrize("text", ["a: [\n", "", "\0"])
def test_what_cannot_be_read_is_no_success(place: Path, text: str) -> None:
    (place / "bad.yaml").write_text(text)
    code, output = run("policies", "-k", "ORG-001", "--conformant", "bad.yaml")
    assert code == 1
    assert "1 failed" in output
    assert ("no resource was found" in output) is True
    assert ("\nbad.yaml:" in output) is bool(text)


def test_undecided_items_fail_when_strict(place: Path) -> None:
    (place / "x.yaml").write_text("apiVersion: example.io/v1\nkind: X\nmetadata: {name: x, namespace: shop}\n")
    file = CHECKS / "schema" / "unserved_api_version.py"
    code, output = run(file, "--conformant", "x.yaml", "-rs")
    assert (code, "1 skipped" in output, "x.yaml:1:1: undecided: X/shop/x: " in output) == (0, True, True)
    assert run(file, "--conformant", "x.yaml", "--conformant-strict")[0] == 1


def test_waivers_are_items_too(place: Path) -> None:
    waived = POD.replace("  hostPID", "  # conformant: waive WRK-023 until 2020-01-31 owner team: once\n  hostPID")
    (place / "deploy" / "pod.yaml").write_text(waived)
    (place / "conformant.toml").write_text('select = ["WRK-023", "WVR-001"]\n')
    for day, code, counts in (("2020-01-31", 0, "2 passed"), ("2020-02-01", 1, "2 failed")):
        found, output = run(CHECKS / "workloads", "--conformant", "deploy", "--conformant-today", day)
        assert (found, counts in output) == (code, True)
    assert "deploy/pod.yaml:7:3: low: Waiver/-/deploy/pod.yaml: waiver of WRK-023 expired on 2020-01-31" in output


def test_control_characters_do_not_reach_the_terminal(place: Path) -> None:
    (place / "deploy" / "pod.yaml").write_text(POD.replace("name: main", 'name: "\\e[31mred\\u2028"'))
    code, output = run(CHECKS / "workloads", "--conformant", "deploy", "-k", "WRK-006")
    assert code == 1
    assert "\x1b" not in output
    assert "\u2028" not in output
