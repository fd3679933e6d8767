"""Functions over lists, sets and maps."""

import math
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

from conformant.load.terraform.functions.arguments import known, listed, mapped
from conformant.load.terraform.values import (
    LARGEST,
    MOST_COMPARED,
    EvaluationError,
    SetValue,
    as_set,
    boolean,
    equal,
    number,
    text,
    unique,
)
from conformant.model import Undecided, Unknown


def element(items: Any, index: Any) -> Any:
    values = listed(items)
    if not values:
        raise EvaluationError("element() of an empty list")
    return values[int(number(index)) % len(values)]


def lookup(entries: Any, key: Any, *default: Any) -> Any:
    found = mapped(entries)
    name = text(key)
    if name in found:
        return found[name]
    if default:
        return default[0]
    raise EvaluationError(f"there is no {name!r}")


def merge(*maps: Any) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for entries in maps:
        if entries is not None:
            merged.update(mapped(entries))
    return merged


def flatten(items: Any) -> list[Any]:
    flat: list[Any] = []
    stack = list(reversed(listed(items)))
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(reversed(item))
        elif isinstance(item, Unknown):
            raise Undecided(item.reason)
        else:
            flat.append(item)
        if len(flat) + len(stack) > LARGEST:
            raise Undecided("flatten() of more than can be evaluated")
    return flat


def contains(items: Any, wanted: Any) -> bool:
    undecided: Undecided | None = None
    for item in listed(items):
        try:
            if equal(item, wanted):
                return True
        except Undecided as error:
            undecided = error
    if undecided is not None:
        raise undecided
    return False


def index(items: Any, wanted: Any) -> int:
    for position, item in enumerate(listed(items)):
        if equal(item, wanted):
            return position
    raise EvaluationError("not an element of the list")


def values(entries: Any) -> list[Any]:
    found = mapped(entries)
    return [found[key] for key in sorted(found)]


def length(value: Any) -> int:
    if isinstance(value, SetValue):
        known(value)
    if isinstance(value, str | list | dict):
        return len(value)
    if isinstance(value, Unknown):
        raise Undecided(value.reason)
    raise EvaluationError("length() of something that has none")


def coalesce(*candidates: Any) -> Any:
    for value in candidates:
        if isinstance(value, Unknown):
            raise Undecided(value.reason)
        if value is not None and value != "":
            return value
    raise EvaluationError("coalesce() of nothing but null")


def coalescelist(*lists: Any) -> Any:
    for items in lists:
        if listed(items):
            return items
    raise EvaluationError("coalescelist() of empty lists")


def compact(items: Any) -> list[Any]:
    return [item for item in known(listed(items)) if item is not None and item != ""]


def one(items: Any) -> Any:
    found = listed(items)
    if len(found) > 1:
        raise EvaluationError("one() of several elements")
    return found[0] if found else None


def part(items: Any, start: Any, end: Any) -> list[Any]:
    found, first, last = listed(items), int(number(start)), int(number(end))
    if not 0 <= first <= last <= len(found):
        raise EvaluationError("slice() outside of the list")
    return found[first:last]


def numbers(*limits: Any) -> list[Any]:
    given = [number(limit) for limit in limits]
    if not 1 <= len(given) <= 3:
        raise EvaluationError("range() takes one to three numbers")
    start, stop = (0, given[0]) if len(given) == 1 else (given[0], given[1])
    step = given[2] if len(given) > 2 else 1 if start <= stop else -1
    if step == 0 or (stop - start) / step > 1024:
        raise EvaluationError("range() of more than 1024 elements")
    return [start + step * nth for nth in range(max(0, math.ceil((stop - start) / step)))]


def setproduct(*sets: Any) -> list[Any]:
    lists = [listed(items) for items in sets]
    if math.prod(map(len, lists)) > LARGEST // 10:
        raise Undecided("setproduct() of more than can be evaluated")
    return [list(pair) for pair in product(*lists)]


def chunklist(items: Any, size: Any) -> list[Any]:
    found, each = listed(items), int(number(size))
    if each <= 0:
        return [found]
    return [found[start : start + each] for start in range(0, len(found), each)]


def intersection(first: Any, *others: Any) -> SetValue:
    _comparable(first, *others)
    return as_set([item for item in listed(first) if all(contains(other, item) for other in others)])


def subtract(first: Any, second: Any) -> SetValue:
    _comparable(first, second)
    return as_set([item for item in listed(first) if not contains(second, item)])


def _comparable(*sets: Any) -> None:
    if max(len(listed(items)) for items in sets) > MOST_COMPARED:
        raise Undecided("there are too many elements to compare")


def zipmap(keys: Any, entries: Any) -> dict[str, Any]:
    return dict(zip(map(text, listed(keys)), listed(entries), strict=False))


def chained(lists: tuple[Any, ...]) -> Iterator[Any]:
    return (item for items in lists for item in listed(items))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "alltrue": lambda items: all(boolean(item) for item in listed(items)),
    "anytrue": lambda items: any(boolean(item) for item in listed(items)),
    "chunklist": chunklist,
    "coalesce": coalesce,
    "coalescelist": coalescelist,
    "compact": compact,
    "concat": lambda *lists: list(chained(lists)),
    "contains": contains,
    "distinct": lambda items: unique(listed(items)),
    "element": element,
    "flatten": flatten,
    "index": index,
    "keys": lambda entries: sorted(mapped(entries)),
    "length": length,
    "lookup": lookup,
    "merge": merge,
    "one": one,
    "range": numbers,
    "reverse": lambda items: listed(items)[::-1],
    "setintersection": intersection,
    "setproduct": setproduct,
    "setsubtract": subtract,
    "setunion": lambda *sets: as_set(list(chained(sets))),
    "slice": part,
    "sort": lambda items: sorted(text(item) for item in listed(items)),
    "sum": lambda items: sum(number(item) for item in listed(items)),
    "tolist": lambda items: list(known(items) if isinstance(items, SetValue) else listed(items)),
    "tomap": mapped,
    "toset": lambda items: as_set(listed(items)),
    "values": values,
    "zipmap": zipmap,
}
