"""Two environment variables of a container have the same name.

What it checks: The names in a container's env are unique; init, sidecar and ephemeral containers too. A
variable that is also a key of envFrom is no fault: env wins by definition.

Why it matters: The last one wins, so that the first one misleads its reader; server-side apply and patches
merge by name and may keep the other.

How to fix: Remove the one that has no effect.

When it is fine: Never: a value that is built on another takes a name of its own.
"""

from collections.abc import Iterator

from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Path, Severity, dig
from conformant.views.workload import Container, Workload

CURE = Cure("remove the one that has no effect: the last one wins", grade="none")


@check(
    id="WRK-028",
    severity=Severity.LOW,
    requirement="environment",
    controls=["nist-800-53r5/CM-6", "iso-27001-2022/A.8.9"],
)
def duplicate_environment_name(workload: Workload) -> Iterator[Item]:
    for container in workload.all_containers:
        if "env" in container.raw:
            yield from aspects([_judge(container)])


def _judge(container: Container) -> Iterator[Finding]:
    seen: dict[str, object] = {}
    for index, entry in container.env:
        name = dig(entry, "name")
        if not isinstance(name, str):
            continue
        if name in seen:
            same = seen[name] == entry
            values = "twice" if same else "twice, with different values"
            path = Path((*container.path, "env", index, "name"))
            message = f"container {container.name!r} sets {name} {values}"
            yield Finding(message, path, None if same else Severity.MEDIUM, CURE)
        seen[name] = entry
