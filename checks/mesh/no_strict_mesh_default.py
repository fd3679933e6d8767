"""The mesh as a whole does not default to STRICT mTLS.

What it checks: The root namespace holds a PeerAuthentication without selector whose mode is STRICT.
A policy called "default" that has a selector does not count.

Why it matters: Without it a new namespace starts PERMISSIVE, and nobody notices.

How to fix: Add that policy to the root namespace (istio-system, unless the profile says otherwise).

When it is fine: While a mesh is being introduced, namespace by namespace.
"""

from collections.abc import Iterator

from conformant.domain.mesh import Policies
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Severity
from conformant.platform import Platform


@check(
    id="MESH-002",
    severity=Severity.HIGH,
    requirement="mtls",
    controls=["nist-800-53r5/SC-8", "nist-800-53r5/CM-6", "iso-27001-2022/A.8.9"],
)
def no_strict_mesh_default(platform: Platform) -> Iterator[Item]:
    if not platform.has_mesh:
        yield NotApplicable("no mesh")
        return
    policies = platform.derived(Policies).mesh
    if any(policy.mode == "STRICT" for policy in policies):
        return
    root = platform.profile.mesh.root_namespace
    cure = Cure(f"PeerAuthentication {{name: default, namespace: {root}}} with spec.mtls.mode: STRICT")
    if policies:
        policy = policies[0]
        message = f"the mesh-wide PeerAuthentication {policy.name} says {policy.mode}, not STRICT"
        yield Finding(message, policy.mode_path, cure=cure, at=policy.resource)
        return
    istio = (resource for resource in platform.resources if resource.group.endswith("istio.io"))
    message = f"no PeerAuthentication in {root} makes STRICT the default of the whole mesh"
    yield Finding(message, cure=cure, at=next(istio, None))
