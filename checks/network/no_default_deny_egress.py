"""A namespace has no default deny for traffic out of its pods.

What it checks: Every namespace with workloads, or with custom resources whose operators make pods, has
a NetworkPolicy that selects all pods, isolates them for egress and lets nothing out without naming
where to; a Cluster, Admin or Baseline policy that denies counts too. Mind the defaults: a policy
without policyTypes and without egress rules does not isolate egress.

Why it matters: With egress open, whoever takes over a pod reaches the internet, the cloud's metadata
endpoint and every other open pod.

How to fix: Add a policy with an empty podSelector and policyTypes Ingress and Egress, together with the
rules that the workloads need (DNS, the mesh's control plane, their data stores).

When it is fine: Namespaces isolated by policies of another API (Calico, Cilium) that this check does
not read: waive them with that reason.
"""

from collections.abc import Iterator

from conformant.domain.isolation import default_deny_faults
from conformant.leaf import Item, check
from conformant.model import Severity
from conformant.platform import Namespace, Platform
from conformant.views.network import EGRESS


@check(
    id="NET-002",
    severity=Severity.CRITICAL,
    requirement="default-deny",
    controls=[
        "nist-800-53r5/SC-7(5)", "nist-800-53r5/AC-4", "nist-800-53r5/SC-7", "cis-k8s-1.12/5.3.2",
        "nsa-hardening-1.2/network-separation", "soc2/CC6.6", "iso-27001-2022/A.8.22", "pci-dss-4.0/1.3.2",
    ],
)  # fmt: skip
def no_default_deny_egress(namespace: Namespace, platform: Platform) -> Iterator[Item]:
    yield from default_deny_faults(namespace, platform, EGRESS)
