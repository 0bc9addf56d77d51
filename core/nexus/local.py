"""The local service: what one caller may do, on a store that this process has open."""

from __future__ import annotations

import functools
import getpass
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nexus.audit import list_audit, verify
from nexus.bulk import Bulk
from nexus.errors import PermissionDenied
from nexus.lifecycle.counting import statistics
from nexus.model import (
    AuditRecord,
    AuditVerdict,
    Caller,
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
)
from nexus.model.bulk import BulkReport, BulkRequest
from nexus.model.namespace import Namespace, NamespaceContents
from nexus.model.token import NewToken, Token
from nexus.service import DEFAULT_LIMIT, DEFAULT_SORT, MAX_LIMIT, Difference, FeedItem
from nexus.sessions import arguments
from nexus.sessions.records import Patch
from nexus.stores.base import Health

if TYPE_CHECKING:
    from nexus.parts import Parts

_DUE_AT_ONCE = 500


class LocalService:
    """``nexus.service.Service`` on an open store; made for each caller, and cheap."""

    def __init__(self, parts: Parts, caller: Caller) -> None:
        self._parts = parts
        self.caller = caller

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
        """Create a session; see ``Service``."""
        return await self._parts.records.create(
            self.caller,
            session_id=session_id,
            channel=channel,
            metadata=metadata,
            state=state,
            parent_session=parent_session,
            group=group,
            user_id=user_id,
            timeout=timeout,
        )

    async def get_session(self, session_id: str) -> Session:
        """The session; see ``Service``."""
        return (await self._parts.records.snapshot(session_id)).session

    async def get_run(self, session_id: str) -> Run | None:
        """The current or last run."""
        return (await self._parts.records.snapshot(session_id)).run

    async def exists(self, session_id: str) -> bool:
        """Whether it is there and has not expired."""
        return await self._parts.records.exists(session_id)

    async def list_sessions(
        self, q: str = "", *, sort: str = DEFAULT_SORT, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[Session]:
        """A page by key."""
        return await self._parts.records.list(q, sort, limit, cursor)

    async def window(
        self, q: str = "", *, sort: str = "-last_activity", offset: int = 0, limit: int = 50, stride: int = 1
    ) -> Window[Session]:
        """Rows by rank."""
        return await self._parts.records.window(q, sort, offset, limit, stride)

    async def patch_session(self, session_id: str, patch: Patch, *, if_version: int | None = None) -> Session:
        """Merge a patch into the state; here it may also be a function from the state to a patch."""
        return await self._parts.records.patch(session_id, patch, if_version, self.caller)

    async def end_session(
        self, session_id: str, *, status: str = "completed", reason: str | None = None, if_version: int | None = None
    ) -> Session:
        """End it and its live descendants."""
        return await self._parts.records.end(session_id, status, reason, self.caller, if_version)

    async def extend_session(self, session_id: str, seconds: float, *, if_version: int | None = None) -> Session:
        """Move ``expires_at``."""
        return await self._parts.records.extend(session_id, seconds, self.caller, if_version)

    async def undo_session(self, session_id: str, *, if_version: int | None = None) -> Session:
        """Undo the last change, an end or an extension."""
        return await self._parts.records.undo(session_id, self.caller, if_version)

    async def bulk(self, request: BulkRequest) -> BulkReport:
        """Do the same to many sessions."""
        return await Bulk(self, self._parts.engine).carry_out(request)

    async def sync_session(self, session_id: str, channel: str) -> Session:
        """Note a use from another channel."""
        return await self._parts.records.sync(session_id, channel, self.caller)

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
        """Go on with the last run."""
        await self.resume_run(
            session_id, checkpoint_id=checkpoint_id, inputs=inputs, workflow=workflow, background=background,
            if_version=if_version,
        )  # fmt: skip
        return await self.get_session(session_id)

    async def resume_run(
        self,
        session_id: str,
        *,
        checkpoint_id: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        workflow: str | None = None,
        background: bool = False,
        if_version: int | None = None,
    ) -> RunResult:
        """As ``resume_session``, giving what came of the run; for the library's own calls."""
        return await self._parts.runs.resume(
            session_id, checkpoint_id=checkpoint_id, inputs=inputs, workflow=workflow, background=background,
            caller=self.caller, if_version=if_version,
        )  # fmt: skip

    async def fork_session(
        self, session_id: str, *, checkpoint_id: str | None = None, new_session_id: str | None = None
    ) -> Session:
        """Copy a checkpoint, or the current state, into a new session."""
        return await self._parts.records.fork(session_id, checkpoint_id, new_session_id, self.caller)

    async def signal_session(
        self, session_id: str, name: str, payload: Any = None, *, if_version: int | None = None
    ) -> Session:
        """Leave a signal."""
        return await self._parts.records.signal(session_id, name, payload, self.caller, if_version)

    async def get_or_create(self, user_id: str, *, ttl: float | None = None) -> Session:
        """The user's live session, or a new one."""
        return await self._parts.records.get_or_create(user_id, ttl, self.caller)

    async def list_checkpoints(
        self, session_id: str, *, cursor: str | None = None, limit: int = MAX_LIMIT
    ) -> Page[Checkpoint]:
        """Ascending, without state."""
        return await self._parts.history.checkpoints(session_id, cursor, limit)

    async def get_checkpoint(self, session_id: str, checkpoint_id: str) -> Checkpoint:
        """One checkpoint with its state."""
        return await self._parts.history.checkpoint(session_id, checkpoint_id)

    async def list_events(
        self, session_id: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT, newest: bool = False
    ) -> Page[Event]:
        """The session's events, ascending."""
        return await self._parts.history.events(session_id, cursor, limit, newest=newest)

    async def list_children(
        self, session_id: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[Session]:
        """Direct children in order of creation."""
        return await self._parts.history.children(session_id, cursor, limit)

    async def diff(self, session_id: str, from_: str, to: str = "current") -> Difference:
        """Compare two states."""
        return await self._parts.history.diff(session_id, from_, to)

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
        """Run a workflow in a session."""
        return await self._parts.runs.execute(
            workflow,
            inputs,
            session_id=session_id,
            caller=self.caller,
            background=background,
            checkpoint_interval=checkpoint_interval,
            idempotency_key=idempotency_key,
        )

    async def list_workflows(self) -> list[WorkflowInfo]:
        """All registered workflows by name."""
        return self._parts.registry.infos()

    async def get_workflow(self, name: str) -> WorkflowInfo:
        """One of them."""
        return self._parts.registry.get(name).info

    async def create_group(self, group_id: str | None = None, *, metadata: Mapping[str, Any] | None = None) -> Group:
        """Create a group, or give the open one of that name."""
        return await self._parts.groups.create(group_id, metadata, self.caller)

    async def get_group(self, group_id: str) -> Group:
        """The group with its counts."""
        return await self._parts.groups.get(group_id)

    async def list_groups(self, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page[Group]:
        """Newest first."""
        return await self._parts.groups.list(cursor, limit)

    async def end_group(self, group_id: str, *, status: str = "completed", reason: str | None = None) -> Group:
        """End the group and its members."""
        return await self._parts.groups.end(group_id, status, reason, self.caller)

    async def wait_group(self, group_id: str, timeout: float | None = None) -> Group:
        """Wait until no member has work left."""
        return await self._parts.groups.wait(group_id, timeout)

    async def statistics(self) -> Statistics:
        """Figures over all sessions."""
        await self._parts.sweeper.mark_due(_DUE_AT_ONCE)
        return statistics(await self._parts.store.counters(), self._parts.clock.now())

    async def workers(self) -> list[Worker]:
        """The processes that execute runs."""
        return await self._parts.store.workers()

    async def recent_events(self, q: str = "", limit: int = 100) -> Sequence[Event]:
        """The last events of all sessions, ascending."""
        return await self._parts.feeds.recent(q, arguments.limit(limit))

    def feed(self, q: str = "", *, cursor: str | None = None) -> AsyncIterator[FeedItem]:
        """Events as they are committed."""
        return self._parts.feeds.follow(q, cursor)

    async def create_token(self, name: str, scope: str, *, expires_in: float | None = None) -> NewToken:
        """Make a token."""
        return await self._parts.tokens.create(name, scope, expires_in, self.caller)

    async def list_tokens(self) -> list[Token]:
        """The tokens of the caller's namespace by name."""
        return await self._parts.tokens.of(self.caller.namespace)

    async def revoke_token(self, name: str) -> Token:
        """Remove a token."""
        return await self._parts.tokens.revoke(name, self.caller)

    def _must_be_at_home(self) -> None:
        if not self._parts.is_root:
            raise PermissionDenied(
                "namespaces are administered from the store itself: ask without naming one", field="namespace"
            )

    async def create_namespace(self, name: str) -> Namespace:
        """Make a namespace."""
        self._must_be_at_home()
        return await self._parts.estate.names.create(name, self.caller)

    async def list_namespaces(self) -> list[Namespace]:
        """All namespaces by name."""
        self._must_be_at_home()
        return await self._parts.estate.names.all()

    async def get_namespace(self, name: str) -> NamespaceContents:
        """A namespace with how much is in it."""
        self._must_be_at_home()
        return await self._parts.estate.contents(name)

    async def remove_namespace(self, name: str, *, everything: bool = False) -> NamespaceContents:
        """Remove a namespace."""
        self._must_be_at_home()
        return await self._parts.estate.remove(name, self.caller, everything=everything)

    async def audit(
        self, q: str = "", *, cursor: str | None = None, limit: int = DEFAULT_LIMIT, newest: bool = False
    ) -> Page[AuditRecord]:
        """Who changed what."""
        parts = self._parts
        return await list_audit(parts.store, q, cursor, arguments.limit(limit), newest=newest, now=parts.clock.now())

    async def verify_audit(self) -> AuditVerdict:
        """Whether it is all as it was written."""
        return await verify(self._parts.store)

    async def health(self) -> Health:
        """Whether the store answers."""
        return await self._parts.store.health()


@functools.cache
def local_actor() -> str:
    """``local:<os user>``."""
    try:
        return f"local:{getpass.getuser()}"
    except (OSError, KeyError, ImportError):
        return f"local:{os.getuid()}" if hasattr(os, "getuid") else "local:unknown"
