"""The reachability that checks share: made once for a platform, with what every cluster has beside it."""

from collections.abc import Iterator, Mapping, Sequence

from conformant.domain.references import service_of
from conformant.model import Resource, Undecided
from conformant.platform import Platform
from conformant.reach.blocks import Network, network
from conformant.reach.endpoints import Endpoint, NamedPort
from conformant.reach.engine import Reachability
from conformant.views.flagger import Canary
from conformant.views.workload import Workload

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
    declared = {(one.namespace, label) for one in platform.workloads for label in _known_names(one)}
    root = platform.profile.mesh.root_namespace
    dns = ("dns", "UDP", 53), ("dns-tcp", "TCP", 53)
    standing: list[tuple[str, str, dict[str, str], tuple[NamedPort, ...]]] = [
        ("kube-system", "kube-dns", {"k8s-app": "kube-dns"}, dns)
    ]
    if platform.has_mesh:
        standing.append((root, "istiod", {"app": "istiod", "istio": "pilot"}, (("https-dns", "TCP", 15012),)))
    scraped = any(name == "prometheus" for _, name in declared)
    for space, name in _callers(platform):
        served = platform.find("/Service", space, name) is not None
        if not served and not (name == "prometheus" and scraped):
            standing.append((space, name, {"app": name, "app.kubernetes.io/name": name}, ()))
    for space, name, labels, ports in standing:
        if (space, name) not in declared:
            yield Endpoint(f"Pod/{space}/{name}", space, name, labels, ports, made_by=ASSUMED)


def _callers(platform: Platform) -> Iterator[tuple[str, str]]:
    """(namespace, name) of what calls pods by what is declared: the Prometheus of a configuration without pods, and
    the load testers of Canaries."""
    for holder in platform.kind("/ConfigMap"):
        if "prometheus.yml" in _data(holder):
            yield holder.namespace, "prometheus"
    for canary in platform.of(Canary):
        for webhook in canary.webhooks:
            host = str(webhook.get("url", "")).partition("://")[2].partition("/")[0].partition(":")[0]
            service = named_service(host, canary.namespace)
            if service is not None:
                yield service


def named_service(host: str, namespace: str) -> tuple[str, str] | None:
    """(namespace, name) of a Service by one of its names in DNS, ``name.namespace`` included."""
    name, _, rest = host.partition(".")
    return (rest, name) if rest and "." not in rest and "*" not in name else service_of(host, namespace)


def _data(holder: Resource) -> Mapping[object, object]:
    data = holder.raw.get("data") if isinstance(holder.raw, dict) else None
    return data if isinstance(data, dict) else {}


def _known_names(workload: Workload) -> list[object]:
    try:
        return _names(workload.labels)
    except Undecided:
        return []


def _names(labels: dict[object, object]) -> list[object]:
    return [labels.get(key) for key in ("k8s-app", "app", "app.kubernetes.io/name") if labels.get(key).__class__ is str]


def outside(reach: Reachability, address: str) -> int:
    """The class of an outside address that was made known."""
    return reach.by_network[f"{address}/{128 if ':' in address else 32}"]


def on_host_network(platform: Platform) -> list[Workload]:
    """The workloads whose pods share the host's network. Use with `Platform.derived`."""
    return [workload for workload in platform.workloads if _shares(workload)]


def _shares(workload: Workload) -> bool:
    try:
        return workload.host_network
    except Undecided:
        return False
