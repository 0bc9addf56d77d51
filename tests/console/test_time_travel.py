"""On a live service the whole console shows how everything was: gone to by keys, told unmistakably, never changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest
from msgspec.structs import replace

from nexus.local import LocalService
from nexus_tui.panes.past_bar import PastBar
from nexus_tui.rewind.journey import Journey
from nexus_tui.screens.events import EventsScreen
from nexus_widgets import Scrubber
from tests.console.driving import NARROW, WIDE, Driven, driving
from tests.console.world import StandingClock, World, a_world

BEGAN = 1_800_000_000.0
"""Friday, 2027-01-15, 08:00:00 UTC."""


async def _load(run: Any, breaks: bool = False) -> dict[str, int]:
    async for row in run.steps(range(4)):
        run.state["rows"] = row + 1
        if breaks and row == 2:
            raise ValueError("row 3 has no price")
    return {"rows": 4}


async def _ask(run: Any) -> str:
    run.state["asked"] = True
    await run.wait_for("approval")
    return "approved"


async def a_morning(world: World) -> None:
    """Five minutes: an import that fails and is resumed, a run that waits and is ended, a session that comes late."""
    world.app.register(_load, name="load-orders")
    world.app.register(_ask, name="ask-first")
    clock = world.clock
    service = LocalService(world.app.parts, replace(world.app.local_caller("cli"), actor="alice"))
    clock.at = BEGAN
    await service.create_group("nightly")
    await service.create_session(session_id="orders", group="nightly", timeout=3600)
    clock.at = BEGAN + 60
    await service.execute("load-orders", {"breaks": True}, session_id="orders")
    await service.create_session(session_id="questions", group="nightly", user_id="ada", timeout=3600)
    clock.at = BEGAN + 120
    await service.execute("ask-first", session_id="questions", background=True)
    await _stands(world, "questions", "suspended")
    clock.at = BEGAN + 180
    await service.resume_session("orders", inputs={"breaks": False}, background=False)
    await service.end_session("questions", status="cancelled", reason="nobody answers")
    clock.at = BEGAN + 240
    await service.create_session(session_id="late", state={"n": 1}, timeout=3600)
    await service.patch_session("orders", {"checked": True})
    clock.at = BEGAN + 300


async def _stands(world: World, session_id: str, status: str) -> None:
    """Wait until a run that goes on in the background has come so far."""
    for _ in range(1000):
        if (await world.service.get_session(session_id)).status.value == status:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{session_id} never was {status}")


@asynccontextmanager
async def a_morning_shown(size: tuple[int, int] = WIDE) -> AsyncIterator[tuple[World, Driven]]:
    async with a_world(StandingClock(BEGAN)) as world:
        await a_morning(world)
        async with driving(world, world.clock, size=size) as driven:
            yield world, driven


async def _gone_to(driven: Driven, at: float) -> None:
    await driven.until(lambda: driven.feed.past is not None and driven.feed.past.at == pytest.approx(at, abs=0.01))
    await driven.rest()


def _rows(driven: Driven) -> dict[str, str]:
    rows = [driven.table.row_at(index) for index in range(driven.table.total)]
    return {row.key: str(row.cells) for row in rows if row is not None}


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_stepping_back_shows_the_whole_dashboard_as_it_was_and_0_returns_at_once(size: tuple[int, int]) -> None:
    async with a_morning_shown(size) as (_, driven):
        await driven.until(lambda: driven.table.total == 3)
        await driven.press("shift+left", "shift+left")
        await _gone_to(driven, BEGAN + 180)
        await driven.until(lambda: "◀ PAST" in driven.text and "2m ago" in driven.text)
        await driven.press("shift+left")
        await _gone_to(driven, BEGAN + 120)
        await driven.until(lambda: set(_rows(driven)) == {"orders", "questions"})
        await driven.until(lambda: "failed" in _rows(driven)["orders"] and "suspended" in _rows(driven)["questions"])
        statistics = driven.feed.statistics
        assert statistics is not None
        assert (statistics.total, statistics.by_status["failed"], statistics.by_status["suspended"]) == (2, 1, 1)
        assert "08:02:00Z" in driven.text
        assert "checkpoint-4" not in "".join(event.type for event in driven.feed.recent)
        assert all(event.ts <= BEGAN + 120 for event in driven.feed.recent)
        await driven.press("left")
        await _gone_to(driven, BEGAN + 110)
        await driven.until(lambda: "active" in _rows(driven).get("questions", ""))
        await driven.press("right")
        await _gone_to(driven, BEGAN + 120)
        await driven.press("0")
        assert driven.feed.past is None
        await driven.until(lambda: "cancelled" in _rows(driven).get("questions", ""))
        await driven.until(lambda: "◀ PAST" not in driven.text)
        assert driven.feed.clock() == BEGAN + 300


async def test_what_happens_meanwhile_is_there_after_the_way_back_and_never_before() -> None:
    async with a_morning_shown() as (world, driven):
        driven.main.do_seek("08:02:30")
        await _gone_to(driven, BEGAN + 150)
        await world.service.create_session(session_id="newcomer")
        await world.service.extend_session("late", 600)
        await driven.until(lambda: any(event.session_id == "newcomer" for event in driven.feed.present.recent))
        driven.main.sessions.refresh_rows(1)
        await driven.until(lambda: set(_rows(driven)) == {"orders", "questions"})
        assert "newcomer" not in driven.text
        await driven.press("escape")
        await driven.until(lambda: set(_rows(driven)) == {"orders", "questions", "late", "newcomer"})
        await driven.until(lambda: "newcomer" in driven.text)


async def test_nothing_can_be_done_to_the_past() -> None:
    async with a_morning_shown() as (world, driven):
        assert "extend" in driven.text
        await driven.press("shift+left")
        await _gone_to(driven, BEGAN + 240)
        await driven.until(lambda: "0 live" in driven.text and "e extend" not in driven.text)
        for key in ("e", "x", "r", "f", "i", "a", "m", "ctrl+z"):
            driven.console.told.clear()
            await driven.press(key)
            assert driven.on_main
            assert "This is the past: 0 returns to live" in driven.told
        driven.console.told.clear()
        await driven.press("W")
        assert driven.on_main
        assert "This is the past" in driven.told
        await driven.press("question_mark")
        await driven.until(lambda: "this is the past" in driven.text)
        await driven.press("escape", "0")
        assert (await world.service.get_session("late")).version == 1


async def test_one_session_is_shown_with_its_state_at_that_moment() -> None:
    async with a_morning_shown() as (_, driven):
        await driven.press("colon")
        await driven.write("rewind 2027-01-15T08:02:30")
        await driven.press("enter")
        await _gone_to(driven, BEGAN + 150)
        driven.console.open_session("orders")
        await driven.until(lambda: "◀ PAST" in driven.text and "row 3 has no price" in driven.text)
        assert driven.session._detail is not None
        assert driven.session._detail.session.state == {"rows": 2}
        assert len(driven.session._detail.checkpoints) == 2
        await driven.press("left_curly_bracket")
        await driven.until(lambda: driven.feed.past is not None and driven.feed.past.at == BEGAN + 140)
        await driven.press("at")
        await driven.write("4m30s")
        await driven.press("enter")
        await _gone_to(driven, BEGAN + 30)
        await driven.until(lambda: driven.session._detail is not None and driven.session._detail.session.state == {})
        await driven.press("0")
        await driven.until(
            lambda: (
                driven.session._detail is not None
                and driven.session._detail.session.state == {"rows": 4, "checked": True}
            )
        )
        assert "◀ PAST" not in driven.text


async def test_a_session_that_was_not_there_yet_is_said_to_be_missing_and_shown_as_nothing() -> None:
    async with a_morning_shown() as (_, driven):
        driven.console.open_session("late")
        await driven.until(lambda: "late" in driven.text and driven.session._detail is not None)
        await driven.press("at")
        await driven.write("2m")
        await driven.press("enter")
        await driven.until(lambda: "late is not there at 2027-01-15 08:03:00Z" in driven.text)
        assert driven.session._detail is None
        await driven.press("0")
        await driven.until(lambda: driven.session._detail is not None and "not there" not in driven.text)


async def test_what_was_patched_after_a_checkpoint_is_marked_and_not_made_up() -> None:
    async with a_morning_shown() as (world, driven):
        world.clock.at = BEGAN + 400
        await world.service.patch_session("orders", {"checked": False})
        driven.main.do_seek("08:05:00")
        await _gone_to(driven, BEGAN + 300)
        driven.console.open_session("orders")
        await driven.until(lambda: "\u2248 that of checkpoint-4, and checked patched after it" in driven.text)


async def test_groups_events_and_the_expiry_horizon_are_those_of_the_moment() -> None:
    async with a_morning_shown() as (_, driven):
        driven.main.do_seek("08:02:30")
        await _gone_to(driven, BEGAN + 150)
        groups, total = await driven.feed.groups()
        assert total == 1
        assert (groups[0].by_status["failed"], groups[0].by_status["suspended"], groups[0].total) == (1, 1, 2)
        assert driven.feed.horizon.expiring is not None
        await driven.press("L")
        screen = driven.console.screen
        assert isinstance(screen, EventsScreen)
        await driven.until(lambda: screen._events and "◀ PAST" in driven.text)
        assert all(event.ts <= BEGAN + 150 for event in screen._events)
        await driven.press("left")
        await _gone_to(driven, BEGAN + 140)
        screen.narrow("type:run.failed")
        await driven.until(lambda: [event.type for event in screen._events] == ["run.failed"])


async def test_a_step_beyond_now_is_the_way_back_and_time_to_come_is_refused() -> None:
    async with a_morning_shown() as (_, driven):
        await driven.press("right")
        assert "This is now" in driven.told
        await driven.press("left")
        await _gone_to(driven, BEGAN + 290)
        await driven.press("right")
        assert driven.feed.past is None
        for text in ("2099-01-01T00:00", "yesterday"):
            await driven.press("at")
            await driven.write(text)
            await driven.press("enter")
        await driven.until(lambda: "yet to come" in driven.told and "is no time" in driven.told)


async def test_the_beginning_of_all_is_as_far_back_as_it_goes_and_that_is_said() -> None:
    async with a_morning_shown() as (_, driven):
        driven.main.do_rewind("2h")
        await _gone_to(driven, BEGAN)
        await driven.until(lambda: "as far back as it goes" in driven.told)
        await driven.until(lambda: driven.table.total == 1)
        driven.main.query_one(PastBar).post_message(
            Scrubber.Sought(driven.main.query_one("#past-scrubber", Scrubber), 0.75)
        )
        await _gone_to(driven, BEGAN + 150)


async def test_marks_hold_no_rows_of_another_time() -> None:
    async with a_morning_shown() as (_, driven):
        await driven.until(lambda: driven.table.total == 3)
        await driven.press("space", "p")
        driven.main.do_seek("08:02:30")
        await _gone_to(driven, BEGAN + 150)
        await driven.until(lambda: set(_rows(driven)) == {"orders", "questions"})


async def test_states_can_not_be_asked_of_the_past_and_that_is_said() -> None:
    from nexus.errors import InvalidInput

    async with a_morning_shown() as (_, driven):
        driven.main.do_seek("08:02:30")
        await _gone_to(driven, BEGAN + 150)
        with pytest.raises(InvalidInput, match="can't be asked of the past"):
            await driven.feed.window("state.rows=2", "-last_activity", 0, 5)


async def test_while_the_past_is_read_what_happened_is_not_counted_anew_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_morning_shown() as (_, driven):
        journey, counted, read = driven.console.journey, list[float](), count()
        journey.go(BEGAN + 200)
        await _gone_to(driven, BEGAN + 200)
        bar = driven.main.query_one(PastBar)

        def amounts(first: float, _last: float, parts: int) -> list[float]:
            counted.append(first)
            return [0.0] * parts

        monkeypatch.setattr(journey, "amounts", amounts)
        monkeypatch.setattr(Journey, "read", property(lambda _: (next(read), 0)))
        journey.wanted = journey.at
        for _ in range(3):
            bar.draw()
        assert counted == []
        journey.wanted = None
        bar.draw()
        assert len(counted) == 1
