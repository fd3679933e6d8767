"""Columns, policies and grants: parts of database objects that have paths of their own."""

import re
from typing import Any

from conformant.model import Path
from conformant.regex import lazy

ALWAYS = lazy(r"\(*\s*(?:true|1\s*=\s*1|'t(?:rue)?'(?:::bool(?:ean)?)?)\s*\)*", re.IGNORECASE)


class Part:
    """A part of a table with a path of its own; `raw` as the loader made it."""

    __slots__ = ("path", "raw")

    def __init__(self, raw: dict[str, Any], path: Path) -> None:
        self.raw = raw
        self.path = path

    @property
    def name(self) -> str:
        return str(self.raw["name"])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.raw.get('name', self.path)}>"


class Column(Part):
    """`type` is as people write it (``varchar(255)``, ``timestamptz``), `default` its SQL text."""

    __slots__ = ()

    @property
    def type(self) -> str:
        return str(self.raw["type"])

    @property
    def nullable(self) -> bool:
        return bool(self.raw["nullable"])

    @property
    def default(self) -> str | None:
        return self.raw["default"]  # type: ignore[no-any-return]  # the loader's record, typed by its writer

    @property
    def primary_key(self) -> bool:
        return bool(self.raw["primary_key"])

    @property
    def unique(self) -> bool:
        """Whether the column alone is unique: by constraint, primary key or full unique index."""
        return bool(self.raw["unique"])

    @property
    def references(self) -> dict[str, Any] | None:
        """``schema``, ``table``, ``columns``, ``on_delete`` and ``on_update`` (None: not stated)
        of a foreign key that this column alone makes up."""
        return self.raw["references"]  # type: ignore[no-any-return]  # the loader's record, typed by its writer

    @property
    def comment(self) -> str:
        return self.raw["comment"] or ""

    @property
    def inherited(self) -> bool:
        """Whether it comes from a parent table, which answers for it."""
        return bool(self.raw.get("inherited"))


class Policy(Part):
    """A row security policy; `columns` are those that either predicate mentions."""

    __slots__ = ()

    @property
    def command(self) -> str:
        """``all``, ``select``, ``insert``, ``update`` or ``delete``."""
        return str(self.raw["command"])

    @property
    def permissive(self) -> bool:
        return bool(self.raw["permissive"])

    @property
    def roles(self) -> list[str]:
        return list(self.raw["roles"])

    @property
    def using(self) -> str | None:
        return self.raw["using"]  # type: ignore[no-any-return]  # the loader's record, typed by its writer

    @property
    def with_check(self) -> str | None:
        return self.raw["with_check"]  # type: ignore[no-any-return]  # the loader's record, typed by its writer

    @property
    def columns(self) -> list[str]:
        return list(self.raw["columns"])

    @property
    def settings(self) -> list[dict[str, Any]]:
        """The ``current_setting`` calls: ``name`` (None if computed) and ``missing_ok``."""
        return list(self.raw["settings"])

    @property
    def functions(self) -> list[str]:
        """Functions that the predicates call, such as ``auth.uid``."""
        return list(self.raw["functions"])

    @property
    def shows_everything(self) -> bool:
        """USING is constantly true."""
        return self.using is not None and ALWAYS.fullmatch(self.using) is not None

    @property
    def accepts_everything(self) -> bool:
        """WITH CHECK is constantly true; one that is absent is USING again."""
        written = self.with_check if self.with_check is not None else self.using
        return written is not None and ALWAYS.fullmatch(written) is not None


class Grant(Part):
    """Privileges (lower case) held by `roles` (``PUBLIC`` for everybody)."""

    __slots__ = ()

    @property
    def privileges(self) -> list[str]:
        return list(self.raw["privileges"])

    @property
    def roles(self) -> list[str]:
        return list(self.raw["roles"])
