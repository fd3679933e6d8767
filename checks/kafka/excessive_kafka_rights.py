"""A Kafka user may do more than it needs, or a topic is less safe than its cluster.

What it checks: A KafkaUser authenticates (tls, tls-external or scram-sha-512), unless a listener takes users whose
credentials come from outside (oauth, custom); where the brokers authorize by ACLs it has some; no ACL allows the
operation All, the resource ``*``, an empty prefix, a prefix that covers all topics of the cluster, or altering it. A
KafkaTopic has three replicas and two in sync where it says so, does not keep personal data for ever (topics marked by
a label or an annotation that names personal data, or by the setting `personal_topics`), and both have the label
strimzi.io/cluster: without it the operator ignores them. The old field ``operation`` is a low finding, missing quotas
are an information.

Why it matters: A stolen client certificate is worth what its ACLs allow. A topic with its own factor undoes the
cluster's.

How to fix: ACLs with the operations Describe, Read and Write on literal names.

When it is fine: Administrators' users, waived by name; mirrors that need a prefix.
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from msgspec import Struct

from conformant.domain.strimzi import Clusters
from conformant.leaf import Item, aspects, check
from conformant.model import REMOVE, Cure, Finding, Path, Severity, Undecided, dig, mapping, sequence
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.views.kafka import KafkaClient, KafkaTopic, whole


class Personal(Struct, frozen=True, forbid_unknown_fields=True):
    """`personal_topics` are patterns of topics that hold personal data."""

    personal_topics: tuple[str, ...] = ()


SPEC = Path(("spec",))
ACLS = SPEC / "authorization" / "acls"
CLUSTER = Path(("metadata", "labels", "strimzi.io/cluster"))
KINDS_OF_PROOF = ("tls", "tls-external", "scram-sha-512")
ALTERING = ("Alter", "AlterConfigs")
PERSONAL = lazy(r"^(?:pii|personal(?:[-_ ]data)?|gdpr|sensitive)$", re.IGNORECASE)
NARROW = Cure("the operations and the names that the client needs", grade="none")


@check(
    id="KAF-012",
    severity=Severity.HIGH,
    requirement="least-privilege",
    controls=["nist-800-53r5/AC-6", "soc2/CC6.3", "iso-27001-2022/A.8.3", "pci-dss-4.0/7.2.5"],
)
def excessive_kafka_rights(
    client: KafkaClient, platform: Platform, settings: Personal = Personal()
) -> Iterator[Item]:  # fmt: skip
    if client.kind == "KafkaTopic":
        topic = platform.view(client.resource, KafkaTopic)
        yield from aspects([_label(client), _copies(topic, platform), _retention(topic, settings)])
    else:
        yield from aspects([_label(client), _proof(client, platform), _authorized(client, platform), _quotas(client)])
        for index, rule in enumerate(client.list(*ACLS)):
            yield from aspects([_rule(client, ACLS / index, rule, platform)])


def _label(client: KafkaClient) -> Iterator[Finding]:
    if not client.cluster:
        message = "no label strimzi.io/cluster: the operator ignores the object"
        yield Finding(message, CLUSTER, cure=Cure("strimzi.io/cluster: the Kafka's name", grade="none"))


# users


def _proof(user: KafkaClient, platform: Platform) -> Iterator[Finding]:
    kind, path = user.get("spec", "authentication", "type"), SPEC / "authentication"
    if kind is None and not _proven_elsewhere(user, platform):
        yield Finding("the user has no authentication", path, cure=Cure("authentication: {type: tls}", grade="none"))
    elif kind is not None and kind not in KINDS_OF_PROOF:
        message = f"authentication of type {kind!r} is none of {', '.join(KINDS_OF_PROOF)}"
        yield Finding(message, path / "type", cure=Cure("type: tls or scram-sha-512", grade="none"))


def _proven_elsewhere(user: KafkaClient, platform: Platform) -> bool:
    """Whether a listener takes users whose credentials come from outside: the object then holds their ACLs only."""
    kafka = platform.derived(Clusters).of(user)
    listeners = kafka.listeners if kafka is not None else []
    return any(dig(listener.authentication, "type") in ("oauth", "custom") for listener in listeners)


def _authorized(user: KafkaClient, platform: Platform) -> Iterator[Item]:
    if user.get("spec", "authorization") is not None or not user.cluster:
        return
    kafka = platform.derived(Clusters).of(user)
    if kafka is None:
        yield Undecided(f"the user has no authorization, and Kafka {user.cluster} is not in the input")
    elif kafka.get("spec", "kafka", "authorization", "type") == "simple":
        message = "no authorization: no ACL that is declared here limits the user"
        yield Finding(message, SPEC / "authorization", cure=Cure("authorization with ACLs", grade="none"))


def _quotas(user: KafkaClient) -> Iterator[Finding]:
    if not user.map("spec", "quotas"):
        message = "no quotas: one client may take all of the brokers' bandwidth"
        yield Finding(message, SPEC / "quotas", Severity.INFO, Cure("producerByteRate, consumerByteRate", grade="none"))


def _rule(user: KafkaClient, path: Path, rule: Any, platform: Platform) -> Iterator[Finding]:
    if dig(rule, "type") == "deny":
        return
    old = dig(rule, "operation")
    operations = [*sequence(rule, "operations"), *([old] if isinstance(old, str) else [])]
    if old is not None and user.resource.version != "v1":
        patches = ((path / "operation", REMOVE), (path / "operations", operations))
        cure = Cure("operations, a list", patches)
        yield Finding("operation is deprecated, and gone in v1", path / "operation", Severity.LOW, cure)
    resource = mapping(rule, "resource")
    kind, name = dig(resource, "type"), dig(resource, "name")
    if "All" in operations:
        where = path / "operations" / operations.index("All") if "All" in sequence(rule, "operations") else path
        yield Finding(f"the user may do everything with {kind} {name or ''}".rstrip(), where, cure=NARROW)
    if kind == "cluster":
        for operation in ALTERING:
            if operation in operations:
                yield Finding(f"the user may change the cluster ({operation})", path / "operations", cure=NARROW)
    elif dig(resource, "patternType") == "prefix":
        yield from _prefix(user, path / "resource", str(kind), str(name or ""), platform)
    elif name == "*":
        yield Finding(f"the ACL covers every {kind}", path / "resource" / "name", cure=NARROW)


def _prefix(user: KafkaClient, path: Path, kind: str, prefix: str, platform: Platform) -> Iterator[Finding]:
    if prefix in ("", "*"):
        where = path / "name" if prefix else path / "patternType"
        yield Finding(f"the ACL's prefix is empty: it covers every {kind}", where, cure=NARROW)
        return
    clusters = platform.derived(Clusters)
    kafka = clusters.of(user)
    if kind != "topic" or kafka is None or len(clusters.users(kafka)) < 2:
        return
    topics = [topic.topic for topic in clusters.topics(kafka)]
    if len(topics) > 1 and all(topic.startswith(prefix) for topic in topics):
        message = f"the prefix {prefix!r} covers all {len(topics)} topics of the cluster, which others use too"
        yield Finding(message, path / "name", Severity.MEDIUM, NARROW)


# topics


def _copies(topic: KafkaTopic, platform: Platform) -> Iterator[Finding]:
    """Judged by what the brokers allow: that there are too few of them is said of the Kafka."""
    clusters = platform.derived(Clusters)
    kafka = clusters.of(topic)
    brokers = clusters.brokers(kafka) if kafka is not None else None
    most = 3 if brokers is None else min(3, max(1, brokers))
    replicas, path = whole(topic.get("spec", "replicas")), SPEC / "replicas"
    if replicas is not None and replicas < most:
        message = f"{replicas} replica{'' if replicas == 1 else 's'}: {most} are needed"
        yield Finding(message, path, cure=Cure("replicas: 3, by a reassignment", grade="none"))
    key = "min.insync.replicas"
    in_sync, least = whole(dig(topic.map("spec", "config"), key)), min(2, max(1, most - 1))
    if in_sync is not None and in_sync < least:
        path = SPEC / "config" / key
        message = f"{key} {in_sync}: a write counts as done with one copy"
        yield Finding(message, path, cure=Cure(f"{key}: {least}", ((path, least),)))


def _retention(topic: KafkaTopic, settings: Personal) -> Iterator[Finding]:
    if whole(dig(topic.map("spec", "config"), "retention.ms")) == -1 and _is_personal(topic, settings):
        message = "personal data is kept for ever"
        path = SPEC / "config" / "retention.ms"
        yield Finding(message, path, cure=Cure("the time that the data is needed for", grade="none"))


def _is_personal(topic: KafkaTopic, settings: Personal) -> bool:
    if any(fnmatchcase(topic.topic, pattern) for pattern in settings.personal_topics):
        return True
    return any(
        PERSONAL.search(str(value)) or (PERSONAL.search(str(key).rpartition("/")[2]) and str(value).lower() == "true")
        for marks in (topic.labels, topic.annotations)
        for key, value in marks.items()
    )
