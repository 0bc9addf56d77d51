"""Events of all shards as one feed, and as one list.

Each shard has an order of its own, in which all events of a session are. Over several shards there is none: events
come by their time, which never turns the order within a shard.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine, Sequence
from typing import Any

from nexus.model import Event, EventBatch
from nexus.stores.positions import START, Trail, read_positions, write_positions
from nexus.stores.redis import feed
from nexus.stores.redis.feed import event_of, local_of
from nexus.stores.redis.links import Command, Link, ask
from nexus.stores.redis.listening import last_positions


async def read_events(links: Sequence[Link], cursor: str | None, limit: int) -> EventBatch:
    """See ``Store.read_events``."""
    if cursor is None:
        return EventBatch(events=(), cursor=write_positions(await last_positions(links)))
    positions = read_positions(cursor, len(links))
    most = max(limit, 1)
    lasts, found = await _found(links, positions, most)
    events = _by_time([[event_of(entry, links[n].keys.shard) for entry in each] for n, each in enumerate(found)])[:most]
    return _batch(events, positions, lasts, found, anywhere=cursor == START)


def _batch(
    events: Sequence[tuple[int, Event]],
    positions: Sequence[int],
    lasts: Sequence[int],
    found: Sequence[Sequence[Any]],
    *,
    anywhere: bool,
) -> EventBatch:
    """The batch of what was read, with a cursor behind each event.

    Args:
        events: With the shard of each, in the order in which they are told.
        positions: Where reading began in each shard.
        lasts: The last number of each, from before it was read.
        found: What was read of each, of which ``events`` may have left the last ones for later.
        anywhere: Whether the oldest kept were asked for, so that nothing before them is missing.
    """
    reached, trimmed = list(positions), False
    for shard, entries in enumerate(found):
        if not entries:
            # All behind the cursor is deleted, or the shard lost its history.
            trimmed |= lasts[shard] != positions[shard] and not anywhere
            reached[shard] = lasts[shard]
        elif anywhere:
            reached[shard] = local_of(entries[0]) - 1
    trail, cursors, told = Trail(reached), [], [0] * len(found)
    for shard, _ in events:
        local = local_of(found[shard][told[shard]])
        told[shard] += 1
        trimmed |= local != reached[shard] + 1 and not anywhere
        reached[shard] = local
        cursors.append(trail.move(shard, local))
    return EventBatch(
        events=tuple([event for _, event in events]),
        cursor=write_positions(reached),
        trimmed=trimmed,
        cursors=tuple(cursors),
    )


async def _found(links: Sequence[Link], positions: Sequence[int], most: int) -> tuple[list[int], list[list[Any]]]:
    """The last number of each shard, and entries of its stream behind a position."""
    share = -(-most // len(links))
    commands: list[tuple[int, Command]] = []
    for number, (link, after) in enumerate(zip(links, positions, strict=True)):
        commands.append((number, ("GET", link.keys.seq)))
        commands.append((number, _behind(link, after, share)))
    replies = await ask(links, commands)
    # The numbers were read first, so events behind them are in no way missing.
    lasts, found = [int(last or 0) for last in replies[::2]], list(replies[1::2])
    full = [number for number, entries in enumerate(found) if len(entries) == share]
    room = most - sum(map(len, found))
    if full and room >= len(full):
        # One shard is far behind the others, or has far more to tell.
        further = [(n, _behind(links[n], local_of(found[n][-1]), room // len(full))) for n in full]
        for number, more in zip(full, await ask(links, further), strict=True):
            found[number] = found[number] + more
    return lasts, found


def _behind(link: Link, after: int, limit: int) -> Command:
    return "XRANGE", link.keys.stream, f"({after}-0", "+", "COUNT", limit


async def list_events(
    links: Sequence[Link], group_id: str | None, *, after: int, limit: int, newest: bool
) -> list[Event]:
    """Events of a group, or all, by their time, ascending; see ``Store.list_events``."""
    most = max(limit, 0)
    mean = most / len(links)
    sizes = [min(most, math.ceil(mean + 3 * math.sqrt(mean)))] * len(links)
    found: list[list[Event]] = [[] for _ in sizes]
    hungry = list(range(len(links))) if most else []
    chosen: list[tuple[int, Event]] = []
    while hungry:
        read = _of_group if group_id is not None else _of_all
        replies = await read(links, hungry, sizes, group_id or "", after=after, newest=newest)
        for shard, events in zip(hungry, replies, strict=True):
            found[shard] = events
        merged = _by_time(found)
        chosen = merged[-most:] if newest else merged[:most]
        taken = [0] * len(links)
        for shard, _ in chosen:
            taken[shard] += 1
        # A shard all of whose events were taken may have more that belong here.
        hungry = [n for n in hungry if sizes[n] < most and taken[n] == len(found[n]) == sizes[n]]
        for shard in hungry:
            sizes[shard] = min(most, sizes[shard] * 4)
    return [event for _, event in chosen]


async def _of_all(
    links: Sequence[Link],
    shards: Sequence[int],
    sizes: Sequence[int],
    group_id: str,  # noqa: ARG001 - as its sibling
    *,
    after: int,
    newest: bool,
) -> list[list[Event]]:
    commands: list[tuple[int, Command]] = []
    for shard in shards:
        keys = links[shard].keys
        behind = f"({keys.shard.local(after)}-0"
        ends = ("XREVRANGE", keys.stream, "+", behind) if newest else ("XRANGE", keys.stream, behind, "+")
        commands.append((shard, (*ends, "COUNT", sizes[shard])))
    replies = await ask(links, commands)
    return [
        [event_of(entry, links[shard].keys.shard) for entry in (reply[::-1] if newest else reply)]
        for shard, reply in zip(shards, replies, strict=True)
    ]


async def _of_group(
    links: Sequence[Link], shards: Sequence[int], sizes: Sequence[int], group_id: str, *, after: int, newest: bool
) -> list[list[Event]]:
    def read(shard: int) -> Coroutine[Any, Any, list[Event]]:
        client, keys = links[shard].client, links[shard].keys
        return feed.list_events(client, keys, None, group_id, after=after, limit=sizes[shard], newest=newest)

    return await asyncio.gather(*map(read, shards))


def _by_time(shards: Sequence[Sequence[Event]]) -> list[tuple[int, Event]]:
    """Events with the number of their shard, by time, in each shard's order."""
    timed: list[tuple[float, int, int, Event]] = []
    for shard, events in enumerate(shards):
        latest = -math.inf
        for event in events:
            # What comes behind another of its shard was committed after it, whatever its process's clock said.
            latest = max(latest, event.ts)
            timed.append((latest, event.seq, shard, event))
    timed.sort()
    return [(shard, event) for _, _, shard, event in timed]
