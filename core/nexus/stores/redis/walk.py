"""Reading ranges of indexes in order, several at once as if they were one, whichever shards they are in."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence

from nexus.stores.redis.links import Command, Link, ask
from nexus.stores.redis.source import Range


class _Reader:
    """One range, read piece by piece."""

    def __init__(self, one: Range, behind: bytes | None, *, descending: bool) -> None:
        self.range = one
        self.unread = True
        """Whether there may be more behind what was read."""
        self.held: list[bytes] = []
        """Read and not yet given, in order, without their heads."""
        self._behind = behind
        self._descending = descending

    def command(self, limit: int) -> Command:
        return (*_ends(self.range, self._behind, descending=self._descending), "LIMIT", 0, limit)

    def take(self, found: list[bytes], limit: int) -> None:
        self.held = [entry[len(self.range.head) :] for entry in found]
        self.unread = len(found) == limit
        if self.held:
            self._behind = self.held[-1]


async def walk(
    links: Sequence[Link],
    ranges: Sequence[Range],
    *,
    descending: bool,
    behind: bytes | None = None,
    first: int,
    most: int,
) -> AsyncIterator[list[bytes]]:
    """Entries without their heads, in pieces.

    Args:
        links: The shards that the ranges are in.
        ranges: Which sort alike behind their heads.
        descending: Whether the highest comes first.
        behind: The entry to go on behind.
        first: How many are wanted at first; the first piece has as many, more or fewer.
        most: How many to read at once in the end; pieces double until then.
    """
    readers = [_Reader(one, behind, descending=descending) for one in ranges]
    size = first
    while readers:
        share = _share(size, len(links))
        hungry = [reader for reader in readers if reader.unread and not reader.held]
        if hungry:
            replies = await ask(links, [(reader.range.link, reader.command(share)) for reader in hungry])
            for reader, reply in zip(hungry, replies, strict=True):
                reader.take(reply, share)
        piece = _merged(readers, descending=descending)
        readers = [reader for reader in readers if reader.unread or reader.held]
        if piece:
            yield piece
        size = min(size * 2, most)


def _share(size: int, shards: int) -> int:
    """How many to read of each range so that their first ``size`` together are likely to be among them.

    Sessions are spread over shards by chance, so three standard deviations more than the mean; what has more is
    read again.
    """
    if shards == 1:
        return size
    mean = size / shards
    return min(size, math.ceil(mean + 3 * math.sqrt(mean)) + 1)


def _merged(readers: Sequence[_Reader], *, descending: bool) -> list[bytes]:
    """Take out what can come before nothing that is still unread."""
    bounds = [reader.held[-1] for reader in readers if reader.unread]
    if not bounds or len(readers) == 1:
        found = [entry for reader in readers for entry in reader.held]
        for reader in readers:
            reader.held = []
    elif descending:
        bound = max(bounds)
        found = [entry for reader in readers for entry in reader.held if entry >= bound]
        for reader in readers:
            reader.held = [entry for entry in reader.held if entry < bound]
    else:
        bound = min(bounds)
        found = [entry for reader in readers for entry in reader.held if entry <= bound]
        for reader in readers:
            reader.held = [entry for entry in reader.held if entry > bound]
    found.sort(reverse=descending)
    return found


async def sizes_of(links: Sequence[Link], ranges: Sequence[Range]) -> list[int]:
    """How many entries there are in each."""
    return await ask(
        links,
        [(one.link, ("ZLEXCOUNT", one.key, *one.ends) if one.head else ("ZCARD", one.key)) for one in ranges],
    )


def _ends(one: Range, behind: bytes | None, *, descending: bool) -> Command:
    low, high = one.ends
    if descending:
        return "ZREVRANGEBYLEX", one.key, high if behind is None else b"(" + one.head + behind, low
    return "ZRANGEBYLEX", one.key, low if behind is None else b"(" + one.head + behind, high
