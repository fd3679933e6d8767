"""Objects of a PostgreSQL database, in their state after all DDL statements.

What the DDL cannot tell (it ran in a DO block, psql included another file) is asked for with
``undecided``: ``if (doubt := table.undecided("rls")): yield doubt``.
"""

import re
from collections.abc import Iterator
from typing import Any, ClassVar, TypeVar

from conformant.model import Path, Resource, Undecided
from conformant.regex import lazy
from conformant.views.base import View
from conformant.views.sql_parts import Column, Grant, Part, Policy

TENANT_KEY = lazy(r"(?:tenant|org|organi[sz]ation|account|customer)_?id", re.IGNORECASE)
USER_KEY = lazy(r"user_?id", re.IGNORECASE)
TENANT_ENTITY = lazy(r"(?:tenant|org|organi[sz]ation|account|customer)s?", re.IGNORECASE)

ViewType = TypeVar("ViewType", bound="SqlObject")


class SqlObject(View):
    """What all objects of a database share."""

    __slots__ = ()
    family: ClassVar[str] = "sql"
    kinds: ClassVar[frozenset[str] | None] = frozenset()

    @property
    def name(self) -> str:
        return str(self.raw["name"])

    @property
    def schema(self) -> str:
        """The schema that it is in; empty for schemas, roles and the database."""
        return str(self.raw["schema"])

    @property
    def qualified(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name

    @property
    def owner(self) -> str | None:
        """The owner, where a statement tells it."""
        return self.raw.get("owner")  # type: ignore[no-any-return]  # the loader's record, typed by its writer

    @property
    def comment(self) -> str:
        return self.raw.get("comment") or ""

    @property
    def grants(self) -> list[Grant]:
        """Privileges in force, by role."""
        return [Grant(raw, Path(("grants", index))) for index, raw in enumerate(self.raw.get("grants", ()))]

    @property
    def revokes(self) -> list[Grant]:
        """Privileges that statements took back, whether or not they were held."""
        return [Grant(raw, Path(("revokes", index))) for index, raw in enumerate(self.raw.get("revokes", ()))]

    def privileges_of(self, role: str) -> set[str]:
        """What is granted to exactly this role, column grants included."""
        return {name for grant in self.grants if role in grant.roles for name in grant.privileges}

    @property
    def database(self) -> "Database":
        return Database(self.resource.parent or self.resource)

    def undecided(self, *topics: str) -> Undecided | None:
        """The first statement that was not followed and may bear on this object in one of `topics`
        (see `conformant.load.sql.routines.TOPICS`: ``rls``, ``grant``, ``role``, ``owner``,
        ``table``, ``index``, ``trigger``, ``view``, ``function``, ``schema``, ``comment``)."""
        for entry in self.database.unmodelled:
            if not set(topics).isdisjoint(entry["topics"]) and self._concerned(entry):
                words = f"{entry['text_start']} …: " if entry["text_start"] else ""
                return Undecided(f"{entry['file']}:{entry['line']}: {words}{entry['reason']}")
        return None

    def _concerned(self, entry: dict[str, Any]) -> bool:
        return True


class Table(SqlObject):
    """A table, ordinary, partitioned, a partition, or foreign."""

    __slots__ = ()
    kinds = frozenset({"Table"})

    def _concerned(self, entry: dict[str, Any]) -> bool:
        return not entry["tables"] or self.qualified in entry["tables"]

    @property
    def columns(self) -> list[Column]:
        return [Column(raw, Path(("columns", index))) for index, raw in enumerate(self.raw["columns"])]

    @property
    def columns_known(self) -> bool:
        """False for CREATE TABLE AS, OF a type, or LIKE a table of other files."""
        return bool(self.raw["columns_known"])

    def column(self, name: str) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)

    def columns_like(self, pattern: re.Pattern[str]) -> list[Column]:
        """The columns whose whole name matches."""
        return [column for column in self.columns if pattern.fullmatch(column.name)]

    @property
    def tenant_columns(self) -> list[Column]:
        """Columns that name the tenant a row belongs to: tenant_id, organization_id …"""
        return self.columns_like(TENANT_KEY)

    @property
    def user_columns(self) -> list[Column]:
        return self.columns_like(USER_KEY)

    @property
    def key_columns(self) -> list[Column]:
        """What row security can tell rows apart by: tenant columns, else user columns."""
        return self.tenant_columns or self.user_columns

    @property
    def is_tenant_entity(self) -> bool:
        """The table of the tenants themselves, by its name."""
        return TENANT_ENTITY.fullmatch(self.name) is not None

    @property
    def primary_key(self) -> list[str]:
        return list(self.raw["primary_key"])

    @property
    def foreign_keys(self) -> list[Part]:
        return [Part(raw, Path(("foreign_keys", index))) for index, raw in enumerate(self.raw["foreign_keys"])]

    @property
    def indexes(self) -> list[Part]:
        """Indexes of CREATE INDEX: ``columns`` (None for an expression), ``unique``, ``where``."""
        return [Part(raw, Path(("indexes", index))) for index, raw in enumerate(self.raw["indexes"])]

    def is_indexed(self, column: str) -> bool:
        """Whether a primary key, unique constraint or full index begins with this column."""
        leading = [self.raw["primary_key"][:1], *(names[:1] for names in self.raw["unique"])]
        leading += [index["columns"][:1] for index in self.raw["indexes"] if not index["where"]]
        return [column] in leading

    @property
    def rls_enabled(self) -> bool:
        return bool(self.raw["rls"]["enabled"])

    @property
    def rls_forced(self) -> bool:
        return bool(self.raw["rls"]["forced"])

    @property
    def policies(self) -> list[Policy]:
        return [Policy(raw, Path(("policies", index))) for index, raw in enumerate(self.raw["policies"])]

    @property
    def triggers(self) -> list[Part]:
        """``timing``, ``events`` (insert, update, delete, truncate) and ``function``."""
        return [Part(raw, Path(("triggers", index))) for index, raw in enumerate(self.raw["triggers"])]

    @property
    def partition_of(self) -> dict[str, str] | None:
        """``schema`` and ``name`` of the partitioned table above."""
        return self.raw["partition_of"]  # type: ignore[no-any-return]  # the loader's record, typed by its writer

    @property
    def repeatable(self) -> bool:
        """Whether its CREATE TABLE may run again: IF NOT EXISTS, or a DROP … IF EXISTS before it."""
        return bool(self.raw["if_not_exists"] or self.raw["cleared"])

    @property
    def is_partitioned(self) -> bool:
        return self.raw["partition_by"] is not None

    @property
    def is_foreign(self) -> bool:
        return bool(self.raw["foreign"])


