"""YAML as kubectl reads it, on PyYAML's events: exact, with the place of every node, and bounded.

`compose` turns text into nodes, `construct` turns nodes into plain values. Both follow the rules
of the YAML library inside kubectl: YAML 1.1 booleans and octals, merge keys in the order in which
they stand, keys as JSON has them. Depth and alias expansion have limits, so that no text can
exhaust the stack or the memory.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from conformant.load.yaml_scalars import key_of_float, resolve_plain
from conformant.load.yaml_scan import MAX_DEPTH
from conformant.model import ROOT, Path, Step
from conformant.regex import lazy

SCALAR, MAPPING, SEQUENCE, ALIAS = "scalar", "mapping", "sequence", "alias"

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_TAG = "tag:yaml.org,2002:"
_TIMESTAMP = lazy(r"\d{4}-\d\d?-\d\d?(?:(?:[Tt]| )\d\d?:\d\d?:\d\d?(?:\.\d+)?(?:Z|[-+]\d\d:\d\d)?)?", re.ASCII)
_UNREADABLE = lazy("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LATE = frozenset(("could not find expected ':'", "found unexpected end of stream"))


class Malformed(Exception):
    """Text that kubectl would refuse: one line of explanation, and the offset of the fault."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset


class Templated(Exception):
    """A template marker stands where a value or a key should; `offset` is where."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"template marker at {offset}")
        self.offset = offset


class Node:
    """A scalar (`value` is its text), mapping (list of key and value nodes), sequence (list of
    nodes) or alias (the node that it stands for), from offset `start` to `end`.

    `plain` scalars have no quotes; `size` and `height` count aliases as what they expand to.
    """

    __slots__ = ("end", "flow", "height", "kind", "plain", "size", "start", "tag", "value")

    def __init__(self, kind: str, value: Any, start: int, end: int, tag: str = "") -> None:
        self.kind = kind
        self.value = value
        self.start = start
        self.end = end
        self.tag = tag
        self.plain = self.flow = False
        self.size = self.height = 1

    @property
    def merges(self) -> bool:
        """Whether this key merges mappings into the one that it stands in."""
        return self.kind == SCALAR and self.value == "<<" and (self.plain or self.tag == _TAG + "merge")


def compose(text: str, start: int = 0, end: int | None = None, *, alone: bool = True) -> Node | None:
    """The node between two offsets, or None where there is none. Unless it is to stand alone, what
    follows it may be anything. Raises `Malformed` and `Templated`."""
    loader = None
    try:
        loader = _Loader(text[start:end])
        root = _Composer(text, start).run(loader)
        while alone and root is not None and loader.get_event().__class__ is not yaml.StreamEndEvent:
            pass
        return root
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        if error.context_mark is not None and (error.problem in _LATE or mark is None):
            mark = error.context_mark
        reason = f"{error.problem} ({error.context})" if error.context else f"{error.problem}"
        raise Malformed(reason, start + (mark.index if mark else 0))
    except yaml.reader.ReaderError:
        bad = _UNREADABLE.search(text, start)
        what = f"control character U+{ord(bad.group()):04X}" if bad else "a character that YAML forbids"
        raise Malformed(what, bad.start() if bad else start)
    finally:
        if loader is not None:
            loader.dispose()


class _Composer:
    """Puts the events of one document together, with a stack of its own."""

    def __init__(self, text: str, base: int) -> None:
        self.text = text
        self.base = base
        self.open: list[Node] = []
        self.keys: list[Node | None] = []
        self.anchors: dict[str, Node] = {}

    def run(self, loader: Any) -> Node | None:
        while True:
            event = loader.get_event()
            kind = event.__class__
            if kind is yaml.ScalarEvent:
                done = self._scalar(event)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self._begin(event, MAPPING if kind is yaml.MappingStartEvent else SEQUENCE)
                continue
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                done = self.open.pop()
                self.keys.pop()
                if done.flow:
                    done.end = self.base + event.end_mark.index
            elif kind is yaml.AliasEvent:
                done = self._alias(event)
            elif kind is yaml.StreamEndEvent:
                return None
            else:
                continue
            if not self.open:
                return done
            self._attach(done)

    def _scalar(self, event: Any) -> Node:
        start = self.base + event.start_mark.index
        node = Node(SCALAR, event.value, start, self.base + event.end_mark.index, event.tag or "")
        node.plain = event.implicit[0]
        if node.plain and "{{" in node.value:
            self._refuse_marker_lines(node)
        elif event.style == '"' and "\\/" in self.text[start : node.end]:
            self._refuse_slash_escape(node)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def _begin(self, event: Any, kind: str) -> None:
        start = self.base + event.start_mark.index
        if len(self.open) >= MAX_DEPTH:
            raise Malformed(f"nested deeper than {MAX_DEPTH} levels", start)
        node = Node(kind, [], start, start, event.tag or "")
        node.flow = event.flow_style
        if kind == MAPPING and node.flow:
            end = self.base + event.end_mark.index
            if self.text.startswith("{", end):
                raise Templated(end - 1)
        if event.anchor:
            self.anchors[event.anchor] = node
        self.open.append(node)
        self.keys.append(None)

    def _alias(self, event: Any) -> Node:
        start = self.base + event.start_mark.index
        target = self.anchors.get(event.anchor)
        if target is None:
            raise Malformed("unknown anchor", start)  # its name may be a password that starts with a star
        if target in self.open:
            raise Malformed(f"anchor {event.anchor!r} contains itself", start)
        node = Node(ALIAS, target, start, self.base + event.end_mark.index)
        node.size, node.height = target.size, target.height
        return node

    def _attach(self, node: Node) -> None:
        parent = self.open[-1]
        parent.size += node.size
        parent.height = max(parent.height, node.height + 1)
        if parent.height + len(self.open) - 1 > MAX_DEPTH:
            raise Malformed(f"nested deeper than {MAX_DEPTH} levels", node.start)
        parent.end = max(parent.end, node.end)
        if parent.kind == SEQUENCE:
            parent.value.append(node)
            return
        key = self.keys[-1]
        if key is None:
            if node.kind == SCALAR and node.plain and "{{" in node.value:
                raise Templated(node.start)
            self.keys[-1] = node
        else:
            parent.value.append((key, node))
            self.keys[-1] = None

    def _refuse_marker_lines(self, node: Node) -> None:
        found = re.compile(r"\n[ \t]*(\{\{)").search(self.text, node.start, node.end)
        if found:
            raise Templated(found.start(1))

    def _refuse_slash_escape(self, node: Node) -> None:
        for escape in re.compile(r"\\(.)", re.DOTALL).finditer(self.text, node.start, node.end):
            if escape[1] == "/":
                raise Malformed("found unknown escape character (while parsing a quoted scalar)", escape.start())


def construct(root: Node) -> tuple[Any, list[tuple[Node, str, Node]]]:
    """The plain value of a node, and its duplicate keys: mapping node, key, key node.

    An aliased value is one object in several places. Raises `Malformed`.
    """
    aliased = sum(node.size for node in walk(root) if node.kind == ALIAS)
    if aliased > 100 and root.size > 1000 and aliased > _allowed_aliasing(root.size) * root.size:
        raise Malformed("document contains excessive aliasing", root.start)
    constructor = _Constructor()
    return constructor.value(root), constructor.duplicates


def walk(root: Node) -> Iterator[Node]:
    """All nodes below and including `root` in the order of the text; aliases are not followed."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        if node.kind == MAPPING:
            for key, value in reversed(node.value):
                waiting += (value, key)
        elif node.kind == SEQUENCE:
            waiting += reversed(node.value)


