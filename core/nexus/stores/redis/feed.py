"""Reading events of one shard: its stream by number, and a session's or a group's by their indexes."""

from __future__ import annotations

from typing import Any

from nexus.model import Event, EventBatch
from nexus.stores import codec
from nexus.stores.positions import batch_behind, read_position
from nexus.stores.redis.client import Client
from nexus.stores.redis.keys import Keys, Shard


async def read_events(client: Client, keys: Keys, cursor: str | None, limit: int) -> EventBatch:
    """See ``Store.read_events``; of the one shard that is the whole store."""
    if cursor is None:
        return EventBatch(events=(), cursor=str(await last_local(client, keys)))
    after = read_position(cursor)
    last, found = await client.calls(
        [("GET", keys.seq), ("XRANGE", keys.stream, f"({after}-0", "+", "COUNT", max(limit, 1))]
    )
    # The number was read first, so events behind it are in no way missing.
    return batch_behind(after, [event_of(entry, keys.shard) for entry in found], int(last or 0))


async def list_events(
    client: Client, keys: Keys, session_id: str | None, group_id: str | None, *, after: int, limit: int, newest: bool
) -> list[Event]:
    """See ``Store.list_events``; those of one shard."""
    most = max(limit, 0)
    if most == 0:
        return []
    behind = keys.shard.local(after)
    if session_id is None and group_id is None:
        return await _of_all(client, keys, behind, most, newest=newest)
    key = keys.part("eg", group_id or "") if session_id is None else keys.part("es", session_id)
    found: list[Event] = []
    low, high = f"({behind}", "+inf"
    while len(found) < most:
        page = most - len(found)
        names = (
            await client.call("ZREVRANGEBYSCORE", key, high, low, "LIMIT", 0, page)
            if newest
            else await client.call("ZRANGEBYSCORE", key, low, high, "LIMIT", 0, page)
        )
        if not names:
            break
        numbers = [int(name.partition(b":")[0]) for name in names]
        replies = await client.calls([("XRANGE", keys.stream, f"{local}-0", f"{local}-0") for local in numbers])
        events = [event_of(entry, keys.shard) for reply in replies for entry in reply]
        # A list of one session in one group is the only one that leaves any out.
        found.extend(event for event in events if group_id is None or event.group_id == group_id)
        if len(names) < page:
            break
        low, high = (low, f"({numbers[-1]}") if newest else (f"({numbers[-1]}", high)
    return found[::-1] if newest else found


async def last_local(client: Client, keys: Keys) -> int:
    """The number of the shard's last event."""
    return int(await client.call("GET", keys.seq) or 0)


def local_of(entry: Any) -> int:
    """The shard's number of an entry of its stream."""
    return int(entry[0].partition(b"-")[0])


def event_of(entry: Any, shard: Shard) -> Event:
    """The event in an entry of the shard's stream."""
    _, (_, document) = entry
    return codec.decode_event(document, shard.seq(local_of(entry)))


async def _of_all(client: Client, keys: Keys, behind: int, most: int, *, newest: bool) -> list[Event]:
    if newest:
        found = (await client.call("XREVRANGE", keys.stream, "+", f"({behind}-0", "COUNT", most))[::-1]
    else:
        found = await client.call("XRANGE", keys.stream, f"({behind}-0", "+", "COUNT", most)
    return [event_of(entry, keys.shard) for entry in found]
