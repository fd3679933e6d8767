"""Leaves: checks, probes and exporters are values in files of their own, found by path.

A leaf file holds one decorated function; importing it registers nothing. `load` reads a folder
of them, the built-in one and a user's alike.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from functools import partial
from importlib import import_module
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path as FilePath
from types import ModuleType
from typing import Any, TypeVar

from msgspec import Struct, ValidationError, convert

from conformant.model import Configuration, Evidence, Finding, Judged, NotApplicable, Severity, Undecided
from conformant.platform import Platform
from conformant.profile import Profile
from conformant.regex import lazy

Item = Finding | Undecided | NotApplicable | Evidence
"""What a check may yield; evidence is for probes."""
Seen = Judged | Item
"""What a probe may yield: verdicts on resources, and items about the cluster as a whole."""
AnyItem = TypeVar("AnyItem", bound=Seen)
READ, PROBE, DRILL = "read", "probe", "drill"
"""What a probe does to the platform: only reads, sends packets, or disturbs."""


class LeafError(Exception):
    """A leaf file that cannot be used; the message names the file and says why."""


class Check(Struct, frozen=True, eq=False):
    """One static verification. `view` is the annotation of the function's first parameter and
    decides which resources it sees, `kinds` narrows them; `function` yields findings."""

    id: str
    slug: str
    function: Callable[..., Iterable[Item]]
    view: type[Any]
    severity: Severity
    title: str
    doc: str
    file: str
    aliases: tuple[str, ...] = ()
    requirement: str = ""
    controls: tuple[str, ...] = ()
    kinds: frozenset[str] | None = None
    tags: tuple[str, ...] = ()
    parameters: tuple[tuple[str, type[Any]], ...] = ()
    settings: Struct | None = None

    @property
    def area(self) -> str:
        """The folder that the check stands in: ``workloads``, ``network`` …"""
        return self.area_path.partition("/")[0]

    @property
    def area_path(self) -> str:
        """The folder below ``checks``: ``workloads``, ``terraform/aws`` …"""
        return _below(self.file, "checks")

    @property
    def local(self) -> bool:
        """Whether the verdict rests on the one resource alone, not on its neighbours."""
        return self.view.family != "scope" and all(kind is not Platform for _, kind in self.parameters)

    def answers_to(self, name: str) -> bool:
        """Whether `name` is this check's id, slug or an alias."""
        return name == self.id or name == self.slug or name in self.aliases

    def bind(self, platform: Platform, today: date, settings: Configuration) -> Callable[..., Iterable[Item]]:
        """The function with every parameter but the view filled in. Raises LeafError where the
        configured settings do not fit."""
        given: dict[str, Any] = {}
        for name, kind in self.parameters:
            if kind is Platform:
                given[name] = platform
            elif kind is Profile:
                given[name] = platform.profile
            elif kind is date:
                given[name] = today
            elif isinstance(platform.schemas, kind):
                given[name] = platform.schemas
            else:
                given[name] = self.configured(settings)
        return partial(self.function, **given) if given else self.function

    def configured(self, settings: Configuration) -> Any:
        """The check's settings, with those that `settings` has for it by id, slug or alias. Raises LeafError."""
        return configured(self, settings)


class Probe(Struct, frozen=True, eq=False):
    """One live verification. `function` looks at a running platform and yields what it saw;
    `needs` are the permissions that it takes (``list apps/Deployment``), `kind` says what it does."""

    id: str
    slug: str
    function: Callable[..., Iterable[Seen]]
    severity: Severity
    title: str
    doc: str
    file: str
    aliases: tuple[str, ...] = ()
    requirement: str = ""
    controls: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    kind: str = READ
    tags: tuple[str, ...] = ()
    settings: Struct | None = None

    @property
    def area(self) -> str:
        """The folder that the probe stands in: ``rotation``, ``mtls`` …"""
        return self.area_path.partition("/")[0]

    @property
    def area_path(self) -> str:
        """The folder below ``live``."""
        return _below(self.file, "live")

    def answers_to(self, name: str) -> bool:
        """Whether `name` is this probe's id, slug or an alias."""
        return name == self.id or name == self.slug or name in self.aliases

    def bind(self, settings: Configuration) -> Callable[..., Iterable[Seen]]:
        """The function with its settings filled in. Raises LeafError where the configured ones do not fit."""
        if self.settings is None:
            configured(self, settings)
            return self.function
        return partial(self.function, settings=configured(self, settings))


Leaf = Check | Probe


def _below(file: str, folder: str) -> str:
    """The folders of `file` below the innermost one named `folder`; its own where there is none."""
    parts = FilePath(file).parts[:-1]
    start = len(parts) - 1 - parts[::-1].index(folder) if folder in parts else len(parts) - 2
    return "/".join(parts[start + 1 :])


