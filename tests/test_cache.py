"""The cache: the same report again, and never a stale one."""

from datetime import date
from pathlib import Path

import msgspec
import pytest

from conformant.cache import Cache, folder
from conformant.config import Settings
from conformant.content import content
from conformant.leaf import Exporter, load
from conformant.model import Report
from conformant.run import check_paths
from conformant.terminal import render

TODAY = date(2026, 11, 22)
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: NAME, namespace: shop}\nspec: {hostPID: true, containers: []}\n"
MESH = """\
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: PERMISSIVE}}
"""
SETTINGS = Settings(select=("WRK-023", "WRK-006", "NS-002"))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    for name in ("one", "two"):
        (inputs / f"{name}.yaml").write_text(POD.replace("NAME", name))
    return inputs


def run(place: Path, settings: Settings = SETTINGS, today: date = TODAY, *, keep: bool = False) -> Report:
    return check_paths([str(place)], settings, file=None, today=today, keep_passes=keep, cached=True)


def text(report: Report) -> str:
    leaf: Exporter = load(str(content("reports") / "json.py"), Exporter)
    return "".join(leaf.function(report))


@pytest.mark.parametrize("keep", [False, True])
def test_the_second_run_says_the_same(place: Path, keep: bool) -> None:
    first = run(place, keep=keep)
    assert [file.suffix for file in folder().iterdir()] == [".report"]
    second = run(place, keep=keep)
    assert not second.results[0].resource.raw, "the second run did not come from the cache"
    assert text(second) == text(first)


def test_every_format_takes_a_remembered_report(place: Path) -> None:
    run(place)
    for file in sorted(content("reports").glob("*.py")):
        leaf: Exporter = load(str(file), Exporter)
        assert "WRK-023" in "".join(leaf.function(run(place)))


def test_the_page_is_the_same_too(place: Path) -> None:
    (place / "mesh.yaml").write_text(MESH)
    settings = Settings(select=("MESH-002",))

    def page() -> str:
        return "".join(render(run(place, settings), color=False, width=120)).partition("\n\n")[2]

    first = page()
    assert first.startswith("PeerAuthentication istio-system/default\n")
    assert page() == first
    [result] = run(place, settings).results
    assert not result.resource.raw
    assert '"at":"PeerAuthentication/istio-system/default"' in text(run(place, settings))


def test_a_change_is_seen(place: Path) -> None:
    run(place)
    (place / "one.yaml").write_text(POD.replace("NAME", "one").replace("true", "false"))
    assert [result.resource.name for result in run(place).results] == ["two"]


def test_new_files_settings_and_days_are_seen(place: Path) -> None:
    run(place)
    (place / "three.yaml").write_text(POD.replace("NAME", "three"))
    assert len(run(place).results) == 3
    assert run(place, Settings(select=("WRK-006",))).results == []
    assert len(run(place).results) == 3
    kept = Cache([str(place)]).file.read_bytes()
    run(place, today=date(2026, 11, 23))
    assert Cache([str(place)]).file.read_bytes() != kept


@pytest.mark.parametrize("damage", [b"", b"\x00", msgspec.msgpack.encode([1, 2, 3])])
def test_a_damaged_cache_costs_only_time(place: Path, damage: bytes) -> None:
    first = text(run(place))
    Cache([str(place)]).file.write_bytes(damage)
    assert text(run(place)) == first


def test_a_cache_that_cannot_be_written_is_no_error(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "one.yaml"))
    assert len(run(place).results) == 2


def test_files_beside_the_inputs_are_seen(place: Path) -> None:
    def fresh() -> str:
        return text(check_paths([str(place)], Settings(), file=None, today=TODAY, keep_passes=False, cached=False))

    main = place / "main.tf"
    main.write_text('module "m" {\n  source = "../m"\n}\n')
    (place.parent / "m").mkdir()
    for name in ("one", "two"):
        (place.parent / "m" / "main.tf").write_text(f'resource "aws_s3_bucket" "{name}" {{}}\n')
        assert text(run(place, Settings())) == fresh()
        assert f"aws_s3_bucket.{name}" in fresh()
    main.write_text('terraform {\n  backend "s3" {\n    bucket = "b"\n  }\n}\n')
    for setting in ("", "encrypt = true\n"):
        (place / "prod.s3.tfbackend").write_text(setting)
        assert text(run(place, Settings())) == fresh()


def test_no_value_of_the_input_is_remembered(place: Path) -> None:
    secret = (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: shop}\nstringData: {password: canary-value}\n"
    )
    (place / "secret.yaml").write_text(secret)
    run(place, Settings())
    assert b"canary-value" not in Cache([str(place)]).file.read_bytes()
