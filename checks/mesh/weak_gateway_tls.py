"""A gateway of the mesh listens in plaintext, with old TLS, or for every host.

What it checks: Each server of an Istio Gateway: plaintext protocols only to redirect to HTTPS; TLS settings
where the protocol wants them, with a mode (none means PASSTHROUGH); no TLS 1.0 or 1.1, no weak ciphers; a
CA where clients show certificates; verification left on; no optional certificates for admin hosts;
AUTO_PASSTHROUGH for east-west gateways alone; a selector; hosts that are named; the certificate's
Secret beside the gateway's pods. Listeners of a Gateway-API Gateway of Istio's classes likewise.

Why it matters: What the edge takes in plaintext is read on the way. A server for every host takes routes
from every namespace.

How to fix: protocol HTTPS with tls {mode: SIMPLE, credentialName, minProtocolVersion: TLSV1_2}, and a server
on port 80 with httpsRedirect: true.

When it is fine: Servers bound to the loopback address, and answers to ACME challenges.
"""

from collections.abc import Iterator
from typing import Any

from conformant.domain.declared import Declared
from conformant.domain.mesh_hosts import Pods
from conformant.domain.references import SECRET
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, dig, mapping, sequence
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.views.gateway import HttpRoute
from conformant.views.mesh import EdgeGateway, IstioGateway, VirtualService, server_hosts

PLAINTEXT = frozenset({"HTTP", "HTTP2", "GRPC", "GRPC-WEB"})
CLIENT_CERTIFICATES = ("MUTUAL", "OPTIONAL_MUTUAL")
WEAK_CIPHER = lazy(r"^(?:DES-CBC3-SHA|.*3DES.*|(?:PSK-|TLS_RSA_WITH_)?AES_?-?(?:128|256)-?(?:_CBC_)?SHA(?:256)?)$")
LOCAL = ("127.", "::1", "localhost", "unix:")
CLASSES = frozenset({"istio", "istio-remote", "istio-waypoint", "istio-east-west"})
REDIRECT = Cure("tls: {httpsRedirect: true}, and a server for HTTPS beside it")
TERMINATE = Cure("tls: {mode: SIMPLE, credentialName: …, minProtocolVersion: TLSV1_2}")


@check(
    id="MESH-015",
    severity=Severity.HIGH,
    requirement="external-exposure",
    controls=[
        "nist-800-53r5/SC-8", "nist-800-53r5/SC-13", "nist-800-53r5/SC-23", "soc2/CC6.7", "iso-27001-2022/A.8.24",
        "pci-dss-4.0/4.2.1",
    ],
)  # fmt: skip
def weak_gateway_tls(gateway: EdgeGateway, platform: Platform) -> Iterator[Item]:
    if platform.profile.mesh.mode == "none" or _acme(gateway, platform):
        yield NotApplicable("no mesh, or it answers ACME challenges")
    elif gateway.resource.group == "networking.istio.io":
        yield from _istio(platform.view(gateway.resource, IstioGateway), platform)
    elif _of_istio(gateway, platform):
        for number, listener in enumerate(gateway.list("spec", "listeners")):
            path = Path(("spec", "listeners", number))
            yield from aspects((_listener(gateway, mapping(listener), path, platform),))
    else:
        yield NotApplicable("a gateway of another implementation")


def _acme(gateway: EdgeGateway, platform: Platform) -> bool:
    """Whether it only answers ACME challenges: a solver's, or by all the routes that are bound to it."""
    if "acme.cert-manager.io/http01-solver" in gateway.labels or gateway.name.startswith("cm-acme-http-solver"):
        return True
    paths = platform.derived(_bound_paths).get((gateway.namespace, gateway.name), [])
    return bool(paths) and all(path.startswith("/.well-known/acme-challenge") for path in paths)


def _bound_paths(platform: Platform) -> dict[tuple[str, str], list[str]]:
    """The paths that VirtualServices match at each gateway; empty for what matches by something else."""
    found: dict[tuple[str, str], list[str]] = {}
    for service in platform.of(VirtualService):
        paths = [
            str(dig(match, "uri", "prefix") or dig(match, "uri", "exact") or "")
            for _, rule in service.rules("http")
            for match in sequence(rule, "match") or [{}]
        ]
        for name in service.gateways:
            namespace, _, own = name.rpartition("/")
            namespace = service.namespace if namespace in ("", ".") else namespace
            found.setdefault((namespace, own), []).extend(paths)
    return found


