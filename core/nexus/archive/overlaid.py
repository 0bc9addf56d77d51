"""What every store that is laid over a live one leaves to it: the feed, workers, and what must be looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nexus.model import EventBatch, Worker
from nexus.model.audit import AuditEntry, AuditHead, StoredAudit
from nexus.stores.base import Store


class Overlaid:
    """The part of ``Store`` that ``KeptStore`` and ``ArchivedStore`` pass on as it is."""

    live: Store

    async def due(self, now: float, limit: int) -> list[str]:
        """See ``Store.due``."""
        return await self.live.due(now, limit)

    async def ended_before(self, before: float, limit: int) -> list[str]:
        """See ``Store.ended_before``; of the live store alone, which is what retention deletes from."""
        return await self.live.ended_before(before, limit)

    def id_beside(self, key: str, make: Callable[[], str]) -> str:
        """See ``Store.id_beside``."""
        return self.live.id_beside(key, make)

    async def read_events(self, cursor: str | None, limit: int) -> EventBatch:
        """See ``Store.read_events``; the feed is the live store's."""
        return await self.live.read_events(cursor, limit)

    async def wait_events(self, cursor: str, timeout: float) -> bool:
        """See ``Store.wait_events``."""
        return await self.live.wait_events(cursor, timeout)

    async def trim_events(self, before: float, limit: int) -> int:
        """See ``Store.trim_events``; the archive keeps what it has."""
        return await self.live.trim_events(before, limit)

    async def drop_counters(self, names: Sequence[str]) -> None:
        """See ``Store.drop_counters``."""
        await self.live.drop_counters(names)

    async def append_audit(self, entry: AuditEntry) -> None:
        """See ``Store.append_audit``."""
        await self.live.append_audit(entry)

    async def audit_heads(self) -> list[AuditHead]:
        """See ``Store.audit_heads``."""
        return await self.live.audit_heads()

    async def read_audit(
        self, chain: str, *, after: int = 0, before: int | None = None, limit: int, newest: bool = False
    ) -> list[StoredAudit]:
        """See ``Store.read_audit``."""
        return await self.live.read_audit(chain, after=after, before=before, limit=limit, newest=newest)

    async def trim_audit(self, upto: AuditHead, anchor: AuditEntry) -> int:
        """See ``Store.trim_audit``."""
        return await self.live.trim_audit(upto, anchor)

    async def beat(self, worker: Worker, lease: float) -> None:
        """See ``Store.beat``."""
        await self.live.beat(worker, lease)

    async def workers(self) -> list[Worker]:
        """See ``Store.workers``."""
        return await self.live.workers()

    async def forget_worker(self, worker_id: str) -> None:
        """See ``Store.forget_worker``."""
        await self.live.forget_worker(worker_id)

    async def runs_of(self, worker_id: str, limit: int) -> list[str]:
        """See ``Store.runs_of``."""
        return await self.live.runs_of(worker_id, limit)

    async def holders(self) -> set[str]:
        """See ``Store.holders``."""
        return await self.live.holders()
