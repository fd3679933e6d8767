"""Strings with interpolations and directives: quoted templates and heredocs."""

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from conformant.load.terraform.lexer import HEREDOC_TEXT, QUOTED_TEXT, SyntaxFault
from conformant.load.terraform.syntax import Choice, Literal, Node, Repeat, Template
from conformant.regex import lazy

if TYPE_CHECKING:
    from conformant.load.terraform.parser import Parser

_ESCAPE = lazy(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))|(\$\$|%%)(?=\{)", re.S)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


class _Piece(Struct):
    """A stretch of text (`word` empty, `node` None), an expression, or a directive (`word`)."""

    start: int
    text: str = ""
    node: Node | None = None
    word: str = ""
    names: tuple[str, ...] = ()
    trim_before: bool = False
    trim_after: bool = False

    @property
    def is_text(self) -> bool:
        return self.node is None and not self.word


def quoted(parser: "Parser") -> Node:
    """The template whose opening quote is the parser's current token."""
    text, start = parser.text, parser.start
    position = start + 1
    pieces: list[_Piece] = []
    while True:
        match = QUOTED_TEXT.match(text, position)
        if match:
            pieces.append(_Piece(position, _unescaped(match[0], position)))
            position = match.end()
        if text.startswith('"', position):
            break
        if not text.startswith(("${", "%{"), position):
            raise SyntaxFault("the string is not closed on its line", start)
        piece, position = _sequence(parser, position)
        pieces.append(piece)
    parser.end = position + 1
    if len(pieces) == 1 and pieces[0].node is not None and not pieces[0].word:
        node = pieces[0].node
        node.end = max(node.end, node.start)
        return node
    return _template(pieces, start, parser.end)


def heredoc(parser: "Parser") -> Node:
    """The heredoc whose opening line is the parser's current token."""
    text, start = parser.text, parser.start
    indented = parser.value.startswith("<<-")
    marker = parser.value.lstrip("<-").strip()
    closing = re.compile(rf"^[ \t]*{re.escape(marker)}[ \t\r]*$", re.M).search(text, parser.end)
    if closing is None:
        raise SyntaxFault(f"the heredoc {marker} is not closed", start)
    position, limit = parser.end, closing.start()
    pieces: list[_Piece] = []
    while position < limit:
        match = HEREDOC_TEXT.match(text, position, limit)
        if match and match[0]:
            pieces.append(_Piece(position, match[0].replace("$${", "${").replace("%%{", "%{")))
            position = match.end()
        elif text.startswith(("${", "%{"), position):
            piece, position = _sequence(parser, position)
            pieces.append(piece)
        else:
            raise SyntaxFault("the heredoc cannot be read", position)
    parser.end = closing.end()
    return _template(pieces, start, parser.end, indented)


def _unescaped(text: str, offset: int) -> str:
    if "\\" not in text and "{" not in text:
        return text

    def one(match: re.Match[str]) -> str:
        short, long, single, doubled = match.groups()
        if doubled:
            return str(doubled[0])
        if short or long:
            code = int(short or long, 16)
            if code > 0x10FFFF:
                raise SyntaxFault("no such character", offset + match.start())
            return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)
        if single not in _ESCAPED:
            raise SyntaxFault(f"unknown escape \\{single}", offset + match.start())
        return _ESCAPED[single]

    return _ESCAPE.sub(one, text)


def _sequence(parser: "Parser", position: int) -> tuple[_Piece, int]:
    """The ``${…}`` or ``%{…}`` at `position`, and where the text goes on."""
    piece = _Piece(position)
    directive = parser.text[position] == "%"
    outer, parser.flat = parser.flat, True
    parser.end = position + 2
    parser.advance()
    if parser.at("~"):
        piece.trim_before = True
        parser.advance()
    if directive:
        piece.word = parser.name()
        if piece.word == "if":
            piece.node = parser.expression()
        elif piece.word == "for":
            piece.names = (parser.name(),)
            if parser.at(","):
                parser.advance()
                piece.names = (*piece.names, parser.name())
            if parser.name() != "in":
                raise SyntaxFault("expected 'in'", position)
            piece.node = parser.expression()
        elif piece.word not in ("else", "endif", "endfor"):
            raise SyntaxFault(f"unknown directive {piece.word!r}", position)
    else:
        piece.node = parser.expression()
    if parser.at("~"):
        piece.trim_after = True
        parser.advance()
    if not parser.at("}"):
        raise parser.expected("'}'")
    parser.flat = outer
    return piece, parser.end


def _template(pieces: list[_Piece], start: int, end: int, indented: bool = False) -> Node:
    for before, after in pairwise(pieces):
        if after.trim_before and before.is_text:
            before.text = before.text.rstrip()
        if before.trim_after and after.is_text:
            after.text = after.text.lstrip()
    if indented:
        _dedent(pieces)
    pieces.reverse()
    parts = _fold(pieces, (), start)
    if all(part.__class__ is str for part in parts):
        return Literal("".join(parts), start, end)
    return Template(parts, start, end)


def _dedent(pieces: list[_Piece]) -> None:
    """Take the smallest indentation of all lines away from each."""
    smallest: int | None = None
    lines: list[_Piece] = []
    fresh = True
    for piece in pieces:
        if fresh:
            indentation = 0
            if piece.is_text:
                bare = piece.text.lstrip()
                blank = not bare and piece.text.endswith("\n")
                if not blank:
                    indentation = len(piece.text) - len(bare)
                    lines.append(piece)
            else:
                blank = False
            if not blank:
                smallest = indentation if smallest is None else min(smallest, indentation)
        fresh = piece.is_text and piece.text.endswith("\n")
    for piece in lines:
        piece.text = piece.text[smallest:]


def _fold(pieces: list[_Piece], until: tuple[str, ...], opened: int) -> list[Any]:
    """The parts up to one of the directives `until`, which stays; consumes from the end. `opened`
    is where the directive that they close stands."""
    parts: list[Any] = []
    while pieces:
        piece = pieces[-1]
        if piece.word in until and piece.word:
            return parts
        pieces.pop()
        if piece.is_text:
            if piece.text:
                parts.append(piece.text)
        elif not piece.word:
            parts.append(piece.node)
        elif piece.word == "if" and piece.node is not None:
            yes = _fold(pieces, ("else", "endif"), piece.start)
            no = _fold(pieces, ("endif",), piece.start) if pieces.pop().word == "else" else None
            if no is not None:
                pieces.pop()
            parts.append(Choice(piece.node, yes, no or []))
        elif piece.word == "for" and piece.node is not None:
            inner = _fold(pieces, ("endfor",), piece.start)
            pieces.pop()
            parts.append(Repeat(piece.names, piece.node, inner))
        else:
            raise SyntaxFault(f"%{{ {piece.word} }} without its beginning", piece.start)
    if until:
        raise SyntaxFault(f"%{{ {until[-1]} }} is missing", opened)
    return parts
