"""The Redis operator's objects: Redis, RedisCluster, RedisReplication, RedisSentinel."""

from typing import Any, ClassVar

from conformant.model import Path
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
    def beta1(self) -> bool:
        """Written for v1beta1, which has other fields."""
        return self.resource.version == "v1beta1"

    @property
    def leaders(self) -> int | None:
        """How many leaders a cluster has; None where nothing says."""
        return self._replicas("redisLeader")

    @property
    def followers(self) -> int | None:
        """How many followers a cluster has, all leaders' together; None where nothing says."""
        return self._replicas("redisFollower")

    def _replicas(self, role: str) -> int | None:
        stated = self.get("spec", role, "replicas")
        size = stated if stated is not None else self.size
        return size if isinstance(size, int) and not isinstance(size, bool) else None

    @property
    def size(self) -> int | None:
        """``clusterSize``; None where absent."""
        size = self.get("spec", "clusterSize")
        return size if isinstance(size, int) and not isinstance(size, bool) else None

    @property
    def parts(self) -> "list[tuple[str, Path]]":
        """(name, path of its settings) of each set of pods: a cluster's leaders and followers, else the one."""
        if not self.clustered:
            return [("the pods", Path(("spec",)))]
        found = [("redisLeader", Path(("spec", "redisLeader"))), ("redisFollower", Path(("spec", "redisFollower")))]
        return found if self.followers != 0 else found[:1]

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
