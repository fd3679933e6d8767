"""The syntax tree of the Terraform language: what the parser makes and the evaluator reads.

Positions are offsets into the text of the file; `SourceFile` turns them into places.
"""

from bisect import bisect_right
from typing import Any

from conformant.model import Place


class SourceFile:
    """The text of one file, and where a reader finds it.

    `shown` is the name that places carry; `first_line` is the line of that file on which the
    text begins (1, except for a block cut out of a document).
    """

    __slots__ = ("_comments", "_starts", "first_line", "shown", "text")

    def __init__(self, shown: str, text: str, first_line: int = 1) -> None:
        self.shown = shown
        self.text = text
        self.first_line = first_line
        self._starts: list[int] | None = None
        self._comments: dict[int, tuple[str, bool]] | None = None

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, as the reader counts them."""
        if self._starts is None:
            self._starts = [0]
            for text in self.text.split("\n"):
                self._starts.append(self._starts[-1] + len(text) + 1)
            self._starts.pop()
        line = bisect_right(self._starts, offset)
        return line - 1 + self.first_line, offset - self._starts[line - 1] + 1

    def place(self, start: int, end: int = 0) -> Place:
        line, column = self.position(start)
        return Place(self.shown, line, column, self.position(end)[0] if end > start else 0)

    def comments(self, line: int) -> list[tuple[int, str]]:
        """The comment on `line` and those on comment lines directly above it, top down."""
        if self._comments is None:
            from conformant.load.terraform.lexer import comments

            self._comments = {self.position(start)[0]: (text, alone) for start, text, alone in comments(self.text)}
        found = [(line, self._comments[line][0])] if line in self._comments else []
        above = line - 1
        while above in self._comments and self._comments[above][1]:
            found.insert(0, (above, self._comments[above][0]))
            above -= 1
        return found


class Node:
    """An expression; `start` and `end` enclose its text."""

    __slots__ = ("end", "start")

    start: int
    end: int


class Literal(Node):
    __slots__ = ("value",)

    def __init__(self, value: Any, start: int, end: int) -> None:
        self.value = value
        self.start = start
        self.end = end


class Template(Node):
    """A string with interpolations: literal parts, expressions, `Repeat`s and `Choice`s."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[Any], start: int, end: int) -> None:
        self.parts = parts
        self.start = start
        self.end = end


class Repeat:
    """``%{ for key, value in collection }…%{ endfor }`` inside a template."""

    __slots__ = ("collection", "names", "parts")

    def __init__(self, names: tuple[str, ...], collection: Node, parts: list[Any]) -> None:
        self.names = names
        self.collection = collection
        self.parts = parts


class Choice:
    """``%{ if condition }…%{ else }…%{ endif }`` inside a template."""

    __slots__ = ("condition", "no", "yes")

    def __init__(self, condition: Node, yes: list[Any], no: list[Any]) -> None:
        self.condition = condition
        self.yes = yes
        self.no = no


class Items(Node):
    """A list: ``[a, b]``. `constant` is its value when every item is a literal."""

    __slots__ = ("constant", "items")

    def __init__(self, items: list[Node], start: int, end: int) -> None:
        self.items = items
        self.start = start
        self.end = end
        self.constant: list[Any] | None = constants(items)


class Entries(Node):
    """An object: ``{ key = value }``, as (key, value, offset of the key)."""

    __slots__ = ("constant", "entries")

    def __init__(self, entries: list[tuple[Node, Node, int]], start: int, end: int) -> None:
        self.entries = entries
        self.start = start
        self.end = end
        self.constant: dict[str, Any] | None = None
        values = constants([value for _, value, _ in entries])
        if values is not None and all(key.__class__ is Literal for key, _, _ in entries):
            keys = [key.value for key, _, _ in entries if isinstance(key, Literal)]
            if all(key.__class__ is str for key in keys):
                self.constant = dict(zip(keys, values, strict=True))


def constants(nodes: list[Node]) -> list[Any] | None:
    """The values of nodes that are all constant, else None."""
    values = []
    for node in nodes:
        kind = node.__class__
        if kind is Literal:
            values.append(node.value)  # type: ignore[attr-defined]  # narrowed by kind
        elif (kind is Items or kind is Entries) and node.constant is not None:  # type: ignore[attr-defined]  # narrowed by kind
            values.append(node.constant)  # type: ignore[attr-defined]  # narrowed by kind
        else:
            return None
    return values


class Splat:
    """``[*]`` (or ``.*``): `steps` are followed in each element of what comes before."""

    __slots__ = ("steps",)

    def __init__(self, steps: "list[Step]") -> None:
        self.steps = steps


Step = str | int | Node | Splat
"""What follows a dot, a dot and a number, an expression in brackets, a splat."""


class Traversal(Node):
    """``root.attribute[index]``; the root is a name, or any expression in front of a step."""

    __slots__ = ("root", "steps")

    def __init__(self, root: str | Node, steps: list[Step], start: int, end: int) -> None:
        self.root = root
        self.steps = steps
        self.start = start
        self.end = end


class Call(Node):
    __slots__ = ("arguments", "expand", "name")

    def __init__(self, name: str, arguments: list[Node], expand: bool, start: int, end: int) -> None:
        self.name = name
        self.arguments = arguments
        self.expand = expand
        self.start = start
        self.end = end


class Unary(Node):
    __slots__ = ("operand", "operator")

    def __init__(self, operator: str, operand: Node, start: int) -> None:
        self.operator = operator
        self.operand = operand
        self.start = start
        self.end = operand.end


class Binary(Node):
    __slots__ = ("left", "operator", "right")

    def __init__(self, operator: str, left: Node, right: Node) -> None:
        self.operator = operator
        self.left = left
        self.right = right
        self.start = left.start
        self.end = right.end


class Conditional(Node):
    __slots__ = ("condition", "no", "yes")

    def __init__(self, condition: Node, yes: Node, no: Node) -> None:
        self.condition = condition
        self.yes = yes
        self.no = no
        self.start = condition.start
        self.end = no.end


class For(Node):
    """``[for … : value if condition]``, or with a key ``{for … : key => value... if condition}``."""

    __slots__ = ("collection", "condition", "grouped", "key", "names", "value")

    def __init__(
        self, names: tuple[str, ...], collection: Node, key: Node | None, value: Node,
        condition: Node | None, grouped: bool, start: int, end: int,
    ) -> None:  # fmt: skip
        self.names = names
        self.collection = collection
        self.key = key
        self.value = value
        self.condition = condition
        self.grouped = grouped
        self.start = start
        self.end = end


class Attribute:
    """``name = value``; `start` is where the name stands."""

    __slots__ = ("name", "start", "value")

    def __init__(self, name: str, value: Node, start: int) -> None:
        self.name = name
        self.value = value
        self.start = start


class Block:
    """``type "label" { … }`` in `file`."""

    __slots__ = ("attributes", "blocks", "end", "file", "labels", "start", "type")

    def __init__(self, file: SourceFile, type: str, labels: tuple[str, ...], start: int) -> None:
        self.file = file
        self.type = type
        self.labels = labels
        self.start = start
        self.end = start
        self.attributes: dict[str, Attribute] = {}
        self.blocks: list[Block] = []

    def of(self, type: str) -> "list[Block]":
        """The nested blocks of one type."""
        return [block for block in self.blocks if block.type == type]

    def text(self, node: Node) -> str:
        """The source text of an expression in this block."""
        return self.file.text[node.start : node.end]
