"""Small platforms for the tests of reachability."""

from typing import Any

from conformant.model import Resource
from conformant.platform import Nowhere, Platform
from conformant.profile import Profile


def resource(group: str, kind: str, namespace: str, name: str, raw: dict[str, Any]) -> Resource:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **raw.pop("metadata", {})}
    return Resource(
        family="kubernetes", group=group, version="v1", kind=kind, namespace=namespace, name=name,
        raw={"apiVersion": f"{group}/v1".lstrip("/"), "kind": kind, "metadata": metadata, **raw}, locator=Nowhere(),
        source="test",
    )  # fmt: skip


def pod(name: str, labels: Any = None, *, namespace: str = "a", ports: Any = (), **spec: Any) -> Resource:
    """`ports` are (name, protocol, number); `address` becomes its status."""
    address = spec.pop("address", "")
    container = {
        "name": "main",
        "ports": [{"name": each, "protocol": protocol, "containerPort": number} for each, protocol, number in ports],
    }
    raw: dict[str, Any] = {"metadata": {"labels": labels or {}}, "spec": {"containers": [container], **spec}}
    if address:
        raw["status"] = {"podIPs": [{"ip": address}], "podIP": address}
    return resource("", "Pod", namespace, name, raw)


def namespace(name: str, **labels: str) -> Resource:
    return resource("", "Namespace", "", name, {"metadata": {"labels": labels}})


def policy(name: str, namespace: str = "a", **spec: Any) -> Resource:
    return resource("networking.k8s.io", "NetworkPolicy", namespace, name, {"spec": {"podSelector": {}, **spec}})


def admin(name: str, kind: str = "AdminNetworkPolicy", **spec: Any) -> Resource:
    return resource("policy.networking.k8s.io", kind, "", name, {"spec": spec})


def platform(*resources: Resource) -> Platform:
    return Platform(list(resources), Profile())
