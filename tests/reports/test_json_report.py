"""The JSON report against its schema, and byte for byte."""

import json
from collections.abc import Callable
from math import nan
from pathlib import Path as FilePath
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from conformant.content import content
from conformant.model import Cure, Finding, Path, Report, Result, Severity, Status

Export = Callable[..., str]


@pytest.fixture(scope="session")
def schema() -> jsonschema.Draft202012Validator:
    file: FilePath = content("reports") / "schema" / "report-1.schema.json"
    stated: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(stated)
    return jsonschema.Draft202012Validator(stated)


def test_the_contract(sample: Report, export: Export, schema: jsonschema.Draft202012Validator) -> None:
    document = json.loads(export("json", sample))
    schema.validate(document)
    assert (document["schema"], document["verdict"], document["exit_code"]) == (1, "fail", 1)
    assert document["summary"]["findings"]["critical"] == 1
    assert document["results"][0] == {
        "id": "KAF-001", "status": "fail", "severity": "critical", "requirement": "transport",
        "resource": {
            "address": "Kafka/shop/events", "family": "kubernetes",
            "kind": "Kafka", "namespace": "shop", "name": "events", "source": "file",
        },
        "findings": [
            {
                "message": "listener 'plain' has tls: false", "severity": "critical",
                "path": "spec.kafka.listeners[0].tls",
                "place": {"file": "deploy/kafka.yaml", "line": 12, "column": 9, "end_line": 0, "note": ""},
                "fingerprint": "f1",
                "cure": {
                    "advice": "set tls: true", "grade": "safe",
                    "patches": [
                        {"path": "spec.kafka.listeners[0].tls", "value": True},
                        {"path": "spec.kafka.listeners[0].tls.old", "removed": True},
                    ],
                },
            },
            {
                "message": "no replicas", "severity": "medium", "path": "spec",
                "place": {"file": "deploy/kafka.yaml", "line": 14, "column": 9, "end_line": 0, "note": ""},
                "fingerprint": "f2", "cure": {"advice": "add some", "grade": "review", "patches": []},
            },
        ],
        "waiver": None, "reason": "",
        "place": {"file": "deploy/kafka.yaml", "line": 12, "column": 9, "end_line": 0, "note": ""},
    }  # fmt: skip
    waived = document["results"][1]["waiver"]
    assert (waived["owner"], waived["expires"], waived["origin"]["line"]) == ("team", "2027-01-31", 2)
    assert document["coverage"]["unseen_kinds"] == {"example.io/Gateway": 2}
    assert document["passed"] == {"KAF-001": 0, "NET-001": 7, "WRK-006": 4}
    assert document["checks"]["KAF-001"]["controls"] == ["nist-800-53r5/SC-8"]


def test_equal_reports_give_equal_bytes(sample: Report, export: Export) -> None:
    later = replace(sample, seconds=99.0, passed=dict(reversed(sample.passed.items())))
    assert export("json", sample) == export("json", later)


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_any_report_keeps_the_contract(
    data: st.DataObject, reports: st.SearchStrategy[Report], export: Export,
    schema: jsonschema.Draft202012Validator,
) -> None:  # fmt: skip
    report = data.draw(reports)
    document = json.loads(export("json", report))
    schema.validate(document)
    messages = [finding["message"] for result in document["results"] for finding in result["findings"]]
    assert messages == [
        finding.message.encode("utf-8", "backslashreplace").decode()
        for result in report.results
        for finding in result.findings
    ]


def test_odd_values_survive(sample: Report, export: Export) -> None:
    patches = ((Path(("a",)), nan), (Path(("b",)), {None: "\ud800"}), (Path(("c",)), 10**30))
    finding = Finding("x" * 1_000_000, severity=Severity.LOW, cure=Cure("", patches))
    result = Result("X-001", Status.FAIL, Severity.LOW, sample.results[0].resource, "", [finding])
    document = json.loads(export("json", replace(sample, results=[result])))
    [written] = document["results"][0]["findings"]
    assert written["message"] == finding.message
    assert [patch["value"] for patch in written["cure"]["patches"]] == ["nan", {"null": "\\ud800"}, 10**30]
