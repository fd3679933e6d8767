"""Instances of modules to resources."""

from collections.abc import Iterable
from typing import Any

from conformant.load.terraform.bodies import Body
from conformant.load.terraform.evaluate import Scope
from conformant.load.terraform.instance import Instance, references_of
from conformant.load.terraform.meta import Meta
from conformant.load.terraform.places import BlockLocator
from conformant.load.terraform.sources import provider_name
from conformant.load.terraform.syntax import Block
from conformant.load.terraform.things import Key, keyed
from conformant.model import Resource

_RESOURCE_META = frozenset({"count", "for_each", "provider", "depends_on", "lifecycle"})
_CALL_META = frozenset({"count", "for_each", "providers", "depends_on"})
_PREFIX = {"resource": "", "data": "data.", "ephemeral": "ephemeral."}


class Emitter:
    """Collects the resources of one root, library or snippet, with the modules that it calls.

    `declared` has the directories whose variables, outputs and settings are collected already;
    `most` is the number of resources at which it stops.
    """

    def __init__(self, root: str, source: str, role: str, most: int, declared: set[str] | None = None) -> None:
        self.root = root
        self.source = source
        self.role = role
        self.most = most
        self.resources: list[Resource] = []
        self.counts: dict[int, int] = {}
        self.declared = set() if declared is None else declared

    def add(
        self, kind: str, name: str, local_address: str, block: Block, instance: Instance, scope: Scope,
        *, without: frozenset[str] = frozenset(), doubt: str = "",
    ) -> Resource:  # fmt: skip
        body = Body(instance)
        raw = body.values(block, scope, without=without)
        resource = Resource(
            family="terraform", group="", version="", kind=kind, namespace=instance.address, name=name,
            raw=raw, locator=BlockLocator(block, raw, body.expanded), source=self.source,
            address=instance.named(local_address),
            meta=Meta(
                block, instance, scope, self.root, "called" if instance.parent else self.role, doubt,
                body.sealing.documents,
            ),
        )  # fmt: skip
        self.resources.append(resource)
        self.counts[id(block.file)] = self.counts.get(id(block.file), 0) + 1
        return resource

    @property
    def full(self) -> bool:
        """Whether there are as many resources as one load may have."""
        return len(self.resources) >= self.most

    def instance(self, instance: Instance, doubt: str = "") -> None:
        """The resources of an instance and of the modules below it."""
        directory = instance.directory
        for address, block in directory.blocks:
            copies = instance.copies(block)
            kind = _PREFIX[block.type] + block.labels[0]
            for key, scope in copies.scopes.items():
                if self.full:
                    return
                self.add(
                    kind, keyed(block.labels[1], key), keyed(address, key), block, instance, scope,
                    without=_RESOURCE_META, doubt=copies.doubt or doubt,
                )  # fmt: skip
        for name, block in directory.calls.items():
            copies = instance.copies(block)
            for key, scope in copies.scopes.items():
                if self.full:
                    return
                self._call(name, key, block, instance, scope, copies.doubt or doubt)
            for child in instance.children(name).instances.values():
                self.instance(child, copies.doubt or doubt)
        if directory.path not in self.declared:
            self.declared.add(directory.path)
            self._declarations(instance)

    def _call(self, name: str, key: Key, block: Block, instance: Instance, scope: Scope, doubt: str) -> None:
        resource = self.add(
            "module", keyed(name, key), keyed(f"module.{name}", key), block, instance, scope,
            without=_CALL_META, doubt=doubt,
        )  # fmt: skip
        passed = block.attributes.get("providers")
        if passed is not None:
            resource.raw["providers"] = dict(references_of(block, passed.value))

    def _declarations(self, instance: Instance) -> None:
        directory, scope = instance.directory, instance.scope
        for name, block in directory.variables.items():
            variable = self.add(
                "variable", name, f"var.{name}", block, instance, scope, without=frozenset({"type", "validation"})
            )
            if "type" in block.attributes:
                variable.raw["type"] = block.text(block.attributes["type"].value).strip('"')
        for name, block in directory.outputs.items():
            self.add("output", name, f"output.{name}", block, instance, scope, without=frozenset({"depends_on"}))
        for name, block in directory.providers.items():
            self.add("provider", name, f"provider.{name}", block, instance, scope)
        for block in directory.settings:
            self.add("terraform", "terraform", "terraform", block, instance, scope)
        for block in directory.local_blocks:
            self.add("locals", "locals", "locals", block, instance, scope)


def used_providers(blocks: Iterable[Block]) -> list[str]:
    """The local names of the providers that resources and data sources belong to."""
    return sorted({provider_name(block).partition(".")[0] for block in blocks} - {"terraform"})


def plain(instance: Instance, block: Block) -> dict[str, Any]:
    """The values of a block outside of any resource (a backend, a `.tfbackend` file)."""
    return Body(instance).values(block, instance.scope)
