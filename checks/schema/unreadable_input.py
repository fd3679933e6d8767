"""An input file cannot be read as it stands.

What it checks: Every YAML, JSON, HCL and SQL text parses, fenced blocks of documents and texts embedded in
ConfigMaps included, and no mapping gives one key twice. A Go template that was not rendered is no fault,
yet nothing in it is verified: such a file stays undecided. A document that is no Kubernetes object may
say what it likes.

Why it matters: What cannot be parsed cannot be applied, and no other check sees it. Of a key that is given
twice the last one counts, whatever a reader took from the first.

How to fix: Mend the text at the place that is named, keep one of the two keys, or give the template its
values with --values.

When it is fine: Files that are broken on purpose, such as test data; leave them out with `exclude`.
"""

from collections.abc import Iterator

from conformant.leaf import Item, check
from conformant.model import Cure, Finding, Severity, Undecided
from conformant.views.source import SourceFile

ONE_KEY = Cure("keep one of the two", grade="none")


@check(
    id="SCH-001",
    severity=Severity.MEDIUM,
    controls=["nist-800-53r5/CM-6", "nist-800-53r5/SI-10", "soc2/CC8.1", "iso-27001-2022/A.8.9"],
)
def unreadable_input(source: SourceFile) -> Iterator[Item]:
    for path, fault in source.faults:
        kind, message = fault["kind"], fault["message"]
        if kind == "template":
            yield Undecided(f"{source.resource.locator.place(path)}: {message}")
        elif kind == "duplicate":
            yield Finding(f"{message}: the last one counts, as kubectl reads it", path, cure=ONE_KEY)
        else:
            yield Finding(f"cannot be read: {message}", path)
