"""Compiled schemas accept nothing that a walk would find a fault in."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformant.model import Unknown
from conformant.schema import Schemas
from conformant.schema.builtin import Builtin
from conformant.schema.compiled import ENOUGH, Accepts, Compiler
from conformant.schema.crds import custom_kinds
from conformant.schema.node import Node

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "10%", "maxUnavailable": 0}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {
                "containers": [
                    {
                        "name": "main",
                        "image": "web:1",
                        "imagePullPolicy": "Always",
                        "ports": [{"containerPort": 80, "protocol": "TCP"}],
                        "resources": {"limits": {"cpu": 1, "memory": "1Gi"}},
                        "securityContext": {"runAsNonRoot": True, "capabilities": {"drop": ["ALL"]}},
                    }
                ],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
            },
        },
    },
}
GADGET: dict[str, Any] = {
    "apiVersion": "example.com/v1",
    "kind": "Gadget",
    "metadata": {"name": "one"},
    "spec": {"size": 3, "ratio": 0.5, "names": ["a"], "either": "x", "free": {"any": 1}, "map": {"a": {"b": "c"}}},
}
FIELDS = {
    "size": {"type": "integer", "minimum": 1},
    "ratio": {"type": "number"},
    "names": {"type": "array", "items": {"type": "string", "maxLength": 3}},
    "either": {"x-kubernetes-int-or-string": True},
    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"b": {"type": "string"}}}},
    "maybe": {"type": "string", "nullable": True},
}
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "spec": {
        "group": "example.com",
        "names": {"kind": "Gadget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "required": ["spec"],
                        "properties": {"spec": {"type": "object", "required": ["free"], "properties": FIELDS}},
                    }
                },
            }
        ],
    },
}


def nodes() -> list[tuple[Node, dict[str, Any]]]:
    builtin = Builtin()
    deployment = builtin.kind("apps", "v1", "Deployment")
    gadget = custom_kinds([DEFINITION])["example.com", "Gadget"].versions["v1"].node(lambda: builtin.metadata)
    assert deployment is not None
    return [(deployment, DEPLOYMENT), (gadget, GADGET)]


def warm(node: Node, sound: dict[str, Any]) -> Accepts:
    accepts = Accepts(node, Compiler())
    for _ in range(ENOUGH):
        accepts(sound)
    return accepts


CASES = [(node, warm(node, sound), sound) for node, sound in nodes()]
STRANGE = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=4), st.just([]), st.just({}),
    st.just({"strange": 1}), st.just({1: 2}), st.just([{}]), st.just([None]), st.just("1.5Gi"), st.just("\udc80"),
    st.just({"\udc80": 1}), st.just(1 << 70), st.just(2.0), st.builds(Unknown, st.just("not known")),
)  # fmt: skip


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [way]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found.extend(places(item, (*way, key)))
    return found


def changed(value: Any, way: tuple[Any, ...], replacement: Any) -> Any:
    copy = deepcopy(value)
    parent = copy
    for step in way[:-1]:
        parent = parent[step]
    parent[way[-1]] = replacement
    return copy


@pytest.mark.parametrize(("node", "accepts", "sound"), CASES, ids=["Deployment", "Gadget"])
def test_a_sound_object_is_accepted_once_enough_were_seen(node: Node, accepts: Accepts, sound: dict[str, Any]) -> None:
    assert not node.faults(sound)
    assert accepts(sound)
    assert not Accepts(node, Compiler())(sound)


@given(data=st.data())
def test_what_is_accepted_has_no_faults(data: st.DataObject) -> None:
    node, accepts, sound = data.draw(st.sampled_from(CASES))
    way = data.draw(st.sampled_from(places(sound)[1:]))
    if data.draw(st.booleans()) and isinstance(way[-1], str):
        way = (*way[:-1], data.draw(st.sampled_from(["strange", "status", "replicas", "name", "maybe", "size"])))
    strange = changed(sound, way, data.draw(STRANGE))
    if accepts(strange):
        assert not node.faults(strange)


@pytest.mark.parametrize(
    ("way", "value"),
    [
        (("spec", "replicas"), "2"),
        (("spec", "replicas"), True),
        (("spec", "replica"), 2),
        (("spec", "strategy", "type"), "Rolling"),
        (("spec", "template", "spec", "containers", 0, "resources", "limits", "memory"), "1Gig"),
        (("metadata", "labels", "app"), 1),
        (("spec", "template", "spec", "containers"), [{"image": "web:1"}]),
    ],
)
def test_faults_are_found_in_a_kind_seen_often(way: tuple[Any, ...], value: Any) -> None:
    schemas = Schemas()
    for _ in range(ENOUGH + 1):
        assert not schemas.problems("apps", "v1", "Deployment", deepcopy(DEPLOYMENT))
    assert schemas.problems("apps", "v1", "Deployment", changed(DEPLOYMENT, way, value))


@pytest.mark.parametrize("way", places(DEPLOYMENT)[1:], ids=str)
def test_a_value_that_is_not_known_is_no_fault_in_a_kind_seen_often(way: tuple[Any, ...]) -> None:
    node, accepts, _ = CASES[0]
    unknown = changed(DEPLOYMENT, way, Unknown("not known"))
    assert not accepts(unknown) or not node.faults(unknown)
    assert not node.faults(unknown)


def test_an_object_is_walked_once() -> None:
    schemas = Schemas()
    raw = deepcopy(DEPLOYMENT)
    assert schemas.problems("apps", "v1", "Deployment", raw) is schemas.problems("apps", "v1", "Deployment", raw)
    assert schemas.problems("apps", "v1", "StatefulSet", raw) != []
