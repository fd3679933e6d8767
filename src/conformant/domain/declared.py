"""What a platform declares and what its operators make of that: where references lead."""

from collections.abc import Iterable, Mapping, Set
from fnmatch import fnmatchcase
from os.path import dirname
from typing import Any

from conformant.domain.made import EVERYWHERE, MAKERS, nothing, primaries
from conformant.domain.references import (
    ACCOUNT,
    CLUSTER_ROLE,
    CONFIG_MAP,
    GATEWAY,
    KONG,
    KONG_CLUSTER_PLUGIN,
    ROLE,
    SECRET,
    SERVICE,
    STORAGE_CLASS,
    Reference,
)
from conformant.leaf import Item
from conformant.model import ROOT, Cure, Finding, NotApplicable, Resource, Severity, Undecided, mapping
from conformant.platform import POD_CREATING, Platform
from conformant.schema.builtin import GROUPS
from conformant.schema.names import edit_distance
from conformant.schema.rules.kind import literal
from conformant.views.selector import equals, selects
from conformant.views.source import SourceFile

ALWAYS: dict[str, frozenset[str]] = {
    ACCOUNT: frozenset({"default"}),
    CONFIG_MAP: frozenset({"kube-root-ca.crt", "istio-ca-root-cert", "openshift-service-ca.crt"}),
    CLUSTER_ROLE: frozenset({"cluster-admin", "admin", "edit", "view"}),
}
"""What exists without being declared."""

OF_THE_CLUSTER = frozenset({"kube-system", "kube-public", "kube-node-lease"})

OWN = KONG | {GATEWAY, "argoproj.io/Rollout"}
"""Custom kinds that are known well enough to miss one of them."""

PODLESS = frozenset({
    "acme.cert-manager.io", "autoscaling.k8s.io", "bitnami.com", "cert-manager.io", "configuration.konghq.com",
    "extensions.istio.io", "external-secrets.io", "flagger.app", "generators.external-secrets.io", "keda.sh",
    "networking.istio.io", "policy.networking.k8s.io", "security.istio.io", "snapshot.storage.k8s.io",
    "telemetry.istio.io", "trust.cert-manager.io", "velero.io", "secrets.hashicorp.com", "crd.projectcalico.org",
    "cilium.io", "kyverno.io", "secrets-store.csi.x-k8s.io",
})  # fmt: skip
"""Groups of custom kinds that bring neither pods nor Services."""

PODLESS_KINDS = frozenset({
    "argoproj.io/AnalysisTemplate", "argoproj.io/AppProject", "gateway.networking.k8s.io/GRPCRoute",
    "gateway.networking.k8s.io/GatewayClass", "gateway.networking.k8s.io/HTTPRoute",
    "gateway.networking.k8s.io/ReferenceGrant", "kafka.strimzi.io/KafkaConnector", "kafka.strimzi.io/KafkaRebalance",
    "kafka.strimzi.io/KafkaTopic", "kafka.strimzi.io/KafkaUser", "monitoring.coreos.com/AlertmanagerConfig",
    "monitoring.coreos.com/PodMonitor", "monitoring.coreos.com/Probe", "monitoring.coreos.com/PrometheusRule",
    "monitoring.coreos.com/ScrapeConfig", "monitoring.coreos.com/ServiceMonitor",
})  # fmt: skip


class Labelled:
    """The label sets of one namespace, indexed by single labels."""

    def __init__(self, sets: Iterable[Mapping[Any, Any]]) -> None:
        self.sets = list(sets)
        self._having: dict[tuple[Any, Any], list[Mapping[Any, Any]]] = {}
        for labels in self.sets:
            for item in labels.items():
                if item[1].__class__ is str:
                    self._having.setdefault(item, []).append(labels)

    def any(self, selector: Any, *, plain: bool = False) -> bool:
        """Whether a LabelSelector, or with `plain` a Service's selector, selects one of them."""
        pairs: Mapping[Any, Any] = selector if plain else mapping(selector, "matchLabels")
        first = next((item for item in pairs.items() if item[1].__class__ is str), None)
        candidates = self.sets if first is None else self._having.get(first, ())
        return any(equals(pairs, labels) if plain else selects(selector, labels) for labels in candidates)


