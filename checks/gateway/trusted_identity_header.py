"""A header that says who the caller is is believed as the client sends it.

What it checks: Where an identity header (X-User-*, X-Consumer-*, X-Tenant*, X-Forwarded-User, X-Auth-* …) is
hashed, routed by or stated in an Istio condition, something on every route there takes the client's own
value away: request-transformer (remove, replace or rename), an authentication plugin that sets just this
header, Istio's outputClaimToHeaders, or a VirtualService that removes or sets it. X-Consumer-* and
X-Credential-* are Kong's own wherever callers must authenticate. Code of one's own (pre-function,
post-function) leaves it undecided. Apart from that, an upstream that hashes a header or a query argument has
a fallback (low): without one all requests that lack it meet one target.

Why it matters: Anybody can send X-User-ID. What trusts it acts for whomever the caller names.

How to fix: Hash the consumer (``hashOn: {input: consumer}``, ``hashOnFallback: {input: ip}``); remove identity
headers at the gateway with request-transformer.

When it is fine: Only hashing, where neither affinity nor balance matters.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from conformant.domain.kong import AUTHENTICATION, Kong, Way, ways
from conformant.leaf import Item, aspects, check
from conformant.model import REMOVE, Cure, Finding, NotApplicable, Path, Severity, Undecided, dig, mapping, sequence
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.views.gateway import HttpRoute, IdentityReader, Ingress, KongPlugin, Upstream

IDENTITY = lazy(
    r"(?i)^((x-)?(remote-)?(user|customer|account|org|organization)"
    r"(-?(id|uuid|name|email|login|sub|subject|roles?|groups?|scopes?|permissions?|info))?"
    r"|x-(consumer|credential|authenticated|auth)-.+|x-tenant.*|x-forwarded-(user|email|groups|preferred-username))$"
)
NO_CLAIM = lazy(r"(?i)(token|key|signature|secret|agent)$")
"""What the service verifies by itself, or nobody trusts."""
KONGS_OWN = lazy(
    r"(?i)^x-(consumer-(id|custom-id|username|groups)|credential-identifier|authenticated-(scope|userid))$"
)
CONDITION = lazy(r"^request\.headers\[([^\]]+)\]$")
TRANSFORMERS = ("request-transformer", "request-transformer-advanced")
CODE = ("pre-function", "post-function")
REMOVAL = Cure("remove it from requests at the gateway: request-transformer, config.remove.headers", grade="none")


@check(
    id="GW-003",
    severity=Severity.HIGH,
    requirement="identity-headers",
    controls=[
        "nist-800-53r5/SC-23", "nist-800-53r5/IA-8", "nist-800-53r5/SI-10", "soc2/CC6.1", "iso-27001-2022/A.8.5",
        "pci-dss-4.0/6.2.4",
    ],
)  # fmt: skip
def trusted_identity_header(reader: IdentityReader, platform: Platform) -> Iterator[Item]:
    if not platform.has_kong:
        yield NotApplicable("no Kong gateway")
        return
    kong = platform.derived(Kong)
    parts = READERS[reader.kind](reader, kong)
    if parts is None:
        yield NotApplicable("it reads no header")
    else:
        yield from aspects(parts)


Parts = list[Iterator[Finding]] | None


def _upstream(reader: IdentityReader, kong: Kong) -> Parts:
    upstream = kong.platform.view(reader.resource, Upstream)
    if not upstream.hashing[0]:
        return None
    return [_hashed_headers(upstream, kong), _no_fallback(upstream)]


def _hashed_headers(upstream: Upstream, kong: Kong) -> Iterator[Finding]:
    led = kong.leading_to(kong.services_of(upstream))
    for path, header in upstream.hash_headers:
        if _believed(header, led, kong):
            message = f"requests are spread by {header}, which is whatever the client sends"
            yield Finding(message, path, Severity.MEDIUM, _by_consumer(upstream))


def _no_fallback(upstream: Upstream) -> Iterator[Finding]:
    hashed, path = upstream.hashing
    if hashed in ("header", "query_arg") and not upstream.has_fallback:
        message = f"no fallback for a request without the {hashed.replace('_', ' ')}: all of them meet one target"
        name = "hash_fallback" if upstream.old else "hashOnFallback"
        value: Any = "ip" if upstream.old else {"input": "ip"}
        yield Finding(message, path, Severity.LOW, Cure(f"{name} by ip", ((upstream.base / name, value),)))


def _by_consumer(upstream: Upstream) -> Cure:
    """Hash who Kong knows the caller to be, else the address."""
    base = upstream.base
    if not upstream.old:
        patches: tuple[tuple[Path, Any], ...] = (
            (base / "hashOn", {"input": "consumer"}), (base / "hashOnFallback", {"input": "ip"}),
        )  # fmt: skip
        return Cure("hashOn: {input: consumer}, hashOnFallback: {input: ip}", patches)
    named = [(base / key, REMOVE) for key in ("hash_on_header", "hash_fallback_header") if key in upstream.settings]
    patches = ((base / "hash_on", "consumer"), (base / "hash_fallback", "ip"), *named)
    return Cure("hash_on: consumer, hash_fallback: ip", patches)


def _ingress(reader: IdentityReader, kong: Kong) -> Parts:
    prefix = "konghq.com/headers."
    found = [key for key in reader.annotations if isinstance(key, str) and key.startswith(prefix)]
    route = kong.platform.view(reader.resource, Ingress)
    if not found or not kong.owns(route):
        return None
    path = Path(("metadata", "annotations"))
    return [_routed([(path / key, key.removeprefix(prefix)) for key in found], ways(route), kong)]


def _http_route(reader: IdentityReader, kong: Kong) -> Parts:
    route = kong.platform.view(reader.resource, HttpRoute)
    if not kong.owns(route):
        return None
    parts: list[Iterator[Finding]] = []
    for number, rule in enumerate(route.rules):
        found = [
            (Path(("spec", "rules", number, "matches", index, "headers", place, "name")), str(dig(header, "name")))
            for index, match in enumerate(sequence(rule, "matches"))
            for place, header in enumerate(sequence(match, "headers"))
        ]
        if found:
            parts.append(_routed(found, [Way(route, route.entries[number])], kong))
    return parts or None


def _routed(headers: Iterable[tuple[Path, str]], led: list[Way], kong: Kong) -> Iterator[Finding]:
    for path, header in headers:
        if _believed(header, led, kong):
            yield Finding(f"requests are routed by {header}, which is whatever the client sends", path, cure=REMOVAL)


def _policy(reader: IdentityReader, kong: Kong) -> Parts:
    found = [
        (Path(("spec", "rules", number, "when", index, "key")), match[1])
        for number, rule in enumerate(reader.list("spec", "rules"))
        for index, condition in enumerate(sequence(rule, "when"))
        if (match := CONDITION.match(str(dig(condition, "key"))))
    ]
    return [_conditions(reader, found, kong)] if found else None


def _conditions(reader: IdentityReader, headers: list[tuple[Path, str]], kong: Kong) -> Iterator[Finding]:
    led = [way for way in kong.ways if any(one.namespace == reader.namespace for one in way.entry.backends)]
    for path, header in headers:
        if header.lower() not in kong.platform.derived(_set_by_mesh) and _believed(header, led, kong):
            message = f"the policy decides by {header}, which is whatever the client sends"
            yield Finding(message, path, cure=REMOVAL)


READERS: dict[str, Callable[[IdentityReader, Kong], Parts]] = {
    "KongIngress": _upstream, "KongUpstreamPolicy": _upstream, "Ingress": _ingress, "HTTPRoute": _http_route,
    "GRPCRoute": _http_route, "AuthorizationPolicy": _policy,
}  # fmt: skip


def _believed(header: str, led: list[Way], kong: Kong) -> bool:
    """Whether an identity header may come from the client: nothing on one of the routes clears it."""
    if not IDENTITY.match(header) or NO_CLAIM.search(header):
        return False
    if not led:
        return not any(_clears(plugin, header) for plugin in kong.everywhere if plugin.enabled)
    return not all(_cleared(header, way, kong) for way in led)


def _cleared(header: str, way: Way, kong: Kong) -> bool:
    plugins = [plugin for level in kong.attached(way) for plugin in level if plugin.enabled]
    if any(_clears(plugin, header) for plugin in plugins):
        return True
    if any(plugin.plugin in CODE for plugin in plugins):
        raise Undecided(f"a function of one's own on {way.route.kind} {way.route.name} may take {header} away")
    if name := kong.elsewhere(way):
        raise Undecided(f"plugin {name} is not part of the input: it may take {header} away")
    return False


def _clears(plugin: KongPlugin, header: str) -> bool:
    """Whether a plugin takes the client's value of a header away, or puts its own in its place."""
    if plugin.plugin in TRANSFORMERS:
        lists = (("remove", "headers"), ("replace", "headers"), ("rename", "headers"))
        return any(_names(header, entry) for steps in lists for entry in sequence(plugin.setting(*steps)))
    if plugin.plugin not in AUTHENTICATION:
        return False
    if any(_names(header, entry) for entry in sequence(plugin.setting("upstream_headers_names"))):
        return True
    return bool(KONGS_OWN.match(header)) and not plugin.setting("anonymous")


def _names(header: str, entry: Any) -> bool:
    return isinstance(entry, str) and entry.partition(":")[0].strip().lower() == header.lower()


def _set_by_mesh(platform: Platform) -> frozenset[str]:
    """The headers, in lower case, that Istio sets from a verified token or takes away at its gateways."""
    found: set[str] = set()
    for request in platform.kind("security.istio.io/RequestAuthentication"):
        for rule in sequence(request.raw, "spec", "jwtRules"):
            found.update(str(dig(claim, "header")).lower() for claim in sequence(rule, "outputClaimToHeaders"))
    for service in platform.kind("networking.istio.io/VirtualService"):
        for rule in sequence(service.raw, "spec", "http"):
            headers = mapping(rule, "headers", "request")
            found.update(str(name).lower() for name in (*sequence(headers, "remove"), *mapping(headers, "set")))
    return frozenset(found)
