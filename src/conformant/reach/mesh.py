"""The mesh as a second layer: what sidecars and ztunnels refuse although the network lets it through."""

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from msgspec import Struct

from conformant.domain.mesh import effective_mtls, injected, is_gateway
from conformant.model import Resource, Undecided, dig, mapping, sequence
from conformant.platform import Nowhere, Platform
from conformant.reach.because import ALLOWS, DENIES, Cause
from conformant.reach.blocks import network
from conformant.reach.endpoints import Endpoint
from conformant.reach.ports import ALL, EVERY, NONE, TCP, Ports
from conformant.views.mesh import AuthorizationPolicy
from conformant.views.selector import equals
from conformant.views.workload import Workload

UNCAPTURED = (15020, 15021, 15090)
"""The sidecar's own ports for health and metrics."""


class Passage(Struct, frozen=True):
    """What the mesh lets through: `ports` of all protocols; `some` of them only for certain requests."""

    ports: Ports
    causes: tuple[Cause, ...] = ()
    some: Ports = NONE
    doubt: str = ""


FREE = Passage(ALL)


class Mesh:
    """The mesh's say on connections. Use with `Platform.derived`."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.root = platform.profile.mesh.root_namespace
        self.policies: dict[str, list[AuthorizationPolicy]] = {}
        for policy in platform.of(AuthorizationPolicy):
            self.policies.setdefault(policy.namespace, []).append(policy)
        self.active = platform.has_mesh
        self._enrolled: dict[str, bool] = {}
        self._workloads: dict[str, Workload] = {}
        self._own: dict[str, list[AuthorizationPolicy]] = {}
        self._known: dict[tuple[str, str], Passage] = {}

    def enrolled(self, one: Endpoint) -> bool:
        """Whether the mesh carries the traffic of the pods. Raises Undecided."""
        found = self._enrolled.get(one.address)
        if found is None:
            found = self._enrolled[one.address] = injected(self._workload(one), self.platform).enrolled
        return found

    def _workload(self, one: Endpoint) -> Workload:
        """The workload of an endpoint; for pods that an operator makes, one with what is known of them."""
        found = self._workloads.get(one.address)
        if found is None:
            found = one.workload if one.workload is not None and not one.made_by else _stand_in(one)
            self._workloads[one.address] = found
        return found

    def identity(self, one: Endpoint) -> str:
        """The SPIFFE name that the pods show, without its scheme; empty outside the mesh."""
        if not self.enrolled(one):
            return ""
        return f"{self.platform.profile.mesh.trust_domain}/ns/{one.namespace}/sa/{one.account}"

    def passage(self, source: Endpoint | None, destination: Endpoint) -> Passage:
        """What the mesh lets through from `source` (None: from outside the cluster)."""
        if not self.active:
            return FREE
        key = source.address if source else "", destination.address
        found = self._known.get(key)
        if found is None:
            try:
                found = self._judge(source, destination)
            except Undecided as undecided:
                found = Passage(ALL - EVERY[TCP], doubt=undecided.reason)
            self._known[key] = found
        return found

    def _judge(self, source: Endpoint | None, destination: Endpoint) -> Passage:
        if destination.host_network or not self.enrolled(destination):
            return FREE
        captured = EVERY[TCP] - Ports.union(Ports.of(TCP, port) for port in UNCAPTURED) - _bypassed(destination)
        who = self.identity(source) if source is not None else ""
        refused = NONE if who else self._plaintext_refused(destination) & captured
        open_ports, some, causes = self._authorized(source, who, destination)
        closed = captured - open_ports
        passed = ALL - refused - closed
        return Passage(passed, tuple(self._why(destination, refused, closed - refused, causes)), some & passed)

    def _plaintext_refused(self, destination: Endpoint) -> Ports:
        """The ports that take mTLS alone."""
        workload = self._workload(destination)
        if is_gateway(workload):
            return NONE
        effective = effective_mtls(workload, self.platform)
        ports = EVERY[TCP] if effective.mode.strict else NONE
        for number, mode in effective.ports.items():
            ports = ports | Ports.of(TCP, number) if mode.strict else ports - Ports.of(TCP, number)
        return ports

    def _why(self, one: Endpoint, refused: Ports, closed: Ports, causes: Iterable[Cause]) -> Iterator[Cause]:
        if refused:
            mode = effective_mtls(self._workload(one), self.platform).mode
            policy = mode.policy.address if mode.policy else ""
            yield Cause("mesh", DENIES, f"{policy or 'the mesh'} demands mTLS, which the source does not speak", policy)
        for cause in causes:
            if cause.effect == ALLOWS or closed:
                yield cause

    # AuthorizationPolicy

    def applying(self, one: Endpoint) -> list[AuthorizationPolicy]:
        """The AuthorizationPolicies that the pods' own proxies enforce."""
        found = self._own.get(one.address)
        if found is None:
            stated = [*self.policies.get(self.root, ()), *self.policies.get(one.namespace, ())]
            found = self._own[one.address] = [
                policy for policy in dict.fromkeys(stated) if _selects(policy, one.labels or {})
            ]
        return found

    def _authorized(self, source: Endpoint | None, who: str, destination: Endpoint) -> tuple[Ports, Ports, list[Cause]]:
        """(ports that pass, those where only some requests do, causes)."""
        policies = self.applying(destination)
        denied, causes = NONE, []
        for policy in policies:
            if policy.action == "DENY":
                ports = Ports.union(ports for ports, some in self._matches(policy, source, who) if not some)
                denied |= ports
                if ports:
                    causes.append(
                        Cause("mesh", DENIES, f"{policy.resource.address} denies it", policy.resource.address)
                    )
        allowing = [policy for policy in policies if policy.action == "ALLOW"]
        if not allowing:
            return EVERY[TCP] - denied, NONE, causes
        allowed = whole = NONE
        for policy in allowing:
            for ports, some in self._matches(policy, source, who):
                allowed |= ports
                whole |= NONE if some else ports
                says = f"{policy.resource.address} allows {'some requests' if some else 'it'}"
                causes.append(Cause("mesh", ALLOWS, says, policy.resource.address))
        if EVERY[TCP] - allowed:
            names = ", ".join(policy.resource.address for policy in allowing[:4])
            more = f" and {len(allowing) - 4} more" if len(allowing) > 4 else ""
            says = (
                f"{names}{more} {'apply' if len(allowing) > 1 else 'applies'} to the destination, and no rule allows it"
            )
            causes.append(Cause("mesh", DENIES, says, allowing[0].resource.address))
        return allowed - denied, (allowed - whole) - denied, list(dict.fromkeys(causes))

    def _matches(self, policy: AuthorizationPolicy, source: Endpoint | None, who: str) -> Iterator[tuple[Ports, bool]]:
        """(TCP ports, whether only for some requests) of the rules that match a source."""
        for raw in policy.list("spec", "rules"):
            rule = mapping(raw)
            sources = sequence(rule, "from")
            found = [self._source(mapping(each, "source"), source, who) for each in sources]
            if sources and not any(match is not None for match in found):
                continue
            some = bool(sources) and all(match for match in found if match is not None)
            yield from self._operations(rule, some, source, who)

    def _operations(
        self, rule: dict[Any, Any], some: bool, source: Endpoint | None, who: str
    ) -> Iterator[tuple[Ports, bool]]:
        limit = EVERY[TCP]
        for condition in sequence(rule, "when"):
            ports, partly = self._condition(mapping(condition), source, who)
            limit, some = limit & ports, some or partly
        operations = sequence(rule, "to")
        if not operations:
            if limit:
                yield limit, some
            return
        for each in operations:
            operation = mapping(each, "operation")
            ports = limit & _numbers(operation)
            if ports:
                yield ports, some or bool(set(operation) & _HTTP)

    def _source(self, raw: dict[Any, Any], source: Endpoint | None, who: str) -> bool | None:
        """None where the source does not match; else whether it does for some requests only."""
        namespace = source.namespace if source is not None and who else ""
        account = f"{namespace}/{source.account}" if source is not None and who else ""
        for field, value in (("principals", who), ("namespaces", namespace)):
            if field in raw and not _fits(value, sequence(raw, field)):
                return None
            negative = f"not{field[0].upper()}{field[1:]}"
            if negative in raw and _fits(value, sequence(raw, negative)):
                return None
        if "serviceAccounts" in raw and not any(
            _same(account, each, namespace) for each in sequence(raw, "serviceAccounts")
        ):
            return None
        if "ipBlocks" in raw and source is not None and not _within(source, sequence(raw, "ipBlocks")):
            return None
        return bool(set(raw) & _OF_REQUESTS) or ("ipBlocks" in raw and source is None)

    def _condition(self, raw: dict[Any, Any], source: Endpoint | None, who: str) -> tuple[Ports, bool]:
        key, values, others = dig(raw, "key"), sequence(raw, "values"), sequence(raw, "notValues")
        known = {
            "source.namespace": source.namespace if source is not None and who else "",
            "source.principal": who,
        }
        if key in known:
            fits = (not values or _fits(known[key], values)) and not (others and _fits(known[key], others))
            return (EVERY[TCP] if fits else NONE), False
        if key == "destination.port":
            return _numbers({"ports": values, "notPorts": others} if others else {"ports": values}), False
        return EVERY[TCP], True


