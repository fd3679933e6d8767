"""PostgreSQL servers of a platform, and what their settings let in."""

from conformant.model import Undecided, dig
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.views.image import parse_image
from conformant.views.workload import Workload

_IMAGES = frozenset({"postgres", "postgresql", "postgis", "timescaledb", "pgvector", "postgresql-container"})
_MAJOR = lazy(r"(?:pg|v)?(\d{1,2})(?:[.\-_]|$)")


def server_version(platform: Platform) -> int | None:
    """The oldest major version among the servers of the platform: the one that the profile states,
    else those of operators' clusters and of images. None where none is known."""
    for name in ("postgresql", "postgres"):
        found = _major(platform.profile.versions.get(name))
        if found is not None:
            return found
    versions: set[int | None] = set()
    for resource in platform.kind("acid.zalan.do/postgresql"):
        versions.add(_major(_known(resource.raw, "spec", "postgresql", "version")))
    for resource in platform.kind("postgresql.cnpg.io/Cluster"):
        image = _known(resource.raw, "spec", "imageName")
        versions.add(_major(parse_image(image).tag) if isinstance(image, str) else None)
        versions.add(_major(_known(resource.raw, "spec", "imageCatalogRef", "major")))
    versions.update(_of_image(workload) for workload in platform.workloads)
    return min((version for version in versions if version is not None), default=None)


def _known(raw: object, *steps: str) -> object:
    try:
        return dig(raw, *steps)
    except Undecided:
        return None


def _major(stated: object) -> int | None:
    if isinstance(stated, int) and not isinstance(stated, bool):
        return stated
    match = _MAJOR.match(stated) if isinstance(stated, str) else None
    return int(match[1]) if match else None


def _of_image(workload: Workload) -> int | None:
    try:
        images = [parse_image(container.reference) for container in workload.all_containers]
    except Undecided:
        return None
    return next((_major(image.tag) for image in images if image.base in _IMAGES), None)
