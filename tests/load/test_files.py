"""Finding and reading inputs."""

import io
import os
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from conformant.load.files import Input, NoSuchInput, find, sniff


def tree(root: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return str(root)


def kinds(inputs: list[Input], root: Path) -> dict[str, str]:
    return {os.path.relpath(found.path, root): found.kind for found in inputs}


def test_kind_is_told_by_name(tmp_path: Path) -> None:
    expected = {
        "a.yaml": "yaml", "b.YML": "yaml", "c.yaml.tmpl": "yaml", "d.yml.j2": "yaml", "e.json": "json",
        "f.md": "markdown", "g.tf": "terraform", "h.tf.json": "terraform", "i.tfvars": "tfvars",
        "j.auto.tfvars.json": "tfvars", "k.sql": "sql", "l.avsc": "avro", "Chart.yaml": "chart",
        "kustomization.yaml": "kustomization", "Kustomization": "kustomization", ".env": "env",
        ".env.production": "env", "web.env": "env", "n.txt": "other", "_helpers.tpl": "other", "README": "other",
    }  # fmt: skip
    tree(tmp_path, dict.fromkeys(expected, "x: 1\n"))
    inputs, faults = find([str(tmp_path)])
    assert kinds(inputs, tmp_path) == expected
    assert not faults
    assert [found.path for found in inputs] == sorted(found.path for found in inputs)
    assert {found.data for found in inputs if found.kind != "other"} == {b"x: 1\n"}
    assert {found.data for found in inputs if found.kind == "other"} == {None}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"format_version": "1.2", "planned_values": {}}', "plan"),
        ('{"resource_changes": [], "format_version": "1.2"}', "plan"),
        ('{"version": 4, "terraform_version": "1.9.0", "resources": []}', "json"),
        ('{"name": "Order", "type": "record", "fields": []}', "avro"),
        ('\ufeff{"kind": "Pod"}', "json"),
        ("apiVersion: v1\nkind: Pod\n", "yaml"),
        ("# comment\n---\n- a\n", "yaml"),
        ('resource "aws_s3_bucket" "a" {\n}\n', "terraform"),
        ("terraform {\n}\n", "terraform"),
        ("-- tables\nCREATE TABLE a (id int);\n", "sql"),
        ("grant select on a to b;\n", "sql"),
        ("# Title\n\n```yaml\na: 1\n```\n", "markdown"),
        ("PASSWORD=x\nexport USER=y\n", "env"),
        ("nothing that anybody reads\n", "other"),
        ("", "other"),
    ],
)
def test_kind_is_told_by_content_without_a_telling_name(text: str, kind: str) -> None:
    assert sniff(text.encode()) == kind


def test_plan_is_told_from_other_json(tmp_path: Path) -> None:
    tree(tmp_path, {"plan.json": '{"format_version":"1.2","resource_changes":[]}', "other.json": "{}"})
    inputs, _ = find([str(tmp_path)])
    assert kinds(inputs, tmp_path) == {"plan.json": "plan", "other.json": "json"}


def test_file_named_outright_is_read_whatever_its_name(tmp_path: Path) -> None:
    tree(tmp_path, {"manifest": "kind: Pod\n", ".hidden.yaml": "kind: Pod\n", "notes.txt": "hello\n"})
    names = ("manifest", ".hidden.yaml", "notes.txt")
    inputs, faults = find([str(tmp_path / name) for name in names], exclude=["*"])
    assert kinds(inputs, tmp_path) == {"manifest": "yaml", ".hidden.yaml": "yaml", "notes.txt": "other"}
    assert [(fault.status, fault.reason) for fault in faults] == [("skipped", "nothing that conformant reads")]


def test_missing_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NoSuchInput, match=r"gone\.yaml: no such file or folder"):
        find([str(tmp_path / "gone.yaml")])


def test_standard_input() -> None:
    inputs, faults = find(["-"], stdin=io.BytesIO(b"kind: Pod\n"))
    assert inputs == [Input("-", "yaml", b"kind: Pod\n")]
    assert not faults
    _, faults = find(["-"], stdin=io.BytesIO(b"a\0b"))
    assert faults[0].reason == "binary"


