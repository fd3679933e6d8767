"""Pod specs, of bare pods and of templates."""

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from conformant.model import Path, Undecided, dig, mapping, sequence
from conformant.regex import lazy
from conformant.schema.problem import Problem
from conformant.schema.rules.containers import CONTAINER_RULES
from conformant.schema.rules.kind import broken, given, literal

_LABEL = lazy(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LISTS = ("initContainers", "containers", "ephemeralContainers")
_WINDOWS_POD = (
    "appArmorProfile", "fsGroup", "fsGroupChangePolicy", "runAsGroup", "runAsUser", "seLinuxOptions",
    "seccompProfile", "supplementalGroups", "supplementalGroupsPolicy", "sysctls",
)  # fmt: skip
_WINDOWS_CONTAINER = (
    "allowPrivilegeEscalation", "appArmorProfile", "capabilities", "privileged", "procMount",
    "readOnlyRootFilesystem", "runAsGroup", "runAsUser", "seLinuxOptions", "seccompProfile",
)  # fmt: skip


class Template(Struct, frozen=True):
    """A pod spec, the path to it, the kind that holds it, and a StatefulSet's claim templates.
    `containers` are those of all lists, each with the list's field and its index."""

    spec: dict[Any, Any]
    path: Path
    kind: str
    claims: list[Any]
    containers: list[tuple[str, int, dict[Any, Any]]]


def containers_of(spec: dict[Any, Any]) -> list[tuple[str, int, dict[Any, Any]]]:
    """The containers of a pod spec: field, index, fields. Raises Undecided where a list is not known."""
    return [
        (key, index, container)
        for key in _LISTS
        if key in spec
        for index, container in enumerate(sequence(spec, key))
        if container.__class__ is dict
    ]


def pod_rules(template: Template, kubernetes: tuple[int, ...]) -> Iterator[Problem | Undecided]:
    """Everything that validation of a pod spec refuses beyond its schema; undecided rules are
    yielded as such."""
    for rule in _POD_RULES:
        try:
            yield from rule(template)
        except Undecided as undecided:
            yield undecided
    for key, index, container in template.containers:
        for field, rules in CONTAINER_RULES.items():
            if field and container.get(field) is None:
                continue
            for judge in rules:
                try:
                    yield from judge(template, key, index, container, kubernetes)
                except Undecided as undecided:
                    yield undecided


def _names(template: Template) -> Iterator[Problem]:
    """At least one container; container names are DNS labels and unique in the pod."""
    if template.spec.get("containers") == []:
        yield broken(template.path, "containers", message="at least one container is needed", kind="required")
    seen: set[str] = set()
    for key, index, container in template.containers:
        name = dig(container, "name")
        if not isinstance(name, str):
            continue
        if name in seen:
            message = f"a second container is named {name!r}"
            yield broken(template.path, key, index, "name", message=message, kind="duplicate")
        elif not _LABEL.fullmatch(name) and literal(name):
            message = f"{name!r} is not a container name: lower-case letters, digits and '-', at most 63"
            yield broken(template.path, key, index, "name", message=message, kind="pattern")
        seen.add(name)


def _restart_policy(template: Template) -> Iterator[Problem]:
    policy = dig(template.spec, "restartPolicy")
    if template.kind in ("Job", "CronJob"):
        if policy in (None, ""):
            message = "a Job needs restartPolicy OnFailure or Never (absent means Always)"
            yield broken(template.path, "restartPolicy", message=message, kind="required")
        elif policy == "Always":
            yield broken(template.path, "restartPolicy", message="a Job cannot have restartPolicy Always")
    elif template.kind not in ("Pod", "PodTemplate") and policy not in (None, "", "Always"):
        message = f"a {template.kind} can only have restartPolicy Always"
        yield broken(template.path, "restartPolicy", message=message)


def _ephemeral(template: Template) -> Iterator[Problem]:
    if template.kind != "Pod" and sequence(template.spec, "ephemeralContainers"):
        message = "a template cannot hold ephemeral containers"
        yield broken(template.path, "ephemeralContainers", message=message)


def _operating_system(template: Template) -> Iterator[Problem]:
    """Security fields of one operating system are refused for the other."""
    system = dig(template.spec, "os", "name")
    if system not in ("linux", "windows"):
        return
    fields = ("windowsOptions",) if system == "linux" else _WINDOWS_POD
    security = mapping(template.spec, "securityContext")
    places: list[tuple[str, ...]] = [("securityContext", name) for name in given(security, *fields)]
    if system == "windows":
        places += [(name,) for name in given(template.spec, "shareProcessNamespace", "hostUsers")]
        places += [(name,) for name in ("hostPID", "hostIPC") if dig(template.spec, name) is True]
    for place in places:
        yield broken(template.path, *place, message=f"{place[-1]} does not go with os.name {system}")
    for key, index, container in template.containers:
        own = ("windowsOptions",) if system == "linux" else _WINDOWS_CONTAINER
        for name in given(mapping(container, "securityContext"), *own):
            message = f"{name} does not go with os.name {system}"
            yield broken(template.path, key, index, "securityContext", name, message=message)


def _volumes(template: Template) -> Iterator[Problem]:
    """Volume names are unique, each volume has one source, and mounts name a volume."""
    names: set[str] = set()
    for index, volume in enumerate(sequence(template.spec, "volumes")):
        fields = mapping(volume)
        name = dig(fields, "name")
        if not isinstance(name, str):
            continue
        if name in names:
            message = f"a second volume is named {name!r}"
            yield broken(template.path, "volumes", index, "name", message=message, kind="duplicate")
        names.add(name)
        sources = [key for key, value in fields.items() if key != "name" and value is not None]
        if len(sources) > 1:
            message = f"only one of {', '.join(sources)} is allowed"
            yield broken(template.path, "volumes", index, message=message)
    names.update(str(dig(claim, "metadata", "name")) for claim in template.claims)
    for key, position, container in template.containers:
        for field in ("volumeMounts", "volumeDevices"):
            for index, mount in enumerate(sequence(container, field)):
                name = dig(mount, "name")
                if isinstance(name, str) and name not in names and literal(name):
                    message = f"the pod has no volume {name!r}"
                    yield broken(template.path, key, position, field, index, "name", message=message)


def _host_ports(template: Template) -> Iterator[Problem]:
    """Two containers cannot take one port of the node."""
    seen: set[tuple[Any, ...]] = set()
    for key, index, container in template.containers:
        if key != "containers":
            continue
        for number, port in enumerate(sequence(container, "ports")):
            host = dig(port, "hostPort")
            if not host:
                continue
            taken = (host, dig(port, "protocol") or "TCP", dig(port, "hostIP") or "")
            if taken in seen:
                message = f"host port {host} is taken twice"
                yield broken(template.path, key, index, "ports", number, "hostPort", message=message, kind="duplicate")
            seen.add(taken)


_POD_RULES: tuple[Callable[[Template], Iterator[Problem]], ...] = (
    _names,
    _restart_policy,
    _ephemeral,
    _operating_system,
    _volumes,
    _host_ports,
)
