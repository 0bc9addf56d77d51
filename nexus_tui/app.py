"""The console: ``run_console`` for the command line, ``NexusConsole`` for everything in it.

It paints before it connects, so that a slow server never looks like a console that doesn't start, and it opens and
closes the service in one task. It is deliberately small: what is shown belongs to the screens, what is known to the
feed.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

# Textual reads it once, at import; twice its usual rate halves the time from a key to its paint.
os.environ.setdefault("TEXTUAL_FPS", "120")

from textual import events
from textual.app import App, SuspendNotSupported
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.filter import LineFilter

from nexus.errors import InvalidInput, NexusError
from nexus.query.format import quote
from nexus.service import Service
from nexus_tui.acting.undoing import DoneActions
from nexus_tui.audit.checking import AuditCheck
from nexus_tui.beginning import begin
from nexus_tui.config.contexts import as_configured, context_of
from nexus_tui.config.reading import ConsoleConfig, read_config
from nexus_tui.connection import Connection, Opens
from nexus_tui.editing.editor import edit_text, find_editor
from nexus_tui.equivalents import ActionLog
from nexus_tui.feed import Feed
from nexus_tui.groups.waiting import GroupWaits
from nexus_tui.inert import InertFilter
from nexus_tui.kept import Kept, users_folder
from nexus_tui.merged.elsewhere import equivalents_of
from nexus_tui.palette import ConsoleCommands
from nexus_tui.replay.player import Player
from nexus_tui.rewind.journey import Journey
from nexus_tui.screens.contexts import Connected
from nexus_tui.screens.main import MainScreen
from nexus_tui.screens.session import SessionScreen
from nexus_tui.session_source import Sort
from nexus_tui.slow_link import SlowLink
from nexus_tui.starting import SETTLED, settle
from nexus_tui.styles.themes import CHOICES, COLOURLESS, DARK, LIGHT
from nexus_tui.switching import NO_PLACES, Places
from nexus_tui.typing_ahead import KeyDone, TypeAhead
from nexus_tui.viewmodels.words import moment
from nexus_widgets import clean

_HERE = Path(__file__).parent
_SHEETS = (
    "styles/console.tcss", "styles/dialogs.tcss", "screens/main.tcss", "screens/session.tcss", "screens/lists.tcss",
    "screens/acting.tcss",
)  # fmt: skip


class NexusConsole(App[int]):
    """Sessions, live."""

    TITLE = "nexus"
    CSS_PATH = [_HERE / name for name in _SHEETS]  # noqa: RUF012  Textual's own declaration
    COMMANDS = {ConsoleCommands}  # noqa: RUF012  Textual's own declaration
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True),
        Binding("ctrl+c", "help_quit", "Quit", show=False, system=True),
    ]

    def __init__(
        self,
        target: Opens,
        *,
        read_only: bool = False,
        theme: str | None = None,
        clock: Callable[[], float] = time.time,
        beat: float | None = None,
        folder: Path | None = None,
        player: Player | None = None,
        config: ConsoleConfig | None = None,
        places: Places = NO_PLACES,
    ) -> None:
        """Prepare; nothing is opened before the first paint.

        Args:
            target: Where to look.
            read_only: Refuse every change.
            theme: A theme's name; by default the console's dark one.
            clock: Seconds since the epoch.
            beat: Seconds between two looks at the figures; 0 leaves them to the caller.
            folder: Where saved views and the command line's history are kept; nowhere without one.
            player: What moves through a recording, where that is what is looked at.
            config: Keys, columns and what else the user's file says; the defaults without one.
            places: The contexts that the console can go to.

        Raises:
            InvalidInput: There is no such theme.
        """
        super().__init__()
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.config = config or ConsoleConfig()
        self.set_keymap(self.config.keymap.bindings())
        theme = theme or self.config.theme
        self._beat = self.config.refresh if beat is None else beat
        self._clock = clock
        self._is_read_only = read_only
        self.player = player
        self.kept = Kept(folder)
        self.places = places
        self.before: Opens | None = None
        """Where the console looked before it went where it looks now."""
        self.log_of_actions = ActionLog(clock)
        self.group_waits = GroupWaits()
        self._inert = InertFilter()
        self._slow_link = SlowLink(self)
        self._type_ahead = TypeAhead(self, super().on_event)
        self._connection: Connection | None = None
        self._left: set[asyncio.Task[None]] = set()
        self._look_at(target)
        self.failure: NexusError | None = None
        """Why the console had to end, if it had to."""
        self.theme = self._known_theme(theme) if theme else CHOICES[0]
        if self.no_color:
            self.theme = COLOURLESS

    def get_default_screen(self) -> MainScreen:
        """Start with all sessions."""
        return MainScreen()

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Let nothing through that a terminal could act on."""
        return [*super().get_line_filters(), self._inert]

    async def on_event(self, event: events.Event) -> None:
        """Let a key wait for those before it."""
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            await self._type_ahead.take(event)
        else:
            await super().on_event(event)

    async def on_key_done(self, message: KeyDone) -> None:
        """The next key may go."""
        message.stop()
        await self._type_ahead.done(message)

    def post_display_hook(self) -> None:
        """Leave frames out while the terminal is behind."""
        super().post_display_hook()
        self._slow_link.look()

    def pop_screen(self) -> AwaitComplete:
        """Leave the screen in front, and with it what it was working on: its answers would find no widgets any more."""
        screen = self.screen
        for worker in list(self.workers):
            if worker.node is screen or screen in worker.node.ancestors:
                worker.cancel()
        return super().pop_screen()

    def on_mount(self) -> None:
        """Connect, now that there is something to look at."""
        self._connection = Connection(self.target)
        self._connection.keep(self.feed.attach, away=self.feed.fail, refused=self._take_refusal)
        self.set_timer(SETTLED, settle)

    def _tell_of_failed_journey(self, error: NexusError) -> None:
        text = f"The past can't be read: {clean(error.message, limit=300)}"
        self.notify(text, title=error.title, severity="error", markup=False, timeout=8)

    def _tell_of_clamped_journey(self, at: float) -> None:
        why = "more has happened before than is read" if self.journey.is_bounded else "nothing older is known"
        self.notify(f"{moment(at)} is as far back as it goes: {why}", markup=False, timeout=8)

    async def on_unmount(self) -> None:
        """Disconnect, in the tasks that connected."""
        if self._connection is not None:
            await self._connection.leave()
        await asyncio.gather(*self._left, return_exceptions=True)

    def _look_at(self, target: Opens) -> None:
        """Take a place as the one that is looked at: nothing that is known of another one is true of it."""
        self.target = target
        self.context = context_of(target)
        self.namespace: str | None = getattr(target, "namespace", None)
        # A target that was opened read-only has a service that refuses every change: then so does the console.
        read_only = self._is_read_only or bool(getattr(target, "read_only", False))
        beat = {} if self._beat is None else {"beat": self._beat}
        self.feed = Feed(self, clock=self._clock, read_only=read_only, **beat)
        self.feed.contexts = getattr(target, "contexts", None)
        if self.player is not None:
            self.feed.events_per_second = self.player.events_per_second
        self.journey = Journey(self, self.feed)
        self.journey.failed = self._tell_of_failed_journey
        self.journey.clamped = self._tell_of_clamped_journey
        self.equivalents = equivalents_of(target)
        self.done_actions = DoneActions()
        self.audit_check = AuditCheck()
        self.group_waits.leave()
        self._listed: tuple[str, Sort] | None = None

    def _take_refusal(self, error: NexusError) -> None:
        self.failure = error
        self.exit(1)

    def take_connected(self, came: Connected | None) -> None:
        """Go to a place that answers; stay where it doesn't, or was not waited for.

        Args:
            came: What came of connecting to it.
        """
        if came is None:
            return
        if came.service is not None:
            begin(self, partial(self._go_to, came.connection, came.service), "context", exclusive=True)
            return
        self._leave(came.connection)
        here = clean(self.context, limit=120)
        label = clean(context_of(came.connection.target), limit=120)
        if came.error is not None:
            told = f"{label} can't be gone to, this is still {here}: {clean(came.error.message, limit=300)}"
            self.notify(told, title=came.error.title, severity="error", markup=False, timeout=10)
        else:
            self.notify(f"Stayed at {here}", markup=False, timeout=3)

    def _leave(self, connection: Connection) -> None:
        """Disconnect without waiting for it: a server that doesn't answer would take its time."""
        connection.release()
        leaving = asyncio.create_task(connection.leave())
        self._left.add(leaving)
        leaving.add_done_callback(self._left.discard)

    async def _go_to(self, connection: Connection, service: Service) -> None:
        """Look at another place from now on, with its own looks; the one before it is left."""
        old, self._connection, self.before = self._connection, connection, self.target
        while len(self.screen_stack) > 1:
            self.pop_screen()
        # What these work out is of the place that is left.
        for group in ("horizon", "journey", "verify-audit"):
            self.workers.cancel_group(self, group)
        if old is not None:
            self._leave(old)
        feed = self.feed
        self._look_at(connection.target)
        await self.main.start_anew(feed)
        self.feed.attach(service)
        self.notify(f"This is {clean(self.context, limit=200)}", title="Context", markup=False, timeout=3)

    # What the screens ask for

    @property
    def main(self) -> MainScreen:
        """The first screen, shown or not."""
        screen = self.screen_stack[0]
        assert isinstance(screen, MainScreen)  # noqa: S101  it is the default screen
        return screen

    def open_session(self, session_id: str) -> None:
        """Show one session; those before and after it are those of the table.

        Args:
            session_id: Which.
        """
        self.log_of_actions.add(f"Opened {session_id}", self.equivalents.showing(session_id))
        self.push_screen(SessionScreen(session_id, self.main.sessions))

    def show_only(self, q: str) -> None:
        """Go back to the sessions, and show what a filter matches.

        Args:
            q: A filter that reads.
        """
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self.main.show_only(q)

    def show_group(self, group_id: str) -> None:
        """Go back to the sessions, and show those of a group.

        Args:
            group_id: Which.
        """
        self.show_only(f"group:{quote(group_id)}")

    def note_listing(self, q: str, sort: Sort) -> None:
        """Take note of which sessions are listed, for the command log.

        Args:
            q: The filter.
            sort: The order.
        """
        if (q, sort) != self._listed:
            self._listed = (q, sort)
            self.log_of_actions.add(f"Listed {q or 'all'} by {sort.words}", self.equivalents.listing(q, sort.text))

    def edit(self, text: str) -> str:
        """Let the user edit a text in their editor, which has the terminal until it ends.

        Args:
            text: What is edited.

        Raises:
            InvalidInput: There is no editor, it failed, or this terminal can't be left to one.
        """
        editor = find_editor(os.environ)
        failure: InvalidInput | None = None
        try:
            with self.suspend():
                # Nothing may be raised in here: the terminal would not be taken back.
                try:
                    text = edit_text(text, editor)
                except InvalidInput as error:
                    failure = error
        except SuspendNotSupported:
            raise InvalidInput("This terminal can't be left to an editor: write :patch JSON", field="editor") from None
        if failure is not None:
            raise failure
        return text

    def choose_theme(self, name: str) -> None:
        """Take a theme, or the next of the usual ones.

        Args:
            name: Its name; empty for the next one.

        Raises:
            InvalidInput: There is no such theme, or NO_COLOR leaves no choice.
        """
        if self.no_color:
            raise InvalidInput("NO_COLOR is set: there is one theme without colours", field="theme")
        if name:
            self.theme = self._known_theme(name)
        else:
            at = CHOICES.index(self.theme) if self.theme in CHOICES else -1
            self.theme = CHOICES[(at + 1) % len(CHOICES)]
        self.notify(self.theme, title="Theme", markup=False, timeout=2)

    def _known_theme(self, name: str) -> str:
        if name in self.available_themes:
            return name
        known = ", ".join(sorted(self.available_themes))
        raise InvalidInput(f"There is no theme {clean(name, limit=40)!r}: choose one of {known}", field="theme")


