"""Rendering of Helm charts and places in their templates."""

import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from conformant.load.helm import Manifest, TemplateLocator, consumed, render, tops
from conformant.load.kustomize import RenderFailed, read
from conformant.load.manifests import parse

needs_helm = pytest.mark.skipif(
    not (shutil.which("helm") or find_spec("helm_python")), reason="neither helm nor helm-python-sdk is installed"
)

DEPLOYMENT = """\
{{- if .Values.enabled }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  namespace: {{ .Release.Namespace }}
spec:
  replicas: {{ .Values.replicas }}
  template:
    spec:
      containers:
        - name: web
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"  # from values
          resources:
            {{- toYaml .Values.resources | nindent 12 }}
        - name: sidecar
          image: "{{ .Values.sidecar }}"
{{- end }}
"""
VALUES = """\
enabled: true
replicas: 1
sidecar: envoy:1
image: {repository: nginx, tag: "1"}
resources:
  limits:
    memory: 1Gi
"""
HOOK = """\
apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}-test
  annotations:
    helm.sh/hook: test
spec: {}
"""


def chart(folder: Path, files: dict[str, str], more: str = "") -> str:
    """A chart with the name of its folder."""
    head = f"apiVersion: v2\nname: {folder.name}\nversion: 0.1.0\n{more}"
    for name, text in {"Chart.yaml": head, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return str(folder)


@pytest.fixture
def web(tmp_path: Path) -> str:
    return chart(
        tmp_path / "web",
        {
            "templates/deployment.yaml": DEPLOYMENT,
            "templates/tests/test.yaml": HOOK,
            "templates/_helpers.tpl": '{{ define "a" }}x{{ end }}',
            "templates/NOTES.txt": "thank you\n",
            "templates/none.yaml": "{{ if .Values.gone }}a: b{{ end }}\n",
            "crds/a.yaml": "kind: CustomResourceDefinition\n",
            "values.yaml": VALUES,
            "values-prod.yaml": "replicas: 3\nresources: {limits: {cpu: 2}}\n",
        },
    )


@needs_helm
def test_templates_with_their_files(web: str) -> None:
    rendered = render(web, namespace="shop")
    assert [(made.name, made.file) for made in rendered.manifests] == [
        ("web/templates/deployment.yaml", f"{web}/templates/deployment.yaml"),
        ("web/templates/tests/test.yaml", f"{web}/templates/tests/test.yaml"),
    ]
    deployment, test = (parse(made.file, made.text)[0][0].raw for made in rendered.manifests)
    assert deployment["metadata"] == {"name": "web", "namespace": "shop"}
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:1"
    assert test["metadata"]["annotations"] == {"helm.sh/hook": "test"}


@needs_helm
def test_values_are_merged_in_the_order_given(web: str) -> None:
    set_values = {"image.tag": "2", "enabled": True}
    made = render(web, [f"{web}/values-prod.yaml"], set_values, release="r").manifests[0]
    raw = parse(made.file, made.text)[0][0].raw
    container = raw["spec"]["template"]["spec"]["containers"][0]
    assert (raw["metadata"]["name"], raw["spec"]["replicas"], container["image"]) == ("r", 3, "nginx:2")
    assert container["resources"] == {"limits": {"cpu": 2, "memory": "1Gi"}}
    assert [made.name for made in render(web, (), {"enabled": False}).manifests] == ["web/templates/tests/test.yaml"]


@needs_helm
def test_places_are_those_of_the_template(web: str) -> None:
    made = render(web).manifests[0]
    parsed = parse(made.file, made.text)[0][0]
    locator = TemplateLocator(parsed.locator, made)
    containers = ("spec", "template", "spec", "containers")
    expected = {
        ("spec", "replicas"): (8, 3),
        (*containers, 0, "image"): (13, 11),
        (*containers, 1, "image"): (17, 11),
        (*containers, 0, "resources", "limits", "memory"): (14, 11),
        (*containers, 1, "securityContext"): (16, 9),
        ("metadata", "namespace"): (6, 3),
        (): (2, 1),
    }
    for path, position in expected.items():
        place = locator.place(path)
        assert (place.file, (place.line, place.column)) == (made.file, position), path
        assert place.note == f"rendered line {parsed.locator.place(path).line}"
    assert list(locator.comments((*containers, 0, "image"))) == [(13, "# from values")]


def test_lines_that_occur_several_times_are_told_by_their_turn() -> None:
    template = "a:\n  x: {{ .a }}\n  same: 1\nb:\n  x: {{ .b }}\n  same: 1\n"
    text = "kind: A\napiVersion: v1\na:\n  x: one\n  same: 1\nb:\n  x: two\n  same: 1\n"
    parsed = parse("f", text)[0][0]
    locator = TemplateLocator(parsed.locator, Manifest("n", "f", text, template))
    assert [locator.place(path).line for path in (("a", "same"), ("b", "same"))] == [3, 6]
    looped = text.replace("b:\n", "c:\n  x: three\n  same: 1\nb:\n")
    parsed = parse("f", looped)[0][0]
    locator = TemplateLocator(parsed.locator, Manifest("n", "f", looped, template))
    assert [locator.place((key, "same")).line for key in ("a", "b")] == [1, 4]


def test_a_template_in_an_archive_is_named_in_the_note() -> None:
    text = "kind: A\napiVersion: v1\n"
    parsed = parse("f", text)[0][0]
    place = TemplateLocator(parsed.locator, Manifest("a/charts/b/templates/c.yaml", "a/Chart.yaml", text, "")).place(())
    assert (place.file, place.line, place.note) == ("a/Chart.yaml", 1, "a/charts/b/templates/c.yaml, rendered line 1")


@needs_helm
@pytest.mark.parametrize(
    ("files", "more", "file", "line", "reason"),
    [
        ({"templates/a.yaml": 'a:\n  b: {{ required "set b" .Values.b }}\n'}, "", "templates/a.yaml", 2, "set b"),
        ({"templates/a.yaml": "a: b\n{{ if }}\n"}, "", "templates/a.yaml", 2, "missing value for if"),
        ({"templates/a.yaml": "a: b\n\tc: {{ .Release.Name }}\n"}, "", "templates/a.yaml", 2, "no YAML when rendered"),
        ({}, "dependencies:\n- name: gone\n  version: 1\n", "Chart.yaml", 5, "dependency gone is not in charts/"),
        ({}, "type: library\n", "Chart.yaml", 1, "a library chart has no manifests"),
        ({"Chart.yaml": "a: b\n"}, "", "Chart.yaml", 1, "not a chart"),
        (
            {
                "values.schema.json": '{"properties":{"p":{"pattern":"^x"}}}',
                "values.yaml": "p: hunter2\n",
                "templates/a.yaml": "a: b\n",
            },
            "", "values.yaml", 1, "does not match pattern",
        ),
    ],
)  # fmt: skip
def test_a_failure_names_its_place_and_no_secret(
    tmp_path: Path, files: dict[str, str], more: str, file: str, line: int, reason: str
) -> None:
    folder = chart(tmp_path / "web", files, more)
    with pytest.raises(RenderFailed) as failed:
        render(folder)
    assert (failed.value.file, failed.value.line) == (f"{folder}/{file}", line)
    assert reason in failed.value.reason
    assert "hunter2" not in failed.value.reason


@needs_helm
def test_values_that_are_missing_are_an_error(web: str) -> None:
    with pytest.raises(RenderFailed, match=r"gone\.yaml"):
        render(web, [f"{web}/gone.yaml"])


CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Values.title }}\n"


