"""PostgreSQL clusters of operators, and what may say how somebody connects to one."""

from typing import ClassVar

from conformant.views.base import Object
from conformant.views.literals import Anything


class PostgresOperated(Object):
    """CloudNativePG's Cluster and Pooler, Zalando's postgresql."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({
        "postgresql.cnpg.io/Cluster", "postgresql.cnpg.io/Pooler", "acid.zalan.do/postgresql",
    })  # fmt: skip


class PostgresAccess(Anything):
    """What decides how PostgreSQL is reached and by whom: objects and configs with connection strings or
    server settings, roles and databases of DDL. Wrap `resource` as its family and kind say."""

    __slots__ = ()
    families: ClassVar[frozenset[str]] = frozenset({"kubernetes", "config", "source", "sql"})
