"""A table of API keys keeps the keys themselves, or keys that never end.

What it checks: In tables of API keys and access tokens no column holds the key, token or secret in plain
text; its hash is UNIQUE, or found by a UNIQUE prefix; ``expires_at`` is there and NOT NULL; a column marks
revoked keys (``revoked_at``, ``status`` …); the owner is NOT NULL; permissions in JSON have a CHECK; and
``last_used_at`` is there. In tables of users, accounts, clients and the like a column ``api_key`` or
``client_secret`` in plain text is found too. Tokens for one use (reset, verification, invitation), sessions,
and the keys of other providers are not meant.

Why it matters: Who reads one backup of plain keys is every customer. A key without an end or an owner
outlives the employee who made it, and nobody notices a key that no longer should be in use.

How to fix: key_hash BYTEA NOT NULL UNIQUE, expires_at TIMESTAMPTZ NOT NULL, revoked_at, last_used_at, and a
CHECK on the permissions. Show the key once, when it is made.

When it is fine: Secrets that must be sent on to others: keep them in a secret store, and a reference here.
Which algorithm the hash is made with the DDL does not tell.
"""

from collections.abc import Iterator
from re import Pattern

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, NotApplicable, Path, Severity
from conformant.regex import lazy
from conformant.views.sql import Table
from conformant.views.sql_parts import Column

KEY_TABLE = lazy(
    r"(?i)(?:.*_)?(?:api|access|service|machine|auth|client|deploy|personal_access)_?(?:keys?|tokens?|secrets?|credentials?)"
    r"|(?:tokens?|keys|credentials)"
)
PASSING = lazy(
    r"(?i)reset|verif|confirm|invit|csrf|session|refresh|magic|device|push|fcm|one_?time|otp|remember|usage|log"
)
PLAIN = lazy(
    r"(?i)(?:(?:api|access|auth|secret|private|client|bearer)_?)*(?:key|token|secret)(?:_?(?:value|plain|plaintext|text))?"
)
HOLDER_TABLE = lazy(
    r"(?i)(?:.*_)?(?:users?|accounts?|customers?|organi[sz]ations?|tenants?|projects?|workspaces?|clients?|applications?|members?)"
)
GIVEN_OUT = lazy(r"(?i)(?:api_?(?:key|token|secret)|client_?secret)(?:_?(?:value|plain|plaintext|text))?")
OTHERS = lazy(r"(?i)(?:.*_)?(?:llm|openai|provider|integration|external|vendor|third_?party|connector|webhook)s?_.*")
TEXT = lazy(r"(?i)(?:text|varchar|char|citext|uuid)\b.*")
HASH = lazy(
    r"(?i)(?:.*(?:key|token|secret)\w*_)?(?:hash|digest|checksum|sha256|hashed)|hashed_\w+|(?:key|token|secret)hash"
)
LOOKED_UP = lazy(
    r"(?i)(?:(?:key|token|api_?key)_)?(?:prefix|lookup|identifier|public_id|short_?token)|key_id|token_id|access_key_id"
)
EXPIRY = lazy(
    r"(?i)(?:\w+_)?(?:expires?|expiry|expired|expiration)(?:_?(?:at|on|time|date))?|valid_(?:until|to)|not_after"
)
REVOKED = lazy(
    r"(?i)(?:is_?)?(?:revoked|revocation|disabled|enabled|active|deleted|deactivated|inactive)(?:_\w+|at)?|status|state"
)
USED = lazy(r"(?i)(?:last_?(?:used|seen|accessed|use|access)|used)(?:_?(?:at|on|time|date))?")
PERMISSIONS = lazy(r"(?i)permissions?|scopes?|roles?|grants|abilities|capabilities")
OWNER = lazy(
    r"(?i)(?:user|owner|account|customer|company|team|project|workspace|tenant|org|organi[sz]ation|created_by|service_account|client)(?:_?id)?"
)
CURE = Cure("key_hash UNIQUE, expires_at NOT NULL, revoked_at, last_used_at, a CHECK on permissions", grade="none")
HASHED = Cure("keep a hash (key_hash BYTEA NOT NULL UNIQUE) and show the key once", grade="none")


