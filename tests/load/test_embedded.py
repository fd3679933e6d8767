"""Configs inside other objects: what they are, where they stand, what cannot be read."""

from base64 import b64encode
from textwrap import indent

import pytest

from conformant.load.embedded import embedded
from conformant.load.manifests import parse, resource
from conformant.model import FileCoverage, Path, Resource, Unknown
from conformant.profile import Profile


def configs(text: str, first_line: int = 1, columns: int = 0) -> tuple[list[Resource], list[FileCoverage]]:
    """The embedded configs of all objects in a text."""
    resources: list[Resource] = []
    files: list[FileCoverage] = []
    for parsed in parse("a.yaml", text, first_line=first_line, indent=columns)[0]:
        found, coverage = embedded(resource(parsed, Profile(), frozenset()), parsed.text, parsed.document)
        resources += found
        files += coverage
    return resources, files


def config_map(key: str, content: str, style: str = "|") -> str:
    """A ConfigMap whose only key holds `content`, in a block scalar of the given style."""
    head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: ns}\ndata:\n"
    return f"{head}  {key}: {style}\n{indent(content, '    ')}\n"


FIRST = 6
"""The line of the first content line in `config_map`."""


@pytest.mark.parametrize(
    ("key", "content", "kind"),
    [
        ("fluent.conf", "<source>\n</source>", "FluentdConfig"),
        ("out.conf", "# x\n<match a.**>\n</match>", "FluentdConfig"),
        ("fluent.yaml", "config:\n- source: {$type: http}", "FluentdConfig"),
        ("fluent-bit.conf", "[SERVICE]\n    flush 1", "FluentBitConfig"),
        ("inputs", "[INPUT]\n    name tail", "FluentBitConfig"),
        ("fb.yaml", "pipeline:\n  outputs:\n  - name: es", "FluentBitConfig"),
        ("prometheus.yml", "global: {}", "PrometheusConfig"),
        ("p", "scrape_configs: []\nglobal: {}", "PrometheusConfig"),
        ("app.rules.yml", "groups:\n- name: g\n  rules: []", "PrometheusRules"),
        ("am.yaml", "route: {receiver: a}\nreceivers: [{name: a}]", "AlertmanagerConfig"),
        ("relay", "receivers: {otlp: {}}\nservice: {pipelines: {}}", "OtelConfig"),
        ("auth.yaml", "authentication:\n  providers: []", "AuthConfig"),
        ("auth.json", '{"authorization": {"policies": []}}', "AuthConfig"),
        ("values.yaml", "a: 1", "ConfigText"),
        ("app.properties", "a=1", "ConfigText"),
        ("nginx.conf", "server { listen 80; }", "ConfigText"),
        ("override.conf", "[Service]\nRestart=always", "ConfigText"),
    ],
)
def test_kinds(key: str, content: str, kind: str) -> None:
    (found,), files = configs(config_map(key, content))
    assert (found.kind, found.family, found.name, found.namespace) == (kind, "config", key, "ns")
    assert (found.address, found.source) == (f"ConfigMap/ns/c/{key}", "embedded")
    assert found.parent is not None
    assert found.parent.kind == "ConfigMap"
    assert files == []


