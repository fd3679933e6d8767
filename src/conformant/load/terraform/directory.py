"""A module directory: its files parsed, and what they declare."""

from collections.abc import Callable, Mapping
from os.path import basename, join, normpath

from conformant.load.terraform.json_syntax import parse_json
from conformant.load.terraform.lexer import SyntaxFault
from conformant.load.terraform.parser import parse
from conformant.load.terraform.syntax import Attribute, Block, Literal, SourceFile
from conformant.model import FileCoverage, Place


def _overrides(path: str) -> bool:
    stem = basename(path).removesuffix(".json").removesuffix(".tf").removesuffix(".tofu")
    return stem == "override" or stem.endswith("_override")


class Directory:
    """What the ``*.tf`` and ``*.tf.json`` files of one directory declare.

    `broken` says that a file could not be read, so that something undeclared may stand there.
    `blocks` has every resource and data source, also those that Terraform would refuse as declared
    twice; references mean the first one.
    """

    def __init__(self, path: str, shown: str) -> None:
        self.path = path
        self.shown = shown
        self.files: list[SourceFile] = []
        self.broken = False
        self.blocks: list[tuple[str, Block]] = []
        self.resources: dict[str, Block] = {}
        self.variables: dict[str, Block] = {}
        self.locals: dict[str, tuple[Attribute, Block]] = {}
        self.local_blocks: list[Block] = []
        self.outputs: dict[str, Block] = {}
        self.calls: dict[str, Block] = {}
        self.providers: dict[str, Block] = {}
        self.settings: list[Block] = []

    def add(self, whole: Block, overriding: bool = False) -> None:
        """Add the declarations of a file; those of an override file change what is there."""
        self.files.append(whole.file)
        for block in whole.blocks:
            labels = block.labels
            match block.type, len(labels):
                case "resource" | "data" | "ephemeral", 2:
                    address = _address(block)
                    if not (overriding and address in self.resources):
                        self.blocks.append((address, block))
                    self._declare(self.resources, address, block, overriding)
                case "variable", 1:
                    self._declare(self.variables, labels[0], block, overriding)
                case "output", 1:
                    self._declare(self.outputs, labels[0], block, overriding)
                case "module", 1:
                    self._declare(self.calls, labels[0], block, overriding)
                case "provider", 1:
                    alias = block.attributes.get("alias")
                    name = alias.value.value if alias and isinstance(alias.value, Literal) else ""
                    self._declare(self.providers, f"{labels[0]}.{name}" if name else labels[0], block, overriding)
                case "locals", 0:
                    self.local_blocks.append(block)
                    self.locals.update((name, (each, block)) for name, each in block.attributes.items())
                case "terraform", 0:
                    self.settings.append(block)
                case _:
                    pass  # moved, import, removed, check: nothing to judge

    @staticmethod
    def _declare(known: dict[str, Block], name: str, block: Block, overriding: bool) -> None:
        if overriding and name in known:
            below = known[name]
            below.attributes.update(block.attributes)
            types = {nested.type for nested in block.blocks}
            below.blocks = [nested for nested in below.blocks if nested.type not in types] + block.blocks
        else:
            known.setdefault(name, block)

    def setting(self, type: str) -> list[Block]:
        """The blocks of one type inside the `terraform` blocks."""
        return [nested for block in self.settings for nested in block.of(type)]

    def module_path(self, source: str) -> str:
        """The directory that a local module source names."""
        return normpath(join(self.path, source))


def _address(block: Block) -> str:
    prefix = "" if block.type == "resource" else f"{block.type}."
    return f"{prefix}{block.labels[0]}.{block.labels[1]}"


def read_text(data: bytes, shown: str) -> SourceFile:
    """The file as text. Raises SyntaxFault where it is not UTF-8."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SyntaxFault("not UTF-8", len(data[: error.start].decode("utf-8", "replace")))
    return SourceFile(shown, text.replace("\r\n", "\n"))


def read_blocks(path: str, data: bytes, shown: str) -> tuple[Block | None, FileCoverage]:
    """A file as one block without a type, or None with the reason in the coverage."""
    file = SourceFile(shown, data.decode("utf-8", "replace"))
    try:
        file = read_text(data, shown)
        whole = parse_json(file) if path.endswith(".json") else parse(file)
    except SyntaxFault as fault:
        return None, FileCoverage(shown, "unreadable", 0, fault.message, file.place(fault.offset))
    except RecursionError:
        return None, FileCoverage(shown, "unreadable", 0, "nested too deeply", Place(shown))
    return whole, FileCoverage(shown, "read")


def read_directory(
    path: str, files: Mapping[str, bytes], shown: Callable[[str], str]
) -> tuple[Directory, list[FileCoverage]]:
    """The directory `path` from its ``.tf`` and ``.tf.json`` files (path -> bytes)."""
    directory = Directory(path, shown(path))
    coverage = []
    for name in sorted(files, key=lambda name: (_overrides(name), name)):
        whole, read = read_blocks(name, files[name], shown(name))
        coverage.append(read)
        if whole is None:
            directory.broken = True
        else:
            directory.add(whole, _overrides(name))
    return directory, coverage
