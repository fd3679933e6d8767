"""Before anything else: is this the cluster that is meant, and has the identity the rights, and no more?"""

from collections.abc import Sequence

from msgspec import Struct

from conformant.cluster.reader import Reader
from conformant.cluster.running import ClusterError, Refused
from conformant.config import ConfigurationError
from conformant.leaf import PROBE, READ, Probe
from conformant.model import Finding, Result, Severity, Status, Undecided, mapping

ID = "LIVE-SAFE-001"
TOO_MUCH = (
    "get /Secret", "list /Secret", "create /Pod/exec", "create /Pod/attach", "create /Pod/portforward",
    "get /Node/proxy", "create /ServiceAccount/token", "create /Pod", "delete /Pod", "patch apps/Deployment",
    "delete networking.k8s.io/NetworkPolicy", "impersonate /User", "escalate rbac.authorization.k8s.io/ClusterRole",
    "bind rbac.authorization.k8s.io/ClusterRole", "* */*",
)  # fmt: skip
"""What no audit needs in all namespaces: who has it could do harm, or read Secrets."""


class Preflight(Struct):
    """What the identity may do of what the run needs, what it may not, and what it need not be able to."""

    uid: str
    has: list[str]
    lacks: list[str]
    surplus: list[str]


def identify(reader: Reader) -> str:
    """The cluster's uid, once it is the one expected. Raises ClusterError, ConfigurationError."""
    try:
        namespace = reader.get("/Namespace", "", "kube-system")
    except Refused as refused:
        raise ClusterError(f"{reader.name}: the audit is forbidden: {refused.reason}") from None
    except Undecided as undecided:
        raise ClusterError(f"{reader.name}: the cluster cannot be audited: {undecided.reason}") from None
    if namespace is None:
        raise ClusterError(f"{reader.name}: what answers there is no cluster: it has no namespace kube-system")
    uid = str(mapping(namespace.raw, "metadata").get("uid") or "")
    if not reader.live.cluster_uid:
        raise ConfigurationError(
            f"the configuration does not say which cluster {reader.name} is: set live.cluster_uid = {uid!r} "
            "if this is the one"
        )
    if uid != reader.live.cluster_uid:
        raise ClusterError(f"{reader.name} is another cluster: its uid is {uid}, not {reader.live.cluster_uid}")
    return uid


def preflight(reader: Reader, probes: Sequence[Probe]) -> Preflight:
    """Ask what the identity may do. Raises ClusterError, ConfigurationError."""
    found = Preflight(identify(reader), [], [], [])
    wanted = sorted({need for probe in probes for need in probe.needs if probe.kind != READ})
    own = reader.live.probe_namespaces
    places = [(need, own[0]) for need in wanted] if any(probe.kind == PROBE for probe in probes) else []
    try:
        for need, namespace in places:
            verb, _, kind = need.partition(" ")
            (found.has if reader.may(verb, kind, namespace) else found.lacks).append(f"{need} in {namespace}")
        for right in TOO_MUCH:
            verb, _, kind = right.partition(" ")
            if reader.may(verb, kind):
                found.surplus.append(right.replace(" /", " "))
    except Undecided as undecided:
        found.lacks.append(f"access reviews: {undecided.reason}")
    return found


def verdict(found: Preflight, reader: Reader) -> Result:
    """What the rights of the identity come to, as a result."""
    severity = Severity.HIGH if reader.live.production else Severity.MEDIUM
    result = Result(ID, Status.PASS, Severity.HIGH, reader.cluster, "audit-identity")
    if found.surplus:
        message = f"the audit's identity may do more than it needs: {', '.join(found.surplus)}"
        place = reader.cluster.locator.place(())
        result.status, result.severity, result.place = Status.FAIL, severity, place
        result.findings = [Finding(message, severity=severity, place=place, fingerprint="audit-identity")]
    elif found.lacks:
        result.status, result.reason = Status.UNKNOWN, f"it lacks: {', '.join(found.lacks)}"
    return result
