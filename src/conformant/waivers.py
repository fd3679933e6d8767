"""Accepted findings: waivers from the configuration, from annotations and from comments, and baselines.

In a comment on the faulty line or directly above it (or above the resource, for all of it)::

    # conformant: waive WRK-006 until 2027-01-31 owner platform-team: the CNI agent needs it

As an annotation of the object::

    waive.conformant.dev/WRK-006: "until 2027-01-31 owner platform-team: the CNI agent needs it"
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from fnmatch import fnmatchcase

from conformant.leaf import Leaf
from conformant.model import (
    ROOT,
    Finding,
    Path,
    Place,
    Resource,
    Result,
    Severity,
    Status,
    Waiver,
    fingerprint,
)
from conformant.regex import lazy

ANNOTATION = "waive.conformant.dev/"
_COMMENT = lazy(r"(?:#|--|//)\s*conformant:\s*waive\b[ \t]*(.*)")
_TERMS = lazy(r"until\s+(\S+?)(?:\s+owner\s+([^\s:]+))?\s*:\s*(\S.*)")


class Malformed(ValueError):
    """A waiver that cannot be read; the message says why."""


class Inline(Waiver, frozen=True):
    """A waiver written at the resource: it covers findings on `line` of its file, or all of the
    resource that begins there."""

    line: int = 0


def parse_terms(text: str) -> tuple[date, str, str]:
    """``until 2027-01-31 owner team: reason`` as (expiry, owner, reason). Raises Malformed."""
    match = _TERMS.fullmatch(text.strip())
    if match is None:
        raise Malformed('expected "until YYYY-MM-DD [owner NAME]: reason"')
    try:
        return date.fromisoformat(match[1]), match[2] or "", match[3].strip()
    except ValueError:
        raise Malformed(f"{match[1]!r} is not a date (YYYY-MM-DD)") from None


def in_comments(file: str, text: str, first_line: int = 1) -> Iterator[Inline | tuple[Place, str]]:
    """The waivers in the comments of a text; malformed ones as (place, reason)."""
    if "conformant:" not in text:
        return
    lines = text.split("\n")
    for index, line in enumerate(lines):
        match = _COMMENT.search(line)
        if match is None:
            continue
        place = Place(file, first_line + index, match.start() + 1)
        name, _, terms = match[1].strip().partition(" ")
        try:
            expires, owner, reason = parse_terms(terms)
        except Malformed as error:
            yield place, str(error)
            continue
        covered = index
        if not line[: match.start()].strip():
            while covered + 1 < len(lines) and _is_comment(lines[covered]):
                covered += 1
        yield Inline(name, reason, owner, expires, "*", place, first_line + covered)


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(("#", "--", "//")) and line.strip() != "---"


class Waivers:
    """All waivers of one run; remembers which were used."""

    def __init__(
        self, configured: Sequence[Waiver] = (), inline: Sequence[Inline] = (), baseline: Collection[str] = ()
    ) -> None:
        self.configured = configured
        self.baseline = frozenset(baseline)
        self.inline: dict[str, list[Inline]] = {}
        for waiver in inline:
            if waiver.origin is not None:
                self.inline.setdefault(waiver.origin.file, []).append(waiver)
        self.annotated: dict[str, list[Waiver]] = {}
        self.used: set[int] = set()
        self.faults: list[tuple[Place, str]] = []

    def read_annotations(self, resources: Iterable[Resource]) -> None:
        """Take up the waivers that objects carry as annotations."""
        for resource in resources:
            if resource.family != "kubernetes":
                continue
            holds = getattr(resource.meta, "holds", None)
            if holds is not None and not holds((ANNOTATION,)):
                continue
            metadata = resource.raw.get("metadata")
            annotations = metadata.get("annotations") if metadata.__class__ is dict else None
            if annotations.__class__ is not dict:
                continue
            for key, value in annotations.items():
                if key.__class__ is str and key.startswith(ANNOTATION):
                    self._take_up(resource, key, value)

    def _take_up(self, resource: Resource, key: str, value: object) -> None:
        place = resource.locator.place(Path(("metadata", "annotations", key)))
        try:
            expires, owner, reason = parse_terms(value if isinstance(value, str) else "")
        except Malformed as error:
            self.faults.append((place, str(error)))
            return
        waiver = Waiver(key[len(ANNOTATION) :], reason, owner, expires, resource.address, place)
        self.annotated.setdefault(resource.address, []).append(waiver)

    def covering(self, check: Leaf, resource: Resource, finding: Finding, today: date) -> Waiver | None:
        """The waiver in force for this finding, if any."""
        if finding.fingerprint in self.baseline:
            return Waiver(check.id, "in the baseline", "", date.max)
        for waiver in self._candidates(check, resource, finding):
            self.used.add(id(waiver))
            if waiver.expires >= today:
                return waiver
        return None

    def _candidates(self, check: Leaf, resource: Resource, finding: Finding) -> Iterator[Waiver]:
        holder = finding.at or resource
        for waiver in self.configured:
            if not check.answers_to(waiver.check):
                continue
            if any(fnmatchcase(one.address, waiver.resource) for one in (resource, holder)):
                yield waiver
        place = finding.place
        if place is not None and place.file in self.inline:
            top = holder.locator.place(ROOT).line
            for inline in self.inline[place.file]:
                if check.answers_to(inline.check) and inline.line in (place.line, top):
                    yield inline
        for waiver in self.annotated.get(holder.address, ()):
            if check.answers_to(waiver.check):
                yield waiver

    @property
    def stated(self) -> list[Waiver]:
        """All waivers, in the order of configuration, comments, annotations."""
        found = list(self.configured)
        for placed in (self.inline, self.annotated):
            for waivers in placed.values():
                found.extend(waivers)
        return found

    def audit(self, today: date, not_run: Collection[str] = ()) -> Iterator[tuple[Place, str]]:
        """What is wrong with the waivers themselves: malformed, expired, unused; the last is not said of
        waivers for `not_run`, names of checks that did not run."""
        yield from self.faults
        for waiver in self.stated:
            place = waiver.origin or Place("configuration")
            if waiver.expires < today:
                yield place, f"waiver of {waiver.check} expired on {waiver.expires}"
            elif id(waiver) not in self.used and waiver.check not in not_run:
                yield place, f"waiver of {waiver.check} for {waiver.resource!r} matches no finding"


AUDIT = "WVR-001"


def audit_results(waivers: Waivers, today: date, not_run: Collection[str] = ()) -> list[Result]:
    """The faults of the waivers as results of their own, under the id WVR-001."""
    results: list[Result] = []
    for place, message in waivers.audit(today, not_run):
        resource = Resource(
            family="scope", group="", version="", kind="Waiver", namespace="", name=place.file, raw={},
            locator=Fixed(place), source="configuration",
        )  # fmt: skip
        mark = fingerprint(AUDIT, resource, (message,))
        finding = Finding(message, ROOT, Severity.LOW, place=place, fingerprint=mark)
        results.append(Result(AUDIT, Status.FAIL, Severity.LOW, resource, "waivers", [finding], place=place))
    return results


class Fixed:
    """A locator that knows one place."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def place(self, path: Sequence[object]) -> Place:
        return self._place

    def comments(self, path: Sequence[object]) -> Iterable[tuple[int, str]]:
        return ()
