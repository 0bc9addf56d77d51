"""What a store holds in the end, and the events as somebody saw them who followed from the beginning."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import msgspec

from nexus.audit import list_audit, verify
from nexus.errors import StoreUnavailable
from nexus.model import RUNNING, Event, Group, Session
from nexus.model.audit import AuditRecord, AuditVerdict
from nexus.query import parse
from nexus.stores.base import Order, SortField, Store

_PAGE = 500


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """See the module's docstring."""

    sessions: dict[str, Session]
    events: dict[str, tuple[Event, ...]]
    """By session, in the order in which the store lists them; of deleted sessions as well, until they are trimmed."""
    counters: dict[str, float]
    groups: dict[str, Group] = {}
    """With what they count."""
    told_of_groups: dict[str, tuple[Event, ...]] = {}
    """The events of each group itself, without those of its members, as they are listed."""
    past: frozenset[str] = frozenset()
    """Of ``sessions`` those that only the archive has: the store has let them go."""
    followed: tuple[Event, ...] | None = None
    """All events as a follower got them, from before the first; ``None`` if nobody followed."""
    audit: tuple[AuditRecord, ...] | None = None
    """Every audit record; ``None`` where it was not read."""
    audit_break: str = ""
    """The first record that isn't as it was written, in words."""
    told_trimmed: bool = False
    """Whether the follower was told that it had missed some."""
    trimmed_below: int = 0
    """Events with lower numbers were taken away on purpose, so that they are no longer listed."""
    one_order: bool = True
    """Whether numbers of events run over all sessions without gaps; not in a store that is spread."""


async def gather(
    store: Store,
    also: Iterable[str] = (),
    *,
    live: Store | None = None,
    followed: Follower | None = None,
    one_order: bool = True,
    trimmed_below: int = 0,
) -> Evidence:
    """Read all of a store that nobody changes now.

    Args:
        store: Open.
        also: Sessions whose events are wanted even if they are gone.
        live: The part of an archived store that holds what has not been let go.
        followed: Who has followed.
        one_order: See ``Evidence``.
        trimmed_below: See ``Evidence``.
    """
    sessions = {session.id: session async for session in all_sessions(store)}
    wanted = sorted({*sessions, *also})
    events = {session_id: await events_of(store, session_id) for session_id in wanted}
    groups = {group.id: group async for group in all_groups(store)}
    told_of_groups = {group_id: await events_of_group(store, group_id) for group_id in groups}
    kept = sessions.keys() if live is None else {session.id async for session in all_sessions(live)}
    counters = await counters_of(store)
    audit, audit_break = await audit_of(store)
    return Evidence(
        sessions=sessions, events=events, counters=counters, one_order=one_order, audit=audit, audit_break=audit_break,
        groups=groups, told_of_groups=told_of_groups, past=frozenset(sessions.keys() - kept),
        followed=None if followed is None else tuple(followed.events),
        told_trimmed=followed is not None and followed.trimmed, trimmed_below=trimmed_below,
    )  # fmt: skip


async def settle(store: Store, patience: float) -> None:
    """Wait until no run is live any more; those that stay so are told of by the checks.

    Args:
        store: Open; it may be away meanwhile.
        patience: Seconds to wait at most.

    Raises:
        StoreUnavailable: It is away still when the time is up.
    """
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            if not [each.id async for each in all_sessions(store) if each.status in RUNNING]:
                return
        except StoreUnavailable:
            if time.monotonic() + 1 > until:
                raise
        await asyncio.sleep(0.2)


async def all_sessions(store: Store) -> AsyncIterator[Session]:
    """Every session, in order of id."""
    query, order, cursor = parse(""), Order(SortField.ID, descending=False), None
    while True:
        page = await store.list_sessions(query, order, cursor=cursor, limit=_PAGE, now=0.0)
        for session in page.items:
            yield session
        cursor = page.next_cursor
        if cursor is None:
            return


