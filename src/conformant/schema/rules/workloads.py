"""Controllers: where their pod template is, its selector, rollout settings."""

from collections.abc import Iterator
from typing import Any

from conformant.model import Path, dig, mapping
from conformant.schema.problem import Problem
from conformant.schema.rules.kind import Rule, broken
from conformant.schema.rules.metadata import label_rules
from conformant.schema.rules.pods import Template, containers_of
from conformant.views.quantity import scaled
from conformant.views.selector import equals, is_empty, selects

_TEMPLATE = ("spec", "template")
_TEMPLATES = {
    "/PodTemplate": ("template",),
    "/ReplicationController": _TEMPLATE,
    "apps/Deployment": _TEMPLATE,
    "apps/StatefulSet": _TEMPLATE,
    "apps/DaemonSet": _TEMPLATE,
    "apps/ReplicaSet": _TEMPLATE,
    "batch/Job": _TEMPLATE,
    "batch/CronJob": ("spec", "jobTemplate", "spec", "template"),
}
_SPEC = Path(("spec",))
_DEFAULT_DEADLINE = 600


def pod_template(group: str, kind: str, raw: dict[Any, Any]) -> Template | None:
    """The pod spec of an object with the path to it; None where it has none."""
    steps = () if (group, kind) == ("", "Pod") else _TEMPLATES.get(f"{group}/{kind}")
    if steps is None:
        return None
    spec = dig(raw, *steps, "spec")
    if spec.__class__ is not dict:
        return None
    claims = dig(raw, "spec", "volumeClaimTemplates") if kind == "StatefulSet" else None
    listed = claims if claims.__class__ is list else []
    return Template(spec, Path((*steps, "spec")), kind, listed, containers_of(spec))


def _selector(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    """The selector says something, and what it says holds for the template."""
    selector, labels = dig(raw, "spec", "selector"), mapping(raw, *_TEMPLATE, "metadata", "labels")
    if selector.__class__ is not dict:
        return
    if is_empty(selector):
        yield broken(_SPEC, "selector", message="the selector is empty")
    elif not selects(selector, labels):
        yield broken(_SPEC, "selector", message="the selector does not match the labels of the pod template")


def _plain_selector(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    selector = mapping(raw, "spec", "selector")
    if not equals(selector, mapping(raw, *_TEMPLATE, "metadata", "labels")):
        yield broken(_SPEC, "selector", message="the selector does not match the labels of the pod template")


def _template_labels(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    path = Path((*_TEMPLATE, "metadata", "labels"))
    yield from label_rules(mapping(raw, *path), path)


def _deployment_rollout(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    strategy = mapping(raw, "spec", "strategy")
    rolling, path = strategy.get("rollingUpdate"), _SPEC / "strategy" / "rollingUpdate"
    if strategy.get("type") == "Recreate":
        if rolling is not None:
            yield broken(path, message="rollingUpdate does not go with strategy type Recreate")
        return
    limits = mapping(rolling)
    yield from _at_most_all(limits.get("maxUnavailable"), path / "maxUnavailable")
    if _is_zero(limits.get("maxSurge")) and _is_zero(limits.get("maxUnavailable")):
        yield broken(path, message="maxSurge and maxUnavailable are both 0: no pod could ever be replaced")


def _daemon_rollout(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    limits, path = mapping(raw, "spec", "updateStrategy", "rollingUpdate"), _SPEC / "updateStrategy" / "rollingUpdate"
    surge, unavailable = limits.get("maxSurge"), limits.get("maxUnavailable")
    yield from _at_most_all(surge, path / "maxSurge")
    yield from _at_most_all(unavailable, path / "maxUnavailable")
    if (surge is None or _is_zero(surge)) and _is_zero(unavailable):
        yield broken(path, message="maxSurge and maxUnavailable are both 0: no pod could ever be replaced")
    elif surge is not None and not _is_zero(surge) and not _is_zero(unavailable):
        yield broken(path, "maxSurge", message="needs maxUnavailable: 0 beside it (the default is 1)")


def _at_most_all(value: Any, path: Path) -> Iterator[Problem]:
    if isinstance(value, str) and (scaled(value, 100, round_up=True) or 0) > 100:
        yield broken(path, message="more than 100 %", kind="range")


def _is_zero(value: Any) -> bool:
    """Whether an integer-or-percentage is 0; absent is not (there are defaults)."""
    return value is not None and scaled(value, 100, round_up=True) == 0


def _deadline(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    ready, deadline = dig(raw, "spec", "minReadySeconds"), dig(raw, "spec", "progressDeadlineSeconds")
    effective = _DEFAULT_DEADLINE if deadline is None else deadline
    if isinstance(ready, int) and isinstance(effective, int) and 0 < effective <= ready:
        default = " (the default)" if deadline is None else ""
        message = f"progressDeadlineSeconds {effective}{default} must be greater than minReadySeconds {ready}"
        yield broken(_SPEC, "minReadySeconds" if deadline is None else "progressDeadlineSeconds", message=message)


def _schedule(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    schedule = dig(raw, "spec", "schedule")
    if isinstance(schedule, str) and not schedule.startswith("@") and len(schedule.split()) != 5:
        yield broken(
            _SPEC, "schedule", kind="pattern", message="a schedule has five fields or is one of @hourly, @daily …"
        )


WORKLOAD_RULES: dict[str, tuple[Rule, ...]] = {
    "/ReplicationController": (_plain_selector, _template_labels),
    "apps/DaemonSet": (_selector, _template_labels, _daemon_rollout),
    "apps/Deployment": (_selector, _template_labels, _deployment_rollout, _deadline),
    "apps/ReplicaSet": (_selector, _template_labels),
    "apps/StatefulSet": (_selector, _template_labels),
    "batch/CronJob": (_schedule,),
    "batch/Job": (_template_labels,),
}
