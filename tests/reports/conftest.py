"""Reports to export: one written by hand, and a strategy of hostile ones."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from hypothesis import strategies as st

from conformant.content import content
from conformant.leaf import Check, Exporter, check, load
from conformant.model import (
    REMOVE,
    ROOT,
    Coverage,
    Cure,
    FileCoverage,
    Finding,
    Path,
    Place,
    Report,
    Resource,
    Result,
    Severity,
    Status,
    Waiver,
)
from conformant.views.workload import Workload
from conformant.waivers import Fixed

HOSTILE = (
    "\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x9b2J", "]]>", "<script>alert(1)</script>", "a|b\\|c", "`` ` ``",
    "@someone", "[click](https://evil.example)", "![x](https://evil.example/x.png)", "www.evil.example", "#1", "GH-2",
    "\x00\x0b\x1f", "\ud800", "\udcff", "\ufffe\uffff", "\u202eright", "line\nbreak\r\n\ttab", "{0}", "&lt;&amp;",
    "- item", "1. one", "# title", "---", "*a* _b_ ~~c~~ $x$", "'\"", " ", "%2e%2e/../x", "💥 ünï",
)  # fmt: skip


def place(line: int, file: str = "deploy/kafka.yaml", column: int = 9) -> Place:
    return Place(file, line, column)


def resource(kind: str, name: str, family: str = "kubernetes", address: str = "") -> Resource:
    namespace = "shop" if family == "kubernetes" else ""
    return Resource(
        family=family, group="", version="v1", kind=kind, namespace=namespace, name=name, raw={},
        locator=Fixed(place(1)), source="file", address=address,
    )  # fmt: skip


def rule(id: str, severity: Severity, requirement: str, slug: str, area: str) -> Check:
    """A check with metadata alone."""

    def judge(workload: Workload) -> Iterator[Finding]:
        yield from ()

    judge.__name__ = slug.replace("-", "_")
    judge.__doc__ = f"Something about {slug}.\n\nWhat it checks: The ``field`` is set.\n\nWhy it matters: It <does>.\n"
    made = check(id=id, severity=severity, requirement=requirement, controls=["nist-800-53r5/SC-8"])(judge)
    return Check(**{**{name: getattr(made, name) for name in made.__struct_fields__}, "file": f"checks/{area}/x.py"})


@pytest.fixture
def sample() -> Report:
    """Every status, several severities, cures of every kind, and gaps in the coverage."""
    kafka, web, bucket = resource("Kafka", "events"), resource("Deployment", "web"), resource(
        "aws_s3_bucket", "logs", "terraform", "aws_s3_bucket.logs"
    )  # fmt: skip
    path = Path(("spec", "kafka", "listeners", 0, "tls"))
    cure = Cure("set tls: true", ((path, True), (path / "old", REMOVE)), "safe")
    plain = Finding("listener 'plain' has tls: false", path, Severity.CRITICAL, cure, None, place(12), "f1")
    small = Finding("no replicas", Path(("spec",)), Severity.MEDIUM, Cure("add some"), None, place(14), "f2")
    accepted = Finding("privileged", ROOT, Severity.HIGH, None, None, place(3, "deploy/web.yaml"), "f3")
    waiver = Waiver("WRK-006", "the agent needs it", "team", date(2027, 1, 31), "*", place(2, "deploy/web.yaml"))
    results = [
        Result("KAF-001", Status.FAIL, Severity.CRITICAL, kafka, "transport", [plain, small], place=place(12)),
        Result("WRK-006", Status.WAIVED, Severity.HIGH, web, "isolation", [accepted], waiver=waiver),
        Result("WRK-007", Status.NOT_APPLICABLE, Severity.LOW, web, "isolation", reason="no pods"),
        Result("WRK-008", Status.ERROR, Severity.LOW, web, reason="the check raised KeyError (x.py:3)"),
        Result(
            "TF-001", Status.UNKNOWN, Severity.HIGH, bucket, "encryption",
            reason="encrypted is var.encrypt, which has no value", place=place(31, "infra/s3.tf", 3),
        ),
    ]  # fmt: skip
    checks = [
        rule("KAF-001", Severity.CRITICAL, "transport", "plaintext-listener", "kafka"),
        rule("WRK-006", Severity.HIGH, "isolation", "privileged-container", "workloads"),
        rule("WRK-007", Severity.LOW, "isolation", "host-path", "workloads"),
        rule("WRK-008", Severity.LOW, "", "odd-thing", "workloads"),
        rule("TF-001", Severity.HIGH, "encryption", "open-bucket", "terraform"),
        rule("NET-001", Severity.HIGH, "default-deny", "no-default-deny", "network"),
    ]
    coverage = Coverage(
        files=[
            FileCoverage("deploy/kafka.yaml", "read", 1), FileCoverage("deploy/web.yaml", "read", 1),
            FileCoverage("deploy/chart/x.yaml", "template", 0, "not rendered", place(3, "deploy/chart/x.yaml", 1)),
            FileCoverage("infra/s3.tf", "read", 1),
        ],
        resources=3, unseen_kinds={"example.io/Gateway": 2}, idle_checks=["SQL-001"],
    )  # fmt: skip
    return Report(
        results, {"KAF-001": 0, "WRK-006": 4, "NET-001": 7}, coverage, {"conformant": "0.1.0"},
        {one.id: one for one in checks}, ["deploy/", "infra/"], 0.31,
    )  # fmt: skip


@pytest.fixture(scope="session")
def export() -> Callable[..., str]:
    """Export a report by format name."""
    leaves = {
        name: load(str(content("reports") / f"{name}.py"), Exporter) for name in ("json", "junit", "sarif", "markdown")
    }

    def run(name: str, report: Report, **settings: Any) -> str:
        text = "".join(leaves[name].function(report, **settings))
        text.encode()
        return text

    return run


@pytest.fixture(scope="session")
def texts() -> st.SearchStrategy[str]:
    """Texts that try to be markup, escapes, links, or no Unicode at all."""
    anything = st.text(st.characters(categories=None), max_size=12)
    return named(st.one_of(st.sampled_from(HOSTILE), anything, st.lists(st.sampled_from(HOSTILE)).map("".join)))


def named(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """The same strategy with a short name in failures."""

    @st.composite
    def hostile(draw: st.DrawFn) -> Any:
        return draw(strategy)

    return hostile()


@pytest.fixture(scope="session")
def reports(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Report]:
    """Reports with such texts in every field that an input can fill."""
    places = st.builds(Place, texts, st.integers(1, 9), st.integers(1, 9), st.integers(0, 12))
    paths = st.lists(st.one_of(texts, st.integers(0, 3)), max_size=3).map(Path)
    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | texts | st.just(REMOVE),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts | st.integers(), inner, max_size=2),
        max_leaves=3,
    )
    cures = st.builds(Cure, texts, st.lists(st.tuples(paths, values), max_size=2).map(tuple))
    findings = st.builds(
        Finding, texts, paths, st.sampled_from(Severity), st.none() | cures, st.none(), places,
        st.from_regex("[0-9a-f]{16}", fullmatch=True),
    )  # fmt: skip
    resources = st.builds(
        Resource, family=st.sampled_from(["kubernetes", "terraform", "source"]), group=texts,
        version=texts, kind=texts, namespace=texts, name=texts, raw=st.just({}),
        locator=st.just(Fixed(Place("x"))), source=texts, address=texts,
    )  # fmt: skip
    waivers = st.builds(Waiver, texts, texts, texts, st.dates(), texts, st.none() | places)
    results = st.builds(
        Result, texts.filter(bool), st.sampled_from(Status), st.sampled_from(Severity), resources, texts,
        st.lists(findings, max_size=2), texts, st.none() | places, st.none() | waivers,
    )  # fmt: skip
    statuses = st.sampled_from(["read", "rendered", "template", "skipped", "unreadable"])
    files = st.builds(FileCoverage, texts, statuses, st.integers(0, 3), texts, st.none() | places)
    coverage = st.builds(
        Coverage, st.lists(files, max_size=2), st.integers(0, 2), st.dictionaries(texts, st.integers(1, 9), max_size=2)
    )  # fmt: skip
    whole = st.builds(
        Report, st.lists(results, max_size=3), st.dictionaries(texts, st.integers(0, 9), max_size=2), coverage,
        st.just({"conformant": "0.1.0"}), st.just({}), st.lists(texts, max_size=2), st.just(0.1),
        st.sampled_from(Severity), st.booleans(),
    )  # fmt: skip
    return named(whole)
