"""Kubernetes' own kinds: the schemas that kubernetes-validate ships, as the API server applies them."""

import copy
import json
from functools import cache
from pathlib import Path as FilePath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformant.model import Path, Unknown
from conformant.schema import Schemas
from conformant.schema.builtin import nearest_version, shipped_versions, version_priority
from conformant.schema.names import edit_distance, nearest

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "api", "labels": {"app": "api"}, "annotations": {"note": "x"}},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": "api"}},
        "template": {
            "metadata": {"labels": {"app": "api"}},
            "spec": {
                "containers": [
                    {
                        "name": "api",
                        "image": "registry.example/api:1",
                        "args": ["--port", "8000"],
                        "ports": [{"containerPort": 8000, "name": "http"}],
                        "resources": {"limits": {"cpu": 1, "memory": "1Gi"}, "requests": {"cpu": "500m"}},
                        "livenessProbe": {"httpGet": {"path": "/", "port": "http"}},
                    }
                ],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
            },
        },
    },
}


def problems(raw: Any, kubernetes: str = "") -> list[tuple[str, str]]:
    group, _, version = raw["apiVersion"].rpartition("/")
    found = Schemas(kubernetes=kubernetes).problems(group, version, raw["kind"], raw)
    return [(problem.kind, str(problem.path)) for problem in found]


def changed(raw: Any, *steps: str | int, to: Any) -> Any:
    """A copy of `raw` with another value at `steps`; `to` Ellipsis takes the key away."""
    fresh = copy.deepcopy(raw)
    parent = fresh
    for step in steps[:-1]:
        parent = parent[step]
    if to is ...:
        del parent[steps[-1]]
    else:
        parent[steps[-1]] = to
    return fresh


CONTAINER = ("spec", "template", "spec", "containers", 0)


def test_a_sound_manifest_has_no_problems() -> None:
    assert problems(DEPLOYMENT) == []


@pytest.mark.parametrize(
    ("steps", "value", "expected"),
    [
        (("spec", "selector"), ..., [("required", "spec.selector")]),
        (("spec", "selector"), None, [("required", "spec.selector")]),
        ((*CONTAINER, "name"), ..., [("required", "spec.template.spec.containers[0].name")]),
        ((*CONTAINER, "limits"), {}, [("unknown", "spec.template.spec.containers[0].limits")]),
        (("spec", "replicas"), "2", [("type", "spec.replicas")]),
        (("spec", "replicas"), True, [("type", "spec.replicas")]),
        (("spec", "replicas"), 2.5, [("type", "spec.replicas")]),
        (("spec", "replicas"), 2.0, []),
        (("spec", "replicas"), None, []),
        (("metadata", "labels", "app"), True, [("type", "metadata.labels.app")]),
        (("metadata", "annotations", "note"), 1, [("type", "metadata.annotations.note")]),
        (("metadata", "labels"), None, []),
        ((*CONTAINER, "args"), ["a", 1], [("type", "spec.template.spec.containers[0].args[1]")]),
        ((*CONTAINER, "args"), ["a", None], []),
        (("spec", "template", "spec", "containers"), [None], [("required", "spec.template.spec.containers[0].name")]),
        (
            (*CONTAINER, "resources", "limits", "cpu"),
            "1 core",
            [("pattern", "spec.template.spec.containers[0].resources.limits.cpu")],
        ),
        ((*CONTAINER, "resources", "limits", "memory"), "512m", []),
        ((*CONTAINER, "imagePullPolicy"), "always", [("enum", "spec.template.spec.containers[0].imagePullPolicy")]),
        ((*CONTAINER, "imagePullPolicy"), "", []),
        (("metadata", "name"), ..., [("required", "metadata.name")]),
        (("metadata",), ..., [("required", "metadata.name")]),
        (("status",), {"anything": [1]}, []),
        (("spec",), ..., [("required", "spec")]),
        (("spec",), [], [("type", "spec")]),
    ],
)
def test_one_change_gives_these_problems(
    steps: tuple[str | int, ...], value: Any, expected: list[tuple[str, str]]
) -> None:
    assert problems(changed(DEPLOYMENT, *steps, to=value)) == expected


