"""What changed between runs, and what a series of them tells."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from conformant.history import compare, trend
from conformant.model import Report
from conformant.store import Kept, Seen

Make = Callable[..., Report]
START = datetime(2026, 11, 1, tzinfo=UTC)


def marks(pairs: Sequence[object]) -> list[str]:
    return [pair[1].fingerprint for pair in pairs]  # type: ignore[index]  # pairs of result and finding


def test_a_difference_names_new_fixed_unchanged_and_newly_unknown(make: Make) -> None:
    found = compare(make("1", "2", unknown=("8",)), make("2", "3", unknown=("8", "9")))
    assert (marks(found.new), marks(found.fixed), marks(found.unchanged)) == (["3"], ["1"], ["2"])
    assert [result.check for result in found.unknown] == ["CHK-9"]


def test_what_can_no_longer_be_judged_is_not_fixed(make: Make) -> None:
    found = compare(make("1"), make(unknown=("1",)))
    assert (marks(found.new), marks(found.fixed)) == ([], [])
    assert [result.check for result in found.unknown] == ["CHK-1"]


def test_a_report_does_not_differ_from_itself(make: Make) -> None:
    report = make("1", "2", unknown=("3",))
    found = compare(report, report)
    assert (found.new, found.fixed, found.unknown) == ([], [], [])
    assert len(found.unchanged) == 2


def runs(count: int) -> list[Kept]:
    return [
        Kept(f"r{day}", (START + timedelta(days=day)).isoformat(), "audit", "prod", "fail", 1, 1, 0, 1)
        for day in range(count)
    ]


def seen(pattern: str, key: str = "k") -> list[Seen]:
    """``x`` open, ``?`` undecided, anything else absent: one letter a day."""
    told = {"x": ("fail", key), "?": ("unknown", "CHK a/b")}
    return [
        Seen(f"r{day}", told[letter][1], told[letter][0], "CHK", "high", "a/b")
        for day, letter in enumerate(pattern)
        if letter in told
    ]


def test_ages_repair_times_and_flapping() -> None:
    found = trend(runs(9), seen("-xx-x-x-x"))
    [life] = found.lives
    assert (life.first[:10], life.last[:10], life.open, life.returns, life.flapping) == (
        "2026-11-02", "2026-11-09", True, 3, True
    )  # fmt: skip
    assert found.repair == timedelta(days=4) / 3
    assert life.age(START + timedelta(days=11)) == timedelta(days=10)


def test_a_run_that_could_not_judge_mends_nothing() -> None:
    found = trend(runs(4), seen("xx?x"))
    [life] = found.lives
    assert (life.spans, life.returns, life.open, found.repair) == ([], 0, True, None)
    assert trend(runs(3), seen("xx?")).lives[0].open
    assert not trend(runs(3), seen("x--")).lives[0].open


@given(st.text("x-?", min_size=1, max_size=12))
def test_a_finding_is_open_exactly_while_it_was_last_seen_or_in_doubt(pattern: str) -> None:
    lives = trend(runs(len(pattern)), seen(pattern)).lives
    if "x" not in pattern:
        assert lives == []
        return
    [life] = lives
    rest = pattern[pattern.rindex("x") + 1 :]
    assert life.open == (set(rest) <= {"?"})
    assert life.returns == len([part for part in pattern.replace("?", "").split("-") if part]) - 1
    assert len(life.spans) == life.returns + (not life.open)
