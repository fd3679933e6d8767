"""One run of the static checks: paths and settings in, a report out. Used by every front end."""

import gc
from collections.abc import Collection, Sequence
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from conformant import __version__, baseline
from conformant.config import ConfigurationError, Settings, line_of, severity, waivers
from conformant.content import content
from conformant.evaluate import evaluate
from conformant.leaf import Check, Header, Leaf, LeafError, Probe, configured, headers, load, load_folder
from conformant.load import Found, Loaded, Options
from conformant.load import load as load_inputs
from conformant.load.files import BadFile, find
from conformant.model import Coverage, Report, Result
from conformant.platform import Platform
from conformant.profile import Profile
from conformant.waivers import AUDIT, Waivers, audit_results

if TYPE_CHECKING:
    from conformant.memory import Memory
    from conformant.schema import Schemas


class Session:
    """The loaded inputs of a run and the checks that apply to them."""

    def __init__(
        self, paths: Sequence[str], settings: Settings, *, file: Path | None = None, found: Found | None = None,
        memory: "Memory | None" = None, loaded: Loaded | None = None,
    ) -> None:  # fmt: skip
        """`file` is where the settings came from, `found` the inputs where they were looked up before,
        `memory` what is known of them, `loaded` the inputs where something else read them. Raises
        `NoSuchInput`, `LeafError`, `ConfigurationError`."""
        self.paths = paths
        self.settings = settings
        self.file = file
        self.memory = memory
        self.started = perf_counter()
        verify(settings, file)
        options = Options(
            values=settings.values, variables=settings.variables, variable_files=settings.variable_files,
            crds=settings.crds, exclude=settings.exclude,
        )  # fmt: skip
        try:
            self.loaded: Loaded = loaded or load_inputs(paths, settings.profile, options, found, memory)
        except BadFile as error:
            raise ConfigurationError(str(error)) from None
        self.platform = Platform(self.loaded.resources, settings.profile, schemas(settings.profile, self.loaded))

    def checks(self) -> list[Check]:
        """The selected checks, by id; of those that come with conformant, the ones that the input holds
        something for: the others are not even imported."""
        own = [load(header.file, Check) for header in own_headers(self.settings)]
        wanted = (header for header in headers(str(content("checks"))) if self._needed(header))
        found = [*own, *(load(header.file, Check) for header in wanted)]
        chosen = [check for check in found if selected(check, self.settings)]
        return sorted(chosen, key=lambda check: check.id)

    def _needed(self, header: Header) -> bool:
        view = header.view_type()
        if view is None or view.family in ("scope", "any"):
            return True
        present = {key for family, key in self.platform.by_kind if family == view.family}
        if header.kinds is not None:
            return any(key.rpartition("/")[2] in header.kinds for key in present)
        if view.kinds is None:
            return bool(present)
        prefix = "" if view.family == "kubernetes" else "/"
        return any(prefix + kind in present for kind in view.kinds)

    def report(self, checks: Sequence[Check], *, today: date, keep_passes: bool = False) -> Report:
        """Evaluate `checks` and say everything that the run found."""
        report = self.judge(checks, today=today, keep_passes=keep_passes)
        self.loaded.coverage.idle_checks = report.coverage.idle_checks
        report.coverage = self.loaded.coverage
        report.coverage.unseen_kinds = self._unseen(checks)
        report.results += self.audit(checks, today=today)
        report.versions, report.inputs = {"conformant": __version__}, list(self.paths)
        report.seconds = perf_counter() - self.started
        return report

    def judge(self, checks: Sequence[Check], *, today: date, keep_passes: bool = False) -> Report:
        """Evaluate some checks, for front ends that run them one by one: nothing is said of the inputs and
        of waivers as such."""
        verdicts = evaluate(
            checks, self.platform, today=today, waivers=self.waivers, settings=self.settings.settings,
            keep_passes=keep_passes, memory=self.memory,
        )  # fmt: skip
        return Report(
            results=verdicts.results, passed=verdicts.passed, coverage=Coverage(idle_checks=verdicts.idle),
            checks={check.id: check for check in checks}, fail_on=severity(self.settings.fail_on),
            strict=self.settings.strict,
        )  # fmt: skip

    def audit(self, judged: Sequence[Check], *, today: date) -> list[Result]:
        """What is wrong with the waivers, after `judged` were judged: malformed, expired, unused."""
        if AUDIT in self.settings.skip or (self.settings.select and AUDIT not in self.settings.select):
            return []
        names = {waiver.check for waiver in self.waivers.stated}
        names -= {name for name in names for check in judged if check.answers_to(name)}
        others = all_checks(self.settings) if names else []
        not_run = {name for name in names if any(check.answers_to(name) for check in others)}
        return audit_results(self.waivers, today, not_run)

    @cached_property
    def waivers(self) -> Waivers:
        """All waivers that are stated; they remember which of them the checks judged so far used."""
        stated = Waivers(waivers(self.settings, self.file), self.loaded.waivers, self.accepted)
        stated.faults.extend(self.loaded.waiver_faults)
        stated.read_annotations(self.platform.resources)
        return stated

    @cached_property
    def accepted(self) -> frozenset[str]:
        """The fingerprints of the baseline."""
        return baseline.read(Path(self.settings.baseline)) if self.settings.baseline else frozenset()

    def _unseen(self, checks: Sequence[Check]) -> dict[str, int]:
        """The Kubernetes and Terraform kinds that no check of their own looks at, with their counts."""
        seen: set[tuple[str, str]] = set()
        for check in checks:
            kinds = getattr(check.view, "kinds", None)
            family = check.view.family
            if check.kinds is not None:
                families = ("kubernetes", "terraform") if family == "any" else (family,)
                seen.update((each, kind) for each in families for kind in check.kinds)
            elif kinds:
                seen.update((family, kind.rpartition("/")[2]) for kind in kinds)
        return {
            key.lstrip("/"): len(resources)
            for (family, key), resources in sorted(self.platform.by_kind.items())
            if family in ("kubernetes", "terraform")
            and (family, key.rpartition("/")[2]) not in seen
            and key.rpartition("/")[2] not in _STRUCTURAL
        }


