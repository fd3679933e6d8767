"""Kong as a platform configures it: its routes, and the plugins in force on each of them."""

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from typing import Any

from msgspec import Struct

from conformant.model import Resource, Undecided, dig, mapping, sequence
from conformant.platform import Platform
from conformant.schema.rules.kind import literal
from conformant.views.base import Object
from conformant.views.gateway import Entry, HttpRoute, Ingress, KongPlugin, Upstream, plugin_names
from conformant.views.selector import equals
from conformant.views.workload import Container, Workload

AUTHENTICATION = frozenset({
    "jwt", "openid-connect", "key-auth", "key-auth-enc", "oauth2", "oauth2-introspection", "mtls-auth",
    "header-cert-auth", "hmac-auth", "basic-auth", "ldap-auth", "ldap-auth-advanced", "saml", "vault-auth",
})  # fmt: skip
"""The plugins that ask who calls."""

CACHES = ("proxy-cache", "proxy-cache-advanced")
"""The plugins that keep answers."""

OVERRIDE, UPSTREAM_POLICY = "konghq.com/override", "konghq.com/upstream-policy"
IMAGES = frozenset({"kong", "kong-gateway"})
_ROUTING = ("KongClusterPlugin", "KongIngress", "KongPlugin", "KongUpstreamPolicy")
_BINDING = "configuration.konghq.com/KongPluginBinding"
Pair = tuple[str, str]
Target = tuple[str, str, str]
EVERYWHERE: Target = ("", "", "")


class Way(Struct, frozen=True):
    """A part of one of Kong's routes."""

    route: Ingress | HttpRoute
    entry: Entry


