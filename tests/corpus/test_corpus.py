"""Other projects' labelled cases, judged by the committed mapping.

The cases are not part of this repository: set CONFORMANT_CORPUS to their folder, or have it as
``shared/corpus`` beside the checkout.
"""

import json
import os
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from conformant.content import content
from conformant.leaf import Check, headers, load
from conformant.model import Resource, Result, Severity, Status
from conformant.profile import Profile
from conformant.testing import judge

HERE = Path(__file__).parent
BESIDE = HERE.parents[2] / "shared" / "corpus"
CORPUS = Path(os.environ.get("CONFORMANT_CORPUS", BESIDE))
MAPPING: list[dict[str, Any]] = tomllib.loads((HERE / "mapping.toml").read_text(encoding="utf-8"))["check"]
KNOWN: dict[str, str] = tomllib.loads((HERE / "disagreements.toml").read_text(encoding="utf-8"))
FILES = {header.id: header.file for header in headers(str(content("checks")))}

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="no labelled cases at CONFORMANT_CORPUS")


@cache
def cases(source: str) -> list[dict[str, Any]]:
    text = (CORPUS / source / "cases.jsonl").read_text(encoding="utf-8")
    found: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    return [case for case in found if case["tier"] == "A" and case["expected"] in ("pass", "fail")]


@cache
def results(check: str, source: str, file: str) -> list[Result]:
    leaf: Check = load(FILES[check], Check)
    return judge([leaf], CORPUS / source / file, Profile())


def verdict(entry: dict[str, Any], case: dict[str, Any]) -> str:
    """``fail`` where ours finds the mapped fault on the labelled resource (or in the file)."""
    least = Severity[entry.get("severity", "info").upper()]
    pattern = re.compile(entry.get("message", ""))
    for result in results(entry["ours"], case["source"], case["file"]):
        if result.status is not Status.FAIL:
            continue
        for finding in result.findings:
            holders = {result.resource, finding.at or result.resource}
            label = None if entry.get("scope") == "file" else case.get("resource")
            if not any(_concerns(holder, label) for holder in holders):
                continue
            if (finding.severity or Severity.INFO) >= least and pattern.search(finding.message):
                return "fail"
    return "pass"


def _concerns(resource: Resource, label: str | None) -> bool:
    if label is None or resource.family == "scope":
        return True
    if resource.family == "terraform":
        return "/" in label or resource.address == label
    kind, _, name = label.split("/", 2)
    return (resource.kind, resource.name) == (kind, name) or name in ("-", "")


def judged(entry: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for case in cases(entry["source"]):
        if case["check"] == entry["theirs"]:
            yield case, verdict(entry, case)


EXACT = [entry for entry in MAPPING if entry["relation"] == "exact"]


@pytest.mark.parametrize("entry", EXACT, ids=lambda entry: f"{entry['source']}-{entry['theirs']}-{entry['ours']}")
def test_exact_mappings_agree(entry: dict[str, Any]) -> None:
    wrong = [case["id"] for case, ours in judged(entry) if ours != case["expected"] and case["id"] not in KNOWN]
    assert not wrong


def test_the_mapping_explains_itself() -> None:
    for entry in MAPPING:
        assert entry["ours"] in FILES, entry
        assert entry["relation"] in ("exact", "stricter", "looser")
        assert entry["relation"] == "exact" or entry["why"], entry
    assert all(KNOWN.values())


def test_known_disagreements_still_disagree() -> None:
    """A disagreement that is gone must not stay on the list."""
    still = {case["id"] for entry in EXACT for case, ours in judged(entry) if ours != case["expected"]}
    assert set(KNOWN) <= still
