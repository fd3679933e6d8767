"""A RequestAuthentication lets requests without a token pass, or takes tokens that it should not.

What it checks: For each long-running workload and gateway that a RequestAuthentication is for, an AuthorizationPolicy
rejects requests without a principal: DENY with notRequestPrincipals ["*"], or ALLOW rules that demand
requestPrincipals (or a claim), with no rule beside them that allows everything to anybody. Every rule for
tokens names its issuer and audiences; keys come over HTTPS from a host of the issuer's domain, and none
of them is private. (Without jwksUri Istio asks the issuer itself, which is as good.) The token is passed
on by gateways alone; with several issuers requestPrincipals names which. What external authorization
(CUSTOM) does with such requests is not known.

Why it matters: A RequestAuthentication alone rejects invalid tokens only. A request without any passes.

How to fix: An AuthorizationPolicy for the same workloads: action DENY, from source notRequestPrincipals ["*"].

When it is fine: Workloads that also serve the public; write the DENY policy with notPaths for that.
"""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from conformant.domain.mesh import is_gateway
from conformant.domain.tokens import KEY_HOSTS, holds_private_key, related, scheme_and_host
from conformant.leaf import Item, aspects, check
from conformant.model import REMOVE, Cure, Finding, Path, Severity, Undecided, dig, sequence
from conformant.platform import Platform
from conformant.views.selector import SelectorIndex, equals
from conformant.views.tokens import RequestAuthentication, TokenPolicy, anyone, demands, operations, rejects
from conformant.views.workload import Workload

DEMAND = Cure('an AuthorizationPolicy, action DENY, from source notRequestPrincipals ["*"]', grade="none")
EXPLICIT = Cure("name issuer and audiences, with https://", grade="none")
RULES = Path(("spec", "jwtRules"))

Subject = tuple[str, list[TokenPolicy]]
"""What a RequestAuthentication is for, and the policies for the same."""


@check(
    id="AUTH-009",
    severity=Severity.CRITICAL,
    requirement="token-validation",
    controls=[
        "nist-800-53r5/IA-8", "nist-800-53r5/IA-2", "nist-800-53r5/AC-3", "soc2/CC6.1", "iso-27001-2022/A.8.5",
    ],
)  # fmt: skip
def optional_token(request: RequestAuthentication, platform: Platform) -> Iterator[Item]:
    if not request.rules:
        yield Finding("it has no rule: no token is verified", RULES, cure=EXPLICIT)
        return
    workloads = _workloads(request, platform)
    subjects = _subjects(request, workloads, platform)
    parts = [_mandatory(subjects, platform), _principals(request, subjects)]
    for path, rule in request.rules:
        parts.extend((_issuer(path, rule), _keys(path, rule), _forwarded(path, rule, request, workloads, platform)))
    yield from aspects(parts)


# whom it is for


def _workloads(request: RequestAuthentication, platform: Platform) -> list[Workload]:
    if request.targets:
        return []
    if request.namespace == platform.profile.mesh.root_namespace:
        candidates = platform.workloads
    else:
        namespace = platform.namespaces.get(request.namespace)
        candidates = namespace.workloads if namespace is not None else []
    return [workload for workload in candidates if not workload.batch and request.selects(workload.labels)]


def _subjects(request: RequestAuthentication, workloads: list[Workload], platform: Platform) -> list[Subject]:
    policies = platform.derived(_policies)
    root = policies.get(platform.profile.mesh.root_namespace, [])
    near = policies.get(request.namespace, [])
    near = near if near is root else [*near, *root]
    if request.targets:
        return [(f"{kind} {name}", _at(kind, name, near)) for kind, name in sorted(request.targets)]
    if workloads:
        return [(f"{one.kind} {one.name}", platform.derived(_Applying).to(one)) for one in workloads]
    own = [one for one in near if not one.targets and equals(one.selector, request.selector)]
    return [("what it selects", own)]


def _at(kind: str, name: str, policies: list[TokenPolicy]) -> list[TokenPolicy]:
    """Those for a Gateway or Service: attached to it, or for all of the namespace."""
    return [one for one in policies if (kind, name) in one.targets or not (one.targets or one.selector)]


class _Applying:
    """The policies for the pods of each workload, found once. Use with `Platform.derived`."""

    def __init__(self, platform: Platform) -> None:
        self._root = platform.profile.mesh.root_namespace
        self._known: dict[tuple[str, str], list[TokenPolicy]] = {}
        self._said: dict[tuple[int, ...], str] = {}
        self._selecting = {
            namespace: SelectorIndex(({"matchLabels": each.selector}, each) for each in policies if not each.targets)
            for namespace, policies in platform.derived(_policies).items()
        }

    def to(self, workload: Workload) -> list[TokenPolicy]:
        key = (workload.namespace, repr(workload.labels))
        found = self._known.get(key)
        if found is None:
            spaces = [name for name in dict.fromkeys((workload.namespace, self._root)) if name in self._selecting]
            found = [policy for name in spaces for policy in self._selecting[name].admitting(workload.labels)]
            self._known[key] = found
        return found

    def said(self, policies: list[TokenPolicy]) -> str:
        """As `_said`, once for the same policies."""
        key = tuple(map(id, policies))
        found = self._said.get(key)
        if found is None:
            found = self._said[key] = _said(policies)
        return found


