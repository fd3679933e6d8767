"""Untrusted text in outputs."""

import json
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformant.text import counted, json_text, one_line, plain, shortened, some, visible

ANYTHING = st.text(st.characters(categories=None))


@pytest.mark.parametrize(
    ("text", "shown", "line"),
    [
        ("plain ünï 💥", "plain ünï 💥", "plain ünï 💥"),
        ("\x1b[2J\x9b", "\\x1b[2J\\x9b", "\\x1b[2J\\x9b"),
        ("a\nb\tc\r", "a\nb\tc\\r", "a\\nb\\tc\\r"),
        ("\u202e\u2066\u2028", "\\u202e\\u2066\\u2028", "\\u202e\\u2066\\u2028"),
        ("\ud800\ufffe\x00", "\\ud800\\ufffe\\x00", "\\ud800\\ufffe\\x00"),
    ],
)
def test_control_characters_are_written_out(text: str, shown: str, line: str) -> None:
    assert (visible(text), one_line(text)) == (shown, line)


@given(ANYTHING)
def test_a_line_is_one_line_of_valid_unicode(text: str) -> None:
    line = one_line(text)
    line.encode()
    assert len(line.splitlines()) <= 1
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in line)
    assert one_line(line) == line


@given(ANYTHING)
def test_json_is_valid_and_quiet(text: str) -> None:
    written = json_text({"text": text, text: 1})
    assert not any(ord(char) < 32 or 128 <= ord(char) < 160 for char in written)
    assert json.loads(written)["text"] == text.encode("utf-8", "backslashreplace").decode()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([nan, inf, -inf, 1.5], ["nan", "inf", "-inf", 1.5]),
        ({7: 2, None: 3, True: 4}, {"7": 2, "null": 3, "true": 4}),
        ({"big": 10**400}, {"big": 10**400}),
        (("a", ("b",)), ["a", ["b"]]),
        ("\ud800", "\\ud800"),
    ],
)
def test_plain(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    assert json.loads(json_text(plain(value))) == expected


def test_wording() -> None:
    assert [counted(count, "file") for count in (0, 1, 2)] == ["0 files", "1 file", "2 files"]
    assert (some(["a", "b", "c"], 2), some(["a"], 2)) == ("a, b and 1 more", "a")
    assert (shortened("abcd", 3), shortened("abc", 3)) == ("ab…", "abc")
