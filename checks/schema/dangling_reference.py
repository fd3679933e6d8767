"""An object refers to one that is not there.

What it checks: What an object names or selects is declared, or made by an operator from what is declared:
the ServiceAccount, ConfigMaps and Secrets of pods; the targets of autoscalers and Canaries; the Services
and ports behind Ingresses, HTTPRoutes and VirtualServices, with gateways and subsets; roles and accounts
of bindings; StorageClasses; pods and Services that selectors of Services, PodDisruptionBudgets and monitors
are for. Kong's own objects must be named by something, or they have no effect.

What may well exist outside the input leaves the check undecided: a Secret (unless its name is almost one
that is declared), an object in a namespace that is not part of the input, a selector in a namespace whose
pods are not (or come from an operator), anything in or near files that could not be read. The profile says
more: `closed_world` (nothing exists but the input), `external_references` (patterns of names or
``Kind/namespace/name`` that exist elsewhere).

Why it matters: The pod does not start, the route answers 503, the budget or the plugin protects nothing.

How to fix: Declare the object, or correct the name.

When it is fine: What another repository brings: list it in `external_references`.
"""

from collections.abc import Callable, Iterator
from typing import Any

from conformant.domain.declared import Declared, Labelled
from conformant.domain.references import (
    KONG,
    KONG_CLUSTER_PLUGIN,
    KONG_INGRESS,
    KONG_PLUGIN,
    KONG_UPSTREAM_POLICY,
    OVERRIDE,
    PLUGINS,
    SERVICE,
    UPSTREAM_POLICY,
    Reference,
    ReferenceHolder,
    destinations,
    named,
    references,
    service_of,
)
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, Undecided, dig, mapping, sequence
from conformant.platform import Platform

SELECTOR = Path(("spec", "selector"))
NAME = Path(("metadata", "name"))
NAMED_BY = {
    KONG_INGRESS: OVERRIDE, KONG_UPSTREAM_POLICY: UPSTREAM_POLICY, KONG_PLUGIN: PLUGINS, KONG_CLUSTER_PLUGIN: PLUGINS,
}  # fmt: skip
Pair = tuple[str, str]


@check(
    id="SCH-005",
    severity=Severity.MEDIUM,
    controls=["nist-800-53r5/CM-6", "iso-27001-2022/A.8.9"],
)
def dangling_reference(holder: ReferenceHolder, platform: Platform) -> Iterator[Item]:
    declared = platform.derived(Declared)
    yield from aspects(by_name(edge, holder, declared) for edge in references(holder, platform))
    judge = OTHERS.get(holder.key)
    if judge is not None:
        yield from judge(holder, declared)


def by_name(edge: Iterator[Reference], holder: ReferenceHolder, declared: Declared) -> Iterator[Item]:
    """The references of one aspect that lead nowhere, or to a Service without the port."""
    for reference in edge:
        fault = declared.missing(reference, holder.resource)
        if fault is not None:
            yield fault
        elif reference.port is not None and reference.keys == (SERVICE,):
            yield from port(reference, declared.platform)


def port(reference: Reference, platform: Platform) -> Iterator[Finding]:
    """A port that the Service does not have. What operators make is not known to that detail."""
    service = platform.find(SERVICE, reference.namespace, reference.name)
    if service is None or dig(service.raw, "spec", "type") == "ExternalName":
        return
    ports = sequence(service.raw, "spec", "ports")
    wanted = str(reference.port)
    if ports and not any(wanted in (str(dig(each, "port")), dig(each, "name")) for each in ports):
        *way, last = reference.path
        path = Path((*way, "servicePort" if last == "serviceName" else "port"))
        known = ", ".join(str(dig(each, "name") or dig(each, "port")) for each in ports)
        cure = Cure("name a port of the Service", grade="none")
        yield Finding(f"Service {reference.name!r} has no port {wanted}, but {known}", path, cure=cure)


# selectors


def pods_of_service(holder: ReferenceHolder, declared: Declared) -> Iterator[Item]:
    selector = holder.map("spec", "selector")
    if selector and holder.get("spec", "type") != "ExternalName":
        yield from selected(holder, declared, declared.pods, [holder.namespace], selector, plain=True)


def pods_of_budget(holder: ReferenceHolder, declared: Declared) -> Iterator[Item]:
    selector = holder.map("spec", "selector")
    if selector:
        yield from selected(holder, declared, declared.pods, [holder.namespace], selector)


def watched(holder: ReferenceHolder, declared: Declared) -> Iterator[Item]:
    """The Services of a ServiceMonitor, the pods of a PodMonitor."""
    if holder.get("spec", "namespaceSelector", "any") is True:
        namespaces = list(declared.platform.namespaces)
    else:
        stated = holder.list("spec", "namespaceSelector", "matchNames")
        namespaces = [name for name in stated if isinstance(name, str)] or [holder.namespace]
    sets = declared.services if holder.kind == "ServiceMonitor" else declared.pods
    yield from selected(holder, declared, sets, namespaces, holder.map("spec", "selector"))