class SqlView(SqlObject):
    """A view or materialised view."""

    __slots__ = ()
    kinds = frozenset({"View"})

    @property
    def materialized(self) -> bool:
        return bool(self.raw["materialized"])

    @property
    def security_invoker(self) -> bool:
        """Whether row security is that of the reader, not of the view's owner."""
        return bool(self.raw["security_invoker"])

    @property
    def reads(self) -> list[tuple[str, str]]:
        """(schema, name) of the relations in its query."""
        return [(entry["schema"], entry["name"]) for entry in self.raw["tables"]]

    @property
    def tables(self) -> Iterator[Table]:
        """The tables of these files that it reads, through other views too."""
        database, seen, pending = self.database, set(), self.reads
        while pending:
            name = pending.pop()
            if name in seen:
                continue
            seen.add(name)
            view, table = database.view(*name), database.table(*name)
            if view is not None:
                pending.extend(view.reads)
            if table is not None:
                yield table


class Schema(SqlObject):
    """A schema; one that no statement creates is there because something is put into it."""

    __slots__ = ()
    kinds = frozenset({"Schema"})

    @property
    def declared(self) -> bool:
        return bool(self.raw["declared"])

    @property
    def repeatable(self) -> bool:
        """Whether its CREATE SCHEMA has IF NOT EXISTS."""
        return bool(self.raw.get("if_not_exists"))

    @property
    def tables(self) -> list[Table]:
        return [table for table in self.database.tables if table.schema == self.name]

    @property
    def is_empty(self) -> bool:
        """No table, view or function of these files is in it."""
        return not any(found.namespace == self.name for found in self.database.members)


class Role(SqlObject):
    """A role. Attributes are None where the role is only mentioned, not created."""

    __slots__ = ()
    kinds = frozenset({"Role"})

    @property
    def declared(self) -> bool:
        return bool(self.raw["declared"])

    @property
    def login(self) -> bool | None:
        return self.raw["login"]  # type: ignore[no-any-return]  # the loader's record, typed by its writer

    @property
    def attributes(self) -> list[str]:
        """Those of superuser, createrole, bypassrls, replication, createdb that it has."""
        names = ("superuser", "createrole", "bypassrls", "replication", "createdb")
        return [name for name in names if self.raw[name]]

    @property
    def has_password_literal(self) -> bool:
        return bool(self.raw["has_password_literal"])

    @property
    def password_hash(self) -> str:
        """``scram-sha-256`` or ``md5`` where the password is given hashed, else empty."""
        return str(self.raw["password_hash"])

    @property
    def member_of(self) -> list[str]:
        return list(self.raw["member_of"])


