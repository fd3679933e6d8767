"""Plans (``terraform show -json``) to resources."""

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from conformant.load.terraform.configuration import (
    Configuration,
    is_expression,
    module_names,
    references_in,
    settings,
    without_keys,
)
from conformant.load.terraform.meta import Meta, document
from conformant.load.terraform.policy import from_data, normal
from conformant.model import ROOT, FileCoverage, Path, Place, Resource, Step, Unknown

_GONE = (["delete"], ["forget"])


class PlanMeta:
    """Of a resource read from a plan; the same questions as `Meta` answers. `twin` is the resource
    read from HCL that this one replaces, if one was given."""

    role = "plan"
    doubt = ""
    undeclared: tuple[()] = ()

    def __init__(self, plan: "Plan", resource: dict[str, Any], configured: dict[str, Any]) -> None:
        self.plan = plan
        self.configured = configured
        self.module = resource.get("module_address", "")
        self.type = resource.get("type", "")
        self.twin: Resource | None = None
        self.own_region: Any = None
        self._references: dict[str, tuple[str, ...]] | None = None

    @property
    def hcl(self) -> Meta | None:
        """What the twin's loader knows."""
        return self.twin.meta if self.twin is not None and isinstance(self.twin.meta, Meta) else None

    @property
    def directory(self) -> str:
        return self.hcl.directory if self.hcl else self.plan.file

    @property
    def root(self) -> str:
        return self.hcl.root if self.hcl else self.plan.file

    @property
    def references(self) -> dict[str, tuple[str, ...]]:
        if self._references is None:
            follow, for_each = self.plan.configuration.addresses, self.configured.get("for_each_expression")
            found = references_in(self.configured.get("expressions"))
            self._references = {name: follow(each, self.module, for_each) for name, each in found}
            if self.hcl:  # the configuration knows no locals and no dynamic blocks
                self._references = {**self.hcl.references, **{k: v for k, v in self._references.items() if v}}
        return self._references

    @property
    def provider(self) -> str:
        key = str(self.configured.get("provider_config_key", ""))
        return key.rpartition(":")[2] or self.type.partition("_")[0]

    @property
    def region(self) -> str | None:
        if isinstance(self.own_region, str) and self.type.startswith(("aws_", "google_")):
            return self.own_region
        found = self.plan.configuration.region(str(self.configured.get("provider_config_key", "")))
        return found or (self.hcl.region if self.hcl else None)

    @property
    def place(self) -> Place:
        return self.twin.locator.place(ROOT) if self.twin else self.plan.place(self.module)

    @property
    def set_attributes(self) -> frozenset[str]:
        expressions = self.configured.get("expressions")
        own = frozenset(expressions) if isinstance(expressions, dict) else frozenset()
        return own | self.hcl.set_attributes if self.hcl else own

    @property
    def lifecycle(self) -> dict[str, Any]:
        return self.hcl.lifecycle if self.hcl else {}

    def document(self, raw: Any, path: Path) -> Any:
        """See `Meta.document`."""
        found = document(raw, path)
        if not isinstance(found, Unknown):
            return found
        if self.twin is not None and self.hcl is not None:
            known = self.hcl.document(self.twin.raw, path)
            if known is not None:
                return known
        for address in self.references.get(str(path), ()):
            source = self.plan.by_address.get(address)
            if source is not None and source.kind == "data.aws_iam_policy_document":
                return normal(from_data(source.raw))
        return found


