"""The pods that operators make of custom resources: their kinds, names, labels and ports."""

from collections.abc import Callable, Iterator
from typing import Any

from conformant.model import Resource, Undecided, dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.kafka import Kafka

NamedPort = tuple[str, str, int]
Made = tuple[Resource, str, str, dict[str, Any], tuple[NamedPort, ...], str]
"""(custom resource, kind, name, labels, ports, operator)."""


def operated(platform: Platform) -> Iterator[Made]:
    """Everything that operators make of what the platform declares. A resource whose parts are not
    known makes nothing here: `undecided` names it."""
    for key, make in _MAKERS.items():
        for resource in platform.kind(key):
            try:
                yield from list(make(resource, platform))
            except Undecided:
                continue


def undecided(platform: Platform) -> Iterator[tuple[Resource, str]]:
    """(custom resource, reason) of those whose pods are not known."""
    for key, make in _MAKERS.items():
        for resource in platform.kind(key):
            try:
                list(make(resource, platform))
            except Undecided as reason:
                yield resource, reason.reason


def _tcp(**ports: int) -> tuple[NamedPort, ...]:
    return tuple((name.replace("_", "-"), "TCP", number) for name, number in ports.items())


def _custom(resource: Resource, *steps: str) -> dict[str, Any]:
    """The labels that a pod template of the custom resource adds."""
    return mapping(resource.raw, *steps, "metadata", "labels")


# Strimzi


def _strimzi(cluster: str, kind: str, component: str, name: str) -> dict[str, Any]:
    return {
        "strimzi.io/cluster": cluster, "strimzi.io/kind": kind, "strimzi.io/name": name,
        "strimzi.io/component-type": component, "app.kubernetes.io/name": component,
        "app.kubernetes.io/instance": cluster, "app.kubernetes.io/part-of": f"strimzi-{cluster}",
        "app.kubernetes.io/managed-by": "strimzi-cluster-operator",
    }  # fmt: skip


def _kafka(resource: Resource, platform: Platform) -> Iterator[Made]:
    cluster, labels = resource.name, mapping(resource.raw, "metadata", "labels")
    kafka = platform.view(resource, Kafka)
    ports = _tcp(tcp_ctrlplane=9090, tcp_replication=9091, tcp_kafkaagent=8443)
    ports += tuple((f"tcp-{each.name}", "TCP", each.port) for each in kafka.listeners if isinstance(each.port, int))
    if dig(resource.raw, "spec", "kafka", "metricsConfig"):
        ports += _tcp(tcp_prometheus=9404)
    own = {**labels, **_strimzi(cluster, "Kafka", "kafka", f"{cluster}-kafka")}
    own |= _custom(resource, "spec", "kafka", "template", "pod")
    pools = [
        pool
        for pool in platform.kind("kafka.strimzi.io/KafkaNodePool")
        if pool.namespace == resource.namespace and dig(pool.raw, "metadata", "labels", "strimzi.io/cluster") == cluster
    ]
    for pool in pools:
        roles = sequence(pool.raw, "spec", "roles")
        extra = {"strimzi.io/pool-name": pool.name} | {
            f"strimzi.io/{role}-role": "true" if role in roles else "false" for role in ("broker", "controller")
        }
        yield resource, "StrimziPodSet", f"{cluster}-{pool.name}", {**own, **extra}, ports, "Strimzi"
    if not pools:
        extra = {"strimzi.io/broker-role": "true", "strimzi.io/controller-role": "false"}
        extra["strimzi.io/pool-name"] = "kafka"
        yield resource, "StrimziPodSet", f"{cluster}-kafka", {**own, **extra}, ports, "Strimzi"
    if mapping(resource.raw, "spec", "zookeeper"):
        name = f"{cluster}-zookeeper"
        zookeeper = _strimzi(cluster, "Kafka", "zookeeper", name)
        yield resource, "StrimziPodSet", name, {**labels, **zookeeper}, _tcp(
            tcp_clients=2181, tcp_clustering=2888, tcp_election=3888
        ), "Strimzi"  # fmt: skip
    for field, part, component, listening in (
        ("entityOperator", "entity-operator", "entity-operator", _tcp(healthcheck=8080, uo_healthcheck=8081)),
        ("kafkaExporter", "kafka-exporter", "kafka-exporter", _tcp(tcp_prometheus=9404)),
        ("cruiseControl", "cruise-control", "cruise-control", _tcp(rest_api=9090)),
    ):
        if dig(resource.raw, "spec", field) is not None:
            name = f"{cluster}-{part}"
            made = {**labels, **_strimzi(cluster, "Kafka", component, name)}
            yield resource, "Deployment", name, made, listening, "Strimzi"


