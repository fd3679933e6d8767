"""How the certificates of a platform hang together: who writes, shows and signs with which Secret."""

from collections.abc import Iterator
from typing import Any

from conformant.model import dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.certificates import Certificate, Issuer
from conformant.views.gateway import Ingress


def writers(platform: Platform) -> dict[tuple[str, str], Certificate]:
    """The first Certificate for each Secret, by namespace and name."""
    found: dict[tuple[str, str], Certificate] = {}
    for certificate in platform.of(Certificate):
        found.setdefault((certificate.namespace, certificate.secret_name), certificate)
    return found


def shown_secrets(platform: Platform) -> frozenset[tuple[str, str]]:
    """(namespace, name) of the Secrets that Ingresses and Gateways show to the outside."""
    return frozenset((namespace, name) for namespace, name in _shown(platform) if isinstance(name, str))


def _shown(platform: Platform) -> Iterator[tuple[str, Any]]:
    for ingress in platform.of(Ingress):
        for entry in ingress.list("spec", "tls"):
            yield ingress.namespace, dig(entry, "secretName")
    for gateway in platform.kind("gateway.networking.k8s.io/Gateway"):
        for listener in sequence(gateway.raw, "spec", "listeners"):
            for reference in sequence(mapping(listener, "tls"), "certificateRefs"):
                yield str(dig(reference, "namespace") or gateway.namespace), dig(reference, "name")
    for gateway in platform.kind("networking.istio.io/Gateway"):
        for server in sequence(gateway.raw, "spec", "servers"):
            yield gateway.namespace, dig(server, "tls", "credentialName")


def signing_secrets(platform: Platform) -> frozenset[tuple[str, str]]:
    """(namespace, name) of the Secrets that issuers of type ca and Kafkas sign with; the namespace of a
    ClusterIssuer's is empty: it is cert-manager's own."""
    found = {
        (issuer.namespace, name)
        for issuer in platform.of(Issuer)
        if isinstance(name := issuer.get("spec", "ca", "secretName"), str)
    }
    for kafka in platform.kind("kafka.strimzi.io/Kafka"):
        found.update((kafka.namespace, f"{kafka.name}-{part}-ca") for part in ("cluster", "clients"))
    return frozenset(found)


def used_issuers(platform: Platform) -> frozenset[tuple[str, str, str]]:
    """(kind, namespace, name) of the issuers that a Certificate, an Ingress or a Gateway names."""
    found: set[tuple[str, str, str]] = set()
    for certificate in platform.of(Certificate):
        _, kind, name = certificate.issuer
        found.add((kind, "" if kind == "ClusterIssuer" else certificate.namespace, name))
    for key in ("networking.k8s.io/Ingress", "gateway.networking.k8s.io/Gateway"):
        for asker in platform.kind(key):
            annotations = mapping(asker.raw, "metadata", "annotations")
            found.add(("Issuer", asker.namespace, str(annotations.get("cert-manager.io/issuer"))))
            found.add(("ClusterIssuer", "", str(annotations.get("cert-manager.io/cluster-issuer"))))
    return frozenset(found)
