"""SARIF 2.1.0, for GitHub code scanning and other viewers of static analysis.

Open findings and waived ones (as suppressed) are results; undecided verdicts, broken checks and
unreadable files are notifications of the invocation, since they are not findings. Of more than
`limit` findings (GitHub takes 25,000 a run) the worst stay and a notification says what was cut.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.parse import quote

from conformant.leaf import exporter
from conformant.model import Finding, Place, Report, Resource, Result, Severity, Status
from conformant.text import counted, json_text, shortened
from conformant.verdict import WORDS, Rule, exit_code, findings, rules, severity, statement, worst

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {
    Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning",
    Severity.LOW: "note", Severity.INFO: "note",
}  # fmt: skip
SCORES = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.0"}
"""``security-severity``: text that holds a number, as GitHub reads it."""
TAGS = 20
DESCRIPTION = 1024
NOTIFICATIONS = 1000

_HEADINGS = re.compile(r"^(What it checks|Why it matters|How to fix|When it is fine):", re.MULTILINE)

Json = dict[str, Any]


@exporter(name="sarif", suffix=".sarif", media_type="application/sarif+json")
def sarif(report: Report, *, limit: int = 25_000) -> Iterator[str]:
    known, code = rules(report), exit_code(report)
    positions = {id: position for position, id in enumerate(known)}
    found = findings(report, Status.FAIL, Status.WAIVED)
    kept = worst(found, limit)
    notices = list(_notices(report, positions))
    omitted = len(notices) - NOTIFICATIONS
    if omitted > 0:
        notices[NOTIFICATIONS:] = [_notice("warning", f"{counted(omitted, 'more notification')} left out")]
    if len(found) > len(kept):
        text = f"{len(found) - len(kept)} of {len(found)} findings left out, the least severe; limit: {limit}"
        notices.insert(0, _notice("warning", text))
    run = {
        "tool": {
            "driver": {
                "name": "conformant",
                **({"version": report.versions["conformant"]} if "conformant" in report.versions else {}),
                "rules": [_rule(rule) for rule in known.values()],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"SRCROOT": {"description": {"text": "the folder that the run began in"}}},
        "invocations": [
            {
                "executionSuccessful": all(notice["level"] != "error" for notice in notices),
                "exitCode": code,
                "exitCodeDescription": WORDS[code],
                "toolExecutionNotifications": notices,
            }
        ],
        "results": [_result(result, finding, positions) for result, finding in kept],
        "properties": {"passed": dict(sorted(report.passed.items())), "versions": report.versions},
    }
    yield json_text({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n"


def _rule(rule: Rule) -> Json:
    name = "".join(word[:1].upper() + word[1:] for word in re.split(r"[\W_]+", rule.slug))
    sections = re.split(r"\n\s*\n", rule.doc.strip())
    about = next((part for part in sections[1:] if part.startswith("What it checks:")), rule.title)
    score = {"security-severity": SCORES[rule.severity]} if rule.severity in SCORES else {}
    tags = ["security", rule.area, rule.requirement, *rule.tags, *rule.controls]
    return {
        "id": rule.id,
        "name": name or rule.id,
        "shortDescription": {"text": _sentence(rule.title)},
        "fullDescription": {"text": _sentence(_paragraph(about))},
        "help": {"text": rule.doc or rule.title, "markdown": _markdown(rule)},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {
            "severity": str(rule.severity), **score, "precision": "high",
            "tags": list(dict.fromkeys(tag for tag in tags if tag))[:TAGS],
            "requirement": rule.requirement, "controls": rule.controls, "aliases": rule.aliases,
        },
    }  # fmt: skip


def _sentence(text: str) -> str:
    return shortened(text if text.endswith((".", "…")) else f"{text}.", DESCRIPTION)


def _paragraph(text: str) -> str:
    return " ".join(text.removeprefix("What it checks:").replace("``", "`").split())


def _markdown(rule: Rule) -> str:
    """The docstring with its headings in bold and its literals as Markdown writes them."""
    return _HEADINGS.sub(r"**\1:**", rule.doc or rule.title).replace("``", "`")


def _result(result: Result, finding: Finding, positions: dict[str, int]) -> Json:
    level = severity(result, finding)
    cure = finding.cure
    advice = f"\nCure: {cure.advice}" if cure is not None and cure.advice else ""
    place = finding.place or result.place or Place("-")
    return {
        "ruleId": result.check,
        "ruleIndex": positions[result.check],
        "level": LEVELS[level],
        "message": {"text": _message(f"{statement(finding)}{advice}")},
        "locations": [{**_location(place), "logicalLocations": [_logical(result.resource)]}],
        "partialFingerprints": {"conformant/v1": finding.fingerprint},
        "suppressions": [_suppression(result, place)] if result.status is Status.WAIVED else [],
        "properties": {"severity": str(level), "path": str(finding.path), "requirement": result.requirement},
    }


def _message(text: str) -> str:
    """Plain text: square brackets that would make a link are escaped, as SARIF asks."""
    text = text if text.strip() else "(no message)"
    return re.sub(r"([\[\]\\])", r"\\\1", text) if "](" in text else text


def _location(place: Place) -> Json:
    region: Json = {"startLine": max(place.line, 1), "startColumn": max(place.column, 1)}
    if place.end_line > place.line:
        region["endLine"] = place.end_line
    return {"physicalLocation": {"artifactLocation": _artifact(place.file), "region": region}}


def _artifact(file: str) -> Json:
    """A relative file counts from SRCROOT; an absolute one stands for itself."""
    uri = quote(file, safe="/~", errors="backslashreplace")
    return {"uri": f"file://{uri}"} if file.startswith("/") else {"uri": uri, "uriBaseId": "SRCROOT"}


def _logical(resource: Resource) -> Json:
    return {"fullyQualifiedName": resource.address, "name": resource.name, "kind": "resource"}


def _suppression(result: Result, place: Place) -> Json:
    waiver = result.waiver
    if waiver is None:
        return {"kind": "external", "status": "accepted"}
    origin = waiver.origin
    owner = f" ({waiver.owner}, until {waiver.expires})" if waiver.owner else f" (until {waiver.expires})"
    written_there = origin is not None and origin.file == place.file
    return {
        "kind": "inSource" if written_there else "external",
        "status": "accepted",
        "justification": waiver.reason + owner,
        **({"location": _location(origin)} if origin is not None else {}),
    }


def _notices(report: Report, positions: dict[str, int]) -> Iterator[Json]:
    """What the run could not do, the gravest first."""
    for entry in report.coverage.files:
        if entry.status == "unreadable":
            yield _notice("error", f"unreadable: {entry.reason}", entry.place or Place(entry.file))
    for result in (*report.of(Status.ERROR), *report.of(Status.UNKNOWN)):
        broken = result.status is Status.ERROR
        text = f"{result.check} {'failed' if broken else 'is undecided'} on {result.resource.address}"
        notice = _notice("error" if broken else "warning", f"{text}: {result.reason}", result.place)
        yield {**notice, "associatedRule": {"id": result.check, "index": positions[result.check]}}
    for entry in report.coverage.files:
        if entry.status == "template":
            yield _notice("note", f"not rendered: {entry.reason}", entry.place or Place(entry.file))
    for kind, count in islice(report.coverage.unseen_kinds.items(), 100):
        yield _notice("note", f"no check of its own looks at the kind {kind} ({counted(count, 'resource')})")


def _notice(level: str, text: str, place: Place | None = None) -> Json:
    location = {"locations": [_location(place)]} if place is not None else {}
    return {"level": level, "message": {"text": _message(text)}, **location}
