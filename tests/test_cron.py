"""What controllers make of cron expressions: five fields, descriptors, their library's own rules."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformant.domain.cron import longest_interval

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("expression", "longest"),
    [
        ("0 2 * * *", DAY),
        ("*/15 * * * *", HOUR / 4),
        ("0 */6 * * *", 6 * HOUR),
        ("0 2,14 * * ?", 12 * HOUR),
        ("30 1,3 * * *", 22 * HOUR),
        ("0 2 * * 1-5", 3 * DAY),
        ("0 2,8 * * MON", 7 * DAY - 6 * HOUR),
        ("0 0 31 * *", 61 * DAY),
        ("0 0 29 2 *", 1461 * DAY),
        ("0 2 */2 * 1", 2 * DAY),
        ("@daily", DAY),
        ("@every 1h30m", 1.5 * HOUR),
        ("TZ=Europe/Berlin 0 3 * * *", DAY),
        ("CRON_TZ=UTC @hourly", HOUR),
    ],
)
def test_longest_interval(expression: str, longest: timedelta) -> None:
    assert longest_interval(expression) == longest


def test_seconds_come_first_where_the_controller_wants_them() -> None:
    assert longest_interval("0 0 */6 * * *", seconds=True) == 6 * HOUR
    assert longest_interval("@daily", seconds=True) == DAY
    with pytest.raises(ValueError, match="5 fields where 6"):
        longest_interval("0 */6 * * *", seconds=True)


@pytest.mark.parametrize(
    "expression",
    ["", "0 2 * *", "0 0 2 * * *", "0 25 * * *", "0 2 * * 7", "0 2 L * *", "0 2 * * 5L", "0 2 * * 1#2", "@reboot",
     "@every soon", "TZ=UTC", "0 0 30 2 *", "often", "0 2 15W * *"],
)  # fmt: skip
def test_what_the_library_refuses_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        longest_interval(expression)


@given(st.integers(1, 30))
def test_a_step_of_minutes_leaves_at_most_the_step_or_the_rest_of_the_hour(step: int) -> None:
    assert longest_interval(f"*/{step} * * * *") <= timedelta(minutes=max(step, 60))


@given(st.text(alphabet="0123456789*/-,? LW@", max_size=14))
def test_any_text_is_an_interval_or_refused(text: str) -> None:
    try:
        longest = longest_interval(text)
    except ValueError:
        longest = DAY
    assert longest > timedelta(0)


@given(st.integers(0, 23), st.integers(0, 59))
def test_a_time_of_the_day_comes_every_day(hour: int, minute: int) -> None:
    assert longest_interval(f"{minute} {hour} * * *") == timedelta(days=1)
    assert longest_interval(f"{minute} {hour} * * 0") == timedelta(days=7)


@given(st.lists(st.integers(0, 23), min_size=1, max_size=6, unique=True), st.integers(0, 23))
def test_one_more_hour_never_lengthens_the_interval(hours: list[int], more: int) -> None:
    fewer = longest_interval(f"0 {','.join(map(str, hours))} * * *")
    assert longest_interval(f"0 {','.join(map(str, [*hours, more]))} * * *") <= fewer <= timedelta(days=1)
