"""A verifier of tokens does not say exactly whose tokens it takes, or learns the keys in the open.

What it checks: Every provider of JSON Web Tokens in an auth config, and Kong's openid-connect plugin, names
its issuer, an audience (not ``*``) and where the public keys come from, all over HTTPS. A key set in the
config holds public keys only. Keys from a host of another domain than the issuer's are a lower finding, but
for those of `key_hosts` and of the cluster. A provider of type oidc asks its issuer for the keys, and its tokens
are for its client_id. Istio's RequestAuthentication is judged by optional-token.

Why it matters: Without an audience a token for any other service of the issuer is good here; keys over plain
HTTP come from whoever sits in between, and so do the tokens then.

How to fix: issuer, audience and jwks_uri with https://.

When it is fine: Never.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from msgspec import Struct

from conformant.domain.tokens import (
    AUDIENCE,
    CLIENT,
    DISCOVERY,
    ISSUER,
    JWKS_URI,
    KEY_HOSTS,
    KEYS,
    TokenProvider,
    holds_private_key,
    related,
    scheme_and_host,
    token_providers,
)
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Severity
from conformant.views.literals import Anything


class Trusted(Struct, frozen=True, forbid_unknown_fields=True):
    """`key_hosts` are patterns of hosts that may publish keys for issuers of other domains."""

    key_hosts: tuple[str, ...] = KEY_HOSTS


EXPLICIT = Cure("name issuer, audience and jwks_uri, with https://", grade="none")
PUBLIC = Cure("keep the public part only, and replace the key: it is known", grade="none")


@check(
    id="AUTH-002",
    severity=Severity.CRITICAL,
    requirement="token-validation",
    controls=[
        "nist-800-53r5/IA-5", "nist-800-53r5/IA-8", "nist-800-53r5/SC-23", "soc2/CC6.1", "iso-27001-2022/A.8.5",
    ],
    kinds=["AuthConfig", "KongPlugin", "KongClusterPlugin"],
)  # fmt: skip
def untrusted_token_source(thing: Anything, settings: Trusted = Trusted()) -> Iterator[Item]:
    found = False
    for provider in token_providers(thing.resource):
        found = True
        yield from aspects([_issuer(provider), _audience(provider), _keys(provider), _hosts(provider, settings)])
    if not found:
        yield NotApplicable("no provider of tokens")


def _issuer(provider: TokenProvider) -> Iterator[Finding]:
    path = provider.at(ISSUER, "issuer")
    if not provider.has(ISSUER):
        yield Finding(f"provider {provider.name!r} takes tokens of any issuer", path, cure=EXPLICIT)
    elif scheme_and_host(provider.value(ISSUER))[0] == "http":
        yield Finding("the issuer is addressed over plain HTTP", path, cure=EXPLICIT)


def _audience(provider: TokenProvider) -> Iterator[Finding]:
    words = provider.words(AUDIENCE)
    if words is None and provider.openid and not provider.plugin and provider.has(CLIENT):
        return
    if not words or "*" in words:
        message = f"provider {provider.name!r} takes tokens that are meant for other services"
        yield Finding(message, provider.at(AUDIENCE, "audience"), cure=EXPLICIT)


def _keys(provider: TokenProvider) -> Iterator[Finding]:
    if holds_private_key(provider.value(KEYS)):
        yield Finding("the key set holds private keys", provider.at(KEYS, "jwks"), cure=PUBLIC)
    for names in (JWKS_URI, DISCOVERY):
        if scheme_and_host(provider.value(names))[0] == "http":
            yield Finding("the keys are fetched over plain HTTP", provider.at(names, names[0]), cure=EXPLICIT)
    if not provider.asymmetric:
        message = f"provider {provider.name!r} does not say where the public keys come from"
        yield Finding(message, provider.at(JWKS_URI, "jwks_uri"), cure=EXPLICIT)


def _hosts(provider: TokenProvider, settings: Trusted) -> Iterator[Finding]:
    issuer, keys = scheme_and_host(provider.value(ISSUER))[1], scheme_and_host(provider.value(JWKS_URI))[1]
    if not issuer or not keys or related(keys, issuer):
        return
    if not any(fnmatchcase(keys, pattern) for pattern in settings.key_hosts):
        message = f"the keys come from {keys}, which is not of the issuer's domain ({issuer})"
        yield Finding(message, provider.at(JWKS_URI, "jwks_uri"), Severity.MEDIUM, EXPLICIT)
