"""Pod Security Admission does not enforce the restricted level in a namespace.

What it checks: Every namespace with workloads is declared and labelled
``pod-security.kubernetes.io/enforce: restricted``. ``baseline`` is a lower finding (none where the
profile allows it); absent and ``privileged`` are faults. Missing ``warn`` and ``audit`` labels are
reported as low. The namespace ``default`` is another check's matter.

Why it matters: Without the label the API server admits any pod, privileged ones included, whatever
the manifests in Git say.

How to fix: Set the labels enforce, audit and warn to ``restricted``. With Istio sidecars, install the
CNI plugin or use ambient mode: the injected init container needs capabilities that restricted forbids.

When it is fine: A policy engine (Kyverno, Gatekeeper) enforces the same rules, or the namespace holds
node agents.
"""

from collections.abc import Iterator

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, dig
from conformant.platform import Namespace, Platform

LABELS = Path(("metadata", "labels"))
PREFIX = "pod-security.kubernetes.io/"


@check(
    id="NS-001",
    severity=Severity.HIGH,
    requirement="pod-isolation",
    controls=[
        "nist-800-53r5/AC-6", "nist-800-53r5/CM-7", "cis-k8s-1.12/5.2.1", "cis-k8s-1.12/5.6.3",
        "nsa-hardening-1.2/pod-security", "soc2/CC6.1", "iso-27001-2022/A.8.9", "pci-dss-4.0/2.2.1",
    ],
)  # fmt: skip
def pod_security_not_enforced(namespace: Namespace, platform: Platform) -> Iterator[Item]:
    if not namespace.tenant or namespace.name == "default":
        yield NotApplicable("no tenant namespace of its own")
        return
    if not namespace.declared:
        yield Finding(
            f"namespace {namespace.name} has workloads but no manifest here: it cannot be shown that "
            "Pod Security Admission enforces anything",
            cure=Cure("declare the namespace with the pod-security labels", grade="none"),
        )
        return
    enforced = dig(namespace.labels, PREFIX + "enforce")
    path = LABELS / (PREFIX + "enforce")
    cure = Cure("label it enforce, audit and warn: restricted", ((path, "restricted"),))
    if enforced == "restricted":
        yield from _advice(namespace)
    elif enforced == "baseline":
        if not platform.profile.allow_baseline:
            yield Finding("Pod Security Admission enforces only baseline", path, Severity.MEDIUM, cure)
        yield from _advice(namespace)
    elif enforced == "privileged":
        yield Finding("Pod Security Admission is set to privileged: everything is admitted", path, None, cure)
    elif enforced is None:
        yield Finding("no label makes Pod Security Admission enforce a level", path, None, cure)


def _advice(namespace: Namespace) -> Iterator[Finding]:
    absent = [mode for mode in ("warn", "audit") if dig(namespace.labels, PREFIX + mode) is None]
    if len(absent) == 2:
        path = LABELS / (PREFIX + "enforce")
        yield Finding("neither warn nor audit is labelled: violations leave no trace", path, Severity.LOW)
