"""Fluentd configs: the v1 syntax and the YAML form, both to the same sections.

Values stay strings, as Fluentd hands them to its plugins; a parameter without a value is True,
one that begins with a bracket is the JSON value, and one with embedded Ruby is an `Unknown`.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from conformant.load.sections import DEPTH, INCLUDE, Entry, Includes, ParseError, Section
from conformant.model import Unknown
from conformant.regex import lazy

__all__ = ["ParseError", "parse", "read"]

_BLANK = lazy(r"(?:[ \t\r\n]+|#[^\n]*)+")
_LINE_END = lazy(r"[ \t]*(?:#[^\n]*|\r)?(?:\n|\Z)")
_CLOSE = lazy(r"</([A-Za-z0-9_@]+)[ \t]*>")
_OPEN = lazy(r"<([A-Za-z0-9_@]+)[ \t]*")
_ARG = lazy(r"[^\n>]*")
_KEY = lazy(r"\S+")
_GAP = lazy(r"[ \t]*")
_SPACE = lazy(r"\s|\Z")
_NOTHING = lazy(r"\r?(?:\n|\Z)")
_LINE = lazy(r"[^\n]*")
_COMMENT = lazy(r"[ \t]#")
_QUOTED = lazy(r'[^"\\#]+')
_SINGLE = lazy(r"(?:[^'\\\n]|\\[^\n])*")
_CODE = lazy(r"""[{}]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'""", re.DOTALL)
_JSON = lazy(r'[^"\[\]{}#\\]+|"|[\[\]{}#\\]')
_ENVIRONMENT = lazy(r"""ENV(?:\.fetch)?[\[(]\s*["'](\w+)["']""")
_ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "f": "\f", "b": "\b", "0": "\0"}
_HOLE = "\ue000"


def read(name: str, texts: Mapping[str, str]) -> tuple[Section, set[str]]:
    """The config `texts[name]` with its includes resolved among `texts`, and the names of those
    included (see `sections.Includes`). Raises ParseError."""
    includes = Includes(texts, parse)
    return includes.read(name), includes.used


def parse(text: str, config: str = "", yaml: bool = False) -> Section:
    """The root section of a config; `config` names it in places and errors, `yaml` says that it
    has the YAML form. Raises ParseError."""
    if yaml:
        from conformant.load.fluentyaml import fluentd

        return fluentd(text, config)
    return _Reader(text, config).root()


def dynamic(key: str, code: Sequence[str]) -> Unknown:
    """The value of `key` that embedded Ruby gives. The reason names variables, never a default."""
    names = [f"ENV[{name!r}]" for part in code for name in _ENVIRONMENT.findall(part)]
    source = " and ".join(dict.fromkeys(names)) or "embedded Ruby"
    return Unknown(f"{key} comes from {source}, which is only known where Fluentd runs", names)


