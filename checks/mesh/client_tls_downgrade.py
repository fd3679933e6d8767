"""A DestinationRule takes the mesh's mTLS away from a connection.

What it checks: Every ``tls`` block of a DestinationRule (traffic policy, port level, subsets). For a host
inside the cluster the mode DISABLE, or a block without a mode, which means the same, is plaintext;
SIMPLE and MUTUAL encrypt without the mesh's identity. Anywhere: skipped verification, certificates
beside ISTIO_MUTUAL, a credentialName that sidecars ignore. No block at all is right: mTLS is
automatic. The API server (kubernetes.default) speaks TLS of its own.

Why it matters: The client decides what it sends. With DISABLE it sends plaintext, or, against a STRICT
server, nothing at all.

How to fix: Delete the block, or write mode: ISTIO_MUTUAL.

When it is fine: Services outside the mesh that end TLS themselves; waive those.
"""

from collections.abc import Iterator
from typing import Any

from conformant.leaf import Item, aspects, check
from conformant.model import REMOVE, Cure, Finding, Path, Severity, dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.mesh import DestinationRule


@check(
    id="MESH-004",
    severity=Severity.CRITICAL,
    requirement="mtls",
    controls=["nist-800-53r5/SC-8(1)", "nist-800-53r5/SC-13", "soc2/CC6.7", "iso-27001-2022/A.8.24"],
)
def client_tls_downgrade(rule: DestinationRule, platform: Platform) -> Iterator[Item]:
    host = rule.host.lower()
    if host.partition(".svc")[0] == "kubernetes.default" or host == "kubernetes.default":
        return
    inside = _inside(host, platform)
    yield from aspects(
        part for path, tls, port in _blocks(rule) for part in (_judge(rule, inside, path, tls, port, platform),)
    )


def _inside(host: str, platform: Platform) -> bool:
    """Whether the host is a Service of this cluster: a short name, or a name below ``svc``."""
    name = host.removeprefix("*.")
    if "." not in name:
        return name != "*" and host != "*"
    domain = platform.profile.mesh.trust_domain
    if name.endswith((".svc", f".svc.{domain}", ".svc.cluster.local")) or name.startswith("svc."):
        return True
    if name in ("svc", f"svc.{domain}", "cluster.local", domain):
        return True
    service, _, namespace = name.partition(".")
    return platform.find("/Service", namespace, service) is not None


def _blocks(rule: DestinationRule) -> Iterator[tuple[Path, dict[Any, Any], Any]]:
    """(path, tls block, port) of every place that may hold one."""
    yield from _policy(rule.map("spec", "trafficPolicy"), Path(("spec", "trafficPolicy")))
    for index, subset in enumerate(rule.list("spec", "subsets")):
        path = Path(("spec", "subsets", index, "trafficPolicy"))
        yield from _policy(mapping(mapping(subset), "trafficPolicy"), path)


def _policy(policy: dict[Any, Any], path: Path) -> Iterator[tuple[Path, dict[Any, Any], Any]]:
    if policy.get("tls") is not None:
        yield path / "tls", mapping(policy, "tls"), None
    for index, level in enumerate(sequence(policy, "portLevelSettings")):
        if mapping(level).get("tls") is not None:
            where = path / "portLevelSettings" / index / "tls"
            yield where, mapping(mapping(level), "tls"), dig(level, "port", "number")


def _judge(
    rule: DestinationRule, inside: bool, path: Path, tls: dict[Any, Any], port: Any, platform: Platform
) -> Iterator[Finding]:
    mode = dig(tls, "mode")
    if inside:
        yield from _in_cluster(rule.host, mode, path)
    elif mode in (None, "DISABLE") and _speaks_tls(rule.host, port, platform):
        yield Finding(f"connections to {rule.host} are sent in plaintext to a TLS port", path / "mode")
    elif mode in ("SIMPLE", "MUTUAL") and not dig(tls, "sni") and not dig(tls, "subjectAltNames"):
        message = f"the certificate of {rule.host} is not checked for a name (sni, subjectAltNames)"
        yield Finding(message, path, Severity.INFO)
    if dig(tls, "insecureSkipVerify") is True:
        yield Finding(f"the certificate of {rule.host} is not verified", path / "insecureSkipVerify")
    if mode == "ISTIO_MUTUAL":
        for key in ("clientCertificate", "privateKey", "caCertificates"):
            if dig(tls, key):
                message = f"{key} beside ISTIO_MUTUAL: the mesh's own certificates are meant"
                yield Finding(message, path / key, Severity.MEDIUM)
    if dig(tls, "credentialName") and not rule.map("spec", "workloadSelector"):
        message = "credentialName is ignored by sidecars unless the rule has a workloadSelector"
        yield Finding(message, path / "credentialName", Severity.MEDIUM)


def _in_cluster(host: str, mode: Any, path: Path) -> Iterator[Finding]:
    cure = Cure("delete the tls block: mTLS is automatic", ((path, REMOVE),))
    if mode is None:
        message = f"the tls block for {host} has no mode, which means DISABLE: plaintext"
        yield Finding(message, path, cure=cure)
    elif mode == "DISABLE":
        yield Finding(f"connections to {host} are plaintext (DISABLE)", path / "mode", cure=cure)
    elif mode in ("SIMPLE", "MUTUAL"):
        message = f"connections to {host} do without the mesh's identity ({mode})"
        yield Finding(message, path / "mode", Severity.MEDIUM, cure)


def _speaks_tls(host: str, port: Any, platform: Platform) -> bool:
    """Whether a ServiceEntry says that the outside host's port is HTTPS or TLS."""
    if port == 443:
        return True
    for entry in platform.kind("networking.istio.io/ServiceEntry"):
        if host not in sequence(entry.raw, "spec", "hosts"):
            continue
        for stated in sequence(entry.raw, "spec", "ports"):
            if dig(stated, "protocol") in ("HTTPS", "TLS") and port in (None, dig(stated, "number")):
                return True
    return False
