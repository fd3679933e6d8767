"""A column with personal or sensitive data is not classified, protected or deleted in time.

What it checks: Columns whose names say that they hold e-mail addresses, phone numbers, names of persons,
postal or IP addresses, dates of birth, prompts, generated content, payloads, bodies or configurations are
classified, by COMMENT ON COLUMN ('class=restricted; encryption=application; retention=P90D') or by an entry of
a document ``data-map`` (``schema.table.column: {class, encryption, retention}``). What is restricted has a
decision on its encryption; content is deleted in time: by the classification, by partitions, or by a job. An
e-mail address that is UNIQUE as written is told too: two users may differ in capitals only.

Why it matters: What nobody has classified is exported, logged and kept for ever. Deletion and disclosure
on request, and encryption of what needs it, start from knowing where it is.

How to fix: Classify the column, decide on its encryption, and delete what is no longer needed: partitions
that are dropped, or a job.

When it is fine: Names that mean something else: classify them as public.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from conformant.domain.stores import known_containers, known_list
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Severity
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.views.config import DataMap
from conformant.views.sql import Table
from conformant.views.sql_parts import Column
from conformant.views.workload import Workload

TAIL = r"(?:_(?:text|html|json|raw|plain|data|value|encrypted|enc|ciphertext))?"
PERSONAL = lazy(
    r"(?:\w+_)?(?:e?mails?|phones?|mobile)(?:_?(?:address(?:es)?|addr|numbers?|no))?" + TAIL
    + r"|(?:\w+_)?(?:first|last|full|given|family|middle)_?name|surname"
    r"|(?:(?:home|street|postal|mailing|billing|shipping|delivery|residential|user|customer|contact)_)?address(?:es)?(?:_?line_?\d|_?\d)?"
    r"|(?:\w+_)?ip(?:_?addr(?:ess)?)?|dob|(?:date_of_birth|birth_?date|birthday)"
)  # fmt: skip
CONTENT = lazy(
    r"(?:\w+_)?(?:prompts?|payload|content|body)" + TAIL + r"|(?:\w+_)?generated_(?!at$|on$|by$|from$|id$|always$)\w+"
)
CONFIGURED = lazy(r"(?:\w+_)?configuration" + TAIL)
BESIDE = lazy(r"\w+_(?:at|on|by|id|ids|count|type|size|length|version|status|hash|url|path|key|format|language|model)")
HOLDING = lazy(r"(?:text|varchar|char|citext|json|jsonb|bytea|inet|cidr|xml|hstore|date|tsvector)\b.*")
CLASS = lazy(r"(?i)\b(?:class(?:ification)?|sensitivity|data_class|pii)\s*[=:]\s*[\"']?([\w-]+)")
ENCRYPTION = lazy(r"(?i)\bencrypt(?:ion|ed)\s*[=:]\s*[\"']?([\w:-]+)")
RETENTION = lazy(r"(?i)\b(?:retention|ttl|delete_after)\s*[=:]\s*[\"']?([\w-]+)")
ENCRYPTED = lazy(r"\w+_(?:encrypted|enc|ciphertext)")
NO = frozenset({"", "none", "no", "false", "todo", "tbd", "unknown"})
RESTRICTED = frozenset({"restricted", "secret", "sensitive", "high"})
EMAIL = lazy(r"(?:\w+_)?e?mail(?:_address)?")
CASED = lazy(r"(?:text|varchar|char)\b.*")
DELETES = lazy(r"(?i)\bdelete\s+from\s+(?:only\s+)?([\w.\"]+)")
CURE = Cure("COMMENT ON COLUMN … IS 'class=…; encryption=…; retention=…', or an entry of the data map", grade="none")
LOWER = Cure("CREATE UNIQUE INDEX … (lower(email)), or the type citext", grade="none")


class AtRest(Struct, frozen=True, forbid_unknown_fields=True):
    """`encrypted_at_rest`: whether it is decided that the server's own encryption is enough for
    restricted data."""

    encrypted_at_rest: bool = False


class Said(Struct, frozen=True):
    """What a comment or the data map says of a column; empty where nothing."""

    kind: str = ""
    encryption: str = ""
    retention: str = ""


@check(
    id="SQL-007",
    severity=Severity.MEDIUM,
    requirement="data-classification",
    controls=[
        "nist-800-53r5/SC-28", "nist-800-53r5/SI-12", "soc2/C1.1", "iso-27001-2022/A.5.12", "iso-27001-2022/A.5.34",
        "iso-27001-2022/A.8.10",
    ],
)  # fmt: skip
def unclassified_column(table: Table, platform: Platform, settings: AtRest = AtRest()) -> Iterator[Item]:
    columns = [column for column in table.columns if _is_sensitive(column) and not column.inherited]
    if not columns or table.is_foreign:
        yield NotApplicable("no personal or sensitive columns")
        return
    for column in columns:
        faults = list(_faults(table, column, platform, settings))
        if faults:
            doubt = table.undecided("comment")
            message = f"{table.qualified}.{column.name} {', '.join(faults)}"
            yield doubt or Finding(message, column.path, cure=CURE)
        yield from _case(table, column)


def _is_sensitive(column: Column) -> bool:
    name = column.name.lower()
    if HOLDING.fullmatch(column.type) is None or BESIDE.fullmatch(name):
        return False
    if column.type == "date":
        return PERSONAL.fullmatch(name) is not None and "name" not in name
    return any(pattern.fullmatch(name) for pattern in (PERSONAL, CONTENT, CONFIGURED))


def _faults(table: Table, column: Column, platform: Platform, settings: AtRest) -> Iterator[str]:
    said = _said(table, column, platform)
    if not said.kind:
        yield "is not classified"
    secured = settings.encrypted_at_rest or said.encryption not in NO or ENCRYPTED.fullmatch(column.name)
    if said.kind in RESTRICTED and not secured:
        yield f"is {said.kind}, with no decision on its encryption"
    if CONTENT.fullmatch(column.name.lower()) and said.retention in NO and not _ends(table, platform):
        yield "is content, with no rule that deletes it"


def _said(table: Table, column: Column, platform: Platform) -> Said:
    """The column's comment first, then the data map, then the table's comment."""
    known = platform.derived(_mapped)
    mapped = known.get(f"{table.qualified}.{column.name}".lower()) or known.get(f"{table.name}.{column.name}".lower())
    told = [_commented(column.comment), mapped or Said(), _commented(table.comment)]
    return Said(*(next((value for value in values if value), "") for values in (
        [one.kind for one in told], [one.encryption for one in told], [one.retention for one in told],
    )))  # fmt: skip


def _commented(comment: str) -> Said:
    found = (pattern.search(comment) for pattern in (CLASS, ENCRYPTION, RETENTION))
    return Said(*(match[1].lower() if match else "" for match in found))


def _mapped(platform: Platform) -> dict[str, Said]:
    return {
        name: Said(_text(said, "class"), _text(said, "encryption"), _text(said, "retention"))
        for data_map in platform.of(DataMap)
        for name, said in data_map.columns()
    }


def _text(said: Mapping[Any, Any], key: str) -> str:
    value = said.get(key)
    return str(value).lower() if isinstance(value, str | int) else ""


def _ends(table: Table, platform: Platform) -> bool:
    """Whether partitions can be dropped, or a job deletes rows."""
    if table.is_partitioned or table.partition_of is not None:
        return True
    names = {table.name, table.qualified}
    for text in table.database.jobs:
        if text in names or any(match.replace('"', "") in names for match in DELETES.findall(text)):
            return True
    return not names.isdisjoint(platform.derived(_deleting))


def _deleting(platform: Platform) -> set[str]:
    """The tables that a CronJob deletes from."""
    found: set[str] = set()
    for resource in platform.kind("batch/CronJob"):
        for container in known_containers(platform.view(resource, Workload)):
            for key in ("command", "args"):
                for text in known_list(container.raw, key):
                    if isinstance(text, str):
                        found.update(name.replace('"', "") for name in DELETES.findall(text))
    return found


def _case(table: Table, column: Column) -> Iterator[Finding]:
    if EMAIL.fullmatch(column.name.lower()) and column.unique and CASED.fullmatch(column.type):
        message = f"{table.qualified}.{column.name} is UNIQUE as written: the same address in capitals is another"
        yield Finding(message, column.path, Severity.INFO, LOWER)
