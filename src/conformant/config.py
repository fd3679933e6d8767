"""Configuration: ``conformant.toml`` or ``[tool.conformant]`` in ``pyproject.toml``, then flags.

Every setting has a default; a wrong key or value is an error that names file and line.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from msgspec import Struct, ValidationError, convert

from conformant.model import Place, Severity, Waiver
from conformant.profile import Live, Profile


class ConfigurationError(Exception):
    """A setting that cannot be used; the message names its place."""


class StatedWaiver(Struct, frozen=True, forbid_unknown_fields=True):
    """A ``[[waivers]]`` entry: an accepted finding. All but the pattern are mandatory."""

    id: str
    reason: str
    owner: str
    expires: date
    resource: str = "*"


class HistorySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where runs are kept.

    - `keep`: keep every run, as `--keep` does for one; audits are kept unless told otherwise.
    - `url`: of the database, such as ``postgresql+psycopg://…``; a SQLite file of the user's unless stated.
    - `days`: runs older than this are forgotten, but for the newest; 0 keeps all.
    - `platform`: the name under which the runs are kept.
    - `trusted`: files with the public keys whose signed reports `conformant report verify` accepts.
    """

    keep: bool = False
    url: str = ""
    days: int = 400
    platform: str = ""
    trusted: tuple[str, ...] = ()


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """All settings.

    - `fail_on`: findings below this severity do not fail the run (``info`` … ``critical``).
    - `strict`: a result that stays unknown fails the run with exit code 3.
    - `select`, `skip`: ids, slugs, areas, requirements or controls of checks to run or to leave out.
    - `checks`: folders with checks of your own.
    - `exclude`: shell patterns of paths to leave out.
    - `values`: values files for Helm charts and for Go templates in documents.
    - `variables`, `variable_files`: Terraform variables.
    - `crds`: files or folders with custom resource definitions.
    - `baseline`: a file of accepted fingerprints.
    - `cache`: whether results of unchanged files are kept between runs.
    - `history`: where runs are kept.
    - `profile`: what the platform is (component versions, mesh, registries …).
    - `settings`: parameters of single checks, by id or slug.
    - `live`: what an audit of a running cluster needs to know.
    - `waivers`: accepted findings.
    """

    fail_on: str = "low"
    strict: bool = False
    select: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    variables: dict[str, Any] = {}
    variable_files: tuple[str, ...] = ()
    crds: tuple[str, ...] = ()
    baseline: str = ""
    cache: bool = True
    history: HistorySettings = HistorySettings()
    profile: Profile = Profile()
    settings: dict[str, dict[str, Any]] = {}
    live: Live = Live()
    waivers: tuple[StatedWaiver, ...] = ()


def severity(text: str) -> Severity:
    """The severity of this name. Raises ConfigurationError."""
    try:
        return Severity[text.upper()]
    except KeyError:
        names = ", ".join(str(level) for level in Severity)
        raise ConfigurationError(f"{text!r} is not a severity ({names})") from None


def discover(start: Path) -> Path | None:
    """The configuration file for a run in `start`: there or in the nearest parent, up to the
    root of the repository."""
    for folder in (start, *start.parents):
        stated = folder / "conformant.toml"
        if stated.is_file():
            return stated
        project = folder / "pyproject.toml"
        if project.is_file() and "[tool.conformant" in project.read_text(encoding="utf-8", errors="replace"):
            return project
        if (folder / ".git").exists():
            break
    return None


def read(file: Path) -> Settings:
    """The settings of a configuration file. Raises ConfigurationError with file and line."""
    import tomllib

    try:
        text = file.read_text(encoding="utf-8")
        stated = tomllib.loads(text)
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file}: not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{file}{_position(str(error))}") from None
    if file.name == "pyproject.toml":
        stated = stated.get("tool", {}).get("conformant", {})
    try:
        settings = convert(stated, Settings)
        severity(settings.fail_on)
    except (ValidationError, ConfigurationError) as error:
        message = str(error).replace("Object contains unknown field", "no such setting:")
        about = message if isinstance(error, ValidationError) else "`fail_on`"
        shown = re.sub(r" - at `\$\.?([^`]*)`", r" (in \1)", message)
        raise ConfigurationError(f"{file}:{_line(text, about)}: {shown}") from None
    return _anchored(settings, file.parent)


