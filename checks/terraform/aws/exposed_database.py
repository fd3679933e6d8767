"""An RDS or Aurora database is unencrypted, public, or talks without TLS.

What it checks: Storage of instances and clusters is encrypted, and no instance is publicly accessible (critical).
The parameter group makes the engine refuse connections without TLS, or the version does so by itself: PostgreSQL
from 15, Aurora PostgreSQL from 17, Aurora MySQL from 8.4, MariaDB from 11.8 (high). The master password is managed
by RDS or write-only, so that it stays out of the state (high); the certificate authority is a valid one (medium);
IAM authentication is on (low). Replicas and restored databases take over encryption and password: those of a
source that is not known here are undecided.

Why it matters: An unencrypted database leaks with every snapshot; a public one is scanned and tried from everywhere.
Clients fall back to plaintext silently where the server lets them.

How to fix: `storage_encrypted = true` (an existing database is restored from an encrypted copy of a snapshot),
`publicly_accessible = false`, a parameter group with `rds.force_ssl = 1` or `require_secure_transport = 1`,
`manage_master_user_password = true`.

When it is fine: Hardly ever. Passwords written out in the code are a matter of the check on literal secrets.
"""

from collections.abc import Iterator

from conformant.domain.rds import (
    TLS_PARAMETERS,
    engine,
    engine_version,
    is_cluster,
    is_replica,
    origin,
    parameter_group_argument,
    refuses_plaintext_by_default,
    source,
)
from conformant.domain.terraform_links import TerraformIndex
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Path, Severity, Undecided, dig
from conformant.platform import Platform
from conformant.views.terraform import TerraformResource

ENCRYPTED = Path(("storage_encrypted",))
PUBLIC = Path(("publicly_accessible",))
IAM = Path(("iam_database_authentication_enabled",))
IAM_ENGINES = ("postgres", "mysql", "mariadb", "aurora", "aurora-mysql", "aurora-postgresql")
EXPIRED_AUTHORITIES = ("rds-ca-2019", "rds-ca-2015")
ON = ("1", "on", "true")


@check(
    id="TF-AWS-013",
    severity=Severity.CRITICAL,
    controls=[
        "nist-800-53r5/SC-28(1)", "nist-800-53r5/SC-8", "nist-800-53r5/SC-7", "cis-aws-3.0/2.3.1",
        "cis-aws-3.0/2.3.3", "pci-dss-4.0/3.5", "ckv/CKV_AWS_16", "ckv/CKV_AWS_96", "ckv/CKV_AWS_17",
        "ckv/CKV_AWS_161",
    ],
    kinds=["aws_db_instance", "aws_rds_cluster", "aws_rds_cluster_instance"],
)  # fmt: skip
def exposed_database(database: TerraformResource, platform: Platform) -> Iterator[Item]:
    index = platform.derived(TerraformIndex)
    if database.kind == "aws_rds_cluster_instance":
        yield from aspects([_public(database), _authority(database)])
        return
    yield from aspects([
        _encryption(database, index), _public(database), _transport(database, index), _iam(database, index),
        _authority(database), _password(database),
    ])  # fmt: skip


def _encryption(database: TerraformResource, index: TerraformIndex) -> Iterator[Item]:
    if database.has(*ENCRYPTED):
        if not database.true(*ENCRYPTED, default=False):
            yield _unencrypted("storage_encrypted is false")
    elif origin(database):
        copied = source(database, index)
        if copied is None and not _in_encrypted_global(database, index):
            yield Undecided(f"the storage is encrypted if that of its {origin(database)} is, which is not known here")
    elif not (is_cluster(database) and database.get("engine_mode") == "serverless"):
        yield _unencrypted("storage_encrypted is not set, which means false")


def _unencrypted(state: str) -> Finding:
    cure = Cure("storage_encrypted = true; restore an existing database from an encrypted snapshot copy", grade="none")
    return Finding(f"the database is not encrypted: {state}", ENCRYPTED, cure=cure)