def _strimzi_client(suffix: str, port: int, kind: str) -> Callable[[Resource, Platform], Iterator[Made]]:
    def make(resource: Resource, platform: Platform) -> Iterator[Made]:
        name = f"{resource.name}-{suffix}"
        component = {"connect": "kafka-connect", "bridge": "kafka-bridge", "mirrormaker2": "kafka-mirror-maker-2"}
        labels = {
            **mapping(resource.raw, "metadata", "labels"),
            **_strimzi(resource.name, resource.kind, component[suffix], name),
            **_custom(resource, "spec", "template", "pod"),
        }
        yield resource, kind, name, labels, _tcp(rest_api=port), "Strimzi"

    return make


# Redis


def _redis(resource: Resource, platform: Platform) -> Iterator[Made]:
    own = mapping(resource.raw, "metadata", "labels")
    setup, roles = {
        "Redis": ("standalone", ("standalone",)), "RedisCluster": ("cluster", ("leader", "follower")),
        "RedisReplication": ("replication", ("replication",)), "RedisSentinel": ("sentinel", ("sentinel",)),
    }[resource.kind]  # fmt: skip
    ports = _tcp(sentinel_client=26379) if resource.kind == "RedisSentinel" else _tcp(redis_client=6379)
    if resource.kind == "RedisCluster":
        ports += _tcp(redis_bus=16379)
    if dig(resource.raw, "spec", "redisExporter", "enabled") is True:
        ports += _tcp(redis_exporter=9121)
    for role in roles:
        suffix = "" if role in ("standalone", "replication") else f"-{role}"
        name = f"{resource.name}{suffix}"
        labels = {"app": name, "redis_setup_type": setup, "role": role, **own}
        yield resource, "StatefulSet", name, labels, ports, "the Redis operator"


# PostgreSQL


def _cnpg(resource: Resource, platform: Platform) -> Iterator[Made]:
    labels = {
        "cnpg.io/cluster": resource.name, "cnpg.io/podRole": "instance", "postgresql": resource.name,
        "app.kubernetes.io/managed-by": "cloudnative-pg", **_inherited(resource),
    }  # fmt: skip
    ports = _tcp(postgresql=5432, metrics=9187, status=8000)
    yield resource, "Cluster", resource.name, labels, ports, "CloudNativePG"


def _inherited(resource: Resource) -> dict[str, Any]:
    return mapping(resource.raw, "spec", "inheritedMetadata", "labels")


def _pooler(resource: Resource, platform: Platform) -> Iterator[Made]:
    labels = {"cnpg.io/poolerName": resource.name, "cnpg.io/podRole": "pooler"}
    cluster = dig(resource.raw, "spec", "cluster", "name")
    if isinstance(cluster, str):
        labels["cnpg.io/cluster"] = cluster
    labels |= _custom(resource, "spec", "template")
    yield resource, "Deployment", resource.name, labels, _tcp(pgbouncer=5432, metrics=9127), "CloudNativePG"


def _spilo(resource: Resource, platform: Platform) -> Iterator[Made]:
    labels = {"application": "spilo", "cluster-name": resource.name, "team": dig(resource.raw, "spec", "teamId")}
    ports = (("", "TCP", 5432), ("", "TCP", 8008))
    yield resource, "StatefulSet", resource.name, labels, ports, "the Postgres operator"


# observability


