"""Personal data travels in events without being classified.

What it checks: A field that holds a user, an e-mail address, a phone number, a name of a person, a postal or
IP address, a date of birth, a prompt or a payload, by its name, says in its ``doc`` or in a property of its own
(``"pii": "pseudonymous"``) what it is; and how long it is kept is known: from the field, from the schema, or
from a Kafka among the inputs, whose topics have a retention.

Why it matters: Events are copied to every consumer, to logs and to lakes. Whoever must delete a person's data
has to know where it is and when it goes by itself.

How to fix: "doc": "Who caused it, as a pseudonym.", "pii": "pseudonymous", "retention": "P7D".

When it is fine: A payload without personal data: say so ("pii": "none").
"""

from collections.abc import Iterator
from re import Pattern

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Severity, Undecided
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.views.avro import AvroSchema, Field

PERSONAL = lazy(
    r"(?:\w+_)?user(?:_?(?:id|name|uuid))|username|(?:\w+_)?(?:e_?mail|phone|mobile)(?:_?(?:address|number))?"
    r"|(?:\w+_)?(?:first|last|full|given|family)_name|(?:\w+_)?ip(?:_?addr(?:ess)?)?|(?:\w+_)?prompt"
    r"|(?:(?:home|street|postal|billing|shipping)_)?address|dob|date_of_birth|birth_?date|(?:event_)?payload"
)
CLASSES = lazy(r"(?i).*(?:pii|class|sensitiv|privacy|personal|gdpr|tags|confidential).*")
ENDS = lazy(r"(?i)retention\w*|ttl\w*")
CURE = Cure('"doc": "…", "pii": "pseudonymous", "retention": "P7D" beside its type', grade="none")
KAFKA = ("kafka.strimzi.io/KafkaTopic", "kafka.strimzi.io/Kafka")


@check(
    id="AVR-004",
    severity=Severity.MEDIUM,
    requirement="data-classification",
    controls=["nist-800-53r5/SI-12", "soc2/C1.1", "iso-27001-2022/A.5.34"],
)
def unclassified_event_field(schema: AvroSchema, platform: Platform) -> Iterator[Item]:
    fields = [field for field in schema.all_fields if PERSONAL.fullmatch(field.snake_name)]
    if not fields:
        yield NotApplicable("no personal data by the names of its fields")
        return
    kept = any(platform.kind(kind) for kind in KAFKA) or _states(schema.properties, ENDS)
    for field in fields:
        if not field.doc.strip() and not _states(_properties(field), CLASSES):
            yield Finding(f"{field.record}.{field.name} is not classified", field.path, cure=CURE)
        elif not kept and not _states(_properties(field), ENDS):
            yield Undecided(f"{field.record}.{field.name}: how long its topic keeps it is not known here")


def _properties(field: Field) -> dict[str, object]:
    """Properties of the field and of its types."""
    found: dict[str, object] = {**field.properties}
    for branch in field.branches:
        if isinstance(branch, dict) and "fields" not in branch:
            found.update(branch)
    return found


def _states(properties: dict[str, object], pattern: "Pattern[str]") -> bool:
    return any(pattern.fullmatch(key) and value not in (None, "") for key, value in properties.items())
