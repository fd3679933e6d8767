"""Laws of the Fluentd parser: it only ever refuses with a place, and reads back what is written."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from conformant.load.fluentd import ParseError, parse, read
from conformant.load.sections import Section, plain

PIECES = st.sampled_from(
    [
        *[
            "<match a>",
            "</match>",
            "<",
            ">",
            "\n",
            " ",
            "\t",
            "\r",
            "#",
            "#{",
            "}",
            '"',
            "'",
            "[",
            "]",
            "{",
            "\\",
            ":",
            ",",
        ],
        *[
            "key",
            "@include",
            "x.conf",
            "config:",
            "- source:",
            "&a",
            "*a",
            "<<",
            "!fluent/s",
            "\x00",
            "\ufeff",
            "é",
            "1",
        ],
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=60), st.booleans())
def test_nothing_but_parse_errors(text: str, yaml: bool) -> None:
    name = "a.yaml" if yaml else "a.conf"
    line = column = 1
    try:
        root, _ = read(name, {name: text, "x.conf": text})
        for _, line, _ in plain(root)[1].values():
            assert 1 <= line <= len(text.splitlines()) + 1
    except ParseError as error:
        line, column = error.line, error.column
    assert 1 <= line <= len(text.splitlines()) + 2
    assert column >= 1


WORDS = st.from_regex(r"[a-z_@][a-z0-9_.]{0,8}", fullmatch=True).filter(
    lambda word: word not in ("@include", "include")
)
PLAIN = st.from_regex(r"[a-zA-Z0-9/%*:.][a-zA-Z0-9/%*:. #-]{0,12}[a-z]", fullmatch=True).filter(
    lambda text: " #" not in text
)
QUOTED = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12)
JSON = st.recursive(
    st.integers() | st.booleans() | st.text('ab#]}"\\', max_size=4).filter(lambda text: "#{" not in text),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz", max_size=3), inner, max_size=3),
    max_leaves=6,
).filter(lambda found: isinstance(found, list | dict))
VALUES = st.one_of(
    st.just(True), PLAIN.map(lambda text: ("plain", text)), QUOTED.map(lambda text: ("quoted", text)),
    JSON.map(lambda found: ("json", found)),
)  # fmt: skip
SECTIONS = st.recursive(
    st.tuples(st.sampled_from(["match", "buffer"]), st.dictionaries(WORDS, VALUES, max_size=4), st.just([])),
    lambda inner: st.tuples(
        st.sampled_from(["match", "label"]), st.dictionaries(WORDS, VALUES, max_size=2), st.lists(inner, max_size=3)
    ),
    max_leaves=6,
)


def written(found: Any) -> str:
    if found is True:
        return ""
    form, content = found
    if form == "plain":
        return str(content)
    if form == "json":
        return json.dumps(content, indent=1)
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "#": "\\#"}
    return '"' + "".join(escapes.get(char, char) for char in content) + '"'


def rendered(section: Any, depth: int = 0) -> list[str]:
    name, params, children = section
    pad = "  " * depth
    lines = [f"{pad}<{name} a.** b>", "", *(f"{pad}  {key} {written(found)}" for key, found in params.items())]
    for child in children:
        lines += rendered(child, depth + 1)
    return [*lines, f"{pad}</{name}>  # end"]


def content(section: Section) -> Any:
    params = {key: entries[-1].value for key, entries in section.entries.items()}
    return section.name, params, [content(child) for child in section.children]


def expected(section: Any) -> Any:
    name, params, children = section
    values = {key: found if found is True else found[1] for key, found in params.items()}
    return name, values, [expected(child) for child in children]


@settings(max_examples=50)
@given(st.lists(SECTIONS, max_size=3))
def test_what_is_written_is_read(sections: list[Any]) -> None:
    text = "\n".join(line for section in sections for line in rendered(section))
    root = parse(text)
    assert [content(section) for section in root.children] == [expected(section) for section in sections]
    lines = text.split("\n")
    for path, (_, line, column) in plain(root)[1].items():
        if path[-2:-1] == ("params",):
            assert lines[line - 1][column - 1 :].startswith(str(path[-1]))
