"""A Kafka listener speaks plaintext.

What it checks: Every listener of a Strimzi Kafka, internal ones too, has ``tls: true``.

Why it matters: Events, and the passwords of clients that log in over SCRAM, cross the network in clear.
The mesh does not help: Strimzi's pods are usually not in it.

How to fix: Set tls: true, or drop the listener once its clients use the TLS one.

When it is fine: Never in production; the brokers' own replication is encrypted without any listener.
"""

from collections.abc import Iterator

from conformant.leaf import check
from conformant.model import Cure, Finding, Severity
from conformant.views.kafka import Kafka


@check(
    id="KAF-001",
    severity=Severity.CRITICAL,
    requirement="store-transport",
    controls=[
        "nist-800-53r5/SC-8", "nist-800-53r5/SC-8(1)", "soc2/CC6.7", "iso-27001-2022/A.8.24",
        "pci-dss-4.0/4.2.1",
    ],
)  # fmt: skip
def plaintext_listener(kafka: Kafka) -> Iterator[Finding]:
    for listener in kafka.listeners:
        if not listener.tls:
            path = listener.path / "tls"
            cure = Cure("set tls: true, or drop the listener once its clients use TLS", ((path, True),))
            if listener.path[-1] == "plain":  # of the map of old versions: plaintext whatever it holds
                cure = Cure("drop the listener once its clients use the one with TLS", grade="none")
            yield Finding(f"{listener} has tls: false", path, cure=cure)
