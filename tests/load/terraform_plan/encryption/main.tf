variable "bucket" {}

variable "algorithm" {
  type = string
}

variable "queue" {
  type = object({
    name  = optional(string, "d")
    delay = optional(number)
  })
  default = {}
}

resource "aws_s3_bucket_server_side_encryption_configuration" "main" {
  bucket = var.bucket
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = var.algorithm
    }
  }
}

resource "aws_sqs_queue" "events" {
  name                       = "q-${var.queue.name}"
  visibility_timeout_seconds = try(var.queue.delay + 1, 33)
}

output "bucket" {
  value = var.bucket
}
