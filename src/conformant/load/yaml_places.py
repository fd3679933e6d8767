"""Line and column of paths in YAML documents, found only for the paths that are asked for.

Two roads that agree. In block style the keys along the path are found by their indentation, in
the document's own text; what was found is kept, so that the next path starts from there. Flow
collections, and whole documents with aliases or loose indentation, are composed into nodes.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from conformant.load.yaml_document import Document
from conformant.model import Place, Step, dig
from conformant.regex import lazy

if TYPE_CHECKING:
    from conformant.load.yaml_exact import Node

_CONTENT = lazy(r"(?:[ \t\r]*+(?:#[^\n]*+)?\n)*+[ ]*+")
_COMMENT_LINE = lazy(r"( *+)(#[^\n]*+)")
_COMMENT = lazy(
    r"""(?:(?<=[:\-,?\[{]\ )|(?<=[\[{,])|^)(?:"(?:\\.|[^"\\])*(?:"|$)|'(?:[^']|'')*(?:'|$))"""
    r"""|(?:^|(?<=\s))(?P<text>\#.*)""",
    re.VERBOSE,
)
_HEADER = lazy(r"(?:[&!][^\s]*\s+)*([|>])[-+]?([1-9]?)")

_SPACE = " \n\r\t"
MAPPING, SEQUENCE, FLOW, ODD = "mapping", "sequence", "flow", "odd"


@cache
def _stop(edge: int, beside_list: bool = False) -> re.Pattern[str]:
    """Finds the line that ends whatever has its key or dash at column `edge` (from 0). The items
    of a list may stand at the same column as its key."""
    content = r"[^\s#\]}]"
    if not beside_list:
        return re.compile(rf"\n {{0,{edge}}}+{content}")
    below = rf" {{0,{edge - 1}}}+{content}|" if edge else ""
    return re.compile(rf"\n(?:{below} {{{edge}}}(?!-(?:\s|\Z)){content})")


class _Spot:
    """A located value. `at` is the offset of its key, or of the content of a list item; `line` the
    line of that; `edge` the column of its key or dash (None inside flow style); `body` where its
    text may begin; `end` where that ends, if known; `keyed` that it stands in a mapping. What is
    found below it is kept here."""

    __slots__ = (
        "at", "body", "children", "column", "dashes", "edge", "end", "first", "keyed", "line", "node",
        "raw", "style",
    )  # fmt: skip

    def __init__(
        self, raw: Any, at: int, line: int, edge: int | None, body: int, keyed: bool = False, end: int = -1
    ) -> None:
        self.raw = raw
        self.at = at
        self.line = line
        self.edge = edge
        self.body = body
        self.keyed = keyed
        self.end = end
        self.style = ""
        self.first = self.column = 0
        self.dashes: list[int] = []
        self.children: dict[Step, _Spot] = {}
        self.node: Node | None = None


class YamlLocator:
    """Places of one document of `text`, which begins at `first_line` of `file` with `indent`
    columns cut off on the left. `note` is handed on with every place."""

    __slots__ = ("document", "file", "first_line", "indent", "note", "root", "text", "tree")

    def __init__(
        self, file: str, text: str, document: Document, *, first_line: int = 1, indent: int = 0, note: str = ""
    ) -> None:
        self.file = file
        self.text = text
        self.document = document
        self.first_line = first_line
        self.indent = indent
        self.note = note
        self.root: _Spot | None = None
        self.tree: Node | None = None

    def place(self, path: Sequence[Step]) -> Place:
        """The place of the key or list item at `path`, or of the deepest part of it that exists;
        for a document that could not be read, of what was in the way."""
        document = self.document
        shift = self.first_line - 1
        fault = document.error_line or document.template
        if fault:
            column = (document.error_column or 1) + self.indent
            return Place(self.file, fault + shift, column, fault + shift, self.note)
        spot = self._find(path)
        column = spot.at - self.text.rfind("\n", 0, spot.at) + self.indent
        end = spot.line + self.text.count("\n", spot.at, self._end(spot))
        return Place(self.file, spot.line + shift, column, end + shift, self.note)

    def comments(self, path: Sequence[Step]) -> list[tuple[int, str]]:
        """The comments directly above the line of `path` and on it: line and text, ``#`` included."""
        if self.document.raw is None:
            return []
        spot = self._find(path)
        text = self.text
        start = text.rfind("\n", 0, spot.at) + 1
        stop = text.find("\n", start)
        row = text[start : stop if stop >= 0 else len(text)]
        content = row.lstrip(" ")
        number = spot.line + self.first_line - 1
        found = [(number, c["text"].rstrip()) for c in _COMMENT.finditer(content) if c["text"] is not None][:1]
        while start > self.document.start:
            above = text.rfind("\n", 0, start - 1) + 1
            comment = _COMMENT_LINE.match(text, above, start)
            if comment is None or len(comment[1]) > len(row) - len(content):
                break
            number -= 1
            found.insert(0, (number, comment[2].rstrip()))
            start = above
        return found

    # --- finding ---------------------------------------------------------------------------

    def _find(self, path: Sequence[Step]) -> _Spot:
        spot = self.root
        if spot is None:
            spot = self.root = self._top()
        for depth, step in enumerate(path):
            child = spot.children.get(step)
            if child is None:
                raw = spot.raw
                if raw.__class__ is dict:
                    if step not in raw:
                        break
                elif raw.__class__ is not list or not isinstance(step, int) or not 0 <= step < len(raw):
                    break
                style = spot.style or self._open(spot)
                if style is MAPPING:
                    child = self._key(spot, step)  # type: ignore[arg-type]  # narrowed by the node
                elif style is SEQUENCE:
                    child = self._item(spot, step)  # type: ignore[arg-type]  # narrowed by the node
                child = child or self._by_node(spot, path[:depth], step)
                if child is None:
                    break
                spot.children[step] = child
            spot = child
        return spot

    def _top(self) -> _Spot:
        document = self.document
        at = _content(self.text, document.start, document.end)
        line = document.line + self.text.count("\n", document.start, at)
        top = _Spot(document.raw, at, line, None, at, end=document.end)
        if document.irregular:
            top.style = ODD
        return top

    def _open(self, spot: _Spot) -> str:
        """Finds out how a collection is written and where its first key or dash stands."""
        spot.first = first = _content(self.text, spot.body, self.document.end)
        spot.column = first - self.text.rfind("\n", 0, first) - 1
        sign = self.text[first : first + 1]
        if sign in "[{":
            spot.style = FLOW
        elif spot.raw.__class__ is list:
            spot.style = SEQUENCE if sign == "-" else ODD
        else:
            spot.style = ODD if sign in "&!*?|>" else MAPPING
        return spot.style

    def _key(self, spot: _Spot, key: str) -> _Spot | None:
        text, end, first, column = self.text, self.document.end, spot.first, spot.column
        for quote in ("", '"', "'"):
            form = f"{quote}{key}{quote}:"
            size = len(form)
            at = first
            if not text.startswith(form, at) or text[at + size : at + size + 1] not in _SPACE:
                row = "\n" + " " * column + form
                while (newline := text.find(row, at, end)) >= 0:
                    at = newline + 1 + column
                    if text[at + size : at + size + 1] in _SPACE:
                        break
                if newline < 0 or (column and _stop(column - 1).search(text, first, at)):
                    continue
            line = spot.line + text.count("\n", spot.at, at)
            return _Spot(spot.raw[key], at, line, column, at + size, keyed=True)
        return None

    def _item(self, spot: _Spot, index: int) -> _Spot | None:
        text, end, column, dashes = self.text, self.document.end, spot.column, spot.dashes
        if not dashes:
            dashes.append(spot.first)
        row = "\n" + " " * column + "-"
        at = dashes[-1]
        while len(dashes) <= index:
            newline = text.find(row, at, end)
            if newline < 0:
                return None
            at = newline + 1 + column
            if text[at + 1 : at + 2] in _SPACE:
                if column and _stop(column - 1).search(text, dashes[-1], at):
                    return None
                dashes.append(at)
        dash = dashes[index]
        raw = spot.raw[index]
        at = _content(text, dash + 1, end)
        if raw is None and (text[at : at + 1] in ("", "#") or "\n" in text[dash:at]):
            at = dash + 1
        return _Spot(raw, at, spot.line + text.count("\n", spot.at, at), column, at)

    # --- nodes -----------------------------------------------------------------------------

    def _by_node(self, spot: _Spot, path: Sequence[Step], step: Step) -> _Spot | None:
        from conformant.load.yaml_exact import Malformed, Templated, child, compose

        text, start, end = self.text, self.document.start, self.document.end
        try:
            if spot.node is None and spot.style is FLOW:
                spot.node = self._flow(spot.first)
            elif spot.node is None:
                self.tree = node = self.tree or compose(text, start, end)
                for each in path:
                    found = child(node, each) if node else None
                    node = found.value if found else None
                spot.node = node
        except (Malformed, Templated):  # at worst JSON that is no YAML: the place stays coarse
            return None
        found = child(spot.node, step) if spot.node else None
        if found is None:
            return None
        at = (found.key or found.value).start
        known, line = (spot.at, spot.line) if at >= spot.at else (start, self.document.line)
        line += text.count("\n", known, at)
        edge = None if found.owner.flow else _column(text, (found.key or found.owner).start)
        below = _Spot(spot.raw[step], at, line, edge, found.value.start, end=found.value.end)
        below.node = found.value
        below.style = ODD
        return below

    def _flow(self, at: int) -> "Node | None":
        """A flow collection; most end on the line on which they begin."""
        from conformant.load.yaml_exact import Malformed, compose

        end = self.document.end
        newline = self.text.find("\n", at, end)
        try:
            return compose(self.text, at, newline if newline >= 0 else end, alone=False)
        except Malformed:
            return compose(self.text, at, end, alone=False)

    # --- ends ------------------------------------------------------------------------------

    def _end(self, spot: _Spot) -> int:
        """Where the last line of a value ends: blank lines do not belong to it, comments do where
        they stand deeper than its key or dash."""
        text, limit, edge = self.text, self.document.end, spot.edge
        if edge is None:
            return _rstrip(text, spot.at, spot.end)
        if spot.end < 0:
            stop = _stop(edge, spot.keyed and spot.raw.__class__ is list).search(text, spot.at, limit)
            end = _rstrip(text, spot.at, stop.start() if stop else limit)
            while (row := text.rfind("\n", spot.at, end)) >= 0:
                comment = _COMMENT_LINE.match(text, row + 1, end)
                if comment is None or len(comment[1]) > edge:
                    break
                end = _rstrip(text, spot.at, row)
            return end
        end = _rstrip(text, spot.at, spot.end)
        row = text.find("\n", end, limit)
        while row >= 0:
            after = text.find("\n", row + 1, limit)
            comment = _COMMENT_LINE.match(text, row + 1, limit)
            if comment is not None and len(comment[1]) > edge:
                end = comment.end()
            elif comment is None and text[row + 1 : after if after >= 0 else limit].strip():
                break
            row = after
        return end


def _content(text: str, start: int, end: int) -> int:
    """The offset of the first character that is neither blank nor comment."""
    found = _CONTENT.match(text, start, end)
    return found.end() if found else start


def _column(text: str, offset: int) -> int:
    return offset - text.rfind("\n", 0, offset) - 1


def _rstrip(text: str, start: int, end: int) -> int:
    return start + len(text[start:end].rstrip())


def scalar_origin(text: str, document: Document, path: Sequence[Step]) -> tuple[int, int, bool] | None:
    """Where the text of the string at `path` stands: line, columns of indentation, and whether line
    by line as written (a ``|`` block scalar). None where there is no string."""
    locator = YamlLocator("", text, document)
    spot = locator._find(path)
    value = dig(document.raw, *path) if document.raw is not None else None
    if not isinstance(value, str) or spot.raw is not value:
        return None
    at = _content(text, spot.body, document.end)
    line = spot.line + text.count("\n", spot.at, at)
    header = _HEADER.match(text, at, document.end)
    if header is None or header[1] == ">":
        return line, 0, False
    below = text.find("\n", at, document.end) + 1
    if header[2]:
        return line + 1, (spot.edge or 0) + int(header[2]), True
    first = re.compile(r"(?:[ ]*+\r?\n)*+([ ]*+)").match(text, below, document.end)
    return line + 1, len(first[1]) if first else 0, True
