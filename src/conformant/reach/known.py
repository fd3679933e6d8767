"""The reachability that checks share: made once for a platform, with what every cluster has beside it."""

from collections.abc import Iterator, Sequence

from conformant.platform import Platform
from conformant.reach.blocks import Network, network
from conformant.reach.endpoints import Endpoint, NamedPort
from conformant.reach.engine import Reachability

METADATA = ("169.254.169.254", "fd00:ec2::254", "168.63.129.16", "100.100.100.200")
"""The metadata endpoints of the clouds."""

KUBELET = "169.254.7.127"
"""Where the probes of pods that ambient captures seem to come from."""

ASSUMED = "the cluster"
"""The maker of endpoints that are not declared but there."""


def reachability(platform: Platform) -> Reachability:
    """Use with `Platform.derived`."""
    return Reachability.of(platform, networks((*METADATA, KUBELET)), list(assumed(platform)))


def networks(addresses: Sequence[str]) -> list[Network]:
    return [found for found in map(network, addresses) if found is not None]


def assumed(platform: Platform) -> Iterator[Endpoint]:
    """The cluster's DNS and the mesh's control plane, where the platform does not declare them."""
    declared = {(one.namespace, label) for one in platform.workloads for label in _names(one.labels)}
    root = platform.profile.mesh.root_namespace
    dns = ("dns", "UDP", 53), ("dns-tcp", "TCP", 53)
    standing: list[tuple[str, str, dict[str, str], tuple[NamedPort, ...]]] = [
        ("kube-system", "kube-dns", {"k8s-app": "kube-dns"}, dns)
    ]
    if platform.has_mesh:
        standing.append((root, "istiod", {"app": "istiod", "istio": "pilot"}, (("https-dns", "TCP", 15012),)))
    for space, name, labels, ports in standing:
        if (space, name) not in declared:
            yield Endpoint(f"Pod/{space}/{name}", space, name, labels, ports, made_by=ASSUMED)


def _names(labels: dict[object, object]) -> list[object]:
    return [labels.get("k8s-app"), labels.get("app")]


def outside(reach: Reachability, address: str) -> int:
    """The class of an outside address that was made known."""
    wanted = network(address)
    first = len(reach.classes.members)
    return next(
        number for number in range(first, reach.classes.every.bit_length())
        if wanted in reach.classes.range(number).networks
    )  # fmt: skip
