"""Fluent Bit configs: the classic ``[SECTION]`` syntax and the YAML form, both to the same sections.

Section names and keys are lower-cased, sections in the singular (``input``, ``output``,
``service``, ``parser``). Values stay strings; a key given several times has a list of them. A
value with ``${VARIABLE}`` that no ``@SET`` or ``env`` gives is an `Unknown`.
"""

from collections.abc import Mapping
from typing import Any

from conformant.load.sections import INCLUDE, Entry, Includes, ParseError, Section
from conformant.model import Unknown
from conformant.regex import lazy

__all__ = ["ParseError", "parse", "read"]

_HEADER = lazy(r"\[([^\]\s][^\]]*)\]\s*")
_VARIABLE = lazy(r"\$\{([^}]+)\}")


def read(name: str, texts: Mapping[str, str]) -> tuple[Section, set[str]]:
    """The config `texts[name]` with its includes resolved among `texts` and its variables filled
    in, and the names of those included (see `sections.Includes`). Raises ParseError."""
    includes = Includes(texts, parse)
    root = includes.read(name)
    _fill(root, _settings(root))
    return root, includes.used


def parse(text: str, config: str = "", yaml: bool = False) -> Section:
    """The root section of a config, with variables as written; `config` names it in places and
    errors, `yaml` says that it has the YAML form. Raises ParseError."""
    if yaml:
        from conformant.load.fluentyaml import fluentbit

        return fluentbit(text, config)
    return _classic(text.removeprefix("\ufeff"), config)


def _classic(text: str, config: str) -> Section:
    root = Section("", config=config, repeats=True)
    section = group = root
    for number, full in enumerate(text.split("\n"), 1):
        line = full.strip()
        if not line or line.startswith("#"):
            continue
        indented = full[0] in " \t"
        column = len(full) - len(full.lstrip()) + 1
        if line.startswith("["):
            header = _HEADER.fullmatch(line)
            if header is None:
                raise ParseError("expected a section: [NAME]", number, column, config)
            made = Section(header[1].strip().lower(), "", number, column, config, repeats=True)
            if indented and section is not root:
                section.children.append(made)
            else:
                root.children.append(made)
                section = made
            group = made
            continue
        key, _, value = line.replace("\t", " ").partition(" ")
        value = line[len(key) :].strip()
        name = key.lower()
        if name == INCLUDE:
            root.children.append(Section(INCLUDE, value, number, column, config))
        elif name == "@set":
            root.add(name, Entry(value, number, column, config))
        elif group is root:
            raise ParseError(f"{key!r} stands outside any section", number, column, config)
        elif not value:
            raise ParseError(f"key {key!r} has no value", number, column, config)
        else:
            group.add(name, Entry(value, number, column, config))
    return root


def _settings(root: Section) -> dict[str, str]:
    pairs = (entry.value.partition("=") for entry in root.entries.get("@set", ()))
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def _fill(section: Section, settings: Mapping[str, str]) -> None:
    for key, entries in section.entries.items():
        if key != "@set":
            for entry in entries:
                entry.value = _filled(key, entry.value, settings)
    for child in section.children:
        _fill(child, settings)


def _filled(key: str, value: Any, settings: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        if "${" not in value:
            return value
        text = _VARIABLE.sub(lambda match: settings.get(match[1], match[0]), value)
        missing = list(dict.fromkeys(_VARIABLE.findall(text)))
        if not missing:
            return text
        names = [name.partition(":-")[0] for name in missing]
        variables = " and ".join(f"${{{name}}}" for name in names)
        return Unknown(f"{key} comes from {variables}, which is only known where Fluent Bit runs", names)
    if isinstance(value, list):
        return [_filled(key, item, settings) for item in value]
    if isinstance(value, dict):
        return {name: _filled(str(name), item, settings) for name, item in value.items()}
    return value
