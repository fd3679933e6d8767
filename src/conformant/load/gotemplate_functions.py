"""The functions that Go templates may call here, named as Go and Sprig name them."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from conformant.load.gotemplate_syntax import RenderError

Function = Callable[[list[Any], int], Any]


def truth(value: Any) -> bool:
    """Whether Go takes the value for true: not absent, zero or empty."""
    return value is not None and value is not False and value != 0 and value not in ("", [], {})


def formatted(value: Any, source: str, line: int) -> str:
    """The text of a scalar, as Go prints it. Raises RenderError for what has no useful text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    what = "has no value" if value is None else "is a list or a mapping: use range or toYaml"
    raise RenderError(f"{source} {what}", line)


def _strings(name: str, count: int, function: Callable[..., str]) -> Function:
    """A function of `count` arguments, which it sees as texts."""

    def call(arguments: list[Any], line: int) -> str:
        _counted(name, arguments, count, line)
        texts = [formatted(argument, f"an argument of {name}", line) for argument in arguments]
        try:
            return function(*texts)
        except ValueError:
            raise RenderError(f"{name} takes a number first", line) from None

    return call


def _counted(name: str, arguments: list[Any], count: int, line: int) -> None:
    if len(arguments) != count:
        raise RenderError(f"{name} takes {count} arguments, not {len(arguments)}", line)


def _indented(spaces: str, text: str) -> str:
    blanks = " " * int(spaces)
    return blanks + text.replace("\n", "\n" + blanks)


def _default(arguments: list[Any], line: int) -> Any:
    _counted("default", arguments, 2, line)
    return arguments[1] if truth(arguments[1]) else arguments[0]


def _required(arguments: list[Any], line: int) -> Any:
    _counted("required", arguments, 2, line)
    if arguments[1] in (None, ""):
        raise RenderError(str(arguments[0]), line)
    return arguments[1]


def _not(arguments: list[Any], line: int) -> bool:
    _counted("not", arguments, 1, line)
    return not truth(arguments[0])


def _comparable(name: str, arguments: list[Any], line: int) -> list[Any]:
    if len(arguments) < 2:
        raise RenderError(f"{name} takes 2 arguments, not {len(arguments)}", line)
    if None in arguments:
        raise RenderError(f"an argument of {name} has no value", line)
    kinds = {int if kind is float else kind for kind in map(type, arguments)}
    if len(kinds) > 1 or not kinds <= {int, str, bool}:
        raise RenderError(f"{name} cannot compare values of different types", line)
    return arguments


def _eq(arguments: list[Any], line: int) -> bool:
    first, *others = _comparable("eq", arguments, line)
    return first in others


def _comparison(name: str, holds: Callable[[Any, Any], bool]) -> Function:
    def call(arguments: list[Any], line: int) -> bool:
        _counted(name, arguments, 2, line)
        return holds(*_comparable(name, arguments, line))

    return call


def _index(arguments: list[Any], line: int) -> Any:
    value = arguments[0] if arguments else None
    for step in arguments[1:]:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
            value = value[step]
        else:
            raise RenderError("index leads to no value", line)
    return value


def _len(arguments: list[Any], line: int) -> int:
    _counted("len", arguments, 1, line)
    if not isinstance(arguments[0], str | list | Mapping):
        raise RenderError("the argument of len has no length", line)
    return len(arguments[0])


def _to_yaml(arguments: list[Any], line: int) -> str:
    _counted("toYaml", arguments, 1, line)
    return "\n".join(_yaml(_present("toYaml", arguments[0], line)))


def _to_json(arguments: list[Any], line: int) -> str:
    _counted("toJson", arguments, 1, line)
    return json.dumps(_present("toJson", arguments[0], line), separators=(",", ":"), sort_keys=True)


def _present(name: str, value: Any, line: int) -> Any:
    if value is None:
        raise RenderError(f"the argument of {name} has no value", line)
    return value


def _yaml(value: Any) -> list[str]:
    """Lines of block-style YAML; every string quoted, so that no loader takes it for another type."""
    lines: list[str] = []
    if isinstance(value, Mapping) and value:
        for key in sorted(value, key=str):
            inner = _yaml(value[key])
            if len(inner) == 1 and not isinstance(value[key], Mapping | list):
                lines.append(f"{json.dumps(key, ensure_ascii=False)}: {inner[0]}")
            else:
                lines += [f"{json.dumps(key, ensure_ascii=False)}:", *(f"  {line}" for line in inner)]
    elif isinstance(value, list) and value:
        for item in value:
            first, *others = _yaml(item)
            lines += [f"- {first}", *(f"  {line}" for line in others)]
    else:
        lines.append(json.dumps(value, ensure_ascii=False))
    return lines


def _quoted(*arguments: str) -> str:
    return " ".join(json.dumps(argument, ensure_ascii=False) for argument in arguments)


LAZY = {"and": False, "or": True}
"""Functions that end at the first argument whose truth is this one, and have its value."""

FUNCTIONS: dict[str, Function] = {
    "default": _default,
    "required": _required,
    "not": _not,
    "eq": _eq,
    "ne": _comparison("ne", lambda a, b: a != b),
    "lt": _comparison("lt", lambda a, b: a < b),
    "le": _comparison("le", lambda a, b: a <= b),
    "gt": _comparison("gt", lambda a, b: a > b),
    "ge": _comparison("ge", lambda a, b: a >= b),
    "index": _index,
    "len": _len,
    "toYaml": _to_yaml,
    "toJson": _to_json,
    "quote": _strings("quote", 1, _quoted),
    "squote": _strings("squote", 1, lambda text: f"'{text}'"),
    "upper": _strings("upper", 1, str.upper),
    "lower": _strings("lower", 1, str.lower),
    "title": _strings("title", 1, str.title),
    "trim": _strings("trim", 1, str.strip),
    "trimPrefix": _strings("trimPrefix", 2, lambda prefix, text: text.removeprefix(prefix)),
    "trimSuffix": _strings("trimSuffix", 2, lambda suffix, text: text.removesuffix(suffix)),
    "trunc": _strings("trunc", 2, lambda count, text: text[: int(count)]),
    "replace": _strings("replace", 3, lambda old, new, text: text.replace(old, new)),
    "indent": _strings("indent", 2, _indented),
    "nindent": _strings("nindent", 2, lambda count, text: "\n" + _indented(count, text)),
    "toString": _strings("toString", 1, str),
}
