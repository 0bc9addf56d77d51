"""``app.session_manager``: the calls of the contract about sessions in bulk, groups and housekeeping."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, ItemsView, Iterator, Mapping, Sequence, ValuesView
from typing import TYPE_CHECKING, Any, TypeVar

from nexus.errors import InvalidInput, SessionNotFound
from nexus.model import Checkpoint, Event, Group, Page, Session, Statistics, Status
from nexus.model.bulk import BulkReport, BulkRequest
from nexus.service import DEFAULT_LIMIT, DEFAULT_SORT, MAX_LIMIT

if TYPE_CHECKING:
    from nexus.app import AsyncNexus

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, T], str], T]

_ACTIVE = "status:active,in_progress,suspended"
_PAGE = 200


def id_of(session: str | Session) -> str:
    """The id of a session given by id or as a record."""
    return session.id if isinstance(session, Session) else session


def bulk_request(action: str, ids: Sequence[str] | None, q: str | None, more: Mapping[str, Any]) -> BulkRequest:
    """A request from keywords.

    Raises:
        InvalidInput: One of them is no field of a request.
    """
    for name in more:
        if name not in BulkRequest.__struct_fields__:
            raise InvalidInput(
                f"{name!r} is nothing that bulk takes: use {', '.join(BulkRequest.__struct_fields__)}", field=name
            )
    return BulkRequest(action=action, ids=None if ids is None else tuple(ids), q=q, **more)


class AsyncActiveSessions:
    """Live sessions, newest first, fetched page by page as they are looked at."""

    def __init__(self, app: AsyncNexus) -> None:
        self._app = app

    async def items(self) -> AsyncIterator[tuple[str, Session]]:
        """Pairs of id and session."""
        service, cursor = await self._app.sdk(), None
        while True:
            page = await service.list_sessions(_ACTIVE, limit=_PAGE, cursor=cursor)
            for session in page.items:
                yield session.id, session
            cursor = page.next_cursor
            if cursor is None:
                return

    async def __aiter__(self) -> AsyncIterator[str]:
        async for session_id, _ in self.items():  # noqa: PERF102 - there is no keys()
            yield session_id

    async def get(self, session_id: str) -> Session | None:
        """The session, if it is live."""
        try:
            session = await (await self._app.sdk()).get_session(session_id)
        except SessionNotFound:
            return None
        return session if session.live else None


class AsyncSessionManager:
    """The native form; ``SessionManager`` is the same for synchronous code."""

    def __init__(self, app: AsyncNexus) -> None:
        self._app = app

    async def count_active(self) -> int:
        """How many sessions are live."""
        return (await self.get_statistics()).active

    async def count_total(self) -> int:
        """How many sessions the store keeps."""
        return (await self.get_statistics()).total

    async def get_statistics(self) -> Statistics:
        """Figures over all sessions; the cost doesn't depend on how many there are."""
        return await (await self._app.sdk()).statistics()

    async def get_active_sessions(self) -> AsyncActiveSessions:
        """A lazy mapping of live sessions."""
        return AsyncActiveSessions(self._app)

    async def cleanup_expired(self) -> int:
        """Mark sessions past their time as expired and delete final ones older than retention.

        Returns:
            How many this process has marked expired since the last cleanup: now, or when they were come upon.
        """
        parts, _ = await self._app.here()
        return await parts.sweeper.cleanup()

    async def create_group(self, name: str | None = None, *, metadata: Mapping[str, Any] | None = None) -> str:
        """Create a group, or use the open one of that name; one that had ended is opened again.

        Args:
            name: Its id, by the rules of a session's; a new one if not given.
            metadata: What is known of it; a JSON object.

        Returns:
            Its id.

        Raises:
            InvalidInput, PayloadTooLarge: The name or the metadata doesn't fit.
        """
        return (await (await self._app.sdk()).create_group(name, metadata=metadata)).id

    async def end_group(self, group_id: str, *, status: str = "completed", reason: str | None = None) -> Group:
        """End a group and its live members; one that has ended stays as it is.

        Args:
            group_id: Which.
            status: What its members end as: ``completed`` or ``cancelled``.
            reason: Told by the events and the audit.

        Raises:
            GroupNotFound: There is none.
            InvalidInput: ``status`` is no ending.
        """
        return await (await self._app.sdk()).end_group(group_id, status=status, reason=reason)

    async def wait_for_group(self, group_id: str, timeout: float | None = None) -> Group:
        """Wait until no member has work left: each has ended or failed, or is active after a finished run.

        Args:
            group_id: Which.
            timeout: Seconds; ``None`` for as long as it takes.

        Raises:
            GroupNotFound: There is none.
            WaitTimeout: ``timeout`` seconds went by first.
        """
        return await (await self._app.sdk()).wait_group(group_id, timeout)

    async def get_group(self, group_id: str) -> Group:
        """The group with its counts; ``GroupNotFound`` if there is none."""
        return await (await self._app.sdk()).get_group(group_id)

    async def list_groups(self, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page[Group]:
        """A page of groups, newest first, with ``total``; the next one by the page's ``next_cursor``."""
        return await (await self._app.sdk()).list_groups(cursor=cursor, limit=limit)

    async def get_or_create(self, user_id: str, ttl: float | None = None) -> str:
        """The id of the user's live or failed session, or of a new one; races of processes give one session.

        Args:
            user_id: Whose.
            ttl: The new one's time-out in seconds; 0 for never, ``session_timeout`` if not given.
        """
        return (await (await self._app.sdk()).get_or_create(user_id, ttl=ttl)).id

    async def exists(self, session_id: str | Session) -> bool:
        """Whether there is such a session and it has not expired."""
        return await (await self._app.sdk()).exists(id_of(session_id))

    async def extend_timeout(self, session_id: str | Session, additional_seconds: float) -> Session:
        """Move ``expires_at`` by so many seconds, beyond max age too.

        Raises:
            SessionNotFound, SessionExpired: There is none, or it is past its time.
            InvalidTransition: It has ended.
        """
        return await (await self._app.sdk()).extend_session(id_of(session_id), additional_seconds)

    async def undo(self, session_id: str | Session, *, if_version: int | None = None) -> Session:
        """Undo the session's last change, if that was an end or an extension; see ``Service.undo_session``."""
        return await (await self._app.sdk()).undo_session(id_of(session_id), if_version=if_version)

    async def bulk(
        self, action: str, *, ids: Sequence[str] | None = None, q: str | None = None, **more: Any
    ) -> BulkReport:
        """Do the same to many sessions, each by itself.

        Args:
            action: ``end``, ``extend``, ``resume``, ``fork``, ``signal``, ``patch`` or ``undo``.
            ids: The sessions; or
            q: a filter that matches them.
            more: ``dry_run``, ``versions`` and the action's own: the other fields of ``BulkRequest``.

        Raises:
            InvalidInput: What is asked makes no sense; nothing was done.
        """
        return await (await self._app.sdk()).bulk(bulk_request(action, ids, q, more))

    async def get_status(self, session_id: str | Session) -> Status:
        """The status; compares equal to its name. ``SessionNotFound`` if there is no such session."""
        return (await (await self._app.sdk()).get_session(id_of(session_id))).status

    async def list_sessions(
        self, q: str = "", *, sort: str = DEFAULT_SORT, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[Session]:
        """A page of the sessions that a filter matches, with ``total``.

        Args:
            q: In the filter language, such as ``status:failed age>10m``; all if empty.
            sort: A field, with ``-`` before it for descending.
            limit: Sessions a page, up to 1000.
            cursor: ``next_cursor`` of the page before.

        Raises:
            InvalidInput: The filter is wrong, at the column that it names, or the cursor is of another order.
        """
        return await (await self._app.sdk()).list_sessions(q, sort=sort, limit=limit, cursor=cursor)

    async def list_checkpoints(
        self, session_id: str | Session, *, cursor: str | None = None, limit: int = MAX_LIMIT
    ) -> Page[Checkpoint]:
        """A page of the session's checkpoints, ascending, without state; ``SessionNotFound`` if there is none."""
        return await (await self._app.sdk()).list_checkpoints(id_of(session_id), cursor=cursor, limit=limit)

    async def list_events(
        self, session_id: str | Session, *, cursor: str | None = None, limit: int = MAX_LIMIT
    ) -> Page[Event]:
        """A page of the session's events, ascending; ``SessionNotFound`` if there is none."""
        return await (await self._app.sdk()).list_events(id_of(session_id), cursor=cursor, limit=limit)


class ActiveSessions(Mapping[str, Session]):
    """Live sessions as a mapping from id, newest first; pages are fetched while it is iterated."""

    def __init__(self, app: AsyncNexus, run: Run[Any]) -> None:
        self._app = app
        self._run = run

    def pages(self) -> Iterator[Session]:
        """The sessions, fetched page by page."""
        cursor: str | None = None
        while True:
            page = self._run(self._page(cursor), "session_manager.get_active_sessions")
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    async def _page(self, cursor: str | None) -> Page[Session]:
        return await (await self._app.sdk()).list_sessions(_ACTIVE, limit=_PAGE, cursor=cursor)

    def __iter__(self) -> Iterator[str]:
        return (session.id for session in self.pages())

    def __len__(self) -> int:
        count: int = self._run(self._app.session_manager.count_active(), "session_manager.count_active")
        return count

    def __getitem__(self, session_id: str) -> Session:
        found = self._run(AsyncActiveSessions(self._app).get(session_id), "get_session")
        if found is None:
            raise KeyError(session_id)
        session: Session = found
        return session

    def items(self) -> ItemsView[str, Session]:
        """Pairs of id and session, without asking for each session again."""
        return _Pairs(self)

    def values(self) -> ValuesView[Session]:
        """Sessions, without asking for each again."""
        return _Records(self)


class _Pairs(ItemsView[str, Session]):
    _mapping: ActiveSessions

    def __iter__(self) -> Iterator[tuple[str, Session]]:
        return ((session.id, session) for session in self._mapping.pages())


class _Records(ValuesView[Session]):
    _mapping: ActiveSessions

    def __iter__(self) -> Iterator[Session]:
        return self._mapping.pages()


class SessionManager:
    """``AsyncSessionManager`` for synchronous code: each call is its namesake, waited for."""

    def __init__(self, app: AsyncNexus, run: Run[Any]) -> None:
        self._app = app
        self._native = app.session_manager
        self._run = run

    def _call(self, coroutine: Coroutine[Any, Any, T], name: str) -> T:
        result: T = self._run(coroutine, f"session_manager.{name}")
        return result

    def count_active(self) -> int:
        """How many sessions are live."""
        return self._call(self._native.count_active(), "count_active")

    def count_total(self) -> int:
        """How many sessions the store keeps."""
        return self._call(self._native.count_total(), "count_total")

    def get_statistics(self) -> Statistics:
        """Figures over all sessions."""
        return self._call(self._native.get_statistics(), "get_statistics")

    def get_active_sessions(self) -> ActiveSessions:
        """A lazy mapping from id to live session."""
        return ActiveSessions(self._app, self._run)

    def cleanup_expired(self) -> int:
        """Mark and delete; how many were marked expired."""
        return self._call(self._native.cleanup_expired(), "cleanup_expired")

    def create_group(self, name: str | None = None, *, metadata: Mapping[str, Any] | None = None) -> str:
        """Create a group, or use the open one of that name."""
        return self._call(self._native.create_group(name, metadata=metadata), "create_group")

    def end_group(self, group_id: str, *, status: str = "completed", reason: str | None = None) -> Group:
        """End a group and its live members."""
        return self._call(self._native.end_group(group_id, status=status, reason=reason), "end_group")

    def wait_for_group(self, group_id: str, timeout: float | None = None) -> Group:
        """Wait until no member has work left."""
        return self._call(self._native.wait_for_group(group_id, timeout), "wait_for_group")

    def get_group(self, group_id: str) -> Group:
        """The group with its counts."""
        return self._call(self._native.get_group(group_id), "get_group")

    def list_groups(self, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page[Group]:
        """Newest first."""
        return self._call(self._native.list_groups(cursor=cursor, limit=limit), "list_groups")

    def get_or_create(self, user_id: str, ttl: float | None = None) -> str:
        """The id of the user's live session, or of a new one."""
        return self._call(self._native.get_or_create(user_id, ttl), "get_or_create")

    def exists(self, session_id: str | Session) -> bool:
        """Whether there is such a session and it has not expired."""
        return self._call(self._native.exists(session_id), "exists")

    def extend_timeout(self, session_id: str | Session, additional_seconds: float) -> Session:
        """Move ``expires_at``."""
        return self._call(self._native.extend_timeout(session_id, additional_seconds), "extend_timeout")

    def undo(self, session_id: str | Session, *, if_version: int | None = None) -> Session:
        """Undo the session's last change, if that was an end or an extension."""
        return self._call(self._native.undo(session_id, if_version=if_version), "undo")

    def bulk(self, action: str, *, ids: Sequence[str] | None = None, q: str | None = None, **more: Any) -> BulkReport:
        """Do the same to many sessions, each by itself; see ``AsyncSessionManager.bulk``."""
        return self._call(self._native.bulk(action, ids=ids, q=q, **more), "bulk")

    def get_status(self, session_id: str | Session) -> Status:
        """The status; compares equal to its name."""
        return self._call(self._native.get_status(session_id), "get_status")

    def list_sessions(
        self, q: str = "", *, sort: str = DEFAULT_SORT, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[Session]:
        """A page of the sessions that the filter matches."""
        return self._call(self._native.list_sessions(q, sort=sort, limit=limit, cursor=cursor), "list_sessions")

    def list_checkpoints(
        self, session_id: str | Session, *, cursor: str | None = None, limit: int = MAX_LIMIT
    ) -> Page[Checkpoint]:
        """Ascending, without state."""
        return self._call(self._native.list_checkpoints(session_id, cursor=cursor, limit=limit), "list_checkpoints")

    def list_events(
        self, session_id: str | Session, *, cursor: str | None = None, limit: int = MAX_LIMIT
    ) -> Page[Event]:
        """The session's events, ascending."""
        return self._call(self._native.list_events(session_id, cursor=cursor, limit=limit), "list_events")
