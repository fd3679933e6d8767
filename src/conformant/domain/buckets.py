"""S3 buckets with everything that sets them up, and what they are for."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from conformant.domain.terraform_links import TerraformIndex
from conformant.platform import Platform
from conformant.regex import lazy
from conformant.views.terraform import TerraformResource

BACKUP_WORDS = ("backup", "velero", "wal", "snapshot", "archive", "tfstate")

_LOG_SOURCES = (
    ("aws_s3_bucket_logging", "target_bucket"), ("aws_s3_bucket", "logging.target_bucket"),
    ("aws_lb", "access_logs.bucket"), ("aws_lb", "connection_logs.bucket"), ("aws_elb", "access_logs.bucket"),
    ("aws_cloudtrail", "s3_bucket_name"), ("aws_flow_log", "log_destination"),
    ("aws_cloudfront_distribution", "logging_config.bucket"), ("aws_config_delivery_channel", "s3_bucket_name"),
    ("aws_wafv2_web_acl_logging_configuration", "log_destination_configs"),
)  # fmt: skip
_PURPOSE_TAGS = frozenset({"name", "purpose", "role", "use", "usage", "component", "content"})
_BACKUP_STORES = (
    ("velero.io/BackupStorageLocation", ("spec", "objectStorage", "bucket")),
    ("barmancloud.cnpg.io/ObjectStore", ("spec", "configuration", "destinationPath")),
    ("postgresql.cnpg.io/Cluster", ("spec", "backup", "barmanObjectStore", "destinationPath")),
)
_WORD = lazy("[a-z]+")


class Buckets:
    """All buckets of one run: ``platform.derived(Buckets)``."""

    def __init__(self, platform: Platform) -> None:
        self.index = platform.derived(TerraformIndex)
        self.backup_stores = frozenset(_backup_stores(platform))

    def bucket(self, view: TerraformResource) -> "Bucket":
        """The bucket that an ``aws_s3_bucket`` declares."""
        return Bucket(view, self)

    def owner(self, setting: TerraformResource) -> TerraformResource | None:
        """The bucket that an ``aws_s3_bucket_…`` resource sets up; None when it is not known here."""
        return self.index.owner(setting, "aws_s3_bucket", "bucket")


class Bucket:
    """One bucket."""

    def __init__(self, view: TerraformResource, buckets: Buckets) -> None:
        self.view = view
        self._buckets = buckets
        self._index = buckets.index

    def settings(self, type: str) -> list[TerraformResource]:
        """The resources of a type that set up this bucket."""
        return self._index.settings(self.view, type, "bucket")

    @property
    def hidden_in(self) -> str:
        """The address of the call of an unread module that may set up this bucket; empty if there is none."""
        call = self._index.passed_to(self.view, "s3", "bucket")
        return call.address if call is not None else ""

    @cached_property
    def receives_logs(self) -> bool:
        """Whether a service writes its access or audit logs here."""
        if self.view.raw.get("acl").__class__ is str and self.view.raw["acl"] == "log-delivery-write":
            return True
        if any(_known(each.raw.get("acl")) == "log-delivery-write" for each in self.settings("aws_s3_bucket_acl")):
            return True
        return any(self._index.settings(self.view, type, attribute) for type, attribute in _LOG_SOURCES)

    def keeps_backups(self, words: Sequence[str] = BACKUP_WORDS) -> bool:
        """Whether backups or Terraform state stand here: by a word of its name or purpose, or because a backup
        tool of the platform writes here. A bucket that receives logs is none."""
        if self.receives_logs:
            return False
        if _known(self.view.raw.get("bucket")) in self._buckets.backup_stores:
            return True
        named = [_known(self.view.raw.get(key)) for key in ("bucket", "bucket_prefix")]
        purposes = [value for key, value in self._tags if key in _PURPOSE_TAGS]
        wanted = {form for word in words for form in (word, f"{word}s")}
        return any(wanted & set(_WORD.findall(text.lower())) for text in (*named, self.view.name, *purposes))

    def is_tagged(self, keys: Sequence[str], values: Sequence[str]) -> bool:
        """Whether one of the tags `keys` has one of `values`; case does not matter."""
        return any(key in keys and value.lower() in values for key, value in self._tags)

    @cached_property
    def _tags(self) -> list[tuple[str, str]]:
        tags = self.view.raw.get("tags")
        if tags.__class__ is not dict:
            return []
        return [(str(key).lower(), _known(value)) for key, value in tags.items() if key.__class__ is str]


def _backup_stores(platform: Platform) -> Iterator[str]:
    for kind, steps in _BACKUP_STORES:
        for resource in platform.kind(kind):
            *way, last = steps
            holder: Any = resource.raw
            for step in way:
                holder = holder.get(step) if holder.__class__ is dict else None
            stated = _known(holder.get(last)) if holder.__class__ is dict else ""
            name = stated.removeprefix("s3://").partition("/")[0]
            if name:
                yield name


def _known(value: Any) -> str:
    return value if value.__class__ is str else ""
