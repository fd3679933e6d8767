"""Go templates as documents use them: fields, pipelines of a few functions, ``if``, ``range``, ``with``.

An absent value and a construct that is not known are errors with their line, never an empty text:
either could turn a missing limit into a valid one. Only ``if``, ``with``, ``and``, ``or``,
``not``, ``default`` and ``required`` may meet an absent value. Beyond that, results are Go's,
except that ``toYaml`` quotes every string.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from conformant.load.gotemplate_functions import FUNCTIONS, LAZY, formatted, truth
from conformant.load.gotemplate_syntax import (
    Action,
    Branch,
    Field,
    Literal,
    Node,
    Operand,
    Pipeline,
    RenderError,
    Text,
    Word,
    parse,
)

__all__ = ["RenderError", "Rendered", "render"]


class Rendered(Struct, frozen=True):
    """A rendered text; ``lines[n]`` is the line of the template (from 1) that gave the line with
    index ``n`` of the text."""

    text: str
    lines: list[int]


def render(text: str, values: Mapping[str, Any]) -> Rendered:
    """`text` with `values` as its dot; ``.Values.a`` means ``.a`` where `values` has no ``Values``.

    Raises RenderError.
    """
    root = {"Values": values, **values}
    evaluation = _Evaluation(root)
    evaluation.run(parse(text), root)
    return evaluation.rendered()


class _Evaluation:
    def __init__(self, root: dict[str, Any]) -> None:
        self.frames: list[dict[str, Any]] = [{"$": root}]
        self.pieces: list[tuple[str, int]] = []

    def rendered(self) -> Rendered:
        """What was written. A line comes from where its first visible character comes from."""
        lines: list[int] = []
        current, settled, line = 0, False, 1
        for text, line in self.pieces:
            for index, part in enumerate(text.split("\n")):
                if index:
                    lines.append(current or line)
                    current, settled = 0, False
                    line += 1
                if part and (not current or (not settled and part.strip())):
                    current, settled = line, bool(part.strip())
        lines.append(current or line)
        return Rendered("".join(text for text, _ in self.pieces), lines)

    def run(self, nodes: list[Node], dot: Any) -> None:
        for node in nodes:
            if isinstance(node, Text):
                self.pieces.append((node.text, node.line))
            elif isinstance(node, Branch):
                self.branch(node, dot)
            else:
                value = self.pipeline(node.pipeline, dot, node.line)
                if node.variable:
                    self.assign(node, value)
                    continue
                if value is None:
                    raise RenderError(f"{node.source} has no value", node.line)
                # every line that an action gives comes from the action's own
                written = formatted(value, node.source, node.line)
                for index, part in enumerate(written.split("\n")):
                    if index:
                        self.pieces.append(("\n", node.line))
                    self.pieces.append((part, node.line))

    def assign(self, node: Action, value: Any) -> None:
        if node.declares:
            self.frames[-1][node.variable] = value
            return
        for frame in reversed(self.frames):
            if node.variable in frame:
                frame[node.variable] = value
                return
        raise RenderError(f"{node.variable} is not declared", node.line)

    # branches

    def branch(self, branch: Branch, dot: Any) -> None:
        for arm in branch.arms:
            if arm.condition is None:
                self.within(arm.body, dot, {})
                return
            value = self.pipeline(arm.condition.pipeline, dot, arm.condition.line)
            if arm.word == "range":
                if self.repeat(arm.condition, arm.body, value, arm.variables):
                    return
            elif truth(value):
                bound = {arm.variables[0]: value} if arm.variables else {}
                self.within(arm.body, value if arm.word == "with" else dot, bound)
                return

    def within(self, body: list[Node], dot: Any, bound: dict[str, Any]) -> None:
        self.frames.append(bound)
        self.run(body, dot)
        self.frames.pop()

    def repeat(self, over: Action, body: list[Node], value: Any, variables: list[str]) -> bool:
        """Whether there was anything to repeat for."""
        pairs: list[tuple[Any, Any]]
        if isinstance(value, Mapping):
            pairs = sorted(value.items(), key=lambda pair: str(pair[0]))
        elif isinstance(value, list):
            pairs = list(enumerate(value))
        elif value is None:
            raise RenderError(f"{over.source} has no value (an empty list will do)", over.line)
        else:
            raise RenderError(f"{over.source} is neither a list nor a mapping", over.line)
        for key, item in pairs:
            bound = dict(zip(variables, (key, item) if len(variables) > 1 else (item,), strict=False))
            self.within(body, item, bound)
        return bool(pairs)

    # values

    def pipeline(self, pipeline: Pipeline, dot: Any, line: int) -> Any:
        """The value of a pipeline: each command gets the value before it as its last argument."""
        piped: tuple[Any, ...] = ()
        for command in pipeline:
            head, arguments = command[0], command[1:]
            if isinstance(head, Word):
                piped = (self.call(head.name, arguments, piped, dot, line),)
            elif arguments or piped:
                raise RenderError("only a function takes arguments", line)
            else:
                piped = (self.operand(head, dot, line),)
        return piped[0]

    def call(self, name: str, operands: list[Operand], piped: tuple[Any, ...], dot: Any, line: int) -> Any:
        if name in LAZY:
            return self.lazy(name, operands, piped, dot, line)
        function = FUNCTIONS.get(name)
        if function is None:
            raise RenderError(f"function {name!r} is not supported", line)
        arguments = [*(self.operand(operand, dot, line) for operand in operands), *piped]
        return function(arguments, line)

    def lazy(self, name: str, operands: list[Operand], piped: tuple[Any, ...], dot: Any, line: int) -> Any:
        value: Any = None
        for operand in (*operands, *(Literal(value) for value in piped)):
            value = self.operand(operand, dot, line)
            if truth(value) is LAZY[name]:
                break
        return value

    def operand(self, operand: Operand, dot: Any, line: int) -> Any:
        if isinstance(operand, Literal):
            return operand.value
        if isinstance(operand, Field):
            return self.field(operand, dot, line)
        if isinstance(operand, Word):
            return self.call(operand.name, [], (), dot, line)
        return self.pipeline(operand, dot, line)

    def field(self, field: Field, dot: Any, line: int) -> Any:
        value = dot
        if field.base:
            frame = next((frame for frame in reversed(self.frames) if field.base in frame), None)
            if frame is None:
                raise RenderError(f"{field.base} is not declared", line)
            value = frame[field.base]
        path = field.base
        for name in field.names:
            if not isinstance(value, Mapping):
                what = "has no value" if value is None else "is no mapping"
                raise RenderError(f"{path or '.'} {what}, so there is no .{name} in it", line)
            value = value.get(name)
            path += f".{name}"
        return value