def test_problems_come_in_document_order_and_all_of_them() -> None:
    raw = changed(DEPLOYMENT, "metadata", "labels", "zone", to=1)
    raw["spec"]["paused"] = "no"
    raw["spec"]["template"]["spec"]["containers"].append({"imagee": "x"})
    assert problems(raw) == [
        ("type", "metadata.labels.zone"),
        ("required", "spec.template.spec.containers[1].name"),
        ("unknown", "spec.template.spec.containers[1].imagee"),
        ("type", "spec.paused"),
    ]


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("imagee", "image"), ("volumemounts", "volumeMounts"), ("liveness_probe", "livenessProbe"), ("whatever", "")],
)
def test_an_unknown_field_suggests_the_nearest(wrong: str, meant: str) -> None:
    raw = changed(DEPLOYMENT, *CONTAINER, wrong, to={})
    problem = Schemas().problems("apps", "v1", "Deployment", raw)[0]
    assert (problem.kind, problem.suggestion) == ("unknown", meant)
    assert "silently" in problem.message
    assert "kubectl" in problem.message


def test_unknown_values_are_skipped_wherever_they_stand() -> None:
    unknown = Unknown("known after apply")

    def walk(value: Any, path: tuple[Any, ...]) -> Any:
        yield path
        for step in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
            yield from walk(value[step], (*path, step))

    schemas = Schemas()
    for path in walk(DEPLOYMENT, ()):
        if path:
            assert schemas.problems("apps", "v1", "Deployment", changed(DEPLOYMENT, *path, to=unknown)) == []
    assert schemas.problems("apps", "v1", "Deployment", unknown) == []


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"apiVersion": "v1", "kind": "Secret", "data": {"a": "not base64!"}}, [("pattern", "data.a")]),
        ({"apiVersion": "v1", "kind": "Secret", "data": {"a": "aGVsbG8="}}, []),
        ({"apiVersion": "v1", "kind": "ConfigMap", "data": {"any.key": "x"}}, []),
        (
            {"apiVersion": "v1", "kind": "ConfigMap", "data": {"n": 1, "b": False}},
            [("type", "data.n"), ("type", "data.b")],
        ),
        (
            {
                "apiVersion": "apps/v1",
                "kind": "StatefulSet",
                "spec": {"selector": {}, "template": {"spec": {"containers": []}}},
            },
            [],
        ),
        ({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": {"policyTypes": ["Ingress"]}}, []),
        (
            {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": {"policyTypes": ["ingress"]}},
            [("enum", "spec.policyTypes[0]")],
        ),
        ({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "spec": {}}, []),
        (
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n", "creationTimestamp": "yesterday"}},
            [("pattern", "metadata.creationTimestamp")],
        ),
        (
            {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"labels": {"on": True}, "lables": {}}},
            [("type", "metadata.labels.on"), ("unknown", "metadata.lables")],
        ),
    ],
)
def test_other_kinds(raw: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    raw.setdefault("metadata", {"name": "x"})
    for kubernetes in ("1.25", "1.32", ""):
        assert problems(raw, kubernetes) == expected


def test_no_message_quotes_a_secret() -> None:
    raw = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "hunter2!", "n": 4711}}
    found = Schemas().problems("", "v1", "Secret", raw)
    assert len(found) == 2
    assert not any("hunter2" in problem.message or "4711" in problem.message for problem in found)


def test_a_definition_of_a_kind_may_nest_itself() -> None:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(20):
        schema = {"type": "object", "properties": {"deeper": schema}}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"kind": "Thing", "plural": "things"}
    raw = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {"group": "example.com", "names": names, "scope": "Namespaced", "versions": [version]},
    }
    assert problems(raw) == []
    version["schema"]["openAPIV3Schema"]["properties"]["deeper"]["typ"] = "object"  # type: ignore[index]  # parsed YAML
    assert problems(raw) == [
        ("unknown", "spec.versions[0].schema.openAPIV3Schema.properties.deeper.typ"),
    ]


