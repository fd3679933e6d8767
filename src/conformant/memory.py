"""Remembers of each file what it held and what the local checks said of it: one changed file costs
that file, and the checks that look across resources.

Only plain files of manifests are remembered: what is rendered, templated or faulty is read again, and
so is what holds secrets, which are not to be copied anywhere.
"""

import os
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from conformant.keeping import KeptResult, keep, restore
from conformant.load.yaml_document import Document
from conformant.model import Resource, Result

SECRETS = "secret-literal"
"""The requirement of the checks that find secrets in the open."""

Outcomes = dict[str, list[KeptResult]]
"""What local checks said of one resource, by check id: nothing where it does not apply to them. A
check that is not named passed."""


class _Known(msgspec.Struct, array_like=True):
    documents: list[Document]
    outcomes: list[Outcomes]


class _File(msgspec.Struct, array_like=True):
    digest: bytes
    known: msgspec.Raw


class _Files(msgspec.Struct, array_like=True):
    key: bytes
    files: dict[str, _File]


class _Fresh(msgspec.Struct):
    digest: bytes
    documents: list[Document]
    resources: list[Resource] = []


class Memory:
    """What one run knows of the files of the run before, and notes for the next."""

    def __init__(self, file: Path, key: bytes) -> None:
        """`file` holds the memory, of which nothing is used unless it was kept under the same `key`."""
        self._file = file
        self._key = key
        self._before = self._read()
        self._after: dict[str, _File] = {}
        self._fresh: dict[str, _Fresh] = {}
        self._pending: dict[str, list[Outcomes]] = {}
        self._known: dict[int, dict[str, list[Result]]] = {}
        self._noted: dict[int, Outcomes] = {}
        self._secret: set[int] = set()

    def _read(self) -> dict[str, _File]:
        try:
            kept = msgspec.msgpack.decode(self._file.read_bytes(), type=_Files)
        except (OSError, msgspec.DecodeError):
            return {}
        return kept.files if kept.key == self._key else {}

    # while files are read

    def recall(self, path: str, data: bytes) -> list[Document] | None:
        """The documents of a file that has not changed."""
        entry = self._before.get(path)
        if entry is None or entry.digest != _digest(data):
            return None
        try:
            known = msgspec.msgpack.decode(entry.known, type=_Known)
        except msgspec.DecodeError:
            return None
        self._after[path] = entry
        self._pending[path] = known.outcomes
        return known.documents

    def learn(self, path: str, data: bytes, documents: list[Document]) -> None:
        """Take note of what a file held, where that is plain and holds no Secret."""
        if not any(one.error or one.template or one.duplicates or _may_be_secret(one.raw) for one in documents):
            self._fresh[path] = _Fresh(_digest(data), documents)

    def bind(self, path: str, resource: Resource) -> None:
        """Say that the next object of a file became this resource."""
        outcomes = self._pending.get(path)
        if outcomes:
            told = outcomes.pop(0)
            self._known[id(resource)] = {
                check: [restore(one, [resource]) for one in results] for check, results in told.items()
            }
        elif path in self._fresh:
            self._fresh[path].resources.append(resource)

    # while checks are evaluated

    def known(self, resource: Resource) -> Mapping[str, list[Result]] | None:
        """What local checks said of a resource of an unchanged file; None for any other."""
        return self._known.get(id(resource))

    def note(self, resource: Resource, check: str, results: list[Result]) -> None:
        """Take note of what a local check said, other than that the resource passes."""
        if any(one.requirement == SECRETS and one.findings for one in results):
            self._secret.add(id(resource))
        self._noted.setdefault(id(resource), {})[check] = [keep(one, _one_only) for one in results]

    # at the end

    def save(self) -> None:
        """Write down what is known now. Says nothing when it cannot: the next run is slower, that is all."""
        if not self._fresh and self._after.keys() == self._before.keys():
            return
        encoder = msgspec.msgpack.Encoder()
        for path, fresh in self._fresh.items():
            if any(id(resource) in self._secret for resource in fresh.resources):
                continue
            outcomes = [self._noted.get(id(resource), {}) for resource in fresh.resources]
            try:
                known = encoder.encode(_Known(fresh.documents, outcomes))
            except (TypeError, OverflowError, ValueError):  # a value that msgpack has no form for
                continue
            self._after[path] = _File(fresh.digest, msgspec.Raw(known))
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            new = self._file.with_suffix(f".{os.getpid()}")
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
                stream.write(encoder.encode(_Files(self._key, self._after)))
            new.replace(self._file)
        except OSError:
            return


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()


def _may_be_secret(raw: Any) -> bool:
    kind = raw.get("kind") if raw.__class__ is dict else None
    return kind == "Secret" or (isinstance(kind, str) and kind.endswith("List"))


def _one_only(_: Resource) -> int:
    """The number of the one resource that a local check speaks of."""
    return 0
