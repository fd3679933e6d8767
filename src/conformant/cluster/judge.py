"""Runs probes over a running platform: what they yield becomes results, as with checks."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from conformant.cluster import Running
from conformant.evaluate import crash, judged, passing, waive
from conformant.leaf import Item, Probe
from conformant.model import (
    Configuration,
    Evidence,
    Judged,
    NotApplicable,
    Resource,
    Result,
    Status,
    Undecided,
    mapping,
)
from conformant.waivers import Waivers


class Outcome(Struct):
    """The results of probes that are not a pass (all of them with `keep_passes`), and the number of passes
    by probe id."""

    results: list[Result]
    passed: dict[str, int]


def judge(
    probes: Sequence[Probe], running: Running, *, today: date, waivers: Waivers | None = None,
    settings: Configuration | None = None, keep_passes: bool = False,
) -> Outcome:  # fmt: skip
    """Run every probe. One that raises gives an `error` result and the run goes on; one that could not ask
    what it needs gives `unknown`; one that found nothing to judge does not apply."""
    results: list[Result] = []
    passed: dict[str, int] = {}
    for probe in probes:
        verdicts = list(_verdicts(probe, running, settings or {}))
        passed[probe.id] = sum(one.status is Status.PASS for one in verdicts)
        results.extend(one for one in verdicts if keep_passes or one.status not in _QUIET)
    if waivers is not None:
        results = waive(results, {probe.id: probe for probe in probes}, waivers, today)
    results.sort(key=lambda one: (one.check, one.resource.address))
    return Outcome(results, passed)


_QUIET = (Status.PASS, Status.NOT_APPLICABLE)


def _verdicts(probe: Probe, running: Running, settings: Configuration) -> Iterator[Result]:
    function = probe.bind(settings)
    whole: list[Item] = []
    said, reason, broken = False, "", False
    for seen in _guarded(lambda: function(running)):
        if isinstance(seen, Judged):
            said = True
            yield from _of(probe, seen.resource, seen.items)
        elif isinstance(seen, Exception) and not isinstance(seen, Undecided):
            reason, broken = crash(seen), True
        else:
            whole.append(seen)
    if whole or broken or not said:
        items = whole or ([] if broken else [NotApplicable("the cluster has nothing that it looks at")])
        yield from _results(probe, running.cluster, items, reason, broken)


def _of(probe: Probe, resource: Resource, items: Iterable[Item]) -> Iterator[Result]:
    """The result for one resource, whatever its items raise."""
    found: list[Item] = []
    reason, broken = "", False
    for item in _guarded(lambda: items):
        if isinstance(item, Exception) and not isinstance(item, Undecided):
            reason, broken = crash(item), True
        else:
            found.append(item)
    yield from _results(probe, resource, found, reason, broken)


def _guarded(items: Callable[[], Iterable[Any]]) -> Iterator[Any]:
    """What `items` yields; what it raises comes last."""
    try:
        yield from items()
    except Exception as error:  # noqa: BLE001 -- whatever a leaf raises is this result's error
        yield error


def _results(probe: Probe, resource: Resource, items: Sequence[Item], reason: str, broken: bool) -> Iterator[Result]:
    evidence = tuple(_stamped(item, resource) for item in items if isinstance(item, Evidence))
    silent = (Evidence, NotApplicable) if evidence else Evidence  # what was verified in part is verified
    said = [item for item in items if not isinstance(item, silent)]
    if not said and not broken:
        verdict = passing(probe, resource)
        verdict.evidence = evidence
        yield verdict
        return
    for verdict in judged(probe, resource, said, reason, broken, True):
        verdict.evidence = evidence
        yield verdict


def _stamped(evidence: Evidence, resource: Resource) -> Evidence:
    if evidence.subject:
        return evidence
    version = str(mapping(resource.raw, "metadata").get("resourceVersion") or "")
    return replace(evidence, subject=resource.address, version=version)
