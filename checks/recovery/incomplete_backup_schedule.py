"""A backup schedule leaves something out, or does not run.

What it checks: A Velero Schedule has a cron expression that Velero accepts, with no longer gap than the
recovery point objective; is not paused; keeps backups long enough; takes every namespace that holds stores,
with Secrets, claims and volumes; moves the volumes' data out of the region, as files or by moving snapshots,
unless the snapshot location does. It is in Velero's own namespace, has one kind of label selector, leaves
cluster-wide objects in, keeps its backups when it is deleted itself, and uses no field that Velero ignores.

Why it matters: What the schedule leaves out is missed on the day it is needed. Snapshots in the region are
lost with it. A paused or invalid schedule makes no backup, and nothing says so.

How to fix: No includedNamespaces (or all of them), snapshotMoveData: true, a ttl of 30 days or more, and a
schedule as dense as the recovery point objective.

When it is fine: Schedules that take the same are judged together: a dense one that is short-lived beside a
weekly one that is kept, or a narrow one beside a complete one.
"""

from collections.abc import Iterator
from datetime import timedelta

from msgspec import Struct

from conformant.domain.backups import Backups
from conformant.domain.cron import longest_interval
from conformant.domain.velero import Velero, file_copied
from conformant.leaf import Item, aspects, check
from conformant.model import REMOVE, Cure, Finding, Path, Severity, Undecided, dig, mapping
from conformant.platform import Platform
from conformant.views.quantity import parse_duration
from conformant.views.velero import CLAIMS, SECRETS, VOLUMES, Schedule


class Objectives(Struct, frozen=True, forbid_unknown_fields=True):
    """`rpo` is the longest time between two backups, `keep` how long they are kept at least: Go
    durations. `namespace` is where Velero runs, where the platform does not show it."""

    rpo: str = "24h"
    keep: str = "720h"
    namespace: str = ""


SCHEDULE = Path(("spec", "schedule"))
RESTIC = "defaultVolumesToRestic"
FILES = "defaultVolumesToFsBackup"
OWNED = Path(("spec", "useOwnerReferencesInBackup"))
PAUSED = Path(("spec", "paused"))
WANTED = (SECRETS, CLAIMS, VOLUMES)


@check(
    id="DR-003",
    severity=Severity.HIGH,
    requirement="backup-exists",
    controls=["nist-800-53r5/CP-9", "nist-800-53r5/CP-9(3)", "iso-27001-2022/A.8.13"],
)
def incomplete_backup_schedule(
    schedule: Schedule, platform: Platform, settings: Objectives = Objectives()
) -> Iterator[Item]:
    yield from aspects(
        [
            _interval(schedule, platform, settings),
            _paused(schedule),
            _kept(schedule, platform, settings),
            _namespace(schedule, platform, settings),
            _left_out(schedule, platform),
            _resources(schedule, platform),
            _volumes(schedule, platform),
            _rejected(schedule),
            _ownership(schedule),
        ]
    )


def _interval(schedule: Schedule, platform: Platform, settings: Objectives) -> Iterator[Item]:
    expression = schedule.get(*SCHEDULE)
    if not isinstance(expression, str):
        return
    try:
        longest = longest_interval(expression)
    except ValueError as reason:
        yield Finding(f"Velero does not accept the schedule {expression!r}: {reason}", SCHEDULE)
        return
    objective = timedelta(seconds=parse_duration(settings.rpo) or 0)
    if longest > objective and not any(_gap(other) <= objective for other in _alike(schedule, platform)):
        message = f"up to {_hours(longest)} between two backups, where the objective is {_hours(objective)}"
        yield Finding(message, SCHEDULE, cure=Cure("a denser schedule", grade="none"))


def _gap(schedule: Schedule) -> timedelta:
    """The longest time between two backups; for ever where the expression is none."""
    try:
        return longest_interval(str(schedule.get(*SCHEDULE)))
    except ValueError:
        return timedelta.max


def _hours(time: timedelta) -> str:
    hours = time.total_seconds() / 3600
    return f"{hours / 24:g} days" if hours >= 48 else f"{hours:g} hours" if hours >= 1 else f"{hours * 60:g} minutes"


