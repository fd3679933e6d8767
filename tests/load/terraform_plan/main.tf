terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region                      = var.region
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

provider "aws" {
  alias                       = "west"
  region                      = "us-west-2"
  skip_credentials_validation = true
  skip_requesting_account_id  = true
  skip_metadata_api_check     = true
}

variable "region" {
  default = "us-east-1"
}

variable "database_password" {
  sensitive = true
  default   = "example-only"
}

locals {
  names = ["x", "y"]
  ports = { http = 80, https = 243 }
  tags  = merge({ a = "1" }, { b = format("%03d", 7) })
}

resource "aws_s3_bucket" "data" {
  for_each = toset(local.names)
  bucket   = "acme-${each.key}"
  tags     = local.tags
}

resource "aws_s3_bucket_versioning" "data" {
  for_each = aws_s3_bucket.data
  bucket   = each.value.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_security_group" "web" {
  name = "web"
  dynamic "ingress" {
    for_each = local.ports
    content {
      description = ingress.key
      from_port   = ingress.value
      to_port     = ingress.value
      protocol    = "tcp"
      cidr_blocks = [cidrsubnet("10.0.0.0/8", 8, ingress.value)]
    }
  }
  ingress {
    description = "ssh"
    from_port   = 22
    to_port     = 22
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_db_instance" "main" {
  count                  = 2
  instance_class         = "db.t3.micro"
  engine                 = "postgres"
  username               = "u"
  allocated_storage      = 10
  password               = var.database_password
  kms_key_id             = aws_kms_key.main.arn
  vpc_security_group_ids = [aws_security_group.web.id]
}

resource "aws_ebs_volume" "scratch" {
  provider          = aws.west
  availability_zone = "us-west-2a"
  size              = 1
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kms_key" "main" {
  enable_key_rotation = true
  policy              = data.aws_iam_policy_document.key.json
}

data "aws_iam_policy_document" "key" {
  statement {
    sid       = "Keys"
    actions   = ["kms:*"]
    resources = [aws_s3_bucket.data["x"].arn, "${aws_s3_bucket.data["y"].arn}/*"]
    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
  }
}

data "aws_iam_policy_document" "objects" {
  statement {
    sid       = "Objects"
    actions   = ["s3:*"]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "objects" {
  policy = data.aws_iam_policy_document.objects.json
}

resource "aws_iam_policy" "inline" {
  policy = jsonencode({
    Statement = [{ Action = "*", Effect = "Allow", Resource = [aws_kms_key.main.arn] }]
  })
}

module "encryption" {
  source    = "./encryption"
  for_each  = { one = "AES256", two = "aws:kms" }
  bucket    = aws_s3_bucket.data["x"].id
  algorithm = each.value
}

output "bucket" {
  value = module.encryption["one"].bucket
}
