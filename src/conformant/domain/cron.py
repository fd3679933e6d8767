"""How often a cron expression of a Kubernetes controller fires: Velero, CronJob, CloudNativePG.

They all read expressions with the same Go library: five fields (six, seconds first, where the
controller says so), ``@daily`` and the like, ``@every 6h``, a ``TZ=`` in front.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise, takewhile

from conformant.views.quantity import parse_duration

_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_ZONE = re.compile(r"(?:CRON_)?TZ=\S+\s+")
_ITEM = r"(?:\*|\w+(?:-\w+)?)(?:/\d+)?"
_FIELD = re.compile(f"{_ITEM}(?:,{_ITEM})*")
_DAYS = re.compile(r"[\d*,/-]+")
_SUNDAY_AS_SEVEN = re.compile(r"(?:^|,)(?:\w+-)?7(?:/|,|$)")
_DAY = timedelta(days=1)
_START = datetime(2027, 1, 1, tzinfo=UTC)
_YEAR, _LEAP_YEARS = 400 * _DAY, 9 * 366 * _DAY


@lru_cache(1024)
def longest_interval(expression: str, *, seconds: bool = False) -> timedelta:
    """The longest time between two runs, in UTC. With `seconds` the expression has six fields.

    Raises ValueError, with a reason for the reader, where the library would refuse the
    expression or it never fires.
    """
    text = _ZONE.sub("", expression.strip(), count=1) if expression.startswith(("TZ=", "CRON_TZ=")) else expression
    text = text.strip()
    if text.startswith("@every "):
        every = parse_duration(text.removeprefix("@every "))
        if every is None or every <= 0:
            raise ValueError(f"{text!r} has no Go duration such as 6h")
        return timedelta(seconds=max(every, 1.0))
    if text.startswith("@"):
        if text not in _DESCRIPTORS:
            raise ValueError(f"there is no descriptor {text!r}")
        text, seconds = _DESCRIPTORS[text], False
    fields = text.split()
    wanted = 6 if seconds else 5
    if len(fields) != wanted:
        raise ValueError(f"it has {len(fields)} fields where {wanted} are expected")
    return _of_fields(fields if seconds else ["0", *fields])


def _of_fields(fields: list[str]) -> timedelta:
    *times, days, months, weekdays = [field.replace("?", "*") for field in fields]
    if any(not _FIELD.fullmatch(field) for field in (*times, days, months, weekdays)):
        raise ValueError("a field is no list of numbers, ranges and steps")
    if not _DAYS.fullmatch(days) or "L" in weekdays.upper() or _SUNDAY_AS_SEVEN.search(weekdays):
        raise ValueError("days are 1-31 and weekdays 0-6 or SUN-SAT, without L and W")
    apart = _days_apart(_stepped(days, 1, 31), months, _stepped(weekdays, 0, 6))
    runs = _runs(" ".join([*times, "* * *"]), _DAY)
    overnight = _DAY - (runs[-1] - runs[0])
    return apart - _DAY + overnight if apart > _DAY else max([overnight, *_gaps(runs)])


def _stepped(field: str, lowest: int, highest: int) -> str:
    """A step over all days restricts them for this library, unlike for the classic cron."""
    return re.sub(r"\*/(?!1\b)", f"{lowest}-{highest}/", field)


def _days_apart(days: str, months: str, weekdays: str) -> timedelta:
    if (days, months, weekdays) == ("*", "*", "*"):
        return _DAY
    for span in (_YEAR, _LEAP_YEARS):
        gaps = _gaps(_runs(f"0 0 0 {days} {months} {weekdays}", span))
        if gaps:
            return max(gaps)
    raise ValueError("it never fires")


def _gaps(runs: list[datetime]) -> list[timedelta]:
    return [later - earlier for earlier, later in pairwise(runs)]


def _runs(fields: str, span: timedelta) -> list[datetime]:
    from cronsim import CronSim, CronSimError

    try:
        return list(takewhile(lambda run: run < _START + span, CronSim(fields, _START - timedelta(seconds=1))))
    except CronSimError as error:
        raise ValueError(str(error).lower()) from error
