"""Hosts as Istio reads them, and the DestinationRule that a client uses: istiod's order, branch by branch."""

from typing import Any

import pytest

from conformant.domain.mesh_hosts import DestinationRules, fqdn, imports, matches, protocol, used_by, wildcards
from conformant.model import Resource
from conformant.platform import Nowhere, Platform
from conformant.profile import Profile
from conformant.views.mesh import Sidecar
from conformant.views.workload import Workload


def thing(kind: str, name: str, namespace: str, spec: dict[str, Any], group: str = "networking.istio.io") -> Resource:
    return Resource(
        family="kubernetes", group=group, version="v1", kind=kind, namespace=namespace, name=name,
        raw={"metadata": {"name": name}, "spec": spec}, locator=Nowhere(), source="manifest",
    )  # fmt: skip


def rule(name: str, namespace: str, host: str, export: list[str] | None = None, **more: Any) -> Resource:
    exported = {"exportTo": export} if export is not None else {}
    return thing("DestinationRule", name, namespace, {"host": host, **exported, **more})


WEB = "web.shop.svc.cluster.local"
ALL = "*.shop.svc.cluster.local"


@pytest.mark.parametrize(
    ("client", "rules", "expected"),
    [
        ("mail", [], None),
        ("mail", [rule("service", "shop", WEB)], "service"),
        ("mail", [rule("short", "shop", "web")], "short"),
        ("mail", [rule("half", "shop", "web.shop.svc")], None),
        ("mail", [rule("elsewhere", "other", WEB)], None),
        ("mail", [rule("short", "mail", "web")], None),
        ("mail", [rule("service", "shop", WEB), rule("own", "mail", WEB)], "own"),
        ("mail", [rule("service", "shop", WEB), rule("own", "mail", "*.local")], "own"),
        ("mail", [rule("root", "istio-system", WEB), rule("service", "shop", ALL)], "service"),
        ("mail", [rule("root", "istio-system", "*.local")], "root"),
        ("mail", [rule("wide", "shop", "*.local"), rule("all", "shop", ALL), rule("one", "shop", WEB)], "one"),
        ("mail", [rule("wide", "shop", "*"), rule("all", "shop", ALL)], "all"),
        ("mail", [rule("private", "shop", WEB, ["."]), rule("root", "istio-system", "*")], "root"),
        ("shop", [rule("private", "shop", WEB, ["."]), rule("root", "istio-system", "*")], "private"),
        ("mail", [rule("named", "shop", WEB, ["mail"])], "named"),
        ("shop", [rule("named", "shop", WEB, ["mail"])], None),
        ("mail", [rule("public", "shop", WEB, ["*"])], "public"),
        ("mail", [rule("selected", "shop", WEB, None, workloadSelector={"matchLabels": {"app": "x"}})], None),
        ("istio-system", [rule("root", "istio-system", "*.local"), rule("service", "shop", WEB)], "service"),
        ("istio-system", [rule("service", "shop", WEB), rule("own", "istio-system", "*.local", ["."])], "own"),
    ],
)
def test_the_rule_that_a_client_uses(client: str, rules: list[Resource], expected: str | None) -> None:
    found = DestinationRules(Platform(rules, Profile())).used(client, WEB)
    assert (found.name if found else None) == expected


def test_a_service_entry_gives_a_host_its_namespace() -> None:
    entry = thing("ServiceEntry", "pay", "edge", {"hosts": ["pay.example.com"]})
    resources = [entry, rule("there", "edge", "pay.example.com"), rule("other", "shop", "pay.example.com")]
    rules = DestinationRules(Platform(resources, Profile()))
    assert [each.name for each in rules.candidates("mail", "pay.example.com")] == ["there"]


def test_the_root_namespace_may_have_another_name() -> None:
    profile = Profile()
    renamed = Profile(mesh=type(profile.mesh)(root_namespace="mesh"))
    resources = [rule("root", "mesh", "*.local"), rule("old", "istio-system", "*.local")]
    found = DestinationRules(Platform(resources, renamed)).used("mail", WEB)
    assert found is not None
    assert found.name == "root"


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        (["*/*"], True), (["./*"], False), (["shop/*"], True), ([f"shop/{WEB}"], True), (["mail/*"], False),
        (["~/*"], False), ([f"*/{ALL}"], True), (["shop/other.shop.svc.cluster.local"], False), ([], True),
    ],
)  # fmt: skip
def test_what_a_sidecar_imports(hosts: list[str], expected: bool) -> None:
    sidecar = Sidecar(thing("Sidecar", "default", "mail", {"egress": [{"hosts": hosts}]}))
    assert imports(sidecar, WEB, "shop") is expected
    assert imports(None, WEB, "shop")


def test_a_workload_uses_no_rule_for_a_host_that_its_sidecar_hides() -> None:
    pod = Resource(
        family="kubernetes", group="", version="v1", kind="Pod", namespace="mail", name="post", source="manifest",
        raw={"metadata": {"name": "post", "labels": {"app": "post"}}, "spec": {}}, locator=Nowhere(),
    )  # fmt: skip
    open_to_all = rule("service", "shop", WEB)
    selecting = rule("own", "mail", WEB, None, workloadSelector={"matchLabels": {"app": "other"}})
    platform = Platform([pod, open_to_all, selecting], Profile())
    found = used_by(platform.view(pod, Workload), WEB, platform)
    assert found is not None
    assert found.name == "service"
    hidden = thing("Sidecar", "default", "mail", {"egress": [{"hosts": ["./*"]}]})
    own = thing("Sidecar", "post", "mail", {"workloadSelector": {"labels": {"app": "post"}}})
    narrow = Platform([pod, open_to_all, hidden], Profile())
    assert used_by(narrow.view(pod, Workload), WEB, narrow) is None
    exception = Platform([pod, open_to_all, hidden, own], Profile())
    assert used_by(exception.view(pod, Workload), WEB, exception) is not None


@pytest.mark.parametrize(
    ("host", "expected"),
    [("web", WEB), ("WEB", WEB), ("web.shop", "web.shop"), ("*", "*"), (WEB, WEB), ("::1", "::1"), ("", "")],
)
def test_only_a_name_without_a_dot_is_completed(host: str, expected: str) -> None:
    assert fqdn(host, "shop") == expected


@pytest.mark.parametrize(
    ("pattern", "host", "expected"),
    [
        (ALL, WEB, True), ("*", WEB, True), (WEB, WEB, True), (WEB, ALL, False), ("*.local", ALL, True),
        ("*.com", WEB, False), (ALL, "shop.svc.cluster.local", False),
    ],
)  # fmt: skip
def test_wildcards_match_by_their_end(pattern: str, host: str, expected: bool) -> None:
    assert matches(pattern, host) is expected


def test_wildcards_come_by_how_specific_they_are() -> None:
    assert list(wildcards("a.b.c")) == ["*.b.c", "*.c", "*"]


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ({"name": "http"}, "http"), ({"name": "http-web"}, "http"), ({"name": "web"}, ""), ({}, ""), (None, ""),
        ({"name": "httpx"}, ""), ({"name": "grpc-web-x"}, "grpc-web"), ({"name": "tcp-http"}, "tcp"),
        ({"name": "http", "appProtocol": "tcp"}, "tcp"), ({"appProtocol": "kubernetes.io/h2c"}, "http2"),
        ({"name": "http", "protocol": "UDP"}, "udp"), ({"name": "redis"}, "redis"),
    ],
)  # fmt: skip
def test_what_a_port_says_that_it_speaks(port: Any, expected: str) -> None:
    assert protocol(port) == expected
