"""Avro schemas: fields at any depth, with their types and places."""

from collections.abc import Iterator
from typing import Any, ClassVar

from conformant.model import Path, Step
from conformant.regex import lazy
from conformant.views.base import View

_BORDER = lazy(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|-")
_STANDARD = frozenset({"name", "type", "doc", "default", "aliases", "order"})


class Field:
    """A field of a record; `record` is the name of that record, `path` leads to the field."""

    __slots__ = ("path", "raw", "record")

    def __init__(self, raw: dict[str, Any], path: Path, record: str) -> None:
        self.raw = raw
        self.path = path
        self.record = record

    @property
    def name(self) -> str:
        return str(self.raw["name"])

    @property
    def snake_name(self) -> str:
        """The name in one style: ``user_id`` for userId, UserID and user_id."""
        return snake(self.name)

    @property
    def doc(self) -> str:
        return str(self.raw.get("doc") or "")

    @property
    def properties(self) -> dict[str, Any]:
        """What the field says beyond Avro's own attributes: ``{"pii": "pseudonymous"}``."""
        return {key: value for key, value in self.raw.items() if key not in _STANDARD}

    @property
    def has_default(self) -> bool:
        return "default" in self.raw

    @property
    def default(self) -> Any:
        return self.raw.get("default")

    @property
    def branches(self) -> list[Any]:
        """The types that a value may have, null apart."""
        kind = self.raw.get("type")
        return [branch for branch in (kind if isinstance(kind, list) else [kind]) if branch != "null"]

    @property
    def nullable(self) -> bool:
        kind = self.raw.get("type")
        return kind == "null" or (isinstance(kind, list) and "null" in kind)

    @property
    def types(self) -> list[str]:
        """Names of the types in `branches`: ``string``, ``record``, ``array``, a type's name."""
        return [_type_name(branch) for branch in self.branches]

    @property
    def logical_types(self) -> list[str]:
        """The logical types in `branches`. One written beside the field's name has no effect in
        Avro and stands in `properties` instead."""
        found = (branch.get("logicalType") for branch in self.branches if isinstance(branch, dict))
        return [name for name in found if isinstance(name, str)]

    def __repr__(self) -> str:
        return f"<Field {self.record}.{self.name}>"


class AvroSchema(View):
    """One named schema; nested ones are reached through it."""

    __slots__ = ()
    family: ClassVar[str] = "avro"
    kinds: ClassVar[frozenset[str] | None] = frozenset({"AvroSchema"})

    @property
    def schema(self) -> dict[str, Any]:
        return self.map("schema")

    @property
    def snake_name(self) -> str:
        """The name without its namespace, in one style: ``service_event``."""
        return snake(self.name.rpartition(".")[2])

    @property
    def type(self) -> str:
        """``record``, ``error``, ``enum`` or ``fixed``."""
        return str(self.schema.get("type"))

    @property
    def doc(self) -> str:
        return str(self.schema.get("doc") or "")

    @property
    def properties(self) -> dict[str, Any]:
        """What the schema says beyond Avro's own attributes, such as ``version``."""
        own = {"type", "name", "namespace", "doc", "aliases", "fields", "symbols", "size", "default"}
        return {key: value for key, value in self.schema.items() if key not in own}

    @property
    def faults(self) -> list[tuple[Path, str, str]]:
        """What Avro forbids: path, kind (see `conformant.load.avro_rules.Fault`), message."""
        return [(Path(fault["path"]), fault["kind"], fault["message"]) for fault in self.raw["faults"]]

    @property
    def unresolved(self) -> list[str]:
        """Types that its file does not define."""
        return list(self.raw["unresolved"])

    @property
    def fields(self) -> list[Field]:
        """The fields of the schema itself."""
        return list(_fields(self.schema, Path(("schema",))))

    def field(self, name: str) -> Field | None:
        return next((field for field in self.fields if field.name == name), None)

    @property
    def all_fields(self) -> Iterator[Field]:
        """Its fields and those of the records inside, in the order of the text."""
        yield from _walk(self.schema, Path(("schema",)))


def snake(name: str) -> str:
    """``userID`` and ``UserId`` as ``user_id``."""
    return _BORDER.sub("_", name).lower()


def _type_name(branch: Any) -> str:
    while isinstance(branch, dict):
        branch = branch.get("type")
    return branch if isinstance(branch, str) else ""


def _fields(schema: dict[str, Any], path: Path) -> Iterator[Field]:
    listed = schema.get("fields")
    for index, raw in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(raw, dict) and isinstance(raw.get("name"), str):
            yield Field(raw, path / "fields" / index, str(schema.get("name", "")))


def _walk(schema: Any, path: Path) -> Iterator[Field]:
    inside: list[tuple[Step, Any]] = []
    if isinstance(schema, list):
        inside = list(enumerate(schema))
    elif isinstance(schema, dict):
        for field in _fields(schema, path):
            yield field
            yield from _walk(field.raw.get("type"), field.path / "type")
        inside = [(key, schema[key]) for key in ("type", "items", "values") if key in schema]
    for step, child in inside:
        yield from _walk(child, path / step)
