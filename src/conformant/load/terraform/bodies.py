"""The bodies of blocks to plain values."""

from typing import TYPE_CHECKING, Any

from conformant.load.terraform.evaluate import Scope
from conformant.load.terraform.syntax import Block, Items, Literal, Traversal
from conformant.load.terraform.values import Sealing, SetValue
from conformant.model import ROOT, Path, Unknown

if TYPE_CHECKING:
    from conformant.load.terraform.instance import Instance

_MOST_BLOCKS = 2_000
"""How many nested blocks the dynamic blocks of one resource may make."""


class Body:
    """Evaluates the body of a block to plain values; remembers documents and expanded blocks."""

    __slots__ = ("expanded", "instance", "left", "sealing")

    def __init__(self, instance: "Instance", sealing: Sealing | None = None) -> None:
        self.instance = instance
        self.sealing = sealing or Sealing()
        self.expanded: dict[int, Block] = {}
        self.left = _MOST_BLOCKS

    def values(
        self, block: Block, scope: Scope, path: Path = ROOT, without: frozenset[str] = frozenset()
    ) -> dict[str, Any]:
        """What the block sets: attributes, and nested blocks as lists. Null is left out."""
        made: dict[str, Any] = {}
        for name, attribute in block.attributes.items():
            node = attribute.value
            kind = node.__class__
            if kind is Literal:
                value = node.value  # type: ignore[attr-defined]  # narrowed by kind
            elif name in without:
                continue
            elif kind is Items and node.constant is not None:  # type: ignore[attr-defined]  # narrowed by kind
                value = node.constant  # type: ignore[attr-defined]  # narrowed by kind
            else:
                value = self.instance.attempt(node, scope)
                value = self.sealing.seal(value, path / name, kind is Traversal)
            if value is not None and name not in without:
                made[name] = value
        if block.blocks:
            made.update(self.blocks(block, scope, path, without))
        return made

    def blocks(
        self, block: Block, scope: Scope, path: Path = ROOT, without: frozenset[str] = frozenset()
    ) -> dict[str, list[Any]]:
        """The nested blocks by type. An unknown number of them is one Unknown at the end."""
        made: dict[str, list[Any]] = {}
        unknown: dict[str, Unknown] = {}
        for nested in block.blocks:
            name = nested.type
            if name in without:
                continue
            if name == "dynamic" and nested.labels:
                self._dynamic(nested, scope, path, made, unknown)
                continue
            siblings = made.setdefault(name, [])
            values = self.values(nested, scope, path / name / len(siblings))
            siblings.append({"type": nested.labels[0], **values} if nested.labels else values)
        for name, reason in unknown.items():
            made.setdefault(name, []).append(reason)
        return made

    def _dynamic(
        self, dynamic: Block, scope: Scope, path: Path, made: dict[str, list[Any]], unknown: dict[str, Unknown]
    ) -> None:
        name = dynamic.labels[0]
        source, iterator = dynamic.attributes.get("for_each"), dynamic.attributes.get("iterator")
        contents = dynamic.of("content")
        if source is None or not contents:
            return
        collection = self.instance.attempt(source.value, scope)
        if isinstance(collection, dict):
            pairs = sorted(collection.items())
        elif isinstance(collection, SetValue):
            pairs = list(zip(collection, collection, strict=True))
        elif isinstance(collection, list):
            pairs = list(enumerate(collection))
        else:
            reason = collection.reason if isinstance(collection, Unknown) else "for_each has no elements"
            references = collection.references if isinstance(collection, Unknown) else ()
            unknown[name] = Unknown(f"{path / name} is a dynamic block: {reason}", references)
            return
        self.left -= len(pairs)
        if self.left < 0:
            unknown[name] = Unknown(f"{path / name} is one of more than {_MOST_BLOCKS} dynamic blocks")
            return
        if iterator is not None and isinstance(iterator.value, Traversal) and isinstance(iterator.value.root, str):
            variable = iterator.value.root
        else:
            variable = name
        siblings = made.setdefault(name, [])
        for key, value in pairs:
            inner = scope.with_names({variable: {"key": key, "value": value}})
            values = self.values(contents[0], inner, path / name / len(siblings))
            self.expanded[id(values)] = contents[0]
            siblings.append(values)
        if not siblings:
            del made[name]
