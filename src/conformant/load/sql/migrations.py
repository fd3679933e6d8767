"""Which SQL files make one database, in which order, and which only undo others."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from msgspec.structs import replace

from conformant.load.sql.source import SqlText
from conformant.regex import lazy

_DOWN_FILE = lazy(r"(?:^|[._-])(?:down|undo|rollback|revert)\.sql$|^U\d[\w.]*__", re.IGNORECASE)
_DOWN_PART = lazy(
    r"^--[ \t]*(?:migrate:down|\+goose[ \t]+Down|\+migrate[ \t]+Down|\+micrate[ \t]+Down|@(?:UNDO|DOWN))\b",
    re.IGNORECASE | re.MULTILINE,
)
_FOREIGN_NAME = lazy(
    r"(?:^|[._-])(mysql|mariadb|sqlite3?|cockroach(?:db)?|mssql|sqlserver|clickhouse)(?=[._-])", re.IGNORECASE
)
_FOREIGN_FOLDER = lazy(r"mysql|mariadb|sqlite3?|cockroach(?:db)?|mssql|sqlserver|clickhouse", re.IGNORECASE)
_UP_FILE = lazy(r"^(?:up|migration)\.sql$", re.IGNORECASE)
_NUMBER = lazy(r"(\d+)")


def ddl_sets(files: Iterable[str]) -> tuple[list[list[str]], list[str]]:
    """Files grouped into the sets that each build one database, every set in the order in which
    it is applied; and apart from them the files that only undo others.

    Files of one folder are a set. So are folders that each hold one step (``…/0001_x/up.sql``,
    ``…/0001_x/migration.sql``). Numbers in names count as numbers; Flyway's repeatable
    migrations (``R__…``) come last.
    """
    sets: dict[str, list[str]] = {}
    undoing: list[str] = []
    for file in files:
        path = PurePosixPath(file)
        if _DOWN_FILE.search(path.name):
            undoing.append(file)
        else:
            folder = path.parent.parent if _UP_FILE.match(path.name) else path.parent
            sets.setdefault(str(folder), []).append(file)
    return [sorted(sets[folder], key=_order) for folder in sorted(sets)], sorted(undoing)


def _order(file: str) -> tuple[bool, list[tuple[int, int | str]]]:
    path = PurePosixPath(file)
    name = path.parent.name + "/" + path.name if _UP_FILE.match(path.name) else path.name
    parts = [(0, int(part)) if part.isdigit() else (1, part) for part in _NUMBER.split(name) if part]
    return path.name.startswith("R__"), parts


def named_for(file: str) -> str:
    """The other database that the name of a file or of a folder above it says it is for; or ""."""
    *folders, name = PurePosixPath(file).parts or ("",)
    stated = _FOREIGN_NAME.search(name)
    if stated:
        return stated[1].lower()
    return next((folder.lower() for folder in reversed(folders) if _FOREIGN_FOLDER.fullmatch(folder)), "")


def without_down_part(text: SqlText) -> SqlText:
    """The text up to the marker with which dbmate, goose and their like begin the undoing part."""
    found = _DOWN_PART.search(text.text)
    return replace(text, text=text.text[: found.start()]) if found else text
