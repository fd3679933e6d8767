"""Charts, overlays and templates of documents, rendered and read like any other manifest."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from os.path import dirname, join
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from conformant.load.files import BadFile, Input
from conformant.load.kustomize import RenderFailed
from conformant.load.manifests import Fault, Parsed, parse
from conformant.load.yaml import Unreadable, decode, documents
from conformant.model import FileCoverage, Locator, Path, Place, Step

if TYPE_CHECKING:
    from conformant.load import Options
    from conformant.load.markdown import Block


class Output(Struct):
    """What one chart or overlay became, and the files that it uses up."""

    coverage: FileCoverage
    consumed: set[str] = set()
    objects: list[Parsed] = []
    faults: list[Fault] = []


def render_all(groups: Mapping[str, list[Input]], inputs: Sequence[Input], options: "Options") -> Iterator[Output]:
    """Render every overlay and chart that is not part of another."""
    known = {found.path: found.data for found in inputs}

    def read(path: str) -> bytes | None:
        data = known.get(path)
        if data is not None:
            return data
        from conformant.load.kustomize import read as from_disk

        return from_disk(path)

    if "kustomization" in groups:
        yield from _overlays([dirname(found.path) or "." for found in groups["kustomization"]], read)
    if "chart" in groups:
        files = [found.path for found in inputs]
        yield from _charts([dirname(found.path) or "." for found in groups["chart"]], files, read, options)


def _overlays(directories: list[str], read: Any) -> Iterator[Output]:
    from conformant.load import kustomize

    survey = kustomize.survey(directories, read)
    sources = kustomize.Sources(sorted(survey.consumed), read)
    yield Output(FileCoverage("kustomizations", "skipped"), consumed=survey.consumed)
    for directory in survey.tops:
        try:
            rendered = kustomize.render(directory)
        except RenderFailed as error:
            yield _failed(directory, error)
            continue
        output = Output(FileCoverage(directory, "rendered"))
        for made in rendered.objects:
            objects, faults, _ = parse(made.file, made.text, source="kustomize", first_line=made.first_line)
            output.faults.extend(faults)
            for parsed in objects:
                parsed.locator = kustomize.SourceLocator(parsed.locator, parsed.raw, made, sources)
                parsed.document = None
                output.objects.append(parsed)
        output.coverage.resources = len(output.objects)
        yield output


def _charts(charts: list[str], files: Iterable[str], read: Any, options: "Options") -> Iterator[Output]:
    from conformant.load import helm

    yield Output(FileCoverage("charts", "skipped"), consumed=helm.consumed(charts, files))
    for chart in helm.tops(charts, read):
        try:
            rendered = helm.render(chart, options.values, options.set_values, namespace=options.namespace)
        except RenderFailed as error:
            yield _failed(join(chart, "Chart.yaml"), error)
            continue
        output = Output(FileCoverage(join(chart, "Chart.yaml"), "rendered"))
        for made in rendered.manifests:
            objects, faults, _ = parse(made.file, made.text, source="helm")
            output.faults.extend(faults)
            for parsed in objects:
                parsed.locator = helm.TemplateLocator(parsed.locator, made)
                parsed.document = None
                output.objects.append(parsed)
        output.coverage.resources = len(output.objects)
        yield output


def _failed(file: str, error: RenderFailed) -> Output:
    place = Place(error.file, error.line)
    coverage = FileCoverage(file, "unreadable", 0, error.reason, place)
    return Output(coverage, faults=[Fault("syntax", error.reason, place)])


class Mapped:
    """Places of a rendered text, on the lines of the template that made them."""

    def __init__(self, rendered: Locator, lines: Sequence[int], first_line: int, indent: int) -> None:
        self.rendered = rendered
        self.lines = lines
        self.shift = first_line - 1
        self.indent = indent

    def place(self, path: Sequence[Step]) -> Place:
        found = self.rendered.place(Path(path))
        line, end = self._line(found.line), self._line(found.end_line or found.line)
        return Place(found.file, line, found.column + self.indent, end)

    def comments(self, path: Sequence[Step]) -> Iterable[tuple[int, str]]:
        return [(self._line(line), text) for line, text in self.rendered.comments(path)]

    def _line(self, rendered: int) -> int:
        return self.lines[min(rendered, len(self.lines)) - 1] + self.shift


def render_block(file: str, block: "Block", values_files: Sequence[str], target: list[Parsed]) -> list[Fault]:
    """Render a templated block of a document once for each set of values; its objects go to `target`.

    Raises BadFile.
    """
    from conformant.load import gotemplate

    faults: list[Fault] = []
    for values in _values(tuple(values_files)):
        try:
            rendered = gotemplate.render(block.text, values)
        except gotemplate.RenderError as error:
            place = Place(file, error.line + block.first_line - 1, 1 + block.indent)
            faults.append(Fault("template", error.reason, place))
            continue
        objects, found, _ = parse(file, rendered.text, source="document")
        for parsed in objects:
            parsed.locator = Mapped(parsed.locator, rendered.lines, block.first_line, block.indent)
            parsed.document = None
            target.append(parsed)
        for fault in found:
            line = rendered.lines[min(fault.place.line, len(rendered.lines)) - 1] + block.first_line - 1
            kind, message = fault.kind, fault.message
            if kind == "template":
                kind, message = "syntax", "a template marker is left after rendering"
            faults.append(Fault(kind, message, Place(file, line, fault.place.column)))
    return faults


def _values(files: Sequence[str]) -> list[dict[str, Any]]:
    """The sets of values in the files: each document is one, a list holds several."""
    found: list[dict[str, Any]] = []
    for name in files:
        try:
            with open(name, "rb") as file:
                text = decode(file.read())
        except OSError as error:
            raise BadFile(f"{name}: {error.strerror}") from None
        except Unreadable as error:
            raise BadFile(f"{name}:{error.line}:{error.column}: {error.reason}") from None
        for document in documents(text):
            if document.error:
                raise BadFile(f"{name}:{document.error_line}:{document.error_column}: {document.error}")
            sets = document.raw if isinstance(document.raw, list) else [document.raw]
            for values in sets:
                if not isinstance(values, dict):
                    raise BadFile(f"{name}:{document.line}: values are a mapping, or a list of mappings")
                found.append(values)
    return found
