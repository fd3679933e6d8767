"""Whether a schema reads what an earlier one wrote; fastavro, which tries it, is asked as well."""

from io import BytesIO
from typing import Any

import fastavro
import pytest
from fastavro.utils import generate_many

from conformant.domain.avro_evolution import breaches
from conformant.model import Path


def record(*fields: dict[str, Any], name: str = "R", **more: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": list(fields), **more}


def field(kind: Any, name: str = "f", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **more}


def enum(*symbols: str, **more: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "E", "symbols": list(symbols), **more}


INNER = record(field("int", "x"), name="I")
CASES: dict[str, tuple[Any, Any, list[str]]] = {
    "the same": (record(field("int")), record(field("int")), []),
    "a field with a default": (record(field("int")), record(field("int"), field("int", "g", default=1)), []),
    "a field without": (record(field("int")), record(field("int"), field("int", "g")), ["fields[1]"]),
    "a field less": (record(field("int"), field("int", "g")), record(field("int")), []),
    "renamed with an alias": (record(field("int")), record(field("int", "g", aliases=["f"])), []),
    "renamed without": (record(field("int")), record(field("int", "g")), ["fields[0]"]),
    "widened": (record(field("int")), record(field("double")), []),
    "narrowed": (record(field("long")), record(field("int")), ["fields[0].type"]),
    "a text as bytes": (record(field("string")), record(field("bytes")), []),
    "made optional": (record(field("int")), record(field(["null", "int"])), []),
    "made optional and wider": (record(field("int")), record(field(["null", "long"])), []),
    "made mandatory": (record(field(["null", "int"])), record(field("int")), ["fields[0].type"]),
    "a branch less": (record(field(["int", "string"])), record(field(["int"])), ["fields[0].type"]),
    "a symbol more": (record(field(enum("A"))), record(field(enum("A", "B"))), []),
    "a symbol less": (record(field(enum("A", "B"))), record(field(enum("A"))), ["fields[0].type.symbols"]),
    "a symbol less, with a default": (record(field(enum("A", "B"))), record(field(enum("A", default="A"))), []),
    "inside an array": (
        record(field({"type": "array", "items": "long"})), record(field({"type": "array", "items": "int"})),
        ["fields[0].type.items"],
    ),
    "inside a map": (
        record(field({"type": "map", "values": "int"})), record(field({"type": "map", "values": "long"})), [],
    ),
    "another size": (
        record(field({"type": "fixed", "name": "F", "size": 4})),
        record(field({"type": "fixed", "name": "F", "size": 8})), ["fields[0].type.size"],
    ),
    "inside a record that is named again": (
        record(field(INNER), field("I", "g")),
        record(field(record(field("int", "x"), field("int", "y"), name="I")), field("I", "g")),
        ["fields[0].type.fields[1]"],
    ),
    "in a union of records": (
        record(field(["null", INNER])), record(field(["null", record(field("string", "x"), name="I")])),
        ["fields[0].type[1].fields[0].type"],
    ),
    "recursive": (
        record(field("int"), field(["null", "R"], "g")), record(field("long"), field(["null", "R"], "g")), [],
    ),
    "with namespaces": (
        record(field(INNER), field("a.I", "g"), namespace="a"),
        record(field(INNER), field("I", "g"), namespace="a"), [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_cannot_be_read_is_found_where_it_is(name: str) -> None:
    old, new, paths = CASES[name]
    assert [str(path) for path, _ in breaches(new, old, Path())] == paths


@pytest.mark.parametrize("name", CASES)
def test_fastavro_agrees(name: str) -> None:
    old, new, paths = CASES[name]
    writing, reading = fastavro.parse_schema(old), fastavro.parse_schema(new)
    failures = 0
    for datum in generate_many(writing, 50):
        buffer = BytesIO()
        fastavro.schemaless_writer(buffer, writing, datum)
        buffer.seek(0)
        try:
            fastavro.schemaless_reader(buffer, writing, reading)
        except Exception:  # noqa: BLE001 -- fastavro raises whatever it stumbles on
            failures += 1
    assert bool(failures) == bool(paths)


@pytest.mark.parametrize("odd", [None, 5, "x", [], {}, {"type": None}, {"type": "record", "fields": 5}, [None, {}]])
def test_odd_shapes_break_nothing(odd: Any) -> None:
    schema = record(field(odd))
    assert isinstance(breaches(schema, record(field("int")), Path()), list)
    assert isinstance(breaches(record(field("int")), schema, Path()), list)