class Kong:
    """The routes, plugins and pods of Kong. Use with `Platform.derived`."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.routes: list[Ingress | HttpRoute] = []
        self.doubts: list[Undecided] = []
        self._find_routes()
        self._own = {route.resource for route in self.routes}
        self.plugins = platform.of(KongPlugin)
        self._named: dict[Pair, list[KongPlugin]] = {}
        for plugin in self.plugins:
            self._named.setdefault((plugin.namespace, plugin.name), []).append(plugin)
        self._names_of_all = {plugin.name for plugin in self.plugins}
        self._bound = _bound(platform)
        self.everywhere = [plugin for plugin in self.plugins if plugin.everywhere]
        self.everywhere += self._of(self._bound.get(EVERYWHERE, ()))
        self.proxies = [
            (workload, box) for workload in platform.workloads
            if (box := proxy_container(workload)) is not None and variable(box, "KONG_ROLE") != "control_plane"
        ]  # fmt: skip

    def _find_routes(self) -> None:
        """Sort out whose routes are Kong's; where that is not known there is a doubt instead."""
        candidates: list[Ingress | HttpRoute] = [*self.platform.of(Ingress), *self.platform.of(HttpRoute)]
        for route in candidates:
            try:
                if _of_kong(route, self.platform):
                    self.routes.append(route)
            except Undecided as undecided:
                self.doubts.append(undecided)

    @cached_property
    def ways(self) -> list[Way]:
        return [way for route in self.routes for way in ways(route)]

    def attached(self, way: Way) -> list[list[KongPlugin]]:
        """The plugins on a part of a route, enabled or not, from the most specific place on: the route
        with its filters, the Services, everywhere."""
        own, behind = self._names(way)
        return [self._of(own), self._of(behind), self.everywhere]

    def elsewhere(self, way: Way) -> str:
        """The name of a plugin on a part of a route that the input declares nowhere, not even where the route
        could not reach it; empty where there is none."""
        if self.platform.profile.closed_world:
            return ""
        own, behind = self._names(way)
        return next((name for _, name in (*own, *behind) if name not in self._names_of_all), "")

    def _names(self, way: Way) -> tuple[list[Pair], list[Pair]]:
        """(namespace, name) of the plugins that are put on a route, and on the Services behind it."""
        route = way.route
        own = [*plugin_names(route), *((route.namespace, name) for name in way.entry.filters)]
        own += self._bound.get(("routeRef", route.namespace, route.name), ())
        behind: list[Pair] = []
        for backend in way.entry.backends:
            service = self.platform.find("/Service", backend.namespace, backend.name)
            if service is not None:
                behind += plugin_names(self.platform.view(service, Object))
            behind += self._bound.get(("serviceRef", backend.namespace, backend.name), ())
        return own, behind

    def in_force(self, way: Way, kinds: Collection[str]) -> list[KongPlugin]:
        """The enabled plugins of these kinds that decide on a part of a route: the most specific ones."""
        for level in self.attached(way):
            found = [plugin for plugin in level if plugin.plugin in kinds and plugin.enabled]
            if found:
                return found
        return []

    @cached_property
    def caches(self) -> dict[Resource, list[Way]]:
        """The parts of routes whose answers each cache of responses keeps."""
        found: dict[Resource, list[Way]] = {}
        for way in self.ways:
            for plugin in self.in_force(way, CACHES):
                found.setdefault(plugin.resource, []).append(way)
        return found

    @cached_property
    def first(self) -> Resource | None:
        """The first object of Kong's that the platform configures routes by, or its first route."""
        for resource in self.platform.resources:
            if resource.group == "configuration.konghq.com" and resource.kind in _ROUTING:
                return resource
        return self.routes[0].resource if self.routes else None

    @cached_property
    def most_proxies(self) -> int:
        """How many proxies there may be of one kind, by the autoscaler's maximum where it has one."""
        limits = {
            (scaler.namespace, str(dig(scaler.raw, "spec", "scaleTargetRef", "name"))): dig(
                scaler.raw, "spec", "maxReplicas"
            )
            for scaler in self.platform.kind("autoscaling/HorizontalPodAutoscaler")
        }
        counts = [1]
        for workload, _ in self.proxies:
            limit = limits.get((workload.namespace, workload.name))
            counts.append(2 if workload.kind == "DaemonSet" else workload.replicas)
            counts.append(limit if isinstance(limit, int) else 1)
        return max(counts)

    @cached_property
    def authenticated_by_mesh(self) -> bool:
        """Whether Istio authenticates at Kong's pods: a RequestAuthentication and a policy that needs a principal."""
        for proxy, _ in self.proxies:
            for request in self.platform.kind("security.istio.io/RequestAuthentication"):
                selector = mapping(request.raw, "spec", "selector", "matchLabels")
                if (
                    request.namespace == proxy.namespace
                    and equals(selector, proxy.labels)
                    and _demanded(proxy.namespace, self.platform)
                ):
                    return True
        return False

    def owns(self, route: Ingress | HttpRoute) -> bool:
        """Whether a route is one of Kong's."""
        return route.resource in self._own

    def leading_to(self, services: Iterable[Pair]) -> list[Way]:
        """The parts of routes with one of these Services, (namespace, name), behind them."""
        return [way for service in sorted(services) for way in self.by_service.get(service, ())]

    @cached_property
    def by_service(self) -> dict[Pair, list[Way]]:
        """The parts of routes, by (namespace, name) of the Services behind them."""
        found: dict[Pair, list[Way]] = {}
        for way in self.ways:
            for pair in dict.fromkeys((one.namespace, one.name) for one in way.entry.backends):
                found.setdefault(pair, []).append(way)
        return found

    def services_of(self, upstream: Upstream) -> set[Pair]:
        """(namespace, name) of the Services that an upstream's settings are for."""
        return self._governed.get((upstream.kind, upstream.namespace, upstream.name), set())

    @cached_property
    def _governed(self) -> dict[Target, set[Pair]]:
        """The Services that settings are for, by kind, namespace and name of the settings."""
        found: dict[Target, set[Pair]] = {}
        for service in self.platform.kind("/Service"):
            for kind, annotation in (("KongIngress", OVERRIDE), ("KongUpstreamPolicy", UPSTREAM_POLICY)):
                name = _annotated(service, annotation)
                if isinstance(name, str):
                    found.setdefault((kind, service.namespace, name), set()).add((service.namespace, service.name))
        for way in self.ways:
            name = _annotated(way.route.resource, OVERRIDE)
            if isinstance(name, str):
                behind = {(one.namespace, one.name) for one in way.entry.backends}
                found.setdefault(("KongIngress", way.route.namespace, name), set()).update(behind)
        return found

    def _of(self, names: Iterable[Pair]) -> list[KongPlugin]:
        """The plugins of these names: of the namespace, else of the cluster."""
        found: list[KongPlugin] = []
        for namespace, name in dict.fromkeys(names):
            found += self._named.get((namespace, name)) or self._named.get(("", name), [])
        return found


