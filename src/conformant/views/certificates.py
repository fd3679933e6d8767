"""cert-manager's Certificates and issuers, and what else makes certificate authorities."""

from typing import ClassVar

from conformant.views.base import Object
from conformant.views.quantity import parse_duration

DEFAULT_DURATION = 90 * 86400.0


class Certificate(Object):
    """``cert-manager.io`` Certificate."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"cert-manager.io/Certificate"})

    @property
    def secret_name(self) -> str:
        """The Secret that it is written to."""
        name = self.get("spec", "secretName")
        return name if isinstance(name, str) else ""

    @property
    def issuer(self) -> tuple[str, str, str]:
        """(API group, kind, name) of its issuer."""
        reference = self.map("spec", "issuerRef")
        name = reference.get("name")
        return (
            str(reference.get("group") or "cert-manager.io"),
            str(reference.get("kind") or "Issuer"),
            name if isinstance(name, str) else "",
        )

    @property
    def is_ca(self) -> bool:
        """Whether it may sign others."""
        return self.get("spec", "isCA") is True

    @property
    def duration(self) -> float:
        """Its life in seconds; 90 days where absent."""
        return parse_duration(self.get("spec", "duration")) or DEFAULT_DURATION

    @property
    def renew_before(self) -> float | None:
        """How long before its end it is renewed, in seconds; None where not stated."""
        return parse_duration(self.get("spec", "renewBefore"))


class Issuer(Object):
    """``cert-manager.io`` Issuer and ClusterIssuer."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"cert-manager.io/Issuer", "cert-manager.io/ClusterIssuer"})


class CertificateSource(Object):
    """Whatever states how certificates are made: Certificate, issuers, and Strimzi's Kafka."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({
        "cert-manager.io/Certificate", "cert-manager.io/Issuer", "cert-manager.io/ClusterIssuer",
        "kafka.strimzi.io/Kafka",
    })  # fmt: skip
