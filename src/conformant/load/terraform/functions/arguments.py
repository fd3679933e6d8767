"""What functions ask of their arguments."""

from collections.abc import Iterable
from typing import Any

from conformant.load.terraform.values import EvaluationError
from conformant.model import Undecided, Unknown


def listed(value: Any) -> list[Any]:
    """A list or set; raises EvaluationError for anything else, Undecided for an unknown."""
    if isinstance(value, list):
        return value
    if isinstance(value, Unknown):
        raise Undecided(value.reason)
    raise EvaluationError("a list is required")


def mapped(value: Any) -> dict[str, Any]:
    """A map or object; raises EvaluationError for anything else, Undecided for an unknown."""
    if isinstance(value, dict):
        return value
    if isinstance(value, Unknown):
        raise Undecided(value.reason)
    raise EvaluationError("a map is required")


def known(values: Iterable[Any]) -> list[Any]:
    """The values, none of which is unknown itself; raises Undecided otherwise."""
    found = list(values)
    for value in found:
        if isinstance(value, Unknown):
            raise Undecided(value.reason)
    return found
