"""The settings of the whole mesh, wherever the input states them."""

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from conformant.model import Path, Resource, Step, dig, mapping
from conformant.platform import Platform


class Setting(Struct, frozen=True):
    """A value of the mesh's settings and where it stands; `value` is None where it is not stated."""

    value: Any
    resource: Resource
    path: Path


class MeshConfig:
    """What Istio is installed with: the ConfigMap ``istio``, an IstioOperator, the operator's Istio.
    Use with `Platform.derived`."""

    def __init__(self, platform: Platform) -> None:
        self._stated = list(_stated(platform))

    @property
    def known(self) -> bool:
        """Whether the settings are part of the input."""
        return bool(self._stated)

    def get(self, *steps: Step) -> Setting | None:
        """The value at `steps`; without a value the place where it belongs, None where nothing is known."""
        found: Setting | None = None
        for resource, path, raw in self._stated:
            value = dig(raw, *steps)
            if found is None or (found.value is None and value is not None):
                found = Setting(value, resource, Path((*path, *steps)))
        return found


def _stated(platform: Platform) -> Iterator[tuple[Resource, Path, dict[Any, Any]]]:
    root = platform.profile.mesh.root_namespace
    for resource in platform.kind("/ConfigText", "config"):
        holder = resource.parent
        named = holder is not None and (holder.name == "istio" or holder.name.startswith("istio-"))
        if resource.name == "mesh" and named and resource.namespace == root and isinstance(resource.raw, dict):
            yield resource, Path(), resource.raw
    for key, steps in (
        ("install.istio.io/IstioOperator", ("spec", "meshConfig")),
        ("sailoperator.io/Istio", ("spec", "values", "meshConfig")),
    ):
        for resource in platform.kind(key):
            yield resource, Path(steps), mapping(resource.raw, *steps)
