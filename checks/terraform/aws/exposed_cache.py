"""An ElastiCache cache is unencrypted, open to anybody in the network, or lost with one node.

What it checks: A replication group is encrypted at rest (Redis needs to be told, Valkey is by default) and in transit,
not merely on request, and asks for a token or a user. It fails over to a replica in another zone and keeps a
snapshot, and a global replication group takes it to another region (the last three medium). A single-node Redis or
Valkey cluster can do none of that; Memcached is encrypted in transit. No user may log in without a password, unless
it is switched off. Members of a global replication group take over its encryption.

Why it matters: Sessions, tokens and rate limits in a cache are as good as credentials. Whoever reaches the port of an
open cache reads them, and a cache without a replica forgets them with its node.

How to fix: An `aws_elasticache_replication_group` with `at_rest_encryption_enabled`, `transit_encryption_enabled`,
`user_group_ids`, `automatic_failover_enabled`, `multi_az_enabled` and two clusters, or a serverless cache.

When it is fine: A cache that can be lost at any time needs neither replica nor snapshot. Serverless caches are always
encrypted. A token written out in the code is a matter of the check on literal secrets.
"""

from collections.abc import Iterator

from msgspec import Struct

from conformant.domain.terraform_arguments import is_given, number
from conformant.domain.terraform_links import TerraformIndex
from conformant.leaf import Item, aspects, check
from conformant.model import ROOT, Cure, Finding, NotApplicable, Path, Severity, Undecided, dig
from conformant.platform import Platform
from conformant.views.terraform import TerraformResource


class CacheRecovery(Struct, frozen=True, forbid_unknown_fields=True):
    """`in_other_region` asks every replication group for a global one; switch it off where caches may be lost with
    their region."""

    in_other_region: bool = True


AT_REST = Path(("at_rest_encryption_enabled",))
IN_TRANSIT = Path(("transit_encryption_enabled",))
GLOBAL = "global_replication_group_id"
RECREATE = Cure("switch it on; an existing group is made anew from a snapshot", grade="none")


@check(
    id="TF-AWS-015",
    severity=Severity.HIGH,
    controls=[
        "nist-800-53r5/SC-8", "nist-800-53r5/SC-28(1)", "nist-800-53r5/IA-3", "ckv/CKV_AWS_29", "ckv/CKV_AWS_30",
        "ckv/CKV_AWS_31",
    ],
    kinds=[
        "aws_elasticache_replication_group", "aws_elasticache_cluster", "aws_elasticache_user",
        "aws_elasticache_serverless_cache",
    ],
)  # fmt: skip
def exposed_cache(
    cache: TerraformResource, platform: Platform, settings: CacheRecovery = CacheRecovery()
) -> Iterator[Item]:
    if cache.kind == "aws_elasticache_cluster":
        yield from _cluster(cache)
    elif cache.kind == "aws_elasticache_user":
        yield from _user(cache)
    elif cache.kind == "aws_elasticache_replication_group":
        yield from _group(cache, platform.derived(TerraformIndex), settings)


def _group(group: TerraformResource, index: TerraformIndex, settings: CacheRecovery) -> Iterator[Item]:
    yield from aspects([
        _inherited(group, index), _at_rest(group), _in_transit(group), _mode(group), _login(group),
        _token_strategy(group), _failover(group), _replicas(group), _snapshots(group),
    ])  # fmt: skip
    if settings.in_other_region:
        yield from _other_region(group, index)


def _other_region(group: TerraformResource, index: TerraformIndex) -> Iterator[Item]:
    kind = "aws_elasticache_global_replication_group"
    if not group.has(GLOBAL) and not index.settings(group, kind, "primary_replication_group_id"):
        cure = Cure(f"make it the primary of an {kind}", grade="none")
        yield Finding("the cache exists in one region only", ROOT, Severity.MEDIUM, cure)


def _inherited(group: TerraformResource, index: TerraformIndex) -> Iterator[Item]:
    """A member of a global group has the encryption of its primary, which is judged itself if it is known."""
    if is_given(group, GLOBAL):
        owners = [each for each in index.targets(group, GLOBAL) if each.type.endswith("_global_replication_group")]
        if not any(index.targets(owner, "primary_replication_group_id") for owner in owners):
            yield Undecided("encryption and login are those of the global group's primary, which is not known here")


def _at_rest(group: TerraformResource) -> Iterator[Item]:
    if group.has(*AT_REST):
        if not group.true(*AT_REST, default=False):
            yield Finding("data at rest is not encrypted", AT_REST, cure=RECREATE)
    elif not is_given(group, GLOBAL) and str(group.get("engine")).lower() != "valkey":
        yield Finding("data at rest is not encrypted: at_rest_encryption_enabled is not set", AT_REST, cure=RECREATE)


