"""Istio's two algorithms, branch by branch."""

from typing import Any

import pytest

from conformant.domain.mesh import Injection, effective_mtls, injected
from conformant.model import Resource
from conformant.platform import CLUSTER_SCOPED, Nowhere, Platform
from conformant.profile import Mesh, Profile
from conformant.views.workload import Workload


def thing(kind: str, name: str, namespace: str, raw: dict[str, Any], group: str = "") -> Resource:
    namespace = "" if f"{group}/{kind}" in CLUSTER_SCOPED else namespace
    return Resource(
        family="kubernetes", group=group, version="v1", kind=kind, namespace=namespace, name=name,
        raw={"metadata": {"name": name}, **raw}, locator=Nowhere(), source="manifest",
    )  # fmt: skip


def enrolment(
    namespace: dict[str, str], labels: dict[str, str], annotations: dict[str, str] | None = None,
    *, name: str = "shop", pod: dict[str, Any] | None = None, mesh: Mesh = Mesh(),
) -> Injection:  # fmt: skip
    manifest = thing("Namespace", name, "", {"metadata": {"name": name, "labels": namespace}})
    metadata = {"name": "web", "labels": labels, "annotations": annotations or {}}
    resource = thing("Pod", "web", name, {"metadata": metadata, "spec": pod or {}})
    platform = Platform([manifest, resource], Profile(mesh=mesh))
    return injected(platform.view(resource, Workload), platform)


INJECT, REV, MODE = "sidecar.istio.io/inject", "istio.io/rev", "istio.io/dataplane-mode"


@pytest.mark.parametrize(
    ("namespace", "labels", "annotations", "expected"),
    [
        ({"istio-injection": "enabled"}, {}, {}, True),
        ({"istio-injection": "enabled"}, {INJECT: "false"}, {}, False),
        ({"istio-injection": "enabled"}, {}, {INJECT: "false"}, False),
        ({"istio-injection": "enabled"}, {INJECT: "true"}, {INJECT: "false"}, True),
        ({"istio-injection": "enabled"}, {INJECT: "yes"}, {}, True),
        ({"istio-injection": "enabled"}, {INJECT: "yes"}, {INJECT: "false"}, True),
        ({"istio-injection": "enabled"}, {REV: "stable"}, {}, True),
        ({"istio-injection": "enabled"}, {}, {INJECT: "no"}, True),
        ({"istio-injection": "off"}, {}, {}, False),
        ({}, {REV: "stable", INJECT: "false"}, {}, False),
        ({}, {REV: "stable"}, {INJECT: "false"}, False),
        ({"istio-injection": "disabled"}, {INJECT: "true"}, {}, False),
        ({"istio-injection": "disabled", REV: "stable"}, {}, {}, False),
        ({"istio-injection": "enabled", REV: "stable"}, {}, {}, True),
        ({REV: "stable"}, {}, {}, True),
        ({REV: "stable"}, {INJECT: "false"}, {}, False),
        ({}, {REV: "stable"}, {}, True),
        ({}, {INJECT: "true"}, {}, True),
        ({}, {}, {INJECT: "true"}, False),
        ({}, {}, {}, False),
    ],
)
def test_sidecar_injection(
    namespace: dict[str, str], labels: dict[str, str], annotations: dict[str, str], expected: bool
) -> None:
    assert enrolment(namespace, labels, annotations).sidecar is expected


def test_an_annotation_alone_is_named_as_ineffective() -> None:
    found = enrolment({}, {}, {INJECT: "true"})
    assert (found.enrolled, found.intended) == (False, True)
    assert found.ineffective == f"annotation {INJECT}"


def test_host_network_and_system_namespaces_are_never_injected() -> None:
    assert not enrolment({"istio-injection": "enabled"}, {}, pod={"hostNetwork": True}).enrolled
    assert not enrolment({"istio-injection": "enabled"}, {}, name="kube-system").enrolled
    assert not enrolment({MODE: "ambient"}, {}, pod={"hostNetwork": True}).enrolled


def test_namespaces_may_be_injected_by_default() -> None:
    default = Mesh(enable_namespaces_by_default=True)
    assert enrolment({}, {}, mesh=default).sidecar
    assert not enrolment({}, {INJECT: "yes"}, mesh=default).sidecar
    assert not enrolment({"istio-injection": "disabled"}, {}, mesh=default).sidecar


