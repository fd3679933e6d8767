"""A role is granted to everybody, or to whoever takes no account of its own.

What it checks: No RoleBinding or ClusterRoleBinding names system:anonymous, system:unauthenticated,
system:authenticated, all ServiceAccounts (of the cluster or of a namespace) or a ServiceAccount called
default. Roles with which clients find their way, such as system:discovery or one that only reads health and
version, may be granted to everybody. The bindings that the API server brings itself are left alone.

Why it matters: These groups hold whoever comes: every pod of a namespace, everybody with any certificate,
at worst the internet.

How to fix: A ServiceAccount for each workload, a group for people, and a binding for it.

When it is fine: Discovery, and the cluster-info of kubeadm.
"""

from collections.abc import Iterator
from typing import Any

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, Severity, dig
from conformant.platform import Platform
from conformant.views.rbac import READS, Role, RoleBinding, Rule

DISCOVERY = frozenset({
    "system:discovery", "system:basic-user", "system:public-info-viewer",
    "system:service-account-issuer-discovery", "system:image-puller", "kubeadm:bootstrap-signer-clusterinfo",
})  # fmt: skip
EVERYBODY = {
    "system:unauthenticated": "whoever reaches the API server",
    "system:authenticated": "everybody who has any credential",
    "system:serviceaccounts": "every pod of the cluster",
}
OPEN_URLS = ("/healthz", "/livez", "/readyz", "/version", "/api", "/apis", "/openapi", "/.well-known/", "/openid/")
SELF = frozenset({"selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"})
CURE = Cure("grant it to an account or group of its own", grade="none")


@check(
    id="RBAC-004",
    severity=Severity.CRITICAL,
    requirement="least-privilege",
    controls=[
        "nist-800-53r5/AC-3", "nist-800-53r5/AC-6", "cis-k8s-1.12/5.1.5", "nsa-hardening-1.2/authentication",
        "soc2/CC6.1", "iso-27001-2022/A.5.15", "pci-dss-4.0/7.2.1",
    ],
)  # fmt: skip
def broad_subject(binding: RoleBinding, platform: Platform) -> Iterator[Item]:
    broad = [(path, subject, who) for path, subject in binding.subjects if (who := _who(subject))]
    if not broad or binding.shipped or _discovery(binding, platform):
        return
    _, role = binding.role
    where = "in all namespaces" if binding.everywhere else f"in {binding.namespace}"
    for path, subject, who in broad:
        yield Finding(f"{role} is granted {where} to {dig(subject, 'name')}: {who}", path / "name", cure=CURE)


def _who(subject: dict[Any, Any]) -> str:
    """Whom a subject stands for, where it stands for many."""
    kind, name = dig(subject, "kind"), str(dig(subject, "name"))
    if kind == "ServiceAccount":
        return "every pod that names no account" if name == "default" else ""
    if kind == "User":
        return "whoever reaches the API server" if name == "system:anonymous" else _default(name)
    if kind == "Group":
        if name.startswith("system:serviceaccounts:"):
            return f"every pod of the namespace {name.rpartition(':')[2]}"
        return EVERYBODY.get(name, "")
    return ""


def _default(user: str) -> str:
    account = user.startswith("system:serviceaccount:") and user.endswith(":default")
    return "every pod that names no account" if account else ""


def _discovery(binding: RoleBinding, platform: Platform) -> bool:
    kind, name = binding.role
    if name in DISCOVERY:
        return True
    namespace = binding.namespace if kind == "Role" else ""
    resource = platform.find(f"rbac.authorization.k8s.io/{kind}", namespace, name)
    if resource is None:
        return False
    rules = list(platform.view(resource, Role).rules)
    return bool(rules) and all(_harmless(rule) for rule in rules)


def _harmless(rule: Rule) -> bool:
    if rule.resources:
        return rule.groups in (["authorization.k8s.io"], ["authentication.k8s.io"]) and SELF.issuperset(rule.resources)
    return READS.issuperset(rule.verbs) and all(url.startswith(OPEN_URLS) for url in rule.urls)
