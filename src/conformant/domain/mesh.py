"""What Istio makes of a platform: which pods it enrols, and which mTLS mode really applies.

The rules are those of the sidecar injector's webhooks and of istiod's composition of
PeerAuthentication objects.
"""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from msgspec import Struct

from conformant.model import Path, Resource, dig, mapping
from conformant.platform import Platform
from conformant.views.base import Object
from conformant.views.mesh import PeerAuthentication
from conformant.views.selector import SelectorIndex
from conformant.views.workload import Container, Workload

NEVER_INJECTED = frozenset({"kube-system", "kube-public", "kube-node-lease", "local-path-storage"})
INJECT, REVISION, DATAPLANE = "sidecar.istio.io/inject", "istio.io/rev", "istio.io/dataplane-mode"
NAMESPACE_INJECTION = "istio-injection"
OPTED_OUT = {"labels": f'label {INJECT} is "false"', "annotations": f'annotation {INJECT} is "false"'}
"""Why a pod that declines injection has no sidecar, by the map that says so."""


class Injection(Struct, frozen=True):
    """Whether pods get a sidecar or are captured by ambient, and why not.

    `intended` is true when any switch asks for the mesh, effective or not; `ineffective` names a
    switch that asks for injection but never selects a webhook by itself; `revision` is the
    revision or tag that must exist for the sidecar to be injected; `opted_out` says which of the pod's
    own maps (labels, annotations) declines injection.
    """

    sidecar: bool
    ambient: bool
    intended: bool
    reason: str = ""
    ineffective: str = ""
    revision: str = ""
    admitted: bool = False
    opted_out: str = ""

    @property
    def enrolled(self) -> bool:
        """Whether the mesh, in a mode that the profile admits, carries the pods' traffic."""
        return self.admitted


def injected(workload: Workload, platform: Platform) -> Injection:
    """How the pods of `workload` are enrolled, found once. Raises Undecided where a switch is not known."""
    known = platform.derived(_injections)
    found = known.get(id(workload))
    if found is None:
        found = known[id(workload)] = (workload, _injection(workload, platform))
    return found[1]


def _injections(platform: Platform) -> dict[int, tuple[Workload, Injection]]:
    """What was found so far, by the id of the workload, which is kept with it."""
    return {}


def _injection(workload: Workload, platform: Platform) -> Injection:
    declared = platform.namespaces.get(workload.namespace)
    namespace: Mapping[Any, Any] = declared.labels if declared else {}
    labels, annotations = workload.labels, workload.annotations
    sidecar, revision, reason = _sidecar(workload, namespace, platform)
    own, dataplane = labels.get(DATAPLANE), namespace.get(DATAPLANE)
    captured = own != "none" and "ambient" in (own, dataplane)
    ambient = captured and not workload.host_network and not sidecar
    asks = (
        labels.get(INJECT) == "true" or annotations.get(INJECT) == "true" or REVISION in labels
        or namespace.get(NAMESPACE_INJECTION) == "enabled" or REVISION in namespace or captured
    )  # fmt: skip
    ineffective = ""
    if not sidecar and annotations.get(INJECT) == "true" and INJECT not in labels:
        ineffective = f"annotation {INJECT}"
    mode = platform.profile.mesh.mode
    admitted = (sidecar and mode != "ambient") or (ambient and mode != "sidecar")
    return Injection(sidecar, ambient, asks, reason, ineffective, revision, admitted, _declines(reason))


def _declines(reason: str) -> str:
    return next((field for field, stated in OPTED_OUT.items() if stated == reason), "")


