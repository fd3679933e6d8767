"""Pods of the mesh send or receive traffic past their proxy.

What it checks: Annotations of the pod template that exclude ports, addresses or interfaces, or include fewer
than all; ambient.istio.io/bypass-inbound-capture; interceptionMode NONE; application containers that run
as user or group 1337, which the redirection spares, or that hold NET_ADMIN or NET_RAW; an init container
that changes the redirection rules. Ports of stores with TLS of their own, and a metrics port, weigh less.
What comes in from outside at a gateway or an ingress controller is not for the proxy, and may be excluded.

Why it matters: What passes the proxy by is neither encrypted by the mesh nor held by its policies.

How to fix: Remove the exclusion. Init containers that need the network before the proxy: make the sidecar
a native one.

When it is fine: Stores that end TLS themselves, scrapers without a sidecar; waive those.
"""

from collections.abc import Iterator
from typing import Any

from conformant.domain.mesh import app_containers, at_the_edge, meant
from conformant.leaf import Item, aspects, check
from conformant.model import REMOVE, Cure, Finding, NotApplicable, Path, Severity, dig, sequence
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.views.workload import Container, Workload

TRAFFIC = "traffic.sidecar.istio.io/"
EXCLUDING = ("excludeOutboundIPRanges", "excludeOutboundPorts", "excludeInboundPorts", "excludeInterfaces")
INCLUDING = ("includeOutboundIPRanges", "includeInboundPorts")
INBOUND = ("excludeInboundPorts", "includeInboundPorts")
BYPASS, INTERCEPTION = "ambient.istio.io/bypass-inbound-capture", "sidecar.istio.io/interceptionMode"
PROXY_CONFIG = "proxy.istio.io/config"
NO_INTERCEPTION = lazy(r"""["']?interceptionMode["']?\s*:\s*["']?NONE\b""")
REDIRECTION = lazy(r"\b(?:ip6?tables(?:-\w+)*|nft|pilot-agent\s+istio-iptables)\b")
STORE_PORTS = frozenset({
    "1433", "1521", "3306", "5432", "5671", "6379", "6380", "8086", "9042", "9093", "9094", "9142", "9200", "27017",
})  # fmt: skip
METRICS_PORTS = frozenset({"15020", "15090"})
PROXY_ID = 1337


@check(
    id="MESH-011",
    severity=Severity.HIGH,
    requirement="mtls",
    controls=["nist-800-53r5/AC-4", "nist-800-53r5/SC-7", "soc2/CC6.6", "iso-27001-2022/A.8.22"],
)
def traffic_capture_bypass(workload: Workload, platform: Platform) -> Iterator[Item]:
    if not platform.has_mesh or not meant(workload, platform):
        yield NotApplicable("not for the mesh")
        return
    yield from aspects((_annotations(workload), _interception(workload), _identity(workload), *_containers(workload)))


def _annotations(workload: Workload) -> Iterator[Finding]:
    path = workload.template_path / "metadata" / "annotations"
    for name in (*EXCLUDING, *INCLUDING):
        stated = dig(workload.annotations, TRAFFIC + name)
        if not isinstance(stated, str) or stated.strip() == ("*" if name in INCLUDING else ""):
            continue
        if name in INBOUND and at_the_edge(workload):
            continue
        message = f"{name}: {stated!r} lets traffic pass the proxy by"
        where = path / (TRAFFIC + name)
        yield Finding(message, where, _weight(workload, name, stated), Cure("remove it", ((where, REMOVE),)))
    if dig(workload.annotations, BYPASS) == "true" and not at_the_edge(workload):
        where = path / BYPASS
        yield Finding("inbound traffic passes ztunnel by", where, cure=Cure("remove it", ((where, REMOVE),)))


def _weight(workload: Workload, name: str, stated: str) -> Severity:
    """Less where only stores, or only the metrics, are left out."""
    ports = {part.strip() for part in stated.split(",")}
    if name == "excludeOutboundPorts" and ports <= STORE_PORTS:
        return Severity.MEDIUM
    if name == "excludeInboundPorts" and ports <= METRICS_PORTS | _metrics_ports(workload):
        return Severity.MEDIUM
    return Severity.HIGH


def _metrics_ports(workload: Workload) -> set[str]:
    named = {
        str(port.get("containerPort"))
        for container in workload.all_containers for port in container.ports
        if str(port.get("name")).startswith(("metrics", "http-metrics", "prom"))
    }  # fmt: skip
    return named | {str(dig(workload.annotations, "prometheus.io/port"))}


def _interception(workload: Workload) -> Iterator[Finding]:
    path = workload.template_path / "metadata" / "annotations"
    if dig(workload.annotations, INTERCEPTION) == "NONE":
        yield Finding("no traffic is captured: interceptionMode is NONE", path / INTERCEPTION)
    config = dig(workload.annotations, PROXY_CONFIG)
    if isinstance(config, str) and NO_INTERCEPTION.search(config):
        yield Finding("no traffic is captured: interceptionMode is NONE", path / PROXY_CONFIG)


def _identity(workload: Workload) -> Iterator[Finding]:
    """User or group 1337 for the whole pod: it holds where a container states nothing."""
    for field in ("runAsUser", "runAsGroup"):
        if dig(workload.security, field) == PROXY_ID and any(
            dig(container.security, field) is None for container in app_containers(workload)
        ):
            yield _as_proxy(field, workload.security_path)


def _as_proxy(field: str, path: Path) -> Finding:
    message = f"{field}: {PROXY_ID} is the proxy's own: its traffic is not captured"
    return Finding(message, path / field, cure=Cure("run the application as another user and group", grade="none"))


def _containers(workload: Workload) -> "list[Iterator[Finding]]":
    return [_container(container) for container in app_containers(workload)]


def _container(container: Container) -> Iterator[Finding]:
    for field in ("runAsUser", "runAsGroup"):
        if dig(container.security, field) == PROXY_ID:
            yield _as_proxy(field, container.security_path)
    added = container.security_path / "capabilities" / "add"
    for index, name in enumerate(sequence(container.security, "capabilities", "add")):
        if isinstance(name, str) and name.upper().removeprefix("CAP_") in ("NET_ADMIN", "NET_RAW", "ALL"):
            message = f"container {container.name!r} may get round the redirection: it holds {name}"
            yield Finding(message, added / index, cure=Cure("drop it", grade="none"))
    if container.key == "initContainers":
        for field in ("command", "args"):
            words: list[Any] = sequence(container.raw.get(field))
            if any(isinstance(word, str) and REDIRECTION.search(word) for word in words):
                message = f"init container {container.name!r} changes the redirection rules of the pod"
                yield Finding(message, container.path / field, cure=Cure("leave them to Istio", grade="none"))
                return
