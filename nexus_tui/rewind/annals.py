"""Annals: all that is read to tell a store's past: its newest events, and the lives of what they touched.

Reading is bounded by events and by sessions; how far back that goes is ``reached``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from nexus.service import Service
from nexus_tui.rewind.chronicle import BEFORE, MOST, Chronicle
from nexus_tui.rewind.lives import Life, Lives

MOST_TOUCHED = 10_000
"""Sessions whose lives are read, at most: further back one can't go either."""
_TINY = 1e-6


class Annals:
    """The past of one store."""

    def __init__(
        self, service: Service, clock: Callable[[], float], *, most: int = MOST, most_touched: int = MOST_TOUCHED
    ) -> None:
        """Know nothing yet.

        Args:
            service: Whose past.
            clock: Seconds since the epoch, as of now.
            most: Events that are read, at most.
            most_touched: Sessions whose lives are read, at most.
        """
        self.service = service
        self.clock = clock
        self.chronicle = Chronicle(service, most)
        self.lives = Lives(service, clock, self.chronicle.of)
        self._most_touched = most_touched
        self._touched: tuple[float, int, set[str]] = (0.0, -1, set())
        self._reading = asyncio.Lock()
        self._began = float("-inf")

    @property
    def reached(self) -> float | None:
        """The earliest time that can be told; ``None`` where that is the beginning of all, or not known yet."""
        chronicle = self.chronicle
        return None if chronicle.is_whole or chronicle.since is None else chronicle.since + _TINY

    @property
    def begun(self) -> float | None:
        """When the first event was, where nothing is older."""
        return self.chronicle.since if self.chronicle.is_whole else None

    async def reach(self, ts: float) -> float:
        """Read what is needed to tell a time.

        Args:
            ts: Seconds since the epoch.

        Returns:
            That time, or the earliest after it that can be told.

        Raises:
            StoreUnavailable: As it says.
        """
        await self.catch_up()
        if not await self.chronicle.reach(ts):
            ts = max(ts, self.reached or ts)
        ts = max(ts, self._earliest(), self.begun or ts)
        await self.touched(ts)
        return ts

    def _earliest(self) -> float:
        """The time since which no more sessions were touched than may be read."""
        seen: set[str] = set()
        for event in reversed(self.chronicle.events):
            if event.session_id is not None:
                seen.add(event.session_id)
                if len(seen) > self._most_touched:
                    return event.ts
        return float("-inf")

    async def catch_up(self) -> int:
        """Take up what has happened until now. Who ask at the same time share a reading.

        Returns:
            How many events are known in all.
        """
        asked = time.perf_counter()
        async with self._reading:
            if self._began <= asked:
                self._began = time.perf_counter()
                self.lives.spoil(event.session_id for event in await self.chronicle.catch_up())
        return self.chronicle.newest

    async def touched(self, ts: float) -> dict[str, Life]:
        """The lives of the sessions that something has happened to since a time.

        Args:
            ts: Seconds since the epoch.
        """
        at, newest, ids = self._touched
        if (at, newest) != (ts, self.chronicle.newest):
            ids = self.chronicle.touched(ts)
            self._touched = (ts, self.chronicle.newest, ids)
        return await self.lives.of(ids)

    def knows_rates(self, ts: float) -> bool:
        """Whether the events of the minutes before a time are known too."""
        since = self.chronicle.since
        return self.chronicle.is_whole or (since is not None and since <= ts - BEFORE)
