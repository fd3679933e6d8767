"""Kustomize overlays: rendered by ``kustomize`` or ``kubectl``, places found in their sources."""

import json
import os
import re
import shutil
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from os.path import join, normpath, realpath, relpath
from subprocess import DEVNULL, PIPE, Popen
from tempfile import TemporaryDirectory
from threading import Timer
from typing import Any

from msgspec import Struct

from conformant.load.yaml import Unreadable, YamlLocator, decode, documents
from conformant.model import Locator, Path, Place, Step, dig, sequence
from conformant.regex import lazy

FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
LARGEST = 256 * 1024 * 1024
"""Bytes of output at which a tool is stopped."""

Read = Callable[[str], bytes | None]
"""The content of a file, or None where there is no such file."""


class RenderFailed(Exception):
    """An input that cannot be rendered: why, and the place of the fault as far as it is told."""

    def __init__(self, reason: str, file: str, line: int = 1) -> None:
        super().__init__(f"{file}:{line}: {reason}")
        self.reason = reason
        self.file = file
        self.line = line


class RenderedObject(Struct, frozen=True):
    """One object: its YAML, the line of the rendered text where that starts, and the file it came
    from: for a `generated` one the kustomization with the generator."""

    text: str
    first_line: int
    file: str
    generated: bool


class Rendered(Struct):
    """What became of one overlay."""

    directory: str
    text: str
    objects: list[RenderedObject]


class Survey(Struct):
    """How kustomizations use each other. `tops` are to be rendered; `consumed` are all files and
    folders that any of them uses, its own file included; `components` no overlay uses; `remote`
    are uses of something that is not on this machine: (file, line, what)."""

    tops: list[str]
    consumed: set[str]
    components: list[str]
    remote: list[tuple[str, int, str]]


def survey(directories: Iterable[str], read: Read) -> Survey:
    """Follow what the kustomizations in `directories` use, recursively."""
    uses: dict[str, set[str]] = {}
    found = Survey([], set(), [], [])
    components: set[str] = set()
    asked = sorted({normpath(directory) for directory in directories})
    pending = list(asked)
    while pending:
        directory = pending.pop()
        if directory in uses:
            continue
        uses[directory] = set()
        file, text = _kustomization(directory, read)
        if not file:
            continue
        found.consumed |= {file, directory}
        raw = mapping_in(text)
        if raw.get("kind") == "Component":
            components.add(directory)
        for reference in _references(raw):
            path = normpath(join(directory, reference))
            if read(path) is not None:
                found.consumed.add(path)
            elif _kustomization(path, read)[0]:
                uses[directory].add(path)
                pending.append(path)
            elif _REMOTE.search(reference):
                found.remote.append((file, _line_of(text, reference), reference))
    used = {path for paths in uses.values() for path in paths}
    reached: set[str] = set()
    for directory in [free for free in asked if free not in used] + asked:  # the latter: rings have no top
        if directory in reached:
            continue
        (found.components if directory in components else found.tops).append(directory)
        pending = [directory] if directory not in components else []
        reached.add(directory)
        while pending:
            below = uses[pending.pop()] - reached
            reached |= below
            pending.extend(below)
    found.tops.sort()
    return found


def consumed(directories: Iterable[str], read: Read) -> set[str]:
    """All files and folders that these kustomizations use, so that nobody reads them as manifests."""
    return survey(directories, read).consumed


