"""Writes the corpora that the benchmarks measure: the hardened platform, many times, under new names."""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from conformant.content import content

HARDENED = content("fixtures") / "platforms" / "hardened"
NAMESPACES = ("inferloop", "data", "gateway", "observability")
PER_FILE = 5
ANNOTATIONS = """\
    example.com/owner: platform
    example.com/team: delivery
    example.com/cost-center: cc-4711
    example.com/tier: backend
    example.com/stage: production
    example.com/region: us-east-1
    example.com/zone: a
    example.com/release: "2026.11.2"
    example.com/build: "18423"
    example.com/commit: 9f1c2ab
    example.com/pipeline: deploy-main
    example.com/ticket: CHG-12345
    example.com/reviewed-by: two-people
    example.com/runbook: rb-0042
    example.com/dashboard: dsh-0042
    example.com/pager: rota-7
    example.com/data-class: internal
    example.com/lifecycle: stable
    example.com/source: platform.git
    example.com/template: service-v3
    example.com/wave: third
    example.com/slo: three-nines
    example.com/window: sun-0200
    example.com/backup: daily
    example.com/contact: chat-platform
    example.com/docs: page-118
    example.com/sync-wave: tenth
    example.com/checksum: a81f0c55
    example.com/schema: v7
    example.com/audit: audited-2026
"""
FAULTS = (
    (re.compile(r"^(\s*)readOnlyRootFilesystem: true$", re.MULTILINE), r"\1readOnlyRootFilesystem: false"),
    (re.compile(r"^(\s*)allowPrivilegeEscalation: false$", re.MULTILINE), r"\1allowPrivilegeEscalation: true"),
    (re.compile(r"^(\s*)runAsNonRoot: true$", re.MULTILINE), r"\1runAsNonRoot: false"),
    (re.compile(r"^(\s*)type: RuntimeDefault$", re.MULTILINE), r"\1type: Unconfined"),
    (re.compile(r"@sha256:[0-9a-f]{64}"), ""),
    (re.compile(r"^(\s*)kubernetes\.io/metadata\.name: ", re.MULTILINE), r"\1name: "),
    (re.compile(r"^  namespace: [\w-]+\n", re.MULTILINE), ""),
    (re.compile(r"^(\s*)tls: true$", re.MULTILINE), r"\1tls: false"),
    (re.compile(r"^  refreshInterval: .*$", re.MULTILINE), "  refreshInterval: 48h"),
    (re.compile(r"^(\s*)mode: STRICT$", re.MULTILINE), r"\1mode: DISABLE"),
)  # fmt: skip


def documents() -> list[str]:
    """The YAML documents of the hardened platform."""
    found: list[str] = []
    for file in sorted(HARDENED.rglob("*.yaml")):
        if "terraform" not in file.parts:
            found.extend(re.split(r"^---\n", file.read_text(encoding="utf-8"), flags=re.MULTILINE))
    return [document for document in found if re.search(r"^kind: ", document, re.MULTILINE)]


def copies(number: int) -> Iterator[str]:
    """At least `number` documents: the platform again and again, each time in namespaces of its own."""
    originals = [_described(document) for document in documents()]
    copied = [document for document in originals if "namespace: istio-system" not in document]
    names = "|".join(NAMESPACES)
    pattern = re.compile(rf"(namespace: |metadata\.name: |\.|^  name: )({names})\b", re.MULTILINE)
    made, copy = 0, 0
    while made < number:
        for document in originals if copy == 0 else copied:
            yield pattern.sub(rf"\g<1>\g<2>-{copy:05d}", document)
        made, copy = made + len(originals), copy + 1


def _described(document: str) -> str:
    """With the many short annotations that delivery tools write on every object."""
    if re.search(r"^  annotations:$", document, re.MULTILINE):
        return re.sub(r"^  annotations:\n", "  annotations:\n" + ANNOTATIONS, document, count=1, flags=re.MULTILINE)
    return re.sub(r"^metadata:\n", "metadata:\n  annotations:\n" + ANNOTATIONS, document, count=1, flags=re.MULTILINE)


def write(folder: Path, *, resources: int, faulty: int) -> int:
    """A corpus of `resources` objects, five a file, every `faulty`-th file with faults; returns bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    pending: list[str] = []
    size = files = 0
    for document in islice(copies(resources), resources):
        pending.append(document.strip("\n"))
        if len(pending) == PER_FILE:
            size += _file(folder, files, pending, faulty)
            files += 1
            pending = []
    if pending:
        size += _file(folder, files, pending, faulty)
    return size


def _file(folder: Path, number: int, texts: list[str], faulty: int) -> int:
    text = "\n---\n".join(texts) + "\n"
    if number % faulty == faulty - 1:
        for pattern, replacement in FAULTS:
            text = pattern.sub(replacement, text)
    group = folder / f"group-{number // 100:03d}"
    group.mkdir(exist_ok=True)
    (group / f"platform-{number:05d}.yaml").write_text(text, encoding="utf-8")
    return len(text)


def write_terraform(folder: Path, blocks: int) -> int:
    """A root module of about `blocks` AWS blocks; returns bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    size = 0
    (folder / "main.tf").write_text(_HEAD, encoding="utf-8")
    for start in range(0, blocks // 6, 25):
        text = "".join(_BLOCK.replace("NUMBER", str(index)) for index in range(start, min(start + 25, blocks // 6)))
        (folder / f"store_{start:05d}.tf").write_text(text, encoding="utf-8")
        size += len(text)
    return size


_HEAD = """terraform {
  backend "s3" {
    bucket       = "state"
    key          = "platform"
    region       = "us-east-1"
    encrypt      = true
    use_lockfile = true
    kms_key_id   = "alias/state"
  }
}

provider "aws" {
  region = "us-east-1"
}

variable "encrypt" {
  type    = bool
  default = true
}

locals {
  tags = { team = "platform", cost = "shared" }
}
"""

_BLOCK = """resource "aws_s3_bucket" "storeNUMBER" {
  bucket = "store-NUMBER-${local.tags.team}"
  tags   = merge(local.tags, { Name = "storeNUMBER" })
}

resource "aws_s3_bucket_public_access_block" "storeNUMBER" {
  bucket                  = aws_s3_bucket.storeNUMBER.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "storeNUMBER" {
  bucket = aws_s3_bucket.storeNUMBER.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_kms_key" "storeNUMBER" {
  description             = "key of store NUMBER"
  enable_key_rotation     = true
  deletion_window_in_days = 30
}

resource "aws_db_instance" "storeNUMBER" {
  identifier                  = "store-NUMBER"
  engine                      = "postgres"
  engine_version              = "16"
  instance_class              = "db.t3.medium"
  storage_encrypted           = var.encrypt
  kms_key_id                  = aws_kms_key.storeNUMBER.arn
  multi_az                    = true
  backup_retention_period     = 14
  deletion_protection         = true
  publicly_accessible         = false
  manage_master_user_password = true
  tags                        = local.tags
}

resource "aws_security_group" "storeNUMBER" {
  name   = "store-NUMBER"
  vpc_id = "vpc-1234"
  ingress {
    description = "clients"
    from_port   = 5432
    to_port     = 5432
    protocol    = "tcp"
    cidr_blocks = ["10.0.0.0/16"]
  }
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["10.0.0.0/16"]
  }
}

"""
