"""Text values wherever they stand: what checks on literals walk through."""

from collections.abc import Iterator, Sequence
from re import Pattern
from typing import Any, ClassVar

from conformant.model import Path, Step
from conformant.views.base import View
from conformant.views.workload import Workload

HOLDERS = (Workload.kinds or frozenset()) | {"/ConfigMap"}
BUILT_IN = frozenset({
    "", "apps", "batch", "autoscaling", "policy", "extensions", "networking.k8s.io", "rbac.authorization.k8s.io",
    "storage.k8s.io", "scheduling.k8s.io", "node.k8s.io", "coordination.k8s.io", "discovery.k8s.io",
    "certificates.k8s.io", "policy.networking.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io",
    "flowcontrol.apiserver.k8s.io", "snapshot.storage.k8s.io", "resource.k8s.io",
})  # fmt: skip
"""API groups whose objects have a fixed form, without free settings."""


class Anything(View):
    """Any Kubernetes object, Terraform block or embedded config."""

    __slots__ = ()
    family: ClassVar[str] = "any"
    kinds: ClassVar[frozenset[str] | None] = None

    @property
    def configurable(self) -> bool:
        """Whether settings of programs may stand in it: workloads, ConfigMaps, custom resources,
        Terraform and configs, but not the API's own objects of fixed form (NetworkPolicies, roles …)."""
        resource = self.resource
        if resource.family != "kubernetes":
            return True
        key = f"{resource.group}/{resource.kind}"
        return key in HOLDERS or (resource.group not in BUILT_IN and "." in resource.group)

    def may_hold(self, pattern: "Pattern[str]") -> bool:
        """Whether the text that the resource was read from holds the pattern anywhere: a cheap
        way to leave out most resources. True where the text is not at hand."""
        search = getattr(self.resource.meta, "search", None)
        return True if search is None else bool(search(pattern))

    def may_mention(self, words: Sequence[str]) -> bool:
        """As `may_hold`, for plain words: cheaper still."""
        resource, parent = self.resource, self.resource.parent
        if parent is not None and not parent.raw.get("binaryData"):
            resource = parent
        holds = getattr(resource.meta, "holds", None)
        return True if holds is None else bool(holds(words))

    def texts(self, holding: str = "") -> Iterator[tuple[Path, str]]:
        """(path, text) of every text value that holds `holding`; unknown values are left out."""
        return texts(self.raw, holding)


def texts(value: Any, holding: str = "") -> Iterator[tuple[Path, str]]:
    """(path, text) of every text below `value` that holds `holding`, in document order."""
    stack: list[tuple[tuple[Step, ...], Any]] = [((), value)]
    while stack:
        where, one = stack.pop()
        kind = one.__class__
        if kind is str:
            yield Path(where), one
        elif kind is dict:
            for key in reversed(one):
                entry = one[key]
                if entry.__class__ is not str or holding in entry:
                    stack.append(((*where, key), entry))
        elif kind is list:
            for index in range(len(one) - 1, -1, -1):
                entry = one[index]
                if entry.__class__ is not str or holding in entry:
                    stack.append(((*where, index), entry))
