"""A container can write to its own root file system.

What it checks: Main, sidecar and init containers set ``readOnlyRootFilesystem: true``; for ephemeral
containers its lack is only mentioned. Windows pods are exempt.

Why it matters: An intruder who cannot write cannot install tools, change the program or hide.

How to fix: Set it to true, and mount an emptyDir with a size limit where the program must write, such as
/tmp.

When it is fine: Databases and caches whose images write all over; better give them volumes.
"""

from collections.abc import Iterator

from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Severity, dig
from conformant.views.workload import EPHEMERAL, Container, Workload

CURE = Cure("set it to true, with an emptyDir where the program writes", grade="none")


@check(
    id="WRK-010",
    severity=Severity.MEDIUM,
    requirement="pod-isolation",
    controls=[
        "nist-800-53r5/CM-7", "nist-800-53r5/SI-7", "nsa-hardening-1.2/pod-security", "iso-27001-2022/A.8.9",
    ],
)  # fmt: skip
def writable_root_filesystem(workload: Workload) -> Iterator[Item]:
    for container in workload.all_containers:
        if container.security.get("readOnlyRootFilesystem") is True:
            continue
        if workload.windows:
            yield NotApplicable("Windows has no such setting")
            return
        yield from aspects([_judge(container)])


def _judge(container: Container) -> Iterator[Finding]:
    dig(container.security, "readOnlyRootFilesystem")
    severity = Severity.INFO if container.role == EPHEMERAL else None
    path = container.security_path / "readOnlyRootFilesystem"
    yield Finding(f"container {container.name!r} can write to its root file system", path, severity, CURE)
