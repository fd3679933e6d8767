"""Lazy patterns behave as compiled ones."""

import re

import pytest

from conformant.regex import lazy


def test_a_lazy_pattern_is_a_pattern() -> None:
    pattern = lazy(r"(a+)b", re.IGNORECASE)
    assert pattern.pattern == r"(a+)b"
    match = pattern.search("xxAAb")
    assert match is not None
    assert match[1] == "AA"
    assert pattern.sub("-", "ab aab") == "- -"
    assert pattern.search("ab", 1) is None


def test_a_bad_pattern_fails_when_used() -> None:
    pattern = lazy("(")
    with pytest.raises(re.error):
        pattern.match("x")
