"""Helm charts: rendered by ``helm`` or its Python SDK, places found in their templates."""

import json
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.util import find_spec
from os.path import basename, dirname, exists, isdir, join, normpath, realpath
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from msgspec import Struct

from conformant.load.kustomize import Read, RenderFailed, mapping_in, read, run
from conformant.load.yaml import documents
from conformant.model import Locator, Place, Step, dig, sequence
from conformant.regex import lazy


class Manifest(Struct, frozen=True):
    """What one template became. `name` is Helm's name of the template, `file` where it is, `template`
    its text: of a sub-chart in an archive there is none, and `file` is the Chart.yaml. Hooks and
    tests keep their annotation ``helm.sh/hook``."""

    name: str
    file: str
    text: str
    template: str


class RenderedChart(Struct):
    """What became of one chart, sorted by names of templates."""

    chart: str
    manifests: list[Manifest]


def tops(charts: Iterable[str], read: Read) -> list[str]:
    """Those of the folders `charts` that are to be rendered: no libraries, nothing below the
    ``charts/`` of another, no ``file://`` dependency of another."""
    folders = sorted({normpath(chart) for chart in charts})
    below: set[str] = set()
    for folder in folders:
        raw = _metadata(folder, read)
        parent = dirname(folder)
        if raw.get("type") == "library" or (basename(parent) == "charts" and dirname(parent) in folders):
            below.add(folder)
        below.update(_local(folder, dependency) for dependency in _dependencies(folder, raw, read))
    return [folder for folder in folders if folder not in below]


def consumed(charts: Iterable[str], files: Iterable[str]) -> set[str]:
    """Those of `files` that are no manifests because they belong to one of `charts` (all of them,
    sub-charts too): templates and values, but not ``crds/``, which Helm installs as it stands."""
    folders = {normpath(chart) for chart in charts}
    found: set[str] = set()
    for file in files:
        folder, inside = dirname(file), basename(file)
        while (folder or ".") not in folders and folder and dirname(folder) != folder:
            folder, inside = dirname(folder), f"{basename(folder)}/{inside}"
        if (folder or ".") in folders and _OWN.match(inside):
            found.add(file)
    return found


_OWN = lazy(
    r"(?:templates|files|ci)/|(?:Chart\.(?:yaml|lock)|requirements\.(?:yaml|lock)|[^/]*values[^/]*\.(?:ya?ml|json))$"
)


def render(
    chart: str,
    values_files: Sequence[str] = (),
    set_values: Mapping[str, Any] = {},
    *,
    namespace: str = "",
    release: str = "",
    timeout: float = 60,
) -> RenderedChart:
    """The manifests of the chart in folder `chart`, as an installation would have them.

    `set_values` are by path as Helm writes it (``image.tag``); the release has the name of the chart
    unless `release` is given. Nothing of the user's is written, nothing fetched and no cluster asked:
    ``lookup`` finds nothing, and dependencies must be in ``charts/`` or on this machine (``file://``).
    `timeout` is in seconds. Raises `RenderFailed`, also where no Helm is installed.
    """
    raw = _metadata(chart, read)
    file = join(chart, "Chart.yaml")
    if not isinstance(raw.get("name"), str):
        raise RenderFailed("not a chart: it has no name", file)
    if raw.get("type") == "library":
        raise RenderFailed("a library chart has no manifests of its own", file)
    name = str(raw["name"])
    with TemporaryDirectory(prefix="conformant-") as scratch:
        root = realpath(scratch)
        try:
            folder = _staged(chart, raw, join(root, "chart"))
        except OSError as error:
            raise RenderFailed(f"cannot be copied: {error.strerror or 'broken links'}", file) from None
        wanted = _Release(folder, [*values_files], {**set_values}, namespace or "default", release or name)
        texts = _by_tool(chart, name, wanted, root, timeout)
    return RenderedChart(
        chart,
        [
            _manifest(chart, path, text)
            for path, text in sorted(texts.items())
            if text.strip() and not basename(path).startswith("_") and basename(path) != "NOTES.txt"
        ],
    )


class _Release(Struct):
    chart: str
    values: list[str]
    set: dict[str, Any]
    namespace: str
    name: str


