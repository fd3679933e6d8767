"""Velero's objects: Schedules and Backups, what they take, and the commands around them; where they go."""

from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from conformant.model import ROOT, Path, Resource, Undecided, Unknown, dig, mapping, sequence
from conformant.views.base import Object, View
from conformant.views.selector import selects
from conformant.views.workload import Workload

PRE, POST = "pre", "post"
CLAIMS, VOLUMES, PODS, SECRETS = "persistentvolumeclaims", "persistentvolumes", "pods", "secrets"
OPTED_IN, OPTED_OUT = "backup.velero.io/backup-volumes", "backup.velero.io/backup-volumes-excludes"

_NAMES = {
    CLAIMS: (CLAIMS, "persistentvolumeclaim", "pvc"), VOLUMES: (VOLUMES, "persistentvolume", "pv"),
    PODS: (PODS, "pod", "po"), SECRETS: (SECRETS, "secret"),
}  # fmt: skip
_WILDCARDS = frozenset("*?[")
_HOOK = "hook.backup.velero.io"
_PREFIXES = ((PRE, "pre."), (PRE, ""), (POST, "post."))


class Filter:
    """What Velero's include and exclude lists leave over: of a backup, or of one of its hooks."""

    __slots__ = ("_included", "path", "raw")

    def __init__(self, raw: dict[Any, Any], path: Path) -> None:
        self.raw = raw
        self.path = path
        self._included: dict[str, bool] = {}

    def includes_namespace(self, name: str) -> bool:
        """Whether objects of a namespace may pass. Raises Undecided where the lists are not known."""
        known = self._included.get(name)
        if known is None:
            known = self._included[name] = self._includes(name)
        return known

    def _includes(self, name: str) -> bool:
        if _any_matches(self.raw, "excludedNamespaces", (name,)):
            return False
        return not _words(self.raw, "includedNamespaces") or _any_matches(self.raw, "includedNamespaces", (name,))

    def taken(self, names: Collection[str]) -> list[str]:
        """Those of some namespaces whose objects may pass."""
        words = self.named_namespaces
        plain = words and not any(map(is_pattern, words))
        candidates = dict.fromkeys(word for word in words if word in names) if plain else names
        return [name for name in candidates if self.includes_namespace(name)]

    @property
    def named_namespaces(self) -> list[str]:
        """The namespaces that are included by name or pattern; none where all are."""
        return _words(self.raw, "includedNamespaces")

    def shutting_out(self, resource: str) -> Path | None:
        """The list that keeps `resource` (a plural such as ``secrets``) out; None where it passes."""
        scope = "ClusterScoped" if resource == VOLUMES else "NamespaceScoped"
        for key in ("excludedResources", f"excluded{scope}Resources"):
            if _any_matches(self.raw, key, _NAMES[resource]):
                return self.path / key
        for key in ("includedResources", f"included{scope}Resources"):
            if _words(self.raw, key) and not _any_matches(self.raw, key, _NAMES[resource]):
                return self.path / key
        return None

    def admits(self, labels: Mapping[Any, Any]) -> bool:
        """Whether the label selectors let an object with these labels pass."""
        selector = dig(self.raw, "labelSelector")
        if selector is not None and not selects(selector, labels):
            return False
        alternatives = sequence(self.raw, "orLabelSelectors")
        return not alternatives or any(selects(each, labels) for each in alternatives)

    @property
    def selects_by_label(self) -> bool:
        return bool(dig(self.raw, "labelSelector") or sequence(self.raw, "orLabelSelectors"))


def _words(raw: dict[Any, Any], key: str) -> list[str]:
    found = sequence(raw, key)
    for item in found:
        if item.__class__ is Unknown:
            raise Undecided(item.reason)
    return [item for item in found if isinstance(item, str)]


def _any_matches(raw: dict[Any, Any], key: str, names: tuple[str, ...]) -> bool:
    if not raw.get(key):
        return False
    for word in _words(raw, key):
        if word.lower() in names:
            return True
        if is_pattern(word) and any(fnmatchcase(name, word.lower()) for name in names):
            return True
    return False


def is_pattern(word: str) -> bool:
    """Whether a name in a list has wildcards."""
    return not _WILDCARDS.isdisjoint(word)


class BackupSpec(Filter):
    """What a backup takes: the spec of a Backup, the template of a Schedule."""

    __slots__ = ()

    @property
    def hook_groups(self) -> "list[HookGroup]":
        at = self.path / "hooks" / "resources"
        declared = enumerate(sequence(self.raw, "hooks", "resources"))
        return [HookGroup(raw, at / index) for index, raw in declared if isinstance(raw, dict)]

    @property
    def location(self) -> str:
        """The name of the storage location; empty for the default one."""
        return str(dig(self.raw, "storageLocation") or "")


class HookGroup(Filter):
    """Commands for the pods that the filter selects."""

    __slots__ = ()

    @property
    def hooks(self) -> "list[Hook]":
        return [
            Hook(phase, mapping(item, "exec"), self.path / phase / index / "exec")
            for phase in (PRE, POST)
            for index, item in enumerate(sequence(self.raw, phase))
            if isinstance(item, dict)
        ]


