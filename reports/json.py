"""JSON: the machine contract, versioned, with its schema in ``schema/report-1.schema.json``.

Equal reports give equal bytes; times and machine names are left out. Passing results are only
there if the run kept them.
"""

from collections.abc import Iterator
from typing import Any

from conformant.leaf import exporter
from conformant.model import REMOVE, Cure, Path, Report, Resource, Severity, Waiver
from conformant.text import json_text, plain
from conformant.verdict import exit_code, rules, tally, verdict

SCHEMA = 1


@exporter(name="json", suffix=".json", media_type="application/json")
def json(report: Report) -> Iterator[str]:
    coverage, counts = report.coverage, tally(report)
    document = {
        "schema": SCHEMA,
        "verdict": verdict(report, counts),
        "exit_code": exit_code(report, counts),
        "summary": {"results": counts.results, "findings": counts.findings, "failing": counts.failing},
        "inputs": report.inputs,
        "fail_on": str(report.fail_on),
        "strict": report.strict,
        "results": _results(report),
        "passed": dict(sorted(report.passed.items())),
        "checks": {
            rule.id: {
                "slug": rule.slug, "title": rule.title, "area": rule.area, "severity": str(rule.severity),
                "requirement": rule.requirement, "controls": rule.controls, "aliases": rule.aliases,
                "tags": rule.tags,
            }
            for rule in rules(report).values()
        },
        "coverage": {
            "files": coverage.files, "resources": coverage.resources,
            "unseen_kinds": coverage.unseen_kinds, "idle_checks": coverage.idle_checks,
        },
        "versions": report.versions,
        **({"run": report.run} if report.run is not None else {}),
    }  # fmt: skip
    yield json_text(document) + "\n"


def _results(report: Report) -> list[dict[str, Any]]:
    """One loop without calls for the usual finding: reports may hold a hundred thousand."""
    levels = [str(level) for level in Severity]
    resources: dict[int, dict[str, Any]] = {}
    paths: dict[Path, str] = {}
    rows: list[dict[str, Any]] = []
    for result in report.results:
        resource = resources.get(id(result.resource))
        if resource is None:
            resource = resources[id(result.resource)] = _resource(result.resource)
        found: list[dict[str, Any]] = []
        for finding in result.findings:
            path = paths.get(finding.path)
            if path is None:
                path = paths[finding.path] = str(finding.path)
            severity = result.severity if finding.severity is None else finding.severity
            found.append({
                "message": finding.message, "severity": levels[severity], "path": path, "place": finding.place,
                "fingerprint": finding.fingerprint, "cure": finding.cure and _cure(finding.cure),
            })  # fmt: skip
            if finding.at is not None and finding.at is not result.resource:
                found[-1]["at"] = finding.at.address
        rows.append(
            {
                "id": result.check,
                "status": result.status,
                "severity": levels[result.severity],
                "requirement": result.requirement,
                "resource": resource,
                "findings": found,
                "waiver": result.waiver and _waiver(result.waiver),
                "reason": result.reason,
                "place": result.place,
            }
        )
        if result.evidence:
            rows[-1]["evidence"] = result.evidence  # fmt: skip
    return rows


def _resource(resource: Resource) -> dict[str, Any]:
    return {
        "address": resource.address, "family": resource.family, "kind": resource.kind,
        "namespace": resource.namespace, "name": resource.name, "source": resource.source,
        **({"platform": resource.platform} if resource.platform else {}),
    }  # fmt: skip


def _cure(cure: Cure) -> dict[str, Any]:
    patches = [
        {"path": str(path), "removed": True} if value is REMOVE else {"path": str(path), "value": plain(value)}
        for path, value in cure.patches
    ]
    return {"advice": cure.advice, "grade": cure.grade, "patches": patches}


def _waiver(waiver: Waiver) -> dict[str, Any]:
    return {
        "reason": waiver.reason, "owner": waiver.owner, "expires": waiver.expires, "origin": waiver.origin,
    }  # fmt: skip
