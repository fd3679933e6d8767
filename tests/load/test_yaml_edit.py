"""Edits of YAML texts: the value changes, everything else stays byte for byte."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from conformant.load.yaml_edit import CannotEdit, changed, edited
from conformant.model import REMOVE

TEXT = """\
# head
apiVersion: v1   # version
spec:
    containers:   # the list
    - name: "a"      # first
      image: 'x:1'
      args: [--a, "--b"]   # flow
      env: {A: one, B: two}
    # about b
    - name: b
      securityContext:
      script: |
        line one
        line two

    volumes:
      - {name: v}
"""


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        (("apiVersion",), "v2", "apiVersion: v1   #", "apiVersion: v2   #"),
        (("spec", "containers", 0, "image"), "x:2", "'x:1'", "x:2"),
        (("spec", "containers", 0, "name"), "yes", '"a" ', "'yes' "),
        (("spec", "containers", 0, "args", 1), "--c", '"--b"', "--c"),
        (("spec", "containers", 0, "args", 2), "--c", '"--b"]', '"--b", --c]'),
        (("spec", "containers", 0, "env", "C"), 3, "B: two}", "B: two, C: 3}"),
        (("spec", "containers", 0, "env", "A"), REMOVE, "{A: one, B: two}", "{B: two}"),
        (("spec", "containers", 0, "env", "B"), REMOVE, "{A: one, B: two}", "{A: one}"),
        (("spec", "containers", 0, "args", 0), REMOVE, '[--a, "--b"]', '["--b"]'),
        (("spec", "containers", 1, "name"), REMOVE, "- name: b\n      securityContext:", "- securityContext:"),
        (("spec", "containers", 0, "image"), REMOVE, "      image: 'x:1'\n", ""),
        (("spec", "containers", 1, "script"), REMOVE, "      script: |\n        line one\n        line two\n", ""),
        (
            ("spec", "containers", 1, "securityContext", "runAsNonRoot"), True,
            "securityContext:\n", "securityContext:\n        runAsNonRoot: true\n",
        ),
        (
            ("spec", "containers", 0, "securityContext", "capabilities", "drop"), ["ALL"],
            "{A: one, B: two}\n",
            "{A: one, B: two}\n      securityContext:\n        capabilities:\n          drop:\n          - ALL\n",
        ),
        (("spec", "volumes", 1), {"name": "w"}, "- {name: v}\n", "- {name: v}\n      - name: w\n"),
        (("spec", "volumes", 0), REMOVE, "- {name: v}", "[]"),
        (
            ("spec", "containers", 1, "resources"), {"limits": {"cpu": "1"}},
            "line two\n", "line two\n      resources:\n        limits:\n          cpu: '1'\n",
        ),
        (("spec", "volumes"), [], "volumes:\n      - {name: v}", "volumes: []"),
        (("spec", "containers", 0, "missing", "x"), REMOVE, "# head", "# head"),
    ],
)  # fmt: skip
def test_only_the_value_changes(path: tuple[str | int, ...], value: Any, old: str, new: str) -> None:
    assert TEXT.count(old) == 1
    assert edited(TEXT, path, value) == TEXT.replace(old, new)


def test_windows_line_ends_stay() -> None:
    text = "a:\r\n  b: 1\r\nc: 2\r\n"
    assert edited(text, ("a", "d", "e"), 1) == "a:\r\n  b: 1\r\n  d:\r\n    e: 1\r\nc: 2\r\n"


@pytest.mark.parametrize(
    ("text", "path", "why"),
    [
        ("a: &x {b: 1}\nc: *x\n", ("c", "b"), "alias"),
        ("a: &x {b: 1}\nc: {<<: *x}\n", ("c", "b"), "merge"),
        ("a: &x 1\nc: *x\n", ("a",), "cannot be read"),
        ("a: 1\n", ("a", "b"), "path"),
        ("a: [1]\n", ("a", 5), "path"),
        ("a: {{ x }}\n", ("a",), "cannot be read"),
        ("", ("a",), "empty"),
    ],
)
def test_what_cannot_be_changed_alone_is_refused(text: str, path: tuple[str | int, ...], why: str) -> None:
    with pytest.raises(CannotEdit, match=why):
        edited(text, path, 2)


scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "x", "yes", "a: b", "# c", "é", "1"])
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=8,
)


@given(
    raw=st.dictionaries(st.sampled_from("abcd"), values, min_size=1),
    data=st.data(),
    flow=st.sampled_from([False, None, True]),
)
def test_an_edit_is_the_change_and_doing_it_twice_is_doing_it_once(
    raw: Any, data: st.DataObject, flow: bool | None
) -> None:
    text = yaml.safe_dump(raw, default_flow_style=flow, sort_keys=False, allow_unicode=True)
    path: list[str | int] = []
    holder = raw
    while True:
        if isinstance(holder, list):
            step: str | int = data.draw(st.integers(0, len(holder)))
        else:
            step = data.draw(st.sampled_from("abcd"))
        path.append(step)
        held = (isinstance(holder, dict) and step in holder) or (isinstance(holder, list) and int(step) < len(holder))
        holder = holder[step] if held else None
        if not isinstance(holder, dict | list) or data.draw(st.booleans()):
            break
    value = data.draw(values | st.just(REMOVE))
    try:
        new = edited(text, path, value)
    except CannotEdit:
        return
    assert yaml.safe_load(new) == changed(raw, path, value)
    if value is not REMOVE and not (isinstance(path[-1], int) and not held):
        assert edited(new, path, value) == new