def _istio(gateway: IstioGateway, platform: Platform) -> Iterator[Item]:
    if not gateway.selector:
        message = "without a selector it applies to every gateway of the mesh"
        yield Finding(message, Path(("spec", "selector")), cure=Cure("select the gateway's pods", grade="none"))
    for path, server in gateway.servers:
        yield from aspects((
            _protocol(server, path), _versions(server, path), _certificates(server, path),
            _passthrough(gateway, server, path), _hosts(server, path), _secret(gateway, server, path, platform),
        ))  # fmt: skip


def _protocol(server: dict[Any, Any], path: Path) -> Iterator[Finding]:
    protocol, tls = str(dig(server, "port", "protocol")).upper(), dig(server, "tls")
    where = path / "port" / "protocol"
    if protocol in PLAINTEXT:
        bind = dig(server, "bind")
        local = isinstance(bind, str) and bind.startswith(LOCAL)
        if not local and dig(mapping(tls), "httpsRedirect") is not True:
            yield Finding(f"the server takes {protocol} in plaintext, and does not redirect", where, cure=REDIRECT)
    elif protocol in ("HTTPS", "TLS") and tls is None:
        yield Finding(f"the server has no tls settings, though its protocol is {protocol}", where, cure=TERMINATE)
    elif protocol == "HTTPS" and dig(mapping(tls), "mode") is None:
        message = "tls without a mode is PASSTHROUGH: the gateway does not end it"
        yield Finding(message, path / "tls", cure=TERMINATE)


def _versions(server: dict[Any, Any], path: Path) -> Iterator[Finding]:
    tls = mapping(server, "tls")
    for field in ("minProtocolVersion", "maxProtocolVersion"):
        version = dig(tls, field)
        if version in ("TLSV1_0", "TLSV1_1"):
            where = path / "tls" / field
            yield Finding(f"{field}: {version} is broken", where, cure=Cure("TLSV1_2 or newer", ((where, "TLSV1_2"),)))
    for index, cipher in enumerate(sequence(tls, "cipherSuites")):
        if isinstance(cipher, str) and WEAK_CIPHER.match(cipher):
            where = path / "tls" / "cipherSuites" / index
            yield Finding(f"cipher {cipher} is weak, or has no forward secrecy", where, cure=Cure("remove it"))


def _certificates(server: dict[Any, Any], path: Path) -> Iterator[Finding]:
    tls, where = mapping(server, "tls"), path / "tls" / "mode"
    mode = dig(tls, "mode")
    sources = ("caCertificates", "credentialName", "credentialNames", "caCertCredentialName")
    if mode in CLIENT_CERTIFICATES and not any(dig(tls, field) for field in sources):
        message = f"{mode} without a CA: no client certificate can be checked"
        yield Finding(message, where, cure=Cure("name the CA: credentialName or caCertificates", grade="none"))
    if dig(tls, "insecureSkipVerify") is True:
        where = path / "tls" / "insecureSkipVerify"
        yield Finding("client certificates are not verified", where, cure=Cure("remove it", ((where, False),)))
    admin = next((host for _, host in server_hosts(server) if "admin" in host.partition(".")[0].lower()), "")
    if mode == "OPTIONAL_MUTUAL" and admin:
        message = f"{admin} may be reached without a client certificate"
        yield Finding(message, path / "tls" / "mode", cure=Cure("mode: MUTUAL", ((path / "tls" / "mode", "MUTUAL"),)))


def _passthrough(gateway: IstioGateway, server: dict[Any, Any], path: Path) -> Iterator[Finding]:
    if dig(server, "tls", "mode") != "AUTO_PASSTHROUGH":
        return
    names = (gateway.name, *(str(value) for value in gateway.selector.values()))
    if not any("eastwest" in name.replace("-", "") or "crossnetwork" in name.replace("-", "") for name in names):
        message = "AUTO_PASSTHROUGH opens every service of the mesh: it is for east-west gateways"
        yield Finding(message, path / "tls" / "mode", cure=Cure("mode: SIMPLE, with a certificate", grade="none"))


