"""An allow rule names peers but no ports.

What it checks: Every ingress and egress rule that names peers also names ports; every entry names a
port, not only a protocol; a range spans at most the setting's number of ports. A rule with neither
peers nor ports is another check's matter.

Why it matters: The peer may use every port of the pod: debug endpoints, metrics, sidecars' admin
interfaces, and whatever is added later.

How to fix: List the container ports that the peer needs, such as 5432, 6379 and 16379, 9093.

When it is fine: Peers that speak dynamic ports; then use endPort.
"""

from collections.abc import Iterator

from msgspec import Struct

from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Severity
from conformant.views.network import EGRESS, INGRESS, NetworkPolicy, Rule


class RangeLimit(Struct, frozen=True, forbid_unknown_fields=True):
    """`max_range` is the largest number of ports that one entry may open."""

    max_range: int = 100


CURE = Cure("name the destination's container ports", grade="review")


@check(
    id="NET-007",
    severity=Severity.MEDIUM,
    requirement="netpol-matrix",
    controls=["nist-800-53r5/CM-7", "nist-800-53r5/SC-7", "iso-27001-2022/A.8.20", "pci-dss-4.0/1.2.5"],
)
def allow_rule_without_ports(policy: NetworkPolicy, settings: RangeLimit = RangeLimit()) -> Iterator[Item]:
    for direction in (INGRESS, EGRESS):
        yield from aspects(_judge(rule, settings) for rule in policy.rules(direction))


def _judge(rule: Rule, settings: RangeLimit) -> Iterator[Finding]:
    if not rule.ports:
        if rule.peers:
            yield Finding(f"the {rule.direction.lower()} rule admits its peers on every port", rule.path, cure=CURE)
        return
    for port in rule.ports:
        if port.port is None:
            yield Finding(f"the entry opens every {port.protocol} port", port.path, cure=CURE)
        elif isinstance(port.port, int) and port.end is not None:
            span = port.end - port.port + 1
            if span > settings.max_range:
                message = f"the range {port.port}-{port.end} opens {span} ports (more than {settings.max_range})"
                yield Finding(message, port.path / "endPort", cure=CURE)
