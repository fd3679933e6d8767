"""A rule for traffic never applies, or two of them quarrel over it.

What it checks: VirtualServices: rules after one that matches everything, or with matches that stood before;
hosts that no listed gateway serves; two for one host in the mesh; HTTP rules for a Service that speaks none;
routes by token claims where no token is validated. Gateways: two for the same pods, port and host;
selectors and ports that nothing has. Sidecars: two for the same pods. EnvoyFilters that insert or remove
beside another of the same priority. Ingresses and HTTPRoutes: one host and path in two places; rules
without a host on a public class.

Why it matters: Istio takes the oldest of two, and says nothing about the other.

How to fix: Put the specific rule first; merge what competes; name a host.

When it is fine: Canary twins, which share their host and path on purpose, are not reported.
"""

from collections.abc import Iterator
from typing import Any

from conformant.domain.mesh import is_gateway
from conformant.domain.mesh_hosts import Backends, Pods, fqdn, overlap, service_of_host, speaks_http
from conformant.domain.mesh_routes import Claim, Competing, catches_all, claims, matches_of
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.mesh import IstioGateway, Routing, Sidecar, VirtualService, server_hosts
from conformant.views.selector import equals

MERGE = Cure("merge them, or remove one", grade="none")
RELATIVE = ("INSERT_BEFORE", "INSERT_AFTER", "INSERT_FIRST", "REMOVE")
CLAIM = "@request.auth.claims"
HOSTS = Path(("spec", "hosts"))


@check(
    id="MESH-017",
    severity=Severity.MEDIUM,
    requirement="mesh-routing",
    controls=["nist-800-53r5/CM-6", "nist-800-53r5/AC-4", "soc2/CC8.1", "iso-27001-2022/A.8.9"],
)
def ineffective_route(thing: Routing, platform: Platform) -> Iterator[Item]:
    if not platform.has_mesh:
        yield NotApplicable("no mesh")
        return
    resource = thing.resource
    match thing.kind:
        case "VirtualService":
            yield from _virtual_service(platform.view(resource, VirtualService), platform)
        case "Gateway":
            yield from _gateway(platform.view(resource, IstioGateway), platform)
        case "Sidecar":
            yield from aspects((_sidecar(platform.view(resource, Sidecar), platform),))
        case "EnvoyFilter":
            yield from aspects((_filter(thing, platform),))
        case _:
            yield from aspects((_contested(thing, platform), _any_host(thing)))


# VirtualServices


def _virtual_service(service: VirtualService, platform: Platform) -> Iterator[Item]:
    yield from aspects((
        *(_unreachable(service, protocol) for protocol in ("http", "tls", "tcp")),
        _unserved(service, platform), _rivals(service, platform), _no_http(service, platform),
        _claims(service, platform),
    ))  # fmt: skip


def _unreachable(service: VirtualService, protocol: str) -> Iterator[Finding]:
    seen: list[Any] = []
    all_caught = ""
    for path, rule in service.rules(protocol):
        own = matches_of(rule)
        if all_caught:
            message = f"{all_caught} before it matches everything: this rule never applies"
            yield Finding(message, path, cure=Cure("put it before the rule for everything", grade="none"))
        elif own and all(match in seen for match in own):
            message = "an earlier rule has the same match: this one never applies"
            yield Finding(message, path, cure=MERGE)
        seen += own
        if catches_all(rule, protocol):
            all_caught = all_caught or str(path)


def _unserved(service: VirtualService, platform: Platform) -> Iterator[Finding]:
    if "mesh" in service.gateways:
        return
    gateways = [_named(name, service, platform) for name in service.gateways]
    known = [gateway for gateway in gateways if gateway is not None]
    if len(known) < len(gateways) or not known:
        return
    for index, host in enumerate(service.hosts):
        full = fqdn(host, service.namespace)
        if not any(_serves(gateway, full, service.namespace) for gateway in known):
            names = ", ".join(gateway.name for gateway in known)
            message = f"no server of {names} has the host {host}: the routes never apply"
            yield Finding(message, HOSTS / index, cure=Cure("add the host to a server of the gateway", grade="none"))


