"""Finding and reading what a user names: files, folders and standard input."""

import os
import re
import stat
import sys
from collections.abc import Iterable, Sequence
from typing import BinaryIO, NamedTuple

from msgspec import Struct

from conformant.model import FileCoverage
from conformant.regex import lazy

LARGEST = 200 * 1024 * 1024
"""Bytes beyond which a file is not read."""

KINDS = {
    ".yaml": "yaml", ".yml": "yaml", ".json": "json", ".md": "markdown", ".markdown": "markdown",
    ".mdx": "markdown", ".tf": "terraform", ".tf.json": "terraform", ".tofu": "terraform",
    ".tofu.json": "terraform", ".tfvars": "tfvars", ".tfvars.json": "tfvars", ".sql": "sql",
    ".avsc": "avro", ".env": "env",
}  # fmt: skip
TEMPLATES = (".tmpl", ".tpl", ".gotmpl", ".j2", ".template")
NAMES = {
    "Chart.yaml": "chart", "kustomization.yaml": "kustomization", "kustomization.yml": "kustomization",
    "Kustomization": "kustomization", "pg_hba.conf": "conf", "postgresql.conf": "conf",
}  # fmt: skip
NEVER = frozenset({
    ".git", ".hg", ".svn", ".terraform", "node_modules", "__pycache__", ".venv", ".tox", ".idea", ".vscode",
    ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".conformant", ".DS_Store",
})  # fmt: skip
"""Folders that hold no declarations of the user's own. Modules that Terraform fetched are below
``.terraform``: the Terraform loader follows them from the configuration that calls them."""


class Input(Struct):
    """One thing to read. `path` is shown to the user; `data` is None for kind ``other`` in a folder.

    `kind`: ``yaml``, ``json``, ``markdown``, ``terraform``, ``tfvars``, ``plan``, ``sql``, ``avro``,
    ``chart`` (a Chart.yaml), ``kustomization``, ``env``, ``conf`` (of a PostgreSQL server) or ``other``.
    """

    path: str
    kind: str
    data: bytes | None = None


