"""Redis may use more memory than its container gets.

What it checks: maxmemory, wherever it is written (maxMemoryPercentOfLimit, dynamicConfig,
redisConfig.maxmemory although the operator ignores it there, a referenced ConfigMap, the environment),
stays below 80 % of the container's memory limit, below 60 % where data is persisted: the fork that
writes it needs room. Without maxmemory Redis grows until it is killed.

Why it matters: A Redis past its limit is killed by the kernel, with the data that was not yet saved, and
comes back into the same load.

How to fix: maxMemoryPercentOfLimit, or a higher limit.

When it is fine: Sentinels, which hold no data.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from msgspec import Struct

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, Undecided, dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.quantity import parse_quantity, parse_redis_memory
from conformant.views.redis import Redis


class Shares(Struct, frozen=True, forbid_unknown_fields=True):
    """The largest part of the memory limit that maxmemory may take: `share`, and `persistent_share`
    where data is written to volumes."""

    share: float = 0.8
    persistent_share: float = 0.6


class Stated(Struct, frozen=True):
    """A maxmemory as found: in bytes, or as a percentage of the limit."""

    path: Path
    text: str
    size: int | None = None
    percent: int | None = None
    misplaced: bool = False


@check(
    id="RED-002",
    severity=Severity.HIGH,
    controls=[
        "nist-800-53r5/SC-5", "nist-800-53r5/SC-6", "soc2/A1.1", "iso-27001-2022/A.8.6",
    ],
)  # fmt: skip
def maxmemory_beyond_limit(redis: Redis, platform: Platform, settings: Shares = Shares()) -> Iterator[Item]:
    if redis.sentinel:
        yield NotApplicable("sentinels hold no data")
        return
    written, way = redis.memory_limit
    limit = parse_quantity(written)
    stated = _stated(redis, platform)
    if limit is None:
        yield Finding("the container has no memory limit for maxmemory to fit in", Path(way))
        return
    if isinstance(stated, Undecided):
        yield stated
        return
    if stated is None or stated.size == 0 or stated.percent == 0:
        message = f"no maxmemory: Redis grows until the limit of {written} kills it"
        path = stated.path if stated else Path(("spec", "redisConfig"))
        yield Finding(message, path, Severity.MEDIUM, Cure("redisConfig: {maxMemoryPercentOfLimit: 75}"))
        return
    yield from _compare(redis, stated, limit, written, settings)


def _compare(redis: Redis, stated: Stated, limit: Decimal, written: Any, settings: Shares) -> Iterator[Finding]:
    size = stated.size if stated.size is not None else int(limit * (stated.percent or 0) / 100)
    aside = "; the operator ignores the setting where it stands" if stated.misplaced else ""
    text = f"maxmemory {stated.text} against a memory limit of {written}"
    if size > limit * Decimal(str(settings.share)):
        message = f"{text}: more than {settings.share:.0%}{aside}"
        yield Finding(message, stated.path, cure=Cure("lower maxmemory, or raise the limit"))
    elif redis.persistent and size > limit * Decimal(str(settings.persistent_share)):
        message = f"{text}: more than {settings.persistent_share:.0%}, and saving forks the process{aside}"
        yield Finding(message, stated.path, Severity.MEDIUM, Cure("lower maxmemory, or raise the limit"))


def _stated(redis: Redis, platform: Platform) -> Stated | Undecided | None:
    """The maxmemory in force, else the one that was meant to be."""
    bases: list[tuple[str, ...]] = [("spec", "redisConfig")]
    if redis.clustered:
        bases += [("spec", "redisLeader", "redisConfig"), ("spec", "redisFollower", "redisConfig")]
    for base in bases:
        found = _in_config(redis, base)
        if found is not None:
            return found
    return _in_config_map(redis, bases, platform) or _in_environment(redis)


def _in_config(redis: Redis, base: tuple[str, ...]) -> Stated | None:
    config, path = redis.map(*base), Path(base)
    percent = dig(config, "maxMemoryPercentOfLimit")
    misplaced = base != ("spec", "redisConfig") or redis.resource.version == "v1beta1"
    if isinstance(percent, int) and not isinstance(percent, bool):
        return Stated(path / "maxMemoryPercentOfLimit", f"{percent} %", percent=percent, misplaced=misplaced)
    for index, line in enumerate(sequence(config, "dynamicConfig")):
        if isinstance(line, str) and line.split()[:1] == ["maxmemory"]:
            text = line.partition(" ")[2].strip()
            return Stated(path / "dynamicConfig" / index, text, size=parse_redis_memory(text), misplaced=misplaced)
    value = dig(config, "maxmemory")
    if value is not None:
        return Stated(path / "maxmemory", str(value), size=parse_redis_memory(value), misplaced=True)
    return None


def _in_config_map(redis: Redis, bases: list[tuple[str, ...]], platform: Platform) -> Stated | Undecided | None:
    for base in bases:
        name = redis.get(*base, "additionalRedisConfig")
        if not isinstance(name, str):
            continue
        path = Path((*base, "additionalRedisConfig"))
        holder = platform.find("/ConfigMap", redis.namespace, name)
        if holder is None:
            return Undecided(f"ConfigMap {name}, which may set maxmemory, is not in the input")
        for text in mapping(holder.raw, "data").values():
            for line in str(text).splitlines():
                words = line.split()
                if words[:1] == ["maxmemory"] and len(words) > 1:
                    return Stated(path, words[1], size=parse_redis_memory(words[1]))
    return None


def _in_environment(redis: Redis) -> Stated | None:
    for base in (("spec", "env"), ("spec", "redisLeader", "env")):
        for index, entry in enumerate(redis.list(*base)):
            if dig(entry, "name") == "REDIS_MAX_MEMORY":
                value = dig(entry, "value")
                return Stated(Path((*base, index, "value")), str(value), size=parse_redis_memory(value))
    return None
