"""Kong's Admin API or its Manager can be reached by those who should not.

What it checks: No Service of type LoadBalancer or NodePort and no route from outside leads to the admin or
Manager ports of Kong's pods (by KONG_ADMIN_LISTEN and KONG_ADMIN_GUI_LISTEN, else 8001, 8444, 8002, 8445). An
Admin API that listens beyond the pod does so with ssl, and every NetworkPolicy rule that admits its port names the
pods of the controller; where it demands client certificates a missing policy is medium.

Why it matters: Whoever reaches the Admin API owns the gateway: it adds routes, removes authentication and
reads credentials, and by default it asks nobody who they are.

How to fix: A ClusterIP Service, client certificates (KONG_NGINX_ADMIN_SSL_VERIFY_CLIENT), and a NetworkPolicy for
the controller's pods alone; or 127.0.0.1 with the controller in the same pod.

When it is fine: Never.
"""

from collections.abc import Iterator
from typing import Any

from conformant.domain.isolation import PolicySet
from conformant.domain.kong import proxy_container, variable
from conformant.domain.service_pods import ServicePods, service_port, target_numbers
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, Undecided, dig, mapping
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.views.base import View
from conformant.views.gateway import INGRESSES, ROUTES, AdminSurface, Entry, HttpRoute, Ingress
from conformant.views.network import INGRESS
from conformant.views.selector import is_empty
from conformant.views.workload import Container, Workload

ADMIN, MANAGER = "KONG_ADMIN_LISTEN", "KONG_ADMIN_GUI_LISTEN"
DEFAULTS = {ADMIN: "127.0.0.1:8001, 127.0.0.1:8444 ssl", MANAGER: "0.0.0.0:8002, 0.0.0.0:8445 ssl"}
ADDRESS = lazy(r"^(?P<host>\[[^\]]*\]|[^\s:]*):(?P<port>\d+)(?P<flags>.*)$")
LOCAL = ("127.", "localhost", "[::1]")
USUAL = (8001, 8444, 8002, 8445)
OUTSIDE = ("LoadBalancer", "NodePort")
CLOSE = Cure("a ClusterIP Service, and a NetworkPolicy that admits the controller's pods alone", grade="none")
UNROUTE = Cure("remove the route: the Admin API is for the controller alone", grade="none")
FENCE = Cure("listen on 127.0.0.1, or with ssl behind a NetworkPolicy that admits the controller's pods", grade="none")


@check(
    id="GW-010",
    severity=Severity.CRITICAL,
    requirement="external-exposure",
    controls=[
        "nist-800-53r5/AC-3", "nist-800-53r5/SC-7", "nsa-hardening-1.2/network-separation", "soc2/CC6.6",
        "iso-27001-2022/A.8.20", "pci-dss-4.0/1.3.1", "pci-dss-4.0/2.2.7",
    ],
)  # fmt: skip
def exposed_kong_admin(surface: AdminSurface, platform: Platform) -> Iterator[Item]:
    key = f"{surface.resource.group}/{surface.kind}"
    if platform.profile.gateway == "none":
        yield NotApplicable("no Kong gateway")
    elif key == "/Service":
        yield from _service(surface, platform)
    elif key in INGRESSES:
        yield from _route(platform.view(surface.resource, Ingress).entries, platform)
    elif key in ROUTES:
        yield from _route(platform.view(surface.resource, HttpRoute).entries, platform)
    else:
        workload = platform.view(surface.resource, Workload)
        container = proxy_container(workload)
        if container is None:
            yield NotApplicable("no pods of Kong's")
        else:
            yield from _listening(workload, container, platform)


# where Kong listens


def _listens(container: Container, name: str) -> list[tuple[str, int, bool]]:
    """(host, port, with ssl) of the addresses that a variable states, Kong's default where it is absent."""
    entry = next((entry for _, entry in container.env if dig(entry, "name") == name), None)
    if entry is not None and dig(entry, "valueFrom"):
        raise Undecided(f"{name} stands elsewhere")
    stated = DEFAULTS[name] if entry is None else dig(entry, "value")
    matches = [ADDRESS.match(part.strip()) for part in str(stated or "").split(",")]
    return [(one["host"], int(one["port"]), "ssl" in one["flags"].split()) for one in matches if one]