@pytest.mark.parametrize(
    "text",
    [
        config_map("run.sh", "set: a\necho: a"),
        config_map("readme", "just words: and more\nhello"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {LOG_LEVEL: info, PORT: '80'}\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: [a]\n",
        config_map("fluent.conf", "<source>\n</source>").replace("ConfigMap", "Secret"),
    ],
)
def test_nothing_to_find(text: str) -> None:
    assert configs(text) == ([], [])


def place(found: Resource, *path: str | int) -> str:
    return str(found.locator.place(Path(path)))


def test_places_go_back_to_the_file() -> None:
    text = config_map("auth.yaml", "authentication:\n  providers:\n  - name: jwt\n    config:\n      issuer: x")
    (found,), _ = configs(text, first_line=401, columns=2)
    assert place(found, "authentication", "providers", 0, "config", "issuer") == f"a.yaml:{FIRST + 404}:13"
    (found,), _ = configs(config_map("fluent.conf", "\n  # first\n<match a>\n  host x\n</match>", "|2-"))
    assert place(found, "nodes", 0, "params", "host") == f"a.yaml:{FIRST + 3}:7"


@pytest.mark.parametrize("style", [">", ">-"])
def test_a_folded_config_stands_at_its_scalar(style: str) -> None:
    (found,), _ = configs(config_map("prometheus.yml", "scrape_configs: []", style))
    assert place(found, "scrape_configs") == "a.yaml:5:1"


def test_a_quoted_config_stands_at_its_scalar() -> None:
    text = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  a.conf: "<match>\\n  host x\\n</match>"\n'
    (found,), _ = configs(text)
    assert found.raw["nodes"][0]["params"] == {"host": "x"}
    assert place(found, "nodes", 0, "params", "host") == "a.yaml:5:1"


def test_items_of_a_list() -> None:
    inner = config_map("fluent.conf", "<match>\n  host x\n</match>")
    text = "apiVersion: v1\nkind: List\nitems:\n- " + indent(inner, "  ").lstrip()
    (found,), _ = configs(text)
    assert place(found, "nodes", 0, "params", "host") == f"a.yaml:{FIRST + 4}:9"


def test_without_a_document_everything_stands_at_the_key() -> None:
    (parsed,) = parse("a.yaml", config_map("fluent.conf", "<match>\n  host x\n</match>"))[0]
    (found,), _ = embedded(resource(parsed, Profile(), frozenset()), parsed.text, None)
    assert place(found, "nodes", 0, "params", "host") == "a.yaml:5:3"


def test_binary_data() -> None:
    encoded = b64encode(b"<match>\n  host x\n</match>").decode()
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\nbinaryData:\n  f.conf: {encoded}\n  g.conf: '%%'\n"
    (found,), files = configs(text)
    assert (found.kind, place(found, "nodes", 0)) == ("FluentdConfig", "a.yaml:5:3")
    assert files == []


@pytest.mark.parametrize(
    ("key", "content", "line", "column", "reason"),
    [
        ("fluent.conf", "<match>\n  host x\n</source>", 3, 5, "</source> where <match> of line 1 must close first"),
        ("fluent-bit.conf", "[INPUT]\n    name", 2, 9, "key 'name' has no value"),
        ("fluent.yaml", "config:\n- source: {a: !fluent/json '{'}", 2, 19, "the value of a is no valid JSON"),
    ],
)
def test_faults(key: str, content: str, line: int, column: int, reason: str) -> None:
    resources, (entry,) = configs(config_map(key, content))
    assert resources == []
    assert (entry.file, entry.status) == ("a.yaml", "unreadable")
    assert str(entry.place) == f"a.yaml:{FIRST + line - 1}:{column}"
    assert entry.reason == f"{key} of ConfigMap/ns/c: {reason}"


def test_broken_yaml_and_templates() -> None:
    resources, (broken,) = configs(config_map("auth.yaml", "a: 1\nb: [\n"))
    assert (resources, broken.status) == ([], "unreadable")
    assert broken.place is not None
    assert broken.place.line >= FIRST + 1
    resources, (template,) = configs(config_map("auth.yaml", "a: 1\nb: {{ .Value }}"))
    assert (resources, template.status) == ([], "template")
    assert template.place is not None
    assert template.place.line == FIRST + 1


def test_several_documents_in_one_key() -> None:
    found, _ = configs(config_map("all.yaml", "a: 1\n---\nb: 2"))
    assert [(each.name, each.raw) for each in found] == [("all.yaml", {"a": 1}), ("all.yaml #2", {"b": 2})]
    assert place(found[1], "b") == f"a.yaml:{FIRST + 2}:5"


def test_included_configs_are_part_of_the_one_that_includes() -> None:
    text = config_map("fluent.conf", "@include *.conf\n<match>\n</match>")
    text += "  in.conf: |\n    <source>\n      port 1\n    </source>\n"
    (found,), files = configs(text)
    assert (found.name, files) == ("fluent.conf", [])
    assert [node["section"] for node in found.raw["nodes"]] == ["source", "match"]
    assert place(found, "nodes", 0, "params", "port") == f"a.yaml:{FIRST + 5}:7"


def test_a_fault_in_an_included_config_is_told_once() -> None:
    text = config_map("fluent.conf", "@include in.conf") + "  in.conf: |\n    <source>\n"
    resources, (entry,) = configs(text)
    assert resources == []
    assert entry.reason == "in.conf of ConfigMap/ns/c: <source> is not closed"
    assert str(entry.place) == f"a.yaml:{FIRST + 2}:5"


COLLECTOR = """\
apiVersion: opentelemetry.io/v1beta1
kind: OpenTelemetryCollector
metadata: {name: o, namespace: ns}
spec:
  config:
    exporters:
      otlp:
        endpoint: tempo:4317
        tls: {insecure: "${env:INSECURE}"}
    service: {pipelines: {}}
"""


def test_collector_with_a_mapping() -> None:
    (found,), _ = configs(COLLECTOR)
    assert (found.kind, found.address) == ("OtelConfig", "OpenTelemetryCollector/ns/o/config")
    assert place(found, "exporters", "otlp", "endpoint") == "a.yaml:8:9"
    assert isinstance(found.raw["exporters"]["otlp"]["tls"]["insecure"], Unknown)
    assert found.raw["exporters"]["otlp"]["endpoint"] == "tempo:4317"


def test_collector_with_a_text() -> None:
    (found,), _ = configs(COLLECTOR.replace("config:", "config: |"))
    assert (found.kind, found.name) == ("OtelConfig", "config")
    assert place(found, "exporters", "otlp", "endpoint") == "a.yaml:8:9"


def test_prometheus_rule() -> None:
    head = "apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: r}\n"
    text = f"{head}spec:\n  groups:\n  - rules: []"
    (found,), _ = configs(text)
    assert (found.kind, place(found, "groups", 0, "rules")) == ("PrometheusRules", "a.yaml:6:5")
