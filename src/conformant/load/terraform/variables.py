"""Values of input variables from outside: ``-var``, ``-var-file`` and ``*.tfvars``."""

from collections.abc import Callable, Iterable, Mapping
from os.path import basename, normpath
from pathlib import Path as FilePath
from typing import Any

from msgspec import Struct

from conformant.load.files import BadFile
from conformant.load.terraform.directory import read_text
from conformant.load.terraform.json_syntax import parse_json_values
from conformant.load.terraform.lexer import SyntaxFault
from conformant.load.terraform.parser import parse
from conformant.load.terraform.syntax import Attribute, Block, Node, SourceFile, Traversal
from conformant.load.terraform.values import Pending, equal
from conformant.model import FileCoverage, Undecided


class Variables(Struct, frozen=True):
    """What the user gives on the command line: `values` by name, and files of values."""

    values: Mapping[str, Any] = {}
    files: tuple[str, ...] = ()


def automatic(path: str) -> bool:
    """Whether Terraform reads a values file without being told to."""
    name = basename(path).removesuffix(".json")
    return name == "terraform.tfvars" or name.endswith(".auto.tfvars")


def read_values(path: str, data: bytes, shown: str) -> tuple[Block | None, FileCoverage]:
    """A ``.tfvars`` or ``.tfvars.json`` file as a block, or None with the reason in the coverage."""
    file = SourceFile(shown, data.decode("utf-8", "replace"))
    try:
        file = read_text(data, shown)
        if path.endswith(".json"):
            block = Block(file, "", (), 0)
            block.attributes = parse_json_values(file)
        else:
            block = parse(file)
    except SyntaxFault as fault:
        return None, FileCoverage(shown, "unreadable", 0, fault.message, file.place(fault.offset))
    return block, FileCoverage(shown, "read")


def inputs(
    given: Variables, files: Mapping[str, Block], types: Mapping[str, Block], attempt: Callable[[Node], Any]
) -> Callable[[str], Any]:
    """A function from the name of a variable to its value; it raises KeyError where none is given.

    `files` are the values files of the directory by path, `types` the declared variables. A file
    that Terraform does not read by itself is taken for one way to run it: where several differ,
    or one differs from the default, the value is not known.
    """
    chosen = _chosen(given)
    ordered = sorted((path for path in files if automatic(path)), key=_precedence)
    manual = sorted(path for path in files if not automatic(path))

    def value(name: str) -> Any:
        if name in given.values:
            return _typed(given.values[name], types.get(name), attempt)
        for block in reversed(chosen):
            if name in block.attributes:
                return attempt(block.attributes[name].value)
        found = next(
            (files[path].attributes[name] for path in reversed(ordered) if name in files[path].attributes), None
        )
        if chosen or not manual:
            return _present(found, name, attempt)
        fallback = found or _default(types.get(name))
        return _agreed(name, [(path, files[path].attributes.get(name, fallback)) for path in manual], found, attempt)

    return value


def _agreed(
    name: str, ways: Iterable[tuple[str, Attribute | None]], found: Attribute | None, attempt: Callable[[Node], Any]
) -> Any:
    given = [(path, attribute) for path, attribute in ways if attribute is not None]
    if not given:
        return _present(found, name, attempt)
    first = attempt(given[0][1].value)
    for path, attribute in given[1:]:
        try:
            same = equal(attempt(attribute.value), first)
        except Undecided:
            same = False
        if not same:
            files = f"{basename(given[0][0])} and {basename(path)}"
            return Pending(f"var.{name}", f"differs between {files}", (f"var.{name}",))
    return first


def _present(attribute: Attribute | None, name: str, attempt: Callable[[Node], Any]) -> Any:
    if attribute is None:
        raise KeyError(name)
    return attempt(attribute.value)


def _default(block: Block | None) -> Attribute | None:
    return block.attributes.get("default") if block else None


def _precedence(path: str) -> tuple[bool, str]:
    return not basename(path).startswith("terraform.tfvars"), basename(path)


def _chosen(given: Variables) -> list[Block]:
    blocks = []
    for path in given.files:
        block, coverage = read_values(path, FilePath(path).read_bytes(), normpath(path))
        if block is None:
            raise BadFile(f"{coverage.place}: {coverage.reason}")
        blocks.append(block)
    return blocks


def _typed(value: Any, declared: Block | None, attempt: Callable[[Node], Any]) -> Any:
    """A value from the command line: text is read as an expression where the type is not a string."""
    type = declared.attributes.get("type") if declared else None
    if not isinstance(value, str) or type is None:
        return value
    if isinstance(type.value, Traversal) and type.value.root in ("string", "number", "bool", "any"):
        return value
    try:
        return attempt(parse(SourceFile("", f"x = {value}\n")).attributes["x"].value)
    except SyntaxFault:
        return value
