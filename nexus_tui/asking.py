"""Asking: what screens ask a service and have it do, each call watched for whether the service still answers.

Reads go to whatever is looked at; a change is refused before it is sent where nothing may be changed.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from nexus.errors import NexusError
from nexus.model import Checkpoint, Event, Group, Page, Run, Session, Window, WorkflowInfo
from nexus.model.bulk import BulkReport, BulkRequest
from nexus.service import Service
from nexus_tui.evidence import gather_evidence
from nexus_tui.seen import Seen
from nexus_tui.steering import Change, Outcome
from nexus_tui.viewmodels.why import Evidence

T = TypeVar("T")

MOST_COPIED = 1000
"""Ids that are copied at once."""
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Detail:
    """All that the screen of one session shows."""

    session: Session
    run: Run | None
    checkpoints: tuple[Checkpoint, ...]
    events: tuple[Event, ...]
    children: Page[Session]
    """The first of them."""


class Asking(ABC):
    """The questions and the changes; how a service is had is the feed's part. All raise from ``nexus.errors``."""

    seen: Seen

    @abstractmethod
    def clock(self) -> float:
        """The time of what is shown, in seconds since the epoch."""
        ...

    @abstractmethod
    async def ask(self, call: Callable[[Service], Awaitable[T]]) -> T:
        """Have a service do something, and take note of whether it answers.

        Args:
            call: What to ask of it.

        Raises:
            StoreUnavailable: It can't be reached; the link says so too.
        """
        ...

    @abstractmethod
    async def read(self, call: Callable[[Service], Awaitable[T]]) -> T:
        """Ask what is shown: the present, or the past; asked again where that changed meanwhile.

        Args:
            call: What to ask; it changes nothing.

        Raises:
            StoreUnavailable: It can't be reached; the link says so too.
        """
        ...

    @abstractmethod
    def check_writable(self) -> None:
        """Raise ``PermissionDenied`` where nothing may be changed: in a read-only console, and in the past."""
        ...

    # Reading

    async def window(self, q: str, sort: str, offset: int, limit: int) -> Window[Session]:
        """Rows by rank of the sessions that a filter matches."""
        found = await self.read(lambda service: service.window(q, sort=sort, offset=offset, limit=limit))
        self.seen.look(found.items)
        return found

    async def ids(self, q: str, sort: str) -> tuple[list[str], int]:
        """Ids of the sessions that a filter matches, at most ``MOST_COPIED``, and how many match in all."""
        page = await self.read(lambda service: service.list_sessions(q, sort=sort, limit=MOST_COPIED))
        return [session.id for session in page.items], page.total or len(page.items)

    async def page(self, q: str, cursor: str | None, limit: int) -> Page[Session]:
        """A page of the sessions that a filter matches, oldest first, so that new ones come at the end."""
        return await self.read(lambda service: service.list_sessions(q, sort="created_at", limit=limit, cursor=cursor))

    async def session(self, session_id: str) -> Session:
        """One session."""
        return await self.read(lambda service: service.get_session(session_id))

    async def waits_for(self, session_id: str) -> str | None:
        """The signal that a session's run waits for, if it does."""
        run = await self.read(lambda service: service.get_run(session_id))
        return run.wait.signal if run is not None and run.wait is not None else None

    async def evidence(self, session_id: str) -> Evidence:
        """What explains a session."""
        return await self.read(lambda service: gather_evidence(service, session_id, self.clock()))

    async def recent_events(self, q: str, limit: int) -> Sequence[Event]:
        """The last events that a filter matches, ascending."""
        return await self.read(lambda service: service.recent_events(q, limit))

    async def workflows(self) -> list[WorkflowInfo]:
        """What can be run."""
        return await self.read(lambda service: service.list_workflows())

    async def children(self, session_id: str, cursor: str | None, limit: int) -> Page[Session]:
        """A page of the sessions that a session started."""
        return await self.read(lambda service: service.list_children(session_id, cursor=cursor, limit=limit))

    async def detail(self, session_id: str) -> Detail:
        """All that is shown of one session; each part as of its own read."""
        session, run, checkpoints, events, children = await self.read(
            lambda service: asyncio.gather(
                service.get_session(session_id),
                service.get_run(session_id),
                service.list_checkpoints(session_id),
                service.list_events(session_id, limit=200, newest=True),
                service.list_children(session_id, limit=100),
            )
        )
        return Detail(session, run, checkpoints.items, events.items, children)

    async def checkpoint(self, session_id: str, checkpoint_id: str) -> Checkpoint:
        """One checkpoint with its state."""
        return await self.read(lambda service: service.get_checkpoint(session_id, checkpoint_id))

    async def groups(self, limit: int = 500) -> tuple[tuple[Group, ...], int]:
        """The newest groups, and how many there are in all."""
        page = await self.read(lambda service: service.list_groups(limit=limit))
        return page.items, page.total or len(page.items)

    # Steering

    async def steer(self, change: Change, session_ids: Iterable[str]) -> list[Outcome]:
        """Apply one change to sessions, a few at once.

        Args:
            change: What to do to each.
            session_ids: To which.

        Returns:
            An outcome for each, in the order given, when all are committed or refused.

        Raises:
            PermissionDenied: Nothing may be changed here; nothing was sent.
        """
        self.check_writable()
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(session_id: str) -> Outcome:
            async with places:
                try:
                    return Outcome(session_id, await self.ask(lambda service: change.apply(service, session_id)))
                except NexusError as error:
                    return Outcome(session_id, error=error)

        return list(await asyncio.gather(*map(one, session_ids)))

    async def bulk(self, request: BulkRequest) -> BulkReport:
        """Plan or do the same to many sessions, in one request.

        Raises:
            PermissionDenied: Nothing may be changed here; nothing was sent.
        """
        self.check_writable()
        return await self.ask(lambda service: service.bulk(request))

    async def end_group(self, group_id: str, status: str, reason: str | None) -> Group:
        """End a group with all that is live in it; the group after it.

        Raises:
            PermissionDenied: Nothing may be changed here; nothing was sent.
        """
        self.check_writable()
        return await self.ask(lambda service: service.end_group(group_id, status=status, reason=reason))
