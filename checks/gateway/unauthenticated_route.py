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

from conformant.domain.kong import AUTHENTICATION, Kong, Way, ways
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, Undecided
from conformant.platform import Platform
from conformant.views.gateway import PLUGINS, HttpRoute, Ingress


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
    kong = platform.derived(Kong)
    yield from kong.doubts
    if kong.first is None:
        yield NotApplicable("Kong has no routes here")
        return
    if kong.authenticated_by_mesh:
        return
    declared = any(plugin.plugin in AUTHENTICATION for plugin in kong.plugins)
    if not declared and not any(kong.elsewhere(way) for way in kong.ways):
        yield Finding(
            "Kong is in use, and no authentication plugin is declared for any route",
            cure=CURE, at=kong.first,
        )  # fmt: skip
        return
    yield from aspects(_judge(route, kong, settings) for route in kong.routes)


def _judge(route: Ingress | HttpRoute, kong: Kong, settings: PublicPaths) -> Iterator[Finding]:
    """The worst of what is wrong with the parts of a route that are not public."""
    faults = [
        fault for way in ways(route) if not _public(way, settings) and (fault := _fault(way, kong)) is not None
    ]  # fmt: skip
    if faults:
        severity, message = max(faults, key=lambda fault: fault[0])
        where = Path(("metadata", "annotations", PLUGINS)) if PLUGINS in route.annotations else Path(("spec",))
        yield Finding(message, where, severity, CURE, at=route.resource)


def _public(way: Way, settings: PublicPaths) -> bool:
    urls = way.entry.urls
    return bool(urls) and all(any(fnmatchcase(url, pattern) for pattern in settings.public_paths) for url in urls)


def _fault(way: Way, kong: Kong) -> tuple[Severity, str] | None:
    what = f"{way.route.kind} {way.route.name}"
    reached = [plugin for level in kong.attached(way) for plugin in level if plugin.plugin in AUTHENTICATION]
    effective = [plugin for plugin in reached if plugin.enabled and not plugin.excludes_https]
    strict = [plugin for plugin in effective if not plugin.setting("anonymous") or _anonymous_stopped(kong)]
    if not strict and (name := kong.elsewhere(way)):
        raise Undecided(f"plugin {name} on {what} is not part of the input: it may authenticate")
    if not reached:
        paths = f" for {', '.join(way.entry.urls)}" if len(way.route.entries) > 1 else ""
        return Severity.CRITICAL, f"{what} has no authentication plugin in reach{paths}"
    if not effective:
        return Severity.CRITICAL, f"the authentication plugins of {what} are disabled or leave out https"
    if not strict:
        return Severity.CRITICAL, f"{effective[0].plugin} on {what} lets anonymous callers through"
    if all(plugin.plugin == "basic-auth" for plugin in strict):
        return Severity.MEDIUM, f"{what} asks only for a password (basic-auth)"
    return None


def _anonymous_stopped(kong: Kong) -> bool:
    """Whether something ends the requests of the anonymous consumer: an ACL or request-termination."""
    return any(plugin.plugin in ("acl", "request-termination") and plugin.enabled for plugin in kong.plugins)
