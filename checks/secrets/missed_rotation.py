"""An external secret does not follow rotation.

What it checks: An ExternalSecret (or the template of a ClusterExternalSecret) fetches its values again and
again: refreshPolicy Periodic or absent, refreshInterval above zero and at most an hour (the default), no
sync windows that stay closed for longer, no immutable target, no pinned version of a value. One that only
generators feed mints new values at every refresh: there a short interval is the fault, and fetching once
is right.

Why it matters: When a password is rotated at the provider, pods go on with the old one until the Secret is
fetched again. They fail when the old one is withdrawn; or nobody dares to withdraw it.

How to fix: Set refreshInterval to at most an hour and leave refreshPolicy, immutable and version out.

When it is fine: Values that never change, such as a fixed identifier.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from msgspec import Struct

from conformant.domain.cron import longest_interval
from conformant.leaf import Item, aspects, check
from conformant.model import REMOVE, Cure, Finding, Path, Severity, Undecided, dig, sequence
from conformant.views.quantity import parse_duration
from conformant.views.secrets import ExternalSecret

CURRENT = frozenset({"", "latest", "AWSCURRENT"})
"""Versions that follow rotation."""


class MissedRotationSettings(Struct, frozen=True):
    """Bounds of the refresh interval, in seconds: the longest, the shortest that spares the provider,
    and the shortest for generated values."""

    longest: int = 3600
    shortest: int = 30
    shortest_generated: int = 3600


@check(
    id="SEC-006",
    severity=Severity.HIGH,
    requirement="secret-refresh",
    controls=["nist-800-53r5/IA-5", "nist-800-53r5/SC-12", "iso-27001-2022/A.5.17", "pci-dss-4.0/8.6.3"],
)
def missed_rotation(
    secret: ExternalSecret, settings: MissedRotationSettings = MissedRotationSettings()
) -> Iterator[Item]:
    if secret.generated:
        yield from aspects([_minting(secret, settings)])
    else:
        yield from aspects([_cadence(secret, settings), _immutable(secret), *_versions(secret)])


def _minting(secret: ExternalSecret, settings: MissedRotationSettings) -> Iterator[Finding]:
    seconds = _seconds(dig(secret.spec, "refreshInterval"))
    periodic = dig(secret.spec, "refreshPolicy") in (None, "", "Periodic")
    if periodic and seconds is not None and 0 < seconds < settings.shortest_generated:
        message = f"a generator mints a new value every {_said(seconds)}: who uses the old one is cut off"
        cure = Cure("mint once with refreshPolicy CreatedOnce, or rarely")
        yield Finding(message, secret.spec_path / "refreshInterval", Severity.MEDIUM, cure)


def _cadence(secret: ExternalSecret, settings: MissedRotationSettings) -> Iterator[Item]:
    policy = dig(secret.spec, "refreshPolicy")
    if policy in ("CreatedOnce", "OnChange"):
        path = secret.spec_path / "refreshPolicy"
        interval = [patch for item in _interval(secret, settings) if item.cure for patch in item.cure.patches]
        cure = Cure("refresh periodically", ((path, REMOVE), *interval))
        if policy == "CreatedOnce":
            yield Finding("refreshPolicy CreatedOnce: the values are fetched once and never again", path, cure=cure)
        else:
            message = "refreshPolicy OnChange: the values are fetched only when this object changes"
            yield Finding(message, path, Severity.MEDIUM, cure)
        return
    yield from aspects([_interval(secret, settings), _windows(secret, settings)])


def _interval(secret: ExternalSecret, settings: MissedRotationSettings) -> Iterator[Finding]:
    seconds = _seconds(dig(secret.spec, "refreshInterval"))
    if seconds is None:
        return
    path = secret.spec_path / "refreshInterval"
    slower = Cure(f"refresh at most every {_said(settings.shortest)}", ((path, _said(settings.shortest)),))
    faster = Cure(f"refresh at least every {_said(settings.longest)}", ((path, _said(settings.longest)),))
    if seconds <= 0:
        yield Finding("refreshInterval 0: the values are fetched once and never again", path, cure=faster)
    elif seconds > settings.longest:
        message = f"refreshInterval of {_said(seconds)}: a rotated value arrives up to that much later"
        yield Finding(message, path, Severity.MEDIUM, faster)
    elif seconds < settings.shortest:
        yield Finding(f"refreshInterval of {_said(seconds)} hammers the provider", path, Severity.LOW, slower)


def _windows(secret: ExternalSecret, settings: MissedRotationSettings) -> Iterator[Item]:
    """How long sync windows keep refreshes off. Several that allow them shorten each other's gaps, and
    several that deny them may add up: only what one alone decides is said."""
    kind = dig(secret.spec, "syncWindows", "kind")
    closed: list[float] = []
    for window in sequence(secret.spec, "syncWindows", "windows"):
        duration = parse_duration(dig(window, "duration"))
        schedule = dig(window, "schedule")
        if duration is None or not isinstance(schedule, str):
            continue
        if kind == "deny":
            closed.append(duration)
        elif kind == "allow":
            closed.append(_gap(schedule) - duration)
    if not closed:
        return
    longest = min(closed) if kind == "allow" else max(closed)
    if longest <= settings.longest:
        return
    if kind == "allow" and len(closed) > 1:
        raise Undecided("how long several sync windows together keep refreshes off is not worked out")
    message = f"sync windows keep refreshes off for {_said(longest)} at a time"
    cure = Cure("drop the sync windows, or let them leave no longer gap than a refresh may take", grade="none")
    yield Finding(message, secret.spec_path / "syncWindows" / "windows", Severity.MEDIUM, cure)


def _gap(schedule: str) -> float:
    try:
        return longest_interval(schedule).total_seconds()
    except ValueError as error:
        raise Undecided(f"the schedule of a sync window cannot be read: {error}") from error


def _immutable(secret: ExternalSecret) -> Iterator[Finding]:
    if dig(secret.spec, "target", "immutable") is True:
        path = secret.spec_path / "target" / "immutable"
        cure = Cure("leave the Secret mutable", ((path, REMOVE),))
        yield Finding("the target is immutable: no refresh can update it", path, Severity.MEDIUM, cure)


def _versions(secret: ExternalSecret) -> Iterator[Iterator[Finding]]:
    for path, entry in secret.entries:
        for reference in ("remoteRef", "extract"):
            yield _version(path, entry, reference)


def _version(path: Path, entry: dict[Any, Any], reference: str) -> Iterator[Finding]:
    version = dig(entry, reference, "version")
    if version is None or version in CURRENT:
        return
    path = path / reference / "version"
    cure = Cure("follow the current version", ((path, REMOVE),))
    yield Finding(f"the value is pinned to version {version}: rotation stays unseen", path, Severity.MEDIUM, cure)


def _seconds(interval: Any) -> float | None:
    """A refresh interval in seconds; None where it is absent (an hour) or no duration."""
    if isinstance(interval, int) and not isinstance(interval, bool):
        return float(interval)
    return parse_duration(interval)


def _said(seconds: float) -> str:
    """A Go duration: 2h0m0s."""
    return str(timedelta(seconds=seconds)) if seconds < 1 else _go(int(seconds))


def _go(seconds: int) -> str:
    parts = ((seconds // 3600, "h"), (seconds % 3600 // 60, "m"), (seconds % 60, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"
