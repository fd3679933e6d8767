"""Kubernetes quantities, Go and Prometheus durations, Redis memory sizes, percentages."""

import re
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from conformant.regex import lazy

_QUANTITY = lazy(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)|[eE]([+-]?\d+))?")
_SCALE = {
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40),
    "Pi": Decimal(2**50), "Ei": Decimal(2**60), "n": Decimal("1e-9"), "u": Decimal("1e-6"),
    "m": Decimal("1e-3"), "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9),
    "T": Decimal(10**12), "P": Decimal(10**15), "E": Decimal(10**18),
}  # fmt: skip


def parse_quantity(value: Any) -> Decimal | None:
    """A Kubernetes quantity (``500m``, ``1.5Gi``, ``1e3``, 2) in its base unit; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return _quantity(str(value))


@lru_cache(4096)
def _quantity(text: str) -> Decimal | None:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    number, suffix, exponent = match.groups()
    try:
        if exponent:
            return Decimal(f"{number}e{exponent}")
        return Decimal(number) * _SCALE.get(suffix, Decimal(1))
    except InvalidOperation:
        return None


_GO_UNIT = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_GO = lazy(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_PROMETHEUS_UNIT = {**_GO_UNIT, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
_PROMETHEUS = lazy(r"(\d+)(ms|s|m|h|d|w|y)")


def parse_duration(value: Any, *, prometheus: bool = False) -> float | None:
    """A Go duration (``1h0m0s``, ``15m``, ``0``) in seconds; None if it is none.

    With `prometheus`, its integer units ``d w y`` count too.
    """
    if not isinstance(value, str):
        return None
    text = value.strip()
    sign = -1.0 if text.startswith("-") else 1.0
    text = text.lstrip("+-")
    if text == "0":
        return 0.0
    pattern, units = (_PROMETHEUS, _PROMETHEUS_UNIT) if prometheus else (_GO, _GO_UNIT)
    total, position = 0.0, 0
    while position < len(text):
        match = pattern.match(text, position)
        if match is None:
            return None
        total += float(match[1]) * units[match[2]]
        position = match.end()
    return sign * total if text else None


_REDIS = lazy(r"(\d+)(b|k|kb|m|mb|g|gb)?", re.IGNORECASE)
_REDIS_UNIT = {
    "": 1, "b": 1, "k": 1000, "kb": 1024, "m": 1000**2, "mb": 1024**2, "g": 1000**3, "gb": 1024**3,
}  # fmt: skip


def parse_redis_memory(value: Any) -> int | None:
    """A size as redis.conf writes it (``2gb``, ``100M``, 0) in bytes; None if it is none."""
    if isinstance(value, bool):
        return None
    match = _REDIS.fullmatch(str(value).strip()) if isinstance(value, str | int) else None
    return int(match[1]) * _REDIS_UNIT[(match[2] or "").lower()] if match else None


def scaled(value: Any, total: int, *, round_up: bool) -> int | None:
    """An integer-or-percentage field (``25%``, 1) against `total`; None if it is neither."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    match = re.fullmatch(r"(\d+)%", value) if isinstance(value, str) else None
    if match is None:
        return None
    product = int(match[1]) * total
    return -(-product // 100) if round_up else product // 100
