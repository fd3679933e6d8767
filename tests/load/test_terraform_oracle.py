"""Our reading of HCL against an independent one, python-hcl2."""

from pathlib import Path as FilePath
from typing import Any

import pytest

from conformant.load.terraform.parser import parse
from conformant.load.terraform.syntax import Block, Entries, Items, Literal, Node, SourceFile

hcl2 = pytest.importorskip("hcl2")

FIXTURES = FilePath(__file__).parents[2] / "fixtures"
OWN = sorted((FilePath(__file__).parent / "terraform_plan").rglob("*.tf"))
READABLE = (path for path in FIXTURES.rglob("*.tf") if "unreadable_input" not in path.parts)
FILES = [*OWN, *sorted(READABLE, key=lambda path: (path.stat().st_size, path))[:40]]


def ours(block: Block) -> dict[str, Any]:
    """What a body holds: constants as they are, other expressions as a mark, blocks as lists."""
    found: dict[str, Any] = {name: plain(attribute.value) for name, attribute in block.attributes.items()}
    for nested in block.blocks:
        inner: Any = ours(nested)
        for label in reversed(nested.labels):
            inner = {label: inner}
        found.setdefault(nested.type, []).append(inner)
    return found


def plain(node: Node) -> Any:
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Items):
        return [plain(item) for item in node.items]
    if isinstance(node, Entries):
        return {key.value if isinstance(key, Literal) else "…": plain(value) for key, value, _ in node.entries}
    return "…"


def agree(mine: Any, theirs: Any) -> bool:
    if mine == "…":
        return isinstance(theirs, str)
    if isinstance(mine, dict) and isinstance(theirs, dict):
        if "…" in mine:
            return len(mine) <= len(theirs)
        return mine.keys() == theirs.keys() and all(agree(mine[key], theirs[key]) for key in mine)
    if isinstance(mine, list) and isinstance(theirs, list):
        return len(mine) == len(theirs) and all(map(agree, mine, theirs))
    if isinstance(mine, str) and ("\n" in mine or "\\" in mine or '"' in mine or "${" in mine):
        return isinstance(theirs, str)  # python-hcl2 leaves heredocs and escapes as they are written
    return bool(mine == theirs)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_both_find_the_same_blocks_and_constants(path: FilePath) -> None:
    text = path.read_text()
    options = hcl2.SerializationOptions(strip_string_quotes=True, explicit_blocks=False, with_comments=False)
    theirs = hcl2.loads(text, serialization_options=options)
    assert agree(ours(parse(SourceFile(path.name, text))), theirs)
