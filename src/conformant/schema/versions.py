"""API versions that were deprecated or are no longer served, by component version.

For Kubernetes' own kinds the table reaches further back than the schemas; for custom kinds it
speaks where no definition of the kind is at hand.
"""

from collections.abc import Iterator, Mapping
from functools import cache

from msgspec import Struct

from conformant.profile import version_tuple

GUIDE = "https://kubernetes.io/docs/reference/using-api/deprecation-guide/"
STRIMZI = "https://github.com/strimzi/proposals/blob/main/113-Strimzi-v1-CRD-API-and-1.0.0-release.md"
STRIMZI_0_22 = "https://strimzi.io/blog/2021/04/29/api-conversion"
REDIS = "https://github.com/OT-CONTAINER-KIT/redis-operator/issues/1325"
KONG = "https://github.com/Kong/kubernetes-ingress-controller/issues/7496"
ESO = "https://github.com/external-secrets/external-secrets/releases/tag/v0.17.0"
ESO_0_16 = "https://github.com/external-secrets/external-secrets/releases/tag/v0.16.0"
VPA = "https://github.com/kubernetes/autoscaler/blob/master/vertical-pod-autoscaler/deploy/vpa-v1-crd-gen.yaml"
POLICY_API = "https://github.com/kubernetes-sigs/network-policy-api/releases/tag/v0.2.0"

CHECKED = "2026-11-22"
"""When the rows were last compared with their sources."""


class Row(Struct, frozen=True):
    """One line of the table. `deprecated` and `removed` are versions of `component`, empty where
    that did not happen; ``0`` is before any version in use. `kinds` empty means the whole group
    version."""

    component: str
    api_version: str
    kinds: tuple[str, ...]
    deprecated: str
    removed: str
    replacement: str
    source: str


def _rows(component: str, source: str, *lines: str) -> Iterator[Row]:
    """Rows from lines ``apiVersion  kinds  deprecated  removed  replacement``; ``-`` is nothing."""
    for line in lines:
        api_version, kinds, deprecated, removed, replacement = ("" if word == "-" else word for word in line.split())
        names = tuple(kinds.split(",")) if kinds else ()
        yield Row(component, api_version, names, deprecated, removed, replacement, source)


_WEBHOOKS = "ValidatingWebhookConfiguration,MutatingWebhookConfiguration"
_RBAC = "ClusterRole,ClusterRoleBinding,Role,RoleBinding"
_REVIEWS = "LocalSubjectAccessReview,SelfSubjectAccessReview,SubjectAccessReview,SelfSubjectRulesReview"
_FLOW = "FlowSchema,PriorityLevelConfiguration"

