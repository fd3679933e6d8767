"""Configs embedded in other objects: Fluentd, Fluent Bit, Prometheus, Alertmanager, OpenTelemetry, auth."""

import re
from collections.abc import Iterator
from typing import Any, ClassVar

from conformant.model import ROOT, Path, Resource, Step, Unknown, dig, mapping, sequence
from conformant.regex import lazy
from conformant.views.base import View

INCLUDE = "@include"
_YES = frozenset({"true", "yes", "on", "1", "enable", "enabled", ""})
_NO = frozenset({"false", "no", "off", "0", "disable", "disabled"})
_SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_TIMES = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = lazy(r"\s*(\d+)\s*([kmgt]?)(?:i?b)?\s*", re.IGNORECASE)
_TIME = lazy(r"\s*(\d+(?:\.\d+)?)\s*([smhd]?)\s*")


class Node:
    """One section of a Fluentd or Fluent Bit config, with its path for findings.

    Values are strings; True stands for a parameter without a value. Everything that reads a
    value raises Undecided when only the running process knows it.
    """

    __slots__ = ("path", "raw")

    def __init__(self, raw: dict[str, Any], path: Path) -> None:
        self.raw = raw
        self.path = path

    @property
    def section(self) -> str:
        """``match``, ``buffer``; for Fluent Bit in lower case and singular: ``output``."""
        return str(self.raw["section"])

    @property
    def arg(self) -> str:
        """What follows the name in the tag: patterns, a label."""
        return str(dig(self.raw, "arg") or "")

    @property
    def type(self) -> str:
        """The plugin: ``@type`` or its old form ``type``; for Fluent Bit ``name``, in lower case."""
        kind = self.get("@type") or self.get("type")
        return str(kind or str(self.get("name") or "").lower())

    def get(self, key: str) -> Any:
        """The last value of a parameter (a list where Fluent Bit has several), None where absent."""
        return dig(self.raw, "params", key)

    def has(self, key: str) -> bool:
        """Whether the parameter is set, be its value known or not."""
        return key in self.raw["params"]

    def knows(self, key: str) -> bool:
        """Whether the parameter is set to a value that is known."""
        return self.has(key) and self.raw["params"][key].__class__ is not Unknown

    def param(self, key: str) -> Path:
        """The path of a parameter, set or not."""
        return self.path / "params" / key

    def text(self, key: str, default: str = "") -> str:
        """The last value as a string; `default` where the parameter is absent or without a value."""
        value = self.get(key)
        if isinstance(value, list):
            value = dig(value, len(value) - 1) if value else None
        return default if value is None or value is True else str(value)

    def flag(self, key: str, default: bool = False) -> bool:
        """A boolean parameter; `default` where it is absent or neither yes nor no."""
        value = self.get(key)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        word = str(value).lower()
        if word in _YES or word.startswith("#"):
            return True
        return False if word in _NO else default

    def size(self, key: str) -> int | None:
        """A size in bytes (``2M``); None where absent or no size."""
        match = _SIZE.fullmatch(self.text(key))
        return int(match[1]) * _SIZES[match[2].lower()] if match else None

    def seconds(self, key: str) -> float | None:
        """A time in seconds (``5s``, ``2.5``); None where absent or no time."""
        match = _TIME.fullmatch(self.text(key))
        return float(match[1]) * _TIMES[match[2]] if match else None

    def children(self, *sections: str) -> list["Node"]:
        """The sections directly inside, those named `sections` or all."""
        return _nodes(self.raw, "children", self.path, sections)

    def child(self, section: str) -> "Node | None":
        """The first section of that name directly inside."""
        return next(iter(self.children(section)), None)

    def walk(self) -> Iterator["Node"]:
        """This section and all inside it, in the order of the text."""
        yield self
        for child in self.children():
            yield from child.walk()

    def __repr__(self) -> str:
        return f"<{self.raw['name']} at {self.path}>"


def _nodes(raw: dict[str, Any], key: str, path: Path, sections: tuple[str, ...]) -> list[Node]:
    return [
        Node(each, path / key / index)
        for index, each in enumerate(raw[key])
        if not sections or each["section"] in sections
    ]


class Config(View):
    """What all configs share: `parent` is the object that the config is embedded in."""

    __slots__ = ()
    family: ClassVar[str] = "config"

    @property
    def parent(self) -> Resource | None:
        return self.resource.parent

    def entries(self, *steps: Step) -> Iterator[tuple[Path, dict[Any, Any]]]:
        """The mappings in the list at `steps`, with their paths."""
        return entries(self.raw, ROOT, *steps)


def entries(raw: Any, path: Path, *steps: Step) -> Iterator[tuple[Path, dict[Any, Any]]]:
    """The mappings in the list at `steps` of `raw`, which stands at `path`, with their paths."""
    at = Path((*path, *steps))
    for index, item in enumerate(sequence(raw, *steps)):
        if isinstance(item, dict):
            yield at / index, item


class _Sections(Config):
    __slots__ = ()

    def nodes(self, *sections: str) -> list[Node]:
        """The sections at the top in the order of the text, those named `sections` or all."""
        return _nodes(self.raw, "nodes", ROOT, sections)

    def walk(self) -> Iterator[Node]:
        """All sections, however deep, in the order of the text."""
        for node in self.nodes():
            yield from node.walk()

    @property
    def includes(self) -> list[Node]:
        """Includes of files that are not here: with any, an absent section may be elsewhere."""
        return [node for node in self.walk() if node.section == INCLUDE]


