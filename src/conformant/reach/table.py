"""Answers for people, as text: who reaches whom, why and why not."""

from collections.abc import Iterable, Iterator, Sequence

from conformant.reach.answers import Answers, Connection
from conformant.reach.changes import Change
from conformant.reach.exposure import exposures
from conformant.reach.ports import ALL, Ports
from conformant.reach.probes import DENIED, Probe
from conformant.text import counted, one_line, shortened, some


def overview(
    answers: Answers, connections: Iterable[Connection], *, verbose: bool = False, exposed: bool = True
) -> Iterator[str]:
    """All connections that pass, by destination, then what the world reaches and what is undecided."""
    total, silent, undecided = 0, 0, []
    groups: dict[str, dict[tuple[str, str], list[str]]] = {}
    for each in connections:
        total += 1
        if each.undecided:
            undecided.append(each)
        if not each.open:
            silent += 1
            continue
        by_cause = groups.setdefault(each.destination.name, {})
        by_cause.setdefault((str(each.open), _why(each)), []).append(each.source.name)
    yield f"{counted(total, 'pair')}: {total - silent} connected, {silent} closed"
    yield f", {len(undecided)} undecided\n" if undecided else "\n"
    for destination in sorted(groups):
        yield f"\n{one_line(destination)}\n"
        rows = sorted(groups[destination].items(), key=lambda row: (row[0], row[1]))
        for (ports, why), sources in rows:
            shown = some(sorted(sources), len(sources) if verbose else 4)
            yield f"  {one_line(ports)}  from {one_line(shown)}\n      {one_line(why)}\n"
    if exposed:
        yield from _exposed(answers)
    yield from _undecided(undecided, verbose)


def details(connections: Sequence[Connection]) -> Iterator[str]:
    """Every connection asked for, with all its causes."""
    for each in connections:
        yield f"{one_line(each.source.name)} -> {one_line(each.destination.name)}\n"
        for protocol, ports in each.open.by_protocol():
            yield f"  allowed    {protocol} {ports}\n"
            for cause in each.because(protocol):
                yield f"      {_direction(cause.direction)}{one_line(cause.says)}\n"
        if each.some:
            yield f"  of these only for some requests: {each.some}\n"
        closed = each.asked - each.possible
        if closed:
            yield f"  denied     {_closed(closed, each.open)}\n"
            for says in dict.fromkeys((cause.direction, cause.says) for cause in each.denying):
                yield f"      {_direction(says[0])}{one_line(says[1])}\n"
        if each.undecided:
            yield f"  undecided  {each.undecided}\n"
            for doubt in each.doubts:
                yield f"      {one_line(doubt)}\n"


def changed(found: Sequence[Change]) -> Iterator[str]:
    """What a change opens and closes."""
    opened, closed = ([each for each in found if getattr(each, name)] for name in ("opened", "closed"))
    yield f"{counted(len(opened), 'pair')} opened, {len(closed)} closed\n"
    for word, changes in (("opened", opened), ("closed", closed)):
        if changes:
            yield f"\n{word}\n"
        for each in changes:
            ports = each.opened if word == "opened" else each.closed
            sign = "+" if word == "opened" else "-"
            yield f"  {sign} {one_line(each.source)} -> {one_line(each.destination)}  {ports}\n"
            holder = each.after if word == "opened" else each.before
            if holder is not None:
                yield f"      {one_line(_why(holder))}\n"
    doubtful = [each for each in found if each.doubtful]
    if doubtful:
        yield "\nundecided\n"
    for each in doubtful:
        yield f"  ? {one_line(each.source)} -> {one_line(each.destination)}\n"


def probes(plan: Sequence[Probe]) -> Iterator[str]:
    """The probe plan."""
    denied = sum(1 for each in plan if each.expected == DENIED)
    yield f"{counted(len(plan), 'probe')}: {len(plan) - denied} must pass, {denied} must not\n\n"
    for each in plan:
        controls = f"  controls {', '.join(f'#{number}' for number in each.controls)}" if each.controls else ""
        yield f"  #{each.id:<4} {each.expected:<8} {each.protocol:<4} {each.port:<6}"
        yield f"{one_line(each.source)} -> {one_line(each.destination)}{controls}\n"
        if each.unproven:
            yield f"        cannot prove anything: {each.unproven}\n"


def _exposed(answers: Answers) -> Iterator[str]:
    found = list(exposures(answers))
    if found:
        yield "\nexposed to the world\n"
    for each in found:
        blocks, published = some(list(each.blocks), 3), some(list(each.published), 3)
        yield f"  {one_line(each.endpoint.address)}  {each.ports}  from {blocks}, by {one_line(published)}\n"


def _undecided(connections: Sequence[Connection], verbose: bool) -> Iterator[str]:
    if not connections:
        return
    yield "\nundecided\n"
    reasons: dict[str, list[str]] = {}
    for each in connections:
        for doubt in each.doubts or ("",):
            reasons.setdefault(doubt, []).append(f"{each.source.name} -> {each.destination.name}")
    for reason, pairs in reasons.items():
        yield f"  {one_line(reason)}\n      {one_line(some(pairs, len(pairs) if verbose else 3))}\n"


def _why(each: Connection) -> str:
    protocol = next(each.open.by_protocol())[0]
    says = [cause.says for cause in each.because(protocol)]
    return shortened("; ".join(says), 400)


def _direction(word: str) -> str:
    return f"{word}: " if word else ""


def _closed(closed: Ports, opened: Ports) -> str:
    return "all other ports" if opened and closed | opened == ALL else str(closed)
