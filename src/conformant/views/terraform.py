"""Terraform resources, module calls and module directories, as checks see them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

from conformant.model import ROOT, Path, Resource, Step, Undecided, Unknown
from conformant.views.base import View

_NAMES = (
    "id", "arn", "bucket", "name", "identifier", "cluster_identifier", "replication_group_id", "domain_name",
    "repository", "function_name", "key_id", "zone_id", "url",
)  # fmt: skip


class TerraformResource(View):
    """A Terraform block: a resource, or what else the language declares."""

    __slots__ = ()
    family = "terraform"
    kinds: ClassVar[frozenset[str] | None] = None

    @property
    def type(self) -> str:
        """``aws_s3_bucket``; data sources have the prefix ``data.``."""
        return self.resource.kind

    @property
    def address(self) -> str:
        """The full Terraform address: ``module.dr["west"].aws_s3_bucket.logs[0]``."""
        return self.resource.address

    @property
    def module(self) -> str:
        """The address of the module: empty at the root, ``module.dr["west"]``."""
        return self.resource.namespace

    @property
    def meta(self) -> Any:
        """What the loader knows beside the values."""
        return self.resource.meta

    @property
    def directory(self) -> str:
        """The module directory that the block stands in."""
        return str(self.meta.directory)

    @property
    def role(self) -> str:
        """``root``, ``library``, ``called``, ``snippet`` or ``plan``."""
        return str(self.meta.role)

    @property
    def provider(self) -> str:
        """The provider configuration: ``aws``, ``aws.west``."""
        return str(self.meta.provider)

    @property
    def region(self) -> str | None:
        """The region of the resource; None when it is not known."""
        region = self.meta.region
        return region if isinstance(region, str) else None

    @property
    def doubt(self) -> str:
        """Why it is not certain that the resource exists (an unknown `count`); empty when it is."""
        return str(self.meta.doubt)

    @property
    def lifecycle(self) -> dict[str, Any]:
        """The settings of the `lifecycle` block; empty for a plan without its HCL."""
        return dict(self.meta.lifecycle)

    def has(self, *steps: Step) -> bool:
        """Whether a value is set at all, though it may be unknown."""
        value = self.raw
        for step in steps:
            if isinstance(value, dict) and isinstance(step, str):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and -len(value) <= step < len(value):
                value = value[step]
            else:
                return isinstance(value, Unknown)
        return value is not None

    def true(self, *steps: Step, default: bool) -> bool:
        """A boolean, which some providers write as a string; `default` where it is absent. Raises
        Undecided on an unknown."""
        value = self.get(*steps)
        if value is None or value == "":
            return default
        return value is True or value == "true"

    def blocks(self, *names: str) -> "list[tuple[Path, dict[str, Any]]]":
        """The nested blocks that the names lead to, from outside in, with their paths. An element
        that is unknown stands among them: looking into it raises Undecided. What is no mapping is no block."""
        found: list[tuple[Path, Any]] = [(ROOT, self.raw)]
        for name in names:
            found = [each for path, block in found for each in _inside(path, block, name)]
        return found

    def references(self, *steps: Step) -> tuple[str, ...]:
        """The addresses that an attribute (or all of a nested block) refers to, through locals,
        inputs and outputs where they are known."""
        known: dict[str, tuple[str, ...]] = self.meta.references
        wanted = str(Path(steps))
        if wanted in known:
            return known[wanted]
        below = (f"{wanted}.", f"{wanted}[")
        within = (addresses for path, addresses in known.items() if path.startswith(below))
        outside = (addresses for path, addresses in known.items() if wanted.startswith((f"{path}.", f"{path}[")))
        return tuple(dict.fromkeys(address for group in (*within, *outside) for address in group))

    def policy_document(self, *steps: Step) -> dict[str, Any] | None:
        """The policy document at `steps`, its ``Statement`` always a list; None where there is none.

        A string in it that is known in parts shows the unknown ones as ``${aws_s3_bucket.x.arn}``:
        look for ``${`` before concluding from the absence of a wildcard. Raises Undecided when
        nothing of the document is known; unknowns inside it raise when they are touched.
        """
        document = self.meta.document(self.raw, Path(steps))
        if isinstance(document, Unknown):
            raise Undecided(document.reason)
        return document if isinstance(document, dict) else None


def _inside(path: Path, block: Any, name: str) -> Iterator[tuple[Path, Any]]:
    if isinstance(block, Unknown):
        yield path, block
        return
    value = block.get(name) if isinstance(block, dict) else None
    if isinstance(value, list):
        yield from ((path / name / n, each) for n, each in enumerate(value) if isinstance(each, dict | Unknown))
    elif isinstance(value, dict | Unknown):
        yield path / name, value


class TerraformModuleCall(TerraformResource):
    """A call of a module: its inputs, source and version."""

    __slots__ = ()
    kinds = frozenset({"module"})

    @property
    def source(self) -> str:
        """Where the module comes from, empty when that is not written as a plain string."""
        found = self.raw.get("source")
        return found if isinstance(found, str) else ""

    @property
    def is_local(self) -> bool:
        return self.source.startswith(("./", "../"))

    @property
    def inputs(self) -> dict[str, Any]:
        """The arguments that the module itself declares."""
        return {name: self.raw[name] for name in self.raw if name not in ("source", "version", "providers")}

    @property
    def providers(self) -> dict[str, str]:
        """The provider configurations that the call passes: ``{"aws": "aws.west"}``."""
        return dict(self.map("providers"))


class TerraformRoot(TerraformResource):
    """A module directory: ``raw`` has `directory`, `role`, `backends`, `files`, `providers` (those
    in use), `required_version`, `required_providers`, `lock_file`."""

    __slots__ = ()
    kinds = frozenset({"root"})

    @property
    def role(self) -> str:
        return str(self.raw["role"])

    @property
    def backends(self) -> "list[tuple[Path, dict[str, Any]]]":
        """Each way in which the state is kept: the settings, `type` among them."""
        return self.blocks("backends")


class TerraformLinks:
    """Which resources of a type refer to a resource by an attribute.

    A resource is linked by reference, with the same key where both have one; else by a literal
    that equals one of its names. ``aws_alb…`` counts as ``aws_lb…``.
    """

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._types: dict[str, list[Resource]] = {}
        for resource in resources:
            if resource.family == "terraform":
                self._types.setdefault(_type(resource.kind), []).append(resource)
        self._referred: dict[tuple[str, str], dict[tuple[str, str], list[Resource]]] = {}
        self._named: dict[tuple[str, str], dict[str, list[Resource]]] = {}

    def linked(self, resource: Resource, type: str, attribute: str) -> list[Resource]:
        """The resources of `type` whose `attribute` means `resource`, in the order of loading.

        `attribute` may lead into blocks: ``"rule.destination.bucket"``.
        """
        index = (_type(type), attribute)
        if index not in self._referred:
            self._index(index)
        root = resource.meta.root
        address = _type(resource.address)
        bare, key = _split(address)
        found = list(self._referred[index].get((root, address), ()))
        if key:
            unkeyed = self._referred[index].get((root, bare), ())
            found += [each for each in unkeyed if _split(each.address)[1] in ("", key)]
        if found:
            return found
        names = (resource.raw.get(name) for name in _NAMES)
        named = [each for name in names if isinstance(name, str) for each in self._named[index].get(name, ())]
        near = [each for each in named if each.meta.root == root]
        return list(dict.fromkeys(near or named))

    def _index(self, index: tuple[str, str]) -> None:
        referred: dict[tuple[str, str], list[Resource]] = {}
        named: dict[str, list[Resource]] = {}
        steps = index[1].split(".")
        for resource in self._types.get(index[0], ()):
            view = TerraformResource(resource)
            for address in _references(view, steps):
                referred.setdefault((resource.meta.root, _type(address)), []).append(resource)
            for literal in _literals(view, steps):
                named.setdefault(literal, []).append(resource)
        self._referred[index], self._named[index] = referred, named


def _references(view: TerraformResource, steps: Sequence[str]) -> Iterator[str]:
    paths = [path / steps[-1] for path, _ in view.blocks(*steps[:-1])]
    yield from dict.fromkeys(address for path in paths for address in view.references(*path))


def _literals(view: TerraformResource, steps: Sequence[str]) -> Iterator[str]:
    for _, block in view.blocks(*steps[:-1]):
        value = block.get(steps[-1]) if isinstance(block, dict) else None
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str):
                yield each


def _type(name: str) -> str:
    return name.replace("aws_alb", "aws_lb") if "aws_alb" in name else name


def _split(address: str) -> tuple[str, str]:
    """An address without the key of the resource itself, and that key."""
    if not address.endswith("]"):
        return address, ""
    start = address.rfind('["') if address.endswith('"]') else address.rfind("[")
    return address[:start], address[start:]
