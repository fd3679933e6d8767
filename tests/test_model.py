"""Values: unknowns cannot be mistaken for anything, paths and fingerprints behave."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformant.model import Path, Place, Resource, Severity, Undecided, Unknown, dig, fingerprint, mapping, sequence
from conformant.platform import Nowhere

UNKNOWN = Unknown("var.x has no value")


@pytest.mark.parametrize(
    "touch",
    [
        lambda u: u == "a", lambda u: u != "a", lambda u: bool(u), lambda u: len(u), lambda u: u["a"],
        lambda u: "a" in u, lambda u: list(u), lambda u: u < 1, lambda u: str(u), lambda u: f"{u}",
        lambda u: {u}, lambda u: u.lower(), lambda u: u + 1, lambda u: int(u), lambda u: not u,
    ],
)  # fmt: skip
def test_touching_an_unknown_is_undecided(touch):  # type: ignore[no-untyped-def]  # arguments made by the framework
    with pytest.raises(Undecided, match="has no value"):
        touch(UNKNOWN)


def test_the_representation_of_an_unknown_is_safe() -> None:
    assert "var.x" in repr(UNKNOWN)


def test_dig_tells_absent_null_and_unknown_apart() -> None:
    raw = {"a": {"b": [1, {"c": None}]}, "u": UNKNOWN, "n": {"u": UNKNOWN}}
    assert dig(raw, "a", "b", 0) == 1
    assert dig(raw, "a", "b", 1, "c") is None
    assert dig(raw, "a", "b", 5) is None
    assert dig(raw, "a", "x", "y") is None
    assert dig(raw, "a", "b", "c") is None
    for way in (("u",), ("u", "x"), ("n", "u", "y")):
        with pytest.raises(Undecided):
            dig(raw, *way)


def test_wrong_shapes_are_empty_and_unknown_ones_undecided() -> None:
    assert mapping({"a": [1]}, "a") == {}
    assert sequence({"a": {"b": 1}}, "a") == []
    assert mapping("text") == {}
    for read in (mapping, sequence):
        with pytest.raises(Undecided):
            read(UNKNOWN)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (Path(), ""),
        (Path(("spec", "containers", 0, "image")), "spec.containers[0].image"),
        (Path(("data", "auth.yaml")), "data['auth.yaml']"),
        (Path(("spec",)) / "ports" / 2, "spec.ports[2]"),
    ],
)
def test_path_as_text(path: Path, text: str) -> None:
    assert str(path) == text


def test_severity_is_ordered_and_never_below_info() -> None:
    assert Severity.LOW < Severity.HIGH
    assert Severity.HIGH.lower() is Severity.MEDIUM
    assert Severity.LOW.lower(5) is Severity.INFO
    assert str(Severity.CRITICAL) == "critical"


def resource(raw: object) -> Resource:
    return Resource(
        family="kubernetes", group="apps", version="v1", kind="Deployment", namespace="shop", name="web", raw=raw,
        locator=Nowhere(), source="manifest",
    )  # fmt: skip


NAMES = st.lists(
    st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=1, max_size=5), unique=True, min_size=1
)


@given(NAMES, st.randoms(use_true_random=False))
def test_fingerprints_survive_reordered_lists(names, random):  # type: ignore[no-untyped-def]  # arguments made by the framework
    shuffled = list(names)
    random.shuffle(shuffled)
    for name in names:
        marks = {
            fingerprint("X-001", resource({"c": [{"name": n} for n in order]}), ("c", order.index(name), "image"))
            for order in (names, shuffled)
        }
        assert len(marks) == 1


def test_fingerprints_tell_check_resource_path_and_count_apart() -> None:
    one = resource({"a": 1})
    marks = {
        fingerprint("X-001", one, ("a",)), fingerprint("X-002", one, ("a",)), fingerprint("X-001", one, ("b",)),
        fingerprint("X-001", one, ("a",), 1),
    }  # fmt: skip
    assert len(marks) == 4


def test_place_as_text() -> None:
    assert str(Place("a/b.yaml", 3, 5)) == "a/b.yaml:3:5"
