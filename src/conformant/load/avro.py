"""Avro schemas from ``.avsc`` files and JSON blocks.

Resources have family ``avro``, kind AvroSchema and the schema's full name. `raw` holds ``schema``
(as written), ``faults`` (what Avro forbids: ``path`` inside raw, ``kind``, ``message``), ``error``
(the first of them or "") and ``unresolved`` (names of types that this file does not define).
"""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from conformant.load.avro_rules import Reading
from conformant.load.yaml import Document, YamlLocator, documents
from conformant.model import FileCoverage, Locator, Place, Resource, Step
from conformant.regex import lazy

_NAMED = {"record": "fields", "error": "fields", "enum": "symbols", "fixed": "size"}
_STRING_OR_COMMENT = lazy(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)


_PLACEHOLDER = "a template placeholder that was not filled in"


class SchemaLocator:
    """Places of a schema inside its document: ``("schema", "fields", 0)``."""

    def __init__(self, outer: Locator, prefix: tuple[Step, ...]) -> None:
        self.outer = outer
        self.prefix = prefix

    def _inside(self, path: Sequence[Step]) -> tuple[Step, ...]:
        return (*self.prefix, *path[1:]) if path[:1] == ("schema",) else self.prefix

    def place(self, path: Sequence[Step]) -> Place:
        return self.outer.place(self._inside(tuple(path)))

    def comments(self, path: Sequence[Step]) -> Iterable[tuple[int, str]]:
        return self.outer.comments(self._inside(tuple(path)))


def is_avro(raw: Any) -> bool:
    """Whether plain JSON is an Avro schema: a named type, or a list with one."""
    if isinstance(raw, list):
        return any(isinstance(item, dict) and is_avro(item) for item in raw)
    if not isinstance(raw, dict) or not isinstance(raw.get("name"), str):
        return False
    kind = raw.get("type")
    return isinstance(kind, str) and kind in _NAMED and _NAMED[kind] in raw


def load(file: str, text: str, first_line: int = 1) -> tuple[list[Resource], list[FileCoverage]]:
    """The schemas of a text, one resource for each, and one coverage entry.

    Nothing is raised: a schema that breaks Avro's rules is a resource with faults; text that is no
    JSON gives status ``unreadable``, a placeholder ``template``, JSON without a schema ``skipped``.
    Comments, which Avro's Java parser accepts, are passed over.
    """
    bare = _STRING_OR_COMMENT.sub(_blanked, text) if "//" in text or "/*" in text else text
    resources: list[Resource] = []
    coverage = FileCoverage(file, "read")
    try:
        json.loads(bare or "null")
    except json.JSONDecodeError as error:
        coverage.status, coverage.reason = "unreadable", f"no JSON: {error.msg}"
        if "{{" in bare:
            coverage.status, coverage.reason = "template", _PLACEHOLDER
        coverage.place = Place(file, error.lineno + first_line - 1, error.colno)
        return [], [coverage]
    except RecursionError:
        pass  # said below, with the place
    for document in documents(bare):
        if document.error or document.template:
            coverage.status = "unreadable" if document.error else "template"
            coverage.reason = document.error or _PLACEHOLDER
            line = document.error_line or document.template
            coverage.place = Place(file, line + first_line - 1, document.error_column or 1)
            continue
        locator = YamlLocator(file, bare, document, first_line=first_line)
        resources.extend(_schemas(document, locator))
    coverage.resources = len(resources)
    if not resources and coverage.status == "read":
        coverage.status, coverage.reason = "skipped", "no Avro schema in it"
    return resources, [coverage]


def _blanked(match: re.Match[str]) -> str:
    return match[0] if match[0][0] == '"' else re.sub(r"[^\n]", " ", match[0])


def _schemas(document: Document, locator: YamlLocator) -> list[Resource]:
    raw = document.raw
    single = not isinstance(raw, list)
    reading = Reading()
    made: list[Resource] = []
    for index, schema in enumerate([raw] if single else raw):
        if not (isinstance(schema, dict) and isinstance(schema.get("type"), str) and schema["type"] in _NAMED):
            continue
        name = reading.top(schema)
        faults = [{"path": ["schema", *path], "kind": kind, "message": text} for path, kind, text in reading.faults]
        faults += [
            {"path": ["schema"], "kind": "json", "message": f"key {duplicate.key!r} is given twice"}
            for duplicate in document.duplicates
        ]
        values = {
            "schema": schema, "error": faults[0]["message"] if faults else "", "faults": faults,
            "unresolved": sorted(reading.unresolved),
        }  # fmt: skip
        made.append(
            Resource(
                family="avro", group="", version="", kind="AvroSchema", namespace="", name=name, raw=values,
                locator=SchemaLocator(locator, () if single else (index,)), source="avro",
            )
        )  # fmt: skip
    return made
