"""``ShardedRedisStore``: one store over the nodes of a Redis Cluster, made of shards that are each in one slot.

Where ``placing.py`` says, that shard answers alone, as ``RedisStore`` does; what is asked of all sessions is put
together from all shards, which answer at the same time, each for its own moment. The number of shards is written down
when a store is made, and stays. One that was made in one slot, by a version that knew no other layout, stays one shard.

Differences from a store in one place, which ``base.py`` allows:

- A commit is about one shard. Changes that need several are a ``ValueError``; no service makes such a commit. A
  checkpoint of another session that a fork pins is pinned first, in its own shard: if the fork then fails it stays
  pinned, which harms nothing.
- Events have an order in each shard, and so for each session, but none over all. A cursor is a place in each shard.

Deliberately not: moving sessions between shards. Nodes are added by moving slots, which the cluster does itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self

from msgspec.structs import replace

from nexus.errors import NexusError, StoreUnavailable
from nexus.model import Checkpoint, Event, EventBatch, Group, JournalEntry, Page, Session, Window, Worker
from nexus.model.audit import AuditEntry, AuditHead, StoredAudit
from nexus.query import Query
from nexus.stores.base import Change, Committed, Health, Message, Order, Snapshot
from nexus.stores.positions import read_positions
from nexus.stores.redis import faults, groups, placing, records
from nexus.stores.redis.client import Client
from nexus.stores.redis.keys import Keys, Shard
from nexus.stores.redis.layout import claim_layout
from nexus.stores.redis.nodes import Nodes
from nexus.stores.redis.outbox import RedisOutbox
from nexus.stores.redis.replicas import NO_DEMAND, Demand
from nexus.stores.redis.sharded import events, wellbeing
from nexus.stores.redis.sharded.making import count_shards, open_all
from nexus.stores.redis.sharded.opened import Opened
from nexus.stores.redis.store import LOOK, PATIENCE, PREFIX, TIMEOUT, RedisStore
from nexus.stores.redis.urls import parse_url
from nexus.stores.strides import ranks_of

SHARDS: Final = 16
"""How many a new store in a cluster gets."""


class ShardedRedisStore:
    """See the module's docstring; for one event loop.

    Args:
        url: One of the forms in ``urls.py``.
        prefix: What the names of its keys start with.
        timeout: Seconds that one attempt may take to connect or to be answered.
        patience: Seconds after which a call that no server answers is ``StoreUnavailable``.
        shards: How many it has, and gets if it is new; by default ``SHARDS`` for a new one in a cluster, one for a
            new one elsewhere, and as many as it has for any other.
        demand: As for ``RedisStore``.

    Raises:
        InvalidInput: The URL or the prefix is none.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = PREFIX,
        timeout: float = TIMEOUT,
        patience: float = PATIENCE,
        shards: int | None = None,
        demand: Demand = NO_DEMAND,
    ) -> None:
        self._demand = demand
        self._given = url
        self._place = parse_url(url)
        self.url = self._place.shown
        self._prefix = prefix
        self._keys = Keys(prefix)
        self._timeout = timeout
        self._patience = patience
        self._asked = shards or self._place.shards
        self._parts: Opened | None = None

    async def __aenter__(self) -> Self:
        if self._parts is not None:
            raise StoreUnavailable(
                f"the store {self.url} is open already: make another one for another block", store=self.url
            )
        in_cluster = self._place.scheme == "redis+cluster"
        nodes = Nodes(self._place, self._timeout) if in_cluster else None
        home = Client(self._place, self._keys.meta, timeout=self._timeout, patience=self._patience, nodes=nodes)
        try:
            usual = SHARDS if in_cluster else 1
            count = await count_shards(home, self._keys, self.url, asked=self._asked, usual=usual)
            shards = tuple([self._shard(Shard(number, count), nodes) for number in range(count)])
            self._parts = Opened(shards, await open_all(shards), home, nodes)
        except BaseException:
            await home.close()
            if nodes is not None:
                await nodes.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        parts, self._parts = self._parts, None
        if parts is not None:
            await parts.close()

    def _shard(self, shard: Shard, nodes: Nodes | None) -> RedisStore:
        return RedisStore(
            self._given,
            prefix=self._prefix,
            timeout=self._timeout,
            patience=self._patience,
            shard=shard,
            nodes=nodes,
            demand=self._demand,
        )

    @property
    def _open(self) -> Opened:
        if self._parts is None:
            raise faults.closed(self.url)
        return self._parts

    @property
    def shards(self) -> tuple[RedisStore, ...]:
        """The parts that it is made of, in their order.

        Raises:
            StoreUnavailable: It is not open.
        """
        return self._open.shards

    @property
    def outboxes(self) -> tuple[RedisOutbox, ...]:
        """What is handed to an archive, one for each shard; see ``nexus.stores.archiving``."""
        return tuple([outbox for shard in self._open.shards for outbox in shard.outboxes])

    # -- records

    async def load(self, session_id: str) -> Snapshot | None:
        """See ``Store.load``."""
        return await self._open.of(session_id).load(session_id)

    async def load_many(self, session_ids: Sequence[str]) -> dict[str, Snapshot]:
        """See ``Store.load_many``."""
        return await records.load_many(self._open.links, session_ids)

    async def commit(self, *changes: Change) -> Committed:
        """See ``Store.commit``, and the module's docstring for what can be committed together.

        Raises:
            ValueError: The changes need several shards.
        """
        parts = self._open
        count = len(parts.shards)
        places = {placing.shard_of_change(change, count) for change in changes} or {0}
        if len(places) > 1:
            raise ValueError("a commit has one shard, and these changes have several: commit them one by one")
        (place,) = places
        if count > 1 and any(change.checkpoints for change in changes):
            changes = tuple([await self._pinned_elsewhere(change, place) for change in changes])
        committed = await parts.shards[place].commit(*changes)
        if committed.events:
            parts.listening.ring(place, Shard(place, count).local(committed.events[-1].seq))
        return committed

    async def _pinned_elsewhere(self, change: Change, place: int) -> Change:
        """Replace checkpoints that are in other shards, and leave them out of the change."""
        shards = self._open.shards
        placed = [(placing.shard_of(one.session_id, len(shards)), one) for one in change.checkpoints]
        here = tuple([one for own, one in placed if own == place])
        if len(here) == len(placed):
            return change
        for own, checkpoint in placed:
            if own != place:
                await shards[own].commit(Change(checkpoints=(checkpoint,)))
        return replace(change, checkpoints=here)

    # -- sessions in bulk

    async def list_sessions(
        self, query: Query, order: Order, *, cursor: str | None, limit: int, now: float
    ) -> Page[Session]:
        """See ``Store.list_sessions``."""
        return await self._open.listing.page(query, order, cursor, limit, now)

    async def window(
        self, query: Query, order: Order, *, offset: int, limit: int, now: float, stride: int = 1
    ) -> Window[Session]:
        """See ``Store.window``."""
        return await self._open.listing.window(query, order, ranks_of(offset, limit, stride), now)

    async def count(self, query: Query, now: float) -> int:
        """See ``Store.count``."""
        return await self._open.listing.count(query, now)

    async def due(self, now: float, limit: int) -> list[str]:
        """See ``Store.due``."""
        return await self._open.listing.due(now, limit)

    async def ended_before(self, before: float, limit: int) -> list[str]:
        """See ``Store.ended_before``."""
        return await self._open.listing.ended_before(before, limit)

    async def children(self, session_id: str, *, cursor: str | None, limit: int) -> Page[Session]:
        """See ``Store.children``."""
        return await self._open.listing.children(session_id, cursor, limit)

    # -- what belongs to a session

    async def list_checkpoints(self, session_id: str, *, after: int, limit: int) -> list[Checkpoint]:
        """See ``Store.list_checkpoints``."""
        return await self._open.of(session_id).list_checkpoints(session_id, after=after, limit=limit)

    async def load_checkpoint(self, session_id: str, number: int) -> Checkpoint | None:
        """See ``Store.load_checkpoint``."""
        return await self._open.of(session_id).load_checkpoint(session_id, number)

    async def load_journal(self, session_id: str, run_id: str) -> list[JournalEntry]:
        """See ``Store.load_journal``."""
        return await self._open.of(session_id).load_journal(session_id, run_id)

    async def inbox(self, session_id: str) -> list[Message]:
        """See ``Store.inbox``."""
        return await self._open.of(session_id).inbox(session_id)

    def id_beside(self, key: str, make: Callable[[], str]) -> str:
        """See ``Store.id_beside``."""
        return placing.id_beside(key, make, len(self._open.shards))

    async def claim(self, key: str) -> str | None:
        """See ``Store.claim``."""
        shards = self._open.shards
        return await shards[placing.shard_of_claim(key, len(shards))].claim(key)

    # -- groups

    async def load_group(self, group_id: str) -> Group | None:
        """See ``Store.load_group``."""
        return await groups.load_group(self._open.links, group_id)

    async def list_groups(self, *, cursor: str | None, limit: int) -> Page[Group]:
        """See ``Store.list_groups``."""
        return await groups.list_groups(self._open.links, cursor, limit)

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
        """See ``Store.list_events``; those of several shards come by their time."""
        parts = self._open

        if session_id is None:
            return await events.list_events(parts.links, group_id, after=after, limit=limit, newest=newest)
        return await parts.of(session_id).list_events(
            session_id=session_id, group_id=group_id, after=after, limit=limit, newest=newest
        )

    async def read_events(self, cursor: str | None, limit: int) -> EventBatch:
        """See ``Store.read_events``."""
        parts = self._open
        if len(parts.shards) == 1:
            return await parts.shards[0].read_events(cursor, limit)
        return await parts.reads.read(cursor, limit)

    async def wait_events(self, cursor: str, timeout: float) -> bool:
        """See ``Store.wait_events``."""
        parts = self._open
        return await parts.listening.wait(read_positions(cursor, len(parts.shards)), timeout)

    async def trim_events(self, before: float, limit: int) -> int:
        """See ``Store.trim_events``."""
        deleted = 0
        for shard in self._open.shards:
            if deleted < limit:
                deleted += await shard.trim_events(before, limit - deleted)
        return deleted

    # -- counters

    async def counters(self, prefix: str = "") -> dict[str, float]:
        """See ``Store.counters``."""
        return await records.counters(self._open.links, prefix)

    async def drop_counters(self, names: Sequence[str]) -> None:
        """See ``Store.drop_counters``."""
        await asyncio.gather(*(shard.drop_counters(names) for shard in self._open.shards))

    # -- documents: all in the first shard

    async def documents(self, kind: str) -> dict[str, bytes]:
        """See ``Store.documents``."""
        return await self._open.shards[0].documents(kind)

    async def put_document(
        self, kind: str, name: str, body: bytes | None, *, expected: bytes | None, audit: AuditEntry | None = None
    ) -> None:
        """See ``Store.put_document``."""
        await self._open.shards[0].put_document(kind, name, body, expected=expected, audit=audit)

    # -- audit

    async def append_audit(self, entry: AuditEntry) -> None:
        """See ``Store.append_audit``."""
        await self._open.of(entry.target).append_audit(entry)

    async def audit_heads(self) -> list[AuditHead]:
        """See ``Store.audit_heads``."""
        answers = await asyncio.gather(*(shard.audit_heads() for shard in self._open.shards))
        return [head for answer in answers for head in answer]

    async def read_audit(
        self, chain: str, *, after: int = 0, before: int | None = None, limit: int, newest: bool = False
    ) -> list[StoredAudit]:
        """See ``Store.read_audit``."""
        shard = self._shard_of_chain(chain)
        if shard is None:
            return []
        return await shard.read_audit(chain, after=after, before=before, limit=limit, newest=newest)

    async def trim_audit(self, upto: AuditHead, anchor: AuditEntry) -> int:
        """See ``Store.trim_audit``."""
        shard = self._shard_of_chain(upto.chain)
        return 0 if shard is None else await shard.trim_audit(upto, anchor)

    def _shard_of_chain(self, chain: str) -> RedisStore | None:
        shards = self._open.shards
        number = 0 if chain == "" else int(chain[1:]) if chain[1:].isdigit() else len(shards)
        return shards[number] if number < len(shards) else None

    # -- workers: all in the first shard, and in each the runs that they hold there

    async def beat(self, worker: Worker, lease: float) -> None:
        """See ``Store.beat``. Also writes down the layout anew, should the servers have been emptied."""
        parts = self._open
        layout = Shard(0, len(parts.shards)).layout
        found, _ = await asyncio.gather(
            claim_layout(parts.home, self._keys, layout), parts.shards[0].beat(worker, lease)
        )
        if found != layout:
            raise StoreUnavailable(
                f"the store {self.url} was made anew with another number of shards: restart this process",
                store=self.url,
                reason="layout",
            )

    async def workers(self) -> list[Worker]:
        """See ``Store.workers``."""
        return await self._open.shards[0].workers()

    async def forget_worker(self, worker_id: str) -> None:
        """See ``Store.forget_worker``."""
        await self._open.shards[0].forget_worker(worker_id)

    async def runs_of(self, worker_id: str, limit: int) -> list[str]:
        """See ``Store.runs_of``."""
        answers = await asyncio.gather(*(shard.runs_of(worker_id, limit) for shard in self._open.shards))
        return sorted(name for answer in answers for name in answer)[: max(limit, 0)]

    async def holders(self) -> set[str]:
        """See ``Store.holders``."""
        return set[str]().union(*await asyncio.gather(*(shard.holders() for shard in self._open.shards)))

    async def health(self) -> Health:
        """See ``Store.health``."""
        if self._parts is None:
            return Health(ok=False, backend="redis", url=self.url, detail=faults.closed(self.url).message)
        parts = self._parts
        asked = [0] if parts.nodes is None else parts.nodes.first_of_each([link.keys.meta for link in parts.links])
        answers = await asyncio.gather(*(parts.shards[number].health() for number in asked))
        try:
            async with asyncio.timeout(LOOK):
                sessions = await parts.listing.count(Query(), 0.0)
        except (NexusError, TimeoutError) as error:
            answers.append(Health(ok=False, backend="redis", url=self.url, detail=f"not every shard answers: {error}"))
            sessions = 0
        return wellbeing.merged(answers, self.url, {"shards": str(len(parts.shards)), "sessions": str(sessions)})