async def all_groups(store: Store) -> AsyncIterator[Group]:
    """Every group with what it counts, newest first."""
    cursor = None
    while True:
        page = await store.list_groups(cursor=cursor, limit=_PAGE)
        for group in page.items:
            yield group
        cursor = page.next_cursor
        if cursor is None:
            return


async def events_of(store: Store, session_id: str) -> tuple[Event, ...]:
    """All events of a session, as they are listed."""
    return await _all_events(partial(store.list_events, session_id=session_id))


async def events_of_group(store: Store, group_id: str) -> tuple[Event, ...]:
    """All events of a group, without those of its members."""
    listed = await _all_events(partial(store.list_events, group_id=group_id))
    return tuple(event for event in listed if event.session_id is None)


async def _all_events(read: Callable[..., Awaitable[list[Event]]]) -> tuple[Event, ...]:
    found: list[Event] = []
    while True:
        page = await read(after=found[-1].seq if found else 0, limit=_PAGE)
        found += page
        if len(page) < _PAGE:
            return tuple(found)


async def audit_of(store: Store) -> tuple[tuple[AuditRecord, ...], str]:
    """All audit records of a store, and what is wrong with their chains, in words."""
    found: list[AuditRecord] = []
    cursor = None
    while True:
        page = await list_audit(store, "", cursor, _PAGE, newest=False, now=0.0)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    return tuple(found), break_in_words(await verify(store))


def break_in_words(verdict: AuditVerdict) -> str:
    """What is wrong with the audit's chains; nothing where they are as they were written."""
    broken = verdict.broken
    return "" if broken is None else f"record {broken.seq} was {broken.problem}: {broken.detail}"


async def counters_of(store: Store) -> dict[str, float]:
    """All counters, those of groups too."""
    return {**await store.counters(), **await store.counters("group:")}


class Follower:
    """Follows all events from the oldest kept on, through any trouble of the store.

    Args:
        store: Open; of its own, best, as trouble of it is waited for.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.events: list[Event] = []
        self.trimmed = False
        self._cursor = "0"

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Follow until the context ends; it ends when all that is there has been read."""
        task = asyncio.create_task(self._follow())
        try:
            yield
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            while await self._read():
                pass
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _follow(self) -> None:
        while True:
            with contextlib.suppress(StoreUnavailable):
                await self._store.wait_events(self._cursor, 1.0)
                while await self._read():
                    pass
                continue
            await asyncio.sleep(0.05)

    async def _read(self) -> bool:
        batch = await self._store.read_events(self._cursor, _PAGE)
        # No await from here on, so that a cancelled follower has read a batch wholly or not at all.
        self._cursor = batch.cursor
        self.events += batch.events
        self.trimmed |= batch.trimmed
        return bool(batch.events)


def by_session(events: Iterable[Event]) -> dict[str, list[Event]]:
    """Events apart by session, each in the order given."""
    found: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event.session_id is not None:
            found[event.session_id].append(event)
    return dict(found)


def restorations(record: Sequence[Event]) -> list[tuple[int, int]]:
    """Where a session went on after a loss: at which version it was put back, and at which it goes on.

    Args:
        record: Its events, in order.
    """
    return [
        (int(event.data["from_version"]), event.version or 0) for event in record if event.type == "session.restored"
    ]  # fmt: skip


def versions_of(last: int, gaps: Iterable[tuple[int, int]] = ()) -> set[int]:
    """All versions that there have been, up to the last; those within ``gaps`` are never given."""
    made, first = set[int](), 1
    for before, after in gaps:
        made.update(range(first, before + 1))
        first = after
    return made.union(range(first, last + 1))


def last_life(record: Sequence[Event]) -> list[Event]:
    """The events of a session from its last creation on: an id whose session was deleted may be given again.

    Args:
        record: All events of that id, in order.
    """
    born = 0
    for place, event in enumerate(record):
        if event.type == "session.created":
            born = place
    return list(record[born:])
