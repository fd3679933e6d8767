"""Objects of the wrong shape: no check breaks on any of them."""

import random
from collections.abc import Iterator
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformant.config import Settings
from conformant.content import content
from conformant.evaluate import evaluate
from conformant.leaf import Exporter, load_folder
from conformant.load import Options, load
from conformant.load.manifests import Parsed, resource
from conformant.model import Resource, Status
from conformant.platform import Platform
from conformant.profile import Profile
from conformant.run import all_checks, check, schemas
from conformant.terminal import render
from conformant.verdict import exit_code
from conformant.waivers import Waivers

TODAY = date(2026, 11, 22)
HARDENED = load([str(content("fixtures") / "platforms" / "hardened")], Profile(), Options())
CHECKS = all_checks(Settings())
EXPORTERS: list[Exporter] = load_folder(str(content("reports")), Exporter)
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec: {hostPID: true, containers: []}\n"

ODD = {
    "a kind that nobody knows": "apiVersion: example.io/v1\nkind: Frobnicator\nmetadata: {name: x}\nspec: [1]\n",
    "a list as spec": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: []\n",
    "no metadata": "apiVersion: v1\nkind: Pod\nmetadata: null\nspec: {containers: [{name: a}]}\n",
    "a mapping as containers": "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: {}}\n",
    "numbers as names": "apiVersion: v1\nkind: Pod\nmetadata: {name: 5, namespace: 7}\nspec: {containers: [{name: 1}]}",
    "lists as names": "apiVersion: v1\nkind: Pod\nmetadata: {name: [a], namespace: {b: c}}\nspec: null\n",
    "labels as text": "apiVersion: v1\nkind: Pod\nmetadata: {name: x, labels: a=b, annotations: [a]}\nspec: {}\n",
    "text as a container": "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [a, null, 5, [b]]}\n",
    "a list as kind": "apiVersion: v1\nkind: [Pod]\nmetadata: {name: x}\n",
    "empty names": 'apiVersion: ""\nkind: ""\nmetadata: {name: ""}\n',
    "keys that are no text": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {1: 2, true: 3, null: 4}",
    "rules that are no rules": "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: x}\n"
    "spec: {podSelector: [], policyTypes: Egress, egress: [null, {to: {}, ports: 5}], ingress: {from: 1}}\n",
    "a list of nothing": "apiVersion: v1\nkind: List\nitems: [null, 1, {}, {kind: Pod}]\n",
    "a definition of nothing": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
    "metadata: {name: x}\nspec: {group: 5, names: [], versions: {a: b}, scope: null}\n",
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_objects_break_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "odd.yaml").write_text(ODD[name])
    (tmp_path / "pod.yaml").write_text(POD)
    report = check([str(tmp_path)], today=TODAY)
    assert [result.reason for result in report.of(Status.ERROR)] == []
    assert any(result.check == "WRK-023" and result.resource.name == "web" for result in report.of(Status.FAIL))
    assert all("".join(each.function(report)) for each in EXPORTERS)
    assert "".join(render(report, color=True, width=120, verbose=True))


# every check over objects of the wrong shape

WRONG: list[Any] = [
    None, [], {}, "", "text", 0, 1, -1, 3.5, True, False, [None], [[]], [{}], ["x"], [1], {"a": None}, {"a": []},
    {1: 2}, {"": ""}, {None: 1}, 10**30, "*", "1Gi", "50%", "a/b:c@d", "0 3 * * *", {"name": {}}, [{"name": []}],
]  # fmt: skip


def spots(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all values inside a value."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in entries:
        if path or key not in ("kind", "apiVersion"):
            yield (*path, key)
            yield from spots(each, (*path, key))


def bent(raw: Any, chance: random.Random) -> Any:
    """A copy with one to three values replaced."""
    raw = deepcopy(raw)
    for _ in range(chance.choice((1, 1, 3))):
        ways = list(spots(raw))
        if ways:
            *way, last = chance.choice(ways)
            holder = raw
            for step in way:
                holder = holder[step]
            holder[last] = deepcopy(chance.choice(WRONG))
    return raw


MADE_HERE = {"FluentdConfig", "FluentBitConfig", "root", "provider", "terraform", "variable", "output"}
"""Kinds whose values have the loader's shape, not the user's."""


@pytest.mark.parametrize("seed", range(16))
def test_no_check_breaks_on_a_shape(seed: int) -> None:
    chance, profile = random.Random(seed), Profile()
    resources: list[Resource] = []
    twins: dict[int, Resource] = {}
    for each in HARDENED.resources:
        ours = each.family in ("kubernetes", "terraform", "config") and each.kind not in MADE_HERE
        raw = bent(each.raw, chance) if ours and chance.random() < 0.5 else each.raw
        if each.family == "kubernetes":
            made = resource(Parsed(raw, each.locator, each.source, "", None, top=False), profile, frozenset())
        else:
            made = Resource(
                family=each.family, group=each.group, version=each.version, kind=each.kind, name=each.name,
                namespace=each.namespace, raw=raw, locator=each.locator, source=each.source, address=each.address,
                parent=twins.get(id(each.parent), each.parent), meta=each.meta,
            )  # fmt: skip
        twins[id(each)] = made
        resources.append(made)
    waivers = Waivers()
    waivers.read_annotations(resources)
    platform = Platform(resources, profile, schemas(profile, HARDENED))
    verdicts = evaluate(CHECKS, platform, today=TODAY, waivers=waivers)
    broken = {f"{result.check}: {result.reason}" for result in verdicts.results if result.status is Status.ERROR}
    assert sorted(broken) == []


OBJECTS = [each.raw for each in HARDENED.resources if each.family == "kubernetes"]
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_any_manifest_is_judged(tmp_path: Path, data: st.DataObject) -> None:
    raw = deepcopy(data.draw(st.sampled_from(OBJECTS)))
    *way, last = data.draw(st.sampled_from(list(spots(raw))))
    holder = raw
    for step in way:
        holder = holder[step]
    holder[last] = data.draw(VALUES)
    file = tmp_path / "x.json"
    file.write_bytes(msgspec.json.encode(raw))
    report = check([str(file)], today=TODAY)
    assert [result.reason for result in report.of(Status.ERROR)] == []
    assert exit_code(report) in (0, 1, 3)
