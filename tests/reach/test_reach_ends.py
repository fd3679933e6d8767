"""Who takes part: pods of workloads, what operators make, Services, addresses, questions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformant.model import Resource
from conformant.reach.answers import Answers
from conformant.reach.blocks import Block, network, ranges
from conformant.reach.endpoints import endpoints
from conformant.reach.engine import Reachability
from conformant.reach.exposure import exposures
from conformant.reach.ports import ALL, NONE, PROTOCOLS, Ports
from conformant.reach.probes import ALLOWED, DENIED, plan
from conformant.reach.queries import Malformed, matches, target

from .platforms import admin, namespace, platform, pod, policy, resource


def workload(kind: str, name: str, labels: dict[str, str], **spec: Any) -> Resource:
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main"}]}}
    return resource("apps", kind, "a", name, {"spec": {"template": template, **spec}})


# ports


spans = st.builds(
    lambda protocol, first, length: Ports.of(protocol, first, first + length),
    st.sampled_from(PROTOCOLS), st.integers(1, 40), st.integers(0, 10),
)  # fmt: skip
sets = st.lists(spans, max_size=4).map(Ports.union)


def members(ports: Ports) -> set[tuple[str, int]]:
    return {(protocol, port) for protocol in PROTOCOLS for port in range(1, 60) if ports.has(protocol, port)}


@given(sets, sets)
def test_ports_are_sets(one: Ports, other: Ports) -> None:
    assert members(one | other) == members(one) | members(other)
    assert members(one & other) == members(one) & members(other)
    assert members(one - other) == members(one) - members(other)
    assert (one <= other) == (members(one) <= members(other))
    assert (one == other) == (members(one) == members(other))
    assert bool(one) == bool(members(one))
    assert one & ALL == one
    assert one - ALL == NONE


def test_ports_in_words() -> None:
    ports = Ports.of("TCP", 80) | Ports.of("TCP", 8000, 8100) | Ports.of("UDP", 1, 65535)
    assert list(ports.by_protocol()) == [("TCP", "80,8000-8100"), ("UDP", "all")]
    assert str(ALL) == "all ports"
    assert str(Ports.of("TCP", 79) | Ports.of("TCP", 80)) == "TCP 79-80"
    assert Ports.of("ICMP", 1) == Ports.of("TCP", 90, 80) == Ports.of("TCP", 0, 0) == NONE


# addresses


CIDRS = ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.1.2.3/32", "192.168.0.0/16", "::/0", "fd00::/8"]


@given(st.lists(st.tuples(st.sampled_from(CIDRS), st.lists(st.sampled_from(CIDRS), max_size=3)), max_size=4))
def test_the_outside_is_split_into_disjoint_ranges(stated: list[tuple[str, list[str]]]) -> None:
    blocks = [
        Block(whole, tuple(each for each in map(network, excepted) if each is not None))
        for cidr, excepted in stated if (whole := network(cidr)) is not None
    ]  # fmt: skip
    found = ranges(blocks)
    assert sum(each.num_addresses for one in found for each in one.networks) == 2**32 + 2**128
    for one in found:
        for each in one.networks:
            for address in (each.network_address, each.broadcast_address):
                inside = [index for index, block in enumerate(blocks) if block.holds(address)]
                assert one.inside == sum(1 << index for index in inside)


# pods


def test_ordinals_are_told_apart_where_a_policy_does() -> None:
    stateful = workload("StatefulSet", "db", {"app": "db"}, replicas=2)
    assert [one.address for one in endpoints(platform(stateful))] == ["StatefulSet/a/db"]
    first = policy("first", podSelector={"matchLabels": {"statefulset.kubernetes.io/pod-name": "db-0"}})
    reach = Reachability.of(platform(stateful, pod("web"), first))
    assert sorted(one.address for one in reach.endpoints) == ["Pod/a/db-0", "Pod/a/db-1", "Pod/a/web"]
    assert [reach.allows("Pod/a/web", f"Pod/a/db-{number}", "TCP", 80) for number in (0, 1)] == [False, True]


def test_labels_that_controllers_make_are_not_known() -> None:
    closed = policy("closed", podSelector={"matchLabels": {"pod-template-hash": "abc"}})
    answers = Answers(platform(workload("Deployment", "web", {"app": "web"}), pod("other"), closed))
    [found] = answers.connections(target("other"), target("web"))
    assert (found.open, found.undecided) == (NONE, ALL)
    assert found.doubts


def test_the_pods_of_a_job_carry_its_name() -> None:
    template = {"metadata": {"labels": {}}, "spec": {"containers": [{"name": "main"}]}}
    job = resource("batch", "Job", "a", "load", {"spec": {"template": template}})
    closed = policy("closed", podSelector={"matchLabels": {"job-name": "load"}})
    reach = Reachability.of(platform(job, pod("web"), closed))
    assert not reach.allows("Pod/a/web", "Job/a/load", "TCP", 80)


def test_what_another_declared_thing_owns_is_not_told_twice() -> None:
    owned = pod("web-1", {"app": "web"})
    owned.raw["metadata"]["ownerReferences"] = [{"kind": "Deployment", "name": "web"}]
    assert [one.address for one in endpoints(platform(owned, workload("Deployment", "web", {"app": "web"})))] == [
        "Deployment/a/web"
    ]


def test_the_primary_has_a_label_of_its_own() -> None:
    canary = resource(
        "flagger.app", "Canary", "a", "web", {"spec": {"targetRef": {"kind": "Deployment", "name": "web"}}}
    )
    found = endpoints(platform(workload("Deployment", "web", {"app": "web", "tier": "x"}), canary))
    assert [(one.address, dict(one.labels or {})) for one in found] == [
        ("Deployment/a/web", {"app": "web", "tier": "x"}),
        ("Deployment/a/web-primary", {"app": "web-primary", "tier": "x"}),
    ]


@pytest.mark.parametrize(
    ("group", "kind", "spec", "expected"),
    [
        ("redis.redis.opstreelabs.in", "RedisCluster", {}, {
            "StatefulSet/a/x-leader": {"app": "x-leader", "role": "leader", "redis_setup_type": "cluster"},
            "StatefulSet/a/x-follower": {"app": "x-follower", "role": "follower", "redis_setup_type": "cluster"}}),
        ("kafka.strimzi.io", "Kafka", {"kafka": {}, "entityOperator": {}}, {
            "StrimziPodSet/a/x-kafka": {"strimzi.io/cluster": "x", "strimzi.io/name": "x-kafka"},
            "Deployment/a/x-entity-operator": {"strimzi.io/name": "x-entity-operator"}}),
        ("postgresql.cnpg.io", "Cluster", {}, {"Cluster/a/x": {"cnpg.io/cluster": "x"}}),
        ("acid.zalan.do", "postgresql", {"teamId": "t"}, {"StatefulSet/a/x": {"cluster-name": "x"}}),
        ("jaegertracing.io", "Jaeger", {}, {"Deployment/a/x": {"app": "jaeger"}}),
        ("monitoring.coreos.com", "Prometheus", {}, {"StatefulSet/a/prometheus-x": {"prometheus": "x"}}),
    ],
)  # fmt: skip
def test_what_operators_make(group: str, kind: str, spec: Any, expected: dict[str, dict[str, str]]) -> None:
    made = endpoints(platform(resource(group, kind, "a", "x", {"spec": spec})))
    found = {one.address: one.labels or {} for one in made}
    assert found.keys() == expected.keys()
    assert all(found[name].items() >= labels.items() for name, labels in expected.items())
    assert all(one.made_by and one.owners == (f"{kind}/a/x",) for one in made)


def test_the_host_network_is_not_selected() -> None:
    closed = policy("all", podSelector={}, policyTypes=["Ingress", "Egress"],
                    ingress=[{"from": [{"podSelector": {"matchLabels": {"app": "node"}}}]}])  # fmt: skip
    reach = Reachability.of(platform(pod("web"), pod("node", {"app": "node"}, hostNetwork=True), closed))
    assert not reach.allows("Pod/a/node", "Pod/a/web", "TCP", 80)
    assert not reach.allows("Pod/a/web", "Pod/a/node", "TCP", 80)
    opened = Reachability.of(platform(pod("web"), pod("node", hostNetwork=True)))
    assert opened.allows("Pod/a/web", "Pod/a/node", "TCP", 80)


# Services


def service(name: str, selector: Any = None, **spec: Any) -> Resource:
    return resource("", "Service", "a", name, {"spec": {"selector": selector or {"app": "web"}, **spec}})


def asked(question: str, *resources: Resource) -> str:
    web = pod("web", {"app": "web"}, ports=[("http", "TCP", 8080)])
    only = policy("web", podSelector={"matchLabels": {"app": "web"}}, ingress=[{"ports": [{"port": 8080}]}])
    [found] = Answers(platform(web, pod("client"), only, *resources)).connections(target("client"), target(question))
    return str(found.open)


def test_services_translate_ports() -> None:
    ports = [{"name": "web", "port": 80, "targetPort": "http"}, {"port": 81}]
    assert asked("Service/a/front", service("front", ports=ports)) == "TCP 80"
    assert asked("Service/a/front:81", service("front", ports=ports)) == "no port"
    assert asked("Service/a/front:web", service("front", ports=ports)) == "TCP 80"
    assert asked("Service/a/front", service("front", ports=ports, clusterIP="None")) == "TCP 8080"
    assert asked("Service/a/front", service("front", {"app": "nobody"}, ports=ports)) == "no port"


def test_backends_that_differ_leave_a_service_undecided() -> None:
    other = pod("web-2", {"app": "web", "shut": "yes"}, ports=[("http", "TCP", 8080)])
    shut = policy("shut", podSelector={"matchLabels": {"shut": "yes"}})
    web = pod("web", {"app": "web"})
    front = service("front", ports=[{"port": 80, "targetPort": 8080}])
    [found] = Answers(platform(web, other, shut, pod("client"), front)).connections(
        target("client"), target("svc/a/front")
    )
    assert (str(found.open), str(found.undecided)) == ("no port", "TCP 80")
    assert "Pod/a/web-2" in found.doubts[0]


def test_what_the_world_reaches() -> None:
    front = service("front", type="LoadBalancer", ports=[{"port": 443, "targetPort": 8080}])
    inner = service("inner", {"app": "db"}, ports=[{"port": 1}])
    web = pod("web", {"app": "web"})
    found = list(exposures(Answers(platform(web, pod("db", {"app": "db"}), front, inner))))
    assert [(each.endpoint.address, str(each.ports), each.published) for each in found] == [
        ("Pod/a/web", "TCP 8080", ("Service/a/front",))
    ]
    closed = policy("web", podSelector={"matchLabels": {"app": "web"}})
    assert list(exposures(Answers(platform(web, front, closed)))) == []


# administrators


def test_the_tiers_in_their_order() -> None:
    everybody: dict[str, Any] = {"namespaces": {}}
    web, client = pod("web", {"app": "web"}, namespace="a"), pod("client", namespace="b")
    spaces = namespace("a"), namespace("b")

    def passes(*policies: Resource) -> bool:
        return Reachability.of(platform(*spaces, web, client, *policies)).allows("Pod/b/client", "Pod/a/web", "TCP", 80)

    deny = admin("deny", priority=2, subject=everybody, ingress=[{"action": "Deny", "from": [everybody]}])
    allow = admin("allow", priority=1, subject=everybody, ingress=[{"action": "Allow", "from": [everybody]}])
    skip = admin("skip", priority=1, subject=everybody, ingress=[{"action": "Pass", "from": [everybody]}])
    base = admin("default", "BaselineAdminNetworkPolicy", subject=everybody,
                 ingress=[{"action": "Deny", "from": [everybody]}])  # fmt: skip
    closed, opened = policy("closed"), policy("opened", ingress=[{}])
    assert [
        passes(), passes(deny), passes(deny, allow), passes(deny, skip), passes(deny, skip, closed),
        passes(allow, closed), passes(base), passes(base, opened), passes(base, closed), passes(skip, base),
    ] == [True, False, True, True, False, True, False, True, False, False]  # fmt: skip


def test_older_forms_of_administrators_policies_are_read() -> None:
    rule = {"action": "Deny", "from": [{"namespaces": {"namespaceSelector": {}}}], "ports": [
        {"portNumber": {"protocol": "TCP", "port": 80}}, {"portRange": {"protocol": "UDP", "start": 5, "end": 9}},
        {"namedPort": "http"},
    ]}  # fmt: skip
    old = admin("old", priority=1, subject={"namespaces": {}}, ingress=[rule])
    web = pod("web", ports=[("http", "TCP", 8080)])
    reach = Reachability.of(platform(namespace("a"), web, pod("client"), old))
    closed = ALL - reach.ports(reach.classes.of["Pod/a/client"], reach.classes.of["Pod/a/web"])
    assert str(closed) == "TCP 80,8080, UDP 5-9"


# probes


def test_every_denial_has_its_controls() -> None:
    web = pod("web", {"app": "web"}, ports=[("http", "TCP", 8080)])
    rule = {"from": [{"podSelector": {"matchLabels": {"app": "api"}}}], "ports": [{"port": 8080}]}
    only = policy("web", podSelector={"matchLabels": {"app": "web"}}, ingress=[rule])
    api = pod("api", {"app": "api"}, ports=[("http", "TCP", 9000)])
    found = plan(Reachability.of(platform(web, api, pod("other"), only)))
    known = {each.id: each for each in found}
    denials = [each for each in found if each.expected == DENIED]
    assert {each.protocol for each in found} == {"TCP"}
    assert all(each.port in (8080, 9000) for each in found if each.expected == ALLOWED and each.source != "Pod/a/web")
    assert {(each.source, each.destination) for each in denials} >= {("Pod/a/other", "Pod/a/web")}
    for each in denials:
        controls = [known[number] for number in each.controls]
        assert each.unproven or {ALLOWED} == {control.expected for control in controls}
        assert any(control.source == each.source for control in controls) or each.unproven
        assert any(control.destination == each.destination for control in controls) or each.unproven
    assert len({(each.source, each.destination, each.protocol, each.port) for each in found}) == len(found)


# questions


@pytest.mark.parametrize(
    ("pattern", "address", "expected"),
    [
        ("web", "Pod/a/web", True), ("a/web", "Pod/a/web", True), ("Pod/a/web", "Pod/a/web", True),
        ("po/a/web", "Pod/a/web", True), ("deploy/a/web", "Deployment/a/web", True), ("pod/a/*", "Pod/a/web", True),
        ("b/web", "Pod/a/web", False), ("Deployment/a/web", "Pod/a/web", False), ("we?", "Pod/a/web", True),
        ("a/b/c/d", "Pod/a/web", False), ("*/web", "Pod/a/web", True),
    ],
)  # fmt: skip
def test_names(pattern: str, address: str, expected: bool) -> None:
    assert matches(pattern, address) == expected


@pytest.mark.parametrize(
    ("text", "block", "ports"),
    [
        ("10.0.0.0/8", "10.0.0.0/8", "None"), ("10.0.0.1:80", "10.0.0.1/32", "TCP 80"),
        ("10.0.0.0/8:53/udp", "10.0.0.0/8", "UDP 53"), ("::1", "::1/128", "None"),
        ("[::1]:443", "::1/128", "TCP 443"), ("[fd00::/8]:80-90/SCTP", "fd00::/8", "SCTP 80-90"),
        ("web:all", "None", "TCP all"), ("web:80/*", "None", "TCP 80, UDP 80, SCTP 80"), ("web:tcp", "None", "TCP all"),
    ],
)  # fmt: skip
def test_targets(text: str, block: str, ports: str) -> None:
    found = target(text)
    assert (str(found.block), str(found.ports)) == (block, ports)


@pytest.mark.parametrize("text", [":80", "web:", "web:0", "web:90-80", "web:80/icmp", "web:?"])
def test_malformed_targets(text: str) -> None:
    with pytest.raises(Malformed):
        target(text)


def test_peers_by_node_name_the_host_network() -> None:
    def reached(selector: dict[str, Any]) -> tuple[str, str]:
        rule = {"action": "Deny", "to": [{"nodes": selector}]}
        stop = admin("stop", "ClusterNetworkPolicy", tier="Admin", subject={"namespaces": {}}, egress=[rule])
        answers = Answers(platform(namespace("a"), pod("web"), pod("node", hostNetwork=True), stop))
        [found] = answers.connections(target("web"), target("node"))
        return str(found.open), str(found.undecided)

    assert reached({}) == ("no port", "no port")
    assert reached({"matchLabels": {"pool": "x"}}) == ("no port", "all ports")
    assert reached({"matchExpressions": [{"key": "pool", "operator": "Exists"}]}) == ("no port", "all ports")


@pytest.mark.parametrize("action", ["Accept", "Deny", "Pass", "{{ .Action }}"])
def test_what_an_administrators_rule_may_say_is_undecided(action: str) -> None:
    """Its peer is not known, or its action: nothing of that is surely open, nothing below it surely closed."""
    rule = {"action": action, "from": [{"namespaces": {"matchLabels": {"team": "{{ .Team }}"}}}],
            "protocols": [{"tcp": {"destinationPort": {"number": 80}}}]}  # fmt: skip
    unsure = admin("unsure", "ClusterNetworkPolicy", tier="Admin", subject={"namespaces": {}}, ingress=[rule])
    unread, ends = action.startswith("{{"), (namespace("a"), pod("web"), pod("client"))

    def found(*more: Resource) -> tuple[Ports, Ports]:
        [connection] = Answers(platform(*ends, *more, unsure)).connections(target("client"), target("web"))
        return connection.open, connection.possible

    least, most = found()
    assert most == ALL
    assert (least.has("TCP", 80), least.has("TCP", 81)) == (action == "Accept", not unread)
    least, most = found(policy("closed"))
    assert least == NONE
    assert most.has("TCP", 80) == (action == "Accept" or unread)