def read(path: str) -> bytes | None:
    """The content of a file on disk, or None."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def render(directory: str, *, timeout: float = 60) -> Rendered:
    """The objects of an overlay. Nothing of the user's is written, no cluster and no network used.

    `timeout` is in seconds. Raises `RenderFailed`.
    """
    file = _kustomization(directory, read)[0]
    for where, line, what in survey([directory], read).remote:
        raise RenderFailed(f"{what} is remote; only what is on this machine is rendered", where, line)
    command = tool()
    if not command:
        raise RenderFailed("neither kustomize nor kubectl is installed", file or directory)
    with TemporaryDirectory(prefix="conformant-") as scratch:
        root = realpath(scratch)
        overlay = join(root, "overlay")
        os.mkdir(overlay)
        base = relpath(realpath(directory), overlay)
        with open(join(overlay, FILES[0]), "w", encoding="utf-8") as wrapper:
            wrapper.write(f"buildMetadata: [originAnnotations]\nresources: [{json.dumps(base)}]\n")
        code, output, errors = run([*command, overlay], root, file or directory, timeout=timeout)
    if code:
        raise _failure(directory, errors)
    return _objects(directory, output, overlay)


def run(
    arguments: Sequence[str], scratch: str, file: str, *, timeout: float, settings: Mapping[str, str] = {}
) -> tuple[int, str, str]:
    """Exit code, output and error output of a rendering tool.

    It sees none of the user's settings and credentials, only `settings`, and has no way to a
    network or a cluster; its home is the folder `scratch`. Raises `RenderFailed` about `file` after
    `timeout` seconds or too much output.
    """
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LANG") if name in os.environ}
    nowhere = "http://127.0.0.1:9"
    environment = {
        **kept, "HOME": scratch, "TMPDIR": scratch, "TEMP": scratch, "KUBECONFIG": join(scratch, "no-cluster"),
        "HTTP_PROXY": nowhere, "HTTPS_PROXY": nowhere, "ALL_PROXY": nowhere, "GIT_TERMINAL_PROMPT": "0",
        "HELM_CACHE_HOME": scratch, "HELM_CONFIG_HOME": scratch, "HELM_DATA_HOME": scratch, **settings,
    }  # fmt: skip
    late = False

    def stop() -> None:
        nonlocal late
        late = True
        end()

    def end() -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9) if os.name == "posix" else process.kill()

    name = os.path.basename(arguments[0])
    with open(join(scratch, "errors"), "w+b") as errors:
        try:
            process = Popen(
                arguments, stdin=DEVNULL, stdout=PIPE, stderr=errors, env=environment, start_new_session=True
            )
        except OSError as error:
            raise RenderFailed(f"{name} cannot be run: {error.strerror}", file) from None
        timer = Timer(timeout, stop)
        timer.start()
        try:
            with process:
                output = process.stdout.read(LARGEST + 1) if process.stdout else b""
                if len(output) > LARGEST:
                    end()
        finally:
            timer.cancel()
        errors.seek(0)
        said = errors.read(65536).decode("utf-8", "replace").strip()
    if late:
        raise RenderFailed(f"{name} did not finish within {timeout:g} s", file)
    if len(output) > LARGEST:
        raise RenderFailed(f"{name} printed more than {LARGEST:,} bytes", file)
    return process.returncode, output.decode("utf-8", "replace"), said


class Sources:
    """The documents of the files that one overlay consumes, parsed when first asked for."""

    def __init__(self, files: Iterable[str], read: Read) -> None:
        self.files = sorted(files)
        self.read = read
        self.kinds: dict[str, list[tuple[str, str, dict[Any, Any], Locator]]] | None = None

    def of(self, kind: str, name: str, first: str) -> list[tuple[dict[Any, Any], Locator]]:
        """Documents of this kind whose name a rendered name may come from, those of file `first` first."""
        if self.kinds is None:
            self.kinds = {}
            for file in self.files:
                self._add(file, self.kinds)
        found = [entry for entry in self.kinds.get(kind, ()) if entry[1] in name]
        found.sort(key=lambda entry: (entry[0] != first, -len(entry[1])))
        return [(raw, locator) for _, _, raw, locator in found]

    def _add(self, file: str, kinds: dict[str, list[tuple[str, str, dict[Any, Any], Locator]]]) -> None:
        data = self.read(file) if file.endswith((".yaml", ".yml", ".json")) else None
        try:
            text = decode(data or b"")
        except Unreadable:  # content of a generated ConfigMap or Secret, not a manifest
            return
        for document in documents(text):
            raw = document.raw
            if raw.__class__ is dict and isinstance(raw.get("metadata"), dict):
                name = str(raw["metadata"].get("name", ""))
                kinds.setdefault(raw.get("kind", ""), []).append((file, name, raw, YamlLocator(file, text, document)))


class SourceLocator:
    """Places a path of a rendered object in the file that it came from: there where the value is
    the same, in a patch that sets it, else at the deepest common part, with the rendered line as note."""

    def __init__(self, rendered: Locator, raw: dict[Any, Any], made: RenderedObject, sources: Sources) -> None:
        self.rendered = rendered
        self.raw = raw
        self.made = made
        self.sources = sources

    def place(self, path: Sequence[Step]) -> Place:
        note = f"rendered line {self.rendered.place(path).line}"
        locator, steps, same = self._source(path)
        if locator is None:
            return Place(self.made.file, self._generator_line(), note=note)
        place = locator.place(steps)
        return place if same else Place(place.file, place.line, place.column, place.end_line, note)

    def comments(self, path: Sequence[Step]) -> Iterable[tuple[int, str]]:
        locator, steps, same = self._source(path)
        return locator.comments(steps) if locator is not None and same else ()

    def _source(self, path: Sequence[Step]) -> tuple[Locator | None, Path, bool]:
        metadata = self.raw.get("metadata") or {}
        candidates = self.sources.of(self.raw.get("kind", ""), str(metadata.get("name", "")), self.made.file)
        wanted, _, value = _follow(path, self.raw, self.raw)
        present = path[: len(wanted)]
        for source, locator in candidates:
            steps, theirs, _ = _follow(present, source, self.raw)
            if len(steps) == len(present) and (len(present) < len(path) or theirs == value):
                return locator, steps, True
        if not candidates or self.made.generated:
            return None, Path(), False
        source, locator = candidates[0]
        steps = _follow(present, source, self.raw)[0]
        return locator, steps, len(steps) == len(present) and isinstance(value, dict | list)

    def _generator_line(self) -> int:
        text = (self.sources.read(self.made.file) or b"").decode("utf-8", "replace")
        return _line_of(text, f"{str(self.raw.get('kind', '')).lower().replace('configmap', 'configMap')}Generator")


def _follow(path: Sequence[Step], source: Any, raw: Any) -> tuple[Path, Any, Any]:
    """The part of `path`, which is one of `raw`, that `source` has too, with the values of both there.
    Items of lists are told by their names where they have some."""
    steps: list[Step] = []
    for step in path:
        if isinstance(step, str) and isinstance(source, dict) and isinstance(raw, dict):
            if step not in source or step not in raw:
                break
            source, raw = source[step], raw[step]
            steps.append(step)
        elif isinstance(step, int) and isinstance(source, list) and isinstance(raw, list) and step < len(raw):
            raw = raw[step]
            name = raw.get("name") if isinstance(raw, dict) else None
            at = step if step < len(source) else -1
            if name is not None:
                named = (i for i, item in enumerate(source) if isinstance(item, dict) and item.get("name") == name)
                at = next(named, -1)
            if at < 0:
                break
            source = source[at]
            steps.append(at)
        else:
            break
    return Path(steps), source, raw


def tool() -> list[str]:
    """The command that builds an overlay, of ``kustomize`` or ``kubectl``; empty where there is none."""
    places = os.pathsep.join((os.environ.get("PATH", os.defpath), sysconfig.get_path("scripts")))
    for name, command in (("kustomize", "build"), ("kubectl", "kustomize")):
        if found := shutil.which(name, path=places):
            return [found, command]
    return []


def _kustomization(directory: str, read: Read) -> tuple[str, str]:
    for name in FILES:
        file = normpath(join(directory, name))
        if (data := read(file)) is not None:
            return file, data.decode("utf-8", "replace")
    return "", ""


def mapping_in(text: str) -> dict[Any, Any]:
    """The first document of a text, or an empty mapping where that is something else."""
    found = next((document.raw for document in documents(text)), None)
    return found if isinstance(found, dict) else {}


_PATHS = ("resources", "bases", "components", "crds", "generators", "transformers", "validators",
          "configurations", "patchesStrategicMerge")  # fmt: skip
_HOLDERS = ("patches", "patchesJson6902", "replacements", "helmCharts", "configMapGenerator", "secretGenerator")
_REMOTE = lazy(r"://|^git::|^[\w.-]+@[\w.-]+[:/]|^github\.com[/:]|[?&]ref=")


def _references(raw: dict[Any, Any]) -> Iterator[str]:
    """What a kustomization names: files, folders, addresses."""
    found: list[Any] = [entry for key in _PATHS for entry in sequence(raw, key)]
    for key in _HOLDERS:
        for entry in sequence(raw, key):
            found += [dig(entry, "path"), dig(entry, "env"), dig(entry, "valuesFile")]
            found += sequence(entry, "envs") + sequence(entry, "additionalValuesFiles")
            found += [str(file).rpartition("=")[2] for file in sequence(entry, "files")]
    found.append(dig(raw, "openapi", "path"))
    return (entry for entry in found if isinstance(entry, str) and entry and "\n" not in entry)


_ORIGIN = "    config.kubernetes.io/origin: |"


def _objects(directory: str, output: str, overlay: str) -> Rendered:
    """Take the origins out of the rendered text."""
    objects: list[RenderedObject] = []
    line = 1
    for document in re.split(r"^---\n", output, flags=re.M):
        rows = document.splitlines(keepends=True)
        metadata = rows.index("metadata:\n") if "metadata:\n" in rows else len(rows)
        at = next((i for i in range(metadata, len(rows)) if rows[i].rstrip() == _ORIGIN), -1)
        origin: dict[Any, Any] = {}
        if at >= 0:
            end = at + 1
            while end < len(rows) and rows[end].startswith("      "):
                end += 1
            origin = mapping_in("".join(row[6:] for row in rows[at + 1 : end]))
            alone = rows[at - 1] == "  annotations:\n" and not (end < len(rows) and rows[end].startswith("    "))
            del rows[at - alone : end]
        text = "".join(rows)
        source = origin.get("path") or origin.get("configuredIn") or ""
        file = _kustomization(directory, read)[0]
        if source:
            file = normpath(join(directory, relpath(join(overlay, source), realpath(directory))))
        if text.strip():
            objects.append(RenderedObject(text, line, file, "path" not in origin))
            line += text.count("\n") + 1
    return Rendered(directory, "---\n".join(made.text for made in objects), objects)


def _failure(directory: str, errors: str) -> RenderFailed:
    """The innermost fault of what kustomize said, at the line that it is about."""
    real = realpath(directory)
    logged = _LOGGED.search(errors)
    said = logged[1].replace('\\"', '"') if logged else errors.removeprefix("error: ").removeprefix("Error: ")
    *outer, reason = _INNER.split(said)
    root = normpath(join(directory, relpath(outer[-1], real))) if outer else directory
    reason = _VALUES.sub("", re.sub(r": must build at directory: .*", "", reason, flags=re.S))
    reason = " ".join(reason.replace(real, directory).split())[:600]
    inside = re.search(r"line (\d+):.* in File: (\S+)", reason)
    if inside:
        return RenderFailed(reason, normpath(join(root, inside[2])), int(inside[1]))
    file, text = _kustomization(root, read)
    terms = [term for term in re.split("['\"]", reason) if len(term) > 2]
    line = next((found for term in reversed(terms) if (found := _line_of(text, term)) > 1), 1)
    return RenderFailed(reason or "kustomize failed without a word", file or directory, line)


_VALUES = lazy(r" with config: `.*`|(?<=literal source) [^,\s]+|(?<=literal sources) \[.*\]", re.S)
"""What kustomize's messages quote of generators: perhaps secrets."""
_LOGGED = lazy(r'"command failed" err="(.*)"', re.S)
_INNER = lazy(r"(?:accumulation of path|target for path) '([^']+)': ")


def _line_of(text: str, term: str) -> int:
    at = text.find(term)
    return text.count("\n", 0, at) + 1 if at >= 0 else 1
