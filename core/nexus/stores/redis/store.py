"""``RedisStore``: the store that many machines share. Puts the parts together; each does what its module says.

Guarantees beyond ``base.py``: any number of processes on any machines may use it at once; a commit that is sent
again because its answer was lost is done once. How durable an acknowledged commit is, is up to the server's
settings, which ``health`` tells. All of its keys are in one slot (``keys.py``); a store that is spread over the nodes
of a cluster is made of several of these (``sharded/``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self

from nexus.errors import NexusError, StoreUnavailable
from nexus.model import Checkpoint, Event, EventBatch, Group, JournalEntry, Page, Session, Window, Worker
from nexus.model.audit import AuditEntry, AuditHead, StoredAudit
from nexus.query import Query
from nexus.stores import codec
from nexus.stores.base import Change, Committed, Health, Message, Order, Snapshot
from nexus.stores.positions import read_position
from nexus.stores.prepared import prepare
from nexus.stores.redis import audit as chains
from nexus.stores.redis import documents, faults, feed, groups, records, upkeep, workers
from nexus.stores.redis.client import Client
from nexus.stores.redis.commits import Commits
from nexus.stores.redis.diagnosis import examine
from nexus.stores.redis.keys import WHOLE, Keys, Shard
from nexus.stores.redis.layout import claim_layout, refuse_layout
from nexus.stores.redis.links import Link
from nexus.stores.redis.listening import Listening
from nexus.stores.redis.listing import Listing
from nexus.stores.redis.nodes import Nodes
from nexus.stores.redis.outbox import RedisOutbox
from nexus.stores.redis.replicas import NO_DEMAND, Assured, Demand
from nexus.stores.redis.urls import parse_url
from nexus.stores.strides import ranks_of

PREFIX: Final = "nexus:sessions:"
TIMEOUT: Final = 5.0
PATIENCE: Final = 10.0
LOOK: Final = 2.0
"""Seconds after which a server that has not answered isn't well, whatever calls still wait for."""


class _Opened:
    """Everything that lives as long as the store is open."""

    def __init__(self, client: Client, keys: Keys, assured: Assured | None) -> None:
        self.client = client
        self.links = (Link(client, keys),)
        self.commits = Commits(client, keys, assured)
        self._assured = assured
        self.outbox = RedisOutbox(client, keys, self.commits)
        self.listing = Listing(self.links)
        self.listening = Listening(self.links)

    async def close(self) -> None:
        await self.listening.close()
        if self._assured is not None:
            await self._assured.close()
        await self.client.close()


