"""Which objects name which others: every reference of an object, with the place where it stands."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

from msgspec import Struct

from conformant.model import Path, Step, dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.base import Object
from conformant.views.workload import Workload

CONFIG_MAP, SECRET, SERVICE, ACCOUNT = "/ConfigMap", "/Secret", "/Service", "/ServiceAccount"
ROLE, CLUSTER_ROLE = "rbac.authorization.k8s.io/Role", "rbac.authorization.k8s.io/ClusterRole"
GATEWAY, STORAGE_CLASS = "networking.istio.io/Gateway", "storage.k8s.io/StorageClass"
_KONG = "configuration.konghq.com/"
KONG_INGRESS, KONG_UPSTREAM_POLICY = f"{_KONG}KongIngress", f"{_KONG}KongUpstreamPolicy"
KONG_PLUGIN, KONG_CLUSTER_PLUGIN = f"{_KONG}KongPlugin", f"{_KONG}KongClusterPlugin"
KONG = frozenset({KONG_INGRESS, KONG_UPSTREAM_POLICY, KONG_PLUGIN, KONG_CLUSTER_PLUGIN})
OVERRIDE, UPSTREAM_POLICY, PLUGINS = "konghq.com/override", "konghq.com/upstream-policy", "konghq.com/plugins"

_GROUPS = {
    "Deployment": "apps", "StatefulSet": "apps", "DaemonSet": "apps", "ReplicaSet": "apps", "Job": "batch",
    "CronJob": "batch", "Rollout": "argoproj.io", "Service": "", "ReplicationController": "",
}  # fmt: skip


class Reference(Struct, frozen=True):
    """One object names another. `path` is the place of the name; one of `keys` (``group/Kind``) is
    the kind of the other, which is in `namespace` (empty: cluster-wide). `port` is a Service's port,
    by number or name, where one is named."""

    path: Path
    keys: tuple[str, ...]
    namespace: str
    name: str
    port: int | str | None = None

    @property
    def kind(self) -> str:
        return self.keys[0].rpartition("/")[2]


class ReferenceHolder(Object):
    """An object of a kind that names others, or selects them, or has no effect unless it is named."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = (Workload.kinds or frozenset()) | {
        "/PersistentVolumeClaim", "/Service", "autoscaling/HorizontalPodAutoscaler",
        "autoscaling.k8s.io/VerticalPodAutoscaler", "configuration.konghq.com/KongClusterPlugin",
        "configuration.konghq.com/KongConsumer", "configuration.konghq.com/KongConsumerGroup",
        "configuration.konghq.com/KongIngress", "configuration.konghq.com/KongPlugin",
        "configuration.konghq.com/KongUpstreamPolicy", "extensions/Ingress", "flagger.app/Canary",
        "gateway.networking.k8s.io/GRPCRoute", "gateway.networking.k8s.io/HTTPRoute", "keda.sh/ScaledObject",
        "monitoring.coreos.com/PodMonitor", "monitoring.coreos.com/ServiceMonitor",
        "networking.istio.io/VirtualService", "networking.k8s.io/Ingress", "policy/PodDisruptionBudget",
        "rbac.authorization.k8s.io/ClusterRoleBinding", "rbac.authorization.k8s.io/RoleBinding",
    }  # fmt: skip

    @property
    def key(self) -> str:
        """``group/Kind``."""
        return f"{self.resource.group}/{self.kind}"


def references(holder: ReferenceHolder, platform: Platform) -> "list[Iterator[Reference]]":
    """The references of an object by name, one iterator for each aspect. A name that is not known
    raises Undecided in its aspect."""
    key = holder.key
    if key in (Workload.kinds or ()):
        workload = platform.view(holder.resource, Workload)
        return [_account(workload), _volumes(workload), _environment(workload), _claims(workload)]
    return [edge(holder) for edge in _EDGES.get(key, ())]


def named(value: Any) -> str:
    """A name as written; empty where there is none."""
    return value if isinstance(value, str) else ""


# workloads


def _account(workload: Workload) -> Iterator[Reference]:
    name = workload.service_account
    if name != "default":
        key = "serviceAccountName" if dig(workload.pod, "serviceAccountName") else "serviceAccount"
        yield Reference(workload.pod_path / key, (ACCOUNT,), workload.namespace, name)


