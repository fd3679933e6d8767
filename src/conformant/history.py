"""What a history of runs tells: what is new, what was mended, how old findings are. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from conformant.model import Finding, Report, Result, Status
from conformant.store import Kept, Seen

Pair = tuple[Result, Finding]

OPEN = "fail"
FLAPS = 3
"""How often a finding must have come back to count as flapping."""


class Difference(Struct):
    """What changed from one report to the next. A finding that can no longer be judged is newly
    unknown, not mended."""

    new: list[Pair]
    fixed: list[Pair]
    unchanged: list[Pair]
    unknown: list[Result]


def compare(before: Report, after: Report) -> Difference:
    """The findings of two reports against each other, by fingerprint, and what is newly undecided."""
    old, now = _open(before), _open(after)
    doubts = {_key(result) for result in before.of(Status.UNKNOWN, Status.ERROR)}
    undecided = list(after.of(Status.UNKNOWN, Status.ERROR))
    unsure = {_key(result) for result in undecided}
    fresh = [result for result in undecided if _key(result) not in doubts]
    gone = {mark: pair for mark, pair in old.items() if mark not in now}
    return Difference(
        new=[pair for mark, pair in now.items() if mark not in old],
        fixed=[pair for pair in gone.values() if _key(pair[0]) not in unsure],
        unchanged=[pair for mark, pair in now.items() if mark in old],
        unknown=fresh,
    )


def _open(report: Report) -> dict[tuple[str, str], Pair]:
    return {
        (result.resource.platform, finding.fingerprint): (result, finding)
        for result in report.of(Status.FAIL)
        for finding in result.findings
    }


def _key(result: Result) -> tuple[str, str, str]:
    return result.resource.platform, result.check, result.resource.address


class Life(Struct):
    """The life of one finding: when it was first and last seen, whether it is open in the newest run,
    how often it came back after it was gone, and the spans it was open for before it was mended."""

    key: str
    check: str
    resource: str
    severity: str
    first: str
    last: str
    open: bool
    returns: int = 0
    spans: list[timedelta] = []

    @property
    def flapping(self) -> bool:
        return self.returns >= FLAPS

    def age(self, now: datetime) -> timedelta:
        """Since when it is known, until `now`."""
        return now - datetime.fromisoformat(self.first)


class Trend(Struct):
    """The runs, oldest first, the life of each finding, and the mean time to repair (None: nothing was
    ever mended)."""

    runs: list[Kept]
    lives: list[Life]
    repair: timedelta | None

    @property
    def open(self) -> list[Life]:
        return [life for life in self.lives if life.open]

    @property
    def flapping(self) -> list[Life]:
        return [life for life in self.lives if life.flapping]


def trend(runs: Sequence[Kept], seen: Sequence[Seen]) -> Trend:
    """The trend over `runs`, oldest first, of one platform and kind; `seen` are their observations.

    In a run that could not judge a finding it counts neither as mended nor as open anew.
    """
    order = {run.id: index for index, run in enumerate(runs)}
    states: dict[str, dict[int, Seen]] = {}
    doubts: dict[str, set[int]] = {}
    for one in seen:
        index = order.get(one.run)
        if index is None:
            continue
        if one.status == OPEN:
            states.setdefault(one.key, {})[index] = one
        elif one.status in ("unknown", "error"):
            doubts.setdefault(one.key, set()).add(index)
    lives = [_life(key, found, doubts, runs) for key, found in states.items()]
    spans = [span for life in lives for span in life.spans]
    repair = sum(spans, timedelta()) / len(spans) if spans else None
    return Trend(list(runs), sorted(lives, key=lambda life: (life.first, life.key)), repair)


def _life(key: str, found: dict[int, Seen], doubts: dict[str, set[int]], runs: Sequence[Kept]) -> Life:
    first, last = min(found), max(found)
    newest = found[last]
    prefix, _, _ = key.rpartition(" ")
    unsure = doubts.get(f"{prefix} {newest.check} {newest.resource}".strip(), set())
    life = Life(
        key, newest.check, newest.resource, newest.severity, runs[first].at, runs[last].at,
        open=all(index in unsure for index in range(last + 1, len(runs))), spans=[],
    )  # fmt: skip
    began: int | None = None
    for index in range(first, len(runs)):
        if index in found:
            if began is None:
                began = index
                life.returns += index > first
        elif index not in unsure and began is not None:
            life.spans.append(_moment(runs[index]) - _moment(runs[began]))
            began = None
    return life


def _moment(run: Kept) -> datetime:
    return datetime.fromisoformat(run.at)
