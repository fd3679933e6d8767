"""Pods that no NetworkPolicy selects in one direction, in a namespace that has policies.

What it checks: Every pod of a namespace with NetworkPolicies is selected by one for ingress and by one for egress, or
closed to everybody by an administrator's policy. Pods that operators make count with the labels that they really
get: Flagger renames the naming label of ``<target>-primary``, Strimzi and the Redis operator label their pods by
cluster and role. Ingress of Strimzi's pods is closed by the operator's own policies. Pods on the host's network are
left out.

Why it matters: A pod that no policy selects is open in that direction, whatever its neighbours' policies say. After
the first release Flagger's primary serves all traffic, outside a policy that was written for its target.

How to fix: Select by a label that all variants carry, such as app.kubernetes.io/part-of, or add a default deny with an
empty podSelector.

When it is fine: Never in a namespace that is meant to be isolated.
"""

from collections.abc import Iterator

from conformant.domain.isolation import policies_of
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, Undecided
from conformant.platform import Namespace, Platform
from conformant.reach.endpoints import Endpoint
from conformant.reach.engine import Reachability
from conformant.reach.known import ASSUMED, reachability
from conformant.reach.policies import NAMESPACED
from conformant.reach.ports import ALL
from conformant.views.flagger import Canary
from conformant.views.network import EGRESS, INGRESS

CURE = Cure("select by a label that all variants of the pods carry, or add a default deny", grade="none")


@check(
    id="NET-003",
    severity=Severity.HIGH,
    requirement="default-deny",
    aliases=["DEL-006"],
    controls=[
        "nist-800-53r5/SC-7(5)", "nist-800-53r5/AC-4", "cis-k8s-1.12/5.3.2", "nsa-hardening-1.2/network-separation",
        "soc2/CC6.6", "iso-27001-2022/A.8.20", "iso-27001-2022/A.8.22", "pci-dss-4.0/1.3.1",
    ],
)  # fmt: skip
def unselected_pod(namespace: Namespace, platform: Platform) -> Iterator[Item]:
    if not policies_of(namespace):
        yield NotApplicable("no NetworkPolicy here")
        return
    reach = platform.derived(reachability)
    known = reach.by_namespace.get(namespace.name, ())
    own = [one for one in known if not one.host_network and one.made_by != ASSUMED]
    if not own:
        yield NotApplicable("no pods here")
        return
    yield from aspects(_judge(one, reach, platform) for one in own)


def _judge(one: Endpoint, reach: Reachability, platform: Platform) -> Iterator[Finding]:
    number = reach.classes.of[one.address]
    open_ways: list[str] = []
    for direction in (INGRESS, EGRESS):
        side = reach.side(direction, number)
        closed = side.isolated or all(part.possible != ALL for part in side.parts)
        if closed or (direction == INGRESS and one.made_by == "Strimzi"):
            continue
        if any(policy.tier == NAMESPACED for policy, _ in side.selecting):
            raise Undecided(f"whether a policy selects {one.address} is not known: {one.unknown or 'its labels'}")
        open_ways.append(direction.lower())
    if open_ways:
        maker = f", which {one.made_by} makes," if one.made_by else ""
        message = f"no NetworkPolicy selects the pods of {one.name}{maker} for {' and '.join(open_ways)}: they are open"
        yield _finding(message, one, platform)


def _finding(message: str, one: Endpoint, platform: Platform) -> Finding:
    """Where the pods come from: a template's labels, a Canary's target, a custom resource."""
    if one.made_by == "Flagger":
        target = one.name.removesuffix("-primary")
        canary = next(
            each for each in platform.of(Canary) if each.namespace == one.namespace and each.target[1] == target
        )
        return Finding(message, Path(("spec", "targetRef", "name")), cure=CURE, at=canary.resource)
    if one.workload is not None:
        return Finding(message, one.workload.template_path / "metadata" / "labels", cure=CURE, at=one.resource)
    return Finding(message, Path(("metadata", "name")), cure=CURE, at=one.resource)