def selected(
    holder: ReferenceHolder, declared: Declared, sets: Callable[[str], Labelled], namespaces: list[str],
    selector: dict[Any, Any], *, plain: bool = False,
) -> Iterator[Item]:  # fmt: skip
    """Nothing where the selector selects something; why not, or why that cannot be said."""
    candidates = [sets(namespace) for namespace in namespaces]
    if any(each.any(selector, plain=plain) for each in candidates):
        return
    what = "Service" if sets == declared.services else "workload"
    where = ", ".join(namespaces)
    doubt: Undecided | None = None
    if not declared.platform.profile.closed_world:
        if not any(each.sets for each in candidates):
            doubt = Undecided(f"no {what} of {where} is part of the input")
        else:
            makers = [maker.address for namespace in namespaces for maker in declared.makers(namespace)]
            if makers:
                doubt = Undecided(f"the selector matches no {what} of {where}; {makers[0]} may bring some")
        doubt = doubt or declared.unread(holder.resource, f"the selector matches no {what} that could be read")
    if doubt is not None:
        yield doubt
    else:
        cure = Cure("select labels that the pods have" if what == "workload" else "select labels of a Service")
        yield Finding(f"the selector matches no {what} of {where}", SELECTOR, cure=cure)


# Istio


def subsets(holder: ReferenceHolder, declared: Declared) -> Iterator[Item]:
    """Subsets that no DestinationRule gives the host."""
    known = declared.platform.derived(subsets_by_host)
    for path, destination in destinations(holder):
        subset, host = named(dig(destination, "subset")), named(dig(destination, "host"))
        service = service_of(host, holder.namespace)
        if not subset or subset in known.get(service or ("", host), ()) or covered(service, subset, known):
            continue
        text = f"no DestinationRule gives {host} a subset {subset!r}"
        if service and service[0] not in declared.platform.namespaces and not declared.platform.profile.closed_world:
            yield Undecided(f"{text}, and its namespace is not part of the input")
        else:
            cure = Cure("declare the subset in a DestinationRule of the host", grade="none")
            yield declared.unread(holder.resource, text) or Finding(text, path / "subset", cure=cure)


def covered(service: Pair | None, subset: str, known: dict[Pair, set[str]]) -> bool:
    """Whether a rule for a wildcard host gives a Service the subset."""
    name = f"{service[1]}.{service[0]}.svc.cluster.local" if service else ""
    return any(
        subset in subsets and host.startswith("*") and name.endswith(host[1:])
        for (namespace, host), subsets in known.items()
        if not namespace
    )


def subsets_by_host(platform: Platform) -> dict[Pair, set[str]]:
    """The names of subsets, by (namespace, Service), or by ("", host) for other hosts."""
    found: dict[Pair, set[str]] = {}
    for rule in platform.kind("networking.istio.io/DestinationRule"):
        host = named(dig(rule.raw, "spec", "host"))
        names = {named(dig(subset, "name")) for subset in sequence(rule.raw, "spec", "subsets")}
        found.setdefault(service_of(host, rule.namespace) or ("", host), set()).update(names)
    return found


# Kong


def inert(holder: ReferenceHolder, declared: Declared) -> Iterator[Item]:
    """An object of Kong's that nothing names."""
    annotation = NAMED_BY[holder.key]
    names = declared.platform.derived(kong_names)[annotation]
    if holder.key == KONG_CLUSTER_PLUGIN:
        if dig(holder.labels, "global") == "true":
            yield NotApplicable("a global plugin needs no reference")
            return
        used = any(name == holder.name for _, name in names)
    else:
        used = (holder.namespace, holder.name) in names
    if not used:
        text = f"nothing here names it by {annotation}: it has no effect"
        cure = Cure(f"annotate what it is for with {annotation}: {holder.name}", grade="none")
        yield declared.unread(holder.resource, text) or Finding(text, NAME, cure=cure)


def kong_names(platform: Platform) -> dict[str, set[Pair]]:
    """(namespace, name) of what annotations, route filters and plugin bindings name, by annotation."""
    found: dict[str, set[Pair]] = {OVERRIDE: set(), UPSTREAM_POLICY: set(), PLUGINS: set()}
    for resource in platform.resources:
        if resource.family != "kubernetes":
            continue
        annotations = mapping(resource.raw, "metadata", "annotations")
        for annotation, names in found.items():
            text = annotations.get(annotation)
            for part in text.split(",") if text.__class__ is str else ():
                namespace, _, name = part.strip().rpartition(":")
                names.add((namespace or resource.namespace, name))
    for binding in platform.kind("configuration.konghq.com/KongPluginBinding"):
        found[PLUGINS].add((binding.namespace, named(dig(binding.raw, "spec", "pluginRef", "name"))))
    for key in ("gateway.networking.k8s.io/HTTPRoute", "gateway.networking.k8s.io/GRPCRoute"):
        for route in platform.kind(key):
            for edge in references(platform.view(route, ReferenceHolder), platform):
                found[PLUGINS].update((each.namespace, each.name) for each in edge if each.keys[0] == KONG_PLUGIN)
    return found


OTHERS: dict[str, Callable[[ReferenceHolder, Declared], Iterator[Item]]] = {
    SERVICE: pods_of_service,
    "monitoring.coreos.com/PodMonitor": watched,
    "monitoring.coreos.com/ServiceMonitor": watched,
    "networking.istio.io/VirtualService": subsets,
    "policy/PodDisruptionBudget": pods_of_budget,
    **dict.fromkeys(KONG, inert),
}
