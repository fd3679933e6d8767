"""NetworkPolicies are declared, and the cluster's network plugin does not enforce them.

What it checks: Where the input holds NetworkPolicies and shows the network plugin, that plugin enforces them: the VPC
CNI's controller is switched on (ConfigMap kube-system/amazon-vpc-cni), no configuration names Flannel as the plugin
without an agent beside it that enforces. Without a sign of the plugin nothing is judged here: that is seen on a running
cluster alone, where a connection is tried before and after a denial. Terraform's switches are other checks' matter.

Why it matters: The API server takes every NetworkPolicy. Without an engine none of them does anything, and all that is
verified about them is worth nothing.

How to fix: Set enable-network-policy-controller to "true", or run an agent that enforces: Calico, Cilium, Antrea,
kube-router.

When it is fine: Never, where policies are declared.
"""

from collections.abc import Iterator
from typing import Any

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Resource, Severity, dig, mapping
from conformant.platform import Platform
from conformant.views.network import NetworkPolicy
from conformant.views.workload import Workload

ENGINES = ("calico", "canal", "cilium", "antrea", "kube-router", "weave", "ovn", "network-policy-agent", "kindnet")
SWITCH = Path(("data", "enable-network-policy-controller"))
ON = Cure('set enable-network-policy-controller: "true"', ((SWITCH, "true"),))
ENGINE = Cure("run an agent that enforces NetworkPolicies: Calico, Cilium, Antrea, kube-router", grade="none")


@check(
    id="NET-017",
    severity=Severity.CRITICAL,
    requirement="netpol-engine",
    controls=[
        "nist-800-53r5/SC-7(5)", "cis-k8s-1.12/5.3.1", "nsa-hardening-1.2/network-separation", "soc2/CC6.6",
        "iso-27001-2022/A.8.20",
    ],
)  # fmt: skip
def unenforced_policies(platform: Platform) -> Iterator[Item]:
    if not platform.of(NetworkPolicy):
        yield NotApplicable("no NetworkPolicy")
        return
    engine = any(_enforces(workload) for workload in platform.workloads if workload.kind == "DaemonSet")
    switches = [each for each in platform.kind("/ConfigMap") if each.name == "amazon-vpc-cni"]
    flannels = [each for each in platform.kind("/ConfigMap") if _flannel(each)]
    if not engine and not switches and not flannels:
        yield NotApplicable("whether the network plugin enforces policies is seen on the running cluster alone")
    if engine:
        return
    for each in switches:
        if str(dig(each.raw, *SWITCH)).lower() != "true":
            message = "the VPC CNI's policy controller is off: none of the NetworkPolicies is enforced"
            yield Finding(message, SWITCH, cure=ON, at=each)
    for each in flannels:
        message = "the network plugin is Flannel, which enforces no NetworkPolicy, and no agent beside it does"
        yield Finding(message, Path(("data", "cni-conf.json")), cure=ENGINE, at=each)


def _enforces(workload: Workload) -> bool:
    images = (_image(container.raw.get("image")) for container in workload.all_containers)
    return any(engine in text for text in (workload.name, *images) for engine in ENGINES)


def _image(value: Any) -> str:
    return value.rpartition("/")[2] if value.__class__ is str else ""


def _flannel(holder: Resource) -> bool:
    configuration = mapping(holder.raw, "data").get("cni-conf.json")
    return configuration.__class__ is str and '"flannel"' in configuration.replace("'", '"')
