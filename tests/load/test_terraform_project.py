from typing import Any

import pytest

from conformant.load.terraform import Variables, load_directory, load_snippet
from conformant.model import FileCoverage, Resource, Unknown


def load(files: dict[str, str], **given: Any) -> tuple[dict[str, Resource], list[FileCoverage]]:
    texts = {f"infra/{name}": text.encode() for name, text in files.items()}
    resources, coverage = load_directory("infra", texts, **given)
    return {resource.address: resource for resource in resources}, coverage


THING = 'variable "size" {\n  default = 1\n}\nresource "test_thing" "it" {\n  size = var.size\n  name = "it"\n}\n'
PROVIDER = 'provider "test" {}\n'
BACKEND = 'terraform {\n  backend "s3" {\n    encrypt = true\n  }\n}\n'


@pytest.mark.parametrize(
    ("files", "roles"),
    [
        ({"main.tf": THING}, {"infra": "library"}),
        ({"main.tf": THING + PROVIDER}, {"infra": "root"}),
        ({"main.tf": THING + BACKEND}, {"infra": "root"}),
        ({"main.tf": THING + "terraform {\n  cloud {}\n}\n"}, {"infra": "root"}),
        ({"main.tf": THING, "prod.tfvars": ""}, {"infra": "root"}),
        ({"main.tf": THING, ".terraform.lock.hcl": ""}, {"infra": "root"}),
        ({"examples/a/main.tf": THING + PROVIDER}, {"infra/examples/a": "library"}),
        (
            {"main.tf": PROVIDER + 'module "m" {\n  source = "./m"\n}\n', "m/main.tf": THING + PROVIDER},
            {"infra": "root", "infra/m": "called"},
        ),
        (
            {"main.tf": THING + PROVIDER, "examples/a/main.tf": 'module "m" {\n  source = "../../"\n}\n'},
            {"infra": "library", "infra/examples/a": "library"},
        ),
        (
            {"a/main.tf": 'module "m" {\n  source = "../b"\n}\n', "b/main.tf": 'module "m" {\n  source = "../a"\n}\n'},
            {"infra/a": "library", "infra/b": "called"},
        ),
    ],
)
def test_roots_called_modules_and_libraries(files: dict[str, str], roles: dict[str, str]) -> None:
    resources, _ = load(files)
    found = {
        resource.raw["directory"]: resource.raw["role"] for resource in resources.values() if resource.kind == "root"
    }
    assert found == roles


def test_modules_that_only_call_each_other_are_read_once_and_end() -> None:
    resources, _ = load(
        {
            "a/main.tf": 'module "m" {\n  source = "../b"\n}\nresource "test_thing" "a" {}\n',
            "b/main.tf": 'module "m" {\n  source = "../a"\n}\nresource "test_thing" "b" {}\n',
        }
    )
    assert [address for address in resources if "test_thing" in address] == ["test_thing.a", "module.m.test_thing.b"]


def test_a_variable_is_unknown_in_a_library_and_has_its_default_in_a_root() -> None:
    library, _ = load({"main.tf": THING})
    assert isinstance(library["test_thing.it"].raw["size"], Unknown)
    assert library["test_thing.it"].raw["size"].reason == "size is var.size, which is an input of this module"
    assert library["test_thing.it"].raw["name"] == "it"
    root, _ = load({"main.tf": THING + PROVIDER})
    assert root["test_thing.it"].raw["size"] == 1


@pytest.mark.parametrize(
    ("values", "given", "size"),
    [
        ({}, {"size": 9}, 9),
        ({"terraform.tfvars": "size = 2"}, {}, 2),
        ({"terraform.tfvars": "size = 2", "z.auto.tfvars": "size = 3"}, {}, 3),
        ({"terraform.tfvars.json": '{"size": 4}'}, {}, 4),
        ({"prod.tfvars": "size = 5"}, {}, 5),
        ({"prod.tfvars": "size = 5", "dev.tfvars": "size = 5"}, {}, 5),
        ({"prod.tfvars": "size = 5", "dev.tfvars": "size = 6"}, {}, None),
        ({"prod.tfvars": "size = 5", "dev.tfvars": ""}, {}, None),
        ({"prod.tfvars": "other = 5"}, {}, 1),
        ({"terraform.tfvars": "size = 2"}, {"size": "9"}, "9"),
    ],
)
def test_values_of_variables(values: dict[str, str], given: dict[str, Any], size: Any) -> None:
    resources, _ = load({"main.tf": THING + PROVIDER, **values}, variables=Variables(given))
    found = resources["test_thing.it"].raw["size"]
    assert isinstance(found, Unknown) if size is None else found == size


