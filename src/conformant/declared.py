"""What a platform declares and what its operators make of that: where references lead."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from os.path import dirname
from typing import Any

from conformant.leaf import Item
from conformant.model import ROOT, Cure, Finding, Resource, Severity, Undecided, dig, mapping, sequence
from conformant.platform import POD_CREATING, Platform
from conformant.references import (
    ACCOUNT,
    CLUSTER_ROLE,
    CONFIG_MAP,
    KONG_CLUSTER_PLUGIN,
    SECRET,
    SERVICE,
    STORAGE_CLASS,
    Reference,
    named,
    service_of,
)
from conformant.schema.builtin import GROUPS
from conformant.schema.names import edit_distance, nearest
from conformant.schema.rules.kind import literal
from conformant.views.selector import equals, is_empty, selects
from conformant.views.source import SourceFile

EVERYWHERE = "*"
"""The namespace of what is made in every namespace, or in some that are not known."""

ALWAYS: dict[str, frozenset[str]] = {
    ACCOUNT: frozenset({"default"}),
    CONFIG_MAP: frozenset({"kube-root-ca.crt", "istio-ca-root-cert", "openshift-service-ca.crt"}),
    CLUSTER_ROLE: frozenset({"cluster-admin", "admin", "edit", "view"}),
    "scheduling.k8s.io/PriorityClass": frozenset({"system-cluster-critical", "system-node-critical"}),
}
"""What exists without being declared."""

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
                self._having.setdefault(item, []).append(labels)

    def any(self, selector: Any, *, plain: bool = False) -> bool:
        """Whether a LabelSelector, or with `plain` a Service's selector, selects one of them."""
        pairs: Mapping[Any, Any] = selector if plain else mapping(selector, "matchLabels")
        first = next(iter(pairs.items()), None)
        candidates = self.sets if first is None else self._having.get(first, ())
        return any(equals(pairs, labels) if plain else selects(selector, labels) for labels in candidates)


