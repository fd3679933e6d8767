"""ServiceAccounts, roles and what binds them."""

from collections.abc import Collection
from typing import Any, ClassVar

from conformant.model import Path, Resource, dig, mapping, sequence
from conformant.views.base import Object
from conformant.views.workload import Workload

ANY = "*"
READS = frozenset({"get", "list", "watch"})
DEFAULTS = frozenset({"cluster-admin", "admin", "edit", "view"})
"""The ClusterRoles for people that every cluster has."""


class ServiceAccount(Object):
    """A ServiceAccount."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"/ServiceAccount"})


class Rule:
    """One rule of a role; `path` leads to it from the root of the role."""

    __slots__ = ("groups", "names", "path", "resources", "urls", "verbs")

    def __init__(self, raw: dict[Any, Any], path: Path) -> None:
        self.path = path
        self.groups = _words(raw, "apiGroups")
        self.resources = _words(raw, "resources")
        self.names = _words(raw, "resourceNames")
        self.verbs = _words(raw, "verbs")
        self.urls = _words(raw, "nonResourceURLs")

    def allows(self, *verbs: str) -> bool:
        """Whether it grants one of these verbs, by name or by ``*``."""
        return ANY in self.verbs or any(verb in self.verbs for verb in verbs)

    def concerns(self, group: str) -> bool:
        """Whether it speaks of an API group, by name or by ``*``."""
        return group in self.groups or ANY in self.groups

    def position(self, resource: str) -> int:
        """The index of the entry of `resources` that names a resource, or all that have its subresource;
        -1 where none does. The ``*`` for everything does not count."""
        for index, stated in enumerate(self.resources):
            if stated == resource or (stated.startswith("*/") and stated[1:] == resource[resource.find("/") :]):
                return index
        return -1


def _words(raw: dict[Any, Any], field: str) -> list[str]:
    stated = raw.get(field)
    if stated.__class__ is not list:
        return sequence(stated)
    return (
        stated
        if all(word.__class__ is str for word in stated)
        else [word if isinstance(word, str) else "" for word in stated]
    )


class Role(Object):
    """A Role or a ClusterRole."""

    __slots__ = ("_rules",)
    kinds: ClassVar[frozenset[str] | None] = frozenset(
        {"rbac.authorization.k8s.io/Role", "rbac.authorization.k8s.io/ClusterRole"}
    )

    def __init__(self, resource: Resource) -> None:
        super().__init__(resource)
        self._rules: list[Rule] | None = None

    @property
    def rules(self) -> "list[Rule]":
        """The rules as written; none of a role that aggregates others: the controller overwrites them."""
        if self._rules is None:
            stated = [] if self.aggregates else self.list("rules")
            self._rules = [
                Rule(rule, Path(("rules", index))) for index, rule in enumerate(stated) if isinstance(rule, dict)
            ]
        return self._rules

    @property
    def aggregates(self) -> bool:
        """Whether its rules are those of the roles that its selectors choose."""
        return bool(self.map("aggregationRule"))

    @property
    def shipped(self) -> bool:
        """Whether it is one of those that the API server makes itself."""
        return shipped(self)


class RoleBinding(Object):
    """A RoleBinding or a ClusterRoleBinding."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset(
        {"rbac.authorization.k8s.io/RoleBinding", "rbac.authorization.k8s.io/ClusterRoleBinding"}
    )

    @property
    def everywhere(self) -> bool:
        """Whether it grants its role in all namespaces."""
        return self.kind == "ClusterRoleBinding"

    @property
    def role(self) -> tuple[str, str]:
        """(kind, name) of the role that it grants."""
        kind, name = self.get("roleRef", "kind"), self.get("roleRef", "name")
        return str(kind or ""), name if isinstance(name, str) else ""

    @property
    def subjects(self) -> "list[tuple[Path, dict[Any, Any]]]":
        """Whom it grants the role to, with their paths."""
        return [
            (Path(("subjects", index)), subject)
            for index, subject in enumerate(self.list("subjects"))
            if isinstance(subject, dict)
        ]

    @property
    def accounts(self) -> list[tuple[str, str]]:
        """(namespace, name) of the ServiceAccounts among them."""
        return [
            (str(dig(subject, "namespace") or self.namespace), str(dig(subject, "name")))
            for _, subject in self.subjects
            if dig(subject, "kind") == "ServiceAccount"
        ]

    @property
    def shipped(self) -> bool:
        """Whether it is one of those that the API server makes itself."""
        return shipped(self)


class TokenHolder(Object):
    """What may bring a token of a ServiceAccount: a Secret, a ServiceAccount, a workload with its volumes."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = (Workload.kinds or frozenset()) | {"/Secret", "/ServiceAccount"}


class Access(Object):
    """A role or a binding."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = (Role.kinds or frozenset()) | (RoleBinding.kinds or frozenset())


def shipped(thing: Object) -> bool:
    """Whether the API server brings this role or binding, and restores it when somebody changes it."""
    marked = dig(thing.labels, "kubernetes.io/bootstrapping") == "rbac-defaults"
    return marked and (thing.name in DEFAULTS or thing.name.startswith("system:"))


def writes(verbs: Collection[str]) -> bool:
    """Whether one of the verbs does more than read."""
    return any(verb not in READS for verb in verbs)


BINDINGS = ("rbac.authorization.k8s.io/RoleBinding", "rbac.authorization.k8s.io/ClusterRoleBinding")


def bound_accounts(bindings: "list[Resource]") -> frozenset[tuple[str, str]]:
    """(namespace, name) of every ServiceAccount that one of these bindings names."""
    found: set[tuple[str, str]] = set()
    for binding in bindings:
        for subject in sequence(binding.raw, "subjects"):
            stated: dict[Any, Any] = mapping(subject)
            if dig(stated, "kind") == "ServiceAccount":
                namespace = dig(stated, "namespace") or binding.namespace
                found.add((str(namespace), str(dig(stated, "name"))))
    return frozenset(found)
