"""A recorded plan of Terraform 1.11 with the AWS provider, and the HCL that it was made from."""

import json
from pathlib import Path as FilePath
from typing import Any

import pytest

from conformant.load.terraform import load_directory, load_plan
from conformant.model import Path, Resource, Unknown
from conformant.views.terraform import TerraformLinks, TerraformResource

FOLDER = FilePath(__file__).parent / "terraform_plan"
PLAN = (FOLDER / "plan.json").read_bytes()
HCL = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in FOLDER.rglob("*.tf")}


def by_address(resources: list[Resource]) -> dict[str, Resource]:
    return {resource.address: resource for resource in resources}


@pytest.fixture(scope="module")
def hcl() -> list[Resource]:
    return load_directory(".", HCL)[0]


@pytest.fixture(scope="module")
def alone() -> dict[str, Resource]:
    resources, (coverage,) = load_plan("plan.json", PLAN)
    assert (coverage.status, coverage.resources) == ("read", len(resources))
    return by_address(resources)


@pytest.fixture(scope="module")
def joined(hcl: list[Resource]) -> dict[str, Resource]:
    return by_address(load_plan("plan.json", PLAN, hcl)[0])


def differences(written: Any, planned: Any, path: Path = Path()) -> list[str]:
    if written is None or isinstance(written, Unknown) or isinstance(planned, Unknown):
        return []
    if isinstance(written, dict) and isinstance(planned, dict):
        return [line for key in written for line in differences(written[key], planned.get(key), path / key)]
    if isinstance(written, list) and isinstance(planned, list) and len(written) == len(planned):
        if path and path[-1] == "ingress":  # a set, which a plan orders by itself
            written, planned = (sorted(items, key=lambda item: item["from_port"]) for items in (written, planned))
        pairs = enumerate(zip(written, planned, strict=True))
        return [line for nth, (one, other) in pairs for line in differences(one, other, path / nth)]
    return [] if written == planned else [f"{path}: {written!r} is not {planned!r}"]


def test_what_hcl_says_is_what_the_plan_says(joined: dict[str, Resource]) -> None:
    planned = [resource for resource in joined.values() if resource.source == "plan"]
    assert len(planned) == 17
    for resource in planned:
        assert resource.meta.twin is not None, resource.address
        assert differences(resource.meta.twin.raw, resource.raw) == [], resource.address


def test_a_plan_replaces_its_twins_and_leaves_the_rest(hcl: list[Resource], joined: dict[str, Resource]) -> None:
    replaced = {resource.meta.twin.address for resource in joined.values() if resource.source == "plan"}
    assert replaced == {resource.address for resource in hcl} - {
        resource.address for resource in joined.values() if resource.source == "terraform"
    }
    assert {'module.encryption["one"]', "provider.aws.west", "root.."} <= joined.keys()


def test_unset_is_absent_not_unknown(alone: dict[str, Resource]) -> None:
    database = alone["aws_db_instance.main[0]"]
    assert isinstance(database.raw["kms_key_id"], Unknown)
    for name in ("storage_encrypted", "backup_retention_period", "multi_az", "arn"):
        assert name not in database.raw
    assert "encrypted" not in alone["aws_ebs_volume.scratch"].raw
    rule = alone['module.encryption["two"].aws_s3_bucket_server_side_encryption_configuration.main'].raw["rule"][0]
    assert rule == {"apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms"}]}


def test_sensitive_values_are_not_kept(alone: dict[str, Resource]) -> None:
    password = alone["aws_db_instance.main[1]"].raw["password"]
    assert isinstance(password, Unknown)
    assert password.reason == "password is sensitive"
    assert password.references == ("var.database_password",)
    assert TerraformResource(alone["aws_db_instance.main[1]"]).has("password")
    assert not any("example-only" in repr(resource.raw) for resource in alone.values())


def test_references_and_regions(alone: dict[str, Resource], joined: dict[str, Resource]) -> None:
    versioning = alone['aws_s3_bucket_versioning.data["x"]']
    assert versioning.meta.references["bucket"] == ("aws_s3_bucket.data",)
    encryption = alone['module.encryption["one"].aws_s3_bucket_server_side_encryption_configuration.main']
    assert encryption.meta.references["bucket"] == ('aws_s3_bucket.data["x"]',)
    assert encryption.namespace == 'module.encryption["one"]'
    assert alone["aws_ebs_volume.scratch"].meta.region == "us-west-2"
    assert alone["aws_ebs_volume.scratch"].meta.provider == "aws.west"
    assert encryption.meta.region == "us-east-1"
    assert alone["module.encryption"].raw["source"] == "./encryption"
    assert joined["aws_ebs_volume.scratch"].meta.lifecycle == {"prevent_destroy": True}
    for resources in (alone, joined):
        links = TerraformLinks(resources.values())
        for key in ("x", "y"):
            bucket = resources[f'aws_s3_bucket.data["{key}"]']
            found = links.linked(bucket, "aws_s3_bucket_versioning", "bucket")
            assert [resource.address for resource in found] == [f'aws_s3_bucket_versioning.data["{key}"]']


