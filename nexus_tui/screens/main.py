"""MainScreen: all sessions, live, with their figures, groups and events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from nexus.errors import InvalidInput, NexusError
from nexus.model import Group
from nexus.query.format import quote
from nexus_tui.commands import Command, bindings_of
from nexus_tui.feed import Changed, Link
from nexus_tui.filtering import completions, is_begun, mistake_in, right_part
from nexus_tui.panes.events import EventsPane
from nexus_tui.panes.groups import GroupsPane
from nexus_tui.panes.key_bar import KeyBar
from nexus_tui.panes.sessions import SessionsPane
from nexus_tui.panes.stats_strip import StatsStrip
from nexus_tui.panes.top_bar import TopBar
from nexus_tui.screens.base import CommandScreen, Targets
from nexus_tui.screens.columns import ColumnsDialog
from nexus_tui.steering import Outcome
from nexus_tui.viewmodels.session_rows import FIELDS
from nexus_widgets import Banner, Completion, FilterBar, VirtualTable, clean, count


class MainScreen(CommandScreen):
    """The first screen. The table has the focus; groups and events come and go beside it, or over it."""

    place = "main"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("main")]

    def __init__(self) -> None:
        super().__init__()
        self._groups: tuple[Group, ...] = ()
        self._groups_are_old = True

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield TopBar(id="top-bar")
        yield StatsStrip(id="stats")
        yield FilterBar(complete=self._complete, placeholder="filter, as in status:failed age>10m", id="filter")
        yield Banner(id="link-banner")
        with Horizontal(id="middle"):
            yield GroupsPane(id="groups")
            yield SessionsPane(self.feed, id="sessions")
        yield EventsPane(id="events")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Follow the feed."""
        self.sessions.table.focus()
        self.feed.changed.subscribe(self, self._take_changes)
        self.feed.beaten.subscribe(self, self._take_beat)
        self.feed.link_changed.subscribe(self, self._take_link)
        self._draw()

    @property
    def sessions(self) -> SessionsPane:
        """The pane with the table."""
        return self.query_one("#sessions", SessionsPane)

    @property
    def _bar(self) -> FilterBar:
        return self.query_one("#filter", FilterBar)

    # What comes from the feed

    def _take_changes(self, changed: Changed) -> None:
        self.query_one("#events", EventsPane).add(changed.events)
        self.sessions.refresh_rows(changed.count)
        self._groups_are_old = self._groups_are_old or changed.groups or changed.everything
        if changed.everything:
            self._load_groups_if_old()
        self._draw_top()

    def _take_beat(self, _: Link) -> None:
        self.sessions.tick()
        self._load_groups_if_old()
        self._draw()

    def _take_link(self, link: Link) -> None:
        self.sessions.doubt(lost=link.state == "lost")
        self._draw()

    def _load_groups_if_old(self) -> None:
        # At most once a beat: their counts change with every session of theirs.
        if self._groups_are_old:
            self._groups_are_old = False
            self.run_worker(self._load_groups(), group="groups", exclusive=True)

    async def _load_groups(self) -> None:
        try:
            self._groups, _ = await self.feed.groups()
        except NexusError:
            self._groups_are_old = True  # The link says so, and they are asked for again with the next beat.
            return
        self._draw_groups()

    # Drawing

    def _draw(self) -> None:
        self.query_one("#stats", StatsStrip).show(self.feed)
        self._draw_groups()
        self._draw_top()
        self._draw_table_notes()

    def _draw_groups(self) -> None:
        statistics = self.feed.statistics
        total, live = (statistics.total, statistics.active) if statistics else (0, 0)
        self.query_one("#groups", GroupsPane).show(self._groups, total, live)

    def _draw_top(self) -> None:
        sessions = self.sessions
        waiting = sessions.table.waiting if sessions.is_paused else None
        self.query_one("#top-bar", TopBar).show(self.feed, self.console.target_label, waiting=waiting)
        link, banner = self.feed.link, self.query_one("#link-banner", Banner)
        if link.state == "lost":
            age = None if link.heard is None else max(self.feed.clock() - link.heard, 0.0)
            banner.say(f"No connection, trying again: {link.reason}", "error", age)
        else:
            banner.hide()

    def _draw_table_notes(self) -> None:
        source = self.sessions.source
        self._bar.count_text = f"{count(source.total)} of {count(source.whole)}" if source.q else ""
        self.sessions.write_title()
        self.show_keys()

    def on_sessions_pane_shown(self, event: SessionsPane.Shown) -> None:
        """Another row, other marks, or more that waits."""
        event.stop()
        self._draw_top()
        self._draw_table_notes()

    # What a change acts on

    def targets(self) -> Targets:
        """The marked sessions, or the one under the cursor."""
        return Targets(self.sessions.chosen)

    def done(self, outcomes: Sequence[Outcome], /) -> None:
        """Unmark what went well: what is left marked is what is left to do."""
        self.sessions.table.unmark(outcome.session_id for outcome in outcomes if outcome.error is None)

    def offers(self, command: Command) -> bool:
        """As every screen, and nothing to open or mark in an empty table."""
        if command.name in ("open", "mark") and not self.sessions.table.total:
            return False
        return super().offers(command)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Keep rows where they are while a dialog is open."""
        pane = self.sessions
        pane.hold("dialog")
        try:
            yield
        finally:
            pane.release("dialog")

    # The filter

    def _complete(self, text: str, cursor: int) -> list[Completion]:
        return completions(text, cursor, self.feed.statistics, [group.id for group in self._groups])

    def on_filter_bar_changed(self, event: FilterBar.Changed) -> None:
        """Show what matches while it is written; a filter that isn't one yet changes nothing."""
        event.stop()
        error = mistake_in(event.text)
        if error is None:
            if not is_begun(event.text):
                self.sessions.show_filter(event.text.strip())
        elif not error.incomplete:
            self.sessions.show_filter(right_part(event.text, error))
            event.bar.show_error(error.message, error.column - 1)

    def on_filter_bar_submitted(self, event: FilterBar.Submitted) -> None:
        """Go to the sessions that match, or to the mistake."""
        event.stop()
        error = mistake_in(event.text)
        if error is not None:
            self.sessions.show_filter(right_part(event.text, error))
            event.bar.show_error(error.message, error.column - 1)
            return
        self.sessions.show_filter(event.text.strip())
        self.sessions.table.focus()

    def on_filter_bar_cancelled(self, event: FilterBar.Cancelled) -> None:
        """Back to the table; a filter that was never right is taken back."""
        event.stop()
        if mistake_in(event.text) is not None:
            event.bar.set_text(self.sessions.source.q)
        self.sessions.table.focus()

    def on_groups_pane_chosen(self, event: GroupsPane.Chosen) -> None:
        """Show one group's sessions."""
        event.stop()
        self._filter(f"group:{quote(event.group_id)}" if event.group_id else "")
        self.query_one("#groups").remove_class("-over")
        self.sessions.table.focus()

    def _filter(self, q: str) -> None:
        error = mistake_in(q)
        if error is not None:
            raise error
        self._bar.set_text(q)
        self.sessions.show_filter(q)

    # Commands

    def on_virtual_table_row_selected(self, event: VirtualTable.RowSelected) -> None:
        """Open a session."""
        event.stop()
        self.console.open_session(event.key, self.sessions)

    def do_open(self, session_id: str) -> None:
        """Open a session by id, or the one under the cursor."""
        chosen = session_id or self.sessions.table.cursor_key
        if chosen is None:
            raise InvalidInput("There is no session under the cursor", field="session_id")
        self.console.open_session(chosen, self.sessions)

    def do_back(self, _: str) -> None:
        """Step by step back to the plain table."""
        over = self.query("#groups.-over, #events.-over")
        if self.maximized is not None:
            self.minimize()
        elif over:
            over.remove_class("-over")
            self.sessions.table.focus()
        elif self.focused is not self.sessions.table:
            self.sessions.table.focus()
        elif self.sessions.source.q:
            self._filter("")

    def do_filter(self, q: str) -> None:
        """Write a filter, or show what matches the one given."""
        if q:
            self._filter(q)
        else:
            self._bar.focus()

    def do_groups(self, _: str) -> None:
        """Go to the groups, or hide them."""
        pane = self.query_one("#groups", GroupsPane)
        self._toggle(pane, pane.table)

    def do_events(self, _: str) -> None:
        """Go to the events, or hide them."""
        pane = self.query_one("#events", EventsPane)
        self._toggle(pane, pane.log_view)

    def do_sort(self, name: str) -> None:
        """Sort by the next column, or by a named one."""
        if not name:
            self.sessions.sort_by_next()
            return
        wanted = name.lower().replace(" ", "-")
        key = next((key for key, field in FIELDS.items() if wanted in (key, field.column.label.lower())), None)
        if key is None or FIELDS[key].sort is None:
            able = ", ".join(key for key, field in FIELDS.items() if field.sort is not None)
            raise InvalidInput(f"Can't sort by {clean(name, limit=30)!r}: sort by one of {able}", field="column")
        self.sessions.sort_by(key)

    def do_reverse(self, _: str) -> None:
        """Turn the order round."""
        self.sessions.reverse()

    def do_pause(self, _: str) -> None:
        """Hold the view, or let it go on."""
        sessions, events = self.sessions, self.query_one("#events", EventsPane).log_view
        if sessions.is_paused:
            sessions.release("pause")
            events.resume()
        else:
            sessions.hold("pause")
            events.pause()
        self._draw()

    def do_columns(self, _: str) -> None:
        """Choose columns."""

        def show(keys: tuple[str, ...] | None) -> None:
            if keys is not None:
                self.sessions.show_columns(keys)

        self.app.push_screen(ColumnsDialog(self.sessions.source.keys), show)

    def do_mark(self, _: str) -> None:
        """Mark or unmark the session under the cursor."""
        self.sessions.table.action_toggle_mark()

    def do_mark_all(self, _: str) -> None:
        """Mark what matches."""
        self.run_worker(self._mark_all(), group="mark", exclusive=True)

    async def _mark_all(self) -> None:
        source = self.sessions.source
        try:
            ids, total = await self.feed.ids(source.q, source.sort.text)
        except NexusError as error:
            self.complain(error)
            return
        self.sessions.table.mark(ids)
        if total > len(ids):
            self.tell(f"Marked the first {count(len(ids))} of {count(total)}: no more can be marked at once")

    def do_clear(self, _: str) -> None:
        """Clear all marks."""
        self.sessions.table.clear_marks()

    def do_copy(self, _: str) -> None:
        """Copy ids."""
        ids = self.sessions.chosen
        if ids:
            self.app.copy_to_clipboard("\n".join(ids))
            self.tell(f"Copied {ids[0] if len(ids) == 1 else f'{count(len(ids))} ids'}")

    def zoomable(self) -> Widget | None:
        """The pane around what is focused."""
        focused = self.focused
        return focused.parent if focused is not None and isinstance(focused.parent, Widget) else None

    def _toggle(self, pane: Widget, inner: Widget) -> None:
        """Bring a pane and focus it; hide it when it had the focus."""
        over = self.has_class("-narrow")
        shown = pane.has_class("-over") if over else not pane.has_class("-hidden")
        if shown and self.focused is inner:
            pane.remove_class("-over") if over else pane.add_class("-hidden")
            self.sessions.table.focus()
            return
        self.query("#groups, #events").remove_class("-over")
        pane.add_class("-over") if over else pane.remove_class("-hidden")
        inner.focus()
