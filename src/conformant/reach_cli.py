"""``conformant reach``: who reaches whom, why and why not, what a change opens, what the world can reach."""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conformant import output
from conformant.output import Errors, Usage

if TYPE_CHECKING:
    from conformant.config import Settings
    from conformant.platform import Platform
    from conformant.reach.answers import Answers, Connection
    from conformant.reach.blocks import Network
    from conformant.reach.queries import Target

DECIDED, UNDECIDED = 0, 3
FORMATS = ("table", "json", "dot", "svg", "csv")


def add(commands: Any) -> None:
    """Add the command to the parser."""
    command = commands.add_parser(
        "reach", help="say who reaches whom",
        description="Say which pods reach which others and the outside, on which ports, and because of which rules.",
        epilog="X and Y are Kind/namespace/name, namespace/name or name, with shell patterns, an address block such "
        "as 10.0.0.0/8, or world. Exit codes: 0 answered, 2 usage error, 3 could not decide.",
    )  # fmt: skip
    command.add_argument("paths", nargs="*", default=["."], metavar="PATH", help="files and folders (default: .)")
    command.add_argument("--from", dest="sources", metavar="X", help="only connections from there")
    command.add_argument("--to", dest="destinations", metavar="Y[:PORT[/PROTOCOL]]",
                         help="only connections to there; a Service can be named too")  # fmt: skip
    command.add_argument("--diff", metavar="DIR", help="what changed since DIR, which holds the platform as it was")
    command.add_argument("--probes", action="store_true", help="the plan for probing the running cluster instead")
    command.add_argument("--classes", action="store_true",
                         help="what passes, with pods that policies do not tell apart as one")  # fmt: skip
    command.add_argument("-f", "--format", default="table", choices=FORMATS, help="(default: table)")
    command.add_argument("-o", "--output", metavar="FILE", help="write there")
    command.add_argument("--verbose", "-v", action="store_true", help="leave nothing out of the table")
    command.add_argument("--exclude", action="append", default=[], metavar="PATTERN", help="paths to leave out")
    command.add_argument("--values", action="append", default=[], metavar="FILE", help="values of templates")
    command.add_argument("--kubernetes", metavar="VERSION", help="target Kubernetes version, such as 1.34")
    command.add_argument("--config", metavar="FILE", help="configuration (default: conformant.toml, pyproject.toml)")
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    from conformant.run import NoGarbage

    with NoGarbage(), Errors() as errors:
        return _answer(options, *output.settings(options))
    return errors.code


def _answer(options: argparse.Namespace, settings: "Settings", file: Path | None) -> int:
    """Answer the question of the command line; returns the exit code. Raises Usage and what reading raises."""
    question = _Question(options)
    after = _Input(options.paths, settings, file)
    before = _Input([options.diff], settings, file) if options.diff else None
    _check(options, question, before)
    pieces, undecided = _pieces(options, question, after.platform, before.platform if before else None)
    _write(pieces, options.output)
    obstacles = [*after.obstacles(), *(before.obstacles() if before else ())]
    for text in obstacles:
        print(f"conformant: {text}", file=sys.stderr)
    return UNDECIDED if obstacles or undecided() else DECIDED


