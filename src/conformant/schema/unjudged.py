"""What to say of objects for which there is no schema: once for each kind, never as a pass."""

from conformant.leaf import Item
from conformant.model import NotApplicable, Resource, Undecided
from conformant.platform import Platform

Version = tuple[str, str, str]

_PROGRAMS = frozenset({
    "audit.k8s.io", "client.authentication.k8s.io", "eksctl.io", "install.istio.io", "k3d.io", "kind.x-k8s.io",
    "kubeadm.k8s.io", "skaffold",
})  # fmt: skip
_PROGRAM_KINDS = frozenset({("", "Config"), ("", "Policy")})


def for_a_program(resource: Resource) -> NotApplicable | None:
    """Not applicable for what a program reads from a file and no API server ever sees, such as a
    kubeconfig or the settings of kind and kubeadm."""
    group = resource.group
    if group.endswith(".config.k8s.io") or group in _PROGRAMS or (group, resource.kind) in _PROGRAM_KINDS:
        return NotApplicable(f"{resource.api_version} {resource.kind} is a program's file, no object of the API")
    return None


def without_schema(resource: Resource, platform: Platform) -> Item | None:
    """Why no schema judges `resource`; None where one does.

    A version that is not served has no schema to speak of, and that it is not served is said
    elsewhere: not applicable.
    """
    version = (resource.group, resource.version, resource.kind)
    if platform.schemas.knows(*version):
        return None
    program = for_a_program(resource)
    if program is not None:
        return program
    if platform.schemas.served(*version).state in ("removed", "unserved"):
        return NotApplicable(f"{resource.api_version} is not served: SCH-002 says so")
    return for_all_of_its_kind(resource, platform, "no definition is at hand (--crds) to verify its fields by")


def for_all_of_its_kind(resource: Resource, platform: Platform, reason: str) -> Item:
    """Undecided for the first object of a kind and version, in the name of all; not applicable for
    the others."""
    alike = platform.derived(_by_version)[resource.group, resource.version, resource.kind]
    if alike[0] is not resource:
        return NotApplicable(f"as {alike[0].address}: {reason}")
    count = f", for {len(alike)} objects" if len(alike) > 1 else ""
    return Undecided(f"{resource.api_version} {resource.kind}: {reason}{count}")


def _by_version(platform: Platform) -> dict[Version, list[Resource]]:
    found: dict[Version, list[Resource]] = {}
    for (family, _), resources in platform.by_kind.items():
        if family == "kubernetes":
            for resource in resources:
                found.setdefault((resource.group, resource.version, resource.kind), []).append(resource)
    return found
