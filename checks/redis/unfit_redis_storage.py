"""Redis' volumes are not encrypted, or do not fit what they are for.

What it checks: Where data is written to volumes, their claim names a StorageClass that encrypts (one that the input
does not hold stays undecided). Sessions (an object whose name, labels or annotations say so; setting
`session_names`) are not evicted by an allkeys policy, and keepAfterDelete is true.

Why it matters: Redis writes every value to disk in clear. allkeys-lru throws sessions away to make room for others,
and users are logged out; a volume that goes with the object logs out all of them.

How to fix: storageClassName with encryption; maxmemory-policy volatile-lru; keepAfterDelete: true.

When it is fine: A cache on volumes, which may be lost: only encryption is asked of it.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from conformant.domain.storage_classes import unencrypted
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity
from conformant.platform import Platform
from conformant.views.redis import Redis


class Sessions(Struct, frozen=True, forbid_unknown_fields=True):
    """`session_names` are words that mark data as sessions in a name, a label or an annotation."""

    session_names: tuple[str, ...] = ("session",)


STORAGE = Path(("spec", "storage"))
CLAIM = STORAGE / "volumeClaimTemplate" / "spec"
CONFIG = Path(("spec", "redisConfig"))
POLICY = "maxmemory-policy"


@check(
    id="RED-008",
    severity=Severity.MEDIUM,
    requirement="data-at-rest",
    controls=["nist-800-53r5/SC-28", "soc2/C1.1", "iso-27001-2022/A.8.24"],
)
def unfit_redis_storage(redis: Redis, platform: Platform, settings: Sessions = Sessions()) -> Iterator[Item]:
    if redis.sentinel or not redis.persistent or not redis.get(*STORAGE, "volumeClaimTemplate"):
        yield NotApplicable("no volumes")
        return
    yield from aspects([_class(redis, platform), _sessions(redis, settings)])


def _class(redis: Redis, platform: Platform) -> Iterator[Item]:
    name = redis.get(*CLAIM, "storageClassName")
    yield from unencrypted(CLAIM / "storageClassName", name, Severity.MEDIUM, platform)


def _sessions(redis: Redis, settings: Sessions) -> Iterator[Item]:
    if not _holds_sessions(redis, settings):
        return
    policy = next(_policies(redis), None)
    if policy is not None:
        path, value = policy
        message = f"{POLICY} {value} evicts sessions: users are logged out when memory is short"
        yield Finding(message, path, cure=Cure("volatile-lru, or an instance of its own for sessions", grade="none"))
    if redis.get(*STORAGE, "keepAfterDelete") is not True:
        where = STORAGE / "keepAfterDelete"
        message = "the volumes with all sessions go with the object (keepAfterDelete)"
        yield Finding(message, where, cure=Cure("keepAfterDelete: true", ((where, True),)))


def _holds_sessions(redis: Redis, settings: Sessions) -> bool:
    texts = [redis.name, *redis.labels.values(), *redis.annotations.values()]
    return any(word in str(text).lower() for word in settings.session_names for text in texts)


def _policies(redis: Redis) -> Iterator[tuple[Path, Any]]:
    """The eviction policies that may evict every key, wherever they are written."""
    for index, line in enumerate(redis.list(*CONFIG, "dynamicConfig")):
        words = line.split() if isinstance(line, str) else []
        if words[:1] == [POLICY] and words[-1].startswith("allkeys-"):
            yield CONFIG / "dynamicConfig" / index, words[-1]
    written = redis.get(*CONFIG, POLICY)
    if isinstance(written, str) and written.startswith("allkeys-"):
        yield CONFIG / POLICY, written