def _sidecar(workload: Workload, namespace: Mapping[Any, Any], platform: Platform) -> tuple[bool, str, str]:
    """(injected, revision, reason why not)."""
    labels, annotations = workload.labels, workload.annotations
    if workload.host_network:
        return False, "", "the pod uses the host's network"
    if workload.namespace in NEVER_INJECTED:
        return False, "", f"namespace {workload.namespace} is never injected"
    switch = labels.get(INJECT)
    if switch == "false":
        return False, "", OPTED_OUT["labels"]
    own, switched = NAMESPACE_INJECTION in namespace, REVISION in namespace
    revision = ""
    if own:
        matched = namespace[NAMESPACE_INJECTION] == "enabled"
        reason = f"namespace {workload.namespace} has {NAMESPACE_INJECTION}={namespace[NAMESPACE_INJECTION]}"
    elif switched:
        matched, revision, reason = True, str(namespace[REVISION]), ""
    elif REVISION in labels:
        matched, revision, reason = True, str(labels[REVISION]), ""
    else:
        matched = switch == "true" or (switch is None and platform.profile.mesh.enable_namespaces_by_default)
        reason = f"neither namespace {workload.namespace} nor the pod asks for a sidecar"
    if not matched:
        return False, "", reason
    if switch is None and annotations.get(INJECT) == "false":
        return False, "", OPTED_OUT["annotations"]
    return True, revision, ""


STRICT, PERMISSIVE, DISABLE, UNSET = "STRICT", "PERMISSIVE", "DISABLE", "UNSET"
_WEAKNESS = {DISABLE: 0, PERMISSIVE: 1, UNSET: 2, STRICT: 3}


class Mode(Struct, frozen=True):
    """An mTLS mode, the policy that decides it (None: Istio's default) and the path within."""

    mode: str
    policy: Resource | None = None
    path: Path = Path()

    @property
    def strict(self) -> bool:
        return self.mode == STRICT


class EffectiveMtls(Struct, frozen=True):
    """The mode that inbound connections of a workload meet, and the ports that differ from it."""

    mode: Mode
    ports: dict[int, Mode]

    def of(self, port: int) -> Mode:
        """The mode of a container port."""
        return self.ports.get(port, self.mode)


class Policies:
    """The PeerAuthentication objects of a platform, by the scope that istiod gives them."""

    def __init__(self, platform: Platform) -> None:
        root = platform.profile.mesh.root_namespace
        self._base: dict[str, Mode] = {}
        self.mesh: list[PeerAuthentication] = []
        self.namespace: dict[str, list[PeerAuthentication]] = {}
        self.workload: dict[str, list[PeerAuthentication]] = {}
        for policy in platform.of(PeerAuthentication):
            if policy.selector:
                if policy.namespace != root:
                    self.workload.setdefault(policy.namespace, []).append(policy)
            elif policy.namespace == root:
                self.mesh.append(policy)
            else:
                self.namespace.setdefault(policy.namespace, []).append(policy)

        self._selecting = {namespace: _index(policies) for namespace, policies in self.workload.items()}

    def general(self, namespace: str) -> Mode:
        """The mode for the pods of a namespace that no workload policy selects."""
        mode = self._base.get(namespace)
        if mode is None:
            mode = _applied(self.namespace.get(namespace, ()), _applied(self.mesh, Mode(PERMISSIVE)))
            self._base[namespace] = mode
        return mode

    def selecting(self, workload: Workload) -> "list[PeerAuthentication]":
        """The policies with a selector that apply to a workload."""
        index = self._selecting.get(workload.namespace)
        return index.admitting(workload.labels) if index is not None else []

    def effective(self, workload: Workload) -> EffectiveMtls:
        """The mode for `workload`: mesh, then namespace, then workload policy; UNSET inherits.

        Where several policies of one scope compete, the oldest wins where they have an age; files have no
        age, so the weakest is taken.
        """
        mode = self.general(workload.namespace)
        own = _ruling(self.selecting(workload))
        mode = _applied(own, mode)
        ports: dict[int, Mode] = {}
        for policy in own:
            for port, setting in policy.port_modes.items():
                path = Path(("spec", "portLevelMtls", _key(policy, port), "mode"))
                chosen = mode if setting == UNSET else Mode(setting, policy.resource, path)
                known = ports.get(port)
                if known is None or _WEAKNESS.get(chosen.mode, 0) < _WEAKNESS.get(known.mode, 0):
                    ports[port] = chosen
        return EffectiveMtls(mode, ports)


