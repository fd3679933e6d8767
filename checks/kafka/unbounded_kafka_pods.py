"""Kafka's pods have no requests or limits, too large a heap, or may all stand on one node.

What it checks: Kafka or each of its node pools, ZooKeeper, the topic and user operators, Cruise Control and the
exporter state CPU and memory as requests and limits (no CPU limit where the profile's `require_cpu_limit` says so;
a LimitRange fills in); ``jvmOptions -Xmx`` is at most 70 % of the memory limit; nodes of which there are several
are kept apart by affinity or by topology spread constraints of their pod template. ``rack`` keeps brokers apart
before Strimzi 0.49 only.

Why it matters: Brokers live by the page cache: a heap that leaves no memory for it is slow, one that
reaches the limit is killed. Two brokers on one node are one failure away from lost writes.

How to fix: resources in the KafkaNodePool and the operators, and topologySpreadConstraints over zones.

When it is fine: CPU limits that you leave out on purpose: set the profile's `require_cpu_limit` to false.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from msgspec import Struct

from conformant.domain.limits import absent
from conformant.domain.strimzi import KAFKA, Clusters, Pods, pods
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Severity, dig, mapping, sequence
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.views.kafka import KafkaNodes
from conformant.views.quantity import parse_quantity


class HeapShare(Struct, frozen=True, forbid_unknown_fields=True):
    """`heap` is the largest part of the memory limit that the heap may take."""

    heap: float = 0.7


WANTED = (("requests", "cpu"), ("requests", "memory"), ("limits", "memory"), ("limits", "cpu"))
HEAP = lazy(r"(\d+)([kKmMgGtT]?)")
UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
STATED = Cure("resources, measured under load")
SPREAD = Cure("template.pod.topologySpreadConstraints over topology.kubernetes.io/zone", grade="none")
SMALLER = Cure("a smaller heap, or a higher limit: the page cache needs the rest", grade="none")


@check(
    id="KAF-007",
    severity=Severity.HIGH,
    requirement="resource-limits",
    controls=[
        "nist-800-53r5/SC-5", "nist-800-53r5/SC-6", "soc2/A1.1", "iso-27001-2022/A.8.6", "iso-27001-2022/A.8.14",
    ],
)  # fmt: skip
def unbounded_kafka_pods(
    holder: KafkaNodes, platform: Platform, settings: HeapShare = HeapShare()
) -> Iterator[Item]:  # fmt: skip
    for each in pods(holder, platform):
        yield from aspects(
            [_resources(each, holder, platform), _heap(each, settings), _placement(each, holder, platform)]
        )


def _resources(each: Pods, holder: KafkaNodes, platform: Platform) -> Iterator[Finding]:
    wanted = WANTED if platform.profile.require_cpu_limit else WANTED[:3]
    missing = absent(mapping(each.raw.get("resources")), wanted, holder.namespace, platform)
    if missing:
        names = ", ".join(".".join(key) for key in missing)
        yield Finding(f"{each.label} has no {names}", each.path / "resources", cure=STATED)


def _heap(each: Pods, settings: HeapShare) -> Iterator[Finding]:
    written, limit = dig(each.raw.get("jvmOptions"), "-Xmx"), dig(each.raw.get("resources"), "limits", "memory")
    heap, most = _bytes(written), parse_quantity(limit)
    if heap is not None and most is not None and heap > most * Decimal(str(settings.heap)):
        message = f"{each.label}: a heap of {written} is more than {settings.heap:.0%} of the memory limit {limit}"
        yield Finding(message, each.path / "jvmOptions" / "-Xmx", cure=SMALLER)


def _bytes(heap: Any) -> int | None:
    match = HEAP.fullmatch(str(heap)) if isinstance(heap, str | int) else None
    return int(match[1]) * UNITS[match[2].lower()] if match else None


def _placement(each: Pods, holder: KafkaNodes, platform: Platform) -> Iterator[Finding]:
    if each.nodes < 2 or sequence(each.pod, "topologySpreadConstraints") or _kept_apart(each.pod):
        return
    recent = holder.resource.version == "v1" or platform.profile.at_least("strimzi", "0.49")
    if each.brokers and _has_rack(holder, platform) and not recent:
        return
    message = f"nothing keeps the {each.nodes} pods of {each.label} apart"
    if each.brokers and _has_rack(holder, platform):
        message += ": rack does not, since Strimzi 0.49"
    yield Finding(message, each.path / "template", Severity.MEDIUM, SPREAD)


def _kept_apart(pod: dict[Any, Any]) -> bool:
    return bool(mapping(pod, "affinity", "podAntiAffinity") or mapping(pod, "affinity", "nodeAffinity"))


def _has_rack(holder: KafkaNodes, platform: Platform) -> bool:
    if holder.kind == "Kafka":
        return bool(holder.get(*KAFKA, "rack", "topologyKey"))
    kafka = platform.derived(Clusters).of(holder)
    return kafka is not None and bool(kafka.get(*KAFKA, "rack", "topologyKey"))
