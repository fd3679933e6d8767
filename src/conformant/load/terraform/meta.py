"""What a loader of Terraform knows of a resource beside its values."""

from functools import cached_property
from typing import Any

from conformant.load.terraform import policy
from conformant.load.terraform.evaluate import Scope
from conformant.load.terraform.instance import Instance
from conformant.load.terraform.references import references, undeclared
from conformant.load.terraform.sources import provider_name, region
from conformant.load.terraform.syntax import Block
from conformant.load.terraform.values import Partial
from conformant.model import Path, Place, Unknown


class Meta:
    """Of a resource read from HCL. Everything costly is found when it is first asked for.

    `root` is the directory that Terraform is run in, as it is shown. `doubt` says why it is not
    certain that the resource exists at all (a `count` that is not known).
    """

    def __init__(
        self, block: Block, instance: Instance, scope: Scope, root: str, role: str, doubt: str = "",
        documents: dict[Path, Partial] | None = None,
    ) -> None:  # fmt: skip
        self.block = block
        self.instance = instance
        self.scope = scope
        self.root = root
        self.role = role
        self.doubt = doubt
        self.documents = documents or {}

    @property
    def directory(self) -> str:
        """The module directory that the block stands in, as it is shown."""
        return self.instance.directory.shown

    @cached_property
    def references(self) -> dict[str, tuple[str, ...]]:
        """Addresses that attributes refer to, by path: ``{"alias[0].name": ("aws_lb.main",)}``."""
        return references(self.block, self.instance, self.scope)

    @property
    def undeclared(self) -> list[tuple[Path, str, bool]]:
        """References that nothing declares, and whether that is certain."""
        return list(undeclared(self.block, self.instance))

    @cached_property
    def provider(self) -> str:
        """The provider configuration, by its name where it is declared: ``aws``, ``aws.west``."""
        return self.instance.provider(self._provider)[1]

    @cached_property
    def region(self) -> str | None:
        """The region that the resource or its provider names; None when that is not known."""
        own = self.block.attributes.get("region")
        if own is not None and self._provider.startswith(("aws", "google")):
            value = self.instance.attempt(own.value, self.scope)
            return value if isinstance(value, str) else None
        return region(self.instance, self._provider)

    @property
    def _provider(self) -> str:
        block = self.block
        if block.type == "provider" or not block.labels:
            alias = block.attributes.get("alias")
            name = getattr(alias.value, "value", "") if alias else ""
            return f"{block.labels[0]}.{name}" if name else "".join(block.labels)
        return provider_name(block)

    @property
    def place(self) -> Place:
        """Where the block stands."""
        return self.block.file.place(self.block.start, self.block.end)

    @cached_property
    def set_attributes(self) -> frozenset[str]:
        """The attributes and nested blocks that the body sets."""
        blocks = (each.labels[0] if each.type == "dynamic" else each.type for each in self.block.blocks)
        return frozenset((*self.block.attributes, *blocks))

    @property
    def lifecycle(self) -> dict[str, Any]:
        """The settings of the `lifecycle` block: ``{"prevent_destroy": True}``."""
        found: dict[str, Any] = {}
        for block in self.block.of("lifecycle"):
            for name, attribute in block.attributes.items():
                if name == "ignore_changes":
                    found[name] = block.text(attribute.value)
                else:
                    found[name] = self.instance.attempt(attribute.value, self.scope)
        return found

    def document(self, raw: Any, path: Path) -> Any:
        """The policy document at `path`: a dict whose ``Statement`` is a list, None where there is
        none, an `Unknown` where nothing of it is known."""
        partial = self.documents.get(path)
        return document(raw, path) if partial is None else _shape(policy.parsed(partial))


def document(raw: Any, path: Path) -> Any:
    """The policy document that the string at `path` holds; see `Meta.document`."""
    value = raw
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            break
    else:
        return _shape(policy.parsed(value))
    return value if isinstance(value, Unknown) else None


def _shape(value: Any) -> Any:
    return value if isinstance(value, Unknown) else policy.normal(value)