def paths(root: Node, wanted: list[Node]) -> list[Path]:
    """Where each of these nodes stands below `root`."""
    found: dict[Node, Path] = {}
    waiting = [(root, ROOT)] if wanted else []
    while waiting:
        node, path = waiting.pop()
        found[node] = path
        if node.kind == MAPPING:
            waiting += ((value, path / (key_of(key) or "<<")) for key, value in node.value)
        elif node.kind == SEQUENCE:
            waiting += ((item, path / index) for index, item in enumerate(node.value))
    return [found[node] for node in wanted]


def irregular(text: str, root: Node) -> bool:
    """Whether keys cannot be found by indentation alone: aliases, merge keys, repeated keys, and
    flow collections or quoted scalars of several lines, which may be indented as they like."""
    for node in walk(root):
        if node.kind == ALIAS:
            return True
        if node.kind == MAPPING:
            keys = {key_of(key) for key, _ in node.value}
            if len(keys) < len(node.value) or any(key.merges for key, _ in node.value):
                return True
        loose = node.flow or (node.kind == SCALAR and text.startswith(("'", '"'), node.start))
        if loose and "\n" in text[node.start : node.end]:
            return True
    return False


class Child(NamedTuple):
    """A value with the mapping or sequence that really holds it, and its key there."""

    owner: Node
    key: Node | None
    value: Node


