"""Splitting, templates, faults and limits of the YAML loader."""

import sys
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from conformant.load import yaml_exact
from conformant.load.yaml import Document, Unreadable, decode, documents
from conformant.load.yaml_scan import has_risk, may_have_risk, risky, strange
from conformant.model import Path


def raws(text: str) -> list[Any]:
    return [each.raw for each in documents(text)]


def exactly(text: str) -> Any:
    """What the exact loader makes of one document."""
    root = yaml_exact.compose(text if text.endswith("\n") else text + "\n")
    return yaml_exact.construct(root)[0] if root else None


def same(left: Any, right: Any) -> bool:
    """Equal, and of equal types and order all the way down."""
    return repr(left) == repr(right)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"a: \xc3\xa9", "a: é"),
        (b"\xef\xbb\xbfa: 1", "a: 1"),
        ("\ufeffa: é".encode("utf-16-le"), "a: é"),
        ("\ufeffa: é".encode("utf-16-be"), "a: é"),
        (b"", ""),
    ],
)
def test_decode(data: bytes, text: str) -> None:
    assert decode(data) == text


@pytest.mark.parametrize(
    ("data", "reason", "line", "column"),
    [
        (b"a: 1\nb: \xff\n", "not UTF-8", 2, 4),
        (b"a: \xc3\xa9\xe9\n", "not UTF-8", 1, 5),
        (b"a: 1\n\0\1", "binary file", 2, 1),
        (b"\xff\xfea\0\n\0\0\xd8", "not UTF-16", 2, 1),
        ("\ufeffa\n\0".encode("utf-16-le"), "binary file", 2, 1),
    ],
)
def test_undecodable(data: bytes, reason: str, line: int, column: int) -> None:
    with pytest.raises(Unreadable, match=reason) as caught:
        decode(data)
    assert (caught.value.line, caught.value.column) == (line, column)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("\n", []),
        ("# only\n", []),
        ("---\n# only\n---\n\n---\nnull\n", []),
        ("a: 1", [("a: 1", 1)]),
        ("a: 1\n---\nb: 2\n", [("a: 1\n", 1), ("b: 2\n", 3)]),
        ("---\na: 1\n--- # why\n# head\nb: 2\n", [("a: 1\n", 2), ("# head\nb: 2\n", 4)]),
        ("a: 1\r\n---\r\nb: 2\r\n", [("a: 1\r\n", 1), ("b: 2\r\n", 3)]),
        ("a: |\n  x\n  ---\n---\nb: 2", [("a: |\n  x\n  ---\n", 1), ("b: 2", 5)]),
        ("a: 1\n...\n---\nb: 2\n", [("a: 1\n", 1), ("b: 2\n", 4)]),
        ('{"a": 1}\n{"b": 2}', [('{"a": 1}', 1), ('{"b": 2}', 2)]),
        ('\n{"a": 1}\n---\nb: 2\n', [('{"a": 1}', 2), ("b: 2\n", 4)]),
    ],
)
def test_split(text: str, expected: list[tuple[str, int]]) -> None:
    found = documents(text)
    assert [(text[each.start : each.end], each.line) for each in found] == expected
    assert not any(each.error or each.template for each in found)


def faults(found: list[Document]) -> list[tuple[str, int, int]]:
    return [(each.error, each.error_line, each.error_column) for each in found if each.error]


