"""The audit of a cluster over real sockets: what it asks, what it says, and what it never says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Run = Callable[..., tuple[int, str, str]]
Report = Callable[..., dict[str, Any]]
CANARY = "canary-value-8d1f"


def deployment(name: str = "web", namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    pod = {"containers": [{"name": "web", "image": "web:1", "securityContext": {"privileged": True}}]}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": 2, "template": {"metadata": {"labels": {"app": name}}, "spec": pod}, **spec},
        "status": {"readyReplicas": 2},
    }  # fmt: skip


def pod(name: str, namespace: str = "shop", owner: bool = True) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": namespace}
    if owner:
        metadata["ownerReferences"] = [{"kind": "ReplicaSet", "name": "web-1", "uid": "u", "controller": True}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [{"name": "web"}]}}


def statuses(document: dict[str, Any], id: str) -> dict[str, str]:
    return {one["resource"]["address"]: one["status"] for one in document["results"] if one["id"] == id}


def test_the_static_checks_judge_live_objects_once(cluster: Any, report: Report) -> None:
    for item in (deployment(), pod("web-1-a"), pod("alone", owner=False)):
        cluster.add(item)
    document = report()
    assert statuses(document, "WRK-006") == {"Deployment/shop/web": "fail", "Pod/shop/alone": "pass"}
    [failed] = [one for one in document["results"] if one["id"] == "WRK-006" and one["status"] == "fail"]
    assert failed["resource"]["source"] == "cluster"
    assert failed["findings"][0]["place"]["file"] == "test:apps/Deployment/shop/web"


def test_pages_are_read_whole_and_each_kind_once(cluster: Any, report: Report) -> None:
    for number in range(1203):
        cluster.add(pod(f"pod-{number:04}", owner=False))
    document = report("--select", "WRK-006")
    assert len(statuses(document, "WRK-006")) == 1203
    asked = [path for method, path in cluster.requests if path == "/api/v1/pods"]
    assert len(asked) == 3
    lists = {path for method, path in cluster.requests if method == "GET"}
    assert len(cluster.requests) <= len(lists) + 2 + 50


def test_a_refused_list_is_never_a_pass(cluster: Any, audit: Run, report: Report) -> None:
    cluster.add(deployment())
    cluster.serve("external-secrets.io/v1", "SecretStore")
    cluster.forbidden = lambda verb, resource: resource in ("secretstores", "services")
    document = report()
    assert statuses(document, "LIVE-ROT-001")["Cluster/-/test"] == "unknown"
    unreadable = {one["file"]: one["reason"] for one in document["coverage"]["files"] if one["status"] == "unreadable"}
    assert set(unreadable) == {"test:Service", "test:external-secrets.io/SecretStore"}
    assert "cannot list" in unreadable["test:Service"]
    assert audit("--select", "LIVE-ROT-001")[0] == 3


def test_three_answers_for_three_clusters(
    cluster: Any, audit: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, output, _ = audit("--select", "WRK-006")
    assert code == 3
    assert "the cluster is empty" in output
    cluster.forbidden = lambda verb, resource: True
    code, _, errors = audit()
    assert (code, "is forbidden" in errors) == (3, True)
    text = (tmp_path / "kubeconfig").read_text()
    port = text.partition("127.0.0.1:")[2].partition("\n")[0]
    (tmp_path / "kubeconfig").write_text(text.replace(port, "1"))
    code, _, errors = audit()
    assert (code, "connection refused" in errors) == (3, True)


def test_an_expired_token_is_named(cluster: Any, audit: Run) -> None:
    cluster.unauthorized = True
    code, _, errors = audit()
    assert code == 3
    assert "the credentials are not valid, or no longer" in errors


def test_another_cluster_is_not_audited(cluster: Any, audit: Run, tmp_path: Path) -> None:
    (tmp_path / "conformant.toml").write_text('[live]\ncluster_uid = "another"\n')
    code, _, errors = audit()
    assert (code, "its uid is uid-1, not another" in errors) == (3, True)
    (tmp_path / "conformant.toml").write_text("")
    code, _, errors = audit()
    assert (code, "live.cluster_uid = 'uid-1'" in errors) == (2, True)
    assert all(path in ("/api", "/apis", "/api/v1/namespaces/kube-system") for _, path in cluster.requests)


def test_the_context_must_be_named(cluster: Any, audit: Run, capsys: pytest.CaptureFixture[str]) -> None:
    from conformant.cli import main

    assert main(["audit"]) == 2
    assert "--context NAME" in capsys.readouterr().err
    assert cluster.requests == []


def test_too_many_rights_are_a_finding(cluster: Any, report: Report) -> None:
    cluster.rights = lambda attributes: True
    [found] = [one for one in report()["results"] if one["id"] == "LIVE-SAFE-001"]
    assert found["status"] == "fail"
    assert "list Secret" in found["findings"][0]["message"]
    cluster.rights = lambda attributes: False
    assert statuses(report(), "LIVE-SAFE-001") == {"Cluster/-/test": "pass"}


@pytest.mark.parametrize(
    ("trouble", "status"),
    [
        ((429, {"Retry-After": "0"}), "read"),
        ((503, {}), "read"),
        ((500, {}), "read"),
        ((410, {}), "read"),
    ],
)
def test_passing_trouble_is_survived(cluster: Any, report: Report, trouble: Any, status: str) -> None:
    cluster.add(deployment())
    cluster.trouble = lambda method, path, nth: trouble if "deployments" in path and nth == 0 else None
    document = report("--select", "WRK-006")
    assert {one["file"]: one["status"] for one in document["coverage"]["files"]}["test:apps/Deployment"] == status
    assert statuses(document, "WRK-006") == {"Deployment/shop/web": "fail"}


@pytest.mark.parametrize("code", [410, 429, 504])
def test_lasting_trouble_is_undecided(cluster: Any, report: Report, code: int) -> None:
    cluster.add(deployment())
    cluster.trouble = lambda method, path, nth: (code, {}) if "deployments" in path else None
    document = report("--select", "WRK-006")
    assert {one["file"]: one["status"] for one in document["coverage"]["files"]}["test:apps/Deployment"] == "unreadable"
    assert document["exit_code"] == 3


def test_nothing_but_reads_is_asked(cluster: Any, report: Report) -> None:
    cluster.add(deployment())
    report()
    reviews = ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
    assert {method for method, path in cluster.requests if (method, path) != reviews} == {"GET"}
    assert not [path for _, path in cluster.requests if "secrets" in path and "external" not in path]


def test_a_recording_repeats_the_audit(cluster: Any, audit: Run, tmp_path: Path) -> None:
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": CANARY}
    item = deployment()
    item["metadata"]["annotations"] = annotations
    cluster.add(item)
    cluster.serve("external-secrets.io/v1", "SecretStore")
    cluster.forbidden = lambda verb, resource: resource == "secretstores"
    for style in ("json", "terminal"):
        first = audit("--all", "--format", style, "--record", str(tmp_path / "audit.json"))
        cluster.requests.clear()
        second = audit("--all", "--format", style, "--replay", str(tmp_path / "audit.json"))
        assert second[0] == first[0]
        assert cluster.requests == []
        if style == "json":
            assert second == first
    recorded = (tmp_path / "audit.json").read_text()
    assert (tmp_path / "audit.json").stat().st_mode & 0o777 == 0o600
    assert CANARY not in recorded
    assert "bearer-canary" not in recorded


def test_the_rights_are_printed(audit: Run) -> None:
    code, output, _ = audit("--print-rbac")
    assert code == 0
    assert "kind: ClusterRole" in output
    granted = {
        resource
        for part in yaml.safe_load_all(output)
        for rule in part.get("rules", ())
        for resource in rule.get("resources", ())
    }
    assert "deployments" in granted
    assert not granted & {"secrets", "pods/exec", "nodes/proxy", "*"}


@pytest.mark.parametrize("id", ["LIVE-FO-999", "LIVE-FO-007"])
def test_a_drill_that_is_none_is_refused(cluster: Any, audit: Run, id: str) -> None:
    code, _, errors = audit("--drill", id)
    assert (code, f"no drill '{id}'" in errors) == (2, True)
    assert cluster.requests == []


def test_packets_that_nothing_sends_are_not_promised(cluster: Any, audit: Run) -> None:
    code, _, errors = audit("--probes")
    assert (code, "no probe that sends packets is here yet" in errors) == (2, True)
    assert cluster.requests == []
