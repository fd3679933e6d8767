"""A process may gain more privileges than its container started with.

What it checks: Every container says ``allowPrivilegeEscalation: false``. There is no such field for the pod,
and absent means allowed. Windows pods are exempt; a privileged container is another check's matter.

Why it matters: With it a setuid binary inside the container becomes root there, whatever user the
container runs as.

How to fix: securityContext.allowPrivilegeEscalation: false. Only setuid programs notice.

When it is fine: Programs that need setuid helpers, such as ping in old images.
"""

from collections.abc import Iterator

from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Severity, dig
from conformant.views.workload import Container, Workload


@check(
    id="WRK-008",
    severity=Severity.HIGH,
    requirement="pod-isolation",
    controls=[
        "nist-800-53r5/AC-6", "cis-k8s-1.12/5.2.6", "nsa-hardening-1.2/pod-security", "iso-27001-2022/A.8.2",
    ],
)  # fmt: skip
def privilege_escalation_allowed(workload: Workload) -> Iterator[Item]:
    for container in workload.all_containers:
        if container.security.get("allowPrivilegeEscalation") is False:
            continue
        if workload.windows:
            yield NotApplicable("Windows has no such setting")
            return
        yield from aspects([_judge(container)])


def _judge(container: Container) -> Iterator[Finding]:
    if container.privileged:
        return
    stated = dig(container.security, "allowPrivilegeEscalation")
    path = container.security_path / "allowPrivilegeEscalation"
    what = "allows privilege escalation" if stated is True else "does not forbid privilege escalation"
    yield Finding(f"container {container.name!r} {what}", path, cure=Cure("set it to false", ((path, False),)))
