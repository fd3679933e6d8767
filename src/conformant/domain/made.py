"""What operators make of the objects that a platform declares, by name and by label."""

from collections.abc import Callable, Iterator
from typing import Any

from conformant.domain.references import ACCOUNT, CONFIG_MAP, SECRET, SERVICE, named, service_of
from conformant.model import Resource, dig, mapping, sequence
from conformant.platform import Platform

EVERYWHERE = "*"
"""The namespace of what is made in every namespace, or in some that are not known."""

Made = Iterator[tuple[str, str]]
"""(namespace, name)."""


def nothing(platform: Platform) -> Made:
    yield from ()


def _canaries(platform: Platform) -> "Iterator[tuple[Resource, str, str]]":
    """(Canary, name of its target, name of its Service)."""
    for canary in platform.kind("flagger.app/Canary"):
        target = named(dig(canary.raw, "spec", "targetRef", "name"))
        if target:
            yield canary, target, named(dig(canary.raw, "spec", "service", "name")) or target


def primaries(platform: Platform, namespace: str) -> Iterator[dict[Any, Any]]:
    """The labels of the pods that Flagger copies: the naming label ends in -primary."""
    for _, labels in copies(platform, namespace):
        yield labels


def copies(platform: Platform, namespace: str) -> Iterator[tuple[Resource, dict[Any, Any]]]:
    """The workloads of a namespace that Flagger copies, and the labels of the copies' pods."""
    for canary, target, _ in _canaries(platform):
        workload = platform.find("apps/Deployment", namespace, target) or platform.find(
            "apps/DaemonSet", namespace, target
        )
        if canary.namespace == namespace and workload is not None:
            labels = mapping(workload.raw, "spec", "template", "metadata", "labels")
            key = next((key for key in ("app", "name", "app.kubernetes.io/name") if key in labels), None)
            if key is not None:
                yield workload, {**labels, key: f"{target}-primary"}


def _primary_names(platform: Platform) -> Made:
    for canary, target, _ in _canaries(platform):
        yield canary.namespace, f"{target}-primary"


def _accounts(platform: Platform) -> Made:
    for kafka in platform.kind("kafka.strimzi.io/Kafka"):
        yield from ((kafka.namespace, f"{kafka.name}-{part}") for part in ("kafka", "entity-operator", "zookeeper"))
    for cluster in platform.kind("postgresql.cnpg.io/Cluster"):
        yield cluster.namespace, cluster.name


def _config_maps(platform: Platform) -> Made:
    for bundle in platform.kind("trust.cert-manager.io/Bundle"):
        yield EVERYWHERE, bundle.name
    for namespace, name, kind in _external(platform):
        if kind == "ConfigMap":
            yield namespace, name


def _secrets(platform: Platform) -> Made:
    for namespace, name, kind in _external(platform):
        if kind != "ConfigMap":
            yield namespace, name
    for key, steps in SECRET_NAMES.items():
        for resource in platform.kind(key):
            yield resource.namespace, named(dig(resource.raw, *steps)) or resource.name
    for kafka in platform.kind("kafka.strimzi.io/Kafka"):
        for part in ("cluster-ca-cert", "cluster-ca", "clients-ca-cert", "clients-ca"):
            yield kafka.namespace, f"{kafka.name}-{part}"
    for cluster in platform.kind("postgresql.cnpg.io/Cluster"):
        for part in ("app", "superuser", "ca", "server", "replication"):
            yield cluster.namespace, f"{cluster.name}-{part}"
    for cluster in platform.kind("acid.zalan.do/postgresql"):
        for user in ("postgres", "standby", *mapping(cluster.raw, "spec", "users")):
            yield cluster.namespace, f"{user}.{cluster.name}.credentials.postgresql.acid.zalan.do".replace("_", "-")
    for provider in platform.kind("secrets-store.csi.x-k8s.io/SecretProviderClass"):
        for entry in sequence(provider.raw, "spec", "secretObjects"):
            yield provider.namespace, named(dig(entry, "secretName"))


SECRET_NAMES = {
    "bitnami.com/SealedSecret": ("spec", "template", "metadata", "name"),
    "cert-manager.io/Certificate": ("spec", "secretName"),
    "kafka.strimzi.io/KafkaUser": (),
    "secrets.hashicorp.com/VaultDynamicSecret": ("spec", "destination", "name"),
    "secrets.hashicorp.com/VaultPKISecret": ("spec", "destination", "name"),
    "secrets.hashicorp.com/VaultStaticSecret": ("spec", "destination", "name"),
}
"""Where the name of the Secret stands that an object of this kind makes; else its own name counts."""


def _external(platform: Platform) -> "Iterator[tuple[str, str, str]]":
    """(namespace, name, kind) of what External Secrets makes."""
    for secret in platform.kind("external-secrets.io/ExternalSecret"):
        target = mapping(secret.raw, "spec", "target")
        kind = named(dig(target, "manifest", "kind")) or "Secret"
        yield secret.namespace, named(dig(target, "name")) or secret.name, kind
    for secret in platform.kind("external-secrets.io/ClusterExternalSecret"):
        spec = mapping(secret.raw, "spec")
        name = named(dig(spec, "externalSecretSpec", "target", "name")) or named(dig(spec, "externalSecretName"))
        yield EVERYWHERE, name or secret.name, "Secret"


def _services(platform: Platform) -> Made:
    for canary, _, service in _canaries(platform):
        yield from ((canary.namespace, name) for name in (service, f"{service}-primary", f"{service}-canary"))
    for key, suffixes in SERVICE_SUFFIXES.items():
        for resource in platform.kind(key):
            yield from ((resource.namespace, f"{resource.name}{suffix}") for suffix in suffixes)
    for key, name in (("Prometheus", "prometheus-operated"), ("Alertmanager", "alertmanager-operated")):
        for resource in platform.kind(f"monitoring.coreos.com/{key}"):
            yield resource.namespace, name
    for entry in platform.kind("networking.istio.io/ServiceEntry"):
        for host in sequence(entry.raw, "spec", "hosts"):
            declared = service_of(named(host), entry.namespace)
            if declared:
                yield declared


SERVICE_SUFFIXES = {
    "acid.zalan.do/postgresql": ("", "-repl"),
    "jaegertracing.io/Jaeger": ("-collector", "-query", "-agent"),
    "kafka.strimzi.io/Kafka": ("-kafka-bootstrap", "-kafka-brokers"),
    "opentelemetry.io/OpenTelemetryCollector": ("-collector",),
    "postgresql.cnpg.io/Cluster": ("-rw", "-ro", "-r"),
    "postgresql.cnpg.io/Pooler": ("",),
}

MAKERS: dict[str, Callable[[Platform], Made]] = {
    ACCOUNT: _accounts, CONFIG_MAP: _config_maps, SECRET: _secrets, SERVICE: _services,
    "apps/DaemonSet": _primary_names, "apps/Deployment": _primary_names,
}  # fmt: skip
