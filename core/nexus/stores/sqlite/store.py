"""``SQLiteStore``: the store that is one file. Puts the parts together; each does what its module says.

Guarantees beyond ``base.py``: an acknowledged commit survives ``kill -9`` of every process and a loss of
power (WAL with ``synchronous = FULL``); any number of processes of one machine may use the file at once; a
process that dies in the middle of a commit leaves nothing of it. Deliberately not: a file on a
network drive, where SQLite's locks and shared memory don't work.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from nexus.errors import NexusError
from nexus.model import Checkpoint, Event, EventBatch, Group, JournalEntry, Page, Session, Window, Worker
from nexus.model.audit import AuditEntry, AuditHead, StoredAudit
from nexus.query import Query
from nexus.stores import codec, leases
from nexus.stores.base import Change, Committed, Health, Message, Order, Snapshot
from nexus.stores.bell import Bell
from nexus.stores.positions import read_position
from nexus.stores.prepared import prepare
from nexus.stores.sqlite import audit, documents, listing, records, upkeep, workers
from nexus.stores.sqlite.checkpointer import Checkpointer
from nexus.stores.sqlite.connection import LOCK_TIMEOUT
from nexus.stores.sqlite.diagnosis import examine
from nexus.stores.sqlite.faults import unavailable
from nexus.stores.sqlite.feed import Feed
from nexus.stores.sqlite.forks import forget, watch_forks
from nexus.stores.sqlite.lane import Lane
from nexus.stores.sqlite.loads import Loads
from nexus.stores.sqlite.writer import Writer
from nexus.stores.strides import ranks_of
from nexus.stores.urls import sqlite_url

_SCANS = 2


class _Opened:
    """Everything that lives as long as the store is open."""

    def __init__(self, path: Path, lock_timeout: float) -> None:
        self.bell = Bell()
        self.writer = Writer(path, self.bell.ring, self._written, lock_timeout)
        self.checkpointer = Checkpointer(path, self.writer.quiet)
        self.quick = Lane("nexus-sqlite-reader", path, together=64)
        self.scans = [Lane(f"nexus-sqlite-scan-{number}", path) for number in range(1, _SCANS + 1)]
        self.feed = Feed(path, self.bell, lambda: self.writer.holds_lock)
        self.loads = Loads(self.quick)
        self.forked = False

    def _written(self, changes: int) -> None:
        self.checkpointer.written(changes)

    async def start(self) -> None:
        watch_forks(self)
        self.bell.ring(await self.writer.start())
        self.checkpointer.start()
        for lane in (self.quick, *self.scans):
            lane.start()

    async def close(self) -> None:
        await self.feed.close()
        for lane in (*self.scans, self.quick):
            await lane.close()
        await self.checkpointer.close()
        # Last, because the last connection that closes leaves one whole file behind, without a log.
        await self.writer.close()
        forget(self)

    def locks(self) -> list[threading.Lock]:
        """See ``Forkable``. The checkpointer takes the writer's lock while it has its own."""
        lanes = (self.quick, *self.scans)
        return [self.checkpointer.quiet, self.writer.quiet, self.feed.quiet, *(lane.quiet for lane in lanes)]

    def abandon(self) -> None:
        """See ``Forkable``."""
        self.forked = True
        self.feed.disconnect()
        for lane in (self.quick, *self.scans):
            lane.disconnect()
        self.checkpointer.disconnect()
        self.writer.disconnect()

    def scan(self) -> Lane:
        """The lane for a question that may take long."""
        return min(self.scans, key=lambda lane: lane.waiting)


