"""How often a schedule of AWS fires: ``rate(30 days)``, ``cron(0 3 1 * ? *)``."""

import re
from calendar import monthrange
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

_RATE = re.compile(r"rate\(\s*(\d+)\s+(minute|hour|day)s?\s*\)")
_CRON = re.compile(r"cron\(\s*(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+\*\s*\)")
_ITEM = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_START, _SPAN = date(2027, 1, 1), 4 * 366


def longest_interval(expression: str) -> timedelta | None:
    """The longest time between two runs, None when the expression is not understood or names single years."""
    expression = expression.strip()
    rate = _RATE.fullmatch(expression)
    if rate is not None:
        return timedelta(**{f"{rate[2]}s": int(rate[1])})
    cron = _CRON.fullmatch(expression.upper().replace("CRON", "cron", 1))
    if cron is None:
        return None
    try:
        return _of_cron(*cron.groups())
    except (ValueError, IndexError):
        return None


def _of_cron(minutes: str, hours: str, days: str, months: str, weekdays: str) -> timedelta:
    in_months = _numbers(_named(months, _MONTHS), 1, 12)
    firing = [
        day
        for offset in range(_SPAN)
        for day in [_START + timedelta(offset)]
        if day.month in in_months and _on_day(day, days, _named(weekdays, _DAYS))
    ]
    longest = max(later - earlier for earlier, later in pairwise(firing))
    if longest > timedelta(1):
        return longest
    times = sorted(60 * hour + minute for hour in _numbers(hours, 0, 23) for minute in _numbers(minutes, 0, 59))
    return timedelta(minutes=max(later - earlier for earlier, later in pairwise([*times, times[0] + 24 * 60])))


def _on_day(day: date, days: str, weekdays: str) -> bool:
    if weekdays not in ("?", "*"):
        return any(_on_weekday(day, item) for item in weekdays.split(","))
    if days in ("?", "*"):
        return True
    last = monthrange(day.year, day.month)[1]
    if "L" in days or "W" in days:  # the working day next to a date: within two days of it
        return day.day == (last if days.startswith("L") else min(last, int(days.rstrip("W"))))
    return day.day in _numbers(days, 1, 31)


def _on_weekday(day: date, item: str) -> bool:
    number = day.isoweekday() % 7 + 1
    if "#" in item:
        wanted, nth = item.split("#")
        return number == int(wanted) and (day.day - 1) // 7 + 1 == int(nth)
    if item.endswith("L"):
        return number == int(item[:-1] or 7) and day.day + 7 > monthrange(day.year, day.month)[1]
    return number in _numbers(item, 1, 7)


def _named(field: str, names: Sequence[str]) -> str:
    for number, name in enumerate(names, 1):
        field = field.replace(name, str(number))
    return field


def _numbers(field: str, lowest: int, highest: int) -> set[int]:
    found: set[int] = set()
    for item in field.split(","):
        match = _ITEM.fullmatch(item)
        if match is None:
            raise ValueError(item)
        start, end, step = match.groups()
        first = lowest if start == "*" else int(start)
        last = int(end) if end else highest if start == "*" or step else first
        found.update(range(first, last + 1, int(step or 1)))
    if not found <= set(range(lowest, highest + 1)):
        raise ValueError(field)
    return found
