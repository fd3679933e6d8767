"""Who takes part: the pods of a platform, those of its workloads and those that operators make of custom resources."""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from conformant.model import Resource, Undecided, Unknown, dig, mapping, sequence
from conformant.platform import Platform
from conformant.reach.operators import operated, undecided
from conformant.reach.policies import without_templates
from conformant.views.flagger import Canary
from conformant.views.workload import Container, Workload

Address = IPv4Address | IPv6Address
NamedPort = tuple[str, str, int]
"""(name, protocol, number)."""


class Endpoint(Struct, frozen=True):
    """Pods that share everything: one pod, or the pods of one workload.

    `labels` is None where they are not known, `ports` where the container ports are not; `owners` are
    further addresses that the pods answer to; `made_by` names the operator that makes them.
    """

    address: str
    namespace: str
    name: str
    labels: Mapping[Any, Any] | None
    ports: tuple[NamedPort, ...] | None = ()
    host_network: bool = False
    addresses: tuple[Address, ...] = ()
    account: str = "default"
    owners: tuple[str, ...] = ()
    made_by: str = ""
    resource: Resource | None = None
    workload: Workload | None = None
    unknown: str = ""

    @property
    def kind(self) -> str:
        return self.address.partition("/")[0]

    @property
    def single(self) -> bool:
        """Whether it is one pod, never several."""
        return self.kind == "Pod"

    def numbers(self, protocol: str, name: str) -> list[int]:
        """The numbers that a named port has here."""
        return [number for each, kind, number in self.ports or () if each == name and kind == protocol]


def endpoints(platform: Platform, keys: frozenset[Any] = frozenset()) -> list[Endpoint]:
    """Everything that sends or receives on the pod network, in input order; what operators make comes last.
    Of several with one address the first counts.

    `keys` are the label keys that policies use: the pods of a StatefulSet are told apart only if one asks.
    """
    found: list[Endpoint] = []
    declared = {(each.kind, each.namespace, each.name) for each in platform.workloads if each.name.__class__ is str}
    for workload in platform.workloads:
        if workload.kind == "PodTemplate" or _owned(workload, declared):
            continue
        found.extend(_ordinals(_endpoint(workload, keys), keys))
    found += _primaries(platform, found)
    found += [_made(*each) for each in operated(platform)]
    found += [
        Endpoint(each.address, each.namespace, each.name, None, None, resource=each, unknown=reason)
        for each, reason in undecided(platform)
    ]
    return list({one.address: one for one in reversed(found)}.values())[::-1]


def _owned(workload: Workload, declared: set[tuple[str, str, str]]) -> bool:
    """Whether something else that is declared makes it."""
    owners = mapping(workload.raw, "metadata").get("ownerReferences")
    return bool(owners) and any(
        (dig(owner, "kind"), workload.namespace, dig(owner, "name")) in declared for owner in sequence(owners)
    )


def _endpoint(workload: Workload, keys: frozenset[Any]) -> Endpoint:
    labels: dict[Any, Any] | None
    unknown = ""
    try:
        labels = without_templates(workload.labels)
    except Undecided as undecided:
        labels, unknown = None, undecided.reason
    try:
        host = workload.host_network
    except Undecided as undecided:
        host, labels, unknown = False, None, undecided.reason
    if labels is not None and keys:
        labels = _with_generated(workload, labels, keys)
    return Endpoint(
        workload.resource.address, workload.namespace, workload.name, labels, _ports(workload), host,
        _addresses(workload, host), _account(workload), resource=workload.resource, workload=workload, unknown=unknown,
    )  # fmt: skip


_GENERATED = {
    "Deployment": ("pod-template-hash",), "ReplicaSet": ("pod-template-hash",),
    "DaemonSet": ("controller-revision-hash", "pod-template-generation"), "StatefulSet": ("controller-revision-hash",),
    "Job": ("controller-uid", "batch.kubernetes.io/controller-uid"),
    "CronJob": ("controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name"),
}  # fmt: skip


