"""Fluentd's match patterns: which tags they select, and which pattern leaves nothing to another."""

import re
from functools import lru_cache

from conformant.regex import lazy

_SPECIAL = lazy(r"[*{\\/]")


def selects(patterns: str, tag: str) -> bool:
    """Whether any of the patterns (``a.* b.** {c,d}.e /re/``) selects the tag; no pattern means all."""
    return any(_expression(pattern).match(tag) for pattern in (patterns or "**").split())


def swallows(earlier: str, later: str) -> bool:
    """Whether every tag that `later` selects is certainly selected by `earlier`."""
    wide = (earlier or "**").split()
    return all(any(_covers(pattern, narrow) for pattern in wide) for narrow in (later or "**").split())


def _covers(wide: str, narrow: str) -> bool:
    if wide in ("**", narrow):
        return True
    if not _SPECIAL.search(narrow):
        return _expression(wide).match(narrow) is not None
    prefix = wide.removesuffix(".**")
    plain = prefix != wide and not _SPECIAL.search(prefix)
    return plain and narrow.startswith(f"{prefix}.")


@lru_cache(maxsize=256)
def _expression(pattern: str) -> re.Pattern[str]:
    if pattern.startswith("/"):
        return _regular(pattern)
    parts: list[str] = []
    depth = index = 0
    dot = False
    while index < len(pattern):
        char = pattern[index]
        if pattern.startswith("**", index):
            parts.append("(?![^.])" if dot else "")
            dot = False
            index += 2
            if pattern.startswith(".", index):
                parts.append(r"(?:.*\.|\A)")
                index += 1
            else:
                parts.append(".*")
            continue
        if dot:
            parts.append(r"\.")
        dot = char == "."
        if char == "*":
            parts.append("[^.]*")
        elif char == "{":
            depth += 1
            parts.append("(?:")
        elif char == "}" and depth:
            depth -= 1
            parts.append(")")
        elif char == "," and depth:
            parts.append("|")
        elif char == "\\":
            index += 1
            parts.append(re.escape(pattern[index : index + 1]))
        elif not dot:
            parts.append(re.escape(char))
        index += 1
    return re.compile("".join(parts) + ")" * depth + r"\Z")


def _regular(pattern: str) -> re.Pattern[str]:
    """The expression between slashes; one that Python cannot read selects nothing."""
    try:
        return re.compile(f"(?:{pattern[1:].removesuffix('/')})\\Z")
    except re.error:
        return re.compile(r"(?!)")
