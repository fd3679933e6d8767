"""Commands that dump data: what a command line runs, through shells, and where its output goes."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

POSTGRESQL, MYSQL, MONGODB, REDIS, ETCD, FILES = "postgresql", "mysql", "mongodb", "redis", "etcd", "files"

_TOOLS = {
    "pg_dump": POSTGRESQL, "pg_dumpall": POSTGRESQL, "pg_basebackup": POSTGRESQL, "wal-g": POSTGRESQL,
    "mysqldump": MYSQL, "mysqlpump": MYSQL, "mariadb-dump": MYSQL, "mydumper": MYSQL, "xtrabackup": MYSQL,
    "mariabackup": MYSQL, "mongodump": MONGODB, "mongoexport": MONGODB,
}  # fmt: skip
_SHELLS = frozenset({"sh", "bash", "ash", "dash", "ksh", "zsh", "busybox"})
_PREFIXES = frozenset({
    "sudo", "exec", "time", "nice", "ionice", "nohup", "env", "timeout", "gosu", "su-exec", "setsid", "command",
    "eval", "if", "then", "else", "do", "while", "until", "!", "{", "chroot", "setpriv",
})  # fmt: skip
_ENCRYPTING = frozenset({"gpg", "gpg2", "age", "rage", "sops", "openssl", "ccrypt", "mcrypt", "7z"})
_ENDS = frozenset({";", "&", "&&", "||", "|", "|&", "(", ")", "\n", ";;"})
_FILE_OPTIONS = ("-f", "--file", "-r", "--result-file", "-o", "--out", "--archive", "-D", "--pgdata", "--target-dir")


class Dump(Struct, frozen=True):
    """A command that writes a copy of data. `target` is the file or directory as written, empty
    where it is not known or not a file; `redirected` says that a shell's ``>`` writes it;
    `guarded` that a failure half-way cannot pass for a finished dump; `encrypted` that the copy is."""

    tool: str
    engine: str
    target: str = ""
    redirected: bool = False
    guarded: bool = False
    encrypted: bool = False


def find_dump(command: Sequence[str]) -> Dump | None:
    """The first dump that an argument vector makes, itself or in the script that it gives to a shell."""
    script = list(_simple_commands(list(command)))
    for index, words in enumerate(script):
        engine = _engine(words)
        if engine:
            return _describe(words, engine, script, index, command)
    return None


def _describe(
    words: list[str], engine: str, script: list[list[str]], index: int, command: Sequence[str]
) -> Dump:
    pipeline = script[index:]
    for length, each in enumerate(pipeline):
        if each[-1] not in ("|", "|&"):
            pipeline = pipeline[: length + 1]
            break
    redirect = next((target for each in pipeline for target in [_redirect(each)] if target), "")
    names = {_name(each) for each in script}
    return Dump(
        tool=_name(words), engine=engine, target=redirect or _file(words, engine), redirected=bool(redirect),
        guarded="mv" in names or any("pipefail" in word for word in (*command, *(w for each in script for w in each))),
        encrypted=bool(names & _ENCRYPTING) or any(word.startswith("--sse") for each in script for word in each),
    )  # fmt: skip


def _engine(words: list[str]) -> str:
    """What the simple command dumps; empty where it dumps nothing."""
    name, arguments = _name(words), [word.lower() for word in words[1:]]
    if name in _TOOLS:
        return "" if {"--version", "--help", "-V"} & set(words) else _TOOLS[name]
    if name in ("redis-cli", "valkey-cli"):
        return REDIS if {"save", "bgsave", "--rdb"} & set(arguments) else ""
    if name == "etcdctl":
        return ETCD if ("snapshot", "save") in zip(arguments, arguments[1:], strict=False) else ""
    if name in ("tar", "gtar", "bsdtar") and arguments:
        flags = arguments[0]
        creates = "--create" in arguments or ("c" in flags.lstrip("-") and not flags.startswith("--"))
        return FILES if creates else ""
    return ""


def _file(words: list[str], engine: str) -> str:
    """The file that an option or an argument names."""
    if engine == ETCD:
        return words[words.index("save") + 1] if words.index("save") + 1 < len(words) else ""
    if engine == FILES:
        flags = words[1].lstrip("-")
        if "f" in flags and len(words) > 2 and not words[1].startswith("--"):
            return words[2]
    options = ("--rdb",) if engine == REDIS else _FILE_OPTIONS
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name in options:
            return value if equals else "" if following.startswith("-") else following
    return ""


def _redirect(words: list[str]) -> str:
    """The file that standard output of a simple command is written to."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word in (">", ">>", ">|"):
            return "" if following.startswith("/dev/") else following
    return ""


def _name(words: list[str]) -> str:
    return words[0].rpartition("/")[2]


def _simple_commands(command: list[str]) -> Iterator[list[str]]:
    """The simple commands of an argument vector, without what runs them. Each ends with the
    operator that follows it (``|``, ``;``, empty at the end)."""
    words = _bare(command)
    if not words:
        return
    name = _name(words)
    if name in _SHELLS or name in ("su", "runuser"):
        script = _script(words[1:])
        if script is not None:
            yield from _of_script(script)
            return
    yield [*words, ""]


def _script(arguments: list[str]) -> str | None:
    """The text after ``-c``, which may stand in a group of flags."""
    for word, following in zip(arguments, arguments[1:], strict=False):
        if word == "--command" or (word.startswith("-") and not word.startswith("--") and word.endswith("c")):
            return following
    return None


def _of_script(script: str) -> Iterator[list[str]]:
    words: list[str] = []
    for token in _tokens(script):
        if token in _ENDS:
            yield from _with_end(words, token)
            words = []
        else:
            words.append(token)
    yield from _with_end(words, "")


def _with_end(words: list[str], end: str) -> Iterator[list[str]]:
    inner = list(_simple_commands(words)) if words else []
    for each in inner:
        if each is inner[-1]:
            each[-1] = end
        yield each


def _tokens(script: str) -> Iterator[str]:
    from shlex import shlex

    lexer = shlex(script.replace("\\\n", " ").replace("\n", " ; ").replace("$(", " ; "), posix=True, punctuation_chars=True)
    lexer.commenters = ""
    try:
        yield from lexer
    except ValueError:  # a quote that does not close: the shell would refuse the rest
        return


def _bare(words: list[str]) -> list[str]:
    """The command without assignments, redirections of errors and commands that only start others."""
    index = 0
    prefixed = False
    while index < len(words):
        word = words[index]
        name = word.rpartition("/")[2]
        if name in _PREFIXES:
            prefixed = True
        elif not (_is_assignment(word) or (prefixed and (word.startswith("-") or word[:1].isdigit()))):
            if prefixed and name not in _KNOWN and index + 1 < len(words) and _follows_user(words, index):
                index += 1
                continue
            break
        index += 1
    return words[index:]


def _is_assignment(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.replace("_", "a").isalnum()


def _follows_user(words: list[str], index: int) -> bool:
    """Whether the word is the user that gosu, su-exec, or sudo -u takes before the command."""
    return words[index - 1].rpartition("/")[2] in ("gosu", "su-exec", "-u", "chroot")


_KNOWN = frozenset(_TOOLS) | _SHELLS