_HTTP = frozenset({"hosts", "notHosts", "methods", "notMethods", "paths", "notPaths"})
_OF_REQUESTS = frozenset({
    "requestPrincipals", "notRequestPrincipals", "remoteIpBlocks", "notRemoteIpBlocks", "notIpBlocks",
})  # fmt: skip


def _stand_in(one: Endpoint) -> Workload:
    workload = one.workload
    annotations = workload.annotations if workload is not None else {}
    raw = {"metadata": {"labels": dict(one.labels or {}), "annotations": annotations}, "spec": {}}
    return Workload(Resource(
        family="kubernetes", group="", version="v1", kind="Pod", namespace=one.namespace, name=one.name, raw=raw,
        locator=Nowhere(), source="derived", address=one.address,
    ))  # fmt: skip


def _bypassed(one: Endpoint) -> Ports:
    """The ports that annotations keep from the proxy."""
    annotations: Mapping[Any, Any] = one.workload.annotations if one.workload is not None else {}
    included = annotations.get("traffic.sidecar.istio.io/includeInboundPorts")
    excluded = annotations.get("traffic.sidecar.istio.io/excludeInboundPorts")
    ports = NONE
    if isinstance(included, str) and included.strip() != "*":
        ports = EVERY[TCP] - _listed(included)
    return ports | _listed(excluded) if isinstance(excluded, str) else ports