class Declared:
    """Look-ups over a platform, with what Flagger and other operators add to what is written."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._names: dict[str, dict[str, set[str]]] = {}
        self._pods: dict[str, Labelled] = {}
        self._services: dict[str, Labelled] = {}
        self._makers: dict[str, list[Resource]] | None = None
        self._unread = [(dirname(source.name), source.name) for source in platform.of(SourceFile) if _unread(source)]

    # by name

    def names(self, key: str, namespace: str) -> set[str]:
        """The names of the objects of kind ``group/Kind`` in a namespace, made ones included."""
        index = self._names.get(key)
        if index is None:
            index = self._names[key] = {}
            for resource in self.platform.kind(key):
                index.setdefault(resource.namespace, set()).add(resource.name)
            for where, name in MAKERS.get(key, _nothing)(self.platform):
                index.setdefault(where, set()).add(name)
        return index.get(namespace, _NONE) | index.get(EVERYWHERE, _NONE)

    def missing(self, reference: Reference, holder: Resource) -> Item | None:
        """What is wrong with a reference; None where it resolves."""
        for key in reference.keys:
            namespace = "" if key == KONG_CLUSTER_PLUGIN else reference.namespace
            if reference.name in self.names(key, namespace) or reference.name in ALWAYS.get(key, _NONE):
                return None
        key, name = reference.keys[0], reference.name
        if (key == CLUSTER_ROLE and name.startswith("system:")) or self._elsewhere(reference):
            return None
        if not literal(name):
            return Undecided(f"{reference.path} holds a placeholder")
        return self._doubt(reference, holder) or self._finding(reference)

    def _doubt(self, reference: Reference, holder: Resource) -> Undecided | None:
        """Why a missing object may yet be there, where nothing says that the platform is complete."""
        if self.platform.profile.closed_world:
            return None
        what = f"{reference.kind} {reference.name!r}"
        if reference.namespace and reference.namespace not in self.platform.namespaces:
            return Undecided(f"{what} is in namespace {reference.namespace}, which is not part of the input")
        if reference.keys[0] == SECRET:
            return None if self._mistyped(reference) else Undecided(f"{what} is not declared here, as Secrets rarely are")
        if reference.keys[0] == STORAGE_CLASS and not self.platform.kind(STORAGE_CLASS):
            return Undecided(f"{what} is not declared here, nor is any other")
        for maker in self.makers(reference.namespace):
            if reference.name == maker.name or reference.name.startswith(f"{maker.name}-"):
                return Undecided(f"{what} is not declared here; {maker.address} may bring it")
        return self.unread(holder, f"{what} is not declared in what could be read")

    def _finding(self, reference: Reference) -> Finding:
        key, name = reference.keys[0], reference.name
        known = self._mistyped(reference) if key == SECRET else nearest(name, self.names(key, reference.namespace))
        where = f" in {reference.namespace}" if reference.namespace else ""
        meant = f"; {known!r} is meant?" if known else ""
        kinds = " or ".join(each.rpartition("/")[2] for each in reference.keys)
        level = Severity.LOW if key == STORAGE_CLASS else None
        advice = f"declare the {reference.kind}, or correct the name"
        return Finding(f"there is no {kinds} {name!r}{where}{meant}", reference.path, level, Cure(advice, grade="none"))

    def _mistyped(self, reference: Reference) -> str:
        """A name that is declared and almost this one; numbered siblings are no typing errors."""
        name = reference.name
        for known in sorted(self.names(reference.keys[0], reference.namespace)):
            apart = edit_distance(name, known, 2)
            if 0 < apart <= min(2, len(name) // 3) and _letters(name) != _letters(known):
                return known
        return ""

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
            found = self._pods[namespace] = Labelled([*declared, *_primaries(self.platform, namespace)])
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


def _unread(source: SourceFile) -> bool:
    return any(fault["kind"] != "duplicate" for _, fault in source.faults)


def _within(folder: str, outer: str) -> bool:
    return not outer or folder == outer or folder.startswith(f"{outer}/")


def _letters(name: str) -> str:
    return "".join(character for character in name if not character.isdigit())


def _makes(key: str) -> bool:
    group = key.rpartition("/")[0]
    if key in POD_CREATING:
        return True
    return group not in GROUPS and group not in PODLESS and key not in PODLESS_KINDS and not group.endswith("k8s.aws")


# what operators make


Made = Iterator[tuple[str, str]]
"""(namespace, name)."""


def _nothing(platform: Platform) -> Made:
    yield from ()


def _canaries(platform: Platform) -> "Iterator[tuple[Resource, str, str]]":
    """(Canary, name of its target, name of its Service)."""
    for canary in platform.kind("flagger.app/Canary"):
        target = named(dig(canary.raw, "spec", "targetRef", "name"))
        if target:
            yield canary, target, named(dig(canary.raw, "spec", "service", "name")) or target


def _primaries(platform: Platform, namespace: str) -> Iterator[dict[Any, Any]]:
    """The labels of the pods that Flagger copies: the naming label ends in -primary."""
    for canary, target, _ in _canaries(platform):
        workload = platform.find("apps/Deployment", namespace, target) or platform.find(
            "apps/DaemonSet", namespace, target
        )
        if canary.namespace == namespace and workload is not None:
            labels = mapping(workload.raw, "spec", "template", "metadata", "labels")
            key = next((key for key in ("app", "name", "app.kubernetes.io/name") if key in labels), None)
            if key is not None:
                yield {**labels, key: f"{target}-primary"}


def _primary_names(platform: Platform) -> Made:
    for canary, target, _ in _canaries(platform):
        yield canary.namespace, f"{target}-primary"


def _accounts(platform: Platform) -> Made:
    for kafka in platform.kind("kafka.strimzi.io/Kafka"):
        yield from ((kafka.namespace, f"{kafka.name}-{part}") for part in ("kafka", "entity-operator", "zookeeper"))
    for cluster in platform.kind("postgresql.cnpg.io/Cluster"):
        yield cluster.namespace, cluster.name


def _config_maps(platform: Platform) -> Made:
    for bundle in platform.kind("trust.cert-manager.io/Bundle"):
        yield EVERYWHERE, bundle.name
    for namespace, name, kind in _external(platform):
        if kind == "ConfigMap":
            yield namespace, name


def _secrets(platform: Platform) -> Made:
    for namespace, name, kind in _external(platform):
        if kind != "ConfigMap":
            yield namespace, name
    for key, steps in SECRET_NAMES.items():
        for resource in platform.kind(key):
            yield resource.namespace, named(dig(resource.raw, *steps)) or resource.name
    for kafka in platform.kind("kafka.strimzi.io/Kafka"):
        for part in ("cluster-ca-cert", "cluster-ca", "clients-ca-cert", "clients-ca"):
            yield kafka.namespace, f"{kafka.name}-{part}"
    for cluster in platform.kind("postgresql.cnpg.io/Cluster"):
        for part in ("app", "superuser", "ca", "server", "replication"):
            yield cluster.namespace, f"{cluster.name}-{part}"
    for cluster in platform.kind("acid.zalan.do/postgresql"):
        for user in ("postgres", "standby", *mapping(cluster.raw, "spec", "users")):
            yield cluster.namespace, f"{user}.{cluster.name}.credentials.postgresql.acid.zalan.do".replace("_", "-")
    for provider in platform.kind("secrets-store.csi.x-k8s.io/SecretProviderClass"):
        for entry in sequence(provider.raw, "spec", "secretObjects"):
            yield provider.namespace, named(dig(entry, "secretName"))


SECRET_NAMES = {
    "bitnami.com/SealedSecret": ("spec", "template", "metadata", "name"),
    "cert-manager.io/Certificate": ("spec", "secretName"),
    "kafka.strimzi.io/KafkaUser": (),
    "secrets.hashicorp.com/VaultDynamicSecret": ("spec", "destination", "name"),
    "secrets.hashicorp.com/VaultPKISecret": ("spec", "destination", "name"),
    "secrets.hashicorp.com/VaultStaticSecret": ("spec", "destination", "name"),
}
"""Where the name of the Secret stands that an object of this kind makes; else its own name counts."""


def _external(platform: Platform) -> "Iterator[tuple[str, str, str]]":
    """(namespace, name, kind) of what External Secrets makes."""
    for secret in platform.kind("external-secrets.io/ExternalSecret"):
        target = mapping(secret.raw, "spec", "target")
        kind = named(dig(target, "manifest", "kind")) or "Secret"
        yield secret.namespace, named(dig(target, "name")) or secret.name, kind
    for secret in platform.kind("external-secrets.io/ClusterExternalSecret"):
        spec = mapping(secret.raw, "spec")
        name = named(dig(spec, "externalSecretSpec", "target", "name")) or named(dig(spec, "externalSecretName"))
        yield EVERYWHERE, name or secret.name, "Secret"


def _services(platform: Platform) -> Made:
    for canary, _, service in _canaries(platform):
        yield from ((canary.namespace, name) for name in (service, f"{service}-primary", f"{service}-canary"))
    for key, suffixes in SERVICE_SUFFIXES.items():
        for resource in platform.kind(key):
            yield from ((resource.namespace, f"{resource.name}{suffix}") for suffix in suffixes)
    for key, name in (("Prometheus", "prometheus-operated"), ("Alertmanager", "alertmanager-operated")):
        for resource in platform.kind(f"monitoring.coreos.com/{key}"):
            yield resource.namespace, name
    for entry in platform.kind("networking.istio.io/ServiceEntry"):
        for host in sequence(entry.raw, "spec", "hosts"):
            service = service_of(named(host), entry.namespace)
            if service:
                yield service


SERVICE_SUFFIXES = {
    "acid.zalan.do/postgresql": ("", "-repl"),
    "jaegertracing.io/Jaeger": ("-collector", "-query", "-agent"),
    "kafka.strimzi.io/Kafka": ("-kafka-bootstrap", "-kafka-brokers"),
    "opentelemetry.io/OpenTelemetryCollector": ("-collector",),
    "postgresql.cnpg.io/Cluster": ("-rw", "-ro", "-r"),
    "postgresql.cnpg.io/Pooler": ("",),
}

MAKERS: dict[str, Callable[[Platform], Made]] = {
    ACCOUNT: _accounts, CONFIG_MAP: _config_maps, SECRET: _secrets, SERVICE: _services,
    "apps/DaemonSet": _primary_names, "apps/Deployment": _primary_names,
}  # fmt: skip