class Function(SqlObject):
    """A function or procedure."""

    __slots__ = ()
    kinds = frozenset({"Function"})

    @property
    def security_definer(self) -> bool:
        return bool(self.raw["security_definer"])

    @property
    def search_path(self) -> str | None:
        """The value of its SET search_path."""
        return self.raw["search_path"]  # type: ignore[no-any-return]  # the loader's record, typed by its writer

    @property
    def language(self) -> str:
        return str(self.raw["language"])

    @property
    def execute_public(self) -> bool:
        """Whether everybody may call it, as is the default."""
        return bool(self.raw["execute_public"])

    @property
    def dynamic(self) -> list[tuple[str, Path]]:
        """Its EXECUTE statements and how they build their text: ``constant``, ``quoted``,
        ``format``, ``format_s``, ``concatenation`` or ``variable``."""
        return [(raw["kind"], Path(("dynamic", index))) for index, raw in enumerate(self.raw["dynamic"])]


class Database(SqlObject):
    """One set of DDL files and the facts that hold for all of it."""

    __slots__ = ()
    kinds = frozenset({"Database"})

    @property
    def members(self) -> list[Resource]:
        """All other resources of the set."""
        return list((self.resource.meta or {}).values())

    def _member(self, kind: str, schema: str, name: str) -> Resource | None:
        return (self.resource.meta or {}).get((kind, schema, name))

    @property
    def defines(self) -> bool:
        """Whether it creates anything that holds or gives data: not the case of queries and test data."""
        kinds = ("Table", "View", "Function", "Schema")
        return any(found.kind in kinds and found.name != "public" for found in self.members)

    def _of(self, view: type[ViewType]) -> list[ViewType]:
        kinds = view.kinds or frozenset()
        return [view(resource) for resource in self.members if resource.kind in kinds]

    @property
    def tables(self) -> list[Table]:
        return self._of(Table)

    @property
    def views(self) -> list[SqlView]:
        return self._of(SqlView)

    @property
    def schemas(self) -> list[Schema]:
        return self._of(Schema)

    @property
    def roles(self) -> list[Role]:
        return self._of(Role)

    @property
    def functions(self) -> list[Function]:
        return self._of(Function)

    def table(self, schema: str, name: str) -> Table | None:
        found = self._member("Table", schema, name)
        return Table(found) if found else None

    def view(self, schema: str, name: str) -> SqlView | None:
        found = self._member("View", schema, name)
        return SqlView(found) if found else None

    def schema_named(self, name: str) -> Schema | None:
        found = self._member("Schema", "", name)
        return Schema(found) if found else None

    def role(self, name: str) -> Role | None:
        found = self._member("Role", "", name)
        return Role(found) if found else None

    def roles_behind(self, name: str) -> set[str]:
        """The role and all roles whose privileges it has by membership."""
        found: set[str] = set()
        pending = [name]
        while pending:
            current = pending.pop()
            if current not in found:
                found.add(current)
                role = self.role(current)
                pending.extend(role.member_of if role else ())
        return found

    @property
    def public_privileges(self) -> list[str]:
        """What PUBLIC may do with the database: connect and temporary unless revoked."""
        return list(self.raw["public_privileges"])

    @property
    def default_privileges(self) -> list[Part]:
        """ALTER DEFAULT PRIVILEGES, each for one ``creator`` and ``schema`` (None: any): ``objects``
        (``tables``, ``functions`` …), ``granted`` (or revoked), ``privileges``, ``roles``."""
        entries = enumerate(self.raw["default_privileges"])
        return [Part(raw, Path(("default_privileges", index))) for index, raw in entries]

    @property
    def jobs(self) -> list[str]:
        """What is run by a schedule inside the database: ``DELETE FROM …``, names of tables."""
        return [text for raw in self.raw["jobs"] for text in raw["arguments"]]

    @property
    def extensions(self) -> list[str]:
        return list(self.raw["extensions"])

    @property
    def settings(self) -> dict[str, str]:
        """Of ALTER SYSTEM and ALTER DATABASE … SET."""
        return dict(self.raw["settings"])

    @property
    def unmodelled(self) -> list[dict[str, Any]]:
        """Statements whose effect was not followed: ``kind``, ``reason``, ``file``, ``line``,
        ``text_start``, ``topics`` that they may change, ``tables`` that they mention."""
        return list(self.raw["unmodelled"])


class RowAccess(SqlObject):
    """What decides who sees which rows: tables, views and roles. Wrap `resource` as its kind says."""

    __slots__ = ()
    kinds = frozenset({"Table", "View", "Role"})
