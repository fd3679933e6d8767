"""An access rule of the mesh lets in more than it seems to.

What it checks: Each rule of an ALLOW policy: it must ask who is calling (from or when); a source must name
somebody, not everybody (``*``, 0.0.0.0/0) nor only who is not meant; a source that is a whole other tenant
namespace needs operations beside it; paths must not be matched by their end; remoteIpBlocks need
numTrustedProxies. The conditions of one source hold together, so one narrow among them is enough. Hosts
want a form with the port beside them; a prefix like /api* matches /apiadmin too; conditions on HTTP for
ports that speak none never match in ALLOW and match too much in DENY.

Why it matters: One rule for everybody opens what the default refuses.

How to fix: Name principals, and the ports, methods and paths that each of them needs.

When it is fine: Public pages at a gateway; waive those.
"""

from collections.abc import Iterator
from typing import Any

from conformant.domain.mesh import at_the_edge
from conformant.domain.mesh_access import HTTP_OPERATIONS, HTTP_SOURCES, empty
from conformant.domain.mesh_config import MeshConfig
from conformant.domain.mesh_hosts import Backends, Pods, speaks_http
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, Undecided, dig, sequence
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.views.mesh import AccessRule, AuthorizationPolicy
from conformant.views.workload import Workload

NAMES = ("principals", "requestPrincipals", "namespaces", "serviceAccounts", "trustDomains")
BLOCKS = ("ipBlocks", "remoteIpBlocks")
EVERYWHERE = frozenset({"0.0.0.0/0", "::/0"})
EVERY_PRINCIPAL = lazy(r"^(?:\*|[^/]+/(?:ns/)?\*)$")
WHO = ("source.", "request.auth.", "remote.ip")
NAME_THEM = Cure("name the principals that are meant", grade="none")


@check(
    id="MESH-013",
    severity=Severity.HIGH,
    requirement="mesh-authorization",
    controls=[
        "nist-800-53r5/AC-3", "nist-800-53r5/AC-6", "soc2/CC6.3", "iso-27001-2022/A.8.3", "pci-dss-4.0/7.2.1",
    ],
)  # fmt: skip
def wide_allow_rule(policy: AuthorizationPolicy, platform: Platform) -> Iterator[Item]:
    if not platform.has_mesh or policy.dry_run or policy.action not in ("ALLOW", "DENY"):
        yield NotApplicable("no mesh, or the policy neither allows nor denies")
        return
    allow = policy.action == "ALLOW"
    for rule in policy.rules:
        parts: list[Iterator[Item]] = [_hosts(rule, allow), _without_http(rule, policy, platform)]
        if allow:
            parts += [_callers(rule, policy, platform), _paths(rule), _remote(rule, policy, platform)]
        yield from aspects(parts)


def _callers(rule: AccessRule, policy: AuthorizationPolicy, platform: Platform) -> Iterator[Finding]:
    if rule.open:
        what = "everything" if empty(rule) else "these operations"
        yield Finding(f"everybody may do {what}: the rule asks for no caller", rule.path, cure=NAME_THEM)
        return
    if _narrowed(rule):
        return
    for path, source in rule.sources:
        yield from _source(path, source, rule, policy, platform)


def _narrowed(rule: AccessRule) -> bool:
    """Whether a condition of the rule says who is meant."""
    return any(
        str(dig(condition, "key")).startswith(WHO)
        and any(value != "*" for value in sequence(condition, "values"))
        for _, condition in rule.conditions
    )  # fmt: skip


def _source(
    path: Path, source: dict[Any, Any], rule: AccessRule, policy: AuthorizationPolicy, platform: Platform
) -> Iterator[Finding]:
    stated = [field for field in (*NAMES, *BLOCKS) if sequence(source, field)]
    wide = {field: index for field in stated if (index := _everybody(source, field)) is not None}
    narrow = [field for field in stated if field not in wide]
    if not stated:
        message = "the source says only who is not meant: everybody else is" if source else "the source is everybody"
        yield Finding(message, path, cure=NAME_THEM)
    elif not narrow:
        field = stated[0]
        if field == "requestPrincipals" and _at_gateway(policy, platform):
            return
        message = f"{field}: {source[field][wide[field]]!r} is everybody with {_means(field)}"
        yield Finding(message, path / field / wide[field], cure=NAME_THEM)
    elif narrow == ["namespaces"] and not any(operation for _, operation in rule.operations) and not rule.conditions:
        yield from _neighbours(path, source, policy, platform)


def _everybody(source: dict[Any, Any], field: str) -> int | None:
    """The index of a value of a source that everybody meets."""
    for index, value in enumerate(sequence(source, field)):
        if not isinstance(value, str):
            continue
        if value in EVERYWHERE or value == "*" or (field == "principals" and EVERY_PRINCIPAL.match(value)):
            return index
    return None


def _means(field: str) -> str:
    return {"requestPrincipals": "a token", "ipBlocks": "an address", "remoteIpBlocks": "an address"}.get(
        field, "a certificate of the mesh"
    )


def _at_gateway(policy: AuthorizationPolicy, platform: Platform) -> bool:
    """Whether the policy is for gateways, whose callers have a token at most."""
    role = policy.selector.get("istio")
    if isinstance(role, str) and role.endswith("gateway"):
        return True
    if any(target.get("kind") == "Gateway" for target in policy.targets):
        return True
    selected = _selected(policy, platform) if policy.selector else []
    return bool(selected) and all(at_the_edge(workload) for workload in selected)


