"""A Kafka listener lets anybody in.

What it checks: Every listener of a Strimzi Kafka has an ``authentication`` of type tls, scram-sha-512,
custom with a SASL mechanism or a configuration of its own, or (before v1) oauth. SCRAM over a listener
without TLS is a fault too.

Why it matters: TLS alone encrypts for everybody: without authentication each pod that reaches the
port is an anonymous client, and authorization has no name to decide on.

How to fix: authentication: {type: tls} (or scram-sha-512 with tls: true), and KafkaUsers for the clients.

When it is fine: Never in production.
"""

from collections.abc import Iterator

from conformant.leaf import check
from conformant.model import Cure, Finding, Severity, dig, mapping
from conformant.views.kafka import Kafka, Listener

CURE = Cure("authentication: {type: tls}, with a KafkaUser for each client", grade="none")


@check(
    id="KAF-002",
    severity=Severity.CRITICAL,
    requirement="store-transport",
    controls=[
        "nist-800-53r5/IA-2", "nist-800-53r5/IA-9", "soc2/CC6.1", "iso-27001-2022/A.8.5", "pci-dss-4.0/8.3.1",
    ],
)  # fmt: skip
def anonymous_listener(kafka: Kafka) -> Iterator[Finding]:
    for listener in kafka.listeners:
        yield from _judge(kafka, listener)


def _judge(kafka: Kafka, listener: Listener) -> Iterator[Finding]:
    path = listener.path / "authentication"
    kind = dig(listener.authentication, "type")
    if kind is None:
        yield Finding(f"{listener} does not authenticate its clients", path, cure=CURE)
    elif kind == "scram-sha-512":
        if not listener.tls:
            message = f"{listener} takes SCRAM logins over plaintext"
            yield Finding(message, path / "type", cure=Cure("set tls: true", ((listener.path / "tls", True),)))
    elif kind == "custom":
        authentication = listener.authentication
        if dig(authentication, "sasl") is not True and not mapping(authentication, "listenerConfig"):
            message = f"{listener} has a custom authentication that configures nothing"
            yield Finding(message, path, cure=CURE)
    elif kind != "tls" and not (kind == "oauth" and kafka.resource.version != "v1"):
        yield Finding(
            f"{listener} has authentication of type {kind!r}, which authenticates nobody", path / "type", cure=CURE
        )
