"""Pods can reach the cloud's metadata endpoint.

What it checks: No pod of a tenant's namespace reaches the addresses at which clouds hand out a node's credentials
(169.254.169.254, fd00:ec2::254, 168.63.129.16, 100.100.100.200) on port 80: its egress is isolated, and no ipBlock
that holds them goes without an except. Pods on the host's network always reach them and are told elsewhere. Without
any sign of a cloud the finding counts less; a hop limit of 1 on the nodes' launch templates lowers it.

Why it matters: Whoever makes a pod send one request there takes over the rights of its node.

How to fix: Deny egress by default, and write ``except: [169.254.169.254/32]`` into every wide ipBlock; or deny the
addresses once for all in a ClusterNetworkPolicy of the Admin tier.

When it is fine: Pods that use the metadata service as designed: name them in the setting `clients`.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from msgspec import Struct

from conformant.domain.cloud import clouds
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Resource, Severity, Undecided, dig
from conformant.platform import Namespace, Platform
from conformant.reach.endpoints import Endpoint
from conformant.reach.engine import Part, Reachability
from conformant.reach.known import ASSUMED, METADATA, outside, reachability
from conformant.text import some
from conformant.views.network import EGRESS
from conformant.views.terraform import TerraformResource


class Clients(Struct, frozen=True, forbid_unknown_fields=True):
    """`clients` are address patterns of workloads that may use the metadata service."""

    clients: tuple[str, ...] = ()


CURE = Cure("deny egress by default, and except: [169.254.169.254/32] in every wide ipBlock", grade="none")
BOTH = Cure("a default deny for egress mends this too", grade="none")


@check(
    id="NET-008",
    severity=Severity.CRITICAL,
    requirement="metadata-endpoint",
    controls=[
        "nist-800-53r5/AC-4", "nist-800-53r5/SC-7", "nist-800-53r5/AC-6", "nsa-hardening-1.2/network-separation",
        "soc2/CC6.6", "iso-27001-2022/A.8.22", "pci-dss-4.0/1.3.2",
    ],
)  # fmt: skip
def reachable_metadata(namespace: Namespace, platform: Platform, settings: Clients = Clients()) -> Iterator[Item]:
    if platform.profile.cloud == "none":
        yield NotApplicable("the profile says that there is no cloud")
        return
    if not namespace.tenant:
        yield NotApplicable("no tenant namespace")
        return
    reach = platform.derived(reachability)
    own = [one for one in reach.by_namespace.get(namespace.name, ()) if _counts(one, settings)]
    unisolated: list[str] = []
    opened: dict[tuple[str, Path], tuple[Resource, list[str]]] = {}
    for one in own:
        part = _leak(one, reach)
        if part is None:
            continue
        if not part.matched:
            unisolated.append(one.name)
        for piece, _ in part.matched:
            if piece.ports.has("TCP", 80):
                key = piece.rule.address, piece.rule.path
                opened.setdefault(key, (piece.rule.policy.resource, []))[1].append(one.name)
    yield from _findings(namespace, unisolated, opened, platform)


def _counts(one: Endpoint, settings: Clients) -> bool:
    if one.host_network or one.made_by == ASSUMED:
        return False
    return not any(fnmatchcase(one.address, pattern) for pattern in settings.clients)


def _leak(one: Endpoint, reach: Reachability) -> Part | None:
    """How the egress of some pods treats the first metadata address that they reach. Raises Undecided."""
    side = reach.side(EGRESS, reach.classes.of[one.address])
    for address in METADATA:
        part = side.part(outside(reach, address))
        if part.ports.has("TCP", 80):
            return part
        if part.possible.has("TCP", 80):
            raise Undecided(f"whether {one.address} reaches {address} is not known")
    return None


def _findings(
    namespace: Namespace, unisolated: list[str], opened: dict[tuple[str, Path], tuple[Resource, list[str]]],
    platform: Platform,
) -> Iterator[Finding]:  # fmt: skip
    known = platform.derived(clouds)
    if unisolated:
        whom = f"{some(sorted(set(unisolated)), 4)} of {namespace.name}"
        message = f"nothing keeps {whom} from the metadata endpoint: egress is open (NET-002)"
        severity = Severity.HIGH if known else Severity.MEDIUM
        yield Finding(message, Path(("metadata", "name")), severity, BOTH)
    worst = (Severity.HIGH if _hop_limited(platform) else Severity.CRITICAL) if known else Severity.MEDIUM
    for (address, path), (resource, names) in opened.items():
        message = (
            f"the rule lets {some(sorted(set(names)), 4)} reach the metadata endpoint: {address} has no except for it"
        )
        yield Finding(message, path, worst, CURE, at=resource)


def _hop_limited(platform: Platform) -> bool:
    """Whether every launch template wants tokens and lets them go one hop."""
    templates = [each for each in platform.of(TerraformResource) if each.kind == "aws_launch_template"]
    return bool(templates) and all(
        dig(each.raw, "metadata_options", 0, "http_tokens") == "required"
        and dig(each.raw, "metadata_options", 0, "http_put_response_hop_limit") == 1
        for each in templates
    )
