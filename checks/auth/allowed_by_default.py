"""An auth config does not deny what no rule allows, or has no rule for a service.

What it checks: A config with authorization policies says that its default is to deny, by a key of its own
(default, default_effect …), by one of every policy, or by a last rule for everything. Every service has a
rule for paths that name it. The services are those of the profile's `service_catalogue`; without one the
schemas of the database and the Deployments of the config's namespace, but for stores and those of `without`.

Why it matters: What the next release adds has no rule yet. Where the default is to allow, or not stated, it
is open to everybody with any token.

How to fix: default: deny, and a rule for each service.

When it is fine: Services that no user calls; name the others in `service_catalogue`.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from msgspec import Struct

from conformant.domain.permissions import permissions, stated
from conformant.domain.stores import engine_of
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity
from conformant.platform import Platform
from conformant.views.config import AuthConfig
from conformant.views.dumps import FILES
from conformant.views.sql import Schema


class Services(Struct, frozen=True, forbid_unknown_fields=True):
    """`without` are patterns of schemas and workloads that are no services."""

    without: tuple[str, ...] = (
        "public", "shared", "common", "reference", "archive*", "audit*", "staging", "migrations", "extensions",
        "topology", "tiger*", "cron", "partman", "pg_*", "_*", "information_schema",
    )  # fmt: skip


DENY = ("deny", "denied", "reject", "forbid", "block")
"""What values that deny start with: deny, deny-all, denyAll …"""
DEFAULTS = (
    "default", "default_effect", "default_action", "default_policy", "default_decision", "default_rule", "effect",
)  # fmt: skip
EVERYTHING = frozenset({"*", "/*", "/**", "**", "/", ".*", "/.*"})
POLICIES = Path(("authorization", "policies"))


@check(
    id="AUTH-005",
    severity=Severity.HIGH,
    requirement="authorization",
    controls=[
        "nist-800-53r5/AC-3", "nist-800-53r5/AC-6", "soc2/CC6.3", "iso-27001-2022/A.5.15", "iso-27001-2022/A.8.3",
        "pci-dss-4.0/7.3.3",
    ],
)  # fmt: skip
def allowed_by_default(config: AuthConfig, platform: Platform, settings: Services = Services()) -> Iterator[Item]:
    if not any(config.policies()):
        yield NotApplicable("no authorization policies")
        return
    rules = permissions(config)
    whole = any(rule.effect.startswith(DENY) and any(text in EVERYTHING for _, text in rule.patterns) for rule in rules)
    if not whole:
        yield from _default(config)
    named = {segment for rule in rules for _, text in rule.patterns for segment in _segments(text)}
    open_to_all = any(text in EVERYTHING for rule in rules for _, text in rule.patterns)
    missing = [] if open_to_all else [name for name in _services(config, platform, settings) if name not in named]
    if missing:
        cure = Cure("a rule for each of them", grade="none")
        yield Finding(f"no rule is for {', '.join(missing)}", POLICIES, cure=cure)


def _default(config: AuthConfig) -> Iterator[Finding]:
    found = stated(config, *(name.replace("_", "") for name in DEFAULTS))
    if found is not None and _denies(found[1]):
        return
    own = [any(_denies(policy.get(name)) for name in DEFAULTS if name != "effect") for _, policy in config.policies()]
    if all(own):
        return
    path = found[0] if found else Path(("authorization", "default"))
    message = f"the default is {found[1]}, not to deny" if found else "what no rule names is not denied: no default"
    yield Finding(message, path, cure=Cure("state the default: deny", ((path, "deny"),)))


def _denies(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_denies(value.get(key)) for key in ("effect", "action", "decision"))
    return isinstance(value, str) and value.lower().startswith(DENY)


def _segments(text: str) -> list[str]:
    return text.strip("^$").replace(".", "/").replace("*", "").split("/")


def _services(config: AuthConfig, platform: Platform, settings: Services) -> list[str]:
    if platform.profile.service_catalogue:
        return sorted(platform.profile.service_catalogue)
    names = {schema.name for schema in platform.of(Schema)}
    namespace = platform.namespaces.get(config.namespace)
    if namespace is not None and namespace.tenant:
        names.update(
            workload.name
            for workload in namespace.workloads
            if workload.kind in ("Deployment", "Rollout") and engine_of(workload) == FILES
        )
    return sorted(name for name in names if not any(fnmatchcase(name, pattern) for pattern in settings.without))