def _listening(workload: Workload, container: Container, platform: Platform) -> Iterator[Finding]:
    """Addresses of the Admin API beyond the pod, without ssl or open to other pods than the controller's."""
    path = _stated_at(container)
    beyond = [(port, ssl) for host, port, ssl in _listens(container, ADMIN) if not host.startswith(LOCAL)]
    for port in dict.fromkeys(port for port, _ in beyond):
        if not all(ssl for other, ssl in beyond if other == port):
            yield Finding(f"the Admin API listens on port {port} without TLS, for other pods too", path, cure=FENCE)
        elif not _fenced(workload, port, platform):
            certain = variable(container, "KONG_NGINX_ADMIN_SSL_VERIFY_CLIENT") == "on"
            message = f"no NetworkPolicy keeps port {port}, the Admin API, to the controller's pods"
            yield Finding(message, path, Severity.MEDIUM if certain else None, FENCE)


def _stated_at(container: Container) -> Path:
    index = next((index for index, entry in container.env if dig(entry, "name") == ADMIN), None)
    return container.path / "env" if index is None else Path((*container.path, "env", index, "value"))


def _fenced(workload: Workload, port: int, platform: Platform) -> bool:
    """Whether policies isolate the pods, and whatever they admit to the port is named by its labels."""
    policies = platform.derived(PolicySet).selecting(workload.namespace, workload.labels)
    isolating = [policy for policy in policies if policy.isolates(INGRESS)]
    return bool(isolating) and all(
        rule.peers and all(not is_empty(peer.pods) for peer in rule.peers)
        for policy in isolating
        for rule in policy.rules(INGRESS)
        if rule.admits_port("TCP", port) or any(isinstance(each.port, str) for each in rule.ports)
    )


# what leads there


def _service(surface: AdminSurface, platform: Platform) -> Iterator[Item]:
    kind = surface.get("spec", "type")
    exposed = [
        number for each in surface.list("spec", "ports") if (number := _admin_port(surface, mapping(each), platform))
    ]
    if not exposed:
        yield NotApplicable("it leads to no admin port of Kong's")
    elif kind in OUTSIDE:
        names = ", ".join(str(number) for number in exposed)
        yield Finding(
            f"a Service of type {kind} leads to Kong's admin port {names}", Path(("spec", "type")), cure=CLOSE
        )


def _admin_port(service: View, port: dict[Any, Any], platform: Platform) -> int | None:
    """The admin or Manager port of Kong's pods that a Service's port leads to."""
    workloads = platform.derived(ServicePods).behind(service)
    boxes = [box for workload in workloads if (box := proxy_container(workload)) is not None]
    if boxes:
        known = {number for box in boxes for name in DEFAULTS for _, number, _ in _listens(box, name)}
        return next(iter(sorted(known & target_numbers(port, workloads))), None)
    if workloads or not any("kong" in str(value) for value in service.map("spec", "selector").values()):
        return None
    targets = [*target_numbers(port, []), port.get("port")]
    return next((number for number in USUAL if number in targets), None)


def _route(entries: list[Entry], platform: Platform) -> Iterator[Item]:
    found = False
    for entry in entries:
        for backend in entry.backends:
            service = platform.find("/Service", backend.namespace, backend.name)
            if service is None:
                continue
            view = platform.view(service, View)
            port = service_port(view, backend.port)
            number = _admin_port(view, port, platform) if port else None
            if number:
                found = True
                message = f"a route from outside leads to Kong's admin port {number} ({backend.name})"
                yield Finding(message, backend.path, cure=UNROUTE)
    if not found:
        yield NotApplicable("it leads to no admin port of Kong's")