@needs_helm
def test_sub_charts_in_the_folder_and_beside_it(tmp_path: Path) -> None:
    unpacked = {"charts/inner/Chart.yaml": "apiVersion: v2\nname: inner\nversion: 1.0.0\n"}
    unpacked |= {"charts/inner/templates/a.yaml": CONFIG, "values.yaml": "inner: {title: i}\nalias: {title: o}\n"}
    declared = "dependencies:\n- {name: outer, version: 0.1.0, repository: 'file://../outer', alias: alias}\n"
    outer = chart(tmp_path / "outer", {"templates/b.yaml": CONFIG})
    top = chart(tmp_path / "top", unpacked, declared)
    assert [(made.file, made.text.splitlines()[3]) for made in render(top).manifests] == [
        (f"{outer}/templates/b.yaml", "  name: o"),
        (f"{top}/charts/inner/templates/a.yaml", "  name: i"),
    ]
    assert not (tmp_path / "top" / "charts" / "outer").exists()
    assert tops([top, outer, f"{top}/charts/inner"], read) == [top]


def test_libraries_are_not_rendered(tmp_path: Path) -> None:
    assert tops([chart(tmp_path / "lib", {}, "type: library\n"), chart(tmp_path / "app", {})], read) == [
        str(tmp_path / "app")
    ]


def test_consumed_are_templates_and_values_of_charts_only() -> None:
    own = {
        "Chart.yaml", "values.yaml", "values.schema.json", "values-prod.yaml", "requirements.yaml",
        "templates/a.yaml", "templates/deep/b.yaml", "ci/test-values.yaml", "files/c.yaml",
    }  # fmt: skip
    others = {"crds/a.yaml", "README.md", "deploy/a.yaml"}
    for folder in ("chart/", "deep/chart/", ""):
        files = {folder + name for name in own | others}
        assert consumed([folder.rstrip("/") or "."], files) == {folder + name for name in own}
    sub = {"chart/charts/sub/Chart.yaml", "chart/charts/sub/templates/a.yaml"}
    assert consumed(["chart", "chart/charts/sub"], sub) == sub
    assert consumed(["chart"], {"templates/a.yaml", "other/templates/a.yaml"}) == set()


def test_the_helm_command_is_used_where_it_is(web: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "bin" / "helm"
    tool.parent.mkdir()
    tool.write_text(
        f"""#!/bin/sh
echo "$@" > {tmp_path}/arguments
cat <<END
---
# Source: web/templates/deployment.yaml
kind: A
---
# Source: web/charts/sub/templates/a.yaml
kind: C
---
# Source: web/templates/deployment.yaml
kind: B
END
"""
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:/usr/bin:/bin")
    rendered = render(web, ["v.yaml"], {"a.b": [1]}, namespace="shop")
    assert [(made.name, made.text) for made in rendered.manifests] == [
        ("web/charts/sub/templates/a.yaml", "---\nkind: C\n"),
        ("web/templates/deployment.yaml", "---\nkind: A\n---\nkind: B\n"),
    ]
    arguments = (tmp_path / "arguments").read_text()
    assert arguments == f"template web {web} --namespace shop --values v.yaml --set-json a.b=[1]\n"
    tool.write_text("#!/bin/sh\necho 'Error: boom at (web/templates/deployment.yaml:8:3): why' >&2; exit 1\n")
    with pytest.raises(RenderFailed, match=r"deployment\.yaml:8: boom at"):
        render(web)