def test_endless_nesting_is_a_problem_not_a_crash() -> None:
    schema: dict[str, Any] = {}
    for _ in range(3000):
        schema = {"properties": {"x": schema}}
    raw = {"kind": "CustomResourceDefinition", "spec": {"versions": [{"schema": {"openAPIV3Schema": schema}}]}}
    found = Schemas().problems("apiextensions.k8s.io", "v1", "CustomResourceDefinition", raw)
    assert [problem.kind for problem in found] == ["rule"]


@pytest.mark.parametrize(
    ("asked", "used"),
    [("1.25", (1, 25)), ("v1.34.2-eks", (1, 34)), ("1.16", (1, 25)), ("1.99", max(shipped_versions()))],
)
def test_the_nearest_shipped_version_is_used(asked: str, used: tuple[int, ...]) -> None:
    assert nearest_version(asked) == used
    assert Schemas(kubernetes=asked).used == ".".join(map(str, used))


def test_a_wrong_version_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match="'stable' is not a Kubernetes version"):
        Schemas(kubernetes="stable")


@pytest.mark.parametrize(
    ("group", "kind", "scope"),
    [
        ("", "Namespace", "Cluster"),
        ("", "Pod", "Namespaced"),
        ("rbac.authorization.k8s.io", "ClusterRole", "Cluster"),
        ("rbac.authorization.k8s.io", "Role", "Namespaced"),
        ("networking.k8s.io", "IngressClass", "Cluster"),
        ("apps", "Nonsense", None),
        ("example.com", "Thing", None),
    ],
)
def test_scope(group: str, kind: str, scope: str | None) -> None:
    assert Schemas().scope(group, kind) == scope


def test_versions_sort_as_the_api_server_sorts_them() -> None:
    ordered = ["v2", "v1", "v1beta2", "v1beta1", "v1alpha3", "v1alpha1", "odd"]
    assert sorted(["odd", *ordered[:-1]], key=version_priority) == ordered


words = st.text("abcX_", max_size=8)


@given(words, words)
def test_edit_distance_is_a_distance(one: str, other: str) -> None:
    distance = edit_distance(one, other, 99)
    assert distance == edit_distance(other, one, 99)
    assert (distance == 0) == (one == other)
    assert edit_distance(one, other, 2) == min(distance, 3)


@given(words.filter(bool), st.lists(words, max_size=5))
def test_nearest_is_one_of_the_known_or_nothing(name: str, known: list[str]) -> None:
    found = nearest(name, known)
    assert found in known or found == ""
    assert nearest(name.upper(), [name]) == name


@cache
def _oracle() -> Any:
    """jsonschema over the same data files, in their strict form."""
    import jsonschema
    from referencing import Registry, Resource

    folder = shipped_versions()[1, 37].parent
    strict = FilePath(f"{folder}-strict")
    schema = json.loads((strict / "deployment-apps-v1.json").read_text())
    definitions = json.loads((strict / "_definitions.json").read_text())
    resources = [Resource.from_contents(schema), Resource.from_contents(definitions)]
    return jsonschema.Draft202012Validator(schema, registry=resources @ Registry())


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    steps = value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [(*path, step) for step in steps] + [
        place for step in steps for place in _places(value[step], (*path, step))
    ]


VALUES = st.sampled_from([..., None, True, 3, 2.5, "text", [], {}, {"surplus": 1}, ["item"]])


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(_places(DEPLOYMENT)), VALUES)
def test_agrees_with_a_json_schema_validator(place: tuple[Any, ...], value: Any) -> None:
    if value is ... and isinstance(place[-1], int):
        value = {}
    raw = changed(DEPLOYMENT, *place, to=value)
    beyond = {("required", Path(("metadata", "name"))), ("required", Path(("spec", "template", "spec")))}
    ours = [
        problem
        for problem in Schemas(kubernetes="1.37").problems("apps", "v1", "Deployment", raw)
        if problem.kind not in ("enum", "pattern") and (problem.kind, problem.path) not in beyond
    ]
    if value is None:  # absent to the API server, a value to the validator
        raw = changed(DEPLOYMENT, *place, to={} if isinstance(place[-1], int) else ...)
    theirs = list(_oracle().iter_errors(raw))
    if place[0] not in ("apiVersion", "kind") and (len(place) < 2 or place[-2] != "args"):
        assert bool(ours) == bool(theirs), (place, value, ours, [error.message for error in theirs])
