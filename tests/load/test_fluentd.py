"""Fluentd configs: values, places, includes, the YAML form, and refusal of everything else."""

from typing import Any

import pytest

from conformant.load.fluentd import ParseError, parse, read
from conformant.load.sections import Origin, SectionLocator, plain
from conformant.model import Unknown

PIPELINE = """\
<source>
  @type tail
  path /var/log/containers/*.log
  <parse>
    @type json
    time_format %Y-%m-%dT%H:%M:%S.%NZ
  </parse>
</source>

<filter kubernetes.**>
  @type kubernetes_metadata
  @id filter_kube_metadata
</filter>

# ship
<match kubernetes.** audit.*>   # both
  @type elasticsearch
  host elasticsearch
  port 9200
  <buffer tag, time>
    retry_forever
    chunk_limit_size 2M
  </buffer>
</match>
"""


def value(text: str) -> Any:
    """The value that a parameter gets from `text`."""
    return plain(parse(f"<match>\n  key {text}\n</match>\n"))[0]["nodes"][0]["params"]["key"]


def test_pipeline() -> None:
    nodes = plain(parse(PIPELINE))[0]["nodes"]
    assert [(node["section"], node["arg"]) for node in nodes] == [
        ("source", ""),
        ("filter", "kubernetes.**"),
        ("match", "kubernetes.** audit.*"),
    ]
    match = nodes[2]
    assert match["params"] == {"@type": "elasticsearch", "host": "elasticsearch", "port": "9200"}
    assert match["children"][0]["arg"] == "tag, time"
    assert match["children"][0]["params"] == {"retry_forever": True, "chunk_limit_size": "2M"}
    assert nodes[1]["name"] == "filter kubernetes.** filter_kube_metadata"


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        (("nodes", 0), 1, 1),
        (("nodes", 0, "children", 0, "params", "@type"), 5, 5),
        (("nodes", 2), 16, 1),
        (("nodes", 2, "params", "host"), 18, 3),
        (("nodes", 2, "params", "scheme"), 16, 1),
        (("nodes", 2, "children", 0, "params", "retry_forever"), 21, 5),
        (("nodes", 9), 1, 1),
        ((), 1, 1),
    ],
)
def test_places(path: tuple[str | int, ...], line: int, column: int) -> None:
    place = SectionLocator(parse(PIPELINE), {"": Origin("f.yaml", 100, 4)}).place(path)
    assert (place.file, place.line, place.column) == ("f.yaml", line + 99, column + 4)


def test_places_in_a_scalar_without_lines_of_its_own() -> None:
    place = SectionLocator(parse(PIPELINE), {"": Origin("f.yaml", 7, 2, exact=False)}).place(("nodes", 2))
    assert (place.line, place.column) == (7, 3)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("two words  ", "two words"),
        ("a #comment", "a"),
        ("a#b", "a#b"),
        ("#fff", "#fff"),
        ("%Y-%m-%d #{x}", "%Y-%m-%d"),
        ('"a # b"', "a # b"),
        ('"tab\\t line\\n \\" \\\\"', 'tab\t line\n " \\'),
        ('"over\nlines"', "over\nlines"),
        ('"joined \\\nline"', "joined line"),
        ("'#{ENV[\"X\"]} \\' \\\\ \\n'", '#{ENV["X"]} \' \\ \\n'),
        ('["a", "b"] # two', ["a", "b"]),
        ('{\n  "a": 1, # one\n  "b": ["]"]\n}', {"a": 1, "b": ["]"]}),
        ("[%d/%b/%Y]", "[%d/%b/%Y]"),
        ("{a", "{a"),
        ("/^(?<x>[^ ]*)$/", "/^(?<x>[^ ]*)$/"),
        ("a\r", "a"),
        ("", True),
        (" \r", True),
    ],
)
def test_values(text: str, expected: object) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("\"#{ENV['HOST']}\"", "ENV['HOST']"),
        ('"#{ENV["A"] || "s3cret}"}-#{ENV.fetch("B") { 1 }}"', "ENV['A'] and ENV['B']"),
        ('"a #{Socket.gethostname} b"', "embedded Ruby"),
    ],
)
def test_embedded_ruby_is_unknown(text: str, reason: str) -> None:
    found = value(text)
    assert isinstance(found, Unknown)
    assert found.reason == f"key comes from {reason}, which is only known where Fluentd runs"
    assert "s3cret" not in found.reason


def test_embedded_ruby_elsewhere() -> None:
    section = parse('<match "#{ENV[\'TAG\']}.**">\n  hosts ["a", "#{ENV["H"]}"]\n</match>').children[0]
    assert isinstance(section.arg, Unknown)
    first, second = section.entries["hosts"][0].value
    assert first == "a"
    assert second.references == ("ENV['H']",)


def test_the_last_value_counts_and_the_others_are_kept() -> None:
    node = plain(parse("<match>\n  host a\n  host b\n</match>"))[0]["nodes"][0]
    assert node["params"] == {"host": "b"}
    assert node["overridden"] == {"host": ["a"]}
    locator = SectionLocator(parse("<match>\n  host a\n  host b\n</match>"), {"": Origin("f")})
    assert locator.place(("nodes", 0, "params", "host")).line == 3
    assert locator.place(("nodes", 0, "overridden", "host", 0)).line == 2


def test_siblings_have_names_of_their_own() -> None:
    nodes = plain(parse("<match a>\n</match>\n<match a>\n</match>\n<match a>\n  @id x\n</match>"))[0]["nodes"]
    assert [node["name"] for node in nodes] == ["match a", "match a #2", "match a x"]


