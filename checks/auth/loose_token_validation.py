"""A verifier of tokens accepts more than it should: any algorithm, tokens without an end, old ones.

What it checks: Every provider of JSON Web Tokens in an auth config names the algorithms that it accepts, none
of them ``none``, and none symmetric (HS256 …) where public keys verify; it requires the claim exp, and iat or
nbf; it allows 60 seconds of clock difference at most, and no access token lives longer than `longest`
seconds. Of Kong's plugins openid-connect is judged by its leeway and by what it verifies, jwt by
maximum_expiration; the claims of the latter are another check's matter.

Why it matters: A verifier that lets the token choose the algorithm can be given one signed with the public
key as a password. A token without an end is good for ever once it is stolen.

How to fix: algorithms: [RS256] or [ES256], required_claims: [exp, iat], leeway of at most 60 s.

When it is fine: Never.
"""

from collections.abc import Iterator

from msgspec import Struct

from conformant.domain.tokens import TokenProvider, token_providers
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity, mapping
from conformant.views.literals import Anything


class Lifetime(Struct, frozen=True, forbid_unknown_fields=True):
    """`longest` is the longest life of an access token in seconds."""

    longest: int = 3600


ALGORITHMS = (
    "algorithms", "algorithm", "allowedalgorithms", "acceptedalgorithms", "signingalgorithms", "signingalgorithm",
    "supportedalgorithms", "algs", "alg",
)  # fmt: skip
CLAIMS = ("requiredclaims", "claimstoverify", "requireclaims", "mandatoryclaims", "verifyclaims")
EXPIRY = ("verifyexp", "verifyexpiration", "requireexp", "requireexpiration", "validatelifetime", "validateexp")
LEEWAY = (
    "leeway", "leewayseconds", "leewayms", "leewayminutes", "clockskew", "clockskewseconds", "clockskewms",
    "clocktolerance", "clocktoleranceseconds", "allowedclockskew", "allowedclockskewseconds", "maxclockskew",
)  # fmt: skip
LIFETIMES = (
    "accesstokenlifetime", "accesstokenlifetimeseconds", "accesstokenlifetimeminutes", "accesstokenttl",
    "accesstokenttlseconds", "tokenlifetime", "tokenlifetimeseconds", "tokenttl", "maxtokenlifetime", "maxtokenage",
    "maximumexpiration", "accesstokenexpiry", "accesstokenexpiresin", "expiresin", "expirationseconds",
)  # fmt: skip
TOLERANCE = 60


@check(
    id="AUTH-003",
    severity=Severity.HIGH,
    requirement="token-validation",
    controls=["nist-800-53r5/IA-5", "iso-27001-2022/A.8.5"],
    kinds=["AuthConfig", "KongPlugin", "KongClusterPlugin"],
)
def loose_token_validation(thing: Anything, settings: Lifetime = Lifetime()) -> Iterator[Item]:
    resource = thing.resource
    if resource.group == "configuration.konghq.com" and thing.get("plugin") == "jwt":
        provider = TokenProvider(thing.name, Path(("config",)), mapping(thing.raw, "config"), plugin=True)
        yield from aspects([_lifetime(provider, settings)])
        return
    found = False
    for provider in token_providers(resource):
        found = True
        own = [_plugin(provider)] if provider.plugin else [_algorithms(provider), _claims(provider)]
        yield from aspects([*own, _leeway(provider), _lifetime(provider, settings)])
    if not found:
        yield NotApplicable("no provider of tokens")


def _algorithms(provider: TokenProvider) -> Iterator[Finding]:
    path = provider.at(ALGORITHMS, "algorithms")
    stated = provider.words(ALGORITHMS)
    if not stated:
        cure = Cure("name them, such as [RS256] or [ES256]", ((path, ["RS256"]),))
        yield Finding(f"provider {provider.name!r} names no algorithms: the token chooses", path, cure=cure)
        return
    asymmetric = provider.asymmetric
    weak = [word for word in stated if word.lower() == "none" or (asymmetric and word.upper().startswith("HS"))]
    if weak:
        left = [word for word in stated if word not in weak] or ["RS256"]
        message = f"{', '.join(weak)} is accepted: anybody can make such tokens, or who has the public key"
        yield Finding(message, path, cure=Cure("accept asymmetric algorithms only", ((path, left),)))


def _claims(provider: TokenProvider) -> Iterator[Finding]:
    path = provider.at(CLAIMS, "required_claims")
    stated = provider.words(CLAIMS) or []
    cure = Cure("require exp, and iat or nbf", ((path, list(dict.fromkeys((*stated, "exp", "iat")))),))
    if "exp" not in stated and provider.value(EXPIRY) is not True:
        yield Finding("tokens need no end (exp is not required)", path, cure=cure)
    elif stated and not {"iat", "nbf"}.intersection(stated):
        yield Finding("tokens need no beginning (neither iat nor nbf is required)", path, Severity.LOW, cure)


def _leeway(provider: TokenProvider) -> Iterator[Finding]:
    seconds = provider.seconds(LEEWAY)
    if seconds is not None and seconds > TOLERANCE:
        cure = Cure("clocks are kept within a minute: 30 s", grade="none")
        message = f"tokens are accepted {seconds:g} s after their end"
        yield Finding(message, provider.at(LEEWAY, "leeway"), cure=cure)


def _lifetime(provider: TokenProvider, settings: Lifetime) -> Iterator[Finding]:
    seconds = provider.seconds(LIFETIMES)
    if seconds is not None and seconds > settings.longest:
        cure = Cure("shorten it; refresh tokens renew access", grade="none")
        message = f"an access token lives {seconds:g} s, longer than {settings.longest} s"
        yield Finding(message, provider.at(LIFETIMES, "access_token_lifetime"), cure=cure)


def _plugin(provider: TokenProvider) -> Iterator[Finding]:
    for key, what in (("verify_signature", "the signature"), ("verify_claims", "exp and nbf")):
        if provider.value((key.replace("_", ""),)) is False:
            path = provider.path / key
            yield Finding(f"{what} of a token is not verified", path, cure=Cure("set it to true", ((path, True),)))
