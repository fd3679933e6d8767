"""Attributes that follow from a block without asking a provider: policy documents, regions."""

from typing import TYPE_CHECKING, Any

from conformant.load.terraform.bodies import Body
from conformant.load.terraform.functions.strings import encode
from conformant.load.terraform.policy import from_data
from conformant.load.terraform.values import Partial, Sealing, because, unknowns
from conformant.model import Path

if TYPE_CHECKING:
    from conformant.load.terraform.instance import Instance
    from conformant.load.terraform.syntax import Block
    from conformant.load.terraform.things import Thing


class _Unsealed(Sealing):
    """Leaves values as the evaluator makes them."""

    __slots__ = ()

    def seal(self, value: Any, path: Path, direct: bool = False) -> Any:
        return value


def derived_attribute(thing: "Thing", name: str) -> Any:
    """The value of an attribute that the body does not set, or None when only a provider knows it."""
    block = thing.block
    if block.type != "data":
        return None
    if block.labels[0] == "aws_iam_policy_document" and name in ("json", "minified_json"):
        values = Body(thing.instance, _Unsealed()).values(block, thing.scope)
        document = from_data(values)
        found = list(unknowns(values))
        if found:
            return Partial(because(found), document=document)
        return encode(document)
    if block.labels[0] == "aws_region" and name in ("name", "id", "region"):
        return region(thing.instance, provider_name(block))
    return None


def provider_name(block: "Block") -> str:
    """The provider that a resource, by its argument or its type, belongs to: ``aws`` or ``aws.west``."""
    attribute = block.attributes.get("provider")
    if attribute is None:
        return block.labels[0].partition("_")[0]
    value = getattr(attribute.value, "value", None)
    return value if isinstance(value, str) else block.text(attribute.value)


def region(instance: "Instance", name: str) -> str | None:
    """The region that a provider configuration sets, None when it is unset or unknown."""
    owner, _, block = instance.provider(name)
    attribute = block.attributes.get("region") if block else None
    value = owner.attempt(attribute.value, owner.scope) if attribute else None
    return value if isinstance(value, str) else None
