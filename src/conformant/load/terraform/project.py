"""Folders of Terraform to resources: which directories are roots, which are called, which libraries."""

from collections.abc import Callable, Iterator, Mapping
from os.path import basename, dirname, join, normpath, relpath
from pathlib import Path as FilePath
from typing import Any

from conformant.load.terraform.directory import Directory, read_directory
from conformant.load.terraform.emit import Emitter
from conformant.load.terraform.evaluate import Budget
from conformant.load.terraform.instance import Children, Instance
from conformant.load.terraform.roots import declare_root, declare_values
from conformant.load.terraform.syntax import Block, Literal
from conformant.load.terraform.things import keyed
from conformant.load.terraform.variables import Variables, inputs, read_values
from conformant.model import FileCoverage, Resource

NOT_ROOTS = frozenset({"examples", "example", "test", "tests", "fixtures", "wrappers"})
SOURCES = (".tf", ".tf.json", ".tofu", ".tofu.json")
_MOST_INSTANCES = 5_000
_MOST_RESOURCES = 100_000
_CALL_SETTINGS = frozenset({"source", "version", "providers", "count", "for_each", "depends_on"})


class Project:
    """All module directories below one folder. `files` maps paths to bytes."""

    def __init__(
        self, directory: str, files: Mapping[str, bytes], shown: Callable[[str], str], variables: Variables
    ) -> None:
        self.top = normpath(directory)
        self.shown = shown
        self.variables = variables
        self.budget = Budget()
        self.instances = 0
        self.left = _MOST_RESOURCES
        self.coverage: list[FileCoverage] = []
        self.directories: dict[str, Directory] = {}
        self.values: dict[str, dict[str, Block]] = {}
        self.others: dict[str, dict[str, bytes]] = {}
        self.reached: set[str] = set()
        self.declared: set[str] = set()
        self._listed: set[str] = set()
        self._file_of: dict[int, FileCoverage] = {}
        self._read(files)
        self.callers = self._callers()

    def _read(self, files: Mapping[str, bytes]) -> None:
        sources: dict[str, dict[str, bytes]] = {}
        for path, data in files.items():
            place = normpath(dirname(path) or ".")
            if path.endswith(SOURCES):
                sources.setdefault(place, {})[path] = data
            elif path.endswith((".tfvars", ".tfvars.json")):
                block, read = read_values(path, data, self.shown(path))
                self.coverage.append(read)
                if block is not None:
                    self.values.setdefault(place, {})[path] = block
                    self._file_of[id(block.file)] = read
            else:
                self.others.setdefault(place, {})[path] = data
        for place, texts in sorted(sources.items()):
            self._add(place, texts)
        self.own = sorted(path for path in self.directories if ".terraform" not in path.split("/"))

    def _add(self, place: str, texts: Mapping[str, bytes]) -> Directory:
        directory, read_files = read_directory(place, texts, self.shown)
        self.directories[place] = directory
        self.coverage.extend(read_files)
        good = [read for read in read_files if read.status == "read"]
        for file, read in zip(directory.files, good, strict=True):
            self._file_of[id(file)] = read
        return directory

    def _callers(self) -> dict[str, set[str]]:
        callers: dict[str, set[str]] = {}
        for path, directory in self.directories.items():
            for block in directory.calls.values():
                source = _source(block)
                if source.startswith(("./", "../")):
                    target = directory.module_path(source)
                    if target != path:
                        callers.setdefault(target, set()).add(path)
        return callers

    def _excluded(self, path: str) -> bool:
        return not NOT_ROOTS.isdisjoint(relpath(path, self.top).split("/"))

    def role(self, path: str) -> str:
        """What a module directory is: ``root``, ``library``, or ``called`` by another one."""
        callers = self.callers.get(path, set())
        excluded = self._excluded(path)
        if any(excluded or not self._excluded(caller) for caller in callers):
            return "called"
        return "root" if not callers and not excluded and self._is_run(path) else "library"

    def _is_run(self, path: str) -> bool:
        """Whether somebody runs Terraform in a directory."""
        directory = self.directories[path]
        given = path == self.top and bool(self.variables.values or self.variables.files)
        return bool(
            directory.setting("backend") or directory.setting("cloud") or directory.providers
            or self.values.get(path) or self.lock_file(path) or given
        )  # fmt: skip

    def companions(self, path: str) -> dict[str, bytes]:
        """What stands beside the ``.tf`` files of a directory: lock file, backend settings,
        Terragrunt. Those that `files` does not have are read from the disk."""
        found = self.others.setdefault(path, {})
        if path not in self._listed:
            self._listed.add(path)
            place = FilePath(path)
            for file in sorted(place.iterdir()) if place.is_dir() else ():
                name = str(file)
                if _is_companion(file.name) and file.is_file() and normpath(name) not in map(normpath, found):
                    found[name] = file.read_bytes()
        return found

    def lock_file(self, path: str) -> bool:
        """Whether the directory has a dependency lock file."""
        return any(basename(name) == ".terraform.lock.hcl" for name in self.companions(path))

    def resources(self) -> Iterator[Resource]:
        """Everything, one root or library after the other."""
        roles = {path: self.role(path) for path in self.own}
        for path in self.own:
            if roles[path] != "called":
                yield from self._tree(path, roles[path])
        for path in self.own:  # directories that only call each other
            if path not in self.reached:
                roles[path] = "library"
                yield from self._tree(path, "library")
        for path in self.own:
            yield declare_root(self, self.directories[path], roles[path])
        for blocks in self.values.values():
            for file, block in blocks.items():
                yield declare_values(file, block)
        self.coverage.extend(FileCoverage(self.shown(name), "read") for files in self.others.values() for name in files)

    def _tree(self, path: str, role: str) -> list[Resource]:
        directory = self.directories[path]
        self.reached.add(path)
        instance = Instance(directory, role, self.budget, inputs=None, enter=self.enter)
        if role == "root":
            values = self.values.get(path, {})
            instance.inputs = inputs(
                self.variables, values, directory.variables, lambda node: instance.attempt(node, instance.scope)
            )
        emitter = Emitter(directory.shown, "terraform", role, self.left, self.declared)
        emitter.instance(instance)
        self.left -= len(emitter.resources)
        if emitter.full:
            reason = f"more than {_MOST_RESOURCES} resources in one run; the rest was not evaluated"
            self.coverage.append(FileCoverage(directory.shown, "unreadable", 0, reason))
        for file, count in emitter.counts.items():
            self._file_of[file].resources += count
        return emitter.resources

    def enter(self, caller: Instance, name: str) -> Children:
        """The instances of a module that `caller` calls."""
        block = caller.directory.calls[name]
        path = self._target(caller, block, name)
        directory = self.directories.get(path) or self._from_disk(path)
        if directory is None:
            return Children({}, f"was not read ({_source(block) or 'its source is not known'})")
        ancestor: Instance | None = caller
        while ancestor is not None:
            if ancestor.directory is directory:
                return Children({}, "calls itself")
            ancestor = ancestor.parent
        copies = caller.copies(block)
        self.instances += len(copies.scopes)
        if self.instances > _MOST_INSTANCES:
            return Children({}, f"is one of more than {_MOST_INSTANCES}")
        self.reached.add(path)
        made = {}
        for key, scope in copies.scopes.items():
            made[key] = Instance(
                directory, "called", self.budget, address=caller.named(keyed(f"module.{name}", key)),
                inputs=_passed(caller, block, scope), parent=caller, call=block, scope=scope, enter=self.enter,
            )  # fmt: skip
        return Children(made)

    def _from_disk(self, path: str) -> Directory | None:
        """A module outside of the folder, or fetched by ``terraform init``, where it is there."""
        place = FilePath(path)
        if not path or not place.is_dir():
            return None
        found = {str(file): file.read_bytes() for file in sorted(place.iterdir()) if file.name.endswith(SOURCES)}
        return self._add(path, found) if found else None

    def _target(self, caller: Instance, block: Block, name: str) -> str:
        source = _source(block)
        if source.startswith(("./", "../")):
            return caller.directory.module_path(source)
        calls = [name]
        top = caller
        while top.parent is not None and top.call is not None:
            calls.insert(0, top.call.labels[0])
            top = top.parent
        inner = source.split("://")[-1].partition("//")[2].partition("?")[0]
        return normpath(join(top.directory.path, ".terraform", "modules", ".".join(calls), inner))


def _is_companion(name: str) -> bool:
    return name in (".terraform.lock.hcl", "terragrunt.hcl", "root.hcl") or name.endswith(".tfbackend")


def _source(block: Block) -> str:
    attribute = block.attributes.get("source")
    value = attribute.value.value if attribute and isinstance(attribute.value, Literal) else ""
    return value if isinstance(value, str) else ""


def _passed(caller: Instance, block: Block, scope: Any) -> Callable[[str], Any]:
    def value(name: str) -> Any:
        if name in _CALL_SETTINGS or name not in block.attributes:
            raise KeyError(name)
        return caller.attempt(block.attributes[name].value, scope)

    return value
