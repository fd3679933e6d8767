"""A secret store is not ready, or an ExternalSecret is not refreshed.

What it checks: The status of every SecretStore, ClusterSecretStore and ExternalSecret: the condition Ready is
True, the last refresh is no older than twice the refresh interval (and a tolerance), and the Secret that the
ExternalSecret makes exists. A refresh interval of zero, and the policies CreatedOnce and OnChange, have no
refresh to judge.

Why it matters: A store that lost its credentials goes on to look fine: the Secrets that it once made stay as
they are. Rotation stops silently, and shows when the old credentials are revoked.

How to fix: Read the message of the condition (``kubectl describe externalsecret``); mostly the role of the
store, the name of the remote key or the address of the provider is wrong. Then look for the operator itself.

When it is fine: While the provider is being moved on purpose; waive it for that time.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from msgspec import Struct

from conformant.cluster import Running
from conformant.domain.moments import moment, short
from conformant.leaf import Item, Seen, aspects, probe, saw
from conformant.model import Finding, Judged, NotApplicable, Path, Resource, Severity, Undecided, dig, sequence
from conformant.views.quantity import parse_duration

GROUP = "external-secrets.io"
STORES = (f"{GROUP}/SecretStore", f"{GROUP}/ClusterSecretStore")
SECRET = f"{GROUP}/ExternalSecret"
_CONDITIONS = Path(("status", "conditions"))


class Freshness(Struct, frozen=True):
    """A refresh may be late by `intervals` refresh intervals and `minutes`."""

    intervals: int = 2
    minutes: int = 5


@probe(
    id="LIVE-ROT-001",
    severity=Severity.HIGH,
    requirement="secret-refresh",
    controls=["nist-800-53r5/IA-5", "iso-27001-2022/A.5.17"],
    needs=[f"list {kind}" for kind in (*STORES, SECRET)],
)
def stale_external_secret(running: Running, settings: Freshness = Freshness()) -> Iterator[Seen]:
    yield from aspects([_stores(running, STORES[0]), _stores(running, STORES[1]), _secrets(running, settings)])


def _stores(running: Running, kind: str) -> Iterator[Seen]:
    for store in running.objects(kind):
        yield Judged(store, _ready(store))


def _secrets(running: Running, settings: Freshness) -> Iterator[Seen]:
    for secret in running.objects(SECRET):
        yield Judged(secret, aspects([_ready(secret), _fresh(secret, running, settings), _bound(secret)]))


def _ready(resource: Resource) -> Iterator[Item]:
    index, ready = _condition(resource, "Ready")
    if ready is None:
        yield Undecided("its controller has not reported on it")
    elif ready.get("status") != "True":
        why = f"{ready.get('reason') or 'no reason'}: {ready.get('message') or 'no message'}"
        yield Finding(f"it is not ready ({why})", _CONDITIONS / index / "status")
    else:
        yield saw(f"ready since {ready.get('lastTransitionTime') or 'an unknown time'}")


def _condition(resource: Resource, kind: str) -> tuple[int, dict[Any, Any] | None]:
    for index, condition in enumerate(sequence(resource.raw, "status", "conditions")):
        if isinstance(condition, dict) and condition.get("type") == kind:
            return index, condition
    return 0, None


def _fresh(secret: Resource, running: Running, settings: Freshness) -> Iterator[Item]:
    policy = dig(secret.raw, "spec", "refreshPolicy") or "Periodic"
    seconds = parse_duration(dig(secret.raw, "spec", "refreshInterval") or "1h")
    if policy != "Periodic" or seconds == 0:
        yield NotApplicable("it is not refreshed periodically")
        return
    refreshed = moment(dig(secret.raw, "status", "refreshTime"))
    if seconds is None or refreshed is None:
        yield Undecided("its refresh interval is no duration" if seconds is None else "it states no refresh time")
        return
    interval = timedelta(seconds=seconds)
    age = running.now - refreshed
    if age > settings.intervals * interval + timedelta(minutes=settings.minutes):
        message = f"the last refresh is {short(age)} ago, with an interval of {short(interval)}"
        yield Finding(message, Path(("status", "refreshTime")))
    else:
        yield saw(f"refreshed {short(age)} ago, interval {short(interval)}")


def _bound(secret: Resource) -> Iterator[Item]:
    policy = dig(secret.raw, "spec", "target", "creationPolicy") or "Owner"
    if policy in ("Owner", "Orphan") and not dig(secret.raw, "status", "binding", "name"):
        yield Finding("no Secret is bound to it", Path(("status",)))
