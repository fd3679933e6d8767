"""Hosts as Istio reads them, and which DestinationRule a client uses for one.

The order is istiod's: the client's namespace, then that of the service, then the root namespace; in
the first that has a rule for the host only the rule with the most specific host counts.
"""

from collections.abc import Iterator
from typing import Any

from conformant.domain.mesh import injected
from conformant.model import Undecided, sequence
from conformant.platform import Platform
from conformant.views.base import Object
from conformant.views.mesh import DestinationRule, Sidecar
from conformant.views.selector import equals
from conformant.views.workload import Workload

CLUSTER_DOMAIN = "cluster.local"


def fqdn(host: str, namespace: str) -> str:
    """The full name of a host: only a name without a dot is completed, by the namespace that states it."""
    host = host.lower()
    if not host or host == "*" or "." in host or ":" in host:
        return host
    return f"{host}.{namespace}.svc.{CLUSTER_DOMAIN}"


def matches(pattern: str, host: str) -> bool:
    """Whether a host, which may be a wildcard itself, lies within another."""
    if pattern.startswith("*"):
        return host.removeprefix("*").endswith(pattern[1:])
    return pattern == host


def overlap(one: str, other: str) -> bool:
    """Whether some name lies within both hosts."""
    return matches(one, other) or matches(other, one)


def wildcards(host: str) -> Iterator[str]:
    """The wildcards that `host` lies within, the most specific first."""
    labels = host.split(".")
    for index in range(1, len(labels)):
        yield "*." + ".".join(labels[index:])
    yield "*"


def service_namespace(host: str) -> str:
    """The namespace that a full name (or ``*.namespace.svc…``) is in; empty for other hosts."""
    labels = host.split(".")
    return labels[1] if len(labels) >= 3 and labels[2] == "svc" and labels[1] != "*" else ""


def visible(export_to: "list[str]", own: str, client: str) -> bool:
    """Whether what namespace `own` exports is seen from `client`."""
    return not export_to or "*" in export_to or client in export_to or ("." in export_to and client == own)


class Hosts:
    """Who declares which host: the namespaces of Services and ServiceEntries. Use with `Platform.derived`."""

    def __init__(self, platform: Platform) -> None:
        self._entries: dict[str, set[str]] = {}
        for entry in platform.kind("networking.istio.io/ServiceEntry"):
            for host in sequence(entry.raw, "spec", "hosts"):
                if isinstance(host, str):
                    self._entries.setdefault(fqdn(host, entry.namespace), set()).add(entry.namespace)

    def namespaces(self, host: str) -> set[str]:
        """The namespaces that a full name belongs to; empty where nothing here says."""
        declared = self._entries.get(host)
        if declared:
            return declared
        inside = service_namespace(host)
        return {inside} if inside else set()


