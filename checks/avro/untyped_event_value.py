"""An event carries times, identifiers or money as plain numbers and texts.

What it checks: A field of type long that is a point in time by its name has a logical type (timestamp-millis,
timestamp-micros …); a text that is an identifier by its name has the logical type uuid where the DDL's
identifiers are UUIDs; an amount of money is a decimal, no double or float. A logical type beside the field's
name instead of inside its type has no effect.

Why it matters: Seconds are read as milliseconds, cents are lost in rounding, and an identifier that is none
is found where it is used, not where it was made.

How to fix: {"type": "long", "logicalType": "timestamp-millis"}, {"type": "string", "logicalType": "uuid"},
{"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 2}.

When it is fine: Durations, and identifiers of other systems.
"""

from collections.abc import Iterator

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Severity
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.views.avro import AvroSchema, Field
from conformant.views.sql import Table

TIME = lazy(r"(?:\w+_)?(?:time|timestamp|datetime|ts)(?:_(?:utc|ms|millis|micros|epoch))?|\w+_at")
SPAN = lazy(
    r"(?:\w+_)?(?:processing|response|request|elapsed|execution|run|running|wait|waiting|up|down|life|idle|travel|total|avg"
    r"|average|mean|max|min|cpu|gc|render|compute|lead|cycle|look)_time(?:_\w+)?"
)
IDENTIFIER = lazy(r"(?:\w+_)?id|(?:\w+_)?uuid")
FOREIGN = lazy(
    r"(?:trace|span|parent_span|external|vendor|device|client|session|provider|stripe|aws|\w+_external)_id|\w*trace\w*"
)
MONEY = lazy(
    r"(?:\w+_)?(?:amount|price|cost|balance|fee|tax|salary|revenue|charge|subtotal|discount_amount|total_due)(?:_(?:usd|eur|gbp))?"
)
TIMES = Cure('{"type": "long", "logicalType": "timestamp-millis"}', grade="none")
UUIDS = Cure('{"type": "string", "logicalType": "uuid"}', grade="none")
DECIMALS = Cure('{"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 2}', grade="none")


@check(id="AVR-002", severity=Severity.LOW, requirement="event-schema", controls=["nist-800-53r5/SI-10"])
def untyped_event_value(schema: AvroSchema, platform: Platform) -> Iterator[Item]:
    uuids = platform.derived(_identified_by_uuids)
    applies = False
    for field in schema.all_fields:
        name = field.snake_name
        applies = True
        if "long" in field.types and not field.logical_types and TIME.fullmatch(name) and not SPAN.fullmatch(name):
            if not _connects(field, "Timestamp"):
                yield Finding(f"{field.name} is a time, and its type a plain long", field.path, cure=TIMES)
        elif uuids and "string" in field.types and not field.logical_types and _identifies(name):
            yield Finding(f"{field.name} is a UUID in the database, and a plain string here", field.path, cure=UUIDS)
        elif {"double", "float"} & set(field.types) and MONEY.fullmatch(name):
            yield Finding(f"{field.name} is money, and its type a binary fraction", field.path, cure=DECIMALS)
    if not applies:
        yield NotApplicable("no fields")


def _identifies(name: str) -> bool:
    return IDENTIFIER.fullmatch(name) is not None and FOREIGN.fullmatch(name) is None


def _connects(field: Field, kind: str) -> bool:
    """Kafka Connect's own way to name a logical type."""
    stated = (branch.get("connect.name") for branch in field.branches if isinstance(branch, dict))
    return any(isinstance(name, str) and name.endswith(kind) for name in stated)


def _identified_by_uuids(platform: Platform) -> bool:
    """Whether there are tables, and what identifies their rows are UUIDs."""
    types: list[str] = []
    for table in platform.of(Table):
        column = table.column(table.primary_key[0]) if len(table.primary_key) == 1 else None
        if column is not None and IDENTIFIER.fullmatch(column.name):
            types.append(column.type)
    return bool(types) and set(types) == {"uuid"}
