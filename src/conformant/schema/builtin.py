"""The schemas of Kubernetes' own kinds, read from the data files of `kubernetes-validate`.

Each Kubernetes version there is one file of definitions. It is split without decoding (about 3 ms);
a definition is decoded when a value of its type is first met.
"""

from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path as FilePath
from typing import Any

import msgspec
from msgspec import Raw

from conformant.profile import version_tuple
from conformant.schema.amendments import ENUMS, OPTIONAL, REQUIRED
from conformant.schema.constraints import one_of
from conformant.schema.formats import FORMATS
from conformant.schema.node import FREE, Guard, Node

GROUPS = {
    "": "api.core", "admissionregistration.k8s.io": "api.admissionregistration",
    "apiextensions.k8s.io": "apiextensions-apiserver.pkg.apis.apiextensions",
    "apiregistration.k8s.io": "kube-aggregator.pkg.apis.apiregistration", "apps": "api.apps",
    "authentication.k8s.io": "api.authentication", "authorization.k8s.io": "api.authorization",
    "autoscaling": "api.autoscaling", "batch": "api.batch", "certificates.k8s.io": "api.certificates",
    "coordination.k8s.io": "api.coordination", "discovery.k8s.io": "api.discovery",
    "events.k8s.io": "api.events", "extensions": "api.extensions",
    "flowcontrol.apiserver.k8s.io": "api.flowcontrol",
    "internal.apiserver.k8s.io": "api.apiserverinternal", "lifecycle.k8s.io": "api.lifecycle",
    "networking.k8s.io": "api.networking", "node.k8s.io": "api.node", "policy": "api.policy",
    "rbac.authorization.k8s.io": "api.rbac", "resource.k8s.io": "api.resource",
    "scheduling.k8s.io": "api.scheduling", "storage.k8s.io": "api.storage",
    "storagemigration.k8s.io": "api.storagemigration",
}  # fmt: skip
"""Kubernetes' own API groups, and where their definitions are."""

CLUSTER_SCOPED = frozenset({
    "APIService", "CSIDriver", "CSINode", "CertificateSigningRequest", "ClusterRole",
    "ClusterRoleBinding", "ClusterTrustBundle", "ComponentStatus", "CustomResourceDefinition",
    "DeviceClass", "DeviceTaintRule", "FlowSchema", "IPAddress", "IngressClass",
    "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "MutatingWebhookConfiguration",
    "Namespace", "Node", "PersistentVolume", "PodSecurityPolicy", "PriorityClass",
    "PriorityLevelConfiguration", "ResourcePoolStatusRequest", "ResourceSlice", "RuntimeClass",
    "SelfSubjectAccessReview", "SelfSubjectReview", "SelfSubjectRulesReview", "ServiceCIDR",
    "StorageClass", "StorageVersion", "StorageVersionMigration", "SubjectAccessReview", "TokenReview",
    "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
    "VolumeAttachment", "VolumeAttributesClass",
})  # fmt: skip
"""Kubernetes' own kinds that live outside namespaces."""

_META = "apimachinery.pkg.apis.meta.v1.ObjectMeta"
_TYPES: dict[str, frozenset[type]] = {
    "string": frozenset({str}),
    "integer": frozenset({int}),
    "number": frozenset({int, float}),
    "boolean": frozenset({bool}),
    "array": frozenset({list}),
    "object": frozenset({dict}),
}
_QUANTITY = Node(frozenset({str, int, float}), guards={str: [FORMATS["quantity"]]}, lenient=True)
_INT_OR_STRING = Node(frozenset({str, int}), lenient=True)


class _File(msgspec.Struct):
    definitions: dict[str, Raw] = msgspec.field(name="$defs")


@cache
def shipped_versions() -> dict[tuple[int, ...], FilePath]:
    """The definition files at hand, by Kubernetes version, ascending."""
    spec = PathFinder.find_spec("kubernetes_validate")
    folders = spec.submodule_search_locations if spec else None
    found: dict[tuple[int, ...], FilePath] = {}
    for folder in folders or ():
        for entry in FilePath(folder, "kubernetes-json-schema").glob("v*-local"):
            found[version_tuple(entry.name)[:2]] = entry / "_definitions.json"
    if not found:
        raise FileNotFoundError("the package kubernetes-validate, which holds the schemas, is not installed")
    return dict(sorted(found.items()))


def nearest_version(kubernetes: str) -> tuple[int, ...]:
    """The shipped version for a target like ``1.34``: the newest one not above it, or the oldest.

    Raises ValueError where `kubernetes` is no version.
    """
    versions = list(shipped_versions())
    if not kubernetes:
        return versions[-1]
    wanted = version_tuple(kubernetes)[:2]
    if len(wanted) < 2:
        raise ValueError(f"{kubernetes!r} is not a Kubernetes version such as 1.34")
    return max((version for version in versions if version <= wanted), default=versions[0])


