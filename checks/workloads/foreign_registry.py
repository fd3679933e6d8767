"""An image comes from no stated registry, or from one that is not allowed.

What it checks: The reference of every container's image names its registry; where the profile lists
`registries`, the host is one of them. ``imagePullPolicy: Never`` is reported too: the image then
comes from whatever lies on the node.

Why it matters: Without a host the runtime's default applies (Docker Hub, or what a node's
configuration says), and anybody may own the name there.

How to fix: Write the full name, from a registry that your organisation runs or mirrors.

When it is fine: Public images on purpose: list their registry in the profile.
"""

from collections.abc import Iterator

from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Severity, Undecided
from conformant.profile import Profile
from conformant.views.image import parse_image
from conformant.views.workload import Container, Workload

NAMED = Cure("write the full name, with the registry that it comes from", grade="none")
PULLED = Cure("set IfNotPresent, or leave the policy out", grade="none")


@check(
    id="WRK-013",
    severity=Severity.MEDIUM,
    controls=[
        "nist-800-53r5/SR-4", "nist-800-53r5/CM-7", "nist-800-53r5/SI-7", "cis-k8s-1.12/5.5.1",
        "nsa-hardening-1.2/pod-security", "iso-27001-2022/A.5.21",
    ],
)  # fmt: skip
def foreign_registry(workload: Workload, profile: Profile) -> Iterator[Item]:
    severity = Severity.MEDIUM if profile.registries else Severity.LOW
    for container in workload.all_containers:
        yield from aspects([_judge(container, profile, severity)])


def _judge(container: Container, profile: Profile, severity: Severity) -> Iterator[Item]:
    image = container.reference
    if not image:
        return
    if "${" in image or "$(" in image or "{{" in image:
        yield Undecided(f"the image of container {container.name!r} is a template: {image}")
        return
    registry = parse_image(image).registry
    if not registry:
        message = f"image {image} of container {container.name!r} names no registry"
        yield Finding(message, container.path / "image", severity, NAMED)
    elif profile.registries and not _allowed(image, registry, profile):
        message = f"image {image} of container {container.name!r} is from {registry}, which is not allowed"
        allowed = ", ".join(profile.registries)
        cure = Cure(f"mirror the image to an allowed registry ({allowed}) and refer to it there", grade="none")
        yield Finding(message, container.path / "image", severity, cure)
    if container.raw.get("imagePullPolicy") == "Never":
        message = f"container {container.name!r} runs whatever image lies on the node (imagePullPolicy: Never)"
        yield Finding(message, container.path / "imagePullPolicy", severity, PULLED)


def _allowed(image: str, registry: str, profile: Profile) -> bool:
    """An entry of the list is a host, or a host with the beginning of a path."""
    return any(registry == entry or image.startswith(entry.rstrip("/") + "/") for entry in profile.registries)