def test_variable_files_and_expressions_from_the_command_line(tmp_path: Any) -> None:
    chosen = tmp_path / "chosen.tfvars"
    chosen.write_text('size = 7\nzones = ["a"]\n')
    text = 'variable "zones" {\n  type = list(string)\n}\nresource "test_zone" "it" {\n  zones = var.zones\n}\n'
    resources, _ = load({"main.tf": THING + text}, variables=Variables({"zones": '["b", "c"]'}, (str(chosen),)))
    assert resources["test_thing.it"].raw["size"] == 7
    assert resources["test_zone.it"].raw["zones"] == ["b", "c"]
    chosen.write_text("size = \n")
    with pytest.raises(ValueError, match=r"chosen\.tfvars:1:8: expected a value"):
        load({"main.tf": THING}, variables=Variables({}, (str(chosen),)))


MODULES = {
    "main.tf": PROVIDER
    + """
provider "test" {
  alias  = "west"
  region = "us-west-2"
}
resource "test_bucket" "b" {
  for_each = toset(["x", "y"])
  name     = "b-${each.key}"
}
module "m" {
  source    = "./m"
  for_each  = { one = 1, two = 2 }
  size      = each.value
  bucket    = test_bucket.b["x"].id
  providers = { test = test.west }
}
module "far" {
  source  = "a/b/c"
  version = "1.0"
  size    = 3
}
resource "test_user" "u" {
  count = 2
  size  = module.m["two"].doubled
  far   = module.far.out
  index = count.index
}
""",
    "m/main.tf": """
variable "size" {}
variable "bucket" {}
locals {
  bucket = var.bucket
}
resource "test_thing" "it" {
  size   = var.size
  bucket = local.bucket
}
output "doubled" {
  value = var.size * 2
}
""",
}


def test_modules_are_evaluated_once_per_call() -> None:
    found, _ = load(MODULES)
    one, two = found['module.m["one"].test_thing.it'], found['module.m["two"].test_thing.it']
    assert (one.raw["size"], two.raw["size"]) == (1, 2)
    assert (two.namespace, two.name, two.kind) == ('module.m["two"]', "it", "test_thing")
    assert two.meta.references["bucket"] == ('test_bucket.b["x"]',)
    assert (two.meta.region, two.meta.provider, two.meta.role) == ("us-west-2", "test.west", "called")
    assert two.meta.directory == "infra/m"
    assert two.raw["bucket"].reason == 'bucket is test_bucket.b["x"].id, which is known after apply'
    user = found["test_user.u[1]"]
    assert (user.raw["size"], user.raw["index"], user.name) == (4, 1, "u[1]")
    assert user.meta.references["far"] == ("module.far.out",)
    assert "was not read (a/b/c)" in user.raw["far"].reason
    assert found['test_bucket.b["y"]'].raw == {"name": "b-y"}


def test_module_calls_and_declarations_are_resources() -> None:
    found, _ = load(MODULES)
    assert found["module.far"].raw == {"source": "a/b/c", "version": "1.0", "size": 3}
    assert found['module.m["one"]'].raw["providers"] == {"test": "test.west"}
    assert "for_each" in found['module.m["one"]'].meta.set_attributes
    assert found["provider.test.west"].raw == {"alias": "west", "region": "us-west-2"}
    assert found['module.m["one"].var.size'].kind == "variable"
    assert 'module.m["two"].var.size' not in found  # once per directory


@pytest.mark.parametrize("count", ["var.none", "1000000000", '"many"'])
def test_an_unknown_or_absurd_count_is_one_resource_in_doubt(count: str) -> None:
    text = f'variable "none" {{}}\nresource "test_thing" "it" {{\n  count = {count}\n  name  = "n"\n}}\n'
    found, _ = load({"main.tf": PROVIDER + text})
    assert found["test_thing.it"].raw == {"name": "n"}
    assert found["test_thing.it"].meta.doubt.startswith("count ")


def test_nothing_is_made_of_count_zero() -> None:
    text = 'resource "test_thing" "it" {\n  count = 0\n}\nresource "test_thing" "no" {\n  for_each = {}\n}\n'
    found, _ = load({"main.tf": PROVIDER + text})
    assert not [address for address in found if address.startswith("test_thing")]


def test_a_module_that_multiplies_itself_ends() -> None:
    call = 'module "{0}" {{\n  source = "../m{1}"\n}}\n'
    files = {f"m{n}/a.tf": call.format("x", n + 1) + call.format("y", n + 1) for n in range(40)}
    found, _ = load({**files, "m0/p.tf": PROVIDER})
    assert 1_000 < len(found) < 30_000


def test_override_files_change_what_they_name() -> None:
    found, _ = load(
        {
            "main.tf": PROVIDER + 'resource "test_thing" "it" {\n  a = 1\n  b = 1\n  r {\n    x = 1\n  }\n}\n',
            "x_override.tf": 'resource "test_thing" "it" {\n  b = 2\n  r {\n    x = 2\n  }\n}\n',
        }
    )
    assert found["test_thing.it"].raw == {"a": 1, "b": 2, "r": [{"x": 2}]}


