"""Wakes those who wait for events, inside one event loop."""

from __future__ import annotations

import asyncio


class Bell:
    """Knows the number of the last event that was committed, as far as this process has heard.

    All methods are called on the event loop.
    """

    def __init__(self, last: int = 0) -> None:
        self._last = last
        self._waiters: dict[asyncio.Future[None], int] = {}

    @property
    def last(self) -> int:
        """The highest number heard of."""
        return self._last

    @property
    def waiting(self) -> bool:
        """Whether anybody waits."""
        return bool(self._waiters)

    def ring(self, last: int) -> None:
        """Say that events up to ``last`` are committed; a number that is older than known changes nothing."""
        if last <= self._last:
            return
        self._last = last
        for waiter, after in list(self._waiters.items()):
            if after < last and not waiter.done():
                waiter.set_result(None)

    def release(self) -> None:
        """Wake everybody without an event, because the store closes."""
        for waiter in self._waiters:
            waiter.cancel()

    async def wait(self, after: int, timeout: float) -> bool:
        """Sleep until an event with a number over ``after`` is known.

        Args:
            after: The number of the last event that the caller has read.
            timeout: Seconds.

        Returns:
            ``False`` when the time ran out.
        """
        if after < self._last:
            return True
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = after
        try:
            done, _ = await asyncio.wait((waiter,), timeout=max(0.0, timeout))
            return bool(done) and not waiter.cancelled()
        finally:
            del self._waiters[waiter]
