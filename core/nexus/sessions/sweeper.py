"""The sweeper: marks what has expired, wakes waits that are overdue, deletes what retention has let go."""

from __future__ import annotations

import asyncio
import logging

from nexus.errors import NexusError, SessionNotFound, StoreUnavailable
from nexus.lifecycle import Moment, inbox, sessions
from nexus.lifecycle.counting import stale_minutes
from nexus.model import Caller, Status
from nexus.sessions.audit_retention import trim_audit
from nexus.sessions.endings import end_descendants
from nexus.sessions.engine import Engine
from nexus.stores.base import Change, Conflict, Snapshot
from nexus.tasks import end

CHUNK = 100
"""Sessions swept before others get a turn: 10 ms of a writer's wait at most, by measurement."""
_GAP = 0.001
_DUE_EVERY = 1.0
_LOOK_AT = 200
_log = logging.getLogger("nexus.sweeper")


def _sweep_one(before: Snapshot, moment: Moment) -> Change | None:
    return sessions.expire(before, moment) or inbox.wake_overdue(before, moment)


class Sweeper:
    """Sweeps when asked, and by itself between ``start`` and ``stop``."""

    def __init__(self, engine: Engine, caller: Caller) -> None:
        self._engine = engine
        self._caller = caller
        self._task: asyncio.Task[None] | None = None
        self._marked = self._told = 0

    def start(self) -> None:
        """Sweep in the background: overdue waits every second, all else every ``session_cleanup_interval``.

        Sessions past their time count as expired everywhere before that; only the mark waits for it.
        """
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="nexus-sweeper")

    async def stop(self) -> None:
        """Stop sweeping in the background."""
        task, self._task = self._task, None
        await end(task)

    async def cleanup(self) -> int:
        """Mark what is past its time, delete what is old.

        Returns:
            How many have been marked expired here since the last cleanup: now, or by whatever came upon them before.
        """
        await self.mark_due()
        await self.delete_old()
        marked, self._told = self._marked - self._told, self._marked
        return marked

    async def mark_due(self, most: int | None = None) -> int:
        """Mark sessions that are past their time as expired, and wake overdue waits.

        Args:
            most: Stop after about this many; ``None`` for all.

        Returns:
            How many were marked expired.
        """
        engine, marked, seen = self._engine, 0, 0
        while most is None or seen < most:
            due = await engine.store.due(engine.clock.now(), CHUNK)
            if not due:
                break
            before = seen
            for session_id in due:
                seen += 1
                marked += await self._sweep(session_id)
            if len(due) < CHUNK or seen == before:
                break
            await asyncio.sleep(_GAP)
        return marked

    async def wake_overdue(self) -> None:
        """Let runs go on whose wait for a signal is past its deadline, and mark nothing else.

        Where so many sessions are due that they might hide such a run, all of them are swept.
        """
        engine = self._engine
        due = await engine.store.due(engine.clock.now(), _LOOK_AT)
        if len(due) == _LOOK_AT:
            await self.mark_due()
        elif due:
            for session_id, snapshot in (await engine.store.load_many(due)).items():
                if snapshot.session.status is Status.SUSPENDED:
                    await self._sweep(session_id)

    async def expire(self, session_id: str) -> bool:
        """Mark one session expired, if it is due, and end its live descendants; whether it was."""
        return await self._sweep(session_id)

    async def _sweep(self, session_id: str) -> bool:
        try:
            after = await self._engine.apply(session_id, _sweep_one, self._caller)
        except SessionNotFound:
            return False
        if after.session.status is not Status.EXPIRED:
            return False
        self._marked += 1
        await end_descendants(self._engine, after.session, self._caller)
        return True

    async def delete_old(self) -> int:
        """Delete final sessions older than the retention; forget events, audit records and counters that nobody asks
        for any more; how many sessions."""
        engine = self._engine
        retention, events = engine.settings.session_retention, engine.settings.event_retention
        deleted = 0
        if retention:
            deleted = await self._delete_ended(engine.clock.now() - retention)
        if kept := retention if events is None else events:
            await self._trim_events(engine.clock.now() - kept)
        if audited := engine.settings.audit_retention:
            await trim_audit(engine.store, audited, engine.clock.now(), self._caller.actor)
        minutes = await engine.store.counters("minute:")
        stale = stale_minutes(minutes, engine.clock.now())
        if stale:
            await engine.store.drop_counters(stale)
        return deleted

    async def _trim_events(self, before: float) -> None:
        trimmed = CHUNK
        while trimmed == CHUNK:
            trimmed = await self._engine.store.trim_events(before, CHUNK)
            await asyncio.sleep(_GAP)

    async def _delete_ended(self, before: float) -> int:
        engine, deleted = self._engine, 0
        while True:
            ids = await engine.store.ended_before(before, CHUNK)
            snapshots = await engine.store.load_many(ids)
            # Together, so that the store and its archive can put them into one transaction.
            gone = sum(await asyncio.gather(*map(self._delete, snapshots.values())))
            deleted += gone
            if len(ids) < CHUNK or not gone:
                return deleted
            await asyncio.sleep(_GAP)

    async def _delete(self, snapshot: Snapshot) -> bool:
        try:
            await self._engine.commit(sessions.delete(snapshot, self._engine.moment(self._caller)))
        except (Conflict, NexusError):
            return False
        return True

    async def _run(self) -> None:
        interval = self._engine.settings.session_cleanup_interval
        loop = asyncio.get_running_loop()
        cleanup_at = loop.time() + interval
        while True:
            try:
                await self.wake_overdue()
                if loop.time() >= cleanup_at:
                    await self.cleanup()
                    cleanup_at = loop.time() + interval
            except StoreUnavailable as error:
                _log.warning("sweeping waits for the store: %s", error)
            except Exception:  # noqa: BLE001 - one sweep that fails must not end all that follow
                _log.exception("a sweep failed and will be tried again")
            await asyncio.sleep(min(_DUE_EVERY, interval))
