"""One place in a schema, built on first visit and then walked at little cost.

A walk visits every value once. What the schema asks no more of than its type is settled by one
dictionary look-up, so a sound manifest costs a few microseconds; paths and messages are only made
for faults, on the way back up.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from conformant.model import Path, Step, Unknown
from conformant.schema.names import nearest
from conformant.schema.problem import Problem

_NULL = type(None)
_REMEMBERED = 4096
ANYTHING: frozenset[type] = frozenset({dict, list, str, int, float, bool, _NULL, Unknown})
WORDS = {
    dict: "a mapping", list: "a list", str: "a string", bool: "a boolean", int: "an integer",
    float: "a number", _NULL: "null",
}  # fmt: skip


class Fault:
    """A problem on its way up: `steps` are the way to it, innermost first."""

    __slots__ = ("kind", "message", "steps", "suggestion")

    def __init__(self, kind: str, message: str, suggestion: str = "", *steps: Step) -> None:
        self.kind = kind
        self.message = message
        self.suggestion = suggestion
        self.steps = list(steps)

    def problem(self, *start: Step) -> Problem:
        """The finished problem, below `start`."""
        return Problem(self.kind, Path((*start, *reversed(self.steps))), self.message, self.suggestion)


Guard = Callable[[Any], Iterable[Fault]]


class Node:
    """What a schema says about one value.

    `types` are the classes it may have; `plain` those of them that need no further look.
    `properties` are the schemas of named fields, compiled by `build` when first met; `extra` is
    the node of all other fields, `items` of list elements; `closed` makes other fields unknown
    ones. `guards` judge values of a class further. `lenient` nodes read null as the type's zero
    value, as the API server does in its own kinds.

    Two memories make the walk fast, since manifests resemble each other: `shapes` holds, for the
    keys and classes of a mapping without faults of its own, the fields that need a visit; `sound`
    the strings that passed the guards.
    """

    __slots__ = (
        "build", "closed", "extra", "guards", "items", "lenient", "nodes", "nullable", "plain",
        "properties", "required", "shapes", "sound", "types",
    )  # fmt: skip

    def __init__(
        self, types: frozenset[type] = ANYTHING, *, build: "Callable[[str, Any], Node] | None" = None,
        properties: Mapping[str, Any] | None = None, required: Sequence[str] = (),
        extra: "Node | None" = None, items: "Node | None" = None, closed: bool = False,
        guards: Mapping[type, Sequence[Guard]] | None = None, lenient: bool = False, nullable: bool = False,
    ) -> None:  # fmt: skip
        self.types = types
        self.build = build
        self.properties = properties or {}
        self.required = tuple(required)
        self.extra = extra
        self.items = items
        self.closed = closed
        self.guards = guards or {}
        self.lenient = lenient
        self.nullable = nullable
        self.nodes: dict[Any, Node] = {}
        self.shapes: dict[tuple[Any, ...], Visits] = {}
        self.sound: set[str] = set()
        plain = set(types)
        if self.properties or required or closed or extra:
            plain.discard(dict)
        if items:
            plain.discard(list)
        plain.difference_update(self.guards)
        if nullable or (lenient and dict not in types):
            plain.add(_NULL)
        self.plain = frozenset(plain | {Unknown})

    def child(self, key: Any) -> "Node | None":
        """The node of field `key`, built on first use; None for a field that the schema does not name."""
        known = self.nodes.get(key)
        if known is None and key in self.properties and self.build is not None:
            known = self.nodes[key] = self.build(key, self.properties[key])
        return known

    def faults(self, value: Any) -> Sequence[Fault]:
        """Everything wrong with `value` and below, in document order."""
        kind = value.__class__
        if kind not in self.types:
            if kind is str or not self._absent_or_whole(kind, value):
                return [Fault("type", _mistyped(kind, self.types))]
            if kind is not float:
                return self.faults({}) if kind is _NULL and self.lenient and dict in self.types else ()
        found: list[Fault] | None = None
        if kind is dict:
            if self.extra is None or self.properties:
                shape = (*value, *map(type, value.values()))
                visits = self.shapes.get(shape)
                if visits is None:
                    visits, found = self._visits(value, shape)
                disordered = found is not None
                for key, node in visits:
                    item = value[key]
                    if item.__class__ is not str or item not in node.sound:
                        below = node.faults(item)
                        if below:
                            found = _gather(found, below, key)
                if disordered and found:
                    places = {key: place for place, key in enumerate(value)}
                    found.sort(key=lambda fault: places.get(fault.steps[-1], -1))
            elif not self.extra.plain.issuperset(map(type, value.values())):
                for key, item in value.items():
                    if item is not None and item.__class__ not in self.extra.plain:
                        below = self.extra.faults(item)
                        if below:
                            found = _gather(found, below, key)
        elif kind is list:
            node = self.items or FREE
            plain = node.plain
            for index, item in enumerate(value):
                if item.__class__ not in plain:
                    below = node.faults(item)
                    if below:
                        found = _gather(found, below, index)
        elif kind is str and value in self.sound:
            return ()
        if kind in self.guards:
            for guard in self.guards[kind]:
                for fault in guard(value):
                    found = found or []
                    found.append(fault)
            if kind is str and found is None and len(self.sound) < _REMEMBERED:
                self.sound.add(value)
        return found or ()

    def _visits(self, value: dict[Any, Any], shape: tuple[Any, ...]) -> "tuple[Visits, list[Fault] | None]":
        found = [
            Fault("required", f"{name!r} is required", "", name)
            for name in self.required
            if value.get(name) is None and not (name in value and self._nullable(name))
        ]
        visits: Visits = []
        for key, item in value.items():
            node = self.child(key) or self.extra
            if node is None:
                if self.closed:
                    found.append(self._unknown(key))
            elif item is not None and item.__class__ not in node.plain:
                visits.append((key, node))
        if not found and len(self.shapes) < _REMEMBERED:
            self.shapes[shape] = visits
        return visits, found or None

    def _absent_or_whole(self, kind: type, value: Any) -> bool:
        if kind is float:
            return int in self.types and value.is_integer()
        return kind is Unknown or (kind is _NULL and (self.nullable or self.lenient))

    def _nullable(self, name: str) -> bool:
        node = self.child(name)
        return node is not None and node.nullable

    def _unknown(self, key: Any) -> Fault:
        name = str(key)
        message = f"unknown field {name!r}: a plain request drops it silently, kubectl and server-side apply refuse it"
        return Fault("unknown", message, nearest(name, self.properties), key)


Visits = list[tuple[Any, Node]]

FREE = Node()
"""The node that takes everything."""


def _gather(found: list[Fault] | None, below: Iterable[Fault], step: Step) -> list[Fault]:
    found = found or []
    for fault in below:
        fault.steps.append(step)
        found.append(fault)
    return found


def _mistyped(kind: type, types: frozenset[type]) -> str:
    wanted = " or ".join(sorted({WORDS[each] for each in types if each in WORDS and each is not _NULL}))
    message = f"{WORDS.get(kind, kind.__name__)} where {wanted} belongs"
    if str in types and kind is bool:
        return message + " (unquoted true, false, yes, no, on and off are booleans: quote it)"
    if str in types and kind in (int, float):
        return message + ": quote it"
    return message
