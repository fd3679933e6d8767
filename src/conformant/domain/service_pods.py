"""Which pods stand behind a Service, and which of their ports it leads to."""

from collections.abc import Mapping
from typing import Any

from conformant.domain.made import copies
from conformant.model import dig, mapping, sequence
from conformant.platform import Platform
from conformant.views.base import View
from conformant.views.selector import equals
from conformant.views.workload import MAIN, SIDECAR, Workload


class ServicePods:
    """The workloads whose pods Services select, Flagger's copies included. Use with `Platform.derived`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._having: dict[str, dict[tuple[Any, Any], list[tuple[Workload, Mapping[Any, Any]]]]] = {}

    def behind(self, service: View) -> list[Workload]:
        """The workloads that a Service selects, in input order; none for a Service without selector."""
        selector = service.map("spec", "selector")
        first = next((item for item in selector.items() if item[1].__class__ is str), None)
        if first is None or service.get("spec", "type") == "ExternalName":
            return []
        found = self._index(service.namespace).get(first, ())
        return list(dict.fromkeys(workload for workload, labels in found if equals(selector, labels)))

    def called(self, namespace: str, name: str) -> list[Workload]:
        """The workloads behind the Service of this name; none where it is not declared."""
        service = self._platform.find("/Service", namespace, name)
        return self.behind(self._platform.view(service, View)) if service is not None else []

    def _index(self, namespace: str) -> dict[tuple[Any, Any], list[tuple[Workload, Mapping[Any, Any]]]]:
        index = self._having.get(namespace)
        if index is None:
            index = self._having[namespace] = {}
            members = self._platform.namespaces.get(namespace)
            own = [(workload, workload.labels) for workload in members.workloads] if members else []
            made = [
                (self._platform.view(target, Workload), labels) for target, labels in copies(self._platform, namespace)
            ]
            for workload, labels in (*own, *made):
                for item in labels.items():
                    if item[1].__class__ is str:
                        index.setdefault(item, []).append((workload, labels))
        return index


def ports(workload: Workload) -> list[dict[Any, Any]]:
    """The ports that containers of the running pod declare, native sidecars included."""
    return [port for container in workload.containers(MAIN, SIDECAR) for port in container.ports]


def service_port(service: View, port: int | str | None) -> dict[Any, Any] | None:
    """The port of a Service that a route means, by number or name; its only one where it means none."""
    stated = [mapping(each) for each in sequence(service.raw, "spec", "ports")]
    if port is None:
        return stated[0] if len(stated) == 1 else None
    return next((each for each in stated if port in (dig(each, "port"), dig(each, "name"))), None)


def target_numbers(port: Mapping[Any, Any], workloads: "list[Workload]") -> set[int]:
    """The container ports that a Service's port leads to; a number stands for itself, a name for what
    the workloads call so."""
    target = port.get("targetPort", port.get("port"))
    if isinstance(target, int):
        return {target}
    named = {
        dig(each, "containerPort") for workload in workloads for each in ports(workload) if dig(each, "name") == target
    }
    return {number for number in named if isinstance(number, int)}