def test_ambient() -> None:
    assert enrolment({MODE: "ambient"}, {}).ambient
    assert not enrolment({MODE: "ambient"}, {MODE: "none"}).ambient
    assert enrolment({}, {MODE: "ambient"}).ambient
    assert enrolment({MODE: "ambient"}, {MODE: "other"}).ambient
    assert not enrolment({MODE: "none"}, {}).ambient
    both = enrolment({MODE: "ambient", "istio-injection": "enabled"}, {})
    assert (both.sidecar, both.ambient) == (True, False)
    assert not enrolment({MODE: "ambient"}, {}, mesh=Mesh(mode="sidecar")).enrolled
    assert enrolment({MODE: "ambient"}, {}, mesh=Mesh(mode="ambient")).enrolled
    assert not enrolment({"istio-injection": "enabled"}, {}, mesh=Mesh(mode="ambient")).enrolled


def policy(name: str, namespace: str, spec: dict[str, Any]) -> Resource:
    return thing("PeerAuthentication", name, namespace, {"spec": spec}, "security.istio.io")


STRICT, PERMISSIVE, DISABLE, UNSET = ({"mode": mode} for mode in ("STRICT", "PERMISSIVE", "DISABLE", "UNSET"))
WEB = {"matchLabels": {"app": "web"}}
OTHER = {"matchLabels": {"app": "other"}}


@pytest.mark.parametrize(
    ("policies", "mode", "port"),
    [
        ([], "PERMISSIVE", "PERMISSIVE"),
        ([("istio-system", {"mtls": STRICT})], "STRICT", "STRICT"),
        ([("istio-system", {"mtls": {}})], "PERMISSIVE", "PERMISSIVE"),
        ([("istio-system", {"mtls": UNSET})], "PERMISSIVE", "PERMISSIVE"),
        ([("istio-system", {"selector": WEB, "mtls": STRICT})], "PERMISSIVE", "PERMISSIVE"),
        ([("istio-system", {"selector": {}, "mtls": STRICT})], "STRICT", "STRICT"),
        ([("istio-system", {"mtls": STRICT}), ("shop", {"mtls": PERMISSIVE})], "PERMISSIVE", "PERMISSIVE"),
        ([("istio-system", {"mtls": STRICT}), ("shop", {})], "STRICT", "STRICT"),
        ([("shop", {"mtls": PERMISSIVE}), ("shop", {"selector": WEB, "mtls": STRICT})], "STRICT", "STRICT"),
        ([("shop", {"mtls": STRICT}), ("shop", {"selector": OTHER, "mtls": DISABLE})], "STRICT", "STRICT"),
        ([("shop", {"mtls": STRICT}), ("other", {"mtls": DISABLE})], "STRICT", "STRICT"),
        ([("shop", {"mtls": STRICT}), ("shop", {"mtls": DISABLE})], "DISABLE", "DISABLE"),
        ([("shop", {"selector": WEB, "mtls": STRICT, "portLevelMtls": {"8080": DISABLE}})], "STRICT", "DISABLE"),
        ([("shop", {"selector": WEB, "mtls": STRICT, "portLevelMtls": {8080: PERMISSIVE}})], "STRICT", "PERMISSIVE"),
        ([("shop", {"selector": WEB, "mtls": STRICT, "portLevelMtls": {"8080": UNSET}})], "STRICT", "STRICT"),
        ([("shop", {"selector": WEB, "portLevelMtls": {"8080": STRICT}})], "PERMISSIVE", "STRICT"),
        ([("shop", {"mtls": STRICT, "portLevelMtls": {"8080": DISABLE}})], "STRICT", "STRICT"),
        ([("istio-system", {"mtls": STRICT}), ("shop", {"selector": WEB, "mtls": UNSET})], "STRICT", "STRICT"),
    ],
)
def test_effective_mtls(policies: list[tuple[str, dict[str, Any]]], mode: str, port: str) -> None:
    web = thing("Pod", "web", "shop", {"metadata": {"name": "web", "labels": {"app": "web"}}, "spec": {}})
    resources = [web, *(policy(str(index), namespace, spec) for index, (namespace, spec) in enumerate(policies))]
    platform = Platform(resources, Profile())
    found = effective_mtls(platform.view(web, Workload), platform)
    assert (found.mode.mode, found.of(8080).mode) == (mode, port)
    assert found.of(9999).mode == mode
