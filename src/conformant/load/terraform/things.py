"""What is known of a resource before it exists, and of a module's outputs."""

from typing import TYPE_CHECKING, Any

from conformant.load.terraform.evaluate import Lazy, Scope
from conformant.load.terraform.sources import derived_attribute
from conformant.load.terraform.syntax import Block
from conformant.load.terraform.values import Pending

if TYPE_CHECKING:
    from conformant.load.terraform.instance import Instance

Key = str | int | None
"""The key of one copy of a block; None for a block without count and for_each."""


def keyed(address: str, key: Key) -> str:
    """The address of one copy."""
    if key is None:
        return address
    if isinstance(key, int):
        return f"{address}[{key}]"
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'{address}["{escaped}"]'


class Thing(Lazy):
    """An instance of a resource or data source."""

    __slots__ = ("block", "instance", "scope")

    def __init__(self, instance: "Instance", address: str, block: Block, key: Key, scope: Scope) -> None:
        subject = keyed(address, key)
        super().__init__(subject, "is known after apply", (instance.named(subject),))
        self.instance = instance
        self.block = block
        self.scope = scope

    def attribute(self, name: str) -> Any:
        if name in self.block.attributes or any(
            nested.type == name or nested.labels[:1] == (name,) for nested in self.block.blocks
        ):
            value = self.instance.attribute(self, name)
            if value is not None:
                return value
        value = derived_attribute(self, name)
        if value is not None:
            return value
        return Pending(f"{self.subject}.{name}", "is known after apply", self.references, name.endswith(("arn", "id")))


class Outputs(Lazy):
    """What a called module gives back."""

    __slots__ = ("caller", "child", "name")

    def __init__(self, caller: "Instance", name: str, child: "Instance | None", reason: str) -> None:
        subject = f"module.{name}"
        super().__init__(subject, reason or "is known after apply", (caller.named(subject),))
        self.caller = caller
        self.name = name
        self.child = child

    def attribute(self, name: str) -> Any:
        subject = f"{self.subject}.{name}"
        reference = self.caller.named(subject)
        if self.child is None:
            return Pending(subject, f"is an output of a module that {self.predicate}", (reference,))
        output = self.child.directory.outputs.get(name)
        value = output.attributes.get("value") if output else None
        if value is None:
            return Pending(subject, "is not declared", (reference,))
        return self.child.output(name, value.value)
