"""The command line: exit codes, streams, selection, formats."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from conformant.cli import main
from conformant.config import Settings
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
CUSTOM = "apiVersion: example.io/v1\nkind: X\nmetadata: {name: x, namespace: shop}\n"
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
    yield {}[workload.name]
'''

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with inputs of every fate."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    work = tmp_path / "work"
    (work / "crash").mkdir(parents=True)
    (work / "crash" / "crash.py").write_text(CRASH)
    (work / "pod.yaml").write_text(POD)
    (work / "modest.yaml").write_text(POD.replace("true", "false"))
    (work / "custom.yaml").write_text(CUSTOM)
    (work / "empty.yaml").write_text("# nothing\n")
    (work / "broken.yaml").write_text("a: 1\nb: [\n")
    (work / "old.json").write_text('{"schema": 2}')
    (work / "words.txt").write_text("not JSON")
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


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "conformant", *arguments]


def process(*arguments: str, stdin: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command line in a process of its own."""
    return subprocess.run(
        command(*arguments), input=stdin, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


# exit codes


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (0, "modest.yaml --select WRK-006"),
        (1, "pod.yaml --select WRK-006"),
        (1, "modest.yaml pod.yaml --select WRK-006"),
        (1, "pod.yaml --select WRK-012 --fail-on medium"),
        (0, "pod.yaml --select WRK-012 --fail-on critical"),
        (3, "empty.yaml"),
        (3, "modest.yaml --select TF-AWS-018"),
        (3, "modest.yaml broken.yaml --select WRK-006"),
        (1, "pod.yaml broken.yaml --select WRK-006"),
        (3, "modest.yaml --checks crash --select ORG-001"),
        (3, "modest.yaml --checks crash --select ORG-001 --select WRK-006"),
        (1, "pod.yaml --checks crash --select ORG-001 --select WRK-006"),
        (0, "custom.yaml --select SCH-002 --select NS-002"),
        (3, "custom.yaml --select SCH-002 --select NS-002 --strict"),
    ],
)
def test_exit_codes(run: Run, code: int, arguments: str) -> None:
    found, output, errors = run("check", *arguments.split())
    assert (found, errors) == (code, "")
    assert output.startswith({0: "PASS", 1: "FAIL", 3: "UNDECIDED"}[code])


def test_exit_codes_of_a_process() -> None:
    for code, arguments in (
        (0, ["modest.yaml"]),
        (1, ["pod.yaml"]),
        (2, ["pod.yaml", "gone.yaml"]),
        (3, ["empty.yaml"]),
    ):
        assert process("check", *arguments, "--select", "WRK-006").returncode == code


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("", "COMMAND"),
        ("chek pod.yaml", "'chek'"),
        ("check", "PATH"),
        ("check gone.yaml", "gone.yaml: no such file or folder"),
        ("check pod.yaml --wat", "--wat"),
        ("check pod.yaml -f yaml", "no format 'yaml'; there are terminal, "),
        ("check pod.yaml -f ../json", "no format '../json'"),
        ("check pod.yaml -f json,sarif", "several formats need --output"),
        ("check pod.yaml -f json -o no/such/report.json", "no/such/report.json: cannot be written"),
        ("check pod.yaml --write-baseline no/such/baseline", "no/such/baseline: cannot be written"),
        ("check pod.yaml --fail-on urgent", "'urgent' is not a severity"),
        ("check pod.yaml --select WRK-999", "'WRK-999'"),
        ("check pod.yaml --select WRK-006 --select wrk-007", "'wrk-007'"),
        ("check pod.yaml --checks gone", "no folder of checks: gone"),
        ("check pod.yaml --var region", "expected NAME=VALUE"),
        ("check pod.yaml --var-file gone.tfvars", "gone.tfvars: no such file"),
        ("check pod.yaml --values gone.yaml", "gone.yaml: no such file"),
        ("check pod.yaml --values crash", "crash: not a file"),
        ("check pod.yaml --crds gone", "gone: no such file or folder"),
        ("check pod.yaml --crds broken.yaml", "broken.yaml:3:1: "),
        ("check pod.yaml --kubernetes newest", "'newest'"),
        ("check pod.yaml --today 22.11.2026", "'22.11.2026' is not a date"),
        ("check pod.yaml --baseline gone.json", "gone.json: "),
        ("check pod.yaml --baseline words.txt", "words.txt: not a baseline"),
        ("check pod.yaml --baseline old.json", "old.json: not a baseline of schema 1"),
        ("check pod.yaml --config gone.toml", "gone.toml: "),
        ("checks --format yaml", "'yaml'"),
        ("checks --checks gone", "no folder of checks: gone"),
        ("explain WRK-999", "no check 'WRK-999'"),
        ("completion powershell", "'powershell'"),
    ],
)
def test_a_wrong_use_is_said_in_one_line(run: Run, arguments: str, says: str) -> None:
    code, output, errors = run(*arguments.split())
    assert (code, output) == (2, "")
    assert re.fullmatch(r"conformant[^\n]*\n", errors)
    assert says in errors


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("strict = true\n\nfailon = 'low'\n", ":3: no such setting: `failon`"),
        ("[profile.mesh]\nmode = 'ambient'\nmoode = 1\n", ":3: no such setting: `moode`"),
        ("a = [\n1\n2\n]", ":3:1: "),
        ("fail_on = 'urgent'\n", ":1: 'urgent' is not a severity"),
        ("\n[settings.TF-AWS-018]\nmost_day = 1\n", ":3: settings of TF-AWS-018"),
        ("\n[settings.unrotated-secret]\nmost_days = 'x'\n", ":3: settings of TF-AWS-018"),
        ("\n[settings.TF-AWS-999]\nmost_days = 1\n", ":2: settings: no check goes by"),
        ("\n[settings.WRK-006]\nx = 1\n", ":2: settings of WRK-006: it has none"),
        ("[[waivers]]\nid = 'A'\n", ":1: Object missing required field `reason`"),
        ("values = ['gone.yaml']", "gone.yaml: no such file"),
        ("select = ['WRK-999']", "select: no check goes by 'WRK-999'"),
    ],
)  # fmt: skip
def test_a_wrong_configuration_names_its_place(place: Path, run: Run, text: str, says: str) -> None:
    (place / "conformant.toml").write_text(text)
    code, output, errors = run("check", "pod.yaml")
    assert (code, output) == (2, "")
    assert (f"conformant.toml{says}" if says.startswith(":") else says) in errors
    assert errors.count("\n") == 1