def _in_transit(group: TerraformResource) -> Iterator[Item]:
    if group.has(*IN_TRANSIT) or not is_given(group, GLOBAL):
        yield from _plaintext(group)


def _plaintext(cache: TerraformResource) -> Iterator[Item]:
    if not cache.true(*IN_TRANSIT, default=False):
        state = "off" if cache.has(*IN_TRANSIT) else "not set"
        cure = Cure("transit_encryption_enabled = true", ((IN_TRANSIT, True),))
        yield Finding(
            f"clients talk to the cache in clear: transit_encryption_enabled is {state}", IN_TRANSIT, cure=cure
        )


def _mode(group: TerraformResource) -> Iterator[Item]:
    path = Path(("transit_encryption_mode",))
    if group.get(*path) == "preferred":
        cure = Cure("required, once all clients use TLS", ((path, "required"),))
        yield Finding("connections without TLS are accepted beside those with it", path, cure=cure)


def _login(group: TerraformResource) -> Iterator[Item]:
    if group.has("auth_token") or group.has("auth_token_wo") or group.has("user_group_ids"):
        if group.raw.get("user_group_ids") == [] and not group.has("auth_token"):
            yield _no_login()
    elif not is_given(group, GLOBAL):
        yield _no_login()


def _no_login() -> Finding:
    cure = Cure("user_group_ids, or an auth_token from a secret", grade="none")
    return Finding(
        "anybody who reaches the cache may use it: neither users nor a token", Path(("auth_token",)), cure=cure
    )


def _token_strategy(group: TerraformResource) -> Iterator[Item]:
    path = Path(("auth_token_update_strategy",))
    if group.get(*path) == "DELETE":
        yield Finding("the token is taken away: anybody may log in", path, cure=Cure("use SET", ((path, "SET"),)))


def _failover(group: TerraformResource) -> Iterator[Item]:
    wanted = {
        "automatic_failover_enabled": "no replica takes over by itself",
        "multi_az_enabled": "primary and replicas may stand in one zone",
    }
    yield from aspects(_switched_on(group, Path((name,)), message) for name, message in wanted.items())


def _switched_on(group: TerraformResource, path: Path, message: str) -> Iterator[Item]:
    if not group.true(*path, default=False):
        yield Finding(message, path, Severity.MEDIUM, Cure(f"{path} = true", ((path, True),)))


def _replicas(group: TerraformResource) -> Iterator[Item]:
    """One replica or more: by the number of clusters, of replicas, or of each node group (two old names too)."""
    for name in ("num_cache_clusters", "number_cache_clusters"):
        clusters = number(group, name)
        if clusters is not None:
            if clusters < 2:
                yield _no_replica(Path((name,)), 2)
            return
    replicas = number(group, "replicas_per_node_group")
    if replicas is not None:
        if replicas < 1:
            yield _no_replica(Path(("replicas_per_node_group",)), 1)
        return
    counts = (("node_group_configuration", "replica_count"), ("cluster_mode", "replicas_per_node_group"))
    nested = [(path / name, dig(block, name)) for type, name in counts for path, block in group.blocks(type)]
    counted = [(path, value) for path, value in nested if value is not None]
    for path, value in counted:
        if str(value) == "0":
            yield _no_replica(path, 1)
    if not counted and not group.list("preferred_cache_cluster_azs")[1:]:
        yield _no_replica(Path(("num_cache_clusters",)), 2)


def _no_replica(path: Path, enough: int) -> Finding:
    return Finding("the cache has no replica", path, cure=Cure("add a replica", ((path, enough),)))


def _snapshots(group: TerraformResource) -> Iterator[Item]:
    path = Path(("snapshot_retention_limit",))
    if (number(group, *path) or 0) < 1:
        cure = Cure("keep a snapshot for a day or more", ((path, 7),))
        yield Finding("no snapshots are kept", path, Severity.MEDIUM, cure)


def _cluster(cluster: TerraformResource) -> Iterator[Item]:
    if is_given(cluster, "replication_group_id"):
        yield NotApplicable("judged with its replication group")
    elif cluster.get("engine") == "memcached":
        yield from _plaintext(cluster)
    else:
        cure = Cure("use an aws_elasticache_replication_group or a serverless cache", grade="none")
        message = "a single-node cluster has neither encryption at rest nor failover"
        yield Finding(message, Path(("engine",)), cure=cure)


def _user(user: TerraformResource) -> Iterator[Item]:
    words = str(user.get("access_string") or "").split()
    if "off" in words and "on" not in words:
        return
    cure = Cure("authentication_mode of type iam or password", grade="none")
    path = Path(("no_password_required",))
    if user.true(*path, default=False):
        yield Finding("the user needs no password", path, cure=cure)
    for where, mode in user.blocks("authentication_mode"):
        if dig(mode, "type") == "no-password-required":
            yield Finding("the user needs no password", where / "type", cure=cure)