def _jaeger(resource: Resource, platform: Platform) -> Iterator[Made]:
    strategy = str(dig(resource.raw, "spec", "strategy") or "allinone").lower()
    collector, query = (
        {"grpc_jaeger": 14250, "http_c_tchttp": 14268, "grpc_otlp": 4317, "http_otlp": 4318, "admin_http": 14269},
        {"query": 16686, "admin_http": 16687},
    )
    if strategy in ("allinone", "all-in-one"):
        yield _component(resource, "all-in-one", resource.name, _tcp(**{**collector, **query}))
        return
    yield _component(resource, "collector", f"{resource.name}-collector", _tcp(**collector))
    yield _component(resource, "query", f"{resource.name}-query", _tcp(**query))
    if strategy == "streaming":
        yield _component(resource, "ingester", f"{resource.name}-ingester", _tcp(admin_http=14270))


def _component(resource: Resource, component: str, name: str, ports: tuple[NamedPort, ...]) -> Made:
    labels = {
        "app": "jaeger", "app.kubernetes.io/name": name, "app.kubernetes.io/instance": resource.name,
        "app.kubernetes.io/component": component, "app.kubernetes.io/part-of": "jaeger",
        "app.kubernetes.io/managed-by": "jaeger-operator", **mapping(resource.raw, "spec", "labels"),
    }  # fmt: skip
    return resource, "Deployment", name, labels, ports, "the Jaeger operator"


def _collector(resource: Resource, platform: Platform) -> Iterator[Made]:
    kind = {"daemonset": "DaemonSet", "statefulset": "StatefulSet"}.get(
        str(dig(resource.raw, "spec", "mode") or "deployment"), "Deployment"
    )
    name = f"{resource.name}-collector"
    labels = {
        **mapping(resource.raw, "metadata", "labels"), "app.kubernetes.io/name": name,
        "app.kubernetes.io/instance": f"{resource.namespace}.{resource.name}",
        "app.kubernetes.io/component": "opentelemetry-collector", "app.kubernetes.io/part-of": "opentelemetry",
        "app.kubernetes.io/managed-by": "opentelemetry-operator",
    }  # fmt: skip
    ports = _tcp(otlp_grpc=4317, otlp_http=4318, metrics=8888)
    yield resource, kind, name, labels, ports, "the OpenTelemetry operator"


def _monitor(component: str, port: int) -> Callable[[Resource, Platform], Iterator[Made]]:
    def make(resource: Resource, platform: Platform) -> Iterator[Made]:
        labels = {
            component: resource.name, "app.kubernetes.io/name": component,
            "app.kubernetes.io/instance": resource.name, "app.kubernetes.io/managed-by": "prometheus-operator",
            f"operator.prometheus.io/{'name' if component == 'prometheus' else component}": resource.name,
            **mapping(resource.raw, "spec", "podMetadata", "labels"),
        }  # fmt: skip
        name = f"{component}-{resource.name}"
        yield resource, "StatefulSet", name, labels, _tcp(web=port), "the Prometheus operator"

    return make


_MAKERS: dict[str, Callable[[Resource, Platform], Iterator[Made]]] = {
    "kafka.strimzi.io/Kafka": _kafka,
    "kafka.strimzi.io/KafkaConnect": _strimzi_client("connect", 8083, "StrimziPodSet"),
    "kafka.strimzi.io/KafkaMirrorMaker2": _strimzi_client("mirrormaker2", 8083, "StrimziPodSet"),
    "kafka.strimzi.io/KafkaBridge": _strimzi_client("bridge", 8080, "Deployment"),
    **{f"redis.redis.opstreelabs.in/{kind}": _redis
       for kind in ("Redis", "RedisCluster", "RedisReplication", "RedisSentinel")},
    "postgresql.cnpg.io/Cluster": _cnpg,
    "postgresql.cnpg.io/Pooler": _pooler,
    "acid.zalan.do/postgresql": _spilo,
    "jaegertracing.io/Jaeger": _jaeger,
    "opentelemetry.io/OpenTelemetryCollector": _collector,
    "monitoring.coreos.com/Prometheus": _monitor("prometheus", 9090),
    "monitoring.coreos.com/Alertmanager": _monitor("alertmanager", 9093),
    "monitoring.coreos.com/ThanosRuler": _monitor("thanos-ruler", 10902),
}  # fmt: skip
