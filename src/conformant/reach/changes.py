"""What a change opens and closes: the difference between two platforms."""

from collections.abc import Iterator

from msgspec import Struct

from conformant.platform import Platform
from conformant.reach.answers import Answers, Connection
from conformant.reach.blocks import Network
from conformant.reach.policies import Policies
from conformant.reach.ports import NONE, Ports
from conformant.reach.queries import Target


class Change(Struct, frozen=True):
    """One connection before and after; either is None where an end is not there."""

    source: str
    destination: str
    before: Connection | None
    after: Connection | None

    @property
    def opened(self) -> Ports:
        return _open(self.after) - _open(self.before)

    @property
    def closed(self) -> Ports:
        return _open(self.before) - _open(self.after)

    @property
    def doubtful(self) -> bool:
        """Whether it is not known what the change does."""
        return any(each is not None and each.undecided for each in (self.before, self.after))


def _open(connection: Connection | None) -> Ports:
    return connection.open if connection is not None else NONE


def pair(before: Platform, after: Platform, extra: list[Network]) -> tuple[Answers, Answers]:
    """Both platforms with the outside split alike, so that their address blocks compare."""
    networks = [*extra]
    for platform in (before, after):
        for block in platform.derived(Policies).blocks:
            networks += [block.network, *block.excepted]
    networks = list(dict.fromkeys(networks))
    return Answers(before, networks), Answers(after, networks)


def changes(
    before: Answers, after: Answers, source: Target | None = None, destination: Target | None = None
) -> Iterator[Change]:
    """The connections that differ; what is undecided on either side is told too where it differs."""
    known = {(each.source.name, each.destination.name): each for each in before.connections(source, destination)}
    for each in after.connections(source, destination):
        key = each.source.name, each.destination.name
        was = known.pop(key, None)
        if _differs(was, each):
            yield Change(*key, was, each)
    for key, was in known.items():
        if was.open or was.undecided:
            yield Change(*key, was, None)


def _differs(was: Connection | None, now: Connection) -> bool:
    if was is None:
        return bool(now.possible)
    return was.open != now.open or was.possible != now.possible
