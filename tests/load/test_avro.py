import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformant.load.avro import is_avro, load
from conformant.model import Path
from conformant.views.avro import AvroSchema

EVENT = """{
  "namespace": "io.example.events",
  "type": "record",
  "name": "Ordered",
  "doc": "an order",
  "version": 2,
  "fields": [
    {"name": "eventId", "type": {"type": "string", "logicalType": "uuid"}},
    {"name": "at", "type": "long", "logicalType": "timestamp-millis"},
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "OLD"]}, "default": "NEW"},
    {"name": "lines", "type": {"type": "array", "items": {
      "type": "record", "name": "Line", "fields": [
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "note", "type": ["null", "string"], "default": null, "pii": "none"}
      ]}}},
    {"name": "last", "type": ["null", "Line"], "default": null}
  ]
}"""


def only(text: str, first_line: int = 1) -> AvroSchema:
    (resource,), _ = load("a.avsc", text, first_line)
    return AvroSchema(resource)


def test_a_schema_and_its_fields() -> None:
    schema = only(EVENT)
    assert (schema.name, schema.type, schema.doc, schema.properties) == (
        "io.example.events.Ordered", "record", "an order", {"version": 2}
    )  # fmt: skip
    assert (schema.faults, schema.unresolved, schema.raw["error"]) == ([], [], "")
    assert [field.name for field in schema.fields] == ["eventId", "at", "state", "lines", "last"]
    fields = {field.name: field for field in schema.all_fields}
    assert list(fields) == ["eventId", "at", "state", "lines", "price", "note", "last"]
    assert (fields["eventId"].types, fields["eventId"].logical_types) == (["string"], ["uuid"])
    assert (fields["at"].logical_types, fields["at"].properties) == ([], {"logicalType": "timestamp-millis"})
    assert (fields["price"].record, fields["price"].logical_types) == ("Line", ["decimal"])
    assert (fields["note"].nullable, fields["note"].types, fields["note"].properties) == (
        True,
        ["string"],
        {"pii": "none"},
    )
    assert (fields["note"].has_default, fields["note"].default, fields["at"].has_default) == (True, None, False)
    assert fields["last"].types == ["Line"]


def test_places_in_a_document() -> None:
    schema = only(EVENT, 100)
    fields = {field.name: field for field in schema.all_fields}
    place = schema.resource.locator.place(fields["note"].path / "type")
    assert (place.file, place.line, place.column) == ("a.avsc", 113, 26)
    assert schema.resource.locator.place(Path(("error",))).line == 100
    assert schema.resource.locator.place(Path(("schema", "name"))).line == 103


def record(*fields: Any, **more: Any) -> str:
    return json.dumps({"type": "record", "name": "R", "namespace": "n", "fields": fields, **more})


F0 = "schema.fields[0]"
DECIMAL = {"type": "bytes", "logicalType": "decimal"}


@pytest.mark.parametrize(
    ("text", "path", "kind"),
    [
        (record({"name": "a", "type": "int"}, {"name": "a", "type": "int"}), "schema.fields[1].name", "duplicate"),
        (record({"name": "a-b", "type": "int"}), F0 + ".name", "name"),
        (record({"name": "a"}), F0, "missing"),
        (record({"type": "int"}), F0, "missing"),
        (record(3), F0, "missing"),
        (record({"name": "a", "type": 3}), F0 + ".type", "type"),
        (record(name="1R"), "schema.name", "name"),
        (record(namespace="a-b"), "schema.namespace", "name"),
        (record(fields=3), "schema", "missing"),
        (record({"name": "a", "type": "int", "default": "x"}), F0 + ".default", "default"),
        (record({"name": "a", "type": "int", "default": True}), F0 + ".default", "default"),
        (record({"name": "a", "type": ["string", "null"], "default": None}), F0 + ".default", "union-default"),
        (record({"name": "a", "type": ["null", "null"]}), F0 + ".type[1]", "union"),
        (record({"name": "a", "type": ["null", ["int"]]}), F0 + ".type[1]", "union"),
        (record({"name": "a", "type": {"type": "map"}}), F0 + ".type", "missing"),
        (record({"name": "a", "type": {"type": ["int"]}}), F0 + ".type.type", "type"),
        (record({"name": "a", "type": {}}), F0 + ".type", "missing"),
        (record({"name": "a", "type": {"type": "record", "name": "R", "fields": []}}), F0 + ".type.name", "duplicate"),
        (record({"name": "a", "type": DECIMAL}), F0 + ".type.logicalType", "missing"),
        (record({"name": "a", "type": "int", "aliases": "b"}), "schema", "parser"),
        ('{"type": "enum", "name": "E", "symbols": ["A", "A"]}', "schema.symbols[1]", "duplicate"),
        ('{"type": "enum", "name": "E", "symbols": ["A"], "default": "B"}', "schema.default", "default"),
        ('{"type": "fixed", "name": "F", "size": -1}', "schema.size", "missing"),
        ('{"type": "fixed", "name": "F", "size": 1, "name": "G"}', "schema", "json"),
    ],
)  # fmt: skip
def test_faults_have_paths(text: str, path: str, kind: str) -> None:
    schema = only(text)
    assert [(str(place), what) for place, what, _ in schema.faults] == [(path, kind)]
    assert schema.raw["error"] == schema.faults[0][2]


