"""A workload is a single pod, or nothing spreads its pods over nodes or zones.

What it checks: A Deployment has two replicas or more, or an autoscaler that keeps two. With two or more, also of
a StatefulSet, a topology spread constraint over hosts or zones, or a pod anti-affinity, selects the workload's
own pods. A constraint whose selector is missing or selects others does nothing. Deployments that can only be
one (strategy Recreate, or a volume that one node at a time may mount) weigh less.

Why it matters: One pod means an outage at every rollout, drain and crash. Several pods on one node mean the same
when that node goes; the scheduler's own preference is weak.

How to fix: Two replicas, and a topologySpreadConstraint on topology.kubernetes.io/zone with the pods' labels.

When it is fine: Singletons by design, such as leaders of a controller: waive those.
"""

from collections.abc import Iterator
from typing import Any

from conformant.domain.claims import exclusive_volume
from conformant.domain.scaling import Scaling
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.selector import selects
from conformant.views.workload import Workload

REPLICAS = Path(("spec", "replicas"))
TERMS = (
    ("requiredDuringSchedulingIgnoredDuringExecution", ""),
    ("preferredDuringSchedulingIgnoredDuringExecution", "podAffinityTerm"),
)


@check(
    id="WRK-017",
    severity=Severity.MEDIUM,
    requirement="redundancy",
    controls=["nist-800-53r5/SC-5(2)", "soc2/A1.2", "iso-27001-2022/A.8.14"],
    kinds=["Deployment", "StatefulSet"],
)
def unspread_replicas(workload: Workload, platform: Platform) -> Iterator[Item]:
    if workload.get("spec", "replicas") == 0:
        yield NotApplicable("it is scaled to nothing")
        return
    replicas = platform.derived(Scaling).least(workload)
    if replicas >= 2:
        yield from aspects([_constraints(workload), _spread(workload, replicas, platform)])
    elif workload.kind == "Deployment":
        yield from _single(workload, replicas, platform)
    else:
        yield NotApplicable("it is one pod")


def _single(workload: Workload, replicas: int, platform: Platform) -> Iterator[Finding]:
    by_design = dig(workload.raw, "spec", "strategy", "type") == "Recreate" or exclusive_volume(workload, platform)
    scalers = platform.derived(Scaling).horizontal.of(workload)
    kept = f"{scalers[0].kind} {scalers[0].name} keeps only {replicas} of it" if scalers else "it is a single pod"
    cure = Cure("two replicas or more, spread over zones", grade="none")
    severity = Severity.LOW if by_design else None
    yield Finding(f"{kept}: every rollout, drain and crash is an outage", REPLICAS, severity, cure)


def _constraints(workload: Workload) -> Iterator[Finding]:
    """Constraints that do nothing for the workload's pods."""
    for index, constraint in enumerate(sequence(workload.pod, "topologySpreadConstraints")):
        selector = dig(constraint, "labelSelector")
        if selects(selector, workload.labels):
            continue
        path = Path((*workload.pod_path, "topologySpreadConstraints", index, "labelSelector"))
        what = "has no labelSelector, and" if selector is None else "does not select the workload's own pods:"
        message = f"the spread over {dig(constraint, 'topologyKey')} {what} it has no effect"
        yield Finding(message, path, cure=Cure("select the pods' own labels", ((path, _selector(workload)),)))


def _spread(workload: Workload, replicas: int, platform: Platform) -> Iterator[Finding]:
    constraints = sequence(workload.pod, "topologySpreadConstraints")
    if any(_domain(dig(each, "topologyKey")) for each in constraints):
        return  # those that select others are findings of their own
    if any(_repels(term, workload, platform) for term in _terms(workload)):
        return
    path: Path = workload.pod_path / "topologySpreadConstraints"
    soft = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": _selector(workload),
    }
    cure = Cure("spread them over zones, softly", ((path / len(constraints), soft),), "safe")
    yield Finding(f"nothing keeps the {replicas} pods from running on one node", path, cure=cure)


def _domain(key: Any) -> bool:
    """Whether a topology key stands for hosts or zones."""
    return isinstance(key, str) and key.rpartition("/")[2] in ("hostname", "zone")


def _terms(workload: Workload) -> Iterator[Any]:
    anti_affinity = mapping(workload.pod, "affinity", "podAntiAffinity")
    for field, inner in TERMS:
        for term in sequence(anti_affinity, field):
            yield dig(term, inner) if inner else term


def _repels(term: Any, workload: Workload, platform: Platform) -> bool:
    """Whether an anti-affinity term keeps the workload's pods apart."""
    if not selects(dig(term, "labelSelector"), workload.labels):
        return False
    named, selector = sequence(term, "namespaces"), dig(term, "namespaceSelector")
    if not named and selector is None:
        return True
    return workload.namespace in named or selects(selector, platform.namespace_labels(workload.namespace))


def _selector(workload: Workload) -> dict[str, Any]:
    """A selector of the workload's own pods: its own, where that selects them."""
    own = mapping(workload.raw, "spec", "selector")
    return own if own and selects(own, workload.labels) else {"matchLabels": dict(workload.labels)}
