"""Times and spans as Kubernetes writes them."""

from datetime import UTC, datetime, timedelta
from typing import Any


def moment(value: Any) -> datetime | None:
    """``2026-11-22T10:00:00Z`` as a time; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def short(length: timedelta) -> str:
    """``3 d``, ``2 h``, ``5 min``: a span in its largest unit, rounded down."""
    seconds = int(length.total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