def test_named_pipe_is_read_when_named_and_skipped_in_a_folder(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("kind: Pod\n",))
    writer.start()
    inputs, _ = find([str(pipe)])
    writer.join()
    assert [(found.kind, found.data) for found in inputs] == [("yaml", b"kind: Pod\n")]
    inputs, faults = find([str(tmp_path)])
    assert not inputs
    assert [(fault.status, fault.reason) for fault in faults] == [("skipped", "named pipe, not a file")]


def test_socket_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.yaml")
        _, faults = find(["."])
    assert [(fault.file, fault.reason) for fault in faults] == [("s.yaml", "socket, not a file")]


def test_unreadable_content_says_why(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"a\0b")
    (tmp_path / "utf16.yaml").write_bytes("a: 1\n".encode("utf-16"))
    (tmp_path / "big.yaml").write_text("a" * 1001)
    (tmp_path / "fits.yaml").write_text("a" * 1000)
    inputs, faults = find([str(tmp_path)], largest=1000)
    assert kinds(inputs, tmp_path) == {"fits.yaml": "yaml", "utf16.yaml": "yaml"}
    assert [(os.path.basename(fault.file), fault.status, fault.reason) for fault in faults] == [
        ("big.yaml", "unreadable", "larger than 1,000 bytes"),
        ("binary.yaml", "unreadable", "binary"),
    ]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_file_that_cannot_be_read_says_why() -> None:
    inputs, faults = find(["/proc/self/mem", "/dev/null"])
    assert not inputs
    assert [(fault.file, fault.status, fault.reason) for fault in faults] == [
        ("/dev/null", "unreadable", "device, not a file"),
        ("/proc/self/mem", "unreadable", "input/output error"),
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_folder_and_file_without_permission_are_unreadable(tmp_path: Path) -> None:
    tree(tmp_path, {"closed/a.yaml": "", "b.yaml": ""})
    (tmp_path / "closed").chmod(0)
    (tmp_path / "b.yaml").chmod(0)
    _, faults = find([str(tmp_path)])
    (tmp_path / "closed").chmod(0o700)
    assert [(fault.status, fault.reason) for fault in faults] == [("unreadable", "permission denied")] * 2


def test_symbolic_links_end_and_give_nothing_twice(tmp_path: Path) -> None:
    tree(tmp_path, {"top/sub/a.yaml": "a: 1\n", "outside/b.yaml": "b: 1\n"})
    top = tmp_path / "top"
    (top / "sub" / "loop").symlink_to(top)
    (top / "again.yaml").symlink_to(top / "sub" / "a.yaml")
    (top / "broken.yaml").symlink_to(top / "gone.yaml")
    (top / "away").symlink_to(tmp_path / "outside")
    inputs, faults = find([str(top)])
    assert kinds(inputs, top) == {"away/b.yaml": "yaml", "sub/a.yaml": "yaml"}
    assert [(os.path.relpath(fault.file, top), fault.status) for fault in faults] == [
        ("again.yaml", "skipped"),
        ("broken.yaml", "unreadable"),
        ("sub/loop", "skipped"),
    ]
    assert faults[1].reason == "broken symbolic link: no such file or directory"


def test_each_file_is_found_once_in_whatever_order_paths_come(tmp_path: Path) -> None:
    tree(tmp_path, {"a/x.yaml": "", "a/b/y.yaml": "", "z.yaml": ""})
    paths = [str(tmp_path), str(tmp_path / "a" / "b"), str(tmp_path / "z.yaml")]
    assert find(paths) == find(paths[::-1])
    assert len(find(paths)[0]) == 3


def test_paths_are_shown_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path, {"deploy/a.yaml": "", "work/b.yaml": ""})
    monkeypatch.chdir(tmp_path / "work")
    inputs, _ = find([".", "./../deploy/"])
    assert [found.path for found in inputs] == ["../deploy/a.yaml", "b.yaml"]