def configured(leaf: Leaf, settings: Configuration) -> Any:
    """The settings of a leaf, with those that `settings` has for it by id, slug or alias. Raises LeafError."""
    chosen = next((settings[name] for name in settings if leaf.answers_to(name)), None)
    if chosen is None:
        return leaf.settings
    if leaf.settings is None:
        raise LeafError(f"settings of {leaf.id}: it has none")
    kind = type(leaf.settings)
    unknown = sorted(set(chosen) - set(kind.__struct_fields__))
    if unknown:
        known = ", ".join(kind.__struct_fields__)
        raise LeafError(f"settings of {leaf.id}: no setting `{unknown[0]}`; there are {known}")
    try:
        return convert(chosen, kind)
    except ValidationError as error:
        raise LeafError(f"settings of {leaf.id}: {error}") from error


class Exporter(Struct, frozen=True):
    """One output format: `function` turns a report into text, in pieces."""

    name: str
    function: Callable[..., Iterable[str]]
    suffix: str
    media_type: str
    title: str
    file: str


def check(
    *, id: str, severity: Severity, requirement: str = "", controls: Sequence[str] = (),
    aliases: Sequence[str] = (), kinds: Sequence[str] | None = None, tags: Sequence[str] = (),
) -> Callable[[Callable[..., Iterable[Item]]], Check]:  # fmt: skip
    """Make a check of a function ``(view, …) -> Iterator[Finding]``.

    The first parameter's annotation names the view. Further parameters are filled in by their
    annotation: `Platform`, `Profile`, `Schemas`, `datetime.date` (today), or a frozen msgspec Struct whose
    default in the signature holds the check's settings. The slug is the function's name.
    """

    def decorate(function: Callable[..., Iterable[Item]]) -> Check:
        (_, view), *others = _parameters(function)
        if not isinstance(severity, Severity):
            raise LeafError(f"severity={severity!r}: expected a Severity, such as Severity.HIGH")
        settings = next((value for value in function.__defaults__ or () if isinstance(value, Struct)), None)
        doc = function.__doc__ or function.__globals__.get("__doc__") or ""
        return Check(
            id=id, slug=function.__name__.replace("_", "-"), function=function, view=view,
            severity=severity, title=doc.strip().partition("\n")[0].rstrip("."), doc=doc.strip(),
            file=function.__code__.co_filename, aliases=tuple(aliases), requirement=requirement,
            controls=tuple(controls), kinds=frozenset(kinds) if kinds is not None else None,
            tags=tuple(tags), parameters=tuple(others), settings=settings,
        )  # fmt: skip

    return decorate


def probe(
    *, id: str, severity: Severity, requirement: str = "", controls: Sequence[str] = (), needs: Sequence[str] = (),
    kind: str = READ, aliases: Sequence[str] = (), tags: Sequence[str] = (),
) -> Callable[[Callable[..., Iterable[Seen]]], Probe]:  # fmt: skip
    """Make a probe of a function ``(running: Running) -> Iterator[Seen]``.

    A second parameter `settings`, a frozen msgspec Struct with a default, holds the probe's settings.
    `needs` are verbs and kinds: ``list apps/Deployment``, ``get /ConfigMap``, ``create /Pod``.
    """

    def decorate(function: Callable[..., Iterable[Seen]]) -> Probe:
        if not isinstance(severity, Severity):
            raise LeafError(f"severity={severity!r}: expected a Severity, such as Severity.HIGH")
        if kind not in (READ, PROBE, DRILL):
            raise LeafError(f"kind={kind!r}: expected {READ}, {PROBE} or {DRILL}")
        malformed = [need for need in needs if not _NEED.fullmatch(need)]
        if malformed:
            raise LeafError(f"needs {malformed[0]!r}: expected a verb and group/Kind, such as 'list apps/Deployment'")
        settings = next((value for value in function.__defaults__ or () if isinstance(value, Struct)), None)
        doc = function.__doc__ or function.__globals__.get("__doc__") or ""
        return Probe(
            id=id, slug=function.__name__.replace("_", "-"), function=function, severity=severity,
            title=doc.strip().partition("\n")[0].rstrip("."), doc=doc.strip(), file=function.__code__.co_filename,
            aliases=tuple(aliases), requirement=requirement, controls=tuple(controls), needs=tuple(needs), kind=kind,
            tags=tuple(tags), settings=settings,
        )  # fmt: skip

    return decorate


_NEED = lazy(r"(get|list|create|delete|update|patch) [a-z0-9.-]*/[A-Z]\w*(/[a-z]+)?")


def _parameters(function: Callable[..., Any]) -> list[tuple[str, type[Any]]]:
    """The parameters with their annotations; those that are texts, as under ``from __future__ import
    annotations``, are looked up. Raises LeafError."""
    stated = function.__annotations__
    if any(isinstance(kind, str) for kind in stated.values()):
        from typing import get_type_hints

        stated = get_type_hints(function)
    found = [(name, kind) for name, kind in stated.items() if name != "return"]
    if len(found) != function.__code__.co_argcount or not found:
        raise LeafError(f"{function.__name__}: every parameter needs an annotation, the first one that of a view")
    if not hasattr(found[0][1], "family"):
        raise LeafError(f"{function.__name__}: the first parameter's annotation is no view: {found[0][1]!r}")
    return found


