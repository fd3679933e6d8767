"""External secrets, Secrets as they stand in files, and the named texts of whatever may carry one."""

from collections.abc import Iterator
from typing import Any, ClassVar

from conformant.model import Path, Step, Undecided, Unknown, mapping, sequence
from conformant.views.base import Object

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


Named = tuple[tuple[Step, ...], str, str, bool]
"""The path of a text, its name, the text, and whether it is an element of a list."""


def named_texts(value: Any, way: tuple[Step, ...] = (), name: str = "") -> Iterator[Named]:
    """Every text and whole number below `value` with the name that it goes by: its key; for an
    element of a list that of the list; for the ``value`` beside a ``name`` that name."""
    stack: list[tuple[tuple[Step, ...], str, Any]] = [(way, name, value)]
    while stack:
        where, known, one = stack.pop()
        if one.__class__ is dict:
            pair = one.get("name") if "value" in one else None
            for key, entry in one.items():
                kind = entry.__class__
                if kind is str or kind is int:
                    called = pair if key == "value" and pair.__class__ is str else str(key)
                    yield (*where, key), called, entry if kind is str else str(entry), False
                elif kind is dict or kind is list:
                    stack.append(((*where, key), str(key), entry))
        elif one.__class__ is list:
            for index, entry in enumerate(one):
                kind = entry.__class__
                if kind is str:
                    yield (*where, index), known, entry, True
                elif kind is dict or kind is list:
                    stack.append(((*where, index), known, entry))
        elif one.__class__ is str:
            yield where, known, one, False
