"""Which AuthorizationPolicies hold a workload, and what they leave open."""

from collections.abc import Iterator
from typing import Any

from conformant.domain.mesh import DATAPLANE, injected
from conformant.domain.mesh_hosts import Backends, Pods
from conformant.model import Path
from conformant.platform import Platform
from conformant.views.mesh import AccessRule, AuthorizationPolicy
from conformant.views.selector import SelectorIndex
from conformant.views.workload import Workload

WAYPOINT, WAYPOINT_NAMESPACE = "istio.io/use-waypoint", "istio.io/use-waypoint-namespace"
WAYPOINT_FOR = "istio.io/waypoint-for"
GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"


def empty(rule: AccessRule) -> bool:
    """Whether a rule has no condition at all: it matches everything."""
    return rule.open and not rule.operations


class AccessPolicies:
    """The AuthorizationPolicies of a platform by what they hold. Use with `Platform.derived`.

    A policy holds the pods of its namespace that it selects; one in the root namespace those of all
    namespaces, selector or not; one with targets what stands behind these. A dry run holds nothing.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._root = platform.profile.mesh.root_namespace
        self._by_namespace: dict[str, list[AuthorizationPolicy]] = {}
        for policy in platform.of(AuthorizationPolicy):
            self._by_namespace.setdefault(policy.namespace, []).append(policy)
        self._selecting = {
            namespace: SelectorIndex((policy.map("spec", "selector"), policy) for policy in policies)
            for namespace, policies in self._by_namespace.items()
        }

    def reaching(self, namespace: str) -> Iterator[AuthorizationPolicy]:
        """The policies of a namespace and of the root namespace."""
        for where in dict.fromkeys((namespace, self._root)):
            yield from self._by_namespace.get(where, ())

    def denies_by_default(self, namespace: str) -> bool:
        """Whether a policy for all pods of a namespace refuses what no other allows, or everything."""
        for policy in self.reaching(namespace):
            if policy.selector or policy.targets or policy.dry_run:
                continue
            if policy.action == "ALLOW" and not policy.rules:
                return True
            if policy.action == "DENY" and any(empty(rule) for rule in policy.rules):
                return True
        return False

    def holding(self, workload: Workload) -> Iterator[AuthorizationPolicy]:
        """The policies that apply to a workload."""
        for where in dict.fromkeys((workload.namespace, self._root)):
            index = self._selecting.get(where)
            for policy in index.admitting(workload.labels) if index is not None else ():
                attached = not policy.targets or any(
                    behind(workload, target, policy, self._platform) for target in policy.targets
                )
                if attached and not policy.dry_run:
                    yield policy


def waypoints(workload: Workload, platform: Platform) -> set[str]:
    """The names of the waypoints that a workload's traffic goes through: by its own label, by that of a
    Service before it, or by that of its namespace."""
    general = platform.namespace_labels(workload.namespace).get(WAYPOINT)
    own = workload.labels.get(WAYPOINT, general)
    found = {own}
    for service in platform.derived(Backends).services(workload):
        found.add(service.labels.get(WAYPOINT, general))
    return {name for name in found if isinstance(name, str) and name != "none"}


def behind(workload: Workload, target: dict[Any, Any], policy: AuthorizationPolicy, platform: Platform) -> bool:
    """Whether a target of a policy stands before a workload: as its gateway, its waypoint, its Service."""
    name, kind = str(target.get("name")), target.get("kind")
    if kind == "GatewayClass":
        return bool(waypoints(workload, platform))
    if kind == "Gateway":
        own = workload.namespace == policy.namespace and workload.labels.get(GATEWAY_NAME) == name
        return own or name in waypoints(workload, platform)
    if kind == "Service" and workload.namespace == policy.namespace:
        named = any(service.name == name for service in platform.derived(Backends).services(workload))
        return named and bool(waypoints(workload, platform))
    return False


HTTP_OPERATIONS = ("hosts", "notHosts", "methods", "notMethods", "paths", "notPaths")
HTTP_SOURCES = ("requestPrincipals", "notRequestPrincipals", "remoteIpBlocks", "notRemoteIpBlocks")
L4_CONDITIONS = frozenset({"source.ip", "source.namespace", "source.principal", "destination.ip", "destination.port"})


def http_parts(rule: AccessRule) -> list[Path]:
    """The paths of the conditions in a rule that only a proxy which reads HTTP can decide."""
    found = [path / name for path, raw in rule.operations for name in HTTP_OPERATIONS if raw.get(name)]
    found += [path / name for path, raw in rule.sources for name in HTTP_SOURCES if raw.get(name)]
    return found + [path / "key" for path, raw in rule.conditions if str(raw.get("key")) not in L4_CONDITIONS]


_L4_OPERATIONS = ("ports", "notPorts")
_L4_SOURCES = (
    "ipBlocks", "notIpBlocks", "namespaces", "notNamespaces", "serviceAccounts", "notServiceAccounts", "principals",
    "notPrincipals",
)  # fmt: skip


def l4_remains(rule: AccessRule) -> bool:
    """Whether a rule still says something without its conditions on HTTP."""
    return (
        any(raw.get(name) for _, raw in rule.operations for name in _L4_OPERATIONS)
        or any(raw.get(name) for _, raw in rule.sources for name in _L4_SOURCES)
        or any(str(raw.get("key")) in L4_CONDITIONS for _, raw in rule.conditions)
    )


def for_ztunnel(namespace: str, selector: dict[Any, Any], platform: Platform) -> bool:
    """Whether a policy without targets holds ambient pods; those of a namespace that is ambient and of which
    no workload is here count as such."""
    everywhere = namespace == platform.profile.mesh.root_namespace
    scopes = platform.namespaces.values() if everywhere else (platform.namespaces[namespace],)
    for scope in scopes:
        if not scope.workloads and scope.labels.get(DATAPLANE) == "ambient":
            return True
        if any(injected(one, platform).ambient for one in platform.derived(Pods).selected(scope.name, selector)):
            return True
    return False
