"""MergedService: several contexts as one service. Its sessions and groups are called ``CONTEXT:ID``.

What is about one session goes to its context; what is about many goes to each, and what comes back is put together. A
context that is away costs its own answers and nobody else's. What needs one place and doesn't name it (making a
session, tokens) is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from nexus.errors import InvalidInput, NexusError, SessionNotFound
from nexus.model import (
    Caller,
    Checkpoint,
    Event,
    Group,
    Page,
    Run,
    Session,
    Statistics,
    Window,
    Worker,
    WorkflowInfo,
)
from nexus.model.bulk import BulkReport, BulkRequest
from nexus.service import DEFAULT_LIMIT, DEFAULT_SORT, MAX_LIMIT, Difference, FeedItem, Service
from nexus.sessions import arguments
from nexus.stores.base import Health
from nexus.stores.strides import looked_for
from nexus_tui.merged.bulk import bulk_over
from nexus_tui.merged.events import merged_feed, recent_over
from nexus_tui.merged.figures import added
from nexus_tui.merged.lists import Lists, some_live
from nexus_tui.merged.members import ContextAway, Member
from nexus_tui.merged.names import event_of, group_of, joined, parted, session_of
from nexus_tui.partial_service import PartialService

T = TypeVar("T")


class MergedService(PartialService):
    """See the module's docstring."""

    def __init__(self, members: Mapping[str, Member], moved: asyncio.Condition) -> None:
        """Lay it over members.

        Args:
            members: The contexts by name, in the order in which they are told.
            moved: Is notified when one comes or goes.
        """
        self.caller = Caller(actor="console", channel="cli")
        self.members = members
        self._moved = moved
        self._lists = Lists(members)

    def _refusal(self) -> NexusError:
        return InvalidInput(
            "Several contexts are shown: this needs one place, as with nexus --context NAME", field="context"
        )

    def _of(self, name: str) -> tuple[Member, str]:
        where, rest = parted(name)
        if where not in self.members:
            known = ", ".join(self.members)
            raise SessionNotFound(
                f"{name[:160]} doesn't say in which context: write CONTEXT:ID with one of {known}", session_id=name
            )
        return self.members[where], rest

    async def _session(self, session_id: str, call: Callable[[Service, str], Awaitable[Session]]) -> Session:
        member, own = self._of(session_id)
        return session_of(member.name, await member.ask(lambda service: call(service, own)))

    async def _each(self, call: Callable[[Service], Awaitable[T]]) -> list[tuple[Member, T]]:
        """What each that is there answers; a refusal of one is a refusal."""
        members = some_live(self.members)
        found = await asyncio.gather(*(member.read(call) for member in members), return_exceptions=True)
        answers: list[tuple[Member, T]] = []
        for member, answer in zip(members, found, strict=True):
            if isinstance(answer, ContextAway):
                continue
            if isinstance(answer, BaseException):
                raise answer
            answers.append((member, answer))
        return answers

    # Sessions

    async def get_session(self, session_id: str) -> Session:
        """See ``Service``."""
        return await self._session(session_id, lambda service, own: service.get_session(own))

    async def get_run(self, session_id: str) -> Run | None:
        """See ``Service``."""
        member, own = self._of(session_id)
        return await member.ask(lambda service: service.get_run(own))

    async def exists(self, session_id: str) -> bool:
        """See ``Service``."""
        member, own = self._of(session_id)
        return await member.ask(lambda service: service.exists(own))

    async def list_sessions(
        self, q: str = "", *, sort: str = DEFAULT_SORT, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[Session]:
        """See ``Service``."""
        return await self._lists.page(q, sort, limit, cursor)

    async def window(
        self, q: str = "", *, sort: str = "-last_activity", offset: int = 0, limit: int = 50, stride: int = 1
    ) -> Window[Session]:
        """See ``Service``."""
        if arguments.stride(stride) > 1:
            return await looked_for(lambda first, rows: self._lists.window(q, sort, first, rows), offset, limit, stride)
        return await self._lists.window(q, sort, offset, limit)

    async def patch_session(
        self, session_id: str, patch: Mapping[str, Any], *, if_version: int | None = None
    ) -> Session:
        """See ``Service``."""
        return await self._session(
            session_id, lambda service, own: service.patch_session(own, patch, if_version=if_version)
        )

    async def end_session(
        self, session_id: str, *, status: str = "completed", reason: str | None = None, if_version: int | None = None
    ) -> Session:
        """See ``Service``."""
        return await self._session(
            session_id,
            lambda service, own: service.end_session(own, status=status, reason=reason, if_version=if_version),
        )

    async def extend_session(self, session_id: str, seconds: float, *, if_version: int | None = None) -> Session:
        """See ``Service``."""
        return await self._session(
            session_id, lambda service, own: service.extend_session(own, seconds, if_version=if_version)
        )

    async def undo_session(self, session_id: str, *, if_version: int | None = None) -> Session:
        """See ``Service``."""
        return await self._session(session_id, lambda service, own: service.undo_session(own, if_version=if_version))

    async def sync_session(self, session_id: str, channel: str) -> Session:
        """See ``Service``."""
        return await self._session(session_id, lambda service, own: service.sync_session(own, channel))

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
        """See ``Service``."""
        return await self._session(
            session_id,
            lambda service, own: service.resume_session(
                own, checkpoint_id=checkpoint_id, inputs=inputs, workflow=workflow, background=background,
                if_version=if_version,
            ),
        )  # fmt: skip

    async def fork_session(
        self, session_id: str, *, checkpoint_id: str | None = None, new_session_id: str | None = None
    ) -> Session:
        """See ``Service``. The new id is one of the same context."""
        where, _ = parted(session_id)
        new = new_session_id.removeprefix(f"{where}:") if new_session_id is not None else None
        return await self._session(
            session_id,
            lambda service, own: service.fork_session(own, checkpoint_id=checkpoint_id, new_session_id=new),
        )

    async def signal_session(
        self, session_id: str, name: str, payload: Any = None, *, if_version: int | None = None
    ) -> Session:
        """See ``Service``."""
        return await self._session(
            session_id, lambda service, own: service.signal_session(own, name, payload, if_version=if_version)
        )

    async def bulk(self, request: BulkRequest) -> BulkReport:
        """See ``Service``. A context that is read-only, or away, refuses its own sessions and no others."""
        return await bulk_over(self.members, request)

    # History

    async def list_checkpoints(
        self, session_id: str, *, cursor: str | None = None, limit: int = MAX_LIMIT
    ) -> Page[Checkpoint]:
        """See ``Service``."""
        member, own = self._of(session_id)
        return await member.ask(lambda service: service.list_checkpoints(own, cursor=cursor, limit=limit))

    async def get_checkpoint(self, session_id: str, checkpoint_id: str) -> Checkpoint:
        """See ``Service``."""
        member, own = self._of(session_id)
        return await member.ask(lambda service: service.get_checkpoint(own, checkpoint_id))

    async def list_events(
        self, session_id: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT, newest: bool = False
    ) -> Page[Event]:
        """See ``Service``."""
        member, own = self._of(session_id)
        page = await member.ask(lambda service: service.list_events(own, cursor=cursor, limit=limit, newest=newest))
        place = list(self.members).index(member.name)
        return Page(
            items=tuple(event_of(member.name, place, each) for each in page.items),
            next_cursor=page.next_cursor,
            total=page.total,
        )

    async def list_children(
        self, session_id: str, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Page[Session]:
        """See ``Service``."""
        member, own = self._of(session_id)
        page = await member.ask(lambda service: service.list_children(own, cursor=cursor, limit=limit))
        return Page(
            items=tuple(session_of(member.name, each) for each in page.items),
            next_cursor=page.next_cursor,
            total=page.total,
        )

    async def diff(self, session_id: str, from_: str, to: str = "current") -> Difference:
        """See ``Service``."""
        member, own = self._of(session_id)
        return await member.ask(lambda service: service.diff(own, from_, to))

    # Groups and workflows

    async def get_group(self, group_id: str) -> Group:
        """See ``Service``."""
        member, own = self._of(group_id)
        return group_of(member.name, await member.ask(lambda service: service.get_group(own)))

    async def end_group(self, group_id: str, *, status: str = "completed", reason: str | None = None) -> Group:
        """See ``Service``."""
        member, own = self._of(group_id)
        ended = await member.ask(lambda service: service.end_group(own, status=status, reason=reason))
        return group_of(member.name, ended)

    async def wait_group(self, group_id: str, timeout: float | None = None) -> Group:
        """See ``Service``."""
        member, own = self._of(group_id)
        return group_of(member.name, await member.ask(lambda service: service.wait_group(own, timeout)))

    async def list_groups(self, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page[Group]:
        """See ``Service``. The newest ``limit`` of all contexts; there is no page behind them."""
        if cursor is not None:
            raise InvalidInput("groups of several contexts have one page: leave the cursor out", field="cursor")
        pages = await self._each(lambda service: service.list_groups(limit=limit))
        found = [group_of(member.name, each) for member, page in pages for each in page.items]
        found.sort(key=lambda group: (group.created_at, group.id), reverse=True)
        return Page(items=tuple(found[:limit]), total=sum(page.total or len(page.items) for _, page in pages))

    async def list_workflows(self) -> list[WorkflowInfo]:
        """See ``Service``. One of a name that several contexts have is told once, as the first of them tells it."""
        found: dict[str, WorkflowInfo] = {}
        for _, infos in await self._each(lambda service: service.list_workflows()):
            for info in infos:
                found.setdefault(info.name, info)
        return [found[name] for name in sorted(found)]

    # Everything

    async def statistics(self) -> Statistics:
        """See ``Service``. Percentiles are approximate (see ``figures``); a context that is away counts as it was."""
        for member, figures in await self._each(lambda service: service.statistics()):
            member.figures = figures
        return added([member.figures for member in self.members.values() if member.figures is not None])

    async def workers(self) -> list[Worker]:
        """See ``Service``."""
        return [worker for _, found in await self._each(lambda service: service.workers()) for worker in found]

    async def recent_events(self, q: str = "", limit: int = 100) -> Sequence[Event]:
        """See ``Service``; over contexts by time."""
        return await recent_over(self.members, q, limit)

    def feed(self, q: str = "", *, cursor: str | None = None) -> AsyncIterator[FeedItem]:
        """See ``Service``. Whenever a context comes or goes, an item says that everything may be different."""
        return merged_feed(self.members, self._moved, q, cursor)

    async def health(self) -> Health:
        """See ``Service``."""
        live = sum(member.state == "live" for member in self.members.values())
        facts = {name: member.reason or member.state for name, member in self.members.items()}
        return Health(ok=live > 0, backend="contexts", url=joined("contexts", ",".join(self.members)), facts=facts)