class Plan:
    """One plan: its text for places, its configuration, its resources by address."""

    def __init__(self, file: str, data: bytes, plan: dict[str, Any]) -> None:
        self.file = file
        self.data = data
        self.plan = plan
        self.configuration = Configuration(plan)
        self.by_address: dict[str, Resource] = {}
        self._lines: list[int] | None = None

    def place(self, address: str) -> Place:
        """Where the plan's text speaks of an address."""
        quoted = json.dumps(address).encode()
        offset = max(0, self.data.find(b'"address":' + quoted), self.data.find(b'"address": ' + quoted))
        if self._lines is None:
            self._lines = [0]
            position = self.data.find(b"\n")
            while position >= 0:
                self._lines.append(position + 1)
                position = self.data.find(b"\n", position + 1)
        line = bisect_right(self._lines, offset)
        return Place(self.file, line, offset - self._lines[line - 1] + 1)

    def resources(self) -> Iterator[Resource]:
        for change in _dicts(self.plan.get("resource_changes")):
            changes = change.get("change")
            if isinstance(changes, dict) and changes.get("actions") not in _GONE:
                yield self._resource(
                    change, changes.get("after"), changes.get("after_unknown"), changes.get("after_sensitive")
                )
        state = self.plan.get("prior_state")
        if isinstance(state, dict) and isinstance(state.get("values"), dict):
            for found in _states(state["values"].get("root_module")):
                if found.get("mode") == "data" and found.get("address") not in self.by_address:
                    yield self._resource(found, found.get("values"), {}, found.get("sensitive_values"))

    def _resource(self, found: dict[str, Any], after: Any, unknown: Any, sensitive: Any) -> Resource:
        address, module = str(found.get("address", "")), str(found.get("module_address", ""))
        local = without_keys(address[len(module) + 1 :] if module else address)
        configured = self.configuration.resource(module_names(module), local)
        meta = PlanMeta(self, found, configured)
        raw = _joined(after, unknown, sensitive, configured.get("expressions"), ROOT)
        prefix = "data." if found.get("mode") == "data" else ""
        key = found.get("index")
        suffix = "" if key is None else f"[{key}]" if isinstance(key, int) else f"[{json.dumps(key)}]"
        resource = Resource(
            family="terraform", group="", version="", kind=prefix + str(found.get("type", "")), namespace=module,
            name=f"{found.get('name', '')}{suffix}", raw=raw if isinstance(raw, dict) else {},
            locator=PlanLocator(self, address), source="plan", address=address, meta=meta,
        )  # fmt: skip
        meta.own_region = resource.raw.get("region")
        self.by_address[address] = resource
        return resource

    def declarations(self) -> Iterator[Resource]:
        """Provider configurations and the module calls of the root, for a plan without its HCL."""
        for name, call in _items(self.configuration.root.get("module_calls")):
            values = {
                key: part["constant_value"] if "constant_value" in part
                else Unknown(f"{key} is not a constant", self.configuration.addresses(part.get("references", ()), ""))
                for key, part in _items(call.get("expressions"))
            }  # fmt: skip
            raw = {"source": call.get("source"), "version": call.get("version_constraint"), **values}
            yield self._declaration("module", name, f"module.{name}", raw, call)
        for name, provider in _items(self.configuration.providers):
            values = {
                key: part["constant_value"] if "constant_value" in part else Unknown(f"{key} is not a constant")
                for key, part in _items(provider.get("expressions"))
                if is_expression(part)
            }
            yield self._declaration("provider", name, f"provider.{name}", values, provider)

    def _declaration(self, kind: str, name: str, address: str, raw: dict[str, Any], configured: Any) -> Resource:
        return Resource(
            family="terraform", group="", version="", kind=kind, namespace="", name=name,
            raw={key: value for key, value in raw.items() if value is not None},
            locator=PlanLocator(self, address), source="plan", address=address,
            meta=PlanMeta(self, {}, configured),
        )  # fmt: skip


class PlanLocator:
    """Places in the HCL of a resource's twin, else where the plan speaks of the resource."""

    __slots__ = ("address", "plan", "raw", "twin")

    def __init__(self, plan: Plan, address: str) -> None:
        self.plan = plan
        self.address = address
        self.twin: Resource | None = None
        self.raw: Any = None

    def place(self, path: Sequence[Step]) -> Place:
        if self.twin is None:
            return self.plan.place(self.address)
        return self.twin.locator.place(self._in_twin(path))

    def comments(self, path: Sequence[Step]) -> Iterable[tuple[int, str]]:
        return () if self.twin is None else self.twin.locator.comments(self._in_twin(path))

    def _in_twin(self, path: Sequence[Step]) -> list[Step]:
        """The path with the indexes that elements have in HCL: a plan orders sets by itself."""
        steps: list[Step] = []
        planned: Any = self.raw
        written: Any = self.twin.raw if self.twin else None
        for step in path:
            inner = _at(planned, step)
            if isinstance(step, int) and isinstance(inner, dict) and isinstance(written, list):
                step = max(range(len(written)), key=lambda nth: _alike(inner, written[nth], nth == step), default=step)
            steps.append(step)
            planned, written = inner, _at(written, step)
        return steps


def _at(value: Any, step: Step) -> Any:
    if isinstance(value, dict):
        return value.get(step)
    return value[step] if isinstance(value, list) and isinstance(step, int) and step < len(value) else None


def _alike(planned: dict[str, Any], written: Any, same_index: bool) -> tuple[int, bool]:
    if not isinstance(written, dict):
        return -1, same_index
    scalars = (str, int, float, bool)
    equal = sum(
        1 for key, value in written.items()
        if isinstance(value, scalars) and isinstance(planned.get(key), scalars) and value == planned[key]
    )  # fmt: skip
    return equal, same_index


