"""Tells, at a few nanoseconds a character, which YAML the fast parser may read otherwise than kubectl.

The fast parser knows YAML 1.2; kubectl knows YAML 1.1 with habits of its own. Where they may
differ (booleans such as ``yes``, octals, exponents, keys that are no strings, anchors, merge keys,
tags, template markers, tabs, strange characters) the document goes to the exact loader. False
alarms cost time only, so the patterns know nothing of quotes and text blocks.
"""

import re
from typing import Any

MAX_DEPTH = 250
"""How deep collections may nest; kubectl allows more, nobody needs it."""

MOST_LINES = 200_000
"""How many lines are remembered to be harmless."""

_CONTROLS = "".join(map(chr, (*range(9), 11, 12, *range(14, 32), 127)))
_BEYOND_ASCII = re.compile("[\x80-\x9f\u2028\u2029\ufeff\ufffe\uffff]")

_END = r"(?=[ ]*+(?:[\s,\]}\#:]|\Z))"
_KEY_END = r"[ ]*+:(?=[\s,\]}]|\Z)"
_EXPONENT = rf"[eE][-+\d_]++{_END}"
_BOOLEAN = rf"[nN][oO]?{_END}|[yY](?:es|ES)?{_END}|[oO](?:[nN]|ff|FF){_END}"
_NUMBER = (
    r"\+[.\d_]|-?\.[iInN]|-?_++\.?\d|-?(?=[.\d])(?:0[\dxXoObB_]"
    rf"|\d*+(?:_|{_EXPONENT}|\.(?:0*+{_END}|\d*+(?:_|{_EXPONENT}))|(?<=\d{{18}})))"
)
_TAG = r"![\w!<>:,./%\-]++(?=[\s,\]}])"
_SIGN = rf"<<{_END}|{_TAG}|[&*][\w-]|\{{[{{%]"
_ODD_WORD = rf"[nN](?:ull|ULL){_KEY_END}|[tT](?:rue|RUE){_KEY_END}|[fF](?:alse|ALSE){_KEY_END}"
_ODD_KEY = rf"~{_KEY_END}|[-+]?\.?\d[\w.+-]*+{_KEY_END}|:(?=[\s,\]}}]|\Z)"
_FIRST = r"!&*{<?:~\d.+\-_"

_VALUE = rf"(?=[{_FIRST}yYnNoO])(?:{_BOOLEAN}|(?=[{_FIRST}])(?:{_SIGN}|{_NUMBER}))"
_SIGNED = rf"{_SIGN}|{_ODD_KEY}|{_NUMBER}"
_FLOW = (
    rf"""[ ]*+(?:"[^"\n]*+":|'[^'\n]*+':)?+(?=[{_FIRST}yYnNoOtTfF|>])"""
    rf"(?:{_ODD_WORD}|{_BOOLEAN}|[:|>]|\?\s|(?=[{_FIRST}])(?:{_SIGNED}))"
)
_OPENS = r"""(?:(?<=[\s\[{,].)|(?<=["']:.))"""
_AFTER_INDENT = (
    rf"[ ]*+(?:-[ \-]{{99}}|(?:-[ \-]*+)?+(?=[{_FIRST}yYnNoOtTfF%\[])"
    rf"(?:{_ODD_WORD}|{_BOOLEAN}|(?=[{_FIRST}%\[])(?:%|\?(?=\s*+[?\-\[{{|>&*\n]|\s*\Z)|[\[{{][^\n]*[\]}}]{_KEY_END}|{_SIGNED})))"
)
_DEEP = " " * 100
_ODD_KEYS = frozenset(("y", "yes", "n", "no", "on", "off", "<<"))

