"""Both roads to a place agree, and places are where a reader would point."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformant.load.yaml import Document, YamlLocator, documents, scalar_origin
from conformant.model import Path, Place

MANIFEST = """\
# a header
apiVersion: apps/v1   # the group
kind: Deployment
metadata:
  name: web
  annotations:
    "prometheus.io/port": "9090"
    note: |
      name: not this one
      # nor this

  labels: {app: web, tier: front}
spec:
  replicas: 2
  template:
    spec:
      containers:
      # the first
      - name: app
        image: nginx
        args: ["--a", "--b=1",
               "--c"]
        env:
          -
            name: X
            value: 'it''s # no comment'  # conformant: allow
      - image: redis

        name: cache
        # belongs to cache
      volumes:
        - name: tmp
          emptyDir: {}
        -
        - ~
  nothing:
# a footer
"""


def locate(text: str, *path: str | int, document: int = 0) -> tuple[int, int, int]:
    place = YamlLocator("f.yaml", text, documents(text)[document]).place(path)
    return place.line, place.column, place.end_line


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), (2, 1, 37)),
        (("kind",), (3, 1, 3)),
        (("metadata",), (4, 1, 12)),
        (("metadata", "name"), (5, 3, 5)),
        (("metadata", "annotations", "prometheus.io/port"), (7, 5, 7)),
        (("metadata", "annotations", "note"), (8, 5, 10)),
        (("metadata", "labels", "tier"), (12, 22, 12)),
        (("spec", "replicas"), (14, 3, 14)),
        (("spec", "template", "spec", "containers"), (17, 7, 30)),
        (("spec", "template", "spec", "containers", 0), (19, 9, 26)),
        (("spec", "template", "spec", "containers", 0, "name"), (19, 9, 19)),
        (("spec", "template", "spec", "containers", 0, "args"), (21, 9, 22)),
        (("spec", "template", "spec", "containers", 0, "args", 2), (22, 16, 22)),
        (("spec", "template", "spec", "containers", 0, "env", 0), (25, 13, 26)),
        (("spec", "template", "spec", "containers", 0, "env", 0, "value"), (26, 13, 26)),
        (("spec", "template", "spec", "containers", 1), (27, 9, 30)),
        (("spec", "template", "spec", "containers", 1, "name"), (29, 9, 29)),
        (("spec", "template", "spec", "volumes", 0, "emptyDir"), (33, 11, 33)),
        (("spec", "template", "spec", "volumes", 1), (34, 10, 34)),
        (("spec", "template", "spec", "volumes", 2), (35, 11, 35)),
        (("spec", "nothing"), (36, 3, 36)),
        (("spec", "absent", "deeper"), (13, 1, 36)),
        (("spec", "template", "spec", "containers", 7, "image"), (17, 7, 30)),
        (("spec", "replicas", "deeper"), (14, 3, 14)),
        (("spec", "template", "spec", "containers", "name"), (17, 7, 30)),
        (("absent",), (2, 1, 37)),
    ],
)
def test_places_in_a_manifest(path: tuple[str | int, ...], expected: tuple[int, int, int]) -> None:
    assert locate(MANIFEST, *path) == expected


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("x: &x\n  a: 1\nw:\n  <<: *x\n  b: 2\n", ("w", "a"), (2, 3, 2)),
        ("x: &x\n  a: 1\nw:\n  a: 2\n  <<: *x\n", ("w", "a"), (2, 3, 2)),
        ("x: &x\n  a: 1\nw:\n  <<: *x\n  a: 2\n", ("w", "a"), (5, 3, 5)),
        ("x: &x {a: 1}\nz: &z {a: 2}\nw: {<<: [*x, *z]}\n", ("w", "a"), (1, 8, 1)),
        ("x: &x\n  - a\n  - b\nw: *x\n", ("w",), (4, 1, 4)),
        ("x: &x\n  - a\n  - b\nw: *x\n", ("w", 1), (3, 5, 3)),
        ("a: 1\nb: 2\na: 3\n", ("a",), (3, 1, 3)),
        ("on: 1\n0777: 2\n", ("true",), (1, 1, 1)),
        ("on: 1\n0777: 2\n", ("511",), (2, 1, 2)),
        ("? a\n: b: 1\n", ("a", "b"), (2, 3, 2)),
        ('{"a": {"b": [1,\n  {"c": 2}]}}\n', ("a", "b", 1, "c"), (2, 4, 2)),
        ('{"a": "\\ud83d\\ude00", "b": 1}', ("b",), (1, 1, 1)),
        ("a:\r\n  - b: 1\r\n    c: 2\r\n", ("a", 0, "c"), (3, 5, 3)),
        ("a : 1\n'b' : 2\n", ("b",), (2, 1, 2)),
        ("a: 'x\n\n  y'\nb: 2\n", ("a",), (1, 1, 3)),
        ("a: 'x\n  b: 1'\nc:\n  b: 2\n", ("c", "b"), (4, 3, 4)),
        ("a: [\n]\nb: 1\n", ("a",), (1, 1, 2)),
        ("a: |+\n  x\n\n\nb: 1\n", ("a",), (1, 1, 2)),
        ("- - a\n  - b\n- c\n", (0, 1), (2, 5, 2)),
        ("- - a\n  - b\n- c\n", (1,), (3, 3, 3)),
        ("a:\n- b\n- c\nd: 1\n", ("a",), (1, 1, 3)),
        ("a:\n  # why\n  b: 1\n  # deeper\n# shallow\n", ("a",), (1, 1, 4)),
        ("a:\n  b: 1\n---\nb: 1\n", ("b",), (1, 1, 2)),
        ("a:\n  key: |\n    key: x\n  other:\n    key: 1\n", ("a", "other", "key"), (5, 5, 5)),
        ("a:\n  x: 1\nb:\n  'x': 2\nc:\n  x: 3\n", ("b", "x"), (4, 3, 4)),
        ("a-b: 1\na:b: 2\na: 3\n", ("a",), (3, 1, 3)),
        ("é:\n  ü: 1\n", ("é", "ü"), (2, 3, 2)),
    ],
)
def test_places_off_the_beaten_track(text: str, path: tuple[str | int, ...], expected: tuple[int, int, int]) -> None:
    assert locate(text, *path) == expected


def test_places_count_in_the_file() -> None:
    text = "a: 1\n---\nb:\n  c: 2\n"
    locator = YamlLocator("doc.md", text, documents(text)[1], first_line=11, indent=4, note="a block")
    assert locator.place(("b", "c")) == Place("doc.md", 14, 7, 14, "a block")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("x: 1\n---\na: [\n", Place("f", 4, 1, 4)),
        ("x: 1\n---\na: 1\nb: {{ .X }}\n", Place("f", 4, 1, 4)),
    ],
)
def test_the_place_of_a_document_without_values_is_its_fault(text: str, place: Place) -> None:
    locator = YamlLocator("f", text, documents(text)[1])
    assert locator.place(("a", "b")) == place
    assert locator.comments(("a",)) == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), [(1, "# a header"), (2, "# the group")]),
        (("apiVersion",), [(1, "# a header"), (2, "# the group")]),
        (("kind",), []),
        (("metadata", "labels"), []),
        (("spec", "template", "spec", "containers", 0), [(18, "# the first")]),
        (("spec", "template", "spec", "containers", 0, "env", 0, "value"), [(26, "# conformant: allow")]),
        (("spec", "template", "spec", "volumes"), []),
    ],
)
def test_comments(path: tuple[str | int, ...], expected: list[tuple[int, str]]) -> None:
    assert YamlLocator("f", MANIFEST, documents(MANIFEST)[0]).comments(path) == expected


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("# one\n\n# two\n# three\na: 1\n", ("a",), [(3, "# two"), (4, "# three")]),
        ("x: 1 # before\na: [b, 'c # d'] # e\n", ("a",), [(2, "# e")]),
        ('a: "# no" # yes\n', ("a",), [(1, "# yes")]),
        ("a: b#c\n", ("a",), []),
        ("a: it's # yes\n", ("a",), [(1, "# yes")]),
        ("a: | # why\n  # text\n", ("a",), [(1, "# why")]),
        ('a: "x # y\n  z"\n', ("a",), []),
        ("x: 1 # not above\na: 1\n", ("a",), []),
        ("# of the first\n---\na: 1\n", ("a",), []),
        ("x: |\n  # text\na: 1\n", ("a",), []),
    ],
)
def test_comments_are_told_from_text(text: str, path: tuple[str | int, ...], expected: list[tuple[int, str]]) -> None:
    assert YamlLocator("f", text, documents(text)[0]).comments(path) == expected


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ("a:\n  b: |\n    x\n    y\n", ("a", "b"), (3, 4, True)),
        ("a:\n  b: |-\n\n    x\n", ("a", "b"), (3, 4, True)),
        ("a:\n  b: |2 # why\n      x\n", ("a", "b"), (3, 4, True)),
        ("a:\n- |1\n   x\n", ("a", 0), (3, 1, True)),
        ("- |\n x\n", (0,), (2, 1, True)),
        ("a:\n  b: >\n    x\n", ("a", "b"), (2, 0, False)),
        ("a: 'x'\n", ("a",), (1, 0, False)),
        ("a:\n  x\n", ("a",), (2, 0, False)),
        ("x: &x |\n  t\nw: *x\n", ("x",), (2, 2, True)),
        ('{"a": "b\\nc"}', ("a",), (1, 0, False)),
        ("a: 1\n", ("a",), None),
        ("a: x\n", ("b",), None),
        ("a: {b: c}\n", ("a",), None),
    ],
)
def test_scalar_origin(text: str, path: tuple[str | int, ...], expected: tuple[int, int, bool] | None) -> None:
    assert scalar_origin(text, documents(text)[0], path) == expected


def test_a_text_block_maps_back_to_the_file() -> None:
    text = "kind: ConfigMap\ndata:\n  config.yaml: |\n    top:\n      inner: 1\n"
    (document,) = documents(text)
    origin = scalar_origin(text, document, ("data", "config.yaml"))
    assert origin is not None
    line, indent, _ = origin
    embedded = document.raw["data"]["config.yaml"]
    locator = YamlLocator("f", embedded, documents(embedded)[0], first_line=line, indent=indent)
    assert locator.place(("top", "inner")) == Place("f", 5, 7, 5)


# --- both roads ----------------------------------------------------------------------------


def paths(value: Any, path: Path = Path()) -> list[Path]:
    found = [path]
    if isinstance(value, dict):
        for key, each in value.items():
            found += paths(each, path / key)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            found += paths(each, path / index)
    return found


def assert_both_roads_agree(text: str) -> None:
    for document in documents(text):
        assert not document.error, document.error
        by_nodes = Document(document.raw, document.start, document.end, document.line, irregular=True)
        known = YamlLocator("f", text, document)
        nodes = YamlLocator("f", text, by_nodes)
        for path in paths(document.raw):
            assert known.place(path) == nodes.place(path), (path, text)
            assert YamlLocator("f", text, document).place(path) == nodes.place(path), (path, text)
            assert known.comments(path) == nodes.comments(path), (path, text)


@pytest.mark.parametrize(
    "text",
    [
        MANIFEST,
        MANIFEST.replace("\n", "\r\n"),
        "a:\n\n\n  # c\n  b:\n    - 1\n\n    # d\n    - 2\n  # e\nc: 1\n",
        "- a: 1\n  b:\n  - c\n  -\n    d: 1\n-   x: 1\n    y: 2\n- - - z\n    - w\n",
        "a: 'x\n  y'\nb: plain\n  goes on\nc: >-\n  folded\n\n  text\nd: 1\n",
        "a:\n  b: {c: [d, {e: f}], g: }\n  h: [\n    i,\n    j ]\n  k: l\n",
        "'a b': 1\n\"c: d\": {x: 1}\ne f:\n  - 'g': 1\n    \"h\": 2\n",
        "a: |2\n    x\n  y\nb:\n- |\n  z\n- >\n  w\n\n\n",
        "x: 1\n---\n# c\n\nw:\n  - z\n  # d\n--- # e\nw:\n  v:\n",
        "a:\n  - # why\n    b: 1\n  - !!str c\n  - &d e\n  - *d\n",
        "key:\nkey2: \n  - \n  -\n  - null\n  - ~ # n\nkey3: null\n",
    ],
)
def test_both_roads_agree_on_samples(text: str) -> None:
    assert_both_roads_agree(text)


KEYS = st.sampled_from(["a", "b", "name", "a b", "app.kubernetes.io/name", "x-y", "é", "a: b", "#c", "k'"])
TEXTS = st.sampled_from(
    ["v", "'q'", '"d # e"', "1", "true", "", "~", "x  # c", "|\n{}  l1\n{}   a: 2\n", ">-\n{}  f\n{}  # g\n",
     "'m\n{}   n'", "p\n{}   q", "{{a: 1, b: [c, d]}}", "[x, 'y', {{z: w}}]", "[]", "{{}}", "|\n\n{}  t\n\n"]
)  # fmt: skip
FILLERS = st.sampled_from(["", "", "", "\n", "{}# comment\n", "# far left\n", "{}  # deeper\n"])


@st.composite
def blocks(draw: st.DrawFn, column: int, depth: int) -> str:
    """A block collection whose keys or dashes stand at `column`; the text begins on a line of its own."""
    indent = " " * column
    rows: list[str] = []
    if draw(st.booleans()):
        for key in draw(st.lists(KEYS, min_size=1, max_size=4, unique=True)):
            rows.append(draw(FILLERS).format(indent))
            plain = not set(key) & set(":#")
            shown = key if plain and draw(st.booleans()) else f'"{key}"'
            rows.append(f"{indent}{shown}:" + draw(values(column, depth, same_column_list=True)))
    else:
        for _ in range(draw(st.integers(1, 3))):
            rows.append(draw(FILLERS).format(indent))
            if depth and draw(st.booleans()):
                inner = draw(blocks(column + 2, depth - 1)).lstrip("\n")
                first = inner[column + 2 :] if inner.startswith(" " * (column + 2)) else ""
                if first and not first.lstrip().startswith("#") and first.strip():
                    rows.append(f"{indent}- {first}")
                    continue
            rows.append(f"{indent}-" + draw(values(column, depth)))
    return "".join(rows)


@st.composite
def values(draw: st.DrawFn, column: int, depth: int, same_column_list: bool = False) -> str:
    """What follows a colon or a dash, up to and including the line break."""
    if depth and draw(st.booleans()):
        further = draw(st.integers(0 if same_column_list else 1, 3))
        block = draw(blocks(column + further, depth - 1))
        content = next(row for row in block.splitlines() if row.strip() and not row.strip().startswith("#"))
        if further or content.lstrip().startswith(("- ", "-\n")) or content.strip() == "-":
            return "\n" + block
    text = draw(TEXTS).format(*[" " * column] * 2)
    return (f" {text}" if text else "") + ("" if text.endswith("\n") else "\n")


@settings(max_examples=80, deadline=None)
@given(blocks(0, 3))
def test_both_roads_agree_on_generated_documents(text: str) -> None:
    assert_both_roads_agree(text)
