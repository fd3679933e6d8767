"""Kafka's data is gone with its pods, gone with its manifest, or not encrypted.

What it checks: The storage of Kafka, of each node pool (controllers too: they hold the metadata) and of ZooKeeper,
each volume of a jbod by itself: no ``ephemeral`` type, no ``deleteClaim: true``, and a StorageClass that is named
and that encrypts. A class that the input does not hold stays undecided.

Why it matters: An ephemeral volume ends with its pod. With deleteClaim, deleting the Kafka in Git deletes
every event at once.

How to fix: type: persistent-claim, class: one that encrypts, deleteClaim left out.

When it is fine: A cluster for tests.
"""

from collections.abc import Iterator
from typing import Any

from conformant.domain.storage_classes import unencrypted
from conformant.domain.strimzi import Clusters, has_zookeeper
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, dig, sequence
from conformant.platform import Platform
from conformant.views.kafka import Kafka, KafkaNodes

LASTING = Cure("type: persistent-claim, with size and class", grade="none")


@check(
    id="KAF-008",
    severity=Severity.HIGH,
    requirement="data-at-rest",
    controls=[
        "nist-800-53r5/SC-28", "soc2/C1.1", "iso-27001-2022/A.8.24", "iso-27001-2022/A.8.13", "pci-dss-4.0/3.5.1",
    ],
)  # fmt: skip
def fragile_kafka_storage(holder: KafkaNodes, platform: Platform) -> Iterator[Item]:
    volumes = [volume for part in _parts(holder, platform) for volume in _volumes(holder, part / "storage")]
    if not volumes:
        yield NotApplicable("its node pools hold the storage")
    for path, volume in volumes:
        yield from aspects([_ephemeral(path, volume), _deleted(path, volume), _class(path, volume, platform)])


def _parts(holder: KafkaNodes, platform: Platform) -> Iterator[Path]:
    """What has storage; of a Kafka with node pools its own counts no more."""
    spec = Path(("spec",))
    if holder.kind == "KafkaNodePool":
        yield spec
        return
    kafka = platform.view(holder.resource, Kafka)
    if platform.derived(Clusters).inline(kafka):
        yield spec / "kafka"
    if has_zookeeper(kafka):
        yield spec / "zookeeper"


def _volumes(holder: KafkaNodes, path: Path) -> Iterator[tuple[Path, Any]]:
    storage = holder.get(*path)
    if dig(storage, "type") == "jbod":
        yield from ((path / "volumes" / index, volume) for index, volume in enumerate(sequence(storage, "volumes")))
    elif isinstance(storage, dict):
        yield path, storage


def _ephemeral(path: Path, volume: Any) -> Iterator[Finding]:
    if dig(volume, "type") == "ephemeral":
        yield Finding("ephemeral storage: what it holds is gone with the pod", path / "type", cure=LASTING)


def _deleted(path: Path, volume: Any) -> Iterator[Finding]:
    if dig(volume, "deleteClaim") is True:
        message = "deleteClaim: true deletes the data together with the object"
        where = path / "deleteClaim"
        yield Finding(message, where, cure=Cure("leave it at false", ((where, False),)))


def _class(path: Path, volume: Any, platform: Platform) -> Iterator[Item]:
    if dig(volume, "type") == "persistent-claim":
        yield from unencrypted(path / "class", dig(volume, "class"), Severity.HIGH, platform)
