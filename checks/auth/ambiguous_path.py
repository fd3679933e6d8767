"""The paths of authorization rules can be read in more than one way.

What it checks: A pattern that ends in /* has a companion for the bare path, which it does not cover; two rules
that cover one path by the same method have the same permissions, or something says which of them counts
(precedence, order, priorities); and the config says how paths are made uniform before they are compared
(path_normalization: encoded slashes, double slashes, ..).

Why it matters: /api/orders, /api/orders/ and //api/orders are one resource to the service and three to a
pattern. Whoever finds the spelling that no rule covers is past the check.

How to fix: A rule for the bare path, one precedence, and path_normalization.

When it is fine: Gateways that make paths uniform in front of the config; say so in it.
"""

from collections.abc import Iterator
from itertools import combinations

from conformant.domain.permissions import Permission, permissions, stated
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity
from conformant.views.config import AuthConfig

NORMALIZATION = (
    "pathnormalization", "pathnormalisation", "normalization", "normalisation", "normalizepath", "normalizepaths",
    "normalisepath", "normalisepaths", "canonicalpaths", "mergeslashes",
)  # fmt: skip
PRECEDENCE = (
    "precedence", "order", "evaluation", "evaluationorder", "strategy", "ruleorder", "combining",
    "combiningalgorithm", "matching", "firstmatch", "conflictresolution",
)  # fmt: skip
BARE = Cure("add a rule for the bare path", grade="none")
ORDER = Cure("state the precedence, such as most-specific-first", grade="none")
UNIFORM = Cure("state path_normalization: decode percent signs, merge slashes, resolve dots", grade="none")
MOST = 500
"""More rules are not compared in pairs."""


@check(
    id="AUTH-007",
    severity=Severity.LOW,
    requirement="authorization",
    controls=["nist-800-53r5/AC-3", "iso-27001-2022/A.8.26"],
)
def ambiguous_path(config: AuthConfig) -> Iterator[Item]:
    rules = [rule for rule in permissions(config) if rule.patterns]
    if not rules:
        yield NotApplicable("no authorization rules")
        return
    yield from _bare(rules)
    if stated(config, *PRECEDENCE) is None:
        yield from _overlapping(rules[:MOST])
    normal = stated(config, *NORMALIZATION)
    if normal is None or normal[1] in (False, None, "none", "off", {}):
        path = normal[0] if normal else Path(("authorization", "path_normalization"))
        yield Finding("nothing says how paths are made uniform before they are compared", path, cure=UNIFORM)


def _bare(rules: list[Permission]) -> Iterator[Finding]:
    """One finding for each pattern that leaves out the path itself."""
    texts = {text for rule in rules for _, text in rule.patterns}
    told: set[str] = set()
    for rule in rules:
        for path, text in rule.patterns:
            prefix = text.removesuffix("*").removesuffix("*").removesuffix("/")
            if text in told or not text.endswith(("/*", "/**")) or not prefix or text[0] in "^~":
                continue
            if not any(_covers(other, prefix) for other in texts - {text}):
                told.add(text)
                yield Finding(f"{text} leaves out {prefix} itself, and no rule is for that", path, cure=BARE)


def _overlapping(rules: list[Permission]) -> Iterator[Finding]:
    """One finding for each rule that an earlier one contradicts."""
    told: set[Path] = set()
    for first, second in combinations(rules, 2):
        if second.path in told or (first.ordered and second.ordered) or not _same_methods(first, second):
            continue
        if (set(first.permissions), first.effect) == (set(second.permissions), second.effect):
            continue
        for path, text in second.patterns:
            rival = next((other for _, other in first.patterns if _meet(text, other)), None)
            if rival is not None:
                told.add(second.path)
                message = f"{text} and {rival} cover the same paths with other permissions, and none has precedence"
                yield Finding(message, path, cure=ORDER)
                break


def _same_methods(first: Permission, second: Permission) -> bool:
    return first.methods is None or second.methods is None or not first.methods.isdisjoint(second.methods)


def _meet(one: str, other: str) -> bool:
    """Whether two patterns have a path in common."""
    return one == other or _covers(one, other.rstrip("*")) or _covers(other, one.rstrip("*"))


def _covers(pattern: str, text: str) -> bool:
    if pattern.endswith("*"):
        return text.startswith(pattern.rstrip("*"))
    return pattern == text
