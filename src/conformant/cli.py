"""The command line: ``conformant check | checks | explain | completion``."""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from conformant import __version__

if TYPE_CHECKING:
    from conformant.config import Settings
    from conformant.leaf import Check, Exporter
    from conformant.model import Report

USAGE, INTERRUPTED = 2, 130


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message} ({self.prog} --help shows the usage)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (0 verified, 1 findings, 2 usage, 3 undecided)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given in (["--version"], ["-V"]):
        print(f"conformant {__version__}")
        return 0
    options = parser().parse_args(given)
    code = 0
    try:
        with _Pipe():
            code = int(options.run(options))
            sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


_held: list[object] | None = None
"""What a process that is about to end need not take the time to free."""


def entry() -> None:
    """The console script. Ends the process at once: freeing all objects takes as long as many checks."""
    global _held
    _held = []
    try:
        code = main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else USAGE
    with suppress(OSError):
        sys.stdout.flush()
    with suppress(OSError):
        sys.stderr.flush()
    os._exit(code)


def parser() -> argparse.ArgumentParser:
    """The argument parser; also the source of shell completion and of the reference page."""
    top = _Parser(
        prog="conformant",
        description="Verify the policies of a Kubernetes platform: manifests, charts, overlays, Terraform, "
        "SQL, schemas, and the fenced blocks of documents.",
        epilog="Exit codes: 0 verified, 1 findings at or above --fail-on, 2 usage or configuration error, "
        "3 could not decide.",
    )
    top.add_argument("-V", "--version", action="version", version=f"conformant {__version__}")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _check_command(commands)
    _checks_command(commands)
    _explain_command(commands)
    _completion_command(commands)
    return top


def _check_command(commands: Any) -> None:
    command = commands.add_parser("check", help="check files and folders", description="Check files and folders.")
    command.add_argument("paths", nargs="+", metavar="PATH", help="file, folder, or - for standard input")
    command.add_argument(
        "-f", "--format", default="terminal", metavar="FORMAT",
        help="terminal, json, sarif, junit, markdown; several with commas need --output (default: terminal)",
    )  # fmt: skip
    command.add_argument("-o", "--output", metavar="FILE", help="write there; a folder for several formats")
    command.add_argument("--fail-on", metavar="SEVERITY", help="lowest severity that fails the run (default: low)")
    command.add_argument("--strict", action="store_true", default=None, help="undecided results fail the run (exit 3)")
    command.add_argument("--all", action="store_true", help="include passing results")
    command.add_argument("--verbose", "-v", action="store_true", help="show every finding, however many there are")
    command.add_argument("--quiet", "-q", action="store_true", help="print nothing but errors")
    command.add_argument("--no-color", action="store_true", help="no colour (also by NO_COLOR)")
    command.add_argument("--select", action="append", default=[], metavar="NAME",
                         help="only these checks (id, slug, area, requirement, control …)")  # fmt: skip
    command.add_argument("--skip", action="append", default=[], metavar="NAME", help="leave these checks out")
    command.add_argument("--checks", action="append", default=[], metavar="FOLDER", help="checks of your own")
    command.add_argument("--exclude", action="append", default=[], metavar="PATTERN", help="paths to leave out")
    command.add_argument("--values", action="append", default=[], metavar="FILE",
                         help="values for Helm charts and for templates in documents")  # fmt: skip
    command.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="Terraform variable")
    command.add_argument("--var-file", action="append", default=[], metavar="FILE", help="Terraform variables")
    command.add_argument("--crds", action="append", default=[], metavar="PATH",
                         help="files or folders with custom resource definitions")  # fmt: skip
    command.add_argument("--kubernetes", metavar="VERSION", help="target Kubernetes version, such as 1.34")
    command.add_argument("--baseline", metavar="FILE", help="findings listed there are accepted")
    command.add_argument("--write-baseline", metavar="FILE", help="write all open findings there and pass")
    command.add_argument("--config", metavar="FILE", help="configuration (default: conformant.toml, pyproject.toml)")
    command.add_argument("--today", metavar="DATE", help="judge as of this day (YYYY-MM-DD; default: today)")
    command.add_argument("--no-cache", action="store_true", help="neither use nor write the cache")
    command.set_defaults(run=_check)


def _checks_command(commands: Any) -> None:
    command = commands.add_parser("checks", help="list the checks", description="List the checks.")
    command.add_argument("-f", "--format", choices=("table", "json", "markdown"), default="table")
    command.add_argument("--checks", action="append", default=[], metavar="FOLDER", help="checks of your own")
    command.add_argument("--config", metavar="FILE", help="configuration file")
    command.set_defaults(run=_checks)


def _explain_command(commands: Any) -> None:
    command = commands.add_parser("explain", help="explain one check", description="Explain one check.")
    command.add_argument("check", metavar="ID", help="id, alias or slug")
    command.add_argument("--checks", action="append", default=[], metavar="FOLDER", help="checks of your own")
    command.add_argument("--config", metavar="FILE", help="configuration file")
    command.set_defaults(run=_explain)


