"""Configs made of sections with parameters (Fluentd, Fluent Bit): their values and places.

A parsed config is a tree of `Section`. `plain` turns it into the raw value of a resource::

    {"nodes": [{"section": "match", "name": "match kubernetes.** out_es", "arg": "kubernetes.**",
                "params": {"host": "elasticsearch", "retry_forever": True}, "children": [...]}]}

``name`` tells a section from its siblings (it serves fingerprints); ``overridden`` appears where
a parameter is given twice and only the last value counts.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from msgspec import Struct

from conformant.model import Place, Step

DEPTH = 64
"""How deep sections and values may nest."""

READS = 1000
"""How many times one config may include another, in all."""

INCLUDE = "@include"


class ParseError(ValueError):
    """A config that cannot be read. `line` and `column` count from 1 in the text of `config`,
    the name of the included config at fault, or the empty string."""

    def __init__(self, reason: str, line: int, column: int = 1, config: str = "") -> None:
        super().__init__(f"{config + ': ' if config else ''}line {line}: {reason}")
        self.reason = reason
        self.line = line
        self.column = column
        self.config = config


class Entry(Struct):
    """One value of a parameter, with the place of its key. `inner` has the places of what is
    inside the value, by path."""

    value: Any
    line: int
    column: int
    config: str = ""
    inner: dict[tuple[Step, ...], tuple[int, int]] = {}


class Section(Struct):
    """A section: `entries` holds every value of each parameter, in the order of the text.

    `repeats` says that all values of a parameter count; otherwise the last one does. `arg` is a
    string or an `Unknown`.
    """

    name: str
    arg: Any = ""
    line: int = 1
    column: int = 1
    config: str = ""
    entries: dict[str, list[Entry]] = {}
    children: "list[Section]" = []
    repeats: bool = False

    def add(self, key: str, entry: Entry) -> None:
        self.entries.setdefault(key, []).append(entry)


class Origin(Struct, frozen=True):
    """Where the text of a config stands in a file: its first line, and the columns that precede
    it on every line. Without `exact` all of it stands at one place (a folded or quoted scalar)."""

    file: str
    first_line: int = 1
    indent: int = 0
    exact: bool = True
    note: str = ""

    def place(self, line: int, column: int) -> Place:
        if not self.exact:
            return Place(self.file, self.first_line, self.indent + 1, note=self.note)
        return Place(self.file, self.first_line + line - 1, self.indent + column, note=self.note)


Marks = dict[tuple[Step, ...], tuple[str, int, int]]
"""For each path of a raw value: the config, line and column where it stands."""


class SectionLocator:
    """Places the values of a config; `origins` are those of the configs that it is made of, by
    name, the main one's name being the empty string."""

    def __init__(self, root: Section, origins: Mapping[str, Origin]) -> None:
        self.root = root
        self.origins = origins
        self.marks: Marks | None = None

    def place(self, path: Sequence[Step]) -> Place:
        if self.marks is None:
            self.marks = plain(self.root)[1]
        steps = tuple(path)
        while steps not in self.marks:
            steps = steps[:-1]
        config, line, column = self.marks[steps]
        return self.origins[config].place(line, column)

    def comments(self, path: Sequence[Step]) -> Iterable[tuple[int, str]]:
        return ()


def plain(root: Section) -> tuple[dict[str, Any], Marks]:
    """The raw value of a config, and where each of its values stands."""
    marks: Marks = {(): (root.config, root.line, root.column)}
    raw: dict[str, Any] = {"nodes": _nodes(root.children, ("nodes",), marks)}
    _parameters(root, raw, (), marks)
    return raw, marks


