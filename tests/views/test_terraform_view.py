from typing import Any

import pytest

from conformant.load.terraform import load_directory
from conformant.model import Path, Resource, Undecided, Unknown
from conformant.views.terraform import TerraformLinks, TerraformModuleCall, TerraformResource, TerraformRoot


def load(text: str, directory: str = "d") -> dict[str, Resource]:
    resources, _ = load_directory(directory, {f"{directory}/a.tf": ('provider "aws" {}\n' + text).encode()})
    return {resource.address: resource for resource in resources}


@pytest.fixture(scope="module")
def thing() -> TerraformResource:
    found = load("""
variable "none" {}
resource "aws_thing" "it" {
  flag    = "true"
  off     = false
  empty   = ""
  unknown = var.none
  nested {
    value = var.none
    inner {
      a = 1
    }
  }
  nested {
    inner {
      a = 2
    }
    inner {
      a = 3
    }
  }
  dynamic "later" {
    for_each = var.none
    content {}
  }
}
""")
    return TerraformResource(found["aws_thing.it"])


def test_absent_null_and_unknown(thing: TerraformResource) -> None:
    assert thing.get("absent") is None
    assert not thing.has("absent")
    assert thing.has("unknown")
    assert thing.has("unknown", "deeper")
    assert thing.has("nested", 0, "value")
    assert not thing.has("nested", 2)
    with pytest.raises(Undecided, match=r"unknown is var\.none, which has no value"):
        thing.get("unknown")


def test_booleans(thing: TerraformResource) -> None:
    assert thing.true("flag", default=False)
    assert not thing.true("off", default=True)
    assert thing.true("absent", default=True)
    assert not thing.true("empty", default=False)
    with pytest.raises(Undecided):
        thing.true("unknown", default=True)


def test_blocks(thing: TerraformResource) -> None:
    assert [(str(path), block["a"]) for path, block in thing.blocks("nested", "inner")] == [
        ("nested[0].inner[0]", 1),
        ("nested[1].inner[0]", 2),
        ("nested[1].inner[1]", 3),
    ]
    assert thing.blocks("absent") == []
    ((path, block),) = thing.blocks("later")
    assert path == Path(("later", 0))
    with pytest.raises(Undecided):
        block.get("x")
    assert len(thing.blocks("later", "deeper")) == 1


def test_references(thing: TerraformResource) -> None:
    assert thing.references("unknown") == ("var.none",)
    assert thing.references("nested") == ("var.none",)
    assert thing.references("nested", 0, "value") == ("var.none",)
    assert thing.references("nested", 1) == ()


BUCKETS = """
resource "aws_s3_bucket" "one" {
  bucket = "first"
}
resource "aws_s3_bucket" "many" {
  for_each = toset(["x", "y"])
}
resource "aws_s3_bucket_versioning" "by_id" {
  bucket = aws_s3_bucket.one.id
}
resource "aws_s3_bucket_logging" "by_name" {
  bucket = "first"
}
resource "aws_s3_bucket_versioning" "many" {
  for_each = aws_s3_bucket.many
  bucket   = each.value.id
}
resource "aws_s3_bucket_acl" "x" {
  bucket = aws_s3_bucket.many["x"].bucket
}
resource "aws_s3_bucket_replication_configuration" "to" {
  bucket = "elsewhere"
  rule {
    destination {
      bucket = aws_s3_bucket.one.arn
    }
  }
}
resource "aws_alb" "front" {}
resource "aws_lb_listener" "front" {
  load_balancer_arn = aws_alb.front.arn
}
"""


@pytest.mark.parametrize(
    ("address", "type", "attribute", "expected"),
    [
        ("aws_s3_bucket.one", "aws_s3_bucket_versioning", "bucket", ["aws_s3_bucket_versioning.by_id"]),
        ("aws_s3_bucket.one", "aws_s3_bucket_logging", "bucket", ["aws_s3_bucket_logging.by_name"]),
        ('aws_s3_bucket.many["y"]', "aws_s3_bucket_versioning", "bucket", ['aws_s3_bucket_versioning.many["y"]']),
        ('aws_s3_bucket.many["x"]', "aws_s3_bucket_acl", "bucket", ["aws_s3_bucket_acl.x"]),
        ('aws_s3_bucket.many["y"]', "aws_s3_bucket_acl", "bucket", []),
        (
            "aws_s3_bucket.one",
            "aws_s3_bucket_replication_configuration",
            "rule.destination.bucket",
            ["aws_s3_bucket_replication_configuration.to"],
        ),
        ("aws_alb.front", "aws_alb_listener", "load_balancer_arn", ["aws_lb_listener.front"]),
        ("aws_s3_bucket.one", "aws_s3_bucket_policy", "bucket", []),
    ],
)
def test_links(address: str, type: str, attribute: str, expected: list[str]) -> None:
    resources = load(BUCKETS)
    found = TerraformLinks(resources.values()).linked(resources[address], type, attribute)
    assert [resource.address for resource in found] == expected


def test_links_stay_in_their_root() -> None:
    one, two = load(BUCKETS, "one"), load(BUCKETS, "two")
    links = TerraformLinks([*one.values(), *two.values()])
    for resources in (one, two):
        for type in ("aws_s3_bucket_versioning", "aws_s3_bucket_logging"):
            (found,) = links.linked(resources["aws_s3_bucket.one"], type, "bucket")
            assert resources[found.address] is found


