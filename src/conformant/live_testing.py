"""For testing probes: runs one over a fixture, the objects of a cluster as YAML, and compares places.

A fixture is a file of objects with their status, as ``kubectl get -o yaml`` shows them (a List or several
documents). Names and marks are those of checks (see `conformant.testing`). Comments say the rest::

    # now: 2026-11-22T10:00:00Z              the time of the audit
    # forbidden: external-secrets.io/SecretStore    lists of this kind are refused
    # served: cert-manager.io/Certificate    served although there is no object of it
    # settings: {"hours": 2}                 the probe's settings; `live` and `profile` likewise

A document ``kind: Answers`` holds what other services said: ``answers: [{channel, question, answer}]``, where
an answer is for every question that has all of these keys and values; `fault` stands for no answer.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import convert

from conformant.cluster.api import Api
from conformant.cluster.judge import judge
from conformant.cluster.reader import Reader
from conformant.cluster.running import Refused, Unanswered
from conformant.cluster.tape import Fault, Tape
from conformant.leaf import Probe
from conformant.load import Options, load
from conformant.model import Resource, Undecided, mapping, sequence
from conformant.platform import Platform
from conformant.profile import Live, Profile
from conformant.regex import lazy
from conformant.testing import Outcome, expectations

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
"""The time of audits of fixtures that state none."""

_DIRECTIVE = lazy(r"^#\s*(now|forbidden|served|settings|live|profile):\s*(\S.*?)\s*$", re.MULTILINE)


class Stated(Tape):
    """Answers questions from a fixture's ``Answers`` documents."""

    def __init__(self, answers: list[dict[Any, Any]]) -> None:
        super().__init__()
        self.answers = answers

    def ask(self, channel: str, question: Any, how: Callable[[], Any]) -> Any:
        for stated in self.answers:
            if stated.get("channel") == channel and _within(stated.get("question"), question):
                if "fault" in stated:
                    raise Fault(str(stated["fault"]))
                return stated.get("answer")
        raise Unanswered(f"the fixture has no answer to {channel}: {json.dumps(question, default=str)}")


def _within(stated: Any, asked: Any) -> bool:
    if isinstance(stated, dict) and isinstance(asked, dict):
        return all(key in asked and _within(value, asked[key]) for key, value in stated.items())
    return stated is None or bool(stated == asked)


class Standing(Reader):
    """A `Running` made of the objects of a fixture."""

    def __init__(self, fixture: Path) -> None:
        text = fixture.read_text(encoding="utf-8")
        stated: dict[str, list[str]] = {}
        for match in _DIRECTIVE.finditer(text):
            stated.setdefault(match[1], []).append(match[2])
        self.settings: dict[str, Any] = json.loads(stated.get("settings", ["{}"])[0])
        profile = convert(json.loads(stated.get("profile", ["{}"])[0]), Profile)
        live = convert(json.loads(stated.get("live", ["{}"])[0]), Live)
        now = datetime.fromisoformat(stated["now"][0]) if "now" in stated else NOW
        self.forbidden = frozenset(stated.get("forbidden", ()))
        self.known = frozenset(stated.get("served", ()))
        resources = load([str(fixture)], profile, Options()).resources
        answers = [
            answer for resource in resources if resource.kind == "Answers"
            for answer in sequence(mapping(resource.raw), "answers") if isinstance(answer, dict)
        ]  # fmt: skip
        super().__init__(Api(None, Stated(answers)), name="fixture", now=now, live=live, profile=profile)
        self.stated = Platform([resource for resource in resources if resource.kind != "Answers"], profile)

    def served(self, kind: str) -> bool:
        group = kind.partition("/")[0]
        own = "." not in group or group.endswith(".k8s.io")
        return own or kind in self.known or bool(self.stated.kind(kind))

    def _listed(self, kind: str) -> "list[Resource] | Undecided":
        if kind in self.forbidden:
            return Refused(f"{kind.lstrip('/')} could not be listed: it is forbidden")
        return self.stated.kind(kind)

    def _asked(self, kind: str, namespace: str, name: str, accept: str) -> "Resource | Undecided | None":
        if kind in self.forbidden:
            return Refused(f"{kind.lstrip('/')} {namespace}/{name} could not be read: it is forbidden")
        return self.stated.find(kind, namespace, name)


def run(probe: Probe, fixture: Path) -> Outcome:
    """Run one probe over a fixture."""
    standing = Standing(fixture)
    settings = {probe.id: standing.settings} if standing.settings else {}
    outcome = judge([probe], standing, today=standing.now.date(), settings=settings, keep_passes=True)
    found = [
        (finding.place.file.rpartition("/")[2], finding.place.line, str(finding.severity))
        for result in outcome.results
        for finding in result.findings
        if finding.place is not None and finding.place.file.endswith(fixture.name)
    ]
    return Outcome(expectations(fixture, probe.id), found, outcome.results)
