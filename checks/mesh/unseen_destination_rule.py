"""A DestinationRule stands where its clients do not look for it.

What it checks: A client looks in its own namespace, then in that of the service, then in the root namespace.
A rule anywhere else serves only the clients beside it: that is reported where nobody lives there, where
the manifest names no namespace, or where workloads live elsewhere and exportTo: ["."] does not say that
it is meant so. A short host must be a Service of the rule's namespace; a host like db.shop.svc is completed
by nobody. exportTo must not leave out the clients. Of a wildcard and a more specific rule for the same
client only the latter counts: limits, circuit breaking and TLS (but for the automatic one) that it leaves
out are lost.

Why it matters: The limits, the circuit breaker or the TLS settings that are written down do not apply, and
nothing tells.

How to fix: Put the rule into the service's namespace; write full hosts; repeat in the specific rule what
the wildcard says.

When it is fine: Rules of one client, for itself: say exportTo: ["."].
"""

from collections.abc import Iterator

from conformant.domain.declared import Declared
from conformant.domain.mesh_hosts import DestinationRules, Hosts, Sidecars, fqdn, service_namespace
from conformant.domain.references import SERVICE, Reference
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, Undecided, dig, sequence
from conformant.platform import Platform
from conformant.views.mesh import AuthorizationPolicy, DestinationRule

HOST, EXPORT, METADATA = Path(("spec", "host")), Path(("spec", "exportTo")), Path(("metadata",))
SETTINGS = ("tls", "connectionPool", "outlierDetection")
COMPLETE = Cure("write the full name, such as db.shop.svc.cluster.local")
REPEAT = Cure("repeat the settings in the specific rule", grade="none")


@check(
    id="MESH-005",
    severity=Severity.MEDIUM,
    requirement="mesh-routing",
    controls=["nist-800-53r5/CM-6", "iso-27001-2022/A.8.9"],
)
def unseen_destination_rule(rule: DestinationRule, platform: Platform) -> Iterator[Item]:
    if not platform.has_mesh:
        yield NotApplicable("no mesh")
        return
    yield from aspects((
        _placed(rule, platform), _short(rule, platform), _exported(rule, platform), _shadowed(rule, platform),
    ))  # fmt: skip


def _incomplete(rule: DestinationRule, platform: Platform) -> bool:
    """Whether the host is a Service's name that Istio does not complete, since it has a dot."""
    labels = rule.host.split(".")
    if len(labels) == 3:
        return labels[2] == "svc"
    return len(labels) == 2 and platform.find(SERVICE, labels[1], labels[0]) is not None


def _placed(rule: DestinationRule, platform: Platform) -> Iterator[Item]:
    if _incomplete(rule, platform):
        message = f"no service has the host {rule.host}: Istio completes only names without a dot"
        yield Finding(message, HOST, cure=COMPLETE)
        return
    targets = platform.derived(Hosts).namespaces(fqdn(rule.host, rule.namespace))
    root = platform.profile.mesh.root_namespace
    if not targets or rule.namespace in targets or rule.namespace == root:
        return
    target = ", ".join(sorted(targets))
    cure = Cure(f"set metadata.namespace: {target}")
    if rule.get("metadata", "namespace") is None:
        message = f"no namespace is stated: the rule for {rule.host} serves only clients in {rule.namespace}"
        yield Finding(message, METADATA, cure=cure)
        return
    living = platform.derived(_inhabited)
    where = METADATA / "namespace"
    if not living:
        yield Undecided(f"no workload is here that tells who the clients of {rule.host} are")
    elif rule.namespace not in living:
        message = f"clients of {rule.host} look in their own namespace, in {target} and in {root}, never here"
        yield Finding(message, where, cure=cure)
    elif not _private(rule) and len(living) > 1:
        message = f"the rule for {rule.host} serves only clients in {rule.namespace}; exportTo does not say so"
        yield Finding(message, where, cure=Cure(f'{cure.advice}, or exportTo: ["."] if that is meant'))


def _inhabited(platform: Platform) -> set[str]:
    """The tenant namespaces that hold workloads."""
    return {name for name, namespace in platform.namespaces.items() if namespace.tenant}


