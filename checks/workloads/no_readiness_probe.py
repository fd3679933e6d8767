"""A container that serves has no readiness probe.

What it checks: Main containers of long-running workloads have a readinessProbe when they declare ports,
or when they are the only main container of a pod that a Service selects. Jobs, init containers and
containers without ports and Service are left out; native sidecars, and containers that only serve
metrics, weigh less.

Why it matters: Without a probe a pod gets traffic from the moment its process exists: every rollout and
every restart loses requests.

How to fix: Probe an endpoint that answers only when the program can serve.

When it is fine: Programs that are ready the moment they listen.
"""

from collections.abc import Iterator

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Severity, dig, mapping
from conformant.platform import Platform
from conformant.views.selector import equals
from conformant.views.workload import MAIN, SIDECAR, Container, Workload

CURE = Cure("add a readinessProbe on an endpoint that answers only when the program can serve", grade="none")


@check(id="WRK-003", severity=Severity.HIGH, requirement="probes", controls=["soc2/A1.2"])
def no_readiness_probe(workload: Workload, platform: Platform) -> Iterator[Item]:
    if workload.batch:
        yield NotApplicable("it runs to completion")
        return
    serving = None
    for container in workload.all_containers:
        if container.role not in (MAIN, SIDECAR) or container.raw.get("readinessProbe") is not None:
            continue
        if container.ports:
            severity = Severity.LOW if container.role == SIDECAR or _metrics_only(container) else None
        else:
            if container.role == SIDECAR or len(workload.containers(MAIN)) != 1:
                continue
            serving = _selected(workload, platform) if serving is None else serving
            if not serving:
                continue
            severity = None
        message = f"container {container.name!r} gets traffic before it says that it is ready"
        yield Finding(message, container.path / "readinessProbe", severity, CURE)


def _metrics_only(container: Container) -> bool:
    names = [str(dig(port, "name") or "") for port in container.ports]
    return all("metrics" in name or "prom" in name for name in names)


def _selected(workload: Workload, platform: Platform) -> bool:
    """Whether a Service sends traffic to the pods."""
    labels = workload.labels
    return any(equals(selector, labels) for selector in platform.derived(_services).get(workload.namespace, ()))


def _services(platform: Platform) -> dict[str, list[dict[object, object]]]:
    """The non-empty selectors of Services with ports, by namespace."""
    found: dict[str, list[dict[object, object]]] = {}
    for service in platform.kind("/Service"):
        selector = mapping(service.raw, "spec", "selector")
        if selector and dig(service.raw, "spec", "ports") and dig(service.raw, "spec", "type") != "ExternalName":
            found.setdefault(service.namespace, []).append(selector)
    return found
