"""Lives: what the sessions were that events have touched, at any time."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from nexus.errors import CheckpointNotFound, SessionNotFound
from nexus.model import Event, Session
from nexus.service import MAX_LIMIT, Service
from nexus_tui.rewind.unrolling import agree, as_read, unroll

_PAGES = 20
"""Pages of a session's events that are read: a longer history is not told."""
_AT_ONCE = 8
_TRIES = 3
_MANY = 4
"""Sessions from which on their records are read by the page, those that were used last first."""
_PAGE = 250
_BREATH = 0.02
"""Seconds of working out after which others have a turn."""


@dataclass(frozen=True, slots=True)
class Life:
    """One session through time."""

    today: Session | None
    """As it is now, worked out from its events, without its state; ``None``: it was deleted."""
    times: tuple[float, ...] = ()
    records: tuple[Session | None, ...] = ()
    exact: bool = True
    """Whether its events tell all of it."""
    events: tuple[Event, ...] = ()

    @property
    def is_told(self) -> bool:
        """Whether it can be shown at all: of a deleted one, too little is left."""
        return self.today is not None

    def at(self, ts: float) -> Session | None:
        """What it was at a time; ``None``: it wasn't there, or that is not known.

        Args:
            ts: Seconds since the epoch.
        """
        if not self.records:
            return self.today if self.today is not None and self.today.created_at <= ts else None
        place = bisect_right(self.times, ts)
        found = self.records[place - 1] if place else None
        return as_read(found, ts) if found is not None else None

    def events_until(self, ts: float) -> tuple[Event, ...]:
        """What had happened to it by then."""
        return tuple(event for event in self.events if event.ts <= ts)


GONE = Life(None, exact=False)


class Lives:
    """Lives that were asked for, each read once and again when it has gone on."""

    def __init__(
        self, service: Service, clock: Callable[[], float], told: Callable[[str], Sequence[Event]] = lambda _: ()
    ) -> None:
        """Know none yet.

        Args:
            service: Where they are read.
            clock: Seconds since the epoch, as of now.
            told: The newest events of a session that are known anyway: with its creation, they are all of them.
        """
        self._service = service
        self._clock = clock
        self._told = told
        self._known: dict[str, Life] = {}
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._spoilt: dict[str, int] = {}
        self._breath = time.perf_counter()

    @property
    def count(self) -> int:
        """How many are known."""
        return len(self._known)

    def known(self, session_id: str) -> Life | None:
        """A life that was read already."""
        return self._known.get(session_id)

    def spoil(self, session_ids: Iterable[str | None]) -> None:
        """Say that something has happened to sessions."""
        for session_id in session_ids:
            if session_id is not None:
                self._known.pop(session_id, None)
                self._spoilt[session_id] = self._spoilt.get(session_id, 0) + 1

    async def of(self, session_ids: Iterable[str]) -> dict[str, Life]:
        """The lives of sessions.

        Args:
            session_ids: Which.
        """
        wanted = list(session_ids)
        missing = [each for each in wanted if each not in self._known]
        records = await self._records(set(missing)) if len(missing) >= _MANY else {}
        await asyncio.gather(*(self._load(each, records.get(each)) for each in missing))
        return {each: self._known[each] for each in wanted if each in self._known}

    async def _records(self, wanted: set[str]) -> dict[str, Session]:
        """Many records, by pages of those used last: what was touched is at the top."""
        found: dict[str, Session] = {}
        cursor: str | None = None
        for _ in range(2 * len(wanted) // _PAGE + 2):
            limit = min(2 * len(wanted) + _MANY, _PAGE)
            page = await self._service.list_sessions(sort="-last_activity", limit=limit, cursor=cursor)
            found |= {each.id: each for each in page.items if each.id in wanted}
            cursor = page.next_cursor
            if cursor is None or len(found) == len(wanted):
                break
        return found

    async def _load(self, session_id: str, record: Session | None) -> None:
        async with self._places:
            before = self._spoilt.get(session_id, 0)
            life = await self._read(session_id, record)
            if self._spoilt.get(session_id, 0) != before:  # It has gone on while it was read.
                life = await self._read(session_id, None)
            self._known[session_id] = life
            if time.perf_counter() - self._breath > _BREATH:
                await asyncio.sleep(0)
                self._breath = time.perf_counter()

    async def _read(self, session_id: str, record: Session | None) -> Life:
        today, told = record, self._told(session_id)
        if record is not None and _begins(told) and told[-1].version in (None, record.version):
            return await self._life(record, list(told))
        for _ in range(_TRIES):
            try:
                today = await self._service.get_session(session_id)
                events = list(told) if _ends_at(told, today) else await self._events(session_id)
            except SessionNotFound:
                return GONE
            if events is None or not _begins(events):
                return Life(_bare(today), exact=False, events=tuple(events or ()))
            # What came between the two reads is read again when it is heard of.
            known = [event for event in events if event.version is None or event.version <= today.version]
            if _ends_at(known, today):
                return await self._life(today, known)
        assert today is not None  # noqa: S101  it was read three times
        return Life(_bare(today), exact=False)

    async def _life(self, today: Session, events: list[Event]) -> Life:
        first = None
        if "forked_from" in events[0].data:
            try:
                first = await self._service.get_checkpoint(today.id, "checkpoint-1")
            except CheckpointNotFound:
                first = None
            first = first if first is not None and first.created_at == events[0].ts else None
        try:
            records = unroll(events, today, first)
        except (KeyError, TypeError, ValueError):  # An event of another version says something else.
            return Life(_bare(today), exact=False, events=tuple(events))
        if not agree(records[-1], today, self._clock()):
            return Life(_bare(today), exact=False, events=tuple(events))
        return Life(records[-1], _rising(events), tuple(records), events=tuple(events))

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


def _begins(events: Sequence[Event]) -> bool:
    """Whether they are all of a session's, from its creation on."""
    return bool(events) and events[0].type == "session.created"


def _ends_at(events: Sequence[Event], today: Session) -> bool:
    return _begins(events) and events[-1].version in (None, today.version)


def _bare(session: Session) -> Session:
    """Without the state: thousands are kept."""
    return replace(session, state_json=b"{}")


def _rising(events: Iterable[Event]) -> tuple[float, ...]:
    """Times by clocks of several processes: what was committed later is not told earlier."""
    times: list[float] = []
    for event in events:
        times.append(max(event.ts, times[-1] if times else event.ts))
    return tuple(times)
