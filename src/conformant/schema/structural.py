"""Structural schemas of custom resources as nodes, the way the API server applies them.

Fields that the schema does not name are pruned (`unknown`), null counts as absent where it is not
allowed, and defaults stand in for absent fields before anything is judged.
"""

from collections.abc import Callable, Iterator
from typing import Any

from conformant.schema.constraints import guards_of, holds_unknown
from conformant.schema.node import ANYTHING, FREE, Fault, Guard, Node

_TYPES: dict[str, frozenset[type]] = {
    "string": frozenset({str}),
    "integer": frozenset({int}),
    "number": frozenset({int, float}),
    "boolean": frozenset({bool}),
    "array": frozenset({list}),
    "object": frozenset({dict}),
}
_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
_OBJECT_FIELDS = ("apiVersion", "kind", "metadata")


class Structural:
    """Builds nodes of one CRD version. `metadata` is the node of object metadata; without `prune`
    (``preserveUnknownFields: true``) no field is unknown."""

    def __init__(self, metadata: Callable[[], Node], *, prune: bool = True) -> None:
        self._metadata = metadata
        self._prune = prune

    def root(self, schema: Any, *, status: bool) -> Node:
        """The node of a whole object. `status` says that it has the status subresource, whose
        content the server drops from what is applied."""
        if schema.__class__ is not dict:
            return self._with_object_fields(Node(ANYTHING, closed=False, required=("metadata",)))
        declared = schema.get("properties")
        metadata = declared.get("metadata") if declared.__class__ is dict else None
        node = self._with_object_fields(self._node(schema))
        if metadata.__class__ is dict and metadata.get("properties"):
            guard = _judge(_branch({"properties": {"metadata": metadata}}))
            node.guards = {**node.guards, dict: [*node.guards.get(dict, ()), guard]}
        if status:
            node.nodes["status"] = FREE
        return node

    def _with_object_fields(self, node: Node) -> Node:
        node.nodes["apiVersion"] = node.nodes["kind"] = FREE
        node.nodes["metadata"] = self._metadata()
        return node

    def _node(self, schema: Any) -> Node:
        if schema.__class__ is not dict:
            return FREE
        properties = _mapping(schema, "properties")
        extra = schema.get("additionalProperties")
        embedded = schema.get("x-kubernetes-embedded-resource") is True
        required = [name for name in _names(schema.get("required")) if "default" not in _mapping(properties, name)]
        object_like = schema.get("type") == "object" or bool(properties)
        open_ended = schema.get("x-kubernetes-preserve-unknown-fields") is True or extra not in (None, False)
        guards = guards_of(schema)
        for guard in _junctions(schema):
            for kind in (dict, list, str, int, float, bool):
                guards.setdefault(kind, []).append(guard)
        node = Node(
            _types(schema),
            build=lambda _, field: self._node(field),
            properties=properties,
            required=[*_OBJECT_FIELDS[:2], *required] if embedded else required,
            extra=self._node(extra) if extra.__class__ is dict else None,
            items=self._node(schema["items"]) if schema.get("items").__class__ is dict else None,
            closed=self._prune and object_like and not open_ended,
            guards=guards,
            nullable=schema.get("nullable") is True,
        )
        return self._with_object_fields(node) if embedded else node


def _branch(schema: Any) -> Node:
    """A node of value validations only: it never finds an unknown field."""
    if schema.__class__ is not dict:
        return FREE
    extra, items = schema.get("additionalProperties"), schema.get("items")
    guards = guards_of(schema)
    for guard in _junctions(schema):
        for kind in (dict, list, str, int, float, bool):
            guards.setdefault(kind, []).append(guard)
    return Node(
        _types(schema),
        build=lambda _, field: _branch(field),
        properties=_mapping(schema, "properties"),
        required=_names(schema.get("required")),
        extra=_branch(extra) if extra.__class__ is dict else None,
        items=_branch(items) if items.__class__ is dict else None,
        guards=guards,
        nullable=True,
    )


def _types(schema: dict[str, Any]) -> frozenset[type]:
    if schema.get("x-kubernetes-int-or-string") is True:
        return frozenset({int, str})
    return _TYPES.get(str(schema.get("type")), ANYTHING)


def _junctions(schema: dict[str, Any]) -> Iterator[Guard]:
    """The guards of ``allOf``, ``anyOf``, ``oneOf`` and ``not``."""
    found = [
        _judge(_branch(part))
        for part in _list(schema.get("allOf"))
        if _list(_mapping(part).get("anyOf")) != _INT_OR_STRING
    ]
    alternatives = _list(schema.get("anyOf"))
    if alternatives and alternatives != _INT_OR_STRING:
        found.append(_any_of(alternatives))
    if _list(schema.get("oneOf")):
        found.append(_one_of(_list(schema["oneOf"])))
    if "not" in schema:
        found.append(_not(schema["not"]))
    defaulted = bool(found) and _has_default(schema)
    for guard in found:
        yield _after_defaults(schema, guard) if defaulted else guard


def _after_defaults(schema: dict[str, Any], guard: Guard) -> Guard:
    return lambda value: guard(with_defaults(schema, value))


def _judge(node: Node) -> Guard:
    def guard(value: Any) -> Iterator[Fault]:
        faults = node.faults(value)
        if faults and not holds_unknown(value):
            yield from faults

    return guard


