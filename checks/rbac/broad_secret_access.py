"""A role reads Secrets, or issues tokens, without naming which.

What it checks: No rule of a Role or ClusterRole gets, lists or watches Secrets without resourceNames. In a
ClusterRole that is bound for all namespaces that is worse than in one namespace. No rule creates tokens of
ServiceAccounts (serviceaccounts/token), which is to act as them, except tokens of the very accounts that
it is bound to. No RoleBinding gives a ServiceAccount the roles admin or edit, which read Secrets too (a lower
finding). Wildcards for resources are the matter of wildcard-rights. The roles that the API server
brings itself are left alone.

Why it matters: Who can read the Secrets of a namespace is everybody whose credentials lie there; a list
shows the values too.

How to fix: Mount the Secret into the pod that needs it, or name it in resourceNames.

When it is fine: Controllers that read whatever Secret an object refers to, External Secrets and
cert-manager among them. Waive them by name, bound to as few namespaces as they serve.
"""

from collections.abc import Iterator

from conformant.domain.grants import Grants, Reach
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, Path, Severity
from conformant.platform import Platform
from conformant.views.rbac import ANY, Access, Role, RoleBinding, Rule

NAMED = Cure("name the Secrets in resourceNames, or mount them instead", grade="none")
OWN = Cure("use a projected token, or name the accounts in resourceNames", grade="none")
FOR_PEOPLE = frozenset({"admin", "edit"})
VERBS = ("get", "list", "watch")


@check(
    id="RBAC-002",
    severity=Severity.HIGH,
    requirement="least-privilege",
    aliases=["SEC-016"],
    controls=[
        "nist-800-53r5/AC-6", "cis-k8s-1.12/5.1.2", "cis-k8s-1.12/5.1.13", "nsa-hardening-1.2/authentication",
        "iso-27001-2022/A.8.3", "pci-dss-4.0/7.2.5",
    ],
)  # fmt: skip
def broad_secret_access(access: Access, platform: Platform) -> Iterator[Item]:
    if access.kind in ("Role", "ClusterRole"):
        yield from _role(platform.view(access.resource, Role), platform)
    elif access.kind == "RoleBinding":
        yield from _binding(platform.view(access.resource, RoleBinding))


def _role(role: Role, platform: Platform) -> Iterator[Finding]:
    if role.shipped:
        return
    for rule in role.rules:
        if ANY in rule.resources or not rule.concerns(""):
            continue
        secrets, tokens = rule.position("secrets"), rule.position("serviceaccounts/token")
        if secrets >= 0 and not rule.names and rule.allows(*VERBS):
            yield _secrets(rule, secrets, platform.derived(Grants).of(role))
        if tokens >= 0 and rule.allows("create"):
            yield from _tokens(rule, tokens, platform.derived(Grants).of(role))


def _binding(binding: RoleBinding) -> Iterator[Finding]:
    """A role for people in the hands of a program; everything worse is the matter of wildcard-rights."""
    kind, name = binding.role
    if kind == "ClusterRole" and name in FOR_PEOPLE and binding.accounts and not binding.shipped:
        message = f"{name} also reads every Secret in {binding.namespace}"
        cure = Cure("bind a role of its own with the rights that are needed", grade="none")
        yield Finding(message, Path(("roleRef", "name")), Severity.LOW, cure)


def _secrets(rule: Rule, index: int, reach: Reach) -> Finding:
    verbs = [verb for verb in VERBS if rule.allows(verb)]
    severity = Severity.HIGH if reach.everywhere else Severity.MEDIUM
    message = f"every Secret may be read ({', '.join(verbs)}) {reach.words}"
    return Finding(message, rule.path / "resources" / index, severity, NAMED)


def _tokens(rule: Rule, index: int, reach: Reach) -> Iterator[Finding]:
    if rule.names and _own(rule, reach):
        return
    which = f"of {', '.join(rule.names)}" if rule.names else "of any ServiceAccount"
    severity = Severity.CRITICAL if reach.everywhere and not rule.names else Severity.HIGH
    message = f"tokens {which} may be issued {reach.words}: that is to act as them"
    yield Finding(message, rule.path / "resources" / index, severity, OWN)


def _own(rule: Rule, reach: Reach) -> bool:
    """Whether only the named accounts themselves have the role, in their own namespace."""
    accounts = [(binding.namespace, account) for binding in reach.bindings for account in binding.accounts]
    subjects = sum(len(binding.subjects) for binding in reach.bindings)
    return (
        bool(accounts)
        and len(accounts) == subjects
        and not reach.everywhere
        and all(space == namespace and rule.names == [name] for space, (namespace, name) in accounts)
    )
