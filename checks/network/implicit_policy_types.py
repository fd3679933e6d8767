"""A NetworkPolicy leaves its policyTypes to defaults, or has rules that they make inert.

What it checks: policyTypes is stated and names every direction that has rules. Where it is absent, the API
server takes Ingress, and Egress only if there are egress rules.

Why it matters: The defaults surprise. Egress rules alone close all ingress as well; ``egress: []`` reads as a denial
and isolates nothing; rules of a direction that policyTypes does not name do nothing at all.

How to fix: State policyTypes. The patch writes what holds today; where rules are inert, add their direction after
looking at what that closes.

When it is fine: Never; it costs one line.
"""

from collections.abc import Iterator

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, Path, Severity
from conformant.views.network import EGRESS, INGRESS, NetworkPolicy

TYPES = Path(("spec", "policyTypes"))
RULES = {INGRESS: "ingress", EGRESS: "egress"}


@check(id="NET-016", severity=Severity.LOW, requirement="netpol-matrix", controls=["nist-800-53r5/CM-6"])
def implicit_policy_types(policy: NetworkPolicy) -> Iterator[Item]:
    stated = policy.list("spec", "policyTypes")
    if stated:
        yield from _inert(policy)
        return
    cure = Cure(
        f"state what holds today: [{', '.join(policy.directions)}]", ((TYPES, list(policy.directions)),), "safe"
    )
    spec = policy.map("spec")
    if spec.get("egress") == []:
        message = "policyTypes is absent, so the empty egress isolates nothing, although it reads as a denial"
        yield Finding(message, Path(("spec", "egress")), Severity.MEDIUM, cure)
    elif EGRESS in policy.directions and spec.get("ingress") is None:
        message = "policyTypes is absent, so the policy closes all ingress, although it only speaks of egress"
        yield Finding(message, TYPES, Severity.MEDIUM, cure)
    else:
        yield Finding(f"policyTypes is absent and defaults to {', '.join(policy.directions)}", TYPES, cure=cure)


def _inert(policy: NetworkPolicy) -> Iterator[Finding]:
    for direction, field in RULES.items():
        if policy.list("spec", field) and not policy.isolates(direction):
            message = f"the {field} rules do nothing: policyTypes does not name {direction}"
            stated = [*policy.list("spec", "policyTypes"), direction]
            cure = Cure(f"add {direction} to policyTypes, once nothing else depends on it", ((TYPES, stated),))
            yield Finding(message, Path(("spec", field)), Severity.HIGH, cure)
