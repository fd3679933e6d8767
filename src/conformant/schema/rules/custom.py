"""Custom kinds: CEL rules that are not evaluated as such, and required fields for runs in which the
kind's own definition is not at hand."""

from collections.abc import Iterator
from typing import Any

from conformant.model import Path, dig, mapping, sequence
from conformant.schema.problem import Problem
from conformant.schema.rules.kind import Rule, broken, given

_SPEC = Path(("spec",))
_HASH_INPUTS = ("input", "cookie", "header", "uriCapture", "queryArg")
_UPDATE_MODES = ("Off", "Initial", "Recreate", "Auto", "InPlaceOrRecreate", "InPlace")
_TARGETS = ("selector", "targetRef", "targetRefs")


def _needs(value: Any, path: Path, *names: str) -> Iterator[Problem]:
    """The fields that must be there, if their parent is a mapping."""
    if value.__class__ is dict:
        for name in names:
            if dig(value, name) is None:
                yield broken(path, name, message=f"{name!r} is required", kind="required")


def _kafka(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    """Listeners always; replicas and storage where neither node pools nor KRaft take their place."""
    kafka, zookeeper = dig(raw, "spec", "kafka"), dig(raw, "spec", "zookeeper")
    path = _SPEC / "kafka"
    yield from _needs(kafka, path, "listeners")
    annotations = mapping(raw, "metadata", "annotations")
    pooled = any(dig(annotations, f"strimzi.io/{name}") == "enabled" for name in ("node-pools", "kraft"))
    if raw.get("apiVersion") == "kafka.strimzi.io/v1beta2" and zookeeper is not None:
        if not pooled:
            yield from _needs(kafka, path, "replicas", "storage")
        yield from _needs(zookeeper, _SPEC / "zookeeper", "replicas", "storage")
    for index, listener in enumerate(sequence(kafka, "listeners")):
        place = path / "listeners" / index
        yield from _needs(listener, place, "name", "port", "type", "tls")
        port = dig(listener, "port")
        if port.__class__ is int and port < 9092:
            yield broken(place, "port", message=f"{port} is too small: at least 9092 needed", kind="range")


def _node_pool(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    yield from _needs(dig(raw, "spec"), _SPEC, "replicas", "storage", "roles")


def _redis(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    needed = ("clusterSize", "kubernetesConfig") if raw.get("kind") == "RedisCluster" else ("kubernetesConfig",)
    yield from _needs(dig(raw, "spec"), _SPEC, *needed)
    yield from _needs(dig(raw, "spec", "TLS"), _SPEC / "TLS", "secret")


def _vertical_autoscaler(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    yield from _needs(dig(raw, "spec"), _SPEC, "targetRef")
    mode, path = dig(raw, "spec", "updatePolicy", "updateMode"), _SPEC / "updatePolicy" / "updateMode"
    if mode.__class__ is bool:
        yield broken(path, message='a boolean where a string belongs: quote it ("Off")', kind="type")
    elif mode is not None and mode not in _UPDATE_MODES:
        yield broken(path, message=f"{mode!r} is none of {', '.join(_UPDATE_MODES)}", kind="enum")


def _peer_authentication(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    ports, path = dig(raw, "spec", "portLevelMtls"), _SPEC / "portLevelMtls"
    if ports is None:
        return
    if not mapping(raw, "spec", "selector", "matchLabels"):
        yield broken(path, message="portLevelMtls needs a selector with matchLabels")
    for port in mapping(ports):
        text = str(port)
        if not text.isdecimal() or not 1 <= int(text) <= 65535:
            yield broken(path, port, message=f"{text!r} is not a port (1 to 65535)", kind="range")


def _istio_target(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    found = given(mapping(raw, "spec"), *_TARGETS)
    if len(found) > 1:
        yield broken(_SPEC, found[1], message=f"only one of {', '.join(found)} is allowed")


def _authorization_sources(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    for number, rule in enumerate(sequence(raw, "spec", "rules")):
        for index, entry in enumerate(sequence(rule, "from")):
            source = mapping(entry, "source")
            accounts = given(source, "serviceAccounts", "notServiceAccounts")
            others = given(source, "principals", "notPrincipals", "namespaces", "notNamespaces")
            if accounts and others:
                path = Path(("spec", "rules", number, "from", index, "source", accounts[0]))
                yield broken(path, message=f"{accounts[0]} cannot stand beside {', '.join(others)}")


def _kong_upstream(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    """Which way of hashing goes with which algorithm, and what each of them needs."""
    spec = mapping(raw, "spec")
    algorithm, hashing, fallback = (dig(spec, name) for name in ("algorithm", "hashOn", "hashOnFallback"))
    sticky = dig(spec, "stickySessions")
    if hashing.__class__ is dict:
        path = _SPEC / "hashOn"
        found = given(hashing, *_HASH_INPUTS)
        if len(found) > 1:
            yield broken(path, message=f"only one of {', '.join(found)} is allowed")
        for one, other in (("cookie", "cookiePath"), ("cookiePath", "cookie")):
            if dig(hashing, one) is not None and dig(hashing, other) is None:
                yield broken(path, other, message=f"{other!r} is required beside {one}", kind="required")
        if algorithm not in ("consistent-hashing", "sticky-sessions"):
            message = "hashOn needs algorithm consistent-hashing or sticky-sessions"
            yield broken(_SPEC, "algorithm", message=message)
        if dig(hashing, "cookie") is not None and fallback is not None:
            yield broken(_SPEC, "hashOnFallback", message="does not go with hashOn.cookie")
    if fallback is not None:
        found = given(mapping(fallback), *_HASH_INPUTS)
        if len(found) > 1:
            yield broken(_SPEC, "hashOnFallback", message=f"only one of {', '.join(found)} is allowed")
        if algorithm != "consistent-hashing":
            message = "hashOnFallback needs algorithm consistent-hashing"
            yield broken(_SPEC, "hashOnFallback", message=message)
    if sticky is not None:
        yield from _needs(sticky, _SPEC / "stickySessions", "cookie")
        if algorithm != "sticky-sessions":
            yield broken(_SPEC, "algorithm", message="stickySessions needs algorithm sticky-sessions")
        inputs = mapping(hashing)
        if dig(inputs, "input") != "none" or len(given(inputs, *_HASH_INPUTS)) > 1:
            yield broken(_SPEC, "hashOn", message="stickySessions needs hashOn with input none alone")
    slots = dig(spec, "slots")
    if slots.__class__ is int and not 10 <= slots <= 65536:
        yield broken(_SPEC, "slots", message=f"{slots} is not between 10 and 65536", kind="range")


def _kong_checks(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    for health in ("healthy", "unhealthy"):
        path = _SPEC / "healthchecks" / "passive" / health
        if dig(raw, *path, "interval") is not None:
            yield broken(path, "interval", message="passive health checks have no interval")


def _kong_plugin(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    for beside in ("config", "configPatches"):
        if dig(raw, "configFrom") is not None and dig(raw, beside) is not None:
            yield broken(Path(("configFrom",)), message=f"{beside} and configFrom exclude each other")


def _cluster_policy(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(sequence(raw, "spec", direction)):
            if dig(rule, side) == []:
                path = Path(("spec", direction, index, side))
                yield broken(path, message="at least one peer is needed", kind="range")


_REDIS = "redis.redis.opstreelabs.in"

CUSTOM_RULES: dict[str, tuple[Rule, ...]] = {
    "autoscaling.k8s.io/VerticalPodAutoscaler": (_vertical_autoscaler,),
    "configuration.konghq.com/KongClusterPlugin": (_kong_plugin,),
    "configuration.konghq.com/KongPlugin": (_kong_plugin,),
    "configuration.konghq.com/KongUpstreamPolicy": (_kong_upstream, _kong_checks),
    "kafka.strimzi.io/Kafka": (_kafka,),
    "kafka.strimzi.io/KafkaNodePool": (_node_pool,),
    "policy.networking.k8s.io/ClusterNetworkPolicy": (_cluster_policy,),
    f"{_REDIS}/Redis": (_redis,),
    f"{_REDIS}/RedisCluster": (_redis,),
    f"{_REDIS}/RedisReplication": (_redis,),
    f"{_REDIS}/RedisSentinel": (_redis,),
    "security.istio.io/AuthorizationPolicy": (_istio_target, _authorization_sources),
    "security.istio.io/PeerAuthentication": (_peer_authentication,),
    "security.istio.io/RequestAuthentication": (_istio_target,),
}
