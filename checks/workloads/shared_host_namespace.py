"""A pod shares a namespace of its node.

What it checks: ``hostPID``, ``hostIPC`` and ``hostNetwork`` are not true; ``shareProcessNamespace``
is mentioned for information.

Why it matters: With the host's process or IPC namespace a container reads the memory and the
environment of every process on the node; with its network it escapes NetworkPolicies, bypasses the
mesh and reaches the kubelet and the cloud's metadata endpoint.

How to fix: Remove the setting; publish ports through a Service instead.

When it is fine: Node agents (node exporters, CNI plugins). Waive them by name.
"""

from collections.abc import Iterator

from conformant.leaf import check
from conformant.model import Cure, Finding, Severity, dig
from conformant.views.workload import Workload

PUBLISH = Cure("remove it, and publish the pod's ports through a Service", grade="none")


@check(
    id="WRK-023",
    severity=Severity.CRITICAL,
    requirement="pod-isolation",
    controls=[
        "nist-800-53r5/AC-6", "nist-800-53r5/SC-39", "nist-800-53r5/SC-7", "cis-k8s-1.12/5.2.3",
        "cis-k8s-1.12/5.2.4", "cis-k8s-1.12/5.2.5", "nsa-hardening-1.2/pod-security", "soc2/CC6.1",
        "iso-27001-2022/A.8.9",
    ],
)  # fmt: skip
def shared_host_namespace(workload: Workload) -> Iterator[Finding]:
    pod = workload.pod
    if dig(pod, "hostPID") is True:
        message = "the pod sees all processes of its node (hostPID)"
        yield Finding(message, workload.pod_path / "hostPID", cure=removal("hostPID"))
    if dig(pod, "hostIPC") is True:
        message = "the pod shares its node's IPC namespace (hostIPC)"
        yield Finding(message, workload.pod_path / "hostIPC", cure=removal("hostIPC"))
    if dig(pod, "hostNetwork") is True:
        message = "the pod uses its node's network (hostNetwork): NetworkPolicies and the mesh do not hold it"
        yield Finding(message, workload.pod_path / "hostNetwork", Severity.HIGH, PUBLISH)
    if dig(pod, "shareProcessNamespace") is True:
        message = "the containers of the pod see each other's processes (shareProcessNamespace)"
        cure = removal("shareProcessNamespace")
        yield Finding(message, workload.pod_path / "shareProcessNamespace", Severity.INFO, cure)


def removal(key: str) -> Cure:
    return Cure(f"remove {key}", grade="none")