class Declared:
    """Look-ups over a platform, with what Flagger and other operators add to what is written."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._siblings: dict[tuple[str, str], dict[str, list[str]]] = {}
        self._near: dict[tuple[str, str, str], list[str]] = {}
        self._names: dict[str, dict[str, set[str]]] = {}
        self._pods: dict[str, Labelled] = {}
        self._services: dict[str, Labelled] = {}
        self._makers: dict[str, list[Resource]] | None = None
        self._unread = [(dirname(source.name), source.name) for source in platform.of(SourceFile) if _unread(source)]

    # by name

    def names(self, key: str, namespace: str) -> Set[str]:
        """The names of the objects of kind ``group/Kind`` in a namespace; what operators make there counts."""
        index = self._names.get(key)
        if index is None:
            index = {}
            for resource in self.platform.kind(key):
                index.setdefault(resource.namespace, set()).add(resource.name)
            for where, name in MAKERS.get(key, nothing)(self.platform):
                index.setdefault(where, set()).add(name)
            self._names[key] = index
        return index.get(namespace, _NONE)

    def has(self, key: str, namespace: str, name: str) -> bool:
        """Whether there is such an object."""
        if name in self.names(key, "" if key == KONG_CLUSTER_PLUGIN else namespace) or name in ALWAYS.get(key, _NONE):
            return True
        return name in self.names(key, EVERYWHERE)

    def missing(self, reference: Reference, holder: Resource) -> Item | None:
        """What is wrong with a reference; None where it resolves."""
        key, name = reference.keys[0], reference.name
        if any(self.has(each, reference.namespace, name) for each in reference.keys):
            return None
        if (key in (ROLE, CLUSTER_ROLE) and name.startswith("system:")) or self._elsewhere(reference):
            return None
        if key.partition("/")[0] not in GROUPS and key not in OWN and not self.platform.kind(key):
            return NotApplicable(f"the platform has no {reference.kind}, nor is anything known of it")
        if not literal(name):
            return Undecided(f"{reference.path} holds a placeholder")
        return self._doubt(reference, holder) or self._finding(reference)

    def _doubt(self, reference: Reference, holder: Resource) -> Undecided | None:
        """Why a missing object may yet be there, where nothing says that the platform is complete."""
        if self.platform.profile.closed_world:
            return None
        what = f"{reference.kind} {reference.name!r}"
        if reference.namespace in OF_THE_CLUSTER:
            return Undecided(f"{what} is in {reference.namespace}, where the cluster has objects of its own")
        if reference.namespace and reference.namespace not in self.platform.namespaces:
            return Undecided(f"{what} is in namespace {reference.namespace}, which is not part of the input")
        if reference.keys[0] == SECRET:
            return None if self._almost(reference) else Undecided(f"{what} is not declared; Secrets rarely are")
        if reference.keys[0] == STORAGE_CLASS and not self.platform.kind(STORAGE_CLASS):
            return Undecided(f"{what} is not declared here, nor is any other")
        for maker in self.makers(reference.namespace):
            if reference.name == maker.name or reference.name.startswith(f"{maker.name}-"):
                return Undecided(f"{what} is not declared here; {maker.address} may bring it")
        return self.unread(holder, f"{what} is not declared in what could be read")

    def _finding(self, reference: Reference) -> Finding:
        key, name = reference.keys[0], reference.name
        known = self._almost(reference)
        where = f" in {reference.namespace}" if reference.namespace else ""
        meant = f"; {known!r} is meant?" if known else ""
        kinds = " or ".join(each.rpartition("/")[2] for each in reference.keys)
        level = Severity.LOW if key == STORAGE_CLASS else None
        advice = f"declare the {reference.kind}, or correct the name"
        return Finding(f"there is no {kinds} {name!r}{where}{meant}", reference.path, level, Cure(advice, grade="none"))

    def _almost(self, reference: Reference) -> str:
        """A declared name that differs by a typing error; numbered siblings do not."""
        place, name = (reference.keys[0], reference.namespace), reference.name
        siblings = self._siblings.get(place)
        if siblings is None:
            siblings = self._siblings[place] = {}
            for known in self.names(*place):
                siblings.setdefault(_undigited(known), []).append(known)
        text, most = _undigited(name), min(2, len(name) // 3)
        near = self._near.get((*place, text))
        if near is None:
            near = self._near[*place, text] = [known for known in siblings if 0 < _apart(text, known) <= 2]
        found = (known for each in near for known in siblings[each] if _apart(name, known) <= most)
        return min(found, default="")

    def _elsewhere(self, reference: Reference) -> bool:
        address = f"{reference.kind}/{reference.namespace or '-'}/{reference.name}"
        return any(
            fnmatchcase(address, pattern) or fnmatchcase(reference.name, pattern)
            for pattern in self.platform.profile.external_references
        )

    # by label

    def pods(self, namespace: str) -> Labelled:
        """The labels of the pods that workloads make here, Flagger's primaries included."""
        found = self._pods.get(namespace)
        if found is None:
            members = self.platform.namespaces.get(namespace)
            declared = [workload.labels for workload in members.workloads] if members else []
            found = self._pods[namespace] = Labelled([*declared, *primaries(self.platform, namespace)])
        return found

    def services(self, namespace: str) -> Labelled:
        """The labels of the Services declared here."""
        found = self._services.get(namespace)
        if found is None:
            members = self.platform.namespaces.get(namespace)
            objects = members.of(SERVICE) if members else []
            found = self._services[namespace] = Labelled(mapping(one.raw, "metadata", "labels") for one in objects)
        return found

    def makers(self, namespace: str) -> list[Resource]:
        """The custom resources of a namespace that may bring pods and Services of their own."""
        if self._makers is None:
            self._makers = {}
            for (family, key), resources in self.platform.by_kind.items():
                if family == "kubernetes" and _makes(key):
                    for resource in resources:
                        self._makers.setdefault(resource.namespace, []).append(resource)
        return self._makers.get(namespace, [])

    def unread(self, holder: Resource, what: str) -> Undecided | None:
        """Undecided where a file above, below or beside the holder's own could not be read."""
        if self._unread:
            home = dirname(holder.locator.place(ROOT).file)
            for folder, file in self._unread:
                if _within(home, folder) or _within(folder, home):
                    return Undecided(f"{what}; {file} was not read in full")
        return None


_NONE: frozenset[str] = frozenset()
_NO_DIGITS = str.maketrans("", "", "0123456789")


def _unread(source: SourceFile) -> bool:
    return any(fault["kind"] != "duplicate" for _, fault in source.faults)


def _within(folder: str, outer: str) -> bool:
    return not outer or folder == outer or folder.startswith(f"{outer}/")


def _undigited(name: str) -> str:
    return name.translate(_NO_DIGITS)


def _apart(one: str, other: str) -> int:
    """The edit distance of two words up to 2, else 3."""
    if abs(len(one) - len(other)) > 2 or len(set(one).symmetric_difference(other)) > 4:
        return 3
    return edit_distance(one, other, 2)


def _makes(key: str) -> bool:
    group = key.rpartition("/")[0]
    if key in POD_CREATING:
        return True
    return group not in GROUPS and group not in PODLESS and key not in PODLESS_KINDS and not group.endswith("k8s.aws")
