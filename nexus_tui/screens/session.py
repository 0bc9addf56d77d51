"""SessionScreen: one session, now and as it was."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType

from nexus.errors import NexusError, SessionNotFound
from nexus.model import Page, Session
from nexus_tui.acting.targets import Targets
from nexus_tui.asking import Detail
from nexus_tui.beginning import begin
from nexus_tui.commands import Command, bindings_of
from nexus_tui.feed import Changed, Link
from nexus_tui.panes.about import AboutPane
from nexus_tui.panes.children import ChildrenPane
from nexus_tui.panes.key_bar import KeyBar
from nexus_tui.panes.past_bar import PastBar
from nexus_tui.panes.room import WIDE
from nexus_tui.panes.sessions import SessionsPane
from nexus_tui.panes.tab_line import TabLine
from nexus_tui.panes.tone_lines import Line, ToneLines
from nexus_tui.panes.top_bar import link_words, place_words
from nexus_tui.past import NOW, START, Past
from nexus_tui.screens.session_moments import SessionMoments
from nexus_tui.screens.session_panes import LEFT, RIGHT
from nexus_tui.viewmodels.event_lines import event_line
from nexus_tui.viewmodels.moments import Moment, moments
from nexus_tui.viewmodels.session_facts import facts, headline, subline
from nexus_tui.viewmodels.session_rows import Context
from nexus_tui.viewmodels.words import clock_time
from nexus_widgets import Banner, EventLog, Timeline, Toned, clean
from nexus_widgets.pace import Pace


class SessionScreen(SessionMoments):
    """A timeline over two decks of panes: documents at the left, history and lineage at the right."""

    place = "session"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("session")]

    def __init__(self, session_id: str, among: SessionsPane) -> None:
        """Prepare to show a session.

        Args:
            session_id: Which.
            among: The table it was opened from.
        """
        super().__init__()
        self.session_id = session_id
        self._among = among
        self._detail: Detail | None = None
        self._moments: tuple[Moment, ...] = ()
        self._at = NOW
        self._is_loading = False
        self._load_again = False
        self._last_seq = 0

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield ToneLines(id="session-top")
        yield Banner(id="link-banner")
        yield PastBar(self.console.journey, self.feed, id="past")
        yield Timeline(id="timeline")
        yield TabLine(LEFT + RIGHT, id="tabs")
        yield from self.decks()
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Load, and follow the feed."""
        self._past = Past(self.feed, self.session_id)
        self.query_one("#pane-children", ChildrenPane).follow(self.session_id, self.feed)
        self._pace = Pace(self, self._load_soon, per_second=8)
        self.feed.changed.subscribe(self, self._take_changes)
        self.feed.beaten.subscribe(self, self._take_beat)
        self.feed.link_changed.subscribe(self, self._take_beat)
        self.query_one("#timeline").focus()
        self.show_front("state")
        self._draw_top()
        self._load_soon()

    # Loading

    def _take_changes(self, changed: Changed) -> None:
        self.query_one("#pane-children", ChildrenPane).take(changed)
        if changed.moved:
            self._forget()
        mine = self.session_id in changed.sessions
        has_new_child = any(event.data.get("parent_id") == self.session_id for event in changed.events)
        if changed.everything or mine or has_new_child:
            self._pace.request()

    def _forget(self) -> None:
        """Another time is shown: begin again at its end."""
        self._last_seq = 0
        self._at = NOW
        self._timeline.action_last()
        self.query_one("#pane-events", EventLog).clear()

    def _take_beat(self, _: Link) -> None:
        self._draw_top()
        if self._detail is not None:
            self._draw_ages(self._detail)

    def _load_soon(self) -> None:
        # One load at a time, and another after it for what changed meanwhile.
        if self._is_loading:
            self._load_again = True
        else:
            self._is_loading = True
            begin(self, self._load, "load")

    async def _load(self) -> None:
        try:
            detail = await self.feed.detail(self.session_id)
            await self._show(detail)
        except NexusError as error:
            if self.feed.link.state == "live":
                self.query_one("#link-banner", Banner).say(error.message, "warning")
            if isinstance(error, SessionNotFound) and self.feed.past is not None:
                self._blank()
        finally:
            self._is_loading = False
            if self._load_again:
                self._load_again = False
                self._pace.request()

    def _blank(self) -> None:
        """Show nothing of a session that isn't there at the time that is shown."""
        if self._detail is not None:
            self._checkpoints.show(self._detail.session, (), (), self.feed.clock())
        self._detail, self._moments = None, ()
        self._timeline.set_points([])
        self.query_one("#pane-children", ChildrenPane).show(Page(items=()), Context(self.feed.clock(), {}))
        for name in ("state", "metadata", "raw"):
            self.json_tree(name).set_value({})
        self.query_one("#pane-about", AboutPane).show([])
        self._draw_top()

    async def _show(self, detail: Detail) -> None:
        self._detail = detail
        if (banner := self.query_one("#link-banner", Banner)).level == "warning":
            banner.hide()
        session, now = detail.session, self.feed.clock()
        self._moments = moments(session, detail.checkpoints, detail.events, now, self._last_word)
        self._timeline.set_points([moment.point for moment in self._moments])
        self._fit_timeline()
        self.json_tree("metadata").set_value(session.metadata)
        self.json_tree("raw").set_value(session.to_dict())
        fresh = [event for event in detail.events if event.seq > self._last_seq]
        self._last_seq = max([self._last_seq, *(event.seq for event in fresh)])
        self.query_one("#pane-events", EventLog).append(map(event_line, fresh))
        self._draw_ages(detail)
        self._draw_top()
        await self._show_state()

    # Drawing

    def _draw_ages(self, detail: Detail) -> None:
        now = self.feed.clock()
        self._checkpoints.show(detail.session, detail.checkpoints, detail.events, now)
        self.query_one("#pane-children", ChildrenPane).show(detail.children, Context(now, self.feed.last_events))
        self.query_one("#pane-about", AboutPane).show(facts(detail.session, detail.run, now))

    def _draw_top(self) -> None:
        feed, detail, banner = self.feed, self._detail, self.query_one("#link-banner", Banner)
        head = headline(detail.session, feed.clock()) if detail else (Toned(clean(self.session_id, limit=128)),)
        notes = (Toned("READ-ONLY  ", "warn"),) if feed.read_only else ()
        right = (*notes, *link_words(feed)[:1], Toned(f"  {clock_time(feed.clock())}Z ", "muted"))
        top = self.query_one("#session-top", ToneLines)
        first = Line((Toned(" nexus \u203a ", "info"), *head), (Toned("  "), *right))
        # Where it is must be seen before it is changed; of several contexts its name says so.
        where = () if feed.contexts is not None else (Toned("  "), *self._where())
        top.lines = (first, Line(subline(detail.session, feed.clock()) if detail else (), where))
        if feed.link.state == "lost":
            banner.say(f"No connection, trying again: {feed.link.reason}", "error", feed.silence)
        elif banner.level == "error":
            banner.hide()
        self.show_keys()

    def _where(self) -> list[Toned]:
        return place_words(self.console.context, self.console.namespace, 60 if self.size.width >= WIDE else 20)

    def draw_frames(self) -> None:
        """Say which moment and which panes are shown."""
        then = "" if self._at == NOW else "  as it was at " + ("the start" if self._at == START else self._at)
        left, right = self.query_one("#deck-left"), self.query_one("#deck-right")
        note = self.feed.note_of(self.session_id) if self._at == NOW else ""
        of_state = f"  \u2248 {clean(note, limit=200)}" if note else then
        left.border_title = Text(f"{self.pane_of('left')}{of_state if self.pane_of('left') == 'state' else ''}")
        right.border_title = Text(self.pane_of("right"))
        self._timeline.border_title = Text("timeline")
        self._timeline.border_subtitle = Text(self._last_word if self._at == NOW else then.strip())
        self.set_class(self._at != NOW, "-past")
        detail = self._detail
        counts = {
            "checkpoints": len(detail.checkpoints), "events": len(detail.events),
            "children": detail.children.total or len(detail.children),
        } if detail else {}  # fmt: skip
        shown = (self.pane_of("left"), self.pane_of("right"))
        front = (self.front,) if self.has_class("-narrow") else shown
        self.query_one("#tabs", TabLine).show(front, {} if self.has_class("-narrow") else counts)
        self.show_keys()

    @property
    def _last_word(self) -> str:
        """What the end of the timeline is called."""
        return "now" if self.feed.past is None else f"{clock_time(self.feed.past.at)}Z"

    def _fit_timeline(self) -> None:
        """A line for each channel where there is room, and one for the words."""
        lanes = len(self._timeline.lanes) if self.has_class("-high") else 1
        self._timeline.styles.height = max(lanes, 1) + 3

    def on_resize(self) -> None:
        """Another size has room for more or less; its classes are set once this is handled."""
        if self._detail is not None:
            self.call_later(self._fit_timeline)
            self.call_later(self.draw_frames)

    # What a change acts on

    def targets(self) -> Targets:
        """This session, and the checkpoint that is shown."""
        return Targets((self.session_id,), None if self._at in (NOW, START) else self._at)

    def current(self) -> Session | None:
        """This session, once it was read."""
        return self._detail.session if self._detail else None

    def done(self, _: Collection[str], __: Collection[str], /) -> None:
        """Show the session after it."""
        self._load_soon()

    def offers(self, command: Command) -> bool:
        """Here all is about one session: what is refused of it for sure is not in the footer."""
        return super().offers(command) and not (command.changes and self.no_way(command.name))

    def refusal(self, command: Command) -> str:
        """As every screen; nothing earlier without checkpoints, nothing later than now."""
        match command.name:
            case "later" if self._at == NOW:
                return "this is now"
            case "earlier" | "mark" | "diff" if not (self._detail and self._detail.checkpoints):
                return "it has no checkpoints"
            case "last-error" if self._last_error() is None:
                return "its newest events tell of no failure"
            case "clear" if not self._checkpoints.table.marks:
                return "nothing is marked"
        return super().refusal(command) or (self.no_way(command.name) if command.changes else "")

    def no_way(self, name: str) -> str:
        """As every screen; and nothing goes on from before the first checkpoint."""
        if name in ("resume", "fork") and self._at == START:
            return "before the first checkpoint there is nothing to go on from"
        return super().no_way(name)

    def on_children_pane_opened(self, event: ChildrenPane.Opened) -> None:
        """Open a child over this session."""
        event.stop()
        self.console.open_session(event.session_id)

    def on_children_pane_failed(self, event: ChildrenPane.Failed) -> None:
        """Say why there are no more children to see."""
        event.stop()
        self.complain(event.error)

    # Commands

    def do_back(self, _: str) -> None:
        """Back to now, then back to the table."""
        if self.maximized is not None:
            self.minimize()
        elif self._at != NOW:
            self._timeline.action_last()
            self._go_to(NOW)
        else:
            self.dismiss()

    def do_previous(self, _: str) -> None:
        """The session above this one in the table."""
        begin(self, partial(self._switch, -1), "switch", exclusive=True)

    def do_next(self, _: str) -> None:
        """The session below this one in the table."""
        begin(self, partial(self._switch, 1), "switch", exclusive=True)

    async def _switch(self, step: int) -> None:
        rank = self._among.table.cursor_index + step
        try:
            found = await self._among.source.id_at(rank)
        except NexusError as error:
            self.complain(error)
            return
        if found is None:
            self.tell("There is no session before this one" if step < 0 else "This is the last session")
            return
        self._among.table.move_cursor(rank)
        self.app.switch_screen(SessionScreen(found, self._among))

    def do_copy(self, _: str) -> None:
        """Copy the id."""
        self.app.copy_to_clipboard(self.session_id)
        self.tell(f"Copied {self.session_id}")