def _paused(schedule: Schedule) -> Iterator[Item]:
    if schedule.paused:
        yield Finding(
            "the schedule is paused: it makes no backups", PAUSED, cure=Cure("paused: false", ((PAUSED, False),))
        )


def _kept(schedule: Schedule, platform: Platform, settings: Objectives) -> Iterator[Item]:
    template = schedule.template
    path = template.path / "ttl"
    ttl = dig(template.raw, "ttl")
    least = parse_duration(settings.keep) or 0.0
    cure = Cure(f"ttl: {settings.keep} or more", ((path, settings.keep),))
    kept = parse_duration(ttl)
    if ttl is not None and kept is None:
        yield Finding(f"the ttl {ttl!r} is no Go duration such as {settings.keep}", path, cure=cure)
    elif not kept:
        message = "no ttl: how long backups are kept is left to the server (30 days, unless it is told otherwise)"
        yield Finding(message, path, Severity.MEDIUM, cure)
    elif kept < least and not any(_lifetime(other) >= least for other in _alike(schedule, platform)):
        kept_for, wanted = _hours(timedelta(seconds=kept)), _hours(timedelta(seconds=least))
        yield Finding(f"backups are kept for {kept_for}, where {wanted} are asked for", path, cure=cure)


def _lifetime(schedule: Schedule) -> float:
    return parse_duration(dig(schedule.template.raw, "ttl")) or 0.0


def _namespace(schedule: Schedule, platform: Platform, settings: Objectives) -> Iterator[Item]:
    known = frozenset({settings.namespace}) if settings.namespace else platform.derived(Velero).namespaces
    if schedule.namespace in (known or {"velero"}):
        return
    if not schedule.get("metadata", "namespace"):
        yield Undecided("the Schedule states no namespace: Velero sees it in its own only")
    elif known or schedule.namespace == "default":
        where = " or ".join(sorted(known)) or "velero"
        message = f"Velero runs in {where} and does not see a Schedule in {schedule.namespace}"
        yield Finding(message, Path(("metadata", "namespace")), cure=Cure(f"namespace: {where}", grade="none"))
    else:
        yield Undecided(f"nothing here says that Velero runs in {schedule.namespace}")


# what is in the backup


def _left_out(schedule: Schedule, platform: Platform) -> Iterator[Item]:
    """Namespaces with stores that this schedule does not take, nor any other that runs."""
    velero = platform.derived(Velero)
    others = [name for name in platform.derived(Backups).in_namespace if not schedule.template.includes_namespace(name)]
    first = next((each for each in velero.schedules if not each.paused), schedule) if others else schedule
    if first is not schedule:
        return
    missing = sorted(
        name
        for name in others
        if not any(each.template.includes_namespace(name) for each in velero.candidates(name) if not each.paused)
    )
    if missing:
        key = "includedNamespaces" if dig(schedule.template.raw, "includedNamespaces") else "excludedNamespaces"
        names = ", ".join(missing)
        cure = Cure(f"include {names}", grade="none")
        yield Finding(
            f"no schedule takes namespace {names}, which holds stores", schedule.template.path / key, cure=cure
        )


def _resources(schedule: Schedule, platform: Platform) -> Iterator[Item]:
    spec = schedule.template
    if dig(spec.raw, "includeClusterResources") is False:
        message = "cluster-wide objects (volumes, classes, custom resource definitions) are left out"
        yield Finding(message, spec.path / "includeClusterResources", Severity.MEDIUM)
    shut_out: dict[Path, list[str]] = {}
    for resource in WANTED:
        path = spec.shutting_out(resource)
        if path is not None:
            shut_out.setdefault(path, []).append(resource)
    if shut_out and any(_alike(schedule, platform)):
        return
    for path, resources in shut_out.items():
        yield Finding(
            f"the backups have no {' and no '.join(resources)}", path, cure=Cure("take them in", grade="none")
        )


