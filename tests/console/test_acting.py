"""Acting on many: planned with versions, confirmed, done in parts, told one by one, and taken back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nexus.app import AsyncNexus
from nexus.errors import StoreUnavailable
from nexus.model import Status
from nexus.model.bulk import BulkReport, BulkRequest
from nexus_tui.acting import doing as doing_module
from nexus_tui.acting import planning
from nexus_tui.cli.target import Target
from nexus_tui.screens.plan import PlanScreen
from nexus_tui.screens.progress import ProgressScreen
from nexus_tui.screens.report import ReportDialog
from tests.console.driving import NARROW, WIDE, Driven, driving
from tests.console.test_feed import Line
from tests.console.world import StandingClock, World
from tests.running import serving


class Watched(Line):
    """A line on which something happens before a bulk request is answered."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.requests: list[BulkRequest] = []
        self.before: Callable[[BulkRequest, int], Any] = lambda *_: None

    async def bulk(self, request: BulkRequest) -> BulkReport:
        """Ask, and remember what."""
        self.requests.append(request)
        done = sum(not each.dry_run for each in self.requests)
        came = self.before(request, done)
        if asyncio.iscoroutine(came):
            await came
        if self.is_cut:
            raise StoreUnavailable("connection reset by peer")
        return await self.world.service.bulk(request)


async def make(world: World, count: int, group: str | None = None) -> None:
    for number in range(count):
        await world.service.create_session(session_id=f"s-{number:03}", group=group)


async def planned(driven: Driven) -> None:
    await driven.until(lambda: isinstance(driven.console.screen, PlanScreen) and "will be done" in driven.text)


async def statuses(world: World, q: str = "") -> set[str]:
    return {session.status.value for session in (await world.service.list_sessions(q, limit=1000)).items}


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_plan_shows_how_many_and_which_with_their_statuses(full_world: World, size: tuple[int, int]) -> None:
    async with driving(full_world, full_world.clock, size=size) as driven:
        await driven.press("asterisk", "x", "enter")
        await planned(driven)
        assert "20 of 50 sessions to end as completed" in driven.text
        for counted in ("▶ in progress 12", "○ active 4", "‖ suspended 2", "✖ failed 2", "Type 20 to end them"):
            assert counted in driven.text
        assert "⏎ End 20" in driven.text
        await driven.press("shift+tab", "shift+tab", "end")
        await driven.until(lambda: "nothing to do" in driven.text)
        await driven.press("escape")
        assert driven.on_main
    assert len((await full_world.service.list_sessions("status:completed", limit=100)).items) == 26


