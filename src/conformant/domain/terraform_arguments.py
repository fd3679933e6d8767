"""Reading single arguments of Terraform resources."""

from conformant.model import Step, Undecided, Unknown
from conformant.views.terraform import TerraformResource


def number(resource: TerraformResource, *steps: Step) -> float | None:
    """A number, which may be written as a string; None where it is absent or something else. Raises Undecided."""
    value = resource.get(*steps)
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def is_given(resource: TerraformResource, name: str) -> bool:
    """Whether an argument has a value, though it may not be known yet: an attribute of another resource has one,
    an input may be null. An empty string is no value. Raises Undecided."""
    value = resource.raw.get(name)
    if not isinstance(value, Unknown):
        return value is not None and value != "" and value != []
    if resource.role != "plan" and (not value.references or any(_is_input(each) for each in value.references)):
        raise Undecided(value.reason)
    return True


def _is_input(address: str) -> bool:
    return any(part in ("var", "each") for part in address.split("."))
