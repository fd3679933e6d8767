"""A pod has no controller.

What it checks: Tenant namespaces have no Pods of their own that run for ever, and no ReplicaSet or
ReplicationController that no Deployment owns, which weigh less, as do Pods that run to completion. Static and
mirror pods, Helm's tests, pods with an owner and the probe pods of this suite are left out.

Why it matters: A bare pod is gone with its node, and a new version means an outage.

How to fix: A Deployment, StatefulSet, DaemonSet or Job around it.

When it is fine: Pods for debugging, which do not stay.
"""

from collections.abc import Iterator

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.workload import Workload

BARE = frozenset({"Pod", "ReplicaSet", "ReplicationController"})
KIND = Path(("kind",))
STATIC = "kubernetes.io/config."
HOOK, TESTS = "helm.sh/hook", frozenset({"test", "test-success", "test-failure"})
PROBE = "conformance.io/run"


@check(
    id="WRK-027",
    severity=Severity.MEDIUM,
    requirement="redundancy",
    controls=["nist-800-53r5/SC-5(2)", "soc2/A1.2", "iso-27001-2022/A.8.14"],
)
def bare_pod(workload: Workload, platform: Platform) -> Iterator[Item]:
    if workload.kind not in BARE or _looked_after(workload):
        return
    namespace = platform.namespaces.get(workload.namespace)
    if namespace is None or not namespace.tenant:
        yield NotApplicable("no tenant namespace")
    elif workload.kind != "Pod":
        cure = Cure("a Deployment around it", grade="none")
        yield Finding(
            f"a {workload.kind} without a Deployment: nothing rolls out its changes", KIND, Severity.LOW, cure
        )
    elif workload.batch:
        yield Finding("a Pod without a Job: nobody tries again", KIND, Severity.INFO, Cure("a Job", grade="none"))
    else:
        cure = Cure("a Deployment around it", grade="none")
        yield Finding("no controller starts this Pod again when its node goes", KIND, cure=cure)


def _looked_after(workload: Workload) -> bool:
    """Whether it has an owner, comes and goes with its kubelet, or is a test."""
    metadata = mapping(workload.raw, "metadata")
    if any(dig(owner, "controller") is True for owner in sequence(metadata, "ownerReferences")):
        return True
    annotations = mapping(metadata, "annotations")
    if any(isinstance(key, str) and key.startswith(STATIC) for key in annotations):
        return True
    hooks = annotations.get(HOOK)
    if isinstance(hooks, str) and TESTS & {hook.strip() for hook in hooks.split(",")}:
        return True
    return PROBE in mapping(metadata, "labels")
