"""Policies cut pods off from the mesh that they belong to.

What it checks: Pods that get a sidecar, or ask for one, and whose egress is isolated, may connect to istiod on TCP
15012. Pods that ambient captures and whose ingress is isolated may be reached on TCP 15008, and by the kubelet's
probes, which then come from 169.254.7.127. Where istiod itself is isolated, the API server reaches its port 15017.

Why it matters: Without the control plane the proxy never becomes ready, and its certificate runs out after a day; then
all traffic of the pod stops. Without 15008 nothing of the mesh reaches an ambient pod.

How to fix: Allow egress to namespace istio-system, pods app=istiod, TCP 15012 (15010 is plaintext); ingress on TCP
15008 for ambient; an ipBlock 169.254.7.127/32 for probes.

When it is fine: Never, where the pods are to be in the mesh.
"""

from collections.abc import Iterator, Sequence

from conformant.domain.isolation import PolicySet
from conformant.domain.mesh import Injection, injected
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity
from conformant.platform import Namespace, Platform
from conformant.reach.classes import numbers
from conformant.reach.engine import Reachability
from conformant.reach.known import KUBELET, outside, reachability
from conformant.reach.policies import Pods
from conformant.reach.ports import NONE, Ports
from conformant.views.network import EGRESS, INGRESS, NetworkPolicy
from conformant.views.workload import Workload

CONTROL, TUNNEL, WEBHOOK = 15012, 15008, 15017
ISTIOD = {"matchLabels": {"app": "istiod"}}
OUT = Cure("allow egress to namespace istio-system, pods app=istiod, TCP 15012")
IN = Cure("allow ingress on TCP 15008")
PROBES = Cure("allow ingress from ipBlock 169.254.7.127/32 on the probes' ports")
HOOK = Cure("allow ingress on TCP 15017 from the API server", grade="none")


@check(
    id="NET-012",
    severity=Severity.HIGH,
    requirement="netpol-matrix",
    controls=["nist-800-53r5/AC-4", "nist-800-53r5/SC-8", "iso-27001-2022/A.8.20"],
)
def blocked_mesh_flow(namespace: Namespace, platform: Platform) -> Iterator[Item]:
    if not platform.has_mesh:
        yield NotApplicable("no mesh")
        return
    reach = platform.derived(reachability)
    own = [workload for workload in namespace.workloads if not workload.host_network]
    if not own:
        yield NotApplicable("no pods here")
        return
    yield from aspects((_to_istiod(own, platform, reach), _ambient(own, platform, reach), _hook(namespace, reach)))


def _group(
    own: Sequence[Workload], direction: str, platform: Platform
) -> dict[tuple[NetworkPolicy, ...], list[Workload]]:
    """The workloads that are isolated in a direction, by the policies that do it."""
    known = platform.derived(PolicySet)
    groups: dict[tuple[NetworkPolicy, ...], list[Workload]] = {}
    for workload in own:
        selecting = known.selecting(workload.namespace, workload.labels)
        isolating = tuple(policy for policy in selecting if policy.isolates(direction))
        if isolating:
            groups.setdefault(isolating, []).append(workload)
    return groups


def _to_istiod(own: Sequence[Workload], platform: Platform, reach: Reachability) -> Iterator[Finding]:
    root = platform.profile.mesh.root_namespace
    goals = list(numbers(reach.classes.matching(Pods(root, pods=ISTIOD))[0]))
    meant = [each for each in own if _sidecar(injected(each, platform)) and each.labels.get("app") != "istiod"]
    cut: dict[NetworkPolicy, list[Workload]] = {}
    for policies, workloads in _group(meant, EGRESS, platform).items():
        for each in workloads:
            if not any(_reaches(each, goal, CONTROL, reach) for goal in goals):
                cut.setdefault(_nearest(policies, CONTROL), []).append(each)
    for policy, workloads in cut.items():
        message = f"the egress of {_names(workloads)} is isolated, and no rule admits TCP 15012 to istiod"
        yield Finding(message, Path(("spec", "egress")), cure=OUT, at=policy.resource)


