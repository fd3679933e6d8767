"""PostgreSQL DDL: the state of a database after all statements of its files, as resources.

Resources have family ``sql`` and the kinds Database (one per call), Schema, Table, View, Function
and Role; `conformant.views.sql` tells what their `raw` holds. What cannot be followed (DO blocks
that decide while they run, psql commands, statements with errors) stands in the Database's
``unmodelled``, with what it may be about.
"""

from collections.abc import Sequence

from conformant.load.sql.catalog import Catalog
from conformant.load.sql.grammar import Fault, Statement, dialect, parse
from conformant.load.sql.migrations import ddl_sets, named_for, without_down_part
from conformant.load.sql.source import Mark, Source, SqlText
from conformant.load.sql.state import resources
from conformant.load.sql.statements import apply, apply_fault
from conformant.model import FileCoverage, Resource

__all__ = ["SqlText", "ddl_sets", "load"]


def load(texts: Sequence[SqlText], source: str = "sql") -> tuple[list[Resource], list[FileCoverage]]:
    """The resources of one database, from its DDL in the order in which it is applied.

    Nothing is raised for bad SQL. Coverage is one entry per text: ``read``; ``partial`` when some
    statements could not be read (`reason` and `place` tell of the first), the others being loaded;
    ``unreadable`` or ``template`` when none could; ``skipped`` without statements, or for the SQL of
    another database.
    """
    if not texts:
        return [], []
    read = [(Source(without_down_part(text)), text.file) for text in texts]
    found = [parse(text) for text, _ in read]
    others = [
        named_for(text.file) or dialect(item for item in items if isinstance(item, Fault) and item.kind == "syntax")
        for (text, _), items in zip(read, found, strict=True)
    ]
    ours = [text for (text, _), other in zip(read, others, strict=True) if not other]
    catalog = Catalog(Mark(ours[0] if ours else read[0][0], 0))
    coverage: list[FileCoverage] = []
    for (text, _), items, other in zip(read, found, others, strict=True):
        if not other:
            catalog.new_session()
            for item in items:
                if isinstance(item, Statement):
                    apply(catalog, item)
                else:
                    apply_fault(catalog, item)
        coverage.append(_coverage(text, items, other))
    made = resources(catalog, source) if catalog.statements or catalog.database.unmodelled else []
    places = [resource.locator.place(()) for resource in made]
    for entry, (text, file) in zip(coverage, read, strict=True):
        last = text.first_line + text.data.count(b"\n")
        entry.resources = sum(p.file == file and text.first_line <= p.line <= last for p in places)
    return made, coverage


def _coverage(text: Source, found: Sequence[Statement | Fault], foreign: str) -> FileCoverage:
    if foreign:
        return FileCoverage(text.file, "skipped", reason=f"written for {foreign}: only PostgreSQL is read")
    faults = [item for item in found if isinstance(item, Fault) and item.kind in ("syntax", "template")]
    good = len(found) - len(faults)
    if not faults:
        return FileCoverage(text.file, "read" if good else "skipped", reason="" if good else "no statement in it")
    syntax = next((fault for fault in faults if fault.kind == "syntax"), None)
    worst = syntax or faults[0]
    more = f" (and {len(faults) - 1} more statements)" if len(faults) > 1 else ""
    status = "partial" if good else "unreadable" if syntax else "template"
    return FileCoverage(text.file, status, 0, worst.reason + more, text.place(worst.at))
