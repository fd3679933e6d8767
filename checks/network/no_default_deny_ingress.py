"""A namespace has no default deny for traffic into its pods.

What it checks: Every namespace with workloads, or with custom resources whose operators make pods, has
a NetworkPolicy that selects all pods, isolates them for ingress and admits nobody without naming
them; a Cluster, Admin or Baseline policy that denies counts too. A policy that selects all pods and
admits everyone undoes the deny. Policies for each workload of today are not a default.

Why it matters: A pod that no policy selects is open to every pod of the cluster. Zero trust starts
where a workload nobody thought of is closed.

How to fix: Add a policy with an empty podSelector and policyTypes Ingress and Egress, together with the
rules that the workloads need (DNS, the mesh's control plane, declared callers).

When it is fine: Namespaces isolated by policies of another API (Calico, Cilium) that this check does
not read: waive them with that reason.
"""

from collections.abc import Iterator

from conformant.domain.isolation import default_deny_faults
from conformant.leaf import Item, check
from conformant.model import Severity
from conformant.platform import Namespace, Platform
from conformant.views.network import INGRESS


@check(
    id="NET-001",
    severity=Severity.CRITICAL,
    requirement="default-deny",
    controls=[
        "nist-800-53r5/SC-7(5)", "nist-800-53r5/AC-4", "cis-k8s-1.12/5.3.2",
        "nsa-hardening-1.2/network-separation", "soc2/CC6.6", "iso-27001-2022/A.8.20",
        "iso-27001-2022/A.8.22", "pci-dss-4.0/1.3.1", "pci-dss-4.0/7.3.3",
    ],
)  # fmt: skip
def no_default_deny_ingress(namespace: Namespace, platform: Platform) -> Iterator[Item]:
    yield from default_deny_faults(namespace, platform, INGRESS)
