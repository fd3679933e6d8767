"""Names and labels of any object."""

from collections.abc import Iterator
from typing import Any

from conformant.model import Path, mapping
from conformant.regex import lazy
from conformant.schema.problem import Problem
from conformant.schema.rules.kind import broken, literal

_NAME = lazy(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_VALUE = lazy(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
_LABEL_KEY = lazy(r"([^/]+/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_SPECIAL_NAMES = ("rbac.authorization.k8s.io/", "certificates.k8s.io/", "apiregistration.k8s.io/")
_FINE: set[tuple[str, str]] = set()
"""Labels that were found sound: most objects share theirs with others."""
_METADATA = Path(("metadata",))
_LABELS = _METADATA / "labels"


def metadata_rules(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    """Names are DNS names (except where any path segment will do), labels have a narrow alphabet."""
    metadata = mapping(raw, "metadata")
    name = metadata.get("name")
    if name.__class__ is str and name and (len(name) > 63 or not _NAME.fullmatch(name)):
        yield from _name(name, raw)
    labels = metadata.get("labels")
    if labels is not None:
        yield from label_rules(mapping(labels), _LABELS)


def _name(name: str, raw: dict[Any, Any]) -> Iterator[Problem]:
    group = raw.get("apiVersion")
    limit = 63 if raw.get("kind") == "Namespace" else 253
    free = isinstance(group, str) and group.startswith(_SPECIAL_NAMES)
    if not free and (not _NAME.fullmatch(name) or len(name) > limit) and literal(name):
        message = f"{name!r} is not a name: lower-case letters, digits, '-' and '.', at most {limit} characters"
        yield broken(_METADATA, "name", message=message, kind="pattern")


def label_rules(labels: dict[Any, Any], path: Path) -> Iterator[Problem]:
    """Label keys and values that the API server takes; values of another type are the schema's."""
    for key, value in labels.items():
        if value.__class__ is str and (key, value) in _FINE:
            continue
        sound = value.__class__ is str and len(value) <= 63 and _LABEL_VALUE.fullmatch(value) is not None
        if sound and isinstance(key, str) and _LABEL_KEY.fullmatch(key):
            if len(_FINE) < 10_000:
                _FINE.add((key, value))
            continue
        if isinstance(key, str) and not _LABEL_KEY.fullmatch(key) and literal(key):
            yield broken(path, key, message=f"{key!r} is not a label key", kind="pattern")
        if value.__class__ is str and (len(value) > 63 or not _LABEL_VALUE.fullmatch(value)) and literal(value):
            message = (
                "a label value has at most 63 letters, digits, '-', '_' and '.', and none of the latter at its ends"
            )
            yield broken(path, key, message=message, kind="pattern")
