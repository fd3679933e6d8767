"""The YAML forms of Fluentd and Fluent Bit configs, as the sections that their own syntax gives."""

import json
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from conformant.load.sections import DEPTH, INCLUDE, Entry, ParseError, Section
from conformant.model import Step, Unknown

_NODES = 100_000
_NULL = "tag:yaml.org,2002:null"
_JSON = "!fluent/json"
_SPECIAL = {"$type": "@type", "$label": "@label", "$id": "@id", "$log_level": "@log_level"}
_ARGS = ("$tag", "$arg", "$name")

Places = dict[tuple[Step, ...], tuple[int, int]]


def fluentd(text: str, config: str = "") -> Section:
    """The root section of a Fluentd config: ``config`` and ``system``, or a list to be included."""
    reader = _Reader(text, config)
    root = Section("", config=config)
    if isinstance(reader.tree, SequenceNode):
        root.children = reader.entries(reader.tree)
    elif reader.tree is not None:
        for key, value in reader.items(reader.tree):
            if key.value == "config":
                root.children.extend(reader.entries(value))
            elif key.value == "system":
                root.children.append(reader.section("system", key, value))
    return root


def fluentbit(text: str, config: str = "") -> Section:
    """The root section of a Fluent Bit config; ``env`` becomes ``@SET`` parameters."""
    reader = _Reader(text, config)
    root = Section("", config=config, repeats=True)
    if reader.tree is None:
        return root
    for key, value in reader.items(reader.tree):
        name = key.value.lower()
        if name == "env":
            for variable, scalar in reader.items(value):
                text = f"{variable.value}={scalar.value}"
                root.add("@set", Entry(text, *reader.where(variable), config))
        elif name == "includes" and isinstance(value, SequenceNode):
            for item in value.value:
                root.children.append(Section(INCLUDE, str(item.value), *reader.where(item), config))
        elif name == "pipeline":
            for group, plugins in reader.items(value):
                root.children.extend(reader.plugins(group.value.lower(), group, plugins))
        elif isinstance(value, MappingNode | SequenceNode):
            root.children.extend(reader.plugins(name, key, value))
    return root


