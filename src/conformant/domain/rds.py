"""Databases of RDS and Aurora: what they copy from others, and whether they accept connections without TLS."""

from conformant.domain.terraform_arguments import is_given
from conformant.domain.terraform_links import TerraformIndex
from conformant.model import Undecided, Unknown
from conformant.profile import version_tuple
from conformant.regex import lazy
from conformant.views.terraform import TerraformResource

SOURCES = (
    "replicate_source_db", "snapshot_identifier", "replication_source_identifier", "global_cluster_identifier",
    "restore_to_point_in_time", "s3_import",
)  # fmt: skip
"""Arguments that make a database from another one or from a backup, with its encryption and its password."""

TLS_PARAMETERS = {
    "postgres": "rds.force_ssl", "aurora-postgresql": "rds.force_ssl", "sqlserver": "rds.force_ssl",
    "mysql": "require_secure_transport", "mariadb": "require_secure_transport",
    "aurora-mysql": "require_secure_transport", "aurora": "require_secure_transport",
}  # fmt: skip
"""The parameter that refuses connections without TLS, by engine."""

_TLS_BY_DEFAULT = {"postgres": (15,), "aurora-postgresql": (17,), "aurora-mysql": (8, 4), "mariadb": (11, 8)}
_ALWAYS_RECENT = frozenset({"postgres"})
_VERSION = lazy(r"(\d+(?:\.\d+)*)$")


def is_cluster(database: TerraformResource) -> bool:
    return database.type == "aws_rds_cluster"


def is_replica(database: TerraformResource) -> bool:
    """Whether an instance is a read replica of another one. Raises Undecided."""
    return is_given(database, "replicate_source_db")


def origin(database: TerraformResource) -> str:
    """The argument that makes the database a copy of something; empty for a new one. Raises Undecided."""
    return next((name for name in SOURCES if is_given(database, name)), "")


def source(database: TerraformResource, index: TerraformIndex) -> TerraformResource | None:
    """The database that this one is a copy of, where it is known here."""
    named = [each for name in SOURCES for each in index.targets(database, name)]
    known = [each for each in named if each.type in ("aws_db_instance", "aws_rds_cluster")]
    if known:
        return known[0]
    cluster = is_cluster(database)
    name = database.raw.get("replication_source_identifier" if cluster else "replicate_source_db")
    if not isinstance(name, str):
        return None
    own = "cluster_identifier" if cluster else "identifier"
    return next((each for each in index.of_type(database.type) if _equal(each.raw.get(own), name)), None)


def _equal(value: object, text: str) -> bool:
    return isinstance(value, str) and value == text


def engine(database: TerraformResource, index: TerraformIndex) -> str:
    """The engine, of a copy that of its source; empty where it is not known. Old clusters without one are Aurora MySQL.
    The editions of SQL Server are one engine. Raises Undecided."""
    stated = database.get("engine")
    if stated is None:
        copied = source(database, index)
        stated = copied.get("engine") if copied is not None else None
    if stated is None:
        return "aurora" if is_cluster(database) and not origin(database) else ""
    name = str(stated).lower()
    return "sqlserver" if name.startswith("sqlserver-") else name


def parameter_group_argument(database: TerraformResource) -> tuple[str, str]:
    """The argument that names the parameter group, and the type of resource that declares one."""
    if is_cluster(database):
        return "db_cluster_parameter_group_name", "aws_rds_cluster_parameter_group"
    return "parameter_group_name", "aws_db_parameter_group"


def refuses_plaintext_by_default(engine: str, version: str) -> bool:
    """Whether an engine refuses connections without TLS unless a parameter says otherwise. `version` may be empty:
    the newest at creation; Undecided where that makes a difference."""
    first = _TLS_BY_DEFAULT.get(engine)
    if first is None:
        return False
    if not version:
        if engine in _ALWAYS_RECENT:
            return True
        raise Undecided(f"the default of {TLS_PARAMETERS[engine]} depends on engine_version, which is not set")
    return version_tuple(version) >= first


def engine_version(database: TerraformResource, group: TerraformResource | None, name: str) -> str:
    """The version of the engine as the database states it, else as the family of its parameter group or the name of a
    default group (``default.postgres14``) does; empty where nothing does. Raises Undecided."""
    stated = database.get("engine_version")
    if stated is not None:
        return str(stated)
    family = group.raw.get("family") if group is not None else name.removeprefix("default.")
    if isinstance(family, Unknown):
        return ""
    found = _VERSION.search(str(family)) if group is not None or name.startswith("default.") else None
    return found[1] if found else ""
