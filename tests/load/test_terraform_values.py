"""Expressions to values. The expected ones are what `terraform` 1.11 itself answers."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformant.load.terraform import load_directory
from conformant.model import Undecided, Unknown

ROOT = 'provider "test" {}\n'


def values(text: str) -> dict[str, Any]:
    """The attributes of ``test_thing.it`` in a root module."""
    resources, coverage = load_directory("d", {"d/main.tf": (ROOT + text).encode()})
    assert [entry.status for entry in coverage] == ["read"], coverage
    return next(resource.raw for resource in resources if resource.kind == "test_thing")


def value(expression: str, before: str = "") -> Any:
    return values(f'{before}\nresource "test_thing" "it" {{\n  value = {expression}\n}}\n').get("value")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("-7 % 3", -1),
        ("7 / 2", 3.5),
        ("0.1 + 0.2", 0.3),
        ('"5" + 1', 6),
        ('1 == "1"', False),
        ("true == 1", False),
        ("1 == 1.0", True),
        ("{a = 1} == {a = 1}", True),
        ("!(true && false) || false", True),
        ('"${1.50} ${1e3} ${true}"', "1.5 1000 true"),
        ('"a\\tb\\\\n\\u00e9$${x}%%{y} $z"', "a\tb\\né${x}%{y} $z"),
        ('"${"nested ${"deep"}"}"', "nested deep"),
        ('"%{ if 1 < 2 }y%{ else }n%{ endif }"', "y"),
        ('"%{ for x in ["a", "b"] ~} ${x} %{ endfor ~}"', "a b "),
        ('"a ${~ "x" ~}   b"', "axb"),
        ('{"a" = 1, b : 2, (upper("c")) = 3}', {"a": 1, "b": 2, "C": 3}),
        ("[1, 2,\n  3,\n]", [1, 2, 3]),
        ('[for s in ["a", "b"] : upper(s) if s != "a"]', ["B"]),
        ("{for k, v in {b = 1, a = 2} : v => k}", {"1": "b", "2": "a"}),
        ('{for s in ["a", "b", "a"] : s => 1...}', {"a": [1, 1], "b": [1]}),
        ('[for k, v in toset(["y", "x"]) : "${k}${v}"]', ["xx", "yy"]),
        ("[{a = [1, 2]}, {a = [3, 4]}][*].a[0]", [1, 3]),
        ("[{a = [1, 2]}, {a = [3, 4]}].*.a[0]", [1, 2]),
        ('"x"[*]', ["x"]),
        ('try({a = 1}.b, "fallback")', "fallback"),
        ("can({a = 1}.b)", False),
        ("merge({a = 1}, {b = 2}, {a = 3})", {"a": 3, "b": 2}),
        ('lookup({a = 1}, "b", 2)', 2),
        ('format("%s-%03d-%5.1f|%-5s|%5s|%q", "a", 7, 2.25, "ab", "cd", "q")', 'a-007-  2.2|ab   |   cd|"q"'),
        ('join(",", concat(["b"], ["a"]))', "b,a"),
        ('element(["a", "b", "c"], 4)', "b"),
        ("keys({b = 1, a = 2})", ["a", "b"]),
        ("flatten([[1, [2]], 3, []])", [1, 2, 3]),
        ('toset(["b", "a", "b"])', ["a", "b"]),
        ('coalesce(null, "", "x")', "x"),
        ("range(4, 1)", [4, 3, 2]),
        ('setproduct(["a", "b"], [1])', [["a", 1], ["b", 1]]),
        ('replace("a1b22", "/[0-9]+/", "#")', "a#b#"),
        ('regex("([a-z]+)-([0-9]+)", "abc-12")', ["abc", "12"]),
        ('substr("hello", -3, -1)', "llo"),
        ('cidrsubnet("10.0.0.0/8", 8, 3)', "10.3.0.0/16"),
        ('cidrhost("10.0.0.0/8", -1)', "10.255.255.255"),
        ('jsonencode({b = [1, true, null], a = "é<"})', '{"a":"é\\u003c","b":[1,true,null]}'),
        ('jsondecode("{\\"a\\":[1,2.5]}")', {"a": [1, 2.5]}),
        ("max([1, 5, 3]...)", 5),
    ],
)
def test_expressions(expression: str, expected: Any) -> None:
    found = value(expression)
    assert json.dumps(found, sort_keys=True) == json.dumps(expected, sort_keys=True)


def test_heredocs() -> None:
    text = """resource "test_thing" "it" {
  plain = <<EOT
foo   ${~ "x" ~}
   bar \\n "quoted"
EOT
  flush = <<-EOT
      a

     b
   EOT
  loop = <<-EOT
    %{ for ip in ["1", "2"] ~}
    server ${ip}
    %{ endfor ~}
    end
  EOT
}
"""
    assert values(text) == {
        "plain": 'foox   bar \\n "quoted"\n',
        "flush": " a\n\nb\n",
        "loop": "    server 1\n    server 2\n    end\n",
    }


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("var.none", "value is var.none, which has no value"),
        ('"x-${var.none}"', "value depends on var.none, which has no value"),
        ("var.none ? 1 : 2", "value depends on var.none, which has no value"),
        ("upper(var.none)", "value depends on var.none, which has no value"),
        ("test_other.it.arn", "value is test_other.it.arn, which is known after apply"),
        ("local.loop", "value is local.loop, which refers to itself"),
        ('file("secret.txt")', "value depends on file(), which is not evaluated"),
        ("terraform.workspace", "value is terraform.workspace, which is known only when Terraform runs"),
        ("module.far.out", "value is module.far.out, which is an output of a module that was not read (a/b/c)"),
        ("[][0]", "value is an expression, which cannot be evaluated: the index is outside of the list"),
        ("1 / 0", "value depends on an expression, which cannot be evaluated: division by zero, or a number that"),
        ('can(regex("^(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"))', "value depends on regex()"),
    ],
)  # fmt: skip
def test_what_cannot_be_known_says_why(expression: str, reason: str) -> None:
    before = (
        'variable "none" {}\nlocals {\n  loop = local.loop\n}\nresource "test_other" "it" {}\n'
        'module "far" {\n  source = "a/b/c"\n}\n'
    )
    found = value(expression, before)
    assert isinstance(found, Unknown)
    assert found.reason.startswith(reason)
    with pytest.raises(Undecided):
        bool(found)


def test_unknowns_stay_where_they_are() -> None:
    found = value('merge({ a = 1, b = var.none }, { c = [2, "${var.none}-x"] })', 'variable "none" {}')
    assert found["a"] == 1
    assert found["c"][0] == 2
    assert found["b"].reason == "value.b depends on var.none, which has no value"
    assert found["c"][1].references == ("var.none",)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("false && var.none", False),
        ("true || var.none", True),
        ('contains(["a", var.none], "a")', True),
        ("length([var.none])", 1),
        ('lookup({ a = 1, b = var.none }, "a", 0)', 1),
        ('{ a = 1, b = var.none }["a"]', 1),
        ("test_thing.it == null", False),
    ],
)
def test_unknowns_do_not_spread_further_than_they_must(expression: str, expected: Any) -> None:
    assert value(expression, 'variable "none" {}') == expected


def test_null_is_absent_and_unknown_is_not() -> None:
    found = values('variable "none" {}\nresource "test_thing" "it" {\n  gone = null\n  here = var.none\n}\n')
    assert set(found) == {"here"}


def test_types_convert_and_optional_attributes_have_defaults() -> None:
    text = """
