"""Flagger's objects: Canary with its analysis."""

from typing import Any, ClassVar

from conformant.model import Path, dig
from conformant.views.base import Object
from conformant.views.quantity import parse_duration

SUCCESS_RATE, DURATION = "request-success-rate", "request-duration"
DEFAULT_SECONDS = 60.0
LEAST_SECONDS = 10.0


class Metric:
    """One metric of an analysis: built-in by its name, or by a template or a query of its own."""

    __slots__ = ("path", "raw")

    def __init__(self, raw: dict[Any, Any], path: Path) -> None:
        self.raw = raw
        self.path = path

    @property
    def name(self) -> str:
        return str(dig(self.raw, "name") or "")

    @property
    def is_builtin(self) -> bool:
        return self.name in (SUCCESS_RATE, DURATION)

    @property
    def is_asked(self) -> bool:
        """Whether there is anything to ask for: Flagger fails every check of a metric without."""
        return self.is_builtin or self.template is not None or bool(dig(self.raw, "query"))

    @property
    def template(self) -> tuple[str, str] | None:
        """(namespace, name) of the MetricTemplate; the namespace is empty for the Canary's own."""
        name = dig(self.raw, "templateRef", "name")
        return (str(dig(self.raw, "templateRef", "namespace") or ""), str(name)) if name else None

    def limit(self, name: str) -> float | None:
        """``min`` or ``max`` of the threshold range; None where it is absent."""
        return _number(dig(self.raw, "thresholdRange", name))

    @property
    def old_threshold(self) -> float | None:
        """The deprecated ``threshold``: a maximum, for the success rate a minimum. A threshold
        range takes its place."""
        return None if dig(self.raw, "thresholdRange") is not None else _number(dig(self.raw, "threshold"))

    @property
    def is_bounded(self) -> bool:
        return any(value is not None for value in (self.limit("min"), self.limit("max"), self.old_threshold))

    @property
    def window(self) -> float:
        """The seconds that a query looks back."""
        return seconds(dig(self.raw, "interval"))


class Canary(Object):
    """``flagger.app`` Canary: how releases of a workload are tried out."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"flagger.app/Canary"})

    @property
    def analysis(self) -> dict[Any, Any]:
        return self.map("spec", "analysis")

    @property
    def metrics(self) -> "list[Metric]":
        at = Path(("spec", "analysis", "metrics"))
        declared = enumerate(self.list(*at))
        return [Metric(raw, at / index) for index, raw in declared if isinstance(raw, dict)]

    @property
    def webhooks(self) -> "list[dict[Any, Any]]":
        return [item for item in self.list("spec", "analysis", "webhooks") if isinstance(item, dict)]

    @property
    def target(self) -> tuple[str, str]:
        """(kind, name) of the workload."""
        target = self.map("spec", "targetRef")
        return str(dig(target, "kind") or "Deployment"), str(dig(target, "name") or "")

    @property
    def interval(self) -> float:
        """Seconds between two steps; Flagger takes at least ten."""
        return max(LEAST_SECONDS, seconds(dig(self.analysis, "interval")))

    def count(self, name: str) -> int:
        """A whole number of the analysis (``threshold``, ``iterations``, ``stepWeight`` …), 0 where absent."""
        value = _number(dig(self.analysis, name))
        return int(value) if value is not None else 0


def seconds(interval: Any) -> float:
    """A duration as Flagger reads it: one minute where it is absent or no duration."""
    found = parse_duration(interval)
    return DEFAULT_SECONDS if found is None else found


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
