"""A Service's port leads to no port of its pods.

What it checks: The targetPort of a Service with pods behind it (Flagger's copies included, Jobs beside other
pods left aside) is declared by their running containers, native sidecars among them: a name by all of them (by
none: high; by some of several: medium), a number where they declare ports at all (low, as the application may
listen all the same). In the mesh two Services of one workload name one protocol for the same port (medium). A
selector is not empty (low: it selects nothing).

Why it matters: A name that no pod has gives no endpoint: every connection is refused.

How to fix: The name of a declared port.

When it is fine: A number that the application listens on without declaring it.
"""

from collections.abc import Iterator
from typing import Any

from conformant.domain.mesh import injected
from conformant.domain.service_pods import ServicePods, ports
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, dig, mapping
from conformant.platform import Platform
from conformant.views.gateway import KubernetesService
from conformant.views.workload import Workload

DECLARE = Cure("declare the containerPort, or name the one that is served", grade="none")
Use = tuple[KubernetesService, str]


@check(
    id="SCH-006",
    severity=Severity.HIGH,
    controls=["nist-800-53r5/CM-6", "soc2/A1.2", "iso-27001-2022/A.8.9"],
)
def unreachable_port(service: KubernetesService, platform: Platform) -> Iterator[Item]:
    if service.get("spec", "selector") == {}:
        cure = Cure("select the pods by their labels, or leave the selector out", grade="none")
        yield Finding("an empty selector selects no pods", Path(("spec", "selector")), Severity.LOW, cure)
        return
    behind = platform.derived(ServicePods).behind(service)
    workloads = [workload for workload in behind if not workload.batch] or behind
    if not workloads:
        yield NotApplicable("no pods of the input are behind it")
        return
    for index, stated in enumerate(service.list("spec", "ports")):
        port, path = mapping(stated), Path(("spec", "ports", index))
        yield from aspects([_target(port, path, workloads), _protocols(service, port, path, workloads, platform)])


def _target(port: dict[Any, Any], path: Path, workloads: list[Workload]) -> Iterator[Finding]:
    target = dig(port, "targetPort")
    if isinstance(target, str) and not target.isdecimal():
        yield from _name(target, str(dig(port, "protocol") or "TCP"), path / "targetPort", workloads)
        return
    number = dig(port, "port") if target is None else target
    declared = [one for workload in workloads for one in _numbers(workload)]
    if declared and str(number) not in declared:
        place = path / ("port" if target is None else "targetPort")
        message = f"no container declares port {number}; there are {', '.join(sorted(set(declared)))}"
        yield Finding(message, place, Severity.LOW, DECLARE)


def _name(name: str, protocol: str, path: Path, workloads: list[Workload]) -> Iterator[Finding]:
    having = {workload.resource.address for workload in workloads if name in _names(workload, protocol)}
    lacking = sorted({workload.resource.address for workload in workloads} - having)
    if not lacking:
        return
    if having:
        message = f"the pods of {', '.join(lacking)} have no port {name!r}: the Service passes them over"
        yield Finding(message, path, Severity.MEDIUM, DECLARE)
        return
    known = sorted({one for workload in workloads for one in _names(workload, protocol)})
    there = f"; there are {', '.join(known)}" if known else ""
    cure = Cure(f"targetPort: {known[0]}", ((path, known[0]),)) if len(known) == 1 else DECLARE
    yield Finding(f"no container has a port {name!r}: connections are refused{there}", path, cure=cure)


def _names(workload: Workload, protocol: str) -> list[str]:
    declared = [port for port in ports(workload) if (dig(port, "protocol") or "TCP") == protocol]
    return [name for port in declared if isinstance(name := dig(port, "name"), str)]


def _numbers(workload: Workload) -> list[str]:
    return [str(number) for port in ports(workload) if isinstance(number := dig(port, "containerPort"), int)]


def _protocols(
    service: KubernetesService, port: dict[Any, Any], path: Path, workloads: list[Workload], platform: Platform
) -> Iterator[Finding]:
    """Another Service that gives the same port of the same pods another protocol, where the mesh reads it."""
    own = _protocol(port)
    if not own or not platform.has_mesh:
        return
    target = str(dig(port, "targetPort") or dig(port, "port"))
    several = platform.derived(_several)
    for workload in workloads:
        uses = several.get((workload.namespace, workload.kind, workload.name, target), [])
        other = next((use for use in uses if use[1] != own and use[0] is not service), None)
        if other is not None and injected(workload, platform).enrolled:
            message = f"port {target} of {workload.name} is {own} here, and {other[1]} in Service {other[0].name}"
            cure = Cure("state one protocol for the port (appProtocol)", grade="none")
            yield Finding(message, path, Severity.MEDIUM, cure)
            return


def _several(platform: Platform) -> dict[tuple[str, str, str, str], list[Use]]:
    """Those of `_uses` in which more than one protocol is named."""
    return {key: uses for key, uses in platform.derived(_uses).items() if len({use[1] for use in uses}) > 1}


def _uses(platform: Platform) -> dict[tuple[str, str, str, str], list[Use]]:
    """The Services and protocols, by the pods' workload and the port that they are for."""
    found: dict[tuple[str, str, str, str], list[Use]] = {}
    pods = platform.derived(ServicePods)
    for service in platform.of(KubernetesService):
        for stated in service.list("spec", "ports"):
            port = mapping(stated)
            protocol, target = _protocol(port), str(dig(port, "targetPort") or dig(port, "port"))
            for workload in pods.behind(service) if protocol else ():
                key = (workload.namespace, workload.kind, workload.name, target)
                found.setdefault(key, []).append((service, protocol))
    return found


def _protocol(port: dict[Any, Any]) -> str:
    """The protocol that Istio reads from a port: its appProtocol, else the first part of its name."""
    stated = dig(port, "appProtocol") or str(dig(port, "name") or "").partition("-")[0]
    protocol = str(stated).lower()
    return protocol if protocol in MESH_PROTOCOLS else ""


MESH_PROTOCOLS = frozenset({
    "http", "http2", "https", "grpc", "grpc-web", "tcp", "tls", "mongo", "mysql", "redis", "udp",
})  # fmt: skip
