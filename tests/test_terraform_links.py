"""What belongs to what among Terraform resources."""

from pathlib import Path

import pytest

from conformant.domain.terraform_links import TerraformIndex, certain, identity, written
from conformant.load import Options, load
from conformant.platform import Platform
from conformant.profile import Profile
from conformant.views.terraform import TerraformModuleCall, TerraformResource

ROOT = """
variable "domain" {
  type = string
}

variable "wanted" {
  type = bool
}

locals {
  bucket = aws_s3_bucket.data.id
}

module "read" {
  source = "./read"
  bucket = aws_s3_bucket.data.id
}

module "unread" {
  source = "example/s3-settings/aws"
  bucket = aws_s3_bucket.data.id
}

resource "aws_s3_bucket" "data" {
  bucket = "Data"
}

resource "aws_s3_bucket" "lone" {
  bucket = "api.${var.domain}"
}

resource "aws_s3_bucket" "other" {
  bucket = "api.${ var.domain }"
}

resource "aws_s3_bucket_versioning" "data" {
  count  = var.wanted ? 1 : 0
  bucket = local.bucket
}

resource "aws_s3_bucket_versioning" "elsewhere" {
  bucket = "elsewhere"
}
"""
MODULE = """
variable "bucket" {
  type = string
}

resource "aws_s3_bucket_acl" "this" {
  bucket = var.bucket
}
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    folder: Path = tmp_path_factory.mktemp("links")
    (folder / "read").mkdir()
    (folder / "main.tf").write_text(ROOT, encoding="utf-8")
    (folder / "read" / "main.tf").write_text(MODULE, encoding="utf-8")
    return Platform(load([str(folder)], Profile(), Options()).resources, Profile())


def one(platform: Platform, address: str) -> TerraformResource:
    return next(each for each in platform.of(TerraformResource) if each.address == address)


def test_settings_and_their_owner(platform: Platform) -> None:
    index = platform.derived(TerraformIndex)
    data = one(platform, "aws_s3_bucket.data")
    versioning, acl = (
        one(platform, "aws_s3_bucket_versioning.data"),
        one(platform, "module.read.aws_s3_bucket_acl.this"),
    )
    assert index.settings(data, "aws_s3_bucket_versioning", "bucket") == [versioning]
    assert index.settings(data, "aws_s3_bucket_acl", "bucket") == [acl]
    assert index.owner(acl, "aws_s3_bucket", "bucket") is data
    assert index.owner(one(platform, "aws_s3_bucket_versioning.elsewhere"), "aws_s3_bucket", "bucket") is None
    assert index.targets(versioning, "bucket") == [data]
    assert certain([versioning, acl], data) == [acl]


def test_modules(platform: Platform) -> None:
    index = platform.derived(TerraformIndex)
    read, unread = (one(platform, f"module.{name}") for name in ("read", "unread"))
    acl = one(platform, "module.read.aws_s3_bucket_acl.this")
    calls = {call.address: index.is_read(call) for call in platform.of(TerraformModuleCall)}
    assert calls == {"module.read": True, "module.unread": False}
    inner = index.call(acl)
    assert inner is not None
    assert inner.address == read.address
    assert index.call(one(platform, "aws_s3_bucket.data")) is None
    assert list(index.inside(inner, "aws_s3_bucket_acl")) == [acl]
    passed = index.passed_to(one(platform, "aws_s3_bucket.data"), "s3")
    assert passed is not None
    assert passed.address == unread.address
    assert index.passed_to(one(platform, "aws_s3_bucket.data"), "secret") is None
    assert index.passed_to(one(platform, "aws_s3_bucket.lone"), "s3") is None


def test_identity_of_values(platform: Platform) -> None:
    lone, other = one(platform, "aws_s3_bucket.lone"), one(platform, "aws_s3_bucket.other")
    assert identity(one(platform, "aws_s3_bucket.data"), "bucket") == "data"
    assert identity(lone, "absent") == ""
    assert written(lone, "bucket") == '"api.${var.domain}"'
    assert identity(lone, "bucket").startswith("?")
    assert identity(lone, "bucket") == identity(lone, "bucket")
    assert identity(lone, "bucket") != identity(other, "bucket"), "written in another way: not certainly the same"
