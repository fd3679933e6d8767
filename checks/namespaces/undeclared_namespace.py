"""A tenant namespace is not declared, or lacks the labels that other controls go by.

What it checks: Every namespace with workloads, but ``default`` and those of the platform's operators, has a manifest.
With a mesh, it says by label whether its pods belong there, unless each workload does so itself; it has the labels
that the profile trusts (`trusted_namespace_labels`); and it does not set kubernetes.io/metadata.name to another
name, which the API server overwrites.

Why it matters: Pod security, injection and network policies go by the labels of the namespace. One that comes into
being on the way, with ``kubectl create namespace`` or a tool's option, has none of them.

How to fix: A Namespace manifest with its labels beside the workloads.

When it is fine: Namespaces that another repository declares: waive those.
"""

from collections.abc import Iterator

from conformant.domain.mesh import DATAPLANE, INJECT, NAMESPACE_INJECTION, REVISION
from conformant.leaf import Item, aspects, check
from conformant.model import REMOVE, Cure, Finding, NotApplicable, Path, Severity, dig
from conformant.platform import Namespace, Platform

LABELS = Path(("metadata", "labels"))
NAME = "kubernetes.io/metadata.name"
NAMESPACE_SWITCHES = (NAMESPACE_INJECTION, REVISION, DATAPLANE)
POD_SWITCHES = (INJECT, REVISION, DATAPLANE)


@check(
    id="NS-004",
    severity=Severity.MEDIUM,
    requirement="namespaces",
    controls=["nist-800-53r5/CM-2", "nist-800-53r5/CM-8", "cis-k8s-1.12/5.6.1", "iso-27001-2022/A.8.9"],
)
def undeclared_namespace(namespace: Namespace, platform: Platform) -> Iterator[Item]:
    if not namespace.tenant or namespace.name == "default":
        yield NotApplicable("no tenant namespace of its own")
    elif not namespace.declared:
        cure = Cure("declare it, with its labels", grade="none")
        yield Finding(f"namespace {namespace.name} has workloads, but no manifest here", cure=cure)
    else:
        yield from aspects([_mesh(namespace, platform), _trusted(namespace, platform), _name(namespace)])


def _mesh(namespace: Namespace, platform: Platform) -> Iterator[Finding]:
    if not platform.has_mesh or any(switch in namespace.labels for switch in NAMESPACE_SWITCHES):
        return
    if namespace.operated or not all(_switched(workload.labels) for workload in namespace.workloads):
        message = "no label says whether its pods belong to the mesh"
        cure = Cure("istio-injection: enabled, or disabled", ((LABELS / NAMESPACE_INJECTION, "enabled"),))
        yield Finding(message, LABELS, cure=cure)


def _switched(labels: dict[object, object]) -> bool:
    return any(switch in labels for switch in POD_SWITCHES)


def _trusted(namespace: Namespace, platform: Platform) -> Iterator[Finding]:
    absent = [key for key in platform.profile.trusted_namespace_labels if key not in namespace.labels]
    if absent:
        message = f"it has no label {', '.join(absent)}, which policies go by"
        yield Finding(message, LABELS, cure=Cure("label it", grade="none"))


def _name(namespace: Namespace) -> Iterator[Finding]:
    stated = dig(namespace.manifest.raw, *LABELS, NAME) if namespace.manifest is not None else None
    if stated is not None and stated != namespace.name:
        path = LABELS / NAME
        cure = Cure("remove it: the API server sets it", ((path, REMOVE),))
        yield Finding(f"the label {NAME} is {stated}, and becomes {namespace.name}", path, Severity.LOW, cure)
