"""Istio's objects: PeerAuthentication, DestinationRule, AuthorizationPolicy and their like."""

from typing import Any, ClassVar

from conformant.model import Path, dig, mapping
from conformant.views.base import Object
from conformant.views.selector import equals


class PeerAuthentication(Object):
    """``security.istio.io`` PeerAuthentication: who must speak mTLS to the pods it selects."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"security.istio.io/PeerAuthentication"})

    @property
    def selector(self) -> dict[Any, Any]:
        """The labels that select pods; empty for a policy of the namespace or the mesh."""
        return self.map("spec", "selector", "matchLabels")

    def selects(self, labels: dict[Any, Any]) -> bool:
        return equals(self.selector, labels)

    @property
    def mode(self) -> str:
        """STRICT, PERMISSIVE, DISABLE or UNSET (also where absent)."""
        mode = self.get("spec", "mtls", "mode")
        return mode if isinstance(mode, str) else "UNSET"

    @property
    def mode_path(self) -> Path:
        return Path(("spec", "mtls", "mode"))

    @property
    def port_modes(self) -> dict[int, str]:
        """The modes of single container ports; UNSET where a port has none."""
        modes: dict[int, str] = {}
        for port, setting in self.map("spec", "portLevelMtls").items():
            if str(port).isdigit():
                modes[int(port)] = str(dig(mapping(setting), "mode") or "UNSET")
        return modes


class DestinationRule(Object):
    """``networking.istio.io`` DestinationRule: how clients talk to a host."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"networking.istio.io/DestinationRule"})

    @property
    def host(self) -> str:
        host = self.get("spec", "host")
        return host if isinstance(host, str) else ""