def _by_tool(chart: str, name: str, wanted: _Release, scratch: str, timeout: float) -> dict[str, str]:
    """The text that each template became, by the name of the template."""
    helm, sdk = shutil.which("helm"), find_spec("helm_python")
    file = join(chart, "Chart.yaml")
    if helm:
        command = [helm, "template", wanted.name, wanted.chart, "--namespace", wanted.namespace]
        for values in wanted.values:
            command += ["--values", values]
        for key, value in wanted.set.items():
            command += ["--set-json", f"{key}={json.dumps(value)}"]
        code, output, errors = run(command, scratch, file, timeout=timeout)
    elif sdk and sdk.origin:
        request = join(scratch, "request.json")
        with open(request, "wb") as stream:
            stream.write(msgspec.json.encode(wanted))
        command = [sys.executable, "-P", "-c", _WORKER, request]
        settings = {"PYTHONPATH": dirname(dirname(sdk.origin))}
        code, output, errors = run(command, scratch, file, timeout=timeout, settings=settings)
    else:
        raise RenderFailed("Helm is not installed: neither helm nor the extra conformant[helm]", file)
    if code:
        raise _failure(chart, name, errors)
    return _split(output) if helm else json.loads(output)


_WORKER = """
import json, sys
import helm_python as helm

def merged(low, high):
    both = {k: merged(low[k], v) for k, v in high.items() if isinstance(v, dict) and isinstance(low.get(k), dict)}
    return {**low, **high, **both}

with open(sys.argv[1], encoding="utf-8") as request:
    wanted = json.load(request)
values = {}
try:
    for file in wanted["values"]:
        with open(file, encoding="utf-8") as text:
            values = merged(values, helm.values_from_yaml(text.read()))
    for key, value in wanted["set"].items():
        values = merged(values, helm.parse_set_json(f"{key}={json.dumps(value)}"))
    with helm.Chart.load(wanted["chart"]) as chart:
        texts = chart.render(values, name=wanted["name"], namespace=wanted["namespace"], is_install=True)
except (helm.HelmError, OSError) as error:
    sys.exit(str(error))
print(json.dumps(texts))
"""
"""Run in a process of its own, so that a chart that never ends can be stopped."""


def _split(output: str) -> dict[str, str]:
    """What ``helm template`` printed, by the templates that its comments name."""
    texts: dict[str, str] = {}
    name = ""
    for part in re.split(r"^(?=---\n)", output, flags=re.M):
        source = re.match(r"---\n# Source: (.+)\n", part)
        name = source[1] if source else name
        texts[name] = texts.get(name, "") + (f"---\n{part[source.end() :]}" if source else part)
    return texts


def _manifest(chart: str, name: str, text: str) -> Manifest:
    file = _origin(chart, name.partition("/")[2])
    template = (read(file) or b"").decode("utf-8", "replace") if file else ""
    made = Manifest(name, file or join(chart, "Chart.yaml"), text, template)
    for document in documents(text):
        if document.error:
            line = _twins(text, template).of(document.error_line) or 1
            reason = f"{name} is no YAML when rendered: {document.error} (rendered line {document.error_line})"
            raise RenderFailed(reason, made.file, line)
    return made


class TemplateLocator:
    """Places a path of a rendered object in the template that it came from, with the rendered line as
    note: at the line with the same text, actions in it matching anything, or at that of the
    nearest mapping or list around it that has one. `rendered` places paths in `made.text`."""

    def __init__(self, rendered: Locator, made: Manifest) -> None:
        self.rendered = rendered
        self.made = made

    def place(self, path: Sequence[Step]) -> Place:
        made, note = self.made, ""
        twins = _twins(made.text, made.template)
        for length in range(len(path), -1, -1):
            number = self.rendered.place(path[:length]).line
            note = note or f"rendered line {number}"
            found = twins.of(number)
            if found:
                row = twins.template[found - 1]
                return Place(made.file, found, len(row) - len(row.lstrip()) + 1, note=note)
        return Place(made.file, note=note if made.template else f"{made.name}, {note}")

    def comments(self, path: Sequence[Step]) -> Iterator[tuple[int, str]]:
        twins = _twins(self.made.text, self.made.template)
        for number, text in self.rendered.comments(path):
            yield twins.of(number) or 1, text


class _Twins:
    """Which line of a template gave a rendered line: the only one that could have, or among several
    the one at the same turn if there are as many rendered lines like it."""

    def __init__(self, text: str, template: str) -> None:
        self.template = template.splitlines()
        self.rendered = [row.strip() for row in text.splitlines()]
        self.same: dict[str, list[int]] = {}
        self.patterns: list[tuple[int, re.Pattern[str]]] = []
        for number, row in enumerate(self.template, 1):
            self.same.setdefault(row.strip(), []).append(number)
            if "{{" in row and (pattern := _pattern(row)):
                self.patterns.append((number, pattern))

    def of(self, number: int) -> int:
        """The line of the template, from 1; 0 where that cannot be told."""
        text = self.rendered[number - 1] if number <= len(self.rendered) else ""
        if not text:
            return 0
        if text in self.same:
            matches = self.same[text]
            alike = [n for n, row in enumerate(self.rendered, 1) if row == text] if len(matches) > 1 else []
        else:
            fitting = [(line, pattern) for line, pattern in self.patterns if pattern.fullmatch(text)]
            matches = [line for line, _ in fitting]
            alike = [
                n for n, row in enumerate(self.rendered, 1)
                if row not in self.same and any(pattern.fullmatch(row) for _, pattern in fitting)
            ] if len(matches) > 1 else []  # fmt: skip
        if len(matches) == len(alike):
            return matches[alike.index(number)] if matches else 0
        return matches[0] if len(matches) == 1 else 0


