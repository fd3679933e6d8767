"""An administrator's network policy opens too much, contradicts another, or does not do what it says.

What it checks: AdminNetworkPolicy and ClusterNetworkPolicy of the Admin tier do not allow everybody to everything; two
of one priority do not speak of the same pods with different actions; no Allow stands above a Deny that it makes
useless; a Deny of all addresses follows a rule that lets pods reach pods, for it cuts them off too. Peers by node or
by domain name are not served by the standard channel. With the profile's `admin_tier`, one of them denies the cloud's
metadata endpoint.

Why it matters: These policies come before all NetworkPolicies, and their authors cannot see whom they overrule. The
order among equals is left to the engine.

How to fix: Allow narrowly, order the rules from special to general, and give every policy a priority of its own.

When it is fine: A short-lived Allow during an incident.
"""

from collections.abc import Iterator
from typing import Any

from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Path, Severity, dig, mapping, sequence
from conformant.platform import Platform
from conformant.reach.blocks import network
from conformant.reach.classes import Classes
from conformant.reach.known import reachability
from conformant.reach.policies import ADMIN, ALLOW, DENY, Policies, Policy, Rule
from conformant.views.network import EGRESS, INGRESS, AdminPolicy
from conformant.views.selector import is_empty

NARROW = Cure("allow named namespaces and ports only", grade="none")
ORDER = Cure("put the Deny above the Allow, or narrow the Allow", grade="none")
PRIORITY = Cure("give each policy a priority of its own", grade="none")
PODS = Cure("put a Pass or an Accept for pods above it, or name the networks that are meant", grade="none")
STANDARD = Cure("use networks, namespaces or pods", grade="none")
METADATA = Cure("deny egress to networks: [169.254.169.254/32]", grade="none")
FIELDS = {INGRESS: ("ingress", "from"), EGRESS: ("egress", "to")}


@check(
    id="NET-015",
    severity=Severity.HIGH,
    requirement="netpol-matrix",
    controls=[
        "nist-800-53r5/SC-7(5)", "nist-800-53r5/AC-4", "nsa-hardening-1.2/network-separation", "iso-27001-2022/A.8.22",
    ],
)  # fmt: skip
def unsound_admin_policy(view: AdminPolicy, platform: Platform) -> Iterator[Item]:
    policies = platform.derived(Policies)
    own = next((policy for policy in policies.all if policy.resource is view.resource), None)
    if own is None:
        return
    classes = platform.derived(reachability).classes
    yield from aspects((
        _open_to_all(view), _equals(own, policies, classes, platform.order), _useless(own, classes), _cuts_pods(view),
        _experimental(view), _metadata(view, platform),
    ))  # fmt: skip


def _rules(view: AdminPolicy) -> Iterator[tuple[Path, dict[Any, Any], list[dict[Any, Any]]]]:
    """(path, rule, peers)."""
    for field, peers in FIELDS.values():
        for index, rule in enumerate(view.list("spec", field)):
            named = [mapping(peer) for peer in sequence(mapping(rule), peers)]
            yield Path(("spec", field, index)), mapping(rule), named


def _open_to_all(view: AdminPolicy) -> Iterator[Finding]:
    subject = view.map("spec", "subject")
    if view.baseline or "namespaces" not in subject or not is_empty(subject["namespaces"]):
        return
    for path, rule, peers in _rules(view):
        wide = any("namespaces" in peer and is_empty(peer["namespaces"]) for peer in peers)
        if wide and dig(rule, "action") in ("Allow", "Accept") and not (rule.get("ports") or rule.get("protocols")):
            message = "the rule lets every pod reach every pod on every port, and no NetworkPolicy can take that back"
            yield Finding(message, path, cure=NARROW)


def _equals(own: Policy, policies: Policies, classes: Classes, order: dict[int, int]) -> Iterator[Finding]:
    """An earlier policy of the same priority that decides otherwise for the same pods."""
    if own.tier != ADMIN:
        return
    for other in policies.all:
        if order[id(other.resource)] >= order[id(own.resource)]:
            continue
        same = other.tier == ADMIN and other.priority == own.priority
        if not same or not classes.matching(other.subject)[1] & classes.matching(own.subject)[1]:
            continue
        if {rule.action for rule in _all(own)} != {rule.action for rule in _all(other)}:
            message = f"{other.address} has the same priority and speaks of the same pods: which of them wins is open"
            yield Finding(message, Path(("spec", "priority")), cure=PRIORITY)


def _all(policy: Policy) -> Iterator[Rule]:
    return (rule for rules in policy.rules.values() for rule in rules)


def _useless(own: Policy, classes: Classes) -> Iterator[Finding]:
    for rules in own.rules.values():
        for index, allow in enumerate(rules):
            if allow.action != ALLOW:
                continue
            for deny in rules[index + 1 :]:
                if deny.action == DENY and _covers(allow, deny, classes):
                    message = f"the rule stands above {deny.path}, which it makes useless"
                    yield Finding(message, allow.path, cure=ORDER)


def _covers(one: Rule, other: Rule, classes: Classes) -> bool:
    """Whether the first rule decides everything that the second one speaks of."""
    if one.peers != other.peers:
        wide, narrow = (_named(rule, classes) for rule in (one, other))
        if not narrow or narrow & ~wide:
            return False
    return other.ports <= one.ports and set(other.named) <= set(one.named)


def _named(rule: Rule, classes: Classes) -> int:
    found = 0
    for peer in rule.peers:
        found |= classes.matching(peer)[0]
    return found


def _cuts_pods(view: AdminPolicy) -> Iterator[Finding]:
    spared = False
    for path, rule, peers in _rules(view):
        if path[1] != "egress":
            continue
        if dig(rule, "action") != "Deny":
            spared = spared or any("namespaces" in peer or "pods" in peer for peer in peers)
        for index, peer in enumerate(peers):
            blocks = [network(block) for block in sequence(peer, "networks")]
            whole = any(block is not None and block.prefixlen == 0 for block in blocks)
            if whole and not spared and dig(rule, "action") == "Deny":
                message = "the rule denies all addresses, those of pods too, and nothing above it lets pods pass"
                yield Finding(message, path / "to" / index / "networks", cure=PODS)


def _experimental(view: AdminPolicy) -> Iterator[Finding]:
    for path, _, peers in _rules(view):
        field = "from" if path[1] == "ingress" else "to"
        for index, peer in enumerate(peers):
            for name in ("nodes", "domainNames"):
                if name in peer:
                    message = f"peers by {name} are experimental: the standard channel drops or refuses them"
                    yield Finding(message, path / field / index / name, Severity.MEDIUM, STANDARD)


def _metadata(view: AdminPolicy, platform: Platform) -> Iterator[Finding]:
    """Told once, of the first policy."""
    every = platform.of(AdminPolicy)
    if not platform.profile.admin_tier or every[0] is not view or any(_denies_metadata(each) for each in every):
        return
    message = "no administrator's policy denies egress to the cloud's metadata endpoint, as the profile asks"
    yield Finding(message, Path(("spec", "egress")), cure=METADATA)


def _denies_metadata(view: AdminPolicy) -> bool:
    wanted = network("169.254.169.254")
    for path, rule, peers in _rules(view):
        if path[1] == "egress" and dig(rule, "action") == "Deny" and not view.baseline:
            blocks = [network(block) for peer in peers for block in sequence(peer, "networks")]
            if any(block is not None and wanted is not None and block.version == wanted.version
                   and wanted.network_address in block for block in blocks):  # fmt: skip
                return True
    return False
