"""Istio's RequestAuthentication, and the policies that make its tokens mandatory."""

from typing import Any, ClassVar

from conformant.model import Path, Step, dig, mapping, sequence
from conformant.views.base import Object
from conformant.views.selector import equals


class Targeted(Object):
    """A policy of Istio's that is for some workloads, some gateways, or all of a namespace."""

    __slots__ = ()

    @property
    def selector(self) -> dict[Any, Any]:
        """The labels of the pods that it is for; empty where it has no selector."""
        return self.map("spec", "selector", "matchLabels")

    @property
    def targets(self) -> frozenset[tuple[str, str]]:
        """(kind, name) of the Gateways and Services that it is attached to."""
        stated = [*self.list("spec", "targetRefs"), self.get("spec", "targetRef")]
        return frozenset(
            (str(dig(target, "kind")), str(dig(target, "name"))) for target in stated if isinstance(target, dict)
        )

    def selects(self, labels: dict[Any, Any]) -> bool:
        """Whether it is for pods with these labels, by its selector."""
        return not self.targets and equals(self.selector, labels)


class RequestAuthentication(Targeted):
    """``security.istio.io`` RequestAuthentication: which tokens are valid. It does not demand one."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"security.istio.io/RequestAuthentication"})

    @property
    def rules(self) -> "list[tuple[Path, dict[Any, Any]]]":
        """The rules for tokens, with their paths."""
        return [
            (Path(("spec", "jwtRules", index)), rule)
            for index, rule in enumerate(self.list("spec", "jwtRules"))
            if isinstance(rule, dict)
        ]


class TokenPolicy(Targeted):
    """``security.istio.io`` AuthorizationPolicy, as to what it says of tokens."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"security.istio.io/AuthorizationPolicy"})

    @property
    def action(self) -> str:
        """ALLOW (also where absent), DENY, AUDIT or CUSTOM."""
        return str(self.get("spec", "action") or "ALLOW")

    @property
    def rules(self) -> "list[dict[Any, Any]]":
        return [mapping(rule) for rule in self.list("spec", "rules")]


def demands(rule: dict[Any, Any]) -> bool:
    """Whether a rule that allows is for requests with a valid token alone."""
    sources = [mapping(origin, "source") for origin in sequence(rule, "from")]
    if sources and all(sequence(source, "requestPrincipals") for source in sources):
        return True
    return any(_of_token(term) and sequence(term, "values") for term in sequence(rule, "when"))


def rejects(rule: dict[Any, Any]) -> bool:
    """Whether a rule that denies is for requests without a valid token."""
    sources = [mapping(origin, "source") for origin in sequence(rule, "from")]
    if any("*" in sequence(source, "notRequestPrincipals") for source in sources):
        return True
    return any(_of_token(term) and sequence(term, "notValues") for term in sequence(rule, "when"))


def _of_token(term: Any) -> bool:
    key = dig(term, "key")
    return isinstance(key, str) and key.startswith("request.auth.")


def operations(rule: dict[Any, Any], *fields: Step) -> bool:
    """Whether every operation that a rule is for is narrowed by one of these fields."""
    entries = [mapping(entry, "operation") for entry in sequence(rule, "to")]
    return bool(entries) and all(any(sequence(entry, field) for field in fields) for entry in entries)


def anyone(rule: dict[Any, Any]) -> bool:
    """Whether a rule is for every source, or for whoever has any identity at all."""
    sources = [mapping(origin, "source") for origin in sequence(rule, "from")]
    if not sources:
        return not sequence(rule, "when")
    named = ("principals", "namespaces", "ipBlocks", "remoteIpBlocks", "serviceAccounts", "requestPrincipals")
    return any(all(entry == "*" for field in named for entry in sequence(source, field)) for source in sources)
