"""Untrusted text made fit for an output, and the wording that outputs share.

What a run reads is written by others: names, messages and values may hold terminal escapes, text
direction marks, lone surrogates or markup. Nothing of that may act on whoever reads a report.
"""

import re
from collections.abc import Sequence
from math import isfinite
from typing import Any

import msgspec

from conformant.regex import lazy

_DIRECTION = "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
_CONTROL = lazy(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_DIRECTION}\ud800-\udfff\ufffe\uffff]")
_BREAK = lazy(r"[\t\n]")
_QUIET = lazy(f"[\x7f-\x9f{_DIRECTION}]")


def visible(text: str) -> str:
    """`text` with control characters, direction marks and surrogates written out as ``\\x1b``;
    line breaks and tabs stay."""
    return text if text.isprintable() else _CONTROL.sub(_written_out, text)


def one_line(text: str) -> str:
    """As `visible`, with line breaks and tabs written out too."""
    return text if text.isprintable() else _BREAK.sub(_written_out, _CONTROL.sub(_written_out, text))


def _written_out(match: re.Match[str]) -> str:
    code = ord(match[0])
    named = {9: "\\t", 10: "\\n", 13: "\\r"}.get(code)
    return named or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def shortened(text: str, limit: int) -> str:
    """The first `limit` characters; an ellipsis is the last where something was cut."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def counted(count: int, noun: str) -> str:
    """``1 finding``, ``2 findings``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def some(names: Sequence[str], limit: int, separator: str = ", ") -> str:
    """The first `limit` of `names`, joined, and how many more there are."""
    shown = separator.join(names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def json_text(document: Any) -> str:
    """`document` as JSON on one line that is valid Unicode and holds no raw control character.

    Lone surrogates become ``\\\\udc80``, keys that are no text become text.
    """
    try:
        data = msgspec.json.encode(document)
    except (UnicodeEncodeError, TypeError):
        data = msgspec.json.encode(plain(document))
    text = data.decode()
    return text if data.isascii() else _QUIET.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def plain(value: Any) -> Any:
    """`value` in terms that JSON has: numbers that are not finite, dates and the like as text."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, dict):
        return {_key(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, msgspec.Struct):
        return plain(msgspec.structs.asdict(value))
    return plain(str(value))


def _key(key: Any) -> str:
    text = plain(key)
    return text if isinstance(text, str) else msgspec.json.encode(text).decode()