def ways(route: Ingress | HttpRoute) -> list[Way]:
    """The parts of a route."""
    return [Way(route, entry) for entry in route.entries]


def variable(container: Container, name: str) -> Any:
    """The value of an environment variable, None where it is absent or stands elsewhere."""
    return next((entry.get("value") for _, entry in container.env if entry.get("name") == name), None)


def proxy_container(workload: Workload) -> Container | None:
    """The container in which Kong runs, if the pods have one; those that migrate its database have not."""
    for container in () if workload.batch else workload.all_containers:
        known = container.role in ("main", "sidecar") and isinstance(container.raw.get("image"), str)
        if known and container.image.base in IMAGES:
            return container
    return None


def _of_kong(route: Ingress | HttpRoute, platform: Platform) -> bool:
    if isinstance(route, Ingress):
        return of_kong_class(route.ingress_class, platform)
    return any(is_kong_gateway(namespace, name, platform) for namespace, name in route.parents)


def of_kong_class(name: str, platform: Platform) -> bool:
    """Whether an Ingress of this class (empty: the default one) is Kong's."""
    if name == "kong":
        return True
    if not literal(name):
        raise Undecided("the class of an Ingress is a placeholder")
    declared = platform.find("networking.k8s.io/IngressClass", "", name) if name else None
    if declared is None and not name:
        marked = "ingressclass.kubernetes.io/is-default-class"
        classes = platform.kind("networking.k8s.io/IngressClass")
        declared = next((one for one in classes if _annotated(one, marked) == "true"), None)
    return declared is not None and "konghq.com" in str(dig(declared.raw, "spec", "controller"))


def is_kong_gateway(namespace: str, name: str, platform: Platform) -> bool:
    """Whether a Gateway of the Gateway API is Kong's."""
    gateway = platform.find("gateway.networking.k8s.io/Gateway", namespace, name)
    if gateway is None:
        return False
    stated = dig(gateway.raw, "spec", "gatewayClassName")
    declared = platform.find("gateway.networking.k8s.io/GatewayClass", "", str(stated))
    if declared is None:
        return bool(stated == "kong")
    return "konghq.com" in str(dig(declared.raw, "spec", "controllerName"))


def _bound(platform: Platform) -> dict[Target, list[Pair]]:
    """The plugins that bindings attach for all consumers, by what they attach them to."""
    found: dict[Target, list[Pair]] = {}
    for binding in platform.kind(_BINDING):
        plugin = (binding.namespace, str(dig(binding.raw, "spec", "pluginRef", "name")))
        for target in _targets(binding):
            found.setdefault(target, []).append(plugin)
    return found


def _targets(binding: Resource) -> Iterator[Target]:
    if dig(binding.raw, "spec", "scope") == "GlobalInControlPlane":
        yield EVERYWHERE
        return
    targets = mapping(binding.raw, "spec", "targets")
    if targets.get("consumerRef") or targets.get("consumerGroupRef"):
        return
    for field in ("routeRef", "serviceRef"):
        name = dig(targets, field, "name")
        if isinstance(name, str):
            yield field, binding.namespace, name
            return


def _annotated(resource: Resource, annotation: str) -> Any:
    return mapping(resource.raw, "metadata", "annotations").get(annotation)


def _demanded(namespace: str, platform: Platform) -> bool:
    """Whether a policy of a namespace lets only callers with a verified token in."""
    for policy in platform.kind("security.istio.io/AuthorizationPolicy"):
        if policy.namespace != namespace:
            continue
        for rule in sequence(policy.raw, "spec", "rules"):
            for origin in sequence(rule, "from"):
                source = mapping(origin, "source")
                if sequence(source, "requestPrincipals") or sequence(source, "notRequestPrincipals"):
                    return True
    return False
