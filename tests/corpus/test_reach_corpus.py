"""Other projects' tables of what NetworkPolicies let through, pair by pair."""

import json
import os
import re
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from conformant.load import Options, load
from conformant.platform import Platform
from conformant.profile import Profile
from conformant.reach.answers import Answers
from conformant.reach.blocks import network
from conformant.reach.queries import target

BESIDE = Path(__file__).parents[3] / "shared" / "corpus"
CORPUS = Path(os.environ.get("CONFORMANT_CORPUS", BESIDE))
pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="no labelled cases at CONFORMANT_CORPUS")


def cases(source: str, tag: str = "") -> list[Any]:
    if not (CORPUS / source).is_dir():
        return []
    lines = (CORPUS / source / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    return [pytest.param(case, id=case["id"]) for case in found if not tag or tag in " ".join(case["tags"])]


def answers(files: tuple[str, ...], outside: tuple[str, ...] = ()) -> Answers:
    return _answers(files, outside)


@cache
def _answers(files: tuple[str, ...], outside: tuple[str, ...]) -> Answers:
    loaded = load(list(files), Profile(), Options())
    extra = [found for found in map(network, outside) if found is not None]
    return Answers(Platform(loaded.resources, Profile()), extra)


def allowed(known: Answers, source: str, destination: str, protocol: str, port: int) -> bool:
    [found] = known.connections(target(source), target(destination))
    assert not found.undecided
    return found.open.has(protocol, port)


def end(name: str) -> str:
    return name.removeprefix("external:") if name.startswith("external:") else f"Pod/{name}"


@pytest.mark.parametrize("case", cases("recipes"))
def test_recipes(case: dict[str, Any]) -> None:
    folder = CORPUS / "recipes"
    pairs = json.loads((folder / case["expected"]).read_text(encoding="utf-8"))["pairs"]
    names = {end(pair[side]) for pair in pairs for side in ("src", "dst")}
    known = answers(
        tuple(str(folder / file) for file in case["files"]),
        tuple(sorted(name for name in names if "/" not in name)),
    )
    wrong = [
        pair for pair in pairs
        if allowed(known, end(pair["src"]), end(pair["dst"]), pair["protocol"], pair["port"]) != pair["allowed"]
    ]  # fmt: skip
    assert pairs
    assert wrong == []


@pytest.mark.parametrize("case", cases("cyclonus", "simulated-by-cyclonus"))
def test_cyclonus_tables(case: dict[str, Any]) -> None:
    """Its table applies policies to a pod's traffic to itself too; a pod does reach itself, so that is
    compared before the exception is made."""
    folder = CORPUS / "cyclonus"
    table = json.loads((folder / case["expected"]).read_text(encoding="utf-8"))
    known = answers(tuple(str(folder / file) for file in case["files"]))
    classes = known.reach.classes
    wrong = []
    for source, destination, expected in table["pairs"]:
        if expected is None:
            continue
        one, other = classes.of[f"Pod/{source}"], classes.of[f"Pod/{destination}"]
        ports = known.reach.ports(one, other)
        if ports.has(table["protocol"], table["port"]) != expected:
            wrong.append((source, destination, expected))
        if source != destination:
            assert allowed(known, end(source), end(destination), table["protocol"], table["port"]) == expected
    assert wrong == []


def endpoint(stated: dict[str, Any], name: str) -> dict[str, Any] | None:
    inside = stated.get("Internal")
    if inside is None:
        return None
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": inside["Namespace"], "labels": inside["PodLabels"]},
        "spec": {"containers": [{"name": "main"}]}, "status": {"podIP": stated["IP"]},
    }  # fmt: skip


@pytest.mark.parametrize("case", cases("cyclonus", "synthetic-endpoints"))
def test_cyclonus_queries(case: dict[str, Any], tmp_path: Path) -> None:
    folder = CORPUS / "cyclonus"
    query = json.loads((folder / case["expected"]).read_text(encoding="utf-8"))[case["index"]]
    traffic = query["traffic"]
    documents, names = [], []
    for side, name in ((traffic["Source"], "source"), (traffic["Destination"], "destination")):
        made = endpoint(side, name)
        names.append(f"Pod/{made['metadata']['namespace']}/{name}" if made else str(ip_address(side["IP"])))
        if made:
            labels = side["Internal"]["NamespaceLabels"]
            within = {"name": made["metadata"]["namespace"], "labels": labels}
            documents += [made, {"apiVersion": "v1", "kind": "Namespace", "metadata": within}]
    pods = tmp_path / "pods.json"
    pods.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": documents}))
    policies = []
    for file in sorted(path for entry in case["files"] for path in (folder / entry).glob("*.yaml")):
        copied = tmp_path / file.name
        copied.write_text(file.read_text(encoding="utf-8").replace("namespace: y", 'namespace: "y"'))
        policies.append(str(copied))
    outside = tuple(name for name in names if "/" not in name)
    known = answers((str(pods), *policies), outside)
    found = allowed(known, names[0], names[1], traffic["Protocol"], traffic["ResolvedPort"])
    assert found == query["allowed"]


@pytest.mark.parametrize("case", cases("cyclonus", "go-literal"))
def test_cyclonus_matcher(case: dict[str, Any], tmp_path: Path) -> None:
    """One policy admits SCTP from everybody; the queries stand in Go, of which protocol and source differ."""
    cases = json.loads((CORPUS / "cyclonus" / case["expected"]).read_text(encoding="utf-8"))
    query = cases["tests"][case["index"]]
    manifest = tmp_path / "platform.yaml"
    manifest.write_text(cases["policies"][f"{query['policy_var']}Serialized"] + PODS)
    source = "1.2.3.4" if re.search(r"Internal:\s*nil", query["go"]) else "Pod/y/source"
    protocol = re.search(r"Protocol: v1.Protocol(\w+)", query["go"])
    assert protocol is not None
    known = answers((str(manifest),), ("1.2.3.4",))
    assert allowed(known, source, "Pod/x/destination", protocol[1], 103) == query["allowed"]


PODS = """
---
{apiVersion: v1, kind: Pod, metadata: {name: source, namespace: "y"}, spec: {containers: [{name: main}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: destination, namespace: x}, spec: {containers: [{name: main}]}}
"""


def netassert(case: dict[str, Any]) -> bool:
    return case.get("allowed") is not None and "k8sResource" in (case["dst"] or {})


DEFAULT_DENY = """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: default-deny-all, namespace: %s}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
"""


@pytest.mark.parametrize("case", [each for each in cases("netassert") if netassert(each.values[0])])
def test_netassert(case: dict[str, Any], tmp_path: Path) -> None:
    folder = CORPUS / "netassert"
    files = [str(folder / file) for file in case["files"]]
    if case["id"].startswith("netassert:phase2"):
        namespaces = {case[side]["k8sResource"]["namespace"] for side in ("src", "dst")}
        extra = tmp_path / "deny.yaml"
        extra.write_text("---".join(DEFAULT_DENY % each for each in sorted(namespaces)))
        files.append(str(extra))
    known = answers(tuple(files))
    ends = [case[side]["k8sResource"] for side in ("src", "dst")]
    source, destination = (f"{each['kind']}/{each['namespace']}/{each['name']}" for each in ends)
    assert allowed(known, source, destination, case["protocol"].upper(), case["port"]) == case["allowed"]
