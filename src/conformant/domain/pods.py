"""Pods as they run: whether the mesh carries them, whether they are ready, where they are."""

from typing import Any

from conformant.model import Resource, dig, mapping, sequence

PROXY = "istio-proxy"
REDIRECTION = "ambient.istio.io/redirection"
ZONE = "topology.kubernetes.io/zone"


def meshed(pod: Resource) -> str:
    """``sidecar`` or ``ambient``, or nothing where no proxy carries the pod's traffic."""
    spec = mapping(pod.raw, "spec")
    for container in sequence(spec, "containers"):
        if dig(container, "name") == PROXY:
            return "sidecar"
    for container in sequence(spec, "initContainers"):
        if dig(container, "name") == PROXY and dig(container, "restartPolicy") == "Always":
            return "sidecar"
    return "ambient" if dig(pod.raw, "metadata", "annotations", REDIRECTION) == "enabled" else ""


def alive(pod: Resource) -> bool:
    """Whether the pod is neither at its end nor on the way there."""
    ended = dig(pod.raw, "status", "phase") in ("Succeeded", "Failed")
    return not ended and dig(pod.raw, "metadata", "deletionTimestamp") is None


def ready(pod: Resource) -> bool:
    """Whether the pod is Ready."""
    return condition(pod, "Ready").get("status") == "True"


def condition(resource: Resource, kind: str) -> dict[Any, Any]:
    """The status condition of this type; empty where there is none."""
    for entry in sequence(resource.raw, "status", "conditions"):
        if isinstance(entry, dict) and entry.get("type") == kind:
            return entry
    return {}


def node(pod: Resource) -> str:
    """The node that the pod is on; empty while it has none."""
    return str(dig(pod.raw, "spec", "nodeName") or "")
