"""Input files as such: whether their text could be read."""

from typing import Any, ClassVar

from conformant.model import Path
from conformant.views.base import View


class SourceFile(View):
    """One input file. `raw["faults"]` lists what stood in the way of reading it, each with a
    ``kind`` (``duplicate``, ``syntax``, ``template``) and a ``message``."""

    __slots__ = ()
    family: ClassVar[str] = "source"
    kinds: ClassVar[frozenset[str] | None] = frozenset({"File"})

    @property
    def faults(self) -> list[tuple[Path, dict[str, Any]]]:
        """(path, fault), in the order of the text."""
        return [(Path(("faults", index)), fault) for index, fault in enumerate(self.raw["faults"])]


class EnvFile(View):
    """A ``.env`` file, or another text file that may carry credentials; `raw` maps names to values."""

    __slots__ = ()
    family: ClassVar[str] = "source"
    kinds: ClassVar[frozenset[str] | None] = frozenset({"EnvFile", "TextFile"})
