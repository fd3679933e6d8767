"""A Kafka listener can be reached by those who need not reach it.

What it checks: Every listener names ``networkPolicyPeers``, none of which is everybody (an empty peer, an empty
namespaceSelector without pods, a network /0): without them Strimzi makes a NetworkPolicy that admits the whole
cluster. A listener that leaves the cluster authenticates its clients, and behind a load balancer it has
``loadBalancerSourceRanges``; one that has both and lacks only the peers is a lower finding. Where the operator
in the input makes no policies (STRIMZI_NETWORK_POLICY_GENERATION=false), one of yours must select the brokers.

Why it matters: Policies add up: the operator's open one undoes every narrow one beside it. Each pod of the
cluster may then try the brokers' authentication.

How to fix: networkPolicyPeers with the namespaces and pods of the clients.

When it is fine: A cluster in which every pod is a client.
"""

from collections.abc import Iterator
from typing import Any

from conformant.domain.isolation import PolicySet
from conformant.domain.strimzi import operator_environment
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Path, Severity, dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.kafka import Kafka, Listener
from conformant.views.network import INGRESS
from conformant.views.selector import is_empty

INTERNAL = ("internal", "cluster-ip")
PEERS = "networkPolicyPeers"
OWN = Cure("a NetworkPolicy of your own that selects the brokers, or leave the operator's on", grade="none")
PROVEN = Cure("authentication: {type: tls}", grade="none")
RANGES = Cure("configuration.loadBalancerSourceRanges with the networks of the clients", grade="none")


@check(
    id="KAF-010",
    severity=Severity.HIGH,
    requirement="netpol-matrix",
    controls=[
        "nist-800-53r5/SC-7(5)", "nist-800-53r5/AC-4", "nsa-hardening-1.2/network-separation", "soc2/CC6.6",
        "iso-27001-2022/A.8.22", "pci-dss-4.0/1.3.1",
    ],
)  # fmt: skip
def reachable_kafka_listener(kafka: Kafka, platform: Platform) -> Iterator[Item]:
    environment = platform.derived(operator_environment) or {}
    generated = environment.get("STRIMZI_NETWORK_POLICY_GENERATION", "").lower() != "false"
    if not generated and not _own_policy(kafka, platform):
        message = "the operator makes no NetworkPolicies, and none here selects the brokers"
        yield Finding(message, Path(("spec", "kafka", "listeners")), cure=OWN)
    for listener in kafka.listeners:
        yield from aspects([_outside(listener), _peers(listener, kafka, platform) if generated else ()])


def _own_policy(kafka: Kafka, platform: Platform) -> bool:
    labels = {
        "strimzi.io/cluster": kafka.name, "strimzi.io/kind": "Kafka", "strimzi.io/name": f"{kafka.name}-kafka",
        "app.kubernetes.io/name": "kafka", "app.kubernetes.io/instance": kafka.name,
    }  # fmt: skip
    policies = platform.derived(PolicySet).selecting(kafka.namespace, labels)
    return any(policy.isolates(INGRESS) for policy in policies)


def _authenticates(listener: Listener) -> bool:
    return dig(listener.authentication, "type") is not None


def _outside(listener: Listener) -> Iterator[Finding]:
    if listener.type in INTERNAL:
        return
    if not _authenticates(listener):
        message = f"{listener} leaves the cluster ({listener.type}) and asks nobody who they are"
        yield Finding(message, listener.path / "type", cure=PROVEN)
    if listener.type == "loadbalancer":
        ranges = sequence(listener.raw, "configuration", "loadBalancerSourceRanges")
        path = listener.path / "configuration" / "loadBalancerSourceRanges"
        if not ranges:
            yield Finding(f"{listener}: the load balancer has no loadBalancerSourceRanges", path, cure=RANGES)
        elif any(_everywhere(network) for network in ranges):
            yield Finding(f"{listener}: the load balancer admits every network", path, cure=RANGES)


def _everywhere(network: Any) -> bool:
    return isinstance(network, str) and network.strip().endswith("/0")


def _peers(listener: Listener, kafka: Kafka, platform: Platform) -> Iterator[Finding]:
    peers = sequence(listener.raw, PEERS)
    path = listener.path / PEERS
    if not peers:
        limited = listener.type not in INTERNAL and _authenticates(listener) and not list(_outside(listener))
        message = f"{listener} has no {PEERS}: Strimzi's NetworkPolicy then admits every pod of the cluster"
        yield Finding(message, path, Severity.MEDIUM if limited else None, _cure(listener, kafka))
    for index, peer in enumerate(peers):
        if _is_everybody(peer):
            yield Finding(f"{listener}: a peer admits everybody", path / index, cure=_cure(listener, kafka))


def _cure(listener: Listener, kafka: Kafka) -> Cure:
    advice = f"{PEERS}: the namespaces and pods of the clients"
    if listener.type not in INTERNAL or not kafka.namespace:
        return Cure(advice, grade="none")
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": kafka.namespace}}}
    return Cure(f"{advice} (here: its own namespace)", ((listener.path / PEERS, [peer]),))


def _is_everybody(peer: Any) -> bool:
    stated = mapping(peer)
    if not any(dig(stated, key) is not None for key in ("namespaceSelector", "podSelector", "ipBlock")):
        return True
    if _everywhere(dig(stated, "ipBlock", "cidr")):
        return not sequence(stated, "ipBlock", "except")
    namespaces = dig(stated, "namespaceSelector")
    return namespaces is not None and is_empty(namespaces) and is_empty(dig(stated, "podSelector"))
