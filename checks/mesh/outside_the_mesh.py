"""A workload of a tenant namespace is not enrolled in the mesh.

What it checks: The pods get a sidecar, or ambient captures them, by the rules of the injector's webhooks:
namespace labels and pod-template labels decide; an annotation alone never enrols a pod; labels on the
controller's own metadata do nothing. A revision that nothing here declares leaves the verdict open.

Why it matters: A pod outside the mesh speaks plaintext, has no identity, and no authorization policy
holds it.

How to fix: Label the namespace istio-injection=enabled (or istio.io/rev, or the ambient dataplane
mode), or the pod template sidecar.istio.io/inject: "true". Pods must be restarted.

When it is fine: Operators' pods with TLS of their own (profile `mesh_exempt`), and pods on the host's
network, which cannot be enrolled.
"""

from collections.abc import Iterator

from conformant.domain.mesh import DATAPLANE, INJECT, NAMESPACE_INJECTION, NEVER_INJECTED, Injection, exempt, injected
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, Undecided, mapping
from conformant.platform import Platform
from conformant.views.workload import Workload


@check(
    id="MESH-009",
    severity=Severity.CRITICAL,
    requirement="mtls",
    controls=[
        "nist-800-53r5/SC-8", "nist-800-53r5/AC-4", "nist-800-53r5/IA-9", "soc2/CC6.6",
        "iso-27001-2022/A.8.22",
    ],
)  # fmt: skip
def outside_the_mesh(workload: Workload, platform: Platform) -> Iterator[Item]:
    if not platform.has_mesh or not platform.namespaces[workload.namespace].tenant:
        yield NotApplicable("no mesh, or no tenant namespace")
        return
    if workload.host_network or exempt(workload, platform):
        yield NotApplicable("on the host's network, or exempt by the profile")
        return
    injection = injected(workload, platform)
    if not injection.enrolled:
        yield _finding(workload, injection, platform)
    elif injection.sidecar and not _known(injection.revision, platform):
        yield Undecided(f"nothing here declares the Istio revision or tag {injection.revision!r}")


def _known(revision: str, platform: Platform) -> bool:
    if revision in ("", "default") or platform.profile.versions.get("istio-revision") == revision:
        return True
    keys = ("apps/Deployment", "admissionregistration.k8s.io/MutatingWebhookConfiguration")
    for key in keys:
        for resource in platform.kind(key):
            labels = mapping(resource.raw, "metadata", "labels")
            if revision in (labels.get("istio.io/rev"), labels.get("istio.io/tag")):
                return True
    return False


def _finding(workload: Workload, injection: Injection, platform: Platform) -> Finding:
    path: Path = workload.template_path / "metadata"
    if injection.ineffective:
        path = path / "annotations" / INJECT
        message = f'the annotation {INJECT}: "true" alone enrols no pod; {injection.reason}'
    elif not injection.sidecar and not injection.ambient:
        message = f"the pods are not enrolled in the mesh: {injection.reason}"
        if injection.opted_out:
            path = path / injection.opted_out / INJECT
    else:
        message = f"the pods are enrolled, but not in the profile's mode ({platform.profile.mesh.mode})"
    own = mapping(workload.raw, "metadata", "labels")
    if INJECT in own and workload.template_path and INJECT not in workload.labels:
        message += "; the label on the controller's own metadata does nothing"
        path = Path(("metadata", "labels", INJECT))
    if not platform.namespaces[workload.namespace].declared:
        message += f"; no manifest of namespace {workload.namespace} is here, its labels may say otherwise"
    return Finding(message, path, cure=_cure(workload, platform))


def _cure(workload: Workload, platform: Platform) -> Cure:
    """The pod's own label where that suffices: it does nothing against a namespace that declines."""
    name = workload.namespace
    if platform.profile.mesh.mode == "ambient":
        return Cure(f"label namespace {name} {DATAPLANE}: ambient", grade="none")
    if name in NEVER_INJECTED:
        return Cure(f"move it out of {name}, which is never injected", grade="none")
    if platform.namespace_labels(name).get(NAMESPACE_INJECTION, "enabled") != "enabled":
        return Cure(f"label namespace {name} {NAMESPACE_INJECTION}: enabled", grade="none")
    labels = workload.template_path / "metadata" / "labels" / INJECT
    return Cure(f'label the pod template {INJECT}: "true"', ((labels, "true"),))