def test_json_syntax() -> None:
    text = """{
      "provider": {"test": {"region": "eu-west-1"}},
      "variable": {"name": {"default": "n"}},
      "resource": {"test_thing": {"it": {
        "name": "x-${var.name}", "tags": {"a": "b"}, "rule": {"port": 80},
        "list": [{"a": 1}, {"a": 2}], "plain": ["a"], "count": 2
      }}}
    }"""
    found, coverage = load({"main.tf.json": text})
    assert [entry.status for entry in coverage] == ["read"]
    expected = {"name": "x-n", "tags": {"a": "b"}, "rule": [{"port": 80}], "list": [{"a": 1}, {"a": 2}], "plain": ["a"]}
    assert found["test_thing.it[1]"].raw == expected
    assert found["test_thing.it[1]"].locator.place(("tags",)).line == 5
    assert found["test_thing.it[0]"].meta.region == "eu-west-1"


def test_backends_of_a_root() -> None:
    def backends(files: dict[str, str]) -> list[dict[str, Any]]:
        found, _ = load({"p/main.tf": BACKEND, **files})
        return found["root.infra/p"].raw["backends"]  # type: ignore[no-any-return]  # parsed HCL

    assert backends({}) == [{"type": "s3", "encrypt": True}]
    assert backends({"p/prod.tfbackend": 'bucket = "b"\n'}) == [{"type": "s3", "encrypt": True, "bucket": "b"}]
    terragrunt = 'remote_state {\n  backend = "s3"\n  config = {\n    bucket = "t"\n    key = path_x()\n  }\n}\n'
    (found,) = backends({"terragrunt.hcl": terragrunt})
    assert (found["type"], found["bucket"], found["encrypt"]) == ("s3", "t", True)
    assert isinstance(found["key"], Unknown)


def test_a_root_says_what_it_uses() -> None:
    settings = """
terraform {
  required_version = "~> 1.9"
  required_providers {
    test = { source = "a/test" }
  }
}
"""
    found, _ = load({"main.tf": THING + PROVIDER + settings, ".terraform.lock.hcl": ""})
    raw = found["root.infra"].raw
    assert (raw["required_version"], raw["required_providers"]) == ("~> 1.9", {"test": {"source": "a/test"}})
    assert (raw["providers"], raw["lock_file"]) == (["test"], True)
    assert raw["files"] == ["infra/main.tf", "infra/.terraform.lock.hcl"]


def test_undeclared_references() -> None:
    text = """
resource "test_thing" "it" {
  a = var.gone
  b = [for x in local.gone : x.y]
  c = module.here.gone
  d = module.far.unread
  e = data.test_x.gone.id
  f = test_thing.it.id
  g = each.key
  dynamic "rule" {
    for_each = []
    content {
      v = rule.value
      w = test_gone.x.id
    }
  }
}
module "here" {
  source = "./m"
}
module "far" {
  source = "a/b/c"
}
"""
    found, _ = load({"main.tf": PROVIDER + text, "m/main.tf": THING})
    undeclared = {(str(path), name, certain) for path, name, certain in found["test_thing.it"].meta.undeclared}
    assert undeclared == {
        ("a", "var.gone", True),
        ("b", "local.gone", True),
        ("c", "module.here.gone", True),
        ("d", "module.far.unread", False),
        ("e", "data.test_x.gone", True),
        ("dynamic[0].content[0].w", "test_gone.x", True),
    }


def test_fetched_modules_are_read(tmp_path: Any) -> None:
    fetched = tmp_path / ".terraform" / "modules" / "far" / "sub"
    fetched.mkdir(parents=True)
    (fetched / "main.tf").write_text(THING)
    text = PROVIDER + 'module "far" {\n  source = "git::https://example.com/x.git//sub?ref=v1"\n  size = 8\n}\n'
    resources, _ = load_directory(str(tmp_path), {str(tmp_path / "main.tf"): text.encode()})
    found = {resource.address: resource for resource in resources}
    assert found["module.far.test_thing.it"].raw["size"] == 8
    assert [resource.raw["role"] for resource in resources if resource.kind == "root"] == ["root"]


def test_a_snippet_is_judged_for_itself() -> None:
    text = """module "a" {
  source = "./m"
  name   = "x"
  other  = module.b.out
}
resource "test_thing" "it" {
  zone = var.zone
}
"""
    resources, coverage = load_snippet("docs/a.md", text, 700)
    found = {resource.address: resource for resource in resources}
    assert coverage == [FileCoverage("docs/a.md", "read", 3)]
    assert found["module.a"].raw["name"] == "x"
    assert found["module.a"].source == "document"
    assert found["module.a"].meta.role == "snippet"
    assert found["test_thing.it"].raw["zone"].reason == "zone is var.zone, which has no value"
    assert str(found["test_thing.it"].locator.place(("zone",))) == "docs/a.md:706:3"
    assert found["root.docs/a.md"].raw["role"] == "snippet"
