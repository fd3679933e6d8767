"""What a reader asks for: ``Kind/ns/name``, ``ns/name``, ``name``, patterns, address blocks, each with a port."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from msgspec import Struct

from conformant.reach.blocks import Network, network
from conformant.reach.endpoints import Endpoint
from conformant.reach.ports import ALL, EVERY, HIGHEST, LOWEST, PROTOCOLS, TCP, Ports
from conformant.regex import lazy

WORLD = ("world", "internet", "outside")
"""Names for everything outside the cluster."""

_SHORT = {
    "po": "Pod", "pods": "Pod", "deploy": "Deployment", "deployments": "Deployment", "sts": "StatefulSet",
    "statefulsets": "StatefulSet", "ds": "DaemonSet", "daemonsets": "DaemonSet", "rs": "ReplicaSet",
    "cj": "CronJob", "cronjobs": "CronJob", "jobs": "Job", "svc": "Service", "services": "Service",
}  # fmt: skip
_PORT = lazy(r"(?P<from>\w[\w-]*?)(?:-(?P<to>\d+))?(?:/(?P<protocol>\w+|\*))?\Z")
_BRACKETED = lazy(r"\[(?P<address>[0-9A-Fa-f:.]+(?:/\d+)?)\](?:/(?P<length>\d+))?(?::(?P<port>.+))?\Z")


class Malformed(Exception):
    """A target that cannot be understood; the message says why."""


class Target(Struct, frozen=True):
    """One end of a question. `block` is set for addresses; `ports` is None where none was asked for;
    `port_name` and `protocols` where the port is a name."""

    text: str
    pattern: str
    block: Network | None = None
    ports: Ports | None = None
    port_name: str = ""
    protocols: tuple[str, ...] = PROTOCOLS

    @property
    def outside(self) -> bool:
        return self.block is not None or self.pattern in WORLD

    def admits(self, one: Endpoint) -> bool:
        """Whether an endpoint is meant, by its own address or one that it answers to."""
        return any(matches(self.pattern, address) for address in (one.address, *one.owners))

    def at(self, one: Endpoint | None) -> Ports:
        """The ports asked for, at a destination."""
        if self.ports is not None:
            return self.ports
        if not self.port_name:
            return ALL
        if one is None:
            return Ports()
        return Ports.union(
            Ports.of(protocol, number)
            for protocol in self.protocols
            for number in one.numbers(protocol, self.port_name)
        )


def target(text: str) -> Target:
    """Read one ``--from`` or ``--to``. Raises Malformed."""
    bracketed = _BRACKETED.match(text)
    if bracketed is not None:
        block = network(bracketed["address"] + (f"/{bracketed['length']}" if bracketed["length"] else ""))
        return _with_port(text, "", block, bracketed["port"] or "")
    block = network(text)
    if block is not None:
        return Target(text, "", block)
    name, colon, port = text.partition(":")
    if not name or (colon and not port):
        raise Malformed(f"{text!r}: expected Kind/namespace/name, namespace/name, name or a CIDR, and :port")
    return _with_port(text, name, network(name), port)


def _with_port(text: str, name: str, block: Network | None, port: str) -> Target:
    if block is None and not name:
        raise Malformed(f"{text!r}: no address")
    if not port:
        return Target(text, name, block)
    found = _PORT.match(port)
    if found is None:
        raise Malformed(f"{text!r}: {port!r} is no port; write :80, :80-90, :http, :53/UDP")
    stated = (found["protocol"] or TCP).upper()
    if stated not in (*PROTOCOLS, "*", "ANY"):
        raise Malformed(f"{text!r}: no protocol {found['protocol']!r}; there are TCP, UDP and SCTP")
    protocols = PROTOCOLS if stated in ("*", "ANY") else (stated,)
    if not found["from"].isdecimal():
        if found["from"] == "all" or found["from"].upper() in PROTOCOLS:
            only = protocols if found["from"] == "all" else (found["from"].upper(),)
            return Target(text, name, block, Ports.union(EVERY[each] for each in only))
        return Target(text, name, block, None, port.partition("/")[0], protocols)
    first, last = int(found["from"]), int(found["to"] or found["from"])
    if not LOWEST <= first <= last <= HIGHEST:
        raise Malformed(f"{text!r}: ports go from {LOWEST} to {HIGHEST}")
    return Target(text, name, block, Ports.union(Ports.of(each, first, last) for each in protocols))


def matches(pattern: str, address: str) -> bool:
    """Whether ``Kind/ns/name``, ``ns/name`` or ``name`` (each part a shell pattern) names an address."""
    parts, own = pattern.split("/"), address.split("/")
    if len(parts) > len(own):
        return False
    if len(parts) == len(own):
        kind = _SHORT.get(parts[0].lower(), parts[0])
        if not fnmatchcase(own[0].lower(), kind.lower()):
            return False
        parts = parts[1:]
    return all(fnmatchcase(name, part) for name, part in zip(own[-len(parts) :], parts, strict=True))


def chosen(wanted: Target, ends: Sequence[Endpoint]) -> list[Endpoint]:
    """The endpoints that a target names."""
    return [] if wanted.block is not None else [one for one in ends if wanted.admits(one)]
