"""Budgets, autoscalers, namespaces, bindings and claims."""

from collections.abc import Iterator
from typing import Any

from conformant.model import Path, dig, mapping, sequence
from conformant.regex import lazy
from conformant.schema.problem import Problem
from conformant.schema.rules.kind import Rule, broken, given

_SPEC = Path(("spec",))
_LEVELS = ("privileged", "baseline", "restricted")
_PREFIX = "pod-security.kubernetes.io/"
_VERSION = lazy(r"latest|v1\.(0|[1-9][0-9]*)")


def _budget(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    if len(given(mapping(raw, "spec"), "minAvailable", "maxUnavailable")) == 2:
        yield broken(_SPEC, "maxUnavailable", message="minAvailable and maxUnavailable exclude each other")


def _autoscaler(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    stated, most = dig(raw, "spec", "minReplicas"), dig(raw, "spec", "maxReplicas")
    least = 1 if stated is None else stated
    if most.__class__ is int and least.__class__ is int and most < least:
        default = " (the default)" if stated is None else ""
        message = f"maxReplicas {most} is less than minReplicas {least}{default}"
        yield broken(_SPEC, "maxReplicas", message=message, kind="range")


def _pod_security(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    """Levels and versions that Pod Security Admission knows; values of another type are the schema's."""
    labels, path = mapping(raw, "metadata", "labels"), Path(("metadata", "labels"))
    for mode in ("enforce", "audit", "warn"):
        level, version = dig(labels, _PREFIX + mode), dig(labels, f"{_PREFIX}{mode}-version")
        if isinstance(level, str) and level not in _LEVELS:
            message = f"{level!r} is none of {', '.join(_LEVELS)}"
            yield broken(path, _PREFIX + mode, message=message, kind="enum")
        if isinstance(version, str) and not _VERSION.fullmatch(version):
            message = f"{version!r} is neither latest nor a version such as v1.34"
            yield broken(path, f"{_PREFIX}{mode}-version", message=message, kind="enum")


def _subjects(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    for index, subject in enumerate(sequence(raw, "subjects")):
        if dig(subject, "kind") == "ServiceAccount" and dig(subject, "namespace") in (None, ""):
            message = "a ServiceAccount needs its namespace"
            yield broken(Path(("subjects", index, "namespace")), message=message, kind="required")


def _claim(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    spec = mapping(raw, "spec")
    if not sequence(spec, "accessModes"):
        yield broken(_SPEC, "accessModes", message="'accessModes' is required", kind="required")
    if dig(spec, "resources", "requests", "storage") is None:
        path = _SPEC / "resources" / "requests"
        yield broken(path, "storage", message="'storage' is required", kind="required")


OBJECT_RULES: dict[str, tuple[Rule, ...]] = {
    "/Namespace": (_pod_security,),
    "/PersistentVolumeClaim": (_claim,),
    "autoscaling/HorizontalPodAutoscaler": (_autoscaler,),
    "policy/PodDisruptionBudget": (_budget,),
    "rbac.authorization.k8s.io/ClusterRoleBinding": (_subjects,),
    "rbac.authorization.k8s.io/RoleBinding": (_subjects,),
}
