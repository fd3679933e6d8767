"""Fenced blocks of Markdown documents (CommonMark), as far as they hold a language that is checked."""

import re
from collections.abc import Iterator

from msgspec import Struct

from conformant.regex import lazy

_LANGUAGES = {
    "yaml": "yaml", "yml": "yaml", "k8s": "yaml", "kubernetes": "yaml", "json": "json",
    "avsc": "json", "avro": "json", "sql": "sql", "psql": "sql", "pgsql": "sql", "plpgsql": "sql",
    "postgres": "sql", "postgresql": "sql", "hcl": "hcl", "tf": "hcl", "terraform": "hcl", "tofu": "hcl",
    "opentofu": "hcl", "conf": "conf", "pg_hba": "conf", "postgresql.conf": "conf", "pg_hba.conf": "conf",
}  # fmt: skip
_FENCE = lazy(r"(`{3,}|~{3,})(.*)")
_HEADING = lazy(r"(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*")
_BEGINS = lazy(r"[-+*](?:[ \t]|$)|\d{1,9}[.)](?:[ \t]|$)|`{3}|~{3}|#{1,6}(?:[ \t]|$)|<|---|\*\*\*|___")
_UNDERLINE = lazy(r" {0,3}(?:=+|-+)[ \t]*")
_MARKER = lazy(r"([-+*]|\d{1,9}[.)])([ \t]+|$)")
_LANGUAGE = lazy(r"[\w+#.-]+")
_HTML = lazy(r"<(?:!--|(?:pre|script|style|textarea)(?=[\s>]|$))", re.IGNORECASE)
_HTML_END = lazy(r"</(?:pre|script|style|textarea)>", re.IGNORECASE)
_TAB = 4


class Block(Struct, frozen=True):
    """A fenced block in ``yaml``, ``json``, ``sql``, ``hcl`` or ``conf``.

    `text` has line feeds only. `first_line` is the document's line of its first content line, and
    `indent` how many columns (of spaces, list markers, quote signs) precede the content there.
    `heading` is the nearest heading above. `unclosed` says that the fence runs to the end of what
    contains it.
    """

    language: str
    text: str
    first_line: int
    indent: int
    heading: str = ""
    unclosed: bool = False


def blocks(text: str) -> list[Block]:
    """The blocks of a document in its order; aliases of languages (``yml``, ``postgresql``,
    ``terraform`` …) count, blocks in other languages do not."""
    return list(_Document(text).blocks()) if "```" in text or "~~~" in text else []


