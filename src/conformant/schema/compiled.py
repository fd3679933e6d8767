"""Schemas compiled to types that msgspec converts to: sound values are told apart at C speed.

A conversion that succeeds means that a walk would find no fault; one that fails means nothing, and
the walk has the word. It takes milliseconds to compile a kind, so that is only done where many
objects of it come by.
"""

from typing import Any, cast

from msgspec import ValidationError, convert, defstruct

from conformant.model import Undecided
from conformant.schema.node import ANYTHING, FREE, Node

ENOUGH = 100
"""How many objects of a kind are walked before it is compiled."""

_DICT, _LIST = frozenset({dict}), frozenset({list})
_PLAIN: dict[frozenset[type], Any] = {
    frozenset({str}): str,
    frozenset({int}): int,
    frozenset({bool}): bool,
    frozenset({int, float}): int | float,
    frozenset({int, str}): int | str,
    _DICT: dict,
    _LIST: list,
}


class Walked:
    """Stands for a value that only a walk can judge; each node has a subclass of its own."""

    node: Node
    accepted: "Walked"


class Compiler:
    """Makes types of nodes; nodes that several kinds share are compiled once."""

    def __init__(self) -> None:
        self._types: dict[int, tuple[Node, Any]] = {}

    def type_of(self, node: Node) -> Any:
        """A type that nothing converts to in which `node` would find a fault."""
        if node is FREE:
            return Any
        known = self._types.get(id(node))
        if known is None:
            self._types[id(node)] = (node, _walked(node))
            known = self._types[id(node)] = (node, self._compile(node))
        return known[1]

    def _compile(self, node: Node) -> Any:
        if node.guards:
            return _walked(node)
        if node.properties or node.closed:
            return self._structure(node) if node.types == _DICT and node.closed and not node.extra else _walked(node)
        if node.extra:
            return dict[str, self.type_of(node.extra)] if node.types == _DICT else _walked(node)  # type: ignore[misc]  # a type made at run time
        if node.items:
            return list[self.type_of(node.items)] if node.types == _LIST else _walked(node)  # type: ignore[misc]  # a type made at run time
        if node.types >= ANYTHING:
            return Any
        return _PLAIN.get(node.types) or _walked(node)

    def _structure(self, node: Node) -> Any:
        """A struct with the fields of `node`, and no others."""
        required: list[tuple[str, Any]] = []
        optional: list[tuple[str, Any, None]] = []
        names = {f"field_{index}": name for index, name in enumerate({**node.properties, **node.nodes})}
        for field, name in names.items():
            kind = self.type_of(node.child(name) or FREE)
            if name not in node.required:
                optional.append((field, kind, None))
            elif kind is Any:
                return _walked(node)
            else:
                required.append((field, kind))
        if len(required) < len(node.required):
            return _walked(node)
        return defstruct("Fields", [*required, *optional], rename=names, forbid_unknown_fields=True, gc=False)


class Accepts:
    """Whether a node accepts a value for certain; False where only a walk can tell."""

    def __init__(self, node: Node, compiler: Compiler) -> None:
        self.node = node
        self._compiler = compiler
        self._seen = 0
        self._type: Any = None

    def __call__(self, value: Any) -> bool:
        if self._type is None:
            self._seen += 1
            if self._seen < ENOUGH:
                return False
            self._type = self._compiler.type_of(self.node)
        try:
            convert(value, self._type, dec_hook=_walk)
        except (ValidationError, ValueError, Undecided):
            return False
        return True


def _walked(node: Node) -> type[Walked]:
    made: Any = type("Walked", (Walked,), {"node": node})
    made.accepted = made()
    return cast("type[Walked]", made)


def _walk(kind: type[Walked], value: Any) -> Walked:
    node = kind.node
    if (value.__class__ is not str or value not in node.sound) and node.faults(value):
        raise ValueError
    return kind.accepted
