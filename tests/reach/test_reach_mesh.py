"""The mesh as a second layer: strict mTLS, AuthorizationPolicies, and what they leave alone."""

from typing import Any

import pytest

from conformant.model import Resource
from conformant.reach.answers import Answers, Connection

from .platforms import namespace, platform, pod, resource


def authorization(name: str, **spec: Any) -> Resource:
    return resource("security.istio.io", "AuthorizationPolicy", "a", name, {"spec": spec})


def strict(namespace: str = "istio-system") -> Resource:
    return resource(
        "security.istio.io", "PeerAuthentication", namespace, "default", {"spec": {"mtls": {"mode": "STRICT"}}}
    )


def between(source: str, destination: str, *resources: Resource) -> Connection:
    meshed = namespace("a", **{"istio-injection": "enabled"})
    pods = [pod("web", {"app": "web"}), pod("api", {"app": "api"}), pod("out", {"app": "out"}, namespace="b")]
    answers = Answers(platform(meshed, namespace("b"), *pods, *resources))
    ends = {end.name: end for end in (*answers.pods, *answers.world)}
    return answers.connection(ends[source], ends[destination])


IN, OUT = "Pod/a/web", "Pod/b/out"


def test_without_policies_everything_passes() -> None:
    assert str(between(OUT, "Pod/a/api").open) == "all ports"


def test_strict_mtls_refuses_who_is_not_in_the_mesh() -> None:
    found = between(OUT, "Pod/a/api", strict())
    assert not found.open.has("TCP", 8080)
    assert found.open.has("UDP", 8080)
    assert found.open.has("TCP", 15021)
    assert "demands mTLS" in found.denying[0].says
    assert between(IN, "Pod/a/api", strict()).open.has("TCP", 8080)
    assert not between("0.0.0.0/0", "Pod/a/api", strict()).open.has("TCP", 8080)
    assert between("0.0.0.0/0", OUT, strict()).open.has("TCP", 8080)


def test_a_port_of_its_own_mode() -> None:
    own = resource("security.istio.io", "PeerAuthentication", "a", "api", {"spec": {
        "selector": {"matchLabels": {"app": "api"}}, "mtls": {"mode": "STRICT"},
        "portLevelMtls": {"9090": {"mode": "PERMISSIVE"}},
    }})  # fmt: skip
    found = between(OUT, "Pod/a/api", own)
    assert found.open.has("TCP", 9090)
    assert not found.open.has("TCP", 8080)


FROM_WEB = {"from": [{"source": {"principals": ["cluster.local/ns/a/sa/default"]}}]}
FROM_B = {"from": [{"source": {"namespaces": ["b"]}}]}


@pytest.mark.parametrize(
    ("spec", "source", "expected"),
    [
        ({}, IN, []),
        ({"rules": [{}]}, IN, [80, 8080]),
        ({"rules": [FROM_WEB]}, IN, [80, 8080]),
        ({"rules": [FROM_WEB]}, OUT, []),
        ({"rules": [FROM_B]}, OUT, []),
        ({"rules": [{**FROM_WEB, "to": [{"operation": {"ports": ["8080"]}}]}]}, IN, [8080]),
        ({"rules": [{**FROM_WEB, "to": [{"operation": {"notPorts": ["8080"]}}]}]}, IN, [80]),
        ({"rules": [{"from": [{"source": {"principals": ["*"]}}]}]}, IN, [80, 8080]),
        ({"rules": [{"from": [{"source": {"principals": ["*"]}}]}]}, OUT, []),
        ({"rules": [{"from": [{"source": {"notPrincipals": ["*"]}}]}]}, OUT, [80, 8080]),
        ({"rules": [{"from": [{"source": {"serviceAccounts": ["default"]}}]}]}, IN, [80, 8080]),
        ({"rules": [{"from": [{"source": {"serviceAccounts": ["a/default"]}}]}]}, IN, [80, 8080]),
        ({"rules": [{"from": [{"source": {"serviceAccounts": ["b/default"]}}]}]}, IN, []),
        ({"rules": [{"when": [{"key": "source.namespace", "notValues": ["a"]}]}]}, IN, []),
        ({"rules": [{"when": [{"key": "source.namespace", "notValues": ["b"]}]}]}, IN, [80, 8080]),
        ({"rules": [{"when": [{"key": "source.namespace", "values": ["a"]}]}]}, IN, [80, 8080]),
        ({"rules": [{"when": [{"key": "destination.port", "values": ["80"]}]}]}, IN, [80]),
        ({"action": "DENY", "rules": [FROM_WEB]}, IN, []),
        ({"action": "DENY"}, IN, [80, 8080]),
        ({"action": "DENY", "rules": [{**FROM_WEB, "to": [{"operation": {"paths": ["/x"]}}]}]}, IN, [80, 8080]),
        ({"action": "AUDIT", "rules": [{}]}, IN, [80, 8080]),
        ({"action": "CUSTOM", "rules": [{}]}, IN, [80, 8080]),
        ({"selector": {"matchLabels": {"app": "other"}}}, IN, [80, 8080]),
        ({"targetRefs": [{"kind": "Gateway", "name": "x"}]}, IN, [80, 8080]),
    ],
)
def test_authorization(spec: dict[str, Any], source: str, expected: list[int]) -> None:
    found = between(source, "Pod/a/api", authorization("rule", **spec))
    assert [port for port in (80, 8080) if found.open.has("TCP", port)] == expected
    assert found.open.has("UDP", 80)


def test_what_depends_on_the_request_is_marked() -> None:
    rule = {**FROM_WEB, "to": [{"operation": {"ports": ["8080"], "methods": ["GET"]}}]}
    found = between(IN, "Pod/a/api", authorization("some", rules=[rule]))
    assert str(found.some) == "TCP 8080"
    assert any("some requests" in cause.says for cause in found.because("TCP"))


def test_which_outside_address_an_ip_block_means_is_left_open() -> None:
    rule = {"from": [{"source": {"ipBlocks": ["203.0.113.0/24"]}}], "to": [{"operation": {"ports": ["8080"]}}]}
    found = between("0.0.0.0/0", "Pod/a/api", authorization("some", rules=[rule]))
    assert (found.open.has("TCP", 8080), str(found.some)) == (True, "TCP 8080")


def test_a_denial_goes_before_an_allowance() -> None:
    found = between(
        IN, "Pod/a/api", authorization("yes", rules=[{}]),
        authorization("no", action="DENY", rules=[{"to": [{"operation": {"ports": ["80"]}}]}]),
    )  # fmt: skip
    assert not found.open.has("TCP", 80)
    assert found.open.has("TCP", 8080)


def test_a_policy_of_the_root_namespace_holds_everywhere() -> None:
    everywhere = resource("security.istio.io", "AuthorizationPolicy", "istio-system", "none", {"spec": {}})
    assert not between(IN, "Pod/a/api", everywhere).open.has("TCP", 80)
    assert between(IN, OUT, everywhere).open.has("TCP", 80)