@pytest.mark.parametrize(
    "field",
    [
        {"name": "a", "type": ["null", "string"], "default": None},
        {"name": "a", "type": "double", "default": 1},
        {"name": "a", "type": "n.R"},
        {"name": "a", "type": ["null", "R"], "default": None},
        {"name": "a", "type": {"type": "map", "values": "R"}, "default": {}},
        {"name": "a", "type": {"type": "fixed", "name": "F", "size": 2}, "default": "ab"},
        {"name": "a", "type": {"type": "long", "logicalType": "timestamp-micros"}, "default": 0},
    ],
)
def test_what_is_allowed(field: Any) -> None:
    schema = only(record(field))
    assert (schema.faults, schema.unresolved) == ([], [])


def test_types_of_other_files_are_unresolved_not_wrong() -> None:
    schema = only(record({"name": "a", "type": "Other"}, {"name": "b", "type": ["null", "x.Y"], "default": None}))
    assert (schema.faults, schema.unresolved) == ([], ["n.Other", "x.Y"])


def test_a_list_of_schemas() -> None:
    text = (
        '[\n{"type": "enum", "name": "E", "symbols": ["A"]},\n"string",\n' + record({"name": "a", "type": "E"}) + "\n]"
    )
    resources, (coverage,) = load("a.avsc", text)
    assert [resource.name for resource in resources] == ["E", "n.R"]
    assert [resource.raw["unresolved"] for resource in resources] == [[], []]
    assert [resource.locator.place(("schema",)).line for resource in resources] == [2, 4]
    assert coverage.resources == 2


@pytest.mark.parametrize(
    ("text", "status", "line"),
    [
        ('"string"', "skipped", 0),
        ('{"kind": "Pod"}', "skipped", 0),
        ('{"type": "record",\n "name": }', "unreadable", 2),
        ("", "skipped", 0),
        ('{"type": "record", "name": {{ name }}}', "template", 1),
    ],
)
def test_coverage(text: str, status: str, line: int) -> None:
    resources, (coverage,) = load("a.avsc", text)
    assert (resources, coverage.status) == ([], status)
    assert (coverage.place.line if coverage.place else 0) == line


def test_comments_are_passed_over() -> None:
    text = '// the //\n/* "event\n */ {"type": "fixed", "name": "F", /* no */ "size": 2, "doc": "http://x/*y*/"}'
    schema = only(text)
    assert (schema.doc, schema.resource.locator.place(("schema", "size")).line) == ("http://x/*y*/", 3)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (json.loads(EVENT), True),
        ({"type": "enum", "name": "E", "symbols": []}, True),
        ([{"type": "enum", "name": "E", "symbols": []}], True),
        ({"type": "object", "name": "x", "fields": {}}, False),
        ({"type": "record", "name": "R"}, False),
        ({"type": ["record"], "name": "R", "fields": []}, False),
        ({"kind": "Pod", "metadata": {"name": "x"}}, False),
        ([], False),
        ("record", False),
        (None, False),
    ],
)
def test_recognising_avro(raw: Any, expected: bool) -> None:
    assert is_avro(raw) is expected


NAMES = st.sampled_from(["A", "B", "n.C", "1x", ""])
TYPES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from(["null", "int", "string", "bytes", "A", "n.C", "Nope", None, 3]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.fixed_dictionaries({"type": st.just("array")}, optional={"items": inner}),
        st.fixed_dictionaries({"type": inner}, optional={"logicalType": st.sampled_from(["decimal", "uuid", 3])}),
        st.fixed_dictionaries(
            {"type": st.just("record"), "name": NAMES},
            optional={
                "namespace": st.sampled_from(["n", "", None, 3]),
                "fields": st.lists(
                    st.fixed_dictionaries(
                        {"name": NAMES}, optional={"type": inner, "default": st.sampled_from([None, 1, "x", [], {}])}
                    ),
                    max_size=3,
                ),
            },
        ),
        st.fixed_dictionaries({"type": st.just("enum"), "name": NAMES}, optional={"symbols": st.lists(NAMES)}),
        st.fixed_dictionaries(
            {"type": st.just("fixed"), "name": NAMES}, optional={"size": st.sampled_from([1, -1, "x"])}
        ),
    ),
    max_leaves=8,
)


@given(st.lists(st.fixed_dictionaries({"name": NAMES, "type": TYPES}), max_size=3))
def test_any_schema_is_read_and_every_fault_has_a_value_or_parent(fields: list[Any]) -> None:
    schema = only(json.dumps({"type": "record", "name": "Top", "fields": fields}))
    for path, _, message in schema.faults:
        assert message
        assert path[0] == "schema"
        assert schema.get(*path[:-1]) is not None
    for field in schema.all_fields:
        assert schema.get(*field.path) == field.raw
