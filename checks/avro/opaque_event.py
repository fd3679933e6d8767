"""An event does not say what it is, whose it is, or what it belongs to.

What it checks: A schema of events (by its name, its namespace, or a field such as ``eventType``) has a
version, a tenant or organization, a correlation or trace id, and an id that its producer sets; its payload is
a type of its own, no bare string or bytes; its type is an enum. Fields of a header inside count.

Why it matters: What is inside a text no registry keeps compatible, no scan classifies and no consumer can
trust. Without a tenant one consumer serves them all alike; without an id a repeated event counts twice;
without a correlation id nobody finds out why it was sent.

How to fix: An envelope with eventId, eventType (an enum), schemaVersion, organizationId, correlationId, and a
union of records as the payload.

When it is fine: Records that are no events, such as the keys of a topic.
"""

from collections.abc import Iterator

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity
from conformant.regex import lazy
from conformant.views.avro import AvroSchema, Field

EVENT = lazy(r"(?:^|_)(?:events?|envelope)(?:$|_)")
PAYLOAD = lazy(r"(?:event_)?(?:payload|data|body)|details")
EVENT_TYPE = lazy(r"event_(?:type|name|kind)")
TYPE = lazy(r"event_(?:type|name|kind)|type|kind")
OWN_TYPE = lazy(r"event_(?:type|name|kind|id|version)")
WANTED = {
    "version": lazy(r"(?:\w+_)?version|spec_?version"),
    "tenant": lazy(r"(?:\w+_)?(?:tenant|organi[sz]ation|org|account|customer|workspace)(?:_?(?:id|uuid|key))?"),
    "correlation or trace id": lazy(
        r"(?:\w+_)?(?:correlation|causation|trace|request)(?:_?id)?|trace_?parent|(?:\w+_)?trace_?context|correlation_\w+"
    ),
    "id of its own": lazy(r"(?:event_|message_)?(?:id|uuid|guid)|event_key"),
}
FIELDS = Path(("schema", "fields"))
ENVELOPE = Cure("eventId, schemaVersion, organizationId, correlationId in every event", grade="none")
RECORD = Cure("a record, or a union of records, one for each type of event", grade="none")
ENUM = Cure("an enum with a default", grade="none")


@check(
    id="AVR-003",
    severity=Severity.MEDIUM,
    requirement="event-schema",
    controls=["nist-800-53r5/SI-10", "iso-27001-2022/A.8.26"],
)
def opaque_event(schema: AvroSchema) -> Iterator[Item]:
    if not _is_event(schema):
        yield NotApplicable("no event")
        return
    yield from _envelope(schema)
    for field in schema.fields:
        if PAYLOAD.fullmatch(field.snake_name) and field.types and set(field.types) <= {"string", "bytes"}:
            message = f"{field.name} is bare {field.types[0]}: what is in it is told to nobody"
            yield Finding(message, field.path, cure=RECORD)
    for field in _around(schema):
        top = len(field.path) == len(FIELDS) + 1
        if (TYPE if top else EVENT_TYPE).fullmatch(field.snake_name) and field.types == ["string"]:
            yield Finding(f"{field.name} is any string, no enum", field.path, Severity.LOW, ENUM)


def _is_event(schema: AvroSchema) -> bool:
    if schema.type != "record" or not schema.fields:
        return False
    named = EVENT.search(schema.snake_name) or EVENT.search(schema.name.rpartition(".")[0].replace(".", "_"))
    return bool(named) or any(OWN_TYPE.fullmatch(field.snake_name) for field in schema.fields)


def _envelope(schema: AvroSchema) -> Iterator[Finding]:
    names = {field.snake_name for field in _around(schema)}
    absent = [
        what for what, pattern in WANTED.items()
        if not any(pattern.fullmatch(name) for name in names)
        and not (what == "version" and "version" in " ".join(schema.properties).lower())
    ]  # fmt: skip
    if absent:
        message = f"events of {schema.name} have no {', no '.join(absent)}"
        yield Finding(message, FIELDS, cure=ENVELOPE)


def _around(schema: AvroSchema) -> Iterator[Field]:
    """The fields of the envelope, those of headers in it included, what is in the payload not."""
    inside: tuple[Path, ...] = tuple(
        field.path for field in schema.fields if PAYLOAD.fullmatch(field.snake_name)
    )  # fmt: skip
    for field in schema.all_fields:
        if not any(field.path[: len(path)] == path for path in inside):
            yield field
