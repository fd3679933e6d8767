"""What lets traffic in from outside: Ingress, HTTPRoute, and Kong's plugins and upstreams on them."""

from collections.abc import Iterator
from typing import Any, ClassVar

from msgspec import Struct

from conformant.model import Path, Undecided, dig, mapping, sequence
from conformant.views.base import Object
from conformant.views.workload import Workload

PLUGINS = "konghq.com/plugins"
INGRESSES = frozenset({"networking.k8s.io/Ingress", "extensions/Ingress"})
ROUTES = frozenset({"gateway.networking.k8s.io/HTTPRoute", "gateway.networking.k8s.io/GRPCRoute"})
HASHING = ("ip", "consumer", "path", "header", "cookie", "query_arg", "uri_capture")
"""What Kong can hash on, beside nothing."""


def listed(text: Any) -> list[str]:
    """The items of a comma-separated annotation."""
    return [item.strip() for item in text.split(",") if item.strip()] if isinstance(text, str) else []


def plugin_names(thing: Object) -> list[tuple[str, str]]:
    """(namespace, name) of the plugins that an object's annotation attaches."""
    names: list[tuple[str, str]] = []
    for item in listed(dig(thing.annotations, PLUGINS)):
        namespace, _, name = item.rpartition(":")
        names.append((namespace or thing.namespace, name))
    return names


class Backend(Struct, frozen=True):
    """A Service behind a route: `path` leads to where it is named, `port` is a number or a name."""

    path: Path
    namespace: str
    name: str
    port: int | str | None = None


class Entry(Struct, frozen=True):
    """A part of a route with the same Services behind it: the URL paths that lead there, the place of
    the first of them, and the KongPlugins (by name) that filters put on it."""

    path: Path
    urls: tuple[str, ...] = ()
    backends: tuple[Backend, ...] = ()
    filters: tuple[str, ...] = ()


class Ingress(Object):
    """``networking.k8s.io`` Ingress."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = INGRESSES

    @property
    def ingress_class(self) -> str:
        """The class by field, else by the old annotation; empty where neither is set."""
        stated = self.get("spec", "ingressClassName") or dig(self.annotations, "kubernetes.io/ingress.class")
        return stated if isinstance(stated, str) else ""

    @property
    def hosts(self) -> "list[tuple[Path, str]]":
        """(path, host) of every rule; the host is empty where the rule is for all of them."""
        return [
            (Path(("spec", "rules", number, "host")), str(dig(rule, "host") or ""))
            for number, rule in enumerate(self.list("spec", "rules"))
        ]

    @property
    def entries(self) -> "list[Entry]":
        """One entry for each Service; an Ingress without any has one all the same."""
        found: dict[str, list[tuple[Path, str, Backend | None]]] = {}
        for path, url, backend in self._paths():
            read = _ingress_backend(backend, path / "backend" if path[-1] != "spec" else path, self.namespace)
            found.setdefault(read.name if read else "", []).append((path, url, read))
        if not found:
            return [Entry(Path(("spec",)))]
        return [
            Entry(parts[0][0], tuple(url for _, url, _ in parts), tuple(part for _, _, part in parts if part))
            for parts in found.values()
        ]

    def _paths(self) -> "Iterator[tuple[Path, str, Any]]":
        """(path, URL path, backend) of every rule, the default one included."""
        for number, rule in enumerate(self.list("spec", "rules")):
            for index, entry in enumerate(sequence(rule, "http", "paths")):
                where = Path(("spec", "rules", number, "http", "paths", index))
                yield where, str(dig(entry, "path") or "/"), dig(entry, "backend")
        for field in ("defaultBackend", "backend"):
            if self.get("spec", field):
                yield Path(("spec",)), "/", self.get("spec", field)


def _ingress_backend(raw: Any, path: Path, namespace: str) -> Backend | None:
    service = mapping(raw, "service")
    old = dig(raw, "serviceName")
    name = old or dig(service, "name")
    port = dig(raw, "servicePort") if old else dig(service, "port", "number") or dig(service, "port", "name")
    return Backend(path, namespace, name, port) if isinstance(name, str) else None


class HttpRoute(Object):
    """``gateway.networking.k8s.io`` HTTPRoute and GRPCRoute."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = ROUTES

    @property
    def parents(self) -> "list[tuple[str, str]]":
        """(namespace, name) of the Gateways that the route attaches to."""
        return [
            (str(dig(parent, "namespace") or self.namespace), str(dig(parent, "name")))
            for parent in self.list("spec", "parentRefs")
            if dig(parent, "kind") in (None, "Gateway")
        ]

    @property
    def hosts(self) -> "list[tuple[Path, str]]":
        """(path, host name) of the route."""
        hosts = enumerate(self.list("spec", "hostnames"))
        return [(Path(("spec", "hostnames", index)), host) for index, host in hosts if isinstance(host, str)]

    @property
    def rules(self) -> "list[dict[Any, Any]]":
        return [mapping(rule) for rule in self.list("spec", "rules")]

    @property
    def entries(self) -> "list[Entry]":
        """One entry for each rule; a rule without a match is for every path."""
        found: list[Entry] = []
        for number, rule in enumerate(self.rules):
            where = Path(("spec", "rules", number))
            matches = sequence(rule, "matches") or [{}]
            urls = tuple(str(dig(match, "path", "value") or "/") for match in matches)
            found.append(Entry(where, urls, tuple(self._backends(rule, where)), tuple(_extensions(rule))))
        return found or [Entry(Path(("spec",)))]

    def _backends(self, rule: dict[Any, Any], where: Path) -> Iterator[Backend]:
        for index, entry in enumerate(sequence(rule, "backendRefs")):
            name = dig(entry, "name")
            if isinstance(name, str) and dig(entry, "kind") in (None, "Service"):
                namespace = str(dig(entry, "namespace") or self.namespace)
                yield Backend(where / "backendRefs" / index, namespace, name, dig(entry, "port"))


