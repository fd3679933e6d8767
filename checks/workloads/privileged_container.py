"""A container runs privileged.

What it checks: No container of a pod (main, sidecar, init or ephemeral) sets
``securityContext.privileged``, and neither pod nor container is a Windows host process.

Why it matters: A privileged container has every capability and every device of the node; whoever
takes it over owns the node and all pods on it.

How to fix: Remove the setting and add the one capability that the program needs.

When it is fine: Node agents such as CNI plugins and device drivers. Waive them by name.
"""

from collections.abc import Iterator

from conformant.leaf import check
from conformant.model import Cure, Finding, Severity, dig
from conformant.views.workload import Workload

CURE = Cure("remove privileged, and add the one capability that the program needs", grade="none")
WINDOWS = Cure("remove hostProcess, and run it as an ordinary container", grade="none")


@check(
    id="WRK-006",
    severity=Severity.CRITICAL,
    requirement="pod-isolation",
    controls=[
        "nist-800-53r5/AC-6", "nist-800-53r5/CM-7", "nist-800-53r5/SC-39",
        "cis-k8s-1.12/5.2.2", "cis-k8s-1.12/5.2.11", "nsa-hardening-1.2/pod-security",
        "soc2/CC6.1", "iso-27001-2022/A.8.9", "pci-dss-4.0/2.2.1",
    ],
)  # fmt: skip
def privileged_container(workload: Workload) -> Iterator[Finding]:
    if dig(workload.security, "windowsOptions", "hostProcess") is True:
        path = workload.security_path / "windowsOptions" / "hostProcess"
        yield Finding("the pod runs as a Windows host process", path, cure=WINDOWS)
    for container in workload.all_containers:
        if container.privileged:
            path = container.security_path / "privileged"
            yield Finding(f"container {container.name!r} is privileged", path, cure=CURE)
        if dig(container.security, "windowsOptions", "hostProcess") is True:
            path = container.security_path / "windowsOptions" / "hostProcess"
            yield Finding(f"container {container.name!r} runs as a Windows host process", path, cure=WINDOWS)
