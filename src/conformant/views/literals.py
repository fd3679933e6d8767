"""Text values wherever they stand: what checks on literals walk through."""

from collections.abc import Iterator, Sequence
from re import Pattern
from typing import Any, ClassVar

from conformant.model import Path, Step
from conformant.views.base import View


class Anything(View):
    """Any Kubernetes object, Terraform block or embedded config."""

    __slots__ = ()
    family: ClassVar[str] = "any"
    kinds: ClassVar[frozenset[str] | None] = None

    def may_hold(self, pattern: "Pattern[str]") -> bool:
        """Whether the text that the resource was read from holds the pattern anywhere: a cheap
        way to leave out most resources. True where the text is not at hand."""
        search = getattr(self.resource.meta, "search", None)
        return True if search is None else bool(search(pattern))

    def may_mention(self, words: Sequence[str]) -> bool:
        """As `may_hold`, for plain words: cheaper still."""
        holds = getattr(self.resource.meta, "holds", None)
        return True if holds is None else bool(holds(words))

    def texts(self) -> Iterator[tuple[Path, str]]:
        """(path, text) of every text value; unknown values are left out."""
        yield from texts(self.raw, ())


def texts(value: Any, way: tuple[Step, ...]) -> Iterator[tuple[Path, str]]:
    """(path, text) of every text below `value`, in document order."""
    stack: list[tuple[tuple[Step, ...], Any]] = [(way, value)]
    while stack:
        where, one = stack.pop()
        kind = one.__class__
        if kind is str:
            yield Path(where), one
        elif kind is dict:
            stack.extend(((*where, key), one[key]) for key in reversed(one))
        elif kind is list:
            stack.extend(((*where, index), one[index]) for index in range(len(one) - 1, -1, -1))
