"""A certificate has no real issuer, lives too long, or keeps its key for ever.

What it checks: cert-manager's Certificates: a certificate that is no authority is not signed by itself
(worse where an Ingress or Gateway shows it, low inside the cluster) and lives `longest_hours` at most. It is
renewed in time: renewBefore is less than its life, at least a third of it (but for authorities), and not
stated in two ways. It gets a new key each time, has 2048 bits where it is RSA, and names no wildcard. An
authority serves an Issuer of type ca. No two write one Secret. Issuers verify the ACME server, use no
staging server in production, and speak to Vault over HTTPS. Strimzi's authorities live `authority_days` at
most, are renewed before their end, and get a new key then (informative). An authority that Strimzi does not
make needs an owner who renews it; that is not known here. Certificates that an Ingress asks for by
annotation exist in the cluster only.

Why it matters: A client that accepts a self-signed certificate accepts anybody's. A key that is never
replaced is as good to a thief in five years as today.

How to fix: An ACME, Vault or ca issuer; duration 2160h and less; privateKey.rotationPolicy: Always.

When it is fine: Self-signed is right for the root of a private CA (isCA: true) that a ca issuer uses.
"""

from collections.abc import Iterator

from msgspec import Struct

from conformant.domain.certificates import shown_secrets, signing_secrets, used_issuers, writers
from conformant.leaf import Item, aspects, check
from conformant.model import REMOVE, Cure, Finding, Path, Severity, Undecided, dig, mapping
from conformant.platform import Platform
from conformant.views.base import Object
from conformant.views.certificates import Certificate, CertificateSource, Issuer


class Lifetimes(Struct, frozen=True, forbid_unknown_fields=True):
    """`longest_hours`: the longest life of a certificate; `authority_days`: that of Strimzi's authorities."""

    longest_hours: int = 2160
    authority_days: int = 365


OTHER_AUTHORITIES = frozenset({"cacerts", "istio-ca-secret", "linkerd-identity-issuer", "linkerd-trust-anchor"})
"""Secrets of authorities that a mesh signs with itself."""
AUTHORITIES = ("clusterCa", "clientsCa")
SIGNED = Cure("use an acme, vault or ca issuer", grade="none")
ROTATION = Path(("spec", "privateKey", "rotationPolicy"))
AGAIN = Cure("rotationPolicy: Always", ((ROTATION, "Always"),))


@check(
    id="AUTH-010",
    severity=Severity.HIGH,
    requirement="certificates",
    controls=[
        "nist-800-53r5/SC-12", "nist-800-53r5/IA-5", "nist-800-53r5/SC-8", "soc2/CC6.7", "iso-27001-2022/A.8.24",
        "pci-dss-4.0/4.2.1",
    ],
)  # fmt: skip
def weak_certificate(
    source: CertificateSource, platform: Platform, settings: Lifetimes = Lifetimes()
) -> Iterator[Item]:
    if source.kind == "Certificate":
        certificate = platform.view(source.resource, Certificate)
        yield from aspects([
            _signer(certificate, platform), _life(certificate, settings), _renewal(certificate),
            _key(certificate, platform), _authority(certificate, platform), _names(certificate, platform),
        ])  # fmt: skip
    elif source.kind == "Kafka":
        authorities = [_strimzi(source, field, platform, settings) for field in AUTHORITIES]
        yield from aspects([*authorities, _kept_keys(source)])
    else:
        yield from aspects(_issuer(platform.view(source.resource, Issuer), platform))


# Certificates


def _signer(certificate: Certificate, platform: Platform) -> Iterator[Item]:
    group, kind, name = certificate.issuer
    if certificate.is_ca or group != "cert-manager.io" or not name:
        return
    namespace = "" if kind == "ClusterIssuer" else certificate.namespace
    issuer = platform.find(f"cert-manager.io/{kind}", namespace, name)
    if issuer is None:
        yield Undecided(f"{kind} {name} is not part of the input")
    elif "selfSigned" in mapping(issuer.raw, "spec"):
        shown = (certificate.namespace, certificate.secret_name) in platform.derived(shown_secrets)
        where = "shown by an Ingress or Gateway" if shown else "used inside the cluster"
        message = f"the certificate, {where}, is signed by itself: nobody can tell it from another"
        severity = Severity.HIGH if shown else Severity.LOW
        yield Finding(message, Path(("spec", "issuerRef", "name")), severity, SIGNED)


def _life(certificate: Certificate, settings: Lifetimes) -> Iterator[Finding]:
    if not certificate.is_ca and certificate.duration > settings.longest_hours * 3600:
        path = Path(("spec", "duration"))
        cure = Cure(f"{settings.longest_hours}h at most", ((path, f"{settings.longest_hours}h"),))
        hours = f"{certificate.duration / 3600:g}"
        yield Finding(f"it lives {hours} h, longer than {settings.longest_hours} h", path, cure=cure)


def _renewal(certificate: Certificate) -> Iterator[Finding]:
    path = Path(("spec", "renewBefore"))
    before = certificate.renew_before
    cure = Cure("leave it out: it is renewed when a third of its life is left", ((path, REMOVE),))
    if before is not None and certificate.get("spec", "renewBeforePercentage") is not None:
        yield Finding("renewBefore and renewBeforePercentage are both set: it is refused", path, cure=cure)
    elif before is not None and before >= certificate.duration:
        yield Finding("renewBefore is not shorter than its life: it is renewed without end", path, cure=cure)
    elif before is not None and before * 3 < certificate.duration and not certificate.is_ca:
        message = "less than a third of its life is left when it is renewed: a failure leaves little time"
        yield Finding(message, path, Severity.LOW, cure)