def _extensions(rule: dict[Any, Any]) -> Iterator[str]:
    for entry in sequence(rule, "filters"):
        reference = mapping(entry, "extensionRef")
        if dig(reference, "kind") == "KongPlugin" and isinstance(dig(reference, "name"), str):
            yield reference["name"]


class Listener(Struct, frozen=True):
    """One listener of a Gateway."""

    path: Path
    name: str
    protocol: str
    raw: dict[Any, Any]


class Gateway(Object):
    """``gateway.networking.k8s.io`` Gateway."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"gateway.networking.k8s.io/Gateway"})

    @property
    def listeners(self) -> "list[Listener]":
        found: list[Listener] = []
        for index, entry in enumerate(self.list("spec", "listeners")):
            raw, path = mapping(entry), Path(("spec", "listeners", index))
            found.append(Listener(path, str(dig(raw, "name") or ""), str(dig(raw, "protocol") or ""), raw))
        return found


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
    def excludes_https(self) -> bool:
        """Whether its protocols leave out everything encrypted."""
        protocols = self.list("protocols")
        return bool(protocols) and not {"https", "grpcs", "tls", "wss"} & {str(one) for one in protocols}

    @property
    def configuration(self) -> dict[Any, Any]:
        """The plugin's ``config``. Raises Undecided where it stands in a Secret."""
        if self.get("configFrom"):
            raise Undecided(f"the configuration of plugin {self.name} stands in a Secret")
        return self.map("config")

    def setting(self, *steps: str) -> Any:
        """One value of the configuration, None where absent. Raises Undecided where it stands in a Secret,
        all of it or, by a patch, this value."""
        place = "/" + "/".join(steps)
        for patch in self.list("configPatches"):
            patched = str(dig(patch, "path") or "")
            if patched == place or place.startswith(f"{patched}/"):
                raise Undecided(f"{place} of plugin {self.name} stands in a Secret")
        return dig(self.configuration, *steps)


class KongIngress(Object):
    """``configuration.konghq.com`` KongIngress: Kong's settings of old, in one object."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"configuration.konghq.com/KongIngress"})


class Upstream(Object):
    """How Kong balances load: a KongUpstreamPolicy, or the upstream of a KongIngress, which says the
    same in other words."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset(
        {"configuration.konghq.com/KongIngress", "configuration.konghq.com/KongUpstreamPolicy"}
    )

    @property
    def old(self) -> bool:
        """Whether it is a KongIngress."""
        return self.kind == "KongIngress"

    @property
    def base(self) -> Path:
        """The place of the settings."""
        return Path(("upstream",) if self.old else ("spec",))

    @property
    def settings(self) -> dict[Any, Any]:
        return self.map(*self.base)

    @property
    def checks(self) -> Path:
        return self.base / "healthchecks"

    def word(self, name: str) -> str:
        """A setting's name as this kind writes it: ``http_path``, ``httpPath``."""
        if self.old:
            return name
        first, *rest = name.split("_")
        return first + "".join(part.capitalize() for part in rest)

    @property
    def hashing(self) -> tuple[str, Path]:
        """What is hashed (one of HASHING), empty for nothing, and the place that says so."""
        if self.old:
            stated = dig(self.settings, "hash_on")
            found = stated if isinstance(stated, str) and stated != "none" else ""
            return found, self.base / "hash_on"
        path = self.base / "hashOn"
        for name in ("header", "cookie", "query_arg", "uri_capture"):
            if dig(self.settings, "hashOn", self.word(name)) is not None:
                return name, path / self.word(name)
        stated = dig(self.settings, "hashOn", "input")
        return (stated if isinstance(stated, str) and stated != "none" else ""), path / "input"

    @property
    def hash_headers(self) -> "list[tuple[Path, str]]":
        """(path, header) of the headers that are hashed, first choice and fallback."""
        places = (
            [("hash_on_header",), ("hash_fallback_header",)]
            if self.old
            else [("hashOn", "header"), ("hashOnFallback", "header")]
        )
        found = [(Path((*self.base, *place)), dig(self.settings, *place)) for place in places]
        return [(path, header) for path, header in found if isinstance(header, str)]

    @property
    def has_fallback(self) -> bool:
        """Whether something else is hashed where the input is absent."""
        if self.old:
            return dig(self.settings, "hash_fallback") not in (None, "none")
        fallback = mapping(self.settings, "hashOnFallback")
        return bool(fallback) and dig(fallback, "input") != "none"


class Edge(Object):
    """What says whether outside traffic needs TLS: an Ingress, or a Gateway of the Gateway API."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = INGRESSES | (Gateway.kinds or frozenset())


class CrossOrigin(Object):
    """What may state which origins a browser lets in: a KongPlugin, or Istio's VirtualService."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = (KongPlugin.kinds or frozenset()) | {"networking.istio.io/VirtualService"}


class IdentityReader(Object):
    """What may act upon a header of a request: upstreams, routes, and Istio's conditions."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = (
        (Upstream.kinds or frozenset()) | INGRESSES | ROUTES | {"security.istio.io/AuthorizationPolicy"}
    )


class Door(Object):
    """What may open a way in from outside: Services, and the routes to them."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = INGRESSES | {"/Service", "networking.istio.io/Gateway"}


class KubernetesService(Object):
    """The core Service."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"/Service"})


class AdminSurface(Object):
    """What may expose the administration of a gateway: its pods, Services and routes."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = (Workload.kinds or frozenset()) | INGRESSES | ROUTES | {"/Service"}
