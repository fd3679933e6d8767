"""What an auth config permits: its rules, with the paths, methods and permissions of each."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from conformant.model import Path, dig, mapping
from conformant.views.config import AuthConfig

READING = frozenset({"get", "head", "options"})
_RESOURCES = ("resource", "resources", "path", "paths")
_READ = frozenset({"read", "view", "get", "list", "viewer", "reader", "readonly"})
_WRITE = frozenset({
    "write", "create", "update", "delete", "edit", "admin", "manage", "modify", "writer", "editor", "post", "put",
    "patch", "*",
})  # fmt: skip


class Permission(Struct, frozen=True):
    """One rule. `patterns` are the paths that it is for, with their places; `methods` is None for all."""

    path: Path
    patterns: tuple[tuple[Path, str], ...]
    methods: frozenset[str] | None
    permissions: tuple[str, ...]
    match: str
    ordered: bool
    effect: str

    @property
    def reads(self) -> bool:
        """Whether one of its permissions is to read."""
        return any(_last(word) in _READ for word in self.permissions)

    @property
    def writes(self) -> bool:
        """Whether one of its permissions is to write."""
        return any(_last(word) in _WRITE for word in self.permissions)


def _last(permission: str) -> str:
    return permission.replace("/", ":").replace(".", ":").replace("-", ":").rpartition(":")[2].lower()


def permissions(config: AuthConfig) -> list[Permission]:
    """The rules of all policies of an auth config."""
    return [_permission(path, rule) for path, rule in config.rules()]


def _permission(path: Path, rule: dict[Any, Any]) -> Permission:
    methods = _words(dig(rule, "methods") or dig(rule, "method"))
    return Permission(
        path=path,
        patterns=tuple(_patterns(path, rule)),
        methods=frozenset(word.lower() for word in methods) if methods and "*" not in methods else None,
        permissions=tuple(_words(dig(rule, "permissions") or dig(rule, "permission") or dig(rule, "scopes"))),
        match=str(dig(rule, "match") or dig(rule, "require") or "").lower(),
        ordered=any(key in rule for key in ("priority", "order", "precedence")),
        effect=str(dig(rule, "effect") or dig(rule, "action") or "").lower(),
    )


def _patterns(path: Path, rule: dict[Any, Any]) -> Iterator[tuple[Path, str]]:
    for key in _RESOURCES:
        stated = dig(rule, key)
        if isinstance(stated, str):
            yield path / key, stated
        elif isinstance(stated, list):
            yield from ((path / key / index, entry) for index, entry in enumerate(stated) if isinstance(entry, str))


def _words(value: Any) -> list[str]:
    if isinstance(value, str):
        return value.replace(",", " ").split()
    return [entry for entry in value if isinstance(entry, str)] if isinstance(value, list) else []


def stated(config: AuthConfig, *names: str) -> tuple[Path, Any] | None:
    """A setting of ``authorization`` by one of several names, written in whatever way; None where it is not."""
    wanted = {name.replace("_", "") for name in names}
    for key, value in mapping(config.raw, "authorization").items():
        if isinstance(key, str) and key.replace("_", "").replace("-", "").lower() in wanted:
            return Path(("authorization", key)), value
    return None
