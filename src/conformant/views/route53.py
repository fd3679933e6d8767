"""Records of Route 53."""

from typing import Any

from conformant.model import Path
from conformant.views.terraform import TerraformResource

ROUTING = (
    "failover", "weighted", "latency", "geolocation", "geoproximity", "multivalue_answer", "cidr",
)  # fmt: skip
CLOUDFRONT_ZONE = "Z2FDTNDATAQYW2"
"""The hosted zone of every CloudFront distribution."""


class DnsRecord(TerraformResource):
    """A record set."""

    __slots__ = ()
    kinds = frozenset({"aws_route53_record"})

    @property
    def routing(self) -> str:
        """How one of several records is chosen: ``failover``, ``weighted`` …, empty for a simple record."""
        return next((name for name in ROUTING if self.has(f"{name}_routing_policy")), "")

    @property
    def role(self) -> str:
        """``PRIMARY`` or ``SECONDARY`` (or what else is written) of a failover record. Raises Undecided."""
        return str(self.get(*self.role_path) or "")

    @property
    def role_path(self) -> Path:
        return Path(("failover_routing_policy", 0, "type"))

    @property
    def is_alias(self) -> bool:
        return self.has("alias")

    @property
    def target_path(self) -> Path:
        """Where the record says what it points to."""
        return Path(("alias", 0, "name")) if self.is_alias else Path(("records",))

    @property
    def is_to_cloudfront(self) -> bool:
        """Whether the alias means a CloudFront distribution; False where that cannot be seen."""
        alias = self._alias
        if alias.get("zone_id").__class__ is str and alias["zone_id"] == CLOUDFRONT_ZONE:
            return True
        name = alias.get("name")
        if name.__class__ is str:
            return bool(name.rstrip(".").endswith(".cloudfront.net"))
        return any(".aws_cloudfront_" in f".{address}" for address in self.references("alias", 0, "name"))

    @property
    def _alias(self) -> dict[str, Any]:
        found = next((block for _, block in self.blocks("alias")), None)
        return found if found.__class__ is dict else {}