def _completion_command(commands: Any) -> None:
    command = commands.add_parser(
        "completion", help="print shell completion", description="Print a completion script for your shell."
    )
    command.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    command.set_defaults(run=_completion)


# commands


def _check(options: argparse.Namespace) -> int:
    from conformant.run import NoGarbage

    with NoGarbage(), _Errors() as errors:
        return _run_check(options)
    return errors.code


def _run_check(options: argparse.Namespace) -> int:
    from msgspec.structs import replace

    from conformant import baseline, verdict
    from conformant.config import day
    from conformant.run import check_paths

    formats = _formats(options)
    settings, file = _settings(options)
    if options.write_baseline and not Path(settings.baseline).exists():
        settings = replace(settings, baseline="")
    report = check_paths(
        options.paths, settings, file=file, today=day(options.today), keep_passes=options.all,
        cached=not options.no_cache, held=_held,
    )  # fmt: skip
    if options.write_baseline:
        with _writing(options.write_baseline):
            count = baseline.write(Path(options.write_baseline), report)
        print(f"wrote {count} fingerprints to {options.write_baseline}", file=sys.stderr)
        return 0
    if not options.quiet or options.output:
        with _Pipe():
            _write(report, formats, options)
    return verdict.exit_code(report)


def _formats(options: argparse.Namespace) -> "dict[str, Exporter | None]":
    """The exporters of the formats asked for, None for the terminal's."""
    from conformant.content import content
    from conformant.leaf import Exporter, load

    files = {file.stem: file for file in sorted(content("reports").glob("*.py"))}
    found: dict[str, Exporter | None] = {}
    for name in options.format.split(","):
        if name not in files and name != "terminal":
            raise _Usage(f"no format {name!r}; there are terminal, {', '.join(files)}")
        found[name] = load(str(files[name]), Exporter) if name in files else None
    if len(found) > 1 and not options.output:
        raise _Usage("several formats need --output FOLDER")
    return found


def _write(report: "Report", formats: "dict[str, Exporter | None]", options: argparse.Namespace) -> None:
    for leaf in formats.values():
        pieces = leaf.function(report) if leaf is not None else _terminal(report, options)
        if not options.output:
            sys.stdout.writelines(pieces)
            continue
        with _writing(options.output):
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
def _writing(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _Usage(f"{name}: cannot be written: {error.strerror}") from None


def _checks(options: argparse.Namespace) -> int:
    from conformant import docs
    from conformant.run import all_checks

    with _Errors() as errors:
        settings, _ = _settings(options)
        sys.stdout.writelines(docs.listing(all_checks(settings), options.format))
        return 0
    return errors.code


def _explain(options: argparse.Namespace) -> int:
    from conformant import docs
    from conformant.run import all_checks

    with _Errors() as errors:
        settings, _ = _settings(options)
        found: list[Check] = [one for one in all_checks(settings) if one.answers_to(options.check)]
        if not found:
            raise _Usage(f"no check {options.check!r}; conformant checks lists them all")
        sys.stdout.writelines(docs.explanation(found[0]))
        return 0
    return errors.code


def _completion(options: argparse.Namespace) -> int:
    try:
        import shtab
    except ImportError:
        print("shell completion needs shtab: pip install 'conformant[completion]'", file=sys.stderr)
        return USAGE
    print(shtab.complete(parser(), options.shell))
    return 0


# options


class _Usage(Exception):
    """A wrong use of the command line."""


class _Pipe:
    """Lets whoever reads the output stop when they have seen enough."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        if kind is None or not issubclass(kind, BrokenPipeError):
            return False
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True


class _Errors:
    """Turns the errors that a user can mend into one line and an exit code."""

    code = USAGE

    def __enter__(self) -> "_Errors":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        if kind is None or error is None:
            return False
        from conformant.config import ConfigurationError
        from conformant.leaf import LeafError
        from conformant.load.files import NoSuchInput

        if not isinstance(error, ConfigurationError | LeafError | NoSuchInput | _Usage):
            return False
        print(f"conformant: {error}", file=sys.stderr)
        return True


def _settings(options: argparse.Namespace) -> "tuple[Settings, Path | None]":
    """The settings of the configuration file with the command line's on top, and that file."""
    from conformant.config import resolve, variables

    given = vars(options)
    lists = ("select", "skip", "checks", "exclude", "values", "crds")
    flags: dict[str, Any] = {name: tuple(given.get(name) or ()) for name in lists}
    flags["variable_files"] = tuple(given.get("var_file") or ())
    flags["variables"] = variables(given.get("var") or ())
    flags |= {name: given.get(name) for name in ("fail_on", "strict", "baseline")}
    return resolve(options.config, flags, given.get("kubernetes"))


if __name__ == "__main__":
    entry()
