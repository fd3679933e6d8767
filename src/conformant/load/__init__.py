"""From the paths that a user names to resources with places."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from os.path import commonpath, dirname, isabs
from typing import Any, Protocol

from msgspec import Struct

from conformant.load.files import Input, find
from conformant.load.manifests import Fault, FaultLocator, Parsed, parse, resource
from conformant.load.yaml import Document, Unreadable, YamlLocator, decode, documents
from conformant.model import Coverage, FileCoverage, Place, Resource
from conformant.profile import Profile
from conformant.regex import lazy
from conformant.waivers import Inline, in_comments

HOLDERS = frozenset({"ConfigMap", "OpenTelemetryCollector", "PrometheusRule"})
"""The kinds that other configs are embedded in."""
SERVER_SETTINGS = {
    "pg_hba.conf": lazy(r"(?m)^\s*(?:local|host\w*)(?:[ \t]+\S+){3,}"),
    "postgresql.conf": lazy(r"(?m)^\s*(?:listen_addresses|shared_buffers|max_connections|ssl|password_encryption)\s*="),
}
"""What the two files of a PostgreSQL server are told by."""
DATA_MAP = "data-map"
"""The key of a document that classifies columns."""


Found = tuple[list[Input], list[FileCoverage]]
"""What `files.find` gives: the inputs, and what could not be read."""


class Memory(Protocol):
    """Knows what files held in the run before."""

    def recall(self, path: str, data: bytes) -> list[Document] | None:
        """The documents of a file that has not changed."""

    def learn(self, path: str, data: bytes, documents: list[Document]) -> None:
        """Take note of what a file holds."""

    def bind(self, path: str, resource: Resource) -> None:
        """Take note of the resource that the next object of a file became."""


class Options(Struct, frozen=True):
    """How inputs are read: values for Go templates of documents and for Helm charts, Terraform
    variables, folders or files with CRDs, paths to leave out."""

    values: tuple[str, ...] = ()
    set_values: Mapping[str, Any] = {}
    variables: Mapping[str, Any] = {}
    variable_files: tuple[str, ...] = ()
    crds: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    namespace: str = ""


class Loaded(Struct):
    """What the inputs held. `waiver_faults` are waivers in comments that cannot be read."""

    resources: list[Resource]
    coverage: Coverage
    crds: list[dict[Any, Any]]
    waivers: list[Inline]
    waiver_faults: list[tuple[Place, str]]


class Loader:
    """Reads the inputs of one run, one kind after the other; faults of one never stop the rest."""

    def __init__(self, profile: Profile, options: Options, memory: "Memory | None" = None) -> None:
        self.profile = profile
        self.options = options
        self.memory = memory
        self.parsed: list[Parsed] = []
        self.resources: list[Resource] = []
        self.files: list[FileCoverage] = []
        self.waivers: list[Inline] = []
        self.waiver_faults: list[tuple[Place, str]] = []
        self.crds: list[dict[Any, Any]] = []

    def load(self, found_inputs: Found) -> Loaded:
        """Read these inputs."""
        inputs, self.files = found_inputs[0], list(found_inputs[1])
        for entry in found_inputs[1]:
            if entry.status == "unreadable":
                self._faults(entry.file, [Fault("syntax", entry.reason, Place(entry.file))])
        groups: dict[str, list[Input]] = {}
        for found in inputs:
            groups.setdefault(found.kind, []).append(found)
        consumed = self._rendered(groups)
        for found in inputs:
            if found.path not in consumed and found.kind in ("yaml", "json", "avro", "markdown", "env", "conf"):
                self._text_file(found)
        self._kubernetes()
        self._sql([found for found in groups.get("sql", ()) if found.path not in consumed])
        self._terraform(groups, consumed)
        self.files.sort(key=lambda entry: entry.file)
        self._fingerprints(inputs)
        coverage = Coverage(files=self.files, resources=sum(r.family != "source" for r in self.resources))
        return Loaded(self.resources, coverage, self.crds, self.waivers, self.waiver_faults)

    def _fingerprints(self, inputs: Sequence[Input]) -> None:
        """Note of what bytes each file was, for evidence."""
        contents = {found.path: found.data for found in inputs if found.data is not None}
        for entry in self.files:
            data = contents.get(entry.file)
            if data is not None:
                entry.sha256 = sha256(data).hexdigest()

    def load_objects(self, objects: Sequence[Parsed]) -> Loaded:
        """These objects, which were read from elsewhere: an API server."""
        self.parsed = list(objects)
        self._kubernetes()
        return Loaded(self.resources, Coverage(resources=len(self.resources)), self.crds, [], [])

    # charts and overlays

    def _rendered(self, groups: Mapping[str, list[Input]]) -> set[str]:
        """Render charts and overlays; the files that they consume are not read on their own."""
        consumed: set[str] = set()
        if not ("chart" in groups or "kustomization" in groups):
            return consumed
        from conformant.load import rendering

        everything = [found for group in groups.values() for found in group]
        for output in rendering.render_all(groups, everything, self.options):
            consumed |= output.consumed
            if output.consumed:
                continue
            self.files.append(output.coverage)
            self._faults(output.coverage.file, output.faults)
            self.parsed.extend(output.objects)
        return consumed

    # texts

    def _text_file(self, found: Input) -> None:
        try:
            text = decode(found.data or b"")
        except Unreadable as error:
            self._unreadable(found.path, error.reason, Place(found.path, error.line, error.column))
            return
        self._comments(found.path, text)
        if found.kind == "markdown":
            self._markdown(found.path, text)
        elif found.kind == "env":
            self._env(found.path, text)
        elif found.kind == "conf":
            self._server_settings(found.path, text)
            self.files.append(FileCoverage(found.path, "read", 1))
        elif found.kind == "avro":
            self._avro_file(found.path, text)
        else:
            self._manifest(found, text)

    def _comments(self, file: str, text: str) -> None:
        for waiver in in_comments(file, text):
            if isinstance(waiver, Inline):
                self.waivers.append(waiver)
            else:
                self.waiver_faults.append(waiver)

    def _manifest(self, found: Input, text: str) -> None:
        objects, faults, others = parse(found.path, text, self._documents(found, text))
        count = len(objects)
        self.parsed.extend(objects)
        if found.kind == "json":
            count += self._avro(found.path, text, [other.raw for other in others])
        count += self._data_maps(found.path, text, others)
        status = "read" if count or not faults else "unreadable"
        syntax = next((fault for fault in faults if fault.kind == "syntax"), None)
        template = next((fault for fault in faults if fault.kind == "template"), None)
        worst = syntax or template
        if worst is not None:
            status = "unreadable" if syntax else "template"
        elif not count:
            status = "skipped"
        reason = worst.message if worst else "" if count else "no Kubernetes object, schema or Terraform in it"
        self.files.append(FileCoverage(found.path, status, count, reason, worst.place if worst else None))
        self._faults(found.path, faults)

    def _documents(self, found: Input, text: str) -> list[Document]:
        """The documents of a file, from memory where it has not changed."""
        if self.memory is None:
            return documents(text)
        known = self.memory.recall(found.path, found.data or b"")
        if known is None:
            known = documents(text)
            self.memory.learn(found.path, found.data or b"", known)
        return known

    def _faults(self, file: str, faults: Sequence[Fault]) -> None:
        raw = {"faults": [{"kind": fault.kind, "message": fault.message} for fault in faults]}
        self.resources.append(
            Resource(
                family="source", group="", version="", kind="File", namespace="", name=file, raw=raw,
                locator=FaultLocator(file, faults), source="file", address=f"File/-/{file}",
            )
        )  # fmt: skip

    def _avro_file(self, file: str, text: str) -> None:
        from conformant.load import avro

        resources, files = avro.load(file, text)
        self.resources.extend(resources)
        self.files.extend(files)
        self._faults(file, _syntax(files))

    def _avro(self, file: str, text: str, raws: Iterable[Any], first_line: int = 1) -> int:
        from conformant.load import avro

        if not any(avro.is_avro(raw) for raw in raws):
            return 0
        resources, files = avro.load(file, text, first_line)
        self.resources.extend(resources)
        self.files.extend(entry for entry in files if entry.status != "read")
        return len(resources)

    def _data_maps(self, file: str, text: str, others: Iterable[Document], first_line: int = 1, indent: int = 0) -> int:
        """Documents that say what each column of a database holds: a mapping ``data-map``."""
        found = [other for other in others if isinstance(other.raw, dict) and isinstance(other.raw.get(DATA_MAP), dict)]
        for document in found:
            locator = YamlLocator(file, text, document, first_line=first_line, indent=indent)
            self.resources.append(
                Resource(
                    family="config", group="", version="", kind="DataMap", namespace="", name=file, raw=document.raw,
                    locator=locator, source="file", address=f"DataMap/-/{file}",
                )
            )  # fmt: skip
        return len(found)

    def _env(self, file: str, text: str) -> None:
        variables: dict[str, str] = {}
        lines: dict[str, int] = {}
        for number, line in enumerate(text.splitlines(), 1):
            name, equals, value = line.strip().removeprefix("export ").partition("=")
            if equals and name and not name.startswith("#"):
                value = value.strip()
                quote = value[:1] if value[:1] in ("'", '"') else ""
                variables[name.strip()] = value[1:].partition(quote)[0] if quote else value.partition(" #")[0].rstrip()
                lines[name.strip()] = number
        self.resources.append(
            Resource(
                family="config", group="", version="", kind="EnvFile", namespace="", name=file, raw=variables,
                locator=Lines(file, lines), source="file", address=f"EnvFile/-/{file}",
            )
        )  # fmt: skip
        self.files.append(FileCoverage(file, "read", 1))

    def _server_settings(self, file: str, text: str, first_line: int = 1, indent: int = 0) -> None:
        """The pg_hba.conf or postgresql.conf of a PostgreSQL server, a file or a block of a document."""
        from conformant.load.embedded import LineLocator
        from conformant.load.sections import Origin

        name = next((name for name, pattern in SERVER_SETTINGS.items() if pattern.search(text)), "")
        if name:
            locator = LineLocator(Place(file, first_line), Origin(file, first_line, indent), text)
            address = f"ConfigText/-/{file}" if first_line == 1 else f"ConfigText/-/{file}/{name}"
            self.resources.append(
                Resource(
                    family="config", group="", version="", kind="ConfigText", namespace="", name=name, raw=text,
                    locator=locator, source="file", address=address,
                )
            )  # fmt: skip

    def _unreadable(self, file: str, reason: str, place: Place) -> None:
        self.files.append(FileCoverage(file, "unreadable", 0, reason, place))
        self._faults(file, [Fault("syntax", reason, place)])

    # documents

    def _markdown(self, file: str, text: str) -> None:
        from conformant.load import markdown

        faults: list[Fault] = []
        statements: list[tuple[str, str, int, int]] = []
        before = len(self.parsed) + len(self.resources)
        for block in markdown.blocks(text):
            match block.language:
                case "yaml" | "json":
                    faults.extend(self._block(file, block))
                case "sql":
                    statements.append((file, block.text, block.first_line, block.indent))
                case "conf":
                    self._server_settings(file, block.text, block.first_line, block.indent)
                case "hcl":
                    from conformant.load import terraform

                    resources, files = terraform.load_snippet(file, block.text, block.first_line)
                    self.resources.extend(resources)
                    faults.extend(_syntax(files))
        if statements:
            self._sql_texts(statements, "document")
        count = len(self.parsed) + len(self.resources) - before
        syntax = next((fault for fault in faults if fault.kind == "syntax"), None)
        template = next((fault for fault in faults if fault.kind == "template"), None)
        worst = syntax or template
        status = "unreadable" if syntax else "template" if template else "read" if count else "skipped"
        reason = worst.message if worst else "" if count else "no fenced yaml, json, sql or hcl block in it"
        self.files.append(FileCoverage(file, status, count, reason, worst.place if worst else None))
        self._faults(file, faults)

    def _block(self, file: str, block: Any) -> list[Fault]:
        objects, faults, others = parse(
            file, block.text, source="document", first_line=block.first_line, indent=block.indent
        )
        templated = any(fault.kind == "template" for fault in faults)
        if self.options.values and "{{" in block.text:
            from conformant.load import rendering

            rendered: list[Parsed] = []
            found = rendering.render_block(file, block, self.options.values, rendered)
            if templated or not any(fault.kind == "template" for fault in found):
                self.parsed.extend(rendered)
                return found
        self.parsed.extend(objects)
        if block.language == "json":
            self._avro(file, block.text, [other.raw for other in others], block.first_line)
        self._data_maps(file, block.text, others, block.first_line, block.indent)
        return faults

    # the rest

    def _kubernetes(self) -> None:
        from conformant.load.crds import definitions

        self.crds = [*definitions(self.options.crds), *_crds(self.parsed)]
        scoped = cluster_scoped(self.crds)
        for parsed in self.parsed:
            made = resource(parsed, self.profile, scoped)
            self.resources.append(made)
            if self.memory is not None:
                self.memory.bind(parsed.file, made)
            if made.kind in HOLDERS:
                self._embedded(made, parsed)
        self.parsed = []

    def _embedded(self, holder: Resource, parsed: Parsed) -> None:
        from conformant.load.embedded import embedded

        resources, files = embedded(holder, parsed.text, parsed.document)
        if holder.kind == "ConfigMap":
            holder.parts = frozenset(resource.name for resource in resources)
        self.resources.extend(resources)
        self.files.extend(files)
        for entry in files:
            if entry.place is not None and entry.status == "unreadable":
                self._faults(entry.place.file, [Fault("syntax", entry.reason, entry.place)])

    def _sql(self, inputs: Sequence[Input]) -> None:
        if not inputs:
            return
        from conformant.load.sql import ddl_sets

        texts: dict[str, str] = {}
        for found in inputs:
            try:
                texts[found.path] = decode(found.data or b"")
            except Unreadable as error:
                self._unreadable(found.path, error.reason, Place(found.path, error.line, error.column))
                continue
            self._comments(found.path, texts[found.path])
        sets, undoing = ddl_sets(texts)
        for files in sets:
            self._sql_texts([(file, texts[file], 1) for file in files], "sql")
        self.files.extend(FileCoverage(file, "skipped", 0, "it undoes another migration") for file in undoing)

    def _sql_texts(self, texts: Sequence[tuple[Any, ...]], source: str) -> None:
        from conformant.load import sql

        resources, files = sql.load([sql.SqlText(*text) for text in texts], source)
        self.resources.extend(resources)
        if source == "sql":
            self.files.extend(files)
        for entry in files:
            if entry.place is not None:
                self._faults(entry.file, [Fault("syntax", entry.reason, entry.place)])

    def _terraform(self, groups: Mapping[str, list[Input]], consumed: set[str]) -> None:
        sources = [
            found for kind in ("terraform", "tfvars") for found in groups.get(kind, ()) if found.path not in consumed
        ]
        plans = groups.get("plan", [])
        if not (sources or plans):
            return
        from conformant.load import terraform

        resources: list[Resource] = []
        for absolute in (False, True):
            part = [found for found in sources if isabs(found.path) is absolute]
            resources += self._configurations(part)
        for plan in plans:
            resources, coverage = terraform.load_plan(plan.path, plan.data or b"", resources)
            self._terraform_files(coverage)
        self.resources.extend(resources)

    def _configurations(self, sources: Sequence[Input]) -> list[Resource]:
        """The resources of the Terraform files, whose paths are all absolute or all relative."""
        from conformant.load import terraform

        if not any(found.kind == "terraform" for found in sources):
            reason = "variables of no configuration that is read here"
            self.files.extend(FileCoverage(found.path, "skipped", 0, reason) for found in sources)
            return []
        root = commonpath([dirname(found.path) or "." for found in sources])
        variables = terraform.Variables(dict(self.options.variables), self.options.variable_files)
        files = {found.path: found.data or b"" for found in sources}
        resources, coverage = terraform.load_directory(root or ".", files, variables=variables)
        self._terraform_files(coverage)
        for found in sources:
            if b"conformant:" in (found.data or b""):
                self._comments(found.path, (found.data or b"").decode("utf-8", "replace"))
        return resources

    def _terraform_files(self, coverage: Sequence[FileCoverage]) -> None:
        self.files.extend(coverage)
        for entry in coverage:
            fault = [] if entry.place is None else [Fault("syntax", entry.reason, entry.place)]
            self._faults(entry.file, fault)


class Lines:
    """Places the entries of a file of lines, by name."""

    def __init__(self, file: str, lines: Mapping[str, int]) -> None:
        self.file = file
        self.lines = lines

    def place(self, path: Sequence[Any]) -> Place:
        return Place(self.file, self.lines.get(path[0], 1) if path else 1)

    def comments(self, path: Sequence[Any]) -> Iterable[tuple[int, str]]:
        return ()


def load(
    paths: Sequence[str], profile: Profile, options: Options | None = None, found: Found | None = None,
    memory: Memory | None = None,
) -> Loaded:  # fmt: skip
    """Everything below `paths` as resources, in a deterministic order.

    `found` is what `files.find` gave for the same paths, where that was asked before; `memory` knows
    what unchanged files hold. Raises `files.NoSuchInput` for a path that is not there.
    """
    options = options or Options()
    return Loader(profile, options, memory).load(found or find(paths, exclude=options.exclude))


def _syntax(files: Iterable[FileCoverage]) -> list[Fault]:
    return [Fault("syntax", entry.reason, entry.place) for entry in files if entry.place is not None]


def _crds(objects: Iterable[Parsed]) -> list[dict[Any, Any]]:
    return [parsed.raw for parsed in objects if parsed.raw["kind"] == "CustomResourceDefinition"]


def cluster_scoped(crds: Iterable[dict[Any, Any]]) -> frozenset[str]:
    """The kinds that these CRDs declare cluster-scoped."""
    found: set[str] = set()
    for crd in crds:
        spec = crd.get("spec")
        if isinstance(spec, dict) and spec.get("scope") == "Cluster" and isinstance(spec.get("names"), dict):
            found.add(f"{spec.get('group')}/{spec['names'].get('kind')}")
    return frozenset(found)
