"""A NetworkPolicy allows a connection that the other side's policies stop.

What it checks: Where an ingress rule names pods whose egress is isolated, their policies let them go there on each
port that the rule names; where an egress rule names pods whose ingress is isolated, their policies let it in. Peers by
label are judged for each kind of pod that they name, whole namespaces together; ranges of ports and rules without
ports need one port that passes.

Why it matters: A connection needs both sides. The rule looks like an agreement and is none: the call times out, and
somebody opens more than needed to mend it.

How to fix: Add the missing rule on the other side, or remove this one.

When it is fine: Rules that are prepared for pods to come.
"""

from collections.abc import Iterator

from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Severity
from conformant.platform import Platform
from conformant.reach.classes import numbers
from conformant.reach.engine import Reachability
from conformant.reach.known import reachability
from conformant.reach.policies import Pods
from conformant.reach.ports import ALL, EVERY, NONE, Ports
from conformant.views.network import EGRESS, INGRESS, NetworkPolicy, Peer, Port, Rule
from conformant.views.selector import is_empty

CURE = Cure("add the missing rule on the other side, or remove this one", grade="none")


@check(
    id="NET-011",
    severity=Severity.MEDIUM,
    requirement="netpol-matrix",
    controls=["nist-800-53r5/AC-4", "iso-27001-2022/A.8.20"],
)
def one_sided_rule(policy: NetworkPolicy, platform: Platform) -> Iterator[Item]:
    reach = platform.derived(reachability)
    subjects = reach.classes.matching(Pods(policy.namespace, pods=policy.pod_selector))[0]
    if not subjects:
        return
    for direction in (INGRESS, EGRESS):
        yield from aspects(
            _peer(policy, rule, peer, subjects, reach) for rule in policy.rules(direction) for peer in rule.peers
        )


def _peer(policy: NetworkPolicy, rule: Rule, peer: Peer, subjects: int, reach: Reachability) -> Iterator[Finding]:
    if peer.block is not None or (peer.namespaces is None and peer.pods is None):
        return
    within = policy.namespace if peer.namespaces is None else None
    named = list(numbers(reach.classes.matching(Pods(within, peer.namespaces, peer.pods))[0]))
    narrow = peer.pods is not None and not is_empty(peer.pods)
    groups = [[number] for number in named] if narrow else [named]
    for port in rule.ports or (None,):
        stuck = [group for group in groups if group and not _passes(rule.direction, port, subjects, group, reach)]
        if stuck:
            names = ", ".join(dict.fromkeys(reach.classes.name(group[0]) for group in stuck[:3]))
            yield Finding(_message(rule.direction, port, names), peer.path, cure=CURE)
            return


def _message(direction: str, port: Port | None, names: str) -> str:
    on = f"on {port.protocol} {port.port}" if port is not None and port.port is not None else "on any port"
    if direction == INGRESS:
        return f"the rule lets {names} in {on}, but its own policies let it not go there"
    return f"the rule opens the way to {names} {on}, but its policies do not let that in"


def _passes(direction: str, port: Port | None, subjects: int, group: list[int], reach: Reachability) -> bool:
    """Whether the other side lets some pair of a subject and a peer connect; where that is not known it counts."""
    for own in numbers(subjects):
        for other in group:
            source, destination = (other, own) if direction == INGRESS else (own, other)
            egress, ingress = reach.between(source, destination)
            side = egress if direction == INGRESS else ingress
            wanted = _wanted(port, destination, reach)
            if not wanted or side.possible & wanted:
                return True
    return False


def _wanted(port: Port | None, destination: int, reach: Reachability) -> Ports:
    if port is None:
        return ALL
    if port.port is None:
        return EVERY.get(port.protocol, NONE)
    if isinstance(port.port, int):
        return Ports.of(port.protocol, port.port, port.end)
    return reach.classes.resolved(destination, ((port.protocol, port.port),))[0]
