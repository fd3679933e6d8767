"""Kafka loses events, or stops taking them, when one broker is gone.

What it checks: There are three brokers or more (node pools with the role broker, else ``spec.kafka.replicas``);
``default.replication.factor`` is 3 or more and ``min.insync.replicas`` 2 or more, both written (Kafka's own
default is 1), the latter below the former; the internal topics' factors are not lowered; no unclean leader
election. With fewer brokers there is one finding on their number, and the rest is judged by what they can do.

Why it matters: With one copy, a broker's disk is the only place where its events are. With as many copies
demanded as there are, one restart blocks all writes.

How to fix: default.replication.factor: 3, min.insync.replicas: 2. Topics that exist keep their own factor.

When it is fine: A cluster for development.
"""

from collections.abc import Iterator

from conformant.domain.strimzi import KAFKA, Clusters
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Severity, dig
from conformant.platform import Platform
from conformant.views.kafka import Kafka, whole

CONFIG = KAFKA / "config"
FACTOR, IN_SYNC = "default.replication.factor", "min.insync.replicas"
INTERNAL = (
    ("offsets.topic.replication.factor", 3, "consumer positions"),
    ("transaction.state.log.replication.factor", 3, "the state of transactions"),
    ("transaction.state.log.min.isr", 2, "the state of transactions"),
)
UNCLEAN = "unclean.leader.election.enable"
MORE = Cure("three brokers, in three zones", grade="none")


@check(
    id="KAF-005",
    severity=Severity.HIGH,
    requirement="redundancy",
    aliases=["DR-012"],
    controls=["nist-800-53r5/SC-5(2)", "nist-800-53r5/CP-9"],
)
def fragile_replication(kafka: Kafka, platform: Platform) -> Iterator[Item]:
    brokers = platform.derived(Clusters).brokers(kafka)
    most = 3 if brokers is None else min(3, max(1, brokers))
    yield from aspects(
        [_brokers(kafka, brokers, platform), _default(kafka, most), _internal(kafka, most), _unclean(kafka)]
    )


def _brokers(kafka: Kafka, brokers: int | None, platform: Platform) -> Iterator[Finding]:
    if brokers is not None and brokers < 3:
        inline = platform.derived(Clusters).inline(kafka)
        message = f"{brokers} broker{'' if brokers == 1 else 's'}: three are needed to go on when one is gone"
        yield Finding(message, KAFKA / "replicas" if inline else KAFKA, cure=MORE)


def _default(kafka: Kafka, most: int) -> Iterator[Finding]:
    """What new topics get. A majority of the copies must be there, and one may be missing."""
    factor, in_sync = _number(kafka, FACTOR, 1), _number(kafka, IN_SYNC, 1)
    if factor < most:
        yield _low(kafka, FACTOR, factor, most, "new topics have too few copies")
    needed = min(2, max(1, most - 1))
    if in_sync < needed:
        yield _low(kafka, IN_SYNC, in_sync, needed, "a write counts as done with too few copies")
    elif in_sync >= factor > 1:
        message = f"{IN_SYNC} {in_sync} of {factor} copies: one broker less, and nothing can be written"
        yield Finding(message, CONFIG / IN_SYNC, cure=Cure(f"{IN_SYNC}: {factor - 1}", grade="none"))


def _low(kafka: Kafka, key: str, found: int, needed: int, effect: str) -> Finding:
    absent = dig(kafka.config, key) is None
    written = f"{key} is not set, so it is {found}" if absent else f"{key} is {found}"
    path = CONFIG / key
    return Finding(f"{written}: {effect}", path, cure=Cure(f"{key}: {needed}", ((path, needed),)))


def _internal(kafka: Kafka, most: int) -> Iterator[Finding]:
    for key, wanted, what in INTERNAL:
        needed = min(wanted, most if wanted == 3 else max(1, most - 1))
        found = _number(kafka, key, wanted)
        if found < needed:
            yield _low(kafka, key, found, needed, f"{what} may be lost")


def _unclean(kafka: Kafka) -> Iterator[Finding]:
    if str(dig(kafka.config, UNCLEAN)).lower() == "true":
        message = "a replica that has missed events may become leader, and they are gone"
        yield Finding(message, CONFIG / UNCLEAN, cure=Cure("set it to false", ((CONFIG / UNCLEAN, False),)))


def _number(kafka: Kafka, key: str, default: int) -> int:
    value = dig(kafka.config, key)
    if value is None:
        return default
    number = whole(value)
    return 0 if number is None else number
