"""Who verifies JSON Web Tokens, and with what settings: auth configs, and plugins of the gateway."""

import re
from collections.abc import Iterator
from typing import Any

from conformant.model import Path, Resource, Undecided, dig, mapping, sequence
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.views.quantity import parse_duration

KINDS = ("AuthConfig", "KongPlugin", "KongClusterPlugin")
"""What may configure a verifier of tokens."""

OPENID = frozenset({"oidc", "openid", "openidconnect"})
"""Types whose keys are found by asking the issuer, and whose tokens are for the client."""

TYPES = OPENID | {"jwt", "bearer", "jwtbearer"}
CLIENT = ("clientid",)
ISSUER = ("issuer", "iss", "issueruri", "issuerurl")
AUDIENCE = ("audience", "audiences", "aud", "audiencerequired", "allowedaudiences", "requiredaudience")
JWKS_URI = ("jwksuri", "jwksurl", "jwksendpoint", "jwkseturi", "jwkuri", "keysuri")
DISCOVERY = ("discoveryurl", "discoveryuri", "discovery", "wellknownurl", "openidconfigurationurl", "metadataurl")
KEYS = ("jwks", "localjwks", "jwksfile", "publickey", "publickeys", "publickeyfile", "keys", "certificates")
_PLACEHOLDER = lazy(r"\$\{[^}]*\}|\$\([^)]*\)|\{\{.*\}\}|<[A-Za-z][^<>]*>")
_URL = lazy(r"([a-z][a-z0-9+.-]*)://([^/:?#@]+)", re.IGNORECASE)
_SHARED_SUFFIX = frozenset({"co", "com", "org", "net", "gov", "ac", "edu"})


class TokenProvider:
    """One verifier of tokens. Settings are found by their names without ``_``, ``-`` and capitals."""

    __slots__ = ("_names", "name", "openid", "path", "plugin", "settings")

    def __init__(
        self, name: str, path: Path, settings: dict[Any, Any], openid: bool = False, plugin: bool = False
    ) -> None:
        self.name = name
        self.path = path
        self.settings = settings
        self.openid = openid
        self.plugin = plugin
        self._names = {_plain(key): key for key in reversed(settings) if isinstance(key, str)}

    def states(self, names: tuple[str, ...]) -> bool:
        """Whether one of the settings is there, whatever it is."""
        return self._key(names) is not None

    def has(self, names: tuple[str, ...]) -> bool:
        """Whether one of the settings is there and not empty."""
        return self.value(names) not in (None, "", [], {})

    def value(self, names: tuple[str, ...]) -> Any:
        """The first of the settings that is stated; None where none is. Raises Undecided on a placeholder."""
        key = self._key(names)
        found = dig(self.settings, key) if key is not None else None
        if isinstance(found, str) and _PLACEHOLDER.search(found):
            raise Undecided(f"{key} of {self.name} is filled in elsewhere: {found}")
        return found

    def at(self, names: tuple[str, ...], absent: str) -> Path:
        """Where it stands, or would stand by the name `absent`."""
        key = self._key(names)
        return self.path / (absent if key is None else key)

    def words(self, names: tuple[str, ...]) -> list[str] | None:
        """A setting that is a text or a list or map of texts; None where it is not stated."""
        found = self.value(names)
        if found is None or isinstance(found, bool):
            return None
        if isinstance(found, dict):
            return [str(key) for key, entry in found.items() if entry is not False]
        if isinstance(found, list):
            return [entry for entry in found if isinstance(entry, str)]
        return [part for part in str(found).replace(",", " ").split() if part]

    def seconds(self, names: tuple[str, ...]) -> float | None:
        """A time; a bare number counts seconds, or milliseconds where the name says so."""
        found = self.value(names)
        if isinstance(found, bool) or found is None:
            return None
        text = str(found)
        try:
            number = float(text)
        except ValueError:
            return parse_duration(text) or parse_duration(text, prometheus=True)
        key = _plain(self._key(names) or "")
        if key.endswith(("milliseconds", "millis", "ms")):
            return number / 1000
        return number * 60 if key.endswith(("minutes", "mins")) else number

    @property
    def asymmetric(self) -> bool:
        """Whether it verifies by public keys."""
        return self.openid or self.has(JWKS_URI) or self.has(DISCOVERY) or self.has(KEYS)

    def _key(self, names: tuple[str, ...]) -> str | None:
        return next((self._names[name] for name in names if name in self._names), None)