def test_a_wrong_project_file_names_its_place(place: Path, run: Run) -> None:
    (place / "pyproject.toml").write_text("[project]\nname = 'x'\n[tool.conformant]\nfailon = 1\n")
    assert run("check", "pod.yaml")[0] == 2
    assert "pyproject.toml:4: no such setting: `failon`" in run("check", "pod.yaml")[2]


# what runs

CHECKS = all_checks(Settings())


def ids(keep: Callable[[Check], bool]) -> set[str]:
    return {check.id for check in CHECKS if keep(check)}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("WRK-006", ids(lambda check: check.id == "WRK-006")),
        ("DEL-010", ids(lambda check: "DEL-010" in check.aliases)),
        ("privileged-container", ids(lambda check: check.slug == "privileged-container")),
        ("workloads", ids(lambda check: check.area == "workloads")),
        ("terraform/aws", ids(lambda check: check.area_path == "terraform/aws")),
        ("critical", ids(lambda check: str(check.severity) == "critical")),
        ("pod-isolation", ids(lambda check: check.requirement == "pod-isolation")),
        ("cis-k8s-1.12", ids(lambda check: any(each.startswith("cis-k8s-1.12/") for each in check.controls))),
        ("nist-800-53r5/AC-6", ids(lambda check: "nist-800-53r5/AC-6" in check.controls)),
    ],
)
def test_select_and_skip(run: Run, name: str, wanted: set[str]) -> None:
    assert wanted
    _, whole, _ = run("check", "pod.yaml", "--all", "--format", "json")
    _, chosen, _ = run("check", "pod.yaml", "--all", "--format", "json", "--select", name)
    _, rest, _ = run("check", "pod.yaml", "--all", "--format", "json", "--skip", name)
    everything, selected, left = (
        {result["id"] for result in json.loads(text)["results"]} for text in (whole, chosen, rest)
    )
    assert selected == everything & wanted
    assert left == everything - wanted


def test_checks_of_ones_own(place: Path, run: Run) -> None:
    (place / "crash" / "crash.py").write_text(
        CRASH.replace("{}[workload.name]", 'Finding("no", workload.path("spec"))')
    )
    code, output, _ = run("check", "modest.yaml", "--checks", "crash", "--format", "json", "--select", "crash")
    [result] = json.loads(output)["results"]
    assert (code, result["id"], result["findings"][0]["place"]["line"]) == (1, "ORG-001", 6)


def test_a_crash_spares_the_other_results(run: Run) -> None:
    _, alone, _ = run("check", "pod.yaml", "--all", "--format", "json")
    _, beside, _ = run("check", "pod.yaml", "--all", "--format", "json", "--checks", "crash")
    results = json.loads(beside)["results"]
    [broken] = [result for result in results if result["status"] == "error"]
    assert broken["id"] == "ORG-001"
    assert broken["reason"] == "the check raised KeyError (crash.py:15)"
    assert [result for result in results if result != broken] == json.loads(alone)["results"]


def test_a_baseline_accepts_what_is_there(place: Path, run: Run) -> None:
    code, output, errors = run("check", "pod.yaml", "--write-baseline", "baseline.json", "--baseline", "baseline.json")
    assert (code, output) == (0, "")
    assert "baseline.json" in errors
    assert run("check", "pod.yaml", "--baseline", "baseline.json")[0] == 0
    (place / "pod.yaml").write_text("# moved\n" + POD + "  hostPID: true\n")
    code, output, _ = run("check", "pod.yaml", "--baseline", "baseline.json", "--format", "json")
    assert code == 1
    assert [result["id"] for result in json.loads(output)["results"] if result["status"] == "fail"] == ["WRK-023"]


