"""``ArchivedStore``: a live store and the history of what it has let go, as one ``Store``.

What the live store has, it answers alone, and nothing is added to that: history costs one read where the live
store has no such session, and in lists. Everything that changes or that must be looked at (commits, due
sessions, runs, counters, workers, the feed) is the live store's; an archive that can't be reached holds up
lists and what only it can answer, and no work.

What history has is over: a change of it is refused, and ``fork`` makes a new session of it. Its ids stay taken.
A session is let go, so that history shows it, before the live store deletes it, and only once the archive has
its last version (``history.py``); until then a deletion is refused, and retention tries again later.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Final, Self

from nexus.archive import merged_lists
from nexus.archive.history import History
from nexus.archive.kept import KeptStore
from nexus.archive.merged_windows import Windows
from nexus.archive.overlaid import Overlaid
from nexus.errors import InvalidTransition, StoreUnavailable
from nexus.model import Checkpoint, Event, Group, JournalEntry, Page, Session, Window, born_at
from nexus.model.audit import AuditEntry
from nexus.query import Query
from nexus.stores.archiving import Archivable
from nexus.stores.base import Change, Committed, Conflict, Health, Message, Order, Snapshot, Store
from nexus.stores.strides import ranks_of

_SAME_MOMENT: Final = 1.0
_COUNTS_LAST: Final = 1.0
_COUNTS_KEPT: Final = 1000
_log = logging.getLogger("nexus.archive")


class ArchivedStore(Overlaid):
    """See the module's docstring.

    Args:
        live: The store that sessions live in; it is opened and closed with this one.
        history: What was let go; it is closed with this one.
        clock: Seconds that only go forward.
    """

    def __init__(self, live: Store, history: History, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.live = live
        self.history = history
        self.url = live.url
        self._clock = clock
        self._counts: dict[str, tuple[float, Mapping[str, int]]] = {}

    async def __aenter__(self) -> Self:
        await self.live.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        await self.history.close()
        await self.live.__aexit__(kind, error, trace)

    # -- records

    async def load(self, session_id: str) -> Snapshot | None:
        """See ``Store.load``."""
        found = await self.live.load(session_id)
        return found if found is not None else await self.history.load(session_id)

    async def load_many(self, session_ids: Sequence[str]) -> dict[str, Snapshot]:
        """See ``Store.load_many``."""
        found = await self.live.load_many(session_ids)
        missing = [name for name in session_ids if name not in found]
        return found | await self.history.load_many(missing) if missing else found

    async def commit(self, *changes: Change) -> Committed:
        """See ``Store.commit``.

        Raises:
            Conflict: As the live store says; and where a new session has the id of one that was let go.
            InvalidTransition: The change is of a session that was let go.
            StoreUnavailable: It deletes a session whose last version is not archived yet.
        """
        await self._refuse_taken(changes)
        doomed = [change for change in changes if change.session_id is not None and change.after is None]
        for change in doomed:
            await self._let_go(change)
        try:
            return await self.live.commit(*changes)
        except Conflict as conflict:
            await self._take_back(doomed, conflict)
            await self._refuse_archived(changes, conflict)
            raise
        finally:
            if doomed:
                self._counts.clear()

    async def _refuse_taken(self, changes: Sequence[Change]) -> None:
        chosen = [change.session_id for change in changes if _has_chosen_id(change)]
        if not chosen:
            return
        taken = await self.history.load_many([name for name in chosen if name is not None])
        for name, snapshot in taken.items():
            raise Conflict(name, snapshot)

    async def _let_go(self, change: Change) -> None:
        name, version = change.session_id or "", change.expected or 0
        if not await self.history.let_go(name, version):
            raise StoreUnavailable(
                f"session {name} can't be deleted before version {version} of it is in the archive: try again later",
                session_id=name, reason="archive_behind",
            )  # fmt: skip

    async def _take_back(self, doomed: Sequence[Change], conflict: Conflict) -> None:
        for change in doomed:
            if change.session_id == conflict.session_id and conflict.current is None:
                continue  # somebody else deleted it
            await self.history.keep(change.session_id or "", change.expected or 0)

    async def _refuse_archived(self, changes: Sequence[Change], conflict: Conflict) -> None:
        name = conflict.session_id
        wanted = any(change.session_id == name and change.after is not None for change in changes)
        if not wanted or conflict.current is not None or conflict.claim is not None:
            return
        archived = await self.history.load(name)
        if archived is not None:
            status = archived.session.status.value
            raise InvalidTransition(
                f"session {name} is {status} and archived, so it can't change any more: fork it, and go on in the"
                " new session",
                session_id=name, archived=True, **{"from": status, "to": "changed"},
            ) from None  # fmt: skip

    # -- sessions in bulk

    async def list_sessions(
        self, query: Query, order: Order, *, cursor: str | None, limit: int, now: float
    ) -> Page[Session]:
        """See ``Store.list_sessions``."""
        live = await self.live.list_sessions(query, order, cursor=cursor, limit=limit, now=now)
        past = await self.history.list_sessions(query, order, cursor=cursor, limit=limit, now=now)
        return merged_lists.sessions_page(live, past, order, limit)

    async def window(
        self, query: Query, order: Order, *, offset: int, limit: int, now: float, stride: int = 1
    ) -> Window[Session]:
        """See ``Store.window``."""
        windows = Windows(self.live, self.history, query, order, now)
        if stride > 1:
            return await windows.strided(ranks_of(offset, limit, stride))
        return await windows.window(offset, limit)

    async def count(self, query: Query, now: float) -> int:
        """See ``Store.count``."""
        live = await self.live.count(query, now)
        return live + await self.history.count(query, now)

    async def children(self, session_id: str, *, cursor: str | None, limit: int) -> Page[Session]:
        """See ``Store.children``."""
        live = await self.live.children(session_id, cursor=cursor, limit=limit)
        past = await self.history.children(session_id, cursor=cursor, limit=limit)
        return merged_lists.children_page(live, past, limit)

    # -- what belongs to a session

    async def list_checkpoints(self, session_id: str, *, after: int, limit: int) -> list[Checkpoint]:
        """See ``Store.list_checkpoints``."""
        found = await self.live.list_checkpoints(session_id, after=after, limit=limit)
        if found or await self._is_live(session_id):
            return found
        return await self.history.list_checkpoints(session_id, after=after, limit=limit)

    async def load_checkpoint(self, session_id: str, number: int) -> Checkpoint | None:
        """See ``Store.load_checkpoint``."""
        found = await self.live.load_checkpoint(session_id, number)
        if found is not None or await self._is_live(session_id):
            return found
        return await self.history.load_checkpoint(session_id, number)

    async def load_journal(self, session_id: str, run_id: str) -> list[JournalEntry]:
        """See ``Store.load_journal``."""
        found = await self.live.load_journal(session_id, run_id)
        if found or await self._is_live(session_id):
            return found
        return await self.history.load_journal(session_id, run_id)

    async def _is_live(self, session_id: str) -> bool:
        # Asked where it has nothing of a kind, so that its work never waits for the archive.
        return await self.live.load(session_id) is not None

    async def inbox(self, session_id: str) -> list[Message]:
        """See ``Store.inbox``."""
        return await self.live.inbox(session_id)

    async def claim(self, key: str) -> str | None:
        """See ``Store.claim``."""
        return await self.live.claim(key)

    # -- groups

    async def load_group(self, group_id: str) -> Group | None:
        """See ``Store.load_group``. Members that were let go count too, as of at most a second ago."""
        found = await self.live.load_group(group_id)
        if found is None:
            return await self.history.load_group(group_id)
        return merged_lists.with_members(found, (await self._members([group_id]))[group_id])

    async def list_groups(self, *, cursor: str | None, limit: int) -> Page[Group]:
        """See ``Store.list_groups``. The live store lets no group go."""
        page = await self.live.list_groups(cursor=cursor, limit=limit)
        gone = await self._members([group.id for group in page.items])
        items = tuple(merged_lists.with_members(group, gone[group.id]) for group in page.items)
        return Page(items=items, next_cursor=page.next_cursor, total=page.total)

    async def _members(self, group_ids: Sequence[str]) -> dict[str, Mapping[str, int]]:
        """Counts that are remembered for a moment: every new member of a group asks for the group.

        Creating a member must not wait for an archive that is away, so the last known counts do then.
        """
        now = self._clock()
        fresh = now - _COUNTS_LAST
        unknown = [name for name in group_ids if self._counts.get(name, (fresh, {}))[0] <= fresh]
        if unknown:
            try:
                found = await self.history.members(unknown)
            except StoreUnavailable as error:
                _log.warning("groups are shown as last counted, because the archive is away: %s", error)
            else:
                if len(self._counts) + len(unknown) > _COUNTS_KEPT:
                    self._counts.clear()
                self._counts.update({name: (now, found.get(name, {})) for name in unknown})
        return {name: self._counts[name][1] if name in self._counts else {} for name in group_ids}

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
        """See ``Store.list_events``. Those that the live store has trimmed, or lost, come from the archive."""
        by_time = session_id is None and self._is_spread
        live = await self.live.list_events(
            session_id=session_id, group_id=group_id, after=after, limit=limit, newest=newest
        )
        past = await self.history.list_events(
            session_id=session_id, group_id=group_id, after=after, limit=limit, newest=newest, by_time=by_time
        )
        return merged_lists.events_of_both(live, past, limit, newest=newest, by_time=by_time)

    @property
    def _is_spread(self) -> bool:
        # Such a store numbers the events of each shard by themselves.
        live = self.live.live if isinstance(self.live, KeptStore) else self.live
        return isinstance(live, Archivable) and len(live.outboxes) > 1

    # -- counters

    async def counters(self, prefix: str = "") -> dict[str, float]:
        """See ``Store.counters``; they count what the live store has."""
        return await self.live.counters(prefix)

    # -- documents

    async def documents(self, kind: str) -> dict[str, bytes]:
        """See ``Store.documents``."""
        return await self.live.documents(kind)

    async def put_document(
        self, kind: str, name: str, body: bytes | None, *, expected: bytes | None, audit: AuditEntry | None = None
    ) -> None:
        """See ``Store.put_document``."""
        await self.live.put_document(kind, name, body, expected=expected, audit=audit)

    async def health(self) -> Health:
        """See ``Store.health``."""
        return await self.live.health()


def _has_chosen_id(change: Change) -> bool:
    """Whether it makes a session whose id somebody chose; one that was made for it is nobody else's."""
    if change.session_id is None or change.after is None or change.expected is not None:
        return False
    born = born_at(change.session_id)
    return born is None or abs(born - change.after.session.created_at) > _SAME_MOMENT
