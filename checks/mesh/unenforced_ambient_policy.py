"""In an ambient namespace, a policy needs a waypoint and has none.

What it checks: ztunnel reads no HTTP. For ambient pods an AuthorizationPolicy without targetRefs must not
speak of hosts, methods, paths, tokens or forwarded addresses: in ALLOW the rule is left out, in DENY the
rest is enforced wider, or nothing at all where nothing is left. AUDIT, CUSTOM and dry runs do nothing there.
A policy for a waypoint needs targetRefs, not a selector; a RequestAuthentication too. DISABLE of a
PeerAuthentication means nothing. istio.io/use-waypoint must name a Gateway that is there, and that takes
traffic of the kind (istio.io/waypoint-for).

Why it matters: A DENY that is not enforced looks exactly like one that is.

How to fix: Add a waypoint and attach the policy to it, or to a Service, by targetRefs.

When it is fine: Waypoints that somebody makes by hand; waive those.
"""

from collections.abc import Iterator
from typing import Any

from conformant.domain.mesh import DATAPLANE
from conformant.domain.mesh_access import (
    GATEWAY_NAME,
    WAYPOINT,
    WAYPOINT_FOR,
    WAYPOINT_NAMESPACE,
    for_ztunnel,
    http_parts,
    l4_remains,
)
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, Undecided, mapping
from conformant.platform import Platform
from conformant.views.mesh import AmbientObject, AuthorizationPolicy, PeerAuthentication
from conformant.views.workload import Workload

GATEWAY = "gateway.networking.k8s.io/Gateway"
ATTACH = Cure("attach it by targetRefs to a waypoint, or to a Service that has one", grade="none")
SELECTOR, ACTION = Path(("spec", "selector")), Path(("spec", "action"))
TAKEN = {"Service": ("service", "all"), "Namespace": ("service", "workload", "all")}


@check(
    id="MESH-014",
    severity=Severity.HIGH,
    requirement="mesh-authorization",
    controls=["nist-800-53r5/AC-3", "nist-800-53r5/AC-4", "iso-27001-2022/A.8.3"],
)
def unenforced_ambient_policy(thing: AmbientObject, platform: Platform) -> Iterator[Item]:
    if platform.profile.mesh.mode in ("none", "sidecar") or not platform.derived(_any_ambient):
        yield NotApplicable("no ambient mesh")
    elif thing.kind == "AuthorizationPolicy":
        yield from _access(platform.view(thing.resource, AuthorizationPolicy), platform)
    elif thing.kind == "RequestAuthentication":
        yield from _tokens(thing, platform)
    elif thing.kind == "PeerAuthentication":
        yield from _peers(platform.view(thing.resource, PeerAuthentication), platform)
    else:
        yield from _waypoint(thing, platform)


def _any_ambient(platform: Platform) -> bool:
    labels = [namespace.labels for namespace in platform.namespaces.values()]
    labels += [workload.labels for workload in platform.workloads]
    return any(each.get(DATAPLANE) == "ambient" or WAYPOINT in each for each in labels)


def _access(policy: AuthorizationPolicy, platform: Platform) -> Iterator[Item]:
    if policy.targets:
        return
    if _of_waypoint(policy, platform):
        yield Finding("a waypoint takes its policies by targetRefs, not by a selector", SELECTOR, cure=ATTACH)
        return
    if not for_ztunnel(policy.namespace, policy.selector, platform):
        yield NotApplicable("not for ambient pods")
        return
    if policy.dry_run:
        where = Path(("metadata", "annotations", "istio.io/dry-run"))
        yield Finding("ztunnel knows no dry run: the policy does nothing", where, cure=ATTACH)
    if policy.action in ("AUDIT", "CUSTOM"):
        yield Finding(f"ztunnel does not support {policy.action}: the policy does nothing", ACTION, cure=ATTACH)
        return
    for rule in policy.rules:
        parts = http_parts(rule)
        if not parts:
            continue
        if policy.action == "ALLOW":
            message = "ztunnel reads no HTTP: it leaves this rule out, and refuses its callers"
            yield Finding(message, parts[0], cure=ATTACH)
        elif l4_remains(rule):
            message = "ztunnel reads no HTTP: the rest of the rule denies more than it says"
            yield Finding(message, parts[0], cure=ATTACH)
        else:
            message = "ztunnel reads no HTTP: nothing is left of this rule, which denies nothing"
            yield Finding(message, parts[0], Severity.CRITICAL, ATTACH)


