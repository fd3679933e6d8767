"""What the expressions of a block refer to."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from conformant.load.terraform.evaluate import Scope
from conformant.load.terraform.syntax import (
    Binary,
    Block,
    Call,
    Choice,
    Conditional,
    Entries,
    For,
    Items,
    Literal,
    Node,
    Repeat,
    Splat,
    Template,
    Traversal,
    Unary,
)
from conformant.load.terraform.things import keyed
from conformant.load.terraform.values import unknowns
from conformant.model import ROOT, Path

if TYPE_CHECKING:
    from conformant.load.terraform.instance import Instance

_BUILT_IN = frozenset({"each", "count", "self", "path", "terraform"})
_NOT_REFERENCES = frozenset({"provider", "providers", "ignore_changes", "configuration_aliases", "iterator"})


def traversals(node: Any, bound: frozenset[str] = frozenset()) -> Iterator[tuple[Traversal, frozenset[str]]]:
    """The references in an expression, each with the loop names that hide others there."""
    stack: list[tuple[Any, frozenset[str]]] = [(node, bound)]
    while stack:
        each, names = stack.pop()
        children: list[Any] = []
        match each:
            case Traversal():
                if isinstance(each.root, str):
                    yield each, names
                else:
                    children.append(each.root)
                for step in each.steps:
                    children.extend(step.steps if isinstance(step, Splat) else [step])
            case Items():
                children = list(each.items) if each.constant is None else []
            case Entries():
                if each.constant is None:
                    children = [part for entry in each.entries for part in entry[:2]]
            case Template():
                children = list(each.parts)
            case Choice():
                children = [each.condition, *each.yes, *each.no]
            case Repeat():
                stack.append((each.collection, names))
                names, children = names | set(each.names), list(each.parts)
            case Call():
                children = list(each.arguments)
            case Binary():
                children = [each.left, each.right]
            case Unary():
                children = [each.operand]
            case Conditional():
                children = [each.condition, each.yes, each.no]
            case For():
                stack.append((each.collection, names))
                names = names | set(each.names)
                children = [each.key, each.value, each.condition]
        stack.extend((child, names) for child in reversed(children))


class Follower:
    """Collects the addresses that expressions come down to, through locals, inputs and outputs."""

    __slots__ = ("found", "seen")

    def __init__(self) -> None:
        self.found: dict[str, None] = {}
        self.seen: set[tuple[int, str]] = set()

    def follow(self, node: Node, instance: "Instance", scope: Scope, bound: frozenset[str] = frozenset()) -> None:
        for traversal, names in traversals(node, bound):
            if traversal.root not in names:
                self._reference(traversal, instance, scope)

    def _reference(self, traversal: Traversal, instance: "Instance", scope: Scope) -> None:
        root = str(traversal.root)
        names = [step for step in traversal.steps[:2] if isinstance(step, str)]
        if scope.names is not None and root in scope.names:
            for unknown in unknowns(instance.attempt(traversal, scope)):
                self.found.update(dict.fromkeys(unknown.references))
        elif not names or root in _BUILT_IN:
            return
        elif root in ("var", "local", "module"):
            if (id(instance), f"{root}.{'.'.join(names)}") not in self.seen:
                self.seen.add((id(instance), f"{root}.{'.'.join(names)}"))
                self._indirect(root, traversal, instance)
        else:
            taken = 2 if root in ("data", "ephemeral") else 1
            address = ".".join((root, *names[:taken]))
            index = traversal.steps[taken] if len(traversal.steps) > taken else None
            if isinstance(index, Node) and address in instance.directory.resources:
                key = instance.attempt(index, scope)
                address = keyed(address, key) if isinstance(key, str | int) else address
            self.found[instance.named(address)] = None

    def _indirect(self, root: str, traversal: Traversal, instance: "Instance") -> None:
        name = str(traversal.steps[0])
        if root == "local":
            if name in instance.directory.locals:
                self.follow(instance.directory.locals[name][0].value, instance, instance.scope)
        elif root == "var":
            call, scope, parent = instance.call, instance.call_scope, instance.parent
            if call is None or scope is None or parent is None:
                self.found[instance.named(f"var.{name}")] = None
            elif name in call.attributes:
                self.follow(call.attributes[name].value, parent, scope)
        elif name in instance.directory.calls:
            output = next((step for step in traversal.steps[1:] if isinstance(step, str)), None)
            children = list(instance.children(name).instances.values())
            for child in children:
                block = child.directory.outputs.get(output or "")
                if block is not None and "value" in block.attributes:
                    self.follow(block.attributes["value"].value, child, child.scope)
            if not children:
                address = f"module.{name}.{output}" if output else f"module.{name}"
                self.found[instance.named(address)] = None


def references(block: Block, instance: "Instance", scope: Scope) -> dict[str, tuple[str, ...]]:
    """The addresses that each attribute of a block refers to, by path (``alias[0].name``)."""
    found: dict[str, tuple[str, ...]] = {}
    for path, node, bound in expressions(block):
        if path[-1] in ("provider", "providers"):
            continue
        follower = Follower()
        follower.follow(node, instance, scope, bound)
        if follower.found:
            name = str(path)
            found[name] = tuple(dict.fromkeys((*found.get(name, ()), *follower.found)))
    return found


def expressions(
    block: Block, path: Path = ROOT, bound: frozenset[str] = frozenset()
) -> Iterator[tuple[Path, Node, frozenset[str]]]:
    """The expressions of a block with the names of dynamic blocks that hide others there; those
    of a dynamic block all under the name of the block that it makes."""
    for name, attribute in block.attributes.items():
        if not isinstance(attribute.value, Literal) and not (block.type == "dynamic" and name == "iterator"):
            yield path / name, attribute.value, bound
    counts: dict[str, int] = {}
    for nested in block.blocks:
        if nested.type == "dynamic" and nested.labels:
            for _, node, inner in expressions(nested, path, bound | _iterators(nested)):
                yield path / nested.labels[0], node, inner
        else:
            index = counts.get(nested.type, 0)
            counts[nested.type] = index + 1
            yield from expressions(nested, path / nested.type / index, bound)


def _iterators(dynamic: Block) -> frozenset[str]:
    iterator = dynamic.attributes.get("iterator")
    root = iterator.value.root if iterator and isinstance(iterator.value, Traversal) else dynamic.labels[0]
    return frozenset({str(root)})


def undeclared(block: Block, instance: "Instance") -> Iterator[tuple[Path, str, bool]]:
    """References that nothing in the module declares, with the path of the attribute, and whether
    that is certain: it is not for an output of a module that was not read."""
    if not instance.directory.broken:
        yield from _undeclared(block, instance, ROOT, frozenset())


def _undeclared(
    block: Block, instance: "Instance", path: Path, bound: frozenset[str]
) -> Iterator[tuple[Path, str, bool]]:
    for name, attribute in block.attributes.items():
        if name in _NOT_REFERENCES or (name == "type" and block.type == "variable"):
            continue
        for traversal, names in traversals(attribute.value, bound):
            missing, certain = _missing(traversal, instance, names)
            if missing:
                yield path / name, missing, certain
    counts: dict[str, int] = {}
    for nested in block.blocks:
        inner, name = bound, nested.type
        if name == "dynamic" and nested.labels:
            inner = bound | _iterators(nested)
        index = counts.get(name, 0)
        counts[name] = index + 1
        yield from _undeclared(nested, instance, path / name / index, inner)


def _missing(traversal: Traversal, instance: "Instance", bound: frozenset[str]) -> tuple[str, bool]:
    root = str(traversal.root)
    names = [step for step in traversal.steps if isinstance(step, str)]
    if root in bound or root in _BUILT_IN or not names:
        return "", True
    directory = instance.directory
    tables: dict[str, Any] = {"var": directory.variables, "local": directory.locals, "module": directory.calls}
    if root in tables and names[0] not in tables[root]:
        return f"{root}.{names[0]}", True
    if root == "module" and len(names) > 1:
        children = instance.children(names[0]).instances.values()
        declared = all(names[1] in child.directory.outputs for child in children)
        broken = any(child.directory.broken for child in children)
        return ("" if children and declared else ".".join((root, *names[:2]))), bool(children) and not broken
    if root in tables:
        return "", True
    address = ".".join((root, *names[: 2 if root in ("data", "ephemeral") else 1]))
    return ("" if address in directory.resources else address), True
