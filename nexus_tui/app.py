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

from textual.app import App
from textual.binding import Binding, BindingType
from textual.filter import LineFilter

from nexus.errors import InvalidInput, NexusError, StoreUnavailable
from nexus.service import Service
from nexus_tui.feed import Feed
from nexus_tui.inert import InertFilter
from nexus_tui.palette import ConsoleCommands
from nexus_tui.panes.sessions import SessionsPane
from nexus_tui.screens.main import MainScreen
from nexus_tui.screens.session import SessionScreen
from nexus_tui.styles.themes import CHOICES, COLOURLESS, DARK, LIGHT
from nexus_widgets import clean

_HERE = Path(__file__).parent
_SHEETS = ("styles/console.tcss", "styles/dialogs.tcss", "screens/main.tcss", "screens/session.tcss")
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
    ) -> None:
        """Prepare; nothing is opened before the first paint.

        Args:
            target: Where to look.
            read_only: Refuse every change.
            theme: A theme's name; by default the console's dark one.
            clock: Seconds since the epoch.
            beat: Seconds between two looks at the figures; 0 leaves them to the caller.

        Raises:
            InvalidInput: There is no such theme.
        """
        super().__init__()
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.target_label = target.label
        self.feed = Feed(self, clock=clock, read_only=read_only) if beat is None else Feed(
            self, clock=clock, read_only=read_only, beat=beat
        )  # fmt: skip
        self._target = target
        self._inert = InertFilter()
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

    def on_mount(self) -> None:
        """Connect, now that there is something to look at."""
        self._service_task = asyncio.create_task(self._keep_service())

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

    def open_session(self, session_id: str, among: SessionsPane) -> None:
        """Show one session.

        Args:
            session_id: Which.
            among: The table it was opened from, for the sessions before and after it.
        """
        self.push_screen(SessionScreen(session_id, among))

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


def run_console(target: Opens, *, read_only: bool = False, theme: str | None = None) -> int:
    """Run the console until its user leaves it.

    Args:
        target: Where to look.
        read_only: Refuse every change.
        theme: A theme's name.

    Returns:
        The process's exit code: 0, or 2 without a terminal or for an unknown theme, or what the error that ended
        it stands for.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("nexus console needs a terminal; for scripts there is: nexus sessions list", file=sys.stderr)  # noqa: T201
        return 2
    try:
        console = NexusConsole(target, read_only=read_only, theme=theme)
    except InvalidInput as error:
        print(f"error: {error.message}", file=sys.stderr)  # noqa: T201
        return 2
    code = console.run()
    if console.failure is not None:
        print(f"error: {clean(console.failure.message)}", file=sys.stderr)  # noqa: T201
        return _exit_code(console.failure)
    return code if code is not None else console.return_code or 0


def _exit_code(error: NexusError) -> int:
    """The command line's exit codes, for the errors that opening can end with."""
    return {401: 5, 403: 5, 404: 3, 503: 6}.get(error.status, 2)
