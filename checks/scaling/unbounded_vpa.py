"""A VerticalPodAutoscaler has no bounds, or leaves out a container.

What it checks: Every container of the target, an injected istio-proxy included, has a policy: its own, or the one
for ``*``. A policy that is not Off has minAllowed and maxAllowed for each resource that it controls (CPU and
memory by default), in that order, and within the namespace's LimitRange and the largest node that the settings
state. Policies name containers that exist. No other VerticalPodAutoscaler has the same target. With updateMode
"Off" only the names are judged.

Why it matters: Without an upper bound a leak is rewarded with ever more memory, until no node can run the pod;
without a lower bound an idle night makes pods that do not start in the morning.

How to fix: A containerPolicy for ``*`` with minAllowed and maxAllowed.

When it is fine: Containers that you switch off: mode: "Off".
"""

from collections.abc import Iterator

from msgspec import Struct

from conformant.domain.limits import most
from conformant.domain.mesh import injected, native_sidecar
from conformant.domain.scaling import Scaling, rival, target_of, workload_of
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Path, Severity, Undecided, mapping
from conformant.platform import Platform
from conformant.views.quantity import parse_quantity
from conformant.views.scaling import ContainerPolicy, VerticalPodAutoscaler
from conformant.views.workload import MAIN, Workload


class Nodes(Struct, frozen=True, forbid_unknown_fields=True):
    """`node_cpu` and `node_memory` are what the largest node can give to one pod: quantities, empty for any."""

    node_cpu: str = ""
    node_memory: str = ""


POLICIES = Path(("spec", "resourcePolicy", "containerPolicies"))
TARGET = Path(("spec", "targetRef"))
PROXY = "istio-proxy"
BOUNDS = ("minAllowed", "maxAllowed")


@check(
    id="SCL-002",
    severity=Severity.MEDIUM,
    requirement="autoscaling",
    controls=["nist-800-53r5/SC-6", "soc2/A1.1", "iso-27001-2022/A.8.6"],
)
def unbounded_vpa(vpa: VerticalPodAutoscaler, platform: Platform, settings: Nodes = Nodes()) -> Iterator[Item]:
    yield from aspects([_names(vpa, platform), _rivals(vpa, platform)])
    if vpa.advises:
        return
    yield from aspects([_covered(vpa, platform)])
    for policy in vpa.policies:
        if not policy.off:
            yield from aspects([_bounds(policy), _ceiling(policy, vpa.namespace, platform, settings)])


def _covered(vpa: VerticalPodAutoscaler, platform: Platform) -> Iterator[Item]:
    if not vpa.policies:
        yield Finding(
            "no containerPolicies: nothing bounds what it sets", POLICIES,
            cure=Cure("a policy for *, with minAllowed and maxAllowed", grade="none"),
        )  # fmt: skip
        return
    workload = workload_of(vpa.resource, platform)
    if workload is None:
        if vpa.policy("*") is None:
            yield Undecided("its target is not declared here: what containers it has is not known")
        return
    left_out = [name for name in _containers(workload, platform) if vpa.policy(name) is None]
    if left_out:
        message = f"no policy bounds container {', '.join(map(repr, left_out))}"
        yield Finding(message, POLICIES, cure=Cure("a policy for it, or for *", grade="none"))


def _containers(workload: Workload, platform: Platform) -> list[str]:
    """The containers that it sizes: neither init containers nor restartable ones among these."""
    names = [container.name for container in workload.containers(MAIN)]
    classic = platform.has_mesh and native_sidecar(workload, platform) is not True
    if classic and PROXY not in names and injected(workload, platform).sidecar:
        names.append(PROXY)
    return names


def _names(vpa: VerticalPodAutoscaler, platform: Platform) -> Iterator[Finding]:
    workload = workload_of(vpa.resource, platform)
    if workload is None:
        return
    known = {container.name for container in workload.all_containers} | {"*"}
    for policy in vpa.policies:
        injected_proxy = policy.container == PROXY and platform.has_mesh and injected(workload, platform).sidecar
        if policy.container and policy.container not in known and not injected_proxy:
            message = f"{workload.name} has no container {policy.container!r}: the policy has no effect"
            yield Finding(message, policy.path / "containerName", cure=Cure("name one that it has", grade="none"))


def _rivals(vpa: VerticalPodAutoscaler, platform: Platform) -> Iterator[Finding]:
    target = target_of(vpa.resource, platform)
    rivals = platform.derived(Scaling).vertical.at(target) if target is not None else []
    other = rival(vpa, rivals)
    if other is not None:
        message = f"{other.name} sizes {other.map(*TARGET).get('name')} too: which one wins is not defined"
        yield Finding(message, TARGET, cure=Cure("keep one of them", grade="none"))


def _bounds(policy: ContainerPolicy) -> Iterator[Finding]:
    least, greatest = (mapping(policy.raw, bound) for bound in BOUNDS)
    whose = "other containers" if policy.container == "*" else f"container {policy.container!r}"
    for bound, stated in zip(BOUNDS, (least, greatest), strict=True):
        absent = [name for name in policy.resources if stated.get(name) is None]
        if absent:
            message = f"no {bound} for {' and '.join(absent)} of {whose}"
            yield Finding(message, policy.path / bound, cure=Cure(f"state {bound}", grade="none"))
    for name in policy.resources:
        low, high = parse_quantity(least.get(name)), parse_quantity(greatest.get(name))
        if low is not None and high is not None and low > high:
            path = Path((*policy.path, "minAllowed", name))
            yield Finding(f"minAllowed {name} of {whose} is more than maxAllowed", path, cure=Cure("exchange them"))


def _ceiling(policy: ContainerPolicy, namespace: str, platform: Platform, settings: Nodes) -> Iterator[Finding]:
    nodes = {"cpu": settings.node_cpu, "memory": settings.node_memory}
    for name, value in mapping(policy.raw, "maxAllowed").items():
        allowed = parse_quantity(value)
        path = Path((*policy.path, "maxAllowed", name))
        for ceiling, what in (
            (most(namespace, str(name), platform), "the namespace's LimitRange allows"),
            (parse_quantity(nodes.get(str(name), "")), "a node has"),
        ):
            if allowed is not None and ceiling is not None and allowed > ceiling:
                message = f"maxAllowed {name} {value} is more than {what} ({ceiling.normalize():f})"
                yield Finding(message, path, cure=Cure("lower it", grade="none"))
