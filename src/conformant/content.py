"""Finds the leaves and data that ship with conformant."""

from pathlib import Path


def content(name: str) -> Path:
    """The folder ``checks``, ``live``, ``reports`` or ``fixtures``: the wheel's copy, else the checkout's."""
    package = Path(__file__).parent
    packed = package / "_content" / name
    return packed if packed.is_dir() else package.parent.parent / name
