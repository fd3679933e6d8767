"""Configs inside Kubernetes objects: the keys of a ConfigMap, the config of a custom resource.

Each becomes a resource of family ``config``, with the object as its parent and with places in the
object's own file. Secrets are never read.
"""

import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from conformant.load.manifests import Within
from conformant.load.sections import Origin, ParseError, Section, SectionLocator, plain
from conformant.load.yaml import Document, YamlLocator, documents, scalar_origin
from conformant.model import FileCoverage, Locator, Path, Place, Resource, Step, Unknown
from conformant.regex import lazy

_YAML = (".yaml", ".yml", ".json", ".rules")
_TEXT = (".properties", ".env", ".ini", ".toml", ".conf", ".cfg", ".cnf", ".hcl", ".xml", ".config")
_FLUENTD = lazy(r"^[ \t]*<(?:source|match|filter|system|label)(?:[ \t][^>\n]*)?>", re.MULTILINE)
_FLUENT_BIT = lazy(r"^\[(?:input|filter|output|(?:multiline_)?parser)\][ \t\r]*$", re.MULTILINE | re.IGNORECASE)
_NAMED = lazy(r"^[ \t]+name[ \t]", re.MULTILINE | re.IGNORECASE)
_SUBSTITUTION = lazy(r"\$\{(?:env:)?([^}:]+)(?::[^}]*)?\}")
_SECTIONED = (".yaml", ".yml")
_TEMPLATE = "a template that was not rendered"
_MAPPING = lazy(r"(?:\s|#[^\n]*\n|---\n)*[A-Za-z_][\w.-]*:(?:[ \t\r]|\n)")

Read = Callable[[str, Mapping[str, str]], tuple[Section, set[str]]]


def embedded(holder: Resource, text: str, document: Document | None) -> tuple[list[Resource], list[FileCoverage]]:
    """The configs in a ConfigMap, an OpenTelemetryCollector or a PrometheusRule, and what could
    not be read of them.

    `text` and `document` are what the object came from; without a document (a rendered one) all
    of a config stands where its key stands.
    """
    spec = holder.raw.get("spec")
    if holder.kind == "ConfigMap":
        data, binary = holder.raw.get("data"), holder.raw.get("binaryData")
        if not _interesting(data) and not _interesting(binary):
            return [], []
        reader = _Reader(holder, text, document)
        reader.texts("data", data)
        reader.texts("binaryData", binary)
        return reader.resources, reader.files
    if not isinstance(spec, dict):
        return [], []
    reader = _Reader(holder, text, document)
    if holder.kind == "PrometheusRule":
        reader.mapping("PrometheusRules", spec, "spec")
    elif holder.kind == "OpenTelemetryCollector":
        config = spec.get("config")
        if isinstance(config, dict):
            reader.mapping("OtelConfig", config, "spec", "config")
        elif isinstance(config, str):
            reader.yaml("config", config, ("spec", "config"), "OtelConfig")
    return reader.resources, reader.files


def _interesting(data: Any) -> bool:
    """Whether any key may hold a config; costs next to nothing where none does."""
    return isinstance(data, dict) and any(
        (isinstance(value, str) and ("\n" in value or str(key).endswith(_YAML))) or str(key).endswith(_TEXT)
        for key, value in data.items()
    )


