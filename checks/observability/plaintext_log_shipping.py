"""Logs are shipped in plaintext, to whoever answers, or without saying who sends them.

What it checks: Fluentd's outputs to Elasticsearch and OpenSearch use https (``scheme`` defaults to http),
verify the certificate and log in; ``forward`` uses TLS and a shared key; ``kafka2`` uses TLS and not
port 9092; ``http`` goes to https. Its network sources do not listen on all addresses without TLS. Fluent
Bit's outputs have ``tls On`` and verify. Where another client here speaks https to the same address,
one of the two cannot work: that is said as well.

Why it matters: Logs hold what users did, and often their tokens. In clear, every hop reads and changes
them; without a login anybody writes to the store that you would search after an incident.

How to fix: scheme https, ssl_verify true, and a user whose password comes from the environment.

When it is fine: An aggregator on the same pod's loopback address.
"""

import re
from collections.abc import Iterator

from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Severity, Undecided
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.views.config import LogShipper, Node
from conformant.views.literals import Anything

STORES = frozenset({
    "elasticsearch", "elasticsearch_dynamic", "opensearch", "elasticsearch_data_stream", "opensearch_data_stream",
})  # fmt: skip
LISTENERS = frozenset({"http", "forward", "syslog"})
FLUENT_BIT = frozenset({"es", "opensearch", "http", "forward", "kafka", "loki"})
KAFKA_TLS = ("ssl_ca_cert", "ssl_ca_certs_from_system", "ssl_client_cert", "sasl_over_ssl")
URL = lazy(r"\b(https?)://([A-Za-z0-9.-]+):(\d{2,5})\b")
HTTPS = Cure("scheme https, with ssl_verify true")
LOGIN = Cure("user and password (from the environment), an api_key or a client certificate", grade="none")


@check(
    id="OBS-007",
    severity=Severity.HIGH,
    requirement="store-transport",
    controls=[
        "nist-800-53r5/SC-8(1)", "nist-800-53r5/AU-9", "iso-27001-2022/A.8.15", "iso-27001-2022/A.8.24",
        "soc2/CC6.7", "pci-dss-4.0/10.3",
    ],
)  # fmt: skip
def plaintext_log_shipping(shipper: LogShipper, platform: Platform) -> Iterator[Item]:
    for node in shipper.includes:
        yield Undecided(f"the included file {node.arg or node.text('path')} is not in the input")
    if shipper.kind == "FluentBitConfig":
        yield from aspects(_fluent_bit(node) for node in shipper.nodes("output"))
        return
    for node in shipper.walk():
        if node.section in ("match", "store"):
            yield from aspects([_output(node, platform)])
        elif node.section == "source":
            yield from aspects([_source(node)])


def _output(node: Node, platform: Platform) -> Iterator[Item]:
    kind = node.type
    if kind in STORES:
        yield from aspects([_store_scheme(node, platform), _store_trust(node), _store_login(node)])
    elif kind == "forward":
        yield from aspects([_forward(node)])
    elif kind in ("kafka2", "kafka", "kafka_buffered", "rdkafka2"):
        yield from aspects([_kafka(node)])
    elif kind == "http" and node.text("endpoint").startswith("http://"):
        yield Finding("the http output goes to a plaintext endpoint", node.param("endpoint"), cure=HTTPS)


def _hosts(node: Node) -> list[str]:
    return [host.strip() for host in node.text("hosts").split(",") if host.strip()]


def _store_scheme(node: Node, platform: Platform) -> Iterator[Finding]:
    if node.has("cloud_id"):
        return
    urls = [host for host in _hosts(node) if "://" in host]
    if urls and all(host.startswith("https://") for host in urls):
        return
    if node.text("scheme", "http").lower() == "https" and not any(host.startswith("http://") for host in urls):
        return
    said = "scheme is http" if node.has("scheme") else "scheme is absent, which means http"
    host, port = node.text("host", "localhost"), node.text("port", "9200")
    path = node.param("hosts" if urls else "scheme")
    yield Finding(f"logs go to {host if not urls else 'the store'} in plaintext: {said}", path, cure=HTTPS)
    rival = platform.derived(_https_clients).get((host, port))
    if rival and not urls:
        message = f"{rival} speaks https to {host}:{port}: one of them cannot work"
        yield Finding(message, node.param("host"))


def _store_trust(node: Node) -> Iterator[Finding]:
    if not node.flag("ssl_verify", True):
        yield Finding("the store's certificate is not verified", node.param("ssl_verify"), cure=HTTPS)


def _store_login(node: Node) -> Iterator[Finding]:
    login = node.has("user") and node.has("password")
    inline = any("@" in host for host in _hosts(node))
    if not (login or inline or any(node.has(key) for key in ("api_key", "client_cert", "cloud_auth"))):
        yield Finding("logs are written without a login", node.path, Severity.MEDIUM, LOGIN)


def _forward(node: Node) -> Iterator[Finding]:
    transport = node.text("transport", "tcp").lower()
    if transport != "tls":
        yield Finding("logs are forwarded in plaintext (transport is tcp)", node.param("transport"), cure=HTTPS)
    elif node.flag("tls_insecure_mode"):
        yield Finding("the aggregator's certificate is not verified", node.param("tls_insecure_mode"))
    security = node.child("security")
    if security is None or not security.has("shared_key"):
        yield Finding("the aggregator does not learn who sends (no shared_key)", node.path, Severity.MEDIUM)


def _kafka(node: Node) -> Iterator[Finding]:
    brokers = node.text("brokers")
    secured = any(
        node.has(key) for key in ("ssl_ca_cert", "ssl_ca_certs_from_system", "ssl_client_cert", "sasl_over_ssl")
    )
    if re.search(r":9092\b", brokers):
        yield Finding(f"logs go to Kafka's plaintext port: {brokers}", node.param("brokers"))
    elif not secured:
        yield Finding("logs go to Kafka without TLS (no ssl_ca_cert)", node.path)


def _source(node: Node) -> Iterator[Finding]:
    if node.type not in LISTENERS:
        return
    address = node.text("bind", "0.0.0.0")
    transport = node.child("transport")
    secured = transport is not None and transport.arg == "tls"
    if address in ("0.0.0.0", "::") and not secured:
        message = f"the {node.type} source listens on all addresses without TLS"
        yield Finding(message, node.param("bind"), Severity.MEDIUM)


def _fluent_bit(node: Node) -> Iterator[Finding]:
    if node.type not in FLUENT_BIT or node.text("host", "127.0.0.1") in ("127.0.0.1", "localhost"):
        return
    key = "rdkafka.security.protocol" if node.type == "kafka" else "tls"
    if node.type == "kafka":
        if node.text(key).lower() not in ("ssl", "sasl_ssl"):
            yield Finding("logs go to Kafka without TLS", node.param(key))
    elif not node.flag("tls"):
        yield Finding(f"the {node.type} output ships in plaintext (tls is off)", node.param("tls"))
    elif not node.flag("tls.verify", True):
        yield Finding("the receiver's certificate is not verified", node.param("tls.verify"))


def _https_clients(platform: Platform) -> dict[tuple[str, str], str]:
    """Who speaks https to which host and port."""
    found: dict[tuple[str, str], str] = {}
    for thing in platform.of(Anything):
        if thing.kind == "Secret" or not thing.may_hold(URL):
            continue
        for _, text in thing.texts("https://"):
            match = URL.search(text)
            if match is not None and match[1] == "https":
                found.setdefault((match[2], match[3]), thing.resource.address)
    return found
