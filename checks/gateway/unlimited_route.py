"""A route from outside limits neither how many requests a caller may send nor how large they are.

What it checks: On every part of Kong's routes an enabled rate-limiting plugin and an enabled
request-size-limiting plugin are in force: by annotation of the route or of its Services, by a filter, a
KongPluginBinding, everywhere (a global KongClusterPlugin), or for the rate on every KongConsumer. The size
allowed is at most the setting `largest_megabytes`. A rate counted by each proxy for itself (policy local,
Kong's default) is multiplied by the proxies where there are several (medium); one counted in Redis is lifted
while Redis is away (fault_tolerant, info). Where Kong is in use and no rate-limiting plugin exists at all, one
finding says so for all routes.

Why it matters: One caller can take the capacity of all, and guess credentials as fast as the network goes.

How to fix: KongPlugins rate-limiting (policy redis, limit_by consumer) and request-size-limiting on the route.

When it is fine: A rate limit before the gateway, at the CDN or its firewall; waive the route.
"""

from collections.abc import Iterator

from msgspec import Struct

from conformant.domain.kong import Kong, Way, ways
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Resource, Severity, Undecided, sequence
from conformant.platform import Platform
from conformant.views.base import Object
from conformant.views.gateway import PLUGINS, HttpRoute, Ingress, KongPlugin, plugin_names


class Sizes(Struct, frozen=True, forbid_unknown_fields=True):
    """`largest_megabytes` is the largest request that a plugin may let through."""

    largest_megabytes: int = 128


RATE = ("rate-limiting", "rate-limiting-advanced", "graphql-rate-limiting-advanced", "ai-rate-limiting-advanced")
SIZE = ("request-size-limiting",)
UNITS = {"megabytes": 1_000_000, "kilobytes": 1_000, "bytes": 1}
RATE_CURE = Cure("attach a KongPlugin rate-limiting {minute: N, policy: redis, limit_by: consumer}", grade="none")
SIZE_CURE = Cure("attach a KongPlugin request-size-limiting with allowed_payload_size", grade="none")


@check(
    id="GW-008",
    severity=Severity.HIGH,
    requirement="rate-limits",
    controls=["nist-800-53r5/SC-5", "nist-800-53r5/SC-6", "soc2/A1.1", "iso-27001-2022/A.8.6"],
)
def unlimited_route(platform: Platform, settings: Sizes = Sizes()) -> Iterator[Item]:
    if not platform.has_kong:
        yield NotApplicable("no Kong gateway")
        return
    kong = platform.derived(Kong)
    yield from kong.doubts
    if kong.first is None:
        yield NotApplicable("Kong has no routes here")
        return
    plugins = [plugin for plugin in kong.plugins if plugin.enabled]
    declared = any(plugin.plugin in RATE for plugin in plugins)
    if not declared and not any(kong.elsewhere(way) for way in kong.ways):
        message = "Kong is in use, and no rate-limiting plugin is declared for any route"
        yield Finding(message, cure=RATE_CURE, at=kong.first)
    else:
        for_consumers = _on_every_consumer(kong)
        yield from aspects(_route(route, kong, for_consumers) for route in kong.routes)
    yield from aspects(_plugin(plugin, kong, settings) for plugin in plugins)


def _route(route: Ingress | HttpRoute, kong: Kong, for_consumers: bool) -> Iterator[Item]:
    parts = ways(route)
    name = next((name for way in parts if (name := kong.elsewhere(way))), "")
    for kinds, what, severity, cure in (
        (RATE, "no rate limit", None, RATE_CURE),
        (SIZE, "no limit to the size of requests", Severity.MEDIUM, SIZE_CURE),
    ):
        lacking = [way for way in parts if not kong.in_force(way, kinds)]
        if not lacking or (kinds is RATE and for_consumers):
            continue
        if name:
            yield Undecided(
                f"plugin {name} on {route.kind} {route.name} is not part of the input: it may limit requests"
            )
        else:
            yield _finding(lacking, what, severity, cure)


def _finding(found: list[Way], what: str, severity: Severity | None, cure: Cure) -> Finding:
    route = found[0].route
    paths = f" for {', '.join(found[0].entry.urls)}" if len(route.entries) > 1 else ""
    where = Path(("metadata", "annotations", PLUGINS)) if PLUGINS in route.annotations else Path(("spec",))
    return Finding(f"{route.kind} {route.name} has {what}{paths}", where, severity, cure, at=route.resource)


def _on_every_consumer(kong: Kong) -> bool:
    """Whether each consumer, or a group of its, has a rate limit of its own."""
    consumers = kong.platform.kind("configuration.konghq.com/KongConsumer")
    limiting = {(plugin.namespace, plugin.name) for plugin in kong.plugins if plugin.enabled and plugin.plugin in RATE}
    groups = {
        (group.namespace, group.name)
        for group in kong.platform.kind("configuration.konghq.com/KongConsumerGroup")
        if _limited(group, limiting, kong.platform)
    }
    return bool(consumers) and all(
        _limited(consumer, limiting, kong.platform)
        or any((consumer.namespace, str(name)) in groups for name in sequence(consumer.raw, "consumerGroups"))
        for consumer in consumers
    )


def _limited(holder: Resource, limiting: set[tuple[str, str]], platform: Platform) -> bool:
    names = plugin_names(platform.view(holder, Object))
    return any(pair in limiting or ("", pair[1]) in limiting for pair in names)


def _plugin(plugin: KongPlugin, kong: Kong, settings: Sizes) -> Iterator[Finding]:
    if plugin.plugin in SIZE:
        yield from _size(plugin, settings)
    elif plugin.plugin in ("rate-limiting", "rate-limiting-advanced"):
        yield from _counting(plugin, kong)


def _size(plugin: KongPlugin, settings: Sizes) -> Iterator[Finding]:
    allowed, unit = plugin.setting("allowed_payload_size"), plugin.setting("size_unit") or "megabytes"
    size = (allowed if isinstance(allowed, int) else 128) * UNITS.get(str(unit), 1_000_000)
    if size > settings.largest_megabytes * 1_000_000:
        message = f"requests of up to {allowed} {unit} are let through"
        path = Path(("config", "allowed_payload_size"))
        cure = Cure(f"at most {settings.largest_megabytes} megabytes", grade="none")
        yield Finding(message, path, Severity.MEDIUM, cure, at=plugin.resource)


def _counting(plugin: KongPlugin, kong: Kong) -> Iterator[Finding]:
    """Where a rate is counted, and what becomes of it when that is away."""
    advanced = plugin.plugin == "rate-limiting-advanced"
    name = "strategy" if advanced else "policy"
    stated = plugin.setting(name)
    replicas = kong.most_proxies
    if stated in (None, "local") and replicas > 1:
        why = f"{name} local" if stated else f"{name} is not set: local"
        message = f"each of the {replicas} proxies counts for itself ({why}), so the limit is {replicas} times as high"
        yield Finding(message, Path(("config", name)), Severity.MEDIUM, Cure(f"{name}: redis"), at=plugin.resource)
    elif stated == "redis" and not advanced and plugin.setting("fault_tolerant") is not False:
        path = Path(("config", "fault_tolerant"))
        message = "while Redis is away there is no limit (fault_tolerant is not false)"
        yield Finding(message, path, Severity.INFO, Cure("fault_tolerant: false", ((path, False),)), at=plugin.resource)
