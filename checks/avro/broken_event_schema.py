"""An event schema is invalid, or cannot read what its earlier versions wrote.

What it checks: The schema keeps Avro's rules: names and namespaces, every type complete, no field, symbol or
type twice, the default of a union of its first branch. Where earlier versions of it are here (the same full
name in files whose paths differ in their numbers, such as ``v1/order.avsc`` and ``v2/order.avsc``), it reads
what every one of them wrote: new fields have defaults, renamed ones aliases, types are only widened, and no
symbol of an enum is taken away without a default. A first version owes nothing to anybody.

Why it matters: A consumer that meets an event which it cannot read stops at it, or drops it, and so does
each replay from the beginning of the topic.

How to fix: Give new fields a default, keep old names as aliases, put the default's type first in a union.
What cannot be compatible gets a new name and a new topic.

When it is fine: Topics that nobody reads from the beginning, while producers and consumers are stopped.
"""

import re
from collections.abc import Iterator

from conformant.domain.avro_evolution import breaches
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, Path, Severity
from conformant.platform import Platform
from conformant.views.avro import AvroSchema

RULE = Cure("follow the Avro specification there", grade="none")
COMPATIBLE = Cure("a default for new fields, aliases for renamed ones, types only widened", grade="none")
SCHEMA = Path(("schema",))


@check(
    id="AVR-001",
    severity=Severity.HIGH,
    requirement="event-schema",
    controls=["nist-800-53r5/CM-3", "nist-800-53r5/SI-10", "soc2/CC8.1", "iso-27001-2022/A.8.32"],
)
def broken_event_schema(schema: AvroSchema, platform: Platform) -> Iterator[Item]:
    for path, _, message in schema.faults:
        yield Finding(message, path, cure=RULE)
    if schema.faults:
        return
    told: set[tuple[Path, str]] = set()
    for earlier in platform.derived(_earlier).get(id(schema.resource), ()):
        for breach in breaches(schema.schema, earlier.schema, SCHEMA):
            if breach not in told:
                told.add(breach)
                file = earlier.resource.locator.place(()).file
                yield Finding(f"{breach[1]}: events of {file} cannot be read", breach[0], cure=COMPATIBLE)


def _earlier(platform: Platform) -> dict[int, list[AvroSchema]]:
    """The earlier versions of each schema that has some, the latest first."""
    versions: dict[tuple[str, str], list[tuple[list[int], AvroSchema]]] = {}
    for schema in platform.of(AvroSchema):
        file = schema.resource.locator.place(()).file
        numbers = [int(number) for number in re.findall(r"\d+", file)]
        versions.setdefault((schema.name, re.sub(r"\d+", "#", file)), []).append((numbers, schema))
    found: dict[int, list[AvroSchema]] = {}
    for group in versions.values():
        for numbers, schema in group:
            before = sorted((other for other in group if other[0] < numbers), key=lambda other: other[0])
            if before:
                found[id(schema.resource)] = [other for _, other in reversed(before) if not other.faults]
    return found
