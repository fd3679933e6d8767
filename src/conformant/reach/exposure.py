"""What the world can reach: pods that something publishes, on the ports that policies let through."""

from collections.abc import Iterator

from msgspec import Struct

from conformant.model import dig
from conformant.reach.answers import Answers
from conformant.reach.endpoints import Endpoint
from conformant.reach.ports import NONE, Ports
from conformant.reach.services import Service


class Exposure(Struct, frozen=True):
    """Pods that the outside can reach: who publishes them, and from which address blocks which ports are open."""

    endpoint: Endpoint
    published: tuple[str, ...]
    ports: Ports
    blocks: tuple[str, ...]


def exposures(answers: Answers) -> Iterator[Exposure]:
    """The endpoints that are published and whose published ports some outside address may reach."""
    for end in answers.pods:
        if end.pod is None:
            continue
        published = list(_published(answers, end.pod))
        if not published:
            continue
        wanted = Ports.union(ports for _, ports in published)
        found, blocks = NONE, []
        for outside in answers.world:
            ports = answers.connection(outside, end).open & wanted
            if ports:
                found |= ports
                blocks.append(outside.name)
        if found:
            names = dict.fromkeys(name for name, ports in published if ports & found)
            yield Exposure(end.pod, tuple(names), found, tuple(blocks))


def _published(answers: Answers, one: Endpoint) -> Iterator[tuple[str, Ports]]:
    """(what publishes it, the pod's ports): Services of the kinds for that, host ports, the host's network."""
    for service in answers.services:
        if service.public and any(backend is one for backend in service.backends):
            yield service.address, _targets(service, one)
    if one.workload is None:
        return
    for container in one.workload.all_containers:
        for port in container.ports:
            number = dig(port, "containerPort")
            if isinstance(number, int) and (one.host_network or dig(port, "hostPort")):
                via = "the host's network" if one.host_network else f"host port {dig(port, 'hostPort')}"
                yield via, Ports.of(str(dig(port, "protocol") or "TCP"), number)


def _targets(service: Service, one: Endpoint) -> Ports:
    return Ports.union(service.targets(port, one) for port in service.ports)
