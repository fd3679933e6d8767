"""A rule lists permissions to read and to write together, and does not say which method needs which.

What it checks: No rule of an auth config has both a permission to read (…:read, view, list) and one to write
(…:write, create, delete, admin) unless it demands all of them (match: all), or is for methods of one sort.

Why it matters: Where one of the listed permissions is enough, a token that may only read also deletes.

How to fix: A rule for GET and HEAD with the permission to read, and one for POST, PUT, PATCH and DELETE with
that to write.

When it is fine: Never.
"""

from collections.abc import Iterator

from conformant.domain.permissions import READING, Permission, permissions
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Severity
from conformant.views.config import AuthConfig

CURE = Cure("two rules: methods [GET, HEAD] to read, [POST, PUT, PATCH, DELETE] to write", grade="none")


@check(
    id="AUTH-006",
    severity=Severity.MEDIUM,
    requirement="authorization",
    controls=["nist-800-53r5/AC-6", "soc2/CC6.3", "iso-27001-2022/A.8.3", "pci-dss-4.0/7.2.1"],
)
def permission_without_method(config: AuthConfig) -> Iterator[Item]:
    rules = permissions(config)
    if not rules:
        yield NotApplicable("no authorization rules")
    for rule in rules:
        if rule.reads and rule.writes and rule.match != "all" and _mixed(rule):
            names = ", ".join(rule.permissions)
            what = "methods of both sorts" if rule.methods else "no methods"
            message = f"{names} for {what}: one that may read may also write"
            yield Finding(message, rule.path / "permissions", cure=CURE)


def _mixed(rule: Permission) -> bool:
    """Whether the rule is for methods that read and for such that write."""
    if rule.methods is None:
        return True
    return bool(rule.methods & READING) and bool(rule.methods - READING)
