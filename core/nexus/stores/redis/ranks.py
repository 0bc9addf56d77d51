"""Entries by rank in several ranges at once, wherever in the middle.

Each range knows its own ranks in logarithmic time, but nobody knows those of all together. So places are tried:
the entry of each range that stands where the wanted one would if all were spread alike, and of those the one in the
middle, weighted by how much is left to search; counted in all ranges, it shows how many entries lie before it.
Two or three such steps lead to within some hundred entries of the wanted one at any size, because sessions are
spread by chance; and no spread is so bad that a step doesn't leave a good part of what was to search behind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from nexus.stores.redis.links import Command, Link, ask
from nexus.stores.redis.source import Range
from nexus.stores.redis.walk import walk
from nexus.stores.strides import widened

_NEAR: Final = 512
"""Entries that are rather read over than searched through."""

_PIECE: Final = 1000

_SIDE_BY_SIDE: Final = 4096
"""Entries among which those at some ranks are rather picked than looked for one by one."""


async def ranked(
    links: Sequence[Link],
    ranges: Sequence[Range],
    sizes: Sequence[int],
    offset: int,
    limit: int,
    *,
    descending: bool,
) -> list[bytes]:
    """Entries by rank, without their heads.

    Args:
        links: The shards that the ranges are in.
        ranges: Which sort alike behind their heads.
        sizes: How many entries each has.
        offset: The rank of the first.
        limit: How many.
        descending: Whether the highest comes first.
    """
    total = sum(sizes)
    count = min(limit, total - offset)
    if count <= 0:
        return []
    before = total - offset - count if descending else offset
    if len(ranges) == 1:
        entries = await _of_one(links, ranges[0], before, count)
        return entries[::-1] if descending else entries
    behind = total - before - count
    if min(before, behind) <= _NEAR:
        # Near an end: from there, in whichever direction that is.
        backward = behind < before
        entries = await _read(links, ranges, None, min(before, behind), count, descending=backward)
    else:
        backward = False
        search = _Search(links, ranges, sizes, before)
        await search.run()
        entries = await _read(links, ranges, search.behind, before - search.passed, count, descending=False)
    return entries[::-1] if backward != descending else entries


async def strided(
    links: Sequence[Link], ranges: Sequence[Range], sizes: Sequence[int], ranks: range, *, descending: bool
) -> tuple[list[bytes], range]:
    """Entries at some ranks, without their heads.

    Args:
        links: The shards that the ranges are in.
        ranges: Which sort alike behind their heads.
        sizes: How many entries each has.
        ranks: Which are wanted.
        descending: Whether the highest comes first.

    Returns:
        The entries, and their ranks: those that were wanted, or few of them where each has to be searched for.
    """
    total = sum(sizes)
    there = range(total)[ranks.start : ranks.stop : ranks.step]
    if not there:
        return [], ranks
    span = there[-1] - there[0] + 1
    if ranks.step == 1 or span <= _SIDE_BY_SIDE:
        found = await ranked(links, ranges, sizes, there[0], span, descending=descending)
        return found[:: there.step], ranks
    if len(ranges) == 1:
        places = [total - 1 - rank if descending else rank for rank in there]
        return await _each_of_one(links, ranges[0], places), ranks
    few = widened(ranks, total)
    pieces = await asyncio.gather(*(ranked(links, ranges, sizes, rank, 1, descending=descending) for rank in few))
    return [entry for piece in pieces for entry in piece], few


async def _each_of_one(links: Sequence[Link], one: Range, places: Sequence[int]) -> list[bytes]:
    (start,) = await _starts(links, [one])
    found = await ask(links, [(one.link, ("ZRANGE", one.key, start + place, start + place)) for place in places])
    return [entry[len(one.head) :] for reply in found for entry in reply if entry.startswith(one.head)]


async def _of_one(links: Sequence[Link], one: Range, first: int, count: int) -> list[bytes]:
    (start,) = await _starts(links, [one])
    (found,) = await ask(links, [(one.link, ("ZRANGE", one.key, start + first, start + first + count - 1))])
    return [entry[len(one.head) :] for entry in found if entry.startswith(one.head)]


async def _read(
    links: Sequence[Link], ranges: Sequence[Range], behind: bytes | None, skip: int, count: int, *, descending: bool
) -> list[bytes]:
    found: list[bytes] = []
    wanted = skip + count
    async for piece in walk(links, ranges, descending=descending, behind=behind, first=wanted, most=_PIECE):
        found.extend(piece)
        if len(found) >= wanted:
            break
    return found[skip:wanted]


class _Search:
    """Looks for an entry a little before a rank; ascending.

    ``behind`` is that entry, and ``passed`` how many there are up to it.
    """

    def __init__(self, links: Sequence[Link], ranges: Sequence[Range], sizes: Sequence[int], rank: int) -> None:
        self.behind: bytes | None = None
        self._links = links
        self._ranges = ranges
        self._rank = rank
        # Between the two lie, in each range, the entries that may still be the one.
        self._lows = [0] * len(ranges)
        self._highs = list(sizes)

    @property
    def passed(self) -> int:
        """How many entries come before what is left to search, or are ``behind`` itself."""
        return sum(self._lows)

    async def run(self) -> None:
        """Search until it is near."""
        starts = await _starts(self._links, self._ranges)
        while self._rank - self.passed > _NEAR:
            tried = self._places()
            if not tried:
                return
            ranks = {at: starts[at] + rank for at, rank in tried.items()}
            commands = [(self._ranges[at].link, ("ZRANGE", self._ranges[at].key, n, n)) for at, n in ranks.items()]
            found = await ask(self._links, commands)
            weighted = sorted(
                (reply[0][len(self._ranges[at].head) :], self._highs[at] - self._lows[at], at)
                for at, reply in zip(tried, found, strict=True)
                if reply and reply[0].startswith(self._ranges[at].head)
            )
            if not weighted:
                # All of them went in between: reading over the rest is right too, only slower.
                return
            await self._try(*_middle(weighted), tried)

    async def _try(self, entry: bytes, own: int, tried: dict[int, int]) -> None:
        counts = await ask(self._links, [(one.link, _up_to(one, entry)) for one in self._ranges])
        if sum(counts) <= self._rank:
            self.behind, self._lows = entry, [max(low, n) for low, n in zip(self._lows, counts, strict=True)]
            self._lows[own] = max(self._lows[own], tried[own] + 1)
        else:
            self._highs = [min(high, n) for high, n in zip(self._highs, counts, strict=True)]
            self._highs[own] = min(self._highs[own], tried[own])

    def _places(self) -> dict[int, int]:
        """The rank to try in each range that has something left: somewhat before the wanted one."""
        spans = [high - low for low, high in zip(self._lows, self._highs, strict=True)]
        left = sum(span for span in spans if span > 0)
        aim = self._rank - self.passed - _NEAR // 2
        return {
            at: self._lows[at] + min(max(span * aim // left, 0), span - 1) for at, span in enumerate(spans) if span > 0
        }


async def _starts(links: Sequence[Link], ranges: Sequence[Range]) -> list[int]:
    """The rank of each range's first entry in its index."""
    headed = [(one.link, ("ZLEXCOUNT", one.key, b"-", b"(" + one.head)) for one in ranges if one.head]
    counts = iter(await ask(links, headed) if headed else ())
    return [next(counts) if one.head else 0 for one in ranges]


def _middle(weighted: Sequence[tuple[bytes, int, int]]) -> tuple[bytes, int]:
    """The weighted median: the entry, and the place of its range."""
    half = sum(weight for _, weight, _ in weighted) / 2
    for entry, weight, at in weighted:
        half -= weight
        if half <= 0:
            return entry, at
    return weighted[-1][0], weighted[-1][2]


def _up_to(one: Range, entry: bytes) -> Command:
    low = one.ends[0]
    return "ZLEXCOUNT", one.key, low, b"[" + one.head + entry