class FluentdConfig(_Sections):
    """A Fluentd config, with its includes from the same ConfigMap in place."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"FluentdConfig"})

    def routes(self) -> list[tuple[str, list[Node]]]:
        """(label, sections in order): events pass the filters and matches of one label in the order
        of the text. The label is empty for those at the top."""
        found: list[tuple[str, list[Node]]] = [("", [])]
        for node in self.nodes():
            inner = node.children() if node.section == "worker" else [node]
            for each in inner:
                if each.section == "label":
                    found.append((each.arg, each.children()))
                else:
                    found[0][1].append(each)
        return found

    def sources(self) -> list[Node]:
        return self._routed("source")

    def filters(self) -> list[Node]:
        return self._routed("filter")

    def matches(self) -> list[Node]:
        return self._routed("match")

    def label(self, name: str) -> list[Node] | None:
        """The sections of ``<label name>``; None where there is none."""
        return next((nodes for label, nodes in self.routes() if label == name), None)

    def _routed(self, section: str) -> list[Node]:
        return [node for _, nodes in self.routes() for node in nodes if node.section == section]


class FluentBitConfig(_Sections):
    """A Fluent Bit config, classic or YAML: sections ``service``, ``input``, ``filter``,
    ``output``, ``parser``, ``multiline_parser`` … with keys in lower case."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"FluentBitConfig"})

    def inputs(self) -> list[Node]:
        return self.nodes("input")

    def filters(self) -> list[Node]:
        return self.nodes("filter")

    def outputs(self) -> list[Node]:
        return self.nodes("output")


class LogShipper(_Sections):
    """A Fluentd or a Fluent Bit config, for what both are asked."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"FluentdConfig", "FluentBitConfig"})


class PrometheusConfig(Config):
    """A Prometheus configuration file."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"PrometheusConfig"})

    @property
    def rule_files(self) -> list[str]:
        """The globs of rule files."""
        return [glob for glob in self.list("rule_files") if isinstance(glob, str)]

    @property
    def external_labels(self) -> dict[Any, Any]:
        return self.map("global", "external_labels")

    def scrape_configs(self) -> Iterator[tuple[Path, dict[Any, Any]]]:
        return self.entries("scrape_configs")

    def alertmanagers(self) -> Iterator[tuple[Path, dict[Any, Any]]]:
        return self.entries("alerting", "alertmanagers")

    def remotes(self) -> Iterator[tuple[Path, dict[Any, Any]]]:
        """Remote write and remote read endpoints."""
        yield from self.entries("remote_write")
        yield from self.entries("remote_read")


class PrometheusRules(Config):
    """A file of Prometheus rules, or the spec of a PrometheusRule."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"PrometheusRules"})

    def rules(self) -> Iterator[tuple[Path, dict[Any, Any]]]:
        """Recording and alerting rules."""
        for path, group in self.entries("groups"):
            yield from entries(group, path, "rules")

    def alerts(self) -> Iterator[tuple[Path, dict[Any, Any]]]:
        """The rules that raise an alert."""
        return ((path, rule) for path, rule in self.rules() if "alert" in rule)


class AlertmanagerConfig(Config):
    """An Alertmanager configuration file."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"AlertmanagerConfig"})

    def receivers(self) -> Iterator[tuple[Path, dict[Any, Any]]]:
        return self.entries("receivers")

    def routes(self) -> Iterator[tuple[Path, dict[Any, Any], str]]:
        """Every route from the root down, with the receiver that it names or inherits."""
        return _routes(self.map("route"), ROOT / "route", "")


def _routes(route: dict[Any, Any], path: Path, inherited: str) -> Iterator[tuple[Path, dict[Any, Any], str]]:
    receiver = str(dig(route, "receiver") or inherited)
    yield path, route, receiver
    for inner, child in entries(route, path, "routes"):
        yield from _routes(child, inner, receiver)


def integrations(receiver: dict[Any, Any]) -> Iterator[tuple[str, int, dict[Any, Any]]]:
    """The ways in which a receiver notifies somebody: (``slack_configs``, index, settings)."""
    for key, value in receiver.items():
        if isinstance(key, str) and key.endswith(("_configs", "Configs")):
            for index, item in enumerate(sequence(value)):
                if isinstance(item, dict):
                    yield key, index, item


class OtelConfig(Config):
    """The configuration of an OpenTelemetry collector. Components are (name, path, settings);
    ``otlp/backup`` is a component of type ``otlp``."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"OtelConfig"})

    def components(self, group: str) -> Iterator[tuple[str, Path, dict[Any, Any]]]:
        """The components of ``receivers``, ``processors``, ``exporters``, ``connectors`` or
        ``extensions``."""
        for name, value in self.map(group).items():
            yield str(name), ROOT / group / name, mapping(value)

    def pipelines(self) -> Iterator[tuple[str, Path, dict[Any, Any]]]:
        for name, value in self.map("service", "pipelines").items():
            yield str(name), ROOT / "service" / "pipelines" / name, mapping(value)


class AuthConfig(Config):
    """Authentication providers and authorization policies of a service."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"AuthConfig"})

    def providers(self) -> Iterator[tuple[Path, dict[Any, Any]]]:
        return self.entries("authentication", "providers")

    def policies(self) -> Iterator[tuple[Path, dict[Any, Any]]]:
        return self.entries("authorization", "policies")

    def rules(self) -> Iterator[tuple[Path, dict[Any, Any]]]:
        """The rules of all policies."""
        for path, policy in self.policies():
            yield from entries(policy, path, "rules")


class DataMap(Config):
    """What the columns of databases hold, how it is encrypted and when it is deleted."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"DataMap"})

    def columns(self) -> Iterator[tuple[str, dict[Any, Any]]]:
        """(``schema.table.column`` or ``table.column``, what is said of it)."""
        for name, said in self.map("data-map").items():
            if isinstance(name, str):
                yield name.lower(), mapping(said)


class ConfigText(Config):
    """Any other file in a ConfigMap: `raw` is the value of YAML and JSON, else the text."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"ConfigText"})