class _Reader:
    """Walks the nodes of one YAML text; plain scalars keep their text, as the section syntaxes do."""

    def __init__(self, text: str, config: str) -> None:
        self.config = config
        self.count = 0
        try:
            self.tree = yaml.compose(text, yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            raise ParseError(error.problem or "no valid YAML", line, column, config) from None
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            at = getattr(error, "position", 0)
            raise ParseError("no valid YAML", text.count("\n", 0, at) + 1, 1, config) from None
        except RecursionError:
            raise ParseError("the value nests too deeply", 1, 1, config) from None

    def where(self, node: Node) -> tuple[int, int]:
        return node.start_mark.line + 1, node.start_mark.column + 1

    def fail(self, reason: str, node: Node) -> ParseError:
        return ParseError(reason, *self.where(node), self.config)

    def items(self, node: Node, depth: int = 0) -> Iterator[tuple[ScalarNode, Node]]:
        if node.tag == _NULL:
            return
        if not isinstance(node, MappingNode) or depth > DEPTH:
            raise self.fail("expected a mapping", node)
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                raise self.fail("expected a plain key", key)
            self.count += 1
            if self.count > _NODES:
                raise self.fail("the config is too large", key)
            if key.value == "<<" and isinstance(value, MappingNode):
                yield from self.items(value, depth + 1)
            else:
                yield key, value

    # Fluentd

    def entries(self, node: Node, depth: int = 0) -> list[Section]:
        """The sections of a ``config`` list."""
        if node.tag == "!include" and isinstance(node, ScalarNode):
            return [Section(INCLUDE, node.value, *self.where(node), self.config)]
        if node.tag == _NULL:
            return []
        if not isinstance(node, SequenceNode):
            raise self.fail("expected a list of sections", node)
        found: list[Section] = []
        for item in node.value:
            if item.tag == "!include" and isinstance(item, ScalarNode):
                found.extend(self.entries(item))
                continue
            for key, value in self.items(item):
                if isinstance(value, MappingNode):
                    found.append(self.section(key.value, key, value, depth + 1))
        return found

    def section(self, name: str, key: Node, node: Node, depth: int = 0) -> Section:
        section = Section(name, "", *self.where(key), self.config)
        if depth > DEPTH:
            raise self.fail("sections nest too deeply", key)
        for inner, value in self.items(node):
            word = inner.value
            if word in _ARGS:
                parts = value.value if isinstance(value, SequenceNode) else [value]
                args = [self.scalar(word, part) for part in parts if isinstance(part, ScalarNode)]
                unknown = [arg for arg in args if isinstance(arg, Unknown)]
                section.arg = unknown[0] if unknown else " ".join(str(arg) for arg in args if arg is not None)
            elif word == "config" and name in ("label", "worker"):
                section.children.extend(self.entries(value, depth))
            elif isinstance(value, MappingNode) and value.tag != _JSON:
                section.children.append(self.section(word, inner, value, depth + 1))
            elif isinstance(value, SequenceNode) and value.value and isinstance(value.value[0], MappingNode):
                section.children.extend(self.section(word, item, item, depth + 1) for item in value.value)
            else:
                self.add(section, _SPECIAL.get(word) or word, inner, value)
        return section

    # Fluent Bit

    def plugins(self, group: str, key: Node, node: Node) -> list[Section]:
        """The sections of a group such as ``inputs``: one for each plugin, or ``service`` itself."""
        singular = group[:-1] if group.endswith("s") and group != "plugins" else group
        found: list[Section] = []
        for item in node.value if isinstance(node, SequenceNode) else [node]:
            if item.tag == _NULL:
                continue
            place = item if isinstance(node, SequenceNode) else key
            section = Section(singular, "", *self.where(place), self.config, repeats=True)
            if isinstance(item, ScalarNode):
                self.add(section, "path", item, item)
            else:
                for inner, value in self.items(item):
                    self.add(section, inner.value.lower(), inner, value)
            found.append(section)
        return found

    # values

    def add(self, section: Section, name: str, key: Node, node: Node) -> None:
        inner: Places = {}
        value = self.value(name, node, (), inner)
        if value is not None:
            section.add(name, Entry(value, *self.where(key), self.config, inner))

    def value(self, name: str, node: Node, path: tuple[Step, ...], inner: Places, typed: bool = False) -> Any:
        if len(path) > DEPTH:
            raise self.fail("the value nests too deeply", node)
        typed = typed or node.tag == _JSON
        if isinstance(node, ScalarNode):
            return self.scalar(name, node, typed)
        found: dict[str, Any] | list[Any]
        if isinstance(node, MappingNode):
            found = {}
            for key, item in self.items(node):
                inner[*path, key.value] = self.where(key)
                found[key.value] = self.value(key.value, item, (*path, key.value), inner, typed)
            return found
        found = []
        for index, item in enumerate(node.value):
            self.count += 1
            if self.count > _NODES:
                raise self.fail("the config is too large", item)
            inner[*path, index] = self.where(item)
            found.append(self.value(name, item, (*path, index), inner, typed))
        return found

    def scalar(self, name: str, node: ScalarNode, typed: bool = False) -> Any:
        """The text of a scalar; what it means in JSON where that is asked for."""
        if node.tag == _NULL:
            return None
        if node.tag == "!fluent/s" and "#{" in node.value:
            from conformant.load.fluentd import dynamic

            return dynamic(name, [node.value])
        if node.tag == _JSON or (typed and node.style is None):
            try:
                return json.loads(node.value)
            except (ValueError, RecursionError):
                raise self.fail(f"the value of {name} is no valid JSON", node) from None
        return str(node.value)