def test_hidden_and_foreign_folders_are_left_out(tmp_path: Path) -> None:
    files = (".git/a.yaml", "node_modules/a.yaml", ".terraform/modules/m/a.tf", ".k8s/a.yaml", ".x.yaml", ".x.txt")
    tree(tmp_path, dict.fromkeys(files, ""))
    inputs, faults = find([str(tmp_path)])
    assert not inputs
    assert {(os.path.relpath(fault.file, tmp_path), fault.reason) for fault in faults} == {
        (".k8s", "hidden"), (".x.yaml", "hidden"),
    }  # fmt: skip
    inputs, _ = find([str(tmp_path)], include_hidden=True)
    assert kinds(inputs, tmp_path) == {".k8s/a.yaml": "yaml", ".x.yaml": "yaml", ".x.txt": "other"}
    inputs, _ = find([str(tmp_path / ".terraform")])
    assert [found.kind for found in inputs] == ["terraform"]


def test_what_is_left_out_says_by_which_pattern(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tree(tmp_path, {"deploy/old/a.yaml": "", "deploy/b.yaml": "", "deploy/.conformantignore": "old/\n"})
    inputs, faults = find(["deploy"], exclude=["b.*"])
    assert not inputs
    assert [(fault.file, fault.reason) for fault in faults] == [
        ("deploy/b.yaml", "left out by exclude: b.*"),
        ("deploy/old", "left out by deploy/.conformantignore: old/"),
    ]


def test_ignore_file_above_the_named_folder_counts_within_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(tmp_path, {".conformantignore": "*\n", "work/.conformantignore": "/a/old.yaml\n"})
    tree(tmp_path / "work", {"a/old.yaml": "", "a/new.yaml": ""})
    monkeypatch.chdir(tmp_path / "work")
    for path in ("a", str(tmp_path / "work" / "a"), "."):
        inputs, _ = find([path])
        assert [os.path.basename(found.path) for found in inputs] == ["new.yaml"], path


PATHS = ("a.yaml", "b.yaml", "a/a.yaml", "a/b/a.yaml", "a/b/c/d.yaml", "x/a/b.yaml", "x/[1].yaml", "x/ab.yaml")


@pytest.mark.skipif(not shutil.which("git"), reason="git decides what its patterns mean")
@pytest.mark.parametrize(
    "patterns",
    [
        "a.yaml", "/a.yaml", "a/", "/a/", "*.yaml\n!b.yaml", "a/b", "a/*", "a/**", "**/b", "a/**/d.yaml",
        "x/\n!x/ab.yaml", "x/*\n!x/ab.yaml", "[ab].yaml", "[!a].yaml", "?.yaml", "\\[1\\].yaml", "# a\n\n*b*  ",
        "**", "a/*/a.yaml", "*/a.yaml", "b/c/", "/*\n!/x", "[a-b]?.yaml",
    ],
)  # fmt: skip
def test_ignore_patterns_mean_what_they_mean_to_git(tmp_path: Path, patterns: str) -> None:
    tree(tmp_path, dict.fromkeys(PATHS, "") | {".conformantignore": patterns})
    git = ["git", "-c", "init.defaultBranch=main", "-c", "core.excludesFile=/dev/null"]
    subprocess.run([*git, "init", "-q"], cwd=tmp_path, check=True)
    listed = subprocess.run(
        [*git, "ls-files", "--others", "--exclude-per-directory=.conformantignore", "*.yaml"],
        cwd=tmp_path, check=True, capture_output=True, text=True,
    )  # fmt: skip
    inputs, _ = find([str(tmp_path)])
    assert sorted(kinds(inputs, tmp_path)) == sorted(listed.stdout.split())


def test_name_that_is_not_utf8_is_unreadable(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"\xff.yaml")).write_text("a: 1\n")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    tree(tmp_path, {"größe.yaml": ""})
    inputs, faults = find([str(tmp_path)])
    assert kinds(inputs, tmp_path) == {"größe.yaml": "yaml"}
    assert [fault.reason for fault in faults] == ["its name is not UTF-8"]
    assert faults[0].file.encode().endswith(b"\\udcff.yaml")
