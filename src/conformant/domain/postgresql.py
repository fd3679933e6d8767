"""PostgreSQL servers of a platform, whom their settings let in, and how clients connect to them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from conformant.model import Severity, Undecided, dig
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.views.image import parse_image
from conformant.views.workload import Workload

_IMAGES = frozenset({"postgres", "postgresql", "postgis", "timescaledb", "pgvector", "postgresql-container"})
_MAJOR = lazy(r"(?:pg|v)?(\d{1,2})(?:[.\-_]|$)")


def server_version(platform: Platform) -> int | None:
    """The oldest major version among the servers of the platform: the one that the profile states,
    else those of operators' clusters and of images. None where none is known."""
    for name in ("postgresql", "postgres"):
        found = _major(platform.profile.versions.get(name))
        if found is not None:
            return found
    versions: set[int | None] = set()
    for resource in platform.kind("acid.zalan.do/postgresql"):
        versions.add(_major(_known(resource.raw, "spec", "postgresql", "version")))
    for resource in platform.kind("postgresql.cnpg.io/Cluster"):
        image = _known(resource.raw, "spec", "imageName")
        versions.add(_major(parse_image(image).tag) if isinstance(image, str) else None)
        versions.add(_major(_known(resource.raw, "spec", "imageCatalogRef", "major")))
    versions.update(_of_image(workload) for workload in platform.workloads)
    return min((version for version in versions if version is not None), default=None)


def _known(raw: object, *steps: str) -> object:
    try:
        return dig(raw, *steps)
    except Undecided:
        return None


def _major(stated: object) -> int | None:
    if isinstance(stated, int) and not isinstance(stated, bool):
        return stated
    match = _MAJOR.match(stated) if isinstance(stated, str) else None
    return int(match[1]) if match else None


def _of_image(workload: Workload) -> int | None:
    try:
        images = [parse_image(container.reference) for container in workload.all_containers]
    except Undecided:
        return None
    return next((_major(image.tag) for image in images if image.base in _IMAGES), None)


# who is let in


class Entrance(Struct, frozen=True):
    """A line of pg_hba.conf: for whom it is, from where, and how they prove who they are."""

    kind: str
    address: str
    method: str
    everybody: bool
    text: str

    @property
    def local(self) -> bool:
        """Whether only processes of the same machine come in by it."""
        return self.kind == "local" or self.address in _LOOPBACK


_LOOPBACK = frozenset({"127.0.0.1/32", "127.0.0.1", "127.0.0.0/8", "::1/128", "::1", "localhost", "samehost"})
_EVERYWHERE = frozenset({"all", "0.0.0.0/0", "::/0"})
_KINDS = frozenset({"local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"})
_FIELD = lazy(r'(?:"[^"]*"|[^\s"#])+')


def entrance(line: str) -> Entrance | None:
    """A line of pg_hba.conf, None for comments and whatever is no rule."""
    fields = [field.strip('"') for field in _FIELD.findall(line.partition(" #")[0].strip())]
    kind = fields[0].lower() if fields and not line.lstrip().startswith("#") else ""
    if kind not in _KINDS:
        return None
    at = 3 if kind == "local" else 4
    address = "" if kind == "local" or len(fields) < 4 else fields[3]
    if kind != "local" and len(fields) > 5 and _is_mask(fields[4]):
        address, at = _with_mask(address, fields[4]), 5
    if len(fields) <= at:
        return None
    everybody = fields[1:3] == ["all", "all"] and address in _EVERYWHERE
    return Entrance(kind, address, fields[at].lower(), everybody, " ".join(fields[: at + 1]))


def _is_mask(field: str) -> bool:
    return field.count(".") == 3 or ":" in field


def _with_mask(address: str, mask: str) -> str:
    if mask == "255.255.255.255":
        return f"{address}/32"
    return f"{address}/0" if mask == "0.0.0.0" else f"{address}/{mask}"


Fault = tuple[int, Severity, str]
"""The index of a line, and what is wrong with it."""


def open_entrances(lines: Sequence[Any]) -> Iterator[Fault]:
    """The rules that let somebody in without encryption, or without a good proof of who it is. The
    first rule that fits decides: what is refused to everybody in plaintext before, no later rule lets in."""
    refused: set[str] = set()
    for index, line in enumerate(lines):
        rule = entrance(line) if isinstance(line, str) else None
        if rule is None or rule.local:
            continue
        if rule.method == "reject":
            if rule.everybody and rule.kind in ("host", "hostnossl"):
                refused |= {"0.0.0.0/0", "::/0"} if rule.address == "all" else {rule.address}
            continue
        plaintext = rule.kind in ("host", "hostnossl", "hostnogssenc") and not _covers(refused, rule.address)
        if rule.method in ("trust", "password"):
            proof = "asks nobody for a password" if rule.method == "trust" else "asks for the password in clear"
            yield index, Severity.CRITICAL, f"{rule.text!r} {proof}"
        elif plaintext:
            yield index, Severity.CRITICAL, f"{rule.text!r} lets clients in without TLS"
        elif rule.method == "md5":
            yield index, Severity.HIGH, f"{rule.text!r} takes MD5 for a proof"


