"""Values while they are evaluated: plain Python ones, sets, and what cannot be known yet.

Inside the evaluator an unknown is a `Pending`, which remembers what it stands for; `seal` turns
the values of a finished block into plain Python and `Unknown`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from conformant.model import Path, Undecided, Unknown

LARGEST = 100_000
"""Most leaves, or characters of a string, that one value may have."""
MOST_COMPARED = 1000
"""Most elements of a list that are compared with all the others."""


class EvaluationError(Exception):
    """An expression that Terraform would refuse, whatever the unknown values turn out to be."""


class Pending(Unknown):
    """An unknown with its cause: `subject` "var.encrypt", `predicate` "has no value".

    `computed` marks an attribute that the provider fills in (an ARN, an id); such a value is
    never a wildcard or empty.
    """

    __slots__ = ("computed", "predicate", "subject")

    def __init__(self, subject: str, predicate: str, references: Sequence[str] = (), computed: bool = False) -> None:
        super().__init__(f"{subject} {predicate}", references)
        self.subject = subject
        self.predicate = predicate
        self.computed = computed

    def derived(self, others: Sequence[Unknown] = ()) -> "Pending":
        """The unknown result of an operation on this one (and others)."""
        return Pending(self.subject, self.predicate, merged_references((self, *others)))


class Partial(Pending):
    """A string that is known in parts: `parts` of text and unknowns, or with `document` the value
    that was encoded as JSON."""

    __slots__ = ("document", "parts")

    def __init__(self, cause: Pending, parts: Sequence[str | Pending] = (), document: Any = None) -> None:
        super().__init__(cause.subject, cause.predicate, cause.references)
        self.parts = tuple(parts)
        self.document = document


class Symbolic(Pending):
    """An object with keys that are known in parts only: pairs of key and value."""

    __slots__ = ("entries",)

    def __init__(self, cause: Pending, entries: Sequence[tuple[Any, Any]]) -> None:
        super().__init__(cause.subject, cause.predicate, cause.references)
        self.entries = tuple(entries)


class SetValue(list[Any]):
    """A set: elements are their own keys."""

    __slots__ = ()


class BlockValue(dict[str, Any]):
    """A nested block of a resource: what it does not set, the provider may fill in."""

    __slots__ = ("references", "subject")

    def __init__(self, values: dict[str, Any], subject: str, references: Sequence[str]) -> None:
        super().__init__(values)
        self.subject = subject
        self.references = references

    def member(self, name: str) -> Any:
        """The value of an attribute of the block."""
        if name in self:
            return self[name]
        subject = f"{self.subject}.{name}"
        return Pending(subject, "is known after apply", self.references, name.endswith(("arn", "id")))


def merged_references(unknowns: Sequence[Unknown]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reference for unknown in unknowns for reference in unknown.references))


def unknowns(value: Any) -> Iterator[Unknown]:
    """The unknowns in a value."""
    if isinstance(value, Unknown):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from unknowns(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from unknowns(inner)


def because(found: Sequence[Unknown]) -> Pending:
    """The unknown result of an operation that met these unknowns."""
    first = next((one for one in found if isinstance(one, Pending)), None)
    if first is None:
        return Pending("the value", "is not known", merged_references(found))
    return first.derived(found)


def text(value: Any) -> str:
    """A value as Terraform converts it to a string."""
    kind = value.__class__
    if kind is str:
        return value  # type: ignore[no-any-return]  # narrowed by kind
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if kind is float:
        return repr(int(value) if value.is_integer() else value)
    if isinstance(value, Unknown):
        raise Undecided(value.reason)
    raise EvaluationError("a string is required")


def number(value: Any) -> int | float:
    """A value as Terraform converts it to a number."""
    kind = value.__class__
    if kind is int or kind is float:
        return value  # type: ignore[no-any-return]  # narrowed by kind
    if kind is str and len(value) < 400:
        try:
            found = float(value)
            return int(value) if value.lstrip("-").isdigit() else int(found) if found.is_integer() else found
        except (ValueError, OverflowError):
            pass
    if isinstance(value, Unknown):
        raise Undecided(value.reason)
    raise EvaluationError("a number is required")


def boolean(value: Any) -> bool:
    """A value as Terraform converts it to a boolean."""
    if value is True or value is False:
        return value
    if isinstance(value, Unknown):
        raise Undecided(value.reason)
    if value == "true" or value == "false":
        return bool(value == "true")
    raise EvaluationError("true or false is required")


def equal(left: Any, right: Any) -> bool:
    """Terraform's equality, which tells 1, true and "1" apart. Raises Undecided on unknowns."""
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        raise Undecided(left.reason if isinstance(left, Unknown) else right.reason)
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    return (left.__class__ is bool) == (right.__class__ is bool) and bool(left == right)