_twins = lru_cache(maxsize=32)(_Twins)


def _pattern(row: str) -> re.Pattern[str] | None:
    """What a line of a template with actions in it may give; None for one that says too little."""
    literals = re.split(r"\{\{.*?\}\}", row.strip())
    if len(literals) < 2 or len("".join(literals).strip(" -\"'")) < 2:
        return None
    return re.compile(".*".join(map(re.escape, literals)))


def _failure(chart: str, name: str, errors: str) -> RenderFailed:
    reason = " ".join(_VALUES.sub("the value", errors).removeprefix("Error: ").split())[:600]
    where = re.search(rf"\b{re.escape(name)}/([^\s:()\"]+)(?::(\d+))?", reason)
    file = _origin(chart, where[1]) if where else ""
    line = int(where[2] or 1) if where and file else 1
    values = join(chart, "values.yaml")
    if not file and "schema" in reason and exists(values):
        file = values
    return RenderFailed(reason or "Helm failed without a word", file or join(chart, "Chart.yaml"), line)


_VALUES = lazy(r"'[^'\n]*'(?= does not match)|(?<=parsing )\"[^\"]*\"")
"""What Helm's messages quote of values: perhaps secrets."""


def _metadata(chart: str, read: Read) -> dict[Any, Any]:
    return mapping_in((read(join(chart, "Chart.yaml")) or b"").decode("utf-8", "replace"))


def _dependencies(chart: str, raw: dict[Any, Any], read: Read) -> list[dict[Any, Any]]:
    old = (read(join(chart, "requirements.yaml")) or b"").decode("utf-8", "replace")
    listed = sequence(raw, "dependencies") or sequence(mapping_in(old), "dependencies")
    return [entry for entry in listed if isinstance(dig(entry, "name"), str)]


def _local(chart: str, dependency: dict[Any, Any]) -> str:
    """The folder of a ``file://`` dependency, or an empty text."""
    address = str(dependency.get("repository") or "")
    return normpath(join(chart, address.removeprefix("file://"))) if address.startswith("file://") else ""


def _staged(chart: str, raw: dict[Any, Any], target: str, depth: int = 0) -> str:
    """`chart`, or where ``file://`` dependencies are not in its ``charts/`` a copy that has them."""
    file = join(chart, "Chart.yaml")
    missing = [entry for entry in _dependencies(chart, raw, read) if not _present(chart, entry["name"])]
    if not missing:
        return chart
    for entry in missing:
        if depth > 8 or not exists(join(_local(chart, entry) or ".", "Chart.yaml")):
            reason = f"dependency {entry['name']} is not in charts/ (helm dependency build puts it there)"
            text = (read(file) or b"").decode("utf-8", "replace")
            at = text.find(f"name: {entry['name']}")
            raise RenderFailed(reason, file, text.count("\n", 0, max(at, 0)) + 1)
    shutil.copytree(chart, target, ignore=shutil.ignore_patterns(".git"))
    for entry in missing:
        source, place = _local(chart, entry), join(target, "charts", entry["name"])
        staged = _staged(source, _metadata(source, read), place, depth + 1)
        if staged != place:
            shutil.copytree(staged, place, ignore=shutil.ignore_patterns(".git"))
    return target


def _present(chart: str, name: str) -> bool:
    from glob import escape, glob

    folder = join(chart, "charts")
    if exists(join(folder, name, "Chart.yaml")) or glob(join(escape(folder), f"{escape(name)}-*.tgz")):
        return True
    return any(
        _metadata(dirname(file), read).get("name") == name for file in glob(join(escape(folder), "*/Chart.yaml"))
    )


def _origin(chart: str, inside: str) -> str:
    """The file of a template, given as Helm names it inside `chart`; empty for one in an archive."""
    file = normpath(join(chart, inside))
    if exists(file):
        return file
    parts = inside.split("/", 2)
    if len(parts) == 3 and parts[0] == "charts":
        for entry in _dependencies(chart, _metadata(chart, read), read):
            if parts[1] in (entry.get("alias"), entry["name"]):
                for folder in (join(chart, "charts", entry["name"]), _local(chart, entry)):
                    if folder and isdir(folder):
                        return _origin(folder, parts[2])
    return ""