class _Reader:
    """Collects the configs of one object."""

    def __init__(self, holder: Resource, text: str, document: Document | None) -> None:
        self.holder = holder
        self.text = text
        self.document = document
        self.resources: list[Resource] = []
        self.files: list[FileCoverage] = []
        self.outer: Locator = holder.locator
        self.prefix: tuple[Step, ...] = ()
        while isinstance(self.outer, Within):
            self.prefix = (*self.outer.prefix, *self.prefix)
            self.outer = self.outer.outer

    def texts(self, section: str, data: Any) -> None:
        """The configs among the keys of ``data`` or ``binaryData``."""
        if not isinstance(data, dict):
            return
        texts: dict[str, str] = {}
        for key, value in data.items():
            content = _decoded(value) if section == "binaryData" else value
            if isinstance(key, str) and isinstance(content, str):
                texts[key] = content
        sectioned: dict[str, str] = {}
        for key, content in texts.items():
            if kind := _sectioned(key, content):
                sectioned[key] = kind
            elif key.endswith(_YAML):
                if kind := self.yaml(key, content, (section, key)):
                    sectioned[key] = kind
            elif "\n" in content and "." not in key and _MAPPING.match(content):
                self.yaml(key, content, (section, key), certain=False)
            elif key.endswith(_TEXT):
                lines = LineLocator(self.place((section, key)), self.origin((section, key)), content)
                self.add("ConfigText", key, content, lines)
        self.sections(section, sectioned, texts)

    def sections(self, section: str, kinds: Mapping[str, str], texts: Mapping[str, str]) -> None:
        """Fluentd and Fluent Bit configs; one that another includes is part of that one."""
        read: list[tuple[str, Section, set[str]]] = []
        failed: set[Place] = set()
        for key, kind in kinds.items():
            try:
                read.append((key, *_READERS[kind]()(key, texts)))
            except ParseError as error:
                at = error.config or key
                place = self.origin((section, at)).place(error.line, error.column)
                if place not in failed:
                    failed.add(place)
                    self.unreadable(at, error.reason, place)
        parts = set[str]().union(*(used for _, _, used in read))
        for key, root, used in read:
            if key in parts and key not in used:
                continue
            origins = {name: self.origin((section, name)) for name in used}
            origins[""] = self.origin((section, key))
            self.add(kinds[key], key, plain(root)[0], SectionLocator(root, origins))

    def yaml(self, key: str, content: str, path: tuple[Step, ...], kind: str = "", certain: bool = True) -> str:
        """The documents of a YAML or JSON text; without `certain` it may be something else.

        Returns the kind of a config that is read as sections instead.
        """
        found = documents(content)
        if not found or (not certain and any(each.raw.__class__ not in (dict, list) for each in found)):
            return ""
        if (first := _kind(key, found[0].raw)) in _READERS and key.endswith(_SECTIONED):
            return first
        origin = self.origin(path)
        for number, each in enumerate(found, 1):
            name = key if number == 1 else f"{key} #{number}"
            if each.error:
                self.unreadable(name, each.error, origin.place(each.error_line, each.error_column or 1))
            elif each.template:
                self.unreadable(name, _TEMPLATE, origin.place(each.template, 1), "template")
            else:
                self.add(kind or _kind(key, each.raw), name, each.raw, _locator(origin, content, each))
        return ""

    def mapping(self, kind: str, raw: dict[Any, Any], *path: Step) -> None:
        """A config that is itself a part of the object."""
        self.add(kind, str(path[-1]), raw, Within(self.holder.locator, path))

    # places

    def place(self, path: Sequence[Step]) -> Place:
        return self.holder.locator.place(Path(path))

    def origin(self, path: tuple[Step, ...]) -> Origin:
        """Where the text at `path` of the object stands in the file."""
        outer, document = self.outer, self.document
        if document is not None and path[0] != "binaryData" and isinstance(outer, YamlLocator):
            found = scalar_origin(self.text, document, Path((*self.prefix, *path)))
            if found is not None:
                line, indent, literal = found
                return Origin(outer.file, line + outer.first_line - 1, indent + outer.indent, literal, outer.note)
        place = self.place(path)
        return Origin(place.file, place.line, place.column - 1, False, place.note)

    # results

    def add(self, kind: str, name: str, raw: Any, locator: Locator) -> None:
        holder = self.holder
        if kind == "OtelConfig":
            raw = _substituted(raw)
        self.resources.append(
            Resource(
                family="config", group="", version="", kind=kind, namespace=holder.namespace, name=name,
                raw=raw, locator=locator, source="embedded", address=f"{holder.address}/{name}", parent=holder,
            )
        )  # fmt: skip

    def unreadable(self, key: str, reason: str, place: Place, status: str = "unreadable") -> None:
        reason = f"{key} of {self.holder.address}: {reason}"
        self.files.append(FileCoverage(place.file, status, 0, reason, place))


class _Fixed:
    """Places everything at one place: the content of a scalar whose lines are not the file's."""

    def __init__(self, place: Place) -> None:
        self.only = place

    def place(self, path: Sequence[Step]) -> Place:
        return self.only

    def comments(self, path: Sequence[Step]) -> Iterable[tuple[int, str]]:
        return ()