@pytest.mark.parametrize(
    ("text", "reason", "line", "column"),
    [
        ("a: [1\n", "did not find expected ',' or ']' (while parsing a flow sequence)", 2, 1),
        ("a:\n\tb: 1\n", "found character that cannot start any token (while scanning for the next token)", 2, 1),
        ("a: 1\nb: 'x\n", "found unexpected end of stream (while scanning a quoted scalar)", 2, 4),
        ("a: 1\nnot a key\nb: 2\n", "could not find expected ':' (while scanning a simple key)", 2, 1),
        ("a: 1\nb: *x\n", "unknown anchor", 2, 4),
        ("a: &x\n  b: *x\n", "anchor 'x' contains itself", 2, 6),
        ("a: .inf\n", "the number .inf has no form in JSON", 1, 4),
        ("a: 1\n~: 2\n", "a mapping key that is no string, number or boolean", 2, 1),
        ("a: x\x07\n", "control character U+0007", 1, 5),
        ("a: é\nb: é\x07\n", "control character U+0007", 2, 5),
        ("a: !!int x\n", "cannot read 'x' as !!int", 1, 4),
        ('a: "b\\/c"\n', "found unknown escape character (while parsing a quoted scalar)", 1, 6),
        ("--- {a: 1}\n", "kubectl refuses text on the line of a document separator", 1, 1),
        (" a: 1\nb: 2\n", "did not find expected <document start>", 2, 1),
    ],
)
def test_one_fault_leaves_the_other_documents(text: str, reason: str, line: int, column: int) -> None:
    assert faults(documents(text)) == [(reason, line, column)]
    between = documents("x: 1\n---\n" + text + "---\nz: 2\n")
    assert faults(between) == [(reason, line + 2, column)]
    assert [each.raw for each in between] == [{"x": 1}, None, {"z": 2}]


def test_what_follows_the_end_marker_is_not_lost_in_silence() -> None:
    found = documents("a: 1\n...\n# fine\n\nb: 2\n")
    assert found[0].raw == {"a": 1}
    assert faults(found) == [("kubectl ignores what follows the document end marker '...'", 3, 1)]
    assert faults(documents("a: 1\n...\n# fine\n")) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3\n", [((), "a", 3, 1)]),
        ("x:\n  - {k: 1, k: 2}\n", [(("x", 0), "k", 2, 12)]),
        ("x:\n  - k: 1\n    k: 2\n---\nz: 1\n'z': 2\n", [(("x", 0), "k", 3, 5), ((), "z", 6, 1)]),
        ("on: 1\nyes: 2\n", [((), "true", 2, 1)]),
        ('{"a": {"b": 1,\n "b": 2}}', [(("a",), "b", 2, 2)]),
        ("x: &x {a: 1}\nz:\n  <<: *x\n  a: 2\n", []),
    ],
)
def test_duplicate_keys(text: str, expected: list[tuple[tuple[str | int, ...], str, int, int]]) -> None:
    found = [each for document in documents(text) for each in document.duplicates]
    assert [(each.path, each.key, each.line, each.column) for each in found] == [
        (Path(path), key, line, column) for path, key, line, column in expected
    ]
    assert all(each.raw for each in documents(text))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("name: {{ .X }}\n", 1),
        ("a: 1\nname: {{ .X }}-b\n", 2),
        ("a: 1\nb:\n  - {{ .X | quote }}\n", 3),
        ("a:\n  {{- toYaml .X | nindent 2 }}\n", 2),
        ("{{- if .X }}\na: 1\n{{- end }}\n", 1),
        ("a: 1\n{{- range .X }}\n- b\n{{- end }}\n", 2),
        ("a: 1\n{{ .X }}: b\n", 2),
        ("a: 1\nx-{{ .X }}: b\n", 2),
        ("a: b\n  {{- if .X }}\n", 2),
        ("a: [{{ .X }}]\n", 1),
        ("a: {b: {{ .X }}}\n", 1),
        ("a: |\n  {{ .X }}\nb: {{ .X }}\n", 3),
        ("a: 1\n{% if x %}\nb: 2\n{% endif %}\n", 2),
        ("a: &x {{ .X }}\n", 1),
    ],
)
def test_templates_are_not_evaluated(text: str, line: int) -> None:
    (found,) = documents(text)
    assert (found.raw, found.error, found.template) == (None, "", line)
    after = documents("x: 1\n---\n" + text)
    assert [each.template for each in after] == [0, line + 2]


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        ('a: "{{ .Values.x }}"\n', {"a": "{{ .Values.x }}"}),
        ("a: '{{ .x }}'\n'{{ .k }}': b\n", {"a": "{{ .x }}", "{{ .k }}": "b"}),
        ("a: value {{ $labels.x }}: {{ $value }}", None),
        ("a: value {{ $labels.x }} is {{ $value }}\n", {"a": "value {{ $labels.x }} is {{ $value }}"}),
        ("a: |\n  {{ range .x }}\n  {{ end }}\n", {"a": "{{ range .x }}\n{{ end }}\n"}),
        ("a: >-\n  x\n  {{ .x }}\n", {"a": "x {{ .x }}"}),
        ('a: "x\n  {{ .x }}"\n', {"a": "x {{ .x }}"}),
        ("a: 1 # {{ .x }}\n# {{ if }}\n", {"a": 1}),
        ("a: ${{ github.ref }}\n", {"a": "${{ github.ref }}"}),
        ("a: {b: {c: {d: 1}}}\n", {"a": {"b": {"c": {"d": 1}}}}),
        ("a: [{b: {c: 1}}]\n", {"a": [{"b": {"c": 1}}]}),
    ],
)
def test_markers_in_strings_are_text(text: str, raw: Any) -> None:
    (found,) = documents(text)
    assert found.raw == raw
    assert not found.template
    assert bool(found.error) == (raw is None)


