"""Chronicle: the store's newest events, read as far back as is asked for, and kept up with.

Reading is bounded: at most ``MOST`` events. How far back that goes is said by ``since``. Events of sessions that
are there are never trimmed by a store; those of deleted ones are, and leave gaps in the numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import aclosing
from itertools import pairwise

from nexus.errors import NexusError, StoreUnavailable
from nexus.model import Event
from nexus.service import Service

MOST = 100_000
"""Events that are read, at most: how far back one can go."""
BEFORE = 300.0
"""Seconds before a time whose events are read too: figures a minute are of the last five."""
LOGGED = 200
"""Events before a time that are read too, for the log."""
_FIRST = 1000
_NEW = 200
_PART = 4000


class Chronicle:
    """Events in order, the oldest first."""

    def __init__(self, service: Service, most: int = MOST) -> None:
        """Know nothing yet.

        Args:
            service: Whose events.
            most: How many are read.
        """
        self._service = service
        self._most = most
        self._forget()

    def _forget(self) -> None:
        self.events: list[Event] = []
        self.is_whole = False
        """Whether nothing older is kept."""
        self.is_bounded = False
        """Whether older events are there that are not read."""
        self._known: set[int] = set()
        self._of: dict[str, list[Event]] = {}
        self._low = 0
        """The number from which on all are read."""

    @property
    def since(self) -> float | None:
        """From when on all events are known; ``None`` before any was read."""
        return self.events[0].ts if self.events else None

    @property
    def newest(self) -> int:
        """How many events there are: it rises with every new one."""
        return len(self._known)

    def of(self, session_id: str) -> Sequence[Event]:
        """A session's events, as far as they are known."""
        return self._of.get(session_id, ())

    @property
    def of_groups(self) -> list[Event]:
        """What happened to groups themselves."""
        return [event for event in self.events if event.session_id is None]

    def touched(self, ts: float) -> set[str]:
        """The sessions that something happened to after a time.

        Args:
            ts: Seconds since the epoch.
        """
        return {event.session_id for event in self.events if event.ts > ts and event.session_id is not None}

    def until(self, ts: float) -> list[Event]:
        """The events up to a time."""
        return [event for event in self.events if event.ts <= ts]

    def has_gaps(self, ts: float) -> bool:
        """Whether numbers are missing after a time: events of deleted sessions that were trimmed."""
        numbers = [event.seq for event in self.events if event.ts > ts]
        rising = all(one < other for one, other in pairwise(numbers))
        return rising and bool(numbers) and numbers[-1] - numbers[0] + 1 > len(numbers)

    async def catch_up(self) -> list[Event]:
        """Read what has come since; those events. Where that is too much, all is read anew."""
        found = await self._service.recent_events(limit=_NEW if self.events else _FIRST)
        if self.events and found and all(event.seq not in self._known for event in found):
            # More came than was asked for: read on from the last one known, or begin again.
            between = await self._gap(found[0].seq)
            if between is None:
                self._forget()
                found = await self._service.recent_events(limit=_FIRST)
            else:
                found = [*between, *found]
        if not self.events and found:
            self._low = found[0].seq
            self.is_whole = len(found) < _FIRST and self._low <= 1
        new = [event for event in found if event.seq not in self._known]
        self._index(new)
        self.events += new
        for event in new:
            if event.session_id is not None:
                self._of.setdefault(event.session_id, []).append(event)
        return new

    async def _gap(self, before: int) -> list[Event] | None:
        if before - self.events[-1].seq > self._most // 2:
            return None
        try:
            return await self._between(self.events[-1].seq, before)
        except StoreUnavailable:
            raise
        except NexusError:  # The positions of this store are no numbers.
            return None

    async def reach(self, ts: float) -> bool:
        """Read back until the events since a time, and some before it, are known.

        Args:
            ts: Seconds since the epoch.

        Returns:
            Whether they are all known.
        """
        await self.catch_up()
        part = _PART
        while not self._suffices(ts) and not self.is_whole and not self.is_bounded:
            # Where all events of a part were trimmed, the next part is bigger.
            part = _PART if await self._read_back(part) else part * 2
        return self.is_whole or (self.since is not None and self.since < ts)

    def _suffices(self, ts: float) -> bool:
        if not self.events:
            return True
        before = self.events[min(LOGGED, len(self.events) - 1)].ts
        return self.events[0].ts < ts - BEFORE and before < ts

    async def _read_back(self, part: int) -> bool:
        if len(self.events) >= self._most:
            self.is_bounded = True
            return True
        start = max(self._low - 1 - part, 0)
        try:
            older = await self._between(start, self._low)
        except StoreUnavailable:
            raise
        except NexusError:  # The positions of this store are no numbers.
            self.is_bounded = True
            return True
        new = [event for event in older if event.seq not in self._known]
        room = self._most - len(self.events)
        if len(new) > room:
            new, self.is_bounded = new[-room:], True
        self._low = new[0].seq if self.is_bounded else start + 1
        self.is_whole = start == 0 and not self.is_bounded
        self._index(new)
        self.events[:0] = new
        found: dict[str, list[Event]] = {}
        for event in new:
            if event.session_id is not None:
                found.setdefault(event.session_id, []).append(event)
        for session_id, events in found.items():
            self._of[session_id] = events + self._of.get(session_id, [])
        return bool(new)

    def _index(self, new: Iterable[Event]) -> None:
        self._known |= {event.seq for event in new}

    async def _between(self, after: int, before: int) -> list[Event]:
        found: list[Event] = []
        async with aclosing(self._service.feed(cursor=str(after))) as items:  # type: ignore[type-var]
            async for item in items:
                event = item.event
                if item.live or (event is not None and event.seq >= before):
                    break
                if event is not None:
                    found.append(event)
        return found
