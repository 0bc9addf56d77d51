"""EventsPane: the log of what happens to all sessions."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.widget import Widget

from nexus.model import Event
from nexus_tui.viewmodels.event_lines import event_line
from nexus_widgets import EventLog

_MOST_AT_ONCE = 200
"""Lines written of one burst: more than a screen is high, and nobody reads the rest."""


class EventsPane(Widget):
    """A log, with whether it follows in its frame's title."""

    ALLOW_MAXIMIZE = True

    def compose(self) -> ComposeResult:
        """One log."""
        yield EventLog(max_entries=2000)

    @property
    def log_view(self) -> EventLog:
        """The log, to focus it."""
        return self.query_one(EventLog)

    def on_mount(self) -> None:
        """Write the title."""
        self._write_title(follow=True)

    def add(self, events: Sequence[Event]) -> None:
        """Write events, oldest first.

        Args:
            events: What happened.
        """
        self.log_view.append([event_line(event) for event in events[-_MOST_AT_ONCE:]])

    def on_event_log_follow_changed(self, event: EventLog.FollowChanged) -> None:
        """Say whether the newest line is kept in view."""
        self._write_title(follow=event.follow)

    def _write_title(self, *, follow: bool) -> None:
        self.border_title = "events  follow ●" if follow else "events  held ○ (End follows)"
