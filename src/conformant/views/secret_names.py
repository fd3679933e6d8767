"""What a name says of its value and a value of itself: secret, reference, placeholder or neither."""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from json import loads
from typing import Any


class Shape(StrEnum):
    """What a value under a secret name is. `HARMLESS`: nothing, a reference, a path, a switch, a number."""

    HARMLESS = "harmless"
    PLACEHOLDER = "placeholder"
    LITERAL = "literal"


# names

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
_SECRET_ENDS = (
    "password", "passwords", "passwd", "passphrase", "secret", "secrets", "token", "tokens", "credential",
    "credentials", "apikey", "secretkey", "privatekey", "requirepass", "masterauth", "dsn", "jwt",
)  # fmt: skip
_SECRET_LAST = frozenset({"pass", "pwd", "authorization"})
_SECRET_PAIRS = frozenset({
    ("api", "key"), ("access", "key"), ("private", "key"), ("secret", "key"), ("signing", "key"),
    ("encryption", "key"), ("connection", "string"),
})  # fmt: skip
_HARMLESS_FIRST = frozenset({
    "existing", "manage", "create", "enable", "use", "disable", "allow", "allowed", "require", "automount",
    "rotate", "checksum", "generate", "validate", "has", "is", "skip", "min", "max",
})  # fmt: skip
_HARMLESS_LAST = frozenset({
    "name", "names", "file", "files", "path", "paths", "dir", "ref", "refs", "arn", "id", "ids", "url", "urls", "uri",
    "endpoint", "issuer", "audience", "algorithm", "header", "headers", "type", "types", "version", "ttl", "expiry",
    "length", "duration", "schedule", "enabled", "required", "rotation", "days", "policy", "mode", "immediately",
    "expression", "interval", "window",
    "algo", "alg", "method", "methods", "format", "prefix", "suffix", "field", "fields", "property", "provider",
    "providers", "class", "store", "hash", "hashed", "hashes", "checksum", "limit", "limits", "size", "count",
    "seconds", "minutes", "hours", "timeout", "time", "lifetime", "expires", "expiration", "age", "in", "encoding",
    "encryption", "claim", "claims", "scope", "scopes", "param", "parameter", "pattern", "regex", "source", "engine",
    "manager", "service", "server", "host", "port", "namespace", "namespaces", "reviewer", "review", "reviews",
    "request", "requests", "controller", "generator", "label", "labels", "annotation", "annotations", "kind", "group",
    "groups", "role", "roles", "user", "username", "email", "cookie", "validation", "validity", "cache", "strategy",
    "backend", "template", "selector", "realm", "region", "location", "mount", "folder", "directory", "prompt",
    "message", "description", "title", "key", "keys", "exchange", "revocation", "introspection", "reset", "txt",
    "yaml", "yml", "json", "conf", "sh", "py", "sql", "md", "properties", "bytes", "bits", "retries", "attempts",
    "disabled", "allowed", "supported", "permission", "permissions", "rules", "volume", "volumes",
    "reload", "used", "usage", "total", "resources", "storage", "refresh",
})  # fmt: skip
_KEY_PAIR_FIRST = frozenset(first for first, last in _SECRET_PAIRS if last == "key")
_SECRET_OF = frozenset({
    ("client",), ("shared",), ("jwt",), ("consumer",), ("hmac",), ("session",), ("cookie",), ("api",), ("signing",),
})  # fmt: skip
"""What comes before ``secret`` where it is a value."""


@lru_cache(65536)
def _words(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _WORD.findall(name))


@lru_cache(65536)
def is_secret_name(name: str) -> bool:
    """Whether a key, variable or flag of this name holds a secret, were its value a literal."""
    words = _words(name.rpartition("/")[2])
    if not words or words[0] in _HARMLESS_FIRST or words[-2:] == ("cluster", "token"):
        return False
    pairs = tuple(pairwise(words))
    if ("public", "key") in pairs:
        return False
    last = words[-1]
    if last in _HARMLESS_LAST and not (last == "key" and len(words) > 1 and words[-2] in _KEY_PAIR_FIRST):
        return False
    if last in _SECRET_LAST or words[-3:] == ("client", "key", "data"):
        return True
    return any(word.endswith(_SECRET_ENDS) for word in words) or not _SECRET_PAIRS.isdisjoint(pairs)