class Hook:
    """A command in a pod, before it is backed up or after. `prefix` is what its keys start with
    where annotations of the pod declare it; None where a backup does."""

    __slots__ = ("path", "phase", "prefix", "raw")

    def __init__(self, phase: str, raw: dict[Any, Any], path: Path, prefix: str | None = None) -> None:
        self.phase = phase
        self.raw = raw
        self.path = path
        self.prefix = prefix

    def key(self, name: str) -> Path:
        """The path of ``command``, ``container``, ``onError`` or ``timeout``, set or not."""
        return self.path / self._key(name)

    def _key(self, name: str) -> str:
        if self.prefix is None:
            return name
        return f"{self.prefix}{_HOOK}/{'on-error' if name == 'onError' else name}"

    def _value(self, name: str) -> Any:
        return dig(self.raw, self._key(name))

    @property
    def command(self) -> list[str]:
        """The argument vector. Raises Undecided where a part of it is not known."""
        if self.prefix is None:
            return _words(self.raw, "command")
        return _from_annotation(self._value("command"))

    @property
    def script(self) -> Path:
        """The path of the longest argument, which is where a script stands."""
        command = self.command
        if self.prefix is not None or not command:
            return self.key("command")
        return self.key("command") / max(range(len(command)), key=lambda index: len(command[index]))

    @property
    def container(self) -> str:
        """The container; empty for the first one of the pod."""
        return str(self._value("container") or "")

    @property
    def timeout(self) -> Any:
        """The timeout as written; None where absent, which means 30 seconds."""
        return self._value("timeout")

    @property
    def goes_on_after_errors(self) -> bool:
        return bool(self._value("onError") == "Continue")


def _from_annotation(value: Any) -> list[str]:
    """A command in an annotation is a JSON list, else one word."""
    from json import loads

    if not isinstance(value, str):
        return []
    try:
        parsed = loads(value) if value.startswith("[") else None
    except ValueError:
        parsed = None
    return [str(word) for word in parsed] if isinstance(parsed, list) else [value]


def annotated_hooks(annotations: dict[Any, Any], at: Path) -> Iterator[Hook]:
    """The hooks that annotations, which stand at a path, declare."""
    if annotations:
        for phase, prefix in _PREFIXES:
            if annotations.get(f"{prefix}{_HOOK}/command") is not None:
                yield Hook(phase, annotations, at, prefix)


class Schedule(Object):
    """``velero.io`` Schedule: makes backups by the clock."""

    __slots__ = ("_template",)
    kinds: ClassVar[frozenset[str] | None] = frozenset({"velero.io/Schedule"})

    def __init__(self, resource: Resource) -> None:
        super().__init__(resource)
        self._template: BackupSpec | None = None

    @property
    def template(self) -> BackupSpec:
        """What the backups take."""
        if self._template is None:
            self._template = backup_spec(self.resource)
        return self._template

    @property
    def paused(self) -> bool:
        return self.get("spec", "paused") is True


class StorageLocation(Object):
    """``velero.io`` BackupStorageLocation: a bucket."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({"velero.io/BackupStorageLocation"})

    @property
    def provider(self) -> str:
        return str(self.get("spec", "provider") or "")

    @property
    def is_aws(self) -> bool:
        return self.provider in ("aws", "velero.io/aws")

    @property
    def bucket(self) -> str:
        return str(self.get("spec", "objectStorage", "bucket") or "")

    @property
    def prefix(self) -> str:
        return str(self.get("spec", "objectStorage", "prefix") or "").strip("/")

    def config(self, key: str) -> str:
        """A setting of the provider's plugin; empty where absent."""
        value = self.get("spec", "config", key)
        return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)

    @property
    def place(self) -> tuple[str, str, str]:
        """Bucket, prefix and the URL of a store of one's own."""
        return self.bucket, self.prefix, self.config("s3Url")

    @property
    def is_default(self) -> bool:
        return self.get("spec", "default") is True

    @property
    def is_read_only(self) -> bool:
        return bool(self.get("spec", "accessMode") == "ReadOnly")


class BackupObject(Object):
    """A Schedule or a Backup, or a BackupStorageLocation that takes what they save."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = frozenset({
        "velero.io/Schedule", "velero.io/Backup", "velero.io/BackupStorageLocation",
    })  # fmt: skip


class HookHolder(View):
    """What declares backup hooks: a Schedule, a Backup, or a pod template with annotations."""

    __slots__ = ()
    kinds: ClassVar[frozenset[str] | None] = (Workload.kinds or frozenset()) | {
        "velero.io/Schedule",
        "velero.io/Backup",
    }

    @property
    def spec(self) -> BackupSpec | None:
        """What the backup takes; None for a pod template."""
        return backup_spec(self.resource) if self.resource.group == "velero.io" else None


def backup_spec(resource: Resource) -> BackupSpec:
    """What a Schedule or a Backup takes."""
    at = Path(("spec", "template")) if resource.kind == "Schedule" else ROOT / "spec"
    return BackupSpec(mapping(resource.raw, *at), at)
