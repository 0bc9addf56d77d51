"""Lives: what the sessions were that events have touched, at any time."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from nexus.errors import CheckpointNotFound, SessionNotFound
from nexus.model import Event, Session
from nexus.service import MAX_LIMIT, Service
from nexus_tui.rewind.unrolling import agree, unroll

_PAGES = 20
"""Pages of a session's events that are read: a longer history is not told."""
_AT_ONCE = 8
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Life:
    """One session through time."""

    today: Session | None
    """As it is now, worked out from its events; ``None``: it was deleted."""
    times: tuple[float, ...] = ()
    records: tuple[Session | None, ...] = ()
    exact: bool = True
    """Whether its events tell all of it."""

    def at(self, ts: float) -> Session | None:
        """What it was at a time; ``None``: it wasn't there.

        Args:
            ts: Seconds since the epoch.
        """
        if not self.exact:
            return self.today if self.today is not None and self.today.created_at <= ts else None
        place = bisect_right(self.times, ts)
        return self.records[place - 1] if place else None


GONE = Life(None, exact=False)


class Lives:
    """Lives that were asked for, each read once and again when it has gone on."""

    def __init__(self, service: Service, clock: Callable[[], float]) -> None:
        """Know none yet.

        Args:
            service: Where they are read.
            clock: Seconds since the epoch, as of now.
        """
        self._service = service
        self._clock = clock
        self._known: dict[str, Life] = {}
        self._places = asyncio.Semaphore(_AT_ONCE)

    def spoil(self, session_ids: Iterable[str | None]) -> None:
        """Say that something has happened to sessions."""
        for session_id in session_ids:
            self._known.pop(session_id or "", None)

    async def of(self, session_ids: Iterable[str]) -> dict[str, Life]:
        """The lives of sessions.

        Args:
            session_ids: Which.
        """
        wanted = list(session_ids)
        await asyncio.gather(*(self._load(each) for each in wanted if each not in self._known))
        return {each: self._known[each] for each in wanted if each in self._known}

    async def _load(self, session_id: str) -> None:
        async with self._places:
            self._known[session_id] = await self._read(session_id)

    async def _read(self, session_id: str) -> Life:
        for _ in range(_TRIES):
            try:
                today = await self._service.get_session(session_id)
                events = await self._events(session_id)
            except SessionNotFound:
                return GONE
            if events is None or not events or events[0].type != "session.created":
                return Life(today, exact=False)
            if events[-1].version in (None, today.version):
                return await self._life(today, events)
        return Life(today, exact=False)

    async def _life(self, today: Session, events: list[Event]) -> Life:
        first = None
        if today.forked_from is not None:
            try:
                first = await self._service.get_checkpoint(today.id, "checkpoint-1")
            except CheckpointNotFound:
                first = None
            first = first if first is not None and first.created_at == events[0].ts else None
        records = unroll(events, today, first)
        if not agree(records[-1], today, self._clock()):
            return Life(today, exact=False)
        times: list[float] = []
        for event in events:  # Clocks of several processes: what was committed later is not told earlier.
            times.append(max(event.ts, times[-1] if times else event.ts))
        return Life(records[-1], tuple(times), tuple(records))

    async def _events(self, session_id: str) -> list[Event] | None:
        found: list[Event] = []
        cursor: str | None = None
        for _ in range(_PAGES):
            page = await self._service.list_events(session_id, cursor=cursor, limit=MAX_LIMIT)
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                return found
        return None
