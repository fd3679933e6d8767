"""A switch of the mesh is outdated, contradicts another, or stands where nobody reads it.

What it checks: On pod templates: the annotation sidecar.istio.io/inject (the label has replaced it), a
label that says otherwise, values other than "true" and "false", a sidecar asked for in an ambient
namespace. On namespaces: istio-injection beside istio.io/rev, values that switch nothing. On a controller's
own metadata: switches of the mesh, which are read from the template alone.

Why it matters: Whoever reads such a manifest believes something that is not so.

How to fix: One switch: labels on the namespace, exceptions as labels on the pod template. Where the
namespace does not inject, the label newly brings a sidecar, and the pods restart.

When it is fine: While a namespace moves from one revision to another.
"""

from collections.abc import Iterator
from typing import Any

from conformant.domain.mesh import DATAPLANE, INJECT, NAMESPACE_INJECTION, REVISION, MeshSwitched, injected
from conformant.leaf import Item, aspects, check
from conformant.model import REMOVE, Cure, Finding, NotApplicable, Path, Severity, mapping
from conformant.platform import Platform
from conformant.views.workload import Workload

PREFIXES = ("sidecar.istio.io/", "traffic.sidecar.istio.io/", "proxy.istio.io/")
KEYS = (REVISION, DATAPLANE)
NAMESPACE_VALUES = {NAMESPACE_INJECTION: ("enabled", "disabled"), DATAPLANE: ("ambient", "none")}
ONE = Cure("keep one of them", grade="none")


@check(
    id="MESH-010",
    severity=Severity.LOW,
    requirement="mtls",
    controls=["nist-800-53r5/CM-6", "iso-27001-2022/A.8.9"],
)
def inconsistent_injection(thing: MeshSwitched, platform: Platform) -> Iterator[Item]:
    if not platform.has_mesh:
        yield NotApplicable("no mesh")
    elif thing.kind == "Namespace":
        yield from _namespace(thing)
    else:
        workload = platform.view(thing.resource, Workload)
        yield from aspects((_template(workload, platform), _values(workload), _own(workload)))


def _namespace(namespace: MeshSwitched) -> Iterator[Finding]:
    labels, path = namespace.labels, Path(("metadata", "labels"))
    if NAMESPACE_INJECTION in labels and REVISION in labels:
        message = f"{NAMESPACE_INJECTION} decides, {REVISION} beside it does nothing"
        yield Finding(message, path / REVISION, Severity.MEDIUM, ONE)
    for key, values in NAMESPACE_VALUES.items():
        stated = labels.get(key)
        if isinstance(stated, str) and stated not in values:
            message = f"{key}: {stated!r} switches nothing on: it is {' or '.join(values)}"
            yield Finding(message, path / key, cure=Cure(f"write {values[0]} or {values[1]}", grade="none"))


def _template(workload: Workload, platform: Platform) -> Iterator[Finding]:
    metadata = workload.template_path / "metadata"
    label, annotation = workload.labels.get(INJECT), workload.annotations.get(INJECT)
    if annotation is not None:
        path = metadata / "annotations" / INJECT
        if label is not None and label != annotation:
            message = f"the label {INJECT} says {label!r}, the annotation {annotation!r}: the label decides"
            yield Finding(message, path, Severity.MEDIUM, Cure("remove the annotation", ((path, REMOVE),)))
        else:
            message = f"the annotation {INJECT} is deprecated: the label of the same name has replaced it"
            yield Finding(message, path, cure=_moved(workload, annotation, path, platform))
    if label == "true" and platform.namespace_labels(workload.namespace).get(DATAPLANE) == "ambient":
        message = f"namespace {workload.namespace} is ambient, and the pods ask for a sidecar"
        yield Finding(message, metadata / "labels" / INJECT, Severity.MEDIUM, ONE)


def _moved(workload: Workload, value: Any, path: Path, platform: Platform) -> Cure:
    """The label instead of the annotation: safe where the pods get their sidecar by the namespace already."""
    label = workload.template_path / "metadata" / "labels" / INJECT
    grade = "safe" if value == "true" and injected(workload, platform).sidecar else "review"
    return Cure("make it a label of the pod template", ((path, REMOVE), (label, value)), grade)


def _values(workload: Workload) -> Iterator[Finding]:
    for field, source in (("labels", workload.labels), ("annotations", workload.annotations)):
        stated = source.get(INJECT)
        if isinstance(stated, str) and stated not in ("true", "false"):
            path = workload.template_path / "metadata" / field / INJECT
            message = f'{INJECT}: {stated!r} is ignored: only "true" and "false" are read'
            yield Finding(message, path, cure=Cure('write "true" or "false"', grade="none"))


def _own(workload: Workload) -> Iterator[Finding]:
    if not workload.template_path:
        return
    for field, template in (("labels", workload.labels), ("annotations", workload.annotations)):
        for key in mapping(workload.raw, "metadata", field):
            if isinstance(key, str) and (key in KEYS or key.startswith(PREFIXES)) and key not in template:
                message = f"{key} on the {workload.kind} itself does nothing: it is read from the pod template"
                path = Path(("metadata", field, key))
                yield Finding(message, path, cure=Cure("move it to the pod template, or remove it"))
