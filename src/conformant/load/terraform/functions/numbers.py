"""Functions over numbers, booleans and networks."""

import ipaddress
import math
from collections.abc import Callable
from typing import Any

from conformant.load.terraform.values import EvaluationError, boolean, number, text
from conformant.model import Undecided

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _network(prefix: Any) -> Network:
    try:
        return ipaddress.ip_network(text(prefix), strict=False)
    except ValueError:
        raise EvaluationError("not a network")


def cidrsubnet(prefix: Any, bits: Any, index: Any) -> str:
    network = _network(prefix)
    length = network.prefixlen + int(number(bits))
    offset = int(number(index))
    fits = network.prefixlen <= length <= network.max_prefixlen
    if not fits or not 0 <= offset < 1 << (length - network.prefixlen):
        raise EvaluationError("cidrsubnet() outside of the network")
    start = int(network.network_address) + (offset << (network.max_prefixlen - length))
    return f"{type(network.network_address)(start)}/{length}"


def cidrhost(prefix: Any, index: Any) -> str:
    network = _network(prefix)
    offset = int(number(index))
    if not -network.num_addresses <= offset < network.num_addresses:
        raise EvaluationError("cidrhost() outside of the network")
    return str(network[offset])


def power(base: Any, exponent: Any) -> Any:
    left, right = number(base), number(exponent)
    if abs(right) > 64 or abs(left) > 2**64:
        raise Undecided("pow() of more than can be evaluated")
    return left**right


def _extreme(choose: Callable[[list[Any]], Any]) -> Callable[..., Any]:
    def function(*values: Any) -> Any:
        if not values:
            raise EvaluationError("a number is required")
        return choose([number(value) for value in values])

    return function


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": lambda value: abs(number(value)),
    "ceil": lambda value: math.ceil(number(value)),
    "cidrhost": cidrhost,
    "cidrnetmask": lambda prefix: str(_network(prefix).netmask),
    "cidrsubnet": cidrsubnet,
    "floor": lambda value: math.floor(number(value)),
    "max": _extreme(max),
    "min": _extreme(min),
    "nonsensitive": lambda value: value,
    "pow": power,
    "sensitive": lambda value: value,
    "tobool": lambda value: None if value is None else boolean(value),
    "tonumber": lambda value: None if value is None else number(value),
}
