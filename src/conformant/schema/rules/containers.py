"""Containers of a pod spec, each rule keyed by the field that it looks at."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from conformant.model import Path, dig, mapping, sequence
from conformant.regex import lazy
from conformant.schema.problem import Problem
from conformant.schema.rules.kind import broken, given, literal
from conformant.views.quantity import parse_quantity

if TYPE_CHECKING:
    from conformant.schema.rules.pods import Template

ContainerRule = Callable[["Template", str, int, dict[Any, Any], tuple[int, ...]], Iterator[Problem]]

_PORT_NAME = lazy(r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_PROBE_HANDLERS = ("exec", "grpc", "httpGet", "tcpSocket")
_HOOK_HANDLERS = ("exec", "httpGet", "sleep", "tcpSocket")
_STANDARD = frozenset({"cpu", "memory", "ephemeral-storage"})
_ENV_SOURCES = ("configMapKeyRef", "fieldRef", "fileKeyRef", "resourceFieldRef", "secretKeyRef")
_DEFAULT_GRACE = 30
_MASKED_FROM = (1, 36)


def _image(
    template: "Template", key: str, index: int, container: dict[Any, Any], _: tuple[int, ...]
) -> Iterator[Problem]:
    if dig(container, "image") in (None, ""):
        yield broken(template.path, key, index, "image", message="'image' is required", kind="required")


def _ports(
    template: "Template", key: str, index: int, container: dict[Any, Any], _: tuple[int, ...]
) -> Iterator[Problem]:
    """Port numbers, names (unique in the container), and host ports under hostNetwork."""
    seen: set[str] = set()
    for number, port in enumerate(sequence(container, "ports")):
        path = Path((*template.path, key, index, "ports", number))
        name, inner, outer = dig(port, "name"), dig(port, "containerPort"), dig(port, "hostPort")
        if isinstance(name, str) and name:
            if name in seen:
                yield broken(path, "name", message=f"a second port is named {name!r}", kind="duplicate")
            elif (len(name) > 15 or not _PORT_NAME.fullmatch(name)) and literal(name):
                message = f"{name!r} is not a port name: lower-case letters, digits and single '-', at most 15"
                yield broken(path, "name", message=message, kind="pattern")
            seen.add(name)
        if inner.__class__ is int and not 1 <= inner <= 65535:
            yield broken(path, "containerPort", message=f"{inner} is not a port (1 to 65535)", kind="range")
        if outer and inner and outer != inner and dig(template.spec, "hostNetwork") is True:
            message = f"with hostNetwork, hostPort must equal containerPort {inner}"
            yield broken(path, "hostPort", message=message)


def _probes(
    template: "Template", key: str, index: int, container: dict[Any, Any], _: tuple[int, ...]
) -> Iterator[Problem]:
    """A probe has one handler; liveness and startup probes succeed at once; plain init containers have none."""
    plain_init = key == "initContainers" and dig(container, "restartPolicy") != "Always"
    for name in _PROBES:
        probe = dig(container, name)
        if probe.__class__ is not dict:
            continue
        path = Path((*template.path, key, index, name))
        if plain_init:
            yield broken(path, message="an init container without restartPolicy Always has no probes")
        yield from _one_handler(probe, path, _PROBE_HANDLERS)
        if name != "readinessProbe" and dig(probe, "successThreshold") not in (None, 0, 1):
            yield broken(path, "successThreshold", message="must be 1 here")


def _lifecycle(
    template: "Template", key: str, index: int, container: dict[Any, Any], _: tuple[int, ...]
) -> Iterator[Problem]:
    """A hook has one handler, and a sleep ends before the grace period does."""
    if key == "initContainers" and dig(container, "restartPolicy") != "Always":
        path = Path((*template.path, key, index, "lifecycle"))
        yield broken(path, message="an init container without restartPolicy Always has no lifecycle hooks")
    stated = dig(template.spec, "terminationGracePeriodSeconds")
    grace = _DEFAULT_GRACE if stated is None else stated
    for name in ("postStart", "preStop"):
        hook = dig(container, "lifecycle", name)
        if hook.__class__ is not dict:
            continue
        path = Path((*template.path, key, index, "lifecycle", name))
        yield from _one_handler(hook, path, _HOOK_HANDLERS)
        seconds = dig(hook, "sleep", "seconds")
        if seconds.__class__ is int and grace.__class__ is int and (seconds < 0 or seconds >= grace):
            message = f"must be less than terminationGracePeriodSeconds ({grace})"
            yield broken(path, "sleep", "seconds", message=message, kind="range")


def _one_handler(probe: dict[Any, Any], path: Path, handlers: tuple[str, ...]) -> Iterator[Problem]:
    found = given(probe, *handlers)
    if not found:
        yield broken(path, message=f"one of {', '.join(handlers)} is required", kind="required")
    elif len(found) > 1:
        yield broken(path, message=f"only one of {', '.join(found)} is allowed")
    elif found == ["exec"] and not sequence(probe, "exec", "command"):
        yield broken(path, "exec", "command", message="'command' is required", kind="required")


def _resources(
    template: "Template", key: str, index: int, container: dict[Any, Any], _: tuple[int, ...]
) -> Iterator[Problem]:
    path = Path((*template.path, key, index, "resources"))
    requests, limits = mapping(container, "resources", "requests"), mapping(container, "resources", "limits")
    for name in requests:
        limit = parse_quantity(dig(limits, name))
        request = parse_quantity(dig(requests, name))
        if limit is not None and request is not None and request > limit:
            message = f"the request for {name} ({requests[name]}) is greater than the limit ({limits[name]})"
            yield broken(path, "requests", name, message=message, kind="range")
    for list_name, listed in (("requests", requests), ("limits", limits)):
        for name in listed:
            text = str(name)
            if "/" not in text and text not in _STANDARD and not text.startswith("hugepages-") and literal(text):
                message = f"{text!r} is not a resource (cpu, memory, ephemeral-storage or vendor/name)"
                yield broken(path, list_name, name, message=message)


def _security(
    template: "Template", key: str, index: int, container: dict[Any, Any], kubernetes: tuple[int, ...]
) -> Iterator[Problem]:
    """allowPrivilegeEscalation false contradicts privileges; an unmasked /proc needs a user namespace."""
    security = mapping(container, "securityContext")
    path = Path((*template.path, key, index, "securityContext"))
    if dig(security, "allowPrivilegeEscalation") is False:
        place = path / "allowPrivilegeEscalation"
        if dig(security, "privileged") is True:
            yield broken(place, message="false does not go with privileged: true")
        if "CAP_SYS_ADMIN" in sequence(security, "capabilities", "add"):
            yield broken(place, message="false does not go with the capability CAP_SYS_ADMIN")
    unmasked = kubernetes >= _MASKED_FROM and dig(security, "procMount") == "Unmasked"
    if unmasked and dig(template.spec, "hostUsers") is not False:
        yield broken(path, "procMount", message="Unmasked needs hostUsers: false in the pod")


def _environment(
    template: "Template", key: str, index: int, container: dict[Any, Any], _: tuple[int, ...]
) -> Iterator[Problem]:
    """A variable has a value or one source."""
    for number, variable in enumerate(sequence(container, "env")):
        source = dig(variable, "valueFrom")
        if source.__class__ is not dict:
            continue
        path = Path((*template.path, key, index, "env", number))
        found = given(source, *_ENV_SOURCES)
        if dig(variable, "value") not in (None, ""):
            yield broken(path, "valueFrom", message="cannot be set beside value")
        if not found:
            message = f"one of {', '.join(_ENV_SOURCES)} is required"
            yield broken(path, "valueFrom", message=message, kind="required")
        elif len(found) > 1:
            yield broken(path, "valueFrom", message=f"only one of {', '.join(found)} is allowed")


def _mounts(
    template: "Template", key: str, index: int, container: dict[Any, Any], _: tuple[int, ...]
) -> Iterator[Problem]:
    seen: set[str] = set()
    for number, mount in enumerate(sequence(container, "volumeMounts")):
        path = dig(mount, "mountPath")
        if isinstance(path, str):
            if path in seen:
                message = f"a second mount at {path!r}"
                place = Path((*template.path, key, index, "volumeMounts", number, "mountPath"))
                yield broken(place, message=message, kind="duplicate")
            seen.add(path)


CONTAINER_RULES: dict[str, tuple[ContainerRule, ...]] = {
    "": (_image, _probes),
    "ports": (_ports,),
    "lifecycle": (_lifecycle,),
    "resources": (_resources,),
    "securityContext": (_security,),
    "env": (_environment,),
    "volumeMounts": (_mounts,),
}
"""Rules by the field that must be there for them to be asked; "" is always."""
