"""A Redis setting stands where the operator does not read it.

What it checks: ``redisConfig`` holds only what the operator reads, where it reads it. In a RedisCluster
maxMemoryPercentOfLimit and dynamicConfig count at ``spec.redisConfig`` alone, additionalRedisConfig below redisLeader
and redisFollower alone; in Redis and RedisReplication all three count at ``spec.redisConfig``. v1beta1 knows only
additionalRedisConfig. Anything else (save, maxmemory, maxmemory-policy …) is dropped, and
settings written where the name of a ConfigMap belongs are read by nobody.

Why it matters: The object is accepted and the setting is not: Redis then runs with maxmemory 0, without bounds,
until it is killed.

How to fix: redisConfig: {maxMemoryPercentOfLimit: 75, dynamicConfig: ["maxmemory-policy allkeys-lru"]} in v1beta2.

When it is fine: Never.
"""

from collections.abc import Iterator
from typing import Any

from conformant.leaf import Item, aspects, check
from conformant.model import REMOVE, Cure, Finding, NotApplicable, Path, Severity
from conformant.views.redis import Redis

CONFIG = Path(("spec", "redisConfig"))
ROLES = ("redisLeader", "redisFollower")
PERCENT, DYNAMIC, ADDITIONAL = "maxMemoryPercentOfLimit", "dynamicConfig", "additionalRedisConfig"
READ = (PERCENT, DYNAMIC, ADDITIONAL)
MIGRATE = Cure(
    "apiVersion redis.redis.opstreelabs.in/v1beta2, with redisConfig: {maxMemoryPercentOfLimit, dynamicConfig}",
    grade="none",
)


@check(
    id="RED-001",
    severity=Severity.HIGH,
    requirement="effective-settings",
    controls=[
        "nist-800-53r5/CM-6", "nist-800-53r5/SC-5", "soc2/A1.1", "iso-27001-2022/A.8.6", "iso-27001-2022/A.8.9",
    ],
)  # fmt: skip
def ignored_redis_setting(redis: Redis) -> Iterator[Item]:
    if redis.sentinel:
        yield NotApplicable("sentinels have settings of their own")
        return
    yield from aspects([_general(redis)])
    if redis.clustered:
        yield from aspects(_of_role(redis, Path(("spec", role, "redisConfig"))) for role in ROLES)


def _general(redis: Redis) -> Iterator[Finding]:
    config = redis.get(*CONFIG)
    if not isinstance(config, dict) or not config:
        return
    if redis.beta1 and redis.clustered:
        message = f"v1beta1 has no spec.redisConfig: {_list(config)} {_are(config)} dropped"
        yield Finding(message, CONFIG, cure=MIGRATE)
        return
    yield from _unread(redis, CONFIG, config)
    if redis.clustered and ADDITIONAL in config:
        way = [Path(("spec", role, "redisConfig", ADDITIONAL)) for role in ROLES]
        patches = ((CONFIG / ADDITIONAL, REMOVE), *((path, config[ADDITIONAL]) for path in way))
        message = f"{ADDITIONAL} is read below redisLeader and redisFollower, and ignored here"
        yield Finding(message, CONFIG / ADDITIONAL, cure=Cure("move it there", patches))


def _of_role(redis: Redis, path: Path) -> Iterator[Finding]:
    config = redis.get(*path)
    if not isinstance(config, dict):
        return
    yield from _unread(redis, path, config)
    for key in () if redis.beta1 else (PERCENT, DYNAMIC):
        if key in config:
            patches: tuple[tuple[Path, Any], ...] = ((path / key, REMOVE),)
            if key not in redis.map(*CONFIG):
                patches = (*patches, (CONFIG / key, config[key]))
            message = f"{key} is read at spec.redisConfig, and ignored here"
            yield Finding(message, path / key, cure=Cure("move it to spec.redisConfig", patches))


def _unread(redis: Redis, path: Path, config: dict[Any, Any]) -> Iterator[Finding]:
    """One finding for all settings of a block that no version of the operator reads as such, and one for settings in
    the place of a ConfigMap's name."""
    name = config.get(ADDITIONAL)
    if isinstance(name, str) and len(name.split()) > 1:
        message = f"{ADDITIONAL} is the name of a ConfigMap, not the settings themselves"
        yield Finding(message, path / ADDITIONAL, cure=Cure("a ConfigMap with them, and its name here", grade="none"))
    read = (ADDITIONAL,) if redis.beta1 else READ
    others = {key: value for key, value in config.items() if key not in read}
    if others:
        message = f"the operator reads no {_list(others)} here: {'they are' if len(others) > 1 else 'it is'} dropped"
        yield Finding(message, path / next(iter(others)), cure=_moved(redis, path, config, others))


def _moved(redis: Redis, path: Path, config: dict[Any, Any], others: dict[Any, Any]) -> Cure:
    """The same settings as lines of dynamicConfig, where that exists."""
    lines = redis.map(*CONFIG).get(DYNAMIC) or []
    plain = all(isinstance(value, str | int) and not isinstance(value, bool) for value in others.values())
    if redis.beta1 or not plain or not isinstance(lines, list) or set(others) & set(READ):
        return MIGRATE if redis.beta1 else Cure("dynamicConfig, a list of lines", grade="none")
    moved = [f"{key} {value}" for key, value in others.items()]
    added = [line for line in moved if line not in lines]
    patches = (*((path / key, REMOVE) for key in others), (CONFIG / DYNAMIC, [*lines, *added]))
    return Cure("as lines of spec.redisConfig.dynamicConfig", patches)


def _list(keys: dict[Any, Any]) -> str:
    return ", ".join(str(key) for key in keys)


def _are(keys: dict[Any, Any]) -> str:
    return "are" if len(keys) > 1 else "is"
