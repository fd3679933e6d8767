"""Custom resource definitions given with ``--crds``."""

from collections.abc import Sequence
from typing import Any


def definitions(paths: Sequence[str]) -> list[dict[Any, Any]]:
    """The CRDs in these files and folders. Raises `files.NoSuchInput` for a missing path."""
    if not paths:
        return []
    from conformant.load.files import find
    from conformant.load.manifests import parse
    from conformant.load.yaml import decode

    found: list[dict[Any, Any]] = []
    inputs, _ = find(paths)
    for entry in inputs:
        if entry.kind in ("yaml", "json"):
            objects, _, _ = parse(entry.path, decode(entry.data or b""))
            found.extend(item.raw for item in objects if item.raw["kind"] == "CustomResourceDefinition")
    return found