variable "given" {
  type = object({
    name    = string
    size    = optional(number, 3)
    enabled = optional(bool)
    tags    = optional(map(string), {})
  })
  default = { name = 1, extra = "dropped" }
}
variable "flag" {
  type    = bool
  default = "false"
}
resource "test_thing" "it" {
  given = var.given
  flag  = var.flag
}
"""
    assert values(text) == {"given": {"name": "1", "size": 3, "enabled": None, "tags": {}}, "flag": False}


def test_dynamic_blocks_expand_or_are_unknown() -> None:
    text = """
variable "none" {}
resource "test_thing" "it" {
  dynamic "rule" {
    for_each = { http = 80, https = 443 }
    content {
      name = rule.key
      port = rule.value
    }
  }
  rule {
    name = "last"
  }
  dynamic "other" {
    for_each = var.none
    iterator = each_other
    content {
      name = each_other.value
    }
  }
  dynamic "nothing" {
    for_each = []
    content {}
  }
}
"""
    found = values(text)
    assert found["rule"] == [{"name": "http", "port": 80}, {"name": "https", "port": 443}, {"name": "last"}]
    assert isinstance(found["other"][0], Unknown)
    assert found["other"][0].reason == "other is a dynamic block: var.none has no value"
    assert "nothing" not in found


JSON = st.recursive(
    st.booleans() | st.integers(-(10**9), 10**9) | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=8,
)


def written(found: Any) -> str:
    if isinstance(found, dict):
        return "{" + ", ".join(f'"{key}" = {written(inner)}' for key, inner in found.items()) + "}"
    if isinstance(found, list):
        return "[" + ", ".join(map(written, found)) + "]"
    if isinstance(found, str):
        return '"' + found.replace("\\", "\\\\").replace('"', '\\"').replace("${", "$${").replace("%{", "%%{") + '"'
    return json.dumps(found)


@given(JSON)
def test_what_is_written_is_what_is_read(found: Any) -> None:
    assert value(written(found)) == found


@given(JSON)
def test_encoding_and_decoding_json_changes_nothing(found: Any) -> None:
    assert value(f"jsondecode(jsonencode({written(found)}))") == found