def test_a_fault_beside_a_marker_in_a_text_block_is_a_fault() -> None:
    (found,) = documents("a: |\n  {{ .x }}\nb: 'open\n")
    assert found.error
    assert not found.template


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 5000 + "]" * 5000,
        "a: " + "[" * 5000,
        "a: " + "{a: " * 5000 + "}" * 5000,
        "- " * 100_000 + "a",
        "-  - " * 50_000 + "a",
        "".join(" " * depth + "a:\n" for depth in range(5000)),
        "".join(" " * depth + "-\n" for depth in range(5000)),
        '{"a":' * 5000 + "1" + "}" * 5000,
        '{"a":' + "[" * 100_000 + "]" * 100_000 + "}",
        "? " * 50_000,
    ],
    ids=lambda text: text[:12],
)
def test_deep_nesting_is_a_fault_of_its_document(text: str) -> None:
    found = documents("x: 1\n---\n" + text + "\n---\nz: 1\n")
    assert [each.raw for each in found] == [{"x": 1}, None, {"z": 1}]
    assert found[1].error == "nested deeper than 250 levels"
    assert found[1].error_line >= 3


def test_recursion_limits_are_not_touched() -> None:
    nested: Any = documents("a: " + "[" * 240 + "]" * 240 + "\n")[0].raw["a"]
    depth = 0
    while nested:
        nested = nested[0]
        depth += 1
    assert depth == 239 < sys.getrecursionlimit()


@pytest.mark.parametrize("merge", [False, True])
def test_alias_bombs_are_refused(merge: bool) -> None:
    rows = ["a0: &a0 {k: 1}" if merge else "a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 30):
        uses = ", ".join([f"*a{level - 1}"] * 9)
        rows.append(f"a{level}: &a{level} " + (f"{{k: [{uses}]}}" if merge else f"[{uses}]"))
    (found,) = documents("\n".join(rows))
    assert found.raw is None
    assert found.error == "document contains excessive aliasing"


def test_ordinary_aliases_are_read() -> None:
    text = "x: &x [1, 2, 3]\n" + "".join(f"k{number}: *x\n" for number in range(500))
    (found,) = documents(text)
    assert len(found.raw) == 501
    assert found.raw["k499"] == [1, 2, 3]


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: \"yes\"\n  b: 'no'\n  c: on time\n  d: noon\n",
        "schedule: '*/5 * * * *'\nports:\n  - \"8000:8000\"\n  - 8080:80\nimage: nginx:1.25.3\n",
        "version: v1.0\ncpu: 0.5\nreplicas: 3\nnow: 12:30:45\nday: 2020-01-01\nip: 10.0.0.1\n",
        'args: [--listen, "--x=1.0"]\nlabels: {app: web, tier: front}\nempty: {}\nnone: []\n',
        "text: |\n  echo no\n  if [ -n on ]; then :; fi\nurl: http://x/?a=1&b=2\nglob: a*b\n",
        'expr: sum(rate(x{a="b"}[5m])) > 0\nsummary: "{{ $labels.x }} is down"\n',
        "name: é – dash\nnote: 50%\nnode: n1\noption: off-peak\nyear: 2020\n- nothing\n",
    ],
)
def test_ordinary_manifests_take_the_fast_road(text: str) -> None:
    assert not strange(text)
    assert not risky(text, 0, len(text))


