"""All resources of one run and the indexes that cross-resource checks see."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, TypeVar, cast

from conformant.model import Path, Place, Resource, Step, Undecided, dig, mapping
from conformant.profile import Profile
from conformant.views.base import View
from conformant.views.workload import Workload

ViewType = TypeVar("ViewType")
Derived = TypeVar("Derived")

CLUSTER_SCOPED = frozenset({
    "/Namespace", "/Node", "/PersistentVolume", "/ComponentStatus",
    "rbac.authorization.k8s.io/ClusterRole", "rbac.authorization.k8s.io/ClusterRoleBinding",
    "apiextensions.k8s.io/CustomResourceDefinition", "apiregistration.k8s.io/APIService",
    "admissionregistration.k8s.io/MutatingWebhookConfiguration",
    "admissionregistration.k8s.io/ValidatingWebhookConfiguration",
    "admissionregistration.k8s.io/ValidatingAdmissionPolicy",
    "admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding",
    "admissionregistration.k8s.io/MutatingAdmissionPolicy",
    "admissionregistration.k8s.io/MutatingAdmissionPolicyBinding",
    "certificates.k8s.io/CertificateSigningRequest", "certificates.k8s.io/ClusterTrustBundle",
    "flowcontrol.apiserver.k8s.io/FlowSchema",
    "flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration",
    "networking.k8s.io/IngressClass", "networking.k8s.io/IPAddress", "networking.k8s.io/ServiceCIDR",
    "node.k8s.io/RuntimeClass", "policy/PodSecurityPolicy", "extensions/PodSecurityPolicy",
    "resource.k8s.io/DeviceClass", "resource.k8s.io/ResourceSlice",
    "scheduling.k8s.io/PriorityClass", "storage.k8s.io/CSIDriver", "storage.k8s.io/CSINode",
    "storage.k8s.io/StorageClass", "storage.k8s.io/VolumeAttachment",
    "storage.k8s.io/VolumeAttributesClass", "snapshot.storage.k8s.io/VolumeSnapshotClass",
    "snapshot.storage.k8s.io/VolumeSnapshotContent",
    "policy.networking.k8s.io/AdminNetworkPolicy", "policy.networking.k8s.io/BaselineAdminNetworkPolicy",
    "policy.networking.k8s.io/ClusterNetworkPolicy", "gateway.networking.k8s.io/GatewayClass",
    "cert-manager.io/ClusterIssuer", "external-secrets.io/ClusterSecretStore",
    "external-secrets.io/ClusterExternalSecret", "external-secrets.io/ClusterPushSecret",
    "configuration.konghq.com/KongClusterPlugin", "configuration.konghq.com/KongVault",
    "configuration.konghq.com/KongLicense", "crd.projectcalico.org/GlobalNetworkPolicy",
    "cilium.io/CiliumClusterwideNetworkPolicy", "kyverno.io/ClusterPolicy",
    "postgresql.cnpg.io/ClusterImageCatalog", "networking.gke.io/ManagedCertificate",
    "karpenter.sh/NodePool", "karpenter.k8s.aws/EC2NodeClass",
})  # fmt: skip

POD_CREATING = frozenset({
    "kafka.strimzi.io/Kafka", "kafka.strimzi.io/KafkaNodePool", "kafka.strimzi.io/KafkaConnect",
    "kafka.strimzi.io/KafkaMirrorMaker2", "kafka.strimzi.io/KafkaBridge",
    "redis.redis.opstreelabs.in/Redis", "redis.redis.opstreelabs.in/RedisCluster",
    "redis.redis.opstreelabs.in/RedisReplication", "redis.redis.opstreelabs.in/RedisSentinel",
    "postgresql.cnpg.io/Cluster", "postgresql.cnpg.io/Pooler", "acid.zalan.do/postgresql",
    "jaegertracing.io/Jaeger", "opentelemetry.io/OpenTelemetryCollector",
    "monitoring.coreos.com/Prometheus", "monitoring.coreos.com/Alertmanager",
    "monitoring.coreos.com/PrometheusAgent", "monitoring.coreos.com/ThanosRuler",
})  # fmt: skip
"""Custom kinds whose operators make pods."""


EVALUATED = frozenset({"kubernetes", "terraform", "config"})
"""The families whose values a check on literals wherever they stand looks at."""


class Platform:
    """Everything one run looks at: resources in the order they were read, indexed once.

    `schemas` answers what the API server would say of an object (see `conformant.schema`).
    """

    resource: Resource

    family: ClassVar[str] = "scope"
    kinds: ClassVar[frozenset[str] | None] = None

    def __init__(self, resources: Sequence[Resource], profile: Profile, schemas: Any = None) -> None:
        self.resources = resources
        self.profile = profile
        self.schemas = schemas
        self.by_kind: dict[tuple[str, str], list[Resource]] = {}
        for resource in resources:
            key = resource.family, f"{resource.group}/{resource.kind}"
            self.by_kind.setdefault(key, []).append(resource)
        self._views: dict[type[Any], list[Any]] = {}
        self._derived: dict[Any, Any] = {}
        self._named: dict[str, dict[tuple[str, str], list[Resource]]] = {}
        self.resource = Resource(
            family="scope", group="", version="", kind="Platform", namespace="", name="platform", raw={},
            locator=resources[0].locator if resources else Nowhere(), source="scope",
        )  # fmt: skip

    # views

    def of(self, view: type[ViewType]) -> "list[ViewType]":
        """All resources that `view` admits, each wrapped once, in input order."""
        found = self._views.get(view)
        if found is None:
            found = self._views[view] = list(self._wrap(view))
        return cast("list[ViewType]", found)

    def _wrap(self, view: type[Any]) -> Iterator[Any]:
        if view is Platform:
            yield self
        elif view is Namespace:
            yield from self.namespaces.values()
        else:
            for resource in self._admitted(view):
                yield self.view(resource, view)

    def _admitted(self, view: type[View]) -> Iterable[Resource]:
        if view.family == "any":
            families = getattr(view, "families", EVALUATED)
            return (resource for resource in self.resources if resource.family in families)
        if view.kinds is None:
            return (resource for resource in self.resources if resource.family == view.family)
        prefix = "" if view.family == "kubernetes" else "/"
        groups = [
            self.by_kind[view.family, prefix + kind]
            for kind in sorted(view.kinds)
            if (view.family, prefix + kind) in self.by_kind
        ]
        return groups[0] if len(groups) == 1 else (resource for group in groups for resource in group)

    def view(self, resource: Resource, view: type[ViewType]) -> ViewType:
        """`resource` as a `view`; the same object at every call."""
        return resource.seen_as(view)

    def derived(self, factory: "Callable[[Platform], Derived]") -> "Derived":
        """What `factory` makes of this platform, made once: an index, a derived model."""
        if factory not in self._derived:
            self._derived[factory] = factory(self)
        return cast("Derived", self._derived[factory])

    # look-ups

    def kind(self, key: str, family: str = "kubernetes") -> "list[Resource]":
        """The resources of one kind, named ``group/Kind`` (``/Service`` for the core group)."""
        return self.by_kind.get((family, key), [])

    def find(self, key: str, namespace: str, name: str) -> Resource | None:
        """The Kubernetes object of kind ``group/Kind`` with this namespace and name, if declared."""
        index = self._named.get(key)
        if index is None:
            index = self._named[key] = {}
            for resource in self.kind(key):
                index.setdefault((resource.namespace, resource.name), []).append(resource)
        found = index.get((namespace, name))
        return found[0] if found else None

    @cached_property
    def order(self) -> dict[int, int]:
        """The position of each resource in the input, by ``id(resource)``."""
        return {id(resource): index for index, resource in enumerate(self.resources)}

    @cached_property
    def workloads(self) -> "list[Workload]":
        return self.of(Workload)

    @cached_property
    def namespaces(self) -> "dict[str, Namespace]":
        """Every namespace that is declared or used, by name, sorted."""
        members: dict[str, list[Resource]] = {}
        for resource in self.resources:
            if resource.family == "kubernetes" and resource.namespace.__class__ is str and resource.namespace:
                members.setdefault(resource.namespace, []).append(resource)
        manifests = {resource.name: resource for resource in reversed(self.kind("/Namespace"))}
        names = sorted(members.keys() | manifests.keys())
        return {name: Namespace(name, manifests.get(name), members.get(name, []), self) for name in names}

    def namespace_labels(self, name: str) -> Mapping[Any, Any]:
        """The labels of a namespace, the one that the API server sets included."""
        namespace = self.namespaces.get(name)
        return namespace.labels if namespace else {"kubernetes.io/metadata.name": name}

    @cached_property
    def has_mesh(self) -> bool:
        """Whether Istio is in play: by the profile, or by any sign of it in the platform."""
        if self.profile.mesh.mode != "auto":
            return self.profile.mesh.mode != "none"
        for family, key in self.by_kind:
            if family == "kubernetes" and key.partition("/")[0].endswith(".istio.io"):
                return True
        for namespace in self.namespaces.values():
            if any(key in namespace.labels for key in _MESH_NAMESPACE_LABELS):
                return True
        return any(
            key in _MESH_POD_KEYS or workload.name == "istiod"
            for workload in self.workloads
            for source in (workload.labels, workload.annotations)
            for key in (*source, "")
        )

    @cached_property
    def has_kong(self) -> bool:
        """Whether Kong is the gateway: by the profile, or by any sign of it in the platform."""
        if self.profile.gateway != "auto":
            return self.profile.gateway == "kong"
        for (family, key), resources in self.by_kind.items():
            if family != "kubernetes":
                continue
            if key.partition("/")[0].endswith("konghq.com"):
                return True
            if key in _CLASSED and any(_is_kong_class(resource) for resource in resources):
                return True
        return any(
            isinstance(key, str) and key.startswith("konghq.com/")
            for kind in ("/Service", "networking.k8s.io/Ingress", "gateway.networking.k8s.io/HTTPRoute")
            for resource in self.kind(kind)
            for key in mapping(resource.raw, "metadata", "annotations")
        )


_CLASSED = ("networking.k8s.io/Ingress", "gateway.networking.k8s.io/GatewayClass")
_MESH_NAMESPACE_LABELS = ("istio-injection", "istio.io/rev", "istio.io/dataplane-mode")
_MESH_POD_KEYS = frozenset({"sidecar.istio.io/inject", "istio.io/rev", "istio.io/dataplane-mode"})


def _is_kong_class(resource: Resource) -> bool:
    try:
        named = dig(resource.raw, "spec", "ingressClassName") or dig(
            resource.raw, "metadata", "annotations", "kubernetes.io/ingress.class"
        )
        controller = dig(resource.raw, "spec", "controllerName")
    except Undecided:
        return False
    return named == "kong" or (isinstance(controller, str) and "konghq.com" in controller)


class Namespace:
    """A namespace as a scope: declared by a manifest, or only used by other resources.

    Findings on an undeclared namespace point at its first use.
    """

    family: ClassVar[str] = "scope"
    kinds: ClassVar[frozenset[str] | None] = None

    def __init__(self, name: str, manifest: Resource | None, members: "list[Resource]", platform: Platform) -> None:
        self.name = name
        self.manifest = manifest
        self.members = members
        self.platform = platform
        self.resource = manifest or Resource(
            family="scope", group="", version="v1", kind="Namespace", namespace="", name=name, raw={},
            locator=FirstUse(members[0]), source=members[0].source,
        )  # fmt: skip

    @property
    def declared(self) -> bool:
        return self.manifest is not None

    @cached_property
    def labels(self) -> dict[Any, Any]:
        """The manifest's labels, with the one that the API server sets itself."""
        own = mapping(self.manifest.raw, "metadata", "labels") if self.manifest else {}
        return {**own, "kubernetes.io/metadata.name": self.name}

    @cached_property
    def workloads(self) -> "list[Workload]":
        """What makes pods here, in input order."""
        kinds = Workload.kinds or frozenset()
        return [
            self.platform.view(resource, Workload)
            for resource in self.members
            if f"{resource.group}/{resource.kind}" in kinds
        ]

    @cached_property
    def operated(self) -> "list[Resource]":
        """Custom resources here whose operators make pods."""
        return [resource for resource in self.members if f"{resource.group}/{resource.kind}" in POD_CREATING]

    @property
    def tenant(self) -> bool:
        """Holds pods (or custom resources that make some) and is not one of the platform's own."""
        if self.platform.profile.is_platform_namespace(self.name):
            return False
        return bool(self.workloads or self.operated)

    def of(self, key: str) -> "list[Resource]":
        """The members of kind ``group/Kind``."""
        return [resource for resource in self.members if f"{resource.group}/{resource.kind}" == key]

    def __repr__(self) -> str:
        return f"<Namespace {self.name}>"


class FirstUse:
    """Locates an undeclared namespace at the first resource that uses it."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource

    def place(self, path: Sequence[Step]) -> Place:
        return self.resource.locator.place(Path(("metadata", "namespace")))

    def comments(self, path: Sequence[Step]) -> Iterable[tuple[int, str]]:
        return ()


class Nowhere:
    """Locates what has no file."""

    def place(self, path: Sequence[Step]) -> Place:
        return Place("-")

    def comments(self, path: Sequence[Step]) -> Iterable[tuple[int, str]]:
        return ()
