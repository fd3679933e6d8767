"""There is a way in from outside that does not go through the gateway.

What it checks: No Service of type LoadBalancer or NodePort in a tenant namespace, but those of a gateway's own
pods (Kong, Istio and Gateway API gateways, ingress controllers) and those that the profile's `entry_points`
names (patterns of names or ``Service/namespace/name``). Where the platform has no gateway at all it is medium;
behind an internal load balancer, for named source ranges, or a NodePort for a cloud's own Ingress, low. No
Service anywhere takes externalIPs. Where Kong is the only gateway no Ingress is of another class (but one that
leads to Kong itself), and no Istio Gateway serves the same hosts beside it.

Why it matters: What the gateway demands (a token, TLS, limits) does not hold on a way around it. externalIPs
take over the traffic to whatever address they name.

How to fix: A ClusterIP Service and a route through the gateway.

When it is fine: Protocols that the gateway does not speak: name the Service in `entry_points`.
"""

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from conformant.domain.kong import Kong, of_kong_class, proxy_container
from conformant.domain.mesh import is_gateway
from conformant.domain.service_pods import ServicePods
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, dig, sequence
from conformant.platform import Platform
from conformant.views.gateway import Door, Ingress
from conformant.views.selector import equals
from conformant.views.workload import Workload

TYPE = Path(("spec", "type"))
OUTSIDE = ("LoadBalancer", "NodePort")
CONTROLLERS = frozenset({
    "ingress-nginx", "nginx-ingress", "traefik", "haproxy-ingress", "kubernetes-ingress", "contour", "envoy",
    "emissary", "emissary-ingress", "ambassador", "apisix", "gloo", "gateway-proxy", "kong", "kong-gateway",
    "ingress-kong", "istio-ingressgateway", "istio-gateway", "ingressgateway", "voyager", "skipper-ingress",
    "nginx-gateway-fabric", "nginx-gateway", "tyk-gateway", "krakend", "caddy-ingress-controller", "envoy-gateway",
})  # fmt: skip
"""Names by which gateways label their pods."""
IMAGES = frozenset({
    "nginx-ingress-controller", "nginx-ingress", "ingress-nginx-controller", "traefik", "haproxy-ingress",
    "kubernetes-ingress", "emissary", "ambassador", "apisix", "gloo-envoy-wrapper", "envoy-proxy",
    "nginx-gateway-fabric", "tyk-gateway", "krakend", "skipper", "ingress",
})  # fmt: skip
NAMES = ("app", "name", "k8s-app", "app.kubernetes.io/name", "istio", "app.kubernetes.io/instance")
GATEWAY_API = "gateway.networking.k8s.io/gateway-name"
INTERNAL = {
    "service.beta.kubernetes.io/aws-load-balancer-scheme": ("internal",),
    "service.beta.kubernetes.io/aws-load-balancer-internal": ("true", "0.0.0.0/0"),
    "service.beta.kubernetes.io/azure-load-balancer-internal": ("true",),
    "networking.gke.io/load-balancer-type": ("Internal", "internal"),
    "cloud.google.com/load-balancer-type": ("Internal", "internal"),
    "service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type": ("private",),
    "service.beta.kubernetes.io/oci-load-balancer-internal": ("true",),
    "service.beta.kubernetes.io/openstack-internal-load-balancer": ("true",),
}
"""Annotations of an internal load balancer, with the values that make it one."""
CLOUDS = ("alb", "gce", "gce-internal", "")
"""Classes of Ingress whose controllers may need NodePorts; gce is the default one of its cloud."""
ANYWHERE = ("0.0.0.0/0", "::/0")
CLOSE = Cure("type: ClusterIP, and a route through the gateway; or name it in the profile's entry_points", grade="none")