def _of_waypoint(policy: AuthorizationPolicy, platform: Platform) -> bool:
    """Whether a policy selects the pods of a waypoint."""
    name = policy.selector.get(GATEWAY_NAME)
    if not isinstance(name, str):
        return False
    gateway = platform.find(GATEWAY, policy.namespace, name)
    if gateway is None:
        return "waypoint" in name
    return mapping(gateway.raw, "spec").get("gatewayClassName") == "istio-waypoint"


def _tokens(request: AmbientObject, platform: Platform) -> Iterator[Item]:
    if request.list("spec", "targetRefs") or request.map("spec", "targetRef"):
        return
    if not for_ztunnel(request.namespace, request.map("spec", "selector", "matchLabels"), platform):
        yield NotApplicable("not for ambient pods")
    else:
        yield Finding("ztunnel reads no tokens: no request is authenticated", SELECTOR, cure=ATTACH)


def _peers(policy: PeerAuthentication, platform: Platform) -> Iterator[Item]:
    if not for_ztunnel(policy.namespace, policy.selector, platform):
        yield NotApplicable("not for ambient pods")
        return
    ports = Path(("spec", "portLevelMtls"))
    stated = {port: mapping(setting).get("mode") for port, setting in policy.map(*ports).items()}
    modes = [(policy.mode, policy.mode_path), *((mode, ports / port / "mode") for port, mode in stated.items())]
    for mode, path in modes:
        if mode == "DISABLE":
            message = "ztunnel cannot do without mTLS: DISABLE means nothing but that plaintext is let in"
            yield Finding(message, path, cure=Cure("mode: STRICT", ((path, "STRICT"),)))


# which waypoint


def _waypoint(thing: AmbientObject, platform: Platform) -> Iterator[Item]:
    path = Path(("metadata", "labels"))
    labels: dict[Any, Any] = thing.labels
    taken = TAKEN.get(thing.kind, ("workload", "all"))
    if thing.kind not in TAKEN:
        workload = platform.view(thing.resource, Workload)
        path, labels = workload.template_path / "metadata" / "labels", workload.labels
    name = labels.get(WAYPOINT)
    if not isinstance(name, str) or name == "none":
        yield NotApplicable("it names no waypoint")
        return
    own = thing.name if thing.kind == "Namespace" else thing.namespace
    yield from aspects((_found(name, str(labels.get(WAYPOINT_NAMESPACE) or own), taken, path / WAYPOINT, platform),))


def _found(name: str, namespace: str, taken: tuple[str, ...], path: Path, platform: Platform) -> Iterator[Item]:
    gateway = platform.find(GATEWAY, namespace, name)
    if gateway is None:
        if not platform.kind(GATEWAY) and not platform.profile.closed_world:
            yield Undecided(f"no Gateway is part of the input, so waypoint {namespace}/{name} may be elsewhere")
            return
        message = f"there is no waypoint {name} in {namespace}: traffic goes past it"
        yield Finding(message, path, cure=Cure("add the Gateway, of class istio-waypoint", grade="none"))
        return
    accepted = str(mapping(gateway.raw, "metadata", "labels").get(WAYPOINT_FOR) or "service")
    if accepted not in taken:
        message = f"waypoint {name} is for {accepted}: traffic to this goes past it"
        yield Finding(message, path, cure=Cure(f"label the waypoint {WAYPOINT_FOR}: all", grade="none"))
