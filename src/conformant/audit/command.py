"""The command ``conformant audit``."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conformant import output
from conformant.output import Errors, Pipe, Usage

if TYPE_CHECKING:
    from conformant.cluster.tape import Tape
    from conformant.config import Settings

INTERRUPTED = 130


def add(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "audit", help="audit a running cluster",
        description="Audit a running cluster: every check over its objects, and the probes. Reads only, unless "
        "--probes or --drill say otherwise.",
    )  # fmt: skip
    command.add_argument("--context", metavar="NAME", help="the context of the cluster; never the current one")
    command.add_argument("--kubeconfig", metavar="FILE", help="where the context stands")
    command.add_argument("--probes", action="store_true", help="send packets too, from pods of our own")
    command.add_argument("--drill", action="append", default=[], metavar="ID", help="do this drill, which disturbs")
    command.add_argument("--record", metavar="FILE", help="keep every answer, redacted")
    command.add_argument("--replay", metavar="FILE", help="repeat an audit from its recording, offline")
    command.add_argument("--print-rbac", action="store_true", help="print the rights that an audit needs, and end")
    command.add_argument("-f", "--format", default="terminal", metavar="FORMAT",
                         help="terminal, json, sarif, junit, markdown …")  # fmt: skip
    command.add_argument("-o", "--output", metavar="FILE", help="write there; a folder for several formats")
    command.add_argument("--fail-on", metavar="SEVERITY", help="lowest severity that fails the run (default: low)")
    command.add_argument("--strict", action="store_true", default=None, help="undecided results fail the run (exit 3)")
    command.add_argument("--all", action="store_true", help="include passing results")
    command.add_argument("--verbose", "-v", action="store_true", help="show every finding, however many there are")
    command.add_argument("--quiet", "-q", action="store_true", help="print nothing but errors")
    command.add_argument("--no-color", action="store_true", help="no colour (also by NO_COLOR)")
    command.add_argument("--select", action="append", default=[], metavar="NAME",
                         help="only these checks and probes (id, slug, area, requirement, control …)")  # fmt: skip
    command.add_argument("--skip", action="append", default=[], metavar="NAME", help="leave these out")
    command.add_argument("--crds", action="append", default=[], metavar="PATH",
                         help="files or folders with custom resource definitions")  # fmt: skip
    command.add_argument("--config", metavar="FILE", help="configuration (default: conformant.toml, pyproject.toml)")
    command.add_argument("--keep", action="store_true", help="keep the report in the history")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    if options.print_rbac:
        from conformant.audit.objects import ROLE

        sys.stdout.write(ROLE.read_text(encoding="utf-8"))
        return 0
    with Errors() as errors:
        return _audit(options)
    return errors.code


def _audit(options: argparse.Namespace) -> int:
    from conformant import verdict
    from conformant.audit.session import Audit, Extent

    if bool(options.context) == bool(options.replay):
        raise Usage("name the cluster with --context NAME, or a recording with --replay FILE")
    formats = output.formats(options)
    settings, file = output.settings(options)
    reader, nonce = _reader(options, settings)
    extent = Extent(options.probes, tuple(options.drill))
    with _bar(options) as progress, _terminable():
        audit = Audit(reader, settings, file=file, extent=extent, progress=progress)
        try:
            report = audit.report(keep_passes=options.all)
        finally:
            _write_recording(options, reader, nonce)
    if options.keep or settings.history.keep:
        output.keep(report, settings, "audit")
    if options.replay:
        report.seconds = 0.0
    if not options.quiet or options.output:
        with Pipe():
            output.write(report, formats, options)
    return INTERRUPTED if audit.interrupted else verdict.exit_code(report)


def _reader(options: argparse.Namespace, settings: "Settings") -> "tuple[Any, str]":
    """The reader of the cluster or of the recording, and the run's nonce."""
    from datetime import UTC, datetime
    from secrets import token_hex

    from conformant.cluster.api import Api
    from conformant.cluster.reader import Reader
    from conformant.cluster.tape import Recorder, Replayer, Tape, read
    from conformant.cluster.transport import KubernetesTransport

    if options.replay:
        recording = read(Path(options.replay))
        api = Api(None, Replayer(recording))
        name, now, nonce = str(recording.about.get("context")), datetime.fromisoformat(recording.at), recording.nonce
    else:
        tape: Tape = Recorder() if options.record else Tape()
        api = Api(KubernetesTransport(options.context, options.kubeconfig), tape)
        name, now, nonce = options.context, datetime.now(UTC).replace(microsecond=0), token_hex(4)
    return Reader(api, name=name, now=now, live=settings.live, profile=settings.profile), nonce


def _write_recording(options: argparse.Namespace, reader: Any, nonce: str) -> None:
    from conformant.cluster.tape import Recorder

    tape: Tape = reader.api.tape
    if options.record and isinstance(tape, Recorder):
        with output.writing(options.record):
            tape.write(Path(options.record), at=reader.now.isoformat(), nonce=nonce, about={"context": reader.name})


@contextmanager
def _bar(options: argparse.Namespace) -> "Iterator[Any]":
    """A line on the terminal that says what is happening now."""
    if options.quiet or not sys.stderr.isatty():
        yield lambda what, done, total: None
        return

    def show(what: str, done: int, total: int) -> None:
        width = 20 * done // max(total, 1)
        sys.stderr.write(f"\r\x1b[K[{'#' * width}{'.' * (20 - width)}] {done}/{total} {what[:60]}")
        sys.stderr.flush()

    try:
        yield show
    finally:
        sys.stderr.write("\r\x1b[K")


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends a run as SIGINT does: cleanly."""
    import signal
    from threading import current_thread, main_thread

    if current_thread() is not main_thread():
        yield
        return

    def end(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