@check(
    id="SQL-006",
    severity=Severity.HIGH,
    requirement="api-keys",
    controls=[
        "nist-800-53r5/IA-5", "nist-800-53r5/AC-2", "soc2/CC6.1", "iso-27001-2022/A.5.17", "pci-dss-4.0/8.3.2",
        "pci-dss-4.0/8.6.3",
    ],
)  # fmt: skip
def weak_api_key_table(table: Table) -> Iterator[Item]:
    keys, holders = _is_key_table(table), HOLDER_TABLE.fullmatch(table.name) is not None
    plain = [
        column for column in table.columns if (keys or holders) and _is_plain(column, PLAIN if keys else GIVEN_OUT)
    ]
    if not (keys or plain) or table.is_foreign or PASSING.search(table.name) or OTHERS.fullmatch(table.name):
        yield NotApplicable("no API keys in it")
        return
    for column in plain:
        message = f"{table.qualified}.{column.name} holds the {_last_word(column.name)} itself, not a hash of it"
        yield Finding(message, column.path, cure=HASHED)
    if not keys:
        return
    doubt = table.undecided("table", "index")
    faults = [*_hash(table), *_life(table), *_owner(table), *_permissions(table)]
    if faults and doubt is not None:
        yield doubt
        return
    yield from faults


def _is_key_table(table: Table) -> bool:
    """Named like one, and with a key, a token or a hash of one in it."""
    if KEY_TABLE.fullmatch(table.name) is None:
        return False
    return any(HASH.fullmatch(column.name) or _is_plain(column, PLAIN) for column in table.columns)


def _is_plain(column: Column, pattern: "Pattern[str]") -> bool:
    stored = TEXT.fullmatch(column.type) is not None and column.references is None and not column.primary_key
    return stored and pattern.fullmatch(column.name) is not None


def _last_word(name: str) -> str:
    return next(word for word in ("token", "secret", "key") if word in name.lower())


def _hash(table: Table) -> Iterator[Finding]:
    hashes = [column for column in table.columns if HASH.fullmatch(column.name)]
    found_by = [index["columns"] for index in table.raw["indexes"] if index["unique"]]
    for column in hashes:
        looked_up = any(other.unique for other in table.columns if LOOKED_UP.fullmatch(other.name))
        if not column.unique and [column.name] not in found_by and not looked_up:
            message = f"{table.qualified}.{column.name} is not UNIQUE: two keys may have one hash"
            yield Finding(message, column.path, cure=CURE)


def _life(table: Table) -> Iterator[Finding]:
    """When keys end, are taken back, and were last used."""
    if not table.columns_known:
        return
    ends = [column for column in table.columns if EXPIRY.fullmatch(column.name)]
    if not ends:
        yield Finding(f"keys in {table.qualified} never expire: there is no expires_at", Path(), cure=CURE)
    elif all(column.nullable for column in ends):
        message = f"{table.qualified}.{ends[0].name} may be null: a key need not expire"
        yield Finding(message, ends[0].path, cure=CURE)
    if not any(REVOKED.fullmatch(column.name) for column in table.columns):
        yield Finding(f"nothing in {table.qualified} marks a key as revoked", Path(), cure=CURE)
    if not any(USED.fullmatch(column.name) for column in table.columns):
        message = f"{table.qualified} does not say when a key was last used"
        yield Finding(message, Path(), Severity.LOW, CURE)


def _owner(table: Table) -> Iterator[Finding]:
    owners = [column for column in table.columns if OWNER.fullmatch(column.name)]
    if owners and all(column.nullable for column in owners):
        message = f"{table.qualified}.{owners[0].name} may be null: a key need not belong to anybody"
        yield Finding(message, owners[0].path, cure=CURE)


def _permissions(table: Table) -> Iterator[Finding]:
    checked = {name for constraint in table.raw["checks"] for name in constraint["columns"]}
    for column in table.columns:
        if PERMISSIONS.fullmatch(column.name) and column.type in ("json", "jsonb") and column.name not in checked:
            message = f"{table.qualified}.{column.name} takes any JSON: no CHECK limits what a key may do"
            yield Finding(message, column.path, Severity.LOW, CURE)
