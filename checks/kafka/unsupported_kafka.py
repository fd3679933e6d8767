"""Kafka runs in a version or in a mode that its operator no longer has.

What it checks: There is no ``spec.zookeeper`` (Strimzi 0.46 and later know KRaft alone); the nodes are declared by
KafkaNodePools, with the roles controller and broker, and not in the Kafka itself; ``spec.kafka.version`` is one
that the profile's Strimzi (profile `versions`: strimzi; the newest known unless stated) supports.

Why it matters: An operator that does not support a cluster stops reconciling it: certificates are no longer
renewed, and the brokers get no fixes.

How to fix: Migrate with Strimzi 0.45, the last release that knows both: node pools first, then KRaft, then
the operator and Kafka in supported steps.

When it is fine: On the way of that migration: say the operator's version in the profile.
"""

from collections.abc import Iterator

from conformant.domain.strimzi import KAFKA, Clusters, has_zookeeper
from conformant.leaf import Item, aspects, check
from conformant.model import REMOVE, Cure, Finding, Path, Severity
from conformant.platform import Platform
from conformant.profile import Profile, version_tuple
from conformant.views.kafka import Kafka

SUPPORTED = (
    ("1.1", "4.2", "4.3"), ("0.51", "4.1", "4.2"), ("0.48", "4.0", "4.1"), ("0.46", "3.9", "4.0"),
    ("0.45", "3.8", "3.9"), ("0.43", "3.7", "3.8"), ("0.40", "3.6", "3.7"), ("0.38", "3.5", "3.6"),
    ("0.36", "3.4", "3.5"), ("0.34", "3.3", "3.4"),
)  # fmt: skip
"""(first Strimzi, oldest and newest Kafka), the newest first."""

INLINE = ("replicas", "storage", "resources")
MIGRATE = Cure("migrate to KRaft and node pools with Strimzi 0.45, then upgrade the operator", grade="none")
POOLS = Cure("KafkaNodePools with the label strimzi.io/cluster and the roles controller and broker", grade="none")


@check(
    id="KAF-004",
    severity=Severity.HIGH,
    requirement="supported-versions",
    controls=[
        "nist-800-53r5/SA-22", "nist-800-53r5/SI-2", "soc2/CC7.1", "iso-27001-2022/A.8.8", "pci-dss-4.0/6.3.3",
    ],
)  # fmt: skip
def unsupported_kafka(kafka: Kafka, platform: Platform) -> Iterator[Item]:
    yield from aspects(
        [_zookeeper(kafka, platform.profile), _nodes(kafka, platform), _version(kafka, platform.profile)]
    )


def _zookeeper(kafka: Kafka, profile: Profile) -> Iterator[Finding]:
    if kafka.get("spec", "zookeeper") is None:
        return
    path = Path(("spec", "zookeeper"))
    if not has_zookeeper(kafka):
        message = "still declares ZooKeeper, which KRaft ignores and v1 does not have"
        yield Finding(message, path, Severity.LOW, Cure("remove it", ((path, REMOVE),)))
        return
    if profile.at_least("strimzi", "0.46") is False:
        message = "runs on ZooKeeper, which the next release of the operator does not have (0.46)"
        yield Finding(message, path, Severity.MEDIUM, MIGRATE)
    else:
        yield Finding("runs on ZooKeeper, which Strimzi has no longer since 0.46", path, cure=MIGRATE)


def _nodes(kafka: Kafka, platform: Platform) -> Iterator[Finding]:
    clusters = platform.derived(Clusters)
    pools = clusters.pools(kafka)
    if pools:
        missing = [role for role in ("controller", "broker") if not any(role in pool.roles for pool in pools)]
        if missing and not has_zookeeper(kafka):
            yield Finding(f"none of its node pools has the role {' or '.join(missing)}", KAFKA, cure=POOLS)
    elif clusters.inline(kafka):
        inline = [key for key in INLINE if kafka.get(*KAFKA, key) is not None]
        message = f"declares its nodes itself ({', '.join(inline)}), which only node pools may since 0.46"
        severity = Severity.MEDIUM if platform.profile.at_least("strimzi", "0.46") is False else None
        yield Finding(message, KAFKA / inline[0] if inline else KAFKA, severity, POOLS)
    else:
        message = f"no KafkaNodePool here has the label strimzi.io/cluster: {kafka.name}, so it has no nodes"
        yield Finding(message, KAFKA, cure=POOLS)


def _version(kafka: Kafka, profile: Profile) -> Iterator[Finding]:
    stated = kafka.get(*KAFKA, "version")
    known = version_tuple(str(stated))[:2] if stated is not None else ()
    operator = version_tuple(profile.versions.get("strimzi", "")) or version_tuple(SUPPORTED[0][0])
    row = next((row for row in SUPPORTED if operator >= version_tuple(row[0])), None)
    if len(known) < 2 or row is None:
        return
    _, oldest, newest = row
    if not version_tuple(oldest) <= known <= version_tuple(newest):
        release = profile.versions.get("strimzi") or "the newest release"
        message = f"Kafka {stated} is not supported by Strimzi ({release}): {oldest} to {newest} are"
        yield Finding(message, KAFKA / "version", cure=Cure("upgrade in supported steps", grade="none"))
