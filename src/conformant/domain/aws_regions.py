"""Whether AWS resources of a platform stand in the same region."""

from conformant.model import Undecided
from conformant.views.terraform import TerraformResource


def in_other_region(one: TerraformResource, other: TerraformResource) -> bool:
    """Whether two resources stand in different regions. Raises Undecided when that is not known."""
    if one.region is not None and other.region is not None:
        return one.region != other.region
    if one.meta.root == other.meta.root and one.provider == other.provider and not _own_region(one, other):
        return False
    unknown = one if one.region is None else other
    raise Undecided(f"the region of {unknown.address} is not known")


def arn_region(arn: str) -> str:
    """The region that an ARN names; empty where it names none or is no ARN."""
    fields = arn.split(":")
    return fields[3] if len(fields) > 5 and fields[0] == "arn" else ""


def _own_region(*resources: TerraformResource) -> bool:
    return any(resource.has("region") for resource in resources)