class _Question:
    """The ends that are asked about."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.source = _target(options.sources)
        self.destination = _target(options.destinations)
        if self.source is not None and (self.source.ports is not None or self.source.port_name):
            raise Usage("--from takes no port: connections start at any")

    @property
    def extra(self) -> "list[Network]":
        """The address blocks that are asked about."""
        stated = (self.source, self.destination)
        return [each.block for each in stated if each is not None and each.block is not None]

    def resolve(self, answers: "Answers") -> None:
        """Make sure that both ends exist. Raises Usage."""
        for option, wanted in (("--from", self.source), ("--to", self.destination)):
            if wanted is not None and not answers.ends(wanted):
                known = ", ".join(sorted(one.address for one in answers.endpoints)[:5]) or "none"
                raise Usage(f"{option} {wanted.text}: nothing goes by that name; there are {known} …")


class _Input:
    """One platform, as it was read."""

    def __init__(self, paths: Sequence[str], settings: "Settings", file: Path | None) -> None:
        from conformant.run import Session

        self.session = Session(paths, settings, file=file)
        self.platform: Platform = self.session.platform

    def obstacles(self) -> Iterator[str]:
        """What stands in the way of an answer: unread files, and an input without pods."""
        for each in self.session.loaded.coverage.files:
            if each.status in ("unreadable", "partial", "template"):
                yield f"{each.place or each.file}: {each.reason or each.status}"
        from conformant.platform import POD_CREATING

        made = any(self.platform.kind(key) for key in POD_CREATING)
        if not self.platform.workloads and not made:
            yield "nothing was evaluated: no pods in the input"


def _target(text: str | None) -> "Target | None":
    from conformant.reach.queries import Malformed, target

    if text is None:
        return None
    try:
        return target(text)
    except Malformed as error:
        raise Usage(str(error)) from None


def _check(options: argparse.Namespace, question: _Question, before: object) -> None:
    if options.probes and (before is not None or options.format not in ("table", "json")):
        raise Usage("--probes goes with --format table or json, and without --diff")
    if options.classes and (before is not None or options.sources or options.destinations):
        raise Usage("--classes tells everything: it goes without --from, --to and --diff")
    if before is not None and options.format in ("dot", "svg"):
        raise Usage("--diff goes with --format table, json or csv")


Pieces = Iterable[str]


def _pieces(
    options: argparse.Namespace, question: _Question, platform: "Platform", before: "Platform | None"
) -> tuple[Pieces, Callable[[], bool]]:
    """The output, and (once that is written) whether something of it is undecided."""
    from conformant.reach import machine, table
    from conformant.reach.answers import Answers

    if before is not None:
        return _difference(options, question, platform, before)
    answers = Answers(platform, question.extra)
    question.resolve(answers)
    if options.probes:
        from conformant.reach.probes import plan

        found = plan(answers.reach)
        return (machine.json_probes(found) if options.format == "json" else table.probes(found)), lambda: False
    asked = answers.between_classes() if options.classes else answers.connections(question.source, question.destination)
    seen = _Seen(asked)
    return _shown(options, question, answers, seen), lambda: seen.undecided or not seen.any


def _shown(options: argparse.Namespace, question: _Question, answers: "Answers", seen: "_Seen") -> Pieces:
    from conformant.reach import machine, table

    whole = question.source is None and question.destination is None
    match options.format:
        case "json":
            return machine.json_document(answers, seen, exposed=whole and not options.classes, classes=options.classes)
        case "csv":
            return machine.csv_rows(seen)
        case "dot" | "svg":
            from conformant.reach import drawing
            from conformant.reach.picture import picture

            return (drawing.dot if options.format == "dot" else drawing.svg)(picture(seen))
    if question.source is not None and question.destination is not None:
        return table.details(list(seen))
    return table.overview(answers, seen, verbose=options.verbose, exposed=whole and not options.classes)


def _difference(
    options: argparse.Namespace, question: _Question, platform: "Platform", before: "Platform"
) -> tuple[Pieces, Callable[[], bool]]:
    from conformant.reach import machine, table
    from conformant.reach.changes import Change, changes, pair

    old, new = pair(before, platform, question.extra)
    found = list(changes(old, new, question.source, question.destination))
    undecided = any(each.doubtful for each in found)
    formats: dict[str, Callable[[list[Change]], Pieces]] = {
        "json": machine.json_changes, "csv": machine.csv_changes, "table": table.changed,
    }  # fmt: skip
    return formats[options.format](found), lambda: undecided


class _Seen:
    """Connections on their way to the output, and whether one of them is undecided."""

    def __init__(self, connections: "Iterator[Connection]") -> None:
        self._connections = connections
        self.undecided = self.any = False

    def __iter__(self) -> "Iterator[Connection]":
        for each in self._connections:
            self.any = True
            self.undecided = self.undecided or bool(each.undecided)
            yield each


def _write(pieces: Pieces, name: str | None) -> None:
    if not name:
        sys.stdout.writelines(pieces)
        return
    with output.writing(name), Path(name).open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(pieces)