def assert_both_roads_agree(text: str) -> None:
    found = documents(text)
    try:
        expected = exactly(text)
    except (yaml_exact.Malformed, yaml_exact.Templated):
        assert [each.raw for each in found] == [None]
    else:
        assert same([each.raw for each in found], [] if expected is None else [expected])


WORDS = "y Y yes Yes YES no on On oN OFF true True tRUE null Null ~ .inf -.Inf .NaN << = 0 0777"
SCALARS = st.one_of(
    st.text(alphabet="0123456789abcdefox_.+-:eE", min_size=1, max_size=7),
    st.sampled_from(WORDS.split()),
)
FRAMES = st.sampled_from(
    ["k: {}\n", "- {}\n", "k:\n  - {}\n", "k:\n  {}\n", "k: [{}]\n", "k: [a, {}]\n", "k: {{a: {}}}\n", "{}: v\n",
     "k:\n  {}: v\n", "k: {{{}: v}}\n", "k: {} # c\n", "k: '{}'\n", "- - {}", "k: [\n  a, {}\n]\n", 'k: {{"a":{}}}\n']
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(SCALARS, FRAMES)
def test_scalars_mean_the_same_on_both_roads(scalar: str, frame: str) -> None:
    text = frame.format(scalar)
    assume(not text.startswith(("---", "...")))
    assert_both_roads_agree(text)


PIECES = st.sampled_from(
    ["a", "b: ", "b:", "- ", "\n", "\n  ", "\n    ", "'", '"', "[", "]", "{", "}", ", ", ": ", " |\n", "&a", "*a",
     "!t", "? ", "\t", "\r\n", "%", "@", "yes", "1.0", "<<: ", "é", "\\", "key: v\n", "- x\n", "  k: w\n", "'q'"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(["", "k:\n  ", "k: ", "- ", "k:\n- "]), st.lists(PIECES, max_size=10))
def test_structure_means_the_same_on_both_roads(start: str, pieces: list[str]) -> None:
    text = start + "".join(pieces) + "\n"
    assert_both_roads_agree(text)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_no_text_raises(text: str) -> None:
    for found in documents(text):
        assert 0 <= found.start <= found.end <= len(text)
        assert (found.raw is None) == bool(found.error or found.template)


TRICKY = (
    "a: yes", "- no", "k: [", "  a, yes,", "  b, 1.0 ]", "m: {", "  x: off, 1: 2", "}", "? k", ": v", "k: 0o7",
    "k: 1e3", "- - a", "'q': on", "k: {{ .V }}", "{{ k }}: v", "k: \"\\u00e9\"", "\tk: v", "plain: text", "k: |",
    "  yes", "<<: *a", "k: &a b", "- !!str 1", "k: 'a ? b'", "1: 2", "k: ~", "k: 1_000", "]: x",
)  # fmt: skip


@given(st.lists(st.lists(st.sampled_from(TRICKY), max_size=8), max_size=4))
def test_lines_seen_before_hide_no_risk(texts: list[list[str]]) -> None:
    for lines in texts:
        text = "\n".join(lines) + "\n"
        assert may_have_risk(text) or not has_risk(text, 0, len(text))