POLICIES = """
variable "any" {}
resource "aws_s3_bucket" "b" {}
resource "aws_x" "heredoc" {
  policy = <<-EOT
    {"Statement": {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::${var.any}:root"},
     "Action": ["a", "${var.any}"],
     "Resource": ["${aws_s3_bucket.b.arn}/*", ${jsonencode(aws_s3_bucket.b.arn)}], "NotAction": ${jsonencode(var.any)}}}
  EOT
}
resource "aws_x" "encoded" {
  policy = jsonencode({
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:x"
      Resource  = join("", [aws_s3_bucket.b.arn, "/*"])
      NotAction = format("%s:%s", aws_s3_bucket.b.arn, "x")
      Condition = { StringEquals = { "${replace(aws_s3_bucket.b.url, "https://", "")}:sub" = "a" } }
    }]
  })
}
data "aws_iam_policy_document" "base" {
  statement {
    sid     = "A"
    actions = ["base"]
  }
  statement {
    sid     = "B"
    actions = ["base"]
  }
}
data "aws_iam_policy_document" "whole" {
  source_policy_documents   = [data.aws_iam_policy_document.base.json]
  override_policy_documents = [var.any]
  statement {
    sid       = "A"
    effect    = "Deny"
    actions   = ["x", "y"]
    resources = ["*", aws_s3_bucket.b.arn]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
    principals {
      type        = "Service"
      identifiers = ["s"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}
resource "aws_x" "data" {
  policy = data.aws_iam_policy_document.whole.json
}
resource "aws_x" "unknown" {
  policy = var.any
}
resource "aws_x" "none" {}
resource "aws_x" "text" {
  policy = "not a document"
}
"""


@pytest.fixture(scope="module")
def policies() -> dict[str, Resource]:
    return load(POLICIES)


def statements(resource: Resource) -> list[Any]:
    document = TerraformResource(resource).policy_document("policy")
    assert document is not None
    return document["Statement"]  # type: ignore[no-any-return]  # parsed JSON


def test_a_heredoc_with_unknown_parts(policies: dict[str, Resource]) -> None:
    (statement,) = statements(policies["aws_x.heredoc"])
    assert statement["Effect"] == "Allow"
    assert statement["Principal"] == {"AWS": "arn:aws:iam::${var.any}:root"}
    assert statement["Action"][0] == "a"
    assert isinstance(statement["Action"][1], Unknown)
    assert statement["Resource"][0] == "${aws_s3_bucket.b.arn}/*"
    assert isinstance(statement["NotAction"], Unknown)
    with pytest.raises(Undecided):
        TerraformResource(policies["aws_x.heredoc"]).get("policy")


def test_an_encoded_object_with_unknown_parts(policies: dict[str, Resource]) -> None:
    (statement,) = statements(policies["aws_x.encoded"])
    assert statement == {
        "Effect": "Allow",
        "Action": "sts:x",
        "Resource": "${aws_s3_bucket.b.arn}/*",
        "NotAction": "${aws_s3_bucket.b.arn}:x",
        "Condition": {"StringEquals": {"${aws_s3_bucket.b.url}:sub": "a"}},
    }


def test_a_document_of_statement_blocks(policies: dict[str, Resource]) -> None:
    first, second, last = statements(policies["aws_x.data"])
    assert first == {
        "Sid": "A",
        "Effect": "Deny",
        "Action": ["x", "y"],
        "Resource": ["*", "${aws_s3_bucket.b.arn}"],
        "Principal": {"AWS": "*", "Service": "s"},
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    assert (second["Sid"], second["Action"], second["Effect"]) == ("B", "base", "Allow")
    assert isinstance(last, Unknown)


def test_documents_that_are_not_there(policies: dict[str, Resource]) -> None:
    assert TerraformResource(policies["aws_x.none"]).policy_document("policy") is None
    assert TerraformResource(policies["aws_x.text"]).policy_document("policy") is None
    with pytest.raises(Undecided, match=r"policy is var\.any"):
        TerraformResource(policies["aws_x.unknown"]).policy_document("policy")


def test_module_calls_and_roots() -> None:
    found = load("""
terraform {
  backend "s3" {
    encrypt = true
  }
}
module "m" {
  source    = "./m"
  version   = "1"
  providers = { aws = aws.west }
  size      = 1
}
""")
    call = TerraformModuleCall(found["module.m"])
    assert (call.source, call.is_local, call.inputs, call.providers) == ("./m", True, {"size": 1}, {"aws": "aws.west"})
    root = TerraformRoot(found["root.d"])
    assert (root.role, root.directory) == ("root", "d")
    assert [(str(path), backend["type"]) for path, backend in root.backends] == [("backends[0]", "s3")]


def test_regions_and_doubt() -> None:
    found = load("""
variable "none" {}
provider "aws" {
  alias  = "west"
  region = "us-west-2"
}
provider "aws" {
  alias  = "later"
  region = var.none
}
resource "aws_x" "west" {
  provider = aws.west
}
resource "aws_x" "later" {
  provider = aws.later
}
resource "aws_x" "own" {
  region = "eu-west-1"
}
resource "aws_x" "maybe" {
  count = var.none ? 1 : 0
  lifecycle {
    prevent_destroy = true
  }
}
""")
    views = {address: TerraformResource(resource) for address, resource in found.items()}
    assert (views["aws_x.west"].region, views["aws_x.west"].provider) == ("us-west-2", "aws.west")
    assert views["aws_x.later"].region is None
    assert views["aws_x.own"].region == "eu-west-1"
    assert views["aws_x.maybe"].doubt == "count depends on var.none has no value"
    assert views["aws_x.maybe"].lifecycle == {"prevent_destroy": True}
    assert not views["aws_x.own"].doubt
