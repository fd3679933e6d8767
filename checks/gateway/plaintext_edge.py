"""A route from outside is open without TLS.

What it checks: Every Ingress has spec.tls, and an entry there covers each host of its rules (the same name, a
wildcard one label up, or an entry without hosts). An Ingress of Kong's class also states
``konghq.com/protocols`` without http, grpc or ws (Kong's default lets http in), or
``ingress.kubernetes.io/force-ssl-redirect: "true"``; a redirect status code alone redirects nothing as long as
the protocols include http. A Gateway listener of protocol HTTP has only HTTPRoutes attached that redirect to
https in every rule, and a listener that ends TLS names its certificate. Certificates that a cloud's load
balancer holds count (annotations of classes alb and gce), and solvers of ACME challenges must be open.

Why it matters: Tokens and data of that route can be read and changed on their way.

How to fix: spec.tls, ``konghq.com/protocols: https`` and ``konghq.com/https-redirect-status-code: "308"``;
a RequestRedirect filter for the listener on port 80.

When it is fine: TLS ends before the gateway and the way from there is trusted: setting `tls_offload`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from conformant.domain.kong import of_kong_class
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.gateway import Edge, Gateway, HttpRoute, Ingress, Listener, listed


class Offload(Struct, frozen=True, forbid_unknown_fields=True):
    """`tls_offload`: TLS ends at a load balancer before the gateway, by intent."""

    tls_offload: bool = False


PROTOCOLS, REDIRECT = "konghq.com/protocols", "ingress.kubernetes.io/force-ssl-redirect"
ANNOTATIONS = Path(("metadata", "annotations"))
CLEAR = frozenset({"http", "grpc", "ws"})
"""Protocols of Kong's routes that need no TLS."""
CERTIFICATES = (
    "networking.gke.io/managed-certificates", "ingress.gcp.kubernetes.io/pre-shared-cert",
    "appgw.ingress.kubernetes.io/appgw-ssl-certificate", "route.openshift.io/termination",
)  # fmt: skip
"""Annotations that name a certificate outside spec.tls, or say that there is one."""
SWITCHES = ("traefik.ingress.kubernetes.io/router.tls", "nginx.ingress.kubernetes.io/ssl-passthrough")
"""Annotations that are "true" where TLS needs no spec.tls."""
ALB = "alb.ingress.kubernetes.io"


@check(
    id="GW-005",
    severity=Severity.HIGH,
    requirement="external-exposure",
    controls=[
        "nist-800-53r5/SC-8", "nist-800-53r5/SC-8(1)", "nist-800-53r5/SC-13", "soc2/CC6.7",
        "iso-27001-2022/A.8.20", "iso-27001-2022/A.8.24", "pci-dss-4.0/4.2.1",
    ],
)  # fmt: skip
def plaintext_edge(edge: Edge, platform: Platform, settings: Offload = Offload()) -> Iterator[Item]:
    if settings.tls_offload:
        yield NotApplicable("TLS ends before the gateway")
    elif edge.kind == "Gateway":
        yield from _listeners(platform.view(edge.resource, Gateway), platform)
    else:
        ingress = platform.view(edge.resource, Ingress)
        if _solver(ingress):
            yield NotApplicable("it answers ACME challenges, which come without TLS")
            return
        yield from _certificates(ingress)
        if platform.profile.gateway != "none" and of_kong_class(ingress.ingress_class, platform):
            yield from _protocols(ingress)


def _solver(ingress: Ingress) -> bool:
    urls = [url for entry in ingress.entries for url in entry.urls]
    return dig(ingress.labels, "acme.cert-manager.io/http01-solver") == "true" or (
        bool(urls) and all(url.startswith("/.well-known/acme-challenge") for url in urls)
    )


def _certificates(ingress: Ingress) -> Iterator[Finding]:
    entries = ingress.list("spec", "tls")
    if not entries:
        if not _elsewhere(ingress.annotations):
            cure = Cure("spec.tls with the hosts and the Secret of their certificate", grade="none")
            yield Finding(f"Ingress {ingress.name} has no TLS", Path(("spec",)), cure=cure)
        return
    covered = [host for entry in entries for host in (sequence(entry, "hosts") or [""])]
    if "" in covered:
        return
    for path, host in ingress.hosts:
        if host and not any(_covers(str(name), host) for name in covered):
            cure = Cure("add the host to an entry of spec.tls", grade="none")
            yield Finding(f"no entry of spec.tls covers host {host}", path, cure=cure)


