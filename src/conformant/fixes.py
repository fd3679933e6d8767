"""Applies cures to files: proven edits of plain manifests, checked again before anything is written."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import unified_diff
from pathlib import Path

from msgspec.structs import replace

from conformant.config import Settings
from conformant.load import Found
from conformant.load.files import find
from conformant.load.manifests import Within
from conformant.load.yaml import YamlLocator
from conformant.load.yaml_edit import CannotEdit, edited
from conformant.model import REMOVE, Cure, Finding, Report, Resource, Result, Status
from conformant.model import Path as Route
from conformant.run import Session

ROUNDS = 8
"""How often the files are checked again: one mended fault may uncover another."""


@dataclass
class Fixed:
    """What came of it: `texts` are the new contents by file, `before` the old ones; `applied` and
    `refused` findings with the reason; `offered` are cures for what is no plain manifest."""

    texts: dict[str, str] = field(default_factory=dict)
    before: dict[str, str] = field(default_factory=dict)
    applied: list[tuple[Result, Finding]] = field(default_factory=list)
    refused: list[tuple[Result, Finding, str]] = field(default_factory=list)
    offered: list[tuple[Result, Finding]] = field(default_factory=list)

    def diff(self) -> str:
        """All changes as a unified diff."""
        parts: list[str] = []
        for file, text in sorted(self.texts.items()):
            old, new = (one.splitlines(keepends=True) for one in (self.before[file], text))
            shown = file.lstrip("/")
            parts.extend(unified_diff(old, new, f"a/{shown}", f"b/{shown}"))
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in parts)


@dataclass(frozen=True)
class _Change:
    result: Result
    finding: Finding
    cure: Cure
    file: str
    start: int
    end: int
    prefix: tuple[str | int, ...]


def fix(paths: Sequence[str], settings: Settings, *, grades: Collection[str], today: date) -> Fixed:
    """Apply the cures of these grades (``safe``, ``review``) to what `paths` hold, in memory.

    An edit stays only if the finding is gone afterwards and nothing new came with it.
    """
    found = find(paths, exclude=settings.exclude)
    done = Fixed()
    given_up: set[str] = set()
    report = _judged(paths, settings, found, today)
    for _ in range(ROUNDS):
        changes = [one for one in _changes(report, grades, done) if one.finding.fingerprint not in given_up]
        texts = _contents(found)
        new = _applied(changes, texts, given_up, done)
        if not new:
            break
        trial = _with(found, new)
        after = _judged(paths, settings, trial, today)
        tried = {one.finding.fingerprint: one for one in changes if one.file in new}
        refused = _refused(tried, report, after)
        if refused:
            given_up |= refused.keys()
            done.refused += [(tried[mark].result, tried[mark].finding, why) for mark, why in refused.items()]
            continue
        left = _marks(after)
        done.applied += [(one.result, one.finding) for mark, one in tried.items() if mark not in left]
        for file, text in new.items():
            done.before.setdefault(file, texts[file])
            done.texts[file] = text
        found, report = trial, after
    return done


def write(done: Fixed) -> None:
    """Write the new contents, with the line ends and byte order mark that the files have."""
    for file, text in done.texts.items():
        data = text.encode()
        if Path(file).read_bytes().startswith(b"\xef\xbb\xbf"):
            data = b"\xef\xbb\xbf" + data
        Path(file).write_bytes(data)


def _judged(paths: Sequence[str], settings: Settings, found: Found, today: date) -> Report:
    session = Session(paths, replace(settings, cache=False), found=found)
    return session.report(session.checks(), today=today)


def _contents(found: Found) -> dict[str, str]:
    from conformant.load.yaml_document import Unreadable, decode

    texts: dict[str, str] = {}
    for entry in found[0]:
        if entry.kind in ("yaml", "json") and entry.data is not None:
            try:
                texts[entry.path] = decode(entry.data)
            except Unreadable:
                continue
    return texts


def _with(found: Found, texts: dict[str, str]) -> Found:
    inputs = [replace(entry, data=texts[entry.path].encode()) if entry.path in texts else entry for entry in found[0]]
    return inputs, found[1]


def _changes(report: Report, grades: Collection[str], done: Fixed) -> list[_Change]:
    """The edits that the findings ask for; what is written elsewhere than in plain manifests is offered."""
    changes: list[_Change] = []
    offered = {finding.fingerprint for _, finding in done.offered}
    for result in report.of(Status.FAIL):
        for finding in result.findings:
            cure = finding.cure
            if cure is None or not cure.patches:
                continue
            spot = _spot(finding.at or result.resource)
            if spot is None:
                if finding.fingerprint not in offered:
                    done.offered.append((result, finding))
            elif cure.grade in grades:
                changes.append(_Change(result, finding, cure, *spot))
    return changes


def _spot(resource: Resource) -> tuple[str, int, int, tuple[str | int, ...]] | None:
    """File, start and end of the document, and the way to the object in it; None where it is not in a
    plain manifest of its own."""
    locator = resource.locator
    prefix: tuple[str | int, ...] = ()
    if isinstance(locator, Within):
        prefix = locator.prefix
        locator = locator.outer
    if resource.source != "manifest" or resource.parent is not None or not isinstance(locator, YamlLocator):
        return None
    return locator.file, locator.document.start, locator.document.end, prefix


def _applied(changes: Iterable[_Change], texts: dict[str, str], given_up: set[str], done: Fixed) -> dict[str, str]:
    """The texts with the changes made, the last document of each file first."""
    documents: dict[tuple[str, int, int], list[_Change]] = {}
    for change in changes:
        documents.setdefault((change.file, change.start, change.end), []).append(change)
    new: dict[str, str] = {}
    for (file, start, end), own in sorted(documents.items(), key=lambda item: (item[0][0], -item[0][1])):
        text = new.get(file, texts[file])
        document = text[start:end]
        for change in own:
            try:
                for path, value in change.cure.patches:
                    document = edited(document, Route((*change.prefix, *path)), value)
            except CannotEdit as reason:
                given_up.add(change.finding.fingerprint)
                done.refused.append((change.result, change.finding, str(reason)))
                continue
            if _moves(change):
                break
        if document != text[start:end]:
            new[file] = text[:start] + document + text[end:]
    return new


def _moves(change: _Change) -> bool:
    """Whether the change moves list items, so that paths found before no longer hold."""
    return any(value is REMOVE and isinstance(path[-1], int) for path, value in change.cure.patches)


def _marks(report: Report) -> dict[str, tuple[Result, Finding]]:
    return {finding.fingerprint: (result, finding) for result in report.of(Status.FAIL) for finding in result.findings}


def _refused(tried: dict[str, _Change], before: Report, after: Report) -> dict[str, str]:
    """The changes to take back, and why: their finding stays, or something else is found in its place."""
    left = _marks(after)
    stays = {mark: "the finding would stay" for mark, one in tried.items() if mark in left and not _moves(one)}
    known = {(result.check, result.resource.address) for result, _ in _marks(before).values()}
    new = {
        (finding.at or result.resource).address: result.check
        for mark, (result, finding) in left.items()
        if (result.check, result.resource.address) not in known
    }
    if not new:
        return stays
    blamed = {mark: one for mark, one in tried.items() if (one.finding.at or one.result.resource).address in new}
    checks = ", ".join(sorted(set(new.values())))
    return stays | dict.fromkeys(blamed or tried, f"it would bring other findings ({checks})")
