"""A role lets its holder gain rights that it does not grant.

What it checks: No rule of a Role or ClusterRole lets its holder bind or escalate roles, impersonate, write
roles and bindings; open a shell in pods, attach to them, add ephemeral containers; use nodes/proxy; create
PersistentVolumes; approve certificates; write admission webhooks and policies; change namespaces (their
labels decide on policies) or nodes; write network and mesh policies, for a ServiceAccount of an application
(one outside the platform's namespaces that is no controller of custom resources);
write ConfigMaps of kube-system. Port forwarding and proxies to pods and Services are high at most; writing
pods and what makes pods (which is to run as any ServiceAccount there) is high in all namespaces and medium
in one. Granted for all namespaces they are worse than in one; where nothing in the input binds or aggregates
the role, or resourceNames narrow the rule, they are one step lower. Wildcards for resources are the matter
of wildcard-rights. The roles that the API server brings itself are left alone.

Why it matters: Each of these is a way to more: a shell in a pod that has more rights, a pod with a host
path, a binding for oneself.

How to fix: Take the verb away, or narrow the rule by resourceNames, or move it to a role of one namespace.

When it is fine: Controllers whose work it is. Waive them by name.
"""

from collections.abc import Iterator

from msgspec import Struct

from conformant.domain.grants import Grants, Reach, controllers, graded
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, Severity
from conformant.platform import Platform
from conformant.views.rbac import ANY, Role, Rule

ROLES = ("roles", "clusterroles", "rolebindings", "clusterrolebindings")
BROKERS = ("users", "groups", "serviceaccounts", "uids")
HOOKS = (
    "mutatingwebhookconfigurations", "validatingwebhookconfigurations", "validatingadmissionpolicies",
    "validatingadmissionpolicybindings", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings",
)  # fmt: skip
APPS = ("deployments", "statefulsets", "daemonsets", "replicasets")
AS_OTHERS = "to run programs as any ServiceAccount there"
WRITE = ("create", "update", "patch")
CHANGE = ("update", "patch")
ANY_VERB = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
CURE = Cure("take it out, or narrow it: resourceNames, a role of one namespace", grade="none")
SYSTEM = "kube-system"


