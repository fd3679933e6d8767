"""A PostgreSQL connection may be read, or comes in without a good proof of who it is.

What it checks: Connection strings in environment variables, arguments, ConfigMaps and custom resources
(postgresql://…, ``host=… dbname=…``, JDBC, Npgsql) have sslmode verify-full: disable, allow, prefer and none
at all go on in plaintext, require and verify-ca do not verify the server's name. Sockets, the same machine or
pod, and a database that the mesh carries with STRICT mTLS need none. In pg_hba.conf no rule but for the same
machine lets anybody in without TLS, by trust, by a password in clear or by MD5; postgresql.conf leaves ssl
on and passwords as SCRAM. Roles that log in are no superusers, make no roles, replicate nothing and bypass no
row security, and the DDL holds no password of theirs. What stands in a Secret is not looked at. The pg_hba
of an operator's cluster is judged with the cluster.

Why it matters: Passwords and rows cross the network readable, or go to whoever answers in the server's
name. A role with more than it needs makes one injection a matter of the whole server.

How to fix: sslmode=verify-full&sslrootcert=…; hostssl … scram-sha-256; CREATE ROLE app LOGIN, with its
password set by the operator or by External Secrets.

When it is fine: Roles for replication replicate; the server's own administrator may do everything: name him
in the settings.
"""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from msgspec import Struct

from conformant.domain.mesh import Policies, injected
from conformant.domain.postgresql import Connection, connections, entrance, open_entrances, weak_settings
from conformant.domain.stores import known, known_containers
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, Undecided, dig, mapping, sequence
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.views.postgresql import PostgresAccess
from conformant.views.sql import Database, Role
from conformant.views.workload import Container, Workload

HINTS = (
    "postgres",
    "POSTGRES",
    "sslmode",
    "SSLMODE",
    "SSL_MODE",
    "ssl_mode",
    "DATABASE_U",
    "DB_U",
    "DSN",
    "database-u",
    "dbname=",
)
HIDDEN = lazy(
    r"(?i)(?:.*[_-])?(?:(?:pg|postgres(?:ql)?)[_-]?(?:ur[li]|dsn|conn(?:ection)?[_-]?str(?:ing)?)"
    r"|(?P<any>(?:database|db|sqlalchemy_database)[_-]?(?:ur[li]|dsn)|dsn))"
)
MODE = lazy(r"(?i)(?:.*_)?(?:pg|postgres(?:ql)?|db|database|sql)_?ssl_?mode|ssl_?mode")
SETTING = lazy(r"^\s*(ssl|password_encryption)\s*(?:=|\s)\s*'?(\w[\w-]*)'?\s*(?:#.*)?$")
SERVER = lazy(r"\s*(?:listen_addresses|shared_buffers|max_connections|hba_file|wal_level)\s*=")
SWITCH = lazy(r"(?:^|\s|-c\s*)(ssl|password_encryption)=(\w[\w-]*)")
MODES = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})
REPLICATES = lazy(r"(?i).*(?:repl|standby|backup|barman|debezium|cdc|walreceiver).*")
ATTRIBUTES = {
    "superuser": Severity.CRITICAL, "createrole": Severity.HIGH, "bypassrls": Severity.HIGH,
    "replication": Severity.HIGH,
}  # fmt: skip
TLS = Cure("sslmode=verify-full, with sslrootcert where the issuer is not a public one", grade="none")
HBA = Cure("hostssl … scram-sha-256 or cert, and hostnossl all all all reject", grade="none")
SERVED = Cure("ssl = on, password_encryption = scram-sha-256", grade="none")
PLAIN_ROLE = Cure("LOGIN NOSUPERUSER NOCREATEROLE NOREPLICATION NOBYPASSRLS", grade="none")
PASSWORD = Cure("set the password outside the DDL, from a secret store", grade="none")
OPERATED = ("postgresql.cnpg.io/Cluster", "acid.zalan.do/postgresql")
HOSTS = ("PGHOST", "POSTGRES_HOST", "DATABASE_HOST", "DB_HOST")
NOTHING = NotApplicable("nothing of PostgreSQL in it")


class Administrators(Struct, frozen=True, forbid_unknown_fields=True):
    """`administrators`: patterns of roles that administer the server, no application."""

    administrators: tuple[str, ...] = (
        "postgres", "rdsadmin", "rds_superuser", "cloudsqlsuperuser", "azure_superuser", "supabase_admin",
    )  # fmt: skip