def _plain(key: str) -> str:
    return key.replace("_", "").replace("-", "").lower()


def token_providers(resource: Resource) -> Iterator[TokenProvider]:
    """The verifiers of tokens that an auth config or a KongPlugin sets up."""
    if resource.family == "config":
        for index, provider in enumerate(sequence(resource.raw, "authentication", "providers")):
            if isinstance(provider, dict):
                found = _provider(Path(("authentication", "providers", index)), provider)
                if found is not None:
                    yield found
    elif resource.group == "configuration.konghq.com" and dig(resource.raw, "plugin") == "openid-connect":
        if dig(resource.raw, "configFrom"):
            raise Undecided(f"the configuration of plugin {resource.name} stands in a Secret")
        yield TokenProvider(resource.name, Path(("config",)), mapping(resource.raw, "config"), True, True)


def _provider(path: Path, provider: dict[Any, Any]) -> TokenProvider | None:
    """A provider of an auth config, with its settings under ``config`` or beside its name; None for one
    that verifies no tokens."""
    kind = _plain(str(dig(provider, "type") or dig(provider, "name") or ""))
    name = str(dig(provider, "name") or path[-1])
    config = dig(provider, "config")
    own = isinstance(config, dict)
    found = TokenProvider(name, path / "config" if own else path, config if own else provider, kind in OPENID)
    return found if kind in TYPES or any(found.states(names) for names in (ISSUER, JWKS_URI, DISCOVERY)) else None


def verified_namespaces(platform: Platform) -> frozenset[str]:
    """The namespaces where tokens are verified by public keys; ``*`` for all. Use with `Platform.derived`."""
    found: set[str] = set()
    for config in platform.kind("/AuthConfig", "config"):
        if any(_is_asymmetric(provider) for provider in token_providers(config)):
            found.add(config.namespace)
    for request in platform.kind("security.istio.io/RequestAuthentication"):
        if sequence(request.raw, "spec", "jwtRules"):
            found.add("*" if request.namespace == platform.profile.mesh.root_namespace else request.namespace)
    return frozenset(found)


def issuer_hosts(platform: Platform) -> frozenset[str]:
    """The first labels of the hosts that issue tokens: ``auth`` of ``https://auth.shop.example``. Use with
    `Platform.derived`."""
    issuers: list[Any] = [
        provider.settings.get("issuer")
        for config in platform.kind("/AuthConfig", "config")
        for provider in token_providers(config)
    ]
    for request in platform.kind("security.istio.io/RequestAuthentication"):
        issuers.extend(mapping(rule).get("issuer") for rule in sequence(request.raw, "spec", "jwtRules"))
    return frozenset(scheme_and_host(issuer)[1].partition(".")[0] for issuer in issuers) - {""}


def _is_asymmetric(provider: TokenProvider) -> bool:
    """Also where the address is filled in elsewhere."""
    try:
        return provider.asymmetric
    except Undecided:
        return True


def scheme_and_host(text: object) -> tuple[str, str]:
    """Scheme and host of a URL in lower case; empty where it is none."""
    match = _URL.match(text) if isinstance(text, str) else None
    return (match[1].lower(), match[2].lower()) if match else ("", "")


KEY_HOSTS = ("www.googleapis.com", "login.microsoftonline.com")
"""Hosts that publish the keys of issuers of other domains."""


def related(host: str, other: str) -> bool:
    """Whether two hosts belong to one domain, or the first is inside the cluster."""
    return _domain(host) == _domain(other) or host.endswith((".svc", ".svc.cluster.local")) or "." not in host


def _domain(host: str) -> tuple[str, ...]:
    labels = host.split(".")
    size = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SHARED_SUFFIX else 2
    return tuple(labels[-size:])


def holds_private_key(keys: object) -> bool:
    """Whether a JSON Web Key Set, as a value or as text, has a private or symmetric key in it."""
    if isinstance(keys, str):
        if '"' not in keys:
            return False
        from json import loads

        try:
            keys = loads(keys)
        except ValueError:
            return False
    entries = keys.get("keys") if isinstance(keys, dict) else keys
    return any(isinstance(key, dict) and ("d" in key or key.get("kty") == "oct") for key in _list(entries))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
