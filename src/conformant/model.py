"""The values that every part of conformant exchanges.

This module imports nothing of conformant's own; everything else may import it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from enum import IntEnum, StrEnum
from hashlib import blake2b
from typing import Any, NoReturn, Protocol, TypeVar, cast

from msgspec import Struct

Step = str | int
ViewType = TypeVar("ViewType")


class Severity(IntEnum):
    """How bad a finding is; ordered, so that ``severity >= Severity.HIGH`` reads well."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    def __str__(self) -> str:
        return self.name.lower()

    def lower(self, steps: int = 1) -> "Severity":
        """The severity `steps` below this one, at least INFO."""
        return Severity(max(0, self - steps))


class Status(StrEnum):
    """The verdict of one check or probe on one resource."""

    PASS = "pass"
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    UNKNOWN = "unknown"
    WAIVED = "waived"
    ERROR = "error"


class Path(tuple[Step, ...]):
    """Where a value stands inside a resource: mapping keys and list indexes from the root.

    Joined with ``/``: ``container.path / "securityContext" / "privileged"``. Rendered as
    ``spec.containers[0].image``. A path may name something absent; its place is then the
    deepest part that exists.
    """

    __slots__ = ()

    def __truediv__(self, step: Step) -> "Path":
        return Path((*self, step))

    def __str__(self) -> str:
        text = ""
        for step in self:
            if isinstance(step, int):
                text += f"[{step}]"
            elif isinstance(step, str) and step.replace("_", "").replace("-", "").isalnum():
                text += f".{step}" if text else step
            else:
                text += f"[{step!r}]"
        return text


ROOT = Path()


class Unknown:
    """A value that is set but not known here: a Terraform value known after apply, a template
    placeholder. Touching it (comparing, testing, indexing, iterating, formatting) raises
    `Undecided`, so no check can mistake it for an absent or a safe value.
    """

    __slots__ = ("reason", "references")

    def __init__(self, reason: str, references: Sequence[str] = ()) -> None:
        """`reason` is shown to the reader: "storage_encrypted is var.encrypt, which has no
        value". `references` are the addresses that the value mentions, for linking."""
        self.reason = reason
        self.references = tuple(references)

    def _touch(self, *_: object) -> NoReturn:
        raise Undecided(self.reason)

    __bool__ = __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __len__ = __iter__ = _touch
    __contains__ = __getitem__ = __str__ = __format__ = __int__ = __float__ = __hash__ = _touch
    __add__ = __radd__ = __call__ = _touch

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        raise Undecided(self.reason)

    def __repr__(self) -> str:
        return f"Unknown({self.reason!r})"


