"""The grammar of Go templates: text -> tree."""

import json
import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from conformant.regex import lazy


class RenderError(ValueError):
    """A template that cannot be rendered; `line` counts from 1 in the template."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(f"line {line}: {reason}")
        self.reason = reason
        self.line = line


class Field(Struct):
    """``.a.b``, ``$x.a`` or ``$``; `base` is empty for the dot."""

    base: str
    names: list[str]


class Literal(Struct):
    value: Any


class Word(Struct):
    """The name of a function."""

    name: str


Operand = Any  # Field | Literal | Word | Pipeline, which mypy cannot express recursively here
Pipeline = list[list[Operand]]


class Text(Struct):
    text: str
    line: int


class Action(Struct):
    """``{{ pipeline }}``, or with `variable` the value of one: ``$x := pipeline`` `declares` it."""

    source: str
    line: int
    pipeline: Pipeline
    variable: str = ""
    declares: bool = False


class Arm(Struct):
    """One alternative of a branch; `condition` None for ``else``."""

    word: str
    condition: Action | None
    body: "list[Node]"
    variables: list[str] = []


class Branch(Struct):
    arms: list[Arm]


Node = Text | Action | Branch

_INSIDE = lazy(r'(?:"(?:[^"\\\n]|\\.)*+"|`[^`]*+`|[^"`}]|\}(?!\}))*+')
_WORD = lazy(r"[A-Za-z]\w*")
_COMMENT = lazy(r"-?\s*/\*")
_TOKEN = lazy(
    r"""\s+|(?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)|(?P<number>[-+]?\d+(?:\.\d+)?(?![\w.]))"""
    r"""|(?P<variable>\$\w*(?:\.\w+)*)|(?P<field>(?:\.[^\W\d]\w*)+|\.)|(?P<word>[A-Za-z_]\w*)|(?P<sign>[|()])"""
)
_DECLARES = lazy(r"(\$\w+)(?:\s*,\s*(\$\w+))?\s*(:?=)(?!=)\s*")
_UNSUPPORTED = ("define", "template", "block", "include", "tpl", "break", "continue")
_CONSTANTS = {"true": True, "false": False, "nil": None}
_DEPTH = 50


def parse(text: str) -> list[Node]:
    """The tree of a template. Raises RenderError."""
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self.pieces = _pieces(text)
        self.depth = 0

    def parse(self) -> list[Node]:
        nodes, word, _, line = self.body()
        if word:
            raise RenderError(f"{{{{ {word} }}}} without a beginning", line)
        return nodes

    def body(self) -> tuple[list[Node], str, str, int]:
        """Nodes up to ``end`` or ``else``; that word, what follows it, and its line."""
        nodes: list[Node] = []
        line = 1
        for piece in self.pieces:
            line = piece.line
            if isinstance(piece, Text):
                nodes.append(piece)
                continue
            word, rest = _split(piece.source)
            if word in ("end", "else"):
                return nodes, word, rest, line
            if word in ("if", "with", "range"):
                nodes.append(self.branch(word, rest, line))
            elif word in _UNSUPPORTED:
                raise RenderError(f"{{{{ {word} }}}} is not supported", line)
            else:
                nodes.append(_action(piece.source, line))
        return nodes, "", "", line

    def branch(self, word: str, rest: str, line: int) -> Branch:
        self.depth += 1
        if self.depth > _DEPTH:
            raise RenderError("branches nest too deeply", line)
        branch, first, at = Branch([]), line, line
        while True:
            condition, variables = _condition(word, rest, at)
            body, end, rest, at = self.body()
            branch.arms.append(Arm(word, condition, body, variables))
            if not end:
                raise RenderError(f"{{{{ {branch.arms[0].word} }}}} has no {{{{ end }}}}", first)
            if end == "end":
                self.depth -= 1
                return branch
            if condition is None:
                raise RenderError("{{ else }} after {{ else }}", at)
            word, rest = _split(rest)
            if word not in ("", "if", "with"):
                raise RenderError(f"{{{{ else {word} }}}} is not supported", at)


def _pieces(text: str) -> Iterator[Text | Action]:
    """Texts, and actions of which only source and line are known; blanks trimmed as told."""
    at, line, trim = 0, 1, False
    while at <= len(text):
        start = text.find("{{", at)
        plain = text[at:] if start < 0 else text[at:start]
        first = line
        line += plain.count("\n")
        if trim:
            kept = plain.lstrip()
            first += plain.count("\n", 0, len(plain) - len(kept))
            plain = kept
        if start < 0:
            yield Text(plain, first)
            return
        inner, at = _inside(text, start + 2, line)
        if re.match(r"-\s", inner):
            plain, inner = plain.rstrip(), inner[1:]
        if plain:
            yield Text(plain, first)
        trim = re.search(r"\s-\Z", inner) is not None
        source = inner.removesuffix("-") if trim else inner
        if not source.strip().startswith("/*"):
            yield Action(source.strip(), line, [])
        line += text.count("\n", start, at)


def _inside(text: str, start: int, line: int) -> tuple[str, int]:
    """What stands between the braces, and the position after them."""
    comment = _COMMENT.match(text, start)
    end = text.find("*/", comment.end()) if comment else start
    match = _INSIDE.match(text, end) if end >= 0 else None
    if match is None or not text.startswith("}}", match.end()):
        raise RenderError("'{{' is not closed", line)
    return text[start : match.end()], match.end() + 2


def _split(source: str) -> tuple[str, str]:
    """The leading word, which may be empty, and the rest."""
    match = _WORD.match(source)
    return (match[0], source[match.end() :].strip()) if match else ("", source)


def _condition(word: str, rest: str, line: int) -> tuple[Action | None, list[str]]:
    """The condition of an arm with the variables that it binds: (key, value) or value."""
    if not word:
        return None, []
    match = _DECLARES.match(rest)
    variables = [name for name in (match[1], match[2]) if name] if match else []
    if match and (match[3] != ":=" or (len(variables) > 1 and word != "range")):
        raise RenderError(f"this assignment in {{{{ {word} }}}} is not supported", line)
    source = rest[match.end() :] if match else rest
    return Action(source, line, _pipeline(source, line)), variables


def _action(source: str, line: int) -> Action:
    match = _DECLARES.match(source)
    if match is None:
        return Action(source, line, _pipeline(source, line))
    if match[2]:
        raise RenderError("two variables at once are only for {{ range }}", line)
    value = source[match.end() :]
    return Action(value, line, _pipeline(value, line), match[1], match[3] == ":=")


def _pipeline(source: str, line: int) -> Pipeline:
    tokens: list[tuple[str, str]] = []
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None:
            raise RenderError(f"cannot read {source[at : at + 20]!r}", line)
        if match.lastgroup:
            tokens.append((match.lastgroup, match[0]))
        at = match.end()
    tokens.reverse()
    pipeline = _commands(tokens, line, 0)
    if tokens:
        raise RenderError("unexpected ')'", line)
    return pipeline


def _commands(tokens: list[tuple[str, str]], line: int, depth: int) -> Pipeline:
    """The commands up to the end or a closing parenthesis, which stays; `tokens` are reversed."""
    if depth > _DEPTH:
        raise RenderError("parentheses nest too deeply", line)
    pipeline: Pipeline = [[]]
    while tokens and tokens[-1] != ("sign", ")"):
        kind, text = tokens.pop()
        if text == "|" and kind == "sign":
            pipeline.append([])
        elif kind == "sign":
            pipeline[-1].append(_commands(tokens, line, depth + 1))
            if not tokens:
                raise RenderError("'(' is not closed", line)
            tokens.pop()
        else:
            pipeline[-1].append(_operand(kind, text, line))
    if not all(pipeline):
        raise RenderError("a value is missing", line)
    return pipeline


def _operand(kind: str, text: str, line: int) -> Operand:
    if kind == "string":
        if text[0] == "`":
            return Literal(text[1:-1])
        try:
            return Literal(json.loads(text, strict=False))
        except ValueError:
            raise RenderError("an escape in a string is not supported", line) from None
    if kind == "number":
        return Literal(float(text) if "." in text else int(text))
    if kind == "word":
        return Literal(_CONSTANTS[text]) if text in _CONSTANTS else Word(text)
    base, *names = text.split(".")
    return Field(base, [name for name in names if name])
