"""The memory of files: a run after a change says what a run without memory says."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from conformant.cache import folder
from conformant.config import Settings
from conformant.content import content
from conformant.leaf import Exporter, load
from conformant.load.yaml_document import Document
from conformant.memory import Memory
from conformant.model import Report
from conformant.run import check_paths

TODAY = date(2026, 11, 23)
CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {kind: Thing, plural: things}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, required: [size]}}}}
"""
THING = "apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: one, namespace: shop}\nspec: {}\n"


@pytest.fixture
def weak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(content("fixtures") / "platforms" / "weak", tmp_path / "weak")
    return tmp_path / "weak"


def run(place: Path, *, cached: bool = True, keep: bool = False) -> Report:
    return check_paths([str(place)], Settings(), file=None, today=TODAY, keep_passes=keep, cached=cached)


def text(report: Report) -> str:
    leaf: Exporter = load(str(content("reports") / "json.py"), Exporter)
    report.seconds = 0.0
    return "".join(leaf.function(report))


@pytest.mark.parametrize("keep", [False, True])
def test_one_changed_file_gives_the_report_of_a_fresh_run(weak: Path, keep: bool) -> None:
    run(weak, keep=keep)
    changed = weak / "services" / "deployments.yaml"
    file = changed if changed.exists() else next((weak / "services").glob("*.yaml"))
    file.write_text("# moved down\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    again = run(weak, keep=keep)
    assert text(again) == text(run(weak, keep=keep, cached=False))
    assert len(again.results) > 60


def test_a_removed_and_a_new_file_are_noticed(weak: Path) -> None:
    run(weak)
    file = next((weak / "services").glob("*.yaml"))
    file.rename(file.with_name("renamed.yaml"))
    again = run(weak)
    assert text(again) == text(run(weak, cached=False))
    assert any("renamed.yaml" in one.file for one in again.coverage.files)


def test_a_definition_that_changes_changes_the_verdict_on_files_that_did_not(tmp_path: Path, weak: Path) -> None:
    place = tmp_path / "own"
    place.mkdir()
    (place / "crd.yaml").write_text(CRD.replace("required: [size]", "properties: {}"))
    (place / "thing.yaml").write_text(THING)

    def faults() -> list[str]:
        return [finding.message for one in run(place).results if one.check == "SCH-003" for finding in one.findings]

    assert faults() == []
    (place / "crd.yaml").write_text(CRD)
    assert [message for message in faults() if "size" in message]


def test_what_is_no_plain_file_is_read_again(tmp_path: Path, weak: Path) -> None:
    place = tmp_path / "own"
    place.mkdir()
    (place / "odd.yaml").write_text("a: 1\na: 2\n---\nkind: {{ .Kind }}\n---\n- [broken\n")
    (place / "number.yaml").write_text(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\nspec: {'9' * 40}\n")
    run(place)
    (place / "new.yaml").write_text(THING)
    assert text(run(place)) == text(run(place, cached=False))


@pytest.mark.parametrize("damage", [b"", b"\x93\x01\x02", b"no msgpack at all"])
def test_a_damaged_memory_costs_time_only(weak: Path, damage: bytes) -> None:
    run(weak)
    [memory] = folder().glob("*.files")
    memory.write_bytes(damage)
    next((weak / "services").glob("*.yaml")).open("a").write("# changed\n")
    assert text(run(weak)) == text(run(weak, cached=False))


def test_memory_knows_unchanged_bytes_only(tmp_path: Path) -> None:
    documents = [Document({"kind": "A"}, 0, 8, 1)]
    memory = Memory(tmp_path / "memory", b"key")
    memory.learn("a.yaml", b"kind: A\n", documents)
    memory.save()
    again = Memory(tmp_path / "memory", b"key")
    assert again.recall("a.yaml", b"kind: A\n") == documents
    assert again.recall("a.yaml", b"kind: B\n") is None
    assert again.recall("b.yaml", b"kind: A\n") is None
    assert Memory(tmp_path / "memory", b"other").recall("a.yaml", b"kind: A\n") is None


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    memory = Memory(tmp_path / "file" / "memory", b"key")
    memory.learn("a.yaml", b"", [])
    memory.save()
    assert (tmp_path / "file").read_text() == ""


@pytest.mark.parametrize(
    "held",
    [
        "kind: Secret\nmetadata: {name: s, namespace: shop}\nstringData: {password: Canary-v4lue-9}\n",
        "kind: List\nitems: [{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {a: Canary-v4lue-9}}]\n",
        "kind: ConfigMap\nmetadata: {name: s, namespace: shop}\ndata: {DB_PASSWORD: Canary-v4lue-9}\n",
        "kind: ConfigMap\nmetadata: {name: s, namespace: shop}\ndata: {URL: 'redis://u:Canary-v4lue-9@cache:6379'}\n",
    ],
)
def test_no_secret_is_remembered(tmp_path: Path, weak: Path, held: str) -> None:
    place = tmp_path / "own"
    place.mkdir()
    (place / "plain.yaml").write_text(THING)
    (place / "held.yaml").write_text(f"apiVersion: v1\n{held}")
    run(place)
    [memory] = folder().glob("*.files")
    kept = memory.read_bytes()
    assert b"Canary-v4lue-9" not in kept
    assert b"example.org" in kept
    assert memory.stat().st_mode & 0o077 == 0