class RedisStore:
    """See the module's docstring; for one event loop.

    Args:
        url: One of the forms in ``urls.py``.
        prefix: What the names of its keys start with: stores with different prefixes know nothing of each other.
        timeout: Seconds that one attempt may take to connect or to be answered.
        patience: Seconds after which a call that no server answers is ``StoreUnavailable``.
        shard: Which part it is of a store that is spread over several; by default it is all of it.
        nodes: Connections that it shares with other parts; without them it has one of its own.
        demand: How many replicas have to have a commit that stores a checkpoint, or creates or ends a session.

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
        shard: Shard = WHOLE,
        nodes: Nodes | None = None,
        demand: Demand = NO_DEMAND,
    ) -> None:
        self._nodes = nodes
        self._demand = demand
        self._place = parse_url(url)
        self.url = self._place.shown
        self._keys = Keys(prefix, shard)
        self._timeout = timeout
        self._patience = patience
        self._parts: _Opened | None = None

    async def __aenter__(self) -> Self:
        if self._parts is not None:
            raise StoreUnavailable(
                f"the store {self.url} is open already: make another RedisStore for another block", store=self.url
            )
        client = Client(self._place, self._keys.meta, timeout=self._timeout, patience=self._patience, nodes=self._nodes)
        try:
            await self._check_layout(client)
        except BaseException:
            await client.close()
            raise
        self._parts = _Opened(client, self._keys, self._assured())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        parts, self._parts = self._parts, None
        if parts is not None:
            await parts.close()

    def _assured(self) -> Assured | None:
        if not self._demand.replicas:
            return None
        timeout = self._timeout + self._demand.timeout
        patience = self._patience + self._demand.timeout
        client = Client(self._place, self._keys.meta, timeout=timeout, patience=patience)
        return Assured(client, self._keys, self._demand, self.url)

    async def _check_layout(self, client: Client) -> None:
        wanted = self._keys.shard.layout
        found = await claim_layout(client, self._keys, wanted)
        if found != wanted:
            raise refuse_layout(found, wanted, self.url)

    @property
    def _open(self) -> _Opened:
        if self._parts is None:
            raise faults.closed(self.url)
        return self._parts

    @property
    def shards(self) -> tuple[RedisStore, ...]:
        """The parts that it is made of: itself."""
        return (self,)

    @property
    def link(self) -> Link:
        """Its connection and keys, for those who read several shards as one.

        Raises:
            StoreUnavailable: It is not open.
        """
        return self._open.links[0]

    @property
    def outboxes(self) -> tuple[RedisOutbox, ...]:
        """What is handed to an archive; see ``nexus.stores.archiving``."""
        return (self._open.outbox,)

    # -- records

    async def load(self, session_id: str) -> Snapshot | None:
        """See ``Store.load``."""
        return await records.load(self._open.client, self._keys, session_id)

    async def load_many(self, session_ids: Sequence[str]) -> dict[str, Snapshot]:
        """See ``Store.load_many``."""
        return await records.load_many(self._open.links, session_ids)

    async def commit(self, *changes: Change) -> Committed:
        """See ``Store.commit``. A caller that is cancelled meanwhile may find all of it done, or nothing."""
        parts = self._open
        committed = await parts.commits.commit([prepare(change) for change in changes])
        if committed.events:
            parts.listening.ring(0, self._keys.shard.local(committed.events[-1].seq))
        return committed

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
        return await records.list_checkpoints(self._open.client, self._keys, session_id, after, limit)

    async def load_checkpoint(self, session_id: str, number: int) -> Checkpoint | None:
        """See ``Store.load_checkpoint``."""
        return await records.load_checkpoint(self._open.client, self._keys, session_id, number)

    async def load_journal(self, session_id: str, run_id: str) -> list[JournalEntry]:
        """See ``Store.load_journal``."""
        return await records.load_journal(self._open.client, self._keys, session_id, run_id)

    async def inbox(self, session_id: str) -> list[Message]:
        """See ``Store.inbox``."""
        return await records.inbox(self._open.client, self._keys, session_id)

    def id_beside(self, key: str, make: Callable[[], str]) -> str:  # noqa: ARG002 - all keys are in one place
        """See ``Store.id_beside``."""
        return make()

    async def claim(self, key: str) -> str | None:
        """See ``Store.claim``."""
        return await records.claim(self._open.client, self._keys, key)

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
        """See ``Store.list_events``."""
        return await feed.list_events(
            self._open.client, self._keys, session_id, group_id, after=after, limit=limit, newest=newest
        )

    async def read_events(self, cursor: str | None, limit: int) -> EventBatch:
        """See ``Store.read_events``."""
        return await feed.read_events(self._open.client, self._keys, cursor, limit)

    async def wait_events(self, cursor: str, timeout: float) -> bool:
        """See ``Store.wait_events``."""
        return await self._open.listening.wait((read_position(cursor),), timeout)

    async def trim_events(self, before: float, limit: int) -> int:
        """See ``Store.trim_events``."""
        return await upkeep.trim_events(self._open.client, self._keys, before, limit)

    # -- counters

    async def counters(self, prefix: str = "") -> dict[str, float]:
        """See ``Store.counters``."""
        return await records.counters(self._open.links, prefix)

    async def drop_counters(self, names: Sequence[str]) -> None:
        """See ``Store.drop_counters``."""
        await records.drop_counters(self._open.client, self._keys, names)

    # -- documents

    async def documents(self, kind: str) -> dict[str, bytes]:
        """See ``Store.documents``."""
        return await documents.documents(self._open.client, self._keys, kind)

    async def put_document(
        self, kind: str, name: str, body: bytes | None, *, expected: bytes | None, audit: AuditEntry | None = None
    ) -> None:
        """See ``Store.put_document``."""
        entry = b"" if audit is None else codec.encode_audit(audit)
        await documents.put_document(self._open.client, self._keys, kind, name, body, expected, entry)

    # -- audit

    async def append_audit(self, entry: AuditEntry) -> None:
        """See ``Store.append_audit``."""
        await chains.append(self._open.client, self._keys, codec.encode_audit(entry))

    async def audit_heads(self) -> list[AuditHead]:
        """See ``Store.audit_heads``."""
        return [await chains.head(self._open.client, self._keys)]

    async def read_audit(
        self, chain: str, *, after: int = 0, before: int | None = None, limit: int, newest: bool = False
    ) -> list[StoredAudit]:
        """See ``Store.read_audit``."""
        if chain != chains.chain_name(self._keys):
            return []
        return await chains.read(self._open.client, self._keys, after, before, limit, newest=newest)

    async def trim_audit(self, upto: AuditHead, anchor: AuditEntry) -> int:
        """See ``Store.trim_audit``."""
        if upto.chain != chains.chain_name(self._keys):
            return 0
        return await chains.trim(self._open.client, self._keys, upto, codec.encode_audit(anchor))

    # -- workers

    async def beat(self, worker: Worker, lease: float) -> None:
        """See ``Store.beat``."""
        await workers.beat(self._open.client, self._keys, worker, lease)

    async def workers(self) -> list[Worker]:
        """See ``Store.workers``."""
        return await workers.list_workers(self._open.client, self._keys)

    async def forget_worker(self, worker_id: str) -> None:
        """See ``Store.forget_worker``."""
        await workers.forget(self._open.client, self._keys, worker_id)

    async def runs_of(self, worker_id: str, limit: int) -> list[str]:
        """See ``Store.runs_of``."""
        return await workers.runs_of(self._open.client, self._keys, worker_id, limit)

    async def holders(self) -> set[str]:
        """See ``Store.holders``."""
        return await workers.holders(self._open.client, self._keys)

    async def health(self) -> Health:
        """See ``Store.health``."""
        try:
            async with asyncio.timeout(LOOK):
                facts = await examine(self._open.client, self._keys, self._place, self._demand.replicas)
        except NexusError as error:
            return Health(ok=False, backend="redis", url=self.url, detail=error.message)
        except TimeoutError:
            trouble = self._open.client.trouble or f"no answer within {LOOK:g} s"
            return Health(ok=False, backend="redis", url=self.url, detail=faults.unreachable(trouble, self.url).message)
        return Health(ok=True, backend="redis", url=self.url, facts=facts)
