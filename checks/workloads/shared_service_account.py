"""A workload runs as the namespace's default ServiceAccount, or shares its identity with another.

What it checks: Every workload, Jobs too, names a ServiceAccount of its own by ``serviceAccountName``. None,
``default``, or only the deprecated field is a fault: the more so when the mesh takes the account as the
workload's identity, or when a role is bound to ``default``; the less so where no token is mounted and no
mesh is there. Two workloads of a namespace with different app labels and one account share an identity.

Why it matters: The account is what RBAC, the mesh and Vault know of a workload. Shared, none of them can
tell services apart, and one grant serves all.

How to fix: One ServiceAccount for each workload.

When it is fine: Several parts of one application that are one identity by design.
"""

from collections.abc import Iterator

from conformant.domain.accounts import bound
from conformant.domain.mesh import injected
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, Path, Severity, dig
from conformant.platform import Platform
from conformant.views.workload import Workload

CURE = Cure("create a ServiceAccount for it and name it in serviceAccountName")


@check(
    id="WRK-014",
    severity=Severity.MEDIUM,
    controls=[
        "nist-800-53r5/AC-6", "nist-800-53r5/IA-9", "cis-k8s-1.12/5.1.5", "nsa-hardening-1.2/authentication",
        "soc2/CC6.3", "iso-27001-2022/A.5.16", "pci-dss-4.0/7.2.5",
    ],
)  # fmt: skip
def shared_service_account(workload: Workload, platform: Platform) -> Iterator[Item]:
    path: Path = workload.pod_path / "serviceAccountName"
    named = dig(workload.pod, "serviceAccountName")
    account = workload.service_account
    if account == "default":
        said = "names no ServiceAccount" if not named else "names the ServiceAccount default"
        message = f"the pod {said}: its identity is that of the whole namespace"
        yield Finding(message, path, _severity(workload, platform), CURE)
        return
    if not named:
        message = "only the deprecated field serviceAccount is set"
        yield Finding(message, workload.pod_path / "serviceAccount", Severity.LOW, CURE)
    others = platform.derived(_users).get((workload.namespace, account), {})
    app = _app(workload)
    rivals = sorted(name for name, theirs in others.items() if theirs != app)
    if app is not None and rivals:
        severity = Severity.MEDIUM if _meshed(workload, platform) else Severity.LOW
        message = f"ServiceAccount {account} is also that of {', '.join(rivals[:3])}: one identity for several services"
        yield Finding(message, path, severity, CURE)


def _severity(workload: Workload, platform: Platform) -> Severity:
    if _meshed(workload, platform) or (workload.namespace, "default") in platform.derived(bound):
        return Severity.HIGH
    unmounted = dig(workload.pod, "automountServiceAccountToken") is False
    return Severity.LOW if unmounted and not platform.has_mesh else Severity.MEDIUM


def _meshed(workload: Workload, platform: Platform) -> bool:
    return platform.has_mesh and injected(workload, platform).enrolled


def _app(workload: Workload) -> str | None:
    labels = workload.labels
    app = labels.get("app.kubernetes.io/name", labels.get("app"))
    return app if isinstance(app, str) else None


def _users(platform: Platform) -> dict[tuple[str, str], dict[str, str]]:
    """The workloads that run as each account, by address, with their app labels."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for workload in platform.workloads:
        name = workload.pod.get("serviceAccountName")
        app = _app(workload)
        if isinstance(name, str) and app is not None:
            found.setdefault((workload.namespace, name), {})[workload.resource.address] = app
    return found