def _volumes(workload: Workload) -> Iterator[Reference]:
    for index, volume in enumerate(sequence(workload.pod, "volumes")):
        path = workload.pod_path / "volumes" / index
        yield from _source(volume, path, "configMap", CONFIG_MAP, "name", workload.namespace)
        yield from _source(volume, path, "secret", SECRET, "secretName", workload.namespace)
        for number, part in enumerate(sequence(volume, "projected", "sources")):
            place = Path((*path, "projected", "sources", number))
            yield from _source(part, place, "configMap", CONFIG_MAP, "name", workload.namespace)
            yield from _source(part, place, "secret", SECRET, "name", workload.namespace)


def _environment(workload: Workload) -> Iterator[Reference]:
    for container in workload.all_containers:
        for index, entry in container.env:
            origin = entry.get("valueFrom")
            if origin is not None:
                path = Path((*container.path, "env", index, "valueFrom"))
                yield from _source(origin, path, "configMapKeyRef", CONFIG_MAP, "name", workload.namespace)
                yield from _source(origin, path, "secretKeyRef", SECRET, "name", workload.namespace)
        for index, entry in enumerate(sequence(container.raw.get("envFrom"))):
            path = Path((*container.path, "envFrom", index))
            yield from _source(entry, path, "configMapRef", CONFIG_MAP, "name", workload.namespace)
            yield from _source(entry, path, "secretRef", SECRET, "name", workload.namespace)


def _source(holder: Any, path: Path, field: str, key: str, steps: str, namespace: str) -> Iterator[Reference]:
    """The object behind a volume or variable, unless it is optional."""
    source = dig(holder, field)
    if source.__class__ is dict and dig(source, "optional") is not True:
        name = named(dig(source, steps))
        if name:
            yield Reference(path / field / steps, (key,), namespace, name)


def _claims(workload: Workload) -> Iterator[Reference]:
    if workload.kind == "StatefulSet":
        for index, claim in enumerate(workload.list("spec", "volumeClaimTemplates")):
            yield from _storage(claim, ("spec", "volumeClaimTemplates", index))


def _claim(holder: ReferenceHolder) -> Iterator[Reference]:
    yield from _storage(holder.raw, ())


def _storage(claim: Any, way: "tuple[Step, ...]") -> Iterator[Reference]:
    name = named(dig(claim, "spec", "storageClassName"))
    if name:
        yield Reference(Path((*way, "spec", "storageClassName")), (STORAGE_CLASS,), "", name)


# what scales and releases workloads


def _target(field: str) -> "Edge":
    def edge(holder: ReferenceHolder) -> Iterator[Reference]:
        target = holder.map("spec", field)
        kind = named(dig(target, "kind")) or "Deployment"
        version, name = named(dig(target, "apiVersion")), named(dig(target, "name"))
        group = version.rpartition("/")[0] if version else _GROUPS.get(kind, "")
        key = f"{'apps' if group == 'extensions' else group}/{kind}"
        if name:
            yield Reference(Path(("spec", field, "name")), (key,), holder.namespace, name)

    return edge


# access


def _role(holder: ReferenceHolder) -> Iterator[Reference]:
    name = named(holder.get("roleRef", "name"))
    if name:
        own = holder.get("roleRef", "kind") == "Role"
        path = Path(("roleRef", "name"))
        yield Reference(path, (ROLE if own else CLUSTER_ROLE,), holder.namespace if own else "", name)


def _subjects(holder: ReferenceHolder) -> Iterator[Reference]:
    for index, subject in enumerate(holder.list("subjects")):
        name = named(dig(subject, "name"))
        if name and dig(subject, "kind") == "ServiceAccount":
            namespace = named(dig(subject, "namespace")) or holder.namespace
            yield Reference(Path(("subjects", index, "name")), (ACCOUNT,), namespace, name)


# routes


def _ingress(holder: ReferenceHolder) -> Iterator[Reference]:
    backends: list[tuple[tuple[Step, ...], Any]] = [
        (("spec", field), holder.get("spec", field)) for field in ("defaultBackend", "backend")
    ]
    for number, rule in enumerate(holder.list("spec", "rules")):
        for index, entry in enumerate(sequence(rule, "http", "paths")):
            backends.append((("spec", "rules", number, "http", "paths", index, "backend"), dig(entry, "backend")))
    for way, backend in backends:
        service = mapping(backend, "service")
        old = named(dig(backend, "serviceName"))
        port = dig(backend, "servicePort") if old else dig(service, "port", "number") or dig(service, "port", "name")
        name = old or named(dig(service, "name"))
        if name and port != "use-annotation":
            path = Path((*way, "serviceName")) if old else Path((*way, "service", "name"))
            yield Reference(path, (SERVICE,), holder.namespace, name, port)


