"""Journey: the way into the past of a live service, and back. One of the console; screens go through it.

What is needed to tell a time is read first, and only then is that time shown, all of it at once: nothing on the
screen is ever of two times. Going back to the present needs no reading.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from textual.app import App
from textual.worker import Worker

from nexus.errors import InvalidInput, NexusError
from nexus_tui.beginning import begin
from nexus_tui.feed import Feed
from nexus_tui.known import Glance, Known
from nexus_tui.rewind.annals import Annals
from nexus_tui.rewind.figures import course_until
from nexus_tui.rewind.service import PastService
from nexus_tui.rewind.spans import stepped

_KEPT = 20_000
"""Events that are kept in memory once the present is shown again."""
_REMEMBERED = 10_000
"""Events before a moment that are taken note of, for the log and for each session's last one."""


class Journey:
    """Where one is in time, and where one is going."""

    def __init__(self, host: App[int], feed: Feed) -> None:
        """Begin in the present.

        Args:
            host: The app whose workers read.
            feed: What is shown goes through it.
        """
        self.wanted: float | None = None
        """The time that is being read, to be shown next (seconds since the epoch)."""
        self.failed: Callable[[NexusError], None] = lambda _: None
        """Told of a time that could not be read."""
        self.clamped: Callable[[float], None] = lambda _: None
        """Told of the time that is shown instead of an earlier one."""
        self._host = host
        self._feed = feed
        self._annals: Annals | None = None
        self._worker: Worker[None] | None = None

    @property
    def is_away(self) -> bool:
        """Whether the past is shown, or about to be."""
        return self._feed.past is not None or self.wanted is not None

    @property
    def at(self) -> float:
        """The time that is shown, or about to be."""
        return self.wanted if self.wanted is not None else self._feed.clock()

    @property
    def reached(self) -> float | None:
        """The earliest time that can be told, as far as is known."""
        return None if self._annals is None else self._annals.reached or self._annals.begun

    @property
    def is_bounded(self) -> bool:
        """Whether more is there that is not read."""
        return self._annals is not None and self._annals.chronicle.is_bounded

    @property
    def read(self) -> tuple[int, int]:
        """How many events and lives have been read."""
        annals = self._annals
        return (0, 0) if annals is None else (annals.chronicle.newest, annals.lives.count)

    def amounts(self, first: float, last: float, parts: int) -> list[float]:
        """How many events there were in equal parts of a time.

        Args:
            first: From when.
            last: Until when.
            parts: How many parts.
        """
        counts = [0.0] * parts
        if self._annals is not None:
            for event in self._annals.chronicle.events:
                if first <= event.ts < last:
                    counts[int((event.ts - first) / (last - first) * parts)] += 1
        return counts

    # Going

    def step(self, direction: int, *, big: bool = False) -> None:
        """One step back or on; one that would go beyond now goes back to the present.

        Args:
            direction: -1 or 1.
            big: Whether to take the bigger step.
        """
        now = self._feed.now()
        self.go(stepped(self.at, now, direction, big=big))

    def go(self, ts: float) -> None:
        """Go to a time; what has to be read is read first.

        Args:
            ts: Seconds since the epoch; what isn't past is the present.

        Raises:
            InvalidInput: Several contexts are shown, whose pasts are several.
        """
        if self._feed.contexts is not None:
            raise InvalidInput("Several contexts are shown: leave all but one to look at its past", field="time")
        if ts >= self._feed.now():
            self.return_to_now()
            return
        self.wanted = ts
        self._worker = begin(self._host, partial(self._read, ts), "journey", exclusive=True)

    def return_to_now(self) -> None:
        """Show the present again, at once; a reading that is under way is left."""
        if self._worker is not None:
            self._worker.cancel()
            self._worker = None
        self.wanted = None
        self._feed.look_at(None)
        if self._annals is not None and self._annals.chronicle.newest > _KEPT:
            self._annals = None

    async def _read(self, ts: float) -> None:
        try:
            at, glance = await self._glance(ts)
        except NexusError as error:
            self.wanted = None
            self.failed(error)
            return
        self.wanted = None
        self._feed.look_at(glance)
        if at - ts > 1:
            self.clamped(at)

    async def _glance(self, ts: float) -> tuple[float, Glance]:
        live = self._feed.service
        if self._annals is None or self._annals.service is not live:
            self._annals = Annals(live, self._feed.now)
        annals = self._annals
        at = await annals.reach(ts)
        past = PastService(annals, at)
        known = Known(lambda: at)
        known.statistics, _ = await asyncio.gather(
            past.statistics(), known.horizon.look(lambda q: past.window(q, limit=1))
        )
        events = annals.chronicle.until(at)
        for event in events[-_REMEMBERED:]:
            known.remember(event)
        since = annals.reached
        course_until(
            known.history, self._feed.present.course, events, at, since if since is not None else float("-inf")
        )
        return at, Glance(at, past.as_service, known, await past.doubts(), past.is_doubtful, past.note_of)
