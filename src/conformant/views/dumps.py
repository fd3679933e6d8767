"""Commands that dump data: what a command line runs, through shells, and where its output goes."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from msgspec import Struct

POSTGRESQL, MYSQL, MONGODB, REDIS, ETCD, FILES = "postgresql", "mysql", "mongodb", "redis", "etcd", "files"

_TOOLS = {
    "pg_dump": POSTGRESQL, "pg_dumpall": POSTGRESQL, "pg_basebackup": POSTGRESQL, "mysqldump": MYSQL,
    "mysqlpump": MYSQL, "mariadb-dump": MYSQL, "mydumper": MYSQL, "xtrabackup": MYSQL, "mariabackup": MYSQL,
    "mongodump": MONGODB, "mongoexport": MONGODB,
}  # fmt: skip
_SHELLS = frozenset({"sh", "bash", "ash", "dash", "ksh", "zsh", "busybox", "su", "runuser"})
_STARTERS = frozenset({
    "sudo", "exec", "time", "nice", "ionice", "nohup", "env", "timeout", "gosu", "su-exec", "setsid", "command",
    "chroot", "if", "then", "else", "do", "while", "until", "!", "{",
})  # fmt: skip
_STARTERS_WITH_OPERAND = frozenset({"gosu", "su-exec", "chroot"})
_OPTIONS_WITH_VALUE = frozenset({"-u", "--user", "-g", "-n"})
_ENCRYPTING = frozenset({"gpg", "gpg2", "age", "rage", "sops", "ccrypt", "mcrypt"})
_ENDS = frozenset({";", "&", "&&", "||", "|", "|&", "(", ")", ";;"})
_FILE_OPTIONS = frozenset({
    "-f", "--file", "-r", "--result-file", "-o", "--out", "--archive", "-D", "--pgdata", "--target-dir", "--rdb",
})  # fmt: skip


class Dump(Struct, frozen=True):
    """A command that writes a copy of data. `target` is the file or directory as written, empty
    where there is none or it is not known; `redirected` says that a shell's ``>`` writes it;
    `guarded` that a failure half-way cannot pass for a finished dump; `encrypted` that the copy is."""

    tool: str
    engine: str
    target: str = ""
    redirected: bool = False
    guarded: bool = False
    encrypted: bool = False


class Command(Struct, frozen=True):
    """A simple command: its words, and the operator that follows it, empty at the end."""

    words: tuple[str, ...]
    end: str = ""

    @property
    def name(self) -> str:
        return self.words[0].rpartition("/")[2]


def find_dump(argv: Sequence[str]) -> Dump | None:
    """The first dump that an argument vector makes, itself or in the script that it gives to a shell."""
    commands = list(simple_commands(argv))
    for index, command in enumerate(commands):
        engine = _engine(command)
        if engine:
            return _describe(command, engine, commands, index, argv)
    return None


def simple_commands(argv: Sequence[str]) -> Iterator[Command]:
    """What an argument vector runs: itself, or the commands of the script that it gives to a shell,
    each without what only starts it (``sudo``, ``timeout 5m``, assignments)."""
    words = _bare(list(argv))
    if not words:
        return
    name = words[0].rpartition("/")[2]
    script = _script(words[1:]) if name in _SHELLS else None
    if script is not None:
        yield from _of_script(script)
    elif name in ("kubectl", "oc", "docker") and "--" in words:
        yield from simple_commands(words[words.index("--") + 1 :])
    else:
        yield Command(tuple(words))


def _describe(command: Command, engine: str, commands: list[Command], index: int, argv: Sequence[str]) -> Dump:
    last = next((at for at in range(index, len(commands)) if commands[at].end not in ("|", "|&")), len(commands) - 1)
    redirect = next((file for each in commands[index : last + 1] for file in [_redirect(each.words)] if file), "")
    return Dump(
        tool=command.name,
        engine=engine,
        target=redirect or _file(command.words, engine),
        redirected=bool(redirect),
        guarded=any("pipefail" in word for word in argv) or any(each.name == "mv" for each in commands),
        encrypted=any(map(_encrypts, commands)),
    )


def _engine(command: Command) -> str:
    """What a simple command dumps; empty where it dumps nothing."""
    name, words = command.name, [word.lower() for word in command.words[1:]]
    if name in _TOOLS:
        return "" if "--version" in words or "--help" in words else _TOOLS[name]
    if name in ("redis-cli", "valkey-cli"):
        return REDIS if {"save", "bgsave", "--rdb"} & set(words) else ""
    if name == "etcdctl":
        return ETCD if ("snapshot", "save") in pairwise(words) else ""
    if name in ("tar", "gtar", "bsdtar") and words:
        bundled = not words[0].startswith("--") and "c" in words[0].lstrip("-")
        return FILES if bundled or "--create" in words else ""
    return ""


def _encrypts(command: Command) -> bool:
    if command.name == "openssl":
        return any(word in ("enc", "cms", "smime") for word in command.words)
    return command.name in _ENCRYPTING or any(word.startswith("--sse") for word in command.words)


def _file(words: tuple[str, ...], engine: str) -> str:
    """The file that an option or an argument names."""
    if engine == ETCD:
        return next((word for word in words[words.index("save") + 1 :] if not word.startswith("-")), "")
    if engine == FILES and len(words) > 2 and "f" in words[1] and not words[1].startswith("--"):
        return "" if words[2] == "-" else words[2]
    for word, following in zip(words, (*words[1:], ""), strict=True):
        name, equals, value = word.partition("=")
        if name in _FILE_OPTIONS:
            return value if equals else "" if following.startswith("-") else following
    return ""


def _redirect(words: tuple[str, ...]) -> str:
    """The file that standard output is written to."""
    for index, word in enumerate(words[:-1]):
        if word in (">", ">>", ">|") and words[index - 1] != "2" and not words[index + 1].startswith("/dev/"):
            return words[index + 1]
    return ""


def _script(arguments: list[str]) -> str | None:
    """The text after ``-c``, which may stand in a group of flags."""
    for word, following in pairwise(arguments):
        if word == "--command" or (word.endswith("c") and word.startswith("-") and not word.startswith("--")):
            return following
    return None


def _of_script(script: str) -> Iterator[Command]:
    words: list[str] = []
    for token in (*_tokens(script), ";"):
        if token not in _ENDS:
            words.append(token)
            continue
        inner = list(simple_commands(words))
        yield from inner[:-1]
        if inner:
            yield Command(inner[-1].words, token)
        words = []


def _tokens(script: str) -> list[str]:
    """The words and operators of a script; of one whose quotes do not close, those before."""
    from shlex import shlex

    one_line = script.replace("\\\n", " ").replace("\n", " ; ")
    lexer = shlex(one_line, posix=True, punctuation_chars=True)
    lexer.commenters = ""
    lexer.wordchars += "$:@%,+{}!"
    tokens: list[str] = []
    try:
        tokens.extend(lexer)
    except ValueError:
        tokens.append(";")
    return tokens


def _bare(words: list[str]) -> list[str]:
    while words:
        name = words[0].rpartition("/")[2]
        if _is_assignment(words[0]):
            words = words[1:]
        elif name in _STARTERS:
            words = words[1:]
            while words and (words[0].startswith("-") or words[0][:1].isdigit()):
                words = words[2:] if words[0] in _OPTIONS_WITH_VALUE else words[1:]
            words = words[1:] if name in _STARTERS_WITH_OPERAND else words
        else:
            break
    return words


def _is_assignment(word: str) -> bool:
    name, equals, _ = word.partition("=")
    return bool(equals) and name.replace("_", "a").isalnum()
