"""A Redis image is not one that the operator can drive, or can mean another image tomorrow.

What it checks: ``kubernetesConfig.image`` is the operator's own (opstree/redis, for sentinels opstree/redis-sentinel,
from wherever it is mirrored; the setting `images` names others that are built on it); its major version is the
RedisCluster's ``clusterVersion`` (v7 unless stated); it is pinned by digest, and names a registry that the profile
allows. Images whose name tells nothing are undecided.

Why it matters: The operator configures and probes Redis through the scripts of that image. A plain redis never
becomes a cluster: no configuration is written, and v0.14's probes call a script that is not there.

How to fix: quay.io/opstree/redis:v7.…@sha256:…

When it is fine: The operator's feature gate GenerateConfigInInitContainer is on: that is seen where the
input holds the operator, else say `any_image = true`.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from msgspec import Struct

from conformant.domain.stores import known, known_containers, known_list
from conformant.leaf import Item, aspects, check
from conformant.model import Cure, Finding, Path, Severity, Undecided
from conformant.platform import Platform
from conformant.profile import Profile
from conformant.regex import lazy
from conformant.views.image import Image, parse_image
from conformant.views.redis import Redis


class Images(Struct, frozen=True, forbid_unknown_fields=True):
    """`images` are patterns of image names, without tag, that are built on the operator's own; with `any_image`
    every image will do."""

    images: tuple[str, ...] = ()
    any_image: bool = False


IMAGE = Path(("spec", "kubernetesConfig", "image"))
FOREIGN = ("", "library", "bitnami", "bitnamilegacy", "redis", "valkey", "eqalpha", "dragonflydb", "apecloud")
"""Whose images of Redis are known not to be the operator's."""
NAMES = ("redis", "valkey", "redis-stack", "redis-stack-server", "redis-cluster", "keydb", "redis-sentinel")
PUBLIC = ("", "docker.io", "quay.io", "public.ecr.aws", "ghcr.io")
GATE = "GenerateConfigInInitContainer=true"
MAJOR = lazy(r"v?(\d+)(?:[.-]|$)")
OWN = Cure("quay.io/opstree/redis, pinned by digest", grade="none")
PINNED = Cure("pin the digest that was tested: name:tag@sha256:…", grade="none")


@check(
    id="RED-005",
    severity=Severity.HIGH,
    requirement="pinned-images",
    controls=["nist-800-53r5/CM-2", "nist-800-53r5/SI-7", "iso-27001-2022/A.8.19"],
)
def incompatible_redis_image(redis: Redis, platform: Platform, settings: Images = Images()) -> Iterator[Item]:
    image = redis.get(*IMAGE)
    if not isinstance(image, str) or not image:
        return
    if "${" in image or "$(" in image or "{{" in image:
        yield Undecided(f"the image is a template: {image}")
        return
    parsed = parse_image(image)
    driven, registry = _driven(image, parsed, settings, platform), _registry(image, parsed, platform.profile)
    yield from aspects([driven, _major(redis, parsed), _pinned(image, parsed), registry])


def _driven(image: str, parsed: Image, settings: Images, platform: Platform) -> Iterator[Item]:
    name = image.partition("@")[0].removesuffix(f":{parsed.tag}")
    if settings.any_image or _is_own(parsed) or platform.derived(_configures_any):
        return
    if any(fnmatchcase(name, pattern) for pattern in settings.images):
        return
    if _is_foreign(parsed):
        message = f"the operator cannot drive {image}: it configures and probes Redis by scripts of its own image"
        yield Finding(message, IMAGE, cure=OWN)
    else:
        yield Undecided(f"whether {name} is built on the operator's own image is not known (setting images)")


def _is_own(image: Image) -> bool:
    """Whether the operator's own project made it, wherever it is mirrored."""
    return image.repository.rpartition("/")[0].rpartition("/")[2] in ("opstree", "ot-container-kit")


def _is_foreign(image: Image) -> bool:
    owner, _, base = image.repository.rpartition("/")
    return owner in FOREIGN and base in NAMES and image.registry in PUBLIC


def _configures_any(platform: Platform) -> bool:
    """Whether the operator, where the input holds it, configures images that are not its own."""
    return any(
        known(entry, "name") == "FEATURE_GATES" and GATE in str(known(entry, "value"))
        for each in platform.workloads
        for container in known_containers(each)
        for entry in known_list(container.raw, "env")
    )


def _major(redis: Redis, parsed: Image) -> Iterator[Finding]:
    """Judged where the tag is a version of Redis: of the operator's own images and of Redis' own."""
    found = MAJOR.match(parsed.tag) if _is_own(parsed) or _is_foreign(parsed) else None
    wanted = str(redis.get("spec", "clusterVersion") or "v7")
    if not redis.clustered or found is None or int(found[1]) > 99:
        return
    if found[1] != wanted.lower().removeprefix("v").partition(".")[0]:
        message = f"the image is of Redis {found[1]}, and clusterVersion is {wanted}"
        yield Finding(message, IMAGE, cure=Cure(f"clusterVersion: v{found[1]}, or the other image", grade="none"))


def _pinned(image: str, parsed: Image) -> Iterator[Finding]:
    if not parsed.pinned:
        moves = parsed.moves
        what = f"tag {parsed.tag!r} {'moves' if moves else 'can be pushed again'}" if parsed.tag else "it has no tag"
        message = f"image {image} is not pinned by digest: {what}"
        yield Finding(message, IMAGE, Severity.HIGH if moves else Severity.MEDIUM, PINNED)


def _registry(image: str, parsed: Image, profile: Profile) -> Iterator[Finding]:
    severity = Severity.MEDIUM if profile.registries else Severity.LOW
    if not parsed.registry:
        yield Finding(f"image {image} names no registry", IMAGE, severity, OWN)
    elif profile.registries and not any(
        parsed.registry == entry or image.startswith(entry.rstrip("/") + "/") for entry in profile.registries
    ):
        message = f"image {image} is from {parsed.registry}, which is not allowed"
        yield Finding(message, IMAGE, severity, Cure("mirror it to an allowed registry", grade="none"))