@check(
    id="SQL-009",
    severity=Severity.CRITICAL,
    requirement="store-transport",
    controls=[
        "nist-800-53r5/SC-8(1)", "nist-800-53r5/IA-5", "nist-800-53r5/AC-6", "soc2/CC6.7", "iso-27001-2022/A.8.24",
        "iso-27001-2022/A.8.2", "pci-dss-4.0/4.2.1",
    ],
)  # fmt: skip
def unsafe_database_connection(
    access: PostgresAccess, platform: Platform, settings: Administrators = Administrators()
) -> Iterator[Item]:
    resource = access.resource
    if resource.family == "sql":
        if resource.kind == "Role":
            yield from _role(platform.view(resource, Role), settings)
        elif resource.kind == "Database":
            yield from _database(platform.view(resource, Database))
        else:
            yield NOTHING
    elif resource.kind == "TextFile" or not access.configurable or not access.may_mention(HINTS):
        yield NOTHING
    else:
        reading = Reading(access, platform)
        yield from aspects(reading.parts())
        if not reading.seen:
            yield NOTHING


# roles and settings of the DDL


def _role(role: Role, settings: Administrators) -> Iterator[Item]:
    if not role.declared:
        yield NotApplicable("made elsewhere")
        return
    if role.has_password_literal and role.password_hash != "scram-sha-256":
        severity = Severity.HIGH if role.password_hash == "md5" else None
        path = Path(("has_password_literal",))
        yield Finding(f"the password of role {role.name} stands in the DDL", path, severity, PASSWORD)
    if role.login is False or any(fnmatchcase(role.name, pattern) for pattern in settings.administrators):
        return
    for attribute in role.attributes:
        if attribute in ATTRIBUTES and not (attribute == "replication" and REPLICATES.fullmatch(role.name)):
            message = f"role {role.name} logs in and is {attribute.upper()}"
            yield Finding(message, Path((attribute,)), ATTRIBUTES[attribute], PLAIN_ROLE)


def _database(database: Database) -> Iterator[Item]:
    for name, severity, fault in weak_settings(database.settings):
        yield Finding(fault, Path(("settings", name)), severity, SERVED)
    if not database.settings:
        yield NotApplicable("no settings of the server")


# objects and files


