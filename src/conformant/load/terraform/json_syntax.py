"""Terraform's JSON syntax (``.tf.json``, ``.tfvars.json``) to the same syntax tree.

JSON cannot tell a nested block from an attribute that is an object. What sits inside a resource
and holds an object is taken for a block, as CDKTF and most generators write it, unless its name
is one that providers use for maps.
"""

import json
import re
from typing import Any

from conformant.load.terraform.lexer import SyntaxFault
from conformant.load.terraform.parser import parse
from conformant.load.terraform.syntax import (
    Attribute,
    Block,
    Entries,
    Items,
    Literal,
    Node,
    SourceFile,
)
from conformant.regex import lazy

_LABELS = {"resource": 2, "data": 2, "ephemeral": 2, "variable": 1, "output": 1, "module": 1, "provider": 1}
_WHOLE = ("locals", "terraform")
_MAPS = frozenset(
    {
        "annotations", "default", "default_tags_map", "for_each", "keepers", "labels", "match_labels", "providers",
        "tags", "tags_all", "triggers", "triggers_replace", "value", "variables",
    }
)  # fmt: skip
_INTERPOLATED = lazy(r"[$%]\{")


def parse_json(file: SourceFile) -> Block:
    """The file as one block without a type. Raises SyntaxFault."""
    whole = Block(file, "", (), 0)
    whole.end = len(file.text)
    read = _Reader(file)
    value = read.loaded()
    for document in value if isinstance(value, list) else [value]:
        if not isinstance(document, dict):
            raise SyntaxFault("expected an object", 0)
        for type, content in document.items():
            if type == "//":
                continue
            depth = _LABELS.get(type)
            if depth is None and type not in _WHOLE:
                whole.attributes[type] = Attribute(type, read.literal(content, type), read.find(type))
            else:
                read.declare(whole, type, (), content, depth or 0)
    return whole


def parse_json_values(file: SourceFile) -> dict[str, Attribute]:
    """The top-level keys of a ``.tfvars.json``. Raises SyntaxFault."""
    read = _Reader(file)
    value = read.loaded()
    if not isinstance(value, dict):
        raise SyntaxFault("expected an object", 0)
    return {
        name: Attribute(name, Literal(each, read.find(name), read.find(name)), read.find(name))
        for name, each in value.items()
    }


class _Reader:
    def __init__(self, file: SourceFile) -> None:
        self.file = file

    def loaded(self) -> Any:
        try:
            return json.loads(self.file.text)
        except json.JSONDecodeError as error:
            raise SyntaxFault(error.msg, error.pos)

    def find(self, name: str, after: int = 0) -> int:
        """Where a key stands behind `after`, else `after`."""
        return max(after, self.file.text.find(json.dumps(name, ensure_ascii=False), after))

    def declare(
        self, outer: Block, type: str, labels: tuple[str, ...], content: Any, depth: int, after: int = 0
    ) -> None:
        for each in content if isinstance(content, list) else [content]:
            if not isinstance(each, dict):
                raise SyntaxFault(f"{type}: expected an object", self.find(type, after))
            start = self.find(labels[-1] if labels else type, after)
            if depth:
                for label, inner in each.items():
                    if label != "//":
                        self.declare(outer, type, (*labels, label), inner, depth - 1, start)
            else:
                outer.blocks.append(self.block(type, labels, each, start))

    def block(self, type: str, labels: tuple[str, ...], content: dict[str, Any], start: int) -> Block:
        block = Block(self.file, type, labels, start)
        block.end = start
        for name, value in content.items():
            if name == "//":
                continue
            at = self.find(name, start)
            if name == "dynamic" and isinstance(value, dict):
                for label, inner in value.items():
                    self.declare(block, "dynamic", (label,), inner, 0, at)
            elif name == "backend" and type == "terraform" and isinstance(value, dict):
                for label, inner in value.items():
                    self.declare(block, "backend", (label,), inner, 0, at)
            elif type not in ("locals", "variable", "output", "module") and _is_block(name, value):
                self.declare(block, name, (), value, 0, at)
            else:
                block.attributes[name] = Attribute(name, self.expression(value, at), at)
        return block

    def literal(self, value: Any, name: str) -> Node:
        at = self.find(name)
        return Literal(value, at, at)

    def expression(self, value: Any, at: int) -> Node:
        if isinstance(value, str) and _INTERPOLATED.search(value):
            return self.template(value, at)
        if isinstance(value, list):
            return Items([self.expression(each, at) for each in value], at, at)
        if isinstance(value, dict):
            entries = [
                (Literal(key, at, at), self.expression(each, at), self.find(key, at)) for key, each in value.items()
            ]
            return Entries(list(entries), at, at)
        return Literal(value, at, at)

    def template(self, text: str, at: int) -> Node:
        source = text.replace("\\", "\\\\").replace("\n", "\\n")
        outside = re.split(r"([$%]\{[^}]*\})", source)
        outside[::2] = [piece.replace('"', '\\"') for piece in outside[::2]]
        try:
            node = parse(SourceFile("", f'x = "{"".join(outside)}"\n')).attributes["x"].value
        except SyntaxFault as fault:
            raise SyntaxFault(fault.message, at)
        node.start = node.end = at
        return node


def _is_block(name: str, value: Any) -> bool:
    if name in _MAPS:
        return False
    if isinstance(value, dict):
        return True
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)
