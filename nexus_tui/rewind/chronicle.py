"""Chronicle: the store's newest events, read as far back as is asked for, and kept up with.

Reading is bounded: at most ``MOST`` events. How far back that goes is said by ``since``.
"""

from __future__ import annotations

from contextlib import aclosing, suppress

from nexus.errors import NexusError
from nexus.model import Event
from nexus.service import Service

MOST = 200_000
"""Events that are read, at most: how far back one can go."""
BEFORE = 300.0
"""Seconds before a time whose events are read too: figures a minute are of the last five."""
LOGGED = 200
"""Events before a time that are read too, for the log."""
_FIRST = 1000
_PART = 4000


class Chronicle:
    """Events in order, the oldest first."""

    def __init__(self, service: Service, most: int = MOST) -> None:
        """Know nothing yet.

        Args:
            service: Whose events.
            most: How many are read.
        """
        self.events: list[Event] = []
        self.is_whole = False
        """Whether nothing older is kept."""
        self.is_bounded = False
        """Whether older events are there that are not read."""
        self._service = service
        self._most = most
        self._known: set[int] = set()

    @property
    def since(self) -> float | None:
        """From when on all events are known; ``None`` before any was read."""
        if not self.events:
            return None
        # Of the moment of the oldest event itself some may be missing.
        return self.events[0].ts

    @property
    def newest(self) -> int:
        """How many events there are: it rises with every new one."""
        return len(self._known)

    async def catch_up(self) -> list[Event]:
        """Read what has come since; those events."""
        limit = _FIRST if not self.events else 200
        new: list[Event] = []
        found = await self._service.recent_events(limit=limit)
        if self.events and found and all(event.seq not in self._known for event in found):
            # More came than was asked for: read on from the last one known.
            with suppress(NexusError):
                new = await self._between(self.events[-1].seq, None)
        new += [event for event in found if event.seq not in {each.seq for each in new}]
        return self._add([event for event in new if event.seq not in self._known])

    def _add(self, new: list[Event]) -> list[Event]:
        self.events += new
        self._known |= {event.seq for event in new}
        return new

    async def reach(self, ts: float) -> bool:
        """Read back until the events since a time, and some before it, are known.

        Args:
            ts: Seconds since the epoch.

        Returns:
            Whether they are all known.
        """
        await self.catch_up()
        if len(self.events) < _FIRST and not self.is_whole and self.events and self.events[0].seq <= 1:
            self.is_whole = True
        while not self._suffices(ts) and not self.is_whole and not self.is_bounded:
            await self._read_back()
        return self.is_whole or (self.since is not None and self.since < ts)

    def _suffices(self, ts: float) -> bool:
        if not self.events:
            return True
        before = self.events[min(LOGGED, len(self.events) - 1)].ts
        return self.events[0].ts < ts - BEFORE and before < ts

    async def _read_back(self) -> None:
        if len(self.events) >= self._most:
            self.is_bounded = True
            return
        first = self.events[0].seq
        part = min(_PART, self._most - len(self.events))
        start = max(first - 1 - part, 0)
        try:
            older = await self._between(start, first)
        except NexusError:  # The positions of this store are no numbers.
            self.is_bounded = True
            return
        new = [event for event in older if event.seq not in self._known]
        self.events[:0] = new
        self._known |= {event.seq for event in new}
        if start == 0 or not new:
            self.is_whole = True

    async def _between(self, after: int, before: int | None) -> list[Event]:
        found: list[Event] = []
        async with aclosing(self._service.feed(cursor=str(after))) as items:  # type: ignore[type-var]
            async for item in items:
                event = item.event
                if item.live or (event is not None and before is not None and event.seq >= before):
                    break
                if event is not None:
                    found.append(event)
        return found
