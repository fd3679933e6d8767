"""API versions that are deprecated or gone, row by row."""

from itertools import pairwise

import pytest

from conformant.profile import version_tuple
from conformant.schema import Schemas, status
from conformant.schema.versions import CHECKED, TABLE, Row

BEFORE, LATER = "0.0.1", "99.0"
ROWS = [(row, kind) for row in TABLE for kind in row.kinds or ("AnyKind",)]


def label(value: object) -> str:
    return value.api_version if isinstance(value, Row) else str(value)


@pytest.mark.parametrize(("row", "kind"), ROWS, ids=label)
def test_every_row(row: Row, kind: str) -> None:
    """Served before, deprecated from, removed from exactly the versions that the row names."""
    if row.deprecated and row.deprecated not in ("0", row.removed):
        told = status(row.api_version, kind, {row.component: row.deprecated})
        assert told is not None
        assert (told.state, told.since, told.removed_in) == ("deprecated", row.deprecated, row.removed)
        earlier = status(row.api_version, kind, {row.component: BEFORE})
        assert earlier is not None
        assert earlier.state == "served"
    if row.removed:
        told = status(row.api_version, kind, {row.component: LATER if row.removed == "0" else row.removed})
        assert told is not None
        assert (told.state, told.replacement) == ("removed", row.replacement)
        assert told.component == row.component
    latest = status(row.api_version, kind, {row.component: LATER})
    assert latest is not None
    assert latest.state == ("removed" if row.removed else "deprecated")
    assert row.source.startswith("https://")


def test_rows_are_consistent() -> None:
    assert len(CHECKED) == 10
    for row in TABLE:
        order = [version_tuple(version) for version in (row.deprecated, row.removed) if version]
        assert all(one <= other for one, other in pairwise(order))
        assert row.component
    served = [(row.component, row.api_version, kind) for row, kind in ROWS]
    assert len(served) == len(set(served))


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        ("networking.istio.io/v1beta1", "DestinationRule"),
        ("networking.istio.io/v1alpha3", "VirtualService"),
        ("security.istio.io/v1beta1", "PeerAuthentication"),
        ("autoscaling.k8s.io/v1", "VerticalPodAutoscaler"),
        ("autoscaling/v1", "HorizontalPodAutoscaler"),
        ("autoscaling/v2", "HorizontalPodAutoscaler"),
        ("flagger.app/v1beta1", "Canary"),
        ("external-secrets.io/v1alpha1", "PushSecret"),
        ("configuration.konghq.com/v1", "KongPlugin"),
        ("configuration.konghq.com/v1beta1", "KongUpstreamPolicy"),
        ("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy"),
        ("batch/v1", "CronJob"),
        ("policy/v1", "PodDisruptionBudget"),
    ],
)
def test_never_flagged(api_version: str, kind: str) -> None:
    assert status(api_version, kind, {}) is None
    group, _, version = api_version.rpartition("/")
    assert Schemas().served(group, version, kind).state in ("served", "unknown")


@pytest.mark.parametrize(
    ("versions", "state"),
    [
        ({}, "removed"),
        ({"kic": "3.5"}, "deprecated"),
        ({"kic": "2.12"}, "served"),
        ({"kong-operator": "2.0"}, "removed"),
        ({"kic": "3.5", "kong-operator": "2.1"}, "removed"),
    ],
)
def test_a_kind_that_two_components_serve(versions: dict[str, str], state: str) -> None:
    told = status("configuration.konghq.com/v1", "KongIngress", versions)
    assert told is not None
    assert told.state == state


@pytest.mark.parametrize(
    ("kubernetes", "group", "version", "kind", "state", "replacement"),
    [
        ("", "policy", "v1beta1", "PodDisruptionBudget", "removed", "policy/v1"),
        ("1.24", "policy", "v1beta1", "PodDisruptionBudget", "deprecated", "policy/v1"),
        ("1.20", "policy", "v1beta1", "PodDisruptionBudget", "served", ""),
        (
            "1.31",
            "flowcontrol.apiserver.k8s.io",
            "v1beta3",
            "FlowSchema",
            "deprecated",
            "flowcontrol.apiserver.k8s.io/v1",
        ),
        ("", "", "v1", "Endpoints", "deprecated", "discovery.k8s.io/v1"),
        ("1.32", "", "v1", "Endpoints", "served", ""),
        ("", "apps", "v2", "Deployment", "unserved", "apps/v1"),
        ("", "apps", "v1", "Deploymet", "unserved", ""),
        ("", "apps", "v1", "Deployment", "served", ""),
        ("", "example.com", "v1", "Thing", "unknown", ""),
    ],
)
def test_served(kubernetes: str, group: str, version: str, kind: str, state: str, replacement: str) -> None:
    served = Schemas(kubernetes=kubernetes).served(group, version, kind)
    assert (served.state, served.replacement) == (state, replacement)


def test_component_versions_count() -> None:
    schemas = Schemas(components={"strimzi": "0.45.0"})
    assert schemas.served("kafka.strimzi.io", "v1beta2", "Kafka").state == "served"
    assert Schemas().served("kafka.strimzi.io", "v1beta2", "Kafka").state == "removed"
