"""Histories to complete a live store with: one in memory, and what tests fill both sides with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Engine, insert

from nexus.archive import tables
from nexus.model import Checkpoint, Event, Group, JournalEntry, Page, Run, Session, Window
from nexus.model.change import Snapshot
from nexus.query import Query, parse
from nexus.stores import codec, ordering
from nexus.stores.base import Order, SortField
from nexus.stores.memory import MemoryStore
from nexus.stores.ordering import Key
from nexus.testing.builders import NOW

MANY = 100_000


class MemoryPast:
    """``History`` over a second ``MemoryStore``, which holds nothing but what was let go.

    Args:
        store: That store, open.
        ready: Whether the archive is up to date, so that sessions may be let go.
    """

    def __init__(self, store: MemoryStore, *, ready: bool = True) -> None:
        self.store = store
        self.ready = ready
        self.asked: Counter[str] = Counter()
        self.let: list[tuple[str, int]] = []
        self.kept: list[tuple[str, int]] = []

    async def load(self, session_id: str) -> Snapshot | None:
        self.asked["load"] += 1
        return await self.store.load(session_id)

    async def load_many(self, session_ids: Sequence[str]) -> dict[str, Snapshot]:
        self.asked["load_many"] += 1
        return await self.store.load_many(session_ids)

    async def list_sessions(
        self, query: Query, order: Order, *, cursor: str | None, limit: int, now: float
    ) -> Page[Session]:
        return await self.store.list_sessions(query, order, cursor=cursor, limit=limit, now=now)

    async def window(
        self, query: Query, order: Order, *, offset: int, limit: int, now: float, stride: int = 1
    ) -> Window[Session]:
        self.asked["window"] += 1
        return await self.store.window(query, order, offset=offset, limit=limit, now=now, stride=stride)

    async def count(self, query: Query, now: float) -> int:
        return await self.store.count(query, now)

    async def split(
        self, query: Query, order: Order, places: Sequence[Key], *, first: int, rank: int, now: float
    ) -> int:
        self.asked["split"] += 1
        found = await self.store.window(query, order, offset=0, limit=MANY, now=now)
        keys = [ordering.key_of(session, order.field) for session in found.items]
        own = [sum(key > place if order.descending else key < place for key in keys) for place in places]
        return sum(first + index + before < rank for index, before in enumerate(own))

    async def children(self, session_id: str, *, cursor: str | None, limit: int) -> Page[Session]:
        return await self.store.children(session_id, cursor=cursor, limit=limit)

    async def list_checkpoints(self, session_id: str, *, after: int, limit: int) -> list[Checkpoint]:
        self.asked["list_checkpoints"] += 1
        return await self.store.list_checkpoints(session_id, after=after, limit=limit)

    async def load_checkpoint(self, session_id: str, number: int) -> Checkpoint | None:
        self.asked["load_checkpoint"] += 1
        return await self.store.load_checkpoint(session_id, number)

    async def load_journal(self, session_id: str, run_id: str) -> list[JournalEntry]:
        self.asked["load_journal"] += 1
        return await self.store.load_journal(session_id, run_id)

    async def list_events(
        self,
        *,
        session_id: str | None = None,
        group_id: str | None = None,
        after: int = 0,
        limit: int,
        newest: bool = False,
        by_time: bool = False,
    ) -> list[Event]:
        assert not by_time
        return await self.store.list_events(
            session_id=session_id, group_id=group_id, after=after, limit=limit, newest=newest
        )

    async def load_group(self, group_id: str) -> Group | None:
        return await self.store.load_group(group_id)

    async def members(self, group_ids: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
        self.asked["members"] += 1
        counts: dict[str, Counter[str]] = {}
        for name in group_ids:
            found = await self.store.window(
                parse(f'group:"{name}"'), Order(SortField.ID), offset=0, limit=MANY, now=NOW
            )
            counts[name] = Counter(session.status.value for session in found.items)
        return counts

    async def let_go(self, session_id: str, version: int) -> bool:
        self.let.append((session_id, version))
        return self.ready

    async def keep(self, session_id: str, version: int) -> None:
        self.kept.append((session_id, version))

    async def close(self) -> None:
        self.asked["close"] += 1


def shelve(
    engine: Engine, people: Iterable[tuple[Session, Run | None]], *, gone_at: float | None = NOW, **parts: Any
) -> None:
    """Put sessions into the archive, as its writer does.

    Args:
        engine: Of its database.
        people: The sessions, each with its run.
        gone_at: When Redis let them go; ``None`` for not yet.
        **parts: ``checkpoints``, ``events`` (with numbers), ``groups``.
    """
    rows = [session_row(session, run, gone_at) for session, run in people]
    with engine.begin() as connection:
        if rows:
            connection.execute(insert(tables.sessions), rows)
        for checkpoint in parts.get("checkpoints", ()):
            connection.execute(
                insert(tables.checkpoints).values(
                    session_id=checkpoint.session_id,
                    number=checkpoint.number,
                    pinned=checkpoint.pinned,
                    document=codec.encode_checkpoint(checkpoint),
                    state=checkpoint.state_json,
                )
            )
        for place, (session_id, entry) in enumerate(parts.get("journal", ())):
            connection.execute(
                insert(tables.journal).values(
                    session_id=session_id,
                    run_id=entry.run_id,
                    key=entry.key,
                    position=place,
                    document=codec.encode_journal(entry),
                )
            )
        for event in parts.get("events", ()):
            connection.execute(
                insert(tables.events).values(
                    subject=f"s:{event.session_id}", version=event.version or 0, place=event.seq, seq=event.seq,
                    session_id=event.session_id, group_id=event.group_id, ts=event.ts, type=event.type,
                    document=codec.encode_event(event),
                )
            )  # fmt: skip
        for group in parts.get("groups", ()):
            connection.execute(
                insert(tables.groups).values(
                    id=group.id, version=group.version, created_at=group.created_at, document=codec.encode_group(group)
                )
            )


def session_row(session: Session, run: Run | None, gone_at: float | None) -> dict[str, Any]:
    """A session's row."""
    plain = {
        name: getattr(session, name)
        for name in (
            "id", "version", "channel", "workflow", "user_id", "group_id", "parent_id", "owner", "created_at",
            "last_activity", "expires_at", "ended_at", "step", "duration",
        )
    }  # fmt: skip
    shown = {name: value.replace("\0", "\ufffd") if isinstance(value, str) else value for name, value in plain.items()}
    return shown | {
        "status": session.status.value,
        "channels": msgspec.json.encode(session.channels).decode(),
        "document": codec.encode_session(session),
        "state": session.state_json,
        "run": codec.encode_run(run),
        "gone_at": gone_at,
    }
