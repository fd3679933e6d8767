"""A service of the mesh has no circuit breaker, no limits, or no timeout.

What it checks: For each meshed Service of a tenant namespace, the DestinationRule that its neighbours use (a
wildcard will do) has outlierDetection with some detector at work, and a limit of connections or requests.
Less grave: HTTP Services whose VirtualService, HTTPRoute or Canary sets no timeout, retries after any 5xx
of requests that must not be repeated, and injected faults outside test namespaces.

Why it matters: One slow or dying pod takes its callers down with it.

How to fix: A DestinationRule for *.<namespace>.svc.cluster.local with connectionPool and outlierDetection, and
a VirtualService with a timeout for each HTTP Service.

When it is fine: Streams that have no end: state a long timeout for them.
"""

from collections.abc import Iterator
from typing import Any

from conformant.domain.mesh import is_gateway
from conformant.domain.mesh_hosts import CLUSTER_DOMAIN, Backends, DestinationRules, fqdn, protocol, wildcards
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, dig, mapping, sequence
from conformant.platform import Namespace, Platform
from conformant.regex import lazy
from conformant.views.base import Object
from conformant.views.mesh import DestinationRule, VirtualService

POLICY, NAME = Path(("spec", "trafficPolicy")), Path(("metadata", "name"))
DETECTORS = ("consecutiveGatewayErrors", "consecutiveLocalOriginFailures")
LIMITS = (("tcp", "maxConnections"), ("http", "http1MaxPendingRequests"), ("http", "http2MaxRequests"))
TIMED = ("http", "http2", "grpc-web")
UNREPEATABLE = frozenset({"POST", "PATCH"})
TESTING = lazy(r"(?:^|-)(?:test|tests|testing|staging|stage|dev|qa|chaos|sandbox|preview)(?:-|$)")
ANSWERS = ("redirect", "directResponse", "delegate")
BREAKER = Cure("outlierDetection: {consecutive5xxErrors: 5, interval: 30s}", grade="none")
POOL = Cure("connectionPool: {tcp: {maxConnections: …}, http: {http2MaxRequests: …}}", grade="none")
TIMEOUT = Cure("state a timeout for its routes", grade="none")


@check(
    id="MESH-008",
    severity=Severity.MEDIUM,
    requirement="mesh-resilience",
    controls=[
        "nist-800-53r5/SC-5", "nist-800-53r5/SC-5(2)", "soc2/A1.1", "iso-27001-2022/A.8.6", "iso-27001-2022/A.8.14",
    ],
)  # fmt: skip
def no_resilience(namespace: Namespace, platform: Platform) -> Iterator[Item]:
    if not platform.has_mesh or not namespace.tenant:
        yield NotApplicable("no mesh, or no tenant namespace")
        return
    services = [service for service in _meshed(namespace, platform) if not _edge(service, platform)]
    routes = [platform.view(one, VirtualService) for one in namespace.of("networking.istio.io/VirtualService")]
    if not services and not routes:
        yield NotApplicable("no service of the mesh")
        return
    yield from aspects((
        _breakers(services, platform), _untimed(services, platform),
        *(_route(service, namespace, platform) for service in routes),
    ))  # fmt: skip


def _meshed(namespace: Namespace, platform: Platform) -> Iterator[Object]:
    backends = platform.derived(Backends)
    for resource in namespace.of("/Service"):
        service = platform.view(resource, Object)
        if backends.meshed(service):
            yield service


def _edge(service: Object, platform: Platform) -> bool:
    return all(is_gateway(workload) for workload in platform.derived(Backends).pods(service))


def _host(service: Object) -> str:
    return f"{service.name}.{service.namespace}.svc.{CLUSTER_DOMAIN}"


# circuit breakers and limits


def _breakers(services: list[Object], platform: Platform) -> Iterator[Finding]:
    """One finding for what no rule covers, and those of each rule."""
    bare: list[Object] = []
    used: dict[int, DestinationRule] = {}
    rules = platform.derived(DestinationRules)
    for service in services:
        rule = rules.used(service.namespace, _host(service)) or rules.anywhere(_host(service))
        if rule is None:
            bare.append(service)
        else:
            used[id(rule)] = rule
    if bare:
        names = ", ".join(dict.fromkeys(service.name for service in bare))
        message = f"no DestinationRule gives {names} a circuit breaker and limits"
        yield Finding(message, NAME, cure=BREAKER, at=bare[0].resource)
    for rule in used.values():
        yield from _lacks(rule)


