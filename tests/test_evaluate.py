"""The engine: six verdicts, order, errors that do not spread."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from msgspec import Struct

from conformant.evaluate import Verdicts, evaluate
from conformant.leaf import Check, Item, aspects, check
from conformant.model import Finding, NotApplicable, Path, Resource, Severity, Status, Undecided, Unknown, dig
from conformant.platform import Namespace, Nowhere, Platform
from conformant.profile import Profile
from conformant.views.base import Object

TODAY = date(2026, 11, 22)


def thing(name: str, raw: Any = None, namespace: str = "shop", kind: str = "ConfigMap") -> Resource:
    return Resource(
        family="kubernetes", group="", version="v1", kind=kind, namespace=namespace, name=name,
        raw={} if raw is None else raw, locator=Nowhere(), source="manifest",
    )  # fmt: skip


@check(id="T-001", severity=Severity.HIGH, controls=["x/1"])
def picky(thing: Object) -> Iterator[Item]:
    """A test check. It reacts to what the object holds."""
    if dig(thing.raw, "na"):
        yield NotApplicable("not for this one")
    for index in range(dig(thing.raw, "bad") or 0):
        yield Finding("bad", Path(("bad",)), Severity.LOW if index else None)
    if dig(thing.raw, "crash"):
        raise KeyError("a secret value")
    if dig(thing.raw, "maybe") == "x":
        yield Finding("it is x", Path(("maybe",)))


def run(*things: Resource, checks: list[Check] | None = None, **rest: Any) -> Verdicts:
    return evaluate(checks or [picky], Platform(things, Profile()), today=TODAY, **rest)


def test_each_verdict() -> None:
    unknown = {"maybe": Unknown("var.maybe has no value")}
    found = run(
        thing("ok"), thing("bad", {"bad": 2}), thing("na", {"na": 1}), thing("crash", {"crash": 1}),
        thing("unknown", unknown), keep_passes=True,
    )  # fmt: skip
    verdicts = {result.resource.name: result.status for result in found.results}
    assert verdicts == {
        "ok": Status.PASS, "bad": Status.FAIL, "na": Status.NOT_APPLICABLE, "crash": Status.ERROR,
        "unknown": Status.UNKNOWN,
    }  # fmt: skip
    assert found.passed == {"T-001": 1}
    reasons = {result.resource.name: result.reason for result in found.results}
    assert reasons["unknown"] == "var.maybe has no value"
    assert "KeyError" in reasons["crash"]
    assert "secret" not in reasons["crash"]
    assert "test_evaluate.py" in reasons["crash"]


def test_findings_win_over_unknown_aspects_and_survive_a_crash() -> None:
    found = run(thing("both", {"bad": 1, "maybe": Unknown("?")}), thing("crashed", {"bad": 1, "crash": 1})).results
    assert [(r.resource.name, r.status) for r in found] == [
        ("both", Status.FAIL), ("crashed", Status.FAIL), ("crashed", Status.ERROR),
    ]  # fmt: skip


def test_a_result_has_the_worst_severity_and_distinct_fingerprints() -> None:
    (result,) = run(thing("bad", {"bad": 2})).results
    assert result.severity is Severity.HIGH
    assert [finding.severity for finding in result.findings] == [Severity.HIGH, Severity.LOW]
    assert len({finding.fingerprint for finding in result.findings}) == 2


def test_order_follows_the_input_then_the_id() -> None:
    things = [thing(name, {"bad": 1}) for name in ("z", "a", "m")]
    results = run(*things).results
    assert [result.resource.name for result in results] == ["z", "a", "m"]
    assert [result.findings for result in results] == [result.findings for result in run(*things).results]


@check(id="T-002", severity=Severity.LOW)
def several(thing: Object) -> Iterator[Item]:
    """Aspects each have their say."""

    def one(key: str) -> Iterator[Item]:
        if dig(thing.raw, key) == "bad":
            yield Finding(f"{key} is bad", Path((key,)))

    yield from aspects(one(key) for key in ("a", "b", "c"))


def test_an_unknown_aspect_leaves_the_others_their_say() -> None:
    (result,) = run(thing("x", {"a": Unknown("?"), "b": "bad", "c": "bad"}), checks=[several]).results
    assert [finding.message for finding in result.findings] == ["b is bad", "c is bad"]
    (result,) = run(thing("x", {"a": Unknown("one"), "b": Unknown("two")}), checks=[several]).results
    assert (result.status, result.reason) == (Status.UNKNOWN, "one; two")


class Limit(Struct, frozen=True, forbid_unknown_fields=True):
    most: int = 3


@check(id="T-003", severity=Severity.LOW, kinds=["Secret"])
def parametrised(thing: Object, platform: Platform, today: date, limit: Limit = Limit()) -> Iterator[Item]:
    """Gets everything that it names."""
    if len(platform.resources) > limit.most:
        yield Finding(f"{today}: more than {limit.most}")


def test_parameters_are_filled_in_by_their_type() -> None:
    things = [thing("s", kind="Secret"), thing("a"), thing("b")]
    assert run(*things, checks=[parametrised]).results == []
    (result,) = run(*things, checks=[parametrised], settings={"T-003": {"most": 2}}).results
    assert result.findings[0].message == "2026-11-22: more than 2"
    assert not parametrised.local
    assert picky.local


def test_a_check_without_resources_is_idle() -> None:
    assert run(thing("a"), checks=[parametrised]).idle == ["T-003"]


@check(id="T-004", severity=Severity.LOW)
def scoped(namespace: Namespace) -> Iterator[Item]:
    """A scope."""
    if not namespace.declared:
        yield Finding(f"{namespace.name} is not declared")


def test_namespaces_are_scopes_declared_or_not() -> None:
    results = run(thing("a"), thing("b", namespace="other"), thing("other", kind="Namespace", namespace=""),
                  checks=[scoped]).results  # fmt: skip
    assert [result.resource.address for result in results] == ["Namespace/-/shop"]


def test_undecided_may_be_yielded() -> None:
    @check(id="T-005", severity=Severity.LOW)
    def doubtful(thing: Object) -> Iterator[Item]:
        """Doubt."""
        yield Undecided("lives elsewhere")

    (result,) = run(thing("a"), checks=[doubtful]).results
    assert (result.status, result.reason) == (Status.UNKNOWN, "lives elsewhere")
