"""Feed: the console's one gateway to sessions.

It holds the service, follows its events, polls figures when something changed, and knows whether what it shows is
still true. Screens and panes read and steer through it and subscribe to its signals; none of them holds a service.

Guarantees: changes are told at most some ten times a second, and the last one always; a lost connection is
noticed at the next beat, said once, and mended by itself, from the event after the last one seen; a change to a
session is refused here when the console is read-only. All work is asynchronous on the app's own loop.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, TypeVar

from textual.app import App
from textual.signal import Signal

from nexus.errors import NexusError, PermissionDenied, StoreUnavailable
from nexus.model import Checkpoint, Event, Group, Page, Run, Session, Statistics, Window, WorkflowInfo
from nexus.model.bulk import BulkReport, BulkRequest
from nexus.service import FeedItem, Service
from nexus_tui.evidence import gather_evidence
from nexus_tui.history import KEPT, History
from nexus_tui.horizon import Horizon
from nexus_tui.merged.standing import Standing
from nexus_tui.seen import Seen
from nexus_tui.steering import Change, Outcome
from nexus_tui.viewmodels.why import Evidence
from nexus_widgets.pace import Pace

T = TypeVar("T")

BEAT = 1.0
"""Seconds between two looks at the figures while something changes."""
QUIET_BEATS = 5
"""Beats without any change after which the service is asked all the same, to know that it is there."""
RECENT = 500
"""Events kept for the log."""
REMEMBERED = 20_000
"""Sessions whose last event is kept for the table."""
MOST_COPIED = 1000
"""Ids that are copied at once."""
_RETRY = (0.25, 0.5, 1.0, 2.0, 5.0)
_AT_ONCE = 8
_TOLD_PER_SECOND = 10.0
"""Painting is most of what a storm costs; a single change is told at once all the same."""


@dataclass(frozen=True, slots=True)
class Link:
    """Whether the service answers.

    ``heard`` is when it last did (seconds since the epoch), and so the age of what is on the screen.
    """

    state: Literal["connecting", "live", "lost"]
    heard: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Changed:
    """Something changed: how many events, in which sessions, and whether groups or everything may have."""

    count: int = 0
    sessions: frozenset[str] = frozenset()
    events: tuple[Event, ...] = ()
    groups: bool = False
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Detail:
    """All that the screen of one session shows."""

    session: Session
    run: Run | None
    checkpoints: tuple[Checkpoint, ...]
    events: tuple[Event, ...]
    children: Page[Session]
    """The first of them."""


class Feed:
    """The gateway. Made with the app, started when it is mounted."""

    def __init__(
        self,
        host: App[int],
        *,
        clock: Callable[[], float] = time.time,
        read_only: bool = False,
        beat: float = BEAT,
    ) -> None:
        """Prepare; until ``attach`` every read is ``StoreUnavailable``.

        Args:
            host: The app whose workers and timers are used.
            clock: Seconds since the epoch.
            read_only: Refuse every change.
            beat: Seconds between two beats; 0 leaves beating to the caller (``beat_once``).
        """
        self.clock = clock
        self.read_only = read_only
        self.contexts: Standing | None = None
        """How the contexts stand, where several are shown."""
        self.link = Link("connecting")
        self.lag: float | None = None
        """Seconds between the last event's commit and its coming here."""
        self.statistics: Statistics | None = None
        self.history = History()
        self.horizon = Horizon(clock)
        self.seen = Seen()
        self.recent: deque[Event] = deque(maxlen=RECENT)
        self.last_events: dict[str, Event] = {}
        self.changed: Signal[Changed] = Signal(host, "changed")
        self.beaten: Signal[Link] = Signal(host, "beaten")
        """Once a beat, after figures and link were looked at; what shows ages is drawn then."""
        self.link_changed: Signal[Link] = Signal(host, "link")
        self.events_per_second: Callable[[int], Sequence[float | None]] | None = None
        """How many events the last seconds had, where that is known without counting: in a recording."""
        self._service: Service | None = None
        self._host = host
        self._beat = beat
        self._pace = Pace(host, self._publish, per_second=_TOLD_PER_SECOND)
        self._pending: list[Event] = []
        self._everything = False
        self._quiet = QUIET_BEATS
        self._cursor: str | None = None
        self._told_before: frozenset[int] = frozenset()
        """Numbers of the events that were read before the feed stood."""

    # Following

    def attach(self, service: Service) -> None:
        """Show and steer what a service gives: follow its events and beat until the app ends.

        Args:
            service: Open for as long as the app runs.
        """
        self._service = service
        # A service over a network says so when its connection breaks; a local one has none that could.
        on_connection = getattr(service, "on_connection", None)
        if on_connection is not None:
            on_connection(self._take_connection)
        self._host.run_worker(self._follow(), group="feed", exclusive=True)
        if self._beat:
            self._host.run_worker(self._beat_on(), group="beat", exclusive=True)

    def _take_connection(self, is_up: bool) -> None:
        self._quiet = QUIET_BEATS
        if not is_up:
            self._lose(StoreUnavailable("the connection to the server broke"))

    def rewind(self) -> None:
        """Forget what came: time went elsewhere, and the service tells anew what there is."""
        self.recent.clear()
        self.last_events.clear()
        self._pending.clear()
        self._told_before = frozenset()
        self._cursor = None
        self.statistics = None
        self.history.clear()
        self.horizon.forget()
        self._tell_everything()

    def fail(self, error: NexusError) -> None:
        """Say that no service can be had now.

        Args:
            error: Why not.
        """
        self._lose(error)

    async def beat_once(self) -> None:
        """End a second: look at the figures if anything changed, and tell who shows ages."""
        self._quiet += 1
        if self._quiet >= QUIET_BEATS or self.link.state != "live":
            self._quiet = 0
            await self._poll()
        if self.horizon.is_due and self.link.state == "live":
            self._host.run_worker(self._look_ahead(), group="horizon")
        self.history.close_second(self.statistics, live=self.link.state == "live")
        if self.events_per_second is not None:
            self.history.put_events(self.events_per_second(KEPT))
        self.beaten.publish(self.link)

    async def _beat_on(self) -> None:
        while True:
            await self.beat_once()
            await asyncio.sleep(self._beat)

    async def _poll(self) -> None:
        try:
            self.statistics = await self._ask(lambda service: service.statistics())
        except StoreUnavailable:
            pass  # The link says so.
        except NexusError as error:
            self._lose(error)

    async def _look_ahead(self) -> None:
        with suppress(NexusError):  # The link says so, and it is asked again.
            await self.horizon.look(lambda q: self.window(q, "expires_at", 0, 1))
            self.beaten.publish(self.link)

    async def _follow(self) -> None:
        failures = 0
        while True:
            try:
                async for item in self._attached().feed(cursor=self._cursor):
                    failures = 0
                    await self._load_recent()
                    self._take(item)
            except NexusError as error:
                self._lose(error)
            await asyncio.sleep(_RETRY[min(failures, len(_RETRY) - 1)])
            failures += 1

    async def _load_recent(self) -> None:
        # Only once the feed stands, so that nothing falls between the events before it and those it brings.
        if self._cursor is None:
            for event in await self._ask(lambda service: service.recent_events(limit=100)):
                self._remember(event)
                self._pending.append(event)
            self._told_before = frozenset(event.seq for event in self.recent)
            self._tell_everything()

    def _take(self, item: FeedItem) -> None:
        self._cursor = item.cursor
        self._hear()
        if item.trimmed:
            self._tell_everything()
        event = item.event
        if event is None:
            return
        self.lag = max(self.clock() - event.ts, 0.0)
        # What was committed while the feed began comes a second time.
        if event.seq in self._told_before:
            return
        self._remember(event)
        self._pending.append(event)
        self._quiet = QUIET_BEATS
        self.history.count(1)
        self._pace.request()

    def _remember(self, event: Event) -> None:
        self.recent.append(event)
        if event.session_id is not None:
            self.last_events.pop(event.session_id, None)
            self.last_events[event.session_id] = event
            if len(self.last_events) > REMEMBERED:
                del self.last_events[next(iter(self.last_events))]

    def _tell_everything(self) -> None:
        self._everything = True
        self._quiet = QUIET_BEATS
        self._pace.request()

    def _publish(self) -> None:
        events, self._pending = tuple(self._pending), []
        everything, self._everything = self._everything, False
        sessions = frozenset(event.session_id for event in events if event.session_id is not None)
        groups = any(event.group_id is not None for event in events)
        self.changed.publish(Changed(len(events), sessions, events, groups, everything))

    # The link

    def _hear(self) -> None:
        was = self.link.state
        self.link = Link("live", self.clock())
        if was != "live":
            self.link_changed.publish(self.link)
            self._tell_everything()

    def _lose(self, error: NexusError) -> None:
        was = self.link
        self.link = Link("lost", was.heard, error.message)
        if was.state != "lost":
            self.link_changed.publish(self.link)

    def _attached(self) -> Service:
        if self._service is None:
            raise StoreUnavailable("Not connected yet")
        return self._service

    async def _ask(self, call: Callable[[Service], Awaitable[T]]) -> T:
        service = self._attached()
        try:
            answer = await call(service)
        except StoreUnavailable as error:
            self._lose(error)
            raise
        self._hear()
        return answer

    # Reading; every method raises from ``nexus.errors``

    async def window(self, q: str, sort: str, offset: int, limit: int) -> Window[Session]:
        """Rows by rank of the sessions that a filter matches."""
        found = await self._ask(lambda service: service.window(q, sort=sort, offset=offset, limit=limit))
        self.seen.look(found.items)
        return found

    async def ids(self, q: str, sort: str) -> tuple[list[str], int]:
        """Ids of the sessions that a filter matches, at most ``MOST_COPIED``, and how many match in all."""
        page = await self._ask(lambda service: service.list_sessions(q, sort=sort, limit=MOST_COPIED))
        return [session.id for session in page.items], page.total or len(page.items)

    async def page(self, q: str, cursor: str | None, limit: int) -> Page[Session]:
        """A page of the sessions that a filter matches, oldest first, so that new ones come at the end."""
        return await self._ask(lambda service: service.list_sessions(q, sort="created_at", limit=limit, cursor=cursor))

    async def session(self, session_id: str) -> Session:
        """One session."""
        return await self._ask(lambda service: service.get_session(session_id))

    async def waits_for(self, session_id: str) -> str | None:
        """The signal that a session's run waits for, if it does."""
        run = await self._ask(lambda service: service.get_run(session_id))
        return run.wait.signal if run is not None and run.wait is not None else None

    async def evidence(self, session_id: str) -> Evidence:
        """What explains a session."""
        return await self._ask(lambda service: gather_evidence(service, session_id, self.clock()))

    async def recent_events(self, q: str, limit: int) -> Sequence[Event]:
        """The last events that a filter matches, ascending."""
        return await self._ask(lambda service: service.recent_events(q, limit))

    async def workflows(self) -> list[WorkflowInfo]:
        """What can be run."""
        return await self._ask(lambda service: service.list_workflows())

    async def children(self, session_id: str, cursor: str | None, limit: int) -> Page[Session]:
        """A page of the sessions that a session started."""
        return await self._ask(lambda service: service.list_children(session_id, cursor=cursor, limit=limit))

    async def detail(self, session_id: str) -> Detail:
        """All that is shown of one session; each part as of its own read."""
        session, run, checkpoints, events, children = await self._ask(
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
        return await self._ask(lambda service: service.get_checkpoint(session_id, checkpoint_id))

    async def groups(self, limit: int = 500) -> tuple[tuple[Group, ...], int]:
        """The newest groups, and how many there are in all."""
        page = await self._ask(lambda service: service.list_groups(limit=limit))
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
            PermissionDenied: The console is read-only; nothing was sent.
        """
        self.check_writable()
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(session_id: str) -> Outcome:
            async with places:
                try:
                    return Outcome(session_id, await self._ask(lambda service: change.apply(service, session_id)))
                except NexusError as error:
                    return Outcome(session_id, error=error)

        return list(await asyncio.gather(*map(one, session_ids)))

    async def bulk(self, request: BulkRequest) -> BulkReport:
        """Plan or do the same to many sessions, in one request.

        Raises:
            PermissionDenied: The console is read-only; nothing was sent.
        """
        self.check_writable()
        return await self._ask(lambda service: service.bulk(request))

    async def end_group(self, group_id: str, status: str, reason: str | None) -> Group:
        """End a group with all that is live in it; the group after it.

        Raises:
            PermissionDenied: The console is read-only; nothing was sent.
        """
        self.check_writable()
        return await self._ask(lambda service: service.end_group(group_id, status=status, reason=reason))

    def check_writable(self) -> None:
        """Raise ``PermissionDenied`` in a read-only console."""
        if self.read_only:
            raise PermissionDenied("This console is read-only, by --read-only or by its context: nothing was changed.")
