"""A PostgreSQL cluster of an operator is not redundant, not private or not hardened.

What it checks: CloudNativePG's Cluster and Pooler and Zalando's postgresql have two instances or more, an odd
number where any of them may confirm a commit; keep their disruption budget and anti-affinity; have no
superuser by network and no role that is superuser or bypasses row security; let nobody in by pg_hba without
TLS or without a good proof; keep ssl on and passwords as SCRAM; name a StorageClass, a memory limit and a
pinned image; and are exposed by no LoadBalancer or NodePort. For Zalando's also: a TLS secret of one's own,
and a PostgreSQL version that still gets fixes. Backups are another check's matter.

Why it matters: With one instance a node's end is the service's end until the volume is attached again. A
database that a load balancer exposes is tried by every scanner of the Internet within the hour.

How to fix: instances: 3, enablePDB and anti-affinity left on, a StorageClass with encryption, limits, and
ClusterIP Services alone. CloudNativePG serves TLS with a CA of its own: that is fine.

When it is fine: One instance in development: say so in the profile (environment = "dev").
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from conformant.domain.postgresql import open_entrances, weak_settings
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Path, Severity, dig, mapping, sequence
from conformant.profile import Profile
from conformant.views.image import parse_image
from conformant.views.postgresql import PostgresOperated

SPREADING = ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone")
EXPOSED = ("LoadBalancer", "NodePort")
BALANCERS = tuple(f"enable{role}{kind}LoadBalancer" for kind in ("", "Pooler") for role in ("Master", "Replica"))
NODE_PORTS = tuple(f"enable{role}{kind}NodePort" for kind in ("", "Pooler") for role in ("Master", "Replica"))
END_OF_FIXES = {
    "9": date(2021, 11, 11), "10": date(2022, 11, 10), "11": date(2023, 11, 9), "12": date(2024, 11, 21),
    "13": date(2025, 11, 13), "14": date(2026, 11, 12), "15": date(2027, 11, 11), "16": date(2028, 11, 9),
    "17": date(2029, 11, 8), "18": date(2030, 11, 14),
}  # fmt: skip
SPEC = Path(("spec",))
THREE = Cure("instances: 3", grade="none")
ON = Cure("remove the line: it is on by default", grade="none")
NARROW = Cure("hostssl … scram-sha-256 or cert, from the networks of the clients alone", grade="none")
ROLE = Cure("a role without superuser and bypassrls", grade="none")
PRIVATE = Cure("ClusterIP, and clients inside the cluster", grade="none")
CLASS = Cure("a StorageClass with encryption", grade="none")
LIMIT = Cure("resources.limits.memory, equal to the request", grade="none")
PINNED = Cure("name:tag@sha256:…, or an image catalogue", grade="none")
ZONES = Cure(f"topologyKey: {SPREADING[0]}", grade="none")
OWN_TLS = Cure("tls.secretName, with a certificate of an issuer that clients trust", grade="none")
NEWER = Cure("upgrade to a version with fixes", grade="none")
SETTING = Cure("ssl: on, password_encryption: scram-sha-256, log_connections: on", grade="none")


@check(
    id="SQL-011",
    severity=Severity.HIGH,
    requirement="redundancy",
    controls=[
        "nist-800-53r5/SC-5(2)", "nist-800-53r5/AC-6", "nist-800-53r5/SC-8(1)", "soc2/A1.2", "soc2/CC6.1",
        "iso-27001-2022/A.8.14", "iso-27001-2022/A.8.24",
    ],
)  # fmt: skip
def fragile_database_cluster(cluster: PostgresOperated, profile: Profile, today: date) -> Iterator[Item]:
    production = profile.environment not in ("dev", "development", "test")
    if cluster.kind == "Cluster":
        yield from aspects(_cnpg(cluster, production))
    elif cluster.kind == "Pooler":
        yield from aspects(_pooler(cluster, production))
    else:
        yield from aspects(_zalando(cluster, production, today))


def _cnpg(cluster: PostgresOperated, production: bool) -> list[Iterator[Item]]:
    return [
        _instances(cluster, "instances", production), _budget(cluster, production), _spread(cluster, production),
        _superuser(cluster), _managed_roles(cluster),
        _entrances(cluster, Path(("spec", "postgresql", "pg_hba"))),
        _settings(cluster), _storage(cluster, "storage"), _memory(cluster), _image(cluster), _services(cluster),
    ]  # fmt: skip


def _pooler(cluster: PostgresOperated, production: bool) -> list[Iterator[Item]]:
    return [
        _instances(cluster, "instances", production),
        _entrances(cluster, Path(("spec", "pgbouncer", "pg_hba"))),
        _service(cluster, Path(("spec", "serviceTemplate"))),
    ]


def _zalando(cluster: PostgresOperated, production: bool, today: date) -> list[Iterator[Item]]:
    return [
        _instances(cluster, "numberOfInstances", production), _balancers(cluster),
        _entrances(cluster, Path(("spec", "patroni", "pg_hba"))),
        _users(cluster), _settings(cluster), _storage(cluster, "volume"), _memory(cluster),
        _certificate(cluster), _version(cluster, today),
    ]  # fmt: skip


def _instances(cluster: PostgresOperated, key: str, production: bool) -> Iterator[Item]:
    count = cluster.get("spec", key)
    stated = count if isinstance(count, int) and not isinstance(count, bool) else 1
    if stated < 2 and production:
        message = f"{stated} instance: nothing takes over when its node is gone"
        yield Finding(message, SPEC / key, cure=THREE)
    elif stated % 2 == 0 and stated > 1 and cluster.kind == "Cluster" and _any_confirms(cluster):
        message = f"{stated} instances, any of which may confirm a commit: an odd number loses less"
        yield Finding(message, SPEC / key, Severity.LOW, THREE)


def _any_confirms(cluster: PostgresOperated) -> bool:
    least = cluster.get("spec", "minSyncReplicas")
    return cluster.get("spec", "postgresql", "synchronous", "method") == "any" or (isinstance(least, int) and least > 0)


def _redundant(cluster: PostgresOperated) -> bool:
    count = cluster.get("spec", "instances")
    return isinstance(count, int) and count > 1


def _budget(cluster: PostgresOperated, production: bool) -> Iterator[Item]:
    if cluster.get("spec", "enablePDB") is False and (production or _redundant(cluster)):
        yield Finding("no PodDisruptionBudget: a drain may take all instances at once", SPEC / "enablePDB", cure=ON)


def _spread(cluster: PostgresOperated, production: bool) -> Iterator[Item]:
    if not _redundant(cluster):
        return
    path = SPEC / "affinity"
    if cluster.get(*path, "enablePodAntiAffinity") is False:
        message = "no anti-affinity: all instances may stand on one node"
        yield Finding(message, path / "enablePodAntiAffinity", cure=ON)
    elif production and not _over_zones(cluster):
        message = "instances are kept apart by node only, not by zone"
        yield Finding(message, path / "topologyKey", Severity.INFO, ZONES)


def _over_zones(cluster: PostgresOperated) -> bool:
    keys = [dig(entry, "topologyKey") for entry in cluster.list("spec", "topologySpreadConstraints")]
    return bool({cluster.get("spec", "affinity", "topologyKey"), *map(str, keys)} & set(SPREADING))


def _superuser(cluster: PostgresOperated) -> Iterator[Item]:
    if cluster.get("spec", "enableSuperuserAccess") is True:
        message = "the superuser may log in over the network"
        yield Finding(message, SPEC / "enableSuperuserAccess", cure=ON)


def _managed_roles(cluster: PostgresOperated) -> Iterator[Item]:
    base = SPEC / "managed" / "roles"
    for index, role in enumerate(cluster.list(*base)):
        if dig(role, "ensure") == "absent":
            continue
        for attribute in ("superuser", "bypassrls"):
            if dig(role, attribute) is True:
                yield Finding(f"role {dig(role, 'name')} is {attribute}", base / index / attribute, cure=ROLE)


def _users(cluster: PostgresOperated) -> Iterator[Item]:
    for user, flags in cluster.map("spec", "users").items():
        for index, flag in enumerate(sequence(flags)):
            if str(flag).lower() in ("superuser", "bypassrls"):
                path = SPEC / "users" / user / index
                yield Finding(f"user {user} is {str(flag).lower()}", path, cure=ROLE)


def _entrances(cluster: PostgresOperated, path: Path) -> Iterator[Item]:
    lines = cluster.list(*path)
    for index, line in enumerate(lines):
        if not isinstance(line, str):
            dig(lines, index)
    for index, severity, fault in open_entrances(lines):
        yield Finding(f"pg_hba: {fault}", path / index, severity, NARROW)


def _settings(cluster: PostgresOperated) -> Iterator[Item]:
    path = SPEC / "postgresql" / "parameters"
    parameters = cluster.map(*path)
    for name, severity, fault in weak_settings(parameters):
        yield Finding(fault, path / name, severity, SETTING)
    if str(dig(parameters, "log_connections")).lower() in ("off", "false"):
        yield Finding("connections are not logged", path / "log_connections", Severity.INFO, SETTING)


def _storage(cluster: PostgresOperated, key: str) -> Iterator[Item]:
    storage = cluster.map("spec", key)
    if not dig(storage, "storageClass") and not dig(storage, "pvcTemplate", "storageClassName"):
        message = "no StorageClass is named: whether the data is encrypted depends on the cluster's default"
        yield Finding(message, SPEC / key / "storageClass", Severity.MEDIUM, CLASS)


def _memory(cluster: PostgresOperated) -> Iterator[Item]:
    if dig(cluster.map("spec", "resources"), "limits", "memory") is None:
        yield Finding("no memory limit: the database may take its node down", SPEC / "resources", cure=LIMIT)


def _image(cluster: PostgresOperated) -> Iterator[Item]:
    name = cluster.get("spec", "imageName")
    if isinstance(name, str) and "@sha256:" not in name:
        severity = Severity.HIGH if parse_image(name).moves else Severity.MEDIUM
        yield Finding(f"image {name} is not pinned by digest", SPEC / "imageName", severity, PINNED)


def _services(cluster: PostgresOperated) -> Iterator[Item]:
    base = SPEC / "managed" / "services" / "additional"
    for index in range(len(cluster.list(*base))):
        yield from _service(cluster, base / index / "serviceTemplate")


def _service(cluster: PostgresOperated, template: Path) -> Iterator[Item]:
    kind = cluster.get(*template, "spec", "type")
    if kind in EXPOSED:
        ranges = cluster.list(*template, "spec", "loadBalancerSourceRanges")
        yield _exposed(f"a {kind} exposes the database", template / "spec" / "type", ranges)


def _balancers(cluster: PostgresOperated) -> Iterator[Item]:
    for key in (*BALANCERS, *NODE_PORTS):
        if cluster.get("spec", key) is True:
            kind = "LoadBalancer" if key in BALANCERS else "NodePort"
            ranges = cluster.list("spec", "allowedSourceRanges") if key in BALANCERS else []
            yield _exposed(f"a {kind} exposes the database ({key})", SPEC / key, ranges)


def _exposed(message: str, path: Path, ranges: list[Any]) -> Finding:
    narrow = bool(ranges) and not any(str(each).endswith("/0") for each in ranges)
    return Finding(
        message + (" to some networks" if narrow else ""), path, Severity.MEDIUM if narrow else None, PRIVATE
    )


def _certificate(cluster: PostgresOperated) -> Iterator[Item]:
    if not dig(mapping(cluster.raw, "spec", "tls"), "secretName"):
        message = "its certificate is self-signed: clients cannot verify whom they speak to"
        yield Finding(message, SPEC / "tls", Severity.LOW, OWN_TLS)


def _version(cluster: PostgresOperated, today: date) -> Iterator[Item]:
    stated = str(cluster.get("spec", "postgresql", "version") or "")
    end = END_OF_FIXES.get(stated.partition(".")[0])
    if end is not None and end < today:
        message = f"PostgreSQL {stated} gets no fixes since {end}"
        yield Finding(message, SPEC / "postgresql" / "version", cure=NEWER)
