"""Laws of reachability, on random platforms, and a second evaluator that goes packet by packet."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from conformant.model import Resource
from conformant.platform import Platform
from conformant.reach.answers import Answers
from conformant.reach.blocks import network
from conformant.reach.changes import changes, pair
from conformant.reach.endpoints import Endpoint
from conformant.reach.engine import Reachability
from conformant.reach.ports import NONE, PROTOCOLS, Ports

from .naive import World
from .platforms import admin, namespace, platform, pod, policy

ACTIONS = ("Accept", "Deny", "Pass")
KEYS, VALUES, NAMESPACES = ("app", "role"), ("x", "y", "z"), ("a", "b", "c")
OUTSIDE = ("9.9.9.9", "10.1.2.3", "10.1.9.9", "192.168.0.7", "2001:db8::1")
POINTS = (1, 53, 79, 80, 81, 8080, 8100, 65535)
CIDRS = ("0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "192.168.0.0/24", "::/0", "2001:db8::/32")

labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES))
terms = st.fixed_dictionaries({
    "key": st.sampled_from(KEYS), "operator": st.sampled_from(("In", "NotIn")),
    "values": st.lists(st.sampled_from(VALUES), min_size=1, max_size=2),
}) | st.fixed_dictionaries({
    "key": st.sampled_from(KEYS), "operator": st.sampled_from(("Exists", "DoesNotExist")),
})  # fmt: skip
selectors = st.fixed_dictionaries({}, optional={"matchLabels": labels, "matchExpressions": st.lists(terms, max_size=2)})
namespace_selectors = selectors | st.builds(
    lambda name: {"matchLabels": {"kubernetes.io/metadata.name": name}}, st.sampled_from(NAMESPACES)
)


@st.composite
def blocks(draw: st.DrawFn) -> dict[str, Any]:
    cidr = draw(st.sampled_from(CIDRS))
    outer = network(cidr)
    inside = [each for each in CIDRS if each != cidr and outer and _within(each, cidr)]
    excepted = draw(st.lists(st.sampled_from(inside), max_size=2)) if inside else []
    return {"ipBlock": {"cidr": cidr, **({"except": excepted} if excepted else {})}}


def _within(one: str, other: str) -> bool:
    inner, outer = network(one), network(other)
    assert inner is not None
    assert outer is not None
    return inner.version == outer.version and inner.network_address in outer and inner.prefixlen > outer.prefixlen


peers = (
    st.fixed_dictionaries({"podSelector": selectors}, optional={"namespaceSelector": namespace_selectors})
    | st.fixed_dictionaries({"namespaceSelector": namespace_selectors})
    | blocks()
)
ports = (
    st.fixed_dictionaries({"port": st.sampled_from((53, 80, 8080, "http", "dns"))}, optional={
        "protocol": st.sampled_from(PROTOCOLS)})
    | st.fixed_dictionaries({"port": st.sampled_from((79, 80)), "endPort": st.sampled_from((80, 81, 8100))})
    | st.fixed_dictionaries({"protocol": st.sampled_from(PROTOCOLS)})
)  # fmt: skip


def rules(field: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {}, optional={field: st.lists(peers, max_size=2), "ports": st.lists(ports, max_size=2)}
    )


specs = st.fixed_dictionaries({"podSelector": selectors}, optional={
    "policyTypes": st.lists(st.sampled_from(("Ingress", "Egress")), unique=True),
    "ingress": st.lists(rules("from"), max_size=2), "egress": st.lists(rules("to"), max_size=2),
})  # fmt: skip
policies = st.fixed_dictionaries({"namespace": st.sampled_from(NAMESPACES), "spec": specs})
endpoints = st.fixed_dictionaries({
    "namespace": st.sampled_from(NAMESPACES), "labels": labels,
    "ports": st.lists(st.sampled_from((("http", "TCP", 80), ("http", "TCP", 8080), ("dns", "UDP", 53))), unique=True),
    "host": st.sampled_from((False, False, False, True)),
    "address": st.sampled_from((None, "10.1.9.1", "172.16.0.1")),
})  # fmt: skip
subjects = st.fixed_dictionaries({"namespaces": namespace_selectors}) | st.builds(
    lambda spaces, own: {"pods": {"namespaceSelector": spaces, "podSelector": own}}, namespace_selectors, selectors
)
admin_ports: st.SearchStrategy[dict[str, Any]] = (
    st.builds(lambda name: {"destinationNamedPort": name}, st.sampled_from(("http", "dns")))
    | st.builds(lambda kind: {kind: {}}, st.sampled_from(("tcp", "udp", "sctp")))
    | st.builds(lambda port: {"tcp": {"destinationPort": {"number": port}}}, st.sampled_from((80, 8080)))
    | st.just({"udp": {"destinationPort": {"range": {"start": 50, "end": 80}}}})
)


def admin_rules(field: str, more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "action": st.sampled_from(("Accept", "Deny", "Pass")),
            field: st.lists(subjects | more, min_size=1, max_size=2),
        },
        optional={"protocols": st.lists(admin_ports, min_size=1, max_size=2)},
    )


networks = st.builds(lambda cidr: {"networks": [cidr]}, st.sampled_from(CIDRS))
admins = st.fixed_dictionaries({
    "tier": st.sampled_from(("Admin", "Baseline")), "subject": subjects,
}, optional={
    "ingress": st.lists(admin_rules("from", st.nothing()), max_size=2),
    "egress": st.lists(admin_rules("to", networks), max_size=2),
})  # fmt: skip
spaces = st.fixed_dictionaries(dict.fromkeys(NAMESPACES, labels))


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Any]:
    tiers = draw(st.lists(admins, max_size=2))
    return {
        "spaces": draw(spaces), "pods": draw(st.lists(endpoints, min_size=1, max_size=5)),
        "policies": draw(st.lists(policies, max_size=4)),
        "admin": [{**each, "priority": number} for number, each in enumerate(tiers)],
    }  # fmt: skip


def built(world: dict[str, Any]) -> Platform:
    resources: list[Resource] = [namespace(name, **own) for name, own in world["spaces"].items()]
    for number, each in enumerate(world["pods"]):
        made = pod(
            f"p{number}", each["labels"], namespace=each["namespace"], ports=each["ports"], hostNetwork=each["host"]
        )
        if each["address"]:
            made.raw["status"] = {"podIP": each["address"], "hostIP": each["address"]}
        resources.append(made)
    resources += [
        policy(f"n{number}", each["namespace"], **each["spec"]) for number, each in enumerate(world["policies"])
    ]
    resources += [admin(f"c{number}", "ClusterNetworkPolicy", **each) for number, each in enumerate(world["admin"])]
    return platform(*resources)


EXTRA = [found for found in map(network, OUTSIDE) if found is not None]


def ends(reach: Reachability, world: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """(class, what the other evaluator knows of it)."""
    found = [
        (reach.classes.of[f"Pod/{each['namespace']}/p{number}"], each) for number, each in enumerate(world["pods"])
    ]
    for outside in EXTRA:
        number = next(
            number for number in range(len(reach.classes.members), reach.classes.every.bit_length())
            if outside in reach.classes.range(number).networks
        )  # fmt: skip
        found.append((number, {"address": str(outside.network_address)}))
    return found


@settings(max_examples=150, deadline=None)
@given(worlds())
def test_the_sets_are_those_of_single_packets(world: dict[str, Any]) -> None:
    reach = Reachability.of(built(world), EXTRA)
    naive = World(world["spaces"], world["policies"], world["admin"])
    known = ends(reach, world)
    for one, source in known:
        for other, destination in known:
            if "labels" not in source and "labels" not in destination:
                continue
            found = reach.ports(one, other)
            for protocol in PROTOCOLS:
                for point in POINTS:
                    expected = naive.allows(source, destination, protocol, point)
                    assert found.has(protocol, point) == expected, (source, destination, protocol, point)


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_the_matrix_holds_all_that_passes(world: dict[str, Any]) -> None:
    reach = Reachability.of(built(world))
    found: dict[tuple[int, int], Ports] = {}
    for each in reach.matrix():
        for source in range(reach.classes.every.bit_length()):
            for destination in range(reach.classes.every.bit_length()):
                if each.sources >> source & 1 and each.destinations >> destination & 1:
                    assert (source, destination) not in found
                    found[source, destination] = each.ports
    pods = len(reach.classes.members)
    for source in range(reach.classes.every.bit_length()):
        for destination in range(reach.classes.every.bit_length()):
            if source < pods or destination < pods:
                assert found.get((source, destination), NONE) == reach.ports(source, destination)


def outcomes(world: dict[str, Any]) -> dict[tuple[int, int], Ports]:
    """What passes between pods and fixed outside addresses, by position."""
    reach = Reachability.of(built(world), EXTRA)
    known = ends(reach, world)
    return {
        (first, second): reach.ports(one, other)
        for first, (one, source) in enumerate(known)
        for second, (other, destination) in enumerate(known)
        if "labels" in source or "labels" in destination
    }


@settings(max_examples=60, deadline=None)
@given(worlds(), rules("from"), rules("to"), st.data())
def test_an_allow_rule_never_closes(
    world: dict[str, Any], ingress: dict[str, Any], egress: dict[str, Any], data: st.DataObject
) -> None:
    if not world["policies"]:
        return
    number = data.draw(st.integers(0, len(world["policies"]) - 1))
    spec = world["policies"][number]["spec"]
    types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
    wider = {
        **spec, "policyTypes": types, "ingress": [*spec.get("ingress", []), ingress],
        "egress": [*spec.get("egress", []), egress],
    }  # fmt: skip
    more = {**world, "policies": [*world["policies"]]}
    more["policies"][number] = {**world["policies"][number], "spec": wider}
    before, after = outcomes(world), outcomes(more)
    assert all(before[key] <= after[key] for key in before)


@settings(max_examples=60, deadline=None)
@given(worlds(), policies)
def test_a_policy_that_newly_selects_never_opens(world: dict[str, Any], added: dict[str, Any]) -> None:
    """The pods that it selects were selected by none; a Baseline tier would be overruled by it."""
    world = {**world, "admin": [each for each in world["admin"] if each["tier"] == "Admin"]}
    world["policies"] = [each for each in world["policies"] if each["namespace"] != added["namespace"]]
    before, after = outcomes(world), outcomes({**world, "policies": [*world["policies"], added]})
    assert all(after[key] <= before[key] for key in before)


@settings(max_examples=60, deadline=None)
@given(worlds(), st.randoms())
def test_order_does_not_matter(world: dict[str, Any], random: Any) -> None:
    shuffled = {**world, "policies": list(world["policies"]), "admin": list(world["admin"])}
    random.shuffle(shuffled["policies"])
    random.shuffle(shuffled["admin"])
    for each in shuffled["policies"]:
        for field in ("ingress", "egress"):
            if field in each["spec"]:
                random.shuffle(each["spec"][field])
    assert outcomes(shuffled) == outcomes(world)


@settings(max_examples=40, deadline=None)
@given(worlds())
def test_nothing_changes_between_a_platform_and_itself(world: dict[str, Any]) -> None:
    before, after = pair(built(world), built(world), [])
    assert list(changes(before, after)) == []


@settings(max_examples=40, deadline=None)
@given(worlds())
def test_everything_that_passes_or_does_not_has_a_cause(world: dict[str, Any]) -> None:
    answers = Answers(built(world))
    for each in answers.connections():
        assert each.open == each.possible
        for protocol, _ in each.open.by_protocol():
            assert each.because(protocol)
        assert bool(each.denying) == bool(each.asked - each.open)


@settings(max_examples=40, deadline=None)
@given(worlds(), st.data())
def test_what_is_not_known_lies_between_the_bounds(world: dict[str, Any], data: st.DataObject) -> None:
    """A pod whose labels are not known: whatever they are, at least `open` and at most `possible` passes."""
    number = data.draw(st.integers(0, len(world["pods"]) - 1))
    known = Reachability.of(built(world))
    hidden = known.endpoints[number]
    ends_ = [
        Endpoint(one.address, one.namespace, one.name, None if one is hidden else one.labels, one.ports,
                 one.host_network, one.addresses)
        for one in known.endpoints
    ]  # fmt: skip
    spaces_ = {name: {**own, "kubernetes.io/metadata.name": name} for name, own in world["spaces"].items()}
    unsure = Reachability(ends_, spaces_, known.policies)
    for one in known.endpoints:
        for other in known.endpoints:
            exact = known.ports(known.classes.of[one.address], known.classes.of[other.address])
            egress, ingress = unsure.between(unsure.classes.of[one.address], unsure.classes.of[other.address])
            assert egress.ports & ingress.ports <= exact <= egress.possible & ingress.possible
