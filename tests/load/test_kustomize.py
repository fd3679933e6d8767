"""Rendering of Kustomize overlays and places in their sources."""

import os
import stat
from pathlib import Path

import pytest

from conformant.load import kustomize
from conformant.load.kustomize import RenderFailed, SourceLocator, Sources, consumed, read, render, survey
from conformant.load.manifests import parse
from conformant.model import Place

needs_kustomize = pytest.mark.skipif(not kustomize.tool(), reason="neither kustomize nor kubectl is installed")

DEPLOYMENT = """\
# the web server
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  template:
    spec:
      containers:
        - name: web   # conformant: allow something
          image: nginx:1
        - name: sidecar
          image: envoy:1
"""
PATCH = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 5
  template:
    spec:
      containers:
        - name: added
          image: added:1
"""
OVERLAY = """\
namePrefix: prod-
namespace: shop
resources:
  - ../base
patches:
  - path: patch.yaml
configMapGenerator:
  - name: settings
    files: [app.properties, alias=motd.txt]
secretGenerator:
  - name: password
    envs: [password.env]
"""


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A base and an overlay, seen from their common folder."""
    files = {
        "base/kustomization.yaml": "resources: [deployment.yaml]\n",
        "base/deployment.yaml": DEPLOYMENT,
        "prod/kustomization.yaml": OVERLAY,
        "prod/patch.yaml": PATCH,
        "prod/app.properties": "a=b\n",
        "prod/motd.txt": "    config.kubernetes.io/origin: |\n      hello\n",
        "prod/password.env": "password=x\n",
    }
    write(tmp_path, files)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.mark.usefixtures("platform")
def test_consumed_is_all_that_a_kustomization_uses() -> None:
    assert consumed(["prod"], read) == {
        "prod", "prod/kustomization.yaml", "prod/patch.yaml", "prod/app.properties", "prod/motd.txt",
        "prod/password.env", "base", "base/kustomization.yaml", "base/deployment.yaml",
    }  # fmt: skip


@pytest.mark.usefixtures("platform")
def test_only_what_no_other_kustomization_uses_is_rendered() -> None:
    found = survey(["base", "prod"], read)
    assert (found.tops, found.components, found.remote) == (["prod"], [], [])
    assert survey(["base"], read).tops == ["base"]


def test_components_and_rings() -> None:
    component = b"kind: Component\nresources: [a.yaml]\n"
    files = {
        "used/kustomization.yaml": component,
        "idle/kustomization.yml": component,
        "top/Kustomization": b"components: [../used]\nresources: ['https://example.org/a.yaml', github.com/a/b]\n",
        "ring/kustomization.yaml": b"resources: [../rang]\n",
        "rang/kustomization.yaml": b"resources: [../ring]\n",
        "self/kustomization.yaml": b"resources: [../self]\n",
    }
    found = survey(["idle", "rang", "ring", "self", "top", "used"], files.get)
    assert found.tops == ["rang", "self", "top"]
    assert found.components == ["idle"]
    assert found.remote == [
        ("top/Kustomization", 2, "https://example.org/a.yaml"),
        ("top/Kustomization", 2, "github.com/a/b"),
    ]


@needs_kustomize
@pytest.mark.usefixtures("platform")
def test_every_object_knows_where_it_came_from() -> None:
    rendered = render("prod")
    origins = {}
    for made in rendered.objects:
        objects, faults, others = parse(made.file, made.text)
        assert len(objects) == 1
        assert not faults
        assert not others
        origins[objects[0].raw["kind"]] = (made.file, made.generated)
        lines = rendered.text.splitlines()[made.first_line - 1 :]
        assert lines[: made.text.count("\n")] == made.text.splitlines()
        assert "annotations" not in objects[0].raw["metadata"]
    assert origins == {
        "ConfigMap": ("prod/kustomization.yaml", True),
        "Secret": ("prod/kustomization.yaml", True),
        "Deployment": ("base/deployment.yaml", False),
    }
    assert "        config.kubernetes.io/origin: |\n          hello" in rendered.text


@needs_kustomize
def test_annotations_of_the_user_stay(platform: Path) -> None:
    text = DEPLOYMENT.replace("  name: web\nspec", "  name: web\n  annotations: {a: b, z: y}\nspec")
    (platform / "base" / "deployment.yaml").write_text(text)
    made = next(made for made in render("prod").objects if "kind: Deployment" in made.text)
    assert parse("", made.text)[0][0].raw["metadata"]["annotations"] == {"a": "b", "z": "y"}


def locators() -> dict[str, SourceLocator]:
    sources = Sources(consumed(["prod"], read), read)
    found = {}
    for made in render("prod").objects:
        parsed = parse(made.file, made.text, first_line=made.first_line)[0][0]
        found[parsed.raw["kind"]] = SourceLocator(parsed.locator, parsed.raw, made, sources)
    return found


