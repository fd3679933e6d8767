"""A module as it is called once: its variables have values, its references resolve."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from conformant.load.terraform.bodies import Body
from conformant.load.terraform.convert import convert
from conformant.load.terraform.directory import Directory
from conformant.load.terraform.evaluate import Budget, Scope, evaluate
from conformant.load.terraform.syntax import Attribute, Block, Entries, Literal, Node, Step
from conformant.load.terraform.things import Key, Outputs, Thing
from conformant.load.terraform.values import BlockValue, EvaluationError, Pending, bounded, unknowns
from conformant.model import Undecided, Unknown

_NOT_READ = frozenset({"each", "count", "self", "path", "terraform"})


MOST_COPIES = 1000
"""Largest `count` or `for_each` that is expanded."""


class Copies:
    """What `count` or `for_each` makes of a block: a scope per key (None without either).

    `doubt` is the reason when the number is not known; there is one copy then, without a key.
    """

    __slots__ = ("doubt", "keyed", "scopes")

    def __init__(self, scopes: dict[Key, Scope], keyed: bool = False, doubt: str = "") -> None:
        self.scopes = scopes
        self.keyed = keyed
        self.doubt = doubt

    def shaped(self, values: dict[Key, Any]) -> Any:
        """One value per copy as a reference sees them: alone, as a list, or as a map."""
        if not self.keyed:
            return values[None]
        return list(values.values()) if all(isinstance(key, int) for key in values) else values


class Children:
    """The instances of a called module by key, or the reason why there are none."""

    __slots__ = ("instances", "reason")

    def __init__(self, instances: "Mapping[Key, Instance]", reason: str = "") -> None:
        self.instances = instances
        self.reason = reason


class Instance:
    """One call of a module directory, or the directory on its own.

    `inputs` gives the value of a variable that is set from outside, or raises KeyError. `role` is
    ``root``, ``library``, ``snippet`` or ``called``; in a library every variable is unknown.
    """

    def __init__(
        self, directory: Directory, role: str, budget: Budget, *, address: str = "",
        inputs: Callable[[str], Any] | None = None, parent: "Instance | None" = None,
        call: Block | None = None, scope: Scope | None = None,
        enter: "Callable[[Instance, str], Children] | None" = None,
    ) -> None:  # fmt: skip
        self.directory = directory
        self.role = role
        self.budget = budget
        self.address = address
        self.parent = parent
        self.call = call
        self.call_scope = scope
        self.scope = Scope(self)
        self.inputs = inputs
        self._enter = enter
        self._values: dict[Any, Any] = {}
        self._active: set[Any] = set()
        self._children: dict[str, Children] = {}
        self._copies: dict[int, Copies] = {}

    def named(self, address: str) -> str:
        """An address in this module as an address from the root."""
        return f"{self.address}.{address}" if self.address else address

    def attempt(self, node: Node, scope: Scope) -> Any:
        """The value of an expression, a Pending where it cannot be evaluated."""
        if node.__class__ is Literal:
            return node.value
        try:
            return evaluate(node, scope)
        except EvaluationError as error:
            return Pending("an expression", f"cannot be evaluated: {error}")
        except Undecided as error:
            return Pending("an expression", f"cannot be evaluated: {error.reason}")
        except RecursionError:
            return Pending("an expression", "is nested too deeply")

    def _once(self, key: tuple[str, ...], subject: str, make: Callable[[], Any]) -> Any:
        if key in self._values:
            return self._values[key]
        if key in self._active:
            return Pending(subject, "refers to itself")
        self._active.add(key)
        try:
            value = bounded(make(), subject)
        finally:
            self._active.discard(key)
        self._values[key] = value
        return value

    # -- what a reference begins with

    def resolve(self, root: str, steps: list[Step], scope: Scope) -> tuple[Any, int]:
        """See `evaluate.Module`."""
        first = steps[0] if steps else None
        if not isinstance(first, str):
            raise EvaluationError(f"{root} alone is not a reference")
        if root == "var":
            return self.variable(first), 1
        if root == "local":
            return self.local(first), 1
        if root == "module":
            return self.outputs(first), 1
        if root in _NOT_READ:
            return Pending(f"{root}.{first}", "is known only when Terraform runs"), 1
        if root in ("data", "ephemeral"):
            second = steps[1] if len(steps) > 1 else None
            if not isinstance(second, str):
                raise EvaluationError(f"{root}.{first} alone is not a reference")
            return self.resource(f"{root}.{first}.{second}"), 2
        return self.resource(f"{root}.{first}"), 1

    def variable(self, name: str) -> Any:
        """The value of an input variable, as its type says."""
        return self._once(("var", name), f"var.{name}", lambda: self._variable(name))

    def _variable(self, name: str) -> Any:
        subject = f"var.{name}"
        block = self.directory.variables.get(name)
        if self.role == "library":
            return Pending(subject, "is an input of this module", (subject,))
        if block is None and self.role != "snippet":
            return Pending(subject, "is not declared", (subject,))
        default = block.attributes.get("default") if block else None
        value = None
        given = False
        if self.inputs is not None:
            try:
                value = self.inputs(name)
                given = True
            except KeyError:
                pass
        if given and value is None and block is not None and _is_false(block.attributes.get("nullable")):
            given = False
        if not given:
            if default is None:
                return Pending(subject, "has no value", (self.named(subject),))
            value = self.attempt(default.value, self.scope)
        type = block.attributes.get("type") if block else None
        if type is None:
            return value
        try:
            return convert(value, type.value, lambda node: self.attempt(node, self.scope))
        except EvaluationError as error:
            return Pending(subject, f"has a value of the wrong type: {error}")

    def local(self, name: str) -> Any:
        """The value of a local."""
        found = self.directory.locals.get(name)
        if found is None:
            return Pending(f"local.{name}", "is not declared")
        node = found[0].value
        if isinstance(node, Literal):
            return node.value
        return self._once(("local", name), f"local.{name}", lambda: self.attempt(node, self.scope))

    def outputs(self, name: str) -> Any:
        """The outputs of a module call: an object, or a list or map of them."""
        if name not in self.directory.calls:
            return Pending(f"module.{name}", "is not declared", (self.named(f"module.{name}"),))
        return self._once(("module", name), f"module.{name}", lambda: self._outputs(name))

    def _outputs(self, name: str) -> Any:
        children = self.children(name)
        copies = self.copies(self.directory.calls[name])
        values = {key: Outputs(self, name, children.instances.get(key), children.reason) for key in copies.scopes}
        return copies.shaped(values)

    def output(self, name: str, node: Node) -> Any:
        """The value of one output."""
        return self._once(("output", name), f"output.{name}", lambda: self.attempt(node, self.scope))

    def children(self, name: str) -> Children:
        """The instances of a called module, by key; none with a reason where it is not read."""
        if name not in self._children:
            unread = Children({}, "was not read")
            self._children[name] = self._enter(self, name) if self._enter else unread
        return self._children[name]

    def resource(self, address: str) -> Any:
        """A resource: an object, or a list or map of them."""
        block = self.directory.resources.get(address)
        if block is None:
            return Pending(address, "is not declared", (self.named(address),))
        return self._once(("resource", address), address, lambda: self._resource(address, block))

    def _resource(self, address: str, block: Block) -> Any:
        copies = self.copies(block)
        values = {key: Thing(self, address, block, key, scope) for key, scope in copies.scopes.items()}
        return copies.shaped(values)

    # -- count and for_each

    def copies(self, block: Block) -> Copies:
        """The copies of a resource, data source or module call."""
        found = self._copies.get(id(block))
        if found is None:
            plain = not ("count" in block.attributes or "for_each" in block.attributes)
            found = Copies({None: self.scope}) if plain else self._expanded(block)
            self._copies[id(block)] = found
        return found

    def _expanded(self, block: Block) -> Copies:
        name = "count" if "count" in block.attributes else "for_each"
        self._copies[id(block)] = self._doubtful(name, f"{name} refers to itself")
        value = self.attempt(block.attributes[name].value, self.scope)
        if isinstance(value, Unknown):
            return self._doubtful(name, f"{name} depends on {value.reason}")
        if name == "count":
            try:
                number = int(value)
            except (TypeError, ValueError):
                return self._doubtful(name, "count is not a number")
            if number > MOST_COPIES:
                return self._doubtful(name, f"count is {number}, more than {MOST_COPIES}")
            return Copies({nth: Scope(self, {"count": {"index": nth}}) for nth in range(number)}, keyed=True)
        if isinstance(value, list):
            unknown = next(unknowns(value), None)
            if unknown is not None:
                return self._doubtful(name, f"for_each depends on {unknown.reason}")
            value = {str(each): each for each in value}
        if not isinstance(value, dict):
            return self._doubtful(name, "for_each is neither a map nor a set")
        if len(value) > MOST_COPIES:
            return self._doubtful(name, f"for_each has {len(value)} elements, more than {MOST_COPIES}")
        return Copies(
            {key: Scope(self, {"each": {"key": key, "value": each}}) for key, each in sorted(value.items())},
            keyed=True,
        )

    def _doubtful(self, name: str, doubt: str) -> Copies:
        if name == "count":
            names: dict[str, Any] = {"count": {"index": Pending("count.index", "is not known")}}
        else:
            each = {part: Pending(f"each.{part}", "is not known") for part in ("key", "value")}
            names = {"each": each}
        return Copies({None: Scope(self, names)}, doubt=doubt)

    # -- bodies

    def attribute(self, thing: Thing, name: str) -> Any:
        """An attribute or nested block that the body of a resource sets, evaluated once."""
        key = ("attribute", thing.subject, name)
        node = thing.block.attributes.get(name)
        if node is not None:
            return self._once(key, f"{thing.subject}.{name}", lambda: self.attempt(node.value, thing.scope))
        return self._once(key, f"{thing.subject}.{name}", lambda: self._blocks(thing, name))

    def _blocks(self, thing: Thing, name: str) -> Any:
        found = Body(self).blocks(thing.block, thing.scope).get(name)
        return None if found is None else _open(found, f"{thing.subject}.{name}", thing.references)

    def provider(self, name: str) -> "tuple[Instance, str, Block | None]":
        """The provider configuration that a name means here: where it stands, its name, its block."""
        if name in self.directory.providers or self.parent is None or self.call is None:
            return self, name, self.directory.providers.get(name)
        passed = self.call.attributes.get("providers")
        for key, outer in references_of(self.call, passed.value if passed else None):
            if key == name:
                return self.parent.provider(outer)
        return (self, name, None) if "." in name else self.parent.provider(name)


def _open(value: Any, subject: str, references: tuple[str, ...]) -> Any:
    """Nested blocks as a reference sees them."""
    if isinstance(value, dict):
        inner = {key: _open(each, f"{subject}.{key}", references) for key, each in value.items()}
        return BlockValue(inner, subject, references)
    if isinstance(value, list):
        return [_open(each, f"{subject}[{nth}]", references) for nth, each in enumerate(value)]
    return value


def _is_false(attribute: Attribute | None) -> bool:
    return attribute is not None and isinstance(attribute.value, Literal) and attribute.value.value is False


def references_of(block: Block, node: Node | None) -> Iterator[tuple[str, str]]:
    """The entries of a `providers` argument, as text."""
    if isinstance(node, Entries):
        for key, value, _ in node.entries:
            name = key.value if isinstance(key, Literal) else block.text(key)
            yield name, value.value if isinstance(value, Literal) else block.text(value)
