"""Workloads of a namespace accept every caller that no rule mentions.

What it checks: Every tenant namespace with workloads has an AuthorizationPolicy that allows nothing (action
ALLOW, no rules, no selector) or denies everything, in the namespace or in the root namespace; or each of
its workloads is held by an ALLOW policy whose rules all ask who is calling, since one match of ALLOW
policies makes everything else refused. DENY without rules matches nothing; AUDIT, CUSTOM and dry runs refuse
nothing; a policy with targetRefs holds only what stands behind them.

Why it matters: Without a policy the mesh encrypts what anybody asks of anybody.

How to fix: AuthorizationPolicy {name: allow-nothing, spec: {}} in the namespace, once the calls that must
go on are allowed.

When it is fine: Workloads that the profile exempts from the mesh.
"""

from collections.abc import Iterator

from conformant.domain.mesh import exempt
from conformant.domain.mesh_access import AccessPolicies, empty
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity
from conformant.platform import Namespace, Platform
from conformant.views.mesh import AuthorizationPolicy
from conformant.views.workload import Workload


@check(
    id="MESH-012",
    severity=Severity.CRITICAL,
    requirement="mesh-authorization",
    controls=[
        "nist-800-53r5/AC-3", "nist-800-53r5/AC-4", "nist-800-53r5/AC-6", "nist-800-53r5/SC-7(5)", "soc2/CC6.1",
        "soc2/CC6.3", "iso-27001-2022/A.5.15", "iso-27001-2022/A.8.3", "pci-dss-4.0/7.3.3",
    ],
)  # fmt: skip
def no_default_deny_authorization(namespace: Namespace, platform: Platform) -> Iterator[Item]:
    if not platform.has_mesh or not namespace.tenant:
        yield NotApplicable("no mesh, or no tenant namespace")
        return
    held = [one for one in namespace.workloads if not one.host_network and not exempt(one, platform)]
    if not held:
        yield NotApplicable("no workload here that policies could hold")
        return
    policies = platform.derived(AccessPolicies)
    if policies.denies_by_default(namespace.name):
        return
    bare = [workload for workload in held if not any(_narrows(policy) for policy in policies.holding(workload))]
    if bare:
        yield _finding(namespace, bare, policies)


def _narrows(policy: AuthorizationPolicy) -> bool:
    """Whether an ALLOW policy refuses somebody: none of its rules is for every caller."""
    return policy.action == "ALLOW" and not any(rule.open for rule in policy.rules)


def _finding(namespace: Namespace, bare: list[Workload], policies: AccessPolicies) -> Finding:
    names = ", ".join(dict.fromkeys(workload.name for workload in bare))
    message = f"every caller is allowed to reach {names} in {namespace.name}: no AuthorizationPolicy denies by default"
    hint = next((text for policy in policies.reaching(namespace.name) if (text := _no_use(policy))), "")
    if hint:
        message += f" ({hint})"
    policy = f"AuthorizationPolicy {{name: allow-nothing, namespace: {namespace.name}}} with spec: {{}}"
    cure = Cure(f"{policy}, once the calls that must go on are allowed", grade="none")
    return Finding(message, Path(("metadata", "name")), cure=cure, at=namespace.manifest or bare[0].resource)


def _no_use(policy: AuthorizationPolicy) -> str:
    """Why a policy that looks like the default is none."""
    if policy.dry_run:
        return f"{policy.name} is a dry run"
    if policy.action in ("AUDIT", "CUSTOM"):
        return f"{policy.name} is for {policy.action}"
    if policy.action == "DENY" and not policy.rules:
        return f"{policy.name} denies nothing: it has no rules"
    if policy.action == "ALLOW" and any(empty(rule) for rule in policy.rules):
        return f"{policy.name} allows everything"
    return ""
