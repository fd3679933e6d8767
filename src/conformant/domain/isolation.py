"""Which policies isolate a namespace or a pod by default."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct

from conformant.leaf import Item
from conformant.model import Cure, Finding, NotApplicable, Path, Severity
from conformant.platform import Namespace, Platform
from conformant.views.network import EGRESS, INGRESS, AdminPolicy, NetworkPolicy, Rule
from conformant.views.selector import SelectorIndex

_VERB = {INGRESS: "into", EGRESS: "out of"}
_PEERS = {INGRESS: "from", EGRESS: "to"}
_DENY = Cure(
    "add a NetworkPolicy {podSelector: {}, policyTypes: [Ingress, Egress]}, together with the rules that the "
    "workloads need",
    grade="none",
)


class Isolation(Struct, frozen=True):
    """How pods of a namespace are isolated in one direction without naming them.

    `policies` select every pod; `open_rules` of theirs admit everybody again; `admin` is an
    administrator's policy that denies by default.
    """

    policies: tuple[NetworkPolicy, ...]
    open_rules: tuple[tuple[NetworkPolicy, Rule], ...]
    admin: AdminPolicy | None

    @property
    def holds(self) -> bool:
        return self.admin is not None or bool(self.policies and not self.open_rules)


class PolicySet:
    """The NetworkPolicies of each namespace, and which of them select a pod. Use with `Platform.derived`."""

    def __init__(self, platform: Platform) -> None:
        by_namespace: dict[str, list[NetworkPolicy]] = {}
        for policy in platform.of(NetworkPolicy):
            by_namespace.setdefault(policy.namespace, []).append(policy)
        self._all = by_namespace
        self._index = {
            namespace: SelectorIndex((policy.pod_selector, policy) for policy in policies)
            for namespace, policies in by_namespace.items()
        }

    def selecting(self, namespace: str, labels: dict[Any, Any]) -> list[NetworkPolicy]:
        """The policies whose subjects include a pod of `namespace` with these labels."""
        index = self._index.get(namespace)
        return index.admitting(labels) if index is not None else []


def policies_of(namespace: Namespace) -> list[NetworkPolicy]:
    """The NetworkPolicies of a namespace."""
    return [
        namespace.platform.view(resource, NetworkPolicy)
        for resource in namespace.members
        if f"{resource.group}/{resource.kind}" in (NetworkPolicy.kinds or ())
    ]


def default_isolation(namespace: Namespace, direction: str) -> Isolation:
    """What isolates all pods of `namespace` in `direction`, future ones included."""
    general = tuple(policy for policy in policies_of(namespace) if policy.selects_all and policy.isolates(direction))
    opened = tuple((policy, rule) for policy in general for rule in policy.rules(direction) if not rule.peers)
    admin = next(
        (
            policy
            for policy in namespace.platform.of(AdminPolicy)
            if policy.covers(namespace.labels) and policy.denies_all(direction)
        ),
        None,
    )
    return Isolation(general, opened, admin)


def default_deny_faults(namespace: Namespace, platform: Platform, direction: str) -> Iterator[Item]:
    """The findings of the default-deny checks on one namespace."""
    if not namespace.tenant:
        yield NotApplicable("no tenant namespace")
        return
    isolation = default_isolation(namespace, direction)
    if isolation.holds:
        return
    if isolation.open_rules:
        for policy, rule in isolation.open_rules:
            message = (
                f"NetworkPolicy {policy.name} selects all pods of {namespace.name} and lets everything "
                f"{_VERB[direction]} them: there is no default deny"
            )
            cure = Cure(f"remove the rule, or name in its {_PEERS[direction]} whom it is for", grade="none")
            yield Finding(message, rule.path, cure=cure, at=policy.resource)
        return
    policies = policies_of(namespace)
    known = platform.derived(PolicySet)
    uncovered = [
        workload.resource.address
        for workload in namespace.workloads
        if not workload.host_network
        and not any(policy.isolates(direction) for policy in known.selecting(namespace.name, workload.labels))
    ]
    if policies and namespace.workloads and not uncovered and not namespace.operated:
        message = (
            f"each workload of {namespace.name} has a policy of its own, but none isolates the {direction.lower()} "
            "of all pods: the next workload starts open"
        )
        yield _missing(message, policies, direction, Severity.MEDIUM)
        return
    message = f"no NetworkPolicy denies traffic {_VERB[direction]} all pods of {namespace.name} by default"
    if policies:
        yield _missing(message, policies, direction)
    else:
        yield Finding(message, Path(("metadata", "name")), cure=_DENY)


def _missing(
    message: str, policies: Sequence[NetworkPolicy], direction: str, severity: Severity | None = None
) -> Finding:
    """The finding at the policy that comes nearest to a default deny: the one that selects all pods."""
    nearest = next((policy for policy in policies if policy.selects_all), None)
    if nearest is None:
        return Finding(message, Path(("spec", "podSelector")), severity, _DENY, policies[0].resource)
    stated = bool(nearest.list("spec", "policyTypes"))
    path = Path(("spec", "policyTypes" if stated else "podSelector"))
    types = f"add {direction} to policyTypes" if stated else "state policyTypes: [Ingress, Egress]"
    cure = Cure(f"{types}, together with the rules that the workloads need", grade="none")
    return Finding(message, path, severity, cure, nearest.resource)