TABLE: tuple[Row, ...] = (
    *_rows(
        "kubernetes",
        GUIDE,
        "extensions/v1beta1 Deployment,DaemonSet,ReplicaSet 1.9 1.16 apps/v1",
        "extensions/v1beta1 NetworkPolicy 1.9 1.16 networking.k8s.io/v1",
        "extensions/v1beta1 PodSecurityPolicy 1.11 1.16 policy/v1beta1",
        "extensions/v1beta1 Ingress 1.14 1.22 networking.k8s.io/v1",
        "apps/v1beta1 Deployment,StatefulSet,ControllerRevision 1.9 1.16 apps/v1",
        "apps/v1beta2 Deployment,StatefulSet,DaemonSet,ReplicaSet,ControllerRevision 1.9 1.16 apps/v1",
        f"admissionregistration.k8s.io/v1beta1 {_WEBHOOKS} 1.16 1.22 admissionregistration.k8s.io/v1",
        "apiextensions.k8s.io/v1beta1 CustomResourceDefinition 1.16 1.22 apiextensions.k8s.io/v1",
        "apiregistration.k8s.io/v1beta1 APIService 1.19 1.22 apiregistration.k8s.io/v1",
        "authentication.k8s.io/v1beta1 TokenReview 1.19 1.22 authentication.k8s.io/v1",
        f"authorization.k8s.io/v1beta1 {_REVIEWS} 1.19 1.22 authorization.k8s.io/v1",
        "certificates.k8s.io/v1beta1 CertificateSigningRequest 1.19 1.22 certificates.k8s.io/v1",
        "coordination.k8s.io/v1beta1 Lease 1.19 1.22 coordination.k8s.io/v1",
        "networking.k8s.io/v1beta1 Ingress,IngressClass 1.19 1.22 networking.k8s.io/v1",
        f"rbac.authorization.k8s.io/v1alpha1 {_RBAC} 1.17 1.22 rbac.authorization.k8s.io/v1",
        f"rbac.authorization.k8s.io/v1beta1 {_RBAC} 1.17 1.22 rbac.authorization.k8s.io/v1",
        "scheduling.k8s.io/v1alpha1 PriorityClass 1.14 1.22 scheduling.k8s.io/v1",
        "scheduling.k8s.io/v1beta1 PriorityClass 1.14 1.22 scheduling.k8s.io/v1",
        "storage.k8s.io/v1beta1 CSIDriver,CSINode,StorageClass,VolumeAttachment 1.19 1.22 storage.k8s.io/v1",
        "batch/v1beta1 CronJob 1.21 1.25 batch/v1",
        "discovery.k8s.io/v1beta1 EndpointSlice 1.21 1.25 discovery.k8s.io/v1",
        "events.k8s.io/v1beta1 Event 1.22 1.25 events.k8s.io/v1",
        "autoscaling/v2beta1 HorizontalPodAutoscaler 1.22 1.25 autoscaling/v2",
        "policy/v1beta1 PodDisruptionBudget 1.21 1.25 policy/v1",
        "policy/v1beta1 PodSecurityPolicy 1.21 1.25 -",
        "node.k8s.io/v1beta1 RuntimeClass 1.22 1.25 node.k8s.io/v1",
        f"flowcontrol.apiserver.k8s.io/v1beta1 {_FLOW} 1.23 1.26 flowcontrol.apiserver.k8s.io/v1",
        "autoscaling/v2beta2 HorizontalPodAutoscaler 1.23 1.26 autoscaling/v2",
        "storage.k8s.io/v1beta1 CSIStorageCapacity 1.24 1.27 storage.k8s.io/v1",
        f"flowcontrol.apiserver.k8s.io/v1beta2 {_FLOW} 1.26 1.29 flowcontrol.apiserver.k8s.io/v1",
        f"flowcontrol.apiserver.k8s.io/v1beta3 {_FLOW} 1.29 1.32 flowcontrol.apiserver.k8s.io/v1",
        "v1 Endpoints 1.33 - discovery.k8s.io/v1",
        "v1 ComponentStatus 1.19 - -",
    ),
    *_rows(
        "vpa",
        VPA,
        "autoscaling.k8s.io/v1beta1 - 0 0 autoscaling.k8s.io/v1",
        "autoscaling.k8s.io/v1beta2 - 0 0 autoscaling.k8s.io/v1",
    ),
    *_rows("strimzi", STRIMZI, "kafka.strimzi.io/v1beta2 - 0.49 1.0.0 kafka.strimzi.io/v1"),
    *_rows(
        "strimzi",
        STRIMZI,
        "kafka.strimzi.io/v1beta1 KafkaTopic,KafkaUser 0.49 1.0.0 kafka.strimzi.io/v1",
        "kafka.strimzi.io/v1alpha1 KafkaTopic,KafkaUser 0.49 1.0.0 kafka.strimzi.io/v1",
    ),
    *_rows(
        "strimzi",
        STRIMZI_0_22,
        "kafka.strimzi.io/v1beta1 - 0.22 0.23 kafka.strimzi.io/v1",
        "kafka.strimzi.io/v1alpha1 - 0.22 0.23 kafka.strimzi.io/v1",
    ),
    *_rows(
        "redis-operator",
        REDIS,
        "redis.redis.opstreelabs.in/v1beta1 - 0.19.1 0.20.0 redis.redis.opstreelabs.in/v1beta2",
    ),
    *_rows(
        "kic",
        KONG,
        "configuration.konghq.com/v1 KongIngress 3.0 - configuration.konghq.com/v1beta1:KongUpstreamPolicy",
        "configuration.konghq.com/v1beta1 TCPIngress 3.5 - gateway.networking.k8s.io/v1alpha2:TCPRoute",
        "configuration.konghq.com/v1beta1 UDPIngress 3.5 - gateway.networking.k8s.io/v1alpha2:UDPRoute",
    ),
    *_rows(
        "kong-operator",
        KONG,
        "configuration.konghq.com/v1 KongIngress 0 2.0 configuration.konghq.com/v1beta1:KongUpstreamPolicy",
        "configuration.konghq.com/v1beta1 TCPIngress 0 2.0 gateway.networking.k8s.io/v1alpha2:TCPRoute",
        "configuration.konghq.com/v1beta1 UDPIngress 0 2.0 gateway.networking.k8s.io/v1alpha2:UDPRoute",
    ),
    *_rows(
        "eso",
        ESO,
        "external-secrets.io/v1beta1 - 0.16 0.17 external-secrets.io/v1",
    ),
    *_rows(
        "eso",
        ESO_0_16,
        "external-secrets.io/v1alpha1 SecretStore,ClusterSecretStore,ExternalSecret 0.5 0.16 external-secrets.io/v1",
    ),
    *_rows(
        "network-policy-api",
        POLICY_API,
        "policy.networking.k8s.io/v1alpha1 AdminNetworkPolicy,BaselineAdminNetworkPolicy 0.2.0 0.2.0"
        " policy.networking.k8s.io/v1alpha2:ClusterNetworkPolicy",
    ),
)


class Status(Struct, frozen=True):
    """What the table says: `state` is ``served``, ``deprecated`` or ``removed``. `since` is the
    version of `component` from which that holds (empty: any in use), `removed_in` the version that
    stops serving a deprecated one. `replacement` is an apiVersion, with ``:Kind`` where the kind
    changes."""

    state: str
    component: str = ""
    since: str = ""
    removed_in: str = ""
    replacement: str = ""
    source: str = ""


def status(api_version: str, kind: str, versions: Mapping[str, str]) -> Status | None:
    """What the table says about `kind` under `versions` (component to version); None if nothing.

    A component whose version is not stated counts as its newest. Where several components could
    serve a kind and one of them is stated, only that one is asked.
    """
    rows = _index().get((api_version, kind)) or _index().get((api_version, ""))
    if rows is None:
        return None
    stated = [row for row in rows if versions.get(row.component)]
    verdicts = [_judge(row, versions.get(row.component, "")) for row in stated or rows]
    return max(verdicts, key=lambda verdict: ("served", "deprecated", "removed").index(verdict.state))


def _judge(row: Row, version: str) -> Status:
    current = version_tuple(version)
    for state, since in (("removed", row.removed), ("deprecated", row.deprecated)):
        if since and (not version or current >= version_tuple(since)):
            removed_in = row.removed if state == "deprecated" else ""
            since = "" if since == "0" else since
            return Status(state, row.component, since, removed_in, row.replacement, row.source)
    return Status("served", row.component, replacement="", source=row.source)


@cache
def _index() -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in TABLE:
        for kind in row.kinds or ("",):
            found.setdefault((row.api_version, kind), []).append(row)
    return found
