"""External secrets, Secrets as they stand in files, and the named texts of whatever may carry one."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from conformant.model import Path, Resource, Step, Undecided, Unknown, mapping, sequence
from conformant.views.base import Object
from conformant.views.secret_names import NAME_HINT, TOKEN_HINT
from conformant.views.terraform import TerraformResource

_EXTERNAL = "external-secrets.io/ExternalSecret"
_CLUSTER_EXTERNAL = "external-secrets.io/ClusterExternalSecret"


class ExternalSecret(Object):
    """``external-secrets.io`` ExternalSecret, also as the template of a ClusterExternalSecret."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({_EXTERNAL, _CLUSTER_EXTERNAL})

    @property
    def spec_path(self) -> Path:
        """Where the specification of the external secret stands."""
        return Path(("spec",) if self.kind == "ExternalSecret" else ("spec", "externalSecretSpec"))

    @property
    def spec(self) -> dict[Any, Any]:
        return self.map(*self.spec_path)

    @property
    def entries(self) -> "list[tuple[Path, dict[Any, Any]]]":
        """What the values come from: the entries of ``data`` and ``dataFrom``, with their paths."""
        return [
            (self.spec_path / section / index, entry)
            for section in ("data", "dataFrom")
            for index, entry in enumerate(sequence(self.spec, section))
            if isinstance(entry, dict)
        ]

    @property
    def generated(self) -> bool:
        """Fed by generators alone: each refresh mints new values instead of fetching any."""
        entries = self.entries
        return bool(entries) and all(mapping(entry, "sourceRef", "generatorRef") for _, entry in entries)


def decoded(value: str) -> str | None:
    """The text of a base64 value, bytes that are no UTF-8 replaced; None where it is not base64."""
    from base64 import b64decode

    try:
        return b64decode("".join(value.split()), validate=True).decode("utf-8", "replace")
    except ValueError:
        return None


class SecretManifest(Object):
    """A core Secret."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"/Secret"})

    def values(self) -> Iterator[tuple[Path, str, str | Undecided]]:
        """(path, key, text) of ``data``, decoded, and of ``stringData``; Undecided in place of the
        text where it is not known. What is not base64 stands as written."""
        for section in ("data", "stringData"):
            for key, value in mapping(self.raw.get(section)).items():
                path = Path((section, key))
                if value.__class__ is Unknown:
                    yield path, str(key), Undecided(value.reason)
                elif value is not None:
                    text = str(value)
                    plain = decoded(text) if section == "data" else text
                    yield path, str(key), text if plain is None else plain


class SecretSource(Object):
    """What makes a Secret: its manifest, an ExternalSecret or a SealedSecret."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({
        "/Secret", _EXTERNAL, _CLUSTER_EXTERNAL, "bitnami.com/SealedSecret",
    })  # fmt: skip

    @property
    def keys(self) -> Iterator[tuple[Path, str]]:
        """(path, key) of what the Secret holds, as far as it is stated. No value is read."""
        if self.kind in ("ExternalSecret", "ClusterExternalSecret"):
            external = ExternalSecret(self.resource)
            for path, entry in external.entries:
                if isinstance(key := entry.get("secretKey"), str):
                    yield path / "secretKey", key
            yield from self._keys((*external.spec_path, "target", "template", "data"))
        elif self.kind == "SealedSecret":
            yield from self._keys(("spec", "encryptedData"))
        else:
            yield from self._keys(("data",))
            yield from self._keys(("stringData",))

    def _keys(self, steps: tuple[Step, ...]) -> Iterator[tuple[Path, str]]:
        return ((Path((*steps, key)), key) for key in self.map(*steps) if isinstance(key, str))

    @property
    def secret_name(self) -> str:
        """The name of the Secret that it makes."""
        if self.kind in ("ExternalSecret", "ClusterExternalSecret"):
            stated = mapping(ExternalSecret(self.resource).spec, "target").get("name")
        else:
            stated = self.map("spec", "template", "metadata").get("name") if self.kind == "SealedSecret" else None
        return stated if isinstance(stated, str) and stated else self.name


