"""The string formats that the API server enforces."""

from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Iterator
from datetime import date

from conformant.regex import lazy
from conformant.schema.node import Fault, Guard
from conformant.views.quantity import parse_duration, parse_quantity

_DATE_TIME = lazy(r"(\d{4}-\d\d-\d\d)[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_LABEL = lazy(r"[0-9A-Za-z]([0-9A-Za-z-]*[0-9A-Za-z])?")
_EMAIL = lazy(r"[^@\s]+@[^@\s]+")
_SCHEME = lazy(r"[A-Za-z][A-Za-z0-9+.-]*:|/")
_UUID = lazy(r"[0-9A-Fa-f]{8}(-?[0-9A-Fa-f]{4}){3}-?[0-9A-Fa-f]{12}")
_MAC = lazy(r"[0-9A-Fa-f]{2}([:-])[0-9A-Fa-f]{2}(\1[0-9A-Fa-f]{2}){4,18}")


def _date(text: str) -> bool:
    return len(text) == 10 and bool(date.fromisoformat(text))


def _date_time(text: str) -> bool:
    match = _DATE_TIME.fullmatch(text)
    return match is not None and _date(match[1])


def _base64(text: str) -> bool:
    a2b_base64("".join(text.split()), strict_mode=True)
    return True


def _hostname(text: str) -> bool:
    return len(text) <= 255 and all(len(part) < 64 and _LABEL.fullmatch(part) for part in text.split("."))


def _address(text: str, version: int) -> bool:
    from ipaddress import ip_address

    return ip_address(text).version == version


def _block(text: str) -> bool:
    from ipaddress import ip_interface

    return "/" in text and bool(ip_interface(text))


def _format(name: str, holds: Callable[[str], object]) -> Guard:
    def guard(value: str) -> Iterator[Fault]:
        try:
            sound = bool(holds(value))
        except (ValueError, Base64Error):
            sound = False
        if not sound:
            yield Fault("pattern", f"is not {name}")

    return guard


FORMATS: dict[str, Guard] = {
    "byte": _format("base64", _base64),
    "cidr": _format("an address block such as 10.0.0.0/8", _block),
    "date": _format("a date such as 2025-01-31", _date),
    "date-time": _format("a time such as 2025-01-31T12:00:00Z", _date_time),
    "datetime": _format("a time such as 2025-01-31T12:00:00Z", _date_time),
    "duration": _format("a duration such as 90s", lambda text: parse_duration(text) is not None),
    "email": _format("an e-mail address", _EMAIL.fullmatch),
    "hostname": _format("a host name", _hostname),
    "ipv4": _format("an IPv4 address", lambda text: _address(text, 4)),
    "ipv6": _format("an IPv6 address", lambda text: _address(text, 6)),
    "mac": _format("a hardware address", _MAC.fullmatch),
    "quantity": _format("a quantity such as 500m or 1Gi", lambda text: parse_quantity(text) is not None),
    "uri": _format("a URI", _SCHEME.match),
    "uuid": _format("a UUID", _UUID.fullmatch),
}
"""Guards by format name. ``quantity`` is ours: the API's own kinds spell it as a type."""
