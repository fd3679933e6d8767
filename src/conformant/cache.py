"""Remembers the report of a run whose inputs, checks, settings and day are all the same.

One file for each place and set of paths, below the user's cache folder. Whatever is wrong with it
costs time, never a verdict: a cache that cannot be read or written is as good as none.
"""

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date
from hashlib import blake2b
from pathlib import Path

import msgspec

from conformant import __version__
from conformant.config import Settings
from conformant.content import content
from conformant.keeping import NOWHERE, KeptResult, keep, restore
from conformant.leaf import Check
from conformant.load.files import Input
from conformant.model import Coverage, FileCoverage, Report, Resource

LAYOUT = 3


class _Kept(msgspec.Struct, array_like=True):
    key: bytes
    resources: list[tuple[str, ...]]
    results: list[KeptResult]
    passed: dict[str, int]
    coverage: Coverage
    checks: list[str]


def folder() -> Path:
    """Where the caches are: ``$XDG_CACHE_HOME/conformant``, else ``~/.cache/conformant``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(base or os.path.expanduser("~/.cache")) / "conformant"


class Cache:
    """What is remembered of one set of paths in one working directory: `file` holds the last report,
    `files` is for what is known of each file."""

    def __init__(self, paths: Sequence[str]) -> None:
        mark = blake2b("\0".join((os.getcwd(), *paths)).encode("utf-8", "surrogateescape"), digest_size=12)
        self.file = folder() / f"{mark.hexdigest()}.report"
        self.files = self.file.with_suffix(".files")

    def get(self, key: bytes, checks: "Callable[[Collection[str]], Iterable[Check]]") -> Report | None:
        """The report kept under this key, if any; `checks` gives the checks of these ids, for their
        metadata."""
        try:
            kept = msgspec.msgpack.decode(self.file.read_bytes(), type=_Kept)
        except (OSError, msgspec.DecodeError):
            return None
        return _report(kept, checks(frozenset(kept.checks))) if kept.key == key else None

    def put(self, key: bytes, report: Report) -> None:
        """Keep a report. Says nothing when it cannot: the next run is slower, that is all."""
        try:
            data = msgspec.msgpack.encode(_kept(key, report))
            self.file.parent.mkdir(parents=True, exist_ok=True)
            new = self.file.with_suffix(f".{os.getpid()}")
            new.write_bytes(data)
            new.replace(self.file)
        except (OSError, TypeError, OverflowError):
            return


def surroundings(
    file: Path | None, inputs: Sequence[Input], settings: Settings, today: date, keep_passes: bool
) -> bytes | None:
    """What verdicts depend on beside the inputs, in 32 bytes: checks, settings, definitions, the day.

    `file` is the configuration file. None where a file that counts cannot be read.
    """
    mark = blake2b(digest_size=32)
    mark.update(msgspec.json.encode((LAYOUT, __version__, settings, today, keep_passes)))
    for name in [*_sources(settings), *([str(file)] if file else [])]:
        mark.update(name.encode())
        try:
            mark.update(blake2b(Path(name).read_bytes(), digest_size=16).digest())
        except OSError:
            return None
    for found in inputs:
        if found.data and b"CustomResourceDefinition" in found.data:
            mark.update(found.data)
    return mark.digest()


def key(surroundings: bytes, inputs: Sequence[Input], faults: Sequence[FileCoverage]) -> bytes | None:
    """What a report depends on, in 32 bytes; None where that cannot be told from the inputs alone."""
    if any(found.kind in ("chart", "kustomization") for found in inputs):
        return None
    if any(found.kind == "terraform" and b"module" in (found.data or b"") for found in inputs):
        return None  # modules are read from wherever they are
    mark = blake2b(surroundings, digest_size=32)
    mark.update(msgspec.json.encode([*faults]))
    for name in _companions(inputs):
        mark.update(name.encode())
        try:
            mark.update(blake2b(Path(name).read_bytes(), digest_size=16).digest())
        except OSError:
            return None
    for found in inputs:
        mark.update(b"\0" + found.path.encode("utf-8", "surrogateescape") + b"\0" + found.kind.encode())
        mark.update(blake2b(found.data or b"", digest_size=16).digest())
    return mark.digest()


def _sources(settings: Settings) -> list[str]:
    """Every file beside the inputs that decides on a report: checks, values, variables, CRDs, baseline."""
    files = [str(file) for root in (content("checks"), *map(Path, settings.checks)) for file in root.rglob("*.py")]
    files += [*settings.values, *settings.variable_files, *([settings.baseline] if settings.baseline else [])]
    for name in settings.crds:
        path = Path(name)
        files += [str(file) for file in path.rglob("*") if file.is_file()] if path.is_dir() else [name]
    package = Path(__file__).parent
    if package.parent.name == "src":  # a checkout: the machine itself may change between runs
        files += [str(file) for file in package.rglob("*.py")]
    return sorted(files)


def _companions(inputs: Sequence[Input]) -> list[str]:
    """The files beside Terraform's that are read with them: lock files, backend settings, Terragrunt's."""
    folders = {os.path.dirname(found.path) or "." for found in inputs if found.kind == "terraform"}
    entries = [entry for folder in folders if os.path.isdir(folder) for entry in os.scandir(folder)]
    return sorted(entry.path for entry in entries if entry.name.endswith((".hcl", ".tfbackend")) and entry.is_file())


def _kept(mark: bytes, report: Report) -> _Kept:
    numbers: dict[int, int] = {}
    resources: list[tuple[str, ...]] = []

    def number(resource: Resource) -> int:
        found = numbers.get(id(resource))
        if found is None:
            found = numbers[id(resource)] = len(resources)
            resources.append((
                resource.family, resource.address, resource.kind, resource.namespace, resource.name, resource.source
            ))  # fmt: skip
        return found

    results = [keep(result, number) for result in report.results]
    return _Kept(mark, resources, results, report.passed, report.coverage, sorted(report.checks))


# and back


def _report(kept: _Kept, checks: "Iterable[Check]") -> Report:
    """The report as it was, its resources without their values: all that outputs need."""
    resources = [
        Resource(
            family=family, group="", version="", kind=kind, namespace=namespace, name=name, raw={}, locator=NOWHERE,
            source=source, address=address,
        )
        for family, address, kind, namespace, name, source in kept.resources
    ]  # fmt: skip
    results = [restore(one, resources) for one in kept.results]
    return Report(results, kept.passed, kept.coverage, checks={check.id: check for check in checks})
