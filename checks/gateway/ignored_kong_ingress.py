"""A KongIngress has route or proxy settings, which its controller no longer takes.

What it checks: No KongIngress has a block ``route`` or ``proxy``. The ingress controller 3.0 and later
refuses the whole object for them, its upstream settings included; 2.8 to 2.12 only warn (medium), older ones
honour them (low). State the version as `kic` in the profile; the newest is assumed.

Why it matters: Methods, protocols or the redirect that the object states are not in force, and nothing says
so: an object that was stored before the upgrade stays where it is and is ignored.

How to fix: Annotations of the Ingress, HTTPRoute (route) or Service (proxy); a KongUpstreamPolicy for the rest.

When it is fine: Never; a controller older than 2.8 is out of support.
"""

from collections.abc import Iterator
from typing import Any

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, dig, mapping
from conformant.profile import Profile
from conformant.views.gateway import KongIngress

HOLDERS = {"route": "the Ingress or HTTPRoute", "proxy": "the Service"}


@check(
    id="GW-001",
    severity=Severity.HIGH,
    requirement="gateway-routing",
    controls=["nist-800-53r5/CM-6", "nist-800-53r5/SA-22", "soc2/CC8.1", "iso-27001-2022/A.8.9"],
)
def ignored_kong_ingress(thing: KongIngress, profile: Profile) -> Iterator[Item]:
    if profile.gateway == "none":
        yield NotApplicable("no Kong gateway")
        return
    level, effect = _effect(profile)
    for block, holder in HOLDERS.items():
        if dig(thing.raw, block) is not None:
            stated = ", ".join(_annotations(mapping(thing.raw, block)))
            advice = f"annotate {holder}" + (f": {stated}" if stated else "")
            yield Finding(
                f"{block} stands in a KongIngress: {effect}", Path((block,)), level, Cure(advice, grade="none")
            )


def _effect(profile: Profile) -> tuple[Severity, str]:
    if profile.at_least("kic", "3.0") is not False:
        return Severity.HIGH, "the ingress controller refuses the whole object, its upstream settings too"
    if profile.at_least("kic", "2.8"):
        return Severity.MEDIUM, "the ingress controller deprecates it, and 3.0 refuses the object"
    return Severity.LOW, "honoured by this old ingress controller, refused from 3.0 on"


def _annotations(block: dict[Any, Any]) -> Iterator[str]:
    """What the block says, in annotations."""
    for key, value in block.items():
        if isinstance(value, dict):
            yield f"konghq.com/{key}.*"
        else:
            name = str(key).replace("_", "-")
            parts = value if isinstance(value, list) else [value]
            text = ",".join(str(part).lower() if isinstance(part, bool) else str(part) for part in parts)
            yield f'konghq.com/{name}: "{text}"'
