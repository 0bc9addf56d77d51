"""MainScreen: all sessions, live, with their figures, groups and events."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from nexus.errors import InvalidInput, NexusError
from nexus.model import Group, Session
from nexus.query.format import quote
from nexus_tui.acting.targets import Targets
from nexus_tui.beginning import begin
from nexus_tui.commands import Command, bindings_of
from nexus_tui.feed import Changed, Feed, Link
from nexus_tui.kept import Look
from nexus_tui.panes.events import EventsPane
from nexus_tui.panes.groups import GroupsPane
from nexus_tui.panes.key_bar import KeyBar
from nexus_tui.panes.past_bar import PastBar
from nexus_tui.panes.replay_bar import ReplayBar
from nexus_tui.panes.sessions import SessionsPane
from nexus_tui.panes.stats_strip import StatsStrip
from nexus_tui.panes.top_bar import TopBar
from nexus_tui.screens.arranging import ArrangingScreen
from nexus_tui.screens.base import nothing_under_the_cursor
from nexus_tui.screens.moving import MovingScreen
from nexus_tui.screens.opening import OpeningScreen
from nexus_tui.viewmodels.session_rows import DEFAULT_FIELDS, FIELDS, WHERE
from nexus_widgets import Banner, FilterBar, VirtualTable, count


class MainScreen(ArrangingScreen, MovingScreen, OpeningScreen):
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
        if self.console.player is not None:
            yield ReplayBar(self.console.player, id="replay")
        yield PastBar(self.console.journey, self.feed, id="past")
        with Horizontal(id="middle"):
            yield GroupsPane(id="groups")
            yield self._sessions_pane()
        yield EventsPane(id="events")
        yield KeyBar(id="keys")

    def _sessions_pane(self) -> SessionsPane:
        """The table as the user's file wants it in this context, or as it was left there."""
        console = self.console
        config, context = console.config, console.context
        chosen = tuple((each.key, each.width) for each in config.columns_in(context))
        if self.feed.contexts is not None:
            chosen = ((WHERE.column.key, 0), *(chosen or [(key, 0) for key in DEFAULT_FIELDS]))
        default = Look(config.sort or "", chosen)
        return SessionsPane(
            self.feed, default=default, look=console.kept.looks.get(context),
            keep=lambda look: console.kept.looks.keep(context, look), keymap=config.keymap, id="sessions",
        )  # fmt: skip

    def on_mount(self) -> None:
        """Follow the feed."""
        self._follow()

    async def start_anew(self, old: Feed) -> None:
        """Show another place, as if the console had begun there; what was looked for is looked for there as well.

        Args:
            old: The feed of the place before it, which is followed no more.
        """
        q, faults = self.sessions.filter, self.sessions.faults
        for signal in (old.changed, old.beaten, old.link_changed):
            signal.unsubscribe(self)
        self.workers.cancel_node(self)
        if self.maximized is not None:
            self.minimize()
        self._groups, self._groups_are_old = (), True
        await self.recompose()
        self._bar.set_text(q)
        self.sessions.show_first(q, faults=faults)
        self._follow()

    def _follow(self) -> None:
        self.sessions.table.focus()
        self.feed.changed.subscribe(self, self._take_changes)
        self.feed.beaten.subscribe(self, self._take_beat)
        self.feed.link_changed.subscribe(self, self._take_link)
        # It may have been made, or lost, before there was anybody to tell.
        self._take_link(self.feed.link)

    # What comes from the feed

    def _take_changes(self, changed: Changed) -> None:
        events = self.query_one("#events", EventsPane)
        if changed.moved:
            events.log_view.clear()
            # What was held in its place was of the time before.
            self.sessions.release("pause")
            if self.sessions.is_marked:
                self.sessions.show_view(self.sessions.view)
        events.add(changed.events)
        self.sessions.refresh_rows(changed.count)
        self._groups_are_old = self._groups_are_old or changed.groups or changed.everything
        if changed.everything:
            self._load_groups_if_old()
        if changed.moved:
            self._draw()
        if self.sessions.is_paused:
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
            begin(self, self._load_groups, "groups", exclusive=True)

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
        self.draw_top(self.sessions.table.waiting if self.sessions.is_paused else None)
        link, banner = self.feed.link, self.query_one("#link-banner", Banner)
        if link.state == "lost":
            banner.say(f"No connection, trying again: {link.reason}", "error", self.feed.silence)
        else:
            self._warn_of_contexts(banner)

    def _warn_of_contexts(self, banner: Banner) -> None:
        """Name the contexts that are away while others go on."""
        away = self.feed.contexts.away if self.feed.contexts is not None else []
        if not away:
            banner.hide()
            return
        names = ", ".join(each.name for each in away)
        rest = "its" if len(away) == 1 else "their"
        oldest = max((each.age for each in away if each.age is not None), default=None)
        banner.say(
            f"{names}: not connected, trying again; {rest} rows are not known now. {away[0].reason}", "warning", oldest
        )

    def _draw_table_notes(self) -> None:
        source = self.sessions.source
        self._bar.count_text = f"{count(source.total)} of {count(source.whole)}" if source.q else ""
        if self.feed.past is None:
            self.console.note_listing(source.q, source.sort)
        self.sessions.write_title()
        self.show_keys()

    def on_sessions_pane_shown(self, event: SessionsPane.Shown) -> None:
        """Another row, other marks, or more that waits."""
        event.stop()
        if self.sessions.is_paused:
            self._draw_top()
        self._draw_table_notes()

    # What a change acts on

    def targets(self) -> Targets:
        """The marked sessions, or those of the group that is gone to, or the one under the cursor."""
        if not self.sessions.is_marked:
            groups = self.query_one("#groups", GroupsPane)
            group = groups.current if groups.table.has_focus else None
            if group is not None:
                return Targets(q=f"group:{quote(group)}", about=groups.members_of(group), group=group)
        return self.sessions.targets

    def current(self) -> Session | None:
        """The session under the cursor."""
        return self.sessions.current

    def done(self, went_well: Collection[str], left: Collection[str], /) -> None:
        """Unmark what went well: what is left marked is what is left to do."""
        table = self.sessions.table
        if table.marks_all:
            table.clear_marks()
            table.mark(left)
        else:
            table.unmark(went_well)

    def are_marked(self, session_ids: Collection[str], /) -> bool:
        """Whether these are marked."""
        return all(map(self.sessions.table.is_marked, session_ids))

    def refusal(self, command: Command) -> str:
        """As every screen; nothing to open or mark in an empty table, and time moves only in a replay."""
        if command.name in ("open", "mark", "mark-all") and not self.sessions.table.total:
            return "there is no session here"
        if command.name == "clear" and not self.sessions.is_marked:
            return "nothing is marked"
        return super().refusal(command)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Keep rows where they are while a dialog is open."""
        pane = self.sessions
        pane.hold("dialog")
        try:
            yield
        finally:
            pane.release("dialog")

    def on_groups_pane_chosen(self, event: GroupsPane.Chosen) -> None:
        """Show one group's sessions."""
        event.stop()
        self._filter(f"group:{quote(event.group_id)}" if event.group_id else "")
        self.query_one("#groups").remove_class("-over")
        self.sessions.table.focus()

    # Commands

    def arguments_of(self, command: Command) -> list[str]:
        """What may follow a command's name."""
        match command.name:
            case "view":
                names = self.console.kept.views.names
                return [*names, "save ", "remove ", *(f"remove {name}" for name in names)]
            case "sort":
                return [key for key, field in FIELDS.items() if field.sort is not None]
            case "group":
                return [group.id for group in self._groups]
        return super().arguments_of(command)

    def on_virtual_table_row_selected(self, event: VirtualTable.RowSelected) -> None:
        """Open a session."""
        event.stop()
        self.console.open_session(event.key)

    def do_open(self, session_id: str) -> None:
        """Open a session by id, or the one under the cursor."""
        chosen = session_id or self.sessions.table.cursor_key
        if chosen is None:
            raise nothing_under_the_cursor()
        self.console.open_session(chosen)

    def do_back(self, _: str) -> None:
        """Step by step back to the plain table."""
        over = self.query("#groups.-over, #events.-over")
        if self.maximized is not None:
            self.minimize()
        elif over:
            over.remove_class("-over")
            self.sessions.table.focus()
        elif self.journey.is_away:
            self.do_live("")
        elif self.focused is not self.sessions.table:
            self.sessions.table.focus()
        elif self.sessions.filter:
            self._filter("")
        elif self.sessions.faults:
            self.sessions.show_faults(faults=False)

    def do_groups(self, _: str) -> None:
        """Go to the groups, or hide them."""
        pane = self.query_one("#groups", GroupsPane)
        self._toggle(pane, pane.table)

    def do_events(self, _: str) -> None:
        """Go to the events, or hide them."""
        pane = self.query_one("#events", EventsPane)
        self._toggle(pane, pane.log_view)

    def do_pause(self, _: str) -> None:
        """Hold the view, or let it go on; a replay stands, or plays."""
        if self.console.player is not None:
            jumps = self.console.player.jumps
            self.console.player.toggle()
            # At its end it begins again.
            self.moved(jumped=self.console.player.jumps != jumps)
            return
        sessions, events = self.sessions, self.query_one("#events", EventsPane).log_view
        if sessions.is_paused:
            sessions.release("pause")
            events.resume()
        else:
            sessions.hold("pause")
            events.pause()
        self._draw()

    def moved(self, *, jumped: bool = False) -> None:
        """Show the time that was gone to; what came before a jump is forgotten."""
        if jumped:
            self.feed.rewind()
            self.query_one("#events", EventsPane).log_view.clear()
        self.query_one("#replay", ReplayBar).draw()
        self._draw()

    def do_mark(self, _: str) -> None:
        """Mark or unmark the session under the cursor."""
        self.sessions.table.action_toggle_mark()

    def do_mark_all(self, _: str) -> None:
        """Mark all that match, those too that come to match until something is done."""
        if not self.sessions.table.total:
            raise InvalidInput("There is no session here: nothing was marked", field="session_id")
        self.sessions.table.mark_all()

    def do_clear(self, _: str) -> None:
        """Clear all marks."""
        self.sessions.table.clear_marks()

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