class DestinationRules:
    """All DestinationRules, found as a client finds them. Use with `Platform.derived`."""

    def __init__(self, platform: Platform) -> None:
        self._root = platform.profile.mesh.root_namespace
        self._hosts = platform.derived(Hosts)
        self._rules: dict[tuple[str, str], list[DestinationRule]] = {}
        for rule in platform.of(DestinationRule):
            try:
                self._rules.setdefault((rule.namespace, fqdn(rule.host, rule.namespace)), []).append(rule)
            except Undecided:
                continue  # a host that is not known: the checks of that rule say so

        self._within: dict[str, list[tuple[str, DestinationRule]]] = {}
        self._first: dict[str, DestinationRule] = {}
        for (_, host), rules in self._rules.items():
            self._first.setdefault(host, rules[0])
            for pattern in wildcards(host):
                if pattern != host:
                    self._within.setdefault(pattern, []).extend((host, rule) for rule in rules)

    def within(self, host: str) -> list[tuple[str, DestinationRule]]:
        """(full host, rule) of the rules, of whatever namespace, that are more specific than a wildcard."""
        return self._within.get(host, [])

    def anywhere(self, host: str) -> DestinationRule | None:
        """A rule for a host in whatever namespace, seen by its clients or not: the most specific one."""
        return next((self._first[name] for name in (host, *wildcards(host)) if name in self._first), None)

    def candidates(self, client: str, host: str) -> Iterator[DestinationRule]:
        """The rules for `host` that namespace `client` sees, the one that counts first. Rules for one host in one
        namespace are merged by istiod; they all come, in the order of the input."""
        if client == self._root:
            yield from (rule for rule in self._of(self._root, host, client) if _private(rule))
        for namespace in dict.fromkeys(self._order(client, host)):
            for rule in self._of(namespace, host, client):
                if client != self._root or namespace != self._root or not _private(rule):
                    yield rule

    def used(self, client: str, host: str) -> DestinationRule | None:
        """The rule that workloads of namespace `client` use for a full name."""
        return next(self.candidates(client, host), None)

    def _order(self, client: str, host: str) -> Iterator[str]:
        if client != self._root:
            yield client
        yield from sorted(self._hosts.namespaces(host))
        yield self._root

    def _of(self, namespace: str, host: str, client: str) -> Iterator[DestinationRule]:
        for name in dict.fromkeys((host, *wildcards(host))):
            for rule in self._rules.get((namespace, name), ()):
                if visible(rule.export_to, namespace, client):
                    yield rule


def _private(rule: DestinationRule) -> bool:
    return bool(rule.export_to) and set(rule.export_to) <= {".", rule.namespace}


class Sidecars:
    """The Sidecar objects of a platform, by the pods that they apply to. Use with `Platform.derived`."""

    def __init__(self, platform: Platform) -> None:
        self._root = platform.profile.mesh.root_namespace
        self.by_namespace: dict[str, list[Sidecar]] = {}
        for sidecar in platform.of(Sidecar):
            self.by_namespace.setdefault(sidecar.namespace, []).append(sidecar)

    def general(self, namespace: str) -> Sidecar | None:
        """The default of a namespace: its own Sidecar without selector, else that of the root namespace."""
        for where in (namespace, self._root):
            for sidecar in self.by_namespace.get(where, ()):
                if not sidecar.selector:
                    return sidecar
        return None

    def of(self, workload: Workload) -> Sidecar | None:
        """The Sidecar that applies to a workload: one that selects it, else the default."""
        for sidecar in self.by_namespace.get(workload.namespace, ()):
            if sidecar.selector and equals(sidecar.selector, workload.labels):
                return sidecar
        return self.general(workload.namespace)


def imports(sidecar: Sidecar | None, host: str, namespace: str) -> bool:
    """Whether a Sidecar lets its proxies see a host of `namespace`; without one they see everything."""
    if sidecar is None or not sidecar.hosts:
        return True
    for stated in sidecar.hosts:
        where, _, name = stated.partition("/")
        own = where == "." and namespace == sidecar.namespace
        if (own or where in ("*", namespace)) and matches(fqdn(name, namespace), host):
            return True
    return False


def used_by(workload: Workload, host: str, platform: Platform) -> DestinationRule | None:
    """The DestinationRule that a workload uses for a host, as it names it; None also where its Sidecar
    hides the host from it."""
    full = fqdn(host, workload.namespace)
    sidecar = platform.derived(Sidecars).of(workload)
    namespaces = platform.derived(Hosts).namespaces(full) or {""}
    if not any(imports(sidecar, full, namespace) for namespace in namespaces):
        return None
    for rule in platform.derived(DestinationRules).candidates(workload.namespace, full):
        selector = rule.map("spec", "workloadSelector", "matchLabels")
        if not selector or equals(selector, workload.labels):
            return rule
    return None


HTTP = frozenset({"http", "http2", "grpc", "grpc-web", "http_proxy"})
_KUBERNETES = {"kubernetes.io/h2c": "http2", "kubernetes.io/ws": "http", "kubernetes.io/wss": "https"}
_KNOWN = frozenset({
    "tcp", "udp", "grpc", "grpc-web", "http", "http_proxy", "http2", "https", "tls", "mongo", "redis", "mysql",
})  # fmt: skip


