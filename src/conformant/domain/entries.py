"""Which pods are meant to be reached by callers without a stable name: entry points, and webhooks."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from conformant.model import Resource, dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.selector import equals

_WEBHOOKS = (
    "admissionregistration.k8s.io/ValidatingWebhookConfiguration",
    "admissionregistration.k8s.io/MutatingWebhookConfiguration",
)


def entry_points(platform: Platform) -> frozenset[str]:
    """The addresses of workloads that something publishes: Ingress and HTTPRoute backends, Services of type
    LoadBalancer or NodePort, and what the profile names. Use with `Platform.derived`."""
    services = set(_routed(platform))
    for service in platform.kind("/Service"):
        if dig(service.raw, "spec", "type") in ("LoadBalancer", "NodePort"):
            services.add((service.namespace, service.name))
    stated = platform.profile.entry_points
    named = {
        workload.resource.address for workload in platform.workloads
        if any(fnmatchcase(workload.resource.address, pattern) for pattern in stated)
    }  # fmt: skip
    return frozenset(_behind(platform, services)) | named


def webhook_backends(platform: Platform) -> frozenset[str]:
    """The addresses of workloads that the API server calls. Use with `Platform.derived`."""
    services: set[tuple[str, str]] = set()
    for key in _WEBHOOKS:
        for resource in platform.kind(key):
            for webhook in sequence(resource.raw, "webhooks"):
                services |= _named(mapping(mapping(webhook), "clientConfig", "service"))
    for resource in platform.kind("apiregistration.k8s.io/APIService"):
        services |= _named(mapping(resource.raw, "spec", "service"))
    for resource in platform.kind("apiextensions.k8s.io/CustomResourceDefinition"):
        services |= _named(mapping(resource.raw, "spec", "conversion", "webhook", "clientConfig", "service"))
    return frozenset(_behind(platform, services))


def _named(service: dict[Any, Any]) -> set[tuple[str, str]]:
    return {(str(dig(service, "namespace")), str(dig(service, "name")))} if service else set()


def _routed(platform: Platform) -> Iterator[tuple[str, str]]:
    for key in ("networking.k8s.io/Ingress", "gateway.networking.k8s.io/HTTPRoute"):
        for route in platform.kind(key):
            yield from backends(route)


def backends(route: Resource) -> Iterator[tuple[str, str]]:
    """(namespace, name) of the Services that an Ingress or a route of the Gateway API leads to."""
    spec = mapping(route.raw, "spec")
    found: list[tuple[Any, Any]] = [(route.namespace, dig(spec, "defaultBackend", "service", "name"))]
    for rule in sequence(spec, "rules"):
        for path in sequence(mapping(rule), "http", "paths"):
            backend = mapping(mapping(path), "backend")
            found.append((route.namespace, dig(backend, "service", "name") or dig(backend, "serviceName")))
        references = sequence(mapping(rule), "backendRefs")
        found += [(dig(each, "namespace") or route.namespace, dig(each, "name")) for each in references]
    return ((namespace, name) for namespace, name in found if isinstance(name, str))


def _behind(platform: Platform, services: set[tuple[str, str]]) -> Iterator[str]:
    for namespace, name in services:
        service = platform.find("/Service", namespace, name)
        selector = mapping(service.raw, "spec", "selector") if service else {}
        if selector:
            for workload in platform.workloads:
                if workload.namespace == namespace and equals(selector, workload.labels):
                    yield workload.resource.address
