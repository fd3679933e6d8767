"""An allow rule names almost everybody.

What it checks: Rules say from whom and to where. Found are rules without ``from`` or ``to``, whole address families and
private supernets in an ipBlock, namespaceSelectors that pick every namespace or only exclude some, and two items of a
list that were meant as one: a namespaceSelector beside a podSelector whose pods live in that namespace alone. What
undoes a default deny is told there, port 53 by the check of DNS.

Why it matters: The rule is as open as having no policy, but looks like one.

How to fix: Name namespaces by kubernetes.io/metadata.name together with pods by label, and addresses by the narrowest
block. Put the two selectors into one item if both must hold.

When it is fine: Entry points behind a load balancer on the ports that they serve, which count less; webhooks that the
API server calls from addresses nobody knows, which do not count. HTTPS to services without fixed addresses needs a
waiver: the API knows no names.
"""

from collections.abc import Iterator
from typing import Any

from conformant.domain.entries import entry_points, webhook_backends
from conformant.domain.isolation import policies_of
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Severity, dig, sequence
from conformant.platform import Platform
from conformant.reach.blocks import network
from conformant.reach.classes import Classes
from conformant.reach.known import reachability
from conformant.reach.policies import Pods
from conformant.views.network import EGRESS, INGRESS, NetworkPolicy, Peer, Rule
from conformant.views.selector import is_empty

NAMES = Cure(
    "name the peer: namespace by kubernetes.io/metadata.name and pods by label, or the narrowest ipBlock", grade="none"
)
TOGETHER = Cure("put namespaceSelector and podSelector into one item, so that both must hold", grade="none")
SUPERNET = 8
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")


@check(
    id="NET-006",
    severity=Severity.HIGH,
    requirement="netpol-matrix",
    controls=[
        "nist-800-53r5/SC-7(5)", "nist-800-53r5/AC-4", "cis-k8s-1.12/5.3.2", "soc2/CC6.6", "iso-27001-2022/A.8.22",
        "pci-dss-4.0/1.3.1", "pci-dss-4.0/1.3.2",
    ],
)  # fmt: skip
def broad_peer(policy: NetworkPolicy, platform: Platform) -> Iterator[Item]:
    for direction in (INGRESS, EGRESS):
        yield from aspects(_rule(policy, rule, platform) for rule in policy.rules(direction))


def _rule(policy: NetworkPolicy, rule: Rule, platform: Platform) -> Iterator[Finding]:
    if rule.direction == EGRESS and rule.ports and all(_is_dns(port.port) for port in rule.ports):
        return
    if not rule.peers:
        if not _told_as_default_deny(policy, platform):
            yield from _anybody(policy, rule, rule.path, "everybody", platform)
        return
    for peer in rule.peers:
        yield from _peer(policy, rule, peer, platform)
    if len(rule.peers) > 1:
        yield from _split(policy, rule, platform)


def _is_dns(port: Any) -> bool:
    return port in (53, 5353, "dns", "dns-tcp")


def _told_as_default_deny(policy: NetworkPolicy, platform: Platform) -> bool:
    """Whether the check of the default deny names the rule already."""
    namespace = platform.namespaces.get(policy.namespace)
    return policy.selects_all and namespace is not None and namespace.tenant and policy in policies_of(namespace)


def _anybody(policy: NetworkPolicy, rule: Rule, path: Any, whom: str, platform: Platform) -> Iterator[Finding]:
    ports = "on every port" if not rule.ports else f"on {_ports(rule)}"
    if rule.direction == EGRESS:
        https = bool(rule.ports) and all(port.port == 443 for port in rule.ports)
        severity = Severity.MEDIUM if https else Severity.HIGH
        yield Finding(f"the egress rule opens the way to {whom} {ports}", path, severity, NAMES)
        return
    if rule.ports and _selects_only(policy, platform, webhook_backends):
        return
    severity = Severity.HIGH if rule.ports else Severity.CRITICAL
    if rule.ports and _selects_only(policy, platform, entry_points):
        severity = Severity.MEDIUM
    yield Finding(f"the ingress rule lets {whom} in {ports}", path, severity, NAMES)