def protocol(port: object) -> str:
    """What a Service's port says that it speaks, by appProtocol or else by the first part of its name;
    empty where it says nothing, and Istio detects it."""
    stated = port if isinstance(port, dict) else {}
    if stated.get("protocol") == "UDP":
        return "udp"
    named = stated.get("appProtocol") or stated.get("name")
    name = named.lower() if isinstance(named, str) else ""
    name = _KUBERNETES.get(name, name)
    if name.startswith("grpc-web"):
        return "grpc-web"
    first = name.partition("-")[0]
    return first if first in _KNOWN else ""


def speaks_http(port: object) -> bool | None:
    """Whether a Service's port is HTTP for Istio; None where it is left to detection."""
    stated = protocol(port)
    return stated in HTTP if stated else None


def service_of_host(platform: Platform, host: str) -> Object | None:
    """The Service that a full name stands for; None where it is not here."""
    namespace = service_namespace(host)
    found = platform.find("/Service", namespace, host.partition(".")[0]) if namespace else None
    return platform.view(found, Object) if found is not None else None


def services_within(platform: Platform, host: str) -> Iterator[Object]:
    """The Services that a full name, or a wildcard, stands for."""
    if "*" not in host:
        service = service_of_host(platform, host)
        if service is not None:
            yield service
        return
    for resource in platform.kind("/Service"):
        if matches(host, f"{resource.name}.{resource.namespace}.svc.{CLUSTER_DOMAIN}"):
            yield platform.view(resource, Object)


class Pods:
    """The workloads of a platform by their labels. Use with `Platform.derived`."""

    def __init__(self, platform: Platform) -> None:
        self._all: dict[str, list[Workload]] = {}
        self._having: dict[tuple[str, Any, Any], list[Workload]] = {}
        for workload in platform.workloads:
            try:
                labels = workload.labels
            except Undecided:
                continue  # labels that are not known: nothing certainly selects the pods
            self._all.setdefault(workload.namespace, []).append(workload)
            for key, value in labels.items():
                if value.__class__ is str:
                    self._having.setdefault((workload.namespace, key, value), []).append(workload)

    def selected(self, namespace: str, selector: dict[Any, Any]) -> list[Workload]:
        """The workloads of a namespace that have these labels."""
        pairs = [(namespace, key, value) for key, value in selector.items() if value.__class__ is str]
        lists = [self._having.get(pair, []) for pair in pairs]
        candidates = min(lists, key=len) if lists else self._all.get(namespace, [])
        return [workload for workload in candidates if equals(selector, workload.labels)]

    def anywhere(self, selector: dict[Any, Any]) -> list[Workload]:
        """The workloads of all namespaces that have these labels."""
        return [workload for namespace in self._all for workload in self.selected(namespace, selector)]


class Backends:
    """The pods behind Services, and the Services before pods. Use with `Platform.derived`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._pods: dict[int, list[Workload]] = {}
        self._services: dict[int, list[Object]] = {}
        pods = platform.derived(Pods)
        for resource in platform.kind("/Service"):
            service = platform.view(resource, Object)
            try:
                selector = service.map("spec", "selector")
                found = pods.selected(service.namespace, selector) if selector else []
            except Undecided:
                continue  # a selector or labels that are not known: no backend is certain
            self._pods[id(resource)] = found
            for workload in found:
                self._services.setdefault(id(workload.resource), []).append(service)

    def pods(self, service: Object) -> list[Workload]:
        """The workloads that a Service selects."""
        return self._pods.get(id(service.resource), [])

    def services(self, workload: Workload) -> list[Object]:
        """The Services that select a workload."""
        return self._services.get(id(workload.resource), [])

    def meshed(self, service: Object) -> list[Workload]:
        """The workloads behind a Service that the mesh carries, or that something means it to carry."""
        return [one for one in self.pods(service) if (it := injected(one, self._platform)).enrolled or it.intended]
