"""The archiver: empties the outboxes of a store into the archive, in the background of a process.

Every process with ``session_persistence`` has one; for each shard one of them leads, by a lease in the store, and the
others stand by. Two that lead for a moment do no harm (``ledger``). Entries are dropped once the database has them for
good, so a crash at any point repeats work and loses none. While the database is away the outbox grows, and nothing
else happens to live traffic.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection

from nexus.archive import audited, forgetting, ledger, remaking
from nexus.archive.database import Database
from nexus.archive.restoring import Restorer
from nexus.errors import NexusError
from nexus.model.audit import StoredAudit
from nexus.stores.archiving import Entry, Marks, Outbox
from nexus.tasks import end

LEASE: Final = 5.0
_IDLE: Final = 0.1
_STANDBY: Final = 1.0
_LONGEST_PAUSE: Final = 5.0
_MOST: Final = 256
_FEWEST: Final = 4
_BYTES: Final = 4 << 20
_COPIED_AT_ONCE: Final = 100
_AUDIT_AT_ONCE: Final = 1000
_COPY_UP_TO: Final = 500
"""Entries in the outbox over which the copy of what was there before waits."""
_FORGET_EVERY: Final = 60.0
_MANY: Final = 100_000
_DONE: Final = "done"
_log = logging.getLogger("nexus.archive")


class Archiver:
    """Empties one outbox between ``start`` and ``stop``.

    Args:
        outbox: Of the shard.
        database: The archive's.
        restorer: Asked to put everything back when the shard turns out to have lost its data.
        who: This process's name among those that want to lead.
        clock: Seconds since the epoch.
        lease: Seconds after which another may lead when nothing is heard of the one who does.
        retention: Seconds for which the archive keeps what the store has let go; ``None`` for ever.
    """

    def __init__(
        self,
        outbox: Outbox,
        database: Database,
        restorer: Restorer,
        who: str,
        clock: Callable[[], float],
        lease: float = LEASE,
        retention: float | None = None,
    ) -> None:
        self._retention = retention if outbox.number == 0 else None
        self._forget_at = 0.0
        self._lease = lease
        self._outbox = outbox
        self._database = database
        self._restorer = restorer
        self._who = who
        self._clock = clock
        self._limit = 64
        self._position: str | None = None
        self._audited: int | None = None
        self._task: asyncio.Task[None] | None = None
        self._warned = _MANY
        self.trouble = ""
        """What keeps it from working; empty while nothing does."""

    def start(self) -> None:
        """Work in the background from now on."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="nexus-archiver")

    async def stop(self) -> None:
        """Stop, and let another lead at once."""
        task, self._task = self._task, None
        if task is None:
            return
        await end(task)
        with contextlib.suppress(NexusError):
            await self._outbox.yield_lead(self._who)

    async def settle(self) -> None:
        """Archive what waits now, unless another process leads.

        Raises:
            StoreUnavailable: The store or the database is away.
        """
        if (await self._outbox.lag()).entries and await self._outbox.lead(self._who, self._lease):
            while await self.turn():
                pass
            await self._outbox.yield_lead(self._who)

    async def _run(self) -> None:
        pause = _IDLE
        while True:
            try:
                worked = await self._look()
                if self.trouble:
                    _log.info("archiving goes on")
                self.trouble, pause = "", _IDLE
                await asyncio.sleep(0 if worked else _IDLE if worked is False else min(_STANDBY, self._lease / 2))
            except NexusError as error:
                if not self.trouble:
                    _log.warning("archiving waits: %s", error)
                self.trouble, self._position = error.message, None
                await self._watch_growth()
                await asyncio.sleep(pause * (0.5 + random.random()))  # noqa: S311 - a pause
                pause = min(pause * 2, _LONGEST_PAUSE)
            except Exception:  # noqa: BLE001
                # What is wrong with one batch must not end archiving for good; it is tried again, and seen.
                _log.exception("archiving failed and will be tried again")
                self.trouble, self._position = "an unexpected error, see the log", None
                await asyncio.sleep(_LONGEST_PAUSE)

    async def _look(self) -> bool | None:
        """Work for a moment; ``False`` if there was nothing to do, ``None`` if another leads."""
        if not await self._outbox.lead(self._who, self._lease):
            self._position = None
            await self._restorer.check(self._outbox)
            return None
        return await self.turn()

    async def turn(self) -> bool:
        """Apply the next entries, and copy some of what was there before, if anything is left to do; whether.

        Raises:
            StoreUnavailable: The store or the database is away.
        """
        marks = await self._restorer.check(self._outbox)
        if not marks.mark:
            return False
        async with self._restorer.quiet(self._outbox):
            if self._position is None:
                self._audited = None
                self._position = await self._database.read(lambda one: ledger.position_of(one, self._outbox.name))
            applied = await self._apply(marks, self._position)
        if not applied:
            await self._forget()
        if marks.copied != _DONE and applied < _COPY_UP_TO:
            copied = await self._copy(marks.copied)
            return copied or applied > 0
        return bool(applied)

    async def _apply(self, marks: Marks, position: str) -> int:
        mark, reached = marks.mark or "", marks.reached
        read = await self._outbox.read(mark, position, self._limit)
        if not read.known and not await self._start_over(mark, position):
            return 0
        if not read.entries:
            await self._keep_audit(await self._audit_rows())
            if position and reached != position:
                await self._outbox.drop(position)
            return 0
        self._adapt(read.entries)
        shard, entries, rows = self._outbox.name, read.entries, await self._audit_rows()

        def write(connection: Connection) -> bool:
            # What tells of the changes is archived with them: it was there before they could be read.
            moved = ledger.apply_behind(connection, shard, position, entries, self._clock())
            if moved:
                audited.keep(connection, self._outbox.chain, rows)
            return moved

        moved = await self._database.write(write)
        if not moved:
            self._position = None
            return 0
        self._audited = rows[-1].seq if rows else self._audited
        self._position = entries[-1].position
        await self._outbox.drop(self._position)
        return len(entries)

    async def _audit_rows(self) -> list[StoredAudit]:
        """What the audit has that isn't archived, but for whole pages of it, which are archived now."""
        if self._audited is None:
            self._audited = await self._agree()
        while True:
            rows = await self._outbox.read_audit(self._audited, _AUDIT_AT_ONCE)
            if len(rows) < _AUDIT_AT_ONCE:
                return rows
            await self._keep_audit(rows)

    async def _keep_audit(self, rows: list[StoredAudit]) -> None:
        if rows:
            await self._database.write(lambda one: audited.keep(one, self._outbox.chain, rows))
            self._audited = rows[-1].seq

    async def _agree(self) -> int:
        """The number of the last record that is archived as the store has it."""
        chain = self._outbox.chain
        last = await self._database.read(lambda one: audited.last_of(one, chain))
        kept = (await self._outbox.audit_reach()).kept
        if last.count <= kept:
            return last.count
        found = await self._outbox.read_audit(last.count - 1, 1)
        if found and (found[0].seq, found[0].hash) == (last.count, last.hash):
            return last.count
        _log.warning("the audit of shard %s is another than was archived: it is copied again", self._outbox.name)
        await self._database.write(lambda one: audited.forget_behind(one, chain, kept))
        return kept

    async def _start_over(self, mark: str, position: str) -> bool:
        """Whether the outbox never had what was last archived: the store has gone back, and is right all the same."""
        if await self._database.read(lambda one: ledger.position_of(one, self._outbox.name)) != position:
            # Another has led meanwhile, and come further.
            self._position = None
            return False
        self._audited = None
        last = await self._database.write(lambda one: ledger.go_back(one, self._outbox.name))
        if not await self._outbox.copy_again(mark, position, remaking.next_generation(last)):
            return False
        _log.warning(
            "shard %s has gone back behind what was archived (%s), as after a failover: all of it is copied again",
            self._outbox.name, position,
        )  # fmt: skip
        return True

    async def _forget(self) -> None:
        """Delete some of what is too old, now and then: sessions are few that come to it at once."""
        now = self._clock()
        if not self._retention or now < self._forget_at:
            return
        before = now - self._retention
        if await self._database.write(lambda one: forgetting.forget(one, before)) < forgetting.CHUNK:
            self._forget_at = now + _FORGET_EVERY

    async def _copy(self, cursor: str | None) -> bool:
        waiting = await self._outbox.lag()
        if waiting.entries >= _COPY_UP_TO:
            return False
        if await self._outbox.copy(cursor, _COPIED_AT_ONCE) is None:
            _log.info("everything that shard %s held is in the archive's outbox", self._outbox.name)
        return True

    def _adapt(self, entries: tuple[Entry, ...]) -> None:
        size = sum(map(size_of, entries))
        if size > _BYTES:
            self._limit = max(_FEWEST, self._limit // 2)
        elif size < _BYTES // 4 and len(entries) == self._limit:
            self._limit = min(_MOST, self._limit * 2)

    async def _watch_growth(self) -> None:
        try:
            lag = await self._outbox.lag()
        except NexusError:
            return
        if lag.entries >= self._warned:
            self._warned = 2 * lag.entries
            _log.error(
                "%d commits wait for the archive, the oldest for %.0f s: they take memory of the live store",
                lag.entries, lag.seconds,
            )  # fmt: skip


def size_of(entry: Entry) -> int:
    """Bytes of an entry's largest parts."""
    total = 0
    for change in entry.changes:
        if change.record is not None:
            total += len(change.record[0]) + len(change.record[1])
        total += sum(len(one[4] or b"") for one in change.checkpoints)
    return total
