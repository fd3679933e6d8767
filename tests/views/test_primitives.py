"""Quantities, durations, images, selectors, container sets: tables and laws."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformant.model import Place, Resource, Undecided, Unknown
from conformant.views.image import Image, parse_image
from conformant.views.quantity import parse_duration, parse_quantity, parse_redis_memory, scaled
from conformant.views.selector import SelectorIndex, equals, is_empty, selects
from conformant.views.workload import EPHEMERAL, INIT, MAIN, SIDECAR, Workload


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


@given(st.integers(0, 10**4), st.sampled_from([("Ki", 1024), ("k", 1000), ("m", Decimal("0.001")), ("", 1)]))
def test_a_suffix_multiplies(number: int, suffix: tuple[str, int | Decimal]) -> None:
    assert parse_quantity(f"{number}{suffix[0]}") == number * suffix[1]


@given(st.integers(0, 10**6), st.integers(-9, 9))
def test_an_exponent_is_a_power_of_ten(number: int, exponent: int) -> None:
    assert parse_quantity(f"{number}e{exponent}") == Decimal(number).scaleb(exponent)


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
def test_the_parts_of_a_duration_add_up(hours: int, minutes: int, seconds: int) -> None:
    text = f"{hours}h{minutes}m{seconds}s"
    assert parse_duration(text) == 3600 * hours + 60 * minutes + seconds
    assert parse_duration(f"-{text}") == -(3600 * hours + 60 * minutes + seconds)
    assert parse_duration(text, prometheus=True) == parse_duration(text)


@given(st.integers(0, 300), st.integers(1, 10**4))
def test_a_percentage_is_between_its_roundings(percent: int, total: int) -> None:
    down, up = scaled(f"{percent}%", total, round_up=False), scaled(f"{percent}%", total, round_up=True)
    assert down is not None
    assert up is not None
    assert down <= percent * total / 100 <= up <= down + 1


NAMES = st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True)


@given(
    st.sampled_from(["", "localhost", "quay.io", "registry:5000", "registry.example.com:443"]),
    st.lists(NAMES, min_size=1, max_size=3), st.one_of(st.just(""), NAMES), st.sampled_from(["", D]),
)  # fmt: skip
def test_an_image_is_what_it_was_put_together_from(registry: str, parts: list[str], tag: str, digest: str) -> None:
    repository = "/".join(parts)
    reference = "/".join(filter(None, (registry, repository))) + (f":{tag}" if tag else "")
    reference += f"@{digest}" if digest else ""
    assert parse_image(reference) == Image(registry, repository, tag, digest)


LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"))
EXPRESSIONS = st.fixed_dictionaries({
    "key": st.sampled_from("abc"), "operator": st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]),
    "values": st.lists(st.sampled_from("xy"), min_size=1),
})  # fmt: skip
OPPOSITE = {"In": "NotIn", "NotIn": "In", "Exists": "DoesNotExist", "DoesNotExist": "Exists"}


@given(EXPRESSIONS, LABELS)
def test_an_operator_and_its_opposite_divide_all_labels(term: dict[str, object], labels: dict[str, str]) -> None:
    other = {**term, "operator": OPPOSITE[str(term["operator"])]}
    assert selects({"matchExpressions": [term]}, labels) is not selects({"matchExpressions": [other]}, labels)


@given(LABELS, LABELS)
def test_a_plain_selector_is_one_of_labels(selector: dict[str, str], labels: dict[str, str]) -> None:
    assert equals(selector, labels) is selects({"matchLabels": selector}, labels)


@given(
    st.lists(
        st.none()
        | st.fixed_dictionaries({"matchLabels": LABELS, "matchExpressions": st.lists(EXPRESSIONS, max_size=2)})
    ),
    LABELS,
)
def test_an_index_finds_what_trying_them_all_finds(selectors: list[object], labels: dict[str, str]) -> None:
    index = SelectorIndex((selector, number) for number, selector in enumerate(selectors))
    assert index.admitting(labels) == [number for number, each in enumerate(selectors) if selects(each, labels)]


class Nowhere:
    """Locates nothing."""

    def place(self, path: object) -> Place:
        return Place("-")

    def comments(self, path: object) -> tuple[tuple[int, str], ...]:
        return ()


TEMPLATES: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "Pod"): (), ("", "PodTemplate"): ("template",), ("", "ReplicationController"): ("spec", "template"),
    ("apps", "Deployment"): ("spec", "template"), ("apps", "StatefulSet"): ("spec", "template"),
    ("apps", "DaemonSet"): ("spec", "template"), ("apps", "ReplicaSet"): ("spec", "template"),
    ("batch", "Job"): ("spec", "template"), ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
    ("argoproj.io", "Rollout"): ("spec", "template"), ("serving.knative.dev", "Service"): ("spec", "template"),
}  # fmt: skip


def workload(kind: tuple[str, str], pod: object) -> Workload:
    raw: dict[str, object] = {"metadata": {"labels": {"own": "pods"}}, "spec": pod}
    for step in reversed(TEMPLATES[kind]):
        raw = {step: raw, "metadata": {"labels": {"own": "controller"}}}
    made = Resource(
        family="kubernetes",
        group=kind[0],
        version="v1",
        kind=kind[1],
        namespace="shop",
        name="web",
        raw=raw,
        locator=Nowhere(),
        source="file",
    )  # fmt: skip
    return Workload(made)


@pytest.mark.parametrize("kind", TEMPLATES, ids=lambda kind: kind[1])
def test_container_sets(kind: tuple[str, str]) -> None:
    pod = {
        "containers": [{"name": "main"}],
        "initContainers": [
            {"name": "init"},
            {"name": "sidecar", "restartPolicy": "Always"},
            {"restartPolicy": "Never"},
        ],
        "ephemeralContainers": [{"name": "debug"}],
    }
    made = workload(kind, pod)
    assert [(each.name, each.role) for each in made.all_containers] == [
        ("main", MAIN), ("init", INIT), ("sidecar", SIDECAR), ("#2", INIT), ("debug", EPHEMERAL),
    ]  # fmt: skip
    assert made.labels == {"own": "pods"}
    assert made.all_containers[2].path == (*TEMPLATES[kind], "spec", "initContainers", 1)


CONTAINERS = st.lists(
    st.fixed_dictionaries({"name": NAMES}, optional={"restartPolicy": st.sampled_from(["Always", "OnFailure"])})
    | st.none(),
    max_size=4,
)


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("containers", "initContainers", "ephemeralContainers"), CONTAINERS)
    )
)
def test_the_sets_divide_the_declared_containers(pod: dict[str, list[dict[str, str] | None]]) -> None:
    made = workload(("apps", "Deployment"), pod)
    declared = [each for entries in pod.values() for each in entries if each is not None]
    sets = [made.containers(role) for role in (MAIN, SIDECAR, INIT, EPHEMERAL)]
    assert sum(map(len, sets)) == len(made.all_containers) == len(declared)
    assert all(each.key == "initContainers" and each.raw["restartPolicy"] == "Always" for each in sets[1])
    assert all(each.key == "containers" for each in sets[0])
