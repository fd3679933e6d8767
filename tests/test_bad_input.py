"""Inputs that are broken, hostile or odd: one clear line with a place, and the rest of the run is whole."""

import os
import random
import resource as limits
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from conformant.config import Settings
from conformant.content import content
from conformant.model import Report, Status
from conformant.run import check
from conformant.verdict import exit_code

TODAY = date(2026, 11, 22)
HARDENED = content("fixtures") / "platforms" / "hardened"
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec: {hostPID: true, containers: []}\n"
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: shop}\n"
DEEP = 100_000


def bomb() -> str:
    """Nine levels of nine aliases: 3 kB that mean gigabytes."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    return "\n".join([*lines, MAP])


UNREADABLE: dict[str, tuple[str, str | bytes, int]] = {
    "flow": ("x.yaml", "a: 1\nb: [\n", 3),
    "tab": ("x.yaml", "a:\n\tb: 1\n", 2),
    "braces": ("x.json", '{"kind": "Pod",\n "spec": [}', 2),
    "latin": ("x.yaml", b"a: 1\nb: \xe9\n", 2),
    "binary": ("x.yaml", bytes(range(256)), 1),
    "alias": ("x.yaml", "a: 1\nb: *nowhere\n", 2),
    "itself": ("x.yaml", "a: &a\n  b: *a\n", 2),
    "bomb": ("x.yaml", bomb(), 1),
    "deep yaml": ("x.yaml", f"a: {'[' * DEEP}", 1),
    "deep closed": ("x.yaml", f"{MAP}data: {'[' * DEEP}{']' * DEEP}\n", 4),
    "deep list": ("x.yaml", f"a:\n{'- ' * DEEP}x\n", 2),
    "deep block": ("x.yaml", "".join(f"{' ' * depth}a:\n" for depth in range(1000)), 250),
    "deep json": ("x.json", f'{{"a": {"[" * DEEP}', 1),
    "deep objects": ("x.json", '{"a":' * DEEP + "1" + "}" * DEEP, 1),
    "hcl": ("x.tf", 'resource "aws_s3_bucket" "x" {\n  bucket =\n}\n', 2),
    "deep hcl": ("x.tf", f"locals {{\n  a = {'[' * DEEP}\n}}\n", 2),
    "deep blocks": ("x.tf", "a {\n" * DEEP + "}\n" * DEEP, 100),
    "deep templates": ("x.tf", 'locals {\n  a = "' + '${"' * DEEP + '"}' * DEEP + '"\n}\n', 2),
    "deep tf.json": ("x.tf.json", '{"locals": {"a": ' + "[" * DEEP + "]" * DEEP + "}}", 1),
    "plan": ("x.json", '{"format_version": "1.2", "planned_values": ' + "[" * DEEP + "]" * DEEP + "}", 1),
    "sql": ("x.sql", "CREATE TABLE a (b int);\nCREATE TABEL c (d int);\n", 2),
    "deep sql": ("x.sql", f"SELECT {'(' * DEEP}1{')' * DEEP};\n", 1),
    "avro": ("x.avsc", '{"type": "record",\n "name": }', 2),
    "deep avro": ("x.avsc", '{"type":"array","items":' * DEEP + '"int"' + "}" * DEEP, 1),
    "yaml block": ("x.md", "# x\n\n```yaml\na: 1\nb: [\n```\n", 6),
    "json block": ("x.md", '# x\n\n```json\n{"a": 1,\n "b": [}\n```\n', 5),
    "hcl block": ("x.md", '# x\n\n```hcl\nresource "a" "b" {\n```\n', 5),
    "fluentd": ("x.yaml", f"{MAP}data:\n  fluent.conf: |\n    <source>\n      @type tail\n    </match>\n", 8),
    "embedded": ("x.yaml", f"{MAP}data:\n  a.yaml: |\n    a: 1\n    b: [\n", 8),
    "embedded deep": ("x.yaml", f'{MAP}data:\n  a.json: "{"[" * DEEP}"\n', 5),
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pod.yaml").write_text(POD)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def unread(report: Report) -> list[str]:
    """The unreadable files, each with its line as a report shows it."""
    files = [entry for entry in report.coverage.files if entry.status in ("unreadable", "partial")]
    return [f"{entry.file}:{entry.place.line if entry.place else 1}" for entry in files]


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_said_with_its_line(place: Path, name: str) -> None:
    file, text, line = UNREADABLE[name]
    (place / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    alone = check([file], Settings(select=("SCH-001",)), today=TODAY)
    assert unread(alone) == [f"{file}:{line}"]
    assert exit_code(alone) == 3
    [finding] = [finding for result in alone.of(Status.FAIL) for finding in result.findings]
    assert finding.place is not None
    assert (finding.place.file, finding.place.line) == (file, line)
    assert len(finding.message) < 200
    both = check([file, "pod.yaml"], Settings(select=("WRK-023",)), today=TODAY)
    assert [result.resource.name for result in both.of(Status.FAIL)] == ["web"]
    assert exit_code(both) == 1
    assert not list(both.of(Status.ERROR))


def test_an_alias_bomb_takes_little_memory(place: Path) -> None:
    (place / "x.yaml").write_text(bomb())

    def bounded() -> None:
        limits.setrlimit(limits.RLIMIT_AS, (2**30, 2**30))

    line = [sys.executable, "-m", "conformant", "check", "x.yaml", "--no-cache"]
    done = subprocess.run(line, capture_output=True, text=True, check=False, preexec_fn=bounded, timeout=20)
    assert (done.returncode, done.stderr) == (3, "")
    assert "x.yaml:1:1 is unreadable: document contains excessive aliasing" in done.stdout


def test_a_huge_file_is_left_alone(place: Path) -> None:
    with (place / "x.yaml").open("wb") as stream:
        stream.truncate(300 * 2**20)
    report = check(["."], Settings(select=("WRK-023", "SCH-001")), today=TODAY)
    assert unread(report) == ["x.yaml:1"]
    assert [result.check for result in report.of(Status.FAIL)] == ["SCH-001", "WRK-023"]


def test_links_and_special_files(place: Path) -> None:
    (place / "loop").mkdir()
    (place / "loop" / "again").symlink_to("..")
    (place / "self.yaml").symlink_to("self.yaml")
    (place / "gone.yaml").symlink_to("nowhere")
    (place / "twin.yaml").symlink_to("pod.yaml")
    os.mkfifo(place / "pipe.yaml")
    report = check(["."], Settings(select=("WRK-023",)), today=TODAY)
    assert unread(report) == ["gone.yaml:1", "self.yaml:1"]
    assert [result.resource.name for result in report.of(Status.FAIL)] == ["web"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(place: Path) -> None:
    (place / "x.yaml").write_text(POD)
    (place / "x.yaml").chmod(0)
    assert unread(check(["."], today=TODAY)) == ["x.yaml:1"]


BREAKS = [
    "[", "{", "}", '"', "'", "\n", "\t", ": ", "- ", "&a ", "*a", "!!x ", "|", "${", "{{", "}}", "/*", "--", "$$", "(",
    ";", "=", "\\", "\x85", "\ufeff", "é", "~", "%", "\0", "---\n", "...\n", "\r", "<<EOF\n",
]  # fmt: skip


def torn(text: str, chance: random.Random) -> str:
    """A text with something put in, cut out, doubled, or all of its end missing."""
    at, far = chance.randrange(len(text) + 1), chance.randrange(1, 12)
    lines = text.split("\n")
    number = chance.randrange(len(lines))
    return chance.choice([
        text[:at] + chance.choice(BREAKS) + text[at:],
        text[:at] + text[at + far :],
        text[:at],
        "\n".join([*lines[:number], *lines[number + 1 :]]),
        "\n".join([*lines[:number], lines[number], *lines[number:]]),
        "\n".join([*lines[:number], " " * far + lines[number].lstrip(), *lines[number + 1 :]]),
    ])  # fmt: skip


@pytest.mark.parametrize("seed", range(6))
def test_torn_texts_never_stop_a_run(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    for source in sorted(each for each in HARDENED.rglob("*") if each.is_file()):
        target = tmp_path / source.relative_to(HARDENED)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(torn(source.read_text(), chance))
    report = check([str(tmp_path)], today=TODAY)
    assert [result.reason for result in report.of(Status.ERROR)] == []
    assert report.coverage.resources > 100
