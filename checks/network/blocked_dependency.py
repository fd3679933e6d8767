"""A connection that the platform declares to need is stopped by its NetworkPolicies.

What it checks: Prometheus reaches the pods that ask to be scraped on the port that they state; workloads reach the
Services and stores that their environment names; a Canary's load tester reaches what its commands call; the gateway
reaches the backends of its routes. Names of Services are looked up with what operators make, ports as the pods have
them. A connection that leads outside the platform is not judged.

Why it matters: It times out, mostly in production first: no metrics, releases that fail for want of traffic, services
without their store. Somebody will then open more than needed.

How to fix: Add the egress rule of the caller or the ingress rule of the callee, for that port alone.

When it is fine: Addresses in the environment that nobody uses any more; remove them.
"""

from collections.abc import Iterator
from typing import ClassVar

from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity
from conformant.platform import Platform
from conformant.reach.flows import Flow, Flows, blocked
from conformant.views.base import Object
from conformant.views.network import NetworkPolicy
from conformant.views.workload import Workload


class Dependent(Object):
    """What declares connections: workloads, Canaries and routes."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = (Workload.kinds or frozenset()) | {
        "flagger.app/Canary", "networking.k8s.io/Ingress", "gateway.networking.k8s.io/HTTPRoute",
    }  # fmt: skip


CURE = Cure("add the egress rule of the caller or the ingress rule of the callee, for that port alone", grade="none")


@check(
    id="NET-014",
    severity=Severity.MEDIUM,
    requirement="netpol-matrix",
    controls=["nist-800-53r5/SC-7", "iso-27001-2022/A.8.20"],
)
def blocked_dependency(dependent: Dependent, platform: Platform) -> Iterator[Item]:
    if not platform.of(NetworkPolicy):
        yield NotApplicable("no NetworkPolicy")
        return
    places: dict[Path, list[Flow]] = {}
    for flow in platform.derived(Flows).of(dependent.resource):
        places.setdefault(flow.path, []).append(flow)
    yield from aspects(_judge(path, flows, platform) for path, flows in places.items())


def _judge(path: Path, flows: list[Flow], platform: Platform) -> Iterator[Finding]:
    """One finding for one place, however many pods and addresses it concerns."""
    ways = list(dict.fromkeys(f"{source} -> {what}" for source, what, _ in _stopped(flows, platform)))
    if ways:
        why = next(why for _, _, why in _stopped(flows, platform))
        more = f" and {len(ways) - 2} more" if len(ways) > 2 else ""
        yield Finding(f"{', '.join(ways[:2])}{more} is blocked: {why} does not let it pass", path, cure=CURE)


def _stopped(flows: list[Flow], platform: Platform) -> Iterator[tuple[str, str, str]]:
    return ((source.address, flow.what, why) for flow in flows for source, why in blocked(flow, platform))