@needs_kustomize
@pytest.mark.usefixtures("platform")
def test_places_are_those_of_the_source() -> None:
    locator = locators()["Deployment"]
    containers = ("spec", "template", "spec", "containers")
    # kustomize puts the patch's container first
    assert place(locator.place((*containers, 1, "image"))) == ("base/deployment.yaml", 12, False)
    assert place(locator.place((*containers, 2, "image"))) == ("base/deployment.yaml", 14, False)
    assert place(locator.place((*containers, 2, "securityContext"))) == ("base/deployment.yaml", 13, False)
    assert place(locator.place((*containers, 0, "image"))) == ("prod/patch.yaml", 11, False)
    assert place(locator.place(("spec", "replicas"))) == ("prod/patch.yaml", 6, False)
    assert place(locator.place(("metadata", "name"))) == ("base/deployment.yaml", 5, True)
    assert place(locator.place(("metadata", "namespace"))) == ("base/deployment.yaml", 4, True)
    assert place(locator.place(())) == ("base/deployment.yaml", 2, False)
    assert [text for _, text in locator.comments((*containers, 1, "name"))] == ["# conformant: allow something"]
    assert list(locator.comments(("metadata", "namespace"))) == []


def place(found: Place) -> tuple[str, int, bool]:
    return found.file, found.line, found.note.startswith("rendered line ")


@needs_kustomize
@pytest.mark.usefixtures("platform")
def test_a_generated_object_is_at_its_generator() -> None:
    found = locators()
    assert place(found["ConfigMap"].place(("data",))) == ("prod/kustomization.yaml", 7, True)
    assert place(found["Secret"].place(("data",))) == ("prod/kustomization.yaml", 10, True)


@needs_kustomize
@pytest.mark.parametrize(
    ("kustomization", "line", "reason"),
    [
        ("namespace: a\nresources:\n  - gone.yaml\n", 3, "no such file"),
        ("namespace: a\nresorces: [a]\n", 2, 'unknown field "resorces"'),
        ("resources: [a: b\n", 1, "invalid Kustomization"),
        ("namespace: a\nresources: ['https://example.org/x.yaml']\n", 2, "is remote"),
        ("helmCharts:\n  - name: a\n    valuesInline: {password: hunter2}\n", 1, "must specify --enable-helm"),
        ("secretGenerator:\n  - name: s\n    literals: [hunter2]\n", 1, "expected key=value"),
        ("resources: [../top]\n", 1, "cycle"),
    ],
)
def test_a_failure_names_its_place_and_no_secret(tmp_path: Path, kustomization: str, line: int, reason: str) -> None:
    write(tmp_path, {"top/kustomization.yaml": kustomization})
    top = str(tmp_path / "top")
    with pytest.raises(RenderFailed) as failed:
        render(top)
    assert (failed.value.file, failed.value.line) == (f"{top}/kustomization.yaml", line)
    assert reason in failed.value.reason
    assert "hunter2" not in failed.value.reason
    assert "conformant-" not in failed.value.reason


@needs_kustomize
def test_a_failure_deep_down_is_found_there(platform: Path) -> None:
    (platform / "base" / "deployment.yaml").write_text("kind: Deployment\n a: b\n")
    with pytest.raises(RenderFailed) as failed:
        render("prod")
    assert (failed.value.file, failed.value.line) == ("base/deployment.yaml", 2)


@needs_kustomize
@pytest.mark.usefixtures("platform")
def test_nothing_is_written() -> None:
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    render("prod")
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == before


def test_no_tool_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"kustomization.yaml": "resources: []\n"})
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    with pytest.raises(RenderFailed, match="neither kustomize nor kubectl is installed"):
        render(str(tmp_path))


def script(folder: Path, name: str, text: str) -> str:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return str(file)


def test_a_tool_sees_nothing_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("KUBECONFIG", "/home/somebody/.kube/config")
    code, output, _ = kustomize.run([script(tmp_path, "tool", "env")], str(tmp_path), "file", timeout=10)
    variables = dict(line.split("=", 1) for line in output.splitlines())
    assert code == 0
    assert "AWS_SECRET_ACCESS_KEY" not in variables
    assert variables["HOME"] == str(tmp_path)
    assert not os.path.exists(variables["KUBECONFIG"])


def test_a_tool_that_does_not_end_is_stopped_with_its_children(tmp_path: Path) -> None:
    tool = script(tmp_path, "tool", "sleep 60 & sleep 60")
    with pytest.raises(RenderFailed, match="tool did not finish within"):
        kustomize.run([tool], str(tmp_path), "file", timeout=0.2)


def test_a_malformed_kustomization_uses_nothing() -> None:
    files = {
        "a/kustomization.yaml": b"resources: 5\npatches: {a: b}\nconfigMapGenerator: [1, {files: x}]\nopenapi: []\n"
    }
    assert consumed(["a", "empty"], files.get) == {"a", "a/kustomization.yaml"}


def test_a_tool_that_cannot_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RenderFailed, match="gone cannot be run: No such file or directory"):
        kustomize.run([str(tmp_path / "gone")], str(tmp_path), "file", timeout=10)