class SQLiteStore:
    """See the module's docstring; for one event loop.

    Args:
        path: The file. It is made, with its folder, readable by its owner only, if it is not there.
        lock_timeout: Seconds that a commit waits for other processes before it is ``StoreUnavailable``.
        lease_clock: Seconds that all processes of the machine agree on, for the leases of workers.
        wall_clock: Seconds since the epoch, for when a worker was last seen.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        lock_timeout: float = LOCK_TIMEOUT,
        lease_clock: Callable[[], float] = leases.lease_now,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        # The working folder may change later; the file must not.
        self.path = Path(path).absolute()
        self.url = sqlite_url(self.path)
        self._lock_timeout = lock_timeout
        self._lease_clock = lease_clock
        self._wall_clock = wall_clock
        self._parts: _Opened | None = None

    async def __aenter__(self) -> Self:
        if self._parts is not None:
            raise unavailable(self.path, "failed", "is open already: make another SQLiteStore for another block")
        parts = _Opened(self.path, self._lock_timeout)
        try:
            await parts.start()
        except BaseException:
            await _to_the_end(parts.close())
            raise
        self._parts = parts
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        parts, self._parts = self._parts, None
        if parts is not None and not parts.forked:
            await _to_the_end(parts.close())

    @property
    def _open(self) -> _Opened:
        if self._parts is None:
            raise unavailable(self.path, "closed", "is not open: use it inside async with")
        if self._parts.forked:
            raise unavailable(self.path, "closed", "was opened before this process was forked: open it anew here")
        return self._parts

    # -- records

    async def load(self, session_id: str) -> Snapshot | None:
        """See ``Store.load``."""
        return await self._open.loads.load(session_id)

    async def load_many(self, session_ids: Sequence[str]) -> dict[str, Snapshot]:
        """See ``Store.load_many``."""
        return await self._open.quick.run(records.load_many, session_ids)

    async def commit(self, *changes: Change) -> Committed:
        """See ``Store.commit``. A caller that is cancelled meanwhile may find all of it done, or nothing."""
        first = await self._open.writer.commit([prepare(change) for change in changes])
        events = (event for change in changes for event in change.events)
        return Committed(tuple(replace(event, seq=first + place) for place, event in enumerate(events)))

    # -- sessions in bulk

    async def list_sessions(
        self, query: Query, order: Order, *, cursor: str | None, limit: int, now: float
    ) -> Page[Session]:
        """See ``Store.list_sessions``."""
        return await self._open.scan().scan(listing.list_sessions, query, order, cursor, limit, now)

    async def window(
        self, query: Query, order: Order, *, offset: int, limit: int, now: float, stride: int = 1
    ) -> Window[Session]:
        """See ``Store.window``."""
        return await self._open.scan().scan(listing.window, query, order, ranks_of(offset, limit, stride), now)

    async def count(self, query: Query, now: float) -> int:
        """See ``Store.count``."""
        return await self._open.scan().scan(listing.count, query, now)

    async def due(self, now: float, limit: int) -> list[str]:
        """See ``Store.due``."""
        return await self._open.scan().run(listing.due, now, limit)

    async def ended_before(self, before: float, limit: int) -> list[str]:
        """See ``Store.ended_before``."""
        return await self._open.scan().run(listing.ended_before, before, limit)

    async def children(self, session_id: str, *, cursor: str | None, limit: int) -> Page[Session]:
        """See ``Store.children``."""
        return await self._open.scan().run(listing.children, session_id, cursor, limit)

    # -- what belongs to a session

    async def list_checkpoints(self, session_id: str, *, after: int, limit: int) -> list[Checkpoint]:
        """See ``Store.list_checkpoints``."""
        return await self._open.quick.run(records.list_checkpoints, session_id, after, limit)

    async def load_checkpoint(self, session_id: str, number: int) -> Checkpoint | None:
        """See ``Store.load_checkpoint``."""
        return await self._open.quick.run(records.load_checkpoint, session_id, number)

    async def load_journal(self, session_id: str, run_id: str) -> list[JournalEntry]:
        """See ``Store.load_journal``."""
        return await self._open.quick.run(records.load_journal, session_id, run_id)

    async def inbox(self, session_id: str) -> list[Message]:
        """See ``Store.inbox``."""
        return await self._open.quick.run(records.inbox, session_id)

    def id_beside(self, key: str, make: Callable[[], str]) -> str:  # noqa: ARG002 - all keys are in one place
        """See ``Store.id_beside``."""
        return make()

    async def claim(self, key: str) -> str | None:
        """See ``Store.claim``."""
        return await self._open.quick.run(records.claim, key)

    # -- groups

    async def load_group(self, group_id: str) -> Group | None:
        """See ``Store.load_group``."""
        return await self._open.quick.run(records.load_group, group_id)

    async def list_groups(self, *, cursor: str | None, limit: int) -> Page[Group]:
        """See ``Store.list_groups``."""
        return await self._open.quick.run(records.list_groups, cursor, limit)

    # -- events

    async def list_events(
        self,
        *,
        session_id: str | None = None,
        group_id: str | None = None,
        after: int = 0,
        limit: int,
        newest: bool = False,
    ) -> list[Event]:
        """See ``Store.list_events``."""
        return await self._open.quick.run(
            records.list_events, session_id, group_id, after=after, limit=limit, newest=newest
        )

    async def read_events(self, cursor: str | None, limit: int) -> EventBatch:
        """See ``Store.read_events``."""
        return await self._open.quick.run(records.read_events, cursor, limit)

    async def wait_events(self, cursor: str, timeout: float) -> bool:
        """See ``Store.wait_events``."""
        after, parts = read_position(cursor), self._open
        if after > parts.bell.last:
            parts.bell.ring(last := await parts.quick.run(records.last_seq))
            if after > last:
                return True
        return await parts.feed.wait(after, timeout)

    async def trim_events(self, before: float, limit: int) -> int:
        """See ``Store.trim_events``."""
        return await self._open.writer.run(upkeep.trim_events(before, limit))

    # -- counters

    async def counters(self, prefix: str = "") -> dict[str, float]:
        """See ``Store.counters``."""
        return await self._open.quick.run(records.counters, prefix)

    async def drop_counters(self, names: Sequence[str]) -> None:
        """See ``Store.drop_counters``."""
        await self._open.writer.run(upkeep.drop_counters(names))

    # -- documents

    async def documents(self, kind: str) -> dict[str, bytes]:
        """See ``Store.documents``."""
        return await self._open.quick.run(documents.documents, kind)

    async def put_document(
        self, kind: str, name: str, body: bytes | None, *, expected: bytes | None, audit: AuditEntry | None = None
    ) -> None:
        """See ``Store.put_document``."""
        entry = None if audit is None else codec.encode_audit(audit)
        await self._open.writer.run(documents.put_document(kind, name, body, expected, entry))

    # -- audit

    async def append_audit(self, entry: AuditEntry) -> None:
        """See ``Store.append_audit``."""
        await self._open.writer.run(audit.append(codec.encode_audit(entry)))

    async def audit_heads(self) -> list[AuditHead]:
        """See ``Store.audit_heads``."""
        return await self._open.quick.run(audit.heads)

    async def read_audit(
        self, chain: str, *, after: int = 0, before: int | None = None, limit: int, newest: bool = False
    ) -> list[StoredAudit]:
        """See ``Store.read_audit``."""
        return await self._open.scan().run(audit.read, chain, after, before, limit, newest=newest)

    async def trim_audit(self, upto: AuditHead, anchor: AuditEntry) -> int:
        """See ``Store.trim_audit``."""
        if upto.chain:
            return 0
        return await self._open.writer.run(audit.trim(upto.count, upto.hash, codec.encode_audit(anchor)))

    # -- workers

    async def beat(self, worker: Worker, lease: float) -> None:
        """See ``Store.beat``."""
        until = self._lease_clock() + lease
        await self._open.writer.run(
            workers.beat(worker, boot=leases.boot_id(), until=until, seen_at=self._wall_clock())
        )

    async def workers(self) -> list[Worker]:
        """See ``Store.workers``."""
        return await self._open.quick.run(workers.list_workers, leases.boot_id(), self._lease_clock())

    async def forget_worker(self, worker_id: str) -> None:
        """See ``Store.forget_worker``."""
        await self._open.writer.run(workers.forget(worker_id))

    async def runs_of(self, worker_id: str, limit: int) -> list[str]:
        """See ``Store.runs_of``."""
        return await self._open.quick.run(workers.runs_of, worker_id, limit)

    async def holders(self) -> set[str]:
        """See ``Store.holders``."""
        return await self._open.quick.run(workers.holders)

    async def health(self) -> Health:
        """See ``Store.health``."""
        try:
            facts = await self._open.quick.run(partial(examine, path=self.path))
        except NexusError as error:
            return Health(ok=False, backend="sqlite", url=self.url, detail=error.message)
        return Health(ok=True, backend="sqlite", url=self.url, facts=facts)


async def _to_the_end(closing: Coroutine[None, None, None]) -> None:
    # A caller that is cancelled while it closes the store stops waiting; the closing goes on.
    await asyncio.shield(asyncio.ensure_future(closing))
