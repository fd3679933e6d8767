"""NetworkPolicies, Services and Ingresses."""

from collections.abc import Iterator
from typing import Any

from conformant.model import Path, dig, mapping, sequence
from conformant.schema.problem import Problem
from conformant.schema.rules.kind import Rule, broken, given, literal

_STRICT_CIDR_FROM = (1, 36)
_SPEC = Path(("spec",))


def _peers(raw: dict[Any, Any], kubernetes: tuple[int, ...]) -> Iterator[Problem]:
    """A peer is selectors or an address block; the block is a network, its exceptions lie within."""
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for number, rule in enumerate(sequence(raw, "spec", direction)):
            for index, peer in enumerate(sequence(rule, side)):
                path = Path(("spec", direction, number, side, index))
                fields = mapping(peer)
                found = given(fields, "ipBlock", "namespaceSelector", "podSelector")
                if not found:
                    message = "an empty peer: one of ipBlock, namespaceSelector, podSelector is required"
                    yield broken(path, message=message, kind="required")
                elif "ipBlock" in found:
                    if len(found) > 1:
                        yield broken(path, message=f"ipBlock cannot be combined with {' and '.join(found[1:])}")
                    yield from _block(mapping(fields["ipBlock"]), path / "ipBlock", kubernetes)


def _block(block: dict[Any, Any], path: Path, kubernetes: tuple[int, ...]) -> Iterator[Problem]:
    from ipaddress import ip_network

    outer = dig(block, "cidr")
    if not isinstance(outer, str) or not literal(outer):
        return
    yield from _network(outer, path / "cidr", kubernetes)
    try:
        within = ip_network(outer, strict=False)
    except ValueError:
        return
    for index, text in enumerate(sequence(block, "except")):
        if not isinstance(text, str) or not literal(text):
            continue
        place = path / "except" / index
        yield from _network(text, place, kubernetes)
        try:
            hole = ip_network(text, strict=False)
        except ValueError:
            continue
        same_family = hole.version == within.version
        if not same_family or hole == within or not hole.subnet_of(within):  # type: ignore[arg-type]  # same family by the test before
            yield broken(place, message=f"{text} does not lie strictly within {outer}", kind="range")


def _network(text: str, path: Path, kubernetes: tuple[int, ...]) -> Iterator[Problem]:
    from ipaddress import ip_network

    try:
        network = ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        network = None
    if network is None:
        yield broken(path, message=f"{text!r} is not an address block such as 10.0.0.0/8", kind="pattern")
    elif text.partition("/")[0] != str(network.network_address) and _has_host_bits(text):
        refused = kubernetes >= _STRICT_CIDR_FROM
        message = f"{text} has host bits set: {network} is meant" + ("" if refused else " (refused from 1.36)")
        yield broken(path, message=message, kind="pattern" if refused else "tolerated")


def _has_host_bits(text: str) -> bool:
    from ipaddress import ip_network

    try:
        ip_network(text)
    except ValueError:
        return True
    return False


def _policy_ports(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    for direction in ("ingress", "egress"):
        for number, rule in enumerate(sequence(raw, "spec", direction)):
            for index, item in enumerate(sequence(rule, "ports")):
                path = Path(("spec", direction, number, "ports", index))
                port, end = dig(item, "port"), dig(item, "endPort")
                if port.__class__ is int and not 1 <= port <= 65535:
                    yield broken(path, "port", message=f"{port} is not a port (1 to 65535)", kind="range")
                if end is None:
                    continue
                if port.__class__ is not int:
                    yield broken(path, "endPort", message="needs a numeric port beside it")
                elif end.__class__ is int and not port <= end <= 65535:
                    message = f"must be between port {port} and 65535"
                    yield broken(path, "endPort", message=message, kind="range")


def _service_ports(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    """Ports are there (unless headless), valid, and where there are several, named apart."""
    spec = mapping(raw, "spec")
    kind, headless = dig(spec, "type"), dig(spec, "clusterIP") == "None"
    ports = sequence(spec, "ports")
    if kind == "ExternalName":
        if dig(spec, "externalName") in (None, ""):
            yield broken(_SPEC, "externalName", message="'externalName' is required", kind="required")
        return
    if not ports and not headless:
        yield broken(_SPEC, "ports", message="at least one port is needed", kind="required")
    names: set[str] = set()
    for index, port in enumerate(ports):
        path = Path(("spec", "ports", index))
        number, name = dig(port, "port"), dig(port, "name")
        if number.__class__ is int and not 1 <= number <= 65535:
            yield broken(path, "port", message=f"{number} is not a port (1 to 65535)", kind="range")
        if name in (None, ""):
            if len(ports) > 1:
                message = "'name' is required where there are several ports"
                yield broken(path, "name", message=message, kind="required")
        elif isinstance(name, str):
            if name in names:
                yield broken(path, "name", message=f"a second port is named {name!r}", kind="duplicate")
            names.add(name)


def _ingress(raw: dict[Any, Any], _: tuple[int, ...]) -> Iterator[Problem]:
    """Some backend; every backend is a Service port or a resource; exact and prefix paths are absolute."""
    if raw.get("apiVersion") != "networking.k8s.io/v1":
        return
    spec = mapping(raw, "spec")
    if spec and not sequence(spec, "rules") and dig(spec, "defaultBackend") is None:
        yield broken(_SPEC, message="one of rules, defaultBackend is required", kind="required")
    yield from _backend(dig(spec, "defaultBackend"), _SPEC / "defaultBackend")
    for number, rule in enumerate(sequence(spec, "rules")):
        for index, item in enumerate(sequence(rule, "http", "paths")):
            place = Path(("spec", "rules", number, "http", "paths", index))
            yield from _backend(dig(item, "backend"), place / "backend")
            path = dig(item, "path")
            absolute = dig(item, "pathType") in ("Exact", "Prefix")
            if absolute and not str(path or "").startswith("/") and (path is None or literal(path)):
                message = "must begin with '/' where pathType is Exact or Prefix"
                yield broken(place, "path", message=message, kind="pattern")


def _backend(backend: Any, path: Path) -> Iterator[Problem]:
    if backend.__class__ is not dict:
        return
    found = given(backend, "service", "resource")
    if len(found) != 1:
        yield broken(path, message="exactly one of service, resource is required", kind="required")
    elif found == ["service"]:
        port = mapping(backend["service"], "port")
        chosen = [name for name in ("name", "number") if dig(port, name) not in (None, "", 0)]
        if len(chosen) != 1:
            message = "exactly one of name, number is required"
            yield broken(path, "service", "port", message=message, kind="required")


NETWORK_RULES: dict[str, tuple[Rule, ...]] = {
    "/Service": (_service_ports,),
    "networking.k8s.io/Ingress": (_ingress,),
    "networking.k8s.io/NetworkPolicy": (_peers, _policy_ports),
}
