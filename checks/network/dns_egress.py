"""Pods with restricted egress cannot ask the cluster's DNS, or can ask anybody's.

What it checks: Where policies isolate a workload's egress, together they admit UDP and TCP port 53 to
the pods ``k8s-app=kube-dns`` of ``kube-system`` (or to the node-local cache, or to OpenShift's DNS),
and to nobody else on that port. Pods on the host's network and pods that do not use the cluster's DNS
are left out. There is one finding for each group of workloads under the same policies.

Why it matters: Without DNS a workload fails in odd ways, and somebody opens all egress to mend it.
Without TCP long answers fail. Port 53 to any address is the classic tunnel out of a closed network.

How to fix: Add an egress rule to namespace kube-system (label kubernetes.io/metadata.name) and pods
k8s-app=kube-dns, with UDP 53 and TCP 53.

When it is fine: Workloads that use no names at all.
"""

from collections.abc import Iterator

from msgspec import Struct

from conformant.domain.isolation import PolicySet, policies_of
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, dig
from conformant.platform import Namespace, Platform
from conformant.text import some
from conformant.views.network import EGRESS, NetworkPolicy, Peer, Rule
from conformant.views.selector import is_empty, selects

DNS_PODS = {"k8s-app": "kube-dns"}
OPENSHIFT_PODS = {"dns.operator.openshift.io/daemonset-dns": "default"}
NODE_LOCAL = "169.254.20.10/32"
ANYWHERE = ("0.0.0.0/0", "::/0")
NAMED = {"UDP": "dns", "TCP": "dns-tcp"}
DNS_PORTS = (53, 5353, *NAMED.values())
CURE = Cure(
    "allow UDP and TCP 53 to namespaceSelector {kubernetes.io/metadata.name: kube-system} with "
    "podSelector {k8s-app: kube-dns}"
)


@check(
    id="NET-004",
    severity=Severity.HIGH,
    requirement="netpol-matrix",
    controls=["nist-800-53r5/SC-7", "nsa-hardening-1.2/network-separation", "iso-27001-2022/A.8.20"],
)
def dns_egress(namespace: Namespace, platform: Platform) -> Iterator[Item]:
    groups = _groups(namespace)
    if not groups:
        yield NotApplicable("no pod here has restricted egress")
        return
    yield from aspects(_judge(policies, names, platform) for policies, names in groups.items())
    for policy in dict.fromkeys(policy for policies in groups for policy in policies):
        if not any(not rule.peers and not rule.ports for rule in policy.rules(EGRESS)):
            yield from aspects(_breadth(policy, rule) for rule in policy.rules(EGRESS))


def _groups(namespace: Namespace) -> dict[tuple[NetworkPolicy, ...], list[str]]:
    """The names of the workloads under each set of egress-isolating policies."""
    policies = [policy for policy in policies_of(namespace) if policy.isolates(EGRESS)]
    groups: dict[tuple[NetworkPolicy, ...], list[str]] = {}
    if not policies:
        return groups
    known = namespace.platform.derived(PolicySet)
    for workload in namespace.workloads:
        if workload.host_network or dig(workload.pod, "dnsPolicy") in ("Default", "None"):
            continue
        selecting = known.selecting(namespace.name, workload.labels)
        own = tuple(policy for policy in selecting if policy.isolates(EGRESS))
        if own:
            groups.setdefault(own, []).append(workload.name)
    general = tuple(policy for policy in policies if policy.selects_all)
    if general and namespace.operated:
        groups.setdefault(general, []).extend(resource.name for resource in namespace.operated)
    return groups


class Facts(Struct, frozen=True):
    """What the egress rules of one policy admit."""

    everything: bool
    udp: bool
    tcp: bool


class DnsFacts:
    """The facts of each policy, found once. Use with `Platform.derived`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._known: dict[NetworkPolicy, Facts] = {}

    def of(self, policy: NetworkPolicy) -> Facts:
        found = self._known.get(policy)
        if found is None:
            rules = policy.rules(EGRESS)
            udp, tcp = (any(_admits(rule, name, self._platform) for rule in rules) for name in ("UDP", "TCP"))
            found = Facts(any(not rule.peers and not rule.ports for rule in rules), udp, tcp)
            self._known[policy] = found
        return found


def _judge(policies: tuple[NetworkPolicy, ...], names: list[str], platform: Platform) -> Iterator[Item]:
    known = platform.derived(DnsFacts)
    facts = [known.of(policy) for policy in policies]
    if any(fact.everything for fact in facts):
        return
    path = Path(("spec", "egress"))
    if not any(fact.udp for fact in facts):
        message = f"the egress of {_who(names)} is restricted, and no rule admits UDP 53 to the cluster's DNS"
        yield Finding(message, path, None, CURE, at=_nearest(policies).resource)
    elif not any(fact.tcp for fact in facts):
        message = f"{_who(names)} can ask the cluster's DNS over UDP only: answers that need TCP 53 fail"
        yield Finding(message, path, Severity.MEDIUM, CURE, at=_nearest(policies).resource)


def _nearest(policies: tuple[NetworkPolicy, ...]) -> NetworkPolicy:
    """The policy whose rules should admit DNS: one that speaks of port 53, else one that selects all pods."""
    for policy in policies:
        if any(port.port in DNS_PORTS for rule in policy.rules(EGRESS) for port in rule.ports):
            return policy
    return next((policy for policy in policies if policy.selects_all), policies[0])


def _who(names: list[str]) -> str:
    return some(sorted(set(names)), 5)


def _admits(rule: Rule, protocol: str, platform: Platform) -> bool:
    for number, pods, namespace in ((53, DNS_PODS, "kube-system"), (5353, OPENSHIFT_PODS, "openshift-dns")):
        if not (rule.admits_port(protocol, number) or _admits_name(rule, protocol)):
            continue
        labels = platform.namespace_labels(namespace)
        if not rule.peers or any(_reaches(peer, pods, dict(labels)) for peer in rule.peers):
            return True
    return False


def _admits_name(rule: Rule, protocol: str) -> bool:
    return any(port.protocol == protocol and port.port == NAMED[protocol] for port in rule.ports)


def _reaches(peer: Peer, pods: dict[str, str], namespace: dict[object, object]) -> bool:
    block = peer.block
    if block is not None:
        return dig(block, "cidr") in (NODE_LOCAL, *ANYWHERE)
    if peer.namespaces is None:
        return False
    return selects(peer.namespaces, namespace) and (peer.pods is None or selects(peer.pods, pods))


def _breadth(policy: NetworkPolicy, rule: Rule) -> Iterator[Finding]:
    """Port 53 open to more than the cluster's DNS."""
    if not rule.ports or not (rule.admits_port("UDP", 53) or rule.admits_port("TCP", 53)):
        return
    if not rule.peers:
        message = "port 53 is open to every address: names can be tunnelled out"
        yield Finding(message, rule.path, Severity.MEDIUM, CURE, at=policy.resource)
    for peer in rule.peers:
        block = peer.block
        if block is not None and dig(block, "cidr") in ANYWHERE:
            message = f"port 53 is open to {dig(block, 'cidr')}: names can be tunnelled out"
            yield Finding(message, peer.path / "ipBlock", Severity.MEDIUM, CURE, at=policy.resource)
        elif peer.namespaces is not None and is_empty(peer.namespaces) and selects(peer.pods, DNS_PODS):
            if is_empty(peer.pods):
                continue
            message = "any namespace can offer a pod labelled k8s-app=kube-dns and receive the queries"
            yield Finding(message, peer.path / "namespaceSelector", Severity.LOW, CURE, at=policy.resource)