def _covers(refused: set[str], address: str) -> bool:
    if address in _EVERYWHERE - {"all"}:
        return address in refused
    if address == "all" or (not address[:1].isdigit() and ":" not in address):
        return refused == {"0.0.0.0/0", "::/0"}
    return ("::/0" if ":" in address else "0.0.0.0/0") in refused


_OFF = frozenset({"off", "false", "no", "0", "f", "n"})


def weak_settings(settings: Mapping[Any, Any]) -> Iterator[tuple[Any, Severity, str]]:
    """The parameters of a server that open it: (name, severity, what they do)."""
    if str(dig(settings, "ssl")).strip("' ").lower() in _OFF:
        yield "ssl", Severity.CRITICAL, "ssl is off: nobody can connect with TLS"
    if str(dig(settings, "password_encryption")).strip("' ").lower() in ("md5", "on"):
        yield "password_encryption", Severity.HIGH, "passwords are kept as MD5, which is as good as the password itself"


# how clients connect

LOCAL_HOSTS = frozenset({"", "localhost", "127.0.0.1", "::1"})
_URL = lazy(r"(?:jdbc:|r2dbcs?:)?postgres(?:ql)?(?:\+\w+)?://([^\s\"'<>`]*)", re.IGNORECASE)
_PAIRS = lazy(r"(?:(?<=[\s\"'])|^)(?=(?:\w+=\S+ +)*dbname=)((?:\w+=(?:'[^']*'|\S+)(?:\s+|$)){2,})", re.MULTILINE)
_NET = lazy(r"(?:^|[\"'])(Host=[^;\"'\n]+;(?=[^\n]*\bUsername=)[^\n\"']*)|\bpgsql:([^\s\"']+)", re.IGNORECASE)
_TEMPLATE = lazy(r"\$[({]|\{\{|^\$\w|^%\w")
_PLAINTEXT = frozenset({"disable", "allow", "prefer", "false", "off", "0", "disabled"})
_UNVERIFIED = frozenset({"require", "verify-ca", "verifyca", "no-verify", "required"})


class Connection(Struct, frozen=True):
    """How a client says that it connects: the hosts, and its sslmode (None: not stated)."""

    hosts: tuple[str, ...]
    sslmode: str | None

    @property
    def local(self) -> bool:
        """To a socket, or to the same machine or pod."""
        return all(host.lower() in LOCAL_HOSTS or host.startswith(("/", "%2f", "%2F", "@")) for host in self.hosts)

    @property
    def shown(self) -> str:
        return ", ".join(self.hosts)

    def fault(self) -> tuple[Severity, str] | None:
        """What is wrong with its sslmode. Raises Undecided on a placeholder."""
        mode = (self.sslmode or "").lower()
        if _TEMPLATE.search(mode):
            raise Undecided(f"sslmode is {self.sslmode}, which is filled in later")
        if self.sslmode is None:
            return Severity.CRITICAL, "states no sslmode: drivers prefer TLS, and go on without it"
        if mode in _PLAINTEXT:
            return Severity.CRITICAL, f"may go in plaintext (sslmode={mode})"
        if mode in _UNVERIFIED:
            return Severity.LOW, f"does not verify the server's name (sslmode={mode})"
        return None


def connections(text: str) -> Iterator[Connection]:
    """The connection strings in a text: URLs, ``host=… dbname=…``, Npgsql's ``Host=…;Username=…`` and
    PHP's ``pgsql:host=…``."""
    for match in _URL.finditer(text):
        yield _of_url(match[1])
    if "dbname=" in text:
        for match in _PAIRS.finditer(text):
            found = dict(re.findall(r"(\w+)=('[^']*'|\S+)", match[1]))
            yield _of_options({key: value.strip("'") for key, value in found.items()})
    if ";" in text:
        for match in _NET.finditer(text):
            parts = (part.partition("=") for part in (match[1] or match[2]).split(";"))
            yield _of_options({key.strip(): value.strip() for key, _, value in parts})


def _of_url(rest: str) -> Connection:
    before, _, query = rest.partition("?")
    authority = before.partition("/")[0].rpartition("@")[2]
    options = {}
    for part in re.split(r"[&;]", query):
        key, _, value = part.partition("=")
        options[key] = value
    hosts = tuple(_host(each) for each in authority.split(","))
    if hosts == ("",) and options.get("host"):
        hosts = tuple(options["host"].split(","))
    return Connection(hosts, _mode(options))


def _host(address: str) -> str:
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address if _TEMPLATE.search(address) else address.partition(":")[0]


def _of_options(options: Mapping[str, str]) -> Connection:
    plain = {key.lower().replace(" ", ""): value for key, value in options.items()}
    host = plain.get("host") or plain.get("hostaddr") or plain.get("server") or ""
    return Connection(tuple(_host(each) for each in host.split(",")), _mode(plain))


def _mode(options: Mapping[str, str]) -> str | None:
    """The sslmode that options state; ``ssl=true`` verifies the name in the drivers that have it."""
    plain = {key.lower().replace("_", "").replace(" ", ""): value for key, value in options.items()}
    if "sslmode" in plain:
        mode = plain["sslmode"].lower()
        return {"verifyfull": "verify-full"}.get(mode, plain["sslmode"])
    stated = plain.get("ssl")
    if stated is None:
        return None
    return "verify-full" if stated.lower() in ("true", "1", "on", "yes") else stated
