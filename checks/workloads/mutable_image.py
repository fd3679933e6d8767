"""An image reference can mean another image tomorrow.

What it checks: Every image of a pod (main, sidecar, init, ephemeral containers and image volumes)
carries a ``@sha256:`` digest. No tag, or one that moves by intent (latest, main, master, stable),
weighs more than a version tag. A pull policy of IfNotPresent or Never on top makes nodes differ, which the finding
then says.

Why it matters: A tag can be pushed again: what was scanned and approved is not what runs, and two
pods of one Deployment may run different code.

How to fix: Let the build resolve the digest and write ``name:tag@sha256:…``.

When it is fine: Development clusters that follow a branch on purpose.
"""

from collections.abc import Iterator
from typing import Any

from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Path, Severity, Undecided, dig, sequence
from conformant.views.image import parse_image
from conformant.views.workload import Workload

ADVICE = "pin the digest that the build resolved: name:tag@sha256:…"


@check(
    id="WRK-012",
    severity=Severity.HIGH,
    aliases=["DEL-010"],
    controls=[
        "nist-800-53r5/CM-2", "nist-800-53r5/SI-7", "nist-800-53r5/SR-4", "nsa-hardening-1.2/pod-security",
        "soc2/CC8.1", "iso-27001-2022/A.8.19",
    ],
)  # fmt: skip
def mutable_image(workload: Workload) -> Iterator[Item]:
    for container in workload.all_containers:
        image = container.raw.get("image")
        if image.__class__ is str and "@sha256:" in image:
            continue
        path = container.path / "image"
        policy = container.raw.get("imagePullPolicy")
        yield from aspects([_judge(image, policy, f"container {container.name!r}", path)])
    for index, volume in enumerate(sequence(workload.pod.get("volumes"))):
        reference = dig(volume, "image", "reference")
        if isinstance(reference, str) and "@sha256:" not in reference:
            path = workload.pod_path / "volumes" / index / "image" / "reference"
            policy = dig(volume, "image", "pullPolicy")
            yield from aspects([_judge(reference, policy, f"volume {dig(volume, 'name')!r}", path)])


def _judge(image: Any, policy: Any, who: str, path: Path) -> Iterator[Item]:
    if not isinstance(image, str):
        if image is not None:
            dig(image)
        return
    if "${" in image or "$(" in image or "{{" in image:
        yield Undecided(f"the image of {who} is a template: {image}")
        return
    parsed = parse_image(image)
    if parsed.moves:
        severity, what = (
            Severity.HIGH,
            f"tag {parsed.tag!r} moves" if parsed.tag else "it has no tag (latest)",
        )
    else:
        severity, what = Severity.MEDIUM, f"tag {parsed.tag!r} can be pushed again"
    worse = f", and imagePullPolicy {policy} lets nodes differ" if policy in ("IfNotPresent", "Never") else ""
    message = f"image {image} of {who} is not pinned by digest: {what}{worse}"
    yield Finding(message, path, severity, Cure(ADVICE, grade="none"))
