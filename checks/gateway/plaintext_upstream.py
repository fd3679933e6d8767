"""The gateway passes requests on to a service in the clear, or without verifying it.

What it checks: Each Service behind a route of Kong's is reached through the mesh (Kong's pods and the
Service's are enrolled, and the Service's accept mTLS alone), or over TLS that Kong verifies: annotations
``konghq.com/protocol`` https, grpcs, tls or wss, ``konghq.com/tls-verify: "true"`` and
``konghq.com/ca-certificates-secrets`` or ``-configmaps``; or a BackendTLSPolicy for the Service.

Why it matters: The gateway ends the caller's TLS, so behind it tokens and data stand in the clear for whoever
is on the network; unverified TLS falls to anybody in between.

How to fix: Take Kong's pods into the mesh and make the namespaces STRICT, or annotate the Service.

When it is fine: Services outside the cluster (ExternalName) that need no secret.
"""

from collections.abc import Iterator

from conformant.domain.kong import Kong
from conformant.domain.mesh import Policies, injected
from conformant.domain.service_pods import ServicePods
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, Undecided, dig, sequence
from conformant.platform import Platform
from conformant.views.gateway import KubernetesService
from conformant.views.workload import Workload

ENCRYPTED = ("https", "grpcs", "tls", "wss")
AUTHORITIES = ("konghq.com/ca-certificates-secrets", "konghq.com/ca-certificates-configmaps")
ANNOTATIONS = Path(("metadata", "annotations"))
CURE = Cure(
    "enrol Kong's pods and the service's in the mesh with mode STRICT, or annotate konghq.com/protocol: https, "
    'konghq.com/tls-verify: "true", konghq.com/ca-certificates-secrets',
    grade="none",
)
Pair = tuple[str, str]


@check(
    id="GW-011",
    severity=Severity.HIGH,
    requirement="mtls",
    controls=[
        "nist-800-53r5/SC-8(1)", "nist-800-53r5/IA-9", "soc2/CC6.7", "iso-27001-2022/A.8.24", "pci-dss-4.0/4.2.1",
    ],
)  # fmt: skip
def plaintext_upstream(service: KubernetesService, platform: Platform) -> Iterator[Item]:
    pair = (service.namespace, service.name)
    if not platform.has_kong or pair not in platform.derived(Kong).by_service:
        yield NotApplicable("no route of Kong's leads to it")
        return
    if pair in platform.derived(_verified_by_policy):
        return
    protocol = dig(service.annotations, "konghq.com/protocol")
    if protocol in ENCRYPTED:
        yield from _unverified(service)
        return
    why = _outside_the_mesh(service, platform)
    if why:
        path = ANNOTATIONS / "konghq.com/protocol" if protocol else Path(("metadata", "name"))
        yield Finding(f"requests from Kong travel in the clear: {why}", path, cure=CURE)


def _unverified(service: KubernetesService) -> Iterator[Finding]:
    annotations = service.annotations
    if dig(annotations, "konghq.com/tls-verify") != "true":
        message = 'TLS to the service is not verified (konghq.com/tls-verify is not "true")'
        yield Finding(message, ANNOTATIONS / "konghq.com/tls-verify", cure=CURE)
    elif not any(dig(annotations, name) for name in AUTHORITIES):
        message = "no authority is named by which Kong could verify the service"
        yield Finding(message, ANNOTATIONS / "konghq.com/tls-verify", cure=CURE)


def _outside_the_mesh(service: KubernetesService, platform: Platform) -> str:
    """Why the mesh does not encrypt the way from Kong to the Service; empty where it does."""
    proxies = [workload for workload, _ in platform.derived(Kong).proxies]
    if not platform.has_mesh:
        return "there is no mesh, and the Service does not ask for TLS"
    if not proxies:
        raise Undecided("Kong's pods are not part of the input: whether they are in the mesh is not known")
    outside = next((proxy for proxy in proxies if not injected(proxy, platform).enrolled), None)
    if outside is not None:
        return f"{outside.kind} {outside.name} is not in the mesh"
    workloads = platform.derived(ServicePods).behind(service)
    if not workloads:
        mode = platform.derived(Policies).general(service.namespace)
        return "" if mode.strict else f"namespace {service.namespace} accepts {mode.mode}"
    return next((why for workload in workloads if (why := _open(workload, platform))), "")


def _open(workload: Workload, platform: Platform) -> str:
    what = f"{workload.kind} {workload.name}"
    if not injected(workload, platform).enrolled:
        return f"{what} is not in the mesh"
    mode = platform.derived(Policies).effective(workload).mode
    return "" if mode.strict else f"{what} accepts {mode.mode}"


def _verified_by_policy(platform: Platform) -> frozenset[Pair]:
    """(namespace, name) of the Services that a BackendTLSPolicy has verified."""
    return frozenset(
        (policy.namespace, str(dig(target, "name")))
        for policy in platform.kind("gateway.networking.k8s.io/BackendTLSPolicy")
        for target in sequence(policy.raw, "spec", "targetRefs")
        if dig(target, "kind") == "Service"
    )