def _alike(schedule: Schedule, platform: Platform) -> Iterator[Schedule]:
    """The other schedules that run and take all that this one takes, and perhaps more."""
    own = schedule.template
    taken = (*own.taken(platform.namespaces), *own.named_namespaces)
    for other in platform.derived(Velero).schedules:
        spec = other.template
        if other is schedule or other.paused or any(spec.shutting_out(each) for each in WANTED):
            continue
        if spec.selects_by_label and dig(spec.raw, "labelSelector") != dig(own.raw, "labelSelector"):
            continue
        if all(spec.includes_namespace(name) for name in taken):
            yield other


def _volumes(schedule: Schedule, platform: Platform) -> Iterator[Item]:
    spec = schedule.template
    if dig(spec.raw, RESTIC) is not None:
        patches = ((spec.path / RESTIC, REMOVE), (spec.path / FILES, dig(spec.raw, RESTIC)))
        message = f"Velero ignores {RESTIC}; {FILES} took its place"
        yield Finding(message, spec.path / RESTIC, cure=Cure(f"rename it to {FILES}", patches))
    if spec.shutting_out(CLAIMS) or spec.shutting_out(VOLUMES):
        return
    velero = platform.derived(Velero)
    table = platform.derived(Backups)
    volumes = [
        store
        for namespace in spec.taken(table.in_namespace)
        for store in table.in_namespace[namespace]
        if table.covers(schedule, store)
    ]
    all_files = velero.copies_files(spec, schedule.namespace)
    behind = [
        store
        for store in volumes
        if not (all(file_copied(volume, all_files) for volume in store.volumes) if store.volumes else all_files)
    ]
    if not behind:
        return
    if dig(spec.raw, "resourcePolicy"):
        yield Undecided("a resource policy chooses what becomes of the volumes")
        return
    if any(_moves_data(each, platform) for each in (schedule, *_alike(schedule, platform))):
        return
    names = ", ".join(sorted({store.resource.address for store in behind})[:3])
    names += f" and {len(behind) - 3} more" if len(behind) > 3 else ""
    moved = (spec.path / "snapshotMoveData", True)
    if dig(spec.raw, "snapshotVolumes") is False:
        path = spec.path / "snapshotVolumes"
        cure = Cure("take snapshots and move their data", ((path, True), moved))
        yield Finding(f"the backups have no data of the volumes of {names}", path, cure=cure)
    else:
        path = spec.path / ("snapshotVolumes" if "snapshotVolumes" in spec.raw else "snapshotMoveData")
        message = f"the snapshots of the volumes of {names} stay in their region"
        yield Finding(message, path, Severity.MEDIUM, Cure("snapshotMoveData: true", (moved,)))


def _moves_data(schedule: Schedule, platform: Platform) -> bool:
    """Whether the data of volumes is copied as files, or snapshots leave the region."""
    spec, velero = schedule.template, platform.derived(Velero)
    if velero.copies_files(spec, schedule.namespace):
        return True
    if dig(spec.raw, "snapshotVolumes") is False:
        return False
    return velero.moves_snapshots(spec, schedule.namespace) or _leaves_region(schedule, platform)


def _leaves_region(schedule: Schedule, platform: Platform) -> bool:
    """Whether a snapshot location or a life-cycle policy keeps snapshots elsewhere."""
    names = dig(schedule.template.raw, "volumeSnapshotLocations") or ()
    for location in platform.kind("velero.io/VolumeSnapshotLocation"):
        chosen = not names or location.name in names
        if chosen and mapping(location.raw, "spec", "config").get("snapshotLocation"):
            return True
    policies = platform.kind("/aws_dlm_lifecycle_policy", "terraform")
    return any("cross_region_copy" in str(policy.raw) for policy in policies)


# how Velero reads it


def _rejected(schedule: Schedule) -> Iterator[Item]:
    spec = schedule.template
    if dig(spec.raw, "labelSelector") is not None and dig(spec.raw, "orLabelSelectors") is not None:
        message = "Velero refuses backups with both labelSelector and orLabelSelectors"
        yield Finding(message, spec.path / "orLabelSelectors", cure=Cure("keep one of them", grade="none"))


def _ownership(schedule: Schedule) -> Iterator[Item]:
    if schedule.get(*OWNED) is True:
        message = "deleting the Schedule deletes its backups"
        yield Finding(message, OWNED, Severity.MEDIUM, Cure("useOwnerReferencesInBackup: false", ((OWNED, False),)))
