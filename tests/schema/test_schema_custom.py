"""Custom kinds: structural schemas as the API server applies them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformant.model import Unknown
from conformant.schema import Schemas
from conformant.schema.structural import with_defaults

KIND = ("example.com", "v1", "Thing")


def definition(spec: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A CRD of Thing whose objects have the schema `spec` at spec."""
    version = {"name": "v1", "served": True, "storage": True, **fields}
    version["schema"] = {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", **spec}}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": "Thing", "plural": "things"},
            "versions": [version],
        },
    }


def thing(spec: Any, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "t"}, "spec": spec, **fields}


def problems(schema: dict[str, Any], spec: Any, **fields: Any) -> list[tuple[str, str]]:
    found = Schemas(crds=[definition(schema)]).problems(*KIND, thing(spec, **fields))
    return [(problem.kind, str(problem.path)) for problem in found]


def field(**schema: Any) -> dict[str, Any]:
    return {"properties": {"x": schema}}


STRING = {"type": "string"}
EITHER = {"oneOf": [{"required": ["a"]}, {"required": ["b"]}], "properties": {"a": STRING, "b": STRING}}
AT_MOST = {
    "oneOf": [{"not": {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}}, {"required": ["a"]}, {"required": ["b"]}],
    "properties": {"a": STRING, "b": STRING},
}  # fmt: skip
KEYED = field(
    type="array",
    **{"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"]},
    items={
        "type": "object",
        "properties": {"port": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"}},
    },
)
NOTHING: list[tuple[str, str]] = []