_STRUCTURAL = frozenset({"variable", "output", "provider", "terraform", "root", "module", "Namespace"})


def check(paths: Sequence[str], settings: Settings | None = None, *, today: date | None = None) -> Report:
    """Check everything below `paths`: the whole tool in one call."""
    session = Session(paths, settings or Settings())
    return session.report(session.checks(), today=today or date.today())


def own_headers(settings: Settings) -> list[Header]:
    """The headers of the user's own checks. Raises ConfigurationError, LeafError."""
    found: list[Header] = []
    for folder in settings.checks:
        if not Path(folder).is_dir():
            raise ConfigurationError(f"no folder of checks: {folder}")
        found.extend(headers(folder))
    return found


def all_headers(settings: Settings) -> list[Header]:
    """The headers of the built-in checks and of the user's own. Raises ConfigurationError, LeafError."""
    found = [*headers(str(content("checks"))), *own_headers(settings)]
    files: dict[str, str] = {}
    for header in found:
        if files.setdefault(header.id, header.file) != header.file:
            raise LeafError(f"{header.file}: the id {header.id} is that of {files[header.id]} already")
    return found


def all_checks(settings: Settings) -> list[Check]:
    """All checks, by id, selected or not."""
    return sorted((load(header.file, Check) for header in all_headers(settings)), key=lambda check: check.id)


def all_probes() -> list[Probe]:
    """All probes, by id."""
    found: list[Probe] = load_folder(str(content("live")), Probe)
    return sorted(found, key=lambda probe: probe.id)


def verify(settings: Settings, file: Path | None) -> None:
    """Make sure that the settings speak of checks that there are. Raises ConfigurationError, LeafError."""
    if not (settings.select or settings.settings or settings.checks):
        return
    known = all_headers(settings)
    plain = {name for header in known for name in (header.id, Path(header.file).stem.replace("_", "-"))}
    checks: list[Leaf]
    if plain.issuperset((*settings.settings, *settings.select)):
        checks = [load(header.file, Check) for header in known if settings.settings]
    else:
        checks = [*all_checks(settings), *all_probes()]
    for name in settings.select:
        if name not in plain and name != AUDIT and not any(_matches(check, name) for check in checks):
            raise ConfigurationError(f"select: no check goes by {name!r}; conformant checks lists them all")
    for name in settings.settings:
        try:
            found = [check for check in checks if check.answers_to(name)]
            if not found:
                raise LeafError(f"settings: no check goes by {name!r}")
            configured(found[0], settings.settings)
        except LeafError as error:
            at = f"{line_of(file, f'{error} `{name}`')}: " if file is not None else ""
            raise ConfigurationError(f"{at}{error}") from None


def selected(check: Leaf, settings: Settings) -> bool:
    """Whether the settings' `select` and `skip` let this check run."""
    if settings.select and not any(_matches(check, name) for name in settings.select):
        return False
    return not any(_matches(check, name) for name in settings.skip)


def _matches(check: Leaf, name: str) -> bool:
    return (
        check.answers_to(name)
        or name in (check.area, check.area_path, check.requirement, str(check.severity))
        or name in check.tags
        or any(control == name or control.partition("/")[0] == name for control in check.controls)
    )


def schemas(profile: Profile, loaded: Loaded) -> "Schemas":
    """The schemas of the profile's versions and of the definitions at hand. Raises ConfigurationError."""
    from conformant.schema import Schemas

    try:
        return Schemas(kubernetes=profile.kubernetes, crds=loaded.crds, components=profile.versions)
    except ValueError as error:
        raise ConfigurationError(f"profile.kubernetes: {error}") from None


class NoGarbage:
    """Suspends the cyclic garbage collector: a run allocates much and keeps it all to its end."""

    def __enter__(self) -> None:
        gc.disable()

    def __exit__(self, *_: object) -> None:
        gc.freeze()
        gc.enable()


def check_paths(
    paths: Sequence[str],
    settings: Settings,
    *,
    file: Path | None,
    today: date,
    keep_passes: bool,
    cached: bool,
    held: list[object] | None = None,
) -> Report:
    """Check everything below `paths` with a configuration; `cached` allows the use of the cache.

    `held` takes up what the run made, for a process that ends before it need be freed.
    """
    from conformant.cache import Cache, key, surroundings

    started = perf_counter()
    found = find(paths, exclude=settings.exclude)
    around = surroundings(file, found[0], settings, today, keep_passes) if cached and settings.cache else None
    mark = key(around, *found) if around is not None else None
    cache = Cache(paths)
    report = cache.get(mark, partial(checks_named, settings)) if mark is not None else None
    if report is None:
        from conformant.memory import Memory

        memory = Memory(cache.files, around) if around is not None and not settings.select else None
        session = Session(paths, settings, file=file, found=found, memory=memory)
        report = session.report(session.checks(), today=today, keep_passes=keep_passes)
        if memory is not None:
            memory.save()
        if mark is not None:
            cache.put(mark, report)
        if held is not None:
            held += [session, report]
    report.versions = {"conformant": __version__}
    report.inputs, report.seconds = list(paths), perf_counter() - started
    report.fail_on, report.strict = severity(settings.fail_on), settings.strict
    return report


def checks_named(settings: Settings, ids: Collection[str]) -> list[Check]:
    """The checks with these ids."""
    return [load(header.file, Check) for header in all_headers(settings) if header.id in ids]