def _elsewhere(annotations: Mapping[Any, Any]) -> bool:
    """Whether a cloud's load balancer or the controller itself has the certificate, by an annotation."""
    if any(dig(annotations, name) == "true" for name in SWITCHES):
        return True
    ports = str(dig(annotations, f"{ALB}/listen-ports") or "")
    if dig(annotations, f"{ALB}/certificate-arn") or '"HTTPS"' in ports:
        redirect = dig(annotations, f"{ALB}/ssl-redirect") or dig(annotations, f"{ALB}/actions.ssl-redirect")
        return bool(redirect) or '"HTTP"' not in ports
    return any(dig(annotations, name) for name in CERTIFICATES)


def _covers(name: str, host: str) -> bool:
    """Whether a certificate for `name` is one for `host`: itself, or a wildcard for its first label."""
    return name == host or (name.startswith("*.") and host.partition(".")[2] == name[2:])


def _protocols(ingress: Ingress) -> Iterator[Finding]:
    annotations = ingress.annotations
    if dig(annotations, REDIRECT) == "true":
        return
    stated = listed(dig(annotations, PROTOCOLS))
    open_ones = sorted(CLEAR & set(stated))
    if stated and not open_ones:
        return
    what = f"{PROTOCOLS} includes {', '.join(open_ones)}" if stated else f"{PROTOCOLS} is not set: Kong takes http too"
    if dig(annotations, "konghq.com/https-redirect-status-code"):
        what += "; the redirect status code has no effect as long as it does"
    patches = (
        (ANNOTATIONS / PROTOCOLS, _encrypted(stated)),
        (ANNOTATIONS / "konghq.com/https-redirect-status-code", "308"),
    )
    path = ANNOTATIONS / PROTOCOLS if stated else ANNOTATIONS
    yield Finding(what, path, cure=Cure(f"{PROTOCOLS}: {_encrypted(stated)}, and a redirect", patches))


def _encrypted(stated: list[str]) -> str:
    """The protocols that are left, or take the place of those without TLS."""
    safe = {"http": "https", "grpc": "grpcs", "ws": "wss"}
    return ",".join(dict.fromkeys(safe.get(name, name) for name in stated)) or "https"


def _listeners(gateway: Gateway, platform: Platform) -> Iterator[Item]:
    attached = platform.derived(_attached).get((gateway.namespace, gateway.name), [])
    for listener in gateway.listeners:
        if listener.protocol == "HTTP":
            serving = [route.name for route, section in attached if _takes(listener, section) and not _redirects(route)]
            if serving:
                names = ", ".join(dict.fromkeys(serving))
                message = f"listener {listener.name!r} serves {names} without TLS"
                cure = Cure(
                    "attach the routes to an HTTPS listener, here only one that redirects to https", grade="none"
                )
                yield Finding(message, listener.path, cure=cure)
        elif listener.protocol in ("HTTPS", "TLS") and not _certified(listener.raw):
            cure = Cure("name the Secret of the certificate in tls.certificateRefs", grade="none")
            yield Finding(f"listener {listener.name!r} ends TLS without a certificate", listener.path, cure=cure)


def _takes(listener: Listener, section: Mapping[Any, Any]) -> bool:
    """Whether a parent reference means this listener."""
    return section.get("sectionName") in (None, listener.name) and section.get("port") in (
        None, dig(listener.raw, "port"),
    )  # fmt: skip


def _certified(raw: dict[Any, Any]) -> bool:
    settings = mapping(raw, "tls")
    if settings.get("mode") == "Passthrough":
        return True
    return bool(sequence(settings, "certificateRefs") or mapping(settings, "options"))


def _redirects(route: HttpRoute) -> bool:
    """Whether every rule sends the caller to https, or answers ACME challenges."""
    return bool(route.rules) and all(
        any(dig(entry, "requestRedirect", "scheme") == "https" for entry in sequence(rule, "filters"))
        or all(
            str(dig(match, "path", "value")).startswith("/.well-known/acme-challenge")
            for match in sequence(rule, "matches") or [{}]
        )
        for rule in route.rules
    )


def _attached(platform: Platform) -> dict[tuple[str, str], list[tuple[HttpRoute, Mapping[Any, Any]]]]:
    """The HTTPRoutes of each Gateway, with the reference by which they attach."""
    found: dict[tuple[str, str], list[tuple[HttpRoute, Mapping[Any, Any]]]] = {}
    for route in platform.of(HttpRoute):
        for parent in route.list("spec", "parentRefs"):
            if dig(parent, "kind") in (None, "Gateway"):
                namespace = str(dig(parent, "namespace") or route.namespace)
                found.setdefault((namespace, str(dig(parent, "name"))), []).append((route, mapping(parent)))
    return found
