"""Container image references."""

from functools import lru_cache

from msgspec import Struct

MOVING = frozenset({"", "latest", "main", "master", "stable", "edge", "nightly", "dev"})
"""Tags that name no version."""


class Image(Struct, frozen=True):
    """The parts of a reference ``registry/repository:tag@digest``; absent parts are empty."""

    registry: str
    repository: str
    tag: str
    digest: str

    @property
    def base(self) -> str:
        """The last component of the repository: ``kong`` of ``docker.io/library/kong``."""
        return self.repository.rpartition("/")[2]

    @property
    def pinned(self) -> bool:
        return bool(self.digest)

    @property
    def moves(self) -> bool:
        """Whether the tag is one that is meant to be pushed again (``latest``, none at all …)."""
        return self.tag in MOVING


@lru_cache(4096)
def parse_image(reference: str) -> Image:
    """Split an image reference as container runtimes do: the first component is a registry if
    it has a dot or a colon or is ``localhost``; a colon after the last slash starts the tag."""
    rest, _, digest = reference.strip().partition("@")
    first, slash, remainder = rest.partition("/")
    registry = ""
    if slash and ("." in first or ":" in first or first == "localhost"):
        registry, rest = first, remainder
    head, colon, tag = rest.rpartition(":")
    if colon and "/" not in tag:
        return Image(registry, head, tag, digest)
    return Image(registry, rest, "", digest)
