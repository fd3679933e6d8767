"""Address blocks: what lies outside the cluster, split into ranges that all policies treat alike."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network, summarize_address_range

from msgspec import Struct

Network = IPv4Network | IPv6Network
EVERYWHERE = ("0.0.0.0/0", "::/0")
_FAMILIES: tuple[tuple[int, int], ...] = ((4, 1 << 32), (6, 1 << 128))


class Block(Struct, frozen=True):
    """A network without some of its parts: ``ipBlock`` with ``except``."""

    network: Network
    excepted: tuple[Network, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether it is a whole address family."""
        return self.network.prefixlen == 0 and not self.excepted

    def holds(self, address: IPv4Address | IPv6Address) -> bool:
        return address in self.network and not any(address in network for network in self.excepted)


def network(text: object) -> Network | None:
    """A CIDR or an address as a network; None where it is neither."""
    try:
        return ip_network(str(text).strip(), strict=False)
    except ValueError:
        return None


class Range(Struct, frozen=True):
    """A class of outside addresses: disjoint networks that the same blocks hold (one bit for each block)."""

    networks: tuple[Network, ...]
    inside: int

    @property
    def addresses(self) -> list[str]:
        return [str(each) for each in self.networks]


def ranges(blocks: list[Block], extra: Iterable[Network] = ()) -> list[Range]:
    """The coarsest disjoint split of all IPv4 and IPv6 addresses that tells `blocks` (and `extra`) apart."""
    every = [*blocks, *(Block(each) for each in extra)]
    found: dict[tuple[int, int], list[Network]] = {}
    for version, size in _FAMILIES:
        own = [(1 << index, block) for index, block in enumerate(every) if block.network.version == version]
        for first, last, mask in _pieces(own, size):
            found.setdefault((version, mask), []).extend(_networks(version, first, last))
    known = (1 << len(blocks)) - 1
    return [Range(tuple(networks), mask & known) for (_, mask), networks in found.items()]


def _pieces(blocks: list[tuple[int, Block]], size: int) -> Iterator[tuple[int, int, int]]:
    """(first, last, blocks that hold it) of the intervals between all bounds of the blocks."""
    changes: dict[int, int] = {0: 0}
    for bit, block in blocks:
        for each, inside in ((block.network, True), *((excepted, False) for excepted in _apart(block))):
            first, after = int(each.network_address), int(each.broadcast_address) + 1
            for at, entering in ((first, inside), (after, not inside)):
                changes[at] = changes.get(at, 0) + (bit if entering else -bit)
    bounds = sorted(at for at in changes if at < size)
    mask = 0
    for at, following in zip(bounds, [*bounds[1:], size], strict=True):
        mask += changes[at]
        yield at, following - 1, mask


def _apart(block: Block) -> list[Network]:
    """The excepted networks that lie within the block and in no other excepted one."""
    if any(_inside(block.network, each) for each in block.excepted):
        return [block.network]
    within = [each for each in block.excepted if _inside(each, block.network)]
    return [
        each
        for index, each in enumerate(within)
        if not any(
            _inside(each, other) and (each != other or place < index)
            for place, other in enumerate(within)
            if place != index
        )
    ]


def _inside(one: Network, other: Network) -> bool:
    if isinstance(one, IPv4Network):
        return isinstance(other, IPv4Network) and one.subnet_of(other)
    return isinstance(other, IPv6Network) and one.subnet_of(other)


def _networks(version: int, first: int, last: int) -> Iterator[Network]:
    if version == 4:
        return iter(summarize_address_range(IPv4Address(first), IPv4Address(last)))
    return iter(summarize_address_range(IPv6Address(first), IPv6Address(last)))
