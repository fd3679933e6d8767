"""Kubernetes objects from YAML and JSON texts."""

from collections.abc import Iterable, Iterator, Sequence
from re import Pattern
from typing import Any

from msgspec import Struct

from conformant.load.yaml import Document, YamlLocator, documents
from conformant.model import Locator, Path, Place, Resource, Step, Unknown
from conformant.platform import CLUSTER_SCOPED
from conformant.profile import Profile
from conformant.regex import lazy


class Fault(Struct, frozen=True):
    """Something that stood in the way of reading a text: ``duplicate``, ``syntax`` or ``template``."""

    kind: str
    message: str
    place: Place


class Parsed(Struct):
    """An object before its namespace is known: that may need a CRD read later."""

    raw: dict[Any, Any]
    locator: Locator
    source: str
    text: str
    document: Document | None
    top: bool = True
    file: str = ""


class Excerpt:
    """The text that an object was read from: what it does not contain needs no search in its values."""

    __slots__ = ("parsed",)

    def __init__(self, parsed: Parsed) -> None:
        self.parsed = parsed

    def search(self, pattern: "Pattern[str]") -> bool:
        document = self.parsed.document
        if document is None:
            return True
        return pattern.search(self.parsed.text, document.start, document.end) is not None

    def holds(self, words: Sequence[str]) -> bool:
        """Whether the text has any of these words, letter by letter."""
        document = self.parsed.document
        if document is None:
            return True
        text, start, end = self.parsed.text, document.start, document.end
        for word in words:  # noqa: SIM110 -- a generator costs more than the search
            if text.find(word, start, end) >= 0:
                return True
        return False


class Within:
    """A locator of something inside a document: an item of a List."""

    def __init__(self, outer: Locator, prefix: Sequence[Step]) -> None:
        self.outer = outer
        self.prefix = tuple(prefix)

    def place(self, path: Sequence[Step]) -> Place:
        return self.outer.place(Path((*self.prefix, *path)))

    def comments(self, path: Sequence[Step]) -> Iterable[tuple[int, str]]:
        return self.outer.comments(Path((*self.prefix, *path)))


class FaultLocator:
    """Places the faults of a file: path ``("faults", n)``."""

    def __init__(self, file: str, faults: Sequence[Fault]) -> None:
        self.file = file
        self.faults = faults

    def place(self, path: Sequence[Step]) -> Place:
        index = path[1] if len(path) > 1 else None
        return self.faults[index].place if isinstance(index, int) else Place(self.file)

    def comments(self, path: Sequence[Step]) -> Iterable[tuple[int, str]]:
        return ()


def parse(
    file: str, text: str, read: Sequence[Document] | None = None, *, source: str = "manifest", first_line: int = 1,
    indent: int = 0,
) -> tuple[list[Parsed], list[Fault], list[Document]]:  # fmt: skip
    """The objects of a text, its faults, and the documents that are no Kubernetes objects. `read` are
    its documents, where they are known."""
    objects: list[Parsed] = []
    faults: list[Fault] = []
    others: list[Document] = []
    shift = first_line - 1
    for document in documents(text) if read is None else read:
        if document.error:
            place = Place(file, document.error_line + shift, document.error_column + indent)
            faults.append(Fault("syntax", document.error, place))
            continue
        if document.template:
            message = "Go template that was not rendered: give its values with --values"
            faults.append(Fault("template", message, Place(file, document.template + shift, 1 + indent)))
            continue
        for duplicate in document.duplicates:
            place = Place(file, duplicate.line + shift, duplicate.column + indent)
            faults.append(Fault("duplicate", f"key {duplicate.key!r} is given twice", place))
        raw = document.raw
        if raw.__class__ is not dict or not _is_object(raw):
            others.append(document)
            continue
        locator = YamlLocator(file, text, document, first_line=first_line, indent=indent)
        parsed = Parsed(raw, locator, source, text, document, file=file)
        if str(raw["kind"]).endswith("List") and raw.get("items").__class__ is list:
            objects.extend(_items(parsed))
        else:
            objects.append(parsed)
    return objects, faults, others


def _is_object(raw: dict[Any, Any]) -> bool:
    return isinstance(raw.get("kind"), str) and isinstance(raw.get("apiVersion"), str)


def _items(listing: Parsed) -> Iterator[Parsed]:
    kind, version = listing.raw["kind"][: -len("List")], listing.raw["apiVersion"]
    for index, item in enumerate(listing.raw["items"]):
        if item.__class__ is not dict:
            continue
        raw = item if _is_object(item) or not kind else {"apiVersion": version, "kind": kind, **item}
        if not _is_object(raw):
            continue
        locator = Within(listing.locator, ("items", index))
        yield Parsed(raw, locator, listing.source, listing.text, listing.document, top=False, file=listing.file)


def _named_cluster_wide(group: str, kind: str) -> bool:
    """Whether a custom kind calls itself cluster-wide, as ClusterIssuer and GlobalNetworkPolicy do:
    without its CRD that is all there is to go by."""
    for prefix in ("Cluster", "Global"):
        if kind.startswith(prefix) and kind[len(prefix) :][:1].isupper():
            return "." in group
    return False


_SCALAR = lazy(r"[^:]*:\s+([\w.+-]+)")


def _written(parsed: Parsed, field: str) -> str:
    """A name that YAML takes for a boolean or a number, as it is written: the API server rejects the object,
    but that is how its author knows it."""
    if parsed.document is None:
        return str(parsed.raw["metadata"][field]).lower()
    locator: Any = parsed.locator
    place = locator.place(Path(("metadata", field)))
    while isinstance(locator, Within):
        locator = locator.outer
    rows = parsed.text.split("\n")
    found = _SCALAR.match(rows[place.line - locator.first_line], place.column - 1 - locator.indent)
    return found[1] if found else str(parsed.raw["metadata"][field]).lower()


def resource(parsed: Parsed, profile: Profile, scoped: frozenset[str]) -> Resource:
    """The resource of an object; `scoped` are cluster-scoped kinds beyond the built-in ones."""
    raw = parsed.raw
    group, _, version = raw["apiVersion"].rpartition("/")
    kind = raw["kind"]
    metadata = raw.get("metadata")
    if metadata.__class__ is not dict:
        metadata = {}
    key = f"{group}/{kind}"
    declared = metadata.get("namespace")
    if key in CLUSTER_SCOPED or key in scoped or (declared is None and _named_cluster_wide(group, kind)):
        namespace = ""
    else:
        if isinstance(declared, bool | int | float):
            declared = _written(parsed, "namespace")
        namespace = declared if isinstance(declared, str) and declared else ""
        namespace = namespace or profile.assumed_namespace or "default"
    name = metadata.get("name")
    if isinstance(name, bool | int | float):
        name = _written(parsed, "name")
    elif not isinstance(name, str):
        name = "?" if name.__class__ is Unknown else str(name or metadata.get("generateName") or "?")
    return Resource(
        family="kubernetes", group=group, version=version, kind=kind, namespace=namespace, name=name, raw=raw,
        locator=parsed.locator, source=parsed.source, meta=Excerpt(parsed) if parsed.top else None,
    )  # fmt: skip