def _policies(platform: Platform) -> dict[str, list[TokenPolicy]]:
    found: dict[str, list[TokenPolicy]] = {}
    for policy in platform.of(TokenPolicy):
        found.setdefault(policy.namespace, []).append(policy)
    return found


# whether a token is mandatory


def _mandatory(subjects: Sequence[Subject], platform: Platform) -> Iterator[Item]:
    missing: list[str] = []
    partly: list[str] = []
    for name, policies in subjects:
        said = platform.derived(_Applying).said(policies)
        if said == "custom":
            yield Undecided("an external authorizer decides about requests without a token")
        elif said:
            (partly if said == "partly" else missing).append(name)
    if missing:
        message = f"requests without a token reach {_listed(missing)}: no AuthorizationPolicy demands one"
        yield Finding(message, RULES, cure=DEMAND)
    elif partly:
        message = f"requests without a token reach {_listed(partly)} but for the paths and methods of a DENY policy"
        yield Finding(message, RULES, Severity.HIGH, DEMAND)


def _said(policies: list[TokenPolicy]) -> str:
    """Empty where the policies reject requests without a token; else ``no``, ``partly`` or ``custom``."""
    denying = [rule for policy in policies if policy.action == "DENY" for rule in policy.rules if rejects(rule)]
    if any(not operations(rule, "paths", "methods") for rule in denying):
        return ""
    allowing = [policy for policy in policies if policy.action == "ALLOW"]
    rules = [rule for policy in allowing for rule in policy.rules]
    demanded = any(demands(rule) for rule in rules) or (bool(allowing) and not rules)
    if demanded and not any(anyone(rule) and not rule.get("to") and not demands(rule) for rule in rules):
        return ""
    if denying:
        return "partly"
    return "custom" if any(policy.action == "CUSTOM" for policy in policies) else "no"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _principals(request: RequestAuthentication, subjects: Sequence[Subject]) -> Iterator[Finding]:
    issuers = {issuer for _, rule in request.rules if isinstance(issuer := dig(rule, "issuer"), str)}
    if len(issuers) < 2:
        return
    for policy in {id(policy): policy for _, policies in subjects for policy in policies}.values():
        sources = [dig(origin, "source") for rule in policy.rules for origin in sequence(rule, "from")]
        if policy.action == "ALLOW" and any("*" in sequence(source, "requestPrincipals") for source in sources):
            message = f"{policy.name} takes a principal of any of {len(issuers)} issuers"
            cure = Cure("name the issuer in requestPrincipals: <issuer>/*", grade="none")
            yield Finding(message, RULES, Severity.MEDIUM, cure)


# each rule


def _issuer(path: Path, rule: dict[Any, Any]) -> Iterator[Finding]:
    issuer = dig(rule, "issuer")
    if not issuer:
        yield Finding("tokens of any issuer are taken", path / "issuer", cure=EXPLICIT)
    elif scheme_and_host(issuer)[0] == "http":
        yield Finding("the issuer is addressed over plain HTTP", path / "issuer", cure=EXPLICIT)
    if not [audience for audience in sequence(rule, "audiences") if audience]:
        message = "tokens that are meant for other services are taken: no audiences"
        yield Finding(message, path / "audiences", Severity.HIGH, EXPLICIT)


def _keys(path: Path, rule: dict[Any, Any]) -> Iterator[Finding]:
    scheme, host = scheme_and_host(dig(rule, "jwksUri"))
    if scheme == "http":
        yield Finding("the keys are fetched over plain HTTP", path / "jwksUri", cure=EXPLICIT)
    if holds_private_key(dig(rule, "jwks")):
        cure = Cure("keep the public part only, and replace the key: it is known", grade="none")
        yield Finding("the key set holds private keys", path / "jwks", cure=cure)
    issuer = scheme_and_host(dig(rule, "issuer"))[1]
    if host and issuer and not related(host, issuer) and not any(fnmatchcase(host, known) for known in KEY_HOSTS):
        message = f"the keys come from {host}, which is not of the issuer's domain ({issuer})"
        yield Finding(message, path / "jwksUri", Severity.MEDIUM, EXPLICIT)


def _forwarded(
    path: Path, rule: dict[Any, Any], request: RequestAuthentication, workloads: list[Workload], platform: Platform
) -> Iterator[Finding]:
    if dig(rule, "forwardOriginalToken") is not True or any(kind == "Gateway" for kind, _ in request.targets):
        return
    if workloads:
        gateway = all(is_gateway(workload) for workload in workloads)
    else:
        gateway = platform.profile.is_platform_namespace(request.namespace) or "gateway" in str(request.selector)
    if not gateway:
        where = path / "forwardOriginalToken"
        cure = Cure("pass on claims by outputPayloadToHeader or outputClaimToHeaders", ((where, REMOVE),))
        yield Finding("the token itself is passed on to the program", where, Severity.LOW, cure)
