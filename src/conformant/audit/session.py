"""One audit, from the preflight to the report."""

from collections.abc import Callable, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

from msgspec import Struct

from conformant.audit import objects
from conformant.audit.preflight import Preflight, preflight, verdict
from conformant.cluster.judge import judge
from conformant.cluster.reader import Reader
from conformant.config import ConfigurationError, Settings
from conformant.leaf import DRILL, PROBE, READ, Probe
from conformant.load import Options
from conformant.model import FileCoverage, Report, Result, Run, Status
from conformant.run import Session, all_probes, selected

Progress = Callable[[str, int, int], None]
"""Told what is happening now, how many steps are done, and how many there are."""


class Extent(Struct, frozen=True):
    """How far an audit goes: with `probes` it sends packets, `drills` disturb, one by one."""

    probes: bool = False
    drills: tuple[str, ...] = ()


def chosen(settings: Settings, extent: Extent) -> list[Probe]:
    """The probes that a run may take: those that read, and what it was told to do beyond. Raises
    ConfigurationError where it is told to do what there is not."""
    known = all_probes()
    drills = [probe.id for probe in known if probe.kind == DRILL]
    for id in extent.drills:
        if id not in drills:
            there = f"there are {', '.join(drills)}" if drills else "there is none yet"
            raise ConfigurationError(f"no drill {id!r}; {there}")
    if extent.probes and not any(probe.kind == PROBE for probe in known):
        raise ConfigurationError("--probes: no probe that sends packets is here yet; an audit without it reads only")
    allowed = {READ, PROBE} if extent.probes else {READ}
    return [
        probe for probe in known
        if selected(probe, settings) and (probe.kind in allowed or (probe.kind == DRILL and probe.id in extent.drills))
    ]  # fmt: skip


class Audit:
    """An audit of one running cluster. An interruption ends it early; what was found until then is kept."""

    def __init__(
        self, reader: Reader, settings: Settings, *, file: Path | None = None, extent: Extent = Extent(),
        progress: Progress = lambda what, done, total: None,
    ) -> None:  # fmt: skip
        self.reader = reader
        self.settings = settings
        self.file = file
        self.probes = chosen(settings, extent)
        self.progress = progress
        self.interrupted = False
        self.preflight: Preflight | None = None
        self.static: Session | None = None

    def report(self, *, keep_passes: bool = False) -> Report:
        """Everything that the audit found. Raises ClusterError, ConfigurationError, LeafError."""
        self.progress("asking who we are", 0, 1)
        self.preflight = preflight(self.reader, self.probes)
        report = self._static(keep_passes)
        rights = verdict(self.preflight, self.reader)
        self._add(report, [rights] if keep_passes or rights.status is not Status.PASS else [])
        try:
            self._probe(report, keep_passes)
        except KeyboardInterrupt:
            self.interrupted = True
        coverage = report.coverage
        coverage.files = sorted([*coverage.files, *self.reader.coverage], key=lambda entry: entry.file)
        coverage.files += self._obstacles(report)
        report.inputs = [self.reader.name]
        report.run = Run(
            at=self.reader.now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), kind="audit", platform=self.reader.name
        )
        return report

    def _static(self, keep_passes: bool) -> Report:
        """The static checks over the live objects."""
        kinds = objects.readable(self.reader.kinds().values())
        for number, served in enumerate(kinds):
            self.progress(f"listing {served.key.lstrip('/')}", number, len(kinds) + len(self.probes))
            list(objects.declared(self.reader, [served]))
        found = objects.loaded(self.reader, kinds, Options(crds=self.settings.crds))
        self.static = Session([self.reader.name], self.settings, file=self.file, loaded=found)
        return self.static.report(self.static.checks(), today=self.reader.now.date(), keep_passes=keep_passes)

    def _probe(self, report: Report, keep_passes: bool) -> None:
        session: Any = self.static
        done = len(report.coverage.files)
        for number, probe in enumerate(self.probes):
            self.progress(f"{probe.id} {probe.slug}", done + number, done + len(self.probes))
            found = judge(
                [probe], self.reader, today=self.reader.now.date(), waivers=session.waivers,
                settings=self.settings.settings, keep_passes=keep_passes,
            )  # fmt: skip
            report.checks[probe.id] = probe
            report.passed |= found.passed
            self._add(report, found.results)

    def _add(self, report: Report, results: Sequence[Result]) -> None:
        report.results.extend(results)

    def _obstacles(self, report: Report) -> list[FileCoverage]:
        """What kept the audit from being one, as coverage: no such run is green."""
        found: list[FileCoverage] = []
        if self.interrupted:
            found.append(FileCoverage(self.reader.name, "partial", 0, "the audit was interrupted"))
        if self.reader.stale:
            reason = f"the servers of {', '.join(self.reader.stale)} did not say lately what they serve"
            found.append(FileCoverage(self.reader.name, "partial", 0, reason))
        session: Any = self.static
        if not any(namespace.tenant for namespace in session.platform.namespaces.values()):
            reason = "the cluster is empty: no workload outside the platform's own namespaces"
            found.append(FileCoverage(self.reader.name, "partial", 0, reason))
        return found
