"""Known: what the console knows of all sessions besides the rows it shows: figures, their course, and what happened.

There is one of the present, which goes on while somebody looks at the past, and one of the past that is looked at.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from nexus.model import Event, Statistics
from nexus.service import Service
from nexus_tui.history import History
from nexus_tui.horizon import Horizon

RECENT = 500
"""Events kept for the log."""
SEEN = 7200
"""Looks at the figures that are kept, one a second: two hours."""
REMEMBERED = 20_000
"""Sessions whose last event is kept for the table."""


class Known:
    """Figures and events as of one time, which may go on."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Know nothing yet.

        Args:
            clock: Seconds since the epoch; the time that this is of.
        """
        self.statistics: Statistics | None = None
        self.history = History()
        self.horizon = Horizon(clock)
        self.recent: deque[Event] = deque(maxlen=RECENT)
        self.last_events: OrderedDict[str, Event] = OrderedDict()
        self.course: deque[tuple[float, float, float]] = deque(maxlen=SEEN)
        """When the figures were looked at, the 95th percentile and the rate of success then, for plots of the past."""

    def remember(self, event: Event) -> None:
        """Take note of an event, the newest so far.

        Args:
            event: What happened.
        """
        self.recent.append(event)
        if event.session_id is not None:
            self.last_events[event.session_id] = event
            self.last_events.move_to_end(event.session_id)
            # The first of a plain dict is looked for past all that was taken out of it: a storm would stand still.
            if len(self.last_events) > REMEMBERED:
                self.last_events.popitem(last=False)

    def note(self, now: float) -> None:
        """Take note of the figures as they are at a time, once a second.

        Args:
            now: Seconds since the epoch.
        """
        if self.statistics is not None and self.statistics.finished:
            self.course.append((now, self.statistics.p95_duration, self.statistics.success_rate))

    def forget(self) -> None:
        """Know nothing again: time went elsewhere."""
        self.recent.clear()
        self.last_events.clear()
        self.statistics = None
        self.history.clear()
        self.horizon.forget()


@dataclass(frozen=True, eq=False, slots=True)
class Glance:
    """A moment of the past that is looked at."""

    at: float
    """Seconds since the epoch."""
    service: Service
    """Answers as of then."""
    known: Known
    doubts: tuple[str, ...] = ()
    """What is not known exactly, in words; figures are marked with ``≈`` then."""
    is_doubtful: Callable[[str], bool] = lambda _: False
    """Whether what a session was is not known exactly."""
    note_of: Callable[[str], str] = lambda _: ""
    """What is not known of a session's state."""