@pytest.mark.parametrize(
    ("schema", "spec", "expected"),
    [
        (field(type="string"), {"x": "a"}, NOTHING),
        (field(type="string"), {"x": False}, [("type", "spec.x")]),
        (field(type="string"), {"x": None}, NOTHING),
        (field(type="string"), {"y": "a"}, [("unknown", "spec.y")]),
        ({}, {"y": "a"}, [("unknown", "spec.y")]),
        ({"x-kubernetes-preserve-unknown-fields": True}, {"y": {"z": 1}}, NOTHING),
        (
            {"x-kubernetes-preserve-unknown-fields": True, **field(type="object")},
            {"y": 1, "x": {"z": 1}},
            [("unknown", "spec.x.z")],
        ),
        ({"additionalProperties": True}, {"y": {"z": 1}}, NOTHING),
        ({"additionalProperties": STRING}, {"y": "a", "z": 1, "n": None}, [("type", "spec.z")]),
        (field(type="integer"), {"x": 1.0}, NOTHING),
        (field(type="integer"), {"x": 1.5}, [("type", "spec.x")]),
        (field(type="number"), {"x": 1}, NOTHING),
        (field(type="number"), {"x": True}, [("type", "spec.x")]),
        (field(**{"x-kubernetes-int-or-string": True}), {"x": "10%"}, NOTHING),
        (
            field(
                **{
                    "x-kubernetes-int-or-string": True,
                    "anyOf": [{"type": "integer"}, {"type": "string"}],
                    "pattern": "^[0-9]+%?$",
                }
            ),
            {"x": 5},
            NOTHING,
        ),
        (field(**{"x-kubernetes-int-or-string": True, "pattern": "^[0-9]+%?$"}), {"x": "a"}, [("pattern", "spec.x")]),
        (field(**{"x-kubernetes-int-or-string": True}), {"x": [1]}, [("type", "spec.x")]),
        # required, null and defaults
        ({"required": ["x"], **field(type="string")}, {}, [("required", "spec.x")]),
        ({"required": ["x"], **field(type="string")}, {"x": None}, [("required", "spec.x")]),
        ({"required": ["x"], **field(type="string", nullable=True)}, {"x": None}, NOTHING),
        ({"required": ["x"], **field(type="string", default="d")}, {}, NOTHING),
        ({"required": ["x"], **field(type="string", default="d")}, {"x": None}, NOTHING),
        (field(type="array", items=STRING), {"x": ["a", None]}, [("type", "spec.x[1]")]),
        (field(type="array", items={"type": "string", "nullable": True}), {"x": ["a", None]}, NOTHING),
        # value constraints
        (field(type="string", enum=["On", "Off"]), {"x": "off"}, [("enum", "spec.x")]),
        (field(type="integer", enum=[1, 2]), {"x": 3}, [("enum", "spec.x")]),
        (field(enum=[1, True]), {"x": True}, NOTHING),
        (field(enum=[1]), {"x": True}, [("enum", "spec.x")]),
        (field(type="string", pattern="^a+$"), {"x": "aa"}, NOTHING),
        (field(type="string", pattern="^a+$"), {"x": "aa\n"}, [("pattern", "spec.x")]),
        (field(type="string", pattern=r"^\p{L}+$"), {"x": "1"}, NOTHING),
        (field(type="string", minLength=1), {"x": ""}, [("range", "spec.x")]),
        (field(type="string", maxLength=1), {"x": "ab"}, [("range", "spec.x")]),
        (field(type="integer", minimum=1, maximum=3), {"x": 0}, [("range", "spec.x")]),
        (field(type="integer", minimum=1, maximum=3), {"x": 4}, [("range", "spec.x")]),
        (field(type="number", minimum=0, exclusiveMinimum=True), {"x": 0}, [("range", "spec.x")]),
        (field(type="integer", multipleOf=5), {"x": 7}, [("range", "spec.x")]),
        (field(type="array", minItems=1, items=STRING), {"x": []}, [("range", "spec.x")]),
        (
            field(type="object", maxProperties=1, additionalProperties=STRING),
            {"x": {"a": "1", "b": "2"}},
            [("range", "spec.x")],
        ),
        (field(type="string", format="date-time"), {"x": "2025-02-30T00:00:00Z"}, [("pattern", "spec.x")]),
        (field(type="string", format="date-time"), {"x": "2025-02-28T00:00:00.5+01:00"}, NOTHING),
        (field(type="string", format="byte"), {"x": "===="}, [("pattern", "spec.x")]),
        (field(type="string", format="cidr"), {"x": "10.0.0.1/8"}, NOTHING),
        (field(type="string", format="ipv4"), {"x": "::1"}, [("pattern", "spec.x")]),
        (field(type="string", format="uuid"), {"x": "123"}, [("pattern", "spec.x")]),
        (field(type="string", format="made-up"), {"x": "123"}, NOTHING),
        # lists that are sets and maps
        (
            field(type="array", items=STRING, **{"x-kubernetes-list-type": "set"}),
            {"x": ["a", "b", "a"]},
            [("duplicate", "spec.x[2]")],
        ),
        (KEYED, {"x": [{"port": 1}, {"port": 1, "protocol": "UDP"}]}, NOTHING),
        (KEYED, {"x": [{"port": 1}, {"port": 1, "protocol": "TCP"}]}, [("duplicate", "spec.x[1]")]),
        # junctions
        (EITHER, {"a": "1"}, NOTHING),
        (EITHER, {}, [("required", "spec")]),
        (EITHER, {"a": "1", "b": "2"}, [("rule", "spec")]),
        (EITHER, {"a": "1", "b": None}, NOTHING),
        (AT_MOST, {}, NOTHING),
        (AT_MOST, {"b": "1"}, NOTHING),
        (AT_MOST, {"a": "1", "b": "2"}, [("rule", "spec")]),
        (
            {
                "properties": {"a": {"type": "string", "default": "d"}},
                "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
            },
            {},
            NOTHING,
        ),
        ({"not": {"required": ["a"]}, "properties": {"a": STRING}}, {"a": "1"}, [("rule", "spec")]),
        (
            {
                "anyOf": [{"properties": {"a": {"enum": ["x"]}}}, {"required": ["b"]}],
                "properties": {"a": STRING, "b": STRING},
            },
            {"a": "y"},
            [("enum", "spec.a")],
        ),
        (
            {
                "allOf": [{"required": ["a"]}, {"properties": {"b": {"minLength": 2}}}],
                "properties": {"a": STRING, "b": STRING},
            },
            {"b": "1"},
            [("required", "spec.a"), ("range", "spec.b")],
        ),
        # embedded objects
        (
            field(
                type="object", **{"x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True}
            ),
            {"x": {"apiVersion": "v1", "kind": "Pod", "spec": {}}},
            NOTHING,
        ),
        (
            field(type="object", **{"x-kubernetes-embedded-resource": True}),
            {"x": {"kind": "Pod", "metadata": {"labels": {"a": 1}}, "spec": {}}},
            [("required", "spec.x.apiVersion"), ("type", "spec.x.metadata.labels.a"), ("unknown", "spec.x.spec")],
        ),
    ],
)
def test_structural_schema(schema: dict[str, Any], spec: Any, expected: list[tuple[str, str]]) -> None:
    assert problems(schema, spec) == expected


def test_metadata_is_always_allowed_and_judged() -> None:
    assert problems({}, {}, metadata={"name": "t", "labels": {"a": "b"}, "finalizers": ["f"]}) == []
    assert problems({}, {}, metadata={"name": "t", "labels": {"on": True}}) == [("type", "metadata.labels.on")]
    assert problems({}, {}, surplus=1) == [("unknown", "surplus")]


def test_status_is_judged_only_where_it_is_no_subresource() -> None:
    raw = thing({}, status={"x": 1})
    plain, sub = definition({}), definition({}, subresources={"status": {}})
    assert [problem.kind for problem in Schemas(crds=[plain]).problems(*KIND, raw)] == ["unknown"]
    assert Schemas(crds=[sub]).problems(*KIND, raw) == []


@pytest.mark.parametrize("spec", [{"a": Unknown("?")}, {"a": Unknown("?"), "b": "x"}, Unknown("?")])
@pytest.mark.parametrize(
    "schema", [EITHER, AT_MOST, {"not": {"required": ["a"]}, "properties": {"a": STRING, "b": STRING}}]
)
def test_junctions_do_not_judge_unknown_values(schema: dict[str, Any], spec: Any) -> None:
    assert problems(schema, spec) == []


def test_an_unquoted_switch_is_explained() -> None:
    schema = field(type="string", enum=["Off", "Auto"])
    problem = Schemas(crds=[definition(schema)]).problems(*KIND, thing({"x": False}))[0]
    assert "quote" in problem.message


def test_a_misspelt_case_is_suggested() -> None:
    schema = {"properties": {"TLS": {"type": "object"}, "storage": {"type": "object"}}}
    problem = Schemas(crds=[definition(schema)]).problems(*KIND, thing({"tls": {}}))[0]
    assert (problem.kind, problem.suggestion) == ("unknown", "TLS")


def test_served_versions_of_a_custom_kind() -> None:
    crd = definition({})
    crd["spec"]["versions"] += [
        {"name": "v1beta1", "served": True, "deprecated": True, "deprecationWarning": "use v1"},
        {"name": "v1alpha1", "served": False},
    ]
    schemas = Schemas(crds=[{"kind": "List", "apiVersion": "v1", "items": [crd]}])
    states = {
        version: schemas.served("example.com", version, "Thing") for version in ("v1", "v1beta1", "v1alpha1", "v9")
    }
    assert {version: served.state for version, served in states.items()} == {
        "v1": "served",
        "v1beta1": "deprecated",
        "v1alpha1": "unserved",
        "v9": "unserved",
    }
    assert states["v1beta1"].note == "use v1"
    assert states["v9"].replacement == "example.com/v1"
    assert states["v9"].versions == ("v1", "v1beta1")
    assert schemas.served("example.com", "v1", "Other").state == "unknown"
    assert schemas.knows("example.com", "v1alpha1", "Thing")
    assert not schemas.knows("example.com", "v9", "Thing")


def test_a_definition_of_the_old_kind() -> None:
    schema = {"openAPIV3Schema": {"properties": {"spec": {"required": ["x"], **field(type="string")}}}}
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1beta1",
        "kind": "CustomResourceDefinition",
        "spec": {
            "group": "example.com",
            "scope": "Cluster",
            "version": "v1",
            "names": {"kind": "Thing"},
            "validation": schema,
        },
    }
    schemas = Schemas(crds=[crd])
    found = schemas.problems(*KIND, thing({"surplus": 1}))
    assert [(problem.kind, str(problem.path)) for problem in found] == [("required", "spec.x")]
    assert schemas.served(*KIND).state == "served"
    assert schemas.scope("example.com", "Thing") == "Cluster"