def _lacks(rule: DestinationRule) -> Iterator[Finding]:
    policy = rule.map("spec", "trafficPolicy")
    outliers = dig(policy, "outlierDetection")
    where = POLICY / "outlierDetection"
    if outliers is None:
        message = f"{rule.host} has no circuit breaker: outlierDetection is missing"
        yield Finding(message, POLICY, cure=BREAKER, at=rule.resource)
    elif dig(outliers, "consecutive5xxErrors") == 0 and not any(dig(outliers, name) for name in DETECTORS):
        message = f"the circuit breaker of {rule.host} is off: consecutive5xxErrors is 0, and nothing else counts"
        yield Finding(message, where / "consecutive5xxErrors", cure=BREAKER, at=rule.resource)
    if not any(dig(policy, "connectionPool", *limit) for limit in LIMITS):
        message = f"{rule.host} has no limit of connections or requests"
        yield Finding(message, POLICY, cure=POOL, at=rule.resource)


# timeouts, retries, faults


def _untimed(services: list[Object], platform: Platform) -> Iterator[Finding]:
    """HTTP Services that no route gives a timeout; a VirtualService of theirs is judged for itself."""
    timed = platform.derived(_timed)
    bare = [
        service for service in services
        if any(protocol(port) in TIMED for port in service.list("spec", "ports"))
        and timed.isdisjoint((_host(service), *wildcards(_host(service))))
    ]  # fmt: skip
    if bare:
        names = ", ".join(dict.fromkeys(service.name for service in bare))
        message = f"requests to {names} have no timeout: no route states one"
        yield Finding(message, NAME, Severity.LOW, TIMEOUT, at=bare[0].resource)


def _timed(platform: Platform) -> set[str]:
    """The hosts that have a VirtualService, or another route with a timeout."""
    found = {fqdn(host, service.namespace) for service in platform.of(VirtualService) for host in service.hosts}
    for canary in platform.kind("flagger.app/Canary"):
        service = mapping(canary.raw, "spec", "service")
        name = dig(service, "name") or dig(canary.raw, "spec", "targetRef", "name")
        if dig(service, "timeout"):
            found |= {fqdn(f"{name}{suffix}", canary.namespace) for suffix in ("", "-primary", "-canary")}
    for route in platform.kind("gateway.networking.k8s.io/HTTPRoute"):
        if any(dig(rule, "timeouts", "request") for rule in sequence(route.raw, "spec", "rules")):
            for parent in sequence(route.raw, "spec", "parentRefs"):
                if dig(parent, "kind") == "Service":
                    namespace = str(dig(parent, "namespace") or route.namespace)
                    found.add(fqdn(str(dig(parent, "name")), namespace))
    return found


def _route(service: VirtualService, namespace: Namespace, platform: Platform) -> Iterator[Finding]:
    testing = platform.profile.environment != "prod" or TESTING.search(namespace.name) is not None
    for path, rule in service.rules("http"):
        timeout = dig(rule, "timeout")
        if not any(dig(rule, field) for field in ANSWERS) and timeout in (None, "0s", "0"):
            where = path / "timeout" if timeout else path
            yield Finding("the route has no timeout", where, Severity.LOW, TIMEOUT, at=service.resource)
        if _repeats(rule):
            message = "POST or PATCH is sent again after any 5xx: what it did may be done twice"
            where = path / "retries" / "retryOn"
            cure = Cure("retryOn: connect-failure,refused-stream", ((where, "connect-failure,refused-stream"),))
            yield Finding(message, where, Severity.LOW, cure, at=service.resource)
        if dig(rule, "fault") and not testing:
            message = "faults are injected outside a test namespace"
            cure = Cure("remove fault", grade="none")
            yield Finding(message, path / "fault", Severity.LOW, cure, at=service.resource)


def _repeats(rule: dict[Any, Any]) -> bool:
    attempts, causes = dig(rule, "retries", "attempts"), dig(rule, "retries", "retryOn")
    if not isinstance(attempts, int) or attempts < 1 or not isinstance(causes, str):
        return False
    methods = {str(dig(match, "method", "exact")) for match in sequence(rule, "match")}
    return "5xx" in [cause.strip() for cause in causes.split(",")] and not UNREPEATABLE.isdisjoint(methods)
