"""An EKS cluster runs a Kubernetes version that is out of support.

What it checks: The version of every cluster and node group, and the version that is handed to a module of EKS,
against the dates on which AWS ends standard and extended support. After extended support it is a finding, within
it (which costs extra) a lower one, as is a cluster without a version: it gets the newest of the day it is made.
Extended support that `upgrade_policy` refuses means an upgrade that AWS starts by itself. A node group is neither
newer than its cluster nor more than three minor versions older. A version that comes from an input is reported
where it is written.

Why it matters: A version without support gets no security fixes, and AWS upgrades the cluster at a time of its
own choosing.

How to fix: Upgrade one minor version at a time, control plane first, after checking removed APIs (SCH-002).

When it is fine: Extended support, for the weeks of a planned upgrade.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from conformant.domain.kubernetes_support import EKS, Support, minor_version, text
from conformant.domain.terraform_links import TerraformIndex
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, Undecided, Unknown
from conformant.platform import Platform
from conformant.views.terraform import TerraformModuleCall, TerraformResource

VERSION = Path(("version",))
INPUTS = (Path(("cluster_config", "version")), Path(("cluster_version",)), Path(("kubernetes_version",)))
CLUSTER = "aws_eks_cluster"


@check(
    id="TF-AWS-005",
    severity=Severity.HIGH,
    requirement="k8s-version",
    controls=[
        "nist-800-53r5/SA-22", "nist-800-53r5/SI-2", "iso-27001-2022/A.8.8", "pci-dss-4.0/6.3.3",
        "nsa-hardening-1.2/upgrading", "ckv/CKV_AWS_339",
    ],
    kinds=["aws_eks_cluster", "aws_eks_node_group", "module"],
)  # fmt: skip
def unsupported_eks_version(resource: TerraformResource, platform: Platform, today: date) -> Iterator[Item]:
    index = platform.derived(TerraformIndex)
    if resource.kind == CLUSTER:
        yield from _cluster(resource, index, today)
    elif resource.kind == "module":
        yield from _call(platform.view(resource.resource, TerraformModuleCall), index, today)
    else:
        yield from _node_group(resource, index, today)


def _cluster(cluster: TerraformResource, index: TerraformIndex, today: date) -> Iterator[Item]:
    if not cluster.has("version"):
        message = "no version: the cluster gets the newest one of the day it is made, and nobody chose it"
        yield Finding(message, VERSION, Severity.MEDIUM, _cure(today))
        return
    version = cluster.get("version")
    if _support(version, today) is Support.EXTENDED:
        yield from _forced(cluster, version, index, today)
    else:
        yield from _judged(cluster, version, index, today)


def _forced(cluster: TerraformResource, version: Any, index: TerraformIndex, today: date) -> Iterator[Item]:
    """An extended version, with or without the wish for extended support."""
    stated = next((path / "support_type" for path, _ in cluster.blocks("upgrade_policy")), None)
    if stated is None or cluster.get(*stated) != "STANDARD":
        yield from _judged(cluster, version, index, today)
        return
    message = f"Kubernetes {version} is past standard support and extended support is refused: AWS upgrades by itself"
    yield Finding(message, stated, Severity.MEDIUM, _cure(today))


def _node_group(group: TerraformResource, index: TerraformIndex, today: date) -> Iterator[Item]:
    if not group.has("version"):
        return
    version = group.get("version")
    cluster = index.owner(group, CLUSTER, "cluster_name")
    beside = cluster.raw.get("version") if cluster is not None else None
    if isinstance(beside, Unknown):
        yield Undecided(beside.reason)
        beside = None
    if beside != version and not _is_handed_to_cluster(group, version, index):
        yield from _judged(group, version, index, today)
    own, other = minor_version(version), minor_version(beside)
    if own is not None and other is not None and own > other:
        yield Finding(f"nodes of version {version} are newer than their cluster ({beside})", VERSION, cure=_cure(today))
    elif own is not None and other is not None and other[1] - own[1] > 3:
        message = f"nodes of version {version} are more than three minor versions behind their cluster ({beside})"
        yield Finding(message, VERSION, cure=_cure(today))


def _is_handed_to_cluster(group: TerraformResource, version: Any, index: TerraformIndex) -> bool:
    """Whether the same input decides the version of a cluster too, which is judged itself."""
    call, _ = _origin(group, version, index, VERSION)
    return call is not None and any(_plain(each.raw, VERSION) == version for each in index.inside(call, CLUSTER))


def _call(call: TerraformModuleCall, index: TerraformIndex, today: date) -> Iterator[Item]:
    if next(index.inside(call, CLUSTER), None) is not None:
        yield NotApplicable("the cluster in the module is judged itself")
        return
    unread = not index.is_read(call)
    is_eks = unread and "eks" in _words(call.source)
    if not is_eks and not (unread and call.is_local):
        yield NotApplicable("not a module of EKS")
        return
    for path in INPUTS if is_eks else INPUTS[:2]:
        if call.has(*path) and not _is_elsewhere(call.references(*path)):
            yield from _judged(call, call.get(*path), index, today, path)
            return
    yield NotApplicable("no version is handed to the module")


def _is_elsewhere(references: tuple[str, ...]) -> bool:
    """Whether a version is that of a cluster or module which is judged itself."""
    return bool(references) and all(address.startswith("module.") or f"{CLUSTER}." in address for address in references)


def _words(source: str) -> list[str]:
    text = source.partition("?")[0]
    for mark in "/.-_:":
        text = text.replace(mark, " ")
    return text.split()


def _judged(
    resource: TerraformResource, version: Any, index: TerraformIndex, today: date, path: Path = VERSION
) -> Iterator[Item]:
    support = _support(version, today)
    if support is None:
        yield Undecided(f"{version} is not among the versions that were known on {EKS.as_of}")
        return
    if support is Support.STANDARD:
        return
    origin, path = _origin(resource, version, index, path)
    at = origin.resource if origin is not None else None
    standard, extended = EKS.ends.get(minor_version(version) or (0, 0), (None, None))
    if support is Support.EXTENDED:
        message = f"Kubernetes {version} is in extended support since {standard}, at extra cost, until {extended}"
        yield Finding(message, path, Severity.MEDIUM, _cure(today), at=at)
        return
    ended = f"ended on {extended}" if extended else "ended long ago"
    message = f"Kubernetes {version} has no support any more on EKS: extended support {ended}"
    yield Finding(message, path, cure=_cure(today), at=at)


def _support(version: Any, today: date) -> Support | None:
    minor = minor_version(version)
    return EKS.support(minor, today) if minor is not None else None


def _origin(
    resource: TerraformResource, version: Any, index: TerraformIndex, path: Path
) -> tuple[TerraformModuleCall | None, Path]:
    """The outermost module call that hands the version down, and where it stands there."""
    origin: TerraformModuleCall | None = None
    call = index.call(resource)
    while call is not None:
        given = next((each for each in INPUTS if _plain(call.raw, each) == version), None)
        if given is None:
            break
        origin, path = call, given
        call = index.call(call)
    return origin, path


def _plain(raw: Any, path: Path) -> Any:
    for step in path:
        raw = raw.get(step) if raw.__class__ is dict else None
    return None if isinstance(raw, Unknown) else raw


def _cure(today: date) -> Cure:
    return Cure(f"upgrade, one minor version at a time, up to {text(EKS.newest(today))}", grade="none")
