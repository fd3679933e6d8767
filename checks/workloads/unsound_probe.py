"""A probe cannot work, or does harm.

What it checks: A probe's named port is one that the same container declares, and so is a number where the
container declares ports at all. Liveness is not the same request as readiness with no more patience. Probes
call the pod, not another host. Without a startup probe the first restart by liveness comes after 15 seconds
at the earliest. A command's timeout is no longer than its period, and 443 and 8443 are asked by HTTPS.

Why it matters: A probe of a port that is not there never succeeds: the pod is never ready, or is restarted for
ever. A liveness probe that is as impatient as readiness restarts pods that are only busy, all at once.

How to fix: Name a port that is declared, give liveness an endpoint of its own or more patience, slow starters
a startup probe.

When it is fine: Management ports that are not declared: that finding is for information only.
"""

from collections.abc import Iterator
from typing import Any

from conformant.leaf import Item, aspects, check
from conformant.model import REMOVE, Cure, Finding, NotApplicable, Path, Severity, dig, mapping
from conformant.profile import Profile
from conformant.views.workload import Container, Workload

PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
HANDLERS = ("httpGet", "tcpSocket", "grpc", "exec")
TLS_PORTS = (443, 8443)
EARLIEST_RESTART = 15


@check(id="WRK-005", severity=Severity.LOW, requirement="probes")
def unsound_probe(workload: Workload, profile: Profile) -> Iterator[Item]:
    probed = False
    for container in workload.all_containers:
        probes = [Probe(container, field) for field in PROBES if container.raw.get(field) is not None]
        probed = probed or bool(probes)
        for probe in probes:
            yield from aspects([_port(probe), _host(probe, profile), _timeout(probe), _scheme(probe)])
        if probes:
            yield from aspects([_same(container), _hasty(container)])
    if not probed:
        yield NotApplicable("it has no probes")


class Probe:
    """One probe of a container, with the API's defaults."""

    def __init__(self, container: Container, field: str) -> None:
        self.container = container
        self.raw = mapping(container.raw.get(field))
        self.path: Path = container.path / field
        self.field = field
        self.kind = next((kind for kind in HANDLERS if self.raw.get(kind) is not None), "")
        self.handler = mapping(self.raw.get(self.kind))

    @property
    def port_path(self) -> Path:
        return self.path / self.kind / "port"

    @property
    def port(self) -> Any:
        """The port by number where that is known, else as it is written."""
        port = dig(self.handler, "port")
        if isinstance(port, str):
            named = next((each for each in self.container.ports if dig(each, "name") == port), None)
            return dig(named, "containerPort") if named is not None else port
        return port

    def number(self, field: str, default: int) -> int:
        value = dig(self.raw, field)
        return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else default

    @property
    def patience(self) -> int:
        """The seconds for which it may fail before it has consequences."""
        return self.number("failureThreshold", 3) * self.number("periodSeconds", 10)

    @property
    def request(self) -> tuple[Any, ...]:
        """What it asks, in a form to compare."""
        handler = self.handler
        if self.kind == "httpGet":
            scheme, path = dig(handler, "scheme") or "HTTP", dig(handler, "path") or "/"
            return self.kind, self.port, scheme, path, dig(handler, "host") or "", repr(dig(handler, "httpHeaders"))
        return self.kind, self.port, repr(dig(handler, "command")), dig(handler, "service") or ""


def _port(probe: Probe) -> Iterator[Finding]:
    port = dig(probe.handler, "port")
    declared = probe.container.ports
    if isinstance(port, str) and not port.isdecimal():
        if all(dig(each, "name") != port for each in declared):
            message = f"the {probe.field} asks port {port!r}, which container {probe.container.name!r} does not declare"
            cure = Cure("name a port of the container", grade="none")
            yield Finding(f"{message}: it can never succeed", probe.port_path, Severity.HIGH, cure)
    elif isinstance(port, int) and declared and all(dig(each, "containerPort") != port for each in declared):
        message = f"the {probe.field} asks port {port}, which is none of the declared ones"
        yield Finding(message, probe.port_path, Severity.INFO, Cure("declare the port, or correct it", grade="none"))


def _host(probe: Probe, profile: Profile) -> Iterator[Finding]:
    """Another host; from Kubernetes 1.34 on that is a matter of the pod security baseline."""
    host = dig(probe.handler, "host") if profile.at_least("kubernetes", "1.34") is False else None
    if host:
        path = probe.path / probe.kind / "host"
        cure = Cure("remove host: the kubelet then asks the pod itself", ((path, REMOVE),))
        yield Finding(f"the {probe.field} asks the host {host}, not the pod", path, cure=cure)


def _timeout(probe: Probe) -> Iterator[Finding]:
    timeout, period = probe.number("timeoutSeconds", 1), probe.number("periodSeconds", 10)
    if probe.kind == "exec" and timeout > period:
        path = probe.path / "timeoutSeconds"
        cure = Cure("no longer than periodSeconds", ((path, period),))
        yield Finding(
            f"the command of the {probe.field} may take {timeout} s, its period is {period} s", path, cure=cure
        )


def _scheme(probe: Probe) -> Iterator[Finding]:
    if probe.kind == "httpGet" and probe.port in TLS_PORTS and (dig(probe.handler, "scheme") or "HTTP") == "HTTP":
        path = probe.path / "httpGet" / "scheme"
        cure = Cure("scheme: HTTPS", ((path, "HTTPS"),))
        yield Finding(f"the {probe.field} speaks plain HTTP to port {probe.port}", path, cure=cure)


def _same(container: Container) -> Iterator[Finding]:
    liveness, readiness = Probe(container, "livenessProbe"), Probe(container, "readinessProbe")
    if not liveness.kind or liveness.request != readiness.request or liveness.patience > readiness.patience:
        return
    path = liveness.path / "failureThreshold"
    more = readiness.patience // liveness.number("periodSeconds", 10) * 2 + 1
    message = (
        f"container {container.name!r} is restarted as soon as it is not ready: "
        "liveness asks the same as readiness, with no more patience"
    )
    yield Finding(message, liveness.path, cure=Cure("ask another endpoint, or be more patient", ((path, more),)))


def _hasty(container: Container) -> Iterator[Finding]:
    liveness = Probe(container, "livenessProbe")
    if not liveness.kind or container.raw.get("startupProbe") is not None:
        return
    first = liveness.number("initialDelaySeconds", 0) + liveness.patience
    if first < EARLIEST_RESTART:
        message = f"liveness restarts container {container.name!r} {first} s after its start, and no startupProbe waits"
        yield Finding(message, liveness.path, cure=Cure("add a startupProbe, or be more patient", grade="none"))
