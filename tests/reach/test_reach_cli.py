"""``conformant reach``: its JSON, its exit codes, what its questions mean."""

import json
from pathlib import Path
from typing import Any

import pytest

from conformant.cli import main

SHOP = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{name: main, image: web, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop}
spec:
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}}
    spec: {containers: [{name: main, image: api}]}
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
    - from: [{podSelector: {matchLabels: {app: api}}}]
      ports: [{port: http}, {port: 9000, endPort: 9010}, {protocol: UDP, port: 53}]
    - from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]
      ports: [{port: 8080}]
"""


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["reach", *arguments])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    code, out, _ = run(capsys, *arguments, "--format", "json")
    assert code == 0
    found: list[dict[str, Any]] = json.loads(out)["connections"]
    return found


@pytest.fixture
def shop(tmp_path: Path) -> str:
    (tmp_path / "shop.yaml").write_text(SHOP)
    return str(tmp_path)


def test_all_ports_at_once(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    [found] = ask(capsys, shop, "--from", "Deployment/shop/api", "--to", "Pod/shop/web")
    assert (found["from"], found["to"]) == ("Deployment/shop/api", "Pod/shop/web")
    assert [(each["protocol"], each["ports"]) for each in found["allowed"]] == [
        ("TCP", "8080,9000-9010"), ("UDP", "53"),
    ]  # fmt: skip
    assert {each["policy"] for each in found["allowed"][0]["because"] if "policy" in each} == {"NetworkPolicy/shop/web"}
    assert found["denied_because"][0]["policy"] == "NetworkPolicy/shop/web"


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Pod/shop/web:8080", [("TCP", "8080")]),
        ("shop/web:http", [("TCP", "8080")]),
        ("web:53/UDP", [("UDP", "53")]),
        ("web:53", []),
        ("web:53/*", [("UDP", "53")]),
        ("pod/sh*/w?b:9005-9020", [("TCP", "9005-9010")]),
        ("Service/shop/front", [("TCP", "80")]),
        ("svc/shop/front:8080", []),
        ("front:80", [("TCP", "80")]),
    ],
)
def test_questions(question: str, expected: Any, shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    [found] = ask(capsys, shop, "--from", "api", "--to", question)
    assert [(each["protocol"], each["ports"]) for each in found["allowed"]] == expected
    assert bool(found["denied_because"]) == (not expected or question in ("pod/sh*/w?b:9005-9020", "web:53/*"))


def test_a_pod_reaches_itself(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    [found] = ask(capsys, shop, "--from", "web", "--to", "web")
    assert [each["ports"] for each in found["allowed"]] == ["all", "all", "all"]
    assert found["denied_because"] == []


def test_outside_ranges_are_disjoint_blocks(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = ask(capsys, shop, "--from", "world", "--to", "web")
    reached = {each["from"] for each in found if each["allowed"]}
    assert "10.0.0.0/16" in reached
    assert "10.1.0.0/16" not in reached
    [inside], [excepted] = (
        ask(capsys, shop, "--from", address, "--to", "web:8080") for address in ("10.9.9.9", "10.1.9.9")
    )
    assert (inside["from"], bool(inside["allowed"])) == ("10.9.9.9/32", True)
    assert (excepted["from"], excepted["allowed"]) == ("10.1.9.9/32", [])
    [out] = ask(capsys, shop, "--from", "web", "--to", "203.0.113.7:443")
    assert out["allowed"][0]["ports"] == "443"


def test_without_a_question_all_pairs_are_told(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = {(each["from"], each["to"]): each for each in ask(capsys, shop)}
    assert ("Pod/shop/web", "Deployment/shop/api") in found
    assert ("Deployment/shop/api", "::/0") in found
    assert not any("/" not in one for pair in found for one in pair)


def test_what_a_change_opens_and_closes(shop: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = tmp_path / "new"
    new.mkdir()
    (new / "shop.yaml").write_text(SHOP.replace("port: 9000, endPort: 9010", "port: 9005, endPort: 9020"))
    code, out, _ = run(capsys, str(new), "--diff", f"{shop}/shop.yaml", "--format", "json")
    found = json.loads(out)
    assert code == 0
    assert [(each["to"], each["ports"][0]["ports"]) for each in found["opened"]] == [("Pod/shop/web", "9011-9020")]
    assert [(each["to"], each["ports"][0]["ports"]) for each in found["closed"]] == [("Pod/shop/web", "9000-9004")]
    code, out, _ = run(capsys, f"{shop}/shop.yaml", "--diff", f"{shop}/shop.yaml", "--format", "json")
    same = json.loads(out)
    assert (same["connections"], same["opened"], same["closed"]) == ([], [], [])


@pytest.mark.parametrize(
    "arguments",
    [
        ("--to", "nobody"), ("--from", "web:80"), ("--to", "web:99999"), ("--to", "web:80/ICMP"), ("--to", ":80"),
        ("--probes", "--format", "csv"),
    ],
)  # fmt: skip
def test_wrong_questions(arguments: tuple[str, ...], shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, error = run(capsys, shop, *arguments)
    assert (code, out) == (2, "")
    assert error.startswith("conformant: ")


def test_what_is_not_known_is_undecided(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shop.yaml").write_text(
        SHOP.replace("matchLabels: {app: api}}}]", 'matchLabels: {app: "{{ .App }}"}}}]')
    )
    code, out, _ = run(capsys, str(tmp_path), "--from", "api", "--to", "web:8080", "--format", "json")
    [found] = json.loads(out)["connections"] or [{"allowed": []}]
    assert code == 3
    assert found["allowed"] == []


def test_nothing_to_answer_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.yaml").write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n")
    code, _, error = run(capsys, str(tmp_path), "--format", "json")
    assert code == 3
    assert "no pods" in error


def test_the_table_says_why_and_why_not(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, shop, "--from", "api", "--to", "web:22")
    assert code == 0
    assert "denied" in out
    assert "NetworkPolicy/shop/web selects the destination" in out
    code, out, _ = run(capsys, shop)
    assert code == 0
    assert "Pod/shop/web" in out


def test_classes_hold_what_policies_do_not_tell_apart(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, shop, "--classes", "--format", "json")
    found = json.loads(out)
    assert code == 0
    assert sorted(found["classes"]) == ["Deployment/shop/api", "Pod/shop/web"]
    passing = {(each["from"], each["to"]) for each in found["connections"]}
    assert ("Deployment/shop/api", "Pod/shop/web") in passing
    assert ("Pod/shop/web", "Pod/shop/web") not in passing
    assert all(each["allowed"] for each in found["connections"])


def test_the_probe_plan_has_controls(shop: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, shop, "--probes", "--format", "json")
    plan = json.loads(out)["probes"]
    assert code == 0
    denied = [each for each in plan if each["expected"] == "denied"]
    allowed = {each["id"] for each in plan if each["expected"] == "allowed"}
    assert denied
    assert all(each.get("unproven") or set(each["controls"]) <= allowed for each in denied)