class Undecided(Exception):
    """A verdict needs a value that is not known. Raised by touching an `Unknown`; a check may
    also yield it, to say that one aspect is undecided and go on with the others."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NotApplicable(Struct, frozen=True):
    """Yielded by a check that has nothing to judge on this resource."""

    reason: str = ""


def dig(value: Any, *steps: Step) -> Any:
    """Follow mapping keys and list indexes; None where the way ends (absent or null).

    Raises `Undecided` when the way leads to or through an `Unknown`.
    """
    for step in steps:
        kind = value.__class__
        if kind is dict:
            value = value.get(step)
        elif kind is list:
            if step.__class__ is not int or not -len(value) <= step < len(value):
                return None
            value = value[step]
        elif kind is Unknown:
            raise Undecided(value.reason)
        else:
            return None
    if value.__class__ is Unknown:
        raise Undecided(value.reason)
    return value


def mapping(value: Any, *steps: Step) -> dict[Any, Any]:
    """The mapping at `steps`, or an empty one where there is none or something else."""
    found = dig(value, *steps) if steps else value
    if found.__class__ is Unknown:
        raise Undecided(found.reason)
    return found if found.__class__ is dict else {}


def sequence(value: Any, *steps: Step) -> list[Any]:
    """The list at `steps`, or an empty one where there is none or something else."""
    found = dig(value, *steps) if steps else value
    if found.__class__ is Unknown:
        raise Undecided(found.reason)
    return found if found.__class__ is list else []


class Place(Struct, frozen=True):
    """A position in a file; line and column count from 1. `note` tells of a detour, such as
    the line of a rendered template."""

    file: str
    line: int = 1
    column: int = 1
    end_line: int = 0
    note: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Locator(Protocol):
    """Finds the place of a path. One per document of whatever format; costs nothing until asked."""

    def place(self, path: Sequence[Step]) -> Place:
        """The place of `path`, or of the deepest part of it that exists. Never raises."""

    def comments(self, path: Sequence[Step]) -> Iterable[tuple[int, str]]:
        """Comments on the line of `path` and on comment lines directly above it: (line, text)."""


class Resource:
    """One thing with an address: a Kubernetes object, a Terraform block, a table, a config.

    `family` is ``kubernetes``, ``terraform``, ``sql``, ``avro`` or ``config``; `group` is the
    API group (empty for core and for other families); `raw` holds plain Python values that
    nobody may change; `parent` is the resource that this one is embedded in, `parts` are the keys of a
    ConfigMap that are resources of their own; `meta` holds what
    a loader knows beside the values (for Terraform: references, region, root); `platform` names the
    cluster or region that it is of, in a report put together of several.
    """

    __slots__ = (
        "address", "family", "group", "kind", "locator", "meta", "name", "namespace", "parent", "parts",
        "platform", "raw", "source", "version", "views",
    )  # fmt: skip

    def __init__(
        self, *, family: str, group: str, version: str, kind: str, namespace: str, name: str,
        raw: Any, locator: Locator, source: str, address: str = "", parent: "Resource | None" = None,
        meta: Any = None,
    ) -> None:  # fmt: skip
        self.family = family
        self.group = group
        self.version = version
        self.kind = kind
        self.namespace = namespace
        self.name = name
        self.raw = raw
        self.locator = locator
        self.source = source
        self.parent = parent
        self.meta = meta
        self.address = address or f"{kind}/{namespace or '-'}/{name}"
        self.parts: frozenset[str] = frozenset()
        self.platform = ""
        self.views: dict[type, Any] | None = None

    def seen_as(self, view: type[ViewType]) -> ViewType:
        """This resource as a `view`; the same object at every call."""
        if self.views is None:
            self.views = {}
        found = self.views.get(view)
        if found is None:
            found = self.views[view] = cast("Any", view)(self)
        return cast("ViewType", found)

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def __repr__(self) -> str:
        return f"<{self.address}>"


REMOVE = object()
"""As the value of a patch: take the key away."""


class Cure(Struct, frozen=True):
    """How to mend a finding. `patches` are (path, new value); `safe` ones can be applied
    without asking, `review` ones are offered, with grade `none` there is only the advice."""

    advice: str
    patches: tuple[tuple[Path, Any], ...] = ()
    grade: str = "review"


class Finding(Struct, frozen=True):
    """One thing wrong with a resource.

    A check gives message and path, perhaps a severity of its own and a cure. `at` names the
    resource that holds the path when that is not the one judged (a namespace that only its
    workloads declare). The engine fills in severity, place and fingerprint.
    """

    message: str
    path: Path = ROOT
    severity: Severity | None = None
    cure: Cure | None = None
    at: Resource | None = None
    place: Place | None = None
    fingerprint: str = ""


class Judged(Struct):
    """Yielded by a probe: what it has to say of one resource. `items` may be a generator: where it
    touches something unknown, or breaks, the other resources still get their verdicts. Nothing said,
    or evidence alone, is a pass."""

    resource: Resource
    items: Iterable[Any] = ()


class Waiver(Struct, frozen=True):
    """An accepted finding. `check` is an id, alias or slug; `resource` a shell pattern over
    addresses; `origin` says where the waiver stands."""

    check: str
    reason: str
    owner: str
    expires: date
    resource: str = "*"
    origin: Place | None = None


class Evidence(Struct, frozen=True):
    """What a verdict rests on. `kind`: ``file`` (`version` is its SHA-256), ``object`` of an API server
    (`version` is its resourceVersion) or ``probe`` (`text` is the transcript, redacted)."""

    kind: str
    subject: str
    version: str = ""
    text: str = ""


class Result(Struct):
    """The verdict of one check on one resource. `reason` explains unknown, error and not_applicable;
    `evidence` is what the verdict rests on."""

    check: str
    status: Status
    severity: Severity
    resource: Resource
    requirement: str = ""
    findings: list[Finding] = []
    reason: str = ""
    place: Place | None = None
    waiver: Waiver | None = None
    evidence: tuple[Evidence, ...] = ()


class FileCoverage(Struct):
    """What became of one input file: ``read``, ``partial`` (some statements could not be read),
    ``rendered``, ``template``, ``skipped`` or ``unreadable``.

    `place` points at the fault when `status` is ``partial``, ``unreadable`` or ``template``; `sha256` is
    that of the bytes read.
    """

    file: str
    status: str
    resources: int = 0
    reason: str = ""
    place: Place | None = None
    sha256: str = ""


class Coverage(Struct):
    """What was read, what could not be, and what nothing looked at."""

    files: list[FileCoverage] = []
    resources: int = 0
    unseen_kinds: dict[str, int] = {}
    idle_checks: list[str] = []


class Run(Struct, frozen=True):
    """Which run a report is of: `at` is its time (ISO 8601, UTC), `kind` ``check`` or ``audit``, `platform`
    the name of what was looked at; `platforms` those of a report put together of several. `id` is that
    of the history."""

    at: str = ""
    kind: str = "check"
    platform: str = ""
    platforms: tuple[str, ...] = ()
    id: str = ""


class Report(Struct):
    """Everything one run found, in deterministic order. Passing results are only counted in
    `passed` (by check id) unless the run was asked to keep them."""

    results: list[Result]
    passed: dict[str, int]
    coverage: Coverage
    versions: dict[str, str] = {}
    checks: dict[str, Any] = {}
    inputs: list[str] = []
    seconds: float = 0.0
    fail_on: Severity = Severity.LOW
    strict: bool = False
    run: Run | None = None

    def of(self, *statuses: Status) -> Iterator[Result]:
        """The results with one of these verdicts."""
        return (result for result in self.results if result.status in statuses)


def fingerprint(
    check: str, resource: Resource, path: Sequence[Step], nth: int = 0, holder: Resource | None = None
) -> str:
    """Sixteen hex digits that stay the same when lines move, files are renamed, or lists of
    named items are reordered. `nth` tells several findings on one path apart; `holder` is the
    resource that has the path, where it is another than the one judged."""
    steps: list[str] = []
    if holder is None or holder is resource:
        holder = resource
    else:
        steps.append(holder.address)
    value = holder.raw
    for step in path:
        value = _child(value, step)
        named = value.get("name") if isinstance(value, dict) and isinstance(step, int) else None
        steps.append(f"[{named}]" if isinstance(named, str) else str(step))
    text = "\x1f".join((check, resource.address, *steps, str(nth)))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _child(value: Any, step: Step) -> Any:
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value):
        return value[step]
    return None


Configuration = Mapping[str, Any]
