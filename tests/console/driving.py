"""Driving a console in a test: start it, let it come to rest, read its screen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from textual.keys import _character_to_key
from textual.pilot import Pilot

from nexus_tui.app import NexusConsole
from nexus_tui.config.reading import ConsoleConfig
from nexus_tui.connection import Opens
from nexus_tui.feed import Feed
from nexus_tui.screens.main import MainScreen
from nexus_tui.screens.session import SessionScreen
from nexus_tui.switching import NO_PLACES, Places
from nexus_widgets import VirtualTable
from tests.console.world import StandingClock

WIDE, NARROW = (140, 40), (80, 24)


class RememberingConsole(NexusConsole):
    """A console that remembers its notices."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.told: list[str] = []

    def notify(self, message: str, **more: Any) -> None:
        """Show a notice, and remember it."""
        self.told.append(message)
        super().notify(message, **more)


@dataclass
class Driven:
    """A running console."""

    console: RememberingConsole
    pilot: Pilot[int]

    @property
    def feed(self) -> Feed:
        """Its gateway."""
        return self.console.feed

    @property
    def on_main(self) -> bool:
        """Whether the first screen is in front."""
        return self.console.screen is self.console.screen_stack[0]

    @property
    def main(self) -> MainScreen:
        """Its first screen, shown or not."""
        screen = self.console.screen_stack[0]
        assert isinstance(screen, MainScreen)
        return screen

    @property
    def session(self) -> SessionScreen:
        """The session that is shown."""
        assert isinstance(self.console.screen, SessionScreen)
        return self.console.screen

    @property
    def table(self) -> VirtualTable:
        """The table of sessions."""
        return self.main.sessions.table

    @property
    def text(self) -> str:
        """What is on the screen, without styles."""
        console = self.console
        width, height = console.size
        lines = console.screen._compositor.render_strips()
        return "\n".join(strip.text for strip in lines) if width and height else ""

    @property
    def told(self) -> str:
        """What notices said, the newest last; also those that have gone."""
        return "\n".join(self.console.told)

    async def until(self, condition: Callable[[], Any], turns: int = 600) -> None:
        """Let the console run until something holds; the number of turns only bounds a failure."""
        for _ in range(turns):
            if condition():
                return
            await self.pilot.pause(0.01)
        raise AssertionError(f"never came true; the screen is:\n{self.text}\nnotices: {self.told}")

    async def rest(self) -> None:
        """Let what is under way come to its end."""
        for _ in range(3):
            await self.pilot.pause()

    async def beat(self) -> None:
        """One beat, as each second has one."""
        await self.feed.beat_once()
        await self.rest()

    async def beat_until(self, condition: Callable[[], Any], beats: int = 200) -> None:
        """Beat until something holds: some looks are due only some beats after the last one."""
        for _ in range(beats):
            await self.beat()
            if condition():
                return
        raise AssertionError(f"never came true; the screen is:\n{self.text}\nnotices: {self.told}")

    async def press(self, *keys: str) -> None:
        """Press keys, and let what they began come to rest."""
        for key in keys:
            await self.pilot.press(key)
        await self.rest()

    async def write(self, text: str) -> None:
        """Type a text."""
        await self.press(*(_character_to_key(char) for char in text))

    async def put_cursor_on(self, session_id: str) -> None:
        """Move the cursor to a session that is shown."""
        await self.until(lambda: self.table.row_at(0) is not None)
        rows = [self.table.row_at(index) for index in range(self.table.total)]
        index = next(at for at, row in enumerate(rows) if row is not None and row.key == session_id)
        self.table.move_cursor(index)
        await self.rest()


@asynccontextmanager
async def driving(
    target: Opens,
    clock: StandingClock,
    *,
    size: tuple[int, int] = WIDE,
    read_only: bool = False,
    theme: str | None = None,
    config: ConsoleConfig | None = None,
    places: Places = NO_PLACES,
) -> AsyncIterator[Driven]:
    """Run a console without a terminal, connected and at rest, whose beats are the test's to make."""
    console = RememberingConsole(
        target, read_only=read_only, theme=theme, clock=clock, beat=0, config=config, places=places
    )
    async with console.run_test(size=size) as pilot:
        driven = Driven(console, pilot)
        await driven.until(lambda: console.feed.link.state != "connecting")
        await driven.beat()
        await driven.rest()
        yield driven