def _nodes(sections: Sequence[Section], path: tuple[Step, ...], marks: Marks) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    for index, section in enumerate(sections):
        name = _identity(section)
        count = seen[name] = seen.get(name, 0) + 1
        at = (*path, index)
        marks[at] = (section.config, section.line, section.column)
        node: dict[str, Any] = {
            "section": section.name,
            "name": name if count == 1 else f"{name} #{count}",
            "arg": section.arg,
            "params": {},
        }
        _parameters(section, node, at, marks)
        node["children"] = _nodes(section.children, (*at, "children"), marks)
        nodes.append(node)
    return nodes


def _identity(section: Section) -> str:
    ids = (section.entries.get(key) for key in ("@id", "name", "alias"))
    words = [section.name, section.arg, *(entries[-1].value for entries in ids if entries)]
    return " ".join(word for word in words if word.__class__ is str and word)


def _parameters(section: Section, node: dict[str, Any], path: tuple[Step, ...], marks: Marks) -> None:
    params: dict[str, Any] = {}
    overridden: dict[str, list[Any]] = {}
    for key, entries in section.entries.items():
        at = (*path, "params", key)
        last = entries[-1]
        _mark(last if not section.repeats else entries[0], at, marks)
        if len(entries) == 1:
            params[key] = last.value
        elif section.repeats:
            params[key] = [entry.value for entry in entries]
            for index, entry in enumerate(entries):
                _mark(entry, (*at, index), marks)
        else:
            params[key] = last.value
            overridden[key] = [entry.value for entry in entries[:-1]]
            for index, entry in enumerate(entries[:-1]):
                _mark(entry, (*path, "overridden", key, index), marks)
    node["params"] = params
    if overridden:
        node["overridden"] = overridden


def _mark(entry: Entry, path: tuple[Step, ...], marks: Marks) -> None:
    marks[path] = (entry.config, entry.line, entry.column)
    for inner, (line, column) in entry.inner.items():
        marks[path + inner] = (entry.config, line, column)


class Includes:
    """Reads a config and the configs that it includes, as far as they are among `texts`.

    `parse` makes a root section from a text, the name for its places, and whether it has the YAML
    form. `used` collects the names of the included configs.
    """

    def __init__(self, texts: Mapping[str, str], parse: "Parse") -> None:
        self.texts = texts
        self.parse = parse
        self.used: set[str] = set()
        self.reads = 0

    def read(self, name: str) -> Section:
        """The config of that name; the sections and parameters of an included one stand where
        the include stood and carry its name. An include that leads elsewhere stays, as a section
        named ``@include``. Raises ParseError."""
        root = self.parse(self.texts[name], "", name.endswith((".yaml", ".yml")))
        self._resolve(root, (name,))
        return root

    def _resolve(self, section: Section, above: tuple[str, ...]) -> None:
        children: list[Section] = []
        for child in section.children:
            if child.name != INCLUDE:
                self._resolve(child, above)
                children.append(child)
                continue
            found = self._found(child.arg, above) if child.arg.__class__ is str else []
            if not found:
                children.append(child)
            for key in found:
                part = self._include(key, child, above)
                children.extend(part.children)
                for parameter, entries in part.entries.items():
                    section.entries.setdefault(parameter, []).extend(entries)
        section.children = children

    def _include(self, key: str, include: Section, above: tuple[str, ...]) -> Section:
        self.reads += 1
        if key in above or self.reads > READS or len(above) > DEPTH:
            reason = " includes ".join(((*above, key) if key in above else above)[-4:])
            raise ParseError(f"includes do not end: {reason}", include.line, include.column, include.config)
        self.used.add(key)
        part = self.parse(self.texts[key], key, key.endswith((".yaml", ".yml")))
        self._resolve(part, (*above, key))
        return part

    def _found(self, path: str, above: Sequence[str]) -> list[str]:
        last = path.replace("\\", "/").rpartition("/")[2]
        if "://" in path or not last:
            return []
        if any(sign in last for sign in "*?["):
            return sorted(key for key in self.texts if key not in above and fnmatchcase(key, last))
        return [last] if last in self.texts else []


Parse = Callable[[str, str, bool], Section]
