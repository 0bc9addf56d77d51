"""``KeptStore``: a live store that the archive watches over.

What it finds, it gives as the live store does. What it does not find may have been lost: it looks whether the store
still has its mark, and has what was lost put back, all of it or the one session, before it says that there is nothing.
Lists, counts and the like are looked at twice in the same way. A caller waits for that for some seconds and is then
told ``store_unavailable``. Commits are refused by the store itself while its mark is lost (``stores.archiving``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from msgspec.structs import replace

from nexus.archive import audited
from nexus.archive.keeper import Keeper
from nexus.archive.overlaid import Overlaid
from nexus.errors import NexusError, StoreUnavailable
from nexus.model import Checkpoint, Event, Group, JournalEntry, Page, Session, Window
from nexus.model.audit import AuditEntry, AuditHead, StoredAudit
from nexus.query import Query
from nexus.stores.archiving import Outbox, StoreLost
from nexus.stores.base import Change, Committed, Health, Message, Order, Snapshot, Store

T = TypeVar("T")
_TRIES: Final = 3


class KeptStore(Overlaid):
    """See the module's docstring.

    Args:
        live: The store, which is ``Archivable``; it is opened and closed with this one.
        keeper: The archive's side; opened and closed with this one too.
    """

    def __init__(self, live: Store, keeper: Keeper) -> None:
        self.live = live
        self.keeper = keeper
        self.url = live.url

    async def __aenter__(self) -> Self:
        await self.live.__aenter__()
        try:
            await self.keeper.open()
        except BaseException:
            await self.keeper.close()
            await self.live.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        await self.keeper.close()
        await self.live.__aexit__(kind, error, trace)

    @property
    def outboxes(self) -> Sequence[Outbox]:
        """Those of the live store."""
        return self.keeper.outboxes

    async def _found(self, read: Callable[[], Awaitable[T]], session_id: str | None = None) -> T:
        """What ``read`` gives; what is empty is read again if it had been lost."""
        found = await read()
        if found:
            return found
        whole = await self.keeper.whole(session_id)
        return found if whole else await read()

    async def _seen(self, read: Callable[[], Awaitable[T]]) -> T:
        """What ``read`` gives of a store that has lost nothing."""
        for _ in range(_TRIES):
            found = await read()
            if await self.keeper.whole():
                return found
        raise StoreUnavailable("the store keeps losing its data: see its own log", store=self.url, reason="lost")

    # -- records

    async def load(self, session_id: str) -> Snapshot | None:
        """See ``Store.load``. One that the store has lost and the archive has is put back first."""
        found = await self.live.load(session_id)
        if found is None and await self.keeper.recall(session_id):
            return await self.live.load(session_id)
        return found

    async def load_many(self, session_ids: Sequence[str]) -> dict[str, Snapshot]:
        """See ``Store.load_many``."""
        found = await self.live.load_many(session_ids)
        if len(found) == len(set(session_ids)) or await self.keeper.whole():
            return found
        return await self.live.load_many(session_ids)

    async def commit(self, *changes: Change) -> Committed:
        """See ``Store.commit``."""
        for _ in range(_TRIES):
            try:
                return await self.live.commit(*changes)
            except StoreLost:
                if await self.keeper.whole():
                    raise
        raise StoreUnavailable("the store keeps losing its data: see its own log", store=self.url, reason="lost")

    # -- sessions in bulk

    async def list_sessions(
        self, query: Query, order: Order, *, cursor: str | None, limit: int, now: float
    ) -> Page[Session]:
        """See ``Store.list_sessions``."""
        return await self._seen(lambda: self.live.list_sessions(query, order, cursor=cursor, limit=limit, now=now))

    async def window(
        self, query: Query, order: Order, *, offset: int, limit: int, now: float, stride: int = 1
    ) -> Window[Session]:
        """See ``Store.window``."""
        return await self._seen(
            lambda: self.live.window(query, order, offset=offset, limit=limit, now=now, stride=stride)
        )

    async def count(self, query: Query, now: float) -> int:
        """See ``Store.count``."""
        return await self._seen(lambda: self.live.count(query, now))

    async def children(self, session_id: str, *, cursor: str | None, limit: int) -> Page[Session]:
        """See ``Store.children``."""
        return await self._seen(lambda: self.live.children(session_id, cursor=cursor, limit=limit))

    # -- what belongs to a session

    async def list_checkpoints(self, session_id: str, *, after: int, limit: int) -> list[Checkpoint]:
        """See ``Store.list_checkpoints``."""
        return await self._found(lambda: self.live.list_checkpoints(session_id, after=after, limit=limit), session_id)

    async def load_checkpoint(self, session_id: str, number: int) -> Checkpoint | None:
        """See ``Store.load_checkpoint``."""
        return await self._found(lambda: self.live.load_checkpoint(session_id, number), session_id)

    async def load_journal(self, session_id: str, run_id: str) -> list[JournalEntry]:
        """See ``Store.load_journal``."""
        return await self._found(lambda: self.live.load_journal(session_id, run_id), session_id)

    async def inbox(self, session_id: str) -> list[Message]:
        """See ``Store.inbox``."""
        return await self._found(lambda: self.live.inbox(session_id), session_id)

    async def claim(self, key: str) -> str | None:
        """See ``Store.claim``."""
        return await self._found(lambda: self.live.claim(key))

    # -- groups

    async def load_group(self, group_id: str) -> Group | None:
        """See ``Store.load_group``."""
        return await self._seen(lambda: self.live.load_group(group_id))

    async def list_groups(self, *, cursor: str | None, limit: int) -> Page[Group]:
        """See ``Store.list_groups``."""
        return await self._seen(lambda: self.live.list_groups(cursor=cursor, limit=limit))

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
        """See ``Store.list_events``; those from before a loss are the archive's alone."""
        return await self._found(
            lambda: self.live.list_events(
                session_id=session_id, group_id=group_id, after=after, limit=limit, newest=newest
            ),
            session_id,
        )

    # -- counters

    async def counters(self, prefix: str = "") -> dict[str, float]:
        """See ``Store.counters``."""
        return await self._seen(lambda: self.live.counters(prefix))

    # -- documents

    async def documents(self, kind: str) -> dict[str, bytes]:
        """See ``Store.documents``."""
        return await self._seen(lambda: self.live.documents(kind))

    async def put_document(
        self, kind: str, name: str, body: bytes | None, *, expected: bytes | None, audit: AuditEntry | None = None
    ) -> None:
        """See ``Store.put_document``."""
        await self.keeper.whole()
        await self.live.put_document(kind, name, body, expected=expected, audit=audit)

    # -- audit

    async def append_audit(self, entry: AuditEntry) -> None:
        """See ``Store.append_audit``."""
        await self.keeper.whole()
        await self.live.append_audit(entry)

    async def audit_heads(self) -> list[AuditHead]:
        """See ``Store.audit_heads``."""
        return await self._seen(self.live.audit_heads)

    async def read_audit(
        self, chain: str, *, after: int = 0, before: int | None = None, limit: int, newest: bool = False
    ) -> list[StoredAudit]:
        """See ``Store.read_audit``; what the store has lost comes from the archive."""
        outbox = self._outbox_of(chain)
        reach = None if outbox is None else await self._seen(outbox.audit_reach)
        wanted = partial(self.live.read_audit, chain, before=before, newest=newest)
        if reach is None or after >= reach.kept:
            return await wanted(after=after, limit=limit)
        first, end = max(after, reach.trimmed), reach.kept + 1 if before is None else min(before, reach.kept + 1)
        past = partial(audited.read, chain=chain, after=first, before=end, newest=newest)
        if newest:
            found = await wanted(after=reach.kept, limit=limit)
            rest = limit - len(found)
            return found + (await self.keeper.database.read(partial(past, limit=rest)) if rest > 0 else [])
        found = await self.keeper.database.read(partial(past, limit=limit))
        rest = limit - len(found)
        return found + (await wanted(after=reach.kept, limit=rest) if rest > 0 else [])

    async def trim_audit(self, upto: AuditHead, anchor: AuditEntry) -> int:
        """See ``Store.trim_audit``; what the archive hasn't yet is left for the next time."""
        outbox = self._outbox_of(upto.chain)
        if outbox is None:
            return 0
        kept = await self.keeper.database.read(partial(audited.last_of, chain=upto.chain))
        return await outbox.trim_audit(upto, anchor) if kept.count >= upto.count else 0

    def _outbox_of(self, chain: str) -> Outbox | None:
        return next((outbox for outbox in self.outboxes if outbox.chain == chain), None)

    async def health(self) -> Health:
        """See ``Store.health``; with how far the archive is behind."""
        health = await self.live.health()
        if not health.ok:
            return health
        try:
            facts: dict[str, Any] = dict(await self.keeper.facts())
            lost = await self.keeper.lost()
        except NexusError as error:
            return replace(health, ok=False, detail=error.message)
        detail = "the store has lost its data, which are being put back from the archive" if lost else health.detail
        return replace(health, ok=not lost, detail=detail, facts={**health.facts, **facts})
