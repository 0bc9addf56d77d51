"""The event feed: one stream, read by number, and one blocking read for all who wait in this process."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

import hiredis

from nexus.errors import NexusError
from nexus.model import Event, EventBatch
from nexus.stores import codec
from nexus.stores.bell import Bell
from nexus.stores.positions import batch_behind, read_position
from nexus.stores.redis.client import Client
from nexus.stores.redis.keys import Keys
from nexus.stores.redis.wire import Lost, Wire

_BLOCK: Final = 1.0
"""Seconds that one blocking read waits, so that a server that hangs is noticed."""

_PAUSE: Final = 0.1


async def read_events(client: Client, keys: Keys, cursor: str | None, limit: int) -> EventBatch:
    """See ``Store.read_events``."""
    if cursor is None:
        return EventBatch(events=(), cursor=str(await last_seq(client, keys)))
    after = read_position(cursor)
    last, found = await client.calls(
        [("GET", keys.seq), ("XRANGE", keys.stream, f"({after}-0", "+", "COUNT", max(limit, 1))]
    )
    # The number was read first, so events behind it are in no way missing.
    return batch_behind(after, [_event(entry) for entry in found], int(last or 0))


async def list_events(
    client: Client, keys: Keys, session_id: str | None, group_id: str | None, *, after: int, limit: int, newest: bool
) -> list[Event]:
    """See ``Store.list_events``."""
    most = max(limit, 0)
    if most == 0:
        return []
    if session_id is None and group_id is None:
        return await _of_all(client, keys, after, most, newest=newest)
    key = keys.part("eg", group_id or "") if session_id is None else keys.part("es", session_id)
    found: list[Event] = []
    low, high = f"({after}", "+inf"
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
        replies = await client.calls([("XRANGE", keys.stream, f"{seq}-0", f"{seq}-0") for seq in numbers])
        events = [_event(entry) for reply in replies for entry in reply]
        # A list of one session in one group is the only one that leaves any out.
        found.extend(event for event in events if group_id is None or event.group_id == group_id)
        if len(names) < page:
            break
        low, high = (low, f"({numbers[-1]}") if newest else (f"({numbers[-1]}", high)
    return found[::-1] if newest else found


async def last_seq(client: Client, keys: Keys) -> int:
    """The highest number given so far."""
    return int(await client.call("GET", keys.seq) or 0)


async def _of_all(client: Client, keys: Keys, after: int, most: int, *, newest: bool) -> list[Event]:
    if newest:
        found = (await client.call("XREVRANGE", keys.stream, "+", f"({after}-0", "COUNT", most))[::-1]
    else:
        found = await client.call("XRANGE", keys.stream, f"({after}-0", "+", "COUNT", most)
    return [_event(entry) for entry in found]


def _event(entry: Any) -> Event:
    name, (_, document) = entry
    return codec.decode_event(document, int(name.partition(b"-")[0]))


class Feed:
    """Wakes those who wait for events, whichever process commits them; for one event loop.

    Args:
        client: Reads the last number, and opens the connection that blocks.
        keys: The store's keys.
    """

    def __init__(self, client: Client, keys: Keys) -> None:
        self._client = client
        self._keys = keys
        self._bell = Bell()
        self._listening: asyncio.Task[None] | None = None
        self._wire: Wire | None = None
        self._waiting = 0

    def ring(self, last: int) -> None:
        """Say that this process committed events up to ``last``."""
        self._bell.ring(last)

    async def wait(self, cursor: str, timeout: float) -> bool:
        """See ``Store.wait_events``."""
        after = read_position(cursor)
        if after < self._bell.last:
            return True
        last = await last_seq(self._client, self._keys)
        if after != last:
            self._heard(last)
            return True
        self._heard(last)
        if self._listening is None or self._listening.done():
            self._listening = asyncio.create_task(self._listen())
        self._waiting += 1
        try:
            return await self._bell.wait(after, timeout)
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """Stop listening and wake everybody."""
        if self._listening is not None:
            self._listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listening
        self._bell.release()
        if self._wire is not None:
            self._wire.close()
            await self._wire.closed

    def _heard(self, last: int) -> None:
        if last < self._bell.last:
            # The server lost its history, or was put back from a copy: numbers start anew.
            self._bell.release()
            self._bell = Bell(last)
        else:
            self._bell.ring(last)

    async def _listen(self) -> None:
        """Listen for as long as somebody waits, and one blocking read longer."""
        while self._waiting:
            try:
                await self._read_once()
            except (Lost, NexusError):
                # Those who wait need no error: what they call next meets the same server, and says so.
                await asyncio.sleep(_PAUSE)

    async def _read_once(self) -> None:
        if self._wire is None or not self._wire.open:
            self._wire = await self._client.another()
            self._heard(int(await self._answer(self._wire.call("GET", self._keys.seq)) or 0))
        after = self._bell.last
        reply = await self._answer(
            self._wire.call(
                "XREAD", "COUNT", 1, "BLOCK", int(_BLOCK * 1000), "STREAMS", self._keys.stream, f"{after}-0"
            )
        )
        if reply is not None:
            self._bell.ring(int(reply[0][1][0][0].partition(b"-")[0]))
        # Far more may have come than the one that was read.
        self._heard(int(await self._answer(self._wire.call("GET", self._keys.seq)) or 0))

    async def _answer(self, reply: asyncio.Future[Any]) -> Any:
        answer = await reply
        if isinstance(answer, hiredis.ReplyError):
            if self._wire is not None:
                self._wire.close(str(answer))
            raise Lost(str(answer))
        return answer
