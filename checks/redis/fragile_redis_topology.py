"""Redis does not survive the loss of a node.

What it checks: A RedisCluster has three leaders or more (``clusterSize`` unless redisLeader.replicas says otherwise)
and as many followers; leaders and followers have a disruption budget (pdb.enabled) and are kept apart by pod
anti-affinity or topology spread constraints. A RedisReplication has two instances, three beside sentinels, with budget
and spread; a RedisSentinel an odd number, three or more. A Redis is one instance without a replica. clusterSize 6
makes twelve pods, six leaders and six followers: that is an information.

Why it matters: A cluster with a shard lost answers nothing (cluster_state: fail). Two sentinels of four agree on
nothing.

How to fix: clusterSize: 3, pdb.enabled, podAntiAffinity or topologySpreadConstraints over zones.

When it is fine: A cache that refills itself, and whose loss for a minute nobody notices: use waivers.
"""

from collections.abc import Iterator

from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Path, Severity, dig, mapping
from conformant.platform import Platform
from conformant.views.redis import Redis

SIZE = Path(("spec", "clusterSize"))
SENTINEL = "redis.redis.opstreelabs.in/RedisSentinel"
MORE = Cure("more instances, in several zones", grade="none")
REPLICATED = Cure("a RedisReplication with sentinels, or a RedisCluster", grade="none")
SPREAD = Cure("podAntiAffinity or topologySpreadConstraints over topology.kubernetes.io/zone", grade="none")


@check(
    id="RED-006",
    severity=Severity.MEDIUM,
    requirement="redundancy",
    controls=["nist-800-53r5/SC-5(2)", "soc2/A1.2", "iso-27001-2022/A.8.14"],
)
def fragile_redis_topology(redis: Redis, platform: Platform) -> Iterator[Item]:
    if redis.kind == "Redis":
        yield Finding("no replica: when its node is gone, so is Redis", Path(("spec",)), cure=REPLICATED)
        return
    count = (
        _cluster(redis) if redis.clustered else _sentinel(redis) if redis.sentinel else _replication(redis, platform)
    )
    yield from aspects([count, *(_part(redis, path, name) for name, path in redis.parts)])


def _cluster(redis: Redis) -> Iterator[Finding]:
    leaders, followers = redis.leaders, redis.followers
    if leaders is not None and leaders < 3:
        message = f"{leaders} leader{'' if leaders == 1 else 's'}: a cluster needs three to agree on a failure"
        yield Finding(message, _stated(redis, "redisLeader"), cure=MORE)
    if followers is not None and leaders is not None and followers < leaders:
        message = f"{followers} follower{'' if followers == 1 else 's'} for {leaders} leaders: a leader has no replica"
        yield Finding(message, _stated(redis, "redisFollower"), None if followers else Severity.HIGH, MORE)
    if redis.size == 6 and leaders == followers == 6:
        message = "clusterSize 6 makes six leaders and six followers, twelve pods: 3 makes six pods"
        yield Finding(message, SIZE, Severity.INFO, Cure("clusterSize: 3, if six pods are meant", grade="none"))


def _stated(redis: Redis, role: str) -> Path:
    return SIZE if redis.get("spec", role, "replicas") is None else Path(("spec", role, "replicas"))


def _sentinel(redis: Redis) -> Iterator[Finding]:
    size = redis.size
    if size is not None and size < 3:
        message = f"{size} sentinel{'' if size == 1 else 's'}: three are needed to agree on a failure"
        yield Finding(message, SIZE, cure=Cure("clusterSize: 3", ((SIZE, 3),)))
    elif size is not None and size % 2 == 0:
        message = f"{size} sentinels: an even number agrees no better than {size - 1}"
        yield Finding(message, SIZE, cure=Cure(f"clusterSize: {size + 1}", ((SIZE, size + 1),)))


def _replication(redis: Redis, platform: Platform) -> Iterator[Finding]:
    size = redis.size
    watched = redis.get("spec", "sentinel") is not None or (redis.namespace, redis.name) in platform.derived(_watched)
    needed = 3 if watched else 2
    if size is not None and size < needed:
        beside = " beside sentinels" if watched else ""
        message = f"{size} instance{'' if size == 1 else 's'}: {needed} are needed{beside}"
        yield Finding(message, SIZE, cure=Cure(f"clusterSize: {needed}", ((SIZE, needed),)))


def _watched(platform: Platform) -> set[tuple[str, str]]:
    """(namespace, name) of every RedisReplication that a RedisSentinel watches."""
    way = ("spec", "redisSentinelConfig", "redisReplicationName")
    return {(each.namespace, str(dig(each.raw, *way))) for each in platform.kind(SENTINEL)}


def _part(redis: Redis, path: Path, name: str) -> Iterator[Item]:
    """The disruption budget and the spread of one set of pods."""
    whose = f"the pods of {name}" if redis.clustered else "its pods"
    if redis.get(*path, "pdb", "enabled") is not True:
        message = f"no disruption budget for {whose}: a drain may take several at once"
        where = path / "pdb" / "enabled"
        yield Finding(message, where, cure=Cure("pdb: {enabled: true, maxUnavailable: 1}", ((where, True),)))
    settings = redis.map(*path)
    if not mapping(settings, "affinity", "podAntiAffinity") and not dig(settings, "topologySpreadConstraints"):
        yield Finding(f"nothing keeps {whose} apart", path / "affinity", cure=SPREAD)
