"""Places of values in Terraform files."""

from collections.abc import Iterable, Sequence
from typing import Any

from conformant.load.terraform.syntax import Block, Call, Entries, Items, Literal, Node
from conformant.model import Place, Step

_TRANSPARENT = frozenset({"jsonencode", "tolist", "toset", "tomap", "sensitive", "nonsensitive", "merge"})


class BlockLocator:
    """Finds values of a resource in its block. `expanded` gives the block that an element of a
    nested list came from, by identity, where a dynamic block made it."""

    __slots__ = ("block", "expanded", "raw")

    def __init__(self, block: Block, raw: Any = None, expanded: dict[int, Block] | None = None) -> None:
        self.block = block
        self.raw = raw
        self.expanded = expanded or {}

    def place(self, path: Sequence[Step]) -> Place:
        start, end = self._span(path)
        return self.block.file.place(start, end)

    def comments(self, path: Sequence[Step]) -> Iterable[tuple[int, str]]:
        file = self.block.file
        return file.comments(file.position(self._span(path)[0])[0])

    def _span(self, path: Sequence[Step]) -> tuple[int, int]:
        block, value = self.block, self.raw
        start, end = block.start, block.end
        position = 0
        while position < len(path):
            name = path[position]
            attribute = block.attributes.get(name) if isinstance(name, str) else None
            if attribute is not None:
                return _inside(attribute.value, path[position + 1 :], attribute.start)
            following = path[position + 1] if position + 1 < len(path) else 0
            index = following if isinstance(following, int) else 0
            siblings = value.get(name) if isinstance(value, dict) else None
            nested = self._nested(block, str(name), index, siblings if isinstance(siblings, list) else [])
            if nested is None:
                break
            block = nested
            value = siblings[index] if isinstance(siblings, list) and index < len(siblings) else None
            start, end = block.start, block.end
            position += 2
        return start, end

    def _nested(self, block: Block, name: str, index: int, siblings: list[Any]) -> Block | None:
        element = siblings[index] if 0 <= index < len(siblings) else None
        if id(element) in self.expanded:
            return self.expanded[id(element)]
        before = sum(id(sibling) in self.expanded for sibling in siblings[:index])
        static = block.of(name)
        if 0 <= index - before < len(static):
            return static[index - before]
        return next((each for each in block.of("dynamic") if each.labels[:1] == (name,)), None)


def _inside(node: Node, path: Sequence[Step], start: int) -> tuple[int, int]:
    """Where `path` leads inside an expression: to a key, an element, or as far as it goes."""
    end = node.end
    for step in path:
        while isinstance(node, Call) and node.name in _TRANSPARENT and node.arguments:
            node = next((each for each in reversed(node.arguments) if _entry(each, step)), node.arguments[0])
        if isinstance(node, Items) and isinstance(step, int) and 0 <= step < len(node.items):
            node = node.items[step]
            start, end = node.start, node.end
            continue
        entry = _entry(node, step)
        if entry is None:
            break
        _, node, start = entry
        end = node.end
    return start, end


def _entry(node: Node, step: Step) -> tuple[Node, Node, int] | None:
    if isinstance(node, Entries):
        for entry in node.entries:
            if isinstance(entry[0], Literal) and entry[0].value == step:
                return entry
    return None
