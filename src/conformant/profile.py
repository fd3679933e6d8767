"""What a platform is said to be: component versions, mesh, gateway, cloud, names and limits."""

from fnmatch import fnmatchcase

from msgspec import Struct


class Mesh(Struct, frozen=True, forbid_unknown_fields=True):
    """The Istio mesh. `mode` is auto, sidecar, ambient or none; auto looks at the platform."""

    mode: str = "auto"
    root_namespace: str = "istio-system"
    trust_domain: str = "cluster.local"
    enable_namespaces_by_default: bool = False


class Live(Struct, frozen=True, forbid_unknown_fields=True):
    """What an audit of a running platform needs to know of it.

    - `cluster_uid`: the uid of the namespace ``kube-system``: the audit stops where it is another cluster.
    - `aws_account`: the AWS account; without it nothing is asked of AWS.
    - `aws_regions`: the regions that the platform runs in, the primary one first.
    - `aws_endpoint`: another address for the AWS services.
    - `prometheus`: its address, or ``namespace/service:port`` to reach it through the API server.
    - `probe_namespaces`: the two namespaces, made beforehand and outside the mesh, that probe pods run in.
    - `probe_image`: the image of probe pods, best by digest: any with Python 3.11 or newer.
    - `probe_pull_policy`: when that image is pulled.
    - `canary`: ``host:port`` of your own on the internet, to see whether pods can reach it.
    - `exclude`: addresses of workloads that no packet may be sent to.
    - `dr_context`: the context of the other region's cluster, to compare with.
    - `production`: whether drills need the cluster's name typed and an open maintenance window.
    - `maintenance`: open windows, as ``2026-12-01T20:00Z/2026-12-01T22:00Z``.
    """

    cluster_uid: str = ""
    aws_account: str = ""
    aws_regions: tuple[str, ...] = ()
    aws_endpoint: str = ""
    prometheus: str = ""
    probe_namespaces: tuple[str, str] = ("conformance-probe-a", "conformance-probe-b")
    probe_image: str = "python:3-slim"
    probe_pull_policy: str = "IfNotPresent"
    canary: str = ""
    exclude: tuple[str, ...] = ()
    dr_context: str = ""
    production: bool = True
    maintenance: tuple[str, ...] = ()


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
    - `admin_tier`: whether administrators' network policies must deny the metadata endpoint.
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
    admin_tier: bool = False

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
