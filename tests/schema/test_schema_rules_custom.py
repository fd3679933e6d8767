"""What the API server refuses of custom kinds: CEL rules and required fields, every rule both ways."""

from typing import Any

import pytest

from conformant.schema import Problem, rejected


def found(api_version: str, kind: str, **fields: Any) -> list[str]:
    """The problems of an object, each as ``kind path``."""
    raw = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "n"}, **fields}
    group, _, version = api_version.rpartition("/")
    results = rejected(group, version, kind, raw, "")
    return [f"{result.kind} {result.path}" for result in results if isinstance(result, Problem)]


KAFKA, REDIS, ISTIO, KONG = (
    "kafka.strimzi.io",
    "redis.redis.opstreelabs.in",
    "security.istio.io/v1",
    "configuration.konghq.com",
)
LISTENER = {"name": "tls", "port": 9093, "type": "internal", "tls": True}
UPSTREAM = f"{KONG}/v1beta1"


@pytest.mark.parametrize(
    ("api_version", "kind", "spec", "expected"),
    [
        (f"{KAFKA}/v1", "Kafka", {"kafka": {"listeners": [LISTENER]}}, []),
        (f"{KAFKA}/v1", "Kafka", {"kafka": {}}, ["required spec.kafka.listeners"]),
        (f"{KAFKA}/v1", "Kafka", {"kafka": {"listeners": [{"name": "a", "port": 9091, "type": "internal"}]}},
         ["required spec.kafka.listeners[0].tls", "range spec.kafka.listeners[0].port"]),
        (f"{KAFKA}/v1beta2", "Kafka", {"kafka": {"listeners": [LISTENER]}, "zookeeper": {"replicas": 3}},
         ["required spec.kafka.replicas", "required spec.kafka.storage", "required spec.zookeeper.storage"]),
        (f"{KAFKA}/v1beta2", "Kafka", {"kafka": {"listeners": [LISTENER]}}, []),
        (f"{KAFKA}/v1", "KafkaNodePool", {"roles": ["broker"]}, ["required spec.replicas", "required spec.storage"]),
        (f"{REDIS}/v1beta2", "RedisCluster", {"clusterSize": 3, "kubernetesConfig": {}, "TLS": {"secret": {}}}, []),
        (f"{REDIS}/v1beta2", "RedisCluster", {"TLS": {}},
         ["required spec.clusterSize", "required spec.kubernetesConfig", "required spec.TLS.secret"]),
        (f"{REDIS}/v1beta2", "RedisReplication", {}, ["required spec.kubernetesConfig"]),
        ("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", {"targetRef": {}, "updatePolicy": {"updateMode": "Off"}},
         []),
        ("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", {"updatePolicy": {"updateMode": False}},
         ["required spec.targetRef", "type spec.updatePolicy.updateMode"]),
        ("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", {"targetRef": {}, "updatePolicy": {"updateMode": "auto"}},
         ["enum spec.updatePolicy.updateMode"]),
        (ISTIO, "PeerAuthentication", {"mtls": {"mode": "STRICT"}}, []),
        (ISTIO, "PeerAuthentication",
         {"selector": {"matchLabels": {"a": "b"}}, "portLevelMtls": {8080: {}, "9090": {}}}, []),
        (ISTIO, "PeerAuthentication", {"selector": {"matchLabels": {}}, "portLevelMtls": {8080: {}}},
         ["rule spec.portLevelMtls"]),
        (ISTIO, "PeerAuthentication",
         {"selector": {"matchLabels": {"a": "b"}}, "portLevelMtls": {0: {}, "http": {}}},
         ["range spec.portLevelMtls[0]", "range spec.portLevelMtls.http"]),
        (ISTIO, "AuthorizationPolicy", {"selector": {}, "targetRefs": []}, ["rule spec.targetRefs"]),
        (ISTIO, "RequestAuthentication", {"selector": {}}, []),
        (ISTIO, "AuthorizationPolicy",
         {"rules": [{"from": [{"source": {"serviceAccounts": ["a"], "namespaces": ["b"]}}]}]},
         ["rule spec.rules[0].from[0].source.serviceAccounts"]),
        (ISTIO, "AuthorizationPolicy",
         {"rules": [{"from": [{"source": {"principals": ["a"], "namespaces": ["b"]}}]}]}, []),
        (UPSTREAM, "KongUpstreamPolicy",
         {"algorithm": "consistent-hashing", "hashOn": {"input": "consumer"}, "hashOnFallback": {"input": "ip"}},
         []),
        (UPSTREAM, "KongUpstreamPolicy", {"algorithm": "least-connections", "hashOn": {"header": "x"}},
         ["rule spec.algorithm"]),
        (UPSTREAM, "KongUpstreamPolicy",
         {"algorithm": "consistent-hashing", "hashOn": {"header": "x", "input": "ip"}}, ["rule spec.hashOn"]),
        (UPSTREAM, "KongUpstreamPolicy",
         {"algorithm": "consistent-hashing", "hashOn": {"cookie": "x"}, "hashOnFallback": {"input": "ip"}},
         ["required spec.hashOn.cookiePath", "rule spec.hashOnFallback"]),
        (UPSTREAM, "KongUpstreamPolicy",
         {"algorithm": "sticky-sessions", "hashOn": {"input": "none"}, "stickySessions": {"cookie": "c"}}, []),
        (UPSTREAM, "KongUpstreamPolicy", {"stickySessions": {}},
         ["required spec.stickySessions.cookie", "rule spec.algorithm", "rule spec.hashOn"]),
        (UPSTREAM, "KongUpstreamPolicy", {"slots": 5}, ["range spec.slots"]),
        (UPSTREAM, "KongUpstreamPolicy", {"healthchecks": {"passive": {"healthy": {"interval": 5}}}},
         ["rule spec.healthchecks.passive.healthy.interval"]),
        ("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy",
         {"ingress": [{"from": []}], "egress": [{"to": [{}]}]}, ["range spec.ingress[0].from"]),
    ],
)  # fmt: skip
def test_custom_kinds(api_version: str, kind: str, spec: dict[str, Any], expected: list[str]) -> None:
    assert found(api_version, kind, spec=spec) == expected


def test_kong_plugin_configuration_has_one_source() -> None:
    def kong(**fields: Any) -> list[str]:
        return found(f"{KONG}/v1", "KongPlugin", **fields)

    assert kong(config={}, configFrom={}) == ["rule configFrom"]
    assert kong(configFrom={}) == []
    assert kong(config={"anything": 1}) == []
