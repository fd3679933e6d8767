"""The `configuration` part of a plan: which attributes are set, and what they refer to."""

from collections.abc import Iterator, Sequence
from typing import Any

from conformant.model import Step
from conformant.regex import lazy

_KEY = lazy(r'\[(?:\d+|"(?:[^"\\]|\\.)*")\]')
_PART = lazy(r'[^.\["]+(?:\[(?:\d+|"(?:[^"\\]|\\.)*")\])?')


def without_keys(address: str) -> str:
    """An address of a block: ``module.a["x"].aws_s3_bucket.b[0]`` without the keys."""
    return _KEY.sub("", address)


def module_names(module_address: str) -> tuple[str, ...]:
    """The names of the calls that lead to a module."""
    return tuple(without_keys(module_address).split(".")[1::2]) if module_address else ()


def is_expression(value: Any) -> bool:
    """Whether a part of the configuration is an expression, not a nested block."""
    return isinstance(value, dict) and value.keys() <= {"constant_value", "references"}


class Configuration:
    """Read access to the configuration of one plan."""

    def __init__(self, plan: dict[str, Any]) -> None:
        configuration = _dict(plan.get("configuration"))
        self.root = _dict(configuration.get("root_module"))
        self.providers = _dict(configuration.get("provider_config"))
        self.variables = _dict(plan.get("variables"))
        self._resources: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}

    def module(self, names: Sequence[str]) -> dict[str, Any]:
        """The module that a chain of calls leads to; empty where the plan does not have it."""
        module = self.root
        for name in names:
            module = _dict(self.call(module, name).get("module"))
        return module

    @staticmethod
    def call(module: dict[str, Any], name: str) -> dict[str, Any]:
        return _dict(_dict(module.get("module_calls")).get(name))

    def resource(self, names: tuple[str, ...], address: str) -> dict[str, Any]:
        """The resource with this address (without keys) inside a module; empty where unknown."""
        if names not in self._resources:
            found = self.module(names).get("resources", [])
            self._resources[names] = {each.get("address", ""): each for each in found if isinstance(each, dict)}
        return self._resources[names].get(address, {})

    def region(self, key: str) -> str | None:
        """The region of a provider configuration, when it is a constant or an input of the run."""
        expression = _dict(_dict(_dict(self.providers.get(key)).get("expressions")).get("region"))
        value = expression.get("constant_value")
        if value is None and len(expression.get("references", ())) == 1:
            kind, _, name = expression["references"][0].partition(".")
            value = _dict(self.variables.get(name)).get("value") if kind == "var" else None
        return value if isinstance(value, str) else None

    def addresses(self, references: Sequence[str], module_address: str, for_each: Any = None) -> tuple[str, ...]:
        """What references inside a module come down to, through inputs and outputs."""
        found: dict[str, None] = {}
        self._follow(references, module_address, for_each, found, set())
        keyed = {without_keys(address) for address in found if without_keys(address) != address}
        return tuple(address for address in found if address not in keyed)

    def _follow(
        self, references: Sequence[str], module_address: str, for_each: Any,
        found: dict[str, None], seen: set[tuple[str, str]],
    ) -> None:  # fmt: skip
        prefix = f"{module_address}." if module_address else ""
        for reference in references:
            if (module_address, reference) in seen:
                continue
            seen.add((module_address, reference))
            parts = _PART.findall(reference)
            root = without_keys(parts[0]) if parts else ""
            name = without_keys(parts[1]) if len(parts) > 1 else ""
            if root == "each":
                self._follow(_dict(for_each).get("references", ()), module_address, None, found, seen)
            elif not name or root in ("count", "path", "terraform", "self", "local"):
                continue
            elif root == "var":
                self._input(name, module_address, found, seen)
            elif root == "module":
                output = without_keys(parts[2]) if len(parts) > 2 else ""
                names = (*module_names(module_address), name)
                expression = _dict(_dict(_dict(self.module(names).get("outputs")).get(output)).get("expression"))
                if "references" in expression:
                    self._follow(expression["references"], f"{prefix}module.{parts[1]}", None, found, seen)
                elif output:
                    found[f"{prefix}module.{name}.{output}"] = None
            else:
                taken = 3 if root in ("data", "ephemeral") else 2
                address = ".".join(parts[:taken])
                if self.resource(module_names(module_address), without_keys(address)):
                    found[prefix + address] = None

    def _input(self, name: str, module_address: str, found: dict[str, None], seen: set[tuple[str, str]]) -> None:
        names = module_names(module_address)
        if not names:
            found[f"var.{name}"] = None
            return
        outer = module_address[: module_address.rfind("module.")].rstrip(".")
        call = self.call(self.module(names[:-1]), names[-1])
        expression = _dict(_dict(call.get("expressions")).get(name))
        self._follow(expression.get("references", ()), outer, call.get("for_each_expression"), found, seen)


def settings(expressions: Any, *steps: Step) -> list[Any]:
    """The parts of the configuration that decide a path. Elements of a list are not told apart:
    sets stand in another order in the values than in the configuration."""
    found = [expressions]
    for step in steps:
        if isinstance(step, int):
            continue
        below: list[Any] = []
        for part in found:
            if is_expression(part) and part is not expressions:
                below.append(part)
            elif isinstance(part, dict) and step in part:
                inner = part[step]
                below.extend(inner if isinstance(inner, list) else [inner])
        found = below
    return found


def references_in(expressions: Any) -> Iterator[tuple[str, list[str]]]:
    """The references of each attribute, by path (``alias[0].name``)."""
    if not isinstance(expressions, dict):
        return
    for name, part in expressions.items():
        if is_expression(part):
            if part.get("references"):
                yield name, part["references"]
            continue
        blocks = part if isinstance(part, list) else [part]
        for index, block in enumerate(blocks):
            for inner, references in references_in(block):
                yield f"{name}[{index}].{inner}", references


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
