"""A NetworkPolicy counts on pods that share the host's network, which policies do not see.

What it checks: No podSelector of a policy picks pods on the host's network, and no peer picks such pods alone. A
default deny in a namespace that has some is told, with their names. Pods on the host's network that want the
cluster's DNS say so with dnsPolicy ClusterFirstWithHostNet.

Why it matters: Most engines ignore policies for such pods, and know them as peers only by their node's address. The
policy looks as if it closed or opened something, and does neither.

How to fix: Take the pods off the host's network, or name their nodes' addresses in an ipBlock.

When it is fine: Node agents in a namespace with a default deny for its other pods.
"""

from collections.abc import Iterator
from typing import Any, ClassVar

from conformant.domain.isolation import PolicySet
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Path, Severity, dig
from conformant.platform import Platform
from conformant.reach.classes import Classes
from conformant.reach.known import on_host_network, reachability
from conformant.reach.policies import Pods
from conformant.views.base import Object
from conformant.views.network import EGRESS, INGRESS, NetworkPolicy, Peer
from conformant.views.selector import selects
from conformant.views.workload import Workload


class PolicyOrWorkload(Object):
    """A NetworkPolicy, or what makes pods."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = (NetworkPolicy.kinds or frozenset()) | (Workload.kinds or frozenset())


CURE = Cure("take the pods off the host's network, or name their nodes' addresses in an ipBlock", grade="none")
DNS = Cure("dnsPolicy: ClusterFirstWithHostNet", grade="review")


@check(
    id="NET-013",
    severity=Severity.HIGH,
    requirement="netpol-matrix",
    controls=[
        "nist-800-53r5/SC-7", "nist-800-53r5/AC-4", "cis-k8s-1.12/5.2.5", "nsa-hardening-1.2/network-separation",
        "iso-27001-2022/A.8.22",
    ],
)  # fmt: skip
def host_network_in_policy(thing: PolicyOrWorkload, platform: Platform) -> Iterator[Item]:
    if thing.kind != "NetworkPolicy":
        yield from _resolver(platform.view(thing.resource, Workload))
        return
    hosts = platform.derived(on_host_network)
    if not hosts:
        return
    policy = platform.view(thing.resource, NetworkPolicy)
    yield from aspects((_subjects(policy, hosts, platform), _peers(policy, hosts, platform)))


def _resolver(workload: Workload) -> Iterator[Finding]:
    if not workload.host_network or dig(workload.pod, "dnsPolicy") not in (None, "ClusterFirst"):
        return
    message = "the pods share the host's network and ask the node's DNS: names of Services do not resolve"
    path = workload.pod_path / ("dnsPolicy" if "dnsPolicy" in workload.pod else "hostNetwork")
    patch = ((workload.pod_path / "dnsPolicy", "ClusterFirstWithHostNet"),)
    yield Finding(message, path, Severity.LOW, Cure(DNS.advice, patch))


def _subjects(policy: NetworkPolicy, hosts: list[Workload], platform: Platform) -> Iterator[Finding]:
    own = [each for each in hosts if each.namespace == policy.namespace and policy.selects(each.labels)]
    if policy.selects_all:  # those that another policy selects by label are told there
        own = [each for each in own if not _told(each, platform)]
    chosen = [each.name for each in own]
    if not chosen:
        return
    path = Path(("spec", "podSelector"))
    names = ", ".join(sorted(chosen))
    if policy.selects_all:
        message = f"the policy has no effect on {names}, whose pods share the host's network"
        yield Finding(message, path, Severity.INFO, CURE)
    else:
        yield Finding(
            f"the policy selects {names}, whose pods share the host's network: it is not applied", path, cure=CURE
        )


def _told(workload: Workload, platform: Platform) -> bool:
    selecting = platform.derived(PolicySet).selecting(workload.namespace, workload.labels)
    return any(not policy.selects_all for policy in selecting)


def _peers(policy: NetworkPolicy, hosts: list[Workload], platform: Platform) -> Iterator[Finding]:
    for direction in (INGRESS, EGRESS):
        for rule in policy.rules(direction):
            for peer in rule.peers:
                named = [each.name for each in hosts if _names(peer, policy.namespace, each, platform)]
                if named and not _others(peer, policy.namespace, platform.derived(reachability).classes):
                    names = ", ".join(sorted(named))
                    message = (
                        f"the peer names {names} alone, which are known by their node's address: it matches nothing"
                    )
                    yield Finding(message, peer.path, cure=CURE)


def _names(peer: Peer, namespace: str, workload: Workload, platform: Platform) -> bool:
    if peer.block is not None or (peer.namespaces is None and peer.pods is None):
        return False
    if peer.namespaces is None:
        inside = workload.namespace == namespace
    else:
        inside = selects(peer.namespaces, platform.namespace_labels(workload.namespace))
    return inside and (peer.pods is None or selects(peer.pods, workload.labels))


def _others(peer: Peer, namespace: str, classes: Classes) -> Any:
    """Whether the peer names pods of the pod network too."""
    within = namespace if peer.namespaces is None else None
    return classes.matching(Pods(within, peer.namespaces, peer.pods))[1]
