"""Kafka's topics and users come into being outside of Git.

What it checks: ``auto.create.topics.enable`` is false (Kafka's default is true), and the entity operator runs,
with the topic operator where topics are to be managed and the user operator where users are: where such objects
exist, or automatic creation or simple authorization leaves no other way. Where nothing states how long events are
kept, that is an information (Kafka's default is 168 hours).

Why it matters: A typing mistake in a client makes a topic with one partition and the default retention. What
no manifest declares nobody reviews.

How to fix: auto.create.topics.enable: false, entityOperator: {topicOperator: {}, userOperator: {}}, KafkaTopics.

When it is fine: Topics that another tool declares: waive it there.
"""

from collections.abc import Iterator

from conformant.domain.strimzi import KAFKA, Clusters
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Path, Severity, dig
from conformant.platform import Platform
from conformant.views.kafka import Kafka

CONFIG = KAFKA / "config"
AUTOMATIC = CONFIG / "auto.create.topics.enable"
ENTITIES = Path(("spec", "entityOperator"))
RETENTION = tuple(f"log.retention.{unit}" for unit in ("ms", "minutes", "hours", "bytes"))
OPERATORS = ("topicOperator", "userOperator")


@check(
    id="KAF-006",
    severity=Severity.MEDIUM,
    requirement="declared-topics",
    controls=["nist-800-53r5/CM-3", "nist-800-53r5/AC-2", "soc2/CC8.1", "iso-27001-2022/A.8.9"],
)
def undeclared_topics(kafka: Kafka, platform: Platform) -> Iterator[Item]:
    yield from aspects([_automatic(kafka), _operators(kafka, platform), _retention(kafka)])


def _is_automatic(kafka: Kafka) -> bool:
    return str(dig(kafka.config, AUTOMATIC[-1])).lower() != "false"


def _automatic(kafka: Kafka) -> Iterator[Finding]:
    if _is_automatic(kafka):
        absent = dig(kafka.config, AUTOMATIC[-1]) is None
        message = "any client creates topics by naming them" + (" (the default)" if absent else "")
        yield Finding(message, AUTOMATIC, cure=Cure("set it to false, and declare KafkaTopics", ((AUTOMATIC, False),)))


def _operators(kafka: Kafka, platform: Platform) -> Iterator[Finding]:
    clusters = platform.derived(Clusters)
    entities = kafka.get(*ENTITIES)
    topics = bool(clusters.topics(kafka)) or not _is_automatic(kafka)
    users = bool(clusters.users(kafka)) or kafka.get(*KAFKA, "authorization", "type") == "simple"
    if entities is None:
        if topics or users:
            what = " and ".join(name for name, needed in (("topics", topics), ("users", users)) if needed)
            value: dict[str, object] = {key: {} for key in OPERATORS}
            cure = Cure("entityOperator: {topicOperator: {}, userOperator: {}}", ((ENTITIES, value),))
            yield Finding(f"no entityOperator: nothing creates {what}", ENTITIES, cure=cure)
        return
    for key, needed, what in (("topicOperator", topics, "topics"), ("userOperator", users, "users")):
        if needed and dig(entities, key) is None:
            path = ENTITIES / key
            yield Finding(f"no {key}: nothing creates {what}", path, cure=Cure(f"{key}: {{}}", ((path, {}),)))


def _retention(kafka: Kafka) -> Iterator[Finding]:
    if all(dig(kafka.config, key) is None for key in RETENTION):
        message = "nothing states how long events are kept: Kafka keeps them for 168 hours"
        cure = Cure("log.retention.hours: 168", ((CONFIG / RETENTION[2], 168),))
        yield Finding(message, CONFIG / RETENTION[2], Severity.INFO, cure)
