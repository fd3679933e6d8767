"""A traffic policy contradicts itself, or part of it has no effect.

What it checks: In every traffic policy of a DestinationRule: useClientProtocol beside an h2UpgradePolicy;
consecutiveLocalOriginFailures without splitExternalLocalOriginErrors, which istiod refuses;
consecutiveGatewayErrors not below consecutive5xxErrors (5 where absent); settings of a port that leave out
tls, outlierDetection or connectionPool of the level above, which a port does not inherit; policies of
subsets that no route names; maxEjectionPercent 100 for a single replica; an upgrade to HTTP/2 for ports that
speak no HTTP; warmup beside warmupDurationSecs.

Why it matters: What is written is not what happens. A port that loses SIMPLE or MUTUAL speaks plaintext.

How to fix: Remove the field without effect; repeat at the port what shall hold there.

When it is fine: Subsets that routes of another repository name.
"""

from collections.abc import Iterator

from conformant.domain.mesh_hosts import Backends, fqdn, matches, service_of_host, services_within, speaks_http
from conformant.domain.references import ReferenceHolder, destinations
from conformant.leaf import Item, aspects, check
from conformant.model import REMOVE, Cure, Finding, NotApplicable, Path, Severity, dig, mapping
from conformant.platform import Platform
from conformant.views.mesh import DestinationRule, TrafficPolicy

NOT_INHERITED = ("tls", "outlierDetection", "connectionPool")
DEFAULT_5XX = 5


@check(
    id="MESH-007",
    severity=Severity.LOW,
    requirement="mesh-routing",
    controls=["nist-800-53r5/CM-6", "iso-27001-2022/A.8.9"],
)
def contradictory_traffic_policy(rule: DestinationRule, platform: Platform) -> Iterator[Item]:
    if not platform.has_mesh:
        yield NotApplicable("no mesh")
        return
    for policy in rule.policies():
        yield from aspects((
            _client_protocol(policy), _local_origin(policy), _gateway_errors(policy), _warmup(policy),
            _not_inherited(policy), _ejects_all(rule, policy, platform), _upgrades(rule, policy, platform),
        ))  # fmt: skip
    yield from aspects((_unrouted(rule, platform),))


def _removal(path: Path) -> Cure:
    return Cure(f"remove {path[-1]}", ((path, REMOVE),))


def _client_protocol(policy: TrafficPolicy) -> Iterator[Finding]:
    http, path = mapping(policy.raw, "connectionPool", "http"), policy.path / "connectionPool" / "http"
    upgrade = dig(http, "h2UpgradePolicy")
    if dig(http, "useClientProtocol") is True and upgrade in ("UPGRADE", "DO_NOT_UPGRADE"):
        message = f"h2UpgradePolicy: {upgrade} has no effect beside useClientProtocol: true"
        yield Finding(message, path / "h2UpgradePolicy", cure=_removal(path / "h2UpgradePolicy"))


def _local_origin(policy: TrafficPolicy) -> Iterator[Finding]:
    outliers, path = mapping(policy.raw, "outlierDetection"), policy.path / "outlierDetection"
    count = dig(outliers, "consecutiveLocalOriginFailures")
    if isinstance(count, int) and count > 0 and dig(outliers, "splitExternalLocalOriginErrors") is not True:
        message = "consecutiveLocalOriginFailures needs splitExternalLocalOriginErrors: true; istiod refuses it alone"
        cure = Cure("set splitExternalLocalOriginErrors: true", ((path / "splitExternalLocalOriginErrors", True),))
        yield Finding(message, path / "consecutiveLocalOriginFailures", Severity.MEDIUM, cure)


def _gateway_errors(policy: TrafficPolicy) -> Iterator[Finding]:
    outliers, path = mapping(policy.raw, "outlierDetection"), policy.path / "outlierDetection"
    gateway, stated = dig(outliers, "consecutiveGatewayErrors"), dig(outliers, "consecutive5xxErrors")
    every = DEFAULT_5XX if stated is None else stated
    if isinstance(gateway, int) and isinstance(every, int) and 0 < every <= gateway:
        default = ", the default" if stated is None else ""
        message = f"consecutiveGatewayErrors: {gateway} has no effect: {every} responses with 5xx eject before{default}"
        field = path / "consecutiveGatewayErrors"
        yield Finding(message, field, cure=Cure("state a number below consecutive5xxErrors", grade="none"))