class Reading:
    """Reads one object or file; `seen` tells whether there was anything of PostgreSQL in it."""

    def __init__(self, access: PostgresAccess, platform: Platform) -> None:
        self.access = access
        self.platform = platform
        self.namespace = access.namespace
        self.seen = False

    def parts(self) -> Iterator[Iterator[Item]]:
        access, resource = self.access, self.access.resource
        if isinstance(access.raw, str):
            yield self.server(access.name.lower(), access.raw.splitlines())
            yield self.client(access.raw.splitlines())
            return
        yield self.strings()
        if f"{resource.group}/{resource.kind}" in (Workload.kinds or ()):
            yield self.workload(self.platform.view(resource, Workload))
        elif resource.kind == "ConfigMap":
            yield self.entries(Path(("data",)))
        elif resource.kind == "EnvFile":
            yield self.entries(Path())
        elif resource.kind == "ExternalSecret":
            yield self.external()

    # connection strings

    def strings(self) -> Iterator[Item]:
        """The connection strings anywhere in an object, but for files of a ConfigMap that are read on their own."""
        parsed = self.access.resource.parts
        for path, text in self.access.texts("="):
            if path[:1] == ("metadata",) or (path[:1] == ("data",) and len(path) == 2 and path[1] in parsed):
                continue
            yield from self.connections(text, path)
        for path, text in self.access.texts("://"):
            if "=" not in text and path[:1] != ("metadata",):
                yield from self.connections(text, path)

    def connections(self, text: str, path: Path) -> Iterator[Item]:
        for connection in connections(text):
            if connection.sslmode is None:
                connection = Connection(connection.hosts, _mode_beside(self.access.raw, path))
            yield from self.connection(connection, path)

    def connection(self, connection: Connection, path: Path) -> Iterator[Item]:
        self.seen = True
        if connection.local or self.meshed(connection):
            return
        try:
            fault = connection.fault()
        except Undecided as undecided:
            yield undecided
            return
        if fault is not None:
            severity, words = fault
            yield Finding(f"the connection to {connection.shown} {words}", path, severity, TLS)

    def meshed(self, connection: Connection) -> bool:
        """Whether the mesh carries every pod behind the hosts, and refuses plaintext to them."""
        return self.platform.has_mesh and all(self.strict(host) for host in connection.hosts)

    def strict(self, host: str) -> bool:
        name, _, rest = host.partition(".")
        namespace = self.platform.namespaces.get(rest.partition(".")[0] or self.namespace)
        service = self.platform.find("/Service", namespace.name, name) if namespace else None
        chosen = mapping(service.raw, "spec", "selector") if service else {}
        if namespace is None or not chosen:
            return False
        pods = [workload for workload in namespace.workloads if chosen.items() <= workload.labels.items()]
        return bool(pods) and all(_refuses_plaintext(pod, self.platform) for pod in pods)

    # variables

    def workload(self, workload: Workload) -> Iterator[Item]:
        for container in workload.all_containers:
            stated = {str(entry.get("name")): entry.get("value") for _, entry in container.env}
            for index, entry in container.env:
                name, value, path = str(entry.get("name")), entry.get("value"), container.path / "env" / index
                if isinstance(value, str):
                    yield from self.variable(name, value, path / "value", stated)
                elif value is None:
                    yield from self.hidden(name, mapping(entry, "valueFrom", "secretKeyRef"))
            yield from self.arguments(container)

    def entries(self, base: Path) -> Iterator[Item]:
        """The entries of a ConfigMap or an env file, as variables."""
        stated = mapping(self.access.raw, *base)
        for name, value in stated.items():
            if isinstance(name, str) and isinstance(value, str):
                yield from self.variable(name, value, base / name, stated)

    def variable(self, name: str, value: str, path: Path, stated: Mapping[Any, Any]) -> Iterator[Item]:
        """A variable that is an sslmode, or the image's own switch for pg_hba.conf."""
        if name == "POSTGRES_HOST_AUTH_METHOD":
            self.seen = True
            if value in ("trust", "password"):
                yield Finding(f"whoever reaches the server comes in by {value}", path, cure=HBA)
        elif MODE.fullmatch(name) and value in MODES:
            hosts = [host for key in HOSTS if isinstance(host := stated.get(key), str)]
            yield from self.connection(Connection((hosts[0] if hosts else "the database",), value), path)

    def hidden(self, name: str, reference: Mapping[Any, Any]) -> Iterator[Item]:
        match = HIDDEN.fullmatch(name) if reference else None
        if match is not None and (match["any"] is None or self.platform.derived(_in_play)):
            self.seen = True
            yield Undecided(f"the connection string {name} stands in a Secret")

    def external(self) -> Iterator[Item]:
        for entry in self.access.list("spec", "data"):
            if isinstance(entry, dict):
                yield from self.hidden(str(entry.get("secretKey")), entry)

    # servers

    def arguments(self, container: Container) -> Iterator[Item]:
        """Settings of a server that are given as arguments: ``-c ssl=off``."""
        words = [
            (key, index, text) for key in ("command", "args") for index, text in enumerate(sequence(container.raw, key))
        ]
        if "postgres" not in f"{container.reference} {words}":
            return
        for key, index, text in words:
            for match in SWITCH.finditer(text) if isinstance(text, str) else ():
                for _, severity, fault in weak_settings({match[1]: match[2]}):
                    yield Finding(fault, container.path / key / index, severity, SERVED)

    def server(self, name: str, lines: list[str]) -> Iterator[Item]:
        """A text in a ConfigMap that is pg_hba.conf or postgresql.conf; a path is what the line begins with."""
        if "hba" in name:
            self.seen = True
            for index, severity, fault in open_entrances(lines):
                rule = entrance(lines[index])
                yield Finding(fault, Path(("line", rule.text if rule else "")), severity, HBA)
        elif "postgres" in name or any(SERVER.match(line) for line in lines):
            self.seen = True
            settings = {match[1]: match[2] for line in lines if (match := SETTING.match(line))}
            for key, severity, fault in weak_settings(settings):
                yield Finding(fault, Path(("line", str(key))), severity, SERVED)

    def client(self, lines: list[str]) -> Iterator[Item]:
        """Connection strings in the settings of a program."""
        for line in lines:
            name, equals, _ = line.strip().partition("=")
            for connection in connections(line):
                yield from self.connection(connection, Path(("line", name.strip())) if equals else Path())


def _refuses_plaintext(pod: Workload, platform: Platform) -> bool:
    effective = platform.derived(Policies).effective(pod)
    modes = (effective.mode, *effective.ports.values())
    return injected(pod, platform).enrolled and all(mode.strict for mode in modes)


def _mode_beside(raw: Any, path: Path) -> str | None:
    """The sslmode that another environment variable of the same container states."""
    entries = dig(raw, *path[:-2]) if len(path) > 3 and path[-3] == "env" else None
    for entry in entries if isinstance(entries, list) else ():
        name, value = dig(entry, "name"), dig(entry, "value")
        if isinstance(name, str) and isinstance(value, str) and MODE.fullmatch(name):
            return value
    return None


def _in_play(platform: Platform) -> bool:
    """Whether anything here is PostgreSQL, so that an unnamed database is one."""
    if any(platform.kind(kind) for kind in OPERATED) or platform.kind("/Database", "sql"):
        return True
    images = (known(container.raw, "image") for one in platform.workloads for container in known_containers(one))
    return any("postgres" in str(image) for image in images)
