"""What all typed views share."""

from typing import Any, ClassVar

from conformant.model import Path, Resource, Step, Undecided, dig, mapping, sequence


class View:
    """A typed, read-only view over one resource.

    A check's first parameter names a view class; the engine hands it every resource that the
    class admits. `family` and `kinds` (``group/Kind`` for Kubernetes objects, plain kinds
    elsewhere) say which; `kinds` None admits the whole family.
    """

    __slots__ = ("raw", "resource")

    family: ClassVar[str] = "kubernetes"
    kinds: ClassVar[frozenset[str] | None] = frozenset()

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.raw: Any = resource.raw

    @property
    def name(self) -> str:
        return self.resource.name

    @property
    def namespace(self) -> str:
        """The effective namespace; empty for what has none."""
        return self.resource.namespace

    @property
    def kind(self) -> str:
        return self.resource.kind

    def get(self, *steps: Step) -> Any:
        """The value at `steps`, None where absent or null; raises Undecided on an Unknown."""
        return dig(self.raw, *steps)

    def map(self, *steps: Step) -> dict[Any, Any]:
        """The mapping at `steps`, else an empty one."""
        return mapping(self.raw, *steps)

    def list(self, *steps: Step) -> "list[Any]":
        """The list at `steps`, else an empty one."""
        return sequence(self.raw, *steps)

    def whole(self, *steps: Step) -> int | None:
        """The whole number at `steps`; None where absent or of another type. Raises Undecided on a text
        in its place, such as a placeholder."""
        value = dig(self.raw, *steps)
        if isinstance(value, str):
            raise Undecided(f"{Path(steps)} is {value!r}, which is no number")
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def path(self, *steps: Step) -> Path:
        return Path(steps)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.resource.address}>"


class Object(View):
    """Any Kubernetes object."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = None

    @property
    def api_version(self) -> str:
        return self.resource.api_version

    @property
    def labels(self) -> dict[Any, Any]:
        return self.map("metadata", "labels")

    @property
    def annotations(self) -> dict[Any, Any]:
        return self.map("metadata", "annotations")
