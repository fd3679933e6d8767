"""Which ServiceAccounts of a platform are bound to a role."""

from conformant.platform import Platform
from conformant.views.rbac import BINDINGS, bound_accounts


def bound(platform: Platform) -> frozenset[tuple[str, str]]:
    """(namespace, name) of the ServiceAccounts that any binding names. Use with `Platform.derived`."""
    return bound_accounts([resource for kind in BINDINGS for resource in platform.kind(kind)])
