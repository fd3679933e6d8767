"""A container may run as root.

What it checks: As Pod Security Admission does: ``runAsNonRoot`` is true for every container, its own or the
pod's; nothing says false; no ``runAsUser`` is 0; no Windows container runs as ContainerAdministrator.
A user other than 0 for every container, without runAsNonRoot, is a lower finding, and so is the root
group. Pods with a user namespace (``hostUsers: false``) pass from Kubernetes 1.35 on.

Why it matters: Root in a container is one kernel fault away from root on the node, and may write
wherever a volume lets it.

How to fix: securityContext: {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001, fsGroup: 10001};
the image may need a user of its own.

When it is fine: Node agents. Waive them by name.
"""

from collections.abc import Iterator
from typing import Any

from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Path, Severity, dig, sequence
from conformant.profile import Profile, version_tuple
from conformant.views.workload import Container, Workload

ADMINISTRATOR = "ContainerAdministrator"


@check(
    id="WRK-007",
    severity=Severity.HIGH,
    requirement="pod-isolation",
    controls=[
        "nist-800-53r5/AC-6", "cis-k8s-1.12/5.2.7", "cis-k8s-1.12/5.6.3", "nsa-hardening-1.2/pod-security",
        "soc2/CC6.1", "iso-27001-2022/A.8.2",
    ],
)  # fmt: skip
def runs_as_root(workload: Workload, profile: Profile) -> Iterator[Item]:
    modern = not profile.kubernetes or version_tuple(profile.kubernetes) >= (1, 35)
    if modern and dig(workload.pod, "hostUsers") is False:
        return
    yield from aspects([_pod(workload), _groups(workload)])
    for container in workload.all_containers:
        yield from aspects([_container(container, workload)])


def _pod(workload: Workload) -> Iterator[Finding]:
    pod, path = workload.security, workload.security_path
    if dig(pod, "runAsNonRoot") is False:
        yield Finding("the pod says that it may run as root", path / "runAsNonRoot", cure=_cure(workload))
    if dig(pod, "runAsUser") == 0:
        yield Finding(f"the pod runs as root{_never(pod, {})}", path / "runAsUser", cure=_cure(workload))
    if dig(pod, "windowsOptions", "runAsUserName") == ADMINISTRATOR:
        yield Finding("the pod runs as ContainerAdministrator", path / "windowsOptions" / "runAsUserName")


def _container(container: Container, workload: Workload) -> Iterator[Finding]:
    own, pod = container.security, workload.security
    who = f"container {container.name!r}"
    path = container.security_path
    if dig(own, "windowsOptions", "runAsUserName") == ADMINISTRATOR:
        yield Finding(f"{who} runs as ContainerAdministrator", path / "windowsOptions" / "runAsUserName")
    if dig(own, "runAsUser") == 0:
        yield Finding(f"{who} runs as root{_never(own, pod)}", path / "runAsUser")
    if dig(own, "runAsNonRoot") is False:
        yield Finding(f"{who} says that it may run as root", path / "runAsNonRoot")
        return
    if dig(own, "runAsNonRoot") is True or dig(pod, "runAsNonRoot") is True:
        return
    if dig(pod, "runAsNonRoot") is False:
        return
    user = own.get("runAsUser", pod.get("runAsUser"))
    if user == 0:
        return
    if isinstance(user, int):
        message = f"{who} runs as user {user}, but nothing forbids root (runAsNonRoot)"
        yield Finding(message, path, Severity.LOW, _cure(workload))
    else:
        yield Finding(f"{who} runs as root if its image says so (no runAsNonRoot)", path, cure=_cure(workload))


def _never(own: dict[Any, Any], pod: dict[Any, Any]) -> str:
    demanded = own.get("runAsNonRoot", pod.get("runAsNonRoot"))
    return ", which runAsNonRoot forbids: it never starts" if demanded is True else ""


def _groups(workload: Workload) -> Iterator[Finding]:
    holders: list[tuple[dict[Any, Any], Path, str]] = [(workload.security, workload.security_path, "the pod")]
    holders += [
        (container.security, container.security_path, f"container {container.name!r}")
        for container in workload.all_containers
        if container.security
    ]
    for security, path, who in holders:
        for key in ("runAsGroup", "fsGroup"):
            if security.get(key) == 0:
                yield Finding(f"{who} is in the root group ({key}: 0)", path / key, Severity.LOW)
        if 0 in sequence(security.get("supplementalGroups")):
            yield Finding(f"{who} is in the root group", path / "supplementalGroups", Severity.LOW)


def _cure(workload: Workload) -> Cure:
    path = workload.security_path
    return Cure("set runAsNonRoot: true, with a user that the image has", ((path / "runAsNonRoot", True),))
