"""Whether data written with an earlier version of an Avro schema can still be read.

The rules are those of Avro's schema resolution: the new schema reads, the earlier one wrote.
"""

from collections.abc import Iterator
from typing import Any

from conformant.model import Path

_PROMOTED = {
    "int": ("long", "float", "double"), "long": ("float", "double"), "float": ("double",), "string": ("bytes",),
    "bytes": ("string",),
}  # fmt: skip
_NAMED = frozenset({"record", "error", "enum", "fixed"})

Breach = tuple[Path, str]
"""The path inside the new schema, and what data of the earlier version cannot be read there."""


def breaches(new: Any, old: Any, path: Path) -> list[Breach]:
    """What of the data written with `old` the schema `new`, which stands at `path`, cannot read."""
    return list(_Resolution(new, old).read(new, old, path))


class _Resolution:
    """Resolves one version against another; pairs of named types are visited once."""

    def __init__(self, new: Any, old: Any) -> None:
        self.new, self.old = _named(new), _named(old)
        self.seen: set[tuple[str, str]] = set()

    def read(self, new: Any, old: Any, path: Path) -> Iterator[Breach]:
        new, old = _resolved(new, self.new), _resolved(old, self.old)
        if isinstance(old, list):
            for branch in old:
                yield from self._from(new, branch, path)
        else:
            yield from self._from(new, old, path)

    def _from(self, new: Any, old: Any, path: Path) -> Iterator[Breach]:
        """Data of one type that is no union."""
        old = _resolved(old, self.old)
        if not isinstance(new, list):
            yield from self._one(new, old, path)
            return
        branches = [(index, _resolved(branch, self.new)) for index, branch in enumerate(new)]
        alike = [(index, branch) for index, branch in branches if _alike(branch, old)]
        if not alike:
            yield path, f"{_words(old)} is none of its types any more"
        else:
            index, branch = alike[0]
            yield from self._one(branch, old, path / index)

    def _one(self, new: Any, old: Any, path: Path) -> Iterator[Breach]:
        if not _alike(new, old):
            yield path, f"{_words(old)} cannot be read as {_words(new)}"
            return
        kind = _kind(new)
        if kind in _NAMED:
            pair = str(new.get("name")), str(old.get("name"))
            if pair in self.seen:
                return
            self.seen.add(pair)
        if kind in ("record", "error"):
            yield from self._fields(new, old, path)
        elif kind == "enum":
            gone = [symbol for symbol in _list(old, "symbols") if symbol not in _list(new, "symbols")]
            if gone and "default" not in new:
                yield path / "symbols", f"the symbol {', '.join(map(str, gone))} is gone, and there is no default"
        elif kind == "fixed" and new.get("size") != old.get("size"):
            yield path / "size", f"{old.get('size')} bytes cannot be read as {new.get('size')}"
        elif kind in ("array", "map"):
            key = "items" if kind == "array" else "values"
            yield from self.read(new.get(key), old.get(key), path / key)

    def _fields(self, new: Any, old: Any, path: Path) -> Iterator[Breach]:
        written = {field["name"]: field for field in _fields(old)}
        kept = {field["name"] for field in _fields(new)}
        for index, field in enumerate(_list(new, "fields")):
            if not _is_field(field):
                continue
            names = [field["name"], *_list(field, "aliases")]
            source = next((written[name] for name in names if isinstance(name, str) and name in written), None)
            here = path / "fields" / index
            if source is not None:
                yield from self.read(field.get("type"), source.get("type"), here / "type")
            elif "default" not in field:
                gone = sorted(name for name in written if name not in kept)
                renamed = f" (an alias is missing, if it was {gone[0]})" if len(gone) == 1 else ""
                yield here, f"field {field['name']!r} is new and has no default{renamed}"


def _named(schema: Any) -> dict[str, Any]:
    """The named types of a schema, by name and by full name."""
    found: dict[str, Any] = {}
    pending: list[tuple[Any, str]] = [(schema, "")]
    while pending:
        one, space = pending.pop()
        if isinstance(one, list):
            pending.extend((each, space) for each in one)
        elif isinstance(one, dict):
            if one.get("type") in _NAMED and isinstance(one.get("name"), str):
                space = one["namespace"] if isinstance(one.get("namespace"), str) else space
                found.setdefault(one["name"].rpartition(".")[2], one)
                found[one["name"] if "." in one["name"] or not space else f"{space}.{one['name']}"] = one
            pending.extend((one[key], space) for key in ("type", "items", "values") if key in one)
            pending.extend((field.get("type"), space) for field in _fields(one))
    return found


def _resolved(schema: Any, named: dict[str, Any]) -> Any:
    """The definition behind a name; ``{"type": "string"}`` is ``"string"``."""
    if isinstance(schema, dict) and isinstance(schema.get("type"), str | list | dict):
        inner = schema["type"]
        if not isinstance(inner, str):
            return _resolved(inner, named)
        if inner not in _NAMED and inner not in ("array", "map"):
            return _resolved(inner, named)
    return named.get(schema, schema) if isinstance(schema, str) else schema


def _kind(schema: Any) -> str:
    kind = schema.get("type") if isinstance(schema, dict) else schema
    return kind if isinstance(kind, str) else ""


def _alike(new: Any, old: Any) -> bool:
    """Whether the types match at all; what is not known here matches anything."""
    reads, wrote = _kind(new), _kind(old)
    if not reads or not wrote:
        return True
    if reads in _NAMED and reads == wrote:
        names = [new.get("name"), *_list(new, "aliases")]
        return str(old.get("name")).rpartition(".")[2] in [str(name).rpartition(".")[2] for name in names]
    return reads == wrote or reads in _PROMOTED.get(wrote, ())


def _words(schema: Any) -> str:
    name = schema.get("name") if isinstance(schema, dict) else None
    return f"{_kind(schema)} {name}" if name else _kind(schema)


def _list(schema: Any, key: str) -> list[Any]:
    found = schema.get(key) if isinstance(schema, dict) else None
    return found if isinstance(found, list) else []


def _fields(schema: Any) -> list[dict[str, Any]]:
    return [field for field in _list(schema, "fields") if _is_field(field)]


def _is_field(field: Any) -> bool:
    return isinstance(field, dict) and isinstance(field.get("name"), str)
