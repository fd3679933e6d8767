"""Label selectors as the API server evaluates them."""

from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

from conformant.model import mapping, sequence

Item = TypeVar("Item")


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
    if key.__class__ is dict or key.__class__ is list:
        return False
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


class SelectorIndex(Generic[Item]):
    """Finds which of many selectors may admit some labels without trying them all."""

    def __init__(self, entries: Iterable[tuple[Any, Item]]) -> None:
        """`entries` are (LabelSelector, item); each is filed under its first required label."""
        self._always: list[tuple[int, Any, Item]] = []
        self._general: list[tuple[int, Any, Item]] = []
        self._filed: dict[tuple[Any, Any], list[tuple[int, Any, Item]]] = {}
        for number, (selector, item) in enumerate(entries):
            required = mapping(selector, "matchLabels") if selector is not None else {}
            first = next(iter(required.items()), None)
            entry = number, selector, item
            if selector is not None and is_empty(selector):
                self._always.append(entry)
            elif first is None:
                self._general.append(entry)
            elif first[1].__class__ is str:
                self._filed.setdefault((first[0], first[1]), []).append(entry)

    def admitting(self, labels: Mapping[Any, Any]) -> list[Item]:
        """The items whose selector admits `labels`, in the order in which they were given."""
        found = self._always + [entry for entry in self._general if selects(entry[1], labels)]
        for pair in labels.items():
            if pair[1].__class__ is str:
                found.extend(entry for entry in self._filed.get(pair, ()) if selects(entry[1], labels))
        found.sort(key=lambda entry: entry[0])
        return [entry[2] for entry in found]