# Each pattern begins with a literal: that is what lets `re` skip through the text. The lookahead
# for the first character spares most lines the alternatives.
_LINE = re.compile(r"\n" + _AFTER_INDENT)
_AFTER_COLON = re.compile(rf":(?:\ [ ]*+(?:{_VALUE}|:)|(?<=[^\s\[\]{{}},^]:)[,\]}}])")
_AFTER_BRACKET = re.compile(r"\[" + _OPENS + _FLOW)
_AFTER_BRACE = re.compile(r"\{" + _OPENS + r"(?:[ ]*+\[|[ ]++\{|" + _FLOW + ")")
_AFTER_COMMA = re.compile("," + _FLOW)
_TEMPLATED_KEY = re.compile(r"(?:\A|\n)[ \-]*+[^\s\"'#{](?:[^:\n{]|:(?!\s)|\{(?!\{))*+\{\{[^\n]*:(?=\s|\Z)")
_ESCAPE = re.compile(r"\\(?:/|u[dD][89a-fA-F])")
_EXPLICIT_KEY = re.compile(r"(?:\A|\n)[ \-]*+\?\s")
_TAB = re.compile(r"(?:(?:\A|\n)[ \-]*+|[:,\[{][ ]*+)\t")
_NO_MORE = re.compile(r"[-+0-9]*+(?:[ \t\r]*+(?:#[^\n]*+)?\n?)*+\Z")


def strange(text: str) -> bool:
    """Whether characters occur of which YAML 1.1 and YAML 1.2 think differently."""
    return (
        any(map(text.__contains__, _CONTROLS))
        or ("\r" in text and text.count("\r") != text.count("\r\n"))
        or not (text.isascii() or _BEYOND_ASCII.search(text) is None)
    )


def risky(text: str, start: int, end: int) -> bool:
    """Whether the document from `start` to `end` needs the exact loader."""
    return has_risk(text, start, end) or ends_in_block(text, start, end)


def ends_in_block(text: str, start: int, end: int) -> bool:
    """Whether an empty text block ends the document."""
    block = max(text.rfind("|", start, end), text.rfind(">", start, end))
    return block >= 0 and _NO_MORE.match(text, block + 1, end) is not None


def has_risk(text: str, start: int, end: int, *, flow: bool = False) -> bool:
    """Whether a construct that the fast parser may read otherwise stands between `start` and `end`,
    of one document or of several. `flow` says that collections in flow style may stand around."""
    newline = max(start - 1, 0)
    if (
        _LINE.search(text, newline, end)
        or _AFTER_COLON.search(text, start, end)
        or (not start and _LINE.match("\n" + text[: text.find("\n") + 1 or end]))
        or text.find(_DEEP, start, end) >= 0
    ):
        return True
    listed = flow or text.find("[", start, end) >= 0
    braced = flow or text.find("{", start, end) >= 0
    return bool(
        (listed and (_AFTER_BRACKET.search(text, start, end) or text.find("]: ", start, end) >= 0))
        or (braced and (_AFTER_BRACE.search(text, start, end) or text.find("}: ", start, end) >= 0))
        or ((listed or braced) and _AFTER_COMMA.search(text, start, end))
        or (text.find("{{", start, end) >= 0 and _TEMPLATED_KEY.search(text, newline, end))
        or (text.find("\\", start, end) >= 0 and _ESCAPE.search(text, start, end))
        or (text.find("\t", start, end) >= 0 and _TAB.search(text, newline, end))
    )


_harmless: set[str] = set()


def may_have_risk(text: str) -> bool:
    """As `has_risk` of a whole text; lines that were found harmless before, in whatever text, are not
    looked at again: manifests repeat themselves."""
    if "?" in text:  # an explicit key is told by the lines that follow
        return has_risk(text, 0, len(text))
    fresh = set(text.split("\n")).difference(_harmless)
    lines = "\n" + "\n".join(fresh)
    if has_risk(lines, 1, len(lines), flow=True):
        return has_risk(text, 0, len(text))
    if len(_harmless) < MOST_LINES:
        _harmless.update(fresh)
    return False


def has_explicit_keys(text: str, start: int, end: int) -> bool:
    """Whether some line begins with the ``?`` of an explicit key (or of a condition in a text)."""
    return text.find("?", start, end) >= 0 and _EXPLICIT_KEY.search(text, max(start - 1, 0), end) is not None


def has_odd_keys(raw: Any) -> bool:
    """Whether a mapping key is no string, one that kubectl takes for a boolean, or a template."""
    waiting = [raw]
    while waiting:
        value = waiting.pop()
        if value.__class__ is dict:
            for key in value:
                if key.__class__ is not str or key.lower() in _ODD_KEYS or "{{" in key:
                    return True
            waiting.extend(value.values())
        elif value.__class__ is list:
            waiting.extend(value)
    return False
