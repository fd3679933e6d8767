"""Custom resource definitions: which kinds they define, which versions are served, what they say."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from conformant.model import Unknown
from conformant.schema.node import Node
from conformant.schema.structural import Structural, rules_of

_GROUP = "apiextensions.k8s.io"


class CustomVersion:
    """One version of a custom kind. `warning` is the text that goes with a deprecation."""

    def __init__(self, name: str, fields: dict[str, Any], common: dict[str, Any]) -> None:
        self.name = name
        self.served = fields.get("served", "served" not in fields and bool(common.get("legacy"))) is True
        self.deprecated = fields.get("deprecated") is True
        warning = fields.get("deprecationWarning")
        self.warning = warning if isinstance(warning, str) else ""
        self.schema = _inner(fields, "schema", "openAPIV3Schema") or common.get("schema")
        self._has_status = "status" in (_inner(fields, "subresources") or common.get("subresources") or {})
        self._prune = not common.get("preserve")
        self._node: Node | None = None

    def node(self, metadata: Callable[[], Node]) -> Node:
        """The compiled schema of a whole object; compiled on first use."""
        if self._node is None:
            structural = Structural(metadata, prune=self._prune)
            self._node = structural.root(self.schema, status=self._has_status)
        return self._node


class CustomKind:
    """What the CRDs at hand say about one kind. `versions` are in the order of the definition."""

    def __init__(self, definition: dict[str, Any]) -> None:
        spec = _inner(definition, "spec") or {}
        self.scope = "Cluster" if spec.get("scope") == "Cluster" else "Namespaced"
        legacy = str(definition.get("apiVersion")).endswith("/v1beta1")
        common = {
            "legacy": legacy,
            "schema": _inner(spec, "validation", "openAPIV3Schema"),
            "subresources": _inner(spec, "subresources"),
            "preserve": spec.get("preserveUnknownFields", legacy) is not False,
        }
        entries = [entry for entry in _sequence(spec.get("versions")) if entry.__class__ is dict]
        if not entries and isinstance(spec.get("version"), str):
            entries = [{"name": spec["version"], "served": True}]
        self.versions = {
            entry["name"]: CustomVersion(entry["name"], entry, common)
            for entry in entries
            if isinstance(entry.get("name"), str)
        }

    @property
    def served(self) -> list[str]:
        return [version.name for version in self.versions.values() if version.served]

    def rules(self, version: str, value: Any) -> list[str]:
        """The CEL rules of `version` that apply to `value`, as ``path: rule``."""
        known = self.versions.get(version)
        return list(rules_of(known.schema, value)) if known else []


def custom_kinds(documents: Iterable[Any]) -> dict[tuple[str, str], CustomKind]:
    """The kinds that `documents` define, by (group, kind). Lists are opened, other documents and
    definitions without group or kind ignored; of two definitions of one kind the first counts."""
    found: dict[tuple[str, str], CustomKind] = {}
    for definition in _definitions(documents):
        group, kind = _text(definition, "spec", "group"), _text(definition, "spec", "names", "kind")
        if group and kind and (group, kind) not in found:
            found[group, kind] = CustomKind(definition)
    return found


def _definitions(documents: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for document in documents:
        if document.__class__ is not dict or isinstance(document.get("kind"), Unknown):
            continue
        if document.get("kind") == "CustomResourceDefinition":
            version = document.get("apiVersion")
            if isinstance(version, str) and version.startswith(f"{_GROUP}/"):
                yield document
        elif document.get("kind") in ("List", "CustomResourceDefinitionList"):
            yield from _definitions(_sequence(document.get("items")))


def _inner(value: Any, *steps: str) -> dict[str, Any] | None:
    for step in steps:
        value = value.get(step) if value.__class__ is dict else None
    return value if value.__class__ is dict else None


def _text(value: Any, *steps: str) -> str:
    parent = _inner(value, *steps[:-1]) or {}
    text = parent.get(steps[-1])
    return text if isinstance(text, str) else ""


def _sequence(value: Any) -> list[Any]:
    return value if value.__class__ is list else []
