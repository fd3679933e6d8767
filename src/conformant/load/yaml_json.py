"""JSON objects, one or several in a row, with Kubernetes' numbers."""

import json
import re
from typing import Any

from msgspec import Struct

from conformant.load.yaml_scan import MAX_DEPTH
from conformant.regex import lazy

_WIDE = 2**63
_ESCAPE = lazy(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)")
_SURROGATE = lazy(r"\\u[dD][89a-fA-F]")


class JsonObject(Struct):
    """One object, its offsets, and whether some mapping in it names a key twice (the last wins)."""

    raw: dict[str, Any]
    start: int
    end: int
    repeats: bool


def json_objects(text: str) -> list[JsonObject]:
    """The objects of a text that is nothing but JSON objects. Empty where it is something else,
    which may still be YAML, and where brackets nest too deep."""
    if text.count("{") + text.count("[") > MAX_DEPTH and _bracket_depth(text) > MAX_DEPTH:
        return []
    if _SURROGATE.search(text):
        text = _ESCAPE.sub(lambda found: r"\ufffd" if found[1] else found[0], text)
    repeats = False

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeats
        built = dict(pairs)
        repeats |= len(built) < len(pairs)
        return built

    decoder = json.JSONDecoder(object_pairs_hook=build, parse_float=_number, parse_int=_integer, parse_constant=_number)
    found: list[JsonObject] = []
    at = _skip_space(text, 0)
    while at < len(text):
        repeats = False
        try:
            raw, end = decoder.raw_decode(text, at)
        except ValueError:
            return []
        if raw.__class__ is not dict:
            return []
        found.append(JsonObject(raw, at, end, repeats))
        at = _skip_space(text, end)
    return found


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _integer(digits: str) -> int | float:
    number = int(digits) if len(digits) < 30 else _WIDE
    return number if -_WIDE <= number < _WIDE else float(digits)


def _number(digits: str) -> int | float:
    number = float(digits)
    if number - number != 0:
        raise ValueError(f"{digits} is beyond JSON")
    return int(number) if number.is_integer() and abs(number) < _WIDE else number


def _bracket_depth(text: str) -> int:
    """How deep brackets nest at most; those inside strings are counted too."""
    depth = deepest = 0
    for bracket in re.finditer(r"[\[\]{}]", text):
        depth += 1 if bracket[0] in "[{" else -1
        deepest = max(deepest, depth)
    return deepest
