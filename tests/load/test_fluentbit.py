"""Fluent Bit configs: both syntaxes, variables, includes, places."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformant.load.fluentbit import ParseError, parse, read
from conformant.load.sections import Origin, SectionLocator, plain
from conformant.model import Unknown

CLASSIC = """\
@SET region=eu
[SERVICE]
    Flush        1
    Parsers_File parsers.conf

# where it goes
[OUTPUT]
    Name  es
    Match *
    Host  ${ES_HOST}
    Index logs-${region}
    tls   On
    Record a 1
    Record b 2
    [PROCESSORS]
        key value
@INCLUDE out*.conf
"""


def test_classic() -> None:
    root, used = read(
        "fluent-bit.conf", {"fluent-bit.conf": CLASSIC, "out-s3.conf": "[OUTPUT]\n    name s3\n    match *"}
    )
    assert used == {"out-s3.conf"}
    raw = plain(root)[0]
    service, es, s3 = raw["nodes"]
    assert service["params"] == {"flush": "1", "parsers_file": "parsers.conf"}
    assert (es["section"], es["name"]) == ("output", "output es")
    assert es["params"]["index"] == "logs-eu"
    assert es["params"]["record"] == ["a 1", "b 2"]
    assert isinstance(es["params"]["host"], Unknown)
    assert es["params"]["host"].reason == "host comes from ${ES_HOST}, which is only known where Fluent Bit runs"
    assert es["children"][0]["params"] == {"key": "value"}
    assert s3["params"]["name"] == "s3"
    locator = SectionLocator(root, {"": Origin("f", 11, 2), "out-s3.conf": Origin("f", 51, 4)})
    assert str(locator.place(("nodes", 1, "params", "tls"))) == "f:22:7"
    assert str(locator.place(("nodes", 1, "params", "record", 1))) == "f:24:7"
    assert str(locator.place(("nodes", 2, "params", "name"))) == "f:52:9"


YAML = """\
env:
  region: eu
service:
  flush: 1
pipeline:
  inputs:
    - name: tail
      path: /var/log/*.log
      processors:
        logs:
          - name: lua
  outputs:
    - Name: es
      Match: '*'
      Host: ${ES_HOST}
      Index: logs-${region}
      tls: on
      headers: [a, b]
"""


def test_yaml() -> None:
    root, _ = read("fluent-bit.yaml", {"fluent-bit.yaml": YAML})
    raw = plain(root)[0]
    assert [node["section"] for node in raw["nodes"]] == ["service", "input", "output"]
    output = raw["nodes"][2]["params"]
    assert (output["name"], output["index"], output["tls"], output["headers"]) == ("es", "logs-eu", "on", ["a", "b"])
    assert isinstance(output["host"], Unknown)
    locator = SectionLocator(root, {"": Origin("f")})
    assert str(locator.place(("nodes", 2, "params", "tls"))) == "f:17:7"
    assert str(locator.place(("nodes", 2, "params", "headers", 1))) == "f:18:20"
    assert str(locator.place(("nodes", 1, "params", "processors", "logs", 0, "name"))) == "f:11:13"


@pytest.mark.parametrize("value", ["${X:-secret}", "a ${X} ${Y}"])
def test_the_reason_never_has_a_default(value: str) -> None:
    root, _ = read("a.conf", {"a.conf": f"[OUTPUT]\n    password {value}"})
    found = root.children[0].entries["password"][0].value
    assert isinstance(found, Unknown)
    assert "secret" not in found.reason
    assert "X" in found.references


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("\n[INPUT\n", 2, "expected a section: [NAME]"),
        ("key value", 1, "'key' stands outside any section"),
        ("[INPUT]\n    name", 2, "key 'name' has no value"),
        ("[INPUT]\n@include a.conf", 2, "includes do not end: a.conf includes a.conf"),
    ],
)
def test_errors(text: str, line: int, reason: str) -> None:
    with pytest.raises(ParseError) as caught:
        read("a.conf", {"a.conf": text})
    assert (caught.value.line, caught.value.reason) == (line, reason)


PIECES = st.sampled_from(
    [
        *["[INPUT]", "[", "]", "\n", "    ", "\t", "\r", "#", "${", "}", "${A}", "@SET A=b", "@INCLUDE x.conf", "@"],
        *[
            "name es",
            "key",
            "pipeline:",
            "inputs:",
            "- ",
            "{",
            "&a",
            "*a",
            "<<: ",
            "env:",
            "\x00",
            "\ufeff",
            "includes:",
        ],
    ]
)


@given(st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=60), st.booleans())
def test_nothing_but_parse_errors(text: str, yaml: bool) -> None:
    name = "a.yaml" if yaml else "a.conf"
    line = 1
    try:
        root, _ = read(name, {name: text, "x.conf": text})
        line = min(line for _, line, _ in plain(root)[1].values())
    except ParseError as error:
        line = error.line
    assert line >= 1


KEYS = st.sampled_from(["name", "match", "tls.verify", "http_user", "index"])
VALUES = st.text("aZ1*/.: #-\t", max_size=10).map(lambda text: f"a{text}z")
SECTIONS = st.tuples(st.sampled_from(["INPUT", "Output"]), st.dictionaries(KEYS, VALUES, min_size=1, max_size=3))


@given(st.lists(SECTIONS, max_size=3))
def test_what_is_written_is_read(sections: list[tuple[str, dict[str, str]]]) -> None:
    text = "".join(
        f"[{name}]\n" + "".join(f"    {key.title()}\t {value}\n\n" for key, value in params.items())
        for name, params in sections
    )
    found = plain(parse(text))[0]["nodes"]
    assert [(node["section"], node["params"]) for node in found] == [
        (name.lower(), params) for name, params in sections
    ]
