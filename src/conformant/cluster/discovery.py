"""Which kinds an API server serves, and under which paths."""

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from conformant.model import mapping, sequence


class Served(Struct, frozen=True):
    """A kind as the server serves it: ``group/Kind`` is `key`, `version` the preferred one."""

    key: str
    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str]

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "") -> str:
        """The path of all objects, of those in a namespace, or of one object."""
        base = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        inside = f"/namespaces/{namespace}" if namespace and self.namespaced else ""
        return f"{base}{inside}/{self.plural}" + (f"/{name}" if name else "")


def kinds(documents: Iterable[Any]) -> dict[str, Served]:
    """All kinds of aggregated discovery documents; of a kind in several versions, the first, which is the
    one that the server prefers."""
    found: dict[str, Served] = {}
    for document in documents:
        for group in sequence(mapping(document), "items"):
            name = str(mapping(group, "metadata").get("name") or "")
            for version in sequence(group, "versions"):
                for served in _resources(name, mapping(version)):
                    found.setdefault(served.key, served)
    return found


def _resources(group: str, version: dict[Any, Any]) -> Iterator[Served]:
    for resource in sequence(version, "resources"):
        stated = mapping(resource)
        kind = mapping(stated, "responseKind").get("kind")
        if not kind:
            continue
        verbs = frozenset(str(verb) for verb in sequence(stated, "verbs"))
        yield Served(
            f"{group}/{kind}", group, str(version.get("version")), str(kind), str(stated.get("resource")),
            stated.get("scope") == "Namespaced", verbs,
        )  # fmt: skip


def stale(documents: Iterable[Any]) -> list[str]:
    """The groups whose server did not say lately what it serves."""
    return sorted({
        str(mapping(group, "metadata").get("name"))
        for document in documents
        for group in sequence(mapping(document), "items")
        for version in sequence(group, "versions")
        if mapping(version).get("freshness") == "Stale"
    })  # fmt: skip


def plain(group: str, document: Any) -> Iterator[Served]:
    """The kinds of one plain ``APIResourceList``, for servers without aggregated discovery."""
    version = str(mapping(document).get("groupVersion") or "").rpartition("/")[2]
    for resource in sequence(mapping(document), "resources"):
        stated = mapping(resource)
        if "/" in str(stated.get("name")) or not stated.get("kind"):
            continue
        yield Served(
            f"{group}/{stated['kind']}", group, version, str(stated["kind"]), str(stated.get("name")),
            stated.get("namespaced") is True, frozenset(str(verb) for verb in sequence(stated, "verbs")),
        )  # fmt: skip


def plural(kind: str) -> str:
    """The usual plural of a kind's name, for a role that is written without asking a server."""
    name = kind.lower()
    if name in ("endpoints", "redis"):
        return name
    if name.endswith("y") and name[-2] not in "aeiou":
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith(("s", "x", "ch", "sh")) else f"{name}s"