def exporter(*, name: str, suffix: str, media_type: str) -> Callable[[Callable[..., Iterable[str]]], Exporter]:
    """Make an exporter of a function ``(report) -> Iterable[str]``."""

    def decorate(function: Callable[..., Iterable[str]]) -> Exporter:
        doc = function.__doc__ or function.__globals__.get("__doc__") or ""
        return Exporter(
            name=name, function=function, suffix=suffix, media_type=media_type,
            title=doc.strip().partition("\n")[0].rstrip("."), file=function.__code__.co_filename,
        )  # fmt: skip

    return decorate


def saw(text: str) -> Evidence:
    """What a probe saw, for its report; the engine adds of which resource, and in which version."""
    return Evidence("probe", "", text=text)


def aspects(parts: "Iterable[Iterable[AnyItem]]") -> "Iterator[AnyItem | Undecided]":
    """Run several aspects of one check or probe, each to its own end: an unknown value in one leaves the
    others their say."""
    for part in parts:
        try:
            yield from part
        except Undecided as undecided:
            yield undecided


class Header(Struct, frozen=True):
    """What the text of a leaf file tells without importing it."""

    file: str
    id: str
    view: str
    module: str
    kinds: frozenset[str] | None

    def view_type(self) -> type[Any] | None:
        """The view class, where conformant ships it; None for one of the user's own."""
        return getattr(import_module(self.module), self.view, None) if self.module else None


_ID = lazy(r"^@check\(.*?\bid=(?P<quote>[\"'])([^\"']+)(?P=quote)", re.MULTILINE | re.DOTALL)
_VIEW = lazy(r"^def \w+\(\s*\w+: (\w+)", re.MULTILINE)
_IMPORT = r"^from (conformant[\w.]*) import (?:\([^)]*|[^\n]*)\b%s\b"
_KINDS = lazy(r"\bkinds=[\[(]([^\])]*)[\])]")


def headers(folder: str) -> list[Header]:
    """The headers of all checks below `folder`, in the order of their paths.

    Lets a run import only the leaves that its input needs. Files whose name starts with an
    underscore, and those of pytest, are not leaves. Raises LeafError.
    """
    found: list[Header] = []
    for file in sorted(FilePath(folder).rglob("*.py")):
        if file.name.startswith(("_", "test_")) or file.name == "conftest.py":
            continue
        text = _text(file)
        named, view = _ID.search(text), None
        if named is not None:
            view = next((match for match in _VIEW.finditer(text, named.end())), None)
        if named is None or view is None:
            raise LeafError(f"{file}: no @check(id=…) function in it")
        kinds = _KINDS.search(text, named.start(), view.start())
        names = frozenset(re.findall(r"[\"']([^\"']+)[\"']", kinds[1])) if kinds else None
        source = re.search(_IMPORT % view[1], text, re.MULTILINE)
        found.append(Header(str(file), named[2], view[1], source[1] if source else "", names))
    return found


def _text(file: FilePath) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LeafError(f"{file}: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None


def load(file: str, kind: type[Any]) -> Any:
    """The leaf of type `kind` (`Check`, `Exporter`) in one file. Raises LeafError."""
    module = _module(file)
    leaves = [value for value in vars(module).values() if isinstance(value, kind)]
    if len(leaves) != 1:
        raise LeafError(f"{file}: {len(leaves)} leaves of type {kind.__name__} in it, where one is expected")
    return leaves[0]


def load_folder(folder: str, kind: type[Any]) -> list[Any]:
    """All leaves of type `kind` below `folder`, in the order of their paths."""
    files = sorted(file for file in FilePath(folder).rglob("*.py") if not file.name.startswith("_"))
    return [load(str(file), kind) for file in files]


def _module(file: str) -> ModuleType:
    name = "conformant_leaf_" + re.sub(r"\W", "_", file)
    loader = SourceFileLoader(name, file)
    spec = spec_from_loader(name, loader)
    if spec is None:
        raise LeafError(f"{file}: not a Python file")
    module = module_from_spec(spec)
    try:
        loader.exec_module(module)
    except SyntaxError as error:
        raise LeafError(f"{file}:{error.lineno or 1}: {error.msg}") from error
    except LeafError as error:
        raise LeafError(f"{file}: {error}") from error
    except Exception as error:
        raise LeafError(f"{file}:{_line(error, file)}: {type(error).__name__}: {error}") from error
    return module


def _line(error: Exception, file: str) -> int:
    """The line of `file` that an error came through."""
    trace, line = error.__traceback__, 1
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == file:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