def _any_of(schemas: list[Any]) -> Guard:
    nodes = [_branch(schema) for schema in schemas]

    def guard(value: Any) -> Iterator[Fault]:
        outcomes = [node.faults(value) for node in nodes]
        if all(outcomes) and not holds_unknown(value):
            yield from _nearest(schemas, outcomes, "at least one of")

    return guard


def _one_of(schemas: list[Any]) -> Guard:
    nodes = [_branch(schema) for schema in schemas]
    at_most = any("not" in _mapping(schema) for schema in schemas)

    def guard(value: Any) -> Iterator[Fault]:
        outcomes = [node.faults(value) for node in nodes]
        fitting = [schema for schema, faults in zip(schemas, outcomes, strict=True) if not faults]
        if len(fitting) == 1 or holds_unknown(value):
            return
        if fitting:
            yield Fault("rule", f"only one of {_describe(fitting)} is allowed")
        elif at_most and value.__class__ is dict:
            named = [schema for schema in schemas if _present(schema, value)]
            if len(named) > 1:
                yield Fault("rule", f"only one of {_describe(named)} is allowed")
            else:
                yield from _nearest(schemas, outcomes, "at most one of")
        else:
            yield from _nearest(schemas, outcomes, "exactly one of")

    return guard


def _not(schema: Any) -> Guard:
    node = _branch(schema)
    inner = _mapping(schema)
    names = _describe(_list(inner.get("anyOf")) or [inner])

    def guard(value: Any) -> Iterator[Fault]:
        if not node.faults(value) and not holds_unknown(value):
            yield Fault("rule", f"must not have {names}" if names else "has a value that is not allowed here")

    return guard


def _present(schema: Any, value: dict[Any, Any]) -> bool:
    names = _names(_mapping(schema).get("required"))
    return bool(names) and all(value.get(name) is not None for name in names)


def _nearest(schemas: list[Any], outcomes: list[Any], quantifier: str) -> Iterator[Fault]:
    """The faults of the alternative that comes closest, if they lie deeper; else a summary."""
    closest = min(outcomes, key=lambda faults: (not all(fault.steps for fault in faults), len(faults)))
    here = any(not fault.steps or (fault.kind == "required" and len(fault.steps) == 1) for fault in closest)
    names = _describe(schemas)
    if not here:
        yield from closest
    elif names:
        yield Fault("required", f"{quantifier} {names} is required")
    else:
        yield Fault("rule", "fits none of the allowed alternatives: " + closest[0].message)


def _describe(schemas: list[Any]) -> str:
    """The fields that set the alternatives apart: ``a, b or c and d``; "" if it is not fields."""
    parts = [" and ".join(_names(_mapping(schema).get("required"))) for schema in schemas]
    parts = [part for part in parts if part]
    return ", ".join(parts[:-1]) + (" or " if len(parts) > 1 else "") + parts[-1] if parts else ""


def with_defaults(schema: Any, value: Any) -> Any:
    """`value` as the API server sees it: nulls that are not allowed dropped, defaults filled in.

    What needs no change is returned as it is; `value` itself is never changed.
    """
    schema = _mapping(schema)
    if value.__class__ is list:
        items = schema.get("items")
        return [with_defaults(items, item) for item in value] if items.__class__ is dict else value
    if value.__class__ is not dict:
        return value
    properties = _mapping(schema, "properties")
    extra = schema.get("additionalProperties")
    filled: dict[Any, Any] = {}
    for key, item in value.items():
        field = properties.get(key, extra)
        if item is not None or _mapping(field).get("nullable") is True:
            filled[key] = with_defaults(field, item)
    for name, field in properties.items():
        if name not in filled and "default" in _mapping(field):
            filled[name] = with_defaults(field, field["default"])
    return filled


def _has_default(schema: Any) -> bool:
    if schema.__class__ is not dict:
        return False
    return (
        any("default" in _mapping(field) or _has_default(field) for field in _mapping(schema, "properties").values())
        or _has_default(schema.get("items"))
        or _has_default(schema.get("additionalProperties"))
    )  # fmt: skip


def rules_of(schema: Any, value: Any, path: str = "") -> Iterator[str]:
    """What is said about `value` and cannot be judged here: CEL rules, as ``path: rule``.
    Rules about changes (``oldSelf``) say nothing about an object as such."""
    if schema.__class__ is not dict or value is None:
        return
    for rule in _list(schema.get("x-kubernetes-validations")):
        text = _mapping(rule).get("rule")
        if isinstance(text, str) and "oldSelf" not in text:
            yield f"{path or 'object'}: {' '.join(text.split())}"
    if value.__class__ is dict:
        properties, extra = _mapping(schema, "properties"), schema.get("additionalProperties")
        for key, item in value.items():
            yield from rules_of(properties.get(key, extra), item, f"{path}.{key}" if path else str(key))
    elif value.__class__ is list:
        for index, item in enumerate(value):
            yield from rules_of(schema.get("items"), item, f"{path}[{index}]")


def _mapping(value: Any, *steps: str) -> dict[str, Any]:
    for step in steps:
        value = value.get(step) if value.__class__ is dict else None
    return value if value.__class__ is dict else {}


def _list(value: Any) -> list[Any]:
    return value if value.__class__ is list else []


def _names(value: Any) -> list[str]:
    return [name for name in _list(value) if isinstance(name, str)]
