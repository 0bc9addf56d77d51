"""The main screen, driven by keys over a real service."""

from __future__ import annotations

import pytest

from nexus.model import Status
from nexus_tui.screens.columns import ColumnsDialog
from nexus_tui.screens.session import SessionScreen
from nexus_widgets import FilterBar
from tests.console.driving import NARROW, WIDE, driving
from tests.console.world import World


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_sessions_are_shown_newest_use_first_with_their_counts(full_world: World, size: tuple[int, int]) -> None:
    async with driving(full_world, full_world.clock, size=size) as driven:
        assert driven.table.total == 50
        assert driven.table.cursor_key == "session-123"
        assert "in progress" in driven.text
        assert "50 sessions" in driven.text
        assert "● LIVE" in driven.text


async def test_a_new_session_appears_by_itself(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await full_world.service.create_session(session_id="just-born")
        await driven.until(lambda: driven.table.cursor_key == "just-born")
        await driven.press("j")
        await driven.until(lambda: driven.table.cursor_key == "session-123")
        await full_world.service.create_session(session_id="born-later")
        await driven.until(lambda: "born-later" in driven.text)
        assert driven.table.cursor_key == "session-123"  # the cursor stays on its row once it was moved


async def test_an_event_is_written_into_the_log(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await full_world.service.extend_session("session-123", 900)
        await driven.until(lambda: "extended by 15m" in driven.text)


async def test_ages_tick_without_asking_the_service(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        assert "4m28" in driven.text
        full_world.clock.at += 2
        await driven.beat()
        await driven.until(lambda: "4m30" in driven.text)


async def test_a_filter_narrows_the_table_while_it_is_written(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("slash")
        await driven.write("status:failed")
        await driven.until(lambda: driven.main.sessions.source.q == "status:failed")
        await driven.press("enter")
        await driven.until(lambda: "of 50" in driven.text)
        assert driven.table.has_focus
        found = driven.main.sessions.source
        assert 0 < found.total < found.whole == 50
        await driven.press("escape")
        await driven.until(lambda: driven.table.total == 50)


async def test_the_name_of_a_field_is_not_searched_for_while_it_is_written(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("slash")
        await driven.write("stat")
        await driven.pilot.pause(0.3)
        assert driven.table.total == 50


async def test_a_mistake_in_a_filter_is_pointed_at_and_changes_nothing(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("slash")
        await driven.write("status:foo")
        await driven.press("enter")
        await driven.until(lambda: 'no status "foo"' in driven.text)
        assert driven.table.total == 50
        await driven.press("escape")
        await driven.until(lambda: driven.table.has_focus)
        assert driven.main.query_one("#filter", FilterBar).text == ""


async def test_tab_completes_a_filter(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("slash")
        await driven.write("workflow:ind")
        await driven.press("tab")
        assert driven.main.query_one("#filter", FilterBar).text == "workflow:index-files"


async def test_enter_opens_the_session_under_the_cursor_and_escape_comes_back(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("enter")
        assert isinstance(driven.console.screen, SessionScreen)
        assert driven.session.session_id == "session-123"
        await driven.press("escape")
        assert driven.on_main


async def test_extend_moves_the_expiry_of_the_session_under_the_cursor(full_world: World) -> None:
    before = await full_world.service.get_session("session-123-ocr")
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("j")
        await driven.press("e")
        await driven.press("enter")
        await driven.until(lambda: "Extended by 10m: session-123-ocr" in driven.told)
    after = await full_world.service.get_session("session-123-ocr")
    assert before.expires_at is not None
    assert after.expires_at == before.expires_at + 600


async def test_extend_takes_another_length_and_refuses_what_is_none(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("j", "e")
        await driven.write("soon")
        await driven.press("enter")
        assert "'soon' is no length of time" in driven.text
        await driven.press("ctrl+a", "ctrl+k")
        await driven.write("2h")
        await driven.press("enter")
        await driven.until(lambda: "Extended by 2h" in driven.told)


async def test_end_ends_with_a_status_and_a_reason(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("j", "x", "right", "tab")
        await driven.write("wrong")
        await driven.press("enter")
        await driven.until(lambda: "Ended as cancelled: session-123-ocr" in driven.told)
    events = await full_world.service.list_events("session-123-ocr", newest=True)
    ended = next(event for event in events.items if event.type == "session.ended")
    assert (ended.data["status"], ended.data["reason"]) == ("cancelled", "wrong")


async def test_ending_several_sessions_asks_for_their_number(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("space", "j", "space", "x", "enter")
        await driven.until(lambda: "Type 2 to end them" in driven.text)
        await driven.press("enter")
        assert "Type 2, the number of sessions" in driven.text
        await driven.write("2")
        await driven.press("enter")
        await driven.until(lambda: "Ended as completed: 2 sessions" in driven.told)
        assert driven.table.marks == frozenset()
    for session_id in ("session-123", "session-123-ocr"):
        assert (await full_world.service.get_session(session_id)).status is Status.COMPLETED


async def test_leaving_a_dialog_changes_nothing(full_world: World) -> None:
    before = await full_world.service.get_session("session-123")
    async with driving(full_world, full_world.clock) as driven:
        for key in "exrfi":
            await driven.press(key)
            await driven.until(lambda: not driven.on_main)
            await driven.press("escape")
            assert driven.on_main
        assert driven.told == ""
    assert await full_world.service.get_session("session-123") == before


async def test_fork_makes_a_session_of_the_name_that_is_given(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("j", "f")
        await driven.write("copy-of-it")
        await driven.press("enter")
        await driven.until(lambda: "Forked: session-123-ocr → copy-of-it" in driven.told)
    fork = await full_world.service.get_session("copy-of-it")
    assert fork.state == (await full_world.service.get_session("session-123-ocr")).state


async def test_a_fork_into_a_name_that_is_taken_is_refused_with_the_reason(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("j", "f")
        await driven.write("session-123")
        await driven.press("enter")
        await driven.until(lambda: "session-123" in driven.told)
        assert "Forked" not in driven.told
        assert driven.on_main


async def test_resume_lets_a_failed_session_go_on(full_world: World) -> None:
    failed = (await full_world.service.list_sessions("status:failed")).items[0]
    async with driving(full_world, full_world.clock) as driven:
        await driven.put_cursor_on(failed.id)
        await driven.press("r", "enter")
        await driven.until(lambda: f"Resumed: {failed.id}" in driven.told)
    events = await full_world.service.list_events(failed.id, newest=True)
    assert "session.resumed" in [event.type for event in events.items]


async def test_signal_leaves_a_signal_with_its_payload(full_world: World) -> None:
    waiting = (await full_world.service.list_sessions("status:suspended")).items[0]
    async with driving(full_world, full_world.clock) as driven:
        await driven.put_cursor_on(waiting.id)
        await driven.press("i")
        await driven.until(lambda: "Payload" in driven.text)
        await driven.write("approved")
        await driven.press("tab")
        await driven.write("{1")
        await driven.press("enter")
        assert "Not JSON" in driven.text
        await driven.press("ctrl+a", "ctrl+k")
        await driven.write("7")
        await driven.press("enter")
        await driven.until(lambda: "Signal approved left" in driven.told)
    events = await full_world.service.list_events(waiting.id, newest=True)
    assert any(event.type == "session.signalled" and event.data["name"] == "approved" for event in events.items)


async def test_rows_are_held_while_marked_and_go_on_when_the_marks_are_cleared(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("space")
        await full_world.service.create_session(session_id="just-born")
        await driven.until(lambda: "rows held, 1 update waits" in driven.text)
        assert "just-born" not in "\n".join(driven.text.splitlines()[:30])
        await driven.press("u")
        await driven.until(lambda: driven.table.total == 51)
        assert not driven.table.is_frozen


async def test_pause_says_how_many_updates_wait(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("p")
        await full_world.service.create_session(session_id="one")
        await full_world.service.create_session(session_id="two")
        await driven.until(lambda: "PAUSED, 2 waiting" in driven.text)
        assert driven.table.total == 50
        await driven.press("p")
        await driven.until(lambda: driven.table.total == 52)
        assert "PAUSED" not in driven.text


async def test_sort_goes_through_the_columns_and_reverse_turns_round(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        assert "last event ▼" in driven.text
        await driven.press("s")
        await driven.until(lambda: "sort: id ▲" in driven.text)
        first = driven.table.row_at(0)
        await driven.press("S")
        await driven.until(lambda: "sort: id ▼" in driven.text)
        await driven.until(lambda: driven.table.row_at(0) not in (None, first))


async def test_a_column_is_sorted_by_from_the_command_line(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("colon")
        await driven.write("sort step")
        await driven.press("enter")
        await driven.until(lambda: "sort: step ▼" in driven.text)


async def test_the_command_line_completes_and_corrects(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("colon")
        await driven.write("extand")
        await driven.press("enter")
        assert "did you mean extend?" in driven.text
        await driven.press("ctrl+a", "ctrl+k")
        await driven.write("extend 30m")
        await driven.press("enter")
        await driven.until(lambda: "Extended by 30m: session-123" in driven.told)


async def test_the_palette_runs_commands(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("ctrl+p")
        await driven.write("turn the order")
        await driven.pilot.pause(0.3)
        await driven.press("enter")
        await driven.until(lambda: "last event ▲" in driven.text)


async def test_a_group_is_chosen_and_filtered_by(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("g", "j", "enter")
        await driven.until(lambda: driven.main.sessions.source.q == "group:batch-8")
        assert driven.table.has_focus
        await driven.until(lambda: 0 < driven.table.total < 50)


async def test_groups_and_events_open_over_a_narrow_screen_and_go_away(full_world: World) -> None:
    async with driving(full_world, full_world.clock, size=NARROW) as driven:
        for key, word in (("g", "batch-7"), ("l", "follow ●")):
            assert word not in driven.text
            await driven.press(key)
            await driven.until(lambda word=word: word in driven.text)  # type: ignore[misc]
            await driven.press("escape")
            assert word not in driven.text
            assert driven.table.has_focus


async def test_panes_hide_and_come_back_on_a_wide_screen(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("l")
        assert driven.main.query_one("#events EventLog").has_focus
        await driven.press("l")
        assert not driven.main.query_one("#events").display
        assert driven.table.has_focus
        await driven.press("l")
        assert driven.main.query_one("#events").display


async def test_columns_are_chosen(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.until(lambda: driven.feed.seen.values().get("meta.organization"))
        await driven.press("w")
        assert isinstance(driven.console.screen, ColumnsDialog)
        await driven.press("end", "space", *["shift+up"] * 5, "enter")
        await driven.until(lambda: driven.on_main)
        keys = driven.main.sessions.source.keys
        assert len(keys) == 9
        assert keys[3].startswith("meta.")