def _ports(rule: Rule) -> str:
    shown = (
        f"{port.port}-{port.end}" if port.end else str(port.port or f"every {port.protocol} port")
        for port in rule.ports
    )
    return "port " + ", ".join(shown) if len(rule.ports) == 1 else "ports " + ", ".join(shown)


def _selects_only(policy: NetworkPolicy, platform: Platform, which: Any) -> bool:
    """Whether every pod that the policy selects is one of these, and there are some."""
    known = platform.derived(which)
    reach = platform.derived(reachability)
    chosen = [
        one.address
        for one in reach.by_namespace.get(policy.namespace, ())
        if one.labels is not None and policy.selects(dict(one.labels))
    ]
    return bool(chosen) and all(address in known for address in chosen)


def _peer(policy: NetworkPolicy, rule: Rule, peer: Peer, platform: Platform) -> Iterator[Finding]:
    block = peer.block
    if block is not None:
        yield from _addresses(policy, rule, peer, block, platform)
    elif peer.namespaces is not None:
        yield from _namespaces(rule, peer)


def _addresses(
    policy: NetworkPolicy, rule: Rule, peer: Peer, block: dict[Any, Any], platform: Platform
) -> Iterator[Finding]:
    stated = network(dig(block, "cidr"))
    if stated is None:
        return
    path = peer.path / "ipBlock" / "cidr"
    if stated.prefixlen == 0:
        without = " but for some blocks" if sequence(block, "except") else ""
        yield from _anybody(policy, rule, path, f"every address ({stated}{without})", platform)
    elif not rule.ports and stated.version == 4 and (stated.prefixlen < SUPERNET or str(stated) in PRIVATE):
        yield Finding(f"the block {stated} is a whole private range or more, on every port", path, Severity.HIGH, NAMES)


def _namespaces(rule: Rule, peer: Peer) -> Iterator[Finding]:
    path = peer.path / "namespaceSelector"
    if is_empty(peer.namespaces):
        if peer.pods is None or is_empty(peer.pods):
            severity = Severity.MEDIUM if rule.ports else Severity.HIGH
            yield Finding("the peer is every pod of every namespace", path, severity, NAMES)
        else:
            message = "the peer is a label in any namespace: whoever may create pods anywhere can carry it"
            yield Finding(message, path, Severity.LOW, NAMES)
        return
    terms = sequence(peer.namespaces, "matchExpressions")
    negative = terms and all(dig(term, "operator") in ("NotIn", "DoesNotExist") for term in terms)
    if negative and not dig(peer.namespaces, "matchLabels"):
        message = "the peer is every namespace but some: future namespaces are let in unasked"
        yield Finding(message, path, Severity.MEDIUM, NAMES)


def _split(policy: NetworkPolicy, rule: Rule, platform: Platform) -> Iterator[Finding]:
    """Two items, a namespace and a label, where one with both was meant."""
    classes = platform.derived(reachability).classes
    spaces = [peer for peer in rule.peers if peer.namespaces is not None and peer.pods is None and peer.block is None]
    for peer in rule.peers:
        if peer.block is not None or peer.namespaces is not None or peer.pods is None or is_empty(peer.pods):
            continue
        if _matched(classes, Pods(policy.namespace, pods=peer.pods)):
            continue
        if any(_matched(classes, Pods(None, space.namespaces, peer.pods)) for space in spaces):
            message = (
                "no pod of the policy's own namespace has these labels, but pods of the namespace in the item "
                "beside it have: as two items they admit that whole namespace"
            )
            yield Finding(message, peer.path, Severity.MEDIUM, TOGETHER)


def _matched(classes: Classes, pods: Pods) -> int:
    return classes.matching(pods)[1]