Steps = tuple[Step, ...]
Named = tuple[Steps, str, str, bool]
"""The path of a text, its name, the text, and whether it is an element of a list."""


def _any(_: str) -> bool:
    return True


def named_texts(
    value: Any, way: Steps = (), name: str = "", *, wanted: Callable[[str], bool] = _any
) -> Iterator[Named]:
    """Every text and whole number below `value` with the name that it goes by: its key; for an
    element of a list that of the list; for the ``value`` beside a ``name`` that name. Only those
    with a `wanted` name."""
    if value.__class__ is str:
        if wanted(name):
            yield way, name, value, False
        return
    stack: list[tuple[Any, str, Any]] = [(None, name, value)]
    while stack:
        trail, known, one = stack.pop()
        if one.__class__ is dict:
            for key, entry in one.items():
                kind = entry.__class__
                if kind is str or kind is int:
                    called = one.get("name") if key == "value" else key
                    if called.__class__ is not str:
                        called = str(key)
                    if wanted(called):
                        yield _steps(way, (trail, key)), called, str(entry), False
                elif kind is dict or kind is list:
                    stack.append(((trail, key), key, entry))
        elif one.__class__ is list:
            known = str(known)
            for index, entry in enumerate(one):
                kind = entry.__class__
                if kind is dict or kind is list:
                    stack.append(((trail, index), known, entry))
                elif kind is str and wanted(known):
                    yield _steps(way, (trail, index)), known, entry, True


def _steps(way: Steps, trail: Any) -> Steps:
    """The path that the links of a trail make, the last one first, below `way`."""
    steps: list[Step] = []
    while trail is not None:
        trail, step = trail
        steps.append(step)
    return (*way, *reversed(steps))


def may_hold_token(resource: Resource) -> bool:
    """Whether the text that the resource was read from may hold what `token_in` finds; True where
    the text is not at hand."""
    return _may(resource, TOKEN_HINT)


def may_name_secret(resource: Resource) -> bool:
    """Whether the text that the resource was read from may have a key with a secret name; True where
    the text is not at hand."""
    return _may(resource, NAME_HINT)


def _may(resource: Resource, hint: Any) -> bool:
    if resource.parent is not None and not resource.parent.raw.get("binaryData"):
        return _may(resource.parent, hint)
    search = getattr(resource.meta, "search", None)
    return search is None or bool(search(hint))


def terraform_texts(resource: Resource) -> Iterator[Named]:
    """The texts that a Terraform block itself holds, those of JSON documents in it included; what
    comes from a variable, a local or another block is that one's. Of an attribute that is known only
    in parts, its source."""
    block = getattr(resource.meta.twin.meta if getattr(resource.meta, "twin", None) else resource.meta, "block", None)
    source = block.file.text[block.start : block.end] if block is not None else ""
    for entry in named_texts(resource.raw):
        path, _, text, _ = entry
        document = _document(path, text) if text.lstrip()[:1] in ("[", "{") else ()
        if not source and TerraformResource(resource).references(*path):
            continue
        yield from (part for part in (*document, entry) if not source or _stands_in(source, part[2]))
    if block is not None:
        for name, attribute in block.attributes.items():
            if resource.raw.get(name).__class__ is Unknown:
                yield (name,), "", block.text(attribute.value), False


def _stands_in(source: str, text: str) -> bool:
    """Whether the text was written there: as it is, or line by line where indentation was taken off."""
    if "\n" not in text:
        return text in source or _escaped(text) in source
    return all(line.strip() in source for line in text.splitlines())


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _document(path: Steps, text: str) -> Iterator[Named]:
    from json import loads

    try:
        value = loads(text)
    except ValueError:
        return
    for _, name, inner, listed in named_texts(value):
        yield path, name, inner, listed
