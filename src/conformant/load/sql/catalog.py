"""The state of a database while statements are applied to it: PostgreSQL's catalogue in small."""

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from conformant.load.sql.grammar import Node, Statement, opening_words
from conformant.load.sql.source import Mark

Name = tuple[str, str]
"""Schema and name."""


class Entry(Struct, eq=False):
    """A part of an object: a column, a constraint, a policy, a grant. `raw` is what the resource
    will show; `parts` marks the keys of it that have places of their own; `trees` are the syntax
    trees of its expressions where later statements may change one of several."""

    raw: dict[str, Any]
    mark: Mark
    parts: dict[str, Mark] = {}
    trees: dict[str, Node] = {}


class Thing(Struct, eq=False, kw_only=True):
    """An object of the database. `facts` become keys of the resource, `marks` their places."""

    schema: str
    name: str
    mark: Mark
    facts: dict[str, Any] = {}
    marks: dict[str, Mark] = {}
    grants: list[Entry] = []
    revokes: list[Entry] = []

    def set(self, key: str, value: Any, mark: Mark) -> None:
        self.facts[key] = value
        self.marks[key] = mark

    @property
    def key(self) -> Name:
        return self.schema, self.name


class Table(Thing, eq=False, kw_only=True):
    """`columns`, `constraints` and so on in the order of their creation."""

    columns: list[Entry] = []
    constraints: list[Entry] = []
    indexes: list[Entry] = []
    policies: list[Entry] = []
    triggers: list[Entry] = []

    def column(self, name: str) -> Entry | None:
        return next((entry for entry in self.columns if entry.raw["name"] == name), None)


class View(Thing, eq=False, kw_only=True):
    """`reads` are the relations of its query."""

    reads: list[Name] = []


class Routine(Thing, eq=False, kw_only=True):
    """A function or procedure; `arguments` its input types, `body` its text or "", `effects` what
    of the schema it may change when it runs (topics, see `routines`)."""

    arguments: list[str] = []
    body: str = ""
    effects: list[str] = []
    dynamic: list[Entry] = []


class Schema(Thing, eq=False, kw_only=True):
    pass


class Role(Thing, eq=False, kw_only=True):
    pass


class Database(Thing, eq=False, kw_only=True):
    """Facts of the database as a whole. `elsewhere` are grants on what has no resource, `jobs` what is
    run by a schedule inside the database."""

    extensions: list[Entry] = []
    defaults: list[Entry] = []
    unmodelled: list[Entry] = []
    elsewhere: list[Entry] = []
    jobs: list[Entry] = []
    settings: dict[str, str] = {}


class Catalog:
    """All objects by name, and the session that creates them."""

    def __init__(self, mark: Mark) -> None:
        self.relations: dict[Name, Table | View] = {}
        self.overloads: dict[str, list[Routine]] = {}
        self.schemas: dict[str, Schema] = {}
        self.roles: dict[str, Role] = {}
        self.database = Database(schema="", name="", mark=mark)
        self.statements = 0
        self.cleared: set[Name] = set()
        """Relations that a statement drops if they are there."""
        self.new_session()

    def new_session(self) -> None:
        """A new file: the search path and the role are the initial ones again."""
        self.search_path = ["public"]
        self.role: str | None = None

    # names

    @property
    def creation_schema(self) -> str:
        return self.search_path[0] if self.search_path else "public"

    def created(self, node: Node) -> Name:
        """Where a statement that creates this RangeVar puts it."""
        return node.get("schemaname") or self.creation_schema, node["relname"]

    def resolve(self, schema: str, name: str) -> Name:
        """The relation that a name means: by the search path, else where it would be created."""
        if schema:
            return schema, name
        for candidate in self.search_path:
            if (candidate, name) in self.relations:
                return candidate, name
        return self.creation_schema, name

    def relation(self, node: Node) -> Table | View | None:
        return self.relations.get(self.resolve(node.get("schemaname", ""), node["relname"]))

    def table(self, node: Node) -> Table | None:
        found = self.relation(node)
        return found if isinstance(found, Table) else None

    def relation_named(self, names: list[str]) -> Table | View | None:
        """The relation of a dotted name."""
        return self.relations.get(self.resolve(names[-2] if len(names) > 1 else "", names[-1]))

    def tables(self) -> Iterator[Table]:
        return (relation for relation in self.relations.values() if isinstance(relation, Table))

    def schema(self, name: str, mark: Mark) -> Schema:
        """The schema of this name, taken to exist if no statement created it."""
        if name not in self.schemas:
            self.schemas[name] = Schema(schema="", name=name, mark=mark, facts={"declared": False})
        return self.schemas[name]

    def routine(self, names: list[str], arguments: list[str] | None) -> list[Routine]:
        """The routines of a dotted name, with these argument types if any are given."""
        schemas = [names[-2]] if len(names) > 1 else [*self.search_path, "public"]
        found = [
            routine
            for routine in self.overloads.get(names[-1], ())
            if arguments is None or routine.arguments == arguments
        ]
        for schema in schemas:
            matching = [routine for routine in found if routine.schema == schema]
            if matching:
                return matching
        return []

    def routines(self) -> Iterator[Routine]:
        return (routine for same in self.overloads.values() for routine in same)

    def add_routine(self, routine: Routine) -> None:
        self.overloads.setdefault(routine.name, []).append(routine)

    def drop_routines(self, gone: Iterable[Routine]) -> None:
        for routine in list(gone):
            self.overloads[routine.name].remove(routine)

    def role_named(self, name: str, mark: Mark) -> Role:
        """The role of this name, taken to exist if no statement created it."""
        if name not in self.roles:
            self.roles[name] = Role(schema="", name=name, mark=mark, facts={"declared": False})
        return self.roles[name]

    def role_name(self, node: Node) -> str:
        """The name that a RoleSpec stands for: ``PUBLIC``, or ``CURRENT_USER`` where unknown."""
        kind = node.get("roletype", "ROLESPEC_CSTRING")
        if kind == "ROLESPEC_CSTRING":
            return str(node["rolename"])
        return "PUBLIC" if kind == "ROLESPEC_PUBLIC" else self.role or "CURRENT_USER"

    # what has no model

    def unmodelled(self, kind: str, statement: Statement, reason: str, topics: list[str], body: str = "") -> None:
        """Remember a statement whose effect is not followed. `body` is where table names are
        looked for when all statements have been read."""
        raw = {
            "kind": kind,
            "reason": reason,
            "text_start": opening_words(statement.source, statement.start, statement.end),
            "topics": topics,
            "tables": [],
            "body": body,
        }
        self.database.unmodelled.append(Entry(raw, mark(statement)))


def mark(statement: Statement, offset: int | None = None) -> Mark:
    """A position in a statement, by default its beginning."""
    return Mark(statement.source, statement.start if offset is None or offset < 0 else offset)