class LineLocator:
    """Places the lines of a text: ``("line", "ssl = off")`` is the first that begins so, any other path the text."""

    def __init__(self, key: Place, origin: Origin, content: str) -> None:
        self.key = key
        self.origin = origin
        self.content = content

    def place(self, path: Sequence[Step]) -> Place:
        if len(path) == 2 and path[0] == "line" and self.origin.exact:
            for number, line in enumerate(self.content.splitlines(), 1):
                if " ".join(line.split()).startswith(str(path[1])):
                    return self.origin.place(number, 1)
        return self.key

    def comments(self, path: Sequence[Step]) -> Iterable[tuple[int, str]]:
        return ()


def _locator(origin: Origin, content: str, document: Document) -> Locator:
    if not origin.exact:
        return _Fixed(origin.place(1, 1))
    return YamlLocator(
        origin.file, content, document, first_line=origin.first_line, indent=origin.indent, note=origin.note
    )


def _decoded(value: Any) -> str | None:
    """The text of a base64 value, None where it holds none."""
    try:
        return b64decode("".join(value.split()), validate=True).decode() if isinstance(value, str) else None
    except ValueError:
        return None


def _fluentd() -> Read:
    from conformant.load import fluentd

    return fluentd.read


def _fluentbit() -> Read:
    from conformant.load import fluentbit

    return fluentbit.read


_READERS: dict[str, Callable[[], Read]] = {"FluentdConfig": _fluentd, "FluentBitConfig": _fluentbit}


def _sectioned(key: str, content: str) -> str:
    """``FluentdConfig``, ``FluentBitConfig`` or nothing."""
    if key.endswith(".conf"):
        if key in ("fluent-bit.conf", "parsers.conf"):
            return "FluentBitConfig"
        if key == "fluent.conf" or ("<" in content and _FLUENTD.search(content)):
            return "FluentdConfig"
    if "[" in content and _FLUENT_BIT.search(content) and _NAMED.search(content):
        return "FluentBitConfig"
    return ""


def _kind(key: str, raw: Any) -> str:
    """What a YAML config is, by its structure and where that is poor by its name."""
    if not isinstance(raw, dict):
        return "ConfigText"
    return next(_structural(raw), "") or _NAMES.get(key.rpartition(".")[0], "ConfigText")


_NAMES = {"prometheus": "PrometheusConfig", "alertmanager": "AlertmanagerConfig"}


def _structural(raw: dict[Any, Any]) -> Iterator[str]:
    if _has(raw, "authentication", "providers") or _has(raw, "authorization", "policies"):
        yield "AuthConfig"
    if "scrape_configs" in raw or "scrape_config_files" in raw:
        yield "PrometheusConfig"
    if "route" in raw and "receivers" in raw:
        yield "AlertmanagerConfig"
    if _has(raw, "service", "pipelines") and ("receivers" in raw or "exporters" in raw):
        yield "OtelConfig"
    if any(_has(group, "rules") for group in _items(raw.get("groups"))):
        yield "PrometheusRules"
    if any(_has(raw, "pipeline", word) for word in ("inputs", "filters", "outputs")):
        yield "FluentBitConfig"
    if any(isinstance(entry, dict) and not _FLUENTD_ENTRIES.isdisjoint(entry) for entry in _items(raw.get("config"))):
        yield "FluentdConfig"


_FLUENTD_ENTRIES = frozenset({"source", "match", "filter", "label", "worker"})


def _substituted(value: Any) -> Any:
    """The value with an `Unknown` in place of every string that is only a ``${env:NAME}``."""
    if isinstance(value, dict):
        return {key: _substituted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_substituted(item) for item in value]
    if isinstance(value, str) and (match := _SUBSTITUTION.fullmatch(value)):
        return Unknown(f"the value comes from ${{{match[1]}}}, known only where the collector runs", [match[1]])
    return value


def _has(raw: Any, *steps: str) -> bool:
    for step in steps:
        if not isinstance(raw, dict) or step not in raw:
            return False
        raw = raw[step]
    return True


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
