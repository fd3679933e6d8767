"""Terraform resources of one run, by what belongs to what: ``platform.derived(TerraformIndex)``."""

from collections.abc import Iterator, Sequence

from conformant.model import Resource, Step, Unknown
from conformant.platform import Platform
from conformant.views.terraform import TerraformLinks, TerraformModuleCall, TerraformResource


class TerraformIndex:
    """Answers which resources set up another one, which module they stand in, and what an
    attribute refers to. Resources of different roots are told apart."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._links = TerraformLinks(platform.resources)
        self._addresses: dict[tuple[str, str], Resource] = {}
        self._modules: set[tuple[str, str]] = set()
        self._owners: dict[tuple[str, str, str], dict[int, TerraformResource]] = {}
        self._passed: dict[tuple[str, str], list[TerraformModuleCall]] | None = None
        for resource in platform.resources:
            if resource.family == "terraform":
                root = resource.meta.root
                self._addresses.setdefault((root, resource.address), resource)
                self._modules.add((root, resource.namespace))

    def of_type(self, type: str) -> list[TerraformResource]:
        """All resources of a type."""
        return [self._view(resource) for resource in self._platform.kind(f"/{type}", "terraform")]

    def settings(self, owner: TerraformResource, type: str, attribute: str) -> list[TerraformResource]:
        """The resources of `type` whose `attribute` means `owner`: its public access block, its rotation."""
        return [self._view(each) for each in self._links.linked(owner.resource, type, attribute)]

    def owner(self, setting: TerraformResource, type: str, attribute: str) -> TerraformResource | None:
        """The resource of `type` that `setting` belongs to by its `attribute`; None when it is not known here."""
        key = type, setting.type, attribute
        if key not in self._owners:
            owners = self._owners[key] = {}
            for owner in self.of_type(type):
                for each in self._links.linked(owner.resource, setting.type, attribute):
                    owners.setdefault(id(each), owner)
        return self._owners[key].get(id(setting.resource))

    def targets(self, resource: TerraformResource, *steps: Step) -> list[TerraformResource]:
        """The known resources that an attribute refers to."""
        root = resource.meta.root
        found = (self._addresses.get((root, address)) for address in resource.references(*steps))
        return [self._view(each) for each in found if each is not None]

    def call(self, resource: TerraformResource) -> TerraformModuleCall | None:
        """The call of the module that `resource` stands in; None in a root or a library."""
        found = self._addresses.get((resource.meta.root, resource.module)) if resource.module else None
        return self._platform.view(found, TerraformModuleCall) if found is not None else None

    def is_read(self, call: TerraformModuleCall) -> bool:
        """Whether the module that is called could be read."""
        return (call.meta.root, call.address) in self._modules

    def inside(self, call: TerraformModuleCall, type: str) -> Iterator[TerraformResource]:
        """The resources of `type` in the module that is called and in the modules below it."""
        for each in self.of_type(type):
            within = each.module == call.address or each.module.startswith(f"{call.address}.")
            if within and each.meta.root == call.meta.root:
                yield each

    def passed_to(self, resource: TerraformResource, *words: str) -> TerraformModuleCall | None:
        """The call of an unread module, with one of `words` in its source, that is given `resource`: it may hold
        what seems to be absent."""
        if self._passed is None:
            self._passed = {}
            for call in self._platform.of(TerraformModuleCall):
                if not self.is_read(call):
                    for address in {each for found in call.meta.references.values() for each in found}:
                        self._passed.setdefault((call.meta.root, address), []).append(call)
        calls = self._passed.get((resource.meta.root, resource.address), ())
        return next((call for call in calls if any(word in call.source for word in words)), None)

    def _view(self, resource: Resource) -> TerraformResource:
        return self._platform.view(resource, TerraformResource)


def written(resource: TerraformResource, *steps: Step) -> str:
    """The expression of an attribute as it is written, for comparing unknown values: two that are written alike in
    one module are equal. Empty where the attribute is not written or only a plan is known."""
    meta = resource.meta
    block = getattr(meta, "block", None) or getattr(getattr(meta, "hcl", None), "block", None)
    *way, name = steps
    position = 0
    while block is not None and position < len(way):
        nested, nth = block.of(way[position]), way[position + 1]
        block = nested[nth] if isinstance(nth, int) and nth < len(nested) else None
        position += 2
    attribute = block.attributes.get(name) if block is not None else None
    return str(block.text(attribute.value)) if block is not None and attribute is not None else ""


def identity(resource: TerraformResource, *steps: Step) -> str:
    """What tells the value of an attribute apart: the value itself where it is known (in lower case), else a mark
    that starts with ``?`` and is equal only for expressions that certainly have the same value."""
    value = resource.raw
    for step in steps:
        if isinstance(value, Unknown):
            break
        value = _child(value, step)
    if not isinstance(value, Unknown):
        return str(value).lower() if isinstance(value, str | int) else ""
    text = " ".join(written(resource, *steps).split())
    if not text or "each." in text or "count." in text:
        return f"?{resource.meta.root}|{resource.address}|{text}"
    return f"?{resource.meta.root}|{resource.module}|{text}"


def certain(settings: Sequence[TerraformResource], owner: TerraformResource) -> list[TerraformResource]:
    """Those of `settings` that exist whenever `owner` does."""
    return [each for each in settings if not each.doubt or each.doubt == owner.doubt]


def _child(value: object, step: Step) -> object:
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return None
