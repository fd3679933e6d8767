"""Redis asks nobody for a password.

What it checks: The custom resource names a password (``kubernetesConfig.redisSecret`` with name and key)
or an ACL (``acl`` with a secret or a volume claim); a sentinel has only the former.

Why it matters: Without a password the operator turns protected mode off: each pod that reaches port 6379
reads and writes all data, and may load modules.

How to fix: kubernetesConfig.redisSecret, with the Secret made by External Secrets.

When it is fine: Never in a shared cluster.
"""

from collections.abc import Iterator

from conformant.leaf import check
from conformant.model import Cure, Finding, Path, Severity, dig, mapping
from conformant.views.redis import Redis

CURE = Cure("kubernetesConfig.redisSecret: {name, key}, filled by External Secrets", grade="none")


@check(
    id="RED-003",
    severity=Severity.CRITICAL,
    requirement="store-transport",
    controls=[
        "nist-800-53r5/IA-9", "nist-800-53r5/AC-3", "soc2/CC6.1", "iso-27001-2022/A.8.5", "pci-dss-4.0/8.3.1",
    ],
)  # fmt: skip
def no_redis_password(redis: Redis) -> Iterator[Finding]:
    secret = redis.map("spec", "kubernetesConfig", "redisSecret")
    if dig(secret, "name") and dig(secret, "key"):
        return
    if not redis.sentinel:
        acl = redis.map("spec", "acl")
        if dig(mapping(acl, "secret"), "secretName") or dig(acl, "persistentVolumeClaim"):
            return
    path = Path(("spec", "kubernetesConfig", "redisSecret"))
    yield Finding("no password and no ACL: whoever reaches the port is let in", path, cure=CURE)
