"""What surrounds the sessions: help, clipboard, zoom, themes, read-only, an empty store, leaving."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

import pytest
from textual.widget import Widget

from nexus.testing.builders import a_session
from nexus_tui.screens.help import HelpScreen
from nexus_tui.viewmodels.why import Evidence
from tests.console.driving import NARROW, WIDE, driving
from tests.console.world import World


async def test_help_lists_every_command_of_the_screen(full_world: World) -> None:
    async with driving(full_world, full_world.clock, size=(140, 120)) as driven:
        await driven.press("question_mark")
        assert isinstance(driven.console.screen, HelpScreen)
        for word in (":extend [DURATION]", ":mark-all", "live longer", "✖ failed", ":quit"):
            assert word in driven.text
        await driven.press("escape")
        assert driven.on_main


async def test_what_is_left_stops_working(full_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async with driving(full_world, full_world.clock) as driven:
        asked = asyncio.Event()

        async def never(session_id: str) -> Evidence:
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError(session_id)

        monkeypatch.setattr(driven.feed, "evidence", never)
        await driven.press("W")
        await driven.until(asked.is_set)
        assert "looking …" in driven.text
        left = driven.console.screen
        working = [each for each in driven.console.workers if each.node is left]
        assert working
        # The key that closes it, up to where its widgets begin to go.
        driven.console.pop_screen()
        assert all(each.is_cancelled for each in working)
        await driven.until(lambda: driven.on_main)


async def test_a_notice_goes_with_the_next_command(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("ctrl+z")
        await driven.until(lambda: len(driven.console._notifications) == 1)
        await driven.press("x")
        await driven.until(lambda: "Live children end too" in driven.text)
        assert len(driven.console._notifications) == 0


async def test_marking_all_of_nothing_holds_nothing_back(world: World) -> None:
    async with driving(world, world.clock) as driven:
        await driven.press("asterisk")
        assert "nothing was marked" in driven.told
        await world.put(a_session("first", created_at=world.clock.at, last_activity=world.clock.at))
        await driven.until(lambda: driven.table.total == 1)


async def test_a_narrow_first_line_says_read_only_and_paused_in_full(full_world: World) -> None:
    target = replace(full_world, label="https://nexus.a-long-name.example.com:8000")
    async with driving(target, full_world.clock, size=(80, 24), read_only=True) as driven:
        driven.feed.lag = 0.25
        await driven.press("p")
        first = driven.text.splitlines()[0]
        assert "● LIVE  READ-ONLY  ‖ PAUSED" in first


async def test_ids_are_copied(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("y")
        assert driven.console.clipboard == "session-123"
        await driven.press("space", "j", "space", "y")
        assert driven.console.clipboard == "session-123\nsession-123-ocr"


async def test_a_pane_fills_the_screen_and_shrinks_again(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("z")
        assert driven.main.maximized is driven.main.sessions
        await driven.press("z")
        assert driven.main.maximized is None


def is_as_large(pane: Widget, size: tuple[int, int]) -> bool:
    return pane.region.size == size


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_each_pane_fills_the_screen_when_it_is_zoomed(full_world: World, size: tuple[int, int]) -> None:
    async with driving(full_world, full_world.clock, size=size) as driven:
        for key, name in (("escape", "#sessions"), ("g", "#groups"), ("l", "#events")):
            await driven.press(key, "z")
            await driven.until(partial(is_as_large, driven.main.query_one(name), size))
            await driven.press("escape")
            await driven.until(lambda: driven.main.query_one("#top-bar").region.height == 1)


async def test_themes_are_gone_through_and_named(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        assert driven.console.theme == "nexus-dark"
        await driven.press("t")
        assert driven.console.theme == "nexus-light"
        await driven.press("colon")
        await driven.write("theme nosuch")
        await driven.press("enter")
        await driven.until(lambda: "There is no theme 'nosuch'" in driven.told)
        assert driven.console.theme == "nexus-light"


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_the_namespace_is_in_the_first_line(full_world: World, size: tuple[int, int]) -> None:
    async with driving(full_world, full_world.clock, size=size) as driven:
        assert "[acme]" not in driven.text
        driven.console.namespace = "acme"
        driven.main.draw_top()
        assert "[acme]" in driven.text.splitlines()[0]
        for key in ("o", "O", "L", "A"):
            await driven.press(key)
            await driven.until(lambda: not driven.on_main)
            await driven.until(lambda: "[acme]" in driven.text.splitlines()[0])
            await driven.press("escape")
            await driven.until(lambda: driven.on_main)


async def test_a_read_only_console_refuses_every_change_and_says_why(full_world: World) -> None:
    before = (await full_world.service.list_sessions(limit=100)).items
    async with driving(full_world, full_world.clock, read_only=True) as driven:
        assert "READ-ONLY" in driven.text
        for key in "exrfi":
            await driven.press(key)
            assert driven.on_main
        await driven.press("colon")
        await driven.write("extend 30m")
        await driven.press("enter")
        assert driven.told.count("This console is read-only") == 6
        assert "e extend" not in driven.text.splitlines()[-1]
    assert (await full_world.service.list_sessions(limit=100)).items == before


async def test_an_empty_store_says_so_and_offers_nothing_to_act_on(world: World) -> None:
    async with driving(world, world.clock) as driven:
        assert "no sessions yet" in driven.text
        assert "e extend" not in driven.text
        await driven.press("e")
        assert "There is no session under the cursor" in driven.told


async def test_a_click_in_the_footer_runs_the_command(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        footer = driven.text.splitlines()[-1]
        await driven.pilot.click("#keys", offset=(footer.index("? help"), 0))
        await driven.rest()
        assert isinstance(driven.console.screen, HelpScreen)


async def test_quit_leaves_with_code_0(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("q")
        assert driven.console.return_value == 0