class _Document:
    def __init__(self, text: str) -> None:
        text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        self.lines = text.removesuffix("\n").split("\n")
        self.heading = ""

    def blocks(self) -> Iterator[Block]:
        """Walk the lines; of the containers only the columns where their content begins matter."""
        number, depth, paragraph = self._front_matter(), 0, False
        items: list[int] = []
        while number < len(self.lines):
            quotes, rest, column = _unquote(self.lines[number], None)
            number += 1
            if quotes != depth:
                depth, items, paragraph = quotes, [], False
            indent = column + _width(rest)
            content = rest.lstrip(" \t")
            if not content:
                paragraph = False
                continue
            if paragraph and items and indent < items[-1] and not _BEGINS.match(content):
                continue
            while items and indent < items[-1]:
                items.pop()
            indent, content = _past_markers(indent, content, items[-1] if items else column, items)
            if indent - (items[-1] if items else column) >= _TAB:
                continue
            fence = _opening(content)
            html = _HTML.match(content)
            heading = _HEADING.fullmatch(content)
            paragraph = not (fence or html or heading)
            if fence:
                block, number = self._block(fence, number, indent, items[-1] if items else column, quotes)
                if block is not None:
                    yield block
            elif html:
                number = self._after_html(number, html)
            elif heading:
                self.heading = (heading[2] or "").strip()
            elif number < len(self.lines) and _is_underline(self.lines[number], content):
                self.heading = content.strip()

    def _front_matter(self) -> int:
        """The index after a leading block of metadata between ``---`` lines, or 0."""
        if self.lines[0].rstrip() != "---":
            return 0
        ends = (index for index, line in enumerate(self.lines[1:], 2) if line.rstrip() in ("---", "..."))
        return next(ends, 0)

    def _after_html(self, number: int, html: re.Match[str]) -> int:
        """The index after the HTML that begins on the line before index `number`."""
        rest = html.string[html.end() :]
        while True:
            if "-->" in rest if html[0] == "<!--" else _HTML_END.search(rest):
                return number
            if number == len(self.lines):
                return number
            rest = self.lines[number]
            number += 1

    def _block(
        self, fence: tuple[str, str], number: int, indent: int, base: int, quotes: int
    ) -> tuple[Block | None, int]:
        """The block whose content begins at line index `number`, and the index after it."""
        sign, info = fence
        close = re.compile(rf"{re.escape(sign[0])}{{{len(sign)},}}[ \t]*")
        first, content, columns, closed = number, [], [], False
        while number < len(self.lines):
            depth, rest, column = _unquote(self.lines[number], quotes)
            blank = not rest.strip()
            width = column + _width(rest)
            if depth < quotes or (not blank and width < base):
                break
            number += 1
            stripped = rest.lstrip(" \t")
            if not blank and width - base < _TAB and close.fullmatch(stripped):
                closed = True
                break
            taken, removed = _dedent(rest, indent - column)
            content.append(taken)
            if not blank:
                columns.append(len(self.lines[number - 1]) - len(rest) + removed)
        named = _LANGUAGE.match(info.strip().removeprefix("{").lstrip(" ."))
        language = _LANGUAGES.get(named[0].lower()) if named else None
        if language is None:
            return None, number
        text = "".join(f"{line}\n" for line in content)
        stripped_columns = min(columns, default=indent)
        return Block(language, text, first + 1, stripped_columns, self.heading, not closed), number


def _past_markers(indent: int, content: str, base: int, items: list[int]) -> tuple[int, str]:
    """Column and text after the list markers that open a line; their items are added to `items`."""
    while indent - base < _TAB and (marker := _MARKER.match(content)):
        after = content[marker.end() :]
        start = indent + len(marker[1])
        gap = _width(marker[2], start)
        if not after:
            items.append(start + 1)
            return items[-1], after
        if gap > _TAB:
            break
        indent = start + gap
        items.append(indent)
        base, content = indent, after
    return indent, content


def _opening(content: str) -> tuple[str, str] | None:
    """The fence and the info string, when a fence opens here."""
    match = _FENCE.match(content)
    if match is None or (match[1][0] == "`" and "`" in match[2]):
        return None
    return match[1], match[2]


def _width(text: str, column: int = 0) -> int:
    """Columns of leading blanks in a text at `column`; a tab leads to the next multiple of four."""
    at = column
    for char in text:
        if char == " ":
            at += 1
        elif char == "\t":
            at += _TAB - at % _TAB
        else:
            break
    return at - column


def _dedent(line: str, columns: int) -> tuple[str, int]:
    """The line without up to `columns` leading columns, and how many characters that took."""
    width = taken = 0
    while taken < len(line) and width < columns:
        if line[taken] == " ":
            width += 1
        elif line[taken] == "\t":
            width += _TAB - width % _TAB
        else:
            break
        taken += 1
    return " " * max(0, width - columns) + line[taken:], taken


def _unquote(line: str, limit: int | None) -> tuple[int, str, int]:
    """How many quote signs open the line (at most `limit`), what follows them, and its column."""
    depth, rest, column = 0, line, 0
    while (limit is None or depth < limit) and (match := re.match(r" {0,3}> ?", rest)):
        depth += 1
        column += match.end()
        rest = rest[match.end() :]
    return depth, rest, column


def _is_underline(line: str, content: str) -> bool:
    return bool(_UNDERLINE.fullmatch(line)) and not content.startswith(("|", ">", "<"))
