"""A route from outside asks nobody who they are.

What it checks: Every Ingress of Kong's class, and every HTTPRoute or GRPCRoute of a Kong Gateway, has an
enabled authentication plugin in reach: by annotation of the route or of a backend Service, by a filter,
by a KongPluginBinding, or by a global KongClusterPlugin. A plugin that lets anonymous callers through,
or whose protocols exclude https, does not count; basic-auth alone is a lower finding. Istio's
RequestAuthentication on the gateway counts when an AuthorizationPolicy demands a principal. Where Kong
is in use and no authentication plugin exists at all, one finding says so for all routes.

Why it matters: What the gateway lets in unauthenticated every service behind it must check alone.

How to fix: A KongPlugin jwt or openid-connect, and the annotation konghq.com/plugins on the route.

When it is fine: Health checks, /.well-known and OAuth callbacks (setting `public_paths`), static sites.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from msgspec import Struct

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Resource, Severity, Undecided, dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.base import Object
from conformant.views.gateway import PLUGINS, HttpRoute, Ingress, KongPlugin, plugin_names
from conformant.views.selector import equals


class PublicPaths(Struct, frozen=True, forbid_unknown_fields=True):
    """`public_paths` are patterns of URL paths that need no authentication."""

    public_paths: tuple[str, ...] = (
        "/healthz",
        "/health",
        "/ready",
        "/livez",
        "/readyz",
        "/.well-known/*",
        "*/callback",
    )


AUTHENTICATION = frozenset({
    "jwt", "openid-connect", "key-auth", "key-auth-enc", "oauth2", "oauth2-introspection", "mtls-auth",
    "header-cert-auth", "hmac-auth", "basic-auth", "ldap-auth", "ldap-auth-advanced", "saml", "vault-auth",
})  # fmt: skip
CURE = Cure("attach a jwt or openid-connect KongPlugin by the annotation konghq.com/plugins", grade="none")
ANNOTATIONS = Path(("metadata", "annotations", PLUGINS))


@check(
    id="GW-006",
    severity=Severity.CRITICAL,
    requirement="external-exposure",
    controls=[
        "nist-800-53r5/IA-8", "nist-800-53r5/IA-2", "nist-800-53r5/AC-3", "nsa-hardening-1.2/authentication",
        "soc2/CC6.1", "iso-27001-2022/A.8.5", "pci-dss-4.0/7.2.1", "pci-dss-4.0/8.3.1",
    ],
)  # fmt: skip
def unauthenticated_route(platform: Platform, settings: PublicPaths = PublicPaths()) -> Iterator[Item]:
    if not platform.has_kong:
        yield NotApplicable("no Kong gateway")
        return
    plugins = [plugin for plugin in platform.of(KongPlugin) if plugin.plugin in AUTHENTICATION]
    if _by_mesh(platform):
        return
    if not plugins:
        yield Finding(
            "Kong is in use, and no authentication plugin is declared for any route",
            cure=CURE, at=_first_kong_object(platform),
        )  # fmt: skip
        return
    for route in _routes(platform):
        try:
            yield from _judge(route, plugins, platform, settings)
        except Undecided as undecided:
            yield undecided


def _routes(platform: Platform) -> Iterator[Ingress | HttpRoute]:
    for ingress in platform.of(Ingress):
        if _kong_class(ingress.ingress_class, platform):
            yield ingress
    for route in platform.of(HttpRoute):
        if any(_kong_gateway(namespace, name, platform) for namespace, name in route.parents):
            yield route


def _kong_class(name: str, platform: Platform) -> bool:
    if name == "kong":
        return True
    declared = platform.find("networking.k8s.io/IngressClass", "", name) if name else None
    if declared is None and not name:
        classes = platform.kind("networking.k8s.io/IngressClass")
        marked = "ingressclass.kubernetes.io/is-default-class"
        default = [one for one in classes if mapping(one.raw, "metadata", "annotations").get(marked) == "true"]
        declared = default[0] if default else None
    return declared is not None and "konghq.com" in str(dig(declared.raw, "spec", "controller"))


def _kong_gateway(namespace: str, name: str, platform: Platform) -> bool:
    gateway = platform.find("gateway.networking.k8s.io/Gateway", namespace, name)
    if gateway is None:
        return False
    stated = dig(gateway.raw, "spec", "gatewayClassName")
    declared = platform.find("gateway.networking.k8s.io/GatewayClass", "", str(stated))
    return stated == "kong" or (
        declared is not None and "konghq.com" in str(dig(declared.raw, "spec", "controllerName"))
    )


def _judge(
    route: Ingress | HttpRoute, plugins: list[KongPlugin], platform: Platform, settings: PublicPaths
) -> Iterator[Finding]:
    paths = [path for _, path in route.paths]
    if paths and all(any(fnmatchcase(path, pattern) for pattern in settings.public_paths) for path in paths):
        return
    reached = [plugin for plugin in plugins if _attached(plugin, route, platform)]
    effective = [plugin for plugin in reached if plugin.enabled and not _excludes_https(plugin)]
    strict = [
        plugin for plugin in effective if not dig(plugin.configuration, "anonymous") or _anonymous_stopped(platform)
    ]
    where = ANNOTATIONS if PLUGINS in route.annotations else Path(("spec",))
    if not reached:
        message = f"{route.kind} {route.name} has no authentication plugin in reach"
        yield Finding(message, where, cure=CURE, at=route.resource)
    elif not effective:
        message = f"the authentication plugins of {route.kind} {route.name} are disabled or leave out https"
        yield Finding(message, where, cure=CURE, at=route.resource)
    elif not strict:
        message = f"{effective[0].plugin} on {route.kind} {route.name} lets anonymous callers through"
        yield Finding(message, where, cure=CURE, at=route.resource)
    elif all(plugin.plugin == "basic-auth" for plugin in strict):
        message = f"{route.kind} {route.name} asks only for a password (basic-auth)"
        yield Finding(message, where, Severity.MEDIUM, CURE, at=route.resource)


def _attached(plugin: KongPlugin, route: Ingress | HttpRoute, platform: Platform) -> bool:
    if plugin.everywhere:
        return True
    local = plugin.kind == "KongClusterPlugin" or plugin.namespace == route.namespace
    if not local:
        return False
    if plugin.name in plugin_names(route):
        return True
    if isinstance(route, HttpRoute) and plugin.name in route.extensions:
        return True
    for name in route.backends:
        service = platform.find("/Service", route.namespace, name)
        if service is not None and plugin.name in plugin_names(platform.view(service, Object)):
            return True
    return any(
        _binds(binding, plugin, route) for binding in platform.kind("configuration.konghq.com/KongPluginBinding")
    )


def _binds(binding: Resource, plugin: KongPlugin, route: Ingress | HttpRoute) -> bool:
    if dig(binding.raw, "spec", "pluginRef", "name") != plugin.name or binding.namespace != route.namespace:
        return False
    targets = mapping(binding.raw, "spec", "targets")
    named = {dig(targets, "routeRef", "name"), dig(targets, "serviceRef", "name")} - {None}
    return not named or bool(named & {route.name, *route.backends})


def _excludes_https(plugin: KongPlugin) -> bool:
    protocols = sequence(plugin.raw, "protocols")
    return bool(protocols) and not {"https", "grpcs", "tls"} & set(protocols)


def _anonymous_stopped(platform: Platform) -> bool:
    """Whether something ends the requests of the anonymous consumer: an ACL or request-termination."""
    return any(plugin.plugin in ("acl", "request-termination") and plugin.enabled for plugin in platform.of(KongPlugin))


def _by_mesh(platform: Platform) -> bool:
    """Whether Istio authenticates at Kong's pods: a RequestAuthentication and a policy that needs a principal."""
    proxies = [
        workload for workload in platform.workloads
        if any(container.image.base in ("kong", "kong-gateway") for container in workload.containers("main"))
    ]  # fmt: skip
    for proxy in proxies:
        for request in platform.kind("security.istio.io/RequestAuthentication"):
            selector = mapping(request.raw, "spec", "selector", "matchLabels")
            if (
                request.namespace == proxy.namespace
                and equals(selector, proxy.labels)
                and _demanded(proxy.namespace, platform)
            ):
                return True
    return False


def _demanded(namespace: str, platform: Platform) -> bool:
    for policy in platform.kind("security.istio.io/AuthorizationPolicy"):
        if policy.namespace != namespace:
            continue
        for rule in sequence(policy.raw, "spec", "rules"):
            for origin in sequence(rule, "from"):
                source = mapping(origin, "source")
                if sequence(source, "requestPrincipals") or sequence(source, "notRequestPrincipals"):
                    return True
    return False


def _first_kong_object(platform: Platform) -> Resource | None:
    for resource in platform.resources:
        if resource.group.endswith("konghq.com"):
            return resource
    return next((route.resource for route in _routes(platform)), None)