def run_console(
    target: Opens,
    *,
    read_only: bool = False,
    theme: str | None = None,
    player: Player | None = None,
    places: Places = NO_PLACES,
) -> int:
    """Run the console until its user leaves it.

    Args:
        target: Where to look.
        read_only: Refuse every change.
        theme: A theme's name.
        player: What moves through the recording that ``target`` is; its time is the console's.
        places: The contexts that the console can go to.

    Returns:
        The process's exit code: 0, or 2 without a terminal or for an unknown theme, or what the error that ended
        it stands for.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("nexus console needs a terminal; for scripts there is: nexus sessions list", file=sys.stderr)  # noqa: T201
        return 2
    try:
        clock = player.clock if player is not None else time.time
        config = read_config()
        console = NexusConsole(
            as_configured(target, config), read_only=read_only or config.read_only, theme=theme, clock=clock,
            folder=users_folder(), player=player, config=config, places=places,
        )  # fmt: skip
    except InvalidInput as error:
        print(f"error: {clean(error.message, limit=2000)}", file=sys.stderr)  # noqa: T201
        return 2
    code = console.run()
    if console.failure is not None:
        print(f"error: {clean(console.failure.message)}", file=sys.stderr)  # noqa: T201
        return _exit_code(console.failure)
    return code if code is not None else console.return_code or 0


def _exit_code(error: NexusError) -> int:
    """The command line's exit codes, for the errors that opening can end with."""
    return {401: 5, 403: 5, 404: 3, 503: 6}.get(error.status, 2)
