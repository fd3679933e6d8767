"""Conversion of a value to a declared type: ``list(object({ name = string, size = optional(number, 1) }))``."""

from collections.abc import Callable
from typing import Any

from conformant.load.terraform.syntax import Call, Entries, Items, Literal, Node, Traversal
from conformant.load.terraform.values import EvaluationError, as_set, boolean, number, text
from conformant.model import Unknown

_PRIMITIVES: dict[str, Callable[[Any], Any]] = {"string": text, "number": number, "bool": boolean}


def convert(value: Any, type: Node, evaluate: Callable[[Node], Any]) -> Any:
    """The value as the type says, with defaults of absent optional attributes.

    `evaluate` gives the value of such a default. Raises EvaluationError where Terraform would
    refuse the value; unknowns stay as they are.
    """
    if value is None or isinstance(value, Unknown):
        return value
    if isinstance(type, Traversal) and isinstance(type.root, str):
        primitive = _PRIMITIVES.get(type.root)
        return primitive(value) if primitive else value
    if isinstance(type, Literal) and isinstance(type.value, str):  # the spelling before 0.12
        primitive = _PRIMITIVES.get(type.value)
        return primitive(value) if primitive else value
    if not isinstance(type, Call) or not type.arguments:
        return value
    inner = type.arguments[0]
    if type.name == "optional":
        return convert(value, inner, evaluate)
    if type.name == "object" and isinstance(inner, Entries):
        return _object(value, inner, evaluate)
    if type.name == "map":
        return {key: convert(one, inner, evaluate) for key, one in _mapping(value).items()}
    if type.name in ("list", "set", "tuple"):
        if not isinstance(value, list):
            raise EvaluationError("a list is required")
        if type.name == "tuple" and isinstance(inner, Items):
            return [convert(one, each, evaluate) for one, each in zip(value, inner.items, strict=False)]
        values = [convert(one, inner, evaluate) for one in value]
        return as_set(values) if type.name == "set" else values
    return value


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise EvaluationError("an object is required")
    return value


def _object(value: Any, types: Entries, evaluate: Callable[[Node], Any]) -> dict[str, Any]:
    given = _mapping(value)
    made: dict[str, Any] = {}
    for key, type, _ in types.entries:
        name = key.value if isinstance(key, Literal) else ""
        optional = isinstance(type, Call) and type.name == "optional"
        if given.get(name) is not None:
            made[name] = convert(given[name], type, evaluate)
        elif optional and isinstance(type, Call) and len(type.arguments) > 1:
            made[name] = convert(evaluate(type.arguments[1]), type.arguments[0], evaluate)
        elif optional or name in given:
            made[name] = None
        else:
            raise EvaluationError(f"the attribute {name} is required")
    return made
