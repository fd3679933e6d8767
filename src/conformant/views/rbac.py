"""ServiceAccounts and what roles are bound to them."""

from typing import Any, ClassVar

from conformant.model import Resource, dig, mapping, sequence
from conformant.views.base import Object


class ServiceAccount(Object):
    """A ServiceAccount."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"/ServiceAccount"})


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