async def test_a_wrong_number_ends_nothing(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("asterisk", "x", "enter")
        await planned(driven)
        await driven.write("19")
        await driven.press("enter")
        assert "Type 20, the number of sessions" in driven.text
        await driven.press("escape")
        assert driven.table.marks_all


async def test_all_that_match_go_to_the_service_as_a_filter(full_world: World) -> None:
    line = Watched(full_world)
    async with driving(line, full_world.clock) as driven:
        await driven.press("slash")
        await driven.write("status:active")
        await driven.press("enter", "asterisk")
        await driven.until(lambda: "all 4 that match marked" in driven.text)
        await driven.press("e", "enter")
        await planned(driven)
        await driven.press("enter")
        await driven.until(lambda: "Extended by 10m: 4 sessions" in driven.told)
        assert not driven.main.sessions.is_marked
        actions = [action.like for action in driven.console.log_of_actions.actions if "Extended" in action.what]
    plan, done = line.requests
    assert (plan.q, plan.dry_run) == ("status:active", True)
    assert (done.q, len(done.ids or ()), len(done.versions)) == (None, 4, 4)
    assert actions[0].commands == ("nexus sessions extend --yes -q status:active --seconds 600",)
    assert '"q":"status:active"' in actions[0].requests[0]
    assert "/sessions/bulk" in actions[0].requests[0]


async def test_one_that_is_unmarked_among_all_that_match_is_spared(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("asterisk", "space")
        await driven.until(lambda: "all 50 marked, but 1" in driven.text)
        spared = driven.table.cursor_key
        assert spared is not None
        before = await full_world.service.get_session(spared)
        await driven.press("x", "enter")
        await planned(driven)
        assert "19 of 49 sessions" in driven.text
        await driven.write("19")
        await driven.press("enter")
        await driven.until(lambda: "Ended as completed: 19 sessions" in driven.told)
    assert await full_world.service.get_session(spared) == before
    assert await statuses(full_world, "status:active,in_progress,suspended,failed") == {before.status.value}


async def test_more_than_one_request_takes_is_planned_page_by_page(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nexus.bulk.MOST_IN_BULK", 20)
    monkeypatch.setattr(planning, "_PART", 10)
    monkeypatch.setattr(doing_module, "PART", 7)
    await make(world, 45)
    async with driving(world, world.clock) as driven:
        await driven.press("slash")
        await driven.write("status:active")
        await driven.press("enter", "asterisk", "x", "enter")
        await planned(driven)
        assert "45 of 45 sessions" in driven.text
        await driven.write("45")
        await driven.press("enter")
        await driven.until(lambda: "Ended as completed: 45 sessions" in driven.told)
    assert await statuses(world) == {"completed"}


async def test_too_many_for_one_action_is_said_and_nothing_is_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "MOST_AT_ONCE", 10)
    await make(world, 12)
    async with driving(world, world.clock) as driven:
        await driven.press("asterisk", "x", "enter")
        await driven.until(lambda: "over the 10 of one action" in driven.text)
        await driven.press("enter")
        assert isinstance(driven.console.screen, PlanScreen)
        await driven.press("escape")
    assert await statuses(world) == {"active"}


async def test_one_that_changed_since_the_plan_is_left_and_named_and_can_be_planned_again(full_world: World) -> None:
    other = (await full_world.service.list_sessions("status:active -id=session-123-ocr")).items[0].id
    async with driving(full_world, full_world.clock) as driven:
        driven.table.mark([other, "session-123-ocr"])
        await driven.press("x", "enter")
        await planned(driven)
        await full_world.service.patch_session("session-123-ocr", {"meanwhile": True})
        await driven.write("2")
        await driven.press("enter")
        await driven.until(lambda: "1 changed meanwhile" in driven.text)
        assert isinstance(driven.console.screen, ReportDialog)
        assert "1 done" in driven.text
        assert "it has changed: version 2, not 1" in driven.text
        assert driven.table.marks == {"session-123-ocr"}
        assert (await full_world.service.get_session("session-123-ocr")).live
        await driven.press("y")
        assert driven.console.clipboard == "session-123-ocr\tdrifted\tit has changed: version 2, not 1"
        await driven.press("a")
        await planned(driven)
        await driven.press("enter")
        await driven.until(lambda: "Ended as completed: 1 session  ctrl+z" in driven.told)
    assert not (await full_world.service.get_session("session-123-ocr")).live


async def test_a_child_that_ended_with_its_parent_is_no_trouble(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doing_module, "PART", 1)
    await world.service.create_session(session_id="above")
    await world.service.create_session(session_id="below", parent_session="above")
    async with driving(world, world.clock) as driven:
        await driven.press("asterisk", "x", "enter")
        await planned(driven)
        await driven.write("2")
        await driven.press("enter")
        await driven.until(lambda: "Ended as completed: 1 session" in driven.told)
        assert driven.on_main
        await driven.press("ctrl+z")
        await driven.until(lambda: "Undone: above" in driven.told)
    assert await statuses(world) == {"active"}


async def test_one_whose_status_stays_can_be_acted_on_although_it_changed(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("space", "j", "space", "e", "enter")
        await planned(driven)
        await full_world.service.patch_session("session-123-ocr", {"meanwhile": True})
        await driven.press("tab", "right", "enter")
        await driven.until(lambda: "Extended by 10m: 2 sessions" in driven.told)


async def test_one_whose_status_changed_is_left_whatever_was_chosen(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("space", "j", "space", "e", "enter")
        await planned(driven)
        await full_world.service.end_session("session-123-ocr")
        await driven.press("tab", "right", "enter")
        await driven.until(lambda: "1 done" in driven.text)
        assert driven.table.marks == {"session-123-ocr"}


async def test_what_is_refused_is_planned_as_such_with_the_reason(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("space", "j", "space")
        await full_world.service.end_session("session-123-ocr")
        await driven.press("e", "enter")
        await planned(driven)
        assert "1 of 2 sessions to extend by 10m   1 stays as it is" in driven.text
        assert "✖ refused: " in driven.text
        await driven.press("enter")
        await driven.until(lambda: "Extended by 10m: 1 session" in driven.told)


async def test_a_plan_of_nothing_offers_nothing(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("slash")
        await driven.write("status:completed")
        await driven.press("enter", "asterisk", "x", "enter")
        await driven.until(lambda: "Nothing would be done" in driven.text)
        await driven.press("enter")
        assert isinstance(driven.console.screen, PlanScreen)
        await driven.press("escape")
        assert driven.on_main


async def test_it_can_be_stopped_in_the_middle_and_tells_what_is_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doing_module, "PART", 5)
    await make(world, 20)
    line = Watched(world)
    held, goes_on = asyncio.Event(), asyncio.Event()

    async def wait(request: BulkRequest, done: int) -> None:
        if not request.dry_run and done == 2:
            held.set()
            await goes_on.wait()

    line.before = wait
    async with driving(line, world.clock) as driven:
        await driven.press("asterisk", "x", "enter")
        await planned(driven)
        await driven.write("20")
        await driven.press("enter")
        await driven.until(held.is_set)
        await driven.until(lambda: "5 of 20" in driven.text)
        assert isinstance(driven.console.screen, ProgressScreen)
        await driven.press("escape")
        assert "stopping" in driven.text
        goes_on.set()
        await driven.until(lambda: "10 done" in driven.text)
        assert isinstance(driven.console.screen, ReportDialog)
        assert "10 not tried" in driven.text
        assert "it was stopped before this one" in driven.text
        await driven.press("escape")
        assert len(driven.table.marks) == 10
        assert driven.console.done_actions.last is not None
        assert len(driven.console.done_actions.last.versions) == 10
    ended = await world.service.list_sessions("status:completed", limit=100)
    assert len(ended.items) == 10


async def test_a_lost_answer_is_told_as_not_known_and_nothing_is_done_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doing_module, "PART", 5)
    await make(world, 10)
    before = await world.service.get_session("s-000")
    line = Watched(world)

    async def cut(request: BulkRequest, done: int) -> None:
        if not request.dry_run and done == 1:
            await world.service.bulk(request)  # done, but nobody hears of it
            line.is_cut = True

    line.before = cut
    async with driving(line, world.clock) as driven:
        await driven.press("asterisk", "e", "enter")
        await planned(driven)
        await driven.press("enter")
        await driven.until(lambda: "5 not known" in driven.text)
        assert "5 not tried" in driven.text
        line.is_cut = False
        line.before = lambda *_: None
        await driven.press("a")
        await planned(driven)
        assert "5 of 10 sessions" in driven.text
        await driven.press("enter")
        await driven.until(lambda: "Extended by 10m: 5 sessions" in driven.told)
    for number in range(10):
        after = await world.service.get_session(f"s-{number:03}")
        assert after.expires_at == (before.expires_at or 0) + 600


async def test_rows_are_held_from_the_first_question_to_the_last_result(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("e")
        assert driven.table.is_frozen
        await full_world.service.create_session(session_id="just-born")
        await driven.press("enter")
        await driven.until(lambda: "Extended by 10m: session-123" in driven.told)
        await driven.until(lambda: not driven.table.is_frozen)


# Undo


async def test_an_extension_is_taken_back(full_world: World) -> None:
    before = await full_world.service.get_session("session-123-ocr")
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("j", "e", "enter")
        await driven.until(lambda: "ctrl+z undoes" in driven.told)
        await driven.press("ctrl+z")
        await driven.until(lambda: "Undone: session-123-ocr" in driven.told)
        await driven.press("ctrl+z")
        assert "Nothing was done here that could be undone" in driven.told
    assert (await full_world.service.get_session("session-123-ocr")).expires_at == before.expires_at


async def test_an_end_of_many_is_taken_back_with_a_plan(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("asterisk", "x", "enter")
        await planned(driven)
        await driven.write("20")
        await driven.press("enter")
        await driven.until(lambda: "Ended as completed: 20 sessions" in driven.told)
        await full_world.service.fork_session("session-123-ocr")
        last = driven.console.done_actions.last
        assert last is not None
        await driven.press("ctrl+z")
        await planned(driven)
        assert "of 20 sessions to undo" in driven.text
        assert "If one changes meanwhile" not in driven.text
        await driven.press("enter")
        await driven.until(lambda: "Undone: " in driven.told)
        await driven.until(lambda: driven.console.done_actions.last is None)
    assert (await full_world.service.get_session("session-123-ocr")).status is Status.ACTIVE


async def test_what_happened_since_is_never_undone_and_is_named(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("j", "e", "enter")
        await driven.until(lambda: "ctrl+z undoes" in driven.told)
        await full_world.service.extend_session("session-123-ocr", 60)
        await driven.press("ctrl+z")
        await driven.until(lambda: "session-123-ocr is at version" in driven.told)
        assert driven.console.done_actions.last is None


async def test_several_actions_are_taken_back_one_by_one_and_what_cant_be_is_said(full_world: World) -> None:
    before = await full_world.service.get_session("session-123-ocr")
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("j", "e", "enter")
        await driven.until(lambda: "Extended" in driven.told)
        await driven.press("f")
        await driven.write("a-copy")
        await driven.press("enter")
        await driven.until(lambda: "Forked" in driven.told)
        await driven.press("ctrl+z")
        assert "Forked: session-123-ocr can't be undone: a fork is a session of its own" in driven.told
        await driven.press("ctrl+z")
        await driven.until(lambda: "Undone: session-123-ocr" in driven.told)
    assert (await full_world.service.get_session("session-123-ocr")).expires_at == before.expires_at


async def test_an_end_by_another_is_not_this_ones_to_take_back(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("j", "x")
        await full_world.service.end_session("session-123-ocr")
        await driven.press("enter")
        await driven.until(lambda: "had ended already" in driven.told)
        assert driven.console.done_actions.last is None


# Groups, signals, patches


async def test_a_group_is_ended_from_its_pane(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("g", "j", "x")
        await driven.until(lambda: "Group batch-8" in driven.text)
        await driven.press("enter")
        await planned(driven)
        count = driven.text.split("Type ")[1].split(" ")[0]
        assert "⏎ End the group" in driven.text
        await driven.write(count)
        await driven.press("enter")
        await driven.until(lambda: "Group batch-8: ended as completed" in driven.told)
        assert driven.console.log_of_actions.actions[-1].like.commands == (
            "nexus groups end --yes --status completed batch-8",
        )
    group = await full_world.service.get_group("batch-8")
    assert (group.status, group.live) == ("ended", 0)


async def test_all_of_a_group_are_extended_from_its_pane(full_world: World) -> None:
    line = Watched(full_world)
    async with driving(line, full_world.clock) as driven:
        await driven.press("g", "j", "e", "enter")
        await planned(driven)
        await driven.press("enter")
        await driven.until(lambda: "Extended by 10m" in driven.told)
    assert line.requests[0].q == "group:batch-8"


async def test_what_is_waited_for_is_approved_without_knowing_its_name(world: World) -> None:
    async def asks(run: Any) -> dict[str, Any]:
        return {"said": await run.wait_for("approval-7")}

    world.app.register(asks, name="asks")
    started = await world.service.execute("asks", background=True)
    while (await world.service.get_session(started.session_id)).status is not Status.SUSPENDED:
        await asyncio.sleep(0.01)
    async with driving(world, world.clock) as driven:
        await driven.press("a")
        await driven.until(lambda: "Its run waits for 'approval-7'" in driven.text)
        assert "true" in driven.text
        await driven.press("enter")
        await driven.until(lambda: "Signal approval-7 left" in driven.told)
    events = await world.service.list_events(started.session_id, newest=True)
    assert any(event.type == "session.signalled" and event.data["name"] == "approval-7" for event in events.items)


async def test_nothing_is_approved_where_nothing_waits(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("j", "a")
        await driven.until(lambda: "no run waits for a signal" in driven.told)
        assert driven.on_main


async def test_many_are_patched_by_a_patch_that_is_typed(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("space", "j", "space", "m")
        await driven.write("[1]")
        await driven.press("enter")
        assert "A merge patch is a JSON object" in driven.text
        await driven.press("ctrl+a", "ctrl+k")
        await driven.write('{"limit":5}')
        await driven.press("enter")
        await planned(driven)
        await driven.press("enter")
        await driven.until(lambda: "State patched: 2 sessions" in driven.told)
    assert (await full_world.service.get_session("session-123")).state["limit"] == 5
    assert (await full_world.service.get_session("session-123-ocr")).state["limit"] == 5


async def test_marks_outlive_another_filter(full_world: World) -> None:
    async with driving(full_world, full_world.clock) as driven:
        await driven.press("space", "slash")
        await driven.write("status:failed")
        await driven.press("enter")
        await driven.until(lambda: driven.table.total == 2)
        assert driven.table.marks == {"session-123"}
        assert "1 marked" in driven.text


async def test_over_a_server_it_is_planned_done_and_taken_back_as_on_a_store(tmp_path: Path) -> None:
    (tmp_path / "nexus_app.py").write_text("from nexus import AsyncNexus\napp = AsyncNexus()\n", encoding="utf-8")
    store = f"sqlite:///{tmp_path / 'sessions.sqlite3'}"
    async with AsyncNexus(store=store) as app:
        service = app.service(app.local_caller("api"))
        for number in range(12):
            await service.create_session(session_id=f"s-{number:02}")
        with serving(store, tmp_path) as url:
            async with driving(Target(server=url, origin="--server"), StandingClock(time.time())) as driven:
                await driven.press("asterisk", "x", "enter")
                await planned(driven)
                await service.patch_session("s-05", {"meanwhile": True})
                await driven.write("12")
                await driven.press("enter")
                await driven.until(lambda: "it has changed: version 2, not 1" in driven.text)
                await driven.press("escape", "u", "ctrl+z")
                await planned(driven)
                assert "11 of 11 sessions" in driven.text
                await driven.press("enter")
                await driven.until(lambda: "Undone: 11 sessions" in driven.told)
        found = await service.list_sessions("status:active")
        assert found.total == 12