@lru_cache(4096)
def secret_names_among(names: tuple[Any, ...]) -> tuple[str, ...]:
    """Those that `is_secret_name`. Many objects have the same keys."""
    return tuple(name for name in names if isinstance(name, str) and is_secret_name(name))


@lru_cache(4096)
def is_password_name(name: str) -> bool:
    """Whether the value is one that a person could have chosen, digits only included."""
    words = _words(name)
    return bool(words) and (words[-1] in ("pass", "pwd") or words[-1].endswith(("password", "passwd", "passphrase")))


_OBJECT_NAME = re.compile(r"(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/)?[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?")


def names_an_object(name: str, value: str, *, listed: bool = False) -> bool:
    """Whether `value` is rather the name of a Secret, perhaps with its namespace, than a secret: what
    has the form of a name and stands in a list or under a key that ends in plain ``secret``."""
    words = _words(name)
    plain = words[-1:] != () and words[-1].endswith(("secret", "secrets")) and words[-2:-1] not in _SECRET_OF
    return (listed or plain) and _OBJECT_NAME.fullmatch(value) is not None


_OBJECT_LIKE = re.compile(r"[a-z0-9.]+-[-a-z0-9.]+-(?:certs?|tls|secrets|creds|credentials)")
"""A name of three words or more that can hardly be anything but a Secret's."""

# values

_PLACEHOLDER = re.compile(
    r"(?:YOUR|INSERT|REPLACE|EXAMPLE|DUMMY)_[A-Z0-9_]+|[A-Z0-9_]+_(?:VAL|VALUE|HERE)|[xX]{3,}"
    r"|replace[-_]\S+"
)  # fmt: skip
_REFERENCE = re.compile(
    r".*(?:\$\(|\$\{|\{\{|<[^<>\s][^<>]*>|#\{|%\()|\$[A-Za-z_][\w.:-]*$|%[A-Z_]+%$|__\w+__$|[*.•…_-]+$"
    r"|(?:ref\+|vault:|secretref:|op://|arn:aws|projects/[^/]+/secrets/|ENC[\[(]|\{cipher\}|file:|env:|env\.|@\w+\.)"
    r"|[a-zA-Z][\w+.-]*://|\.{0,2}/|~/",
    re.DOTALL,
)
_SWITCH = re.compile(
    r"(?:true|false|yes|no|on|off|none|null|nil|enabled|disabled|required|optional|auto|undefined|seconds|minutes|hours|days)"
    r"|-?\d+(?:\.\d+)?\s?(?:ns|us|ms|[smhdwy]|[kKMGT]i?B?)?",
    re.IGNORECASE,
)
_PUBLIC = re.compile(r"(?:\S+ )?(?:ssh-|ecdsa-|sk-)\S+ AAAA|-----BEGIN (?:CERTIFICATE|(?:[A-Z0-9]+ )*PUBLIC KEY)")
_SCHEME = re.compile(r"(?:basic|bearer|token|apikey)\s+(\S+)", re.IGNORECASE)
_DATABASE = re.compile(r"(?i)(?:password|passwd|pwd|accountkey|sharedaccesskey)\s*=\s*([^;\s&]+)|[^\s/:@]+:([^@\s]+)@")


