"""Reports of a run over fixtures, from the files to every format."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from conformant.config import Settings
from conformant.content import content
from conformant.model import Report, Severity, Status
from conformant.run import check
from conformant.terminal import render
from conformant.verdict import exit_code

MANIFEST = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  containers:
    - name: "main\\e[31m | <b>@all</b>"
      image: registry.example/web@sha256:0123456789abcdef
      securityContext:
        privileged: true
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder: Path = tmp_path_factory.mktemp("platform")
    (folder / "pod.yaml").write_text(MANIFEST, encoding="utf-8")
    return check([str(folder)], Settings(select=("WRK-006",)), today=date(2026, 11, 22))


def test_the_same_finding_in_every_format(report: Report, export: Callable[..., str]) -> None:
    assert exit_code(report) == 1
    document = json.loads(export("json", report))
    [finding] = document["results"][0]["findings"]
    assert (document["results"][0]["id"], finding["place"]["line"]) == ("WRK-006", 9)
    [result] = json.loads(export("sarif", report))["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 9
    assert result["partialFingerprints"]["conformant/v1"] == finding["fingerprint"]
    [case] = fromstring(export("junit", report)).iter("testcase")
    assert (case.get("classname"), case.get("line")) == ("workloads.privileged-container", "9")
    assert ":9:9`" in export("markdown", report)
    assert ":9:9" in "".join(render(report, color=False, width=200))


def test_names_of_the_input_stay_text(report: Report, export: Callable[..., str]) -> None:
    assert "\x1b" not in "".join(render(report, color=False, width=200))
    assert "<b>" not in export("junit", report)
    assert "<b>" not in export("markdown", report)


def test_a_whole_run_is_reported(export: Callable[..., str]) -> None:
    report = check([str(content("fixtures") / "workloads")], today=date(2026, 11, 22))
    found = sum(len(result.findings) for result in report.of(Status.FAIL))
    assert found > 20
    for fail_on in (Severity.INFO, Severity.CRITICAL):
        report.fail_on = fail_on
        document = json.loads(export("json", report))
        assert sum(document["summary"]["findings"].values()) == found
        assert len(json.loads(export("sarif", report))["runs"][0]["results"]) == found
        failures = int(fromstring(export("junit", report)).get("failures") or 0)
        assert 0 < failures <= document["summary"]["failing"]