def _hosts(server: dict[Any, Any], path: Path) -> Iterator[Finding]:
    if dig(server, "tls", "httpsRedirect") is True and dig(server, "port", "protocol") in PLAINTEXT:
        return
    for index, (namespace, host) in enumerate(server_hosts(server)):
        if host == "*" and namespace == "*":
            message = "the server takes every host: any namespace may attach routes to it"
            cure = Cure("name the hosts, or the namespace of their routes: shop/*", grade="none")
            yield Finding(message, path / "hosts" / index, Severity.MEDIUM, cure)


def _secret(gateway: IstioGateway, server: dict[Any, Any], path: Path, platform: Platform) -> Iterator[Finding]:
    name = dig(server, "tls", "credentialName")
    if not isinstance(name, str) or not name or ":" in name:
        return
    pods = {one.namespace for one in platform.derived(Pods).anywhere(gateway.selector)} if gateway.selector else set()
    declared = platform.derived(Declared)
    if not pods or any(declared.has(SECRET, namespace, name) for namespace in pods):
        return
    others = [namespace for namespace in platform.namespaces if declared.has(SECRET, namespace, name)]
    if others:
        message = f"Secret {name} is in {others[0]}: the gateway's pods look for it in {', '.join(sorted(pods))}"
        yield Finding(message, path / "tls" / "credentialName", cure=Cure("make it there", grade="none"))


# the Gateway API


def _of_istio(gateway: EdgeGateway, platform: Platform) -> bool:
    name = str(gateway.get("spec", "gatewayClassName"))
    declared = platform.find("gateway.networking.k8s.io/GatewayClass", "", name)
    if declared is not None:
        return str(dig(declared.raw, "spec", "controllerName")).startswith("istio.io/")
    return name in CLASSES


def _listener(gateway: EdgeGateway, listener: dict[Any, Any], path: Path, platform: Platform) -> Iterator[Finding]:
    protocol = dig(listener, "protocol")
    redirects = protocol == "HTTP" and _only_redirects(gateway, dig(listener, "name"), platform)
    if protocol == "HTTP" and not redirects:
        message = "the listener takes HTTP in plaintext, and does not redirect"
        cure = Cure("protocol: HTTPS, and an HTTPRoute that redirects to it", grade="none")
        yield Finding(message, path / "protocol", cure=cure)
    everybody = dig(listener, "allowedRoutes", "namespaces", "from") == "All"
    if everybody and dig(listener, "hostname") is None and not redirects and protocol != "HBONE":
        message = "the listener takes every host, and routes from every namespace"
        cure = Cure("state the hostname, or the namespaces of its routes", grade="none")
        yield Finding(message, path / "allowedRoutes" / "namespaces" / "from", Severity.MEDIUM, cure)
    for index, reference in enumerate(sequence(listener, "tls", "certificateRefs")):
        namespace = dig(reference, "namespace")
        if isinstance(namespace, str) and namespace != gateway.namespace and not _granted(gateway, namespace, platform):
            message = f"no ReferenceGrant lets the gateway take its certificate from {namespace}"
            where = path / "tls" / "certificateRefs" / index / "namespace"
            yield Finding(message, where, cure=Cure("make the Secret beside the gateway", grade="none"))


def _only_redirects(gateway: EdgeGateway, listener: Any, platform: Platform) -> bool:
    """Whether routes are attached to a listener, and each of their rules leads to HTTPS."""
    rules = [
        rule
        for route in platform.of(HttpRoute)
        for parent in route.list("spec", "parentRefs")
        if dig(parent, "name") == gateway.name
        and (dig(parent, "namespace") or route.namespace) == gateway.namespace
        and dig(parent, "sectionName") in (None, listener)
        for rule in route.list("spec", "rules")
    ]
    return bool(rules) and all(
        any(dig(each, "requestRedirect", "scheme") == "https" for each in sequence(mapping(rule), "filters"))
        for rule in rules
    )


def _granted(gateway: EdgeGateway, namespace: str, platform: Platform) -> bool:
    return any(
        grant.namespace == namespace
        and any(dig(entry, "namespace") == gateway.namespace for entry in sequence(grant.raw, "spec", "from"))
        for grant in platform.kind("gateway.networking.k8s.io/ReferenceGrant")
    )
