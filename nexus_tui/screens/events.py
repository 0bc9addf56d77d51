"""EventsScreen: the events of all sessions, the newest first, narrowed by a filter."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType

from nexus.errors import InvalidInput, NexusError
from nexus.model import Event
from nexus.query import QueryError
from nexus_tui.beginning import begin
from nexus_tui.commands import Command, bindings_of
from nexus_tui.feed import Changed, Link
from nexus_tui.filtering import completions, event_completions, event_mistake_in
from nexus_tui.panes.key_bar import KeyBar
from nexus_tui.panes.past_bar import PastBar
from nexus_tui.panes.top_bar import TopBar
from nexus_tui.screens.filtered import FilteredScreen
from nexus_tui.screens.moving import SteppingScreen
from nexus_tui.screens.why import WhyScreen
from nexus_tui.viewmodels.event_rows import EVENT_COLUMNS, event_row
from nexus_tui.viewmodels.held_rows import HeldRows
from nexus_widgets import Completion, FilterBar, VirtualTable, count
from nexus_widgets.pace import Pace

MOST = 1000
"""Events that are kept on the screen; older ones are in `nexus events`."""


class EventsScreen(FilteredScreen, SteppingScreen):
    """A filter over a table. What is new comes in at the top; the cursor stays on its event."""

    place = "events"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("events")]

    def __init__(self, q: str = "") -> None:
        """Show events.

        Args:
            q: The filter at first.

        Raises:
            InvalidInput: It is none.
        """
        super().__init__()
        error = event_mistake_in(q)
        if error is not None:
            raise error
        self._q = q
        self._events: list[Event] = []
        self._rows = HeldRows()
        self._loads = 0
        self.table = VirtualTable(EVENT_COLUMNS, self._rows, empty="reading …", id="events-table")

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield TopBar(id="top-bar")
        yield FilterBar(self._q, complete=self._complete, placeholder="filter, as in type:run.failed group:batch-7",
                        id="filter")  # fmt: skip
        yield PastBar(self.console.journey, self.feed, id="past")
        yield self.table
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Follow the feed. A filter is answered by the service, so it is asked at most once a second."""
        self._pace = Pace(self, self._load_soon, per_second=1)
        self.table.focus()
        self.feed.changed.subscribe(self, self._take_changes)
        self.feed.beaten.subscribe(self, self._draw)
        self._draw(self.feed.link)
        self._load_soon()

    # What comes from the feed

    def _take_changes(self, changed: Changed) -> None:
        if changed.moved:
            self.table.thaw()
            self._load_soon()
        elif changed.everything or self._q:
            self._pace.request()
        else:
            self._add(changed.events)

    def _load_soon(self) -> None:
        self._loads += 1
        begin(self, partial(self._load, self._loads), "load", exclusive=True)

    async def _load(self, number: int) -> None:
        try:
            events = await self.feed.recent_events(self._q, MOST)
        except NexusError as error:
            if self.feed.link.state == "live":
                self.complain(error)
            return
        if number == self._loads:
            self._events = []
            hint = self.console.config.keymap.hint("back", "events")
            self.table.say_when_empty(f"no event matches: {hint} clears the filter" if self._q else "no events yet")
            self._add(events)

    def _add(self, events: Sequence[Event]) -> None:
        """Put events on top that are not there yet."""
        # Not by comparing numbers: those of sessions in different shards of a store have no order.
        there = {event.seq for event in self._events}
        self._events += [event for event in events if event.seq not in there]
        del self._events[:-MOST]
        self._rows.rows = tuple(event_row(event) for event in reversed(self._events))
        self.table.invalidate()
        self._draw(self.feed.link)

    def _draw(self, _: Link) -> None:
        self.draw_top(self.table.waiting if self.table.is_frozen else None)
        kept = f"{count(len(self._events))} events"
        self._bar.count_text = f"the newest {kept}" if len(self._events) >= MOST else kept
        self.table.border_title = Text("events  newest first")
        self.show_keys()

    # The filter

    def _complete(self, text: str, cursor: int) -> list[Completion]:
        others = completions(text, cursor, self.feed.statistics, [], self.feed.seen.values())
        return event_completions(text, cursor, others)

    def mistake_in(self, text: str) -> QueryError | None:
        """See ``FilteredScreen``."""
        return event_mistake_in(text)

    def narrow(self, q: str) -> None:
        """Ask for what matches."""
        if q != self._q:
            self._q = q
            self._events = []
            self.table.say_when_empty("reading …")
            self._load_soon()

    # Commands

    def refusal(self, command: Command) -> str:
        """What is about a session needs an event of one."""
        event = self._current()
        if command.name in ("open", "copy", "why") and (event is None or event.session_id is None):
            return "there is no event of a session under the cursor"
        return super().refusal(command)

    def _current(self) -> Event | None:
        key = self.table.cursor_key
        return next((event for event in self._events if str(event.seq) == key), None)

    def _session_id(self) -> str:
        event = self._current()
        if event is None or event.session_id is None:
            raise InvalidInput("There is no event of a session under the cursor", field="session_id")
        return event.session_id

    def on_virtual_table_row_highlighted(self, event: VirtualTable.RowHighlighted) -> None:
        """Other commands may work on this one."""
        event.stop()
        self.show_keys()

    def on_virtual_table_waiting_changed(self, event: VirtualTable.WaitingChanged) -> None:
        """Tell how much waits."""
        event.stop()
        self._draw(self.feed.link)

    def do_open(self, _: str) -> None:
        """Open the session of the event under the cursor."""
        self.console.open_session(self._session_id())

    def do_why(self, _: str) -> None:
        """Explain the session of the event under the cursor."""
        self.check_explained()
        self.app.push_screen(WhyScreen(self._session_id(), self.feed, self.console.equivalents))

    def do_copy(self, _: str) -> None:
        """Copy the session's id."""
        session_id = self._session_id()
        self.app.copy_to_clipboard(session_id)
        self.tell(f"Copied {session_id}")

    def do_pause(self, _: str) -> None:
        """Hold the rows, or let them go on."""
        if self.table.is_frozen:
            self.table.thaw()
        else:
            self.table.freeze()
        self._draw(self.feed.link)

    def do_back(self, _: str) -> None:
        """Back to the table, then clear the filter, then leave."""
        if self.focused is not self.table:
            self.table.focus()
        elif self._q:
            self._bar.set_text("")
            self.narrow("")
        else:
            self.dismiss()
