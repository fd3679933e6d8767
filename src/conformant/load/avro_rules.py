"""What the Avro specification demands of a schema, with the place of each fault.

Avro's own parsers stop at the first fault and do not say where it is; and they differ. So the rules
stand here, and fastavro is asked whether it agrees when they find nothing.
"""

from typing import Any

from conformant.model import Step
from conformant.regex import lazy

PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
_NAME = lazy(r"[A-Za-z_][A-Za-z0-9_]*")
_DECIMAL_BASES = ("bytes", "fixed")
_JSON_OF: dict[str, type | tuple[type, ...]] = {
    "null": type(None), "boolean": bool, "int": int, "long": int, "float": (int, float), "double": (int, float),
    "bytes": str, "string": str, "fixed": str, "enum": str, "array": list, "map": dict, "record": dict,
    "error": dict,
}  # fmt: skip

Fault = tuple[tuple[Step, ...], str, str]
"""Path inside the schema, kind and message. Kinds: ``name``, ``duplicate``, ``missing``, ``type``,
``union``, ``default``, ``union-default``, ``parser``."""


class Reading:
    """The schemas of one file, read in order: later ones may use the names of earlier ones."""

    def __init__(self) -> None:
        self.named: dict[str, dict[str, Any]] = {}
        self.faults: list[Fault] = []
        self.unresolved: set[str] = set()

    def top(self, schema: dict[str, Any]) -> str:
        """Read one schema: its full name; `faults` and `unresolved` are then those of it alone."""
        self.faults, self.unresolved = [], set()
        before = {**self.named}
        self._schema(schema, (), "")
        if not self.faults:
            self._ask_parser(schema, before)
        return full_name(schema, "") if isinstance(schema.get("name"), str) else "?"

    def _fault(self, path: tuple[Step, ...], kind: str, message: str) -> None:
        self.faults.append((path, kind, message))

    def _schema(self, schema: Any, path: tuple[Step, ...], namespace: str) -> None:
        if isinstance(schema, str):
            if schema not in PRIMITIVES and self._lookup(schema, namespace) is None:
                self.unresolved.add(schema if "." in schema or not namespace else f"{namespace}.{schema}")
        elif isinstance(schema, list):
            self._union(schema, path, namespace)
        elif isinstance(schema, dict):
            self._complex(schema, path, namespace)
        else:
            self._fault(path, "type", "a type is a name, an object or a list")

    def _lookup(self, name: str, namespace: str) -> dict[str, Any] | None:
        found = None if "." in name or not namespace else self.named.get(f"{namespace}.{name}")
        return found or self.named.get(name)

    def _union(self, branches: list[Any], path: tuple[Step, ...], namespace: str) -> None:
        seen: set[str] = set()
        for index, branch in enumerate(branches):
            if isinstance(branch, list):
                self._fault((*path, index), "union", "a union directly inside a union")
                continue
            self._schema(branch, (*path, index), namespace)
            key = self._branch_key(branch, namespace)
            if key in seen:
                self._fault((*path, index), "union", f"the union has {key} twice")
            seen.add(key)

    def _branch_key(self, branch: Any, namespace: str) -> str:
        if isinstance(branch, dict):
            kind = branch.get("type")
            if isinstance(branch.get("name"), str):
                return full_name(branch, namespace)
            return kind if isinstance(kind, str) else repr(kind)
        return str(branch)

    def _complex(self, schema: dict[str, Any], path: tuple[Step, ...], namespace: str) -> None:
        kind = schema.get("type")
        match kind:
            case "record" | "error":
                inner = self._name(schema, path, namespace)
                self._fields(schema, path, inner)
            case "enum":
                self._name(schema, path, namespace)
                self._symbols(schema, path)
            case "fixed":
                self._name(schema, path, namespace)
                size = schema.get("size")
                if not isinstance(size, int) or isinstance(size, bool) or size < 0:
                    self._fault((*path, "size"), "missing", "a fixed type needs a size in bytes")
            case "array" | "map":
                key = "items" if kind == "array" else "values"
                if key in schema:
                    self._schema(schema[key], (*path, key), namespace)
                else:
                    self._fault(path, "missing", f"{kind} without {key!r}")
            case None:
                self._fault(path, "missing", "a type without 'type'")
            case str():
                self._schema(kind, (*path, "type"), namespace)
            case _:
                self._fault((*path, "type"), "type", "the 'type' of an object is a name")
        if schema.get("logicalType") == "decimal":
            self._decimal(schema, path, namespace)

    def _decimal(self, schema: dict[str, Any], path: tuple[Step, ...], namespace: str) -> None:
        if self._kind(schema.get("type"), namespace) not in _DECIMAL_BASES:
            self._fault((*path, "logicalType"), "type", "a decimal is made of bytes or fixed")
        precision, scale = schema.get("precision"), schema.get("scale", 0)
        if not isinstance(precision, int) or precision < 1:
            self._fault((*path, "logicalType"), "missing", "a decimal needs a precision above 0")
        elif not isinstance(scale, int) or not 0 <= scale <= precision:
            self._fault((*path, "scale"), "type", "the scale of a decimal is between 0 and its precision")

    def _name(self, schema: dict[str, Any], path: tuple[Step, ...], namespace: str) -> str:
        """Check and remember a named type; its namespace, which is that of the types inside."""
        name, space = schema.get("name"), schema.get("namespace")
        if not isinstance(name, str):
            self._fault(path, "missing", f"{schema['type']} without a name")
            return namespace
        if not all(_NAME.fullmatch(part) for part in name.split(".")):
            self._fault((*path, "name"), "name", f"{name!r} is no Avro name: letters, digits and _ only")
        if isinstance(space, str) and space and not all(_NAME.fullmatch(part) for part in space.split(".")):
            self._fault((*path, "namespace"), "name", f"{space!r} is no Avro namespace: letters, digits, _ and dots")
        full = full_name(schema, namespace)
        if full in self.named:
            self._fault((*path, "name"), "duplicate", f"{full} is defined twice")
        self.named[full] = schema
        return full.rpartition(".")[0]

    def _symbols(self, schema: dict[str, Any], path: tuple[Step, ...]) -> None:
        symbols = schema.get("symbols")
        if not isinstance(symbols, list):
            self._fault(path, "missing", "enum without a list of symbols")
            return
        for index, symbol in enumerate(symbols):
            if not isinstance(symbol, str) or not _NAME.fullmatch(symbol):
                self._fault((*path, "symbols", index), "name", f"{symbol!r} is no Avro name")
            elif symbol in symbols[:index]:
                self._fault((*path, "symbols", index), "duplicate", f"symbol {symbol!r} is there twice")
        if "default" in schema and schema["default"] not in symbols:
            self._fault((*path, "default"), "default", "the default is none of the symbols")

    def _fields(self, schema: dict[str, Any], path: tuple[Step, ...], namespace: str) -> None:
        fields = schema.get("fields")
        if not isinstance(fields, list):
            self._fault(path, "missing", "record without a list of fields")
            return
        seen: set[str] = set()
        for index, field in enumerate(fields):
            here = (*path, "fields", index)
            if not isinstance(field, dict) or not isinstance(field.get("name"), str):
                self._fault(here, "missing", "a field without a name")
                continue
            name = field["name"]
            if not _NAME.fullmatch(name):
                self._fault((*here, "name"), "name", f"{name!r} is no Avro name: letters, digits and _ only")
            if name in seen:
                self._fault((*here, "name"), "duplicate", f"field {name!r} is there twice")
            seen.add(name)
            if "type" not in field:
                self._fault(here, "missing", f"field {name!r} has no type")
                continue
            self._schema(field["type"], (*here, "type"), namespace)
            if "default" in field:
                self._default(field, here, namespace)

    def _default(self, field: dict[str, Any], path: tuple[Step, ...], namespace: str) -> None:
        schema, value = field["type"], field["default"]
        union = isinstance(schema, list)
        first = schema[0] if union and schema else schema
        if self._fits(value, first, namespace):
            return
        if union:
            others = any(self._fits(value, branch, namespace) for branch in schema)
            reason = "does not match the first branch of the union" if others else "matches no branch of the union"
            self._fault((*path, "default"), "union-default", f"the default of {field['name']!r} {reason}")
        else:
            self._fault((*path, "default"), "default", f"the default of {field['name']!r} does not match its type")

    def _kind(self, schema: Any, namespace: str) -> str:
        """The kind of a type, references followed; "" where it is not known."""
        if isinstance(schema, str):
            named = self._lookup(schema, namespace)
            return schema if schema in PRIMITIVES or schema in _JSON_OF else str((named or {}).get("type", ""))
        inner = schema.get("type") if isinstance(schema, dict) else None
        return self._kind(inner, namespace) if inner is not None else ""

    def _fits(self, value: Any, schema: Any, namespace: str) -> bool:
        kind = self._kind(schema, namespace)
        if kind not in _JSON_OF:
            return True
        if isinstance(value, bool) and kind != "boolean":
            return False
        return isinstance(value, _JSON_OF[kind])

    def _ask_parser(self, schema: dict[str, Any], before: dict[str, dict[str, Any]]) -> None:
        """fastavro's opinion, types of other files and of earlier schemas taken as known."""
        from fastavro.schema import SchemaParseException, UnknownType, parse_schema

        known: dict[str, Any] = {
            name: {"type": "fixed", "name": name, "size": 1} for name in (*before, *self.unresolved)
        }
        while True:
            try:
                parse_schema(schema, named_schemas={**known})
            except UnknownType as error:  # it finds fewer names than Java's parser, whose way `_lookup` goes
                if not isinstance(error.name, str) or error.name in known:
                    return
                known[error.name] = {"type": "fixed", "name": error.name, "size": 1}
            except SchemaParseException as error:
                self._fault((), "parser", str(error))
                return
            else:
                return


def full_name(schema: dict[str, Any], namespace: str) -> str:
    """The name of a named type with its namespace, by its own or the one around it."""
    name = str(schema["name"])
    space = schema.get("namespace")
    inside = space if isinstance(space, str) else namespace
    return name if "." in name or not inside else f"{inside}.{name}"
