"""A pod opens a host port, loosens a kernel setting or leaves its confinement profile.

What it checks: host ports; an unmasked /proc; sysctls outside the safe list of the target version;
SELinux user, role or a type beyond the container ones; AppArmor ``Unconfined``; and, from
Kubernetes 1.34 on, probes and lifecycle hooks that call another host. Together with the checks on
privileged containers, host namespaces, hostPath volumes, capabilities and seccomp this is the
baseline of the Pod Security Standards.

Why it matters: Each of these reaches past the container: a host port past NetworkPolicies, a sysctl
into the node's kernel, a missing profile takes away the last wall, a probe's host makes the kubelet
send requests on somebody's behalf.

How to fix: Remove the setting; publish ports through a Service.

When it is fine: Ingress controllers on host ports and node agents. Waive them by name.
"""

from collections.abc import Iterator
from typing import Any

from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Path, Severity, dig, mapping, sequence
from conformant.profile import Profile, version_tuple
from conformant.views.workload import Container, Workload

SAFE_SYSCTLS = {
    "kernel.shm_rmid_forced": "1.0", "net.ipv4.ip_local_port_range": "1.0", "net.ipv4.tcp_syncookies": "1.0",
    "net.ipv4.ping_group_range": "1.0", "net.ipv4.ip_unprivileged_port_start": "1.22",
    "net.ipv4.ip_local_reserved_ports": "1.27", "net.ipv4.tcp_keepalive_time": "1.29",
    "net.ipv4.tcp_fin_timeout": "1.29", "net.ipv4.tcp_keepalive_intvl": "1.29",
    "net.ipv4.tcp_keepalive_probes": "1.29", "net.ipv4.tcp_rmem": "1.32", "net.ipv4.tcp_wmem": "1.32",
}  # fmt: skip
SELINUX_TYPES = {
    "": "1.0", "container_t": "1.0", "container_init_t": "1.0", "container_kvm_t": "1.0",
    "container_engine_t": "1.31",
}  # fmt: skip
HANDLERS = ("livenessProbe", "readinessProbe", "startupProbe")
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"

PUBLISH = Cure("remove hostPort, and publish the port through a Service", grade="none")
SYSCTL = Cure("remove the sysctl, or set it on the nodes that these pods run on", grade="none")
MASKED = Cure("remove procMount, or give the pod a user namespace (hostUsers: false, Kubernetes 1.35)", grade="none")
SELINUX = Cure("remove it: the runtime sets the label of containers", grade="none")
APPARMOR_DEFAULT = Cure("appArmorProfile: {type: RuntimeDefault}", grade="none")
OWN_POD = Cure("remove host: the kubelet then calls the pod itself", grade="none")


@check(
    id="WRK-025",
    severity=Severity.HIGH,
    requirement="pod-isolation",
    controls=[
        "nist-800-53r5/CM-7", "nist-800-53r5/SC-39", "cis-k8s-1.12/5.2.13", "nsa-hardening-1.2/pod-security",
        "soc2/CC6.1", "iso-27001-2022/A.8.9",
    ],
)  # fmt: skip
def node_level_setting(workload: Workload, profile: Profile) -> Iterator[Item]:
    yield from aspects([_pod(workload, profile), _annotations(workload)])
    for container in workload.all_containers:
        yield from aspects([_ports(workload, container), _security(workload, container, profile)])
        if not profile.kubernetes or version_tuple(profile.kubernetes) >= (1, 34):
            yield from aspects([_hosts(container)])


def _admits(table: dict[str, str], name: Any, profile: Profile) -> bool:
    since = table.get(name) if isinstance(name, str) else None
    if since is None:
        return False
    return not profile.kubernetes or version_tuple(profile.kubernetes) >= version_tuple(since)


def _pod(workload: Workload, profile: Profile) -> Iterator[Finding]:
    security = workload.security
    if not security:
        return
    for index, sysctl in enumerate(sequence(security.get("sysctls"))):
        name = dig(sysctl, "name")
        if not _admits(SAFE_SYSCTLS, name, profile):
            path = workload.security_path / "sysctls" / index
            yield Finding(f"sysctl {name!r} is outside the safe list", path, cure=SYSCTL)
    yield from _confinement(security, workload.security_path, "the pod", profile)


def _annotations(workload: Workload) -> Iterator[Finding]:
    for key, value in workload.annotations.items():
        if isinstance(key, str) and key.startswith(APPARMOR) and value == "unconfined":
            path = workload.template_path / "metadata" / "annotations" / key
            yield Finding(f"AppArmor does not confine container {key[len(APPARMOR) :]!r}", path, cure=APPARMOR_DEFAULT)


def _ports(workload: Workload, container: Container) -> Iterator[Finding]:
    declared = container.raw.get("ports")
    if not declared:
        return
    severity = Severity.MEDIUM if workload.host_network else Severity.HIGH
    for index, port in enumerate(sequence(declared)):
        number = dig(port, "hostPort")
        if isinstance(number, int) and number > 0:
            path = container.path / "ports" / index / "hostPort"
            yield Finding(f"container {container.name!r} opens port {number} of its node", path, severity, PUBLISH)


def _security(workload: Workload, container: Container, profile: Profile) -> Iterator[Finding]:
    security = container.security
    if not security:
        return
    if dig(security, "procMount") == "Unmasked":
        user_namespace = dig(workload.pod, "hostUsers") is False
        modern = not profile.kubernetes or version_tuple(profile.kubernetes) >= (1, 35)
        if not (user_namespace and modern):
            path = container.security_path / "procMount"
            yield Finding(f"container {container.name!r} sees an unmasked /proc", path, cure=MASKED)
    yield from _confinement(security, container.security_path, f"container {container.name!r}", profile)


def _confinement(security: dict[Any, Any], path: Path, who: str, profile: Profile) -> Iterator[Finding]:
    options = mapping(security.get("seLinuxOptions"))
    for key in ("user", "role"):
        if dig(options, key):
            yield Finding(f"{who} sets its own SELinux {key}", path / "seLinuxOptions" / key, cure=SELINUX)
    if "type" in options and not _admits(SELINUX_TYPES, dig(options, "type") or "", profile):
        message = f"{who} has an SELinux type beyond the container ones"
        yield Finding(message, path / "seLinuxOptions" / "type", cure=SELINUX)
    if dig(security, "appArmorProfile", "type") == "Unconfined":
        yield Finding(f"AppArmor does not confine {who}", path / "appArmorProfile" / "type", cure=APPARMOR_DEFAULT)


def _hosts(container: Container) -> Iterator[Finding]:
    for handler in HANDLERS:
        if container.raw.get(handler):
            yield from _host(container, mapping(container.raw.get(handler)), container.path / handler)
    lifecycle = container.raw.get("lifecycle")
    if lifecycle:
        for hook in ("postStart", "preStop"):
            yield from _host(container, mapping(lifecycle, hook), container.path / "lifecycle" / hook)


def _host(container: Container, handler: dict[Any, Any], path: Path) -> Iterator[Finding]:
    for kind in ("httpGet", "tcpSocket"):
        if dig(handler, kind, "host"):
            message = f"the {path[-1]} of container {container.name!r} calls another host than its pod"
            yield Finding(message, path / kind / "host", cure=OWN_POD)
