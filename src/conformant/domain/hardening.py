"""What a securityContext leaves open, for pods that operators make from templates."""

from typing import Any

from conformant.model import dig, sequence


def open_rights(container: Any) -> list[str]:
    """What the restricted level demands of a container's securityContext and this one does not say."""
    missing: list[str] = []
    if dig(container, "allowPrivilegeEscalation") is not False:
        missing.append("allowPrivilegeEscalation: false")
    if "ALL" not in sequence(container, "capabilities", "drop"):
        missing.append("capabilities.drop: [ALL]")
    return missing


def may_be_root(pod: Any, container: Any = None) -> bool:
    """Whether neither pod nor container demands a user other than root."""
    own = dig(container, "runAsNonRoot")
    return own is not True and (own is False or dig(pod, "runAsNonRoot") is not True)
