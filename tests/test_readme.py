"""What the README says works: its commands, its configuration, its waivers, its check and fixture."""

import re
import shlex
from pathlib import Path

import pytest

from conformant.cli import parser
from conformant.config import Settings, read
from conformant.content import content
from conformant.leaf import Check, load
from conformant.model import Status
from conformant.run import check, verify
from conformant.terminal import render
from conformant.testing import TODAY, run
from conformant.waivers import in_comments, parse_terms

README = content("checks").parent / "README.md"
pytestmark = pytest.mark.skipif(not README.is_file(), reason="no README beside this installation")
TEXT = README.read_text(encoding="utf-8") if README.is_file() else ""


def blocks(language: str) -> list[str]:
    """The fenced blocks of this language, without their indent."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", TEXT, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", text, flags=re.MULTILINE) for indent, text in found]


def commands(program: str) -> list[str]:
    """The command lines that start with `program`, from blocks and from the text."""
    shown = [line.partition("$ ")[2].partition(" #")[0] for text in blocks("console") for line in text.splitlines()]
    quoted = re.findall(rf"`((?:uvx )?{program} [^`\n]+)`", TEXT)
    return [line.strip().removeprefix("uvx ") for line in (*shown, *quoted) if re.match(rf"\s*(uvx )?{program} ", line)]


@pytest.mark.parametrize("line", commands("conformant"))
def test_the_command_line_takes_it(line: str) -> None:
    assert callable(parser().parse_args(shlex.split(line)[1:]).run)


@pytest.mark.parametrize("line", commands("pytest"))
def test_pytest_takes_it(line: str, pytestconfig: pytest.Config) -> None:
    options = pytestconfig._parser.parse(shlex.split(line)[1:])
    assert options.conformant
    folders = [content("checks").parent / path for path in options.file_or_dir if path != "policies"]
    assert all(folder.is_dir() for folder in folders)


def test_the_first_commands_come_early() -> None:
    head = "\n".join(TEXT.splitlines()[:60])
    for command in ("make check", "make test", "pip install conformant", "pipx install conformant", "uvx conformant"):
        assert command in head
    targets = re.findall(r"^(\w+):", (README.parent / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"(?:`|\$ )make (\w+)", TEXT)) <= set(targets)


def test_the_configuration_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [text] = blocks("toml")
    file = tmp_path / "conformant.toml"
    file.write_text(text)
    monkeypatch.chdir(tmp_path)
    settings = read(file)
    verify(settings, file)
    assert settings.settings
    assert settings.waivers


def test_the_waivers_are_understood() -> None:
    comment, annotation = (
        next(text for text in blocks("yaml") if word in text) for word in ("# conformant: waive", "annotations")
    )
    [waiver] = in_comments("x.yaml", comment)
    assert not isinstance(waiver, tuple)
    stated = re.search(r'waive\.conformant\.dev/WRK-006: "(.*)"', annotation)
    assert stated is not None
    assert (waiver.expires, waiver.owner, waiver.reason) == parse_terms(stated[1])


def test_the_check_judges_its_fixture(tmp_path: Path) -> None:
    [source] = blocks("python")
    name = re.search(r"^def (\w+)", source, re.MULTILINE)
    assert name is not None
    (tmp_path / "policies").mkdir()
    file = tmp_path / "policies" / f"{name[1]}.py"
    file.write_text(source)
    leaf: Check = load(str(file), Check)
    fixture = tmp_path / "fail.yaml"
    fixture.write_text(next(text for text in blocks("yaml") if f"expect: {leaf.id}" in text))
    outcome = run(leaf, fixture)
    assert outcome.expected
    assert (outcome.missing, outcome.surplus) == ([], [])
    report = check([str(fixture)], Settings(checks=(str(file.parent),), select=(leaf.id,)))
    assert [result.check for result in report.of(Status.FAIL)] == [leaf.id]


def test_the_map_names_what_there_is() -> None:
    tree = TEXT.partition("## Map of the tree")[2].partition("\n## ")[0]
    for name in re.findall(r"^  ?([a-z_]+/|[a-z_]+\.py)", tree, re.MULTILINE):
        assert (README.parent / "src" / "conformant" / name).exists()
    for name in re.findall(r"^([a-z]+)/ ", tree, re.MULTILINE):
        assert (README.parent / name).is_dir() or name in ("docs", "live")


def test_the_output_that_is_shown_is_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(README.parent)
    report = check(["fixtures/platforms/weak"], Settings(), today=TODAY)
    printed = [line.rstrip() for line in "".join(render(report, color=False, width=120)).splitlines()]
    [shown] = [text for text in blocks("") if text.startswith("FAIL  ")]
    first, _, last = shown.partition("\n...\n")
    lines = [line for line in first.splitlines() if not line.endswith(" s")]
    assert [line for line in lines if line not in printed] == []
    assert all(any(one.startswith(line.partition(" (…)")[0]) for one in printed) for line in last.splitlines())
