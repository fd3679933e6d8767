"""What the outputs for people share: headings, findings grouped and folded, the undecided collapsed."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from conformant.model import Cure, Finding, Report, Resource, Result, Status
from conformant.text import counted, some
from conformant.verdict import Pair, severity, statement

DEFINITIONS_WANTED = "(--crds)"
"""Stands in the reason of what is undecided for want of a kind's definition."""


class Line(Struct, frozen=True):
    """A finding as it is told, for `count` findings: `modules` are the Terraform modules that share it,
    if several do."""

    result: Result
    finding: Finding
    modules: tuple[str, ...] = ()
    count: int = 1

    @property
    def text(self) -> str:
        shared = f" (in {', '.join(self.modules)})" if self.modules else ""
        return f"{statement(self.finding)}{shared}"

    @property
    def resource(self) -> Resource:
        """What the finding is about: for a scope that no file declares, the resource that it points into."""
        judged = self.result.resource
        return self.finding.at if judged.family == "scope" and self.finding.at is not None else judged

    @property
    def heading(self) -> str:
        return _local(self.resource) if self.modules else heading(self.resource)


def heading(resource: Resource) -> str:
    """``Kafka shop/events``; a table as ``Table shop.orders``, an entry of a ConfigMap as ``ConfigMap
    shop/settings: app.yaml``, what Terraform declares by its address."""
    if resource.family == "terraform":
        folder = {"root": "Terraform root", "tfvars": "Terraform variables"}.get(resource.kind)
        return f"{folder} {resource.address.partition('.')[2]}" if folder else resource.address
    if resource.kind == "Platform":
        return "Platform"
    if resource.family == "config" and resource.address.endswith(f"/{resource.name}"):
        parts = resource.address[: -len(resource.name) - 1].split("/")
        if len(parts) == 3:
            return f"{_titled(*parts)}: {resource.name}"
    separator = "." if resource.family == "sql" else "/"
    return _titled(resource.kind, resource.namespace, resource.name, separator)


def _titled(kind: str, namespace: str, name: str, separator: str = "/") -> str:
    return f"{kind} {namespace}{separator}{name}" if namespace not in ("", "-") else f"{kind} {name}"


def _local(resource: Resource) -> str:
    """A Terraform address within its module."""
    return resource.address.removeprefix(f"{resource.namespace}.")


def folded(pairs: Iterable[Pair]) -> list[Line]:
    """`pairs` as lines: what several instances of one Terraform module share is told once."""
    lines: dict[Any, list[Pair]] = {}
    for pair in pairs:
        result, finding = pair
        key: Any = id(result), id(finding)
        if result.resource.family == "terraform" and result.resource.namespace:
            key = result.check, finding.place, finding.message, severity(*pair), _local(result.resource)
        lines.setdefault(key, []).append(pair)
    told = []
    for alike in lines.values():
        modules = tuple(dict.fromkeys(result.resource.namespace for result, _ in alike)) if len(alike) > 1 else ()
        told.append(Line(*alike[0], modules, len(alike)))
    return told


def grouped(lines: Iterable[Line]) -> list[tuple[str, list[Line]]]:
    """(heading, lines) of each resource: the group with the worst finding first, in it the worst line
    first, then by line number."""
    groups: dict[Any, list[Line]] = {}
    for line in lines:
        key = line.heading if line.modules or line.resource.family != "kubernetes" else id(line.resource)
        groups.setdefault(key, []).append(line)
    for group in groups.values():
        group.sort(key=_rank)
    ordered = sorted(groups.values(), key=lambda group: -severity(group[0].result, group[0].finding))
    return [(group[0].heading, group) for group in ordered]


def _rank(line: Line) -> tuple[int, int, int]:
    place = line.finding.place
    return -severity(line.result, line.finding), place.line if place else 0, place.column if place else 0


def cure_mark(cure: Cure) -> str:
    """What a reader may expect of the cure's patch, if it has one."""
    if not cure.patches:
        return ""
    return {"safe": "(safe patch)", "review": "(patch to review)"}.get(cure.grade, "")


class Undecidedness(Struct, frozen=True):
    """A reason and the results that share it; `reason` is as the first of them says it."""

    results: list[Result]
    reason: str

    @property
    def subject(self) -> str:
        """The resources concerned: the first, and how many more."""
        more = len(self.results) - 1
        return heading(self.results[0].resource) + (f" and {more} more" if more else "")


def undecided(report: Report) -> tuple[list[Undecidedness], str]:
    """What is undecided, reasons that differ only in names told once; and a sentence on the kinds
    without a definition, empty if there are none."""
    alike: dict[tuple[str, str], list[Result]] = {}
    undefined: dict[str, None] = {}
    for result in report.of(Status.UNKNOWN):
        if result.check.startswith("SCH-") and DEFINITIONS_WANTED in result.reason:
            undefined[result.resource.kind] = None
        else:
            alike.setdefault((result.check, _nameless(result)), []).append(result)
    found = [Undecidedness(results, results[0].reason) for results in alike.values()]
    return found, _undefined(sorted(undefined))


def _nameless(result: Result) -> str:
    names = {result.resource.address, result.resource.name, result.resource.kind} - {""}
    pattern = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{pattern})(?!\w)", "…", result.reason) if pattern else result.reason


def _undefined(kinds: Sequence[str]) -> str:
    if not kinds:
        return ""
    one = len(kinds) == 1
    return (
        f"{counted(len(kinds), 'custom kind')} {'has' if one else 'have'} no definition here, so "
        f"{'its' if one else 'their'} fields were not verified: give {'its CRD' if one else 'their CRDs'} with "
        f"--crds FOLDER ({some(kinds, 40)})"
    )


def has_general_checks(report: Report) -> bool:
    """Whether a check ran that looks at objects of any kind."""
    return any(_general(check) for check in report.checks.values())


def _general(check: Any) -> bool:
    view = getattr(check, "view", None)
    if view is None or check.kinds is not None:
        return False
    return view.family in ("any", "kubernetes", "terraform") and view.kinds is None


def unseen(report: Report) -> Iterator[str]:
    """The kinds that no check of their own looks at, as ``Gateway.example.io``."""
    for key in report.coverage.unseen_kinds:
        group, slash, kind = key.rpartition("/")
        yield f"{kind}.{group}" if slash else kind
