"""Services are given a secret that signs tokens, though tokens are verified by public keys.

What it checks: Where a provider of tokens uses jwks_uri (an auth config or a RequestAuthentication of the
namespace), no Secret, ExternalSecret or SealedSecret there has a key like jwt-secret or signing-key. One
that only the issuer itself mounts is its own matter.

Why it matters: A symmetric secret verifies and signs: each service that holds it can make itself tokens of
any user, and none of them can be told from the issuer's.

How to fix: Verify by the issuer's public keys, and take the secret away from the services; then replace it.

When it is fine: A secret of another mechanism with an unlucky name. Rename it.
"""

from collections.abc import Iterator

from conformant.domain.references import SECRET, ReferenceHolder, references
from conformant.domain.tokens import issuer_hosts, verified_namespaces
from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Severity, Undecided
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.views.secrets import SecretSource
from conformant.views.workload import Workload

SIGNING = lazy(r"(?i)jwt[-_]?secret|signing[-_]?key")
ANOTHER = lazy(r"(?i)cookie|session|csrf|cosign|webhook|image|public|[-_.](?:pub|id|kid|path|file|name|url)$")
ISSUERS = frozenset({
    "keycloak", "dex", "hydra", "kratos", "zitadel", "authentik", "authelia", "casdoor", "ory", "oidc", "idp", "sso",
    "gotrue",
})  # fmt: skip
CURE = Cure("verify by the issuer's public keys, take the secret away, and replace it", grade="none")


@check(
    id="AUTH-004",
    severity=Severity.HIGH,
    requirement="token-validation",
    aliases=["SEC-018"],
    controls=["nist-800-53r5/SC-12", "nist-800-53r5/IA-5", "iso-27001-2022/A.8.24"],
)
def shared_signing_secret(source: SecretSource, platform: Platform) -> Iterator[Item]:
    verified = platform.derived(verified_namespaces)
    if not verified or not ("*" in verified or source.namespace in verified or not source.namespace):
        yield NotApplicable("no tokens are verified by public keys here")
        return
    for path, key in source.keys:
        if SIGNING.search(key) and not ANOTHER.search(key) and not _of_the_issuer(source, platform):
            message = f"{key} signs tokens in the hands of services, though public keys verify them"
            yield Finding(message, path, cure=CURE)


def _of_the_issuer(source: SecretSource, platform: Platform) -> bool:
    """Whether somebody is known to use the Secret, and only what issues the tokens."""
    users = platform.derived(_users).get((source.namespace, source.secret_name), [])
    return bool(users) and all(_issues(user, platform) for user in users)


def _issues(workload: Workload, platform: Platform) -> bool:
    names = {workload.name, workload.name.partition("-")[0]}
    names.update(container.image.base for container in workload.containers("main"))
    return not names.isdisjoint(ISSUERS | platform.derived(issuer_hosts))


def _users(platform: Platform) -> dict[tuple[str, str], list[Workload]]:
    """The workloads that mount or read each Secret, by its namespace and name."""
    found: dict[tuple[str, str], list[Workload]] = {}
    for workload in platform.workloads:
        for aspect in references(platform.view(workload.resource, ReferenceHolder), platform):
            try:
                for reference in aspect:
                    if reference.keys[0] == SECRET:
                        found.setdefault((reference.namespace, reference.name), []).append(workload)
            except Undecided:
                continue  # the name of one Secret is not known: those of the others are
    return found
