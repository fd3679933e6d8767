"""``conformant report``: exports kept runs and report files, and tells what changed between them."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conformant import output
from conformant.output import Errors, Usage

if TYPE_CHECKING:
    from conformant.config import Settings
    from conformant.history import Difference, Pair, Trend
    from conformant.model import Report
    from conformant.store import History

SHOWN = 50
"""Lines of a list in a table."""


def add(commands: Any) -> None:
    """Add the command and what it can do to the parser."""
    command = commands.add_parser(
        "report", help="export kept runs and report files",
        description="Export a kept run or a report file; compare, merge, sign and verify reports.",
    )  # fmt: skip
    _common(command)
    _exports(command)
    command.add_argument("--run", metavar="RUN", default="latest", dest="chosen",
                         help="a JSON report, or of the history: an id, latest, latest~1 …")  # fmt: skip
    command.add_argument("--trend", action="store_true", help="what the history tells, as conformant report trend")
    command.set_defaults(run=_told(_export))
    actions = command.add_subparsers(title="more", metavar="ACTION")
    _action(actions, "runs", _runs, "list the kept runs", tables=True)
    _action(actions, "trend", _trend, "findings over time: first seen, age, mean time to repair, flapping", tables=True)
    diff = _action(actions, "diff", _diff, "what changed: new, mended, unchanged, newly undecided", tables=True)
    diff.add_argument("before", metavar="A", help="a JSON report or a kept run")
    diff.add_argument("after", metavar="B", help="a JSON report or a kept run")
    merge = _action(actions, "merge", _merge, "put reports of shards, clusters or regions together")
    merge.add_argument("files", nargs="+", metavar="FILE", help="JSON reports")
    _exports(merge, default="json")
    sign = _action(actions, "sign", _sign, "sign a JSON report (in-toto statement, DSSE envelope, Ed25519)")
    sign.add_argument("file", metavar="FILE")
    sign.add_argument("--key", required=True, metavar="PEM", help="the private key")
    sign.add_argument("-o", "--output", metavar="FILE", help="default: FILE with the suffix .dsse.json")
    verify = _action(actions, "verify", _verify, "verify a signed report, offline")
    verify.add_argument("file", metavar="FILE")
    verify.add_argument("--key", action="append", default=[], metavar="PEM",
                        help="public keys to trust (default: history.trusted of the configuration)")  # fmt: skip
    verify.add_argument("-o", "--output", metavar="FILE", help="write the report that was signed there")
    prune = _action(actions, "prune", _prune, "forget old runs, but for the newest")
    prune.add_argument("--days", type=int, metavar="N", help="older than this (default: history.days)")


def _action(actions: Any, name: str, function: Any, about: str, *, tables: bool = False) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = actions.add_parser(name, help=about, description=about[:1].upper() + about[1:])
    _common(command)
    if tables:
        command.add_argument("-f", "--format", choices=("table", "json"), default="table")
    command.set_defaults(run=_told(function))
    return command


def _common(command: argparse.ArgumentParser) -> None:
    command.add_argument("--history", metavar="URL", help="the database (default: history.url of the configuration)")
    command.add_argument("--platform", metavar="NAME", help="only the runs of this platform")
    command.add_argument("--config", metavar="FILE", help="configuration file")


def _exports(command: argparse.ArgumentParser, default: str = "terminal") -> None:
    command.add_argument("-f", "--format", default=default, metavar="FORMAT",
                         help=f"as for conformant check; several need --output (default: {default})")  # fmt: skip
    command.add_argument("-o", "--output", metavar="FILE", help="write there; a folder for several formats")
    command.add_argument("--no-color", action="store_true", help="no colour (also by NO_COLOR)")
    command.add_argument("--verbose", "-v", action="store_true", help="show every finding, however many there are")


def _told(function: Any) -> Any:
    def run(options: argparse.Namespace) -> int:
        with Errors() as errors:
            return int(function(options))
        return errors.code

    return run


# exporting


def _export(options: argparse.Namespace) -> int:
    if options.trend:
        options.format = "json" if options.format == "json" else "table"
        return _trend(options)
    formats = output.formats(options)
    output.write(_report(options.chosen, options), formats, options)
    return 0


def _merge(options: argparse.Namespace) -> int:
    from conformant.reportfile import merged

    formats = output.formats(options)
    reports = [(name, _read(Path(name), options)) for name in options.files]
    output.write(merged(reports), formats, options)
    return 0


def _report(name: str, options: argparse.Namespace) -> "Report":
    """The report in a file of this name, or of the kept run that it means, with what the checks at hand say
    of themselves."""
    if Path(name).is_file():
        return _read(Path(name), options)
    if name.endswith(".json"):
        raise Usage(f"{name}: no such file")
    history = _history(options)
    return _explained(history.report(history.find(name, options.platform)), options)


def _read(file: Path, options: argparse.Namespace) -> "Report":
    from conformant.reportfile import read

    return _explained(read(file), options)


def _explained(report: "Report", options: argparse.Namespace) -> "Report":
    """A file says little of its checks: those that are at hand are put in."""
    from conformant.run import checks_named

    report.checks |= {check.id: check for check in checks_named(_settings(options), report.checks.keys())}
    return report


def _history(options: argparse.Namespace) -> "History":
    from conformant.store import History

    return History(options.history or _settings(options).history.url)


def _settings(options: argparse.Namespace) -> "Settings":
    return output.settings(options)[0]


# the history


def _runs(options: argparse.Namespace) -> int:
    runs = _history(options).runs(options.platform)
    if options.format == "json":
        _json(runs)
        return 0
    if not runs:
        print("no run is kept: conformant check --keep, or history.keep in the configuration")
    for run in runs:
        counts = f"{run.findings} findings, {run.undecided} undecided, {run.passed} passed"
        print(f"{run.id}  {run.at}  {run.kind:<6} {run.verdict:<9} {run.platform or '-'}  {counts}")
    return 0


def _trend(options: argparse.Namespace) -> int:
    from conformant.history import trend

    history, now = _history(options), datetime.now(UTC)
    runs = history.runs(options.platform)
    series = {(run.platform, run.kind): trend([], []) for run in runs}
    seen = history.seen(options.platform)
    for platform, kind in series:
        own = [run for run in runs if (run.platform, run.kind) == (platform, kind)]
        series[platform, kind] = trend(own, seen)
    if options.format == "json":
        _json([{"platform": platform, "kind": kind, **_numbers(one, now)} for (platform, kind), one in series.items()])
        return 0
    if not series:
        print("no run is kept: conformant check --keep, or history.keep in the configuration")
    for (platform, kind), one in series.items():
        sys.stdout.writelines(f"{line}\n" for line in _trend_lines(platform, kind, one, now))
    return 0


def _numbers(trend: "Trend", now: datetime) -> dict[str, Any]:
    return {
        "runs": trend.runs,
        "mean_time_to_repair_seconds": trend.repair.total_seconds() if trend.repair is not None else None,
        "findings": [
            {
                "key": life.key, "check": life.check, "resource": life.resource, "severity": life.severity,
                "first_seen": life.first, "last_seen": life.last, "open": life.open, "returns": life.returns,
                "flapping": life.flapping, "age_seconds": life.age(now).total_seconds() if life.open else None,
            }
            for life in trend.lives
        ],
    }  # fmt: skip


def _trend_lines(platform: str, kind: str, trend: "Trend", now: datetime) -> Iterator[str]:
    repair = _span(trend.repair) if trend.repair is not None else "nothing was mended yet"
    runs = trend.runs
    yield f"{platform or 'this platform'} ({kind}): {len(runs)} runs, {runs[0].at} to {runs[-1].at}"
    yield f"  open {len(trend.open)} · flapping {len(trend.flapping)} · mean time to repair {repair}"
    yield f"  findings  {_sparkline([run.findings for run in runs[-60:]])}  now {runs[-1].findings}"
    oldest = sorted(trend.open, key=lambda life: life.first)
    for life in oldest[:SHOWN]:
        flaps = f", came back {life.returns} times" if life.flapping else ""
        yield f"  {_span(life.age(now)):>8}  {life.severity:<8}  {life.check:<11} {life.resource}{flaps}"
    if len(oldest) > SHOWN:
        yield f"  and {len(oldest) - SHOWN} more open findings: --format json"


def _sparkline(values: Sequence[int]) -> str:
    bars = "▁▂▃▄▅▆▇█"
    most = max(values, default=0) or 1
    return "".join(bars[value * (len(bars) - 1) // most] for value in values)


def _span(span: timedelta) -> str:
    hours = span.total_seconds() / 3600
    return f"{hours / 24:.1f} d" if hours >= 48 else f"{hours:.1f} h" if hours >= 1 else f"{hours * 60:.0f} min"


def _diff(options: argparse.Namespace) -> int:
    from conformant.history import compare

    found = compare(_report(options.before, options), _report(options.after, options))
    if options.format == "json":
        _json({
            "new": [_row(pair) for pair in found.new], "fixed": [_row(pair) for pair in found.fixed],
            "unchanged": [_row(pair) for pair in found.unchanged],
            "newly_unknown": [{"id": one.check, "resource": one.resource.address, "reason": one.reason}
                              for one in found.unknown],
        })  # fmt: skip
    else:
        sys.stdout.writelines(f"{line}\n" for line in _diff_lines(found))
    return 1 if found.new else 0


def _row(pair: "Pair") -> dict[str, Any]:
    from conformant.verdict import severity

    result, finding = pair
    return {
        "id": result.check, "severity": str(severity(*pair)), "resource": result.resource.address,
        "message": finding.message, "place": finding.place, "fingerprint": finding.fingerprint,
    }  # fmt: skip


def _diff_lines(found: "Difference") -> Iterator[str]:
    from conformant.text import one_line
    from conformant.verdict import severity

    yield (
        f"{len(found.new)} new · {len(found.fixed)} fixed · {len(found.unchanged)} unchanged · "
        f"{len(found.unknown)} newly undecided"
    )
    for title, pairs in (("New", found.new), ("Fixed", found.fixed)):
        for index, (result, finding) in enumerate(sorted(pairs, key=lambda pair: -severity(*pair))):
            if index == 0:
                yield f"\n{title}"
            where, level = one_line(str(finding.place or "-")), severity(result, finding)
            text = one_line(f"{result.check} {result.resource.address}: {finding.message}")
            yield f"  {where}  {level}  {text}"
    for index, result in enumerate(found.unknown):
        if index == 0:
            yield "\nNewly undecided"
        yield one_line(f"  {result.check} {result.resource.address}: {result.reason}")


def _prune(options: argparse.Namespace) -> int:
    days = options.days if options.days is not None else _settings(options).history.days
    if days <= 0:
        raise Usage("nothing is pruned: --days N says how old the oldest run may be")
    count = _history(options).prune(days=days, now=datetime.now(UTC))
    print(f"{count} runs older than {days} days forgotten")
    return 0


# signing


def _sign(options: argparse.Namespace) -> int:
    from conformant.attest import sign

    file = Path(options.file)
    target = options.output or str(file.with_suffix(".dsse.json"))
    envelope = sign(_bytes(file), file.name, Path(options.key))
    with output.writing(target):
        Path(target).write_bytes(envelope)
    print(f"signed: {target}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from conformant.attest import Tampered, verify
    from conformant.reportfile import parse
    from conformant.verdict import tally, verdict

    keys = [Path(key) for key in (*options.key, *(() if options.key else _settings(options).history.trusted))]
    try:
        report, mark = verify(_bytes(Path(options.file)), keys)
    except Tampered as reason:
        raise Tampered(f"{options.file}: NOT VERIFIED: {reason}") from None
    if options.output:
        with output.writing(options.output):
            Path(options.output).write_bytes(report + b"\n")
    found = parse(report, options.file)
    print(f"{options.file}: verified, signed with the key {mark[:16]}: {verdict(found)}, {tally(found).open} findings")
    return 0


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Usage(f"{file}: {(error.strerror or str(error)).lower()}") from None


def _json(document: Any) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=1).decode() + "\n")