def _private(rule: DestinationRule) -> bool:
    return bool(rule.export_to) and set(rule.export_to) <= {".", rule.namespace}


def _short(rule: DestinationRule, platform: Platform) -> Iterator[Item]:
    host = rule.host
    if not host or "." in host or "*" in host or ":" in host:
        return
    declared = platform.derived(Declared)
    missing = declared.missing(Reference(HOST, (SERVICE,), rule.namespace, host), rule.resource)
    if isinstance(missing, Finding):
        message = f"{host} means {host}.{rule.namespace}.svc.cluster.local, and {rule.namespace} has no such Service"
        yield Finding(message, HOST, cure=COMPLETE)
    elif missing is not None:
        yield missing


def _exported(rule: DestinationRule, platform: Platform) -> Iterator[Finding]:
    stated = set(rule.export_to)
    if not stated or "*" in stated or rule.map("spec", "workloadSelector"):
        return
    target = service_namespace(fqdn(rule.host, rule.namespace))
    if rule.namespace not in (target, platform.profile.mesh.root_namespace):
        return
    seen = {rule.namespace if name == "." else name for name in stated}
    living = platform.derived(_inhabited)
    left_out = sorted((_clients(target, platform) & living) - seen)
    if left_out:
        message = f"exportTo leaves out {', '.join(left_out)}, where clients of {rule.host} live"
        yield Finding(message, EXPORT, cure=Cure("add these namespaces"))
    elif living and not living & seen:
        message = f"exportTo names no namespace in which a workload lives ({', '.join(sorted(living)[:3])} …)"
        yield Finding(message, EXPORT, cure=Cure("name the namespaces of the clients"))


def _clients(target: str, platform: Platform) -> set[str]:
    """The namespaces that Sidecars or access rules show to be clients of another's services."""
    return {client for client, other in platform.derived(_flows) if other == target and client != target}


def _flows(platform: Platform) -> set[tuple[str, str]]:
    """(client namespace, namespace of the service)."""
    found: set[tuple[str, str]] = set()
    for namespace, sidecars in platform.derived(Sidecars).by_namespace.items():
        found.update((namespace, host.partition("/")[0]) for sidecar in sidecars for host in sidecar.hosts)
    for policy in platform.of(AuthorizationPolicy):
        if policy.action != "ALLOW":
            continue
        for source in (source for rule in policy.rules for _, source in rule.sources):
            names = [name for name in sequence(source, "namespaces") if isinstance(name, str)]
            for principal in sequence(source, "principals"):
                parts = principal.split("/") if isinstance(principal, str) else []
                names += parts[2:3] if parts[1:2] == ["ns"] else []
            found.update((name, policy.namespace) for name in names)
    return found


def _shadowed(rule: DestinationRule, platform: Platform) -> Iterator[Finding]:
    host = fqdn(rule.host, rule.namespace)
    if not host.startswith("*"):
        return
    policy = rule.map("spec", "trafficPolicy")
    own = [name for name in SETTINGS if dig(policy, name) and dig(policy, name, "mode") != "ISTIO_MUTUAL"]
    lost: dict[str, list[str]] = {}
    for specific, other in platform.derived(DestinationRules).within(host):
        missing = [name for name in own if not other.get("spec", "trafficPolicy", name)]
        if missing and _first(other, rule, specific, platform):
            lost[specific] = missing
    if lost:
        fields = [name for name in SETTINGS if any(name in missing for missing in lost.values())]
        hosts = ", ".join(sorted(lost))
        message = f"{', '.join(fields)} do not apply to {hosts}: a more specific rule without them wins"
        yield Finding(message, HOST, cure=REPEAT)


def _first(specific: DestinationRule, general: DestinationRule, host: str, platform: Platform) -> bool:
    """Whether a client that sees both uses the specific rule."""
    rules = platform.derived(DestinationRules)
    for client in sorted(platform.derived(_inhabited) or {specific.namespace, general.namespace}):
        candidates = list(rules.candidates(client, host))
        if general in candidates and candidates[0] is specific:
            return True
    return False