@pytest.mark.parametrize(
    ("text", "line", "column", "reason"),
    [
        ("<match>\n  a b\n", 1, 1, "<match> is not closed"),
        ("<match>\n</filter>", 2, 1, "</filter> where <match> of line 1 must close first"),
        ("a b\n</match>", 2, 1, "</match> closes nothing"),
        ("<match a\n</match>", 1, 1, "expected '>' at the end of <match"),
        ("<match a> b\n</match>", 1, 10, "expected the end of the line after <match>"),
        ("< match>", 1, 1, "expected a section"),
        ('a "b\nc', 1, 3, "the double-quoted string is not closed"),
        ("a 'b\nc'", 1, 3, "the single-quoted string is not closed on its line"),
        ('a "b" c', 1, 6, "expected the end of the line after the quoted value of a"),
        ('a "\\q"', 1, 4, "unknown escape \\q"),
        ('a "#{ENV["', 1, 4, "the embedded Ruby code is not closed"),
        ('a [\n  "secret",\n]', 1, 3, "the value of a is no valid JSON"),
        ("a " + "[" * 100, 1, 67, "the value nests too deeply"),
        ("<a>\n" * 100, 65, 1, "sections nest too deeply"),
    ],
)
def test_errors_have_their_place(text: str, line: int, column: int, reason: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert caught.value.reason.startswith(reason)
    assert "secret" not in str(caught.value)


# includes


def test_includes_come_from_the_other_keys() -> None:
    texts = {
        "fluent.conf": "@include /etc/conf.d/*.conf\n<match a>\n  @include tls.inc\n</match>\n@include far.conf",
        "10-in.conf": "<source>\n  @type forward\n</source>",
        "tls.inc": "# shared\nssl_verify false",
    }
    root, used = read("fluent.conf", texts)
    raw = plain(root)[0]
    assert used == {"10-in.conf", "tls.inc"}
    assert [node["section"] for node in raw["nodes"]] == ["source", "match", "@include"]
    assert raw["nodes"][1]["params"] == {"ssl_verify": "false"}
    assert raw["nodes"][2]["arg"] == "far.conf"
    origins = {"": Origin("f", 1), "10-in.conf": Origin("f", 20), "tls.inc": Origin("f", 40)}
    locator = SectionLocator(root, origins)
    assert locator.place(("nodes", 0, "params", "@type")).line == 21
    assert locator.place(("nodes", 1, "params", "ssl_verify")).line == 41
    assert locator.place(("nodes", 1)).line == 2


@pytest.mark.parametrize(
    "texts",
    [
        {"a.conf": "@include a.conf"},
        {"a.conf": "@include b.conf", "b.conf": "@include a.conf"},
        {"a.conf": "@include b0\n@include b0"}
        | {f"b{n}": f"@include b{n + 1}\n@include b{n + 1}" for n in range(40)}
        | {"b40": "x y"},
    ],
    ids=["itself", "circle", "explosion"],
)
def test_endless_includes_are_refused(texts: dict[str, str]) -> None:
    with pytest.raises(ParseError, match="includes do not end"):
        read("a.conf", texts)


def test_an_error_in_an_include_names_it() -> None:
    with pytest.raises(ParseError) as caught:
        read("a.conf", {"a.conf": "\n@include b.conf", "b.conf": "<match>"})
    assert (caught.value.config, caught.value.line) == ("b.conf", 1)


def test_a_dynamic_include_stays() -> None:
    raw = plain(read("a.conf", {"a.conf": "@include \"#{ENV['X'] || 'b'}.conf\"", "b.conf": ""})[0])[0]
    assert raw["nodes"][0]["section"] == "@include"
    assert isinstance(raw["nodes"][0]["arg"], Unknown)


# the YAML form

YAML = """\
system:
  log_level: info
config:
  - source:
      $type: tail
      path: /var/log/*.log
      port: 24224
      host: !fluent/s "#{ENV['HOST']}"
      map: !fluent/json {"a": 1}
      parse:
        $type: json
  - label:
      $name: '@OUT'
      config:
        - match:
            $tag: [a.**, b]
            $type: forward
            retry_forever: true
            nothing:
            server:
              - host: one
              - host: two
  - !include extra.yaml
"""


def test_yaml_form() -> None:
    root = parse(YAML, yaml=True)
    system, source, label, include = plain(root)[0]["nodes"]
    assert system["params"] == {"log_level": "info"}
    assert source["params"]["@type"] == "tail"
    assert source["params"]["port"] == "24224"
    assert isinstance(source["params"]["host"], Unknown)
    assert source["params"]["map"] == {"a": 1}
    assert source["children"][0]["section"] == "parse"
    assert label["arg"] == "@OUT"
    match = label["children"][0]
    assert match["arg"] == "a.** b"
    assert match["params"] == {"@type": "forward", "retry_forever": "true"}
    assert [server["params"]["host"] for server in match["children"]] == ["one", "two"]
    assert include["arg"] == "extra.yaml"
    locator = SectionLocator(root, {"": Origin("f")})
    place = locator.place(("nodes", 2, "children", 0, "children", 1, "params", "host"))
    assert (place.line, place.column) == (22, 17)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("config:\n  - source: [", 2),
        ("config:\n  a: b", 2),
        ("a: &a\n  <<: *a\nconfig:\n- source: *a", 1),
        ("config:\n- source: {a: !fluent/json '{'}", 2),
        ("config: \x07", 1),
    ],
)
def test_yaml_errors(text: str, line: int) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text, yaml=True)
    assert abs(caught.value.line - line) <= 1
