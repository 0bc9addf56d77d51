"""Finding what matters: faults, views, jumps, explanations, help, the command line's memory, and the command log."""

from __future__ import annotations

from pathlib import Path

import pytest

from nexus.lifecycle.counting import rank
from nexus.model import RunStatus, Status, Wait
from nexus.testing.builders import a_run, a_session
from nexus_tui.app import NexusConsole
from nexus_tui.kept import Kept
from nexus_tui.screens.events import EventsScreen
from nexus_tui.screens.help import HelpScreen
from nexus_tui.screens.log import LogScreen
from nexus_tui.screens.session import SessionScreen
from nexus_tui.screens.views import ViewsDialog
from nexus_tui.screens.why import WhyScreen
from nexus_tui.screens.workflows import WorkflowsScreen
from tests.console.driving import NARROW, WIDE, driving
from tests.console.world import NOW, World


async def test_faults_only_narrows_the_filter_and_says_so_until_they_are_let_go(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("exclamation_mark")
        await driven.until(lambda: driven.table.total == 4)
        assert "faults only" in driven.text
        await driven.press("slash")
        await driven.write("status:failed")
        await driven.press("enter")
        await driven.until(lambda: driven.table.total == 2)
        assert driven.main.sessions.source.q == "status:failed status:failed,expired"
        await driven.press("escape")
        await driven.until(lambda: driven.table.total == 4)
        await driven.press("escape")
        await driven.until(lambda: driven.table.total == 50)
        assert "faults only" not in driven.text


async def test_a_view_is_saved_shown_and_removed(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        driven.main.do_filter("workflow:index-files")
        driven.main.do_sort("age")
        driven.main.do_view("save mine")
        driven.main.do_filter("group:batch-7")
        driven.main.do_sort("id")
        await driven.press("v")
        assert isinstance(driven.console.screen, ViewsDialog)
        assert "workflow:index-files" in driven.text
        assert "age ▼" in driven.text
        await driven.press("enter")
        await driven.until(lambda: driven.main.sessions.filter == "workflow:index-files")
        assert driven.main.sessions.source.sort.key == "age"
        await driven.press("v", "d")
        assert "none yet" in driven.text
        await driven.press("escape")
        assert driven.console.kept.views.names == []


async def test_a_view_that_is_not_there_is_refused(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("colon")
        await driven.write("view nosuch")
        await driven.press("enter")
        await driven.until(lambda: "There is no view 'nosuch'" in driven.told)


async def test_the_command_line_completes_arguments_and_remembers_lines(full_world: World, tmp_path: Path) -> None:
    async with driving(full_world, full_world.clock) as driven:
        driven.console.kept = Kept(tmp_path)
        await driven.press("colon")
        await driven.write("sort wo")
        await driven.press("tab", "enter")
        await driven.until(lambda: driven.main.sessions.source.sort.key == "workflow")
        await driven.press("colon", "up")
        assert ": sort workflow" in driven.text
        await driven.press("escape")
    assert Kept(tmp_path).history.lines == ["sort workflow"]


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_why_explains_the_session_under_the_cursor_and_stays_true(
    full_world: World, size: tuple[int, int]
) -> None:
    session = a_session("stuck", status=Status.SUSPENDED, workflow="index-files", run_id="run-1", step=3,
                        created_at=NOW - 100, last_activity=NOW)  # fmt: skip
    run = a_run("stuck", status=RunStatus.SUSPENDED, wait=Wait(signal="approval", since=NOW - 60, deadline=NOW + 600))
    await full_world.put(session, run)
    async with driving(full_world, full_world.clock, size=size) as driven:
        await driven.put_cursor_on("stuck")
        await driven.press("W")
        assert isinstance(driven.console.screen, WhyScreen)
        await driven.until(lambda: "It has waited for the signal approval for 1m" in driven.text)
        assert "nexus sessions signal stuck approval --payload null" in driven.text
        await driven.press("1")
        assert driven.console.clipboard == "nexus sessions signal stuck approval --payload null"
        await full_world.service.end_session("stuck", status="cancelled", reason="enough")
        await driven.until(lambda: "ended as cancelled" in driven.text)
        await driven.press("escape")
        assert driven.on_main


async def test_one_jumps_to_the_last_error_its_parent_and_its_group(full_world: World) -> None:
    full_world.clock.at += 1
    failed = a_session("broke", status=Status.FAILED, workflow="index-files", run_id="run-1", parent_id="session-123",
                       group_id="batch-7", error="ValueError", last_activity=NOW, created_at=NOW - 50)  # fmt: skip
    await full_world.put(failed, a_run("broke", status=RunStatus.FAILED, error="ValueError"))
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("E")
        await driven.until(lambda: not driven.on_main and driven.session._detail is not None)
        assert driven.session.session_id == "broke"
        await driven.press("P")
        await driven.until(lambda: driven.session.session_id == "session-123" and driven.session._detail is not None)
        await driven.press("E")
        await driven.until(lambda: "disk is full" in driven.text)
        await driven.press("P")
        assert "session-123 has no parent" in driven.told
        await driven.press("G")
        assert driven.on_main
        await driven.until(lambda: driven.main.sessions.filter == "group:batch-8")


async def test_help_says_what_does_nothing_here_and_now_and_why(full_world: World) -> None:
    async with driving(full_world, full_world.clock, size=(140, 120)) as driven:
        await driven.press("question_mark")
        assert isinstance(driven.console.screen, HelpScreen)
        assert "✖ only a replay has a speed" in driven.text
        assert "✖ it has no parent" in driven.text
        assert "✖ it is in progress" in driven.text
        assert "✖ nothing is marked" in driven.text
        await driven.press("escape", "j", "question_mark")
        assert "✖ it has no parent" not in driven.text


async def test_the_command_log_tells_what_was_done_and_looked_at(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("colon")
        await driven.write("extend 15m")
        await driven.press("enter")
        await driven.until(lambda: "Extended by 15m" in driven.told)
        await driven.press("tilde")
        assert isinstance(driven.console.screen, LogScreen)
        await driven.until(lambda: "--seconds 900" in driven.text)
        assert "✓ 1 of 1" in driven.text
        assert "curl -X POST http://127.0.0.1:8000/sessions/session-123/extend" in driven.text
        await driven.press("y")
        assert driven.console.clipboard.startswith("nexus sessions extend")
        await driven.press("Y")
        assert driven.console.clipboard.startswith("curl -X POST")
        await driven.press("escape")
        assert driven.on_main


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_all_events_have_a_screen_with_a_filter(full_world: World, size: tuple[int, int]) -> None:
    async with driving(full_world, full_world.clock, size=size) as driven:
        await driven.press("L")
        screen = driven.console.screen
        assert isinstance(screen, EventsScreen)
        await driven.until(lambda: screen.table.total > 50)
        await driven.press("slash")
        await driven.write("type:run.failed")
        await driven.press("enter")
        await driven.until(lambda: screen.table.total == 3)
        assert "run failed" in driven.text
        await full_world.service.extend_session("session-123", 60)
        await driven.press("slash")
        await driven.write(" statsu:failed")
        await driven.press("enter")
        await driven.until(lambda: "statsu" in driven.text and screen.query_one("#filter").has_class("-error"))
        await driven.press("escape", "enter")
        await driven.until(lambda: isinstance(driven.console.screen, SessionScreen))
        await driven.press("escape")
        await driven.press("W")
        assert isinstance(driven.console.screen, WhyScreen)
        await driven.press("escape", "y")
        assert driven.console.clipboard
        await driven.press("escape")
        await driven.until(lambda: screen.table.total > 50)
        await driven.press("escape")
        assert driven.on_main


async def test_new_events_come_in_at_the_top_unless_they_are_held(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("L")
        screen = driven.console.screen
        assert isinstance(screen, EventsScreen)
        await driven.until(lambda: screen.table.total > 50)
        before = screen.table.total
        await driven.press("p")
        await full_world.service.extend_session("session-123", 60)
        await driven.until(lambda: "PAUSED" in driven.text and screen.table.waiting)
        assert screen.table.total == before
        await driven.press("p")
        await driven.until(lambda: "extended by 1m" in driven.text)
        assert "copies" not in driven.told


async def test_workflows_tell_what_is_registered_and_how_it_goes(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("o")
        screen = driven.console.screen
        assert isinstance(screen, WorkflowsScreen)
        await driven.until(lambda: "%" in driven.text.split("╰")[0] and "…" not in driven.text.split("╰")[0])
        assert "● yes" in driven.text
        assert "○ not here" in driven.text  # ocr-pages has run and is not registered
        counts = {row.key: row for row in screen._rows.rows}
        found = await full_world.service.window("workflow=index-files status:final", sort="duration", limit=100)
        lengths = [each.duration for each in found.items]
        load = screen._loads["index-files"]
        assert load.p50 == lengths[rank(len(lengths), 0.5)]
        assert load.p95 == lengths[rank(len(lengths), 0.95)]
        assert set(counts) >= {"index-files", "ocr-pages"}
        name = screen.table.cursor_key
        await driven.press("enter")
        assert driven.on_main
        await driven.until(lambda: driven.main.sessions.filter == f"workflow={name}")


async def test_values_that_were_seen_complete_a_filter(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        for typed, offered in (("user:", "ada"), ("meta.organization=", "acme-corp"), ("group:", "batch-7")):
            found = driven.main._complete(typed, len(typed))
            assert offered in [each.insert for each in found], typed


async def test_sessions_that_expire_soon_are_counted(full_world: World) -> None:
    await full_world.put(a_session("soon", last_activity=NOW, created_at=NOW - 9, timeout=60.0, idle_deadline=NOW + 60))
    async with driving(full_world, full_world.clock) as driven:
        await driven.until(lambda: "expiring <5m 1 " in driven.text)


async def test_children_are_a_tree_read_as_it_is_opened(full_world: World) -> None:
    for number in range(130):
        await full_world.put(a_session(f"kid-{number:03}", parent_id="session-123", created_at=NOW + number))
    await full_world.put(a_session("grandkid", parent_id="kid-000", created_at=NOW + 1))
    async with driving(full_world, full_world.clock) as driven:
        driven.main.do_open("session-123")
        await driven.until(lambda: not driven.on_main and driven.session._detail is not None)
        await driven.press("7")
        await driven.until(lambda: "▸ kid-000" in driven.text)
        assert "children 131" in driven.text
        await driven.press("j", "right")
        await driven.until(lambda: "grandkid" in driven.text)
        await driven.press("left")
        await driven.until(lambda: "grandkid" not in driven.text)
        await driven.press("end")
        await driven.until(lambda: "31 more" in driven.text)
        await driven.press("enter")
        await driven.until(lambda: "31 more" not in driven.text)
        await driven.press("home")
        await driven.until(lambda: "▸ session-123-ocr" in driven.text)
        await driven.press("enter")
        await driven.until(lambda: driven.session.session_id == "session-123-ocr")


def test_what_a_console_keeps_is_nowhere_unless_it_is_told(world: World) -> None:
    assert NexusConsole(world).kept.views._path is None
