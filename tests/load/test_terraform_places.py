import pytest

from conformant.load.terraform import load_directory
from conformant.model import Resource

TEXT = """\
# a bucket
resource "test_thing" "it" { # of things
  name = "x" # its name

  # two
  # comments
  tags = {
    one = 1
    two = [
      "a", "b",
    ]
  }
  policy = jsonencode({
    Statement = [
      { Effect = "Allow" },
    ]
  })
  merged = merge(local.x, { last = 1 })
  /* in between */ other = 2
  text   = <<-EOT
    # not a comment
  EOT
  rule {
    port = 1
  }
  dynamic "rule" {
    for_each = [2, 3]
    content {
      port = rule.value
      deep {
        x = 1
      }
    }
  }
  rule {
    port = 4
    deep {
      x = 2
    }
  }
  lifecycle {
    prevent_destroy = true
  }
}
locals {
  x = {}
}
provider "test" {}
"""


@pytest.fixture(scope="module", params=["\n", "\r\n"])
def thing(request: pytest.FixtureRequest) -> Resource:
    data = ("\ufeff" + TEXT.replace("\n", request.param)).encode()
    resources, _ = load_directory("in", {"in/a.tf": data}, shown=lambda path: f"shown/{path}")
    return next(resource for resource in resources if resource.kind == "test_thing")


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ((), 2, 1),
        (("absent",), 2, 1),
        (("name",), 3, 3),
        (("name", "x", 3), 3, 3),
        (("tags",), 7, 3),
        (("tags", "one"), 8, 5),
        (("tags", "two", 1), 10, 12),
        (("tags", "three"), 7, 3),
        (("policy", "Statement", 0, "Effect"), 15, 9),
        (("merged", "last"), 18, 29),
        (("other",), 19, 20),
        (("rule",), 23, 3),
        (("rule", 0, "port"), 24, 5),
        (("rule", 1, "port"), 29, 7),
        (("rule", 2, "deep", 0, "x"), 31, 9),
        (("rule", 3, "port"), 36, 5),
        (("rule", 3, "deep", 0, "x"), 38, 7),
        (("rule", 9), 26, 3),
        (("lifecycle", 0, "prevent_destroy"), 42, 5),
    ],
)
def test_places(thing: Resource, path: tuple[str | int, ...], line: int, column: int) -> None:
    place = thing.locator.place(path)
    assert (place.file, place.line, place.column) == ("shown/in/a.tf", line, column)


def test_a_place_tells_where_the_value_ends(thing: Resource) -> None:
    assert thing.locator.place(()).end_line == 44
    assert thing.locator.place(("tags",)).end_line == 12
    assert thing.meta.place == thing.locator.place(())


@pytest.mark.parametrize(
    ("path", "comments"),
    [
        ((), [(1, "# a bucket"), (2, "# of things")]),
        (("name",), [(3, "# its name")]),
        (("tags",), [(5, "# two"), (6, "# comments")]),
        (("other",), [(19, "/* in between */")]),
        (("text",), []),
        (("rule",), []),
    ],
)
def test_comments(thing: Resource, path: tuple[str, ...], comments: list[tuple[int, str]]) -> None:
    assert list(thing.locator.comments(path)) == comments


def test_a_resource_of_a_module_stands_in_the_module() -> None:
    files = {
        "in/main.tf": b'provider "test" {}\nmodule "m" {\n  source = "./m"\n  size   = 1\n}\n',
        "in/m/a.tf": b'variable "size" {}\n\nresource "test_thing" "it" {\n  size = var.size\n}\n',
    }
    resources, _ = load_directory("in", files)
    found = {resource.address: resource for resource in resources}
    assert str(found["module.m.test_thing.it"].locator.place(("size",))) == "in/m/a.tf:4:3"
    assert str(found["module.m"].locator.place(("size",))) == "in/main.tf:4:3"


def test_a_root_shows_its_backend() -> None:
    files = {
        "in/main.tf": b'terraform {\n  required_version = "1"\n  backend "s3" {\n    encrypt = false\n  }\n}\n',
        "in/prod.tfbackend": b'bucket = "b"\n',
    }
    resources, _ = load_directory("in", files)
    root = next(resource for resource in resources if resource.kind == "root")
    places = [(), ("required_version",), ("backends", 0), ("backends", 0, "encrypt"), ("backends", 0, "bucket")]
    assert [str(root.locator.place(path)) for path in places] == [
        "in/main.tf:1:1", "in/main.tf:2:3", "in/main.tf:3:3", "in/main.tf:4:5", "in/prod.tfbackend:1:1",
    ]  # fmt: skip
