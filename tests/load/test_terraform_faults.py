from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformant.load.terraform import load_directory, load_snippet
from conformant.model import Unknown


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ('resource "a" "b" {\n  x = \n}\n', "1.tf:2:7", "expected a value, found a line break"),
        ('resource "a" "b" {\n  x = 1\n', "1.tf:3:1", "expected '}', found the end of the text"),
        ('resource "a" "b" {\n  x = [1, 2\n}\n', "1.tf:3:1", "expected ',', found '}'"),
        ('a = "x\n"', "1.tf:1:5", "the string is not closed on its line"),
        ('a = "\\q"\n', "1.tf:1:6", "unknown escape \\q"),
        ("a = <<EOT\nx\n", "1.tf:1:5", "the heredoc EOT is not closed"),
        ("a = 1\nb = 2\na = 3\n", "1.tf:3:1", "a is set twice"),
        ("a {\n  b = 1 }\n", "1.tf:2:9", "expected a line break, found '}'"),
        ("a = 1 b = 2\n", "1.tf:1:7", "expected a line break, found 'b'"),
        ('a = "%{ if true }x"\n', "1.tf:1:6", "%{ endif } is missing"),
        ("a = @\n", "1.tf:1:5", "unexpected '@'"),
        ("a = " + "(" * 1000, "1.tf:1:104", "nested more than 100 levels deep"),
        ("a {\n" * 1000, "1.tf:100:4", "nested more than 100 levels deep"),
        ("a = \xff", "1.tf:1:5", "not UTF-8"),
    ],
)
def test_a_broken_file_says_where_and_the_others_survive(text: str, place: str, reason: str) -> None:
    good = b'provider "test" {}\nresource "test_thing" "it" {\n  a = var.elsewhere\n}\n'
    resources, coverage = load_directory("d", {"d/1.tf": text.encode("latin-1"), "d/2.tf": good})
    broken, read = coverage
    assert (broken.status, read.status, read.resources) == ("unreadable", "read", 2)
    assert (broken.reason, str(broken.place)) == (reason, "d/" + place)
    found = next(resource for resource in resources if resource.kind == "test_thing")
    assert found.meta.undeclared == []  # the broken file may declare it


def test_broken_values_and_json_and_snippets() -> None:
    files = {"d/a.tf.json": b'{"resource":\n [}', "d/b.tfvars": b"x = \n", "d/c.tfvars.json": b"[]"}
    _, coverage = load_directory("d", files)
    assert [(entry.status, str(entry.place)) for entry in coverage] == [
        ("unreadable", "d/a.tf.json:2:3"),
        ("unreadable", "d/b.tfvars:1:5"),
        ("unreadable", "d/c.tfvars.json:1:1"),
    ]
    resources, (snippet,) = load_snippet("x.md", "a = 1\nb = ]\n", 40)
    assert (resources, snippet.status, str(snippet.place)) == ([], "unreadable", "x.md:41:5")


def test_names_declared_twice_are_both_seen() -> None:
    text = 'resource "test_thing" "it" {\n  a = 1\n}\n'
    resources, _ = load_directory("d", {"d/a.tf": text.encode(), "d/b.tf": text.replace("1", "2").encode()})
    assert [resource.raw for resource in resources if resource.kind == "test_thing"] == [{"a": 1}, {"a": 2}]


def doubled(first: str, pattern: str, times: int = 14) -> str:
    lines = [f"a{n} = " + pattern.replace("X", f"local.a{n - 1}") for n in range(1, times)]
    body = "\n".join([f"a0 = {first}", *lines])
    return f'provider "test" {{}}\nlocals {{\n{body}\n}}\nresource "test_thing" "it" {{\n  v = local.a{times - 1}\n}}\n'


def all_leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for inner in value:
            yield from all_leaves(inner)
    else:
        yield value


@pytest.mark.parametrize(
    ("first", "pattern"),
    [
        ('["x"]', "[X, X, X, X, X, X, X, X]"),
        ('["x"]', "concat(X, X, X, X, X, X, X, X)"),
        ('"x"', '"${X}${X}${X}${X}${X}${X}${X}${X}"'),
        ("var.none", '"${X}y${X}y${X}y${X}y${X}y${X}y${X}"'),
        ('["x"]', "[jsonencode([X, X, X, X, X])]"),
        ("range(1000)", "[for x in range(1000) : [for y in range(1000) : x]]"),
        ("99", "X * X"),
    ],
)
def test_values_that_grow_without_end_become_unknown(first: str, pattern: str) -> None:
    text = 'variable "none" {}\n' + doubled(first, pattern)
    resources, _ = load_directory("d", {"d/a.tf": text.encode()})
    found = next(resource for resource in resources if resource.kind == "test_thing").raw["v"]
    leaves = list(all_leaves(found))
    assert len(leaves) < 200_000
    assert any(isinstance(leaf, Unknown) for leaf in leaves)


FRAGMENTS = st.sampled_from(
    [
        "a", "b", "=", "{", "}", "[", "]", "(", ")", '"', "${", "%{", "~", "if", "for", "in", "else", "endif", "endfor",
        "...", "=>", "==", "?", ":", ",", ".", "*", "<<A\n", "A\n", "\n", "#", "//", "/*", "*/", "1", "1.5", "\\", "$",
        "%", "null", '"x"', "resource", '"${x}"', " ",
    ]
)  # fmt: skip


@given(st.lists(FRAGMENTS, max_size=30).map("".join) | st.text(max_size=40))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    _, (coverage,) = load_directory("d", {"d/a.tf": data})
    assert coverage.status == "read" or (coverage.place is not None and coverage.reason)
