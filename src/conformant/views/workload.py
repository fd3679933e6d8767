"""Everything that makes pods: the pod template, its containers and what they may do."""

from collections.abc import Iterator
from typing import Any, ClassVar

from conformant.model import Path, Resource, dig, mapping, sequence
from conformant.views.base import View
from conformant.views.image import Image, parse_image

MAIN, SIDECAR, INIT, EPHEMERAL = "main", "sidecar", "init", "ephemeral"

_TEMPLATES: dict[str, tuple[str, ...]] = {
    "/Pod": (),
    "/PodTemplate": ("template",),
    "/ReplicationController": ("spec", "template"),
    "apps/Deployment": ("spec", "template"),
    "apps/StatefulSet": ("spec", "template"),
    "apps/DaemonSet": ("spec", "template"),
    "apps/ReplicaSet": ("spec", "template"),
    "extensions/Deployment": ("spec", "template"),
    "extensions/DaemonSet": ("spec", "template"),
    "extensions/ReplicaSet": ("spec", "template"),
    "batch/Job": ("spec", "template"),
    "batch/CronJob": ("spec", "jobTemplate", "spec", "template"),
    "argoproj.io/Rollout": ("spec", "template"),
    "serving.knative.dev/Service": ("spec", "template"),
}
_SCALED = frozenset({"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController", "Rollout"})
_EMPTY: dict[Any, Any] = {}


class Container:
    """One container of a pod template. `role` is main, sidecar (a restartable init container),
    init or ephemeral; `path` leads to it from the root of the resource."""

    __slots__ = ("_path", "index", "key", "raw", "role", "workload")

    def __init__(self, workload: "Workload", key: str, index: int, role: str, raw: dict[Any, Any]) -> None:
        self.workload = workload
        self.key = key
        self.index = index
        self.role = role
        self.raw = raw
        self._path: Path | None = None

    @property
    def path(self) -> Path:
        if self._path is None:
            self._path = Path((*self.workload.pod_path, self.key, self.index))
        return self._path

    @property
    def name(self) -> str:
        return str(dig(self.raw, "name") or f"#{self.index}")

    @property
    def security(self) -> dict[Any, Any]:
        """The container's own securityContext; empty where absent."""
        found = self.raw.get("securityContext", _EMPTY)
        return found if found.__class__ is dict else mapping(found)

    @property
    def security_path(self) -> Path:
        return self.path / "securityContext"

    @property
    def privileged(self) -> bool:
        return dig(self.security, "privileged") is True

    @property
    def reference(self) -> str:
        """The image as written; empty where absent. Raises Undecided on a placeholder."""
        image = dig(self.raw, "image")
        return image if isinstance(image, str) else ""

    @property
    def image(self) -> Image:
        return parse_image(self.reference)

    @property
    def ports(self) -> "list[dict[Any, Any]]":
        return [port for port in sequence(self.raw.get("ports")) if isinstance(port, dict)]

    @property
    def env(self) -> "list[tuple[int, dict[Any, Any]]]":
        """(index, entry) of the environment variables."""
        entries = enumerate(sequence(self.raw.get("env")))
        return [(index, entry) for index, entry in entries if isinstance(entry, dict)]

    def resource(self, section: str, name: str) -> Any:
        """``requests`` or ``limits`` of ``cpu``, ``memory`` …, as written; None where absent."""
        return dig(self.raw, "resources", section, name)

    def __repr__(self) -> str:
        return f"<Container {self.name} of {self.workload.resource.address}>"


class Workload(View):
    """A resource that makes pods: Pod, Deployment, StatefulSet, DaemonSet, Job, CronJob, …"""

    __slots__ = ("_containers", "pod", "pod_path", "template", "template_path")
    kinds: ClassVar[frozenset[str] | None] = frozenset(_TEMPLATES)

    def __init__(self, resource: Resource) -> None:
        super().__init__(resource)
        steps = _TEMPLATES[f"{resource.group}/{resource.kind}"]
        self.template_path = Path(steps)
        self.template: dict[Any, Any] = mapping(resource.raw, *steps)
        self.pod: dict[Any, Any] = mapping(self.template, "spec")
        self.pod_path = Path((*steps, "spec"))
        self._containers: list[Container] | None = None

    @property
    def all_containers(self) -> "list[Container]":
        """Main, sidecar, init and ephemeral containers, as declared (an injected proxy is not)."""
        if self._containers is None:
            self._containers = list(self._read_containers())
        return self._containers

    def _read_containers(self) -> Iterator[Container]:
        pod = self.pod
        for key, role in (("containers", MAIN), ("initContainers", INIT), ("ephemeralContainers", EPHEMERAL)):
            declared = pod.get(key)
            if declared is None:
                continue
            for index, raw in enumerate(sequence(declared)):
                if not isinstance(raw, dict):
                    continue
                if role is INIT and dig(raw, "restartPolicy") == "Always":
                    yield Container(self, key, index, SIDECAR, raw)
                else:
                    yield Container(self, key, index, role, raw)

    def containers(self, *roles: str) -> "list[Container]":
        """The containers with one of these roles."""
        return [container for container in self.all_containers if container.role in roles]

    @property
    def labels(self) -> dict[Any, Any]:
        """The labels of the pods: those of the template, never the controller's own."""
        return mapping(self.template, "metadata", "labels")

    @property
    def annotations(self) -> dict[Any, Any]:
        """The annotations of the pods."""
        return mapping(self.template, "metadata", "annotations")

    @property
    def batch(self) -> bool:
        """Runs to completion: Job, CronJob, or a bare Pod that is not always restarted."""
        if self.kind in ("Job", "CronJob"):
            return True
        return self.kind == "Pod" and dig(self.pod, "restartPolicy") in ("Never", "OnFailure")

    @property
    def windows(self) -> bool:
        stated = dig(self.pod, "os", "name"), dig(self.pod, "nodeSelector", "kubernetes.io/os")
        return "windows" in stated

    @property
    def host_network(self) -> bool:
        return dig(self.pod, "hostNetwork") is True

    @property
    def scaled(self) -> bool:
        """Whether `replicas` means anything for this kind."""
        return self.kind in _SCALED

    @property
    def replicas(self) -> int:
        """The declared replicas; 1 where absent (the API's default). Raises Undecided on a placeholder."""
        value = self.whole("spec", "replicas")
        return 1 if value is None else value

    @property
    def service_account(self) -> str:
        """The ServiceAccount that the pods run as; ``default`` where none is named."""
        name = dig(self.pod, "serviceAccountName") or dig(self.pod, "serviceAccount")
        return name if isinstance(name, str) and name else "default"

    @property
    def security(self) -> dict[Any, Any]:
        """The pod's securityContext; empty where absent."""
        found = self.pod.get("securityContext", _EMPTY)
        return found if found.__class__ is dict else mapping(found)

    @property
    def security_path(self) -> Path:
        return self.pod_path / "securityContext"
