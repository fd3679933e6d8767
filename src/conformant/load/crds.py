"""Custom resource definitions given with ``--crds``."""

from collections.abc import Sequence
from typing import Any


def definitions(paths: Sequence[str]) -> list[dict[Any, Any]]:
    """The CRDs in these files and folders. Raises `files.NoSuchInput` for a missing path, `files.BadFile`."""
    if not paths:
        return []
    from conformant.load.files import BadFile, find
    from conformant.load.manifests import parse
    from conformant.load.yaml import Unreadable, decode

    found: list[dict[Any, Any]] = []
    inputs, unread = find(paths)
    for fault in unread:
        if fault.status == "unreadable":
            raise BadFile(f"{fault.file}: {fault.reason}")
    for entry in inputs:
        if entry.kind in ("yaml", "json"):
            try:
                objects, faults, _ = parse(entry.path, decode(entry.data or b""))
            except Unreadable as error:
                raise BadFile(f"{entry.path}:{error.line}:{error.column}: {error.reason}") from None
            for each in faults:
                if each.kind == "syntax":
                    raise BadFile(f"{each.place}: {each.message}")
            found.extend(item.raw for item in objects if item.raw["kind"] == "CustomResourceDefinition")
    return found
