"""A long-running container has no liveness probe.

What it checks: Every main container of a long-running workload has a livenessProbe, ports or not. A
startup or readiness probe does not stand for it. Jobs, init and ephemeral containers are left out,
native sidecars weigh less.

Why it matters: A process that hangs stays up for ever: nothing but a liveness probe restarts it.

How to fix: Probe something that fails only when a restart helps, with a generous threshold.

When it is fine: Programs that crash on every fault; waive those.
"""

from collections.abc import Iterator

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Severity
from conformant.views.workload import MAIN, SIDECAR, Workload

CURE = Cure(
    "add a livenessProbe that fails only when a restart helps: another endpoint than readiness, a generous threshold",
    grade="none",
)


@check(id="WRK-004", severity=Severity.MEDIUM, requirement="probes", controls=["soc2/A1.2"])
def no_liveness_probe(workload: Workload) -> Iterator[Item]:
    if workload.batch:
        yield NotApplicable("it runs to completion")
        return
    for container in workload.all_containers:
        if container.role in (MAIN, SIDECAR) and container.raw.get("livenessProbe") is None:
            severity = Severity.LOW if container.role == SIDECAR else None
            message = f"nothing restarts container {container.name!r} when it hangs"
            yield Finding(message, container.path / "livenessProbe", severity, CURE)
