"""A Kafka client uses a bootstrap address that is plaintext, or that no cluster here has.

What it checks: Every bootstrap address in environment variables, ConfigMaps and custom resources
(``brokers``, ``bootstrap.servers``, ``KAFKA_…``). Port 9092, or the port of a listener without TLS, is
plaintext; a host inside the cluster must be a bootstrap Service or broker of a Kafka here; and something
beside it must ask for TLS (``security.protocol: SSL`` or ``SASL_SSL``, a ``tls`` block). There is one
finding for each address. Log shippers are another check's matter.

Why it matters: The client decides what it speaks. One that points at the plaintext listener keeps that
listener alive; one that points at a Service which does not exist loses its events.

How to fix: <cluster>-kafka-bootstrap:9093 with TLS.

When it is fine: Brokers outside, on a port of their own: only the TLS aspect is judged there.
"""

import re
from collections.abc import Iterator
from typing import Any

from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Path, Severity, Step, dig, mapping
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.views.kafka import Kafka
from conformant.views.literals import Anything

HINTS = ("roker", "BROKER", "ootstrap", "BOOTSTRAP", "KAFKA_")
KEY = lazy(r"(?:^|[._-])(?:brokers?|broker[_-]?list|bootstrap[._-]?servers?)$|(?<=[a-z])(?:Brokers|Servers)$", re.I)
NAME = lazy(
    r"^(?:.*_)?KAFKA_(?:.*_)?(?:BROKERS?|BROKER_LIST|BOOTSTRAP(?:_SERVERS?)?|SERVERS?|HOSTS?|URLS?|ADDR(?:ESS(?:ES)?)?)$"
)
ADDRESS = lazy(r"^(?:([A-Za-z_]+)://)?([A-Za-z0-9][A-Za-z0-9.-]*):(\d{2,5})$")
SECURE = lazy(r"^(?:SASL_)?SSL$", re.IGNORECASE)
PROTOCOL = lazy(r"security[._-]?protocol$", re.IGNORECASE)
TLS = lazy(r"(?:^|[._-])(?:tls|ssl)(?:$|[._-])", re.IGNORECASE)
CURE = Cure("use <cluster>-kafka-bootstrap:9093, with TLS", grade="none")
SHIPPERS = ("FluentdConfig", "FluentBitConfig")


@check(
    id="KAF-011",
    severity=Severity.HIGH,
    requirement="store-transport",
    controls=["nist-800-53r5/SC-8(1)", "soc2/CC6.7", "iso-27001-2022/A.8.24"],
)
def plaintext_bootstrap(thing: Anything, platform: Platform) -> Iterator[Item]:
    resource = thing.resource
    if resource.kind in SHIPPERS or resource.family == "terraform":
        return
    if not thing.configurable or not thing.may_mention(HINTS):
        return
    if resource.kind == "ConfigMap":
        addresses = _in_data(thing)
    else:
        addresses = _addresses(thing)
    yield from aspects(_judge(thing, path, text, platform) for path, text in addresses)


def _in_data(thing: Anything) -> Iterator[tuple[Path, str]]:
    """Plain entries of a ConfigMap; parsed files are resources of their own."""
    for key, text in mapping(thing.raw, "data").items():
        if isinstance(text, str) and (KEY.search(str(key)) or NAME.match(str(key))):
            yield Path(("data", key)), text


def _addresses(thing: Anything) -> Iterator[tuple[Path, str]]:
    for path, text in thing.texts(":"):
        if "\n" in text:
            continue
        key = next((step for step in reversed(path) if isinstance(step, str)), "")
        if key == "value" and len(path) > 3 and path[-3] == "env":
            name = dig(thing.raw, *path[:-1], "name")
            if isinstance(name, str) and (NAME.match(name) or KEY.search(name)):
                yield path, text
        elif KEY.search(key):
            yield path, text


def _judge(thing: Anything, path: Path, text: str, platform: Platform) -> Iterator[Finding]:
    faults: list[str] = []
    seen = False
    for part in text.split(","):
        match = ADDRESS.match(part.strip())
        if match is None:
            continue
        seen = True
        faults.extend(_faults(match, thing.namespace, platform))
    if not seen:
        return
    if not _asks_for_tls(thing.raw, path) and not any("plaintext" in fault for fault in faults):
        faults.append("nothing beside it asks for TLS (security.protocol, tls)")
    if faults:
        yield Finding(f"bootstrap address {text}: {'; '.join(dict.fromkeys(faults))}", path, cure=CURE)


def _faults(match: "re.Match[str]", namespace: str, platform: Platform) -> Iterator[str]:
    scheme, host, port = match[1] or "", match[2], int(match[3])
    clusters = platform.of(Kafka)
    cluster = _cluster(host, namespace, platform)
    clear = {listener.port for listener in cluster.listeners if not listener.tls} if cluster else set()
    if scheme.upper() in ("PLAINTEXT", "SASL_PLAINTEXT"):
        yield "its scheme is plaintext"
    elif port in clear or (port == 9092 and not (cluster and _has_tls(cluster, port))):
        yield f"port {port} is plaintext"
    if clusters and cluster is None and _inside(host, platform):
        names = ", ".join(sorted(f"{one.name}-kafka-bootstrap" for one in clusters)[:3])
        yield f"no Kafka here has the host {host} (there is {names})"


def _has_tls(cluster: Kafka, port: int) -> bool:
    return any(listener.port == port and listener.tls for listener in cluster.listeners)


def _cluster(host: str, namespace: str, platform: Platform) -> Kafka | None:
    """The Kafka that `host`, as seen from `namespace`, is a Service or a broker of."""
    known = platform.derived(_services)
    labels = host.split(".")
    for index in (0, 1):  # a Service, or a broker's name below one
        if index < len(labels):
            rest = labels[index + 1 :]
            cluster = known.get((rest[0] if rest else namespace, labels[index]))
            if cluster is not None and (index == 0 or labels[1].endswith("-kafka-brokers")):
                return cluster
    return None


def _services(platform: Platform) -> dict[tuple[str, str], Kafka]:
    """The Kafka behind each bootstrap Service, by namespace and name."""
    return {(kafka.namespace, host): kafka for kafka in platform.of(Kafka) for host in kafka.bootstrap_hosts}


def _inside(host: str, platform: Platform) -> bool:
    labels = host.split(".")
    if len(labels) == 1:
        return host != "localhost"
    return "svc" in labels or (len(labels) == 2 and labels[1] in platform.namespaces)


def _asks_for_tls(raw: Any, path: Path) -> bool:
    """Whether a neighbour of the address, up to three levels above it, asks for TLS."""
    if len(path) > 3 and path[-3] == "env":
        entries = dig(raw, *path[:-2])
        return any(
            _secure(str(entry.get("name")), entry.get("value", True)) for entry in entries if isinstance(entry, dict)
        )
    way: tuple[Step, ...] = path
    for _ in range(4):
        way = way[:-1]
        holder = dig(raw, *way) if way else raw
        if isinstance(holder, dict) and any(_secure(str(key), value) for key, value in holder.items()):
            return True
        if not way:
            return False
    return False


def _secure(key: str, value: Any) -> bool:
    if PROTOCOL.search(key):
        return not isinstance(value, str) or SECURE.match(value) is not None or value.startswith("$")
    return TLS.search(key) is not None and value not in (None, False, "false", "")
