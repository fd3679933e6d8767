"""How far a role reaches: which bindings grant it, and where."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from conformant.model import Severity, mapping, sequence
from conformant.platform import Platform
from conformant.schema.builtin import GROUPS
from conformant.views.rbac import ANY, Role, RoleBinding, Rule
from conformant.views.selector import selects

AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"
_INTO = {"view": ("view", "edit", "admin"), "edit": ("edit", "admin"), "admin": ("admin",)}
"""The roles of every cluster that take in what is labelled for one of them."""


class Reach(Struct, frozen=True):
    """Where a role is granted. `aggregated` names the role of every cluster that takes it in; it may be
    bound by somebody whom the platform does not show."""

    everywhere: bool = False
    namespaces: frozenset[str] = frozenset()
    bindings: tuple[RoleBinding, ...] = ()
    aggregated: str = ""

    @property
    def idle(self) -> bool:
        """Whether nothing here grants it."""
        return not self.bindings and not self.aggregated

    @property
    def words(self) -> str:
        """Where it is granted, for a message."""
        if self.everywhere:
            return "in all namespaces"
        if self.namespaces:
            names = sorted(self.namespaces)
            return f"in {len(names)} namespaces ({', '.join(names[:3])})" if len(names) > 1 else f"in {names[0]}"
        return f"to all who have the role {self.aggregated}" if self.aggregated else "to nobody here"


class Grants:
    """The bindings of a platform by the role that they grant. Use with `Platform.derived`."""

    def __init__(self, platform: Platform) -> None:
        self._bindings: dict[tuple[str, str, str], list[RoleBinding]] = {}
        for binding in platform.of(RoleBinding):
            kind, name = binding.role
            self._bindings.setdefault((kind, binding.namespace if kind == "Role" else "", name), []).append(binding)
        self._aggregators = [role for role in platform.of(Role) if role.kind == "ClusterRole" and role.aggregates]
        self._known: dict[int, Reach] = {}

    def of(self, role: Role) -> Reach:
        """Where `role` is granted, by itself or as a part of a role that aggregates it."""
        found = self._known.get(id(role))
        if found is None:
            found = self._known[id(role)] = self._reach(role)
        return found

    def _reach(self, role: Role) -> Reach:
        keys = [(role.kind, role.namespace if role.kind == "Role" else "", role.name)]
        aggregated = ""
        if role.kind == "ClusterRole":
            for name in self._takers(role):
                keys.append(("ClusterRole", "", name))
                aggregated = aggregated or name
        bindings = [binding for key in dict.fromkeys(keys) for binding in self._bindings.get(key, ())]
        return Reach(
            everywhere=any(binding.everywhere for binding in bindings),
            namespaces=frozenset(binding.namespace for binding in bindings if not binding.everywhere),
            bindings=tuple(bindings),
            aggregated=aggregated,
        )

    def _takers(self, role: Role) -> Iterator[str]:
        """The names of the roles that aggregate it, and of those that aggregate these."""
        found: dict[str, None] = {}
        for name, roles in _INTO.items():
            if role.labels.get(f"{AGGREGATE}{name}") == "true":
                found.update(dict.fromkeys(roles))
        waiting = [role]
        while waiting:
            labels = waiting.pop().labels
            for taker in self._aggregators:
                selectors = sequence(mapping(taker.raw, "aggregationRule"), "clusterRoleSelectors")
                if taker.name not in found and any(selects(selector, labels) for selector in selectors):
                    found[taker.name] = None
                    waiting.append(taker)
        yield from found


def controllers(platform: Platform) -> frozenset[tuple[str, str]]:
    """(namespace, name) of the ServiceAccounts that write the status of custom resources, as operators do.
    Use with `Platform.derived`."""
    grants = platform.derived(Grants)
    return frozenset(
        account
        for role in platform.of(Role)
        if any(_controls(rule) for rule in role.rules)
        for binding in grants.of(role).bindings
        for account in binding.accounts
    )


def _controls(rule: Rule) -> bool:
    return (
        custom(rule.groups)
        and any(resource.endswith("/status") for resource in rule.resources)
        and rule.allows("update", "patch")
    )


def graded(severity: Severity, reach: Reach) -> Severity:
    """One step lower where nothing here grants the role."""
    return severity.lower() if reach.idle else severity


def custom(groups: Sequence[str]) -> bool:
    """Whether all these API groups are custom ones: an operator's own."""
    return bool(groups) and all(group != ANY and group not in GROUPS for group in groups)