def _selected(policy: AuthorizationPolicy, platform: Platform) -> list[Workload]:
    if policy.targets or policy.namespace == platform.profile.mesh.root_namespace:
        return []
    return platform.derived(Pods).selected(policy.namespace, policy.selector)


def _neighbours(
    path: Path, source: dict[Any, Any], policy: AuthorizationPolicy, platform: Platform
) -> Iterator[Finding]:
    for index, name in enumerate(sequence(source, "namespaces")):
        if isinstance(name, str) and name != policy.namespace and not platform.profile.is_platform_namespace(name):
            message = f"every workload of {name} may do everything: the rule names no operation"
            cure = Cure("name its principals, or the ports, methods and paths that they need", grade="none")
            yield Finding(message, path / "namespaces" / index, cure=cure)


def _hosts(rule: AccessRule, allow: bool) -> Iterator[Finding]:
    """A host matches only as it is sent, with its port or without."""
    for path, operation in rule.operations:
        for field, harmless in (("hosts", allow), ("notHosts", not allow)):
            hosts = [host for host in sequence(operation, field) if isinstance(host, str)]
            for index, host in enumerate(hosts):
                if ":" in host or host.endswith("*") or any(other.startswith(f"{host}:") for other in hosts):
                    continue
                message = f"{field}: {host} does not match {host}:443 and the like: a request may name the port"
                cure = Cure(f'add "{host}:*"')
                yield Finding(message, path / field / index, Severity.LOW if harmless else None, cure)


def _paths(rule: AccessRule) -> Iterator[Finding]:
    for path, operation in rule.operations:
        for index, value in enumerate(sequence(operation, "paths")):
            where = path / "paths" / index
            if not isinstance(value, str) or "{" in value or value in ("*", "/*"):
                continue
            if value.startswith("*"):
                message = f"{value} matches by the end of the path: whatever stands before it is allowed too"
                yield Finding(message, where, cure=Cure("match the path from its beginning", grade="none"))
            elif value.endswith("*") and not value.endswith("/*"):
                message = f"{value} matches {value[:-1]}admin too"
                yield Finding(message, where, Severity.LOW, Cure(f"write {value[:-1]} and {value[:-1]}/*"))


def _remote(rule: AccessRule, policy: AuthorizationPolicy, platform: Platform) -> Iterator[Item]:
    for path, source in rule.sources:
        if not sequence(source, "remoteIpBlocks"):
            continue
        topology = platform.derived(MeshConfig).get("defaultConfig", "gatewayTopology", "numTrustedProxies")
        own = any(
            "numTrustedProxies" in str(workload.annotations.get("proxy.istio.io/config"))
            for workload in _selected(policy, platform)
        )
        if own or (topology is not None and topology.value is not None):
            continue
        if topology is None:
            yield Undecided("the settings of the mesh are not here: numTrustedProxies may be set, or not")
        else:
            message = "remoteIpBlocks trusts X-Forwarded-For, and numTrustedProxies is not set: a caller may forge it"
            yield Finding(message, path / "remoteIpBlocks", cure=Cure("set gatewayTopology.numTrustedProxies"))


def _without_http(rule: AccessRule, policy: AuthorizationPolicy, platform: Platform) -> Iterator[Finding]:
    """Conditions on HTTP for ports of which a Service says that they speak none."""
    http = [path / name for path, raw in rule.operations for name in HTTP_OPERATIONS if raw.get(name)]
    http += [path / name for path, raw in rule.sources for name in HTTP_SOURCES[:2] if raw.get(name)]
    http += [path / "key" for path, raw in rule.conditions if str(dig(raw, "key")).startswith("request.")]
    if not http:
        return
    spoken_by = platform.derived(SpokenPorts)
    known = [spoken_by.of(workload) for workload in _selected(policy, platform)]
    named = {str(port) for _, operation in rule.operations for port in sequence(operation, "ports")}
    spoken = [says for ports in known for number, says in ports.items() if not named or number in named]
    if spoken and all(says is False for says in spoken):
        effect = "the rule never matches" if policy.action == "ALLOW" else "the rule matches more than it says"
        message = f"the ports speak no HTTP, as their Service says: {effect}"
        yield Finding(message, http[0], Severity.MEDIUM, Cure("state ports and principals only", grade="none"))


class SpokenPorts:
    """What the ports of each workload speak, found once. Use with `Platform.derived`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._known: dict[int, dict[str, bool | None]] = {}

    def of(self, workload: Workload) -> dict[str, bool | None]:
        found = self._known.get(id(workload))
        if found is None:
            found = self._known[id(workload)] = _ports(workload, self._platform)
        return found


def _ports(workload: Workload, platform: Platform) -> dict[str, bool | None]:
    """Whether the ports of a workload's containers speak HTTP, by what the Services before it say."""
    found: dict[str, bool | None] = {}
    numbers = {
        str(port.get("name")): port.get("containerPort")
        for container in workload.all_containers for port in container.ports
    }  # fmt: skip
    for service in platform.derived(Backends).services(workload):
        for port in service.list("spec", "ports"):
            target = dig(port, "targetPort") or dig(port, "port")
            found[str(numbers.get(str(target), target))] = speaks_http(port)
    return found
