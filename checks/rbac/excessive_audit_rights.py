"""The roles that conformant itself uses grant more than it needs.

What it checks: Roles and ClusterRoles that are the suite's own, by name or by a label of app.kubernetes.io,
only get, list and watch, and no Secrets but named ones of one namespace; they hold no wildcard, none of the
verbs impersonate, bind and escalate, no exec, attach, port forwarding, proxy or tokens. Other verbs are
granted only in the namespaces of its probes, but for what drills need: pods/eviction, Velero's restores, and
questions to the API server about rights.

Why it matters: A verifier that may do everything is the best account to steal.

How to fix: Apply what ``conformant audit --print-rbac`` prints.

When it is fine: Never. Run special drills with an account of their own.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from msgspec import Struct

from conformant.domain.grants import Grants
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity
from conformant.platform import Platform
from conformant.views.rbac import ANY, READS, Role, Rule


class Own(Struct, frozen=True, forbid_unknown_fields=True):
    """`names` start the names of the suite's roles, or are the value of a label app.kubernetes.io/name,
    part-of or managed-by; `namespaces` are patterns of those in which its probes may write."""

    names: tuple[str, ...] = ("conformant",)
    namespaces: tuple[str, ...] = ("conformance-probe*", "conformant-probe*", "verify-probe-*", "verify-restore-*")


LABELS = ("app.kubernetes.io/name", "app.kubernetes.io/part-of", "app.kubernetes.io/managed-by")
NEVER = frozenset({
    "pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy", "nodes/proxy",
    "serviceaccounts/token",
})  # fmt: skip
POWERS = frozenset({"impersonate", "bind", "escalate"})
ELSEWHERE: dict[tuple[str, str], frozenset[str]] = {
    ("authorization.k8s.io", "selfsubjectaccessreviews"): frozenset({"create"}),
    ("authorization.k8s.io", "selfsubjectrulesreviews"): frozenset({"create"}),
    ("authorization.k8s.io", "subjectaccessreviews"): frozenset({"create"}),
    ("authorization.k8s.io", "localsubjectaccessreviews"): frozenset({"create"}),
    ("", "pods/eviction"): frozenset({"create"}),
    ("velero.io", "restores"): frozenset({"create", "delete"}),
}
"""What may be written outside the probes' namespaces."""
CURE = Cure("apply what `conformant audit --print-rbac` prints", grade="none")


@check(
    id="RBAC-005",
    severity=Severity.HIGH,
    requirement="least-privilege",
    controls=["nist-800-53r5/AC-6", "pci-dss-4.0/7.2.5"],
)
def excessive_audit_rights(role: Role, platform: Platform, settings: Own = Own()) -> Iterator[Item]:
    if not _own(role, settings):
        yield NotApplicable("not a role of the suite itself")
        return
    for rule in role.rules:
        writable = _probes_only(role, platform, settings)
        yield from (Finding(message, path, cure=CURE) for path, message in _faults(rule, role, writable))


def _own(role: Role, settings: Own) -> bool:
    labels = role.labels
    return role.name.startswith(settings.names) or any(labels.get(label) in settings.names for label in LABELS)


def _probes_only(role: Role, platform: Platform, settings: Own) -> bool:
    """Whether the role holds in namespaces of the probes alone."""
    reach = platform.derived(Grants).of(role)
    names = {role.namespace} if role.kind == "Role" else reach.namespaces
    return (
        bool(names)
        and not reach.everywhere
        and all(any(fnmatchcase(name, pattern) for pattern in settings.namespaces) for name in names)
    )


def _faults(rule: Rule, role: Role, writable: bool) -> Iterator[tuple[Path, str]]:
    for field, words in (("apiGroups", rule.groups), ("resources", rule.resources), ("verbs", rule.verbs),
                         ("nonResourceURLs", rule.urls)):  # fmt: skip
        if ANY in words:
            yield rule.path / field, "the suite needs no wildcard"
    for index, verb in enumerate(rule.verbs):
        if verb in POWERS:
            yield rule.path / "verbs" / index, f"the suite never needs to {verb}"
    for index, resource in enumerate(rule.resources):
        path = rule.path / "resources" / index
        if resource in NEVER:
            yield path, f"the suite never uses {resource}"
        elif resource == "secrets" and not (role.kind == "Role" and rule.names and set(rule.verbs) == {"get"}):
            yield path, "the suite reads no Secrets, but for named ones of one namespace"
        elif not writable:
            verbs = _written(rule, resource)
            if verbs:
                yield path, f"the suite may {', '.join(verbs)} {resource} outside the namespaces of its probes"


def _written(rule: Rule, resource: str) -> list[str]:
    fine = [ELSEWHERE.get((group, resource), frozenset[str]()) for group in rule.groups]
    return [
        verb for verb in rule.verbs
        if verb not in READS | POWERS and verb != ANY and not (fine and all(verb in verbs for verbs in fine))
    ]  # fmt: skip