def _index(policies: Sequence[PeerAuthentication]) -> SelectorIndex[PeerAuthentication]:
    return SelectorIndex((policy.get("spec", "selector"), policy) for policy in policies)


def effective_mtls(workload: Workload, platform: Platform) -> EffectiveMtls:
    """The effective inbound mTLS of one workload; for many, take `Policies`."""
    return platform.derived(Policies).effective(workload)


def _applied(policies: Sequence[PeerAuthentication], inherited: Mode) -> Mode:
    candidates = [
        inherited if policy.mode == UNSET else Mode(policy.mode, policy.resource, policy.mode_path)
        for policy in _ruling(policies)
    ]
    return min(candidates, key=lambda mode: _WEAKNESS.get(mode.mode, 0), default=inherited)


def _ruling(policies: Sequence[PeerAuthentication]) -> Sequence[PeerAuthentication]:
    """Those of competing policies that count: the oldest, where a server gave them their age."""
    if len(policies) < 2:
        return policies
    ages = [policy.get("metadata", "creationTimestamp") for policy in policies]
    if not all(isinstance(age, str) for age in ages):
        return policies
    return [min(policies, key=lambda policy: (policy.get("metadata", "creationTimestamp"), policy.name))]


def _key(policy: PeerAuthentication, port: int) -> str | int:
    """The key of a port as the object has it: text, as JSON demands, or a number."""
    return port if port in mapping(policy.raw, "spec", "portLevelMtls") else str(port)


_GATEWAY_TEMPLATES = "inject.istio.io/templates"


def is_gateway(workload: Workload) -> bool:
    """Whether the pods are an Istio or Gateway-API gateway, which the outside speaks TLS to."""
    labels = workload.labels
    role = labels.get("istio")
    return (
        (isinstance(role, str) and role.endswith("gateway"))
        or workload.annotations.get(_GATEWAY_TEMPLATES) == "gateway"
        or "gateway.networking.k8s.io/gateway-name" in labels
    )


def exempt(workload: Workload, platform: Platform) -> bool:
    """Whether the profile's `mesh_exempt` names the workload (a pattern over addresses or names)."""
    return any(
        fnmatchcase(workload.resource.address, pattern) or fnmatchcase(workload.name, pattern)
        for pattern in platform.profile.mesh_exempt
    )


class MeshSwitched(Object):
    """What can carry a switch of the mesh: a namespace, or what makes pods."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = (Workload.kinds or frozenset()) | {"/Namespace"}


_PROXIES = frozenset({"istio-proxy", "istio-init", "istio-validation"})
_EDGE_IMAGES = frozenset({"kong", "kong-gateway", "traefik", "nginx-ingress", "haproxy-ingress", "emissary"})


def meant(workload: Workload, platform: Platform) -> bool:
    """Whether the mesh carries the workload's traffic, or some switch asks for that."""
    if workload.host_network or exempt(workload, platform):
        return False
    injection = injected(workload, platform)
    return injection.enrolled or injection.intended


def app_containers(workload: Workload) -> list[Container]:
    """The containers that are not Istio's own, which a template may declare to configure them."""
    return [container for container in workload.all_containers if container.name not in _PROXIES]


def at_the_edge(workload: Workload) -> bool:
    """Whether the pods take traffic from outside the mesh by design: a gateway, or an ingress controller."""
    if is_gateway(workload):
        return True
    images = [container.image for container in workload.containers("main")]
    return any(image.base in _EDGE_IMAGES or "ingress-nginx" in image.repository for image in images)


NATIVE_SIDECAR = "sidecar.istio.io/nativeSidecar"


def native_sidecar(workload: Workload, platform: Platform) -> bool | None:
    """Whether the sidecar of a workload is a restartable init container, which ends with the pod's own
    containers: by annotation, else by default from Istio 1.27 on. None where no version is stated."""
    stated = dig(workload.annotations, NATIVE_SIDECAR)
    if stated is not None:
        return bool(stated == "true")
    if platform.profile.at_least("kubernetes", "1.29") is False:
        return False
    return platform.profile.at_least("istio", "1.27")
