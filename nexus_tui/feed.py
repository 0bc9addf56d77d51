"""Feed: the console's one gateway to sessions.

It holds the service, follows its events, polls figures when something changed, and knows whether what it shows is
still true. Screens and panes read and steer through it and subscribe to its signals; none of them holds a service.
While somebody looks at the past, reads go there, and the present is followed all the same.

Guarantees: changes are told at most ten times a second, in a storm four times, and the last one always; a lost
connection is noticed at the next beat, said once, and mended by itself, from the event after the last one seen; a
change to a session is refused here when the console is read-only. All work is asynchronous on the app's own loop.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, TypeVar

from textual.app import App
from textual.signal import Signal

from nexus.errors import NexusError, PermissionDenied, StoreUnavailable
from nexus.model import Event, Statistics
from nexus.service import FeedItem, Service
from nexus_tui.asking import Asking
from nexus_tui.beginning import begin
from nexus_tui.history import KEPT, History
from nexus_tui.horizon import Horizon
from nexus_tui.known import Glance, Known
from nexus_tui.merged.standing import Standing
from nexus_tui.seen import Seen
from nexus_widgets.pace import Pace

T = TypeVar("T")

BEAT = 1.0
"""Seconds between two looks at the figures while something changes."""
QUIET_BEATS = 5
"""Beats without any change after which the service is asked all the same, to know that it is there."""
_RETRY = (0.25, 0.5, 1.0, 2.0, 5.0)
_TOLD_PER_SECOND = 10.0
"""Painting is most of what a storm costs; a single change is told at once all the same."""
_STORM_PER_SECOND = 4.0
"""How often changes are told while so many come that nobody could follow them."""
_STORM = 500.0
"""Events a second from which on it is a storm."""


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
    moved: bool = False
    """Another time is shown: what was written of the one before is to be forgotten."""


class Feed(Asking):
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
        self.now = clock
        """Seconds since the epoch, whatever is looked at."""
        self.read_only = read_only
        self.past: Glance | None = None
        """What is looked at instead of the present."""
        self.contexts: Standing | None = None
        """How the contexts stand, where several are shown."""
        self.link = Link("connecting")
        self.lag: float | None = None
        """Seconds between the last event's commit and its coming here."""
        self.present = Known(clock)
        """What is known of the present; it goes on while the past is looked at."""
        self.seen = Seen()
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
        self._arrived: list[Event] = []
        self._pending: list[Event] = []
        self._everything = False
        self._moved = False
        self._quiet = QUIET_BEATS
        self._cursor: str | None = None
        self._told_before: frozenset[int] = frozenset()
        """Numbers of the events that were read before the feed stood."""

    # What is shown

    def clock(self) -> float:
        """The time of what is shown, in seconds since the epoch: now, or the moment of the past."""
        return self.now() if self.past is None else self.past.at

    @property
    def silence(self) -> float | None:
        """Seconds since the service was heard last; ``None`` before it ever was."""
        return None if self.link.heard is None else max(self.now() - self.link.heard, 0.0)

    @property
    def _shown(self) -> Known:
        return self.present if self.past is None else self.past.known

    @property
    def statistics(self) -> Statistics | None:
        """The figures, if any have come."""
        return self._shown.statistics

    @property
    def history(self) -> History:
        """The recent course of the figures."""
        return self._shown.history

    @property
    def horizon(self) -> Horizon:
        """How many sessions expire soon."""
        return self._shown.horizon

    @property
    def recent(self) -> deque[Event]:
        """The last events, the newest last."""
        return self._shown.recent

    @property
    def last_events(self) -> Mapping[str, Event]:
        """The last event of each session that had one lately."""
        return self._shown.last_events

    @property
    def has_doubts(self) -> bool:
        """Whether the figures are not exact, in the past that is shown."""
        return self.past is not None and bool(self.past.doubts)

    def is_doubtful(self, session_id: str) -> bool:
        """Whether what a session was is not known exactly, in the past that is shown."""
        return self.past is not None and self.past.is_doubtful(session_id)

    def note_of(self, session_id: str) -> str:
        """What is not known of a session's state, in the past that is shown; nothing where it is exact."""
        return "" if self.past is None else self.past.note_of(session_id)

    def look_at(self, past: Glance | None) -> None:
        """Show a moment of the past, or the present again, at once; the present is followed all the same.

        Args:
            past: What to show; ``None`` is the present.
        """
        if past is self.past:
            return
        self.past = past
        self._moved = True
        self._tell_everything()

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
        begin(self._host, self._follow, "feed", exclusive=True)
        if self._beat:
            begin(self._host, self._beat_on, "beat", exclusive=True)

    def _take_connection(self, is_up: bool) -> None:
        self._quiet = QUIET_BEATS
        if not is_up:
            self._lose(StoreUnavailable("the connection to the server broke"))

    def rewind(self) -> None:
        """Forget what came: time went elsewhere in a recording, and the service tells anew what there is."""
        self.present.forget()
        self._arrived.clear()
        self._pending.clear()
        self._told_before = frozenset()
        self._cursor = None
        self._tell_everything()

    def fail(self, error: NexusError) -> None:
        """Say that no service can be had now.

        Args:
            error: Why not.
        """
        self._lose(error)

    async def beat_once(self) -> None:
        """End a second: look at the figures if anything changed, and tell who shows ages."""
        self._take_note()
        self._quiet += 1
        if self._quiet >= QUIET_BEATS or self.link.state != "live":
            self._quiet = 0
            await self._poll()
        present = self.present
        if self.past is None and present.horizon.is_due and self.link.state == "live":
            begin(self._host, self._look_ahead, "horizon")
        present.history.close_second(present.statistics, live=self.link.state == "live")
        if self.link.state == "live":
            present.note(self.now())
        if self.events_per_second is not None:
            present.history.put_events(self.events_per_second(KEPT))
        self.beaten.publish(self.link)

    async def _beat_on(self) -> None:
        while True:
            await self.beat_once()
            await asyncio.sleep(self._beat)

    async def _poll(self) -> None:
        try:
            self.present.statistics = await self.ask(lambda service: service.statistics())
        except StoreUnavailable:
            pass  # The link says so.
        except NexusError as error:
            self._lose(error)

    async def _look_ahead(self) -> None:
        with suppress(NexusError):  # The link says so, and it is asked again.
            await self.present.horizon.look(
                lambda q: self.ask(lambda service: service.window(q, sort="expires_at", offset=0, limit=1))
            )
            self.beaten.publish(self.link)

    async def _follow(self) -> None:
        failures = 0
        while True:
            try:
                async for item in self.service.feed(cursor=self._cursor):
                    failures = 0
                    # Only once the feed stands, so that nothing falls between the events before it and those it brings.
                    if self._cursor is None:
                        await self._load_recent()
                    self._take(item)
            except NexusError as error:
                self._lose(error)
            await asyncio.sleep(_RETRY[min(failures, len(_RETRY) - 1)])
            failures += 1

    async def _load_recent(self) -> None:
        for event in await self.ask(lambda service: service.recent_events(limit=100)):
            self.present.remember(event)
            self._pending.append(event)
        self._told_before = frozenset(event.seq for event in self.present.recent)
        self._tell_everything()

    def _take(self, item: FeedItem) -> None:
        self._cursor = item.cursor
        event = item.event
        if event is None or self.link.state != "live":
            self._hear()
        if item.trimmed:
            self._tell_everything()
        # What was committed while the feed began comes a second time.
        if event is not None and event.seq not in self._told_before:
            # This is done for each event of a storm: what can be done for many at once waits.
            self._arrived.append(event)
            self._pace.request()

    def _take_note(self) -> None:
        """Do for the events that arrived what need not be done for each by itself."""
        arrived, self._arrived = self._arrived, []
        if not arrived:
            return
        self.lag = max(self.now() - arrived[-1].ts, 0.0)
        self._hear()
        for event in arrived:
            self.present.remember(event)
        self._pending += arrived
        self._quiet = QUIET_BEATS
        self.present.history.count(len(arrived))

    def _tell_everything(self) -> None:
        self._everything = True
        self._quiet = QUIET_BEATS
        self._pace.request()

    def _publish(self) -> None:
        self._take_note()
        events, self._pending = tuple(self._pending), []
        is_storm = len(events) > _STORM / self._pace.per_second
        self._pace.per_second = _STORM_PER_SECOND if is_storm else _TOLD_PER_SECOND
        everything, self._everything = self._everything, False
        moved, self._moved = self._moved, False
        if moved:
            events = tuple(self.recent)
        elif self.past is not None:
            # What happens now is remembered, and told with the way back.
            events = ()
        sessions = frozenset(event.session_id for event in events if event.session_id is not None)
        groups = any(event.group_id is not None for event in events)
        if events or everything:
            self.changed.publish(Changed(len(events), sessions, events, groups, everything, moved))

    # The link

    def _hear(self) -> None:
        was = self.link.state
        self.link = Link("live", self.now())
        if was != "live":
            self.link_changed.publish(self.link)
            self._tell_everything()

    def _lose(self, error: NexusError) -> None:
        was = self.link
        self.link = Link("lost", was.heard, error.message)
        if was.state != "lost":
            self.link_changed.publish(self.link)

    @property
    def service(self) -> Service:
        """The present's; ``StoreUnavailable`` until there is one."""
        if self._service is None:
            raise StoreUnavailable("Not connected yet")
        return self._service

    async def ask(self, call: Callable[[Service], Awaitable[T]]) -> T:
        """See ``Asking.ask``; of the present."""
        return await self._of(self.service, call)

    async def read(self, call: Callable[[Service], Awaitable[T]]) -> T:
        """See ``Asking.read``."""
        while True:
            past = self.past
            answer = await self._of(self.service if past is None else past.service, call)
            # Nobody is given an answer about a time that is no longer shown.
            if past is self.past:
                return answer

    async def _of(self, service: Service, call: Callable[[Service], Awaitable[T]]) -> T:
        try:
            answer = await call(service)
        except StoreUnavailable as error:
            self._lose(error)
            raise
        self._hear()
        return answer

    def check_writable(self) -> None:
        """Raise ``PermissionDenied`` in a read-only console, and in the past."""
        if self.past is not None:
            raise PermissionDenied("This is the past, and nothing was changed: :live goes back to now.")
        if self.read_only:
            raise PermissionDenied("This console is read-only, by --read-only or by its context: nothing was changed.")
