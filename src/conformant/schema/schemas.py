"""The schemas of one run: Kubernetes' own kinds at the target version, and the custom kinds at hand."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from conformant.model import Path, Undecided, Unknown
from conformant.regex import lazy
from conformant.schema.builtin import CLUSTER_SCOPED, GROUPS, Builtin
from conformant.schema.compiled import Accepts, Compiler
from conformant.schema.crds import CustomKind, custom_kinds
from conformant.schema.node import Node
from conformant.schema.problem import Problem
from conformant.schema.rules import rejected
from conformant.schema.versions import status

_NAMELESS = lazy(r".*Review|TokenRequest|Binding|Eviction|.*List|Status|.*Options|Scale")


class Served(Struct, frozen=True):
    """Whether a kind is served at a version.

    `state` is ``served``, ``deprecated``, ``removed`` (once served, or no longer by the target),
    ``unserved`` (the API server has the group or kind, but not so) or ``unknown`` (nothing at hand
    knows the kind: no verdict). `since` and `removed_in` are versions of `component`; `replacement`
    an apiVersion, with ``:Kind`` where that changes; `versions` the served ones, newest first for
    Kubernetes' own kinds, in the order of the definition for custom ones.
    """

    state: str
    component: str = ""
    since: str = ""
    removed_in: str = ""
    replacement: str = ""
    source: str = ""
    versions: tuple[str, ...] = ()
    note: str = ""


class Schemas:
    """Answers what the API server would make of an object. Cheap to create; everything is read and
    compiled on first use."""

    def __init__(
        self, *, kubernetes: str = "", crds: Iterable[Any] = (), components: Mapping[str, str] | None = None
    ) -> None:
        """`kubernetes` is the target version (``1.34``; empty: the newest known), `crds` documents
        of which the CustomResourceDefinitions count, `components` versions of operators.

        Raises ValueError where `kubernetes` is no version.
        """
        self.builtin = Builtin(kubernetes)
        self.kubernetes = kubernetes
        self._custom = custom_kinds(crds)
        self._components = {**(components or {}), "kubernetes": kubernetes or self.builtin.version}
        self._compiler = Compiler()
        self._kinds: dict[tuple[str, str, str], Accepts | None] = {}
        self._states: dict[tuple[str, str, str], Served] = {}
        self._judged: dict[tuple[int, str, str, str], tuple[Any, list[Problem]]] = {}

    @property
    def used(self) -> str:
        """The Kubernetes version whose schemas are used: the nearest at hand."""
        return self.builtin.version

    def knows(self, group: str, version: str, kind: str) -> bool:
        """Whether there is a schema to judge such objects by."""
        return self._accepting(group, version, kind) is not None

    def problems(self, group: str, version: str, kind: str, raw: Any) -> list[Problem]:
        """Everything that the schema finds wrong with `raw`, in document order.

        Of a kind without schema only the metadata is judged. Values that are not known are skipped.
        An object is walked once: it must not change while these schemas are in use.
        """
        key = (id(raw), group, version, kind)
        judged = self._judged.get(key)
        if judged is None:
            judged = self._judged[key] = (raw, self._problems(group, version, kind, raw))
        return judged[1]

    def _problems(self, group: str, version: str, kind: str, raw: Any) -> list[Problem]:
        if raw.__class__ is Unknown:
            return []
        accepts = self._accepting(group, version, kind)
        metadata = raw.get("metadata") if raw.__class__ is dict else None
        try:
            if accepts is None:
                faults = self.builtin.metadata.faults(metadata) if metadata is not None else ()
                return [fault.problem("metadata") for fault in faults]
            problems = [] if accepts(raw) else [fault.problem() for fault in accepts.node.faults(raw)]
        except RecursionError:
            return [Problem("rule", message="nested too deeply to be judged")]
        if _lacks_name(metadata) and not _NAMELESS.fullmatch(kind):
            problems.append(Problem("required", Path(("metadata", "name")), "'name' or 'generateName' is required"))
        return problems

    def rejections(self, group: str, version: str, kind: str, raw: Any) -> Iterator[Problem | Undecided]:
        """Why the API server would refuse `raw`: the schema's problems but for unknown fields, and
        what `rejected` adds at other places."""
        places: set[Path] = set()
        for problem in self.problems(group, version, kind, raw):
            if problem.kind != "unknown":
                places.add(problem.path)
                yield problem
        for found in rejected(group, version, kind, raw, self.kubernetes):
            if isinstance(found, Undecided) or found.path not in places:
                yield found

    def unknown_fields(self, group: str, version: str, kind: str, raw: Any) -> list[Problem]:
        """The fields of `raw` that its schema does not have."""
        return [each for each in self.problems(group, version, kind, raw) if each.kind == "unknown"]

    def served(self, group: str, version: str, kind: str) -> Served:
        """Whether the target serves the kind at this version, and what to use instead."""
        key = (group, version, kind)
        state = self._states.get(key)
        if state is None:
            state = self._states[key] = self._state(group, version, kind)
        return state

    def _state(self, group: str, version: str, kind: str) -> Served:
        custom = self._custom.get((group, kind))
        if custom is not None and group not in GROUPS:
            return _custom_state(custom, group, version)
        told = status(f"{group}/{version}" if group else version, kind, self._components)
        if told is not None:
            return Served(told.state, told.component, told.since, told.removed_in, told.replacement, told.source)
        if group not in GROUPS:
            return Served("unknown")
        if self.builtin.kind(group, version, kind) is not None:
            return Served("served", "kubernetes", versions=(version,))
        versions = tuple(each for each in self.builtin.versions_of(group, kind) if self.builtin.kind(group, each, kind))
        replacement = f"{group}/{versions[0]}".removeprefix("/") if versions else ""
        return Served("unserved", "kubernetes", self.used, replacement=replacement, versions=versions)

    def scope(self, group: str, kind: str) -> str | None:
        """``Namespaced`` or ``Cluster``; None for a kind that nothing at hand knows."""
        if group in GROUPS:
            if kind in CLUSTER_SCOPED:
                return "Cluster"
            known = self.builtin.versions_of(group, kind)
            return "Namespaced" if known else None
        custom = self._custom.get((group, kind))
        return custom.scope if custom else None

    def not_evaluated(self, group: str, version: str, kind: str, raw: Any) -> list[str]:
        """The CEL rules of a custom kind that apply to `raw` and are not evaluated here, each as
        ``path: rule``."""
        custom = self._custom.get((group, kind))
        return custom.rules(version, raw) if custom else []

    def _accepting(self, group: str, version: str, kind: str) -> Accepts | None:
        key = (group, version, kind)
        if key not in self._kinds:
            node = self._node(group, version, kind)
            self._kinds[key] = Accepts(node, self._compiler) if node else None
        return self._kinds[key]

    def _node(self, group: str, version: str, kind: str) -> Node | None:
        if group in GROUPS:
            return self.builtin.kind(group, version, kind)
        custom = self._custom.get((group, kind))
        known = custom.versions.get(version) if custom else None
        return known.node(lambda: self.builtin.metadata) if known else None


def _lacks_name(metadata: Any) -> bool:
    if metadata is None:
        return True
    if metadata.__class__ is not dict:
        return False
    names = (metadata.get("name"), metadata.get("generateName"))
    return all(name.__class__ is not Unknown and name in (None, "") for name in names)


def _custom_state(custom: CustomKind, group: str, version: str) -> Served:
    served = tuple(custom.served)
    known = custom.versions.get(version)
    source = "its CustomResourceDefinition"
    current = next((name for name in served if not custom.versions[name].deprecated), "")
    replacement = f"{group}/{current}" if current else ""
    if known is None or not known.served:
        return Served("unserved", replacement=replacement, source=source, versions=served)
    if known.deprecated:
        return Served("deprecated", replacement=replacement, source=source, versions=served, note=known.warning)
    return Served("served", source=source, versions=served)