class NoSuchInput(Exception):
    """A path that the user named does not exist."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path}: no such file or folder")
        self.path = path


class BadFile(ValueError):
    """A file that says how to read the inputs (values, variables, definitions) and cannot be used itself;
    the message names its place."""


def find(
    paths: Sequence[str],
    *,
    exclude: Sequence[str] = (),
    include_hidden: bool = False,
    largest: int = LARGEST,
    stdin: BinaryIO | None = None,
) -> tuple[list[Input], list[FileCoverage]]:
    """Everything below `paths`, sorted by path and each file once, and what could not be read.

    A file named outright is read whatever it is called, its kind told from its content where the
    name says nothing; ``-`` is standard input. In folders, names decide, patterns of
    ``.conformantignore`` files and of `exclude` (both in gitignore syntax) leave out, and hidden
    entries other than ``.env`` are left out unless `include_hidden`. Files over `largest` bytes are
    not read. Raises `NoSuchInput`.
    """
    search = _Search(exclude, include_hidden, largest)
    for path in paths:
        if path == "-":
            search.stream("-", stdin or sys.stdin.buffer)
        else:
            search.named(path)
    search.links()
    inputs = sorted(search.inputs.values(), key=lambda found: found.path)
    return inputs, sorted(search.faults.values(), key=lambda fault: fault.file)


class _Unreadable(Exception):
    """Why a file cannot be read."""


class _Rules:
    """Patterns of what to leave out; the last one that matches decides.

    All of gitignore's syntax: ``*``, ``?``, ``[a-z]``, ``**``, a leading ``!`` to take in again, a
    trailing ``/`` for folders only, and a ``/`` elsewhere to anchor at the folder of the ignore file.
    """

    def __init__(self, rules: tuple["_Rule", ...] = ()) -> None:
        self.rules = rules

    def extended(self, patterns: Iterable[str], base: str, origin: str) -> "_Rules":
        """These rules and `patterns` on top, which are about paths below the folder `base`."""
        rules = list(self.rules)
        for written in patterns:
            pattern = written if written.endswith("\\ ") else written.rstrip()
            if not pattern or pattern[0] == "#":
                continue
            taken_in = pattern[0] == "!"
            pattern = pattern[taken_in:]
            whole = "/" in pattern[:-1]
            text = re.escape(f"{base.rstrip('/')}/") if whole and base != "." else ""
            *parts, last = pattern.strip("/").split("/")
            for part in parts:
                text += "(?:.*/)?" if part == "**" else f"{_glob(part)}/"
            text += ".+" if last == "**" else _glob(last)
            rule = _Rule(re.compile(text, re.S), whole, pattern[-1] == "/", taken_in, f"{origin}: {written}")
            rules.append(rule)
        return _Rules(tuple(rules))

    def match(self, path: str, name: str, kind: str) -> str:
        """Which pattern leaves `path` out, or an empty text."""
        for rule in reversed(self.rules):
            if (kind == "folder" or not rule.folders) and rule.regex.fullmatch(path if rule.whole else name):
                return "" if rule.taken_in else f"left out by {rule.origin}"
        return ""


class _Rule(NamedTuple):
    regex: re.Pattern[str]
    whole: bool
    folders: bool
    taken_in: bool
    origin: str


def _glob(part: str) -> str:
    return _TOKEN.sub(_translated, part)


def _translated(token: re.Match[str]) -> str:
    text = token[0]
    if text[0] in "*?":
        return "[^/]*" if text[0] == "*" else "[^/]"
    if token["members"]:
        return f"[{'^/' if token['other'] else ''}{token['members'].replace(chr(92), chr(92) * 2)}]"
    return re.escape(text[-1])


_TOKEN = lazy(r"\\.|\*+|\?|\[(?P<other>[!^]?)(?P<members>\]?[^]/]+)\]|.", re.S)


class _Search:
    def __init__(self, exclude: Sequence[str], include_hidden: bool, largest: int) -> None:
        self.excluded = _Rules().extended(exclude, ".", "exclude")
        self.include_hidden = include_hidden
        self.largest = largest
        self.inputs: dict[str, Input] = {}
        self.faults: dict[str, FileCoverage] = {}
        self.seen: set[tuple[int, int]] = set()
        self.pending: list[tuple[str, _Rules]] = []

    def stream(self, path: str, stream: BinaryIO) -> None:
        data = stream.read(self.largest + 1)
        fault = _fault(data, self.largest)
        if fault:
            self.fault(path, "unreadable", fault)
        else:
            self.add(path, "other", data)

    def named(self, path: str) -> None:
        shown = os.path.normpath(path).replace(os.sep, "/")
        if not os.path.lexists(path):
            raise NoSuchInput(path)
        try:
            status = os.stat(path)
        except OSError as error:
            self.fault(shown, "unreadable", _because(error))
            return
        if stat.S_ISDIR(status.st_mode):
            self.faults.pop(shown, None)
            self.walk(shown, self.rules_above(shown))
        elif stat.S_ISFIFO(status.st_mode):
            with open(path, "rb") as pipe:
                self.stream(shown, pipe)
        elif stat.S_ISREG(status.st_mode):
            self.seen.add((status.st_dev, status.st_ino))
            self.read(shown, _by_name(os.path.basename(shown)), outright=True)
        else:
            self.fault(shown, "unreadable", _special(status.st_mode))

    def walk(self, top: str, rules: _Rules) -> None:
        """Read the folder `top` and all below it; symbolic links wait until the rest is known."""
        folders = [(top, rules)]
        while folders:
            folder, rules = folders.pop()
            try:
                status = os.stat(folder)
                with os.scandir(folder) as listing:
                    entries = list(listing)
            except OSError as error:
                self.fault(folder, "unreadable", _because(error))
                continue
            if (status.st_dev, status.st_ino) in self.seen:
                continue
            self.seen.add((status.st_dev, status.st_ino))
            prefix = "" if folder == "." else folder if folder.endswith("/") else f"{folder}/"
            if any(entry.name == ".conformantignore" for entry in entries):
                rules = self.rules_in(folder, rules)
            for entry in entries:
                if entry.name not in NEVER:
                    self.entry(entry, prefix, status.st_dev, rules, folders)

    def rules_in(self, folder: str, rules: _Rules) -> _Rules:
        """`rules` and those of the ignore file in `folder`, if it has one."""
        file = ".conformantignore" if folder == "." else f"{folder.rstrip('/')}/.conformantignore"
        if not os.path.lexists(file):
            return rules
        try:
            text = _content(file, self.largest).decode()
        except (_Unreadable, UnicodeDecodeError) as error:
            self.fault(file, "unreadable", str(error))
            return rules
        return rules.extended(text.splitlines(), folder, file)

    def rules_above(self, folder: str) -> _Rules:
        """The rules of the working directory and of what lies between it and `folder`."""
        top = os.getcwd() if os.path.isabs(folder) else "."
        inside = os.path.relpath(folder, top).replace(os.sep, "/").split("/")
        rules = _Rules()
        if inside[0] not in (".", ".."):
            for depth in range(len(inside)):
                rules = self.rules_in("/".join([top, *inside[:depth]]).removeprefix("./"), rules)
        return rules

    def entry(
        self, entry: os.DirEntry[str], prefix: str, device: int, rules: _Rules, folders: list[tuple[str, _Rules]]
    ) -> None:
        name = entry.name
        path = prefix + name
        if not name.isascii() and not _encodable(name):
            self.fault(path, "unreadable", "its name is not UTF-8")
        elif entry.is_symlink():
            self.pending.append((path, rules))
        elif entry.is_dir(follow_symlinks=False):
            if self.wanted(path, name, "folder", rules):
                folders.append((path, rules))
        elif self.wanted(path, name, kind := _by_name(name), rules):
            if entry.is_file(follow_symlinks=False):
                self.seen.add((device, entry.inode()))
                self.read(path, kind)
            else:
                self.fault(path, "skipped", _special(entry.stat(follow_symlinks=False).st_mode))

    def wanted(self, path: str, name: str, kind: str, rules: _Rules) -> bool:
        """Is this entry of a folder to be read? If not, and it might have mattered, notes why."""
        if name[0] == "." and not self.include_hidden and (kind == "folder" or not name.startswith(".env")):
            why = "hidden"
        else:
            why = self.excluded.match(path, name, kind) or rules.match(path, name, kind)
        if why and kind != "other":
            self.fault(path, "skipped", why)
        return not why

    def links(self) -> None:
        """Follow the symbolic links that were met, in order of path, to what was not read yet."""
        while self.pending:
            batch, self.pending = sorted(self.pending, key=lambda link: link[0]), []
            for path, rules in batch:
                self.link(path, path.rpartition("/")[2], rules)

    def link(self, path: str, name: str, rules: _Rules) -> None:
        kind = _by_name(name)
        try:
            status = os.stat(path)
        except OSError as error:
            if kind != "other" or "." not in name:
                self.fault(path, "unreadable", f"broken symbolic link: {_because(error)}")
            return
        kind = "folder" if stat.S_ISDIR(status.st_mode) else kind
        if kind == "other" or not self.wanted(path, name, kind, rules):
            return
        if (status.st_dev, status.st_ino) in self.seen:
            self.fault(path, "skipped", "symbolic link to something that is read already")
        elif kind == "folder":
            self.walk(path, rules)
        elif stat.S_ISREG(status.st_mode):
            self.seen.add((status.st_dev, status.st_ino))
            self.read(path, kind)
        else:
            self.fault(path, "skipped", _special(status.st_mode))

    def read(self, path: str, kind: str, *, outright: bool = False) -> None:
        if path in self.inputs and (self.inputs[path].data is not None or not outright):
            return
        if kind == "other" and not outright:
            self.inputs[path] = Input(path, kind)
            return
        try:
            data = _content(path, self.largest)
        except _Unreadable as error:
            self.fault(path, "unreadable", str(error))
            return
        self.add(path, kind, data)

    def add(self, path: str, kind: str, data: bytes) -> None:
        if kind == "json" and is_plan(data):
            kind = "plan"
        elif kind == "other":
            kind = sniff(data)
            if kind == "other":
                self.fault(path, "skipped", "nothing that conformant reads")
        self.inputs[path] = Input(path, kind, data)

    def fault(self, file: str, status: str, reason: str) -> None:
        shown = file.encode("utf-8", "backslashreplace").decode() if not _encodable(file) else file
        self.faults[shown] = FileCoverage(shown, status, 0, reason)


def is_plan(data: bytes) -> bool:
    """Is this JSON what ``terraform show -json PLAN`` prints?"""
    return b'"format_version"' in data and (b'"resource_changes"' in data or b'"planned_values"' in data)


def sniff(data: bytes) -> str:
    """The kind of a text without a telling name, from its content."""
    head = data[:65536].removeprefix(b"\xef\xbb\xbf").lstrip()
    if head[:1] in (b"{", b"["):
        if is_plan(data):
            return "plan"
        return "avro" if _AVRO.match(head) else "json"
    if _HCL.search(head):
        return "terraform"
    if _SQL.search(head):
        return "sql"
    if _MARKDOWN.search(head):
        return "markdown"
    return "yaml" if _YAML.search(head) else "env" if _ENV.search(head) else "other"


_AVRO = lazy(rb'\{[^{}\[\]]*"type"\s*:\s*"(?:record|enum|fixed)"')
_HCL = lazy(rb'^(?:(?:resource|data)\s+"[\w-]+"\s+"[\w-]+"|(?:terraform|locals)\s*)\{?\s*$|'
                  rb'^(?:resource|data|module|variable|provider|output)\s+"[^"\n]+"[^\n]*\{', re.M)  # fmt: skip
_SQL = lazy(rb"^\s*(?:create|alter|grant|revoke)\s+(?:\w+\s+)*?(?:table|schema|role|user|database|policy"
                  rb"|extension|index|function|view|type|on|select|all|usage|default)\b", re.M | re.I)  # fmt: skip
_MARKDOWN = lazy(rb"^(?:```|~~~)", re.M)
_YAML = lazy(rb"^(?:---(?:\s|$)|[\w./\"'-]+\s*:(?:\s|$)|- )", re.M)
_ENV = lazy(rb"^(?:export )?[A-Za-z_]\w*=", re.M)


def _by_name(name: str) -> str:
    if name in NAMES:
        return NAMES[name]
    lower = name.lower()
    if lower.endswith(TEMPLATES):
        lower = lower[: lower.rindex(".")]
    stem, dot, last = lower.rpartition(".")
    if not dot:
        return "other"
    if last == "json":
        double = f".{stem.rpartition('.')[2]}.json"
        return KINDS.get(double, "json")
    return KINDS.get(f".{last}") or ("env" if lower.startswith(".env.") else "other")


def _content(path: str, largest: int) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        try:
            size = os.fstat(descriptor).st_size
            data = os.read(descriptor, size + 1) if size <= largest else b""
            while size <= largest and len(data) != size and (part := os.read(descriptor, 1 << 20)):
                data += part
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _Unreadable(_because(error)) from None
    fault = f"larger than {largest:,} bytes" if size > largest else _fault(data, largest)
    if fault:
        raise _Unreadable(fault)
    return data


def _fault(data: bytes, largest: int) -> str:
    if len(data) > largest:
        return f"larger than {largest:,} bytes"
    utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    return "binary" if b"\0" in data[:8192] and not utf16 else ""


def _encodable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _because(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _special(mode: int) -> str:
    what = "named pipe" if stat.S_ISFIFO(mode) else "socket" if stat.S_ISSOCK(mode) else "device"
    return f"{what}, not a file"