def _warmup(policy: TrafficPolicy) -> Iterator[Finding]:
    balancer, path = mapping(policy.raw, "loadBalancer"), policy.path / "loadBalancer" / "warmupDurationSecs"
    if dig(balancer, "warmupDurationSecs") is not None and dig(balancer, "warmup") is not None:
        yield Finding("warmupDurationSecs has no effect beside warmup", path, cure=_removal(path))


def _not_inherited(policy: TrafficPolicy) -> Iterator[Finding]:
    if policy.outer is None:
        return
    lost = [name for name in NOT_INHERITED if dig(policy.outer.raw, name) and dig(policy.raw, name) is None]
    if lost:
        plaintext = "tls" in lost and dig(policy.outer.raw, "tls", "mode") in ("SIMPLE", "MUTUAL")
        severity = Severity.CRITICAL if plaintext else Severity.MEDIUM
        message = f"port {policy.port} does not inherit {', '.join(lost)}: a port's settings replace the whole policy"
        cure = Cure(
            f"repeat {', '.join(lost)} for the port",
            tuple((policy.path / name, dig(policy.outer.raw, name)) for name in lost),
        )
        yield Finding(message, policy.path, severity, cure)


def _ejects_all(rule: DestinationRule, policy: TrafficPolicy, platform: Platform) -> Iterator[Finding]:
    if dig(policy.raw, "outlierDetection", "maxEjectionPercent") != 100:
        return
    backends = platform.derived(Backends)
    for service in services_within(platform, fqdn(rule.host, rule.namespace)):
        pods = backends.pods(service)
        if len(pods) == 1 and pods[0].scaled and pods[0].replicas == 1:
            message = f"the one replica of {service.name} may be ejected: maxEjectionPercent is 100"
            path = policy.path / "outlierDetection" / "maxEjectionPercent"
            yield Finding(message, path, cure=Cure("run more replicas, or eject fewer", grade="none"))
            return


def _upgrades(rule: DestinationRule, policy: TrafficPolicy, platform: Platform) -> Iterator[Finding]:
    if dig(policy.raw, "connectionPool", "http", "h2UpgradePolicy") != "UPGRADE":
        return
    service = service_of_host(platform, fqdn(rule.host, rule.namespace))
    ports = service.list("spec", "ports") if service else []
    if policy.outer is not None:
        ports = [port for port in ports if dig(port, "port") == policy.port]
    if ports and all(speaks_http(port) is False for port in ports):
        path = policy.path / "connectionPool" / "http" / "h2UpgradePolicy"
        yield Finding(f"h2UpgradePolicy has no effect: {rule.host} speaks no HTTP there", path, cure=_removal(path))


def _unrouted(rule: DestinationRule, platform: Platform) -> Iterator[Finding]:
    host = fqdn(rule.host, rule.namespace)
    for number, subset in enumerate(rule.list("spec", "subsets")):
        name = str(dig(mapping(subset), "name"))
        if dig(mapping(subset), "trafficPolicy") and (name not in _routed(host, platform)):
            path = Path(("spec", "subsets", number, "trafficPolicy"))
            message = f"no route leads to subset {name}: its policy never applies"
            cure = Cure("route to the subset in a VirtualService, or remove it", grade="none")
            yield Finding(message, path, cure=cure)


def _routed(host: str, platform: Platform) -> set[str]:
    """The subsets of a host, or of hosts within it, that routes name."""
    known = platform.derived(_routes)
    if "*" not in host:
        return known.get(host, set())
    return {name for other, names in known.items() if matches(host, other) for name in names}


def _routes(platform: Platform) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for service in platform.kind("networking.istio.io/VirtualService"):
        for _, destination in destinations(platform.view(service, ReferenceHolder)):
            host = dig(destination, "host")
            if isinstance(host, str):
                found.setdefault(fqdn(host, service.namespace), set()).add(str(dig(destination, "subset")))
    for sidecar in platform.kind("networking.istio.io/Sidecar"):
        proxy = mapping(sidecar.raw, "spec", "outboundTrafficPolicy", "egressProxy")
        if isinstance(dig(proxy, "host"), str):
            found.setdefault(fqdn(proxy["host"], sidecar.namespace), set()).add(str(dig(proxy, "subset")))
    return found