def _named(name: str, service: VirtualService, platform: Platform) -> IstioGateway | None:
    namespace, _, own = name.rpartition("/")
    namespace = service.namespace if namespace in ("", ".") else namespace
    found = platform.find("networking.istio.io/Gateway", namespace, own)
    return platform.view(found, IstioGateway) if found is not None else None


def _serves(gateway: IstioGateway, host: str, namespace: str) -> bool:
    return any(
        overlap(name.lower(), host) and (where in ("*", namespace) or (where == "." and gateway.namespace == namespace))
        for _, server in gateway.servers
        for where, name in server_hosts(server)
    )


def _rivals(service: VirtualService, platform: Platform) -> Iterator[Finding]:
    competing = platform.derived(Competing)
    for index, host in enumerate(service.hosts):
        rival = competing.rival(service, fqdn(host, service.namespace))
        if rival is not None:
            message = f"{rival.namespace}/{rival.name} routes {host} in the mesh too: only the older one applies"
            yield Finding(message, HOSTS / index, Severity.HIGH, MERGE)


def _no_http(service: VirtualService, platform: Platform) -> Iterator[Finding]:
    """HTTP rules for a Service of the mesh whose ports say that they speak something else."""
    if "mesh" not in service.gateways:
        return
    found = [service_of_host(platform, fqdn(host, service.namespace)) for host in service.hosts]
    ports = [port for one in found if one is not None for port in one.list("spec", "ports")]
    for path, rule in service.rules("http"):
        named = {dig(match, "port") for match in matches_of(rule) if isinstance(dig(match, "port"), int)}
        meant = [port for port in ports if not named or dig(port, "port") in named]
        if meant and all(speaks_http(port) is False for port in meant):
            message = f"the ports of {', '.join(service.hosts)} speak no HTTP, as their Service says"
            yield Finding(message, path, cure=Cure("name the port http-…, or use tcp routes", grade="none"))


def _claims(service: VirtualService, platform: Platform) -> Iterator[Finding]:
    for path, rule in service.rules("http"):
        for index, match in enumerate(sequence(rule, "match")):
            for header in mapping(match, "headers"):
                if str(header).startswith(CLAIM) and not _validated(service, platform):
                    message = "no RequestAuthentication validates tokens at the gateway: no claim ever matches"
                    cure = Cure("add a RequestAuthentication for the gateway's pods", grade="none")
                    yield Finding(message, Path((*path, "match", index, "headers", header)), cure=cure)


def _validated(service: VirtualService, platform: Platform) -> bool:
    """Whether tokens are validated at a gateway of the routes, as far as the input tells."""
    gateways = [_named(name, service, platform) for name in service.gateways]
    selectors = [gateway.selector for gateway in gateways if gateway is not None]
    root = platform.profile.mesh.root_namespace
    for request in platform.kind("security.istio.io/RequestAuthentication"):
        stated = mapping(request.raw, "spec", "selector", "matchLabels")
        general = not stated and (request.namespace == root or not selectors)
        if general or sequence(request.raw, "spec", "targetRefs"):
            return True
        pods = [one.labels for one in platform.workloads if one.namespace == request.namespace and is_gateway(one)]
        if any(equals(stated, labels) for labels in (*pods, *(selectors if stated else ()))):
            return True
    return False


# gateways and proxies


def _gateway(gateway: IstioGateway, platform: Platform) -> Iterator[Item]:
    parts = [_served_twice(gateway, path, server, platform) for path, server in gateway.servers]
    yield from aspects((*parts, _pods(gateway, platform)))