def child(node: Node, step: Step) -> Child | None:
    """The value under a key or index, through aliases and merge keys; the last of several wins."""
    owner = node.value if node.kind == ALIAS else node
    if owner.kind == SEQUENCE and isinstance(step, int):
        return Child(owner, None, owner.value[step]) if 0 <= step < len(owner.value) else None
    if owner.kind != MAPPING:
        return None
    for key, value in reversed(owner.value):
        if key.merges:
            for part in reversed(merged(value)):
                if found := child(part, step):
                    return found
        elif key_of(key) == step:
            return Child(owner, key, value)
    return None


def key_of(node: Node) -> str | None:
    """A mapping key as JSON has it; None for a key that JSON cannot have."""
    if node.kind == ALIAS:
        return key_of(node.value)
    if node.kind != SCALAR:
        return None
    value = node.value if not node.plain and not node.tag else _resolve(node)
    if value.__class__ is str:
        return str(value)
    if value is True or value is False:
        return str(value).lower()
    if value.__class__ is int:
        return str(value) if -(2**63) <= value < 2**63 else None
    return key_of_float(value) if value.__class__ is float else None


class _Constructor:
    def __init__(self) -> None:
        self.done: dict[Node, Any] = {}
        self.duplicates: list[tuple[Node, str, Node]] = []

    def value(self, node: Node) -> Any:
        if node.kind == SCALAR:
            return _json_number(node, _resolve(node)) if node.plain or node.tag else node.value
        if node.kind == ALIAS:
            return self.value(node.value)
        if node not in self.done:
            build = self._mapping if node.kind == MAPPING else lambda each: [self.value(i) for i in each.value]
            self.done[node] = build(node)
        return self.done[node]

    def _mapping(self, node: Node) -> dict[str, Any]:
        built: dict[str, Any] = {}
        stated: set[str] = set()
        for key_node, value_node in node.value:
            if key_node.merges:
                for part in merged(value_node):
                    built.update(self.value(part))
                continue
            key = key_of(key_node)
            if key is None:
                raise Malformed("a mapping key that is no string, number or boolean", key_node.start)
            if key in stated:
                self.duplicates.append((node, key, key_node))
            stated.add(key)
            built[key] = self.value(value_node)
        return built


def merged(node: Node) -> list[Node]:
    """The mappings that a merge key takes in, weakest first. Raises `Malformed`."""
    parts = list(reversed(node.value)) if node.kind == SEQUENCE else [node]
    targets = [part.value if part.kind == ALIAS else part for part in parts]
    for target in targets:
        if target.kind != MAPPING:
            raise Malformed("a merge key needs a mapping or a list of mappings", node.start)
    return targets


def _resolve(node: Node) -> Any:
    """What a plain or tagged scalar means."""
    text: str = node.value
    if not node.tag:
        return resolve_plain(text)
    kind = node.tag.removeprefix(_TAG)
    if kind == "binary":
        try:
            return base64.b64decode(re.sub(r"[\r\n]", "", text), validate=True).decode("utf-8", "replace")
        except binascii.Error:
            raise Malformed("!!binary without valid base64", node.start)
    if kind not in ("bool", "int", "float", "null", "timestamp"):
        return text
    value = resolve_plain(text)
    if kind == "float" and value.__class__ is int:
        return float(value)
    fits = {
        "bool": value.__class__ is bool,
        "int": value.__class__ is int,
        "float": value.__class__ is float,
        "null": value is None,
        "timestamp": value.__class__ is str and _TIMESTAMP.fullmatch(text) is not None,
    }
    if not fits[kind]:
        raise Malformed(f"cannot read {text!r} as !!{kind}", node.start)
    return value


def _json_number(node: Node, value: Any) -> Any:
    """Numbers take the way through JSON: whole floats come back as integers, wide integers as floats."""
    if value.__class__ is float:
        if value != value or value in (float("inf"), float("-inf")):
            raise Malformed(f"the number {node.value} has no form in JSON", node.start)
        return int(value) if value.is_integer() and abs(value) < 2**63 else value
    if value.__class__ is int and not -(2**63) <= value < 2**63:
        return float(value)
    return value


def _allowed_aliasing(size: int) -> float:
    """Which share of `size` expanded nodes may come from aliases; large documents get less."""
    return max(0.1, min(0.99, 0.99 - 0.89 * (size - 400_000) / 3_600_000))