def _route(holder: ReferenceHolder) -> Iterator[Reference]:
    for number, rule in enumerate(holder.list("spec", "rules")):
        for index, backend in enumerate(sequence(rule, "backendRefs")):
            if dig(backend, "kind") in (None, "Service") and not dig(backend, "group"):
                name, namespace = named(dig(backend, "name")), named(dig(backend, "namespace")) or holder.namespace
                if name:
                    path = Path(("spec", "rules", number, "backendRefs", index, "name"))
                    yield Reference(path, (SERVICE,), namespace, name, dig(backend, "port"))


def _extensions(holder: ReferenceHolder) -> Iterator[Reference]:
    for number, rule in enumerate(holder.list("spec", "rules")):
        for index, entry in enumerate(sequence(rule, "filters")):
            name = named(dig(entry, "extensionRef", "name"))
            if name and dig(entry, "extensionRef", "kind") == "KongPlugin":
                path = Path(("spec", "rules", number, "filters", index, "extensionRef", "name"))
                yield Reference(path, (KONG_PLUGIN,), holder.namespace, name)


def _gateways(holder: ReferenceHolder) -> Iterator[Reference]:
    for index, text in enumerate(holder.list("spec", "gateways")):
        if text.__class__ is str and text != "mesh" and "." not in text:
            namespace, _, name = text.rpartition("/")
            yield Reference(Path(("spec", "gateways", index)), (GATEWAY,), namespace or holder.namespace, name)


def destinations(holder: ReferenceHolder) -> "Iterator[tuple[Path, dict[Any, Any]]]":
    """(path, destination) of every route and mirror of a VirtualService."""
    for protocol in ("http", "tcp", "tls"):
        for number, rule in enumerate(holder.list("spec", protocol)):
            path = Path(("spec", protocol, number))
            for field in ("route", "mirrors"):
                for index, entry in enumerate(sequence(rule, field)):
                    yield Path((*path, field, index, "destination")), mapping(entry, "destination")
            yield path / "mirror", mapping(rule, "mirror")


def service_of(host: str, namespace: str) -> tuple[str, str] | None:
    """(namespace, name) of the Service that a host of Istio's names, seen from `namespace`; None for
    a host outside the cluster or a wildcard."""
    name, *rest = host.split(".")
    if not name or "*" in host:
        return None
    if not rest:
        return namespace, name
    return (rest[0], name) if len(rest) >= 2 and rest[1] == "svc" else None


def _hosts(holder: ReferenceHolder) -> Iterator[Reference]:
    for path, destination in destinations(holder):
        service = service_of(named(dig(destination, "host")), holder.namespace)
        if service:
            yield Reference(path / "host", (SERVICE,), *service)


# Kong


def _annotated(holder: ReferenceHolder) -> Iterator[Reference]:
    for annotation, keys in ANNOTATED.items():
        text = dig(holder.annotations, annotation)
        if text.__class__ is str:
            for part in text.split(","):
                namespace, _, name = part.strip().rpartition(":")
                if name:
                    path = Path(("metadata", "annotations", annotation))
                    yield Reference(path, keys, namespace or holder.namespace, name)


ANNOTATED = {
    OVERRIDE: (KONG_INGRESS,), UPSTREAM_POLICY: (KONG_UPSTREAM_POLICY,), PLUGINS: (KONG_PLUGIN, KONG_CLUSTER_PLUGIN),
}  # fmt: skip
"""What Kong's annotations name."""

Edge = Callable[[ReferenceHolder], Iterator[Reference]]

_EDGES: dict[str, Iterable[Edge]] = {
    "/PersistentVolumeClaim": (_claim,),
    SERVICE: (_annotated,),
    "autoscaling/HorizontalPodAutoscaler": (_target("scaleTargetRef"),),
    "autoscaling.k8s.io/VerticalPodAutoscaler": (_target("targetRef"),),
    "extensions/Ingress": (_ingress, _annotated),
    "flagger.app/Canary": (_target("targetRef"),),
    "gateway.networking.k8s.io/GRPCRoute": (_route, _extensions, _annotated),
    "gateway.networking.k8s.io/HTTPRoute": (_route, _extensions, _annotated),
    "keda.sh/ScaledObject": (_target("scaleTargetRef"),),
    "networking.istio.io/VirtualService": (_gateways, _hosts),
    "networking.k8s.io/Ingress": (_ingress, _annotated),
    "rbac.authorization.k8s.io/ClusterRoleBinding": (_role, _subjects),
    "rbac.authorization.k8s.io/RoleBinding": (_role, _subjects),
    f"{_KONG}KongConsumer": (_annotated,),
    f"{_KONG}KongConsumerGroup": (_annotated,),
}
