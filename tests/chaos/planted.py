"""Stores with a bug each, laid over a sound one: what the checks have to find."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from msgspec.structs import replace

from nexus.model import FINAL, LIVE, EventBatch, Group, Page, Session
from nexus.model.audit import AuditEntry
from nexus.model.change import Change, Snapshot
from nexus.query import Query
from nexus.stores.base import Committed, Conflict, Order, Store


class Sound:
    """Passes everything on, and leaves opening and closing to whoever made the inner store."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self.done = 0
        """How often the bug has struck."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        pass

    async def commit(self, *changes: Change) -> Committed:
        return await self.inner.commit(*changes)

    async def read_events(self, cursor: str | None, limit: int) -> EventBatch:
        return await self.inner.read_events(cursor, limit)

    def now_and_then(self, every: int) -> bool:
        self.done += 1
        return self.done % every == 0


class NoComparing(Sound):
    """Commits what was decided on an old version all the same."""

    async def commit(self, *changes: Change) -> Committed:
        while True:
            try:
                return await self.inner.commit(*changes)
            except Conflict as conflict:
                current, change = conflict.current, changes[0]
                if current is None or change.after is None or not self.forced(current, change):
                    raise
                changes = (moved_to(change, current), *changes[1:])

    def forced(self, current: Snapshot, change: Change) -> bool:
        return current.session.status not in FINAL


class LateWrite(NoComparing):
    """Takes a late write to a session that has ended meanwhile."""

    def forced(self, current: Snapshot, change: Change) -> bool:
        return current.session.status in FINAL and change.after is not None and change.after.session.status in LIVE


class LostCounter(Sound):
    """Forgets now and then to count."""

    async def commit(self, *changes: Change) -> Committed:
        if self.now_and_then(20):
            changes = tuple(replace(change, counters={}) for change in changes)
        return await self.inner.commit(*changes)


class Miscount(Sound):
    """Says of each group that one member fewer has completed."""

    async def list_groups(self, *, cursor: str | None, limit: int) -> Page[Group]:
        page = await self.inner.list_groups(cursor=cursor, limit=limit)
        return replace(page, items=tuple(map(self._fewer, page.items)))

    @staticmethod
    def _fewer(group: Group) -> Group:
        return replace(group, counts={**group.counts, "completed": max(0, group.counts.get("completed", 0) - 1)})


class OverlookedMember(Sound):
    """Leaves out one of those who are to end with their group."""

    async def list_sessions(
        self, query: Query, order: Order, *, cursor: str | None, limit: int, now: float
    ) -> Page[Session]:
        page = await self.inner.list_sessions(query, order, cursor=cursor, limit=limit, now=now)
        of_group = any(session.group_id for session in page.items) and "failed" in str(query.terms)
        return replace(page, items=page.items[1:]) if of_group else page


class DroppedEvent(Sound):
    """Commits now and then without the events."""

    async def commit(self, *changes: Change) -> Committed:
        if self.now_and_then(20):
            changes = tuple(replace(change, events=()) for change in changes)
        return await self.inner.commit(*changes)


class HoleInTheFeed(Sound):
    """Leaves out an event of the feed now and then."""

    async def read_events(self, cursor: str | None, limit: int) -> EventBatch:
        batch = await self.inner.read_events(cursor, limit)
        if len(batch.events) > 1 and self.now_and_then(3):
            return replace(batch, events=batch.events[1:], cursors=batch.cursors[1:])
        return batch


class EarlyExpiry(Sound):
    """Thinks that a time-out is shorter than it is."""

    async def commit(self, *changes: Change) -> Committed:
        return await self.inner.commit(*(self._hurried(change) for change in changes))

    def _hurried(self, change: Change) -> Change:
        if change.after is None or change.after.session.timeout is None or change.after.session.idle_deadline is None:
            return change
        session = change.after.session
        sooner = session.last_activity + (session.timeout or 0) / 2
        return replace(change, after=replace_session(change.after, idle_deadline=sooner))


class EmptyPromise(Sound):
    """Acknowledges a change of a state now and then without making it."""

    async def commit(self, *changes: Change) -> Committed:
        first = changes[0]
        patched = len(changes) == 1 and any(event.type == "session.updated" for event in first.events)
        if patched and self.now_and_then(10):
            return Committed(first.events)
        return await self.inner.commit(*changes)


class Unaudited(Sound):
    """Writes the audit of some changes down as that of something else."""

    async def commit(self, *changes: Change) -> Committed:
        if self.now_and_then(20):
            other = AuditEntry(at=0.0, actor="x", channel="", action="x", target_kind="store", target="x")
            changes = tuple(replace(change, audit=other) for change in changes)
        return await self.inner.commit(*changes)


def moved_to(change: Change, current: Snapshot) -> Change:
    """The change as if it had been decided on what is there now."""
    assert change.after is not None
    version = current.session.version + 1
    events = tuple(replace(event, version=version) for event in change.events)
    return replace(
        change, expected=version - 1, after=replace_session(change.after, version=version), events=events
    )  # fmt: skip


def replace_session(snapshot: Snapshot, **fields: Any) -> Snapshot:
    """The snapshot with a session that differs."""
    return Snapshot(replace(snapshot.session, **fields), snapshot.run)


BUGS: dict[str, tuple[Callable[[Store], Sound], str]] = {
    "no comparing": (NoComparing, "acknowledged"),
    "late write accepted": (LateWrite, "final"),
    "lost counter": (LostCounter, "counters"),
    "miscounted group": (Miscount, "groups"),
    "overlooked member": (OverlookedMember, "groups"),
    "dropped event": (DroppedEvent, "versions"),
    "hole in the feed": (HoleInTheFeed, "events"),
    "early expiry": (EarlyExpiry, "expiry"),
    "acknowledged and not made": (EmptyPromise, "acknowledged"),
    "change without audit": (Unaudited, "audit"),
}
"""Each bug, and the promise that it breaks."""
