"""Redis' pods may do more than Redis needs, or can be reached from outside.

What it checks: The pods run as another user than root (``podSecurityContext``, in v1beta1 ``securityContext``), the
containers without privilege escalation and without capabilities (``securityContext`` of redisLeader and redisFollower,
of the other kinds at spec; v1beta1 has none, so migrate); no ``hostNetwork``, no ``hostPort``, no Service of type
LoadBalancer or NodePort; images of the exporter, of sidecars and of the init container are pinned by digest.

Why it matters: Redis runs scripts and loads modules for whoever gets in. On a port of the node no NetworkPolicy
for pods holds.

How to fix: podSecurityContext: {runAsNonRoot: true, runAsUser: 1000}, securityContext with drop: [ALL], ClusterIP.

When it is fine: Never in a shared cluster.
"""

from collections.abc import Iterator

from conformant.domain.hardening import may_be_root, open_rights
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Path, Severity, dig
from conformant.views.image import parse_image
from conformant.views.redis import Redis

SPEC = Path(("spec",))
SERVICE = SPEC / "kubernetesConfig" / "service"
OUTSIDE = ("LoadBalancer", "NodePort")
NON_ROOT = Cure("runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000", grade="none")
LESS = Cure("allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}", grade="none")
MIGRATE = Cure("apiVersion redis.redis.opstreelabs.in/v1beta2, and securityContext for the containers", grade="none")
PINNED = Cure("name:tag@sha256:…", grade="none")


@check(
    id="RED-007",
    severity=Severity.HIGH,
    requirement="pod-isolation",
    controls=[
        "nist-800-53r5/AC-6", "nist-800-53r5/SC-7", "cis-k8s-1.12/5.2.7", "cis-k8s-1.12/5.6.3", "iso-27001-2022/A.8.9",
    ],
)  # fmt: skip
def exposed_redis_pods(redis: Redis) -> Iterator[Item]:
    yield from aspects([_user(redis), _containers(redis), _node(redis), _services(redis), _images(redis)])


def _user(redis: Redis) -> Iterator[Finding]:
    path = SPEC / ("securityContext" if redis.beta1 else "podSecurityContext")
    pod = redis.map(*path)
    own = [] if redis.beta1 else [redis.map(*part, "securityContext") for _, part in redis.parts]
    if not any(may_be_root(pod, each) for each in own or [{}]):
        return
    user = dig(pod, "runAsUser")
    if isinstance(user, int) and user > 0 and dig(pod, "runAsNonRoot") is not False:
        yield Finding(f"the pods run as user {user}, but nothing forbids root", path, Severity.LOW, NON_ROOT)
    elif not pod:
        yield Finding(f"no {path[-1]}: the pods run as root if their images say so", path, cure=NON_ROOT)
    else:
        yield Finding("the pods may run as root", path, cure=NON_ROOT)


def _containers(redis: Redis) -> Iterator[Finding]:
    if redis.beta1:
        message = "v1beta1 has no securityContext for containers: they keep capabilities and may gain rights"
        yield Finding(message, SPEC, cure=MIGRATE)
        return
    for name, part in redis.parts:
        missing = open_rights(redis.map(*part, "securityContext"))
        if missing:
            whose = f"{name}'s containers lack" if redis.clustered else "the containers lack"
            yield Finding(f"{whose} {', '.join(missing)}", part / "securityContext", cure=LESS)


def _node(redis: Redis) -> Iterator[Finding]:
    if redis.get("spec", "hostNetwork") is True:
        path = SPEC / "hostNetwork"
        yield Finding("Redis listens on the node's own network", path, cure=Cure("remove it", ((path, False),)))
    if redis.get("spec", "hostPort"):
        cure = Cure("remove it; clients use the Service", grade="none")
        yield Finding("Redis takes a port of the node", SPEC / "hostPort", cure=cure)


def _services(redis: Redis) -> Iterator[Finding]:
    ways = [SERVICE / "serviceType"]
    if redis.get(*SERVICE, "additional", "enabled") is not False:
        ways.append(SERVICE / "additional" / "type")
    for path in ways:
        kind = redis.get(*path)
        if kind in OUTSIDE:
            yield Finding(f"a {kind} exposes Redis", path, cure=Cure("ClusterIP", ((path, "ClusterIP"),)))


def _images(redis: Redis) -> Iterator[Finding]:
    paths = [SPEC / "redisExporter" / "image", SPEC / "initContainer" / "image"]
    paths = [path for path in paths if redis.get(*path[:-1], "enabled") is not False]
    paths += [SPEC / "sidecars" / index / "image" for index in range(len(redis.list("spec", "sidecars")))]
    for path in paths:
        image = redis.get(*path)
        if isinstance(image, str) and image and "@sha256:" not in image and "{{" not in image:
            severity = Severity.HIGH if parse_image(image).moves else Severity.MEDIUM
            yield Finding(f"image {image} is not pinned by digest", path, severity, PINNED)
