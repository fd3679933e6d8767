"""Terraform's language, text to syntax tree.

Written for speed and for exact positions: the lines that set an attribute to something plain,
most of all lines, cost one match of a regular expression each.
"""

from conformant.load.terraform.lexer import FLAT_TOKEN, PLAIN_ATTRIBUTE, TOKEN, SyntaxFault
from conformant.load.terraform.syntax import (
    Attribute,
    Binary,
    Block,
    Call,
    Conditional,
    Entries,
    For,
    Items,
    Literal,
    Node,
    SourceFile,
    Splat,
    Step,
    Traversal,
    Unary,
)
from conformant.load.terraform.template import heredoc, quoted

_DEEPEST = 100
_PRECEDENCE = {
    "||": 1, "&&": 2, "==": 3, "!=": 3, "<": 4, ">": 4, "<=": 4, ">=": 4, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6,
}  # fmt: skip
_KEYWORDS = {"true": True, "false": False, "null": None}


def parse(file: SourceFile) -> Block:
    """The file as one block without a type. Raises SyntaxFault."""
    return Parser(file).whole()


class Parser:
    """Reads tokens one at a time; `kind`, `value`, `start` and `end` describe the current one."""

    __slots__ = ("depth", "end", "file", "flat", "kind", "start", "text", "value")

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.text = file.text
        self.flat = False
        self.depth = 0
        self.start = self.end = 0
        self.kind = ""
        self.value = ""

    def advance(self) -> None:
        match = (FLAT_TOKEN if self.flat else TOKEN).match(self.text, self.end)
        assert match is not None  # the last alternatives take anything
        kind = match.lastgroup
        assert kind is not None
        self.kind = kind
        self.value = match[kind]
        self.end = match.end()
        self.start = self.end - len(self.value)
        if kind == "string":
            self.start -= 2
        elif kind == "wrong":
            raise self.fault(f"unexpected {self.value!r}")

    def fault(self, message: str) -> SyntaxFault:
        return SyntaxFault(message, self.start)

    def expected(self, what: str) -> SyntaxFault:
        found = {"end": "the end of the text", "newline": "a line break", "string": "a string"}.get(
            self.kind, repr(self.value)
        )
        return self.fault(f"expected {what}, found {found}")

    def at(self, operator: str) -> bool:
        return self.value == operator and self.kind == "op"

    def take(self, operator: str) -> None:
        if not self.at(operator):
            raise self.expected(repr(operator))
        self.advance()

    def skip_newlines(self) -> None:
        while self.kind == "newline":
            self.advance()

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.fault(f"nested more than {_DEEPEST} levels deep")

    # -- bodies

    def whole(self) -> Block:
        block = Block(self.file, "", (), 0)
        self.plain_attributes(block)
        self.advance()
        self.body(block)
        if self.kind != "end":
            raise self.expected("a definition")
        block.end = len(self.text)
        return block

    def plain_attributes(self, block: Block) -> None:
        text, end, attributes, match = self.text, self.end, block.attributes, PLAIN_ATTRIBUTE.match
        while found := match(text, end):
            name, string, truth, number = found.groups()
            start = found.start(1)
            if name in attributes:
                raise SyntaxFault(f"{name} is set twice", start)
            if string is not None:
                at = found.start(2)
                value: Node = Literal(string, at - 1, at + len(string) + 1)
            elif truth is not None:
                value = Literal(truth == "true", found.start(3), found.end(3))
            else:
                value = Literal(int(number), found.start(4), found.end(4))
            attributes[name] = Attribute(name, value, start)
            end = found.end()
        self.end = end

    def body(self, block: Block) -> None:
        """The definitions up to a closing brace or the end of the text."""
        self.deeper()
        while True:
            if self.kind == "newline":
                self.plain_attributes(block)
                self.advance()
            elif self.kind == "name":
                name, start = self.value, self.start
                self.advance()
                if self.at("="):
                    self.advance()
                    if name in block.attributes:
                        raise SyntaxFault(f"{name} is set twice", start)
                    block.attributes[name] = Attribute(name, self.expression(), start)
                else:
                    block.blocks.append(self.block(name, start))
                if self.kind not in ("newline", "end"):
                    raise self.expected("a line break")
            else:
                break
        self.depth -= 1

    def block(self, type: str, start: int) -> Block:
        labels = []
        while self.kind in ("name", "string"):
            labels.append(self.value)
            self.advance()
        block = Block(self.file, type, tuple(labels), start)
        if not self.at("{"):
            raise self.expected("'=' or '{'")
        self.advance()
        if self.kind == "newline":
            self.body(block)
        elif self.kind == "name":
            self.only_attribute(block)
        block.end = self.end
        self.take("}")
        return block

    def only_attribute(self, block: Block) -> None:
        """The one definition of a block that is written on one line."""
        name, start = self.value, self.start
        self.advance()
        self.take("=")
        block.attributes[name] = Attribute(name, self.expression(), start)

    # -- expressions

    def expression(self) -> Node:
        self.deeper()
        node = self.operation(1)
        if self.at("?"):
            self.advance()
            yes = self.expression()
            self.take(":")
            node = Conditional(node, yes, self.expression())
        self.depth -= 1
        return node

    def operation(self, lowest: int) -> Node:
        left = self.operand()
        while self.kind == "op":
            operator = self.value
            precedence = _PRECEDENCE.get(operator, 0)
            if precedence < lowest:
                break
            self.advance()
            left = Binary(operator, left, self.operation(precedence + 1))
        return left

    def operand(self) -> Node:
        kind, value, start, end = self.kind, self.value, self.start, self.end
        node: Node
        if kind == "string":
            node = Literal(value, start, end)
            self.advance()
        elif kind == "name":
            self.advance()
            if self.kind == "op" and self.value in ("(", "::"):
                node = self.call(value, start)
            elif value in _KEYWORDS:
                node = Literal(_KEYWORDS[value], start, end)
            else:
                steps = self.steps()
                return Traversal(value, steps, start, self.behind(steps, end))
        elif kind == "number":
            node = Literal(_number(value), start, end)
            self.advance()
        elif kind == "quote":
            node = quoted(self)
            self.advance()
        elif kind == "heredoc":
            node = heredoc(self)
            self.advance()
        elif kind == "op" and value in ("-", "!"):
            self.advance()
            self.deeper()
            operand = self.operand()
            self.depth -= 1
            if operand.__class__ is Literal and value == "-" and operand.value.__class__ in (int, float):
                return Literal(-operand.value, start, operand.end)
            return Unary(value, operand, start)
        elif kind == "op" and value in ("(", "[", "{"):
            node = self.bracketed(value, start)
        else:
            raise self.expected("a value")
        end = node.end
        steps = self.steps()
        return Traversal(node, steps, start, self.behind(steps, end)) if steps else node

    def behind(self, steps: list[Step], end: int) -> int:
        """Where the text before the current token ends, when steps were read."""
        if not steps:
            return end
        return len(self.text[: self.start].rstrip())

    def call(self, name: str, start: int) -> Call:
        while self.at("::"):
            self.advance()
            name += "::" + self.value
            self.advance()
        outer, self.flat = self.flat, True
        self.take("(")
        arguments: list[Node] = []
        expand = False
        while not self.at(")"):
            arguments.append(self.expression())
            if self.at("..."):
                expand = True
                self.advance()
                break
            if not self.at(")"):
                self.take(",")
        return Call(name, arguments, expand, start, self.close(")", outer))

    def close(self, bracket: str, outer: bool) -> int:
        """Past the closing bracket, back to the outer rule about line breaks."""
        if not self.at(bracket):
            raise self.expected(repr(bracket))
        self.flat = outer
        end = self.end
        self.advance()
        return end

    def bracketed(self, bracket: str, start: int) -> Node:
        outer, self.flat = self.flat, bracket != "{"
        self.advance()
        if bracket == "(":
            node = self.expression()
            self.close(")", outer)
            return node
        self.skip_newlines()
        if self.kind == "name" and self.value == "for":
            self.flat = True
            return self.comprehension(bracket, outer, start)
        if bracket == "[":
            items: list[Node] = []
            while not self.at("]"):
                items.append(self.expression())
                if not self.at("]"):
                    self.take(",")
            return Items(items, start, self.close("]", outer))
        entries: list[tuple[Node, Node, int]] = []
        while not self.at("}"):
            entries.append(self.entry())
            if self.at(","):
                self.advance()
            elif self.kind != "newline" and not self.at("}"):
                raise self.expected("',' or '}'")
            self.skip_newlines()
        return Entries(entries, start, self.close("}", outer))

    def entry(self) -> tuple[Node, Node, int]:
        start = self.start
        key: Node | None = None
        if self.kind == "name":
            key = Literal(self.value, start, self.end)
            self.advance()
            if not (self.at("=") or self.at(":")):
                self.end = start
                self.advance()
                key = None
        if key is None:
            key = self.expression()
            if key.__class__ is Literal and key.value.__class__ is not str:
                key = Literal(self.text[key.start : key.end], key.start, key.end)
        if not self.at(":") and not self.at("="):
            raise self.expected("'='")
        self.advance()
        return key, self.expression(), start

    def comprehension(self, bracket: str, outer: bool, start: int) -> For:
        self.advance()
        names = [self.name()]
        if self.at(","):
            self.advance()
            names.append(self.name())
        if self.kind != "name" or self.value != "in":
            raise self.expected("'in'")
        self.advance()
        collection = self.expression()
        self.take(":")
        key = None
        value = self.expression()
        grouped = False
        if bracket == "{":
            key = value
            self.take("=>")
            value = self.expression()
            if self.at("..."):
                grouped = True
                self.advance()
        condition = None
        if self.kind == "name" and self.value == "if":
            self.advance()
            condition = self.expression()
        end = self.close("]" if bracket == "[" else "}", outer)
        return For(tuple(names), collection, key, value, condition, grouped, start, end)

    def name(self) -> str:
        if self.kind != "name":
            raise self.expected("a name")
        name = self.value
        self.advance()
        return name

    def steps(self) -> list[Step]:
        """What follows a value: attributes, indexes, splats."""
        found: list[Step] = []
        while self.kind == "op":
            if self.value == ".":
                self.advance()
                if self.at("*"):
                    self.advance()
                    found.append(Splat(self.attribute_steps()))
                else:
                    found.extend(self.attribute_step())
            elif self.value == "[":
                outer, self.flat = self.flat, True
                self.advance()
                if self.at("*"):
                    self.advance()
                    self.close("]", outer)
                    found.append(Splat(self.steps()))
                else:
                    index = self.expression()
                    self.close("]", outer)
                    found.append(index)
            else:
                break
        return found

    def attribute_steps(self) -> list[Step]:
        found: list[Step] = []
        while self.at("."):
            self.advance()
            found.extend(self.attribute_step())
        return found

    def attribute_step(self) -> list[Step]:
        value, kind = self.value, self.kind
        if kind == "name":
            self.advance()
            return [value]
        if kind == "number":
            self.advance()
            return [int(part) for part in value.split(".")]
        raise self.expected("a name")


def _number(text: str) -> int | float:
    if text.isdigit() and len(text) < 400:
        return int(text)
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 1e15 else value