def _with_generated(workload: Workload, labels: dict[Any, Any], keys: frozenset[Any]) -> dict[Any, Any]:
    """The labels with those that the controller adds, as far as a policy asks for them."""
    added: dict[Any, Any] = {
        key: Unknown(f"the value of label {key} is made by the {workload.kind}'s controller")
        for key in _GENERATED.get(workload.kind, ())
        if key in keys and key not in labels
    }
    if workload.kind == "Job":
        added |= {key: workload.name for key in ("job-name", "batch.kubernetes.io/job-name") if key in keys}
    return {**labels, **added} if added else labels


def _ports(workload: Workload) -> tuple[NamedPort, ...] | None:
    try:
        return tuple(_container_ports(workload.all_containers))
    except Undecided:
        return None


def _container_ports(containers: Iterable[Container]) -> Iterator[NamedPort]:
    for container in containers:
        declared = container.raw.get("ports")
        if declared is None:
            continue
        for port in sequence(declared):
            number = dig(port, "containerPort")
            if isinstance(number, int) and not isinstance(number, bool):
                yield str(dig(port, "name") or ""), str(dig(port, "protocol") or "TCP"), number


def _addresses(workload: Workload, host: bool) -> tuple[Address, ...]:
    """The addresses of a pod that runs: its own, on the host's network those of the node."""
    status = workload.raw.get("status") if workload.kind == "Pod" and workload.raw.__class__ is dict else None
    if status.__class__ is not dict:
        return ()
    if host:
        stated = [dig(status, "hostIP"), *(dig(each, "ip") for each in sequence(status, "hostIPs"))]
    else:
        stated = [dig(status, "podIP"), *(dig(each, "ip") for each in sequence(status, "podIPs"))]
    return tuple(dict.fromkeys(_parsed(stated)))


def _parsed(stated: Iterable[Any]) -> Iterator[Address]:
    for each in stated:
        try:
            yield ip_address(each)
        except ValueError:
            continue


def _account(workload: Workload) -> str:
    try:
        return workload.service_account
    except Undecided:
        return ""


_POD_NAME, _POD_INDEX = "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"


def _ordinals(one: Endpoint, keys: frozenset[Any]) -> Iterator[Endpoint]:
    """The pods of a StatefulSet one by one, where policies tell them apart."""
    if one.kind != "StatefulSet" or one.labels is None or not ({_POD_NAME, _POD_INDEX} & keys) or not one.workload:
        yield one
        return
    try:
        count, start = one.workload.replicas, dig(one.workload.raw, "spec", "ordinals", "start") or 0
    except Undecided as undecided:
        yield replace(one, labels=None, unknown=undecided.reason)
        return
    for ordinal in range(start, start + count):
        name = f"{one.name}-{ordinal}"
        labels = {**one.labels, _POD_NAME: name, _POD_INDEX: str(ordinal)}
        yield replace(
            one, address=f"Pod/{one.namespace}/{name}", name=name, labels=labels, owners=(one.address,),
            made_by="its StatefulSet",
        )  # fmt: skip


_NAMING = ("app", "name", "app.kubernetes.io/name")


def _primaries(platform: Platform, known: list[Endpoint]) -> Iterator[Endpoint]:
    """What Flagger makes of the workloads that it releases."""
    canaries = platform.of(Canary)
    if not canaries:
        return
    workloads = {(each.kind, each.namespace, each.name): each for each in known}
    for canary in canaries:
        kind, name = canary.target
        target = workloads.get((kind, canary.namespace, name))
        primary = f"{name}-primary"
        if target is None or target.labels is None or (kind, canary.namespace, primary) in workloads:
            continue
        key = next((key for key in _NAMING if key in target.labels), None)
        labels = target.labels if key is None else {**target.labels, key: primary}
        yield replace(
            target, address=f"{kind}/{canary.namespace}/{primary}", name=primary, labels=labels, made_by="Flagger",
        )  # fmt: skip


def _made(
    resource: Resource, kind: str, name: str, labels: dict[str, Any], ports: tuple[NamedPort, ...], operator: str
) -> Endpoint:
    return Endpoint(
        f"{kind}/{resource.namespace}/{name}", resource.namespace, name, labels, ports, account=name,
        owners=(resource.address,), made_by=operator, resource=resource,
    )  # fmt: skip
