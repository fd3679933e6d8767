"""Functions over strings, and to and from JSON."""

import base64
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from conformant.load.terraform.functions.arguments import listed
from conformant.load.terraform.values import LARGEST, EvaluationError, number, text
from conformant.model import Undecided, Unknown
from conformant.regex import lazy

_VERB = lazy(r"%(?:%|(?:\[(\d{1,3})\])?([+#0 -]*)(\d{1,3})?(?:\.(\d{1,3}))?([vdsqtfgebxXo])|)")


def formatted(pattern: Any, *arguments: Any) -> str:
    position = 0

    def one(match: re.Match[str]) -> str:
        nonlocal position
        chosen, flags, width, precision, verb = match.groups()
        if match[0] == "%%":
            return "%"
        if verb is None:
            raise EvaluationError("format() with a verb that is not known")
        position = int(chosen) if chosen else position + 1
        if not 1 <= position <= len(arguments):
            raise EvaluationError("format() has too few arguments")
        return _shown(arguments[position - 1], flags, int(width or 0), precision, verb)

    return _VERB.sub(one, text(pattern))


def _shown(value: Any, flags: str, width: int, precision: str | None, verb: str) -> str:
    if isinstance(value, Unknown):
        raise Undecided(value.reason)
    if verb == "v":
        shown = encode(value) if isinstance(value, list | dict) or value is None else text(value)
    elif verb == "q":
        shown = json.dumps(text(value), ensure_ascii=False)
    elif verb in "st":
        shown = text(value)
        shown = shown[: int(precision)] if precision else shown
    elif verb == "d":
        shown = str(int(number(value)))
    elif verb in "feg":
        shown = format(float(number(value)), f".{precision or 6}{verb}")
    else:
        shown = format(int(number(value)), verb)
    if "+" in flags and verb in "dfeg" and not shown.startswith("-"):
        shown = "+" + shown
    if "-" in flags:
        return shown.ljust(width)
    return shown.zfill(width) if "0" in flags and verb in "dfegbxXo" else shown.rjust(width)


def formatlist(pattern: Any, *arguments: Any) -> list[str]:
    lists = [argument for argument in arguments if isinstance(argument, list)]
    count = len(lists[0]) if lists else 1
    if any(len(each) != count for each in lists):
        raise EvaluationError("formatlist() of lists of different lengths")
    return [
        formatted(pattern, *(each[nth] if isinstance(each, list) else each for each in arguments))
        for nth in range(count)
    ]


def join(separator: Any, *lists: Any) -> str:
    return text(separator).join(text(item) for items in lists for item in listed(items))


def split(separator: Any, value: Any) -> list[str]:
    mark, whole = text(separator), text(value)
    return whole.split(mark) if mark else list(whole)


def substr(value: Any, offset: Any, length: Any) -> str:
    whole, start, size = text(value), int(number(offset)), int(number(length))
    start = max(0, len(whole) + start) if start < 0 else start
    return whole[start:] if size < 0 else whole[start : start + size]


def _pattern(pattern: Any, value: Any) -> tuple[re.Pattern[str], str]:
    """A regular expression that cannot take long, and the text it is for."""
    expression, whole = text(pattern), text(value)
    bare = re.sub(r"\\.|\[[^]]*\]", ".", expression)
    repeats = len(re.findall(r"[*+{]", bare))
    nested = re.search(r"\)[*+{?]", bare)
    if "(?" in bare or "[:" in expression or nested or repeats > 2 or len(whole) > 200:
        raise Undecided("a regular expression is too complex to be evaluated")
    try:
        return re.compile(expression), whole
    except re.error:
        raise Undecided("a regular expression could not be read")


def replace(value: Any, old: Any, new: Any) -> str:
    whole, mark, other = text(value), text(old), text(new)
    if len(mark) > 1 and mark.startswith("/") and mark.endswith("/"):
        pattern, whole = _pattern(mark[1:-1], whole)
        if "$" in other:
            raise Undecided("replace() with groups is not evaluated")
        return pattern.sub(lambda _: other, whole)
    if len(other) * (len(whole) + 1) > LARGEST * 10:
        raise Undecided("replace() of more than can be evaluated")
    return whole.replace(mark, other)


def _matched(match: re.Match[str]) -> Any:
    return list(match.groups()) if match.re.groups else match[0]


def regex(pattern: Any, value: Any) -> Any:
    compiled, whole = _pattern(pattern, value)
    match = compiled.search(whole)
    if match is None:
        raise EvaluationError("the pattern does not match")
    return _matched(match)


def regexall(pattern: Any, value: Any) -> list[Any]:
    compiled, whole = _pattern(pattern, value)
    return [_matched(match) for match in compiled.finditer(whole)]


def encode(value: Any) -> str:
    """The value as Terraform's JSON: keys in order, ``<``, ``>`` and ``&`` escaped."""

    def unknown(inner: Any) -> Any:
        raise Undecided("a part of the document is not known")

    encoded = json.dumps(value, default=unknown, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return encoded.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def jsondecode(value: Any) -> Any:
    try:
        return json.loads(text(value))
    except ValueError:
        raise EvaluationError("not JSON")


def base64decode(value: Any) -> str:
    try:
        return base64.b64decode(text(value), validate=True).decode()
    except ValueError:
        raise EvaluationError("not base64")


def _change(change: Callable[[str], str]) -> Callable[[Any], str]:
    return lambda value: change(text(value))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "base64decode": base64decode,
    "base64encode": lambda value: base64.b64encode(text(value).encode()).decode(),
    "chomp": _change(lambda value: value.rstrip("\r\n")),
    "endswith": lambda value, end: text(value).endswith(text(end)),
    "format": formatted,
    "formatlist": formatlist,
    "join": join,
    "jsondecode": jsondecode,
    "lower": _change(str.lower),
    "regex": regex,
    "regexall": regexall,
    "replace": replace,
    "split": split,
    "startswith": lambda value, start: text(value).startswith(text(start)),
    "strcontains": lambda value, piece: text(piece) in text(value),
    "strrev": _change(lambda value: value[::-1]),
    "substr": substr,
    "title": _change(lambda value: re.sub(r"(?<!\w)[a-z]", lambda match: match[0].upper(), value)),
    "tostring": lambda value: None if value is None else text(value),
    "trim": lambda value, characters: text(value).strip(text(characters)),
    "trimprefix": lambda value, start: text(value).removeprefix(text(start)),
    "trimspace": _change(str.strip),
    "trimsuffix": lambda value, end: text(value).removesuffix(text(end)),
    "upper": _change(str.upper),
    "urlencode": _change(lambda value: quote(value, safe="-._~").replace("%20", "+")),
}