def _key(certificate: Certificate, platform: Platform) -> Iterator[Finding]:
    key = certificate.map("spec", "privateKey")
    rotation = dig(key, "rotationPolicy")
    if rotation == "Never":
        yield Finding("the key is never replaced", ROTATION, cure=AGAIN)
    elif rotation is None and platform.profile.at_least("cert-manager", "1.18") is False:
        message = "the key is never replaced: that is the default before cert-manager 1.18"
        yield Finding(message, ROTATION, Severity.MEDIUM, AGAIN)
    size = dig(key, "size")
    if dig(key, "algorithm") in (None, "RSA") and isinstance(size, int) and size < 2048:
        path = Path(("spec", "privateKey", "size"))
        yield Finding(f"an RSA key of {size} bits can be broken", path, cure=Cure("2048 at least", ((path, 2048),)))


def _authority(certificate: Certificate, platform: Platform) -> Iterator[Finding]:
    name = certificate.secret_name
    if not certificate.is_ca or name in OTHER_AUTHORITIES:
        return
    authorities = platform.derived(signing_secrets)
    if (certificate.namespace, name) in authorities or ("", name) in authorities:
        return
    cure = Cure("isCA: false, or an Issuer of type ca that signs with it", grade="none")
    message = "it may sign certificates, and no Issuer uses it: a stray key of an authority"
    yield Finding(message, Path(("spec", "isCA")), Severity.MEDIUM, cure)


def _names(certificate: Certificate, platform: Platform) -> Iterator[Finding]:
    for index, name in enumerate(certificate.list("spec", "dnsNames")):
        if isinstance(name, str) and name.startswith("*."):
            cure = Cure("name the hosts", grade="none")
            yield Finding(
                f"{name} is good for hosts yet to come", Path(("spec", "dnsNames", index)), Severity.LOW, cure
            )
    first = platform.derived(writers).get((certificate.namespace, certificate.secret_name))
    if certificate.secret_name and first is not None and first is not certificate:
        message = f"{first.name} writes the Secret {certificate.secret_name} too: they replace each other's without end"
        yield Finding(message, Path(("spec", "secretName")), cure=Cure("a Secret for each", grade="none"))


# Issuers


def _issuer(issuer: Issuer, platform: Platform) -> Iterator[Iterator[Finding]]:
    yield _acme(issuer, platform)
    yield _vault(issuer)


def _acme(issuer: Issuer, platform: Platform) -> Iterator[Finding]:
    path = Path(("spec", "acme"))
    if issuer.get("spec", "acme", "skipTLSVerify") is True:
        cure = Cure("leave it out; name a caBundle for a private server", ((path / "skipTLSVerify", REMOVE),))
        yield Finding("the ACME server's certificate is not verified", path / "skipTLSVerify", cure=cure)
    server = issuer.get("spec", "acme", "server")
    if isinstance(server, str) and "staging" in server and platform.profile.environment == "prod":
        used = (issuer.kind, issuer.namespace, issuer.name) in platform.derived(used_issuers)
        severity = Severity.HIGH if used else Severity.LOW
        message = "certificates of a staging server are trusted by nobody" + ("" if used else "; nothing here uses it")
        yield Finding(message, path / "server", severity, Cure("use the production server", grade="none"))


def _vault(issuer: Issuer) -> Iterator[Finding]:
    server = issuer.get("spec", "vault", "server")
    if isinstance(server, str) and server.lower().startswith("http://"):
        path = Path(("spec", "vault", "server"))
        cure = Cure("https://, with a caBundle where it is private", grade="none")
        yield Finding("keys and tokens go to Vault over plain HTTP", path, cure=cure)


# Strimzi


def _strimzi(kafka: Object, field: str, platform: Platform, settings: Lifetimes) -> Iterator[Item]:
    path = Path(("spec", field))
    authority = kafka.map(*path)
    if dig(authority, "generateCertificateAuthority") is False:
        secret = f"{kafka.name}-{'cluster' if field == 'clusterCa' else 'clients'}-ca"
        if (kafka.namespace, secret) not in platform.derived(writers):
            yield Undecided(f"who renews {field}, which Strimzi does not make, is not known")
        return
    days, before = dig(authority, "validityDays"), dig(authority, "renewalDays")
    if isinstance(days, int) and days > settings.authority_days:
        cure = Cure(f"{settings.authority_days} at most", ((path / "validityDays", settings.authority_days),))
        message = f"the authority lives {days} days, longer than {settings.authority_days}"
        yield Finding(message, path / "validityDays", cure=cure)
    if isinstance(before, int) and before >= (days if isinstance(days, int) else 365):
        cure = Cure("30: a month before its end", ((path / "renewalDays", 30),))
        yield Finding(
            "it is renewed without end: renewalDays is not less than validityDays", path / "renewalDays", cure=cure
        )


def _kept_keys(kafka: Object) -> Iterator[Finding]:
    """One finding for all authorities whose key stays when the certificate is renewed."""
    fields = [
        field
        for field in AUTHORITIES
        if kafka.get("spec", field, "generateCertificateAuthority") is not False
        and kafka.get("spec", field, "certificateExpirationPolicy") != "replace-key"
    ]
    if fields:
        paths = [Path(("spec", field, "certificateExpirationPolicy")) for field in fields]
        cure = Cure("certificateExpirationPolicy: replace-key", tuple((path, "replace-key") for path in paths))
        message = f"the key of {' and '.join(fields)} is never replaced, only its certificate renewed"
        yield Finding(message, paths[0], Severity.INFO, cure)
