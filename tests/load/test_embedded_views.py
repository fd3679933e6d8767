"""Typed views over embedded configs."""

import pytest

from conformant.load.fluentbit import read as read_fluentbit
from conformant.load.fluentd import read as read_fluentd
from conformant.load.sections import Origin, SectionLocator, plain
from conformant.model import Path, Place, Resource, Undecided
from conformant.views.config import (
    AlertmanagerConfig,
    AuthConfig,
    FluentBitConfig,
    FluentdConfig,
    Node,
    OtelConfig,
    PrometheusConfig,
    PrometheusRules,
    integrations,
)
from conformant.views.fluentd_tags import selects, swallows


class Nowhere:
    def place(self, path: object) -> Place:
        return Place("f")

    def comments(self, path: object) -> list[tuple[int, str]]:
        return []


def config(kind: str, raw: object) -> Resource:
    return Resource(
        family="config", group="", version="", kind=kind, namespace="n", name="c", raw=raw,
        locator=Nowhere(), source="embedded",
    )  # fmt: skip


def fluentd(text: str) -> FluentdConfig:
    return FluentdConfig(config("FluentdConfig", plain(read_fluentd("a", {"a": text})[0])[0]))


def parameter(text: str) -> Node:
    return fluentd(f"<match>\n  key {text}\n</match>").matches()[0]


def test_fluentd_routes() -> None:
    view = fluentd(
        "<source>\n  type tail\n  @label @OUT\n</source>\n<match a>\n</match>\n"
        "<label @OUT>\n  <filter **>\n  </filter>\n  <match **>\n    <buffer>\n    </buffer>\n  </match>\n</label>\n"
        "<worker 0>\n  <source>\n  </source>\n</worker>\n@include far.conf"
    )
    assert [source.type for source in view.sources()] == ["tail", ""]
    assert [match.path for match in view.matches()] == [Path(("nodes", 1)), Path(("nodes", 2, "children", 1))]
    assert [node.section for node in view.label("@OUT") or []] == ["filter", "match"]
    assert view.label("@ERROR") is None
    assert [include.arg for include in view.includes] == ["far.conf"]
    buffer = view.matches()[1].child("buffer")
    assert buffer is not None
    assert buffer.param("path") == Path(("nodes", 2, "children", 1, "children", 0, "params", "path"))
    assert view.matches()[0].child("buffer") is None


@pytest.mark.parametrize(
    ("text", "flag", "size", "seconds"),
    [
        ("true", True, None, None),
        ("no", False, None, None),
        ("off", False, None, None),
        ("", True, None, None),
        ("# why", True, None, None),
        ("maybe", None, None, None),
        ("8", None, 8, 8.0),
        ("2M", None, 2 << 20, None),
        ("1m", None, 1 << 20, 60.0),
        ("5s", None, None, 5.0),
        ("0.5", None, None, 0.5),
    ],
)
def test_values_of_parameters(text: str, flag: bool | None, size: int | None, seconds: float | None) -> None:
    node = parameter(text)
    for default in (True, False):
        assert node.flag("key", default) is (default if flag is None else flag)
    assert (node.size("key"), node.seconds("key")) == (size, seconds)
    assert (node.has("key"), node.has("other"), node.text("other", "x")) == (True, False, "x")


def test_a_dynamic_value_is_undecided() -> None:
    node = parameter("\"#{ENV['X']}\"")
    assert node.has("key")
    assert not node.knows("key")
    for read in (node.get, node.text, node.flag, node.size, node.seconds):
        with pytest.raises(Undecided, match="ENV"):
            read("key")


def test_fluent_bit() -> None:
    text = "[OUTPUT]\n    Name ES\n    tls On\n    header a b\n    header c d\n[INPUT]\n    name tail"
    view = FluentBitConfig(config("FluentBitConfig", plain(read_fluentbit("a", {"a": text})[0])[0]))
    (output,) = view.outputs()
    assert (output.type, output.flag("tls"), output.text("header")) == ("es", True, "c d")
    assert [node.type for node in view.inputs()] == ["tail"]
    assert view.filters() == []


@pytest.mark.parametrize(
    ("patterns", "selected", "others"),
    [
        ("a", ["a"], ["a.b", "ab"]),
        ("a.*", ["a.b"], ["a", "a.b.c"]),
        ("a.**", ["a", "a.b", "a.b.c"], ["ab", "b.a"]),
        ("**.c", ["c", "a.c", "a.b.c"], ["ac"]),
        ("a.**.d", ["a.d", "a.b.d", "a.b.c.d"], ["d", "ad"]),
        ("{a,b}.c", ["a.c", "b.c"], ["c", "a.b"]),
        ("a b.*", ["a", "b.x"], ["b"]),
        ("/a.+/", ["ab", "a.b"], ["a", "ba"]),
        ("/(/", [], ["("]),
        ("**", ["a", "a.b"], []),
        ("", ["a"], []),
        ("a.**{b,c}", ["a.b", "a.xc"], ["a.d"]),
    ],
)
def test_patterns(patterns: str, selected: list[str], others: list[str]) -> None:
    assert [tag for tag in selected if not selects(patterns, tag)] == []
    assert [tag for tag in others if selects(patterns, tag)] == []


