"""``RemoteService``: the service of a server, for whoever holds its address."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec

from nexus.channels.client import decode
from nexus.channels.client.administering import Administering, path_of
from nexus.channels.client.following import follow
from nexus.channels.client.transport import Transport
from nexus.channels.wire import answers, asked
from nexus.errors import InvalidInput, NexusError, SessionNotFound, WaitTimeout
from nexus.model import (
    Caller,
    Checkpoint,
    Event,
    Group,
    Page,
    Run,
    RunResult,
    Session,
    Statistics,
    Status,
    Window,
    Worker,
    WorkflowInfo,
)
from nexus.model.bulk import BulkReport, BulkRequest
from nexus.model.namespace import DEFAULT
from nexus.service import DEFAULT_LIMIT, DEFAULT_SORT, MAX_LIMIT, Difference, FeedItem
from nexus.stores.base import Health

A = TypeVar("A")

_LONGEST_WAIT = 30.0
"""Seconds of one wait request; longer waits are several, so that no proxy in between gives up on one."""


class RemoteService(Administering):
    """``nexus.service.Service`` over HTTP; an async context manager.

    Args:
        base_url: ``http://HOST:PORT``.
        token: Bearer token, where the server wants one.
        channel: What the requests count for: ``cli`` for the command line and the console.
        reveal: Ask to see what rules hide on terminals; the server lets an admin alone.
        namespace: Act in this one; the token's own if not given. Only an admin of the store itself may choose.
        timeout: Seconds to wait for an answer; calls that wait for a run or a group wait as long as that takes.

    Raises:
        InvalidInput: An argument doesn't fit.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        channel: str = "cli",
        timeout: float = 30.0,
        reveal: bool = False,
        namespace: str | None = None,
    ) -> None:
        self._transport = Transport(
            base_url, token=token, channel=channel, timeout=timeout, reveal=reveal, namespace=namespace
        )
        self.caller = Caller(actor="remote", channel=channel, reveal=reveal, namespace=namespace or DEFAULT)
        """The actor is the server's to say: it goes by the token."""

    async def __aenter__(self) -> Self:
        await self._transport.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.close()

    @property
    def url(self) -> str:
        """The server's address."""
        return self._transport.base_url

    @property
    def connected(self) -> bool:
        """Whether the last attempt to reach the server reached it; a feed that is followed keeps trying."""
        return self._transport.connected

    def on_connection(self, callback: Callable[[bool], object]) -> Callable[[], None]:
        """Call ``callback`` whenever ``connected`` changes; the callable that it gives ends that."""
        return self._transport.on_connection(callback)

    async def _change(
        self, path: str, body: Any = None, *, patient: bool = False, if_version: int | None = None
    ) -> Session:
        data = await self._transport.ask("POST", path, body=body, patient=patient, headers=_condition(if_version))
        return decode.session(decode.read(data, answers.SessionAnswer))

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
        """Create a session; see ``Service``."""
        body = asked.CreateSession(
            session_id=session_id, channel=channel, metadata=_object(metadata), state=_object(state),
            parent_session=parent_session, group=group, user_id=user_id, timeout=timeout,
        )  # fmt: skip
        return await self._change("/sessions", body)

    async def get_session(self, session_id: str) -> Session:
        """The session; see ``Service``."""
        return decode.session(await self._get(_at(session_id), answers.SessionAnswer))

    async def get_run(self, session_id: str) -> Run | None:
        """The current or last run."""
        found = (await self._get(_at(session_id, "run"), answers.CurrentRun)).run
        return None if found is None else decode.run(found)

    async def exists(self, session_id: str) -> bool:
        """Whether it is there and has not expired."""
        try:
            return (await self.get_session(session_id)).status is not Status.EXPIRED
        except SessionNotFound:
            return False

    async def list_sessions(
        self, q: str = "", *, sort: str = DEFAULT_SORT, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[Session]:
        """A page by key."""
        page = await self._get("/sessions", answers.SessionList, q=q, sort=sort, limit=limit, cursor=cursor)
        items = tuple(map(decode.session, page.items))
        return Page(items=items, next_cursor=page.next_cursor, total=page.total)

    async def window(
        self, q: str = "", *, sort: str = "-last_activity", offset: int = 0, limit: int = 50, stride: int = 1
    ) -> Window[Session]:
        """Rows by rank."""
        found = await self._get(
            "/sessions", answers.SessionWindow, q=q, sort=sort, limit=limit, offset=offset,
            stride=None if stride == 1 else stride,
        )  # fmt: skip
        items = tuple(map(decode.session, found.items))
        return Window(items=items, offset=found.offset, total=found.total, whole=found.whole, stride=found.stride)

    async def patch_session(
        self, session_id: str, patch: Mapping[str, Any], *, if_version: int | None = None
    ) -> Session:
        """Apply a JSON merge patch to ``state``."""
        if not isinstance(patch, Mapping):
            raise InvalidInput("patch must be a JSON object: a function can't be sent to a server", field="patch")
        data = await self._transport.ask("PATCH", _at(session_id), body=dict(patch), headers=_condition(if_version))
        return decode.session(decode.read(data, answers.SessionAnswer))

    async def end_session(
        self, session_id: str, *, status: str = "completed", reason: str | None = None, if_version: int | None = None
    ) -> Session:
        """End it and its live descendants."""
        body = asked.EndSession(status=status, reason=reason)
        return await self._change(_at(session_id, "end"), body, if_version=if_version)

    async def extend_session(self, session_id: str, seconds: float, *, if_version: int | None = None) -> Session:
        """Move ``expires_at``."""
        body = asked.ExtendSession(seconds=seconds)
        return await self._change(_at(session_id, "extend"), body, if_version=if_version)

    async def undo_session(self, session_id: str, *, if_version: int | None = None) -> Session:
        """Undo the last change, an end or an extension."""
        return await self._change(_at(session_id, "undo"), if_version=if_version)

    async def bulk(self, request: BulkRequest) -> BulkReport:
        """Do the same to many sessions."""
        body = asked.BulkSessions(**msgspec.structs.asdict(request))
        data = await self._transport.ask("POST", "/sessions/bulk", body=body, patient=True)
        return decode.bulk(decode.read(data, answers.BulkReportAnswer))

    async def sync_session(self, session_id: str, channel: str) -> Session:
        """Note a use from another channel."""
        return await self._change(_at(session_id, "sync"), asked.SyncSession(channel=channel))

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
        body = asked.ResumeSession(
            checkpoint_id=checkpoint_id, inputs=_object(inputs), workflow=workflow, background=background
        )
        return await self._change(_at(session_id, "resume"), body, patient=not background, if_version=if_version)

    async def fork_session(
        self, session_id: str, *, checkpoint_id: str | None = None, new_session_id: str | None = None
    ) -> Session:
        """Copy a checkpoint, or the current state, into a new session."""
        body = asked.ForkSession(checkpoint_id=checkpoint_id, session_id=new_session_id)
        return await self._change(_at(session_id, "fork"), body)

    async def signal_session(
        self, session_id: str, name: str, payload: Any = None, *, if_version: int | None = None
    ) -> Session:
        """Leave a signal."""
        body = asked.SignalSession(name=name, payload=payload)
        return await self._change(_at(session_id, "signal"), body, if_version=if_version)

    async def get_or_create(self, user_id: str, *, ttl: float | None = None) -> Session:
        """The user's live session, or a new one."""
        return await self._change("/sessions", asked.CreateSession(user_id=user_id, timeout=ttl, reuse=True))

    # -- history

    async def list_checkpoints(
        self, session_id: str, *, cursor: str | None = None, limit: int = MAX_LIMIT
    ) -> Page[Checkpoint]:
        """Ascending, without state."""
        page = await self._get(_at(session_id, "checkpoints"), answers.CheckpointList, cursor=cursor, limit=limit)
        return Page(items=tuple(map(decode.checkpoint, page.items)), next_cursor=page.next_cursor)

    async def get_checkpoint(self, session_id: str, checkpoint_id: str) -> Checkpoint:
        """One checkpoint with its state."""
        return decode.checkpoint(
            await self._get(_at(session_id, "checkpoints", checkpoint_id), answers.CheckpointAnswer)
        )

    async def list_events(
        self, session_id: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT, newest: bool = False
    ) -> Page[Event]:
        """The session's events, ascending."""
        page = await self._get(
            _at(session_id, "events"), answers.EventList, cursor=cursor, limit=limit, newest=newest or None
        )
        return Page(items=tuple(map(decode.event, page.items)), next_cursor=page.next_cursor)

    async def list_children(
        self, session_id: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[Session]:
        """Direct children in order of creation."""
        page = await self._get(_at(session_id, "children"), answers.SessionList, cursor=cursor, limit=limit)
        items = tuple(map(decode.session, page.items))
        return Page(items=items, next_cursor=page.next_cursor, total=page.total)

    async def diff(self, session_id: str, from_: str, to: str = "current") -> Difference:
        """Compare two states."""
        query = {"from": from_, "to": to}
        return decode.difference(await self._get(_at(session_id, "diff"), answers.DifferenceAnswer, **query))

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
        """Run a workflow in a session; see ``Service``."""
        body = asked.Execute(
            inputs=dict(inputs or {}), session_id=session_id, background=background,
            checkpoint_interval=checkpoint_interval,
        )  # fmt: skip
        data = await self._transport.ask(
            "POST", path_of("workflows", workflow, "execute"), body=body, patient=not background,
            headers={} if idempotency_key is None else {"Idempotency-Key": idempotency_key},
            repeatable=idempotency_key is not None,
        )  # fmt: skip
        return decode.result(decode.read(data, answers.RunResultAnswer))

    async def list_workflows(self) -> list[WorkflowInfo]:
        """All registered workflows by name."""
        return list(map(decode.workflow, (await self._get("/workflows", answers.WorkflowList)).items))

    async def get_workflow(self, name: str) -> WorkflowInfo:
        """One of them."""
        return decode.workflow(await self._get(path_of("workflows", name), answers.WorkflowAnswer))

    # -- groups

    async def create_group(self, group_id: str | None = None, *, metadata: Mapping[str, Any] | None = None) -> Group:
        """Create a group, or give the open one of that name."""
        body = asked.CreateGroup(group_id=group_id, metadata=_object(metadata))
        return await self._group("POST", "/groups", body=body)

    async def get_group(self, group_id: str) -> Group:
        """The group with its counts."""
        return await self._group("GET", path_of("groups", group_id))

    async def list_groups(self, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page[Group]:
        """Newest first."""
        page = await self._get("/groups", answers.GroupList, cursor=cursor, limit=limit)
        return Page(items=tuple(map(decode.group, page.items)), next_cursor=page.next_cursor, total=page.total)

    async def end_group(self, group_id: str, *, status: str = "completed", reason: str | None = None) -> Group:
        """End the group and its members."""
        body = asked.EndGroup(status=status, reason=reason)
        return await self._group("POST", path_of("groups", group_id, "end"), body=body)

    async def wait_group(self, group_id: str, timeout: float | None = None) -> Group:
        """Wait until no member has work left."""
        path, left = path_of("groups", group_id, "wait"), timeout
        while True:
            span = _LONGEST_WAIT if left is None else min(left, _LONGEST_WAIT)
            try:
                return await self._group("GET", path, query={"timeout": span}, patient=True)
            except WaitTimeout:
                if left is not None:
                    left -= span
                    if left <= 0:
                        raise

    async def _group(self, method: str, path: str, **how: Any) -> Group:
        return decode.group(decode.read(await self._transport.ask(method, path, **how), answers.GroupAnswer))

    # -- everything

    async def statistics(self) -> Statistics:
        """Figures over all sessions."""
        return decode.statistics(await self._get("/statistics", answers.StatisticsAnswer))

    async def workers(self) -> list[Worker]:
        """The processes that execute runs."""
        return list(map(decode.worker, (await self._get("/workers", answers.WorkerList)).items))

    async def recent_events(self, q: str = "", limit: int = 100) -> Sequence[Event]:
        """The last events of all sessions, ascending."""
        return list(map(decode.event, (await self._get("/events/recent", answers.EventList, q=q, limit=limit)).items))

    def feed(self, q: str = "", *, cursor: str | None = None) -> AsyncIterator[FeedItem]:
        """Events as they are committed; reconnects by itself and goes on where it was (see ``connected``)."""
        return follow(self._transport, q, cursor)

    async def health(self) -> Health:
        """Whether the server answers, and its store with it."""
        try:
            data = await self._transport.ask("GET", "/ready", accept=(503,))
            return decode.health(decode.read(data, answers.HealthAnswer))
        except NexusError as error:
            return Health(ok=False, backend="server", url=self.url, detail=error.message)


def _condition(if_version: int | None) -> dict[str, str]:
    return {} if if_version is None else {"If-Match": f'"{if_version}"'}


def _object(value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if value is None else dict(value)


def _at(session_id: str, *more: str) -> str:
    return path_of("sessions", session_id, *more)