class Builtin:
    """The schemas of one Kubernetes version. `version` is the one used, as text."""

    def __init__(self, kubernetes: str = "") -> None:
        chosen = nearest_version(kubernetes)
        self.version = ".".join(map(str, chosen))
        self._path = shipped_versions()[chosen]
        self._raw: dict[str, Raw] | None = None
        self._nodes: dict[str, Node] = {}
        self._kinds: dict[tuple[str, str, str], Node | None] = {}

    def kind(self, group: str, version: str, kind: str) -> Node | None:
        """The node of a whole object; None for what this version does not have."""
        key = (group, version, kind)
        if key not in self._kinds:
            prefix = GROUPS.get(group)
            name = f"{prefix}.{version}.{kind}"
            known = prefix is not None and f"io.k8s.{name}" in self._definitions
            schema = self._decode(name) if known else {}
            named = [(each["group"], each["kind"]) for each in schema.get("x-kubernetes-group-version-kind", ())]
            self._kinds[key] = self._root(name, schema) if (group, kind) in named else None
        return self._kinds[key]

    def versions_of(self, group: str, kind: str) -> list[str]:
        """The versions of `group` that have `kind`, newest first; sorted as the API server sorts them."""
        prefix = f"io.k8s.{GROUPS.get(group)}."
        found = [
            name[len(prefix) :].split(".")[0]
            for name in self._definitions
            if name.startswith(prefix) and name.endswith(f".{kind}")
        ]
        return sorted(found, key=version_priority)

    @property
    def metadata(self) -> Node:
        """The node of any object's metadata."""
        return self._reference(_META)

    @property
    def _definitions(self) -> dict[str, Raw]:
        if self._raw is None:
            self._raw = msgspec.json.decode(self._path.read_bytes(), type=_File).definitions
        return self._raw

    def _decode(self, name: str) -> dict[str, Any]:
        schema = msgspec.json.decode(self._definitions[f"io.k8s.{name}"])
        return schema if isinstance(schema, dict) else {}

    def _root(self, name: str, schema: dict[str, Any]) -> Node:
        node = self._object(name, schema)
        node.nodes["status"] = FREE
        return node

    def _reference(self, name: str) -> Node:
        node = self._nodes.get(name)
        if node is None:
            if name.endswith(".resource.Quantity"):
                node = _QUANTITY
            elif name.endswith(".intstr.IntOrString"):
                node = _INT_OR_STRING
            else:
                node = self._object(name, self._decode(name))
            self._nodes[name] = node
        return node

    def _object(self, name: str, schema: dict[str, Any]) -> Node:
        properties = schema.get("properties")
        if not properties:
            return self._node(schema, "")
        optional = OPTIONAL.get(name, frozenset())
        required = dict.fromkeys((*schema.get("required", ()), *REQUIRED.get(name, ())))
        enums = ENUMS.get(name, {})
        return Node(
            _TYPES["object"],
            build=lambda key, field: self._node(field, enums.get(key, "")),
            properties=properties,
            required=[field for field in required if field not in optional],
            closed=True,
            lenient=True,
        )

    def _node(self, schema: dict[str, Any], enum: str) -> Node:
        reference = schema.get("$ref")
        if reference:
            return self._reference(str(reference).rpartition("/")[2].removeprefix("io.k8s."))
        declared = schema.get("type")
        names = [declared] if isinstance(declared, str) else declared or ()
        types = frozenset[type]().union(*(_TYPES.get(each, frozenset()) for each in names))
        if not types:
            return FREE
        extra = schema.get("additionalProperties")
        items = schema.get("items")
        return Node(
            types,
            extra=self._node(extra, "") if isinstance(extra, dict) else None,
            items=self._node(items, enum) if isinstance(items, dict) else None,
            guards=_guards(schema, enum if str in types else ""),
            lenient=True,
        )


def _guards(schema: dict[str, Any], enum: str) -> dict[type, list[Guard]]:
    guards: list[Guard] = []
    if enum:
        guards.append(one_of(["", *enum.split()]))
    if schema.get("format") in ("byte", "date-time"):
        guards.append(FORMATS[schema["format"]])
    return {str: guards} if guards else {}


def version_priority(version: str) -> tuple[int, int, int]:
    """A sort key that puts v1 before v1beta2 before v1beta1 before v1alpha1, newest first."""
    digits = version.removeprefix("v")
    for rank, word in ((1, "beta"), (2, "alpha")):
        major, found, minor = digits.partition(word)
        if found and major.isdigit() and (minor.isdigit() or not minor):
            return (rank, -int(major), -int(minor or 0))
    return (0, -int(digits), 0) if digits.isdigit() else (3, 0, 0)
