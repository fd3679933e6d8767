"""How often a schedule of AWS fires: ``rate(30 days)``, ``cron(0 3 1 * ? *)``."""

from calendar import monthrange
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise

from conformant.regex import lazy

_RATE = lazy(r"rate\(\s*(\d+)\s+(minute|hour|day)s?\s*\)")
_CRON = lazy(r"cron\(\s*(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+\*\s*\)")
_ITEM = lazy(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_START, _SPAN = date(2027, 1, 1), 4 * 366


@lru_cache(1024)
def longest_interval(expression: str) -> timedelta | None:
    """The longest time between two runs, None when the expression is not understood or names single years."""
    expression = expression.strip()
    rate = _RATE.fullmatch(expression)
    cron = _CRON.fullmatch(expression.upper().replace("CRON", "cron", 1))
    try:
        if rate is not None:
            return timedelta(**{f"{rate[2]}s": int(rate[1])}) or None
        return _of_cron(*cron.groups()) if cron is not None else None
    except (ValueError, OverflowError):
        return None


def _of_cron(minutes: str, hours: str, days: str, months: str, weekdays: str) -> timedelta:
    in_months = _numbers(_named(months, _MONTHS), 1, 12)
    fires = _on_weekdays(_named(weekdays, _DAYS)) if weekdays not in ("?", "*") else _on_days(days)
    calendar = (_START + timedelta(offset) for offset in range(_SPAN))
    firing = [day for day in calendar if day.month in in_months and fires(day)]
    longest = max(later - earlier for earlier, later in pairwise(firing))
    if longest > timedelta(1):
        return longest
    times = sorted(60 * hour + minute for hour in _numbers(hours, 0, 23) for minute in _numbers(minutes, 0, 59))
    return timedelta(minutes=max(later - earlier for earlier, later in pairwise([*times, times[0] + 24 * 60])))


def _on_days(days: str) -> Callable[[date], bool]:
    if days in ("?", "*"):
        return lambda day: True
    if days.startswith("L"):
        return lambda day: day.day == monthrange(day.year, day.month)[1]
    if days.endswith("W"):  # the working day next to a date is within two days of it
        nearest = int(days[:-1])
        return lambda day: day.day == min(nearest, monthrange(day.year, day.month)[1])
    listed = _numbers(days, 1, 31)
    return lambda day: day.day in listed


def _on_weekdays(weekdays: str) -> Callable[[date], bool]:
    if "#" in weekdays:
        wanted, nth = (int(part) for part in weekdays.split("#"))
        return lambda day: _weekday(day) == wanted and (day.day - 1) // 7 + 1 == nth
    if weekdays.endswith("L"):
        last = int(weekdays[:-1] or 7)
        return lambda day: _weekday(day) == last and day.day + 7 > monthrange(day.year, day.month)[1]
    listed = _numbers(weekdays, 1, 7)
    return lambda day: _weekday(day) in listed


def _weekday(day: date) -> int:
    return day.isoweekday() % 7 + 1


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
        if not lowest <= first <= last <= highest:
            raise ValueError(item)
        found.update(range(first, last + 1, int(step or 1)))
    return found
