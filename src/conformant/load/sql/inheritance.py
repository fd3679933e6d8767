"""What tables have from the tables above them: partitions and INHERITS."""

from collections.abc import Iterable

from conformant.load.sql.catalog import Catalog, Entry, Name, Table


def _parents(catalog: Catalog, table: Table) -> list[Table]:
    names = [table.facts.get("partition_of"), *table.facts.get("inherits", [])]
    found = (catalog.relations.get(name) for name in names if name)
    return [parent for parent in found if isinstance(parent, Table) and parent is not table]


def _partitioned(catalog: Catalog, table: Table) -> list[Table]:
    """The partitioned tables above a partition, whose keys and indexes it shares."""
    found: list[Table] = []
    name = table.facts.get("partition_of")
    while name:
        parent = catalog.relations.get(name)
        if not isinstance(parent, Table) or parent in found:
            break
        found.append(parent)
        name = parent.facts.get("partition_of")
    return found


def all_columns(catalog: Catalog, table: Table, above: tuple[Name, ...] = ()) -> list[Entry]:
    """A table's columns, first those of its parents, which are placed at the table."""
    found: dict[str, Entry] = {}
    for parent in _parents(catalog, table):
        if parent.key not in above:
            for entry in all_columns(catalog, parent, (*above, table.key)):
                found.setdefault(entry.raw["name"], Entry({**entry.raw, "inherited": True}, table.mark))
    for entry in table.columns:
        found[entry.raw["name"]] = entry
    return list(found.values())


def all_constraints(catalog: Catalog, table: Table) -> list[Entry]:
    """A table's constraints and those that it shares as a partition."""
    return _with_shared(table, table.constraints, (p.constraints for p in _partitioned(catalog, table)))


def all_indexes(catalog: Catalog, table: Table) -> list[Entry]:
    """A table's indexes and those that it shares as a partition."""
    return _with_shared(table, table.indexes, (p.indexes for p in _partitioned(catalog, table)))


def _with_shared(table: Table, own: list[Entry], above: Iterable[list[Entry]]) -> list[Entry]:
    """Own entries, and those of the tables above that are not the same but for their names."""
    bodies = [{**entry.raw, "name": ""} for entry in own]
    shared = (entry for entries in above for entry in entries if {**entry.raw, "name": ""} not in bodies)
    return [*own, *(Entry(entry.raw, table.mark) for entry in shared)]


def settle(catalog: Catalog, table: Table) -> None:
    """Make what a table has from its parents its own: it is about to lose one."""
    columns = all_columns(catalog, table)
    for entry in columns:
        entry.raw.pop("inherited", None)
    constraints = [Entry({**entry.raw}, entry.mark, entry.parts) for entry in all_constraints(catalog, table)]
    indexes = [Entry({**entry.raw}, entry.mark) for entry in all_indexes(catalog, table)]
    table.columns, table.constraints, table.indexes = columns, constraints, indexes
