"""Module directories and values files as resources of their own."""

from collections.abc import Iterable, Sequence
from os.path import basename, dirname, normpath
from typing import TYPE_CHECKING, Any

from conformant.load.terraform.directory import Directory, read_blocks
from conformant.load.terraform.emit import plain, used_providers
from conformant.load.terraform.evaluate import Budget
from conformant.load.terraform.instance import Instance
from conformant.load.terraform.meta import Meta
from conformant.load.terraform.places import BlockLocator
from conformant.load.terraform.syntax import Block, SourceFile
from conformant.model import Place, Resource, Step

if TYPE_CHECKING:
    from conformant.load.terraform.project import Project


class Origin:
    """Where the settings of one backend stand: in `block`, below `prefix`; `before` comes first."""

    __slots__ = ("before", "block", "prefix")

    def __init__(self, block: Block, prefix: tuple[Step, ...] = (), before: "Origin | None" = None) -> None:
        self.block = block
        self.prefix = prefix
        self.before = before

    def place(self, path: Sequence[Step]) -> Place:
        if self.before is not None and path and path[0] in self.before.block.attributes:
            return self.before.place(path)
        return BlockLocator(self.block).place((*self.prefix, *path))


class RootLocator:
    """Places in a module directory: of its backends, else of its first file."""

    __slots__ = ("block", "file", "origins")

    def __init__(self, file: str, block: Block | None, origins: Sequence[Origin]) -> None:
        self.file = file
        self.block = block
        self.origins = tuple(origins)

    def place(self, path: Sequence[Step]) -> Place:
        if path[:1] == ("backends",) and len(path) > 1 and isinstance(path[1], int):
            if path[1] < len(self.origins):
                return self.origins[path[1]].place(path[2:])
        elif path and self.block is not None:
            return BlockLocator(self.block).place(path)
        if self.block is not None:
            return BlockLocator(self.block).place(())
        return Place(self.file)

    def comments(self, path: Sequence[Step]) -> Iterable[tuple[int, str]]:
        return BlockLocator(self.block).comments(()) if self.block is not None else ()


def declare_root(project: "Project", directory: Directory, role: str) -> Resource:
    """The resource of kind ``root`` for a module directory."""
    instance = Instance(directory, role, project.budget)
    backends, origins = _backends(project, directory, instance)
    resource = describe(directory, role, instance, backends, origins, "terraform")
    resource.raw["lock_file"] = project.lock_file(directory.path)
    names = [*project.values.get(directory.path, ()), *project.companions(directory.path)]
    resource.raw["files"] += [project.shown(name) for name in names]
    return resource


def describe(
    directory: Directory, role: str, instance: Instance, backends: list[dict[str, Any]],
    origins: Sequence[Origin], source: str,
) -> Resource:  # fmt: skip
    """A module directory as a resource."""
    raw: dict[str, Any] = {
        "directory": directory.shown,
        "role": role,
        "backends": backends,
        "files": [file.shown for file in directory.files],
        "providers": used_providers(directory.resources.values()),
        "required_providers": {},
    }
    for settings in directory.settings:
        values = plain(instance, settings)
        if "required_version" in values:
            raw["required_version"] = values["required_version"]
        for required in values.get("required_providers", []):
            raw["required_providers"].update(required)
    blocks = [
        *directory.settings, *directory.providers.values(), *directory.resources.values(), *directory.calls.values(),
        *directory.variables.values(), *directory.outputs.values(), *directory.local_blocks,
    ]  # fmt: skip
    block = blocks[0] if blocks else None
    file = directory.files[0].shown if directory.files else directory.shown
    nothing = block or Block(SourceFile(file, ""), "", (), 0)
    return Resource(
        family="terraform", group="", version="", kind="root", namespace="", name=directory.shown, raw=raw,
        locator=RootLocator(file, block, origins), source=source, address=f"root.{directory.shown}",
        meta=Meta(nothing, instance, instance.scope, directory.shown, role),
    )  # fmt: skip


def backends_in(directory: Directory, instance: Instance) -> tuple[list[dict[str, Any]], list[Origin]]:
    """The backend and cloud blocks of a directory, and where they stand."""
    found: list[dict[str, Any]] = []
    origins: list[Origin] = []
    for block in [*directory.setting("backend"), *directory.setting("cloud")]:
        found.append({"type": "".join(block.labels) or "cloud", **plain(instance, block)})
        origins.append(Origin(block))
    return found, origins


def _backends(
    project: "Project", directory: Directory, instance: Instance
) -> tuple[list[dict[str, Any]], list[Origin]]:
    found, origins = backends_in(directory, instance)
    terragrunt = _terragrunt(project, directory.path)
    if terragrunt is not None:
        values, origin = terragrunt
        found = [{**(found[0] if found else {}), **values}]
        return found, [origin]
    partial = [
        (name, block)
        for name, data in sorted(project.companions(directory.path).items())
        if name.endswith(".tfbackend")
        for block in [read_blocks(name, data, project.shown(name))[0]]
        if block is not None
    ]
    if len(found) == 1 and partial:
        whole, stands = found[0], origins[0]
        found = [{**whole, **plain(instance, block)} for _, block in partial]
        origins = [Origin(stands.block, before=Origin(block)) for _, block in partial]
    return found, origins


def _terragrunt(project: "Project", path: str) -> tuple[dict[str, Any], Origin] | None:
    """The `remote_state` of the nearest ``terragrunt.hcl``, here or in a parent."""
    while True:
        for name, data in project.companions(path).items():
            if basename(name) not in ("terragrunt.hcl", "root.hcl"):
                continue
            whole = read_blocks(name, data, project.shown(name))[0]
            if whole is None:
                continue
            directory = Directory(path, project.shown(path))
            directory.add(whole)
            instance = Instance(directory, "snippet", Budget())
            for block in whole.of("remote_state"):
                values = plain(instance, block)
                config = values.get("config")
                settings = config if isinstance(config, dict) else {}
                return {"type": values.get("backend", ""), **settings}, Origin(block, ("config",))
        parent = normpath(dirname(path) or ".")
        if path in (project.top, parent, ".") or not dirname(path):
            return None
        path = parent


def declare_values(file: str, block: Block) -> Resource:
    """The resource of kind ``tfvars`` for a values file."""
    directory = Directory(dirname(file), dirname(block.file.shown))
    instance = Instance(directory, "snippet", Budget())
    name = basename(file)
    raw = plain(instance, block)
    return Resource(
        family="terraform", group="", version="", kind="tfvars", namespace="", name=name, raw=raw,
        locator=BlockLocator(block, raw), source="terraform", address=f"tfvars.{block.file.shown}",
        meta=Meta(block, instance, instance.scope, directory.shown, "root"),
    )  # fmt: skip
