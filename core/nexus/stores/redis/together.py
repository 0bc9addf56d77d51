"""One attempt at a time, for all who want what comes of it: they succeed together, and fail together.

A server that is away makes each attempt last for its whole time-out. Those who made theirs one after the other would
wait the longer the more they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Together(Generic[T]):
    """Used on one event loop.

    Args:
        attempt: Called when nobody is at it; goes on when those who wait for it are cancelled.
    """

    def __init__(self, attempt: Callable[[], Awaitable[T]]) -> None:
        self._attempt = attempt
        self._task: asyncio.Task[T] | None = None

    async def __call__(self) -> T:
        """What comes of the attempt that is under way, or of a new one."""
        task = self._task
        if task is None or task.done():
            self._task = task = asyncio.create_task(self._try())
            task.add_done_callback(_taken)
        return await asyncio.shield(task)

    async def stop(self) -> None:
        """Give up what is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _try(self) -> T:
        return await self._attempt()


def _taken(task: asyncio.Task[T]) -> None:
    """Everybody who waited may be gone: nobody need hear of it then."""
    if not task.cancelled():
        task.exception()
