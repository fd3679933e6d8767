"""What lets traffic in from outside: Ingress, HTTPRoute, and Kong's plugins on them."""

from typing import Any, ClassVar

from conformant.model import Path, Undecided, dig, mapping, sequence
from conformant.views.base import Object

PLUGINS = "konghq.com/plugins"


def plugin_names(thing: Object) -> list[str]:
    """The plugins that an object's annotation attaches, by name."""
    stated = dig(thing.annotations, PLUGINS)
    return [name.strip() for name in stated.split(",") if name.strip()] if isinstance(stated, str) else []


class Ingress(Object):
    """``networking.k8s.io`` Ingress."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"networking.k8s.io/Ingress", "extensions/Ingress"})

    @property
    def ingress_class(self) -> str:
        """The class by field, else by the old annotation; empty where neither is set."""
        stated = self.get("spec", "ingressClassName") or dig(self.annotations, "kubernetes.io/ingress.class")
        return stated if isinstance(stated, str) else ""

    @property
    def paths(self) -> "list[tuple[Path, str]]":
        """(path in the object, URL path) of every rule."""
        found: list[tuple[Path, str]] = []
        for number, rule in enumerate(self.list("spec", "rules")):
            for index, entry in enumerate(sequence(rule, "http", "paths")):
                where = Path(("spec", "rules", number, "http", "paths", index))
                found.append((where, str(dig(entry, "path") or "/")))
        return found

    @property
    def backends(self) -> list[str]:
        """The names of the Services behind the rules."""
        entries = [entry for rule in self.list("spec", "rules") for entry in sequence(rule, "http", "paths")]
        names = [dig(entry, "backend", "service", "name") for entry in entries]
        names.append(self.get("spec", "defaultBackend", "service", "name"))
        return [name for name in names if isinstance(name, str)]


class HttpRoute(Object):
    """``gateway.networking.k8s.io`` HTTPRoute and GRPCRoute."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset(
        {"gateway.networking.k8s.io/HTTPRoute", "gateway.networking.k8s.io/GRPCRoute"}
    )

    @property
    def parents(self) -> "list[tuple[str, str]]":
        """(namespace, name) of the Gateways that the route attaches to."""
        return [
            (str(dig(parent, "namespace") or self.namespace), str(dig(parent, "name")))
            for parent in self.list("spec", "parentRefs")
            if dig(parent, "kind") in (None, "Gateway")
        ]

    @property
    def paths(self) -> "list[tuple[Path, str]]":
        """(path in the object, URL path) of every match; a rule without one matches all."""
        found: list[tuple[Path, str]] = []
        for number, rule in enumerate(self.list("spec", "rules")):
            where = Path(("spec", "rules", number))
            matches = sequence(rule, "matches") or [{}]
            found.extend((where, str(dig(match, "path", "value") or "/")) for match in matches)
        return found

    @property
    def backends(self) -> list[str]:
        """The names of the Services behind the rules."""
        entries = [entry for rule in self.list("spec", "rules") for entry in sequence(rule, "backendRefs")]
        return [name for entry in entries if isinstance(name := dig(entry, "name"), str)]

    @property
    def extensions(self) -> list[str]:
        """The KongPlugins that filters refer to, by name."""
        names: list[str] = []
        for rule in self.list("spec", "rules"):
            for entry in sequence(rule, "filters"):
                reference = mapping(entry, "extensionRef")
                if dig(reference, "kind") == "KongPlugin" and isinstance(dig(reference, "name"), str):
                    names.append(reference["name"])
        return names


class KongPlugin(Object):
    """``configuration.konghq.com`` KongPlugin and KongClusterPlugin."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset(
        {"configuration.konghq.com/KongPlugin", "configuration.konghq.com/KongClusterPlugin"}
    )

    @property
    def plugin(self) -> str:
        """What it configures: ``jwt``, ``rate-limiting`` …"""
        name = self.get("plugin")
        return name if isinstance(name, str) else ""

    @property
    def everywhere(self) -> bool:
        """A cluster plugin that applies to every route."""
        return self.kind == "KongClusterPlugin" and dig(self.labels, "global") == "true"

    @property
    def enabled(self) -> bool:
        return self.get("disabled") is not True

    @property
    def configuration(self) -> dict[Any, Any]:
        """The plugin's ``config``. Raises Undecided where it stands in a Secret."""
        if self.get("configFrom"):
            raise Undecided(f"the configuration of plugin {self.name} stands in a Secret")
        return self.map("config")