class _Reader:
    def __init__(self, text: str, config: str) -> None:
        self.text = text
        self.config = config
        self.at = 1 if text.startswith("\ufeff") else 0
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def where(self, position: int) -> tuple[int, int]:
        line = bisect_right(self.starts, position)
        return line, position - self.starts[line - 1] + 1

    def fail(self, reason: str, position: int | None = None) -> ParseError:
        return ParseError(reason, *self.where(self.at if position is None else position), self.config)

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
        return match

    def root(self) -> Section:
        stack = [Section("", config=self.config)]
        text = self.text
        while True:
            self.take(_BLANK)
            if self.at >= len(text):
                break
            if text[self.at] == "<":
                self.tag(stack)
            else:
                self.parameter(stack[-1])
        if len(stack) > 1:
            section = stack[-1]
            raise ParseError(f"<{section.name}> is not closed", section.line, section.column, self.config)
        return stack[0]

    def tag(self, stack: list[Section]) -> None:
        start = self.at
        if close := self.take(_CLOSE):
            if len(stack) == 1:
                raise self.fail(f"</{close[1]}> closes nothing", start)
            if close[1] != stack[-1].name:
                reason = f"</{close[1]}> where <{stack[-1].name}> of line {stack[-1].line} must close first"
                raise self.fail(reason, start)
            stack.pop()
            self.line_end(f"</{close[1]}>")
            return
        opening = self.take(_OPEN)
        if opening is None:
            raise self.fail("expected a section: <name> or </name>", start)
        arg: Any = ""
        if self.text.startswith(('"', "'"), self.at):
            arg = self.quoted(f"the argument of <{opening[1]}>")
        elif plain := self.take(_ARG):
            arg = plain[0].rstrip()
        if not self.text.startswith(">", self.at):
            raise self.fail(f"expected '>' at the end of <{opening[1]}", start)
        self.at += 1
        self.line_end(f"<{opening[1]}>")
        if len(stack) > DEPTH:
            raise self.fail("sections nest too deeply", start)
        section = Section(opening[1], arg, *self.where(start), self.config)
        stack[-1].children.append(section)
        stack.append(section)

    def line_end(self, what: str) -> None:
        if not self.take(_LINE_END):
            raise self.fail(f"expected the end of the line after {what}")

    def parameter(self, section: Section) -> None:
        start = self.at
        key = self.key(section)
        line, column = self.where(start)
        self.take(_GAP)
        if key == INCLUDE or (key == "include" and not section.name):
            path = self.value(key)
            child = Section(INCLUDE, "" if path is True else path, line, column, self.config)
            section.children.append(child)
        else:
            section.add(key, Entry(self.value(key), line, column, self.config))

    def key(self, section: Section) -> str:
        if self.text[self.at] in "\"'":
            key = self.quoted("a key")
            if isinstance(key, Unknown):
                return f"#{{{len(section.entries)}}}"
            if not _SPACE.match(self.text, self.at):
                raise self.fail("expected a space after the quoted key")
            return str(key)
        match = self.take(_KEY)
        if match is None:
            raise self.fail("expected a parameter")
        return match[0]

    def value(self, key: str) -> Any:
        """The value that begins here, up to the end of its line."""
        if _NOTHING.match(self.text, self.at):
            return True
        first = self.text[self.at]
        if first in "\"'":
            value = self.quoted(key)
            self.line_end(f"the quoted value of {key}")
            return value
        if first in "[{":
            found, value = self.json(key)
            if found:
                return value
        line = self.take(_LINE)
        rest = line[0] if line else ""
        comment = _COMMENT.search(rest)
        return (rest[: comment.start()] if comment else rest).rstrip()

    def quoted(self, what: str) -> Any:
        if self.text[self.at] == '"':
            return self.double(what)
        start = self.at
        self.at += 1
        body = self.take(_SINGLE)
        if body is None or not self.text.startswith("'", self.at):
            raise self.fail("the single-quoted string is not closed on its line", start)
        self.at += 1
        return re.sub(r"\\(['\\])", r"\1", body[0])

    def double(self, what: str) -> Any:
        start, text = self.at, self.text
        self.at += 1
        parts: list[str] = []
        code: list[str] = []
        while self.at < len(text):
            if chunk := self.take(_QUOTED):
                parts.append(chunk[0])
                continue
            char = text[self.at]
            if char == '"':
                self.at += 1
                return dynamic(what, code) if code else "".join(parts).replace("\r\n", "\n")
            if text.startswith("#{", self.at):
                end = self.code_end(self.at + 2)
                code.append(text[self.at : end])
                self.at = end
            elif char == "\\":
                parts.append(self.escape())
            else:
                parts.append(char)
                self.at += 1
        raise self.fail("the double-quoted string is not closed", start)

    def escape(self) -> str:
        following = self.text[self.at + 1 : self.at + 2]
        if following == "\r" and self.text[self.at + 2 : self.at + 3] == "\n":
            self.at += 3
            return ""
        if following.isascii() and following.isalnum() and following not in _ESCAPES:
            raise self.fail(f"unknown escape \\{following}")
        self.at += 2
        return "" if following == "\n" else _ESCAPES.get(following, following)

    def code_end(self, position: int) -> int:
        """The position after the brace that ends the Ruby code beginning at `position`."""
        depth = 1
        for match in _CODE.finditer(self.text, position):
            depth += {"{": 1, "}": -1}.get(match[0], 0)
            if depth == 0:
                return match.end()
        raise self.fail("the embedded Ruby code is not closed", position - 2)

    def json(self, key: str) -> tuple[bool, Any]:
        """(True, value) when JSON stands here, (False, None) when it is only a string with a bracket."""
        start = self.at
        source, end, code = self.json_source(start)
        several_lines = "\n" in self.text[start:end]
        if end:
            try:
                value = json.loads(source, strict=False, parse_constant=_no_constant)
            except ValueError as error:
                if several_lines:
                    raise self.fail(f"the value of {key} is no valid JSON ({_json_reason(error)})", start) from None
            else:
                self.at = end
                self.line_end(f"the JSON value of {key}")
                return True, _filled(value, key, code)
        return False, None

    def json_source(self, position: int) -> tuple[str, int, list[str]]:
        """The JSON text that begins here without comments and Ruby, its end (0 when brackets
        never balance) and the Ruby code that was taken out."""
        text, parts, code, depth, string = self.text, [], [], 0, False
        while match := _JSON.match(text, position):
            token, position = match[0], match.end()
            if token == "\\":
                token, position = text[position - 1 : position + 1], position + 1
            elif token == '"':
                string = not string
            elif token == "#" and string and text.startswith("{", position):
                position = self.code_end(position + 1)
                code.append(text[match.start() : position])
                token = _HOLE
            elif token == "#" and not string:
                newline = text.find("\n", position)
                position = len(text) if newline < 0 else newline
                token = ""
            elif token in "[]{}" and not string:
                depth += 1 if token in "[{" else -1
                if depth > DEPTH:
                    raise self.fail("the value nests too deeply", match.start())
            parts.append(token)
            if depth == 0:
                return "".join(parts), position, code
        return "", 0, code


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _json_reason(error: ValueError) -> str:
    """What is wrong, without quoting the value."""
    return error.msg.lower() if isinstance(error, json.JSONDecodeError) else "a number out of range"


def _filled(value: Any, key: str, code: Sequence[str]) -> Any:
    if not code:
        return value
    if isinstance(value, str):
        return dynamic(key, code) if _HOLE in value else value
    if isinstance(value, list):
        return [_filled(item, key, code) for item in value]
    if isinstance(value, dict):
        return {name.replace(_HOLE, "#{}"): _filled(item, key, code) for name, item in value.items()}
    return value
