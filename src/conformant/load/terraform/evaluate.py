"""Expressions to values: plain Python ones, or a `Pending` where the value cannot be known."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from conformant.load.terraform.functions import FUNCTIONS
from conformant.load.terraform.functions.strings import encode
from conformant.load.terraform.syntax import (
    Binary,
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
    Step,
    Template,
    Traversal,
    Unary,
)
from conformant.load.terraform.values import (
    BlockValue,
    EvaluationError,
    Partial,
    Pending,
    SetValue,
    Symbolic,
    because,
    boolean,
    bounded,
    equal,
    number,
    text,
    unknowns,
)
from conformant.model import Undecided, Unknown

_MOST_ITERATIONS = 500_000
_MOST_PARTS = 1_000


class Budget:
    """How much `for` one load may still do."""

    __slots__ = ("iterations",)

    def __init__(self) -> None:
        self.iterations = _MOST_ITERATIONS


class Module(Protocol):
    """What an expression can refer to."""

    budget: Budget

    def resolve(self, root: str, steps: list[Step], scope: "Scope") -> tuple[Any, int]:
        """The value that a reference begins with, and the number of steps which that took."""


class Scope:
    """A module, and the names that are valid in a part of it only (`each`, `count`, loops)."""

    __slots__ = ("module", "names")

    def __init__(self, module: Module, names: dict[str, Any] | None = None) -> None:
        self.module = module
        self.names = names

    def with_names(self, names: dict[str, Any]) -> "Scope":
        return Scope(self.module, {**self.names, **names} if self.names else names)


class Lazy(Pending):
    """An object whose attributes are evaluated when asked for: an instance of a resource."""

    __slots__ = ()

    def attribute(self, name: str) -> Any:
        """The value of one attribute."""
        raise NotImplementedError


def evaluate(node: Node, scope: Scope) -> Any:
    """The value of an expression. Raises EvaluationError where Terraform would refuse it."""
    if node.__class__ is Literal:
        return node.value
    return _EVALUATORS[node.__class__](node, scope)


def _items(node: Items, scope: Scope) -> Any:
    if node.constant is not None:
        return node.constant
    return [evaluate(item, scope) for item in node.items]


def _entries(node: Entries, scope: Scope) -> Any:
    if node.constant is not None:
        return node.constant
    made: dict[str, Any] = {}
    partial: list[tuple[Partial, Any]] = []
    for key, value, _ in node.entries:
        name = evaluate(key, scope)
        if isinstance(name, Partial):
            partial.append((name, evaluate(value, scope)))
        elif isinstance(name, Unknown):
            return because([name])
        else:
            made[text(name)] = evaluate(value, scope)
    if partial:
        return Symbolic(because([key for key, _ in partial]), [*made.items(), *partial])
    return made


def _traversal(node: Traversal, scope: Scope) -> Any:
    root = node.root
    if root.__class__ is not str:
        return follow(evaluate(root, scope), node.steps, 0, scope)  # type: ignore[arg-type]  # narrowed by kind
    names = scope.names
    if names is not None and root in names:
        return follow(names[root], node.steps, 0, scope)
    value, taken = scope.module.resolve(root, node.steps, scope)
    return follow(value, node.steps, taken, scope)


def follow(value: Any, steps: list[Step], position: int, scope: Scope) -> Any:
    """The value behind `steps[position:]`."""
    for nth in range(position, len(steps)):
        step = steps[nth]
        if isinstance(step, Splat):
            value = _splat(value, step, scope)
            continue
        key = evaluate(step, scope) if isinstance(step, Node) else step
        value = _member(value, key)
    return value


def _member(value: Any, key: Any) -> Any:
    kind = value.__class__
    if isinstance(key, Unknown):
        return because([key, *unknowns(value)])
    if kind is BlockValue:
        return value.member(text(key))
    if kind is dict:
        name = text(key)
        if name in value:
            return value[name]
        raise EvaluationError(f"there is no attribute {name!r}")
    if isinstance(value, list):
        index = number(key)
        if kind is not SetValue and isinstance(index, int) and 0 <= index < len(value):
            return value[index]
        raise EvaluationError("the index is outside of the list")
    if isinstance(value, Lazy):
        return value.attribute(key) if isinstance(key, str) else value
    if isinstance(value, Unknown):
        return value
    raise EvaluationError("null has no attributes" if value is None else "a value without attributes")


def _splat(value: Any, splat: Splat, scope: Scope) -> Any:
    if value is None:
        return []
    if isinstance(value, Lazy):
        found = follow(value, splat.steps, 0, scope)
        return found.derived() if isinstance(found, Pending) else because([value])
    if isinstance(value, Unknown):
        return value
    elements = value if isinstance(value, list) else [value]
    return [follow(element, splat.steps, 0, scope) for element in elements]


def _template(node: Template, scope: Scope) -> Any:
    parts = _parts(node.parts, scope)
    unknown = [part for part in parts if part.__class__ is not str]
    if not unknown:
        return bounded("".join(parts), "a string")
    return Partial(because(unknown), parts) if len(parts) <= _MOST_PARTS else because(unknown)


def _parts(nodes: list[Any], scope: Scope) -> list[Any]:
    """The parts of a template: strings and unknowns."""
    parts: list[Any] = []
    for node in nodes:
        if node.__class__ is str:
            parts.append(node)
            continue
        if isinstance(node, Choice):
            condition = evaluate(node.condition, scope)
            if isinstance(condition, Unknown):
                parts.append(because([condition]))
            else:
                parts.extend(_parts(node.yes if boolean(condition) else node.no, scope))
        elif isinstance(node, Repeat):
            collection = evaluate(node.collection, scope)
            if isinstance(collection, Unknown):
                parts.append(because([collection]))
            else:
                for names in _iterations(node.names, collection, scope):
                    parts.extend(_parts(node.parts, scope.with_names(names)))
        else:
            value = evaluate(node, scope)
            if value.__class__ is Partial and value.parts:
                parts.extend(value.parts)
            else:
                parts.append(value if isinstance(value, Pending) else text(value))
    return parts


def _iterations(names: tuple[str, ...], collection: Any, scope: Scope) -> Iterator[dict[str, Any]]:
    """What the names of a loop stand for, once per element."""
    if isinstance(collection, dict):
        pairs: Any = sorted(collection.items())
    elif isinstance(collection, SetValue):
        pairs = zip(collection, collection, strict=True)
    elif isinstance(collection, list):
        pairs = enumerate(collection)
    else:
        raise EvaluationError("a loop over something that has no elements")
    budget = scope.module.budget
    for key, value in pairs:
        budget.iterations -= 1
        if budget.iterations < 0:
            raise Undecided("the loops are larger than can be evaluated")
        yield {names[0]: value} if len(names) == 1 else {names[0]: key, names[1]: value}


def _for(node: For, scope: Scope) -> Any:
    collection = evaluate(node.collection, scope)
    if isinstance(collection, Unknown):
        return because([collection])
    items: list[Any] = []
    entries: dict[str, Any] = {}
    for names in _iterations(node.names, collection, scope):
        inner = scope.with_names(names)
        if node.condition is not None:
            condition = evaluate(node.condition, inner)
            if isinstance(condition, Unknown):
                return because([condition])
            if not boolean(condition):
                continue
        if node.key is None:
            items.append(evaluate(node.value, inner))
            continue
        key = evaluate(node.key, inner)
        if isinstance(key, Unknown):
            return because([key])
        if node.grouped:
            entries.setdefault(text(key), []).append(evaluate(node.value, inner))
        elif text(key) in entries:
            raise EvaluationError(f"the key {text(key)!r} twice")
        else:
            entries[text(key)] = evaluate(node.value, inner)
    return items if node.key is None else entries


def _conditional(node: Conditional, scope: Scope) -> Any:
    condition = evaluate(node.condition, scope)
    if isinstance(condition, Unknown):
        return because([condition])
    return evaluate(node.yes if boolean(condition) else node.no, scope)


def _unary(node: Unary, scope: Scope) -> Any:
    value = evaluate(node.operand, scope)
    if isinstance(value, Unknown):
        return because([value])
    return -number(value) if node.operator == "-" else not boolean(value)


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "%": lambda left, right: left - right * int(left / right),
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
}


def _certain(value: Any) -> bool:
    """Whether a value is surely not null, though it may be unknown."""
    return isinstance(value, Lazy | Partial)


def _binary(node: Binary, scope: Scope) -> Any:
    operator = node.operator
    left, right = evaluate(node.left, scope), evaluate(node.right, scope)
    if operator in ("&&", "||"):
        decisive = operator == "||"
        if any(not isinstance(side, Unknown) and boolean(side) is decisive for side in (left, right)):
            return decisive
    elif operator in ("==", "!="):
        if (left is None and _certain(right)) or (right is None and _certain(left)):
            return operator == "!="
        try:
            return equal(left, right) is (operator == "==")
        except Undecided:
            return because([*unknowns(left), *unknowns(right)])
    found = [side for side in (left, right) if isinstance(side, Unknown)]
    if found:
        return because(found)
    if operator in ("&&", "||"):
        return operator == "&&"
    try:
        result = _ARITHMETIC[operator](number(left), number(right))
    except (ZeroDivisionError, OverflowError):
        raise EvaluationError("division by zero, or a number that is too large")
    if result.__class__ is bool:
        return result
    if abs(result) > 1e100:
        return Pending("a number", "is too large")
    if result.__class__ is float:
        result = float(f"{result:.15g}")  # Terraform counts in decimals: 0.1 + 0.2 is 0.3
        return int(result) if result.is_integer() else result
    return result


def _call(node: Call, scope: Scope) -> Any:
    name = node.name
    if name == "try" or name == "can":
        return _attempt(node, scope)
    arguments = [evaluate(argument, scope) for argument in node.arguments]
    if node.expand:
        last = arguments.pop()
        if isinstance(last, Unknown):
            return because([*unknowns(arguments), last])
        if not isinstance(last, list):
            raise EvaluationError("only a list can be expanded to arguments")
        arguments.extend(last)
    if name == "jsonencode" and len(arguments) == 1:
        found = list(unknowns(arguments[0]))
        return Partial(because(found), document=arguments[0]) if found else encode(arguments[0])
    function = FUNCTIONS.get(name)
    if function is None:
        found = list(unknowns(arguments))
        cause = Pending(f"{name}()", "is not evaluated")
        return cause.derived(found)
    try:
        return bounded(function(*arguments), f"{name}()")
    except Undecided as error:
        found = list(unknowns(arguments))
        if not found:
            return Pending(f"{name}()", f"cannot be evaluated: {error.reason}")
        return _joined(name, arguments, because(found))
    except (TypeError, ValueError, OverflowError, IndexError, KeyError, AttributeError) as error:
        raise EvaluationError(f"{name}() does not take these arguments") from error


def _joined(name: str, arguments: list[Any], cause: Pending) -> Pending:
    """The parts of a join() or a simple format() that are known."""
    pieces: list[Any] = []
    if name == "join" and len(arguments) == 2 and isinstance(arguments[1], list):
        separator, between = arguments[0], arguments[1]
        for nth, item in enumerate(between):
            pieces += [separator, item] if nth else [item]
    elif name == "format" and isinstance(arguments[0], str):
        texts = arguments[0].split("%s")
        if len(texts) == len(arguments) and not any("%" in each for each in texts):
            pieces = [texts[0]]
            for item, after in zip(arguments[1:], texts[1:], strict=True):
                pieces += [item, after]
    if not pieces or any(isinstance(piece, list | dict) or piece is None for piece in pieces):
        return cause
    return Partial(cause, [piece if isinstance(piece, Pending) else text(piece) for piece in pieces])


def _attempt(node: Call, scope: Scope) -> Any:
    for argument in node.arguments:
        try:
            value = evaluate(argument, scope)
        except EvaluationError:
            continue
        if node.name == "try":
            return value
        found = list(unknowns(value))
        return because(found) if found else True
    if node.name == "can":
        return False
    raise EvaluationError("try() without an argument that succeeds")


_EVALUATORS: dict[type, Callable[[Any, Scope], Any]] = {
    Binary: _binary,
    Call: _call,
    Conditional: _conditional,
    Entries: _entries,
    For: _for,
    Items: _items,
    Template: _template,
    Traversal: _traversal,
    Unary: _unary,
}
