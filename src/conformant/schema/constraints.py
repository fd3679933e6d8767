"""The value constraints of a JSON schema as guards: enum, pattern, format, length, range, list type."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import msgspec

from conformant.model import Unknown
from conformant.schema.formats import FORMATS
from conformant.schema.node import Fault, Guard

_NUMBERS = (int, float)


def guards_of(schema: dict[str, Any]) -> dict[type, list[Guard]]:
    """The guards that `schema` asks for itself (not those of its properties), by class of value."""
    guards: dict[type, list[Guard]] = {}

    def add(guard: Guard | None, *kinds: type) -> None:
        if guard is not None:
            for kind in kinds:
                guards.setdefault(kind, []).append(guard)

    if isinstance(schema.get("enum"), list):
        add(one_of(schema["enum"]), str, int, float, bool, dict, list)
    if isinstance(schema.get("pattern"), str):
        add(matches(schema["pattern"]), str)
    add(FORMATS.get(str(schema.get("format"))), str)
    add(_bounds(schema, "minLength", "maxLength", "characters"), str)
    add(_bounds(schema, "minItems", "maxItems", "items"), list)
    add(_bounds(schema, "minProperties", "maxProperties", "fields"), dict)
    add(_range(schema), *_NUMBERS)
    if schema.get("uniqueItems") is True or schema.get("x-kubernetes-list-type") == "set":
        add(_distinct, list)
    if schema.get("x-kubernetes-list-type") == "map":
        add(_distinct_keys(schema), list)
    return guards


def one_of(allowed: Iterable[Any]) -> Guard:
    """A guard that takes exactly the values of `allowed`. An empty string among them goes unmentioned."""
    allowed = list(allowed)
    strings = frozenset(item for item in allowed if isinstance(item, str))
    others = [item for item in allowed if not isinstance(item, str)]
    names = ", ".join(_json(item) for item in allowed if item != "")

    def guard(value: Any) -> Iterator[Fault]:
        if value.__class__ is str:
            if value in strings:
                return
        elif holds_unknown(value) or any(_same(value, item) for item in others):
            return
        yield Fault("enum", f"{_json(value)} is none of {names}")

    return guard


def matches(pattern: str) -> Guard | None:
    """A guard for an RE2 pattern; None where Python's `re` cannot express it."""
    compiled = _compile(pattern)
    if compiled is None:
        return None
    search = compiled.search

    def guard(value: str) -> Iterator[Fault]:
        if not search(value):
            yield Fault("pattern", f"does not match the pattern {pattern}")

    return guard


@lru_cache(1024)
def _compile(pattern: str) -> re.Pattern[str] | None:
    python = re.sub(r"\\z", r"\\Z", pattern)
    python = re.sub(r"(?<!\\)\$$", r"\\Z", python)
    python = python.replace("[[:alnum:]]", "[0-9A-Za-z]").replace("[[:alpha:]]", "[A-Za-z]")
    try:
        return re.compile(python, re.ASCII)
    except re.error:
        return None


def unsupported_pattern(schema: dict[str, Any]) -> str:
    """The schema's own pattern if it cannot be evaluated here, else ""."""
    pattern = schema.get("pattern")
    return pattern if isinstance(pattern, str) and _compile(pattern) is None else ""


def _bounds(schema: dict[str, Any], lowest: str, highest: str, unit: str) -> Guard | None:
    least, most = schema.get(lowest), schema.get(highest)
    if least in (None, 0) and most is None:
        return None

    def guard(value: Any) -> Iterator[Fault]:
        size = len(value)
        if least is not None and size < least:
            yield Fault("range", f"has {size} {unit}, at least {least} needed")
        if most is not None and size > most:
            yield Fault("range", f"has {size} {unit}, at most {most} allowed")

    return guard


def _range(schema: dict[str, Any]) -> Guard | None:
    least, most, step = schema.get("minimum"), schema.get("maximum"), schema.get("multipleOf")
    if least is None and most is None and not step:
        return None
    above, below = schema.get("exclusiveMinimum") is True, schema.get("exclusiveMaximum") is True

    def guard(value: float) -> Iterator[Fault]:
        if least is not None and (value < least or (above and value == least)):
            yield Fault("range", f"{value} is too small: {'more than' if above else 'at least'} {least} needed")
        if most is not None and (value > most or (below and value == most)):
            yield Fault("range", f"{value} is too large: {'less than' if below else 'at most'} {most} allowed")
        if step and value % step:
            yield Fault("range", f"{value} is not a multiple of {step}")

    return guard


def _distinct(value: list[Any]) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, item in enumerate(value):
        if holds_unknown(item):
            continue
        key = _json(item)
        if key in seen:
            yield Fault("duplicate", "stands in this list a second time", "", index)
        seen.add(key)


def _distinct_keys(schema: dict[str, Any]) -> Guard | None:
    keys = schema.get("x-kubernetes-list-map-keys")
    items = schema.get("items")
    fields = items.get("properties") if isinstance(items, dict) else None
    if not isinstance(keys, list) or not isinstance(fields, dict):
        return None
    defaults = {key: fields[key].get("default") for key in keys if isinstance(fields.get(key), dict)}

    def guard(value: list[Any]) -> Iterator[Fault]:
        seen: set[str] = set()
        for index, item in enumerate(value):
            if item.__class__ is not dict:
                continue
            found = [_or(item.get(key), defaults.get(key)) for key in keys]
            if holds_unknown(found):
                continue
            key = _json(found)
            if key in seen:
                names = ", ".join(f"{name} {_json(part)}" for name, part in zip(keys, found, strict=True))
                yield Fault("duplicate", f"a second item with {names}", "", index)
            seen.add(key)

    return guard


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="sorted", enc_hook=str).decode()


def holds_unknown(value: Any) -> bool:
    """Whether an `Unknown` stands at or below `value`."""
    if value.__class__ is Unknown:
        return True
    if value.__class__ is dict:
        return any(map(holds_unknown, value.values()))
    return value.__class__ is list and any(map(holds_unknown, value))