class Power(Struct, frozen=True):
    """A way to more rights: what of a group, by which verbs, and what it is good for. `wide` and `narrow`
    are its severities for all namespaces and for one."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    purpose: str
    wide: Severity = Severity.CRITICAL
    narrow: Severity = Severity.HIGH


RBAC, ADMISSION, SIGNING = "rbac.authorization.k8s.io", "admissionregistration.k8s.io", "certificates.k8s.io"
POWERS = (
    Power(RBAC, ROLES[:2], ("bind", "escalate"), "to grant rights that it has not itself"),
    Power("", BROKERS, ("impersonate",), "to act as others"),
    Power("authentication.k8s.io", (*BROKERS, "userextras"), ("impersonate",), "to act as others"),
    Power(RBAC, ROLES, WRITE, "to change who may do what"),
    Power("", ("pods/exec", "pods/attach"), ("create", "get"), "to run commands in any pod"),
    Power("", ("pods/ephemeralcontainers",), CHANGE, "to run commands in any pod"),
    Power("", ("nodes/proxy",), ANY_VERB, "to use the kubelet's API past the API server"),
    Power("", ("persistentvolumes",), ("create",), "to mount folders of the nodes"),
    Power(ADMISSION, HOOKS, WRITE, "to read and change what others create"),
    Power("", ("namespaces",), CHANGE, "to change the labels that policies go by"),
    Power("", ("nodes",), CHANGE, "to change where pods are placed"),
    Power("", ("pods/portforward", "pods/proxy", "services/proxy"), ANY_VERB, "to get past network policies",
          Severity.HIGH, Severity.HIGH),
    Power("", ("pods", "replicationcontrollers"), WRITE, AS_OTHERS,
          Severity.HIGH, Severity.MEDIUM),
    Power("apps", APPS, WRITE, AS_OTHERS, Severity.HIGH, Severity.MEDIUM),
    Power("batch", ("jobs", "cronjobs"), WRITE, AS_OTHERS, Severity.HIGH, Severity.MEDIUM),
)  # fmt: skip
APPROVAL = Power(SIGNING, ("certificatesigningrequests/approval",), CHANGE, "to make certificates for others")
CONFIGURATION = Power("", ("configmaps",), WRITE, f"to change the cluster's DNS and its users in {SYSTEM}",
                      Severity.HIGH, Severity.HIGH)  # fmt: skip
ISOLATION = (
    Power("networking.k8s.io", ("networkpolicies",), WRITE, "to lift its own isolation"),
    Power("security.istio.io", ("authorizationpolicies", "peerauthentications"), WRITE, "to lift its own isolation"),
)


def _named() -> dict[str, list[tuple[Power, str]]]:
    """What gives which powers, by the name of the resource as a rule may write it."""
    found: dict[str, list[tuple[Power, str]]] = {}
    for power in (*POWERS, APPROVAL, CONFIGURATION, *ISOLATION):
        for resource in power.resources:
            found.setdefault(resource, []).append((power, resource))
            if "/" in resource:
                found.setdefault("*" + resource[resource.index("/") :], []).append((power, resource))
    return found


NAMED = _named()
UNNAMED = frozenset({"create", "list", "watch", "deletecollection"})
"""What resourceNames cannot narrow; of a subresource create can be."""

Hit = tuple[Severity, int, str]
"""Severity, index of the first resource, and what may be done to which end."""


@check(
    id="RBAC-003",
    severity=Severity.CRITICAL,
    requirement="least-privilege",
    controls=[
        "nist-800-53r5/AC-6", "cis-k8s-1.12/5.1.4", "cis-k8s-1.12/5.1.8", "cis-k8s-1.12/5.1.9",
        "cis-k8s-1.12/5.1.10", "cis-k8s-1.12/5.1.11", "cis-k8s-1.12/5.1.12", "nsa-hardening-1.2/authentication",
        "iso-27001-2022/A.8.2", "pci-dss-4.0/7.2.2",
    ],
)  # fmt: skip
def escalation_primitive(role: Role, platform: Platform) -> Iterator[Item]:
    if role.shipped:
        return
    found = [(rule, powers) for rule in role.rules if (powers := _powers(rule))]
    if not found:
        return
    reach = platform.derived(Grants).of(role)
    vain = _vain(role, reach, platform)
    for rule, powers in found:
        hits = [hit for power, at in powers.items() if power not in vain and (hit := _hit(rule, power, at, reach))]
        if hits:
            severity, index, _ = max(hits, key=lambda hit: (hit[0], -hit[1]))
            said = dict.fromkeys(text for _, _, text in sorted(hits, key=lambda hit: -hit[0]))
            yield Finding(f"it may {'; '.join(said)} ({reach.words})", rule.path / "resources" / index, severity, CURE)


def _powers(rule: Rule) -> dict[Power, dict[str, int]]:
    """The powers whose resources a rule names, with the index of each resource."""
    if ANY in rule.resources:
        return {}
    found: dict[Power, dict[str, int]] = {}
    for index, stated in enumerate(rule.resources):
        for power, resource in NAMED.get(stated, ()):
            if rule.concerns(power.group) and rule.allows(*power.verbs):
                found.setdefault(power, {}).setdefault(resource, index)
    return found


def _vain(role: Role, reach: Reach, platform: Platform) -> frozenset[Power]:
    """The powers that count only together with another rule, or only where, or for whom, a role is granted."""
    found: set[Power] = set()
    if not any(
        rule.concerns(SIGNING) and "signers" in rule.resources and rule.allows("approve") for rule in role.rules
    ):
        found.add(APPROVAL)
    if not (reach.everywhere or SYSTEM in reach.namespaces or (role.kind == "Role" and role.namespace == SYSTEM)):
        found.add(CONFIGURATION)
    if not any(_of_application(account, platform) for binding in reach.bindings for account in binding.accounts):
        found.update(ISOLATION)
    return frozenset(found)


def _of_application(account: tuple[str, str], platform: Platform) -> bool:
    """Whether a ServiceAccount is neither in a namespace of the platform's nor a controller's."""
    return not platform.profile.is_platform_namespace(account[0]) and account not in platform.derived(controllers)


def _hit(rule: Rule, power: Power, found: dict[str, int], reach: Reach) -> Hit | None:
    """How bad a rule's grant of a power is; None where names narrow it to something harmless."""
    verbs = [verb for verb in power.verbs if rule.allows(verb)]
    severity = graded(power.wide if reach.everywhere else power.narrow, reach)
    if rule.names and not any(_unnamed(verb, resource) for verb in verbs for resource in found):
        if power is CONFIGURATION:
            return None
        severity = severity.lower()
    said = "use" if power.verbs is ANY_VERB else ", ".join(verbs)
    return severity, min(found.values()), f"{said} {', '.join(found)} {power.purpose}"


def _unnamed(verb: str, resource: str) -> bool:
    return verb in UNNAMED and not (verb == "create" and "/" in resource)
