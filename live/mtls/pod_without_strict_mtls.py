"""A running pod of the mesh is not held to mTLS.

What it checks: For every running pod of a namespace that is in the mesh: a proxy carries it (a sidecar, or
ambient's redirection), it does not use the host's network, and the effective PeerAuthentication (its own policy
and that of its ports, then the namespace's, then the mesh's; the oldest of several) is STRICT on every port. And no
DestinationRule turns mTLS off, or replaces it by plain TLS, for a Service of the cluster.

Why it matters: The manifests say what should be injected and enforced. A pod that is older than its namespace's
label, that a webhook missed, or that an overlooked policy exempts, speaks plaintext all the same.

How to fix: Restart pods that have no proxy although their namespace asks for one. Add a PeerAuthentication with
mode STRICT to the namespace and remove exceptions. Drop ``tls`` from the DestinationRule: mTLS is then automatic.

When it is fine: Operators that bring TLS of their own: name their workloads in the profile's `mesh_exempt`.
"""

from collections.abc import Iterator

from conformant.cluster import Running
from conformant.domain.mesh import STRICT, Mode, Policies, exempt, injected
from conformant.domain.mesh_hosts import fqdn, services_within
from conformant.domain.pods import alive, meshed
from conformant.leaf import Item, Seen, aspects, probe, saw
from conformant.model import Finding, Judged, NotApplicable, Path, Severity, dig
from conformant.platform import Platform
from conformant.views.mesh import DestinationRule
from conformant.views.workload import Workload

POLICY, RULE = "security.istio.io/PeerAuthentication", "networking.istio.io/DestinationRule"
_WEAK = ("DISABLE", "SIMPLE")


@probe(
    id="LIVE-MTLS-003",
    severity=Severity.HIGH,
    requirement="mtls",
    controls=[
        "nist-800-53r5/SC-8(1)", "nist-800-53r5/IA-9", "nist-800-53r5/AC-4", "iso-27001-2022/A.8.24",
        "iso-27001-2022/A.8.20", "soc2/CC6.7",
    ],
    needs=["list /Pod", "list /Namespace", "list /Service", f"list {POLICY}", f"list {RULE}"],
)  # fmt: skip
def pod_without_strict_mtls(running: Running) -> Iterator[Seen]:
    yield from aspects([_pods(running), _rules(running)])


def _pods(running: Running) -> Iterator[Seen]:
    platform = running.platform("/Pod", "/Namespace", POLICY)
    for resource in platform.kind("/Pod"):
        if alive(resource) and not running.profile.is_platform_namespace(resource.namespace):
            yield Judged(resource, _pod(platform.view(resource, Workload), platform))


def _pod(pod: Workload, platform: Platform) -> Iterator[Item]:
    carried = meshed(pod.resource)
    if exempt(pod, platform):
        yield NotApplicable("the profile exempts it")
    elif not carried and not injected(pod, platform).intended:
        yield NotApplicable("nothing asks for the mesh here")
    elif pod.host_network:
        yield Finding("it uses the host's network, where no proxy carries it", Path(("spec", "hostNetwork")))
    elif not carried:
        yield Finding("no proxy carries it, although its namespace is in the mesh", Path(("spec",)))
    else:
        yield from _mode(pod, platform.derived(Policies), carried)


def _mode(pod: Workload, policies: Policies, carried: str) -> Iterator[Item]:
    effective = policies.effective(pod)
    if not effective.mode.strict:
        yield _open(effective.mode, "it")
    for port, mode in sorted(effective.ports.items()):
        if not mode.strict and mode != effective.mode:
            yield _open(mode, f"port {port}")
    if effective.mode.strict:
        name = effective.mode.policy.address if effective.mode.policy else "no policy"
        yield saw(f"{carried}, {STRICT} by {name}")


def _open(mode: Mode, what: str) -> Finding:
    if mode.policy is None:
        return Finding(f"no PeerAuthentication applies, so {what} accepts plaintext")
    return Finding(f"{what} has mode {mode.mode} by {mode.policy.address}", mode.path, at=mode.policy)


def _rules(running: Running) -> Iterator[Seen]:
    platform = running.platform("/Service", "/Namespace", RULE)
    for rule in platform.of(DestinationRule):
        if next(services_within(platform, fqdn(rule.host, rule.namespace)), None) is not None:
            yield Judged(rule.resource, _rule(rule))


def _rule(rule: DestinationRule) -> Iterator[Item]:
    for policy in rule.policies():
        mode = dig(policy.raw, "tls", "mode")
        if mode in _WEAK:
            yield Finding(f"clients of {rule.host} are told to speak {_spoken(mode)}", policy.path / "tls" / "mode")


def _spoken(mode: str) -> str:
    return "plaintext" if mode == "DISABLE" else "TLS without an identity"
