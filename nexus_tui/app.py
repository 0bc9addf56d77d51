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
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import ClassVar, Protocol

# Textual reads it once, at import; twice its usual rate halves the time from a key to its paint.
os.environ.setdefault("TEXTUAL_FPS", "120")

from textual.app import App, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.filter import LineFilter

from nexus.errors import InvalidInput, NexusError, StoreUnavailable
from nexus.query.format import quote
from nexus.service import Service
from nexus_tui.acting.undoing import DoneActions
from nexus_tui.audit.checking import AuditCheck
from nexus_tui.config.contexts import as_configured, context_of
from nexus_tui.config.reading import ConsoleConfig, read_config
from nexus_tui.editing.editor import edit_text, find_editor
from nexus_tui.equivalents import ActionLog
from nexus_tui.feed import Feed
from nexus_tui.inert import InertFilter
from nexus_tui.kept import Kept, users_folder
from nexus_tui.merged.elsewhere import equivalents_of
from nexus_tui.palette import ConsoleCommands
from nexus_tui.replay.player import Player
from nexus_tui.screens.main import MainScreen
from nexus_tui.screens.session import SessionScreen
from nexus_tui.slow_link import SlowLink
from nexus_tui.starting import SETTLED, settle
from nexus_tui.styles.themes import CHOICES, COLOURLESS, DARK, LIGHT
from nexus_widgets import clean

_HERE = Path(__file__).parent
_SHEETS = (
    "styles/console.tcss", "styles/dialogs.tcss", "screens/main.tcss", "screens/session.tcss", "screens/lists.tcss",
    "screens/acting.tcss",
)  # fmt: skip
_RETRY = 2.0
"""Seconds between two tries to open a service that can't be reached."""


class Opens(Protocol):
    """Where the console looks: ``nexus_tui.cli.target.Target`` is one."""

    @property
    def label(self) -> str:
        """What a person calls it."""
        ...

    def open_service(self) -> AbstractAsyncContextManager[Service]:
        """Connect, and disconnect at the end."""
        ...


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

        Raises:
            InvalidInput: There is no such theme.
        """
        super().__init__()
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.config = config or ConsoleConfig()
        self.set_keymap(self.config.keymap.bindings())
        theme, beat = theme or self.config.theme, self.config.refresh if beat is None else beat
        self.target_label = target.label
        self.namespace: str | None = getattr(target, "namespace", None)
        # A target that was opened read-only has a service that refuses every change: then so does the console.
        read_only = read_only or bool(getattr(target, "read_only", False))
        self.feed = Feed(self, clock=clock, read_only=read_only) if beat is None else Feed(
            self, clock=clock, read_only=read_only, beat=beat
        )  # fmt: skip
        self.player = player
        self.context = context_of(target)
        self.kept = Kept(folder)
        self.feed.contexts = getattr(target, "contexts", None)
        self.equivalents = equivalents_of(target)
        self.log_of_actions = ActionLog(clock)
        self.done_actions = DoneActions()
        self.audit_check = AuditCheck()
        self.feed.events_per_second = player.events_per_second if player is not None else None
        self._target = target
        self._inert = InertFilter()
        self._slow_link = SlowLink(self)
        self._listed: tuple[str, str] | None = None
        self._leaving = asyncio.Event()
        self._service_task: asyncio.Task[None] | None = None
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

    def post_display_hook(self) -> None:
        """Leave frames out while the terminal is behind."""
        super().post_display_hook()
        self._slow_link.look()

    def on_mount(self) -> None:
        """Connect, now that there is something to look at."""
        self._service_task = asyncio.create_task(self._keep_service())
        self.set_timer(SETTLED, settle)

    async def on_unmount(self) -> None:
        """Disconnect, in the task that connected."""
        self._leaving.set()
        if self._service_task is not None:
            await self._service_task

    async def _keep_service(self) -> None:
        while not self._leaving.is_set():
            try:
                async with self._target.open_service() as service:
                    self.feed.attach(service)
                    await self._leaving.wait()
            except StoreUnavailable as error:
                self.feed.fail(error)
                await self._wait_to_retry()
            except NexusError as error:
                self.failure = error
                self.exit(1)
                return

    async def _wait_to_retry(self) -> None:
        try:
            await asyncio.wait_for(self._leaving.wait(), _RETRY)
        except TimeoutError:
            return

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

    def note_listing(self, q: str, sort: str) -> None:
        """Take note of which sessions are listed, for the command log.

        Args:
            q: The filter.
            sort: The order.
        """
        if (q, sort) != self._listed:
            self._listed = (q, sort)
            self.log_of_actions.add(f"Listed {q or 'all'} by {sort}", self.equivalents.listing(q, sort))

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
    target: Opens, *, read_only: bool = False, theme: str | None = None, player: Player | None = None
) -> int:
    """Run the console until its user leaves it.

    Args:
        target: Where to look.
        read_only: Refuse every change.
        theme: A theme's name.
        player: What moves through the recording that ``target`` is; its time is the console's.

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
            folder=users_folder(), player=player, config=config,
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
