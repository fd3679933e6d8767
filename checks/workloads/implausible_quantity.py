"""A quantity of CPU or memory is implausible.

What it checks: Memory is not in thousandths of a byte (``512m``) nor below 1Mi; CPU is less than 100 cores, so
that no ``m`` was forgotten; a memory limit is at most 4 times its request, a CPU limit at most 10 times; an
emptyDir in memory has a sizeLimit. Ephemeral storage is asked for only where the settings say so. Requests
above their limits are refused by the API server, and reported by SCH-003.

Why it matters: A limit of 512m bytes kills the container before it starts, a request of 500 cores is never
scheduled, and limits far above the requests promise what the node does not have.

How to fix: Write Mi and Gi for memory and m for parts of a core, and bring requests near to what is used.

When it is fine: Programs with rare, high peaks: raise `memory_ratio` or `cpu_ratio` for all, or waive one.
"""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Path, Severity, dig, mapping, sequence
from conformant.views.quantity import parse_quantity
from conformant.views.workload import EPHEMERAL, Workload


class Ratios(Struct, frozen=True, forbid_unknown_fields=True):
    """`memory_ratio` and `cpu_ratio` are how many times its request a limit may be; `require_ephemeral_storage`
    demands a request and a limit of ephemeral storage."""

    memory_ratio: float = 4
    cpu_ratio: float = 10
    require_ephemeral_storage: bool = False


LEAST_MEMORY = 2**20
MOST_CPU = 100
SECTIONS = ("requests", "limits")


@check(
    id="WRK-002",
    severity=Severity.MEDIUM,
    requirement="resource-limits",
    controls=["nist-800-53r5/SC-6", "iso-27001-2022/A.8.6"],
)
def implausible_quantity(workload: Workload, settings: Ratios = Ratios()) -> Iterator[Item]:
    for container in workload.all_containers:
        if container.role != EPHEMERAL:
            resources, path = container.raw.get("resources"), container.path / "resources"
            yield from aspects([_judge(resources, path, settings), _storage(resources, path, settings)])
    pod = workload.pod.get("resources")
    if pod is not None:
        yield from aspects([_judge(pod, workload.pod_path / "resources", settings)])
    if workload.pod.get("volumes") is not None:
        yield from aspects([_volumes(workload)])


def _judge(resources: Any, path: Path, settings: Ratios) -> Iterator[Item]:
    if not mapping(resources):
        return
    for name, ratio in (("memory", settings.memory_ratio), ("cpu", settings.cpu_ratio)):
        faults = [
            fault
            for section in SECTIONS
            for fault in [_implausible(name, dig(resources, section, name), Path((*path, section, name)))]
            if fault is not None
        ]
        yield from faults or _apart(resources, path, name, ratio)


def _implausible(name: str, value: Any, path: Path) -> Finding | None:
    quantity = parse_quantity(value)
    if quantity is None or quantity <= 0:
        return None
    if name == "cpu":
        if quantity < MOST_CPU:
            return None
        plain = str(value)
        patches = ((path, f"{plain}m"),) if plain.isdecimal() else ()
        cure = Cure(f"{plain}m, if thousandths of a core are meant", patches)
        return Finding(f"{value} of CPU is {quantity.normalize():f} whole cores", path, cure=cure)
    text = str(value)
    if text.endswith("m"):
        cure = Cure(f"{text[:-1]}Mi", ((path, f"{text[:-1]}Mi"),))
        return Finding(f"memory of {text} is in thousandths of a byte", path, cure=cure)
    if quantity >= LEAST_MEMORY:
        return None
    return Finding(f"memory of {text} is less than 1Mi", path, cure=Cure("write Mi or Gi", grade="none"))


def _apart(resources: Any, path: Path, name: str, ratio: float) -> Iterator[Finding]:
    """A limit that is too many times its request."""
    request, limit = (parse_quantity(dig(resources, section, name)) for section in SECTIONS)
    if request and limit and request > 0 and float(limit / request) > ratio:
        message = (
            f"the {name} limit is {float(limit / request):.3g} times the request, where {ratio:g} times are allowed"
        )
        yield Finding(message, Path((*path, "limits", name)), cure=Cure("raise the request or lower the limit"))


def _storage(resources: Any, path: Path, settings: Ratios) -> Iterator[Finding]:
    if settings.require_ephemeral_storage:
        absent = [section for section in SECTIONS if dig(resources, section, "ephemeral-storage") is None]
        if "limits" in absent:
            names = ", ".join(f"{section}.ephemeral-storage" for section in absent)
            yield Finding(f"there is no {names}", path, cure=Cure("state them"))


def _volumes(workload: Workload) -> Iterator[Finding]:
    for index, volume in enumerate(sequence(workload.pod.get("volumes"))):
        source = dig(volume, "emptyDir")
        if dig(source, "medium") == "Memory" and dig(source, "sizeLimit") is None:
            message = f"volume {dig(volume, 'name')!r} is in memory and has no sizeLimit"
            path = Path((*workload.pod_path, "volumes", index, "emptyDir"))
            yield Finding(message, path, cure=Cure("state a sizeLimit within the containers' memory limits"))