def _sidecar(found: Injection) -> bool:
    return found.sidecar or (found.intended and not found.ambient)


def _reaches(workload: Workload, goal: int, port: int, reach: Reachability) -> bool:
    number = reach.classes.of[workload.resource.address]
    return reach.side(EGRESS, number).part(goal).possible.has("TCP", port)


def _ambient(own: Sequence[Workload], platform: Platform, reach: Reachability) -> Iterator[Finding]:
    captured = [each for each in own if injected(each, platform).ambient]
    for policies, workloads in _group(captured, INGRESS, platform).items():
        closed = [each for each in workloads if not _entered(each, reach).has("TCP", TUNNEL)]
        if closed:
            message = f"the ingress of {_names(closed)} is isolated, and no rule admits the mesh's TCP 15008"
            yield Finding(message, Path(("spec", "ingress")), cure=IN, at=_nearest(policies, TUNNEL).resource)
        unprobed = [each for each in workloads if _probed(each) - _from_kubelet(each, reach)]
        if unprobed:
            message = f"the kubelet's probes of {_names(unprobed)} come from {KUBELET} in ambient, which no rule admits"
            yield Finding(message, Path(("spec", "ingress")), Severity.MEDIUM, PROBES, policies[0].resource)


def _entered(workload: Workload, reach: Reachability) -> Ports:
    """The ports on which anybody may come in."""
    side = reach.side(INGRESS, reach.classes.of[workload.resource.address])
    return Ports.union(part.possible for part in side.parts)


def _from_kubelet(workload: Workload, reach: Reachability) -> Ports:
    side = reach.side(INGRESS, reach.classes.of[workload.resource.address])
    return side.part(outside(reach, KUBELET)).possible


def _probed(workload: Workload) -> Ports:
    """The ports that probes knock at."""
    found = NONE
    for container in workload.all_containers:
        for name in ("livenessProbe", "readinessProbe", "startupProbe"):
            probe = container.raw.get(name)
            for action in ("httpGet", "tcpSocket", "grpc"):
                port = probe.get(action, {}).get("port") if isinstance(probe, dict) and probe.get(action) else None
                if isinstance(port, int):
                    found |= Ports.of("TCP", port)
                elif isinstance(port, str):
                    named = (each.get("containerPort") for each in container.ports if each.get("name") == port)
                    found |= Ports.union(Ports.of("TCP", number) for number in named if isinstance(number, int))
    return found


def _hook(namespace: Namespace, reach: Reachability) -> Iterator[Finding]:
    """The API server calls istiod from an address outside the pod network."""
    for workload in namespace.workloads:
        if workload.labels.get("app") != "istiod" or workload.host_network:
            continue
        side = reach.side(INGRESS, reach.classes.of[workload.resource.address])
        if side.selecting and not any(
            part.others & reach.classes.outsiders and part.possible.has("TCP", WEBHOOK) for part in side.parts
        ):
            message = "the ingress of istiod is isolated, and the API server may not call its webhook on TCP 15017"
            yield Finding(message, Path(("spec", "ingress")), cure=HOOK, at=side.selecting[0][0].resource)


def _nearest(policies: Sequence[NetworkPolicy], port: int) -> NetworkPolicy:
    """The policy whose rules should admit it: one that speaks of the mesh's ports, else one that selects all pods."""
    for policy in policies:
        rules = (*policy.rules(EGRESS), *policy.rules(INGRESS))
        if any(each.port in (port, 15010) for rule in rules for each in rule.ports):
            return policy
    with_rules = [policy for policy in policies if policy.selects_all and policy.rules(EGRESS)]
    return next(iter(with_rules), next((policy for policy in policies if policy.selects_all), policies[0]))


def _names(workloads: Sequence[Workload]) -> str:
    names = sorted(each.name for each in workloads)
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
