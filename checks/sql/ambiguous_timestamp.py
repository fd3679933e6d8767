"""A time is ambiguous, missing, or not kept up to date.

What it checks: No column is a TIMESTAMP without time zone; ``created_at`` and its like are NOT NULL; a
column ``updated_at`` has a trigger BEFORE UPDATE, a rule, or a comment that says that the application keeps
it. Columns of a parent table are judged there.

Why it matters: Without a zone the same moment is written differently by two sessions. Incidents and disputes
are settled by these columns, and one that nothing maintains is worse than none.

How to fix: TIMESTAMPTZ NOT NULL DEFAULT now(), and a trigger that sets updated_at.

When it is fine: Local times by intent, such as opening hours, are better TIME or DATE.
"""

from collections.abc import Iterator

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Severity
from conformant.regex import lazy
from conformant.views.sql import Table
from conformant.views.sql_parts import Column

WITHOUT_ZONE = lazy(r"timestamp(?:\(\d\))?(?:\[\])*")
CREATED = lazy(r"(?i)(?:created|inserted)(?:_?(?:at|on|time|date))?|creation_?(?:time|date)|date_created")
UPDATED = lazy(r"(?i)(?:updated|modified)_?(?:at|on)|last_(?:updated|modified)(?:_at)?")
TIME = lazy(r"timestamp.*|date|time.*")
KEPT = lazy(r"(?i)\b(?:application|app|service|orm)\b")
CURE = Cure("TIMESTAMPTZ NOT NULL DEFAULT now(); a trigger BEFORE UPDATE for updated_at", grade="none")


@check(id="SQL-005", severity=Severity.LOW, requirement="timestamps")
def ambiguous_timestamp(table: Table) -> Iterator[Item]:
    times = [column for column in table.columns if TIME.fullmatch(column.type) and not column.inherited]
    if not times or table.is_foreign:
        yield NotApplicable("no times in it")
        return
    for column in times:
        faults = list(_faults(table, column))
        if not faults:
            continue
        doubt = table.undecided("table", "trigger")
        if doubt is not None:
            yield doubt
            return
        yield Finding(f"{table.qualified}.{column.name} {', '.join(faults)}", column.path, cure=CURE)


def _faults(table: Table, column: Column) -> Iterator[str]:
    if WITHOUT_ZONE.fullmatch(column.type):
        yield "has no time zone"
    if CREATED.fullmatch(column.name) and column.nullable:
        yield "may be null"
    if UPDATED.fullmatch(column.name) and not _maintained(table, column):
        yield "is set by no trigger when the row changes"


def _maintained(table: Table, column: Column) -> bool:
    if column.raw.get("generated") or table.raw.get("rules") or KEPT.search(column.comment):
        return True
    return any("update" in trigger.raw["events"] for trigger in table.triggers)
