"""The mesh lets its pods call any host, and see every service.

What it checks: meshConfig.outboundTrafficPolicy.mode is REGISTRY_ONLY (ALLOW_ANY where nothing is stated),
or every tenant namespace has a Sidecar without selector that says so (``outboundTrafficPolicy: {}``
does); no Sidecar takes it back. Less grave: namespaces without a Sidecar that limits what their proxies
see, which is everything by default.

Why it matters: A pod that was broken into reports home through the mesh, and nobody declared that host.

How to fix: mode: REGISTRY_ONLY, with ServiceEntries for the hosts that are needed; a Sidecar for each
namespace with the egress hosts that it needs.

When it is fine: Ambient namespaces, which have neither. Istio's limit is no firewall: NetworkPolicies
are needed beside it.
"""

from collections.abc import Iterator

from conformant.domain.mesh import exempt, injected
from conformant.domain.mesh_config import MeshConfig
from conformant.domain.mesh_hosts import Sidecars
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, dig
from conformant.platform import Namespace, Platform
from conformant.views.mesh import Sidecar

MODE = Path(("spec", "outboundTrafficPolicy", "mode"))
REGISTRY = Cure("outboundTrafficPolicy: {mode: REGISTRY_ONLY}, with a ServiceEntry for each host outside", grade="none")
LIMIT = Cure("add a Sidecar without selector, with the egress hosts that the namespace needs", grade="none")


@check(
    id="MESH-016",
    severity=Severity.MEDIUM,
    requirement="mesh-egress",
    controls=[
        "nist-800-53r5/SC-7", "nist-800-53r5/AC-4", "soc2/CC6.6", "iso-27001-2022/A.8.22", "pci-dss-4.0/1.3.2",
    ],
)  # fmt: skip
def unrestricted_egress(platform: Platform) -> Iterator[Item]:
    tenants = [one for one in platform.namespaces.values() if _judged(one, platform)] if platform.has_mesh else []
    if not tenants:
        yield NotApplicable("no mesh, or no tenant workload that could have a sidecar")
        return
    sidecars = platform.derived(Sidecars)
    yield from _mode(tenants, sidecars, platform)
    for namespace in tenants:
        for sidecar in sidecars.by_namespace.get(namespace.name, ()):
            if sidecar.get("spec", "outboundTrafficPolicy", "mode") == "ALLOW_ANY":
                message = f"the Sidecar {sidecar.name} of {namespace.name} lets its pods call any host"
                yield Finding(message, MODE, cure=REGISTRY, at=sidecar.resource)
    wide = [namespace.name for namespace in tenants if _sees_all(sidecars.general(namespace.name))]
    if wide:
        message = f"no Sidecar limits what the proxies see in {', '.join(wide)}: it is every service of the mesh"
        at = platform.namespaces[wide[0]]
        yield Finding(message, Path(("metadata", "name")), Severity.LOW, LIMIT, at.manifest or at.workloads[0].resource)


def _judged(namespace: Namespace, platform: Platform) -> bool:
    """Whether some workload of a tenant has a sidecar, or may have one."""
    return namespace.tenant and any(
        not workload.host_network and not exempt(workload, platform) and not injected(workload, platform).ambient
        for workload in namespace.workloads
    )


def _mode(tenants: list[Namespace], sidecars: Sidecars, platform: Platform) -> Iterator[Finding]:
    stated = platform.derived(MeshConfig).get("outboundTrafficPolicy", "mode")
    if stated is not None and stated.value == "REGISTRY_ONLY":
        return
    general = {namespace.name: sidecars.general(namespace.name) for namespace in tenants}
    open_to_all = [name for name, sidecar in general.items() if not _restricts(sidecar)]
    if not open_to_all:
        return
    message = f"pods in {', '.join(open_to_all)} may call any host: the mesh's outboundTrafficPolicy is ALLOW_ANY"
    if stated is not None:
        yield Finding(message, stated.path, cure=REGISTRY, at=stated.resource)
        return
    istio = (resource for resource in platform.resources if resource.group.endswith("istio.io"))
    yield Finding(f"{message}, by default", cure=REGISTRY, at=next(istio, None))


def _restricts(sidecar: Sidecar | None) -> bool:
    """Whether a Sidecar refuses unknown hosts; one that says otherwise is reported for itself."""
    return sidecar is not None and dig(sidecar.raw, "spec", "outboundTrafficPolicy") is not None


def _sees_all(sidecar: Sidecar | None) -> bool:
    return sidecar is None or not sidecar.hosts or "*/*" in sidecar.hosts