@pytest.mark.parametrize(
    "broken",
    [
        None,
        1,
        [],
        {},
        {"kind": "CustomResourceDefinition"},
        {"kind": Unknown("?")},
        {"kind": "List", "items": None},
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "spec": {"group": 1, "names": []},
        },
        {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": Unknown("?")},
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "spec": {
                "group": "example.com",
                "names": {"kind": "Thing"},
                "versions": [1, {}, {"name": "v1", "schema": 7}],
            },
        },
    ],
)
def test_a_broken_definition_is_ignored(broken: Any) -> None:
    assert Schemas(crds=[broken]).problems(*KIND, thing({"anything": 1})) == []


def test_rules_that_are_not_evaluated_are_named_where_they_apply() -> None:
    rule = [{"rule": "self.x <= self.y", "message": "m"}, {"rule": "self.x == oldSelf.x"}]
    schema = {
        "properties": {
            "a": {"type": "object", "x-kubernetes-validations": rule},
            "l": {"type": "array", "items": {"type": "object", "x-kubernetes-validations": rule}},
        }
    }
    schemas = Schemas(crds=[definition(schema)])
    assert schemas.not_evaluated(*KIND, thing({})) == []
    assert schemas.not_evaluated(*KIND, thing({"a": {}, "l": [{}]})) == [
        "spec.a: self.x <= self.y",
        "spec.l[0]: self.x <= self.y",
    ]


values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from("ab"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abx"), inner, max_size=3),
    max_leaves=8,
)
DEFAULTED = {
    "type": "object",
    "properties": {
        "a": {"type": "object", "default": {}, "properties": {"b": {"default": 1}}},
        "x": {"nullable": True},
    },
}


@given(values)
def test_defaulting_twice_changes_nothing(value: Any) -> None:
    once = with_defaults(DEFAULTED, value)
    assert with_defaults(DEFAULTED, once) == once


@given(values, st.sampled_from([EITHER, AT_MOST, KEYED, field(type="string"), {"additionalProperties": STRING}]))
def test_any_value_can_be_judged_and_twice_alike(value: Any, schema: dict[str, Any]) -> None:
    schemas = Schemas(crds=[definition(schema)])
    first = schemas.problems(*KIND, thing(value))
    assert schemas.problems(*KIND, thing(value)) == first
