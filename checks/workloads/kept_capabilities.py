"""A container keeps or adds Linux capabilities.

What it checks: Every container drops ALL, spelled so, and adds nothing but NET_BIND_SERVICE. Dropping a few by
name is not enough. Added capabilities outside the baseline of the Pod Security Standards weigh more, and
those that hand over the node most; runtimes take added names in any case. There is one finding for each
workload, with the worst of its containers. Windows pods are exempt.

Why it matters: Capabilities are the pieces of root's power. A container that has SYS_ADMIN or SYS_PTRACE
breaks out with published tools.

How to fix: capabilities: {drop: [ALL]}, and add back the one that the program needs.

When it is fine: Node agents. Waive them by name.
"""

from collections.abc import Iterator

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, Undecided, mapping, sequence
from conformant.views.workload import Container, Workload

DANGEROUS = frozenset({
    "ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "SYS_BOOT", "DAC_READ_SEARCH", "BPF", "PERFMON",
    "NET_ADMIN",
})  # fmt: skip
BASELINE = frozenset({
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
})  # fmt: skip


@check(
    id="WRK-009",
    severity=Severity.MEDIUM,
    requirement="pod-isolation",
    controls=[
        "nist-800-53r5/AC-6", "nist-800-53r5/CM-7", "cis-k8s-1.12/5.2.8", "cis-k8s-1.12/5.2.9",
        "cis-k8s-1.12/5.2.10", "nsa-hardening-1.2/pod-security",
    ],
)  # fmt: skip
def kept_capabilities(workload: Workload) -> Iterator[Item]:
    if workload.windows:
        yield NotApplicable("Windows has no capabilities")
        return
    worst: tuple[Severity, Path] | None = None
    faults: list[str] = []
    for container in workload.all_containers:
        try:
            judged = _judge(container)
        except Undecided as undecided:
            yield undecided
            continue
        if judged is None:
            continue
        severity, path, fault = judged
        faults.append(fault)
        if worst is None or severity > worst[0]:
            worst = severity, path
    if worst is not None:
        cure = Cure("drop ALL, and add back only what the program needs")
        yield Finding("; ".join(faults), worst[1], worst[0], cure)


def _judge(container: Container) -> tuple[Severity, Path, str] | None:
    capabilities = mapping(container.security.get("capabilities"))
    path = container.security_path / "capabilities"
    added = [str(name) for name in sequence(capabilities.get("add"))]
    extra = [name for name in added if name != "NET_BIND_SERVICE"]
    if extra:
        plain = {name.upper().removeprefix("CAP_") for name in extra}
        severity = Severity.MEDIUM
        if plain & DANGEROUS:
            severity = Severity.CRITICAL
        elif not set(extra) <= BASELINE:
            severity = Severity.HIGH
        return severity, path / "add", f"container {container.name!r} adds {', '.join(extra)}"
    if "ALL" not in sequence(capabilities.get("drop")):
        return Severity.MEDIUM, path / "drop", f"container {container.name!r} does not drop ALL"
    return None
