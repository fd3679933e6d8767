"""``conformant fix``: applies the cures that are patches."""

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from conformant import output
from conformant.output import Errors

if TYPE_CHECKING:
    from conformant.fixes import Fixed
    from conformant.model import Finding, Result


def add(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "fix", help="apply the cures that are patches",
        description="Apply the cures that are patches to plain manifests. Comments, order and quotes stay; each "
        "edit is checked again before it is written. What is rendered, and Terraform, gets suggestions.",
    )  # fmt: skip
    command.add_argument("paths", nargs="+", metavar="PATH", help="file or folder")
    command.add_argument("--safe", action="store_true", help="safe cures only (the default)")
    command.add_argument("--review", action="store_true", help="also cures that somebody should look at")
    command.add_argument("--diff", action="store_true", help="show what would change, and change nothing")
    command.add_argument("--select", action="append", default=[], metavar="NAME", help="only these checks")
    command.add_argument("--skip", action="append", default=[], metavar="NAME", help="leave these checks out")
    command.add_argument("--checks", action="append", default=[], metavar="FOLDER", help="checks of your own")
    command.add_argument("--exclude", action="append", default=[], metavar="PATTERN", help="paths to leave out")
    command.add_argument("--crds", action="append", default=[], metavar="PATH", help="custom resource definitions")
    command.add_argument("--config", metavar="FILE", help="configuration file")
    command.add_argument("--today", metavar="DATE", help="judge as of this day (YYYY-MM-DD; default: today)")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Fix, and say what was done; 0, or 1 where a cure could not be applied."""
    with Errors() as errors:
        from conformant.config import day
        from conformant.fixes import fix, write

        settings, _ = output.settings(options)
        grades = ("safe", "review") if options.review else ("safe",)
        done = fix(options.paths, settings, grades=grades, today=day(options.today))
        if options.diff:
            sys.stdout.write(done.diff())
            sys.stderr.writelines(f"{line}\n" for line in _said(done, would=True))
        else:
            with output.writing("a file to fix"):
                write(done)
            sys.stdout.writelines(f"{line}\n" for line in _said(done, would=False))
        return 1 if done.refused else 0
    return errors.code


def _said(done: "Fixed", *, would: bool) -> Iterator[str]:
    from conformant.text import counted

    verb = "would be fixed" if would else "fixed"
    yield f"{counted(len(done.applied), 'finding')} {verb} in {counted(len(done.texts), 'file')}"
    for result, finding in done.applied:
        yield f"  {_where(result, finding)}"
    for result, finding, why in done.refused:
        yield f"  not applied: {_where(result, finding)}: {why}"
    if done.offered:
        yield f"{counted(len(done.offered), 'cure')} for what is no plain manifest, to be made by hand:"
    for result, finding in done.offered:
        advice = finding.cure.advice if finding.cure is not None else ""
        yield f"  {_where(result, finding)}: {advice}"


def _where(result: "Result", finding: "Finding") -> str:
    from conformant.text import one_line

    return one_line(f"{finding.place or '-'} {result.check} {result.resource.address}: {finding.message}")
