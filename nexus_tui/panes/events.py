"""EventsPane: the log of what happens to all sessions."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.widget import Widget

from nexus.model import Event
from nexus_tui.viewmodels.event_lines import event_line
from nexus_tui.viewmodels.words import clock_time
from nexus_widgets import EventLog, LogEntry, count

_MOST_AT_ONCE = 50
"""Lines written of one burst, the newest: more than the log is high, and nobody could read the rest."""


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
        """Write events, oldest first; of a burst the newest, after a line that says how many were left out.

        Args:
            events: What happened.
        """
        shown = events[-_MOST_AT_ONCE:]
        lines = [event_line(event) for event in shown]
        if left := len(events) - len(shown):
            lines.insert(
                0, LogEntry(clock_time(shown[0].ts), "…", f"{count(left)} events more, not written", tone="muted")
            )
        self.log_view.append(lines)

    def on_event_log_follow_changed(self, event: EventLog.FollowChanged) -> None:
        """Say whether the newest line is kept in view."""
        self._write_title(follow=event.follow)

    def _write_title(self, *, follow: bool) -> None:
        self.border_title = "events  follow ●" if follow else "events  held ○ (End follows)"