def _in_encrypted_global(database: TerraformResource, index: TerraformIndex) -> bool:
    owners = index.targets(database, "global_cluster_identifier")
    return any(each.type == "aws_rds_global_cluster" and each.get(*ENCRYPTED) is True for each in owners)


def _public(database: TerraformResource) -> Iterator[Item]:
    if not is_cluster(database) and database.true(*PUBLIC, default=False):
        cure = Cure("publicly_accessible = false", ((PUBLIC, False),))
        yield Finding("the database has a public address", PUBLIC, cure=cure)


def _transport(database: TerraformResource, index: TerraformIndex) -> Iterator[Item]:
    name = engine(database, index)
    wanted = TLS_PARAMETERS.get(name)
    if wanted is None:
        if not name and origin(database):
            yield Undecided("the engine is that of the source, which is not known here")
        return
    argument, kind = parameter_group_argument(database)
    group = index.owner(database, kind, argument)
    if group is None and not database.has(argument) and not is_cluster(database) and is_replica(database):
        if source(database, index) is None:
            yield Undecided("a replica takes over the parameter group of its source, which is not known here")
        return
    if group is not None:
        stated = list(_stated(group, wanted))
        for path, value in stated:
            if str(value).lower() not in ON:
                cure = Cure(f'set {wanted} to "1"', ((path, "1"),))
                message = f"{wanted} is {value} in {group.address}: connections without TLS are accepted"
                yield Finding(message, path, Severity.HIGH, cure, at=group.resource)
        if stated:
            return
    stated_name = "" if group is not None else str(database.get(argument) or "")
    if not refuses_plaintext_by_default(name, engine_version(database, group, stated_name)):
        where = f"{group.address} does not set {wanted}" if group is not None else f"no known group sets {wanted}"
        cure = Cure(f'a parameter group with {wanted} = "1"', grade="none")
        message = f"connections without TLS are accepted: {where}"
        yield Finding(message, Path((argument,)), Severity.HIGH, cure)


def _stated(group: TerraformResource, wanted: str) -> Iterator[tuple[Path, object]]:
    """The value that a group gives to a parameter, with its path. Raises Undecided when it may be an unknown one."""
    parameters = group.blocks("parameter")
    doubts: Undecided | None = None
    for path, parameter in parameters:
        try:
            if dig(parameter, "name") == wanted:
                yield path / "value", dig(parameter, "value")
                return
        except Undecided as undecided:
            doubts = undecided
    if doubts is not None:
        raise doubts


def _iam(database: TerraformResource, index: TerraformIndex) -> Iterator[Item]:
    if database.true(*IAM, default=False):
        return
    if is_cluster(database):
        if database.get("engine_mode") == "serverless":
            return
    elif is_replica(database):
        return
    if engine(database, index) in IAM_ENGINES:
        cure = Cure("iam_database_authentication_enabled = true", ((IAM, True),))
        yield Finding("clients can log in by password only, not by IAM", IAM, Severity.LOW, cure)


def _authority(database: TerraformResource) -> Iterator[Item]:
    path = Path(("ca_certificate_identifier" if is_cluster(database) else "ca_cert_identifier",))
    if database.get(*path) in EXPIRED_AUTHORITIES:
        cure = Cure("use rds-ca-rsa2048-g1 or a newer authority", ((path, "rds-ca-rsa2048-g1"),))
        message = f"certificate authority {database.get(*path)} has expired"
        yield Finding(message, path, Severity.MEDIUM, cure)


def _password(database: TerraformResource) -> Iterator[Item]:
    name = "master_password" if is_cluster(database) else "password"
    if not database.has(name) or database.has(f"{name}_wo"):
        return
    if database.true("manage_master_user_password", default=False):
        return
    if database.references(name):
        path = Path((name,))
        cure = Cure(f"manage_master_user_password = true, or {name}_wo with an ephemeral value", grade="none")
        yield Finding("the master password stands in the state in clear", path, Severity.HIGH, cure)
