"""A second opinion: one packet at a time, straight from the API's words, with nothing shared with the engine."""

from ipaddress import ip_address, ip_network
from typing import Any

Pod = dict[str, Any]
"""``namespace``, ``labels``, ``ports`` [(name, protocol, number)], ``host``, ``address``; only ``address`` outside."""


def selected(selector: dict[str, Any] | None, labels: dict[str, str]) -> bool:
    selector = selector or {}
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for term in selector.get("matchExpressions") or []:
        value = labels.get(term["key"])
        fits = {
            "In": value is not None and value in term.get("values", []),
            "NotIn": value is None or value not in term.get("values", []),
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }[term["operator"]]
        if not fits:
            return False
    return True


class World:
    def __init__(self, namespaces: dict[str, dict[str, str]], policies: list[Any], admin: list[Any]) -> None:
        self.namespaces = {name: {**own, "kubernetes.io/metadata.name": name} for name, own in namespaces.items()}
        self.policies = policies
        self.admin = admin

    def allows(self, source: Pod, destination: Pod, protocol: str, port: int) -> bool:
        return all(
            self.side(direction, own, other, destination, protocol, port)
            for direction, own, other in (("Egress", source, destination), ("Ingress", destination, source))
        )

    def side(self, direction: str, own: Pod, other: Pod, destination: Pod, protocol: str, port: int) -> bool:
        if "labels" not in own or own["host"]:
            return True
        field, peers = ("egress", "to") if direction == "Egress" else ("ingress", "from")
        for tier in ("Admin", "NetworkPolicy", "Baseline"):
            if tier == "NetworkPolicy":
                verdict = self.namespaced(direction, field, peers, own, other, destination, protocol, port)
            else:
                verdict = self.ordered(tier, field, peers, own, other, destination, protocol, port)
            if verdict is not None:
                return verdict
        return True

    def namespaced(
        self, direction: str, field: str, peers: str, own: Pod, other: Pod, destination: Pod, protocol: str, port: int
    ) -> bool | None:
        isolated = False
        for policy in self.policies:
            spec = policy["spec"]
            types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
            if direction not in types or policy["namespace"] != own["namespace"]:
                continue
            if not selected(spec.get("podSelector"), own["labels"]):
                continue
            isolated = True
            for rule in spec.get(field) or []:
                named = rule.get(peers) or []
                if named and not any(self.peer(peer, policy["namespace"], other) for peer in named):
                    continue
                if not rule.get("ports") or any(port_fits(each, destination, protocol, port) for each in rule["ports"]):
                    return True
        return False if isolated else None

    def peer(self, peer: dict[str, Any], namespace: str, other: Pod) -> bool:
        block = peer.get("ipBlock")
        if block is not None:
            if other["address"] is None:
                return block["cidr"] in ("0.0.0.0/0", "::/0") and not block.get("except")
            address = ip_address(other["address"])
            return address in ip_network(block["cidr"]) and not any(
                address in ip_network(each) for each in block.get("except") or []
            )
        if "labels" not in other or other["host"]:
            return False
        if "namespaceSelector" in peer:
            if not selected(peer["namespaceSelector"], self.namespaces[other["namespace"]]):
                return False
        elif other["namespace"] != namespace:
            return False
        return selected(peer.get("podSelector"), other["labels"])

    def ordered(
        self, tier: str, field: str, peers: str, own: Pod, other: Pod, destination: Pod, protocol: str, port: int
    ) -> bool | None:
        for spec in sorted((each for each in self.admin if each["tier"] == tier), key=lambda spec: spec["priority"]):
            if not self.subject(spec["subject"], own):
                continue
            for rule in spec.get(field) or []:
                if not any(self.admin_peer(peer, other) for peer in rule[peers]):
                    continue
                stated = rule.get("protocols")
                if stated and not any(admin_port_fits(each, destination, protocol, port) for each in stated):
                    continue
                if rule["action"] == "Pass":
                    return None
                return bool(rule["action"] == "Accept")
        return None

    def subject(self, subject: dict[str, Any], own: Pod) -> bool:
        if "namespaces" in subject:
            return selected(subject["namespaces"], self.namespaces[own["namespace"]])
        pods = subject["pods"]
        return selected(pods["namespaceSelector"], self.namespaces[own["namespace"]]) and selected(
            pods["podSelector"], own["labels"]
        )

    def admin_peer(self, peer: dict[str, Any], other: Pod) -> bool:
        if "networks" in peer:
            return any(self.peer({"ipBlock": {"cidr": each}}, "", other) for each in peer["networks"])
        return "labels" in other and not other["host"] and self.subject(peer, other)


def port_fits(stated: dict[str, Any], destination: Pod, protocol: str, port: int) -> bool:
    if stated.get("protocol", "TCP") != protocol:
        return False
    wanted = stated.get("port")
    if wanted is None:
        return True
    if isinstance(wanted, str):
        return (wanted, protocol, port) in destination.get("ports", [])
    return bool(wanted <= port <= stated.get("endPort", wanted))


def admin_port_fits(stated: dict[str, Any], destination: Pod, protocol: str, port: int) -> bool:
    if "destinationNamedPort" in stated:
        return (stated["destinationNamedPort"], protocol, port) in destination.get("ports", [])
    inner = stated.get(protocol.lower())
    if inner is None:
        return False
    target = inner.get("destinationPort") or {}
    if "number" in target:
        return bool(target["number"] == port)
    if "range" in target:
        return bool(target["range"]["start"] <= port <= target["range"]["end"])
    return True
