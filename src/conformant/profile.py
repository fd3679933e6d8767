"""What a platform is said to be: component versions, mesh, gateway, cloud, names and limits."""

from fnmatch import fnmatchcase

from msgspec import Struct


class Mesh(Struct, frozen=True, forbid_unknown_fields=True):
    """The Istio mesh. `mode` is auto, sidecar, ambient or none; auto looks at the platform."""

    mode: str = "auto"
    root_namespace: str = "istio-system"
    trust_domain: str = "cluster.local"
    enable_namespaces_by_default: bool = False


class Profile(Struct, frozen=True, forbid_unknown_fields=True):
    """What several checks need to know of the platform. Lists hold shell patterns where that makes sense.

    - `kubernetes`: the target version, such as ``1.34``; empty means the newest known.
    - `versions`: versions of components: ``istio``, ``strimzi``, ``eso``, ``kic``, ``redis-operator`` …
    - `environment`: prod, staging or dev.
    - `gateway`: kong, none or auto, which looks for Kong's own kinds.
    - `assumed_namespace`: where objects go that name no namespace.
    - `platform_namespaces`: namespaces of operators rather than of tenants.
    - `registries`: the registries, or prefixes of image names, that images may come from.
    - `require_cpu_limit`: whether a CPU limit is demanded beside requests and a memory limit.
    - `allow_baseline`: whether Pod Security level baseline is enough.
    - `closed_world`: whether the input is all there is, so that what it does not declare is missing.
    - `external_references`: addresses of objects that exist although the input does not declare them.
    - `mesh_exempt`: addresses of workloads that need not be in the mesh.
    - `api_clients`: addresses of workloads that call the Kubernetes API, and need a token for it.
    - `trusted_namespace_labels`: labels that tenants cannot set on their namespaces.
    """

    kubernetes: str = ""
    versions: dict[str, str] = {}
    environment: str = "prod"
    mesh: Mesh = Mesh()
    gateway: str = "auto"
    cloud: str = "auto"
    assumed_namespace: str = ""
    platform_namespaces: tuple[str, ...] = (
        "kube-*", "istio-*", "velero", "cert-manager", "external-secrets", "external-secrets-system",
        "flagger-system", "strimzi", "strimzi-system", "kafka-operator", "redis-operator", "cnpg-system",
        "postgres-operator", "kong-system", "gatekeeper-system", "kyverno", "argocd", "argo-rollouts",
        "flux-system", "local-path-storage", "sealed-secrets", "vault", "calico-*", "tigera-operator",
        "cilium*", "conformance-probe*",
    )  # fmt: skip
    service_catalogue: tuple[str, ...] = ()
    registries: tuple[str, ...] = ()
    require_cpu_limit: bool = True
    allow_baseline: bool = False
    closed_world: bool = False
    mesh_exempt: tuple[str, ...] = ()
    api_clients: tuple[str, ...] = ()
    entry_points: tuple[str, ...] = ()
    external_references: tuple[str, ...] = ()
    trusted_namespace_labels: tuple[str, ...] = ()

    def is_platform_namespace(self, name: str) -> bool:
        """Whether `name` belongs to the platform's operators rather than to a tenant."""
        return any(fnmatchcase(name, pattern) for pattern in self.platform_namespaces)

    def at_least(self, component: str, minimum: str) -> bool | None:
        """Whether the component's stated version is `minimum` or newer; None if none is stated."""
        stated = self.kubernetes if component == "kubernetes" else self.versions.get(component, "")
        return version_tuple(stated) >= version_tuple(minimum) if stated else None


def version_tuple(text: str) -> tuple[int, ...]:
    """``v1.30.2-eks`` as (1, 30, 2): compared as numbers, so that 1.30 is newer than 1.4."""
    numbers: list[int] = []
    for part in text.lstrip("v").replace("-", ".").replace("+", ".").split("."):
        if not part.isdecimal():
            break
        numbers.append(int(part))
    return tuple(numbers)