def _served_twice(gateway: IstioGateway, path: Path, server: dict[Any, Any], platform: Platform) -> Iterator[Finding]:
    for index, (namespace, host) in enumerate(server_hosts(server)):
        rival = platform.derived(Competing).other_gateway(gateway, server, namespace, host)
        if rival is not None:
            message = f"{rival.namespace}/{rival.name} serves {host} on this port with the same pods"
            tls = dig(server, "port", "protocol") in ("HTTPS", "TLS")
            yield Finding(message, path / "hosts" / index, Severity.HIGH if tls else None, MERGE)


def _pods(gateway: IstioGateway, platform: Platform) -> Iterator[Finding]:
    """Pods and ports of the gateway, unless it is installed elsewhere."""
    if not gateway.selector:
        return
    pods = platform.derived(Pods).anywhere(gateway.selector)
    if not pods:
        if not any(is_gateway(workload) for workload in platform.workloads):
            return
        message = "the selector matches no workload here, gateways included"
        yield Finding(message, Path(("spec", "selector")), cure=Cure("select the gateway's pods", grade="none"))
        return
    backends = platform.derived(Backends)
    ports = {
        number
        for pod in pods for service in backends.services(pod) for port in service.list("spec", "ports")
        for number in (dig(port, "port"), dig(port, "targetPort")) if isinstance(number, int)
    }  # fmt: skip
    for path, server in gateway.servers:
        number = dig(server, "port", "number")
        if ports and isinstance(number, int) and number not in ports:
            message = f"no Service of the gateway's pods has port {number}"
            cure = Cure("add the port to the Service", grade="none")
            yield Finding(message, path / "port" / "number", cure=cure)


def _sidecar(sidecar: Sidecar, platform: Platform) -> Iterator[Finding]:
    rival = platform.derived(Competing).other_sidecar(sidecar)
    if rival is not None:
        what = "selects the same pods" if sidecar.selector else "is for all of the namespace too"
        path = Path(("spec", "workloadSelector")) if sidecar.selector else Path(("metadata", "name"))
        yield Finding(f"Sidecar {rival.name} {what}: only one applies", path, cure=MERGE)


def _filter(thing: Routing, platform: Platform) -> Iterator[Finding]:
    if thing.get("spec", "priority"):
        return
    rival = platform.derived(Competing).other_filter(thing)
    for index, patch in enumerate(thing.list("spec", "configPatches")):
        operation = dig(mapping(patch), "patch", "operation")
        if rival is not None and operation in RELATIVE:
            message = f"{operation} beside EnvoyFilter {rival.name} of the same priority: which comes first is open"
            path = Path(("spec", "configPatches", index, "patch", "operation"))
            yield Finding(message, path, Severity.LOW, Cure("state spec.priority", grade="none"))


# Ingress and HTTPRoute


def _contested(thing: Routing, platform: Platform) -> Iterator[Finding]:
    competing = platform.derived(Competing)
    told: set[Claim] = set()
    for path, claim in claims(thing):
        if claim in told:
            yield Finding(f"{claim.host}{claim.path} stands twice in it", path, cure=MERGE)
            continue
        told.add(claim)
        rival = competing.other_claim(thing, claim)
        if rival is not None:
            foreign = rival.namespace != thing.namespace
            message = f"{rival.kind} {rival.namespace}/{rival.name} claims {claim.host or 'every host'}{claim.path} too"
            yield Finding(message, path, Severity.HIGH if foreign else None, MERGE)


def _any_host(thing: Routing) -> Iterator[Finding]:
    """A rule for every name, on a class that is not said to be internal."""
    if thing.kind == "HTTPRoute":
        return
    annotations = mapping(thing.raw, "metadata", "annotations")
    named = str(thing.get("spec", "ingressClassName") or dig(annotations, "kubernetes.io/ingress.class") or "")
    if "internal" in named or "private" in named or "acme.cert-manager.io/http01-solver" in thing.labels:
        return
    for index, rule in enumerate(thing.list("spec", "rules")):
        if not dig(mapping(rule), "host"):
            message = "the rule has no host: it catches every name that leads here"
            path = Path(("spec", "rules", index))
            yield Finding(message, path, Severity.LOW, Cure("state the host", grade="none"))
            return
