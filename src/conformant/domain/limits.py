"""Which requests and limits containers have: their own, the pod's, and what a LimitRange fills in."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from conformant.model import Resource, dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.quantity import parse_quantity
from conformant.views.workload import Container

Key = tuple[str, str]
"""``requests`` or ``limits``, and the name of the resource."""


def stated(resources: dict[Any, Any], section: str, name: str) -> bool:
    """Whether a quantity above zero is there; a request may be implied by its limit."""
    value = dig(resources, section, name)
    if value is None and section == "requests":
        value = dig(resources, "limits", name)
    if value is None or value == "":
        return False
    quantity = parse_quantity(value)
    return quantity is None or quantity > 0


def missing(container: Container, wanted: tuple[Key, ...], platform: Platform) -> list[Key]:
    """What of `wanted` neither the container nor its pod states, nor a LimitRange of the namespace fills in."""
    workload = container.workload
    pod = workload.pod.get("resources")
    if pod is not None:
        wanted = tuple(key for key in wanted if not stated(mapping(pod), *key))
    return absent(mapping(container.raw.get("resources")), wanted, workload.namespace, platform)


def absent(resources: dict[Any, Any], wanted: tuple[Key, ...], namespace: str, platform: Platform) -> list[Key]:
    """What of `wanted` neither these resources state nor a LimitRange of the namespace fills in."""
    unstated = [key for key in wanted if not stated(resources, *key)]
    if unstated:
        defaults = platform.derived(_defaults).get(namespace, frozenset())
        unstated = [key for key in unstated if key not in defaults]
    return unstated


def most(namespace: str, name: str, platform: Platform) -> Decimal | None:
    """The most that the LimitRanges of a namespace let a container have; None where nothing bounds it."""
    return platform.derived(_most).get((namespace, name))


def _containers(limits: Resource) -> Iterator[Any]:
    """The entries of a LimitRange that are about containers."""
    for entry in sequence(limits.raw, "spec", "limits"):
        if dig(entry, "type") == "Container":
            yield entry


def _defaults(platform: Platform) -> dict[str, frozenset[Key]]:
    """What the LimitRanges of each namespace fill in for containers."""
    found: dict[str, set[Key]] = {}
    for limits in platform.kind("/LimitRange"):
        for entry in _containers(limits):
            found.setdefault(limits.namespace, set()).update(filled(entry))
    return {namespace: frozenset(keys) for namespace, keys in found.items()}


def filled(entry: Any) -> Iterator[Key]:
    """What an entry of a LimitRange fills in. As the API server reads it, a maximum stands for a default
    that is not stated; the default, and then a minimum, for a default request that is not."""
    for name in ("cpu", "memory"):
        limit = dig(entry, "default", name) or dig(entry, "max", name)
        if limit:
            yield "limits", name
        if limit or dig(entry, "defaultRequest", name) or dig(entry, "min", name):
            yield "requests", name


def _most(platform: Platform) -> dict[tuple[str, str], Decimal]:
    found: dict[tuple[str, str], Decimal] = {}
    for limits in platform.kind("/LimitRange"):
        for entry in _containers(limits):
            for name, value in mapping(entry, "max").items():
                most, key = parse_quantity(value), (limits.namespace, str(name))
                if most is not None:
                    found[key] = min(most, found.get(key, most))
    return found
