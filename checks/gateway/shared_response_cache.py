"""The gateway's response cache may give one caller's answer to another.

What it checks: proxy-cache and proxy-cache-advanced on routes whose callers must authenticate. Kong keys its
cache by consumer, route, method, path, query and ``vary_headers``: where callers are no Kong consumers
(openid-connect without consumer_claim, mtls-auth with skip_consumer_lookup, a plugin with an anonymous
consumer, Istio alone) ``vary_headers`` must hold authorization. A global cache beside authenticated routes is
a fault of its own. Only GET and HEAD are cached, no answers 401, 403 or 5xx; the origin's ``private`` and
``no-store`` count (``cache_control: true``, medium), and answers live at most `longest` seconds (low). A cache in
memory of several proxies is told (info).

Why it matters: A cached answer to a privileged caller is served to everybody who asks for the same URL.

How to fix: ``vary_headers: [authorization]``, ``cache_control: true``, or no cache on such routes.

When it is fine: Answers that are the same for every caller, in a cache on those routes alone.
"""

from collections.abc import Iterator

from msgspec import Struct

from conformant.domain.kong import AUTHENTICATION, CACHES, Kong, Way
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, sequence
from conformant.platform import Platform
from conformant.views.gateway import KongPlugin


class Age(Struct, frozen=True, forbid_unknown_fields=True):
    """`longest` is the seconds for which an answer may be cached on an authenticated route."""

    longest: int = 60


WITHOUT_CONSUMERS = ("saml", "oauth2-introspection", "ldap-auth")
SAFE_METHODS = frozenset({"GET", "HEAD"})
CONFIG = Path(("config",))
VARY = CONFIG / "vary_headers"


@check(
    id="GW-013",
    severity=Severity.HIGH,
    requirement="caller-isolation",
    controls=["nist-800-53r5/AC-4", "nist-800-53r5/SC-4", "soc2/CC6.1", "iso-27001-2022/A.8.26"],
)
def shared_response_cache(plugin: KongPlugin, platform: Platform, settings: Age = Age()) -> Iterator[Item]:
    if plugin.plugin not in CACHES or not plugin.enabled or platform.profile.gateway == "none":
        yield NotApplicable("no cache of responses")
        return
    kong = platform.derived(Kong)
    callers = [way for way in kong.caches.get(plugin.resource, ()) if _asks(way, kong)]
    yield from aspects([
        _key(plugin, callers, kong), _everywhere(plugin, kong), _answers(plugin), _ages(plugin, callers, settings),
        _memory(plugin, kong),
    ])  # fmt: skip


def _asks(way: Way, kong: Kong) -> bool:
    return bool(kong.in_force(way, AUTHENTICATION)) or kong.authenticated_by_mesh


def _key(plugin: KongPlugin, callers: list[Way], kong: Kong) -> Iterator[Finding]:
    stated = sequence(plugin.setting("vary_headers"))
    if "authorization" in [str(name).lower() for name in stated]:
        return
    for way in callers:
        if not _consumer_known(way, kong):
            message = (
                f"callers of {way.route.kind} {way.route.name} are no consumers of Kong's: they share cached answers"
            )
            cure = Cure("vary_headers: [authorization]", ((VARY, [*stated, "authorization"]),))
            yield Finding(message, VARY, cure=cure)
            return


def _consumer_known(way: Way, kong: Kong) -> bool:
    """Whether each caller of a part of a route is a Kong consumer."""
    plugins = kong.in_force(way, AUTHENTICATION)
    return bool(plugins) and all(_sets_consumer(plugin) for plugin in plugins)


def _sets_consumer(plugin: KongPlugin) -> bool:
    if plugin.setting("anonymous"):
        return False
    if plugin.plugin == "openid-connect":
        return bool(plugin.setting("consumer_claim")) and plugin.setting("consumer_optional") is not True
    if plugin.plugin == "mtls-auth":
        return plugin.setting("skip_consumer_lookup") is not True
    if plugin.plugin == "ldap-auth-advanced":
        return plugin.setting("consumer_optional") is not True
    return plugin.plugin not in WITHOUT_CONSUMERS


def _everywhere(plugin: KongPlugin, kong: Kong) -> Iterator[Finding]:
    if plugin in kong.everywhere and any(_asks(way, kong) for way in kong.ways):
        cure = Cure("attach the cache to the routes whose answers are the same for all", grade="none")
        yield Finding("the cache is global, and there are authenticated routes", Path(("metadata",)), cure=cure)


def _answers(plugin: KongPlugin) -> Iterator[Finding]:
    methods = [str(method) for method in sequence(plugin.setting("request_method"))]
    others = sorted(set(methods) - SAFE_METHODS)
    if others:
        path = CONFIG / "request_method"
        cure = Cure("request_method: [GET, HEAD]", ((path, ["GET", "HEAD"]),))
        yield Finding(f"answers to {', '.join(others)} are cached", path, cure=cure)
    codes = sequence(plugin.setting("response_code"))
    faults = [code for code in codes if isinstance(code, int) and (code in (401, 403) or code >= 500)]
    if faults:
        path = CONFIG / "response_code"
        kept = [code for code in codes if code not in faults]
        cure = Cure("cache good answers alone", ((path, kept or [200, 301, 404]),))
        yield Finding(f"answers {', '.join(map(str, faults))} are cached", path, cure=cure)


def _ages(plugin: KongPlugin, callers: list[Way], settings: Age) -> Iterator[Finding]:
    if not callers:
        return
    if plugin.setting("cache_control") is not True:
        path = CONFIG / "cache_control"
        message = "the service's Cache-Control is ignored, private and no-store included (cache_control is not true)"
        yield Finding(message, path, Severity.MEDIUM, Cure("cache_control: true", ((path, True),)))
    seconds = plugin.setting("cache_ttl")
    if not isinstance(seconds, int) or seconds > settings.longest:
        path = CONFIG / "cache_ttl"
        why = "300 s, as cache_ttl is not set" if seconds is None else f"{seconds} s"
        cure = Cure(f"cache_ttl: {settings.longest}", ((path, settings.longest),))
        yield Finding(f"answers are kept for {why}", path, Severity.LOW, cure)


def _memory(plugin: KongPlugin, kong: Kong) -> Iterator[Finding]:
    if plugin.setting("strategy") == "memory" and kong.most_proxies > 1:
        message = f"each of the {kong.most_proxies} proxies has a cache of its own"
        cure = Cure("strategy: redis (proxy-cache-advanced), where that matters", grade="none")
        yield Finding(message, CONFIG / "strategy", Severity.INFO, cure)