def _line(text: str, message: str) -> int:
    """The line that a message is about: by the key that it names in back quotes, msgspec's way, else the first."""
    names = re.findall(r"`([^`]+)`", message)
    table = next((name[1:].lstrip(".") for name in names if name[0] == "$"), "")
    fields = [name for name in names if name[0] != "$" and not name.isspace()]
    lines = _key_lines(text)
    for key in (*(".".join(filter(None, (table, field))) for field in fields), table):
        found = [line for path, line in lines.items() if f".{path}".endswith(f".{key}")] if key else []
        if found:
            return found[0]
    outer = table.partition("[...]")[0]
    return next((line for path, line in lines.items() if outer and f".{path}.".find(f".{outer}.") >= 0), 1)


def _position(message: str) -> str:
    """``:2:10: reason`` of "reason (at line 2, column 10)"."""
    found = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", message, re.DOTALL)
    return f":{found[2]}:{found[3]}: {found[1]}" if found else f": {message}"


def _key_lines(text: str) -> dict[str, int]:
    """The line of each key and table of a TOML text: ``profile.mesh.mode``, ``waivers[0].owner``."""
    lines: dict[str, int] = {}
    counts: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        head = re.match(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]", line)
        entry = re.match(r"\s*([\w.\"'-]+?)\s*=", line)
        if head is not None:
            table = re.sub(r"[\"'\s]", "", head[2])
            if head[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = f"{table}[{counts[table]}]"
            lines.setdefault(table, number)
        elif entry is not None:
            key = re.sub(r"[\"'\s]", "", entry[1])
            lines.setdefault(f"{table}.{key}" if table else key, number)
    return lines


def _anchored(settings: Settings, folder: Path) -> Settings:
    """Relative paths of a file count from the file's own folder."""
    from msgspec.structs import replace

    def anchor(path: str) -> str:
        return str(folder / path) if path and folder != Path.cwd() else path

    return replace(
        settings,
        checks=tuple(anchor(path) for path in settings.checks),
        values=tuple(anchor(path) for path in settings.values),
        variable_files=tuple(anchor(path) for path in settings.variable_files),
        crds=tuple(anchor(path) for path in settings.crds),
        baseline=anchor(settings.baseline),
    )


def merged(settings: Settings, flags: Mapping[str, Any]) -> Settings:
    """The settings with command-line flags on top; flags that are None or empty change nothing."""
    from msgspec.structs import replace

    changes = {name: value for name, value in flags.items() if value not in (None, (), {}, "")}
    return replace(settings, **changes) if changes else settings


def resolve(
    stated: str | None, flags: Mapping[str, Any], kubernetes: str | None = None
) -> tuple[Settings, Path | None]:
    """The settings of the configuration file, the one stated or the one in force here, with `flags` on
    top, and that file. Raises ConfigurationError."""
    from msgspec.structs import replace

    file = Path(stated) if stated else discover(Path.cwd())
    settings = read(file) if file else Settings()
    variables = {**settings.variables, **flags.get("variables", {})}
    settings = merged(settings, {**flags, "variables": variables})
    if kubernetes:
        settings = replace(settings, profile=replace(settings.profile, kubernetes=kubernetes))
    severity(settings.fail_on)
    for name in (*settings.values, *settings.variable_files):
        if not Path(name).is_file():
            raise ConfigurationError(f"{name}: {'not a file' if Path(name).exists() else 'no such file'}")
    return settings, file


def variables(stated: Sequence[str]) -> dict[str, Any]:
    """``NAME=VALUE`` texts as Terraform variables. Raises ConfigurationError."""
    found: dict[str, Any] = {}
    for entry in stated:
        name, equals, value = entry.partition("=")
        if not (equals and name):
            raise ConfigurationError(f"variable {entry!r}: expected NAME=VALUE")
        found[name] = value
    return found


def day(text: str | None) -> date:
    """The day to judge by: today unless stated. Raises ConfigurationError."""
    if text is None:
        return date.today()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"{text!r} is not a date (YYYY-MM-DD)") from None


def line_of(file: Path, message: str) -> str:
    """``file:line`` of what a message about a configuration file names in back quotes."""
    return f"{file}:{_line(file.read_text(encoding='utf-8'), message)}"


def waivers(settings: Settings, file: Path | None) -> list[Waiver]:
    """The waivers of the configuration."""
    origin = Place(str(file)) if file else None
    text = file.read_text(encoding="utf-8").splitlines() if file and settings.waivers else []
    heads = enumerate((line.strip() for line in text), 1)
    lines = [number for number, line in heads if line.startswith("[[") and "waivers" in line]
    stated: list[Waiver] = []
    for index, entry in enumerate(settings.waivers):
        place = Place(str(file), lines[index]) if file and index < len(lines) else origin
        stated.append(Waiver(entry.id, entry.reason, entry.owner, entry.expires, entry.resource, place))
    return stated
