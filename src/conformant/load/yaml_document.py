"""What reading YAML yields: documents with their faults; and bytes into text."""

from typing import Any

from msgspec import Struct

from conformant.model import Path


class Unreadable(Exception):
    """Bytes that are no text: why, and the line and column of the first bad byte."""

    def __init__(self, reason: str, line: int, column: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column


class Duplicate(Struct, frozen=True):
    """A key given twice. `path` leads to the mapping (None where it cannot be told); line and
    column are those of the later key, which wins."""

    path: Path | None
    key: str
    line: int
    column: int


class Document(Struct):
    """One document of a text: the plain values in `raw`, or why there are none.

    `start` and `end` are offsets into the text, `line` is the line of `start`; all lines and
    columns count from 1 and are relative to the text. `template` is the line of the marker that
    keeps a document from being evaluated. `irregular` tells `YamlLocator` that anchors, tags or
    loose indentation rule out finding places by indentation.
    """

    raw: Any
    start: int
    end: int
    line: int
    duplicates: list[Duplicate] = []
    error: str = ""
    error_line: int = 0
    error_column: int = 0
    template: int = 0
    irregular: bool = False


def decode(data: bytes) -> str:
    """Text of a file: UTF-8, or UTF-16 where a byte order mark says so. Raises `Unreadable`."""
    encoding = "utf-8-sig"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif (zero := data.find(b"\0")) >= 0:
        raise Unreadable("binary file", *_position(data, zero))
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        name = "UTF-8" if encoding == "utf-8-sig" else "UTF-16"
        before = data[: error.start].decode(encoding, "replace").encode()
        raise Unreadable(f"not {name}: {error.reason}", *_position(before, len(before)))
    if encoding == "utf-16" and "\0" in text:
        raise Unreadable("binary file", *_position(text.encode(), text.encode().find(b"\0")))
    return text


def _position(data: bytes, offset: int) -> tuple[int, int]:
    line_start = data.rfind(b"\n", 0, offset) + 1
    return data.count(b"\n", 0, offset) + 1, len(data[line_start:offset].decode("utf-8", "replace")) + 1
