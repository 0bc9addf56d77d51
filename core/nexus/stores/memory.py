"""``MemoryStore``: a store in this process only, for tests, trials and work that need not last.

It keeps every promise of ``base.py`` but one: nothing survives the process. It stores bytes as the
others do, and gives other tasks a turn in every commit, so that what works here works there. It is
not for many millions of sessions, and no second process can see it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from nexus.errors import StoreUnavailable
from nexus.model import Checkpoint, Event, EventBatch, Group, JournalEntry, Page, Session, Window, Worker
from nexus.model.audit import AuditEntry, AuditHead, StoredAudit
from nexus.model.change import UNOWNED
from nexus.query import Query, compile_predicate
from nexus.stores import codec, ordering
from nexus.stores.base import Change, Committed, Conflict, Health, Message, Order, Snapshot
from nexus.stores.bell import Bell
from nexus.stores.expectations import Expectations, Mismatch
from nexus.stores.leases import lease_now
from nexus.stores.memory_tables import Record, Tables
from nexus.stores.positions import batch_behind, read_position
from nexus.stores.prepared import prepare
from nexus.stores.strides import among, ranks_of

_GROUPS = "groups"
_CHILDREN = "children"


class MemoryStore:
    """See the module's docstring; for one event loop.

    Args:
        lease_clock: Seconds that only go forward, for the leases of workers.
        wall_clock: Seconds since the epoch, for when a worker was last seen.
    """

    url = "memory://"

    def __init__(
        self, *, lease_clock: Callable[[], float] = lease_now, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._lease_clock = lease_clock
        self._wall_clock = wall_clock
        self._tables = Tables()
        self._bell = Bell()
        self._workers: dict[str, tuple[bytes, float, float]] = {}
        self._documents: dict[tuple[str, str], bytes] = {}
        self._open = False

    async def __aenter__(self) -> Self:
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._open = False
        self._bell.release()

    def _opened(self) -> Tables:
        if not self._open:
            raise StoreUnavailable("the store memory:// is not open: use it inside async with", store=self.url)
        return self._tables

    # -- records

    async def load(self, session_id: str) -> Snapshot | None:
        """See ``Store.load``."""
        record = self._opened().records.get(session_id)
        return None if record is None else record.snapshot()

    async def load_many(self, session_ids: Sequence[str]) -> dict[str, Snapshot]:
        """See ``Store.load_many``."""
        records = self._opened().records
        return {name: records[name].snapshot() for name in session_ids if name in records}

    async def commit(self, *changes: Change) -> Committed:
        """See ``Store.commit``."""
        prepared = [prepare(change) for change in changes]
        tables = self._opened()
        # The other stores suspend here; without it, races would show on them only.
        await asyncio.sleep(0)
        try:
            Expectations(tables).accept(changes)
        except Mismatch as mismatch:
            record = None if mismatch.is_group else tables.records.get(mismatch.subject)
            current = None if record is None else record.snapshot()
            raise Conflict(mismatch.subject, current, mismatch.claim) from None
        events: list[Event] = []
        for change in prepared:
            first = tables.apply(change)
            events.extend(replace(event, seq=first + index) for index, event in enumerate(change.change.events))
        self._bell.ring(tables.last_seq)
        return Committed(tuple(events))

    # -- sessions in bulk

    async def list_sessions(
        self, query: Query, order: Order, *, cursor: str | None, limit: int, now: float
    ) -> Page[Session]:
        """See ``Store.list_sessions``."""
        behind = None if cursor is None else ordering.as_key(*ordering.read_order_cursor(cursor, order))
        found = list(islice(self._matching(query, order, now, behind), max(limit, 0) + 1))
        kept = found[: max(limit, 0)]
        last = kept[-1].session if kept and len(found) > len(kept) else None
        following = None if last is None else ordering.write_order_cursor(last, order)
        return Page(items=tuple(record.copy() for record in kept), next_cursor=following)

    async def window(
        self, query: Query, order: Order, *, offset: int, limit: int, now: float, stride: int = 1
    ) -> Window[Session]:
        """See ``Store.window``."""
        tables = self._opened()
        whole, ranks = len(tables.records), ranks_of(offset, limit, stride)
        if not query.terms:
            keys = tables.index(order.field).window(ranks, descending=order.descending)
            shown, total = [tables.records[key[-1]] for key in keys], whole
        else:
            matching = list(self._matching(query, order, now))
            shown, total = list(among(matching, 0, ranks)), len(matching)
        items = tuple(record.copy() for record in shown)
        return Window(items=items, offset=ranks.start, total=total, whole=whole, stride=ranks.step)

    async def count(self, query: Query, now: float) -> int:
        """See ``Store.count``."""
        records = self._opened().records
        if not query.terms:
            return len(records)
        passes = compile_predicate(query)
        return sum(passes(record.session, now) for record in records.values())

    async def due(self, now: float, limit: int) -> list[str]:
        """See ``Store.due``."""
        keys = self._opened().due.walk(descending=False)
        return [name for at, name in islice(keys, max(limit, 0)) if at <= now]

    async def ended_before(self, before: float, limit: int) -> list[str]:
        """See ``Store.ended_before``."""
        return [name for _, name in self._opened().ended.under((before, ""))[: max(limit, 0)]]

    async def children(self, session_id: str, *, cursor: str | None, limit: int) -> Page[Session]:
        """See ``Store.children``."""
        tables = self._opened()
        behind = None if cursor is None else _number_key(cursor, _CHILDREN)
        names = (tables.records[name] for name in tables.children.get(session_id, ()))
        keys = sorted((record.session.created_at, record.session.id) for record in names)
        rest = [key for key in keys if behind is None or key > behind]
        kept = rest[: max(limit, 0)]
        items = tuple(tables.records[name].copy() for _, name in kept)
        return Page(items=items, next_cursor=_following(_CHILDREN, kept, rest))

    def _matching(self, query: Query, order: Order, now: float, behind: ordering.Key | None = None) -> Iterator[Record]:
        tables = self._opened()
        passes = compile_predicate(query)
        keys = tables.index(order.field).walk(descending=order.descending, behind=behind)
        return (record for key in keys if passes((record := tables.records[key[-1]]).session, now))

    # -- what belongs to a session

    async def list_checkpoints(self, session_id: str, *, after: int, limit: int) -> list[Checkpoint]:
        """See ``Store.list_checkpoints``."""
        record = self._opened().records.get(session_id)
        kept = {} if record is None else record.checkpoints
        numbers = sorted(number for number in kept if number > after)[: max(limit, 0)]
        return [codec.decode_checkpoint(kept[number].document, None) for number in numbers]

    async def load_checkpoint(self, session_id: str, number: int) -> Checkpoint | None:
        """See ``Store.load_checkpoint``."""
        record = self._opened().records.get(session_id)
        found = None if record is None else record.checkpoints.get(number)
        return None if found is None else codec.decode_checkpoint(found.document, found.state)

    async def load_journal(self, session_id: str, run_id: str) -> list[JournalEntry]:
        """See ``Store.load_journal``."""
        record = self._opened().records.get(session_id)
        entries = {} if record is None else record.journal
        return [codec.decode_journal(document) for (run, _), document in entries.items() if run == run_id]

    async def inbox(self, session_id: str) -> list[Message]:
        """See ``Store.inbox``."""
        record = self._opened().records.get(session_id)
        waiting = {} if record is None else record.inbox
        return [codec.decode_message(document) for _, document in sorted(waiting.items())]

    def id_beside(self, key: str, make: Callable[[], str]) -> str:  # noqa: ARG002 - all keys are in one place
        """See ``Store.id_beside``."""
        return make()

    async def claim(self, key: str) -> str | None:
        """See ``Store.claim``."""
        return self._opened().claimed(key)

    # -- groups

    async def load_group(self, group_id: str) -> Group | None:
        """See ``Store.load_group``."""
        return self._opened().group(group_id)

    async def list_groups(self, *, cursor: str | None, limit: int) -> Page[Group]:
        """See ``Store.list_groups``."""
        tables = self._opened()
        behind = None if cursor is None else _number_key(cursor, _GROUPS)
        rest = list(islice(tables.group_order.walk(descending=True, behind=behind), max(limit, 0) + 1))
        kept = rest[: max(limit, 0)]
        groups = (tables.group(name) for _, name in kept)
        items = tuple(group for group in groups if group is not None)
        return Page(items=items, next_cursor=_following(_GROUPS, kept, rest), total=len(tables.group_order))

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
        stored = self._opened().events_of(session_id, group_id, after)
        most = max(limit, 0)
        chosen = stored[max(0, len(stored) - most) :] if newest else stored[:most]
        return [codec.decode_event(event.document, event.seq) for event in chosen]

    async def read_events(self, cursor: str | None, limit: int) -> EventBatch:
        """See ``Store.read_events``."""
        tables = self._opened()
        if cursor is None:
            return EventBatch(events=(), cursor=str(tables.last_seq))
        after = read_position(cursor)
        stored = tables.events_of(None, None, after)[: max(limit, 1)]
        return batch_behind(after, [codec.decode_event(event.document, event.seq) for event in stored], tables.last_seq)

    async def wait_events(self, cursor: str, timeout: float) -> bool:
        """See ``Store.wait_events``."""
        after = read_position(cursor)
        if after != self._opened().last_seq:
            return True
        return await self._bell.wait(after, timeout)

    async def trim_events(self, before: float, limit: int) -> int:
        """See ``Store.trim_events``."""
        return self._opened().trim(before, limit)

    # -- counters

    async def counters(self, prefix: str = "") -> dict[str, float]:
        """See ``Store.counters``."""
        asked = prefix.startswith("group:")
        return {
            name: value
            for name, value in self._opened().counters.items()
            if name.startswith(prefix) and (asked or not name.startswith("group:"))
        }

    async def drop_counters(self, names: Sequence[str]) -> None:
        """See ``Store.drop_counters``."""
        counters = self._opened().counters
        for name in names:
            counters.pop(name, None)

    # -- documents

    async def documents(self, kind: str) -> dict[str, bytes]:
        """See ``Store.documents``."""
        self._opened()
        return {name: body for (its_kind, name), body in sorted(self._documents.items()) if its_kind == kind}

    async def put_document(
        self, kind: str, name: str, body: bytes | None, *, expected: bytes | None, audit: AuditEntry | None = None
    ) -> None:
        """See ``Store.put_document``."""
        tables = self._opened()
        if self._documents.get((kind, name)) not in (expected, body):
            raise Conflict(name)
        if audit is not None and self._documents.get((kind, name)) != body:
            tables.append_audit(codec.encode_audit(audit))
        if body is None:
            self._documents.pop((kind, name), None)
        else:
            self._documents[kind, name] = body

    # -- audit

    async def append_audit(self, entry: AuditEntry) -> None:
        """See ``Store.append_audit``."""
        self._opened().append_audit(codec.encode_audit(entry))

    async def audit_heads(self) -> list[AuditHead]:
        """See ``Store.audit_heads``."""
        kept = self._opened().audit
        return [AuditHead(chain="", count=kept[-1].seq if kept else 0, hash=kept[-1].hash if kept else "")]

    async def read_audit(
        self, chain: str, *, after: int = 0, before: int | None = None, limit: int, newest: bool = False
    ) -> list[StoredAudit]:
        """See ``Store.read_audit``."""
        kept = self._opened().audit if chain == "" else []
        trimmed = kept[0].seq - 1 if kept else 0
        found = kept[max(after - trimmed, 0) : None if before is None else max(before - 1 - trimmed, 0)]
        return found[::-1][: max(limit, 0)] if newest else found[: max(limit, 0)]

    async def trim_audit(self, upto: AuditHead, anchor: AuditEntry) -> int:
        """See ``Store.trim_audit``."""
        if upto.chain:
            return 0
        return self._opened().trim_audit(upto.count, upto.hash, codec.encode_audit(anchor))

    # -- workers

    async def beat(self, worker: Worker, lease: float) -> None:
        """See ``Store.beat``."""
        self._opened()
        self._workers[worker.id] = codec.encode_worker(worker), self._lease_clock() + lease, self._wall_clock()

    async def workers(self) -> list[Worker]:
        """See ``Store.workers``."""
        self._opened()
        now = self._lease_clock()
        return [
            codec.decode_worker(document, alive=now < until, seen_at=seen_at)
            for _, (document, until, seen_at) in sorted(self._workers.items())
        ]

    async def forget_worker(self, worker_id: str) -> None:
        """See ``Store.forget_worker``."""
        self._opened()
        self._workers.pop(worker_id, None)

    async def runs_of(self, worker_id: str, limit: int) -> list[str]:
        """See ``Store.runs_of``."""
        return list(islice(self._opened().held.get(worker_id, ()), max(limit, 0)))

    async def holders(self) -> set[str]:
        """See ``Store.holders``."""
        return {worker_id for worker_id, names in self._opened().held.items() if names and worker_id != UNOWNED}

    async def health(self) -> Health:
        """See ``Store.health``."""
        facts = {
            "sessions": str(len(self._tables.records)),
            "level": "none",
            "durability": "everything is gone with the process",
        }
        detail = "" if self._open else "the store is not open"
        return Health(ok=self._open, backend="memory", url=self.url, detail=detail, facts=facts)


def _number_key(cursor: str, listing: str) -> tuple[float, str]:
    value, tie = ordering.read_cursor(cursor, listing)
    return (float(value) if isinstance(value, float | int) else 0.0), tie


def _following(listing: str, kept: list[tuple[float, str]], rest: list[tuple[float, str]]) -> str | None:
    return ordering.write_cursor(listing, *kept[-1]) if kept and len(rest) > len(kept) else None
