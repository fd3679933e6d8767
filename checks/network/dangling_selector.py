"""A NetworkPolicy selects nothing, or names a peer that is not there.

What it checks: A podSelector with requirements picks at least one pod of its namespace; a peer by labels picks at least
one pod of the platform. Pods that operators make count, and those that every cluster has (its DNS, the mesh's control
plane). Namespaces that the input holds no pods of cannot be judged; those of operators are taken for granted.

Why it matters: A policy without subjects protects nobody, though it looks as if it did. A peer without pods is a
connection that does not work, or a typing error that somebody will mend by opening more.

How to fix: Use the labels of the pod template, not those of the Deployment; remove what is left over.

When it is fine: Peers outside this input: name them in the profile's external_references.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Path, Severity, Undecided, dig, mapping, sequence
from conformant.platform import Platform
from conformant.reach.engine import Reachability
from conformant.reach.known import ASSUMED, on_host_network, reachability
from conformant.reach.policies import Pods
from conformant.views.network import EGRESS, INGRESS, NetworkPolicy, Peer
from conformant.views.selector import is_empty, selects

NAME = "kubernetes.io/metadata.name"
SUBJECTS = Cure("select by the labels of the pod template", grade="none")
PEERS = Cure("name the labels that the peer's pods carry, or remove the peer", grade="none")


@check(
    id="NET-010",
    severity=Severity.MEDIUM,
    requirement="netpol-matrix",
    controls=["nist-800-53r5/CM-6", "iso-27001-2022/A.8.9"],
)
def dangling_selector(policy: NetworkPolicy, platform: Platform) -> Iterator[Item]:
    reach = platform.derived(reachability)
    yield from aspects((_subjects(policy, reach), *(_peer(policy, peer, reach, platform) for peer in _peers(policy))))


def _peers(policy: NetworkPolicy) -> list[Peer]:
    return [
        peer for direction in (INGRESS, EGRESS) for rule in policy.rules(direction) for peer in rule.peers
        if peer.block is None
    ]  # fmt: skip


def _subjects(policy: NetworkPolicy, reach: Reachability) -> Iterator[Item]:
    if policy.selects_all:
        return
    own = [one for one in reach.by_namespace.get(policy.namespace, ()) if one.made_by != ASSUMED]
    if not own:
        yield Undecided(f"the input holds no pods of namespace {policy.namespace}")
        return
    known = [one.labels for one in own if one.labels is not None]
    if not any(policy.selects(dict(labels)) for labels in known):
        if len(known) < len(own):
            yield Undecided(f"the labels of some pods of {policy.namespace} are not known")
            return
        message = f"the policy selects no pod of {policy.namespace}: it protects nobody"
        yield Finding(message, Path(("spec", "podSelector")), Severity.HIGH, SUBJECTS)


def _peer(policy: NetworkPolicy, peer: Peer, reach: Reachability, platform: Platform) -> Iterator[Item]:
    if peer.namespaces is None and peer.pods is None:
        return
    within = policy.namespace if peer.namespaces is None else None
    surely, possibly = reach.classes.matching(Pods(within, peer.namespaces, peer.pods))
    if surely or _on_hosts(policy, peer, platform):
        return
    if possibly:
        raise Undecided(f"whether {peer.path} names a pod is not known")
    if peer.namespaces is None:
        if policy.namespace not in reach.by_namespace:
            raise Undecided(f"the input holds no pods of namespace {policy.namespace}")
        yield Finding(f"no pod of {policy.namespace} has these labels", peer.path, cure=PEERS)
        return
    yield from _elsewhere(peer, reach, platform)


def _elsewhere(peer: Peer, reach: Reachability, platform: Platform) -> Iterator[Item]:
    """A peer by namespace and label that no pod of the input is."""
    if is_empty(peer.namespaces) and not platform.profile.closed_world:
        return  # namespaces beyond this input have such pods, or not
    names = _pinned(peer.namespaces)
    absent = [name for name in names or _hinted(peer.namespaces) if not _populated(name, reach)]
    if any(platform.profile.is_platform_namespace(name) or _referenced(name, platform) for name in absent):
        return
    if absent:
        raise Undecided(f"the input holds no pods of namespace {', '.join(absent)}")
    labelled = (
        peer.pods is not None and not is_empty(peer.pods) and reach.classes.matching(Pods(None, None, peer.pods))[1]
    )
    if not names and (labelled or peer.pods is None or is_empty(peer.pods)):
        return  # its namespaces are picked by a label of no namespace here: that is told of the selector itself
    where = f"of {', '.join(names)}" if names else "anywhere in the input"
    yield Finding(f"no pod {where} has these labels: nothing passes by this peer", peer.path, cure=PEERS)


def _populated(namespace: str, reach: Reachability) -> bool:
    return any(one.made_by != ASSUMED for one in reach.by_namespace.get(namespace, ()))


def _pinned(selector: Any) -> list[str]:
    """The names of the namespaces that a selector is about."""
    names = [mapping(selector, "matchLabels").get(NAME)]
    for term in sequence(selector, "matchExpressions"):
        if dig(term, "key") == NAME and dig(term, "operator") == "In":
            names += sequence(term, "values")
    return [name for name in names if isinstance(name, str)]


def _hinted(selector: Any) -> list[str]:
    """The label ``name``, which nobody sets by itself, mostly means the namespace's name."""
    name = mapping(selector, "matchLabels").get("name")
    return [name] if isinstance(name, str) else []


def _referenced(name: str, platform: Platform) -> bool:
    stated = platform.profile.external_references
    return any(part == name or fnmatchcase(name, part) for each in stated for part in each.split("/")[1:])


def _on_hosts(policy: NetworkPolicy, peer: Peer, platform: Platform) -> bool:
    """Whether the peer names pods on the host's network, which is told elsewhere."""
    for workload in platform.derived(on_host_network):
        inside = workload.namespace == policy.namespace
        if peer.namespaces is not None:
            inside = selects(peer.namespaces, platform.namespace_labels(workload.namespace))
        if inside and (peer.pods is None or selects(peer.pods, workload.labels)):
            return True
    return False