def shape(name: str, value: str) -> Shape:
    """What `value` is, given that `name` is a secret name."""
    text = value.strip()
    words = _words(name)
    if words[-1:] == ("dsn",) or words[-2:] == ("connection", "string"):
        return _credential_inside(text)
    if words[-1:] == ("authorization",):
        scheme = _SCHEME.fullmatch(text)
        return shape("token", scheme[1]) if scheme else Shape.HARMLESS
    if not text or "\n" in text or text.count(" ") > 4 or _REFERENCE.match(text) or _PUBLIC.match(text):
        return Shape.HARMLESS
    if _SWITCH.fullmatch(text) and not (is_password_name(name) and len(text) > 3 and text.isdigit()):
        return Shape.HARMLESS
    named_so = text.isupper() and "_" in text and is_secret_name(text)
    if _OBJECT_LIKE.fullmatch(text) and names_an_object(name, text):
        return Shape.HARMLESS
    return Shape.PLACEHOLDER if named_so or _PLACEHOLDER.fullmatch(text) else Shape.LITERAL


def _credential_inside(text: str) -> Shape:
    """A connection string is judged by its password; one that is a URL belongs to credentials in URLs."""
    found = None if "://" in text else _DATABASE.match(text) or _DATABASE.search(text)
    if found is None:
        return Shape.HARMLESS
    return shape("password", found[1] or found[2])


# values of Secrets

_FILLED_IN = re.compile(
    r"\$\{.*\}|\$\(.*\)|<[^<>]*>|\{\{.*\}\}|ref\+.*|vault:.*|op://.*|-----BEGIN [A-Z ]+-----\s*(?:\.\.\.|…).*",
    re.DOTALL,
)
_PUBLIC_BLOCKS = re.compile(
    r"(?:-----BEGIN ((?:[A-Z0-9]+ )*(?:CERTIFICATE|PUBLIC KEY|CERTIFICATE REQUEST|X509 CRL|DH PARAMETERS))-----"
    r"[^-]*-----END \1-----\s*|(?:[^\s#]\S* )?(?:ssh-|ecdsa-|sk-)\S+ AAAA[^\n]*\s*|#[^\n]*\s*)+"
)
_OPEN_KEYS = frozenset({"ca.crt", "tls.crt", "type", "project", "server", "enableoci", "insecure", "database"})
_OPEN_LAST = frozenset({
    "names", "user", "host", "port", "namespace", "namespaces", "region", "id", "mtime", "type", "version",
})  # fmt: skip
_ADDRESS_LAST = frozenset({"url", "urls", "uri", "endpoint", "issuer", "server", "address", "proxy"})
_ADDRESS = re.compile(
    r"(?:[a-z][a-z0-9+.-]*:)?//(?:[\w.-]+@)?[^\s@?]+|[\w.*,-]+(?::\d+)?(?:/[^\s@?]*)?|git@[\w.-]+:\S+", re.IGNORECASE
)
_CONFIGS = (".yaml", ".yml", ".ini", ".conf", ".cfg", ".toml", ".properties")
_REGISTRY_KEYS = frozenset({"auth", "password", "identitytoken", "registrytoken"})


def secret_shape(key: str, text: str) -> Shape:
    """What a decoded value of a Secret is. All but a few known keys hold secrets there; configs and
    registry logins are judged by what is in them."""
    text = text.strip()
    if not text or text in ("true", "false") or _PUBLIC_BLOCKS.fullmatch(text):
        return Shape.HARMLESS
    if _FILLED_IN.fullmatch(text) or _PLACEHOLDER.fullmatch(text):
        return Shape.PLACEHOLDER
    if token := token_in(text):
        return token[1]
    if key.endswith((".dockerconfigjson", ".dockercfg")):
        return _worst(value for name, value in _leaves(text) if name in _REGISTRY_KEYS)
    if key == "config" and text.startswith("{"):
        return _worst(value for name, value in _leaves(text) if is_secret_name(name) or name == "keyData")
    if key.endswith(_CONFIGS) and "@" not in text:
        return max((shape(*setting) for setting in settings_in(text)), key=_ORDER.index, default=Shape.HARMLESS)
    last = (_words(key) or ("",))[-1]
    if key.lower() in _OPEN_KEYS or last in _OPEN_LAST or last.endswith("name"):
        return Shape.HARMLESS
    return Shape.HARMLESS if last in _ADDRESS_LAST and _ADDRESS.fullmatch(text) else Shape.LITERAL


