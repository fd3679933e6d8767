"""Answers for machines: JSON (the contract) and CSV, written piece by piece."""

import csv
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import Any

from conformant.reach.answers import Answers, Connection
from conformant.reach.because import Cause
from conformant.reach.changes import Change
from conformant.reach.exposure import exposures
from conformant.reach.ports import Ports
from conformant.reach.probes import Probe
from conformant.text import json_text

SCHEMA = 1


def connection(each: Connection) -> dict[str, Any]:
    """One connection as the contract has it."""
    document: dict[str, Any] = {
        "from": each.source.name,
        "to": each.destination.name,
        "allowed": [
            {"protocol": protocol, "ports": ports, "because": [cause(one) for one in each.because(protocol)]}
            for protocol, ports in each.open.by_protocol()
        ],
        "denied_because": [cause(one) for one in each.denying],
    }
    if each.undecided:
        document["undecided"] = ports_list(each.undecided)
        document["undecided_because"] = list(each.doubts)
    if each.some:
        document["some_requests_only"] = ports_list(each.some)
    return document


def cause(one: Cause) -> dict[str, str]:
    found = {
        "direction": one.direction, "effect": one.effect, "policy": one.policy, "rule": one.rule, "says": one.says,
    }  # fmt: skip
    return {key: value for key, value in found.items() if value}


def ports_list(ports: Ports) -> list[dict[str, str]]:
    return [{"protocol": protocol, "ports": text} for protocol, text in ports.by_protocol()]


def json_document(
    answers: Answers, connections: Iterable[Connection], *, exposed: bool, classes: bool = False
) -> Iterator[str]:
    """The whole answer; with `classes` their members too."""
    yield f'{{"schema": {SCHEMA}, '
    if classes:
        members = {each[0].address: [one.address for one in each] for each in answers.reach.classes.members}
        yield f'"classes": {json_text(members).strip()}, '
    yield '"connections": ['
    separator = "\n"
    for each in connections:
        yield separator + json_text(connection(each)).strip()
        separator = ",\n"
    yield "\n]"
    if exposed:
        found = [
            {"to": one.endpoint.address, "from": one.blocks, "published_by": one.published,
             "ports": ports_list(one.ports)}
            for one in exposures(answers)
        ]  # fmt: skip
        yield f', "exposed": {json_text(found).strip()}'
    yield "}\n"


def json_changes(found: Iterable[Change]) -> Iterator[str]:
    """What a change opens and closes; ``connections`` are the changed ones as they are afterwards."""
    every = list(found)
    document = {
        "schema": SCHEMA,
        "connections": [connection(each.after) for each in every if each.after is not None],
        "opened": [_change(each, each.opened, each.after) for each in every if each.opened],
        "closed": [_change(each, each.closed, each.before) for each in every if each.closed],
        "undecided": [{"from": each.source, "to": each.destination} for each in every if each.doubtful],
    }
    yield json_text(document).strip() + "\n"


def _change(each: Change, ports: Ports, holder: Connection | None) -> dict[str, Any]:
    return {
        "from": each.source, "to": each.destination,
        "ports": [
            {"protocol": protocol, "ports": text,
             "because": [cause(one) for one in (holder.because(protocol) if holder is not None else ())]}
            for protocol, text in ports.by_protocol()
        ],
    }  # fmt: skip


def json_probes(plan: Iterable[Probe]) -> Iterator[str]:
    """The probe plan."""
    yield json_text({"schema": SCHEMA, "probes": list(plan)}).strip() + "\n"


_COLUMNS = ("from", "to", "verdict", "protocol", "ports", "because")


def csv_rows(connections: Iterable[Connection]) -> Iterator[str]:
    """One row for each connection and protocol; one with verdict ``denied`` where nothing passes."""
    yield _row(_COLUMNS)
    for each in connections:
        name, other = each.source.name, each.destination.name
        for protocol, ports in each.open.by_protocol():
            says = "; ".join(one.says for one in each.because(protocol))
            yield _row((name, other, "allowed", protocol, ports, says))
        for protocol, ports in each.undecided.by_protocol():
            yield _row((name, other, "undecided", protocol, ports, "; ".join(each.doubts)))
        if not each.possible:
            yield _row((name, other, "denied", "", "", "; ".join(one.says for one in each.denying)))


def csv_changes(found: Iterable[Change]) -> Iterator[str]:
    yield _row(("from", "to", "change", "protocol", "ports"))
    for each in found:
        for word, ports in (("opened", each.opened), ("closed", each.closed)):
            for protocol, text in ports.by_protocol():
                yield _row((each.source, each.destination, word, protocol, text))


def _row(values: Iterable[str]) -> str:
    stream = StringIO()
    csv.writer(stream, lineterminator="\n").writerow(
        "'" + value if value[:1] in "=+-@\t\r" and value else value for value in values
    )
    return stream.getvalue()
