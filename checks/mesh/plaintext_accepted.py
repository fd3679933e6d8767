"""Pods that belong to the mesh accept plaintext.

What it checks: In every tenant namespace, each workload that the mesh carries, or that some switch or
PeerAuthentication means it to carry, has the effective inbound mode STRICT, on every declared port.
The mode is composed as istiod does it: mesh, then namespace, then workload policy, then its ports; a
policy with a selector in the root namespace is ignored; nothing at all means PERMISSIVE. There is one
finding for each namespace, listing workloads and ports.

Why it matters: PERMISSIVE is for migrations. A pod that accepts plaintext can be spoken to by anybody
who reaches it, without an identity, and authorization by identity does not hold there.

How to fix: Add a PeerAuthentication without selector and with mode STRICT to the namespace, and remove
exceptions. Kubelet probes are rewritten and go on working.

When it is fine: Operators that bring TLS of their own (Strimzi, Redis): name them in the profile's
`mesh_exempt`.
"""

from collections.abc import Iterator

from conformant.domain.mesh import Mode, Policies, exempt, injected, is_gateway
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Resource, Severity, Undecided, dig
from conformant.platform import Namespace, Platform
from conformant.views.workload import Workload


@check(
    id="MESH-001",
    severity=Severity.CRITICAL,
    requirement="mtls",
    controls=[
        "nist-800-53r5/SC-8", "nist-800-53r5/SC-8(1)", "nist-800-53r5/IA-9", "nist-800-53r5/AC-4",
        "soc2/CC6.7", "iso-27001-2022/A.8.20", "iso-27001-2022/A.8.24",
    ],
)  # fmt: skip
def plaintext_accepted(namespace: Namespace, platform: Platform) -> Iterator[Item]:
    if not platform.has_mesh or not namespace.tenant:
        yield NotApplicable("no mesh, or no tenant namespace")
        return
    policies = platform.derived(Policies)
    open_workloads: list[tuple[Workload, str, Mode]] = []
    judged = False
    for workload in namespace.workloads:
        try:
            if not _meant(workload, policies, platform):
                continue
            judged = True
            fault = _fault(workload, policies)
        except Undecided as undecided:
            yield undecided
            continue
        if fault is not None:
            open_workloads.append((workload, *fault))
    if open_workloads:
        yield _finding(namespace, open_workloads)
    elif not judged:
        yield NotApplicable("nothing here is meant for the mesh")


def _meant(workload: Workload, policies: Policies, platform: Platform) -> bool:
    """Whether the workload is enrolled, or something says that it should be."""
    if workload.host_network or is_gateway(workload) or exempt(workload, platform):
        return False
    injection = injected(workload, platform)
    if injection.sidecar or injection.ambient or injection.intended:
        return True
    return bool(policies.namespace.get(workload.namespace) or policies.selecting(workload))


def _fault(workload: Workload, policies: Policies) -> tuple[str, Mode] | None:
    """What of the workload accepts plaintext, and the mode that lets it."""
    effective = policies.effective(workload)
    if not effective.mode.strict:
        return workload.name, effective.mode
    declared = [
        port for container in workload.all_containers for port in container.ports
        if isinstance(dig(port, "containerPort"), int)
    ]  # fmt: skip
    for port in declared:
        mode = effective.of(port["containerPort"])
        if not mode.strict:
            return f"{workload.name} (port {port['containerPort']})", mode
    for number, mode in sorted(effective.ports.items()):
        if not mode.strict and not declared:
            return f"{workload.name} (port {number})", mode
    return None


def _finding(namespace: Namespace, faults: list[tuple[Workload, str, Mode]]) -> Finding:
    names = ", ".join(name for _, name, _ in faults)
    workload, _, mode = faults[0]
    because = f"{mode.policy.address} says {mode.mode}" if mode.policy else "no PeerAuthentication applies"
    message = f"plaintext is accepted by {names} in {namespace.name}: {because}"
    holder: Resource = mode.policy or namespace.manifest or workload.resource
    path = mode.path if mode.policy else Path(("metadata", "name"))
    return Finding(message, path, cure=_cure(namespace, mode), at=holder)


def _cure(namespace: Namespace, mode: Mode) -> Cure:
    """What to change, by what lets plaintext in: a port's exception, a policy's mode, no policy at all."""
    policy = mode.policy
    if policy is not None and "portLevelMtls" in mode.path:
        return Cure(f"remove the exception for the port {mode.path[-2]} from {policy.name}, or state STRICT")
    if policy is not None and policy.namespace == namespace.name:
        return Cure(f"mode: STRICT in {policy.name}")
    return Cure(f"PeerAuthentication {{name: default, namespace: {namespace.name}}} with spec.mtls.mode: STRICT")
