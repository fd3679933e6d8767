"""Label selectors as the API server evaluates them."""

from collections.abc import Mapping
from typing import Any

from conformant.model import mapping, sequence


def selects(selector: Any, labels: Mapping[Any, Any]) -> bool:
    """Whether a LabelSelector (``matchLabels``, ``matchExpressions``) admits `labels`.

    An absent (None) selector selects nothing, an empty one everything. An unknown operator
    selects nothing. Raises Undecided where the selector or a label it needs is not known.
    """
    if selector is None:
        return False
    for key, value in mapping(selector, "matchLabels").items():
        if key not in labels or labels[key] != value:
            return False
    return all(_expression(item, labels) for item in sequence(selector, "matchExpressions"))


def _expression(expression: Any, labels: Mapping[Any, Any]) -> bool:
    term = mapping(expression)
    key, values = term.get("key"), sequence(term.get("values"))
    match term.get("operator"):
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False


def is_empty(selector: Any) -> bool:
    """Whether a selector has no requirement at all: absent, ``{}``, or empty lists within."""
    return not mapping(selector, "matchLabels") and not sequence(selector, "matchExpressions")


def equals(selector: Mapping[Any, Any], labels: Mapping[Any, Any]) -> bool:
    """Whether a plain map selector (Service, ReplicationController) admits `labels`."""
    return all(key in labels and labels[key] == value for key, value in selector.items())
