"""The command line: ``conformant check | reach | checks | explain | completion``."""

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from conformant import __version__, output
from conformant.output import USAGE, Errors, Pipe, Usage

if TYPE_CHECKING:
    from conformant.leaf import Leaf

INTERRUPTED = 130


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
        with Pipe():
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
    _reach_command(commands)
    _checks_command(commands)
    _explain_command(commands)
    _audit_command(commands)
    _report_command(commands)
    _fix_command(commands)
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
    command.add_argument("--keep", action="store_true", help="keep the report in the history (conformant report)")
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


def _reach_command(commands: Any) -> None:
    from conformant import reach_cli

    reach_cli.add(commands)


def _fix_command(commands: Any) -> None:
    from conformant import fix_cli

    fix_cli.add(commands)


def _audit_command(commands: Any) -> None:
    from conformant.audit import command

    command.add(commands)


def _report_command(commands: Any) -> None:
    from conformant import report_cli

    report_cli.add(commands)


def _completion_command(commands: Any) -> None:
    command = commands.add_parser(
        "completion", help="print shell completion", description="Print a completion script for your shell."
    )
    command.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    command.set_defaults(run=_completion)


# commands


def _check(options: argparse.Namespace) -> int:
    from conformant.run import NoGarbage

    with NoGarbage(), Errors() as errors:
        return _run_check(options)
    return errors.code


def _run_check(options: argparse.Namespace) -> int:
    from msgspec.structs import replace

    from conformant import baseline, verdict
    from conformant.config import day
    from conformant.run import check_paths

    formats = output.formats(options)
    settings, file = output.settings(options)
    if options.write_baseline and not Path(settings.baseline).exists():
        settings = replace(settings, baseline="")
    report = check_paths(
        options.paths, settings, file=file, today=day(options.today), keep_passes=options.all,
        cached=not options.no_cache, held=_held,
    )  # fmt: skip
    if options.keep or settings.history.keep:
        output.keep(report, settings, "check")
    if options.write_baseline:
        with output.writing(options.write_baseline):
            count = baseline.write(Path(options.write_baseline), report)
        print(f"wrote {count} fingerprints to {options.write_baseline}", file=sys.stderr)
        return 0
    if not options.quiet or options.output:
        with Pipe():
            output.write(report, formats, options)
    return verdict.exit_code(report)


def _checks(options: argparse.Namespace) -> int:
    from conformant import docs
    from conformant.run import all_checks, all_probes

    with Errors() as errors:
        settings, _ = output.settings(options)
        sys.stdout.writelines(docs.listing([*all_checks(settings), *all_probes()], options.format))
        return 0
    return errors.code


def _explain(options: argparse.Namespace) -> int:
    from conformant import docs
    from conformant.run import all_checks, all_probes

    with Errors() as errors:
        settings, _ = output.settings(options)
        leaves: list[Leaf] = [*all_checks(settings), *all_probes()]
        found = [one for one in leaves if one.answers_to(options.check)]
        if not found:
            raise Usage(f"no check {options.check!r}; conformant checks lists them all")
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


if __name__ == "__main__":
    entry()