_ORDER = (Shape.HARMLESS, Shape.PLACEHOLDER, Shape.LITERAL)


def _worst(values: Iterable[str]) -> Shape:
    shapes = (Shape.PLACEHOLDER if _FILLED_IN.fullmatch(value) else Shape.LITERAL for value in values if value)
    return max(shapes, key=_ORDER.index, default=Shape.HARMLESS)


def _leaves(text: str) -> Iterator[tuple[str, str]]:
    """(key, text) of every text in a JSON document; a broken one is one text that counts as all."""
    try:
        pending = [loads(text)]
    except ValueError:
        yield "password", text
        return
    while pending:
        one = pending.pop()
        for key, value in one.items() if isinstance(one, dict) else ():
            if isinstance(value, str):
                yield key, value
            elif isinstance(value, dict | list):
                pending.append(value)
        pending.extend(one if isinstance(one, list) else ())


# tokens

_TOKENS = (
    ("a private key", re.compile(
        r"-{3,5}BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-{3,5}(?:\\[nr]|\s)*[A-Za-z0-9+/]{4}")),
    ("an AWS access key", re.compile(r"(?<![A-Za-z0-9])AKIA[0-9A-Z]{16}(?![A-Za-z0-9])")),
    ("a GitHub token", re.compile(r"(?<![A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{20,})")),
    ("a Slack token", re.compile(r"(?<![A-Za-z0-9])xox[baprs]-[A-Za-z0-9-]{10,}")),
    ("a signed JWT", re.compile(r"(?<![\w-])eyJ[\w-]{6,}\.eyJ[\w-]{6,}\.")),
    ("a Slack webhook", re.compile(r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9_]+/\w+/\w+")),
    ("a Teams webhook", re.compile(
        r"\.webhook\.office\.com/webhookb2/[\w-]{8,}|outlook\.office(?:365)?\.com/webhook/\w{8,}")),
    ("a PagerDuty key", re.compile(r"events\.pagerduty\.com/(?:integration|x-ere)/\w{20,}")),
)  # fmt: skip
_REPEATED = re.compile(r"EXAMPLE|([A-Za-z0])\1{6,}|(?:YOUR|SLACK|WEBHOOK)(?![a-z])|X{3,}/X{3,}")


def token_in(text: str) -> tuple[str, Shape] | None:
    """What kind of credential stands anywhere in `text`, recognised by its own form; None if none."""
    for label, pattern in _TOKENS:
        found = pattern.search(text)
        if found is not None:
            return label, Shape.PLACEHOLDER if _REPEATED.search(found[0]) else Shape.LITERAL
    return None


class TokenHint:
    """Tells in a moment which texts `token_in` need not look at; used like a pattern.

    Documents of one file share its text: that is looked at once.
    """

    def __init__(self) -> None:
        self._text = ""
        self._found = False

    def search(self, text: str, start: int = 0, end: int | None = None) -> bool | None:
        """True if ``text[start:end]`` may hold a token, else None."""
        if text is not self._text:
            self._text = text
            self._found = _has_token_word(text)
        return True if self._found and _has_token_word(text[start:end]) else None


def _has_token_word(text: str) -> bool:
    return any(word in text for word in _TOKEN_WORDS) or _GITHUB.search(text) is not None


_GITHUB = re.compile("gh[pousr]_")
_TOKEN_WORDS = (
    "PRIVATE KEY", "AKIA", ".eyJ", "xox", "github_pat_", "hooks.slack.com", ".com/webhook", "events.pagerduty",
)  # fmt: skip


class NameHint:
    """Tells quickly which YAML and JSON texts have no key with a secret name; used like a pattern."""

    @staticmethod
    def search(text: str, start: int = 0, end: int | None = None) -> bool | None:
        """True if ``text[start:end]`` may have a scalar or a list under a secret name, else None."""
        text = text[start:end]
        lower = text.lower()
        if len(lower) != len(text):
            return True
        pairs = "value" in lower
        for word in _NAME_WORDS:
            at = lower.find(word)
            while at >= 0:
                after = text.find("\n", at)
                line = text[text.rfind("\n", 0, at) + 1 : after if after >= 0 else None]
                if _may_be_secret(line, pairs, text, after):
                    return True
                at = lower.find(word, after) if after >= 0 else -1
        return None


_NAME_WORDS = ("secret", "token", "pass", "credential", "key", "auth", "pwd", "dsn", "jwt", "connection")
_KEY = re.compile(r"[ -]*([\"']?)([\w./-]+)\1[ ]*:(?:[ \t]+([^\s#])|[ \t]*(?:#.*)?$)")


def _may_be_secret(line: str, pairs: bool, text: str, after: int) -> bool:
    match = _KEY.match(line)
    if match is None:
        return "{" in line or ("=" in line) or (pairs and ":" not in line)
    if "{" in line or "\\n" in line or (pairs and match[2] == "name") or match[2] in ("command", "args"):
        return True
    if not is_secret_name(match[2]):
        return False
    return match[3] is not None or text[after:].lstrip()[:1] == "-"


TOKEN_HINT = TokenHint()
NAME_HINT = NameHint()

# texts

_HINT = re.compile(r"(?i)pass|pwd|secret|token|credential|key|dsn|jwt|masterauth|connection")
_LINE = re.compile(
    r"^[ \t]*(?:-[ \t]+|export[ \t]+|set[ \t]+)?([\"']?)([A-Za-z_][\w./-]*)\1[ \t]*[=:][ \t]*"
    r"([^\n]*)$",
    re.MULTILINE,
)
_DIRECTIVE = re.compile(r"^[ \t]*(requirepass|masterauth)[ \t]+(\"[^\"\n]*\"|\S+)[ \t\r]*$", re.MULTILINE)
_ELEMENT = re.compile(r"<([A-Za-z_][\w.-]*)>([^<>\n]+)</\1>")
_ASSIGNED = re.compile(
    r"(?<![\w$.-])(--?)?([A-Za-z_][\w.-]*)(=|[ \t]+(?=[^\s-]))(?=(\"[^\"\n]*\"|'[^'\n]*'|[^\s;&|\"'`),]+))"
)
_CODE = re.compile(r"[()\[\]{}]")


def settings_in(text: str) -> Iterator[tuple[str, str]]:
    """(name, value) of the lines ``name = value`` of a configuration file with a secret name, and of
    XML elements and Redis directives."""
    if _HINT.search(text) is None:
        return
    for match in _LINE.finditer(text):
        if is_secret_name(match[2]):
            yield match[2], _unquoted(match[3])
    for pattern in (_DIRECTIVE, _ELEMENT):
        for match in pattern.finditer(text):
            if is_secret_name(match[1]):
                yield match[1], _unquoted(match[2])


def assignments_in(text: str) -> Iterator[tuple[str, str]]:
    """(name, value) of the assignments and flags with a secret name in a command line or script:
    ``PGPASSWORD=x psql``, ``--password=x``, ``--password x``."""
    if _HINT.search(text) is None:
        return
    for match in _ASSIGNED.finditer(text):
        dashes, name, sign, value = match.groups()
        if not (dashes or sign == "=") or not is_secret_name(name):
            continue
        told = value[0] in "\"'" or dashes or name.isupper() or text[match.start() - 1 : match.start()] == "="
        if told or _whole_line(text, match):
            bare = _unquoted(value)
            if not _CODE.search(bare) and bare.lower() != name.lower():
                yield name, bare


def _whole_line(text: str, match: "re.Match[str]") -> bool:
    before = text.rfind("\n", 0, match.start()) + 1
    end = text.find("\n", match.end())
    return (
        text[before : match.start()].strip() in ("", "export") and not text[match.end() : max(end, 0) or None].strip()
    )


def _unquoted(value: str) -> str:
    value = value.strip()
    if value[:1] in ("'", '"'):
        return value[1:].partition(value[0])[0]
    return value.partition(" #")[0].rstrip(" \t\"';,")
