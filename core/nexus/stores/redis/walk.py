"""Reading ranges of indexes in order, several at once as if they were one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from nexus.stores.redis.client import Client
from nexus.stores.redis.source import Range
from nexus.stores.redis.wire import Word


async def walk(
    client: Client, ranges: Sequence[Range], *, descending: bool, behind: bytes | None = None, first: int, most: int
) -> AsyncIterator[list[bytes]]:
    """Entries without their heads, in pieces.

    Args:
        client: Who asks.
        ranges: Which sort alike behind their heads.
        descending: Whether the highest comes first.
        behind: The entry to go on behind.
        first: How many to read at first.
        most: How many to read at once in the end; pieces double until then.
    """
    size = first
    while ranges:
        # The first of all together are among the first of each.
        replies = await client.calls([_command(one, behind, size, descending=descending) for one in ranges])
        found = [entry[len(one.head) :] for one, reply in zip(ranges, replies, strict=True) for entry in reply]
        found.sort(reverse=descending)
        piece = found[:size]
        if piece:
            yield piece
        if len(found) < size:
            return
        behind, size = piece[-1], min(size * 2, most)


async def ranked(client: Client, one: Range, offset: int, limit: int, *, descending: bool) -> list[bytes]:
    """Entries of one range by rank, without their heads."""
    if limit <= 0:
        return []
    if not one.head:
        command = "ZREVRANGE" if descending else "ZRANGE"
        found: list[bytes] = await client.call(command, one.key, offset, offset + limit - 1)
        return found
    found = await client.call(*_ends(one, None, descending=descending), "LIMIT", offset, limit)
    return [entry[len(one.head) :] for entry in found]


async def size_of(client: Client, ranges: Sequence[Range]) -> int:
    """How many entries there are."""
    counts: list[int] = await client.calls(
        [("ZLEXCOUNT", one.key, *one.ends) if one.head else ("ZCARD", one.key) for one in ranges]
    )
    return sum(counts)


def _command(one: Range, behind: bytes | None, limit: int, *, descending: bool) -> tuple[Word, ...]:
    return (*_ends(one, behind, descending=descending), "LIMIT", 0, limit)


def _ends(one: Range, behind: bytes | None, *, descending: bool) -> tuple[Word, ...]:
    low, high = one.ends
    if descending:
        return "ZREVRANGEBYLEX", one.key, high if behind is None else b"(" + one.head + behind, low
    return "ZRANGEBYLEX", one.key, low if behind is None else b"(" + one.head + behind, high
