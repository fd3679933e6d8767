"""What unquoted scalars mean to kubectl: YAML 1.1 words, Go's numbers."""

from struct import pack, unpack
from typing import Any

from conformant.regex import lazy

_WORDS: dict[str, Any] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}  # fmt: skip
_INTEGER = lazy(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|([1-9][0-9]*|0))")
_FLOAT = lazy(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_FRACTION = lazy(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?")


def resolve_plain(text: str) -> Any:
    """What an unquoted scalar means: None, a boolean, a number, or the text itself."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] == ".":
        number = float(text) if _FRACTION.fullmatch(text) else float("inf")
        return text if number == float("inf") else number
    if text[0] not in "+-0123456789":
        return text
    digits = text.replace("_", "")
    if found := _INTEGER.fullmatch(digits):
        sign, sixteen, two, eight, ten = found.groups()
        base = 16 if sixteen else 2 if two else 8 if eight else 10
        magnitude = int(sixteen or two or eight or ten, base) if len(digits) < 80 else 2**64
        if magnitude <= 2**63 if sign == "-" else magnitude < (2**63 if sign else 2**64):
            return -magnitude if sign == "-" else magnitude
    if _FLOAT.fullmatch(digits):
        number = float(digits)
        return text if number in (float("inf"), float("-inf")) else number
    return text


def key_of_float(value: float) -> str:
    """A float key in the shortest form that keeps single precision."""
    if value != value or value in (float("inf"), float("-inf")):
        return ".nan" if value != value else ".inf" if value > 0 else "-.inf"
    try:
        (single,) = unpack("<f", pack("<f", value))
    except OverflowError:
        return ".inf" if value > 0 else "-.inf"
    digits = next(d for d in range(17) if unpack("<f", pack("<f", float(f"{single:.{d}e}")))[0] == single)
    mantissa, _, exponent = f"{single:.{digits}e}".partition("e")
    power = int(exponent)
    if power < -4 or power >= 6:
        return f"{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"
    return f"{single:.{max(digits - power, 0)}f}"
