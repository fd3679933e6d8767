"""Health checks of an upstream never find a dead target, or eject live ones.

What it checks: A KongUpstreamPolicy, or the upstream of a KongIngress, probes at an interval (Kong's default,
0, is off) both healthy and unhealthy targets, asks a path that the pods serve by their own probes (unless
stated Kong asks for ``/``), counts refused connections or timeouts, lets a target come back (successes above
0), and counts failures of real requests as well (passive, low). Which pods are meant is seen by the Services
that name the object; where none does, all pods of the platform are.

Why it matters: Kong's defaults are all off: requests go on to a dead pod. A path that answers 404 ejects
every pod, as 404 counts as a failure.

How to fix: active with http_path of the readiness probe, intervals, successes, http_failures, tcp_failures,
timeouts; passive with the like.

When it is fine: Services whose load Kubernetes balances (service-upstream), with readiness probes; waive it.
"""

from collections.abc import Iterator
from typing import Any

from conformant.domain.kong import Kong
from conformant.domain.service_pods import ServicePods
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Severity, dig, mapping
from conformant.platform import Platform
from conformant.views.gateway import Upstream
from conformant.views.workload import Workload

PROBES = ("readinessProbe", "livenessProbe", "startupProbe")
INTERVALS = (("healthy", 10), ("unhealthy", 5))
FAILURES = ("tcp_failures", "timeouts")


@check(
    id="GW-004",
    severity=Severity.MEDIUM,
    requirement="health-checks",
    controls=["nist-800-53r5/SC-5", "soc2/A1.1", "soc2/CC7.1", "iso-27001-2022/A.8.14"],
)
def ineffective_health_checks(upstream: Upstream, platform: Platform) -> Iterator[Item]:
    if not platform.has_kong or not upstream.settings:
        yield NotApplicable("no Kong gateway, or no upstream settings")
        return
    yield from aspects([_active(upstream, platform), _passive(upstream)])


def _active(upstream: Upstream, platform: Platform) -> Iterator[Finding]:
    active = upstream.checks / "active"
    stated = mapping(upstream.raw, *active)
    if not stated:
        message = "no active health check: a target that dies is asked until it is back"
        yield Finding(message, active, cure=Cure(f"add {_example(upstream, platform)}", grade="none"))
        return
    probing = True
    for health, seconds in INTERVALS:
        if not dig(stated, health, "interval"):
            probing = False
            message = f"active.{health}.interval is not set, or 0: {health} targets are not probed"
            path = active / health / "interval"
            yield Finding(message, path, cure=Cure(f"interval: {seconds}", ((path, seconds),)))
    if not probing:
        return
    yield from _path(upstream, stated, platform)
    yield from _counters(upstream, stated)


def _path(upstream: Upstream, active: dict[Any, Any], platform: Platform) -> Iterator[Finding]:
    """A path that no pod behind the upstream is known to serve."""
    if (dig(active, "type") or "http") not in ("http", "https"):
        return
    word = upstream.word("http_path")
    stated = dig(active, word)
    served = _served(upstream, platform)
    if stated is None and not served:
        message = f"{word} is not set: Kong asks for /, and a 404 there ejects the pod"
        yield Finding(
            message, upstream.checks / "active" / word, cure=Cure(f"{word} of the readiness probe", grade="none")
        )
    elif served and str(stated or "/").partition("?")[0] not in served:
        asked = f"{word} is {stated}" if stated else f"{word} is not set, so Kong asks for /"
        counted = dig(active, "unhealthy", upstream.word("http_failures"))
        effect = "a 404 ejects them" if counted else "what it answers says nothing of them"
        message = f"{asked}; no probe of the pods does ({', '.join(served)}), and {effect}"
        path = upstream.checks / "active" / word
        cure = Cure(f"{word}: {served[0]}", ((path, served[0]),))
        yield Finding(message, path, Severity.HIGH if counted else None, cure)


def _counters(upstream: Upstream, active: dict[Any, Any]) -> Iterator[Finding]:
    unhealthy = upstream.checks / "active" / "unhealthy"
    names = [upstream.word(name) for name in FAILURES]
    if not any(dig(active, "unhealthy", name) for name in names):
        message = f"neither {names[0]} nor {names[1]} is set (Kong's default is off): refused connections never eject"
        patches = tuple((unhealthy / name, 3) for name in names)
        yield Finding(message, unhealthy, cure=Cure(", ".join(f"{name}: 3" for name in names), patches))
    if not dig(active, "healthy", "successes"):
        path = upstream.checks / "active" / "healthy" / "successes"
        message = "successes is not set, or 0: a target that was ejected never comes back"
        yield Finding(message, path, cure=Cure("successes: 3", ((path, 3),)))


def _passive(upstream: Upstream) -> Iterator[Finding]:
    path = upstream.checks / "passive"
    if not mapping(upstream.raw, *path):
        message = "no passive health check: failures of real requests do not count"
        counted = {upstream.word(name): 3 for name in ("http_failures", *FAILURES)}
        value = {"type": "http", "healthy": {"successes": 3}, "unhealthy": counted}
        yield Finding(message, path, Severity.LOW, Cure("add passive, with failures to count", ((path, value),)))


def _served(upstream: Upstream, platform: Platform) -> list[str]:
    """The paths that the pods' own probes ask for, readiness first."""
    services = platform.derived(Kong).services_of(upstream)
    if not services:
        return platform.derived(_served_by_all)
    pods = platform.derived(ServicePods)
    return _paths(workload for service in sorted(services) for workload in pods.called(*service))


def _served_by_all(platform: Platform) -> list[str]:
    return _paths(iter(platform.workloads))


def _paths(workloads: Iterator[Workload]) -> list[str]:
    containers = [container for workload in workloads for container in workload.containers("main", "sidecar")]
    found = [dig(container.raw, probe, "httpGet", "path") for probe in PROBES for container in containers]
    return list(dict.fromkeys(path.partition("?")[0] for path in found if isinstance(path, str)))


def _example(upstream: Upstream, platform: Platform) -> str:
    served = _served(upstream, platform)
    path = f"{upstream.word('http_path')}: {served[0] if served else '/ready'}"
    http, tcp = upstream.word("http_failures"), upstream.word("tcp_failures")
    return (
        f"active: {{type: http, {path}, timeout: 2, healthy: {{interval: 10, successes: 3}}, "
        f"unhealthy: {{interval: 5, {http}: 3, {tcp}: 3, timeouts: 3}}}}"
    )
