"""Quantities, durations, images, selectors: tables and laws."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformant.model import Undecided, Unknown
from conformant.views.image import Image, parse_image
from conformant.views.quantity import parse_duration, parse_quantity, parse_redis_memory, scaled
from conformant.views.selector import equals, is_empty, selects


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("500m", "0.5"), ("0.5", "0.5"), (2, "2"), ("1Ki", "1024"), ("1k", "1000"), ("1.5Gi", "1610612736"),
        ("1e3", "1000"), ("1E3", "1000"), ("1E", "1000000000000000000"), ("12e-1", "1.2"),
        ("+5", "5"), ("-1M", "-1000000"),
        ("100n", "1e-7"), (".5", "0.5"), ("5.", "5"), (0.25, "0.25"), ("512m", "0.512"), ("0", "0"),
    ],
)  # fmt: skip
def test_quantities(text: object, value: str) -> None:
    assert parse_quantity(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "abc", "1KB", "1 Gi", "1gi", "1e", "e3", True, None, [], "1.2.3", "0x10", "1mi"])
def test_no_quantities(text: object) -> None:
    assert parse_quantity(text) is None


@given(st.integers(0, 10**6), st.sampled_from(["", "Ki", "Mi", "Gi", "k", "M", "G", "m"]))
def test_quantities_are_monotonous(number: int, suffix: str) -> None:
    one, more = parse_quantity(f"{number}{suffix}"), parse_quantity(f"{number + 1}{suffix}")
    assert one is not None
    assert more is not None
    assert one < more


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("15m", 900), ("1h0m0s", 3600), ("720h0m0s", 2592000), ("0", 0), ("1.5h", 5400), ("100ms", 0.1), ("-1m", -60),
     ("1h30m", 5400), ("0s", 0)],
)  # fmt: skip
def test_go_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "15", "m", "1d", "1h 5m", "abc", None, 15, True, "1hour"])
def test_no_go_durations(text: object) -> None:
    assert parse_duration(text) is None


def test_prometheus_durations() -> None:
    assert parse_duration("1d", prometheus=True) == 86400
    assert parse_duration("1w2d", prometheus=True) == 9 * 86400
    assert parse_duration("1.5h", prometheus=True) is None


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("2gb", 2 * 1024**3),
        ("2GB", 2 * 1024**3),
        ("100m", 10**8),
        ("100mb", 100 * 1024**2),
        ("1k", 1000),
        (0, 0),
        ("5", 5),
    ],
)
def test_redis_memory(text: object, size: int) -> None:
    assert parse_redis_memory(text) == size


@pytest.mark.parametrize("text", ["2gib", "", "two", None, True, "1.5gb"])
def test_no_redis_memory(text: object) -> None:
    assert parse_redis_memory(text) is None


def test_percentages() -> None:
    assert scaled("25%", 10, round_up=False) == 2
    assert scaled("25%", 10, round_up=True) == 3
    assert scaled(3, 10, round_up=True) == 3
    assert scaled("3", 10, round_up=True) is None
    assert scaled(True, 10, round_up=True) is None


D = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("reference", "image"),
    [
        ("nginx", Image("", "nginx", "", "")),
        ("nginx:1.27", Image("", "nginx", "1.27", "")),
        ("library/nginx:1", Image("", "library/nginx", "1", "")),
        ("registry:5000/team/web:1", Image("registry:5000", "team/web", "1", "")),
        ("registry:5000/web", Image("registry:5000", "web", "", "")),
        ("localhost/web", Image("localhost", "web", "", "")),
        (f"quay.io/a/b:v1@{D}", Image("quay.io", "a/b", "v1", D)),
        (f"web@{D}", Image("", "web", "", D)),
    ],
)
def test_images(reference: str, image: Image) -> None:
    assert parse_image(reference) == image


def test_selectors() -> None:
    labels = {"app": "web", "tier": "front"}
    assert not selects(None, labels)
    assert selects({}, labels)
    assert selects({"matchLabels": {"app": "web"}}, labels)
    assert not selects({"matchLabels": {"app": "db"}}, labels)
    for operator, key, values, expected in (
        ("In", "app", ["web", "db"], True), ("In", "none", ["web"], False), ("NotIn", "app", ["db"], True),
        ("NotIn", "none", ["db"], True), ("NotIn", "app", ["web"], False), ("Exists", "app", None, True),
        ("Exists", "none", None, False), ("DoesNotExist", "none", None, True), ("DoesNotExist", "app", None, False),
        ("Like", "app", ["web"], False),
    ):  # fmt: skip
        term = {"key": key, "operator": operator, "values": values}
        assert selects({"matchExpressions": [term]}, labels) is expected, term
    assert is_empty({"matchLabels": {}, "matchExpressions": []})
    assert equals({"app": "web"}, labels)
    assert not equals({"app": "web", "x": "y"}, labels)


def test_a_selector_over_an_unknown_label_is_undecided() -> None:
    with pytest.raises(Undecided):
        selects({"matchLabels": {"app": "web"}}, {"app": Unknown("template")})


@given(
    st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy")),
    st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy")),
)
def test_more_requirements_never_select_more(selector: dict[str, str], labels: dict[str, str]) -> None:
    wider = dict(list(selector.items())[1:])
    if selects({"matchLabels": selector}, labels):
        assert selects({"matchLabels": wider}, labels)
