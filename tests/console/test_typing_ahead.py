"""Keys that come in one burst do what they would do one by one."""

from __future__ import annotations

import asyncio

from textual import events
from textual.widgets import Input

from nexus_tui.screens.command_line import CommandLine
from nexus_tui.screens.events import EventsScreen
from nexus_tui.screens.help import HelpScreen
from nexus_widgets import VirtualTable
from tests.console.driving import Driven, driving
from tests.console.world import World

_NAMES = {"-": "minus", ":": "colon", " ": "space", "\n": "enter", "/": "slash", "?": "question_mark", "\x1b": "escape"}


class _Slow(Input):
    """Takes its time for a key, while others get theirs."""

    def __init__(self) -> None:
        super().__init__()
        self.over = asyncio.Event()

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "1":
            self.screen.set_focus(None)
            await self.over.wait()


def burst(driven: Driven, keys: str) -> None:
    """Post keys as the terminal's driver does, without waiting for any."""
    for char in keys:
        driven.console.post_message(events.Key(_NAMES.get(char, char), char if char.isprintable() else None))


async def test_a_command_and_its_argument_arrive_whole(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        burst(driven, ":sort id\n")
        await driven.until(lambda: driven.on_main and driven.main.sessions.source.sort.key == "id")
        assert driven.table.total == 50


async def test_what_follows_a_command_goes_to_the_screen_that_it_opened(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        burst(driven, ":all-events\n?")
        await driven.until(lambda: isinstance(driven.console.screen, HelpScreen))
        assert isinstance(driven.console.screen_stack[-2], EventsScreen)


async def test_a_filter_is_written_and_left_again_and_again(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        burst(driven, "/status:failed\n" + "\x1b/status:failed\n" * 2 + "\x1b/status:suspended\n")
        await driven.until(lambda: driven.main.sessions.source.q == "status:suspended")
        assert isinstance(driven.console.focused, VirtualTable)


async def test_a_widget_that_goes_with_a_key_under_way_holds_up_none_of_those_behind_it(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        extra = Input()
        await driven.main.mount(extra)
        extra.focus()
        await driven.rest()
        burst(driven, "1")
        extra.remove()
        burst(driven, ":all-events\n")
        await driven.until(lambda: isinstance(driven.console.screen, EventsScreen))


async def test_a_key_that_takes_long_holds_up_the_others_only_for_a_while(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        slow = _Slow()
        await driven.main.mount(slow)
        slow.focus()
        await driven.rest()
        try:
            burst(driven, "1:")
            async with asyncio.timeout(60):  # Textual's own waiting would wait for the slow one.
                while not isinstance(driven.console.screen, CommandLine):
                    await asyncio.sleep(0.01)
        finally:
            slow.over.set()
