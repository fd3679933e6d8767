"""Changes one value in a YAML text and nothing else: comments, order, quotes and anchors stay.

Every edit is proven before it is given back: the new text, read again, holds exactly the values that
the change asks for.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import yaml

from conformant.load.yaml_exact import ALIAS, MAPPING, SCALAR, SEQUENCE, Malformed, Node, Templated, compose, construct
from conformant.load.yaml_exact import child as child_of
from conformant.model import REMOVE, Step

INDENT = 2


class CannotEdit(Exception):
    """The text cannot be changed so without touching more; says why."""


def edited(text: str, path: Sequence[Step], value: Any) -> str:
    """The text of one document with `value` at `path`, or without it where `value` is REMOVE.

    Missing mappings on the way are made; an index one past the end appends. Raises CannotEdit.
    """
    root = _root(text)
    wanted = changed(construct(root)[0], path, value)
    new = _Edit(text, root).apply(path, value)
    if construct(_root(new))[0] != wanted:
        raise CannotEdit("the change would alter more than its own value")
    return new


def changed(raw: Any, path: Sequence[Step], value: Any) -> Any:
    """A copy of `raw` with `value` at `path`. Raises CannotEdit where the way leads through a scalar."""
    copy = deepcopy(raw)
    holder = copy
    *way, last = path
    for index, step in enumerate(way):
        if isinstance(holder, dict) and holder.get(step) is None:
            if value is REMOVE:
                return copy
            holder[step] = [] if isinstance(path[index + 1], int) else {}
        try:
            holder = holder[step]
        except (KeyError, IndexError, TypeError):
            raise CannotEdit("its path leads through something that is not there") from None
    if value is REMOVE:
        if isinstance(holder, dict):
            holder.pop(last, None)
        elif isinstance(holder, list) and isinstance(last, int) and last < len(holder):
            del holder[last]
    elif isinstance(holder, list) and last == len(holder):
        holder.append(deepcopy(value))
    elif isinstance(holder, dict) or (isinstance(holder, list) and isinstance(last, int) and last < len(holder)):
        holder[last] = deepcopy(value)  # type: ignore[index]  # of a mapping any step, of a list an index
    else:
        raise CannotEdit("its path leads through something that is not there")
    return copy


def _root(text: str) -> Node:
    try:
        root = compose(text)
    except (Malformed, Templated) as error:
        raise CannotEdit(f"the document cannot be read: {error}") from None
    if root is None:
        raise CannotEdit("the document is empty")
    return root


class _Edit:
    def __init__(self, text: str, root: Node) -> None:
        self.text = text
        self.root = root
        self.line_end = "\r\n" if "\r\n" in text else "\n"

    def apply(self, path: Sequence[Step], value: Any) -> str:
        node = self.root
        for depth, step in enumerate(path):
            found = child_of(node, step)
            if found is None:
                return self.text if value is REMOVE else self.insert(node, step, _nested(path[depth + 1 :], value))
            if found.owner is not node:
                raise CannotEdit("an alias or a merge key stands in the way: other places share the value")
            if depth == len(path) - 1:
                return self.remove(node, found.value) if value is REMOVE else self.replace(node, found.value, value)
            if _empty(found.value):
                return self.replace(node, found.value, _nested(path[depth + 1 :], value))
            node = found.value
        raise CannotEdit("there is no path")

    # replacing

    def replace(self, owner: Node, node: Node, value: Any) -> str:
        block = node.kind in (MAPPING, SEQUENCE) and not node.flow
        if node.kind == ALIAS:
            return self.cut(node.start, node.end, _inline(value))
        if _collection(value) and not owner.flow and (block or _empty(node)):
            key = self.key_of(owner, node)
            if key is None and not block:
                raise CannotEdit("a list item without a value of its own")
            if block:
                return self.cut(node.start, self.last(node), self.block(value, self.column(node.start)).lstrip(" "))
            start = self.after_colon(key) if key is not None else node.start
            column = self.column(key.start if key is not None else node.start) + INDENT
            return self.cut(start, start, self.line_end + self.block(value, column))
        if block:
            key = self.key_of(owner, node)
            start = self.after_colon(key) if key is not None else node.start
            return self.cut(start, self.last(node), f" {_inline(value)}" if key is not None else _inline(value))
        if _empty(node):
            key = self.key_of(owner, node)
            if key is None:
                raise CannotEdit("a list item without a value of its own")
            start = self.after_colon(key)
            return self.cut(start, start, f" {_inline(value)}")
        return self.cut(node.start, self.last(node), _inline(value))

    # inserting

    def insert(self, node: Node, step: Step, value: Any) -> str:
        if node.kind == ALIAS:
            raise CannotEdit("an alias stands in the way: other places share the value")
        if node.kind == SCALAR or (node.kind == SEQUENCE) is not isinstance(step, int):
            raise CannotEdit("its path leads through a value of another kind")
        if isinstance(step, int) and step != len(node.value):
            raise CannotEdit("there is no such list item")
        entry = {step: value} if node.kind == MAPPING else [value]
        if node.flow:
            inside = _inline(entry)[1:-1]
            if not node.value:
                return self.cut(node.start + 1, node.end - 1, inside)
            last = self.last(_end_of(node))
            return self.cut(last, last, f", {inside}")
        if not node.value:
            raise CannotEdit("there is nothing to stand beside")
        start = self.row_end(self.last(node))
        lines = self.block(entry, self.column(node.start))
        return self.cut(start, start, self.line_end + lines)

    # removing

    def remove(self, owner: Node, node: Node) -> str:
        entries = (
            [(key, value) for key, value in owner.value] if owner.kind == MAPPING else [(v, v) for v in owner.value]
        )
        index = next(at for at, (_, value) in enumerate(entries) if value is node)
        key = entries[index][0]
        if len(entries) == 1:
            empty = "{}" if owner.kind == MAPPING else "[]"
            return self.cut(owner.start, owner.end if owner.flow else self.last(owner), empty)
        end = self.last(node) if not _empty(node) or owner.kind == SEQUENCE else self.after_colon(key)
        if owner.flow:
            if index + 1 < len(entries):
                return self.cut(key.start, entries[index + 1][0].start, "")
            return self.cut(self.last(entries[index - 1][1]), end, "")
        if owner.kind == MAPPING and index == 0:
            return self.cut(key.start, entries[1][0].start, "")
        start = self.text.rfind("\n", 0, self.dash(key.start) if owner.kind == SEQUENCE else key.start) + 1
        if self.text[start : key.start].strip(" -"):
            raise CannotEdit("something else stands on its line")
        stop = self.row_end(end)
        stop = stop + len(self.line_end) if self.text.startswith(self.line_end, stop) else stop
        return self.cut(start, stop, "")

    def dash(self, start: int) -> int:
        """Where the dash of a list item stands."""
        at = self.text.rfind("-", 0, start)
        if at < 0 or self.text[at + 1 : start].strip():
            raise CannotEdit("the list item is not written in a way that it can be taken out")
        return at

    # places in the text

    def cut(self, start: int, end: int, instead: str) -> str:
        return self.text[:start] + instead + self.text[end:]

    def column(self, at: int) -> int:
        return at - self.text.rfind("\n", 0, at) - 1

    def last(self, node: Node) -> int:
        """The end of what a node says, line breaks and blanks after it left out."""
        end = node.end
        while end > node.start and self.text[end - 1] in " \t\r\n":
            end -= 1
        return end

    def row_end(self, at: int) -> int:
        """The end of the line of `at`, before its line break."""
        end = self.text.find("\n", at)
        end = len(self.text) if end < 0 else end
        return end - 1 if end > at and self.text[end - 1] == "\r" else end

    def after_colon(self, key: Node) -> int:
        at = self.text.index(":", key.end)
        return at + 1

    def key_of(self, owner: Node, node: Node) -> Node | None:
        return next((key for key, value in owner.value if value is node), None) if owner.kind == MAPPING else None

    def block(self, value: Any, column: int) -> str:
        """A collection in block style, indented to `column`, without a line break at its end."""
        dumped = yaml.dump(
            value, Dumper=_Dumper, default_flow_style=False, sort_keys=False, allow_unicode=True, width=1000
        )
        return self.line_end.join(" " * column + line for line in dumped.rstrip("\n").split("\n"))


class _Dumper(yaml.SafeDumper):
    """Repeats values instead of naming them by anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _inline(value: Any) -> str:
    """A value on one line."""
    dumped: str = yaml.dump(
        value, Dumper=_Dumper, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6
    )
    return dumped.removesuffix("\n").removesuffix("\n...").rstrip("\n")


def _nested(path: Sequence[Step], value: Any) -> Any:
    for step in reversed(path):
        if isinstance(step, int):
            if step:
                raise CannotEdit("there is no such list item")
            value = [value]
        else:
            value = {step: value}
    return value


def _collection(value: Any) -> bool:
    return isinstance(value, dict | list) and bool(value)


def _empty(node: Node) -> bool:
    return node.kind == SCALAR and node.start == node.end


def _end_of(node: Node) -> Node:
    last = node.value[-1]
    found: Node = last[1] if node.kind == MAPPING else last
    return found
