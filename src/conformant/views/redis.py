"""The Redis operator's objects: Redis, RedisCluster, RedisReplication, RedisSentinel."""

from typing import Any, ClassVar

from conformant.views.base import Object

_GROUP = "redis.redis.opstreelabs.in"


class Redis(Object):
    """Any of the Redis operator's four kinds; what differs by kind is said by each property."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset(
        f"{_GROUP}/{kind}" for kind in ("Redis", "RedisCluster", "RedisReplication", "RedisSentinel")
    )

    @property
    def clustered(self) -> bool:
        return self.kind == "RedisCluster"

    @property
    def sentinel(self) -> bool:
        return self.kind == "RedisSentinel"

    @property
    def persistent(self) -> bool:
        """Whether data is written to volumes."""
        return bool(self.get("spec", "storage")) and self.get("spec", "persistenceEnabled") is not False

    @property
    def memory_limit(self) -> tuple[Any, tuple[str, ...]]:
        """(limit, its path): of redisLeader, else of kubernetesConfig; None where there is none."""
        ways: list[tuple[str, ...]] = [("spec", "kubernetesConfig", "resources", "limits", "memory")]
        if self.clustered:
            ways.insert(0, ("spec", "redisLeader", "resources", "limits", "memory"))
        for way in ways:
            limit = self.get(*way)
            if limit is not None:
                return limit, way
        return None, ways[-1]