# outputs


def test_standard_input(place: Path) -> None:
    done = process("check", "-", "--select", "WRK-006", "--format", "json", stdin=POD)
    [result] = json.loads(done.stdout)["results"]
    assert (done.returncode, done.stderr) == (1, "")
    found = result["findings"][0]["place"]
    assert (found["file"], found["line"], found["column"]) == ("-", 11, 9)


def test_one_format_into_a_file(place: Path, run: Run) -> None:
    code, output, errors = run("check", "pod.yaml", "-f", "json", "-o", "report.json")
    assert (code, output, errors) == (1, "", "")
    _, printed, _ = run("check", "pod.yaml", "-f", "json")
    assert (place / "report.json").read_text() == printed


def test_several_formats_into_a_folder(place: Path, run: Run) -> None:
    code, output, errors = run("check", "pod.yaml", "-f", "json,sarif,junit,markdown,terminal", "-o", "reports/today")
    assert (code, output, errors) == (1, "", "")
    folder = place / "reports" / "today"
    assert {file.suffix for file in folder.iterdir()} == {".json", ".sarif", ".xml", ".md", ".txt"}
    assert json.loads((folder / "conformant.json").read_text())["exit_code"] == 1
    assert json.loads((folder / "conformant.sarif").read_text())["version"] == "2.1.0"
    assert fromstring((folder / "conformant.xml").read_text()).tag == "testsuites"
    assert "\x1b" not in (folder / "conformant.txt").read_text()


def test_quiet_prints_nothing_but_errors(run: Run) -> None:
    assert run("check", "pod.yaml", "--quiet") == (1, "", "")
    assert run("check", "gone.yaml", "--quiet")[2] != ""


def test_all_adds_passes_and_changes_nothing_else(run: Run) -> None:
    _, brief, _ = run("check", "pod.yaml", "custom.yaml", "--format", "json")
    _, full, _ = run("check", "pod.yaml", "custom.yaml", "--format", "json", "--all")
    short, long = json.loads(brief), json.loads(full)
    kept = [result for result in long["results"] if result["status"] not in ("pass", "not_applicable")]
    assert kept == short["results"]
    assert len(long["results"]) > len(kept)
    for part in ("verdict", "exit_code", "passed", "coverage"):
        assert long[part] == short[part]


@pytest.mark.parametrize(
    ("arguments", "environment", "colored"),
    [([], {}, True), ([], {"NO_COLOR": "1"}, False), (["--no-color"], {}, False), ([], {"NO_COLOR": ""}, True)],
)
def test_colour_only_in_a_terminal_that_wants_it(
    arguments: list[str], environment: dict[str, str], colored: bool
) -> None:
    ours, theirs = pty.openpty()
    line = command("check", "pod.yaml", "--select", "WRK-006", *arguments)
    child = subprocess.Popen(line, stdout=theirs, stderr=theirs, env={**os.environ, **environment})
    os.close(theirs)
    output = b""
    try:
        while part := os.read(ours, 65536):
            output += part
    except OSError:  # Linux says so when the other end is closed
        pass
    assert child.wait() == 1
    assert b"privileged" in output
    assert (b"\x1b[" in output) is colored


@pytest.mark.parametrize(("arguments", "code"), [(["check", "pod.yaml", "--format", "json"], 1), (["checks"], 0)])
def test_a_reader_may_leave(arguments: list[str], code: int) -> None:
    child = subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    assert child.stderr.read() == b""
    child.stderr.close()
    assert child.wait() == code


def test_the_same_bytes_again_and_elsewhere(place: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    for name in ("custom.yaml", "pod.yaml", "modest.yaml"):  # another order of creation
        (other / name).write_text((place / name).read_text())
    inputs = ["pod.yaml", "modest.yaml", "custom.yaml"]
    texts = set()
    for folder, seed in ((place, "1"), (place, "2"), (other, "3")):
        for flags in (["--no-cache"], []):
            line = command("check", *inputs, "--format", "json", "--all", *flags)
            texts.add(subprocess.check_output(["sh", "-c", '"$@"; test $? -eq 1', "sh", *line], cwd=folder,
                                              env={**os.environ, "PYTHONHASHSEED": seed}))  # fmt: skip
    assert len(texts) == 1


def test_the_order_of_inputs_does_not_matter(run: Run) -> None:
    first, second = (
        json.loads(run("check", *inputs, "--format", "json", "--all")[1])
        for inputs in (("pod.yaml", "custom.yaml", "."), (".", "custom.yaml", "pod.yaml"))
    )
    assert first.pop("inputs") != second.pop("inputs")
    assert first == second


def test_the_terminal_shows_a_remembered_run_like_a_new_one(run: Run) -> None:
    texts = [run("check", "pod.yaml")[1] for _ in range(2)]
    first, second = (re.sub(r"\d+\.\d s\n", "", text) for text in texts)
    assert first == second
