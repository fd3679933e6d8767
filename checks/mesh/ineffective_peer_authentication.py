"""A PeerAuthentication does not do what it seems to do.

What it checks: One policy without selector for each namespace, and one with a selector for each
workload (of several the oldest wins, the others are void); no selector in the root namespace, where
it is ignored; a selector that matches something; ports that a matched container declares; a mesh-wide
policy that really states a mode (``mtls: {}`` is PERMISSIVE); no namespace policy weaker than the
mesh's. Where no workload of the namespace is in the input, a policy that states DISABLE or PERMISSIVE
is reported for itself.

Why it matters: Each of these reads like protection and is none.

How to fix: Remove or merge the policies, or state the mode.

When it is fine: Ports that a container opens without declaring them.
"""

from collections.abc import Iterator

from conformant.domain.mesh import Policies
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Path, Severity, dig
from conformant.platform import Platform
from conformant.views.mesh import PeerAuthentication
from conformant.views.workload import Workload

SELECTOR = Path(("spec", "selector"))
STRICTER = Cure("state mode: STRICT, or remove the setting", grade="none")
MERGED = Cure("keep one policy, and merge into it what the others state", grade="none")
MOVED = Cure("move it to the namespace of the workloads, or drop the selector to make it the mesh's", grade="none")
MATCHED = Cure("select labels of the pod template, or remove the policy", grade="none")
PORT = Cure("name the port of the container, not that of the Service, or declare it on the container", grade="none")
WEAKNESS = {"DISABLE": 0, "PERMISSIVE": 1, "STRICT": 3}


@check(
    id="MESH-003",
    severity=Severity.MEDIUM,
    requirement="mtls",
    controls=["nist-800-53r5/CM-6", "iso-27001-2022/A.8.9"],
)
def ineffective_peer_authentication(policy: PeerAuthentication, platform: Platform) -> Iterator[Item]:
    policies = platform.derived(Policies)
    namespace = platform.namespaces[policy.namespace]
    matched = [one for one in namespace.workloads if policy.selects(one.labels)] if policy.selector else []
    root = policy.namespace == platform.profile.mesh.root_namespace
    parts = [_own_mode(policy, root, platform)]
    if not policy.selector:
        parts.append(_general(policy, policies, root))
    elif root:
        parts.append(_ignored(policy))
    else:
        parts.append(_selecting(policy, policies, matched, bool(namespace.workloads)))
    yield from aspects(parts)


def _own_mode(policy: PeerAuthentication, root: bool, platform: Platform) -> Iterator[Finding]:
    """A weak mode, where no workload is there to judge it on."""
    if root and not policy.selector:
        covered = any(namespace.tenant for namespace in platform.namespaces.values())
    else:
        covered = bool(platform.namespaces[policy.namespace].workloads)
    if covered or (not root and platform.profile.is_platform_namespace(policy.namespace)):
        return
    modes = [(policy.mode, policy.mode_path)]
    for port, mode in policy.port_modes.items():
        modes.append((mode, Path(("spec", "portLevelMtls", _key(policy, port), "mode"))))
    for mode, path in modes:
        if mode in ("DISABLE", "PERMISSIVE"):
            severity = Severity.HIGH if mode == "DISABLE" else Severity.MEDIUM
            yield Finding(f"{mode} lets plaintext in", path, severity, STRICTER)


def _key(policy: PeerAuthentication, port: int) -> str | int:
    return port if port in policy.map("spec", "portLevelMtls") else str(port)


def _general(policy: PeerAuthentication, policies: Policies, root: bool) -> Iterator[Finding]:
    peers = policies.mesh if root else policies.namespace.get(policy.namespace, [])
    if len(peers) > 1 and peers[0] is not policy:
        message = f"{peers[0].name} is a policy for all of {policy.namespace} too: only the older one applies"
        yield Finding(message, Path(("metadata", "name")), cure=MERGED)
    if root and policy.mode == "UNSET":
        message = "the mesh-wide policy states no mode: that is PERMISSIVE"
        yield Finding(message, Path(("spec", "mtls")), cure=STRICTER)
    mesh = policies.mesh[0].mode if policies.mesh and not root else ""
    if policy.mode in WEAKNESS and mesh in WEAKNESS and WEAKNESS[policy.mode] < WEAKNESS[mesh]:
        message = f"{policy.mode} for {policy.namespace} weakens the mesh's {mesh}"
        yield Finding(message, policy.mode_path, cure=STRICTER)


def _ignored(policy: PeerAuthentication) -> Iterator[Finding]:
    yield Finding("a policy with a selector in the root namespace is ignored", SELECTOR, cure=MOVED)


def _selecting(
    policy: PeerAuthentication, policies: Policies, matched: list[Workload], judged: bool
) -> Iterator[Finding]:
    if judged and not matched:
        yield Finding("the selector matches no workload of the namespace", SELECTOR, cure=MATCHED)
    rivals = {other.name for workload in matched for other in policies.selecting(workload) if other is not policy}
    if rivals:
        message = f"{', '.join(sorted(rivals))} selects the same workload: only the oldest policy applies"
        yield Finding(message, SELECTOR, cure=MERGED)
    declared = {
        dig(port, "containerPort")
        for workload in matched for container in workload.all_containers for port in container.ports
    }  # fmt: skip
    for port in policy.port_modes if matched else ():
        if port not in declared:
            path = Path(("spec", "portLevelMtls", _key(policy, port)))
            yield Finding(f"no selected container declares port {port}", path, Severity.LOW, PORT)
