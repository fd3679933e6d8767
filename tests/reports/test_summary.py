"""Headings, groups, and what is told once."""

from pathlib import Path as FilePath

import pytest
from msgspec.structs import replace

from conformant.config import Settings
from conformant.model import Cure, Finding, Place, Report, Resource, Result, Severity, Status
from conformant.run import check
from conformant.summary import cure_mark, folded, grouped, heading, undecided
from conformant.terminal import render
from conformant.verdict import findings
from conformant.waivers import Fixed


def thing(
    kind: str, name: str, namespace: str = "", *, family: str = "kubernetes", group: str = "", address: str = ""
) -> Resource:
    return Resource(
        family=family, group=group, version="", kind=kind, namespace=namespace, name=name, raw={},
        locator=Fixed(Place("a")), source="file", address=address,
    )  # fmt: skip


def failing(resource: Resource, *found: Finding, check: str = "X-001") -> Result:
    return Result(check, Status.FAIL, Severity.HIGH, resource, "", list(found))


@pytest.mark.parametrize(
    ("resource", "title"),
    [
        (thing("Kafka", "events", "shop"), "Kafka shop/events"),
        (thing("ClusterIssuer", "public"), "ClusterIssuer public"),
        (thing("Platform", "platform", family="scope"), "Platform"),
        (thing("Namespace", "shop", family="scope"), "Namespace shop"),
        (thing("File", "deploy/a.yaml", family="source", address="File/-/deploy/a.yaml"), "File deploy/a.yaml"),
        (thing("Table", "orders", "shop", family="sql"), "Table shop.orders"),
        (thing("Role", "app", family="sql"), "Role app"),
        (thing("EnvFile", "app/.env", family="config", address="EnvFile/-/app/.env"), "EnvFile app/.env"),
        (
            thing("AuthConfig", "auth.yaml", "shop", family="config", address="ConfigMap/shop/auth/auth.yaml"),
            "ConfigMap shop/auth: auth.yaml",
        ),
        (
            thing("aws_kms_key", "a", "module.b", family="terraform", address="module.b.aws_kms_key.a"),
            "module.b.aws_kms_key.a",
        ),
        (thing("root", "infra", family="terraform", address="root.infra"), "Terraform root infra"),
        (
            thing("tfvars", "a.tfvars", family="terraform", address="tfvars.x/a.tfvars"),
            "Terraform variables x/a.tfvars",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_headings(resource: Resource, title: str) -> None:
    assert heading(resource) == title


def test_a_scope_gives_way_to_the_resource_that_the_finding_points_into() -> None:
    scope, manifest = thing("Platform", "platform", family="scope"), thing("Namespace", "shop")
    policy = thing("NetworkPolicy", "deny", "shop")
    lines = folded([
        (failing(scope), Finding("of a policy", at=policy)),
        (failing(manifest), Finding("of the namespace", at=policy)),
        (failing(policy), Finding("of the policy itself")),
        (failing(scope), Finding("of all")),
    ])  # fmt: skip
    told = [(title, [line.text for line in group]) for title, group in grouped(lines)]
    assert told == [
        ("NetworkPolicy shop/deny", ["of a policy", "of the policy itself"]),
        ("Namespace shop", ["of the namespace"]),
        ("Platform", ["of all"]),
    ]


def test_the_worst_comes_first_then_the_line() -> None:
    one, two = thing("Pod", "one"), thing("Pod", "two")

    def at(line: int, severity: Severity) -> Finding:
        return Finding(f"line {line}", severity=severity, place=Place("a", line))

    pairs = [
        (failing(one), at(9, Severity.MEDIUM)),
        (failing(one), at(5, Severity.HIGH)),
        (failing(one), at(2, Severity.HIGH)),
        (failing(two), at(7, Severity.LOW)),
        (failing(two), at(8, Severity.CRITICAL)),
    ]
    told = [(title, [line.text for line in group]) for title, group in grouped(folded(pairs))]
    assert told == [("Pod two", ["line 8", "line 7"]), ("Pod one", ["line 2", "line 5", "line 9"])]


def test_instances_of_a_module_are_told_once() -> None:
    def instance(module: str, name: str = "a") -> Resource:
        address = f"{module}.aws_kms_key.{name}" if module else f"aws_kms_key.{name}"
        return thing("aws_kms_key", name, module, family="terraform", address=address)

    finding = Finding("rotation is off", severity=Severity.HIGH, place=Place("kms.tf", 3))
    pairs = [
        (failing(instance("module.east")), finding),
        (failing(instance("module.west")), replace(finding)),
        (failing(instance("module.west")), replace(finding, message="something else")),
        (failing(instance("module.west"), check="X-002"), replace(finding)),
        (failing(instance("module.west", "b")), replace(finding)),
        (failing(instance("")), replace(finding)),
    ]
    lines = folded(pairs)
    assert [(line.heading, line.text, line.count) for line in lines] == [
        ("aws_kms_key.a", "rotation is off (in module.east, module.west)", 2),
        ("module.west.aws_kms_key.a", "something else", 1),
        ("module.west.aws_kms_key.a", "rotation is off", 1),
        ("module.west.aws_kms_key.b", "rotation is off", 1),
        ("aws_kms_key.a", "rotation is off", 1),
    ]
    assert sum(line.count for line in lines) == len(pairs)


@pytest.mark.parametrize(
    ("grade", "patched", "mark"),
    [
        ("safe", True, "(safe patch)"), ("review", True, "(patch to review)"), ("none", True, ""),
        ("safe", False, ""), ("review", False, ""),
    ],
)  # fmt: skip
def test_only_a_patch_is_marked(grade: str, patched: bool, mark: str) -> None:
    finding = Finding("", cure=Cure("do it", (((), 1),) if patched else (), grade))  # type: ignore[arg-type]  # grades as words
    assert finding.cure is not None
    assert cure_mark(finding.cure) == mark


def test_undecided_reasons_that_differ_in_names_are_told_once(sample: Report) -> None:
    def open_question(check: str, resource: Resource, reason: str) -> Result:
        return Result(check, Status.UNKNOWN, Severity.HIGH, resource, "", [], reason)

    kafka, topic = thing("Kafka", "events", "shop"), thing("KafkaTopic", "orders", "shop")
    report = replace(
        sample,
        results=[
            open_question("TF-001", kafka, "the size of events is not known"),
            open_question("TF-001", topic, "the size of orders is not known"),
            open_question("TF-002", topic, "the size of orders is not known"),
            open_question("SCH-004", kafka, "x/v1 Kafka: no definition is at hand (--crds) to verify its fields by"),
            open_question("SCH-004", topic, "x/v1 KafkaTopic: no definition is at hand (--crds), for 2 objects"),
            open_question("SCH-002", topic, "x/v1 KafkaTopic: nothing at hand says whether it is served (--crds)"),
        ],
    )
    found, undefined = undecided(report)
    assert [(one.subject, one.reason) for one in found] == [
        ("Kafka shop/events and 1 more", "the size of events is not known"),
        ("KafkaTopic shop/orders", "the size of orders is not known"),
    ]
    sentence = (
        "2 custom kinds have no definition here, so their fields were not verified: give their CRDs with --crds "
        "FOLDER (Kafka, KafkaTopic)"
    )
    assert undefined == sentence
    assert f"  {sentence}\n" in "".join(render(report, color=False, width=120))


POLICIES = """\
apiVersion: v1
kind: ResourceQuota
metadata: {name: quota, namespace: shop}
---
apiVersion: v1
kind: Secret
metadata: {name: empty, namespace: shop}
"""


def test_kinds_without_a_check_of_their_own(tmp_path: FilePath) -> None:
    (tmp_path / "all.yaml").write_text(POLICIES, encoding="utf-8")
    whole = check([str(tmp_path)], Settings())
    assert findings(whole) == []
    assert whole.coverage.unseen_kinds == {"ResourceQuota": 1}
    text = "".join(render(whole, color=False, width=120))
    assert "Only general checks looked at: 1 kind without a check of its own (ResourceQuota)\n" in text
    assert "Not looked at" not in text
    alone = check([str(tmp_path)], Settings(select=("WRK-006", "SEC-009")))
    assert "Not looked at: 1 kind without a check (ResourceQuota)\n" in "".join(render(alone, color=False, width=120))
