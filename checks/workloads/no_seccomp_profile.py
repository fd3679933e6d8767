"""No seccomp profile limits a container's system calls.

What it checks: Every container has, of its own or of the pod, a seccompProfile of type RuntimeDefault or
Localhost. Unconfined, stated, weighs more than none. The annotations of old mean nothing since
Kubernetes 1.27. Windows pods and privileged containers are exempt.

Why it matters: The kernel's whole system call surface is open to the container; most escapes use calls
that no ordinary program needs.

How to fix: securityContext.seccompProfile: {type: RuntimeDefault} for the pod.

When it is fine: Kubelets with seccompDefault protect the pods, but an admission policy will not see it.
"""

from collections.abc import Iterator

from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Severity, dig
from conformant.views.workload import Container, Workload

CONFINED = ("RuntimeDefault", "Localhost")


@check(
    id="WRK-011",
    severity=Severity.MEDIUM,
    requirement="pod-isolation",
    controls=[
        "nist-800-53r5/SC-39", "nist-800-53r5/CM-7", "cis-k8s-1.12/5.6.2", "nsa-hardening-1.2/pod-security",
    ],
)  # fmt: skip
def no_seccomp_profile(workload: Workload) -> Iterator[Item]:
    if workload.windows:
        yield NotApplicable("Windows has no seccomp")
        return
    yield from aspects(_judge(container, workload) for container in workload.all_containers)


def _judge(container: Container, workload: Workload) -> Iterator[Finding]:
    own = dig(container.security, "seccompProfile", "type")
    pods = dig(workload.security, "seccompProfile", "type")
    effective = own if own is not None else pods
    if effective in CONFINED or container.privileged:
        return
    default = workload.security_path / "seccompProfile"
    holder, whom = (default, "pod") if own is None else (container.security_path / "seccompProfile", "container")
    cure = Cure(f"seccompProfile: {{type: RuntimeDefault}} for the {whom}", ((holder / "type", "RuntimeDefault"),))
    path = container.security_path / "seccompProfile" if own is not None or pods is None else default
    if effective == "Unconfined":
        yield Finding(f"container {container.name!r} is unconfined", path / "type", Severity.HIGH, cure)
    else:
        yield Finding(f"container {container.name!r} has no seccomp profile", path, cure=cure)
