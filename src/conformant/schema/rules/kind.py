"""The shape of a rule, and the small questions that rules share."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from conformant.model import Path, Step
from conformant.schema.problem import Problem

Rule = Callable[[dict[Any, Any], tuple[int, ...]], Iterator[Problem]]
"""Takes a whole object and the target Kubernetes version; raises Undecided on an unknown value."""


def broken(path: Path, *steps: Step, message: str, kind: str = "rule") -> Problem:
    """A problem at `path` and `steps` below it."""
    return Problem(kind, Path((*path, *steps)), message)


def given(fields: Mapping[Any, Any], *names: str) -> list[str]:
    """Those of `names` that are set to something (an empty mapping is something, null is not)."""
    return [name for name in names if fields.get(name) is not None]


def literal(text: Any) -> bool:
    """Whether `text` is a finished string, without the placeholders of a template engine."""
    return isinstance(text, str) and not any(mark in text for mark in ("{{", "${", "$(", "<", "%%"))