def _listed(text: str) -> Ports:
    return Ports.union(Ports.of(TCP, int(each)) for each in text.split(",") if each.strip().isdecimal())


def _selects(policy: AuthorizationPolicy, labels: Mapping[Any, Any]) -> bool:
    return not policy.targets and not policy.dry_run and equals(policy.selector, labels)


def _numbers(operation: dict[Any, Any]) -> Ports:
    ports = EVERY[TCP]
    if "ports" in operation:
        ports = _listed(",".join(str(each) for each in sequence(operation, "ports")))
    if "notPorts" in operation:
        ports = ports - _listed(",".join(str(each) for each in sequence(operation, "notPorts")))
    return ports


def _fits(value: str, patterns: list[Any]) -> bool:
    """Istio's matching: exact, with a star at one end, or ``*`` for anything present."""
    return bool(value) and any(
        isinstance(each, str) and fnmatchcase(value, each.replace("[", "[[]")) for each in patterns
    )


def _same(account: str, stated: Any, namespace: str) -> bool:
    return bool(account) and (stated == account or f"{namespace}/{stated}" == account)


def _within(source: Endpoint, blocks: list[Any]) -> bool:
    """Whether an address block holds the source's pods; where their address is not known it may."""
    networks = [each for each in map(network, blocks) if each is not None]
    return not source.addresses or any(address in each for address in source.addresses for each in networks)
