"""``GuardedService``: the service as a token's scope allows it.

- ``run`` executes, and sees and changes only what it owns: to it nothing else exists.
- ``read`` sees all and changes nothing.
- ``operate`` sees and changes all sessions and groups.
- ``admin`` has tokens besides.

What may not be seen is refused in the words in which something that isn't there is. That nobody changes what another
owns is checked once more where changes are decided (``sessions.engine``), on the record that is changed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from nexus.auth.admin_only import AdminOnly
from nexus.errors import GroupNotFound, InvalidInput, SessionNotFound
from nexus.model import (
    Checkpoint,
    Event,
    Group,
    Page,
    Run,
    RunResult,
    Session,
    Statistics,
    Window,
    Worker,
    WorkflowInfo,
    check_id,
)
from nexus.model.bulk import BulkReport, BulkRequest
from nexus.query import Glob, GlobTerm, Query, parse, to_text
from nexus.query.globs import escape
from nexus.service import DEFAULT_LIMIT, DEFAULT_SORT, MAX_LIMIT, Difference, FeedItem, Service
from nexus.sessions.feed import split_types, with_types
from nexus.stores.base import Health

_CHANGING: Final = frozenset({"run", "operate", "admin"})
_SEEING_ALL: Final = frozenset({"read", "operate", "admin"})


class GuardedService(AdminOnly):
    """``nexus.service.Service`` for a caller whose scope is less than ``admin``.

    Args:
        inner: The service of that caller.
        bulk: Carries out a bulk request through a service.
    """

    def __init__(self, inner: Service, bulk: Callable[[Service, BulkRequest], Awaitable[BulkReport]]) -> None:
        self._inner = inner
        self._bulk = bulk
        self.caller = inner.caller
        self._own_only = inner.caller.scope not in _SEEING_ALL

    # -- what the scope says

    def _must_change(self, what: str) -> None:
        if self.caller.scope not in _CHANGING:
            raise self._denied(what, "run, operate or admin")

    def _must_see_all(self, what: str) -> None:
        if self._own_only:
            raise self._denied(what, "read, operate or admin")

    async def _seen(self, session_id: str, field: str | None = None) -> Session:
        """A session that the caller may see."""
        session = await self._inner.get_session(check_id(session_id) if field is None else check_id(session_id, field))
        return self._shown(session)

    def _shown(self, session: Session) -> Session:
        if self._own_only and session.owner != self.caller.actor:
            raise SessionNotFound(f"there is no session {session.id}", session_id=session.id)
        return session

    async def _changeable(self, session_id: str, what: str) -> None:
        self._must_change(what)
        if self._own_only:
            await self._seen(session_id)

    def _own(self, q: str) -> str:
        """The filter, narrowed to what the caller may see; it is read by itself first, so it can't undo that."""
        if not self._own_only:
            return q
        owner = GlobTerm("owner", (Glob(escape(self.caller.actor)),))
        return to_text(Query((*parse(q).terms, owner)))

    async def _own_group(self, group_id: str) -> Group:
        group = await self._inner.get_group(group_id)
        if self._own_only and group.owner != self.caller.actor:
            raise GroupNotFound(f"there is no group {group_id}: create it first", group_id=group_id, field="group")
        return group

    # -- sessions

    async def create_session(
        self,
        *,
        session_id: str | None = None,
        channel: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
        parent_session: str | None = None,
        group: str | None = None,
        user_id: str | None = None,
        timeout: float | None = None,
    ) -> Session:
        """See ``Service.create_session``."""
        self._must_change("create sessions")
        if self._own_only and parent_session is not None:
            await self._seen(parent_session, "parent_session")
        if self._own_only and group is not None:
            await self._own_group(group)
        return await self._inner.create_session(
            session_id=session_id, channel=channel, metadata=metadata, state=state, parent_session=parent_session,
            group=group, user_id=user_id, timeout=timeout,
        )  # fmt: skip

    async def get_session(self, session_id: str) -> Session:
        """See ``Service.get_session``."""
        return await self._seen(session_id)

    async def get_run(self, session_id: str) -> Run | None:
        """See ``Service.get_run``."""
        await self._seen(session_id)
        return await self._inner.get_run(session_id)

    async def exists(self, session_id: str) -> bool:
        """See ``Service.exists``."""
        try:
            await self._seen(session_id)
        except SessionNotFound:
            return False
        return await self._inner.exists(session_id)

    async def list_sessions(
        self, q: str = "", *, sort: str = DEFAULT_SORT, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[Session]:
        """See ``Service.list_sessions``."""
        return await self._inner.list_sessions(self._own(q), sort=sort, limit=limit, cursor=cursor)

    async def window(
        self, q: str = "", *, sort: str = "-last_activity", offset: int = 0, limit: int = 50, stride: int = 1
    ) -> Window[Session]:
        """See ``Service.window``; ``whole`` counts what the caller may see."""
        found = await self._inner.window(self._own(q), sort=sort, offset=offset, limit=limit, stride=stride)
        if not self._own_only:
            return found
        whole = (await self._inner.list_sessions(self._own(""), limit=1)).total
        return replace(found, whole=whole or 0)

    async def patch_session(
        self, session_id: str, patch: Mapping[str, Any], *, if_version: int | None = None
    ) -> Session:
        """See ``Service.patch_session``."""
        await self._changeable(session_id, "change sessions")
        return await self._inner.patch_session(session_id, patch, if_version=if_version)

    async def end_session(
        self, session_id: str, *, status: str = "completed", reason: str | None = None, if_version: int | None = None
    ) -> Session:
        """See ``Service.end_session``."""
        await self._changeable(session_id, "end sessions")
        return await self._inner.end_session(session_id, status=status, reason=reason, if_version=if_version)

    async def extend_session(self, session_id: str, seconds: float, *, if_version: int | None = None) -> Session:
        """See ``Service.extend_session``."""
        await self._changeable(session_id, "extend sessions")
        return await self._inner.extend_session(session_id, seconds, if_version=if_version)

    async def undo_session(self, session_id: str, *, if_version: int | None = None) -> Session:
        """See ``Service.undo_session``."""
        await self._changeable(session_id, "undo changes")
        return await self._inner.undo_session(session_id, if_version=if_version)

    async def bulk(self, request: BulkRequest) -> BulkReport:
        """See ``Service.bulk``; what may not be seen is refused as what isn't there."""
        self._must_change("change sessions")
        return await self._bulk(self, request)

    async def sync_session(self, session_id: str, channel: str) -> Session:
        """See ``Service.sync_session``."""
        await self._changeable(session_id, "sync sessions")
        return await self._inner.sync_session(session_id, channel)

    async def resume_session(
        self,
        session_id: str,
        *,
        checkpoint_id: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        workflow: str | None = None,
        background: bool = True,
        if_version: int | None = None,
    ) -> Session:
        """See ``Service.resume_session``."""
        await self._changeable(session_id, "resume sessions")
        return await self._inner.resume_session(
            session_id, checkpoint_id=checkpoint_id, inputs=inputs, workflow=workflow, background=background,
            if_version=if_version,
        )  # fmt: skip

    async def fork_session(
        self, session_id: str, *, checkpoint_id: str | None = None, new_session_id: str | None = None
    ) -> Session:
        """See ``Service.fork_session``."""
        await self._changeable(session_id, "fork sessions")
        return await self._inner.fork_session(session_id, checkpoint_id=checkpoint_id, new_session_id=new_session_id)

    async def signal_session(
        self, session_id: str, name: str, payload: Any = None, *, if_version: int | None = None
    ) -> Session:
        """See ``Service.signal_session``."""
        await self._changeable(session_id, "signal sessions")
        return await self._inner.signal_session(session_id, name, payload, if_version=if_version)

    async def get_or_create(self, user_id: str, *, ttl: float | None = None) -> Session:
        """See ``Service.get_or_create``; a ``run`` token has users of its own."""
        self._must_change("create sessions")
        return await self._inner.get_or_create(user_id, ttl=ttl)

    # -- history

    async def list_checkpoints(
        self, session_id: str, *, cursor: str | None = None, limit: int = MAX_LIMIT
    ) -> Page[Checkpoint]:
        """See ``Service.list_checkpoints``."""
        await self._seen(session_id)
        return await self._inner.list_checkpoints(session_id, cursor=cursor, limit=limit)

    async def get_checkpoint(self, session_id: str, checkpoint_id: str) -> Checkpoint:
        """See ``Service.get_checkpoint``."""
        await self._seen(session_id)
        return await self._inner.get_checkpoint(session_id, checkpoint_id)

    async def list_events(
        self, session_id: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT, newest: bool = False
    ) -> Page[Event]:
        """See ``Service.list_events``."""
        await self._seen(session_id)
        return await self._inner.list_events(session_id, cursor=cursor, limit=limit, newest=newest)

    async def list_children(
        self, session_id: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[Session]:
        """See ``Service.list_children``; children that others made under it are left out."""
        await self._seen(session_id)
        page = await self._inner.list_children(session_id, cursor=cursor, limit=limit)
        if not self._own_only:
            return page
        own = tuple(child for child in page.items if child.owner == self.caller.actor)
        hidden = len(page.items) - len(own)
        return Page(items=own, next_cursor=page.next_cursor, total=None if hidden else page.total)

    async def diff(self, session_id: str, from_: str, to: str = "current") -> Difference:
        """See ``Service.diff``."""
        await self._seen(session_id)
        return await self._inner.diff(session_id, from_, to)

    # -- workflows

    async def execute(
        self,
        workflow: str,
        inputs: Mapping[str, Any] | None = None,
        *,
        session_id: str | None = None,
        background: bool = False,
        checkpoint_interval: int | None = None,
        idempotency_key: str | None = None,
    ) -> RunResult:
        """See ``Service.execute``."""
        self._must_change("run workflows")
        return await self._inner.execute(
            workflow, inputs, session_id=session_id, background=background, checkpoint_interval=checkpoint_interval,
            idempotency_key=idempotency_key,
        )  # fmt: skip

    async def list_workflows(self) -> list[WorkflowInfo]:
        """See ``Service.list_workflows``."""
        return await self._inner.list_workflows()

    async def get_workflow(self, name: str) -> WorkflowInfo:
        """See ``Service.get_workflow``."""
        return await self._inner.get_workflow(name)

    # -- groups

    async def create_group(self, group_id: str | None = None, *, metadata: Mapping[str, Any] | None = None) -> Group:
        """See ``Service.create_group``."""
        self._must_change("create groups")
        group = await self._inner.create_group(group_id, metadata=metadata)
        if self._own_only and group.owner != self.caller.actor:
            raise InvalidInput(f"group_id {group_id} can't be had: choose another", field="group_id", value=group_id)
        return group

    async def get_group(self, group_id: str) -> Group:
        """See ``Service.get_group``."""
        return await self._own_group(group_id)

    async def list_groups(self, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page[Group]:
        """See ``Service.list_groups``; for a ``run`` token pages may be short, and without ``total``."""
        page = await self._inner.list_groups(cursor=cursor, limit=limit)
        if not self._own_only:
            return page
        own = tuple(group for group in page.items if group.owner == self.caller.actor)
        return Page(items=own, next_cursor=page.next_cursor, total=None)

    async def end_group(self, group_id: str, *, status: str = "completed", reason: str | None = None) -> Group:
        """See ``Service.end_group``."""
        self._must_change("end groups")
        await self._own_group(group_id)
        return await self._inner.end_group(group_id, status=status, reason=reason)

    async def wait_group(self, group_id: str, timeout: float | None = None) -> Group:
        """See ``Service.wait_group``."""
        await self._own_group(group_id)
        return await self._inner.wait_group(group_id, timeout)

    # -- everything

    async def statistics(self) -> Statistics:
        """See ``Service.statistics``."""
        self._must_see_all("see figures over all sessions")
        return await self._inner.statistics()

    async def workers(self) -> list[Worker]:
        """See ``Service.workers``."""
        self._must_see_all("see the workers")
        return await self._inner.workers()

    async def recent_events(self, q: str = "", limit: int = 100) -> Sequence[Event]:
        """See ``Service.recent_events``."""
        return await self._inner.recent_events(self._own_events(q), limit)

    def feed(self, q: str = "", *, cursor: str | None = None) -> AsyncIterator[FeedItem]:
        """See ``Service.feed``."""
        return self._inner.feed(self._own_events(q), cursor=cursor)

    def _own_events(self, q: str) -> str:
        if not self._own_only:
            return q
        types, rest = split_types(q)
        return with_types(types, self._own(rest))

    async def health(self) -> Health:
        """See ``Service.health``."""
        return await self._inner.health()
