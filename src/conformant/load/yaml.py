"""Text of YAML and JSON files -> plain Python documents, as kubectl reads them.

Most documents take the fast parser; a scan for everything on which it and kubectl disagree sends
the others to the exact one (`yaml_exact`), which also decides on every document that the fast
parser refuses. One bad document never takes the others of its file with it.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from conformant.load.yaml_document import Document, Duplicate, Unreadable, decode
from conformant.load.yaml_places import YamlLocator, scalar_origin
from conformant.regex import lazy

_fast: Any = None
with suppress(ImportError):  # no wheel for this interpreter: the exact loader reads everything
    from yaml_rs import loads as _fast

__all__ = ["Document", "Duplicate", "Unreadable", "YamlLocator", "decode", "documents", "scalar_origin"]


def documents(text: str) -> list[Document]:
    """The documents of a text. Empty and comments-only ones are left out; those that cannot be
    read have an `error` or a `template` line instead of `raw`."""
    from conformant.load.yaml_scan import (
        ends_in_block,
        has_explicit_keys,
        has_odd_keys,
        has_risk,
        may_have_risk,
        strange,
    )

    size = len(text)
    exactly = _fast is None or strange(text)
    suspect = exactly or may_have_risk(text)
    asking = "?" in text and has_explicit_keys(text, 0, size)
    found: list[Document] = []
    for start, end, line, refusal in _split(text):
        if refusal:
            found.append(_failed(text, start, end, line, refusal, start))
            continue
        chunk = text[start:end]
        if "{" in chunk and chunk.lstrip().startswith("{") and (read := _json(text, chunk, start, line)):
            found += read
            continue
        if exactly or ends_in_block(text, start, end) or (suspect and has_risk(text, start, end)):
            found += _exact(text, start, end, line)
            continue
        try:
            raw = _fast(chunk if chunk.endswith("\n") else chunk + "\n", parse_datetime=False)
        except (ValueError, TypeError):  # the latter for a key that is a mapping or a list
            raw = ""
        if asking and has_odd_keys(raw):
            raw = ""
        if raw.__class__ is dict or raw.__class__ is list:
            found.append(Document(raw, start, end, line, []))
        elif raw is not None:
            found += _exact(text, start, end, line)
    return found


# --- splitting -------------------------------------------------------------------------------

_SEPARATOR_TEXT = "kubectl refuses text on the line of a document separator"
_AFTER_DOTS = "kubectl ignores what follows the document end marker '...'"
_NOTHING = lazy(r"(?:[ \t\r]*+(?:#[^\n]*+)?\n)*+[ \t\r]*+(?:#[^\n]*+)?\Z")
_DOTS = lazy(r"^\.\.\.(?=\s|\Z)", re.MULTILINE)


def _split(text: str) -> Iterator[tuple[int, int, int, str]]:
    """Start, end and line of each document; or of a stretch that kubectl refuses, and why.

    Like kubectl, this knows nothing of YAML: a line that starts with three dashes separates.
    """
    size = len(text)
    dotted = text.startswith("...") or "\n..." in text
    start, line = 0, 1
    while start < size:
        at = start if text.startswith("---", start) else text.find("\n---", start) + 1 or size
        if at > start:
            if dotted:
                yield from _cut_at_dots(text, start, at, line)
            else:
                yield start, at, line, ""
            if at == size:
                return
            line += text.count("\n", start, at)
        start = text.find("\n", at) + 1 or size
        rest = text[at + 3 : start].strip()
        if rest and rest[0] != "#":
            start = text.find("\n---", start - 1) + 1 or size
            yield at, start, line, _SEPARATOR_TEXT
        line += text.count("\n", at, start)


def _cut_at_dots(text: str, start: int, end: int, line: int) -> Iterator[tuple[int, int, int, str]]:
    dots = _DOTS.search(text, start, end)
    if dots is None:
        yield start, end, line, ""
        return
    if dots.start() > start:
        yield start, dots.start(), line, ""
    rest = text.find("\n", dots.end(), end) + 1
    if rest and not _NOTHING.match(text, rest, end):
        yield rest, end, line + text.count("\n", start, rest), _AFTER_DOTS


# --- the exact road --------------------------------------------------------------------------


def _exact(text: str, start: int, end: int, line: int) -> list[Document]:
    from conformant.load import yaml_exact

    chunk = text[start:end]
    if not chunk.endswith("\n"):
        chunk += "\n"
    try:
        root = yaml_exact.compose(chunk)
        if root is None:
            return []
        raw, duplicates = yaml_exact.construct(root)
    except yaml_exact.Templated as marker:
        return [_template(text, start, end, line, start + marker.offset)]
    except yaml_exact.Malformed as error:
        marker_at = _marker(chunk)
        if marker_at is not None:
            return [_template(text, start, end, line, start + marker_at)]
        return [_failed(text, start, end, line, error.reason, start + error.offset)]
    if raw is None:
        return []
    found = Document(raw, start, end, line, [], irregular=yaml_exact.irregular(chunk, root))
    paths = yaml_exact.paths(root, [mapping for mapping, _, _ in duplicates])
    for (_, key, node), path in zip(duplicates, paths, strict=True):
        found.duplicates.append(Duplicate(path, key, *_place(text, start, line, start + node.start)))
    return [found]


_BLOCK_HEADER = lazy(r"(?:^|[:\-?]\s+)[|>][-+0-9]*\s*(?:#.*)?$")
_MARKER = lazy(
    r"""\s*+(?:-\s++)*+(?:"""
    r"""(?:[^\s'"#:{][^'"#:]*+:\s++)?[&!]?\{[{%]"""  # a value, or a whole line
    r"""|[^\s'"#:][^'"#:{]*+\{\{[^\n'"]*\}\}[^\n'"]*:(?:\s|$)"""  # a key
    r""")"""
)


def _marker(chunk: str) -> int | None:
    """Offset of the first line of a broken document with a template marker outside text blocks."""
    if "{{" not in chunk and "{%" not in chunk:
        return None
    at = 0
    block: int | None = None
    for row in chunk.splitlines(keepends=True):
        content = row.lstrip(" ")
        indent = len(row) - len(content)
        if block is not None and content.strip() and indent <= block:
            block = None
        if block is None:
            if _MARKER.match(row):
                return at + row.index("{")
            if _BLOCK_HEADER.search(row.rstrip()):
                block = indent
        at += len(row)
    return None


def _json(text: str, chunk: str, start: int, line: int) -> list[Document]:
    from conformant.load.yaml_json import json_objects

    found: list[Document] = []
    for each in json_objects(chunk):
        begin, end = start + each.start, start + each.end
        at_line = line + text.count("\n", start, begin)
        document = Document(each.raw, begin, end, at_line, [], irregular=True)
        if each.repeats:
            document.duplicates = [d for again in _exact(text, begin, end, at_line) for d in again.duplicates]
        found.append(document)
    return found


# --- places ----------------------------------------------------------------------------------


def _place(text: str, start: int, line: int, offset: int) -> tuple[int, int]:
    offset = min(offset, len(text))
    return line + text.count("\n", start, offset), offset - text.rfind("\n", 0, offset)


def _failed(text: str, start: int, end: int, line: int, reason: str, offset: int) -> Document:
    error_line, error_column = _place(text, start, line, offset)
    return Document(None, start, end, line, [], error=reason, error_line=error_line, error_column=error_column)


def _template(text: str, start: int, end: int, line: int, offset: int) -> Document:
    return Document(None, start, end, line, [], template=_place(text, start, line, offset)[0])
