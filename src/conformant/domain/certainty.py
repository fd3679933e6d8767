"""Deciding in spite of values that are not known."""

from collections.abc import Callable, Iterable

from conformant.model import Undecided


def any_holds(tests: Iterable[Callable[[], bool]]) -> bool:
    """Whether one of the tests is true. Raises Undecided when none is and one of them cannot tell."""
    doubt: Undecided | None = None
    for test in tests:
        try:
            if test():
                return True
        except Undecided as undecided:
            doubt = undecided
    if doubt is not None:
        raise doubt
    return False
