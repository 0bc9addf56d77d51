"""One read for all who want the same at the same moment.

An event wakes everybody in a process who follows the feed, and most of them stand at the same place. Whoever asks
before the read is sent gets its answer, which is then as new as one of his own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from nexus.model import EventBatch

Place = tuple[str | None, int]
"""A cursor, and how many events at most."""


class SharedReads:
    """See the module's docstring; for one event loop.

    Args:
        read: Reads behind a cursor; called at the end of the turn of the event loop in which it was asked for.
    """

    def __init__(self, read: Callable[[str | None, int], Awaitable[EventBatch]]) -> None:
        self._read = read
        self._planned: dict[Place, asyncio.Task[EventBatch]] = {}

    async def read(self, cursor: str | None, limit: int) -> EventBatch:
        """What lies behind a cursor; see ``Store.read_events``."""
        place = (cursor, limit)
        task = self._planned.get(place)
        if task is None:
            task = self._planned[place] = asyncio.create_task(self._now(place))
            task.add_done_callback(_heard)
        # One of those who wait for it may be cancelled, and the others go on.
        return await asyncio.shield(task)

    async def _now(self, place: Place) -> EventBatch:
        del self._planned[place]
        return await self._read(*place)


def _heard(task: asyncio.Task[EventBatch]) -> None:
    """Take the error of a read that nobody waits for any more."""
    if not task.cancelled():
        task.exception()
