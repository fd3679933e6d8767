"""A rollout takes all pods at once, waits for a volume that the old pod holds, or does not happen.

What it checks: A Deployment of several replicas is not recreated as a whole; maxUnavailable leaves a pod; a
rolling update does not start a new pod beside one that holds a ReadWriteOnce volume; StatefulSets and
DaemonSets are not left to be updated by hand (OnDelete). No strategy at all means 25% either way, and is fine.
Budgets for disruptions do not limit rollouts.

Why it matters: Each of these makes a release an outage, or a release that is stuck or never arrives.

How to fix: RollingUpdate with maxUnavailable below the replicas; Recreate, or a StatefulSet, for what has a
volume of its own.

When it is fine: Programs whose versions must not run side by side; OnDelete where an operator deletes the pods.
"""

from collections.abc import Iterator

from conformant.domain.claims import exclusive_volume
from conformant.domain.scaling import Scaling
from conformant.leaf import Item, aspects, check
from conformant.model import REMOVE, Cure, Finding, NotApplicable, Path, Severity, dig, mapping
from conformant.platform import Platform
from conformant.views.quantity import scaled
from conformant.views.workload import Workload

ROLLING = "RollingUpdate"


@check(
    id="WRK-019",
    severity=Severity.MEDIUM,
    requirement="redundancy",
    controls=["nist-800-53r5/CM-3", "soc2/CC8.1", "iso-27001-2022/A.8.32"],
    aliases=["DEL-002"],
    kinds=["Deployment", "StatefulSet", "DaemonSet"],
)
def unsafe_rollout(workload: Workload, platform: Platform) -> Iterator[Item]:
    if workload.get("spec", "replicas") == 0:
        yield NotApplicable("it is scaled to nothing")
        return
    at = Path(("spec", "strategy" if workload.kind == "Deployment" else "updateStrategy"))
    kind = workload.get(*at, "type") or ROLLING
    if kind == "OnDelete" and workload.kind != "Deployment":
        path = at / "type"
        cure = Cure("update by itself", ((path, ROLLING),))
        yield Finding("new versions wait until somebody deletes the pods: OnDelete", path, cure=cure)
    elif kind == "Recreate" and workload.kind == "Deployment":
        yield from aspects([_recreated(workload, at, platform)])
    elif kind == ROLLING:
        yield from aspects([_unavailable(workload, at, platform), _volume(workload, at, platform)])


def _recreated(workload: Workload, at: Path, platform: Platform) -> Iterator[Finding]:
    replicas = platform.derived(Scaling).least(workload)
    if replicas > 1:
        message = f"every rollout stops all {replicas} pods before the first new one starts"
        yield Finding(message, at / "type", cure=Cure("roll them one after the other", ((at / "type", ROLLING),)))


def _unavailable(workload: Workload, at: Path, platform: Platform) -> Iterator[Finding]:
    path = Path((*at, "rollingUpdate", "maxUnavailable"))
    value = workload.get(*path)
    share = scaled(value, 100, round_up=False) if isinstance(value, str) else None
    cure = Cure("fewer than there are: 25%", ((path, "25%"),))
    if share is not None and share >= 100:
        yield Finding(f"maxUnavailable {value}: a rollout may stop all pods at once", path, cure=cure)
    elif value is not None and workload.kind != "DaemonSet":
        replicas = platform.derived(Scaling).least(workload)
        stopped = scaled(value, replicas, round_up=False)
        if stopped is not None and stopped >= replicas > 0:
            count = "the only pod" if replicas == 1 else f"all {replicas} pods"
            yield Finding(f"maxUnavailable {value}: a rollout may stop {count} at once", path, cure=cure)


def _volume(workload: Workload, at: Path, platform: Platform) -> Iterator[Finding]:
    if workload.kind != "Deployment":
        return
    volume = exclusive_volume(workload, platform)
    if volume is None:
        return
    replicas = platform.derived(Scaling).least(workload)
    modes = ", ".join(volume.modes)
    if replicas >= 2:
        message = f"{replicas} pods share the claim {volume.claim} ({modes}): they run on one node, or do not start"
        cure = Cure("a StatefulSet with a claim for each pod, or a ReadWriteMany volume", grade="none")
        yield Finding(message, volume.path, cure=cure)
    elif replicas == 1 and not _no_surge(workload, at):
        message = f"a new pod may wait for the claim {volume.claim} ({modes}) that the old one holds until it is ready"
        patches = ((at / "type", "Recreate"), (at / "rollingUpdate", REMOVE))
        yield Finding(message, volume.path, Severity.LOW, Cure("strategy Recreate", patches))


def _no_surge(workload: Workload, at: Path) -> bool:
    """Whether an old pod goes before a new one comes."""
    return dig(mapping(workload.raw, *at), "rollingUpdate", "maxSurge") in (0, "0%")