def test_places_come_from_the_twin(alone: dict[str, Resource], joined: dict[str, Resource]) -> None:
    group = joined["aws_security_group.web"]
    lines = HCL["main.tf"].decode().splitlines()
    for nth, block in enumerate(group.raw["ingress"]):
        place = group.locator.place(("ingress", nth, "from_port"))
        expected = "from_port   = 22" if block["description"] == "ssh" else "from_port   = ingress.value"
        assert lines[place.line - 1].strip() == expected
    place = alone["aws_security_group.web"].locator.place(("ingress",))
    assert PLAN[place.column - 1 :].startswith(b'"address":"aws_security_group.web"')


@pytest.mark.parametrize("address", ["aws_kms_key.main", "aws_iam_policy.objects", "aws_iam_policy.inline"])
def test_policy_documents(joined: dict[str, Resource], address: str) -> None:
    document = TerraformResource(joined[address]).policy_document("policy")
    assert document is not None
    (statement,) = document["Statement"]
    expected: dict[str, tuple[Any, Any]] = {
        "aws_kms_key.main": (
            "kms:*",
            ['${aws_s3_bucket.data["x"].arn}', '${aws_s3_bucket.data["y"].arn}/*'],
        ),
        "aws_iam_policy.objects": ("s3:*", "*"),
        "aws_iam_policy.inline": ("*", ["${aws_kms_key.main.arn}"]),
    }
    assert (statement["Effect"], statement["Action"], statement["Resource"]) == ("Allow", *expected[address])


def test_a_deferred_document_is_read_from_its_data_source(alone: dict[str, Resource]) -> None:
    document = TerraformResource(alone["aws_kms_key.main"]).policy_document("policy")
    assert document is not None
    (statement,) = document["Statement"]
    assert (statement["Action"], statement["Principal"]) == ("kms:*", {"AWS": "*"})
    assert all(isinstance(each, Unknown) for each in statement["Resource"])


def plan(*changes: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"format_version": "1.2", "resource_changes": changes, **more}).encode()


def change(actions: list[str], after: Any = None, **more: Any) -> dict[str, Any]:
    marks = {"actions": actions, "after": after, "after_unknown": {}, "after_sensitive": {}, **more}
    return {"address": "test_thing.it", "mode": "managed", "type": "test_thing", "name": "it", "change": marks}


@pytest.mark.parametrize(
    ("actions", "kept"),
    [(["create"], 1), (["no-op"], 1), (["delete", "create"], 1), (["delete"], 0), (["forget"], 0)],
)
def test_what_goes_away_is_not_judged(actions: list[str], kept: int) -> None:
    assert len(load_plan("p", plan(change(actions, {"a": 1})))[0]) == kept


@pytest.mark.parametrize("marks", [{"a": True}, {"a": {"b": True}}, True])
def test_marks_of_sensitive_values(marks: Any) -> None:
    (found,), _ = load_plan("p", plan(change(["create"], {"a": {"b": "s3cr3t"}}, after_sensitive=marks)))
    assert "s3cr3t" not in repr(found.raw)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"{", "not JSON"),
        (b"[]", "not a plan of format 1 (format_version absent)"),
        (b'{"format_version": "2.0", "resource_changes": []}', "not a plan of format 1 (format_version 2.0)"),
        (b'{"format_version": "1.0", "values": {}}', "not a plan of format 1 (format_version 1.0)"),
        (b"\xff", "not JSON"),
    ],
)
def test_what_is_no_plan_is_refused(hcl: list[Resource], data: bytes, reason: str) -> None:
    resources, (coverage,) = load_plan("p.json", data, hcl)
    assert resources == hcl
    assert coverage.status == "unreadable"
    assert coverage.reason.startswith(reason)
    assert coverage.place is not None


def test_odd_plans_do_not_break() -> None:
    odd = [change(["create"], None), change(["create"], [1]), {"change": {}}, {"change": None}, {"address": 3}]
    resources, (coverage,) = load_plan("p", plan(*odd, configuration=[], prior_state={"values": None}))
    assert coverage.status == "read"
    assert len(resources) == 3
    (resource,), _ = load_plan("p", plan(change(["create"], {"a": None, "b": [None]}, after_unknown={"c": True})))
    assert resource.raw == {"b": [None]}


def test_a_plan_decides_what_is_in_doubt() -> None:
    text = (
        'variable "many" {}\nprovider "test" {}\nresource "test_thing" "it" {\n  count = var.many\n  a = 1\n}\n'
        'resource "test_thing" "gone" {\n  count = var.many\n}\nresource "test_thing" "kept" {}\n'
    )
    hcl, _ = load_directory("d", {"d/a.tf": text.encode()})
    made = change(["create"], {"a": 2})
    resources, _ = load_plan("p", plan({**made, "address": "test_thing.it[0]", "index": 0}), hcl)
    things = {resource.address: resource.raw for resource in resources if resource.kind == "test_thing"}
    assert things == {"test_thing.kept": {}, "test_thing.it[0]": {"a": 2}}