@pytest.mark.parametrize(
    ("earlier", "later", "all_of_it"),
    [
        ("**", "a.*", True),
        ("a.**", "a.*", True),
        ("a.**", "a", True),
        ("a.**", "a.b.{c,d}", True),
        ("a.*", "a.**", False),
        ("a.**", "ab.*", False),
        ("a.**", "a.* b", False),
        ("a.** b", "a.* b", True),
        ("a.b", "a.b", True),
        ("{a,b}", "a", True),
        ("", "", True),
        ("a", "", False),
    ],
)
def test_swallowing(earlier: str, later: str, all_of_it: bool) -> None:
    assert swallows(earlier, later) is all_of_it


def test_prometheus() -> None:
    view = PrometheusConfig(
        config(
            "PrometheusConfig",
            {
                "global": {"external_labels": {"region": "eu"}},
                "rule_files": ["/r/*.yml"],
                "scrape_configs": [{"job_name": "a"}, None],
                "remote_write": [{"url": "https://x"}],
                "alerting": {"alertmanagers": [{"static_configs": []}]},
            },
        )
    )
    assert (view.rule_files, view.external_labels) == (["/r/*.yml"], {"region": "eu"})
    assert [str(path) for path, _ in view.scrape_configs()] == ["scrape_configs[0]"]
    assert [str(path) for path, _ in view.remotes()] == ["remote_write[0]"]
    assert [str(path) for path, _ in view.alertmanagers()] == ["alerting.alertmanagers[0]"]


def test_rules() -> None:
    raw = {"groups": [{"name": "g", "rules": [{"record": "r", "expr": "1"}, {"alert": "A", "expr": "up == 0"}]}]}
    view = PrometheusRules(config("PrometheusRules", raw))
    assert len(list(view.rules())) == 2
    assert [(str(path), rule["alert"]) for path, rule in view.alerts()] == [("groups[0].rules[1]", "A")]


def test_alertmanager() -> None:
    raw = {
        "route": {"receiver": "a", "routes": [{"matchers": ["x=y"]}, {"receiver": "b", "routes": [{}]}]},
        "receivers": [{"name": "a", "slack_configs": [{"channel": "#x"}]}, {"name": "b", "email_configs": None}],
    }
    view = AlertmanagerConfig(config("AlertmanagerConfig", raw))
    assert [(str(path), receiver) for path, _, receiver in view.routes()] == [
        ("route", "a"),
        ("route.routes[0]", "a"),
        ("route.routes[1]", "b"),
        ("route.routes[1].routes[0]", "b"),
    ]
    assert [list(integrations(receiver)) for _, receiver in view.receivers()] == [
        [("slack_configs", 0, {"channel": "#x"})],
        [],
    ]


def test_collector() -> None:
    raw = {
        "exporters": {"otlp/b": None, "debug": {"verbosity": "detailed"}},
        "service": {"pipelines": {"traces": {"exporters": ["debug"]}}},
    }
    view = OtelConfig(config("OtelConfig", raw))
    assert [(name, str(path), settings) for name, path, settings in view.components("exporters")] == [
        ("otlp/b", "exporters['otlp/b']", {}),
        ("debug", "exporters.debug", {"verbosity": "detailed"}),
    ]
    assert [(name, str(path)) for name, path, _ in view.pipelines()] == [("traces", "service.pipelines.traces")]


def test_auth() -> None:
    raw = {
        "authentication": {"providers": [{"name": "jwt"}]},
        "authorization": {"policies": [{"name": "p", "rules": [{"resource": "/a"}]}]},
    }
    view = AuthConfig(config("AuthConfig", raw))
    assert [str(path) for path, _ in view.providers()] == ["authentication.providers[0]"]
    assert [str(path) for path, _ in view.policies()] == ["authorization.policies[0]"]
    assert [(str(path), rule) for path, rule in view.rules()] == [
        ("authorization.policies[0].rules[0]", {"resource": "/a"})
    ]


def test_a_node_finds_its_place() -> None:
    root, _ = read_fluentd("a", {"a": "<match>\n  <buffer>\n    path /x\n  </buffer>\n</match>"})
    view = FluentdConfig(config("FluentdConfig", plain(root)[0]))
    buffer = view.matches()[0].children()[0]
    assert SectionLocator(root, {"": Origin("f")}).place(buffer.param("path")).line == 3
