"""A role grants everything of a kind, or a binding grants the administrator's role.

What it checks: No rule of a Role or ClusterRole has ``*`` for resources, verbs, API groups or URLs; a rule
that only reads is a lower finding, as is one on an operator's own API group. No ClusterRoleBinding grants
cluster-admin, admin or edit, no RoleBinding cluster-admin, and none names the group system:masters. A role
that nothing in the input binds or aggregates is one step lower. Of a role that aggregates others, these are
judged. The roles that the API server brings itself are left alone.

Why it matters: A wildcard also grants what will be added tomorrow, and whoever takes over one such account
has the namespace or the cluster.

How to fix: Name the resources and verbs that are really used; an audit log shows them.

When it is fine: Operators that manage whatever they are told to. Waive them by name, with a reason.
"""

from collections.abc import Iterator

from conformant.domain.grants import Grants, custom, graded
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, Path, Severity, dig
from conformant.platform import Platform
from conformant.views.rbac import ANY, Access, Role, RoleBinding, Rule, writes

NAMED = Cure("name what is needed: groups, resources and verbs", grade="none")
SMALLER = Cure("bind a role of its own with the rights that are needed", grade="none")
CLUSTER_WIDE = frozenset({"cluster-admin", "admin", "edit"})
MASTERS = "system:masters"


@check(
    id="RBAC-001",
    severity=Severity.CRITICAL,
    requirement="least-privilege",
    controls=[
        "nist-800-53r5/AC-6", "nist-800-53r5/AC-3", "cis-k8s-1.12/5.1.1", "cis-k8s-1.12/5.1.3",
        "cis-k8s-1.12/5.1.7", "nsa-hardening-1.2/authentication", "soc2/CC6.3", "iso-27001-2022/A.8.2",
        "pci-dss-4.0/7.2.2",
    ],
)  # fmt: skip
def wildcard_rights(access: Access, platform: Platform) -> Iterator[Item]:
    if access.kind in ("Role", "ClusterRole"):
        yield from _role(platform.view(access.resource, Role), platform)
    else:
        yield from _binding(platform.view(access.resource, RoleBinding))


def _role(role: Role, platform: Platform) -> Iterator[Finding]:
    if role.shipped:
        return
    for rule in role.rules:
        for severity, message, field in _wildcards(rule, role.kind == "ClusterRole"):
            reach = platform.derived(Grants).of(role)
            yield Finding(f"{message} ({reach.words})", rule.path / field, graded(severity, reach), NAMED)


def _wildcards(rule: Rule, cluster: bool) -> Iterator[tuple[Severity, str, str]]:
    """(severity, message, field) of each wildcard; the worst of resources, verbs and groups alone."""
    if ANY in rule.resources:
        message = f"all resources of {_groups(rule)} may be used: {', '.join(rule.verbs)}"
        yield _resources(rule, cluster), message, "resources"
    elif rule.resources and ANY in rule.verbs:
        severity = Severity.MEDIUM if custom(rule.groups) else Severity.HIGH
        yield severity, f"every verb is granted on {', '.join(rule.resources)}", "verbs"
    elif rule.resources and ANY in rule.groups:
        message = f"{', '.join(rule.resources)} of every API group may be used: {', '.join(rule.verbs)}"
        yield Severity.MEDIUM, message, "apiGroups"
    if ANY in rule.urls:
        yield Severity.MEDIUM, f"every URL of the API server may be used: {', '.join(rule.verbs)}", "nonResourceURLs"


def _resources(rule: Rule, cluster: bool) -> Severity:
    own = custom(rule.groups)
    if writes(rule.verbs):
        return Severity.MEDIUM if own else Severity.CRITICAL if cluster else Severity.HIGH
    if rule.concerns(""):
        return Severity.HIGH
    return Severity.LOW if own else Severity.MEDIUM


def _groups(rule: Rule) -> str:
    if ANY in rule.groups:
        return "every API group"
    return ", ".join(group or "the core group" for group in rule.groups) or "no API group"


def _binding(binding: RoleBinding) -> Iterator[Finding]:
    if binding.shipped:
        return
    severity = Severity.CRITICAL if binding.everywhere else Severity.HIGH
    kind, name = binding.role
    if kind == "ClusterRole" and name in (CLUSTER_WIDE if binding.everywhere else ("cluster-admin",)):
        where = "in all namespaces" if binding.everywhere else f"in {binding.namespace}"
        yield Finding(f"{name} is granted {where}", Path(("roleRef", "name")), severity, SMALLER)
    for path, subject in binding.subjects:
        if dig(subject, "name") == MASTERS and dig(subject, "kind") == "Group":
            message = f"the group {MASTERS} is above all authorization, and cannot be taken back by RBAC"
            yield Finding(message, path / "name", severity, SMALLER)