def _joined(after: Any, unknown: Any, sensitive: Any, expressions: Any, path: Path) -> Any:
    """The value that a plan gives to a path, None where it is absent: unset attributes that a
    provider may fill in are absent, not unknown."""
    if unknown is True:
        if not _is_set(expressions, path):
            return None
        return Unknown(f"{path} is known after apply", _mentioned(expressions, path))
    if sensitive is True and after is not None:
        return Unknown(f"{path} is sensitive", _mentioned(expressions, path))
    if isinstance(after, dict) or (after is None and isinstance(unknown, dict)):
        known = after or {}
        keys = [*known, *(key for key in _dict(unknown) if key not in known)]
        joined = {
            key: _joined(known.get(key), _dict(unknown).get(key), _dict(sensitive).get(key), expressions, path / key)
            for key in keys
        }
        made = {key: value for key, value in joined.items() if value is not None}
        return made if made or after is not None or path == ROOT else None
    if (after == [] or after == "") and not settings(expressions, *path):
        return None
    if isinstance(after, list):
        unknowns, marks = _list(unknown, len(after)), _list(sensitive, len(after))
        return [_joined(value, unknowns[nth], marks[nth], expressions, path / nth) for nth, value in enumerate(after)]
    return after


def _is_set(expressions: Any, path: Path) -> bool:
    """Whether the configuration sets a path. What is inside a block that the configuration does
    not show comes from a dynamic block, and counts as set."""
    if settings(expressions, *path):
        return True
    return len(path) > 1 and not settings(expressions, path[0])


def _mentioned(expressions: Any, path: Path) -> list[str]:
    found = settings(expressions, *path)
    return [name for part in found if is_expression(part) for name in part.get("references", ())]


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _items(value: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(key, each) for key, each in _dict(value).items() if isinstance(each, dict)]


def _list(value: Any, size: int) -> list[Any]:
    found = value if isinstance(value, list) else []
    return [*found, *([None] * (size - len(found)))]


def _states(module: Any) -> Iterator[dict[str, Any]]:
    yield from _dicts(_dict(module).get("resources"))
    for child in _dicts(_dict(module).get("child_modules")):
        for resource in _states(child):
            yield {"module_address": child.get("address", ""), **resource}


def read_plan(file: str, data: bytes, hcl: Sequence[Resource]) -> tuple[list[Resource], list[FileCoverage]]:
    """See `load_plan`."""
    try:
        decoded = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return list(hcl), [FileCoverage(file, "unreadable", 0, f"not JSON: {error}", _fault(file, data))]
    version = str(_dict(decoded).get("format_version", ""))
    if "resource_changes" not in _dict(decoded) or version.partition(".")[0] not in ("0", "1"):
        reason = f"not a plan of format 1 (format_version {version or 'absent'})"
        return list(hcl), [FileCoverage(file, "unreadable", 0, reason, Place(file))]
    plan = Plan(file, data, decoded)
    planned = list(plan.resources())
    remaining = _joined_with(planned, hcl)
    if not hcl:
        planned.extend(plan.declarations())
    return [*remaining, *planned], [FileCoverage(file, "read", len(planned))]


def _fault(file: str, data: bytes) -> Place:
    try:
        json.loads(data)
    except json.JSONDecodeError as error:
        return Place(file, error.lineno, error.colno)
    except (UnicodeDecodeError, RecursionError):
        pass
    return Place(file)


def _joined_with(planned: list[Resource], hcl: Sequence[Resource]) -> list[Resource]:
    """Give each planned resource its twin; returns the HCL resources that the plan leaves alone.

    The plan belongs to the root that has most of its addresses. What that root may or may not
    create (`doubt`) the plan has decided.
    """
    addresses = {without_keys(resource.address) for resource in planned}
    matches: dict[str, int] = {}
    for resource in hcl:
        if isinstance(resource.meta, Meta) and without_keys(resource.address) in addresses:
            matches[resource.meta.root] = matches.get(resource.meta.root, 0) + 1
    root = max(matches, key=lambda name: matches[name], default=None)
    exact: dict[str, Resource] = {}
    blocks: dict[str, Resource] = {}
    remaining: list[Resource] = []
    for resource in hcl:
        mine = isinstance(resource.meta, Meta) and resource.meta.root == root
        bare = without_keys(resource.address)
        if mine and bare in addresses:
            exact[resource.address] = resource
            blocks.setdefault(bare, resource)
        elif not (mine and resource.meta.doubt and "_" in resource.kind):
            remaining.append(resource)
    for resource in planned:
        twin = exact.get(resource.address) or blocks.get(without_keys(resource.address))
        locator = resource.locator
        if twin is not None and isinstance(locator, PlanLocator):
            resource.meta.twin = twin
            locator.twin = twin
            locator.raw = resource.raw
    return remaining