@check(
    id="GW-012",
    severity=Severity.HIGH,
    requirement="external-exposure",
    controls=[
        "nist-800-53r5/SC-7", "nist-800-53r5/CM-7", "nsa-hardening-1.2/network-separation", "soc2/CC6.6",
        "iso-27001-2022/A.8.20", "pci-dss-4.0/1.3.1", "pci-dss-4.0/1.4.2",
    ],
)  # fmt: skip
def bypassed_gateway(door: Door, platform: Platform) -> Iterator[Item]:
    if _named(door, platform):
        yield NotApplicable("the profile's entry_points names it")
    else:
        yield from JUDGES[door.kind](door, platform)


def _named(door: Door, platform: Platform) -> bool:
    address = door.resource.address
    return any(fnmatchcase(address, one) or fnmatchcase(door.name, one) for one in platform.profile.entry_points)


# Services


def _service(door: Door, platform: Platform) -> Iterator[Item]:
    yield from aspects([_external_addresses(door), _type(door, platform)])


def _external_addresses(door: Door) -> Iterator[Finding]:
    addresses = door.list("spec", "externalIPs")
    if addresses:
        cure = Cure("remove externalIPs; a load balancer brings an address of its own", grade="none")
        yield Finding("externalIPs take over the traffic to these addresses", Path(("spec", "externalIPs")), cure=cure)


def _type(door: Door, platform: Platform) -> Iterator[Finding]:
    kind = door.get("spec", "type")
    namespace = platform.namespaces.get(door.namespace)
    if kind in OUTSIDE and namespace is not None and namespace.tenant and not _leads_to_gateway(door, platform):
        where = "around the gateway" if platform.derived(_has_gateway) else "without a gateway"
        message, severity = f"type {kind} lets traffic in {where}", Severity.HIGH
        if not platform.derived(_has_gateway):
            severity = Severity.MEDIUM
        if _narrowed(door):
            message, severity = f"{message}, from a part of the network", Severity.LOW
        elif kind == "NodePort" and (door.namespace, door.name) in platform.derived(_balanced):
            message, severity = f"{message}, as the cloud's Ingress needs it, on every node", Severity.LOW
        yield Finding(message, TYPE, severity, CLOSE)


def _narrowed(door: Door) -> bool:
    """Whether only an internal load balancer, or named source ranges, lead to the Service."""
    if door.get("spec", "type") != "LoadBalancer":
        return False
    ranges = door.list("spec", "loadBalancerSourceRanges")
    if ranges and not any(one in ANYWHERE for one in ranges):
        return True
    return any(dig(door.annotations, name) in values for name, values in INTERNAL.items())


def _balanced(platform: Platform) -> frozenset[tuple[str, str]]:
    """(namespace, name) of the Services behind Ingresses of clouds, whose load balancers speak to nodes."""
    return frozenset(
        (backend.namespace, backend.name)
        for ingress in platform.of(Ingress)
        if ingress.ingress_class in CLOUDS and not of_kong_class(ingress.ingress_class, platform)
        for entry in ingress.entries
        for backend in entry.backends
    )


def _leads_to_gateway(door: Door, platform: Platform) -> bool:
    """Whether the pods behind a Service are a gateway's; by its selector where they are not part of the input."""
    workloads = platform.derived(ServicePods).behind(door)
    if workloads:
        return any(_of_gateway(workload) for workload in workloads)
    selector = door.map("spec", "selector")
    return GATEWAY_API in selector or _named_as_one(selector)


def _of_gateway(workload: Workload) -> bool:
    if proxy_container(workload) is not None or is_gateway(workload):
        return True
    images = [box.image for box in workload.containers("main") if isinstance(box.raw.get("image"), str)]
    known = any(image.base in IMAGES or image.repository.endswith("ingress-nginx/controller") for image in images)
    return known or _named_as_one(workload.labels)


def _named_as_one(labels: Mapping[Any, Any]) -> bool:
    return any(isinstance(name := dig(labels, key), str) and name in CONTROLLERS for key in NAMES)


