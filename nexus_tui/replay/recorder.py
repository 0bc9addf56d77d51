"""Recording: events as they come, each followed by the records that it changed, until somebody stops it.

What is in the file when it is stopped, or when the machine stops, can be played: lines are written whole and in
order, and only the last one can be torn. A record is as of when it was read, a moment after the event; when many
events come at once, one record stands for all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass

from nexus.errors import CheckpointNotFound, GroupNotFound, InvalidInput, NexusError, SessionNotFound
from nexus.model import LIVE, Event, Page, Session, Status
from nexus.service import MAX_LIMIT, FeedItem, Service
from nexus_tui.replay import lines

_AT_ONCE = 8
_TOGETHER = 500
"""Events that are written before their records are read."""
Write = Callable[[bytes], object]


@dataclass
class Recorded:
    """How much is in the file by now."""

    events: int = 0
    sessions: int = 0
    gaps: int = 0


class Recorder:
    """Writes one recording."""

    def __init__(
        self, service: Service, write: Write, clock: Callable[[], float], q: str = "", past: int = 100
    ) -> None:
        """Prepare.

        Args:
            service: What is recorded.
            write: Takes whole lines.
            clock: Seconds since the epoch.
            q: Only what this filter matches.
            past: Events from before the start that are written first.
        """
        self.recorded = Recorded()
        self._service = service
        self._write = write
        self._clock = clock
        self._q = q
        self._past = past
        self._told_before: frozenset[int] = frozenset()
        """Numbers of the events written at the start, of which the feed may bring some again, in any order."""
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def record(self, source: str) -> None:
        """Write until cancelled.

        Args:
            source: What is recorded, in words.

        Raises:
            NexusError: The service's answer; what was written stays.
        """
        began = self._clock()
        self._write(lines.header(source, began))
        queue: asyncio.Queue[FeedItem] = asyncio.Queue(_TOGETHER)
        feed = self._service.feed(self._q)
        reading = asyncio.create_task(_read(feed, queue))
        try:
            await self._begin(queue, reading, began)
            while True:
                await self._take(await _next(queue, reading), queue)
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError, NexusError):
                await reading

    # What is there at the start

    async def _begin(self, queue: asyncio.Queue[FeedItem], reading: asyncio.Task[None], began: float) -> None:
        # Once the feed stands, so that nothing falls between what is there and what comes.
        first = await _next(queue, reading)
        past = await self._service.recent_events(self._q, self._past) if self._past else ()
        self._told_before = frozenset(event.seq for event in past)
        for event in past:
            self._event(event)
        groups = await self._service.list_groups(limit=MAX_LIMIT)
        for group in groups.items:
            self._write(lines.group_line(group, began))
        # All of them stand at the start, however long it takes to read them.
        async for session in self._all():
            await self._session(session, began)
        await self._take(first, queue)

    async def _all(self) -> AsyncIterator[Session]:
        # In order of creation, so that what is born meanwhile comes behind what was read.
        cursor: str | None = None
        while True:
            page: Page[Session] = await self._service.list_sessions(
                _without_types(self._q), sort="created_at", limit=MAX_LIMIT, cursor=cursor
            )
            for session in page.items:
                yield session
            cursor = page.next_cursor
            if cursor is None:
                return

    # What comes

    async def _take(self, first: FeedItem, queue: asyncio.Queue[FeedItem]) -> None:
        items = [first]
        while len(items) < _TOGETHER and not queue.empty():
            items.append(queue.get_nowait())
        changed: dict[str, None] = {}
        groups: dict[str, None] = {}
        saved: dict[tuple[str, str], None] = {}
        for item in items:
            if item.trimmed:
                self.recorded.gaps += 1
                self._write(lines.gap_line(self._clock()))
            event = item.event
            if event is None or event.seq in self._told_before:
                continue
            self._event(event)
            if event.session_id is not None:
                changed[event.session_id] = None
                if event.type == "checkpoint.saved":
                    saved[event.session_id, str(event.data.get("checkpoint_id"))] = None
            if event.group_id is not None:
                groups[event.group_id] = None
        await asyncio.gather(*(self._changed(each) for each in changed), *(self._saved(*each) for each in saved),
                             *(self._group(each) for each in groups))  # fmt: skip

    def _event(self, event: Event) -> None:
        self.recorded.events += 1
        self._write(lines.event_line(event))

    async def _changed(self, session_id: str) -> None:
        with suppress(SessionNotFound, InvalidInput):  # It is deleted by now, as its event says.
            async with self._places:
                await self._session(await self._service.get_session(session_id), self._clock())

    async def _session(self, session: Session, at: float) -> None:
        # What ended needs no run to be understood, and there may be a million of it.
        asks = session.run_id is not None and (session.status in LIVE or session.status is Status.FAILED)
        run = await self._service.get_run(session.id) if asks else None
        self.recorded.sessions += 1
        self._write(lines.session_line(session, run, at))

    async def _saved(self, session_id: str, checkpoint_id: str) -> None:
        with suppress(SessionNotFound, CheckpointNotFound, InvalidInput):  # Only so many are kept.
            async with self._places:
                self._write(lines.checkpoint_line(await self._service.get_checkpoint(session_id, checkpoint_id)))

    async def _group(self, group_id: str) -> None:
        with suppress(GroupNotFound, InvalidInput):
            async with self._places:
                self._write(lines.group_line(await self._service.get_group(group_id), self._clock()))


async def _read(feed: AsyncIterator[FeedItem], queue: asyncio.Queue[FeedItem]) -> None:
    async for item in feed:
        await queue.put(item)


async def _next(queue: asyncio.Queue[FeedItem], reading: asyncio.Task[None]) -> FeedItem:
    """The next item, or the error that ended the feed."""
    waiting = asyncio.create_task(queue.get())
    try:
        await asyncio.wait((waiting, reading), return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        reading.result()
        raise asyncio.CancelledError
    finally:
        waiting.cancel()


def _without_types(q: str) -> str:
    return " ".join(word for word in q.split(" ") if not (word.startswith("type:") and len(word) > 5)).strip()