def unique(values: Sequence[Any]) -> list[Any]:
    """The distinct values in their order. Raises Undecided on unknowns, and for more objects than
    can be compared."""
    scalars: set[Any] = set()
    others: list[Any] = []
    distinct: list[Any] = []
    for value in values:
        if isinstance(value, str | int | float | None):
            key = (value.__class__ is bool, value)
            known = key in scalars
            scalars.add(key)
        else:
            known = any(equal(value, other) for other in others)
            if not known:
                others.append(value)
                if len(others) > MOST_COMPARED:
                    raise Undecided("there are too many elements to compare")
        if not known:
            distinct.append(value)
    return distinct


def as_set(values: Sequence[Any]) -> SetValue:
    """The distinct values, in Terraform's order where all are strings."""
    if any(True for value in values for _ in unknowns(value)):
        return SetValue(values)
    distinct = unique(values)
    return SetValue(sorted(distinct) if all(value.__class__ is str for value in distinct) else distinct)


def weight(value: Any, limit: int = LARGEST) -> int:
    """How many leaves a value has, counting no further than `limit`."""
    total = 0
    stack = [value]
    while stack:
        inner = stack.pop()
        total += 1
        if total > limit:
            break
        if isinstance(inner, dict):
            stack.extend(inner.values())
        elif isinstance(inner, list):
            stack.extend(inner)
        elif isinstance(inner, Symbolic):
            stack.extend(each for _, each in inner.entries)
        elif isinstance(inner, str):
            total += len(inner) // 10
    return total


def bounded(value: Any, subject: str) -> Any:
    """The value, or a Pending when it is larger than anything written on purpose."""
    kind = value.__class__
    if kind is str:
        large = len(value) > LARGEST * 10
    else:
        large = isinstance(value, dict | list | Symbolic) and weight(value) > LARGEST
    return Pending(subject, f"is larger than {LARGEST} elements") if large else value


class Sealing:
    """Turns evaluated values into those of a resource; collects partly known documents by path."""

    __slots__ = ("documents", "left")

    def __init__(self) -> None:
        self.documents: dict[Path, Any] = {}
        self.left = LARGEST

    def seal(self, value: Any, path: Path, direct: bool = False) -> Any:
        """`direct` says that the expression is nothing but a reference."""
        kind = value.__class__
        if kind is str or kind is bool or kind is int or value is None or kind is float:
            return value
        if isinstance(value, dict | list):
            self.left -= len(value)
            if self.left < 0:
                return Unknown(f"{path} is larger than {LARGEST} elements")
        if kind is dict or kind is BlockValue:
            return {key: self.seal(inner, path / key) for key, inner in value.items()}
        if kind is list or kind is SetValue:
            return [self.seal(inner, path / index) for index, inner in enumerate(value)]
        if kind is Partial:
            self.documents[path] = value
        if not isinstance(value, Pending):
            return value
        verb = "is" if direct else "depends on"
        return Unknown(f"{path} {verb} {value.subject}, which {value.predicate}", value.references)