def _has_gateway(platform: Platform) -> bool:
    """Whether the platform has any gateway of which this input knows."""
    routes = (
        "networking.k8s.io/Ingress", "networking.istio.io/Gateway", "gateway.networking.k8s.io/Gateway",
        "networking.k8s.io/IngressClass",
    )  # fmt: skip
    if platform.has_kong or any(platform.kind(key) for key in routes):
        return True
    return any(_of_gateway(workload) for workload in platform.workloads)


# other gateways beside Kong


def _ingress(door: Door, platform: Platform) -> Iterator[Item]:
    ingress = platform.view(door.resource, Ingress)
    name = ingress.ingress_class
    if not platform.has_kong or not name or of_kong_class(name, platform) or _solver(ingress):
        yield NotApplicable("it is of the gateway's class, or Kong is not the gateway")
    elif not platform.derived(_others) and not _leads_to_kong(ingress, platform):
        where = Path(("spec", "ingressClassName"))
        if ingress.get("spec", "ingressClassName") is None:
            where = Path(("metadata", "annotations", "kubernetes.io/ingress.class"))
        cure = Cure("ingressClassName: kong", grade="none")
        yield Finding(f"Ingress of class {name}, while Kong is the platform's only gateway", where, cure=cure)


def _leads_to_kong(ingress: Ingress, platform: Platform) -> bool:
    """Whether a load balancer made by the Ingress stands before Kong rather than beside it."""
    backends = [backend for entry in ingress.entries for backend in entry.backends]
    return bool(backends) and all(
        _leads_to_gateway(platform.view(service, Door), platform) if service else "kong" in backend.name
        for backend in backends
        for service in [platform.find("/Service", backend.namespace, backend.name)]
    )


def _solver(ingress: Ingress) -> bool:
    return bool(dig(ingress.labels, "acme.cert-manager.io/http01-solver") == "true")


def _others(platform: Platform) -> bool:
    """Whether the platform declares another gateway than Kong: by a class of its own, or by its pods."""
    classes = platform.kind("networking.k8s.io/IngressClass")
    if any("konghq.com" not in str(dig(one.raw, "spec", "controller")) for one in classes):
        return True
    return any(_of_gateway(workload) and proxy_container(workload) is None for workload in platform.workloads)


def _istio(door: Door, platform: Platform) -> Iterator[Item]:
    served = platform.derived(_hosts_of_kong)
    if not served or any(proxy.namespace == door.namespace and _selects(door, proxy) for proxy in _proxies(platform)):
        yield NotApplicable("no hosts of Kong's beside it")
        return
    for number, server in enumerate(door.list("spec", "servers")):
        for index, text in enumerate(sequence(server, "hosts")):
            host = str(text).rpartition("/")[2]
            twin = next((other for other in served if _overlap(host, other)), None)
            if twin is not None:
                path = Path(("spec", "servers", number, "hosts", index))
                cure = Cure("serve the host through one gateway", grade="none")
                yield Finding(f"host {host} is served here beside Kong's route for {twin}", path, cure=cure)


def _proxies(platform: Platform) -> list[Workload]:
    return [workload for workload, _ in platform.derived(Kong).proxies]


def _selects(door: Door, proxy: Workload) -> bool:
    return equals(door.map("spec", "selector"), proxy.labels)


def _hosts_of_kong(platform: Platform) -> list[str]:
    """The hosts of Kong's routes, but those that are for every host."""
    if not platform.has_kong:
        return []
    hosts = (host for route in platform.derived(Kong).routes for _, host in route.hosts)
    return list(dict.fromkeys(host for host in hosts if host and host != "*"))


def _overlap(one: str, other: str) -> bool:
    """Whether some host is meant by both names."""
    if one == other:
        return True
    if one == "*":
        return False
    wide = [name[1:] for name in (one, other) if name.startswith("*.")]
    return len(wide) == 1 and any(name.endswith(wide[0]) for name in (one, other) if not name.startswith("*."))


JUDGES: dict[str, Callable[[Door, Platform], Iterator[Item]]] = {
    "Service": _service, "Ingress": _ingress, "Gateway": _istio,
}  # fmt: skip
