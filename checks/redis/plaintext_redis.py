"""Redis speaks plaintext.

What it checks: The custom resource has a ``TLS`` block (upper case: a lower-case ``tls`` is dropped), or
the mesh carries its pods and demands mTLS of every port. Addresses with ``redis://`` in environment
variables and ConfigMaps that name one of its Services are reported where they stand.

Why it matters: Passwords and sessions cross the network in clear.

How to fix: spec.TLS with a certificate's Secret, and rediss:// in the clients.

When it is fine: Pods enrolled in a STRICT mesh, the cluster bus included.
"""

from collections.abc import Iterator

from msgspec import Struct

from conformant.domain.mesh import Policies, injected
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, Path, Resource, Severity, mapping
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.views.redis import Redis
from conformant.views.workload import Workload

CURE = Cure("spec.TLS: {secret: {secretName: …}, ca: ca.crt, cert: tls.crt, key: tls.key}", grade="none")
CLIENT = Cure("use rediss://", grade="review")
ADDRESS = lazy(r"redis://(?:[^@/\s]*@)?([A-Za-z0-9.-]+)")
ROLES = ("", "-leader", "-follower", "-master", "-replica", "-sentinel", "-headless", "-leader-headless")


@check(
    id="RED-004",
    severity=Severity.HIGH,
    requirement="store-transport",
    controls=["nist-800-53r5/SC-8(1)", "soc2/CC6.7", "iso-27001-2022/A.8.24", "pci-dss-4.0/4.2.1"],
)
def plaintext_redis(redis: Redis, platform: Platform) -> Iterator[Item]:
    if not mapping(redis.raw, "spec", "TLS"):
        if platform.has_mesh and _meshed(redis, platform):
            return
        yield Finding("no TLS block: clients and replicas speak plaintext", Path(("spec", "TLS")), cure=CURE)
    hosts = {redis.name + role for role in ROLES}
    for client in platform.derived(_clients):
        name, _, rest = client.host.partition(".")
        namespace = rest.partition(".")[0] or client.holder.namespace
        if name in hosts and namespace == redis.namespace:
            message = f"{client.holder.address} connects to {client.host} by redis://, in plaintext"
            yield Finding(message, client.path, cure=CLIENT, at=client.holder)


def _meshed(redis: Redis, platform: Platform) -> bool:
    """Whether the pods that the operator makes are enrolled, and every port is STRICT."""
    roles = ("leader", "follower") if redis.clustered else ("",)
    for role in roles:
        labels = {"app": f"{redis.name}-{role}".rstrip("-"), **redis.labels}
        pod = Resource(
            family="kubernetes", group="", version="v1", kind="Pod", namespace=redis.namespace, name=redis.name,
            raw={"metadata": {"labels": labels, "annotations": redis.annotations}, "spec": {}},
            locator=redis.resource.locator, source="derived",
        )  # fmt: skip
        workload = Workload(pod)
        effective = platform.derived(Policies).effective(workload)
        modes = [effective.mode, *effective.ports.values()]
        if not injected(workload, platform).enrolled or not all(mode.strict for mode in modes):
            return False
    return True


class Client(Struct, frozen=True):
    """A plaintext address of a Redis, and where it stands."""

    holder: Resource
    path: Path
    host: str


def _clients(platform: Platform) -> list[Client]:
    found: list[Client] = []
    for workload in platform.workloads:
        for container in workload.all_containers:
            for index, entry in container.env:
                value = entry.get("value")
                if isinstance(value, str) and (match := ADDRESS.search(value)):
                    found.append(Client(workload.resource, container.path / "env" / index / "value", match[1]))
    for config in platform.kind("/ConfigMap"):
        for key, text in mapping(config.raw, "data").items():
            if isinstance(text, str) and (match := ADDRESS.search(text)):
                found.append(Client(config, Path(("data", key)), match[1]))
    return found
