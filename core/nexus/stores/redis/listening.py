"""Waiting for events: one blocking read a shard, for all who wait in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import hiredis

from nexus.errors import NexusError
from nexus.stores.redis.feed import last_local, local_of
from nexus.stores.redis.links import Link, ask
from nexus.stores.redis.wire import Lost, Wire
from nexus.tasks import end

_BLOCK: Final = 1.0
"""Seconds that one blocking read waits, so that a server that hangs is noticed."""

_PAUSE: Final = 0.1


class Listening:
    """Wakes those who wait for events, whichever process commits them; for one event loop.

    Args:
        links: All shards, in their order.
    """

    def __init__(self, links: Sequence[Link]) -> None:
        self._links = links
        self._listeners = [_Listener(self, number, link) for number, link in enumerate(links)]
        self._waiters: dict[asyncio.Future[bool], tuple[int, ...]] = {}
        self.known = [0] * len(links)
        """The number of the last event of each shard, as far as this process has heard."""

    @property
    def waiting(self) -> bool:
        """Whether anybody waits."""
        return bool(self._waiters)

    def ring(self, shard: int, last: int) -> None:
        """Say that a shard has events up to its ``last``; a number that is older than known changes nothing."""
        if last <= self.known[shard]:
            return
        self.known[shard] = last
        for waiter, after in list(self._waiters.items()):
            if after[shard] < last and not waiter.done():
                waiter.set_result(True)

    def heard(self, shard: int, last: int) -> None:
        """Say that a shard's last event is ``last`` now."""
        if last < self.known[shard]:
            # The server lost its history, or was put back from a copy: numbers start anew, and all cursors are old.
            self.known[shard] = last
            self._wake_all(found=True)
        else:
            self.ring(shard, last)

    async def wait(self, positions: tuple[int, ...], timeout: float) -> bool:
        """See ``Store.wait_events``; with the place in each shard."""
        if self._behind(positions):
            return True
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = positions
        try:
            if await self._look(positions):
                return True
            done, _ = await asyncio.wait((waiter,), timeout=max(0.0, timeout))
            return bool(done) and waiter.result()
        finally:
            del self._waiters[waiter]

    async def close(self) -> None:
        """Stop listening and wake everybody."""
        for listener in self._listeners:
            await listener.stop()
        self._wake_all(found=False)
        for listener in self._listeners:
            await listener.close()

    async def _look(self, positions: tuple[int, ...]) -> bool:
        """Ask those shards that nobody listens to yet; whether there is anything. Listen to all of them from now on."""
        unsure = [
            number
            for number, listener in enumerate(self._listeners)
            if not listener.listens or positions[number] > self.known[number]
        ]
        if unsure:
            replies = await ask(self._links, [(number, ("GET", self._links[number].keys.seq)) for number in unsure])
            lasts = {number: int(reply or 0) for number, reply in zip(unsure, replies, strict=True)}
            for number, last in lasts.items():
                self.heard(number, last)
            if any(positions[number] != last for number, last in lasts.items()):
                return True
        for listener in self._listeners:
            listener.start()
        return self._behind(positions)

    def _behind(self, positions: tuple[int, ...]) -> bool:
        return any(after < last for after, last in zip(positions, self.known, strict=True))

    def _wake_all(self, *, found: bool) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(found)


class _Listener:
    """The blocking reads of one shard."""

    def __init__(self, listening: Listening, number: int, link: Link) -> None:
        self._listening = listening
        self._number = number
        self._link = link
        self._task: asyncio.Task[None] | None = None
        self._wire: Wire | None = None
        self.listens = False
        """Whether a blocking read is under way, which misses no event behind the last that is known."""

    def start(self) -> None:
        """Listen for as long as somebody waits, and one blocking read longer."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        await end(self._task)

    async def close(self) -> None:
        if self._wire is not None:
            self._wire.close()
            await self._wire.closed

    async def _listen(self) -> None:
        while self._listening.waiting:
            try:
                await self._read_once()
            except (Lost, NexusError):
                # Those who wait need no error: what they call next meets the same server, and says so.
                self.listens = False
                await asyncio.sleep(_PAUSE)
        self.listens = False

    async def _read_once(self) -> None:
        keys, shard = self._link.keys, self._number
        if self._wire is None or not self._wire.open:
            self._wire = await self._link.client.another()
            self._listening.heard(shard, int(await self._answer(self._wire.call("GET", keys.seq)) or 0))
        after = self._listening.known[shard]
        call = self._wire.call("XREAD", "COUNT", 1, "BLOCK", int(_BLOCK * 1000), "STREAMS", keys.stream, f"{after}-0")
        self.listens = True
        reply = await self._answer(call)
        if reply is not None:
            self._listening.ring(shard, local_of(reply[0][1][0]))
        # Far more may have come than the one that was read.
        self._listening.heard(shard, int(await self._answer(self._wire.call("GET", keys.seq)) or 0))

    async def _answer(self, reply: asyncio.Future[Any]) -> Any:
        answer = await reply
        if isinstance(answer, hiredis.ReplyError):
            if self._wire is not None:
                self._wire.close(str(answer))
            raise Lost(str(answer))
        return answer


async def last_positions(links: Sequence[Link]) -> tuple[int, ...]:
    """The number of the last event of each shard."""
    if len(links) == 1:
        return (await last_local(links[0].client, links[0].keys),)
    replies = await ask(links, [(number, ("GET", link.keys.seq)) for number, link in enumerate(links)])
    return tuple([int(reply or 0) for reply in replies])
