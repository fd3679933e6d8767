"""How often AWS schedules fire."""

from datetime import timedelta

import pytest

from conformant.domain.schedules import longest_interval


@pytest.mark.parametrize(
    ("expression", "interval"),
    [
        ("rate(30 days)", timedelta(30)),
        ("rate(1 day)", timedelta(1)),
        ("rate(12 hours)", timedelta(hours=12)),
        ("rate(5 minutes)", timedelta(minutes=5)),
        ("cron(0 3 * * ? *)", timedelta(1)),
        ("cron(0 */6 * * ? *)", timedelta(hours=6)),
        ("cron(0 0,8 * * ? *)", timedelta(hours=16)),
        ("cron(0/15 * * * ? *)", timedelta(minutes=15)),
        ("cron(0 3 ? * MON-FRI *)", timedelta(3)),
        ("cron(0 3 ? * SUN *)", timedelta(7)),
        ("cron(0 3 ? * 2#1 *)", timedelta(35)),
        ("cron(0 3 ? * 6L *)", timedelta(35)),
        ("cron(0 3 1 * ? *)", timedelta(31)),
        ("cron(0 3 L * ? *)", timedelta(31)),
        ("cron(0 3 15W * ? *)", timedelta(31)),
        ("cron(0 16 1,15 * ? *)", timedelta(17)),
        ("cron(0 3 1 1/3 ? *)", timedelta(92)),
        ("cron(0 3 1 JAN,JUL ? *)", timedelta(184)),
        (" cron(0 3 1 JUN ? *) ", timedelta(366)),
    ],
)
def test_longest_interval(expression: str, interval: timedelta) -> None:
    assert longest_interval(expression) == interval


@pytest.mark.parametrize(
    "expression",
    [
        "", "daily", "rate(days)", "rate(1 fortnight)", "rate(0 days)", "rate(9999999999999999 days)",
        "cron(0 3 * * *)", "cron(0 3 1 1 ? 2027)", "cron(0 3 45 * ? *)", "cron(x 3 * * ? *)",
        "cron(0 3 1-9999999999 * ? *)", "cron(0 3 */0 * ? *)", "cron(0 3 31 2 ? *)", "cron(0 3 ? * 2#x *)",
    ],
)  # fmt: skip
def test_not_understood(expression: str) -> None:
    assert longest_interval(expression) is None
