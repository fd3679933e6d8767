"""What the commands share: settings, exporters, where output goes, and errors that a user can mend."""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conformant.config import Settings
    from conformant.leaf import Exporter
    from conformant.model import Report

USAGE = 2


class Usage(Exception):
    """A wrong use of the command line."""


class Pipe:
    """Lets whoever reads the output stop when they have seen enough."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        if kind is None or not issubclass(kind, BrokenPipeError):
            return False
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True


class Errors:
    """Turns the errors that a user can mend into one line and an exit code: 2, or the `exit_code` that
    the error's class states."""

    code = USAGE

    def __enter__(self) -> "Errors":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        if kind is None or error is None:
            return False
        from conformant.config import ConfigurationError
        from conformant.leaf import LeafError
        from conformant.load.files import NoSuchInput

        stated = getattr(error, "exit_code", None)
        if stated is None and not isinstance(error, ConfigurationError | LeafError | NoSuchInput | Usage):
            return False
        self.code = USAGE if stated is None else stated
        print(f"conformant: {error}", file=sys.stderr)
        return True


def settings(options: argparse.Namespace) -> "tuple[Settings, Path | None]":
    """The settings of the configuration file with the command line's on top, and that file."""
    from conformant.config import resolve, variables

    given = vars(options)
    lists = ("select", "skip", "checks", "exclude", "values", "crds")
    flags: dict[str, Any] = {name: tuple(given.get(name) or ()) for name in lists}
    flags["variable_files"] = tuple(given.get("var_file") or ())
    flags["variables"] = variables(given.get("var") or ())
    flags |= {name: given.get(name) for name in ("fail_on", "strict", "baseline")}
    return resolve(options.config, flags, given.get("kubernetes"))


def formats(options: argparse.Namespace) -> "dict[str, Exporter | None]":
    """The exporters of the formats asked for, None for the terminal's."""
    from conformant.content import content
    from conformant.leaf import Exporter, load

    files = {file.stem: file for file in sorted(content("reports").glob("*.py"))}
    found: dict[str, Exporter | None] = {}
    for name in options.format.split(","):
        if name not in files and name != "terminal":
            raise Usage(f"no format {name!r}; there are terminal, {', '.join(files)}")
        found[name] = load(str(files[name]), Exporter) if name in files else None
    if len(found) > 1 and not options.output:
        raise Usage("several formats need --output FOLDER")
    return found


def write(report: "Report", formats: "dict[str, Exporter | None]", options: argparse.Namespace) -> None:
    for leaf in formats.values():
        pieces = leaf.function(report) if leaf is not None else _terminal(report, options)
        if not options.output:
            sys.stdout.writelines(pieces)
            continue
        with writing(options.output):
            target = Path(options.output)
            if len(formats) > 1 or target.is_dir():
                target.mkdir(parents=True, exist_ok=True)
                target = target / f"conformant{leaf.suffix if leaf is not None else '.txt'}"
            with target.open("w", encoding="utf-8", newline="\n") as stream:
                stream.writelines(pieces)


def _terminal(report: "Report", options: argparse.Namespace) -> Iterable[str]:
    from shutil import get_terminal_size

    from conformant.terminal import render

    color = sys.stdout.isatty() and not (options.no_color or options.output or os.environ.get("NO_COLOR"))
    return render(report, color=color, width=get_terminal_size((120, 40)).columns, verbose=options.verbose)


@contextmanager
def writing(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Usage(f"{name}: cannot be written: {error.strerror}") from None


def keep(report: "Report", settings: "Settings", kind: str) -> None:
    """Keep a report in the history; where that fails, say so: the verdict stands all the same."""
    from datetime import UTC, datetime

    from conformant.store import History, StoreError

    stated, now = settings.history, datetime.now(UTC)
    try:
        history = History(stated.url)
        history.add(report, at=now, kind=kind, platform=stated.platform)
        if stated.days:
            history.prune(days=stated.days, now=now)
        history.close()
    except StoreError as error:
        print(f"conformant: this run was not kept: {error}", file=sys.stderr)
